"""One sound track lands in the film where its clock says, to the sample."""

from __future__ import annotations

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from .conftest import manifest, render

Simple = Callable[..., Path]
RATE_HZ = 48_000
F = Fraction


def write_ticks(path: Path, at_s: list[Fraction], length_s: int) -> Path:
    """A WAV that is silent but for a click at each time."""
    samples = np.zeros(length_s * RATE_HZ, np.int16)
    for t in at_s:
        samples[round(t * RATE_HZ)] = 30_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return path


def heard(path: Path) -> NDArray[np.float32]:
    """The sound of a film as a player has it: sample k at k / 48000 s of film, (n,)."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        assert stream.rate == RATE_HZ
        out = np.zeros(0, np.float32)
        for frame in file.decode(stream):
            assert frame.pts is not None
            assert frame.time_base is not None
            first = round(frame.pts * frame.time_base * RATE_HZ)
            block = frame.to_ndarray()
            block = block if block.dtype.kind == "f" else block.astype(np.float32) / (1 << 31)
            if block.shape[0] == 1:  # packed: channels one after the other
                block = block.reshape(-1, 2).T
            if first < 0:
                block, first = block[:, -first:], 0
            out = np.concatenate([out, np.zeros(max(0, first - out.size), np.float32)])
            out = np.concatenate([out[:first], block[0].astype(np.float32)])
    return out


def clicks(sound: NDArray[np.float32]) -> list[int]:
    """The samples at which clicks are loudest."""
    found: list[int] = []
    level = np.abs(sound)
    while level.size and level.max() > 0.1:
        found.append(int(level.argmax()))
        level[max(0, found[-1] - 2_000) : found[-1] + 2_000] = 0
    return sorted(found)


SPANS = [
    {"from": "start + 1s", "to": "start + 3s", "show": {"full": "cam"}},
    {"to": "start + 3.5s", "speed": "1/2", "show": {"full": "cam"}},
    {"freeze": "start + 2s", "for": "0.5s", "show": {"full": "cam"}},
    {"replay": ["start + 1.2s", "start + 2s"], "show": {"full": "cam"}},
]
TICKS = [F(n, 4) for n in (5, 7, 11, 13, 17)]  # of mission time; the fourth in slow motion
# In the film: before the slow span, and again in the replay, which begins 3.5 s in.
WANT = [F(1, 4), F(3, 4), F(7, 4), F(355, 100), F(405, 100)]


@pytest.mark.parametrize("profile", ["h264", "prores", "ffv1"])
@pytest.mark.parametrize("clock", ["mission", "earth_received"])
def test_clicks_land_at_their_sample(
    simple: Simple, tmp_path: Path, clock: str, profile: str
) -> None:
    """Each click sounds at its sample of the film, slowed and frozen spans are silent."""
    write_ticks(tmp_path / "room.wav", [t + 2 for t in TICKS], 8)
    sound = {"file": "room.wav", "starts": "start - 2s", "credit": "Control room"}
    if clock == "earth_received":
        sound |= {"clock": clock, "light_time": "682s", "starts": "start + 680s"}
    film = {"cut": "main", "size": "64x64", "rate": 24, "text": "none", "profile": profile}
    config = simple(sound=[sound], cuts={"main": SPANS}, outputs={"film": film})
    made = render(config, tmp_path / "out")
    assert made.code == 0, made.said
    (path,) = (tmp_path / "out").glob("film.*")
    found = clicks(heard(path))
    assert len(found) == len(WANT)
    slack = 1 if profile == "h264" else 0  # AAC spreads a click over its neighbours
    off = [abs(a - round(t * RATE_HZ)) for a, t in zip(found, WANT, strict=True)]
    assert max(off) <= slack, off
    if profile != "h264":
        silent = heard(path)[2 * RATE_HZ + 10 : round(3.5 * RATE_HZ) - 10]
        assert not silent.any()
    body = manifest(tmp_path / "out")
    assert body["outputs"]["film"]["sound"] is True
    assert body["sound"]["file"] == "room.wav"
    assert "Control room" in body["outputs"]["film"]["credit"]


def test_a_range_keeps_the_sound_in_place(simple: Simple, tmp_path: Path) -> None:
    """The part of a film is heard as in the whole."""
    write_ticks(tmp_path / "room.wav", TICKS, 8)
    sound = {"file": "room.wav", "starts": "start"}
    film = {"cut": "main", "size": "64x64", "rate": 24, "text": "none", "profile": "ffv1"}
    config = simple(sound=[sound], cuts={"main": SPANS[:1]}, outputs={"film": film})
    part = ("--range", "start + 1.5s..start + 3s")
    assert render(config, tmp_path / "out", *part).code == 0
    found = clicks(heard(tmp_path / "out" / "film.mkv"))
    assert found == [round(t * RATE_HZ) for t in (F(1, 4), F(5, 4))]


def test_a_new_recording_makes_no_picture_anew(simple: Simple, tmp_path: Path) -> None:
    """Another sound changes the film's track and checksum, and no chunk."""
    config = simple(
        sound=[{"file": "room.wav", "starts": "start"}],
        outputs={"film": {"cut": "main", "size": "64x64", "rate": 24, "text": "none"}},
    )
    write_ticks(tmp_path / "room.wav", TICKS, 8)
    assert render(config, tmp_path / "out").code == 0
    before = (tmp_path / "out" / "film.mp4").read_bytes()
    write_ticks(tmp_path / "room.wav", TICKS[:2], 8)
    made = render(config, tmp_path / "out")
    assert (made.code, made.data["chunks_made"]) == (0, 0)
    assert (tmp_path / "out" / "film.mp4").read_bytes() != before
    assert len(clicks(heard(tmp_path / "out" / "film.mp4"))) == 2
