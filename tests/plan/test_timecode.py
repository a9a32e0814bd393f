"""Clips laid by their time code tracks, from files as ffmpeg writes them."""

from __future__ import annotations

import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import pytest

from descent.clock.timecode import frames_to_timecode
from descent.config import load
from descent.errors import ConfigError, SourceError, TimeUnknown
from descent.plan import make
from descent.sources.tmcd import read_timecode

CONFIG = """\
schema: 1
title: By time code
epoch: 2024-05-01T00:00:00Z
cameras:
  a: {files: A, times: {timecode: track, start: START}}
cuts:
  film:
    - {from: 2024-05-01T10:41:14Z, to: 2024-05-01T10:41:15Z, show: {full: a}}
outputs:
  film: {cut: film, size: hd, rate: 25, for: web}
"""


def clip(path: Path, rate: str, code: str | None, seconds: int = 2) -> Path:
    """A clip of plain pictures with a time code track."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-f", "lavfi", "-i"]
    command += [f"color=s=64x48:r={rate}:d={seconds}", "-c:v", "mpeg4"]
    command += ["-timecode", code] if code else []
    subprocess.run([*command, str(path)], check=True, stdin=subprocess.DEVNULL)  # noqa: S603
    return path


def config(folder: Path, files: str = "a.mov", start: str = "2024-05-01T00:00:00Z") -> Path:
    """A release of one camera."""
    path = folder / "by.yaml"
    path.write_text(CONFIG.replace("A,", f"{files},").replace("START", start), "utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "rate", "code"),
    [
        ("drop.mov", "30000/1001", "10:41:12;15"),
        ("drop.mp4", "60000/1001", "01:10:00;04"),
        ("whole.mov", "25", "23:59:58:00"),
        ("slow.mp4", "24000/1001", "00:00:10:05"),
    ],
)
def test_a_track_is_read_exactly(name: str, rate: str, code: str, tmp_path: Path) -> None:
    """Count, rate and drops come back as the label that was written."""
    found = read_timecode(clip(tmp_path / name, rate, code))
    assert found is not None
    assert found.rate == Fraction(rate)
    assert found.drop == (";" in code)
    assert frames_to_timecode(found.frames, found.rate, drop=found.drop) == code


def test_frames_are_laid_by_the_drop_frame_count(tmp_path: Path) -> None:
    """At 10:41:12;15 so many frames of 1001/30000 s have passed since midnight, exactly."""
    clip(tmp_path / "a.mov", "30000/1001", "10:41:12;15")
    camera = make(load(config(tmp_path))).cameras["a"]
    first = 1153021 * Fraction(1001, 30000)
    assert camera.track.times[0] == first
    assert camera.track.times[30] == first + 30 * Fraction(1001, 30000)
    assert camera.track.resolution_s == Fraction(1001, 60000)
    assert "time code track from 10:41:12;15 at 30000/1001 frames/s, drop frames" in camera.how


def test_chapters_past_midnight_go_on(tmp_path: Path) -> None:
    """A second clip whose labels started again is of the next day."""
    clip(tmp_path / "a_1.mov", "25", "23:59:58:00")
    clip(tmp_path / "a_2.mov", "25", "00:00:00:00")
    camera = make(load(config(tmp_path, "a_*.mov"))).cameras["a"]
    assert camera.track.times[50] == 86400
    assert camera.track.times[-1] == 86400 + Fraction(49, 25)


def test_labels_that_fall_behind_are_said(tmp_path: Path) -> None:
    """Without drops at 30000/1001 the label is not the time of day, and the cure says by what."""
    clip(tmp_path / "a.mov", "30000/1001", "10:00:00:00")
    plan = make(load(config(tmp_path)))
    said = next(f for f in plan.cameras["a"].findings if f.code == "timecode_slow")
    assert "36.000 s behind" in said.what
    assert "start: 2024-05-01T00:00:00Z - 36.000s" in said.do


def test_what_is_ambiguous_is_refused(tmp_path: Path) -> None:
    """No date, no track, and a counter that is no time of day each say what to write."""
    path = clip(tmp_path / "a.mov", "25", "01:00:00:00")
    words = config(tmp_path)
    words.write_text(
        words.read_text("utf-8").replace(", start: 2024-05-01T00:00:00Z}", "}"), "utf-8"
    )
    with pytest.raises(ConfigError, match="nothing says of which"):
        load(words)
    clip(tmp_path / "none.mp4", "25", None)
    with pytest.raises(TimeUnknown, match="none of its clips has a time code track"):
        make(load(config(tmp_path, "none.mp4")))
    held = bytearray(path.read_bytes())
    entry = held.index(b"tmcd", held.rindex(b"stsd"))
    struct.pack_into(">I", held, entry + 16, 8)
    (tmp_path / "count.mov").write_bytes(held)
    with pytest.raises(SourceError, match="is a counter"):
        read_timecode(tmp_path / "count.mov")
