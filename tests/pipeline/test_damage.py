"""What is broken, absent or hostile is said and left out, or refused by name; the rest is right."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import pytest

from .conftest import Told, chunks, command, manifest, render, shown_files
from .numbered import (
    SIDE,
    Seen,
    levels,
    mars_name,
    read_film,
    spelt,
    write_clip,
    write_jpeg,
    write_png,
)
from .oracle import Seer

Simple = Callable[..., Path]
COUNT, RATE = 24, 6
BAD = 7


def film(out: Path) -> list[Seen]:
    """What the film shows, frame by frame; it runs at twice the camera's rate."""
    return [seen for (seen,) in read_film(out / "film.mp4")[0]]


def without(*bad: int, step: int = 0, count: int = COUNT) -> list[Seen]:
    """What a film of `count` frames shows where some are left out, by the oracle.

    Times are rounded to `step` parts of a second, where one is given.
    """
    there = [k for k in range(count) if k not in bad]
    times = [Fraction(k, RATE) for k in there]
    if step:
        times = [Fraction(round(t * step), step) for t in times]
    seer = Seer(times, Fraction(1, RATE))
    seen = [seer.shows(Fraction(tick, 2 * RATE)) for tick in range(2 * count)]
    return [None if k is None else (1, there[k]) for k in seen]


def said_left_out(made: Told, name: str) -> None:
    """The release is finished, its exit code says that something is wrong, and what it is."""
    assert made.code == 3, made.said
    assert name in made.said
    assert any(name in f["where"] for f in made.data["findings"])


def truncated(path: Path) -> None:
    """Cut off the last third."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def flipped(path: Path) -> None:
    """Turn a bit in the middle of the coded pixels; in a JPEG, which has no checksum, a few."""
    data = bytearray(path.read_bytes())
    middle = len(data) * 2 // 3
    for place in range(middle, middle + (1 if path.suffix == ".png" else 24)):
        data[place] ^= 0x10
    path.write_bytes(bytes(data))


def emptied(path: Path) -> None:
    """Leave no byte."""
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    """As many zeros as there were bytes: a download that was never written."""
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("harm", [truncated, flipped, emptied, zeroed])
@pytest.mark.parametrize("write", [write_png, write_jpeg], ids=["png", "jpeg"])
def test_a_broken_frame_is_left_out(
    simple: Simple,
    tmp_path: Path,
    harm: Callable[[Path], None],
    write: Callable[[Path, int, int], Path],
) -> None:
    """It is named, exit code 3; its neighbours stand for it, and every other frame is right."""
    suffix = ".png" if write is write_png else ".jpg"
    name = f"f_{BAD:05d}{suffix}"
    times = {"index": f"f_{{index}}{suffix}", "rate": RATE, "start": "T+0s"}
    config = simple(camera={"times": times})
    if write is write_jpeg:
        for k in range(COUNT):
            (tmp_path / "cam" / f"f_{k:05d}.png").unlink()
            write(tmp_path / "cam" / f"f_{k:05d}.jpg", 1, k)
    harm(tmp_path / "cam" / name)
    made = render(config, tmp_path / "out")
    said_left_out(made, name)
    assert film(tmp_path / "out") == without(BAD)
    assert all(name not in (f or "") for f in shown_files(tmp_path / "out", "film", "cam"))
    assert any(name in f["where"] for f in manifest(tmp_path / "out")["findings"])
    # Mended, only what showed it or its neighbours is made again.
    write(tmp_path / "cam" / name, 1, BAD)
    again = render(config, tmp_path / "out")
    assert again.code == 0, again.said
    assert film(tmp_path / "out") == without()
    assert again.data["chunks_made"] <= 1


def test_many_broken_frames_are_left_out_together(simple: Simple, tmp_path: Path) -> None:
    """However many are broken, in whatever chunks, the film ends right, and says each."""
    config = simple()
    bad = (0, 5, 6, 13, 22, 23)
    for k in bad:
        truncated(tmp_path / "cam" / f"f_{k:05d}.png")
    made = render(config, tmp_path / "out", workers=2)
    assert made.code == 3
    assert film(tmp_path / "out") == without(*bad)
    assert len({f["where"] for f in made.data["findings"] if f["code"] == "damaged"}) == len(bad)
    assert len(made.data["left_out"]) == len(bad)


def test_a_broken_frame_of_a_clip_is_left_out(simple: Simple, tmp_path: Path) -> None:
    """A clip whose packets are spoilt shows the frames that decode, by their own number."""
    write_clip(tmp_path / "clip.mp4", 1, [Fraction(k, RATE) for k in range(COUNT)])
    config = simple(camera={"files": "clip.mp4", "times": None}, sync={"start": {"cam": "0s"}})
    data = bytearray((tmp_path / "clip.mp4").read_bytes())
    begin = data.index(b"mdat") + 4
    middle = begin + (data.index(b"moov") - begin if data.index(b"moov") > begin else 2000) * 2 // 3
    data[middle : middle + 60] = bytes(60)
    (tmp_path / "clip.mp4").write_bytes(bytes(data))
    made = render(config, tmp_path / "out")
    assert made.code == 3, made.said
    assert made.data["left_out"]
    gone = {index for _, _, index in made.data["left_out"]}
    for tick, seen in enumerate(film(tmp_path / "out")):
        if seen is not None:
            assert seen[1] not in gone
            assert abs(seen[1] * 2 - tick) <= 1 or any(abs(g * 2 - tick) <= 2 for g in gone)


def test_a_broken_still_takes_the_nearest_whole_frame(simple: Simple, tmp_path: Path) -> None:
    """A still of a moment whose frame is broken shows the next best, exit code 3."""
    config = simple(outputs={"look": {"still": "cam", "at": f"start + {BAD / RATE}s"}})
    truncated(tmp_path / "cam" / f"f_{BAD:05d}.png")
    made = render(config, tmp_path / "out")
    said_left_out(made, f"f_{BAD:05d}.png")
    records = manifest(tmp_path / "out")["outputs"]["look"]["records"]
    assert records[0]["show"]["cam"][1] is not None
    named = simple(outputs={"look": {"still": "cam", "frame": f"f_{BAD:05d}.png"}})
    truncated(tmp_path / "cam" / f"f_{BAD:05d}.png")
    refused = render(named, tmp_path / "out2")
    assert refused.code in (1, 2)
    assert f"f_{BAD:05d}.png" in str(refused.data["error"])
    assert not (tmp_path / "out2" / "SHA256SUMS").exists()


def test_a_missing_number_is_a_gap_and_is_said(simple: Simple, tmp_path: Path) -> None:
    """The hole is named; no frame behind it moves up: a policy covers it, so exit code 0."""
    config = simple()
    (tmp_path / "cam" / f"f_{BAD:05d}.png").unlink()
    made = render(config, tmp_path / "out")
    assert made.code == 0
    gap = next(f for f in made.data["findings"] if f["code"] == "gap")
    assert str(BAD) in gap["what"]
    assert film(tmp_path / "out") == without(BAD)


def png(side: int, kind: int, body: bytes) -> bytes:
    """A PNG of `side` px squared that says so, whatever its packed `body` unpacks to."""
    head = struct.pack(">IIBBBBB", side, side, 8, kind, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in parts
    )


def bomb(path: Path) -> None:
    """Write a PNG of some 50 kB that unpacks to 1.2 GB."""
    packer = zlib.compressobj(9)
    rows = (packer.compress(bytes(1 + 20_000 * 3)) for _ in range(800))
    path.write_bytes(png(20_000, 2, b"".join(rows) + packer.flush()))


SVG = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
HOSTILE = {
    "svg.png": lambda p: p.write_text(SVG),
    "script.mp4": lambda p: p.write_text("ffconcat version 1.0\nfile /etc/passwd\n"),
    "playlist.mp4": lambda p: p.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"),
    "bomb.png": bomb,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_by_name(simple: Simple, tmp_path: Path, name: str) -> None:
    """A file that is no picture but a script, or unpacks to gigabytes, stops the release."""
    config = simple(camera={"files": ["cam/", f"odd/{name}"]})
    (tmp_path / "odd").mkdir()
    HOSTILE[name](tmp_path / "odd" / name)
    made = render(config, tmp_path / "out")
    assert made.code in (1, 2), made.said
    assert name in str(made.data["error"])
    assert made.data["error"]["do"]
    assert not (tmp_path / "out").exists()


def test_a_frame_that_unpacks_for_ever_is_left_out(simple: Simple, tmp_path: Path) -> None:
    """More pixels than the header tells are not unpacked: the frame is broken."""
    config = simple()
    packed = zlib.compress(bytes(50_000_000), 9)
    (tmp_path / "cam" / f"f_{BAD:05d}.png").write_bytes(png(SIDE, 0, packed))
    said_left_out(render(config, tmp_path / "out"), f"f_{BAD:05d}.png")
    assert film(tmp_path / "out") == without(BAD)


def test_a_frame_of_another_size_is_refused(simple: Simple, tmp_path: Path) -> None:
    """Nothing is resized in silence."""
    config = simple()
    write_png(tmp_path / "cam" / f"f_{BAD:05d}.png", 1, BAD, side=SIDE + 2)
    made = render(config, tmp_path / "out")
    assert made.code in (1, 2)
    assert f"f_{BAD:05d}.png" in str(made.data["error"])


def test_a_hostile_title_is_only_words(simple: Simple, tmp_path: Path) -> None:
    """What a filtergraph would run is drawn, written to the files, and nothing else."""
    title = "%{pts}:textfile=/etc/passwd,'[in]drawtext=x"
    words: dict[str, Any] = {"clock": "t"}
    config = simple(
        title=title,
        camera={"title": title, "credit": title},
        outputs={"film": {"cut": "main", "size": "320x180", "rate": 12, "text": words}},
    )
    made = render(config, tmp_path / "out")
    assert made.code == 0, made.said
    text = (tmp_path / "out" / "manifest.json").read_text("utf-8")
    assert json.loads(text)["title"] == title
    for path in (tmp_path / "out").iterdir():
        assert b"root:" not in path.read_bytes()
    assert command("verify", tmp_path / "out", "--full").code == 0


TRAPS = {
    "title: Numbered": "title: NO",
    "rate: 12": "rate: 29.97",
    "size: 64x64": "size: 65x65",
    "text: none": "text: none\n    text: all",
    "zero: start": "zero: 12:30:45:10",
    "files: cam/": "files: !!python/object/apply:os.system ['true']",
    "full: cam": "full: cma",
    "schema: 1": "schema: 1\nbase: &a [*a]",
}


@pytest.mark.parametrize("place", TRAPS)
def test_yaml_traps_are_answered_at_their_place(simple: Simple, tmp_path: Path, place: str) -> None:
    """What YAML would twist is refused with file, line and column, before anything is read."""
    config = simple()
    text = config.read_text("utf-8")
    assert place in text
    config.write_text(text.replace(place, TRAPS[place], 1), encoding="utf-8")
    made = render(config, tmp_path / "out")
    if place == "title: Numbered":  # YAML 1.2: a word like others
        assert made.code == 0, made.said
        assert manifest(tmp_path / "out")["title"] == "NO"
        return
    assert made.code == 2, made.said
    line = next(n for n, row in enumerate(text.splitlines(), 1) if place in row)
    lines = {int(p["where"].split(":")[-2]) for p in made.data["error"]["problems"]}
    assert lines & {line, line + 1}
    assert not (tmp_path / "out").exists()


def test_better_data_dirties_only_what_it_touches(simple: Simple, tmp_path: Path) -> None:
    """One frame in a new version: only the chunks that show it are made anew."""
    zero, count = Fraction(666952937), 36  # 6 s: two chunks
    folder = tmp_path / "cam2"
    for k in range(count):
        write_png(folder / mars_name("ES", zero + Fraction(k, RATE), k), 1, k)
    config = simple(
        count,
        clock="mars2020",
        events={"start": "sclk:666952937"},
        camera={"files": "cam2/", "names": "mars2020", "instruments": ["ES"],
                "clock_name": "sclk", "times": None, "rate": RATE},
    )  # fmt: skip
    assert render(config, tmp_path / "out").code == 0
    before = chunks(tmp_path / ".descent")
    better = folder / mars_name("ES", zero + Fraction(BAD, RATE), BAD, version=2)
    write_png(better, 1, BAD + 1000)
    made = render(config, tmp_path / "out")
    assert made.code == 0, made.said
    assert (made.data["chunks_made"], made.data["chunks_kept"]) == (1, 1)
    assert before.items() <= chunks(tmp_path / ".descent").items()
    want = [(1, BAD + 1000) if s == (1, BAD) else s for s in without(step=1000, count=count)]
    assert film(tmp_path / "out") == want
    assert any(f["code"] in {"duplicate", "version", "better"} for f in made.data["findings"]), (
        made.said
    )


def test_the_numbers_can_be_misread() -> None:
    """The code that these tests read is no code where it is spoilt: they cannot pass by chance."""
    picture = levels(1, BAD)
    assert spelt(picture, 255) == (1, BAD)
    assert spelt(cv2.bitwise_not(picture), 255) is None
    assert spelt(picture * 0, 255) is None
    assert spelt(cv2.flip(picture, 1), 255) is None
