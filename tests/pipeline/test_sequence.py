"""Numbered pictures for compositing: every camera at every tick of a cut, and their table."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from .conftest import Told, command, contents, manifest, render, write_config
from .numbered import SIDE, Seen, spelt, write_clip, write_folder

CUT = [
    {"from": "start", "to": "start + 1s", "show": {"full": "one"}},
    {"replay": ["start + 0.25s", "start + 0.5s"], "speed": "1/2", "show": {"full": "two"}},
    {"freeze": "start + 0.5s", "for": "0.25s", "show": {"full": "one"}},
]
ONE = [0, 1, 2, *range(7, 13)]  # 3 to 6 are missing
TICKS = 8 + 4 + 2


def config(folder: Path, **outputs: dict[str, Any]) -> Path:
    """A release of a folder with a hole and a clip, at 8 frames a second."""
    write_folder(folder / "one", 1, ONE)
    write_clip(folder / "two.mp4", 2, [Fraction(k, 24) for k in range(30)])
    missing = {"hold": "0s", "then": "black"}
    times = {"index": "f_{index}.png", "rate": 12, "start": "start"}
    return write_config(
        folder / "release.yaml",
        {
            "zero": "start",
            "cameras": {
                "one": {"files": "one/", "rate": 12, "times": times, "missing": missing},
                "two": {"files": "two.mp4", "rate": 24},
            },
            "sync": {"start": {"two": "0s"}},
            "cuts": {"main": CUT},
            "outputs": outputs,
        },
    )


def picture(path: Path) -> NDArray[np.uint16]:
    """A numbered picture as another program reads it, RGB."""
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert read is not None
    assert read.dtype == np.uint16
    return np.asarray(read[..., ::-1], np.uint16)


def shown(folder: Path, camera: str, suffix: str) -> list[Seen]:
    """What each numbered picture of a camera shows."""
    paths = sorted((folder / camera).iterdir())
    assert [p.name for p in paths] == [f"{k:06d}.{suffix}" for k in range(len(paths))]
    return [spelt(picture(p).mean(axis=2), 65535) for p in paths]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A release of PNG and TIFF sequences."""
    base = tmp_path_factory.mktemp("sequence")
    words = {"cut": "main", "for": "frames", "rate": 8}
    path = config(base, png=words, tiff=words | {"profile": "frames_tiff"})
    return base / "out", render(path, base / "out")


@pytest.mark.parametrize(("output", "suffix"), [("png", "png"), ("tiff", "tif")])
def test_every_tick_has_a_picture_of_every_camera(
    made: tuple[Path, Told], output: str, suffix: str
) -> None:
    """Numbers run without a hole; each is the nearest frame, black where there is none."""
    folder, told = made
    assert told.code == 0, told.said
    times = [Fraction(k, 8) for k in range(8)]
    times += [Fraction(1, 4) + Fraction(k, 16) for k in range(4)] + [Fraction(1, 2)] * 2
    one: list[Seen] = []
    for t in times:
        near = min(ONE, key=lambda n: (abs(Fraction(n, 12) - t), n))
        one.append((1, near) if abs(Fraction(near, 12) - t) <= Fraction(1, 24) else None)
    assert None in one
    assert shown(folder / output, "one", suffix) == one
    two = [(2, min(range(30), key=lambda n: (abs(Fraction(n, 24) - t), n))) for t in times]
    assert shown(folder / output, "two", suffix) == two


def test_the_table_says_times_and_states(made: tuple[Path, Told]) -> None:
    """A row a picture: its number, film and mission time, state, and the frame it is."""
    folder, _ = made
    with (folder / "png" / "one.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == TICKS
    assert [row["file"] for row in rows] == [f"one/{k:06d}.png" for k in range(TICKS)]
    assert rows[1]["film_s"] == rows[1]["mission_s"] == "0.125000"
    assert rows[8]["mission_s"] == "0.250000"
    assert [row["span"] for row in rows] == ["1"] * 8 + ["2"] * 4 + ["3"] * 2
    records = manifest(folder)["outputs"]["png"]["records"]
    assert [row["state"] for row in rows] == [r["show"]["one"][0] for r in records]
    assert rows[1]["source"] == "f_00001.png"
    assert {row["source"] for row in rows if row["state"] == "missing"} == {""}
    assert float(rows[1]["exposed_s"]) - float(rows[1]["mission_s"]) == pytest.approx(
        float(rows[1]["off_s"]), abs=2e-6
    )


def test_verify_knows_every_picture(made: tuple[Path, Told]) -> None:
    """SHA256SUMS covers each file; a changed, a lost and a strange one are each found."""
    folder, _ = made
    good = command("verify", folder, "--full")
    assert good.code == 0, good.data
    lost, changed = folder / "png" / "one" / "000003.png", folder / "tiff" / "two.csv"
    before = lost.read_bytes(), changed.read_bytes()
    lost.unlink()
    changed.write_bytes(before[1] + b"x")
    (folder / "png" / "one" / "extra.png").write_bytes(b"x")
    bad = {f["file"] for f in command("verify", folder).data["files"] if f["problems"]}
    assert {"png/one/000003.png", "tiff/two.csv", "png/one/extra.png"} <= bad
    (folder / "png" / "one" / "extra.png").unlink()
    lost.write_bytes(before[0])
    changed.write_bytes(before[1])


def test_what_is_there_is_kept_and_what_is_not_made_again(tmp_path: Path) -> None:
    """Pictures that still hold are left alone; changed, cut and surplus ones are put right."""
    words = {"cut": "main", "for": "frames", "rate": 8}
    path = config(tmp_path, seq=words)
    out = tmp_path / "out"
    assert render(path, out).code == 0
    first = contents(out)
    stamps = {p: p.stat().st_mtime_ns for p in (out / "seq").rglob("*.png")}
    broken = out / "seq" / "one" / "000001.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-8] + bytes(8))  # of the same size
    (out / "seq" / "two" / f"{TICKS:06d}.png").write_bytes(whole)
    again = render(path, out, workers=2)
    assert again.code == 0, again.said
    assert contents(out) == first
    remade = {p.name for p, stamp in stamps.items() if p.stat().st_mtime_ns != stamp}
    assert remade == {f"{k:06d}.png" for k in range(8)}  # the chunk of the broken one
    assert all(p.stat().st_mtime_ns == stamps[p] for p in stamps if p.parent.name == "two")


def test_full_scale_is_kept(tmp_path: Path) -> None:
    """Eight bits become sixteen so that black stays black and white white, with no level lost."""
    path = config(tmp_path, seq={"cut": "main", "for": "frames", "rate": 8})
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None], SIDE, axis=0)
    for k in ONE:
        cv2.imwrite(str(tmp_path / "one" / f"f_{k:05d}.png"), ramp)
    assert render(path, tmp_path / "out", "--range", "start..start + 0.2s").code == 0
    made = picture(tmp_path / "out" / "seq" / "one" / "000000.png")
    assert np.array_equal(made[0, :, 1], np.arange(256) * 257)


def test_words_that_contradict_numbered_pictures_are_refused(tmp_path: Path) -> None:
    """A size, or a video profile, does not go with `for: frames`; the output is named."""
    words = {"cut": "main", "for": "frames"}
    sized = command("plan", config(tmp_path / "a", seq=words | {"size": "64x64"}))
    assert (sized.code, sized.data["error"]["where"]) == (2, "outputs.seq")
    video = command("plan", config(tmp_path / "b", seq=words | {"profile": "h264"}))
    assert video.code == 2
    assert "leave it out" in video.data["error"]["do"]
