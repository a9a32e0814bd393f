"""Which frames exist: order, stamps, the best of each instant, and everything odd said."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.model import Finding
from descent.sources.gather import natural
from descent.sources.listing import Listing, list_camera
from descent.sources.series import chapter_of, holes, spell

WritePng = Callable[..., Path]


def name(clock: str, number: int = 1, tail: str = "LUJ01", **parts: str) -> str:
    """A landing product's name with this clock (s_ms) and frame number."""
    text = {"instrument": "ED", "product": "FDR", "sample": "N", "sol": "0000", **parts}
    return (
        f"{text['instrument']}F_{text['sol']}_{clock}{text['product']}_{text['sample']}"
        f"{number:07}EDLC00000_0000{tail}"
    )


def codes(listing: Listing) -> dict[str, Finding]:
    """The last finding of each code."""
    return {finding.code: finding for finding in listing.findings}


def names(listing: Listing) -> list[str]:
    """The file names of the shots, in order."""
    return [shot.path.name for shot in listing.shots]


def test_folders_files_and_patterns_together(tmp_path: Path, write_png: WritePng) -> None:
    """Entries keep their order, each file comes once, and numbers sort as people count."""
    for each in ("b/frame_10.png", "b/frame_9.png", "b/deep/frame_1.png", "a/x1.png", "one.png"):
        write_png(each)
    listing = list_camera("pad", ["one.png", "b/", "a/*.png", "b/frame_9.png"], tmp_path)
    assert names(listing) == ["one.png", "frame_9.png", "frame_10.png", "frame_1.png", "x1.png"]
    assert all(shot.stamp is None and shot.size > 0 for shot in listing.shots)
    assert listing.size == (6, 8)


@settings(max_examples=100)
@given(st.lists(st.text("ab019_", max_size=8), max_size=12))
def test_natural_order_is_total_and_counts(words: list[str]) -> None:
    """Sorting does not depend on what came first, and frame_9 comes before frame_10."""
    assert sorted(words, key=natural) == sorted(sorted(words), key=natural)
    assert natural("frame_9.png") < natural("frame_10.png") < natural("frame_010a.png")


def test_spacecraft_clocks_are_read_and_sort(tmp_path: Path, write_png: WritePng) -> None:
    """Mars 2020 names give exact stamps with half a millisecond, whatever the name order."""
    write_png(name("0666952780_500", 2, instrument="EA") + ".png")
    write_png(name("0666952780_467", 1, instrument="EB") + ".png")
    listing = list_camera("up", ["."], tmp_path, names="mars2020")
    stamps = [shot.stamp for shot in listing.shots]
    assert [s.value for s in stamps if s] == [Fraction("666952780.467"), Fraction("666952780.5")]
    assert stamps[0] is not None
    assert (stamps[0].clock, stamps[0].resolution_s) == ("sclk", Fraction(1, 2000))
    assert [r.frame_number for r in listing.records if r] == [1, 2]


def test_the_best_version_of_an_instant_wins_and_the_rest_is_said(
    tmp_path: Path, write_png: WritePng
) -> None:
    """Full before thumbnail, lossless before lossy, newer before older; losers are named."""
    best = name("0666952780_000", tail="LUJ01")
    for other in (
        name("0666952780_000", tail="90J03"),
        name("0666952780_000", sample="T", tail="LUJ04"),
        name("0666952780_000", tail="LUJ01") + "_1200",
    ):
        write_png(other + ".png")
    write_png(best + ".png")
    write_png(name("0666952781_000", 2, tail="LUJ01") + ".png")
    newer = write_png(name("0666952781_000", 2, tail="LUJ02") + ".png")
    listing = list_camera("ground", ["."], tmp_path, names="mars2020")
    assert names(listing) == [best + ".png", newer.name]
    assert [shot.version for shot in listing.shots] == [1, 2]
    assert "4 files of instants" in codes(listing)["duplicate"].what
    assert len(listing.unused) == 4


def test_one_frame_saved_twice_counts_once(tmp_path: Path, write_png: WritePng) -> None:
    """frame_1.png and frame_1.jpg are one frame, and the lossless one is used."""
    import cv2

    for number in (1, 2):
        write_png(f"frame_{number}.png")
    ok, data = cv2.imencode(".jpg", np.full((6, 8), 90, np.uint8))
    assert ok
    (tmp_path / "frame_1.jpg").write_bytes(data.tobytes())
    listing = list_camera("pad", ["."], tmp_path)
    assert names(listing) == ["frame_1.png", "frame_2.png"]
    assert "frame_1.jpg" in codes(listing)["duplicate"].what


def test_thumbnails_without_a_full_frame_are_left_out(tmp_path: Path, write_png: WritePng) -> None:
    """An instant that exists as a thumbnail only is said, not enlarged."""
    write_png(name("0666952780_000", 1) + ".png")
    small = write_png(name("0666952781_000", 2, sample="T") + ".png", np.zeros((2, 2), np.uint8))
    listing = list_camera("ground", ["."], tmp_path, names="mars2020")
    assert len(listing.shots) == 1
    assert listing.unused == (small,)
    assert "thumbnail" in codes(listing)


def test_other_instruments_are_left_out_and_said(tmp_path: Path, write_png: WritePng) -> None:
    """Frames of another camera in the same folder do not slip in."""
    write_png(name("0666952780_000", 1) + ".png")
    write_png(name("0666952780_100", 1, instrument="ES") + ".png")
    listing = list_camera("ground", ["."], tmp_path, names="mars2020", instruments=["ED"])
    assert len(listing.shots) == 1
    assert "1 frame of ES, not of ED" in codes(listing)["other_instrument"].what


def test_names_that_do_not_parse_are_said_and_kept(tmp_path: Path, write_png: WritePng) -> None:
    """A frame whose name tells no clock stays, behind those that have one, without a stamp."""
    write_png("a_stray.png")
    write_png(name("0666952780_000", 1) + ".png")
    listing = list_camera("ground", ["."], tmp_path, names="mars2020")
    assert [shot.stamp is None for shot in listing.shots] == [False, True]
    assert "a_stray.png" in codes(listing)["name"].what


def test_an_index_in_the_name_is_the_stamp(tmp_path: Path, write_png: WritePng) -> None:
    """`frame_{index}.png` gives frame numbers; two files of one number are said."""
    for each in ("a/frame_0003.png", "a/frame_0004.png", "b/frame_4.png", "a/note_1.png"):
        write_png(each)
    listing = list_camera("pad", ["a", "b"], tmp_path, index="frame_{index}.png")
    assert [s.stamp.value if s.stamp else None for s in listing.shots] == [3, 4, None]
    assert {"duplicate", "name"} <= set(codes(listing))


def test_one_number_missing_is_a_gap(tmp_path: Path, write_png: WritePng) -> None:
    """A hole in a numbered sequence is named: sequence readers would stop there."""
    for number in (*range(8), *range(9, 20), 23, 24):
        write_png(f"frame_{number:04}.png")
    listing = list_camera("pad", ["."], tmp_path)
    assert len(listing.shots) == 21
    assert codes(listing)["gap"].what == "4 numbers missing from frame_#: 8, 20-22"


@settings(max_examples=100)
@given(
    step=st.integers(1, 5), count=st.integers(6, 60), lost=st.sets(st.integers(1, 58), max_size=2)
)
def test_holes_are_exactly_what_was_taken_out(step: int, count: int, lost: set[int]) -> None:
    """Numbers with a constant step miss just those that are not there."""
    kept = [n * step for n in range(count) if n not in lost]
    if len(kept) < 8:
        return
    missing, found = holes(kept)
    inside = {n * step for n in lost if kept[0] < n * step < kept[-1]}
    assert found == step
    assert {n for a, b in missing for n in range(a, b + 1, step)} == inside


def test_clock_times_in_names_are_no_sequence(tmp_path: Path, write_png: WritePng) -> None:
    """LVS_15_50_40 counts seconds: its jumps are cadence, not gaps."""
    for second in (40, 41, 42, 43, 47, 48):
        write_png(f"LVS_15_50_{second}.png")
    assert "gap" not in codes(list_camera("lander", ["."], tmp_path))
    assert spell([(1, 1), (3, 5)]) == "1, 3-5"


def test_skipped_frames_carry_their_reason(tmp_path: Path, write_png: WritePng) -> None:
    """Numbers, ranges, names and patterns are left out with the reason; a miss is said."""
    for number in range(10):
        write_png(f"frame_{number}.png")
    skip = [(("2-4", "frame_7.png"), "a lens cap"), (("40", "*_9*"), "left out by hand")]
    listing = list_camera("pad", ["."], tmp_path, skip=skip)
    assert [int(n[6]) for n in names(listing)] == [0, 1, 5, 6, 8]
    said = [f.what for f in listing.findings if f.code == "skipped"]
    assert said[0] == "3 frames (2-4) left out: a lens cap"
    assert codes(listing)["skip_unmatched"].what == "skip: 40 fits none of its frames"


def test_a_size_that_changes_midway_is_refused(tmp_path: Path, write_png: WritePng) -> None:
    """Sizes are compared from headers, and the odd ones are named."""
    for number in range(3):
        write_png(f"frame_{number}.png")
    write_png("frame_3.png", np.zeros((4, 4), np.uint8))
    found = codes(list_camera("pad", ["."], tmp_path))["size_change"]
    assert found.level == "refused"
    assert "1 file of 4 x 4 px among others of 8 x 6 (frame_3.png)" in found.what


def test_an_empty_camera_is_refused(tmp_path: Path) -> None:
    """A camera without frames says which entry found nothing."""
    (tmp_path / "empty").mkdir()
    found = codes(list_camera("pad", ["empty", "no/*.png", "gone.mp4"], tmp_path))
    assert found["empty_camera"].level == "refused"
    assert found["no_match"].what == "gone.mp4 does not exist"


@pytest.mark.parametrize(
    ("file", "body"),
    [
        ("a.png", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("a.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("a.jpg", b"#!/bin/sh\necho\n"),
        ("a.mov", b"#EXTM3U\n#EXTINF:1,\nhttp://example.org/x.ts\n"),
        ("a.png", b"push graphic-context\nviewbox 0 0 1 1\n"),
    ],
)
def test_scripts_and_markup_in_disguise_are_refused(
    tmp_path: Path, write_png: WritePng, file: str, body: bytes
) -> None:
    """What a file is, its bytes say: nothing that could name another file is opened."""
    write_png("good.png")
    (tmp_path / file).write_bytes(body)
    listing = list_camera("pad", ["."], tmp_path)
    assert names(listing) == ["good.png"]
    assert codes(listing)["hostile"].level == "refused"
    assert codes(listing)["hostile"].where.endswith(file)


def test_empty_and_broken_files_are_named(tmp_path: Path, write_png: WritePng) -> None:
    """Zero-byte files, cut headers and unknown bytes are left out, each by name."""
    write_png("good.png")
    (tmp_path / "zero.png").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    (tmp_path / "noise.tif").write_bytes(bytes(range(128, 256)))
    (tmp_path / "notes.bak").write_text("x")
    listing = list_camera("pad", ["."], tmp_path)
    assert names(listing) == ["good.png"]
    where = {Path(f.where).name: f.code for f in listing.findings}
    assert where["zero.png"] == "empty_file"
    assert where["cut.jpg"] == where["noise.tif"] == "unreadable"
    assert "notes.bak" in codes(listing)["ignored"].what


def test_contents_count_not_suffixes(tmp_path: Path, write_png: WritePng) -> None:
    """A PNG called .jpg is listed as what it is, with its size."""
    write_png("x.png").rename(tmp_path / "x.jpg")
    assert list_camera("pad", ["x.jpg"], tmp_path).size == (6, 8)


def test_order_by_time_follows_the_files_own_times(tmp_path: Path, write_png: WritePng) -> None:
    """With order: time, frames follow their modification times."""
    for place, each in enumerate(("c.png", "a.png", "b.png")):
        path = write_png(each)
        os.utime(path, ns=(10**18 + place, 10**18 + place))
    assert names(list_camera("pad", ["."], tmp_path, order="time")) == ["c.png", "a.png", "b.png"]


def test_a_clip_gives_a_shot_a_frame_with_its_own_time(tmp_path: Path, make_clip: Any) -> None:
    """Uneven frames keep their uneven times; the nominal rate says nothing."""
    make_clip(ticks=[0, 100, 250, 260, 700, 1400])
    listing = list_camera("pad", ["clip.mp4"], tmp_path)
    times = [shot.stamp.value for shot in listing.shots if shot.stamp]
    assert times == [Fraction(t, 3000) for t in (0, 100, 250, 260, 700, 1400)]
    assert [shot.index for shot in listing.shots] == [0, 1, 2, 3, 4, 5]
    assert {shot.stamp.clock for shot in listing.shots if shot.stamp} == {"media"}


def test_chapters_are_one_recording(tmp_path: Path, make_clip: Any) -> None:
    """GoPro chapters join in order, with media time running on and nothing said."""
    for chapter in (10, 2, 1):
        make_clip(f"GX{chapter:02}0119.MP4", range(0, 1000, 100))
    listing = list_camera("pad", ["GX*0119.MP4"], tmp_path)
    times = [shot.stamp.value for shot in listing.shots if shot.stamp]
    assert times == [Fraction(n, 30) for n in range(30)]
    assert [p.name[2:4] for p in dict.fromkeys(s.path for s in listing.shots)] == ["01", "02", "10"]
    assert [f.code for f in listing.findings] == ["gap"]  # chapters 3 to 9


@pytest.mark.parametrize(
    ("stem", "recording", "chapter"),
    [
        ("GX010119", "0119", 1),
        ("GH120004", "0004", 12),
        ("GOPR0119", "0119", 0),
        ("GP010119", "0119", 1),
    ],
)
def test_chapters_read_from_names(stem: str, recording: str, chapter: int) -> None:
    """The names of old and new cameras tell recording and chapter."""
    found = chapter_of(stem)
    assert found == (recording, chapter)
    assert chapter_of("DJI_0042") is None


def test_clips_that_may_not_belong_together_are_said(tmp_path: Path, make_clip: Any) -> None:
    """Two recordings joined without evidence are joined, and said."""
    make_clip("DJI_0042.MP4", range(0, 500, 100))
    make_clip("DJI_0043.MP4", range(0, 500, 100))
    listing = list_camera("drone", ["DJI_*.MP4"], tmp_path)
    assert "nothing shows how much time lies between" in codes(listing)["joined"].what


def test_clips_named_by_their_first_frame_leave_their_gap(tmp_path: Path, make_clip: Any) -> None:
    """rdc_..._000789.mp4 counts frames: a missing clip is a gap of its true length."""
    for first in (789, 799, 819):
        make_clip(f"rdc_00000005_023_{first:06}.mp4", range(0, 1000, 100))
    listing = list_camera("ground", ["."], tmp_path)
    times = [shot.stamp.value for shot in listing.shots if shot.stamp]
    assert times == [Fraction(n, 30) for n in (*range(20), *range(30, 40))]
    assert codes(listing)["gap"].what.startswith("10 frames are missing between")


def test_a_still_beats_the_frame_of_a_clip_of_its_instant(
    tmp_path: Path, write_png: WritePng, make_clip: Any
) -> None:
    """On one spacecraft clock, a lossless frame stands for the clip's frame of its instant."""
    make_clip(name("0666952780_000", product="ECV", tail="I1J01") + ".mp4", range(0, 500, 100))
    write_png(name("0666952780_067", 3) + ".png", np.zeros((96, 128), np.uint8))
    listing = list_camera("ground", ["."], tmp_path, names="mars2020")
    assert [shot.pts is None for shot in listing.shots] == [False, False, True, False, False]
    assert "duplicate" in codes(listing)


def test_a_cut_clip_is_said(tmp_path: Path, make_clip: Any) -> None:
    """A clip that ends before its header says is listed as far as it goes, and said."""
    path = make_clip("clip.avi", range(30), codec="mjpeg", pix_fmt="yuvj420p",
                     time_base=Fraction(1, 30))  # fmt: skip
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    listing = list_camera("pad", ["clip.avi"], tmp_path)
    assert 10 < len(listing.shots) < 30
    assert "of the 30 frames that its header promises" in codes(listing)["cut_off"].what


def test_thousands_of_files_need_first_bytes_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing reads the first few hundred bytes of each PNG, and never its pixels."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 1280, 1024, 8, 2, 0, 0, 0)
    for number in range(600):
        (tmp_path / f"frame_{number:05}.png").write_bytes(head + bytes(20_000))
    read = 0
    real = os.read

    def counting(handle: int, size: int) -> bytes:
        nonlocal read
        data = real(handle, size)
        read += len(data)
        return data

    monkeypatch.setattr(os, "read", counting)
    listing = list_camera("pad", ["."], tmp_path)
    assert len(listing.shots) == 600
    assert listing.size == (1024, 1280)
    assert read <= 600 * 512


def test_the_real_lander_frames(shared_data: Path) -> None:
    """All 87 frames are there, of one size, in order, with nothing but their names to say."""
    listing = list_camera("lander", ["lcam"], shared_data, names="mars2020")
    assert (len(listing.shots), listing.size) == (87, (800, 800))
    assert names(listing) == sorted(names(listing))
    assert set(codes(listing)) == {"name"}
