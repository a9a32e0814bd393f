"""Clocks measured from the sound of real files, as cameras and recorders write them."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.config import load
from descent.config.sync import read_sync, sync_path
from descent.errors import UnsureSync
from descent.measure.plots import draw
from descent.measure.sync import Synced, measure_sync
from descent.measure.written import write
from descent.plan import make
from tests.clock import hearing

CONFIG = """\
schema: 1
title: Three who heard one talk
zero: go
reference: left
sync: {refine: sound, go: {left: 00:01}}
cameras:
  left: {files: left.mp4, SOUND}
  right: {files: right.mov, sound: {distance: 12m}}
  far: {files: far.mp4, sound: {file: far.wav, distance: 80m}}
cuts:
  film:
    - {from: go + 4s, to: go + 5s, show: {side_by_side: [left, right]}}
outputs:
  film: {cut: film, size: hd, rate: 25, for: web}
"""

RATE = 25
FINE = hearing.FINE_HZ


def clip(path: Path, seconds: float, sound: NDArray[np.float64] | None, codec: str = "aac") -> None:
    """A clip of plain pictures at 25/s with a mono sound of 48 kHz, as a camera writes it."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("mpeg4", rate=RATE)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio: Any = None
        if sound is not None:
            audio = file.add_stream(codec, rate=FINE, layout="mono")
        for k in range(int(seconds * RATE)):
            picture = np.full((48, 64, 3), 40 + k % 160, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = k
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        if sound is None:
            return
        whole = np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)
        for first in range(0, len(whole), 1024):
            part = np.ascontiguousarray(whole[None, first : first + 1024])
            block = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            block.sample_rate, block.pts = FINE, first
            block.time_base = Fraction(1, FINE)
            file.mux(audio.encode(block))
        file.mux(audio.encode(None))


def wav(path: Path, sound: NDArray[np.float64]) -> None:
    """A recorder's file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(FINE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


LATE_S = {"left": 10 / 343, "right": 12 / 343, "far": 80 / 343}
START_S = {"left": 1.0, "right": 8.4321, "far": 3.7}
DRIFT = {"left": 0.0, "right": 40e-6, "far": -30e-6}
LONG_S = {"left": 34.0, "right": 24.0, "far": 26.0}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cameras at one talk: AAC in MP4, PCM in MOV, and a recorder beside a silent clip."""
    folder = tmp_path_factory.mktemp("talk")
    source = hearing.speech(38, 3)
    mics = {"left": hearing.Mic(), "right": hearing.Mic(-10, 0.4, 2), "far": hearing.Mic(-5, 0.6)}
    sounds = {
        name: hearing.record(
            source, mic, k, start_s=START_S[name], length_s=LONG_S[name], drift=DRIFT[name],
            late_s=LATE_S[name],
        )
        for k, (name, mic) in enumerate(mics.items())
    }  # fmt: skip
    clip(folder / "left.mp4", LONG_S["left"], sounds["left"])
    clip(folder / "right.mov", LONG_S["right"], sounds["right"], "pcm_s16le")
    clip(folder / "far.mp4", LONG_S["far"], None)
    wav(folder / "far.wav", sounds["far"])
    config = folder / "talk.yaml"
    config.write_text(CONFIG.replace("SOUND", "sound: {distance: 10m}"), "utf-8")
    return config


@pytest.fixture(scope="module")
def found(talk: Path) -> Synced:
    """The talk, measured once."""
    return measure_sync(load(talk), workers=1)


@pytest.mark.parametrize("name", ["right", "far"])
def test_clocks_are_found_by_sound_alone(found: Synced, name: str) -> None:
    """Offset and drift are right to a millisecond, the way of the sound taken off."""
    clock = found.joint.clocks[name]
    for t in (2.0, 12.0, 22.0):
        # Mission time counts from the left one's second second.
        truth = START_S[name] + t * (1 + DRIFT[name]) - START_S["left"] - 1
        assert abs(t + clock.offset_at(t) - truth) < 0.001
    assert abs(clock.drift - DRIFT[name]) < 10e-6
    assert 0.001 < clock.interval_s < 0.05


def test_a_plan_lays_frames_by_sound(found: Synced, talk: Path) -> None:
    """Clips that nothing else ties are laid by the sync file, which says by what."""
    write(load(talk), found)
    plan = make(load(talk))
    right = plan.cameras["right"]
    began = START_S["right"] - START_S["left"] - 1
    assert float(right.track.times[0]) == pytest.approx(began, abs=2e-3)
    assert "sound shared with left" in right.how
    kept = read_sync(sync_path(talk))
    assert kept is not None
    assert {row["kind"] for row in kept.ties} == {"sound"}


def test_an_unknown_distance_is_allowed_for_and_said(found: Synced, talk: Path) -> None:
    """Without a distance the interval admits ten metres, and a note says so."""
    other = talk.with_name("near.yaml")
    other.write_text(CONFIG.replace(", SOUND", ""), "utf-8")
    near = measure_sync(load(other), workers=1)
    assert near.joint.clocks["right"].interval_s > 0.02
    assert near.joint.clocks["right"].interval_s > found.joint.clocks["right"].interval_s
    said = [f for f in near.findings if f.code == "sound_distance"]
    assert [f.where for f in said] == ["left"]
    assert "±29 ms" in said[0].what


def test_who_heard_something_else_is_refused(talk: Path, tmp_path: Path) -> None:
    """Sound of another talk, and a clip without sound, tie nothing and say what would help."""
    other = hearing.record(hearing.speech(25, 77), hearing.Mic(), 5, length_s=22)
    clip(tmp_path / "right.mov", 22, other, "pcm_s16le")
    clip(tmp_path / "far.mp4", 10, None)
    own = hearing.record(hearing.speech(25, 3), hearing.Mic(), 6, length_s=22)
    clip(tmp_path / "left.mp4", 22, own)
    config = tmp_path / "talk.yaml"
    text = talk.read_text("utf-8").replace("file: far.wav, ", "")
    config.write_text(text, "utf-8")
    with pytest.raises(UnsureSync, match="by sound: nothing that one heard") as refused:
        measure_sync(load(config), workers=1)
    assert "far has none" in str(refused.value)


def test_ties_by_sound_are_drawn(found: Synced, tmp_path: Path) -> None:
    """A picture for each pair, of the same bytes each time."""
    first = draw(found, tmp_path / "one")
    again = draw(found, tmp_path / "two")
    assert [p.name for p in first] == ["left-right.png", "left-far.png", "right-far.png"]
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]


def test_an_exposure_that_is_known_is_taken_off_and_leaves_the_interval_narrow(
    found: Synced, talk: Path
) -> None:
    """With exposures told, pictures are laid by their middles and the interval is the sound's."""
    other = talk.with_name("exposed.yaml")
    text = CONFIG.replace("SOUND", "sound: {distance: 10m}, exposure: 2ms")
    text = text.replace("{distance: 12m}}", "{distance: 12m}, exposure: 10ms}")
    other.write_text(text, "utf-8")
    told = measure_sync(load(other), workers=1)
    clock, before = told.joint.clocks["right"], found.joint.clocks["right"]
    # Its pictures are 4 ms later after their stamps than the left one's are.
    assert clock.offset_at(2.0) - before.offset_at(2.0) == pytest.approx(0.004, abs=2e-4)
    assert clock.interval_s < 0.008
    assert before.interval_s > 0.025
    unknown = [f.where for f in told.findings if f.code == "sound_exposure"]
    assert unknown == ["far"]
