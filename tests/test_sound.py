"""One track on the film's clock, to the sample."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from descent.errors import DescentError, SourceError
from descent.sound import RATE_HZ, Placement, Samples, lay, suffix

F = Fraction


def _wav(path: Path, samples: Samples, rate: int = RATE_HZ) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def _read(path: Path) -> Samples:
    parts = []
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            data = frame.to_ndarray()
            if data.dtype == np.int32:
                data = data.reshape(-1, 2).T / 2**31
            parts.append(data)
    return np.concatenate(parts, axis=1)


def _clicks(seconds: float, at: list[float], rate: int = RATE_HZ) -> Samples:
    samples = np.zeros(round(seconds * rate), np.float32)
    for t in at:
        samples[round(t * rate)] = 0.9
    return samples


@pytest.mark.parametrize("codec", ["pcm_s24le", "flac"])
def test_lossless_tracks_are_exact_to_the_sample(tmp_path: Path, codec: str) -> None:
    """A click of the source sounds at exactly its film sample, and the track has its length."""
    source = _wav(tmp_path / "s.wav", _clicks(4, [0.5, 2.0, 3.25]))
    places = [Placement(F(1), F(2), F(0)), Placement(F(3), F(5), F(2) - F(1, 3))]
    out = tmp_path / f"track{suffix(codec)}"
    laid = lay(source, places, out, length_s=F(6), codec=codec)
    heard = _read(out)
    assert heard.shape == (2, 6 * RATE_HZ)
    assert laid.samples == 6 * RATE_HZ
    found = np.flatnonzero(np.abs(heard[0]) > 0.5)
    offset = round((F(2) - F(1, 3)) * RATE_HZ)
    want = [RATE_HZ + RATE_HZ // 2, 3 * RATE_HZ + 2 * RATE_HZ - offset,
            3 * RATE_HZ + round(3.25 * RATE_HZ) - offset]  # fmt: skip
    assert found.tolist() == want
    assert np.array_equal(heard[0], heard[1])
    assert abs(heard[0][found[0]] - 0.9) < 1e-4


def test_placements_may_step_back_and_leave_the_source(tmp_path: Path) -> None:
    """A replay reads the source again; before its start and after its end is silence."""
    source = _wav(tmp_path / "s.wav", _clicks(1, [0.25, 0.75]))
    places = [
        Placement(F(0), F(1), F(0)),
        Placement(F(1), F(2), F(1, 2)),
        Placement(F(2), F(3), F(-1, 2)),
    ]
    lay(source, places, tmp_path / "t.mov", length_s=F(3), codec="pcm_s24le")
    heard = _read(tmp_path / "t.mov")[0]
    found = np.flatnonzero(np.abs(heard) > 0.5) / RATE_HZ
    assert found.tolist() == [0.25, 0.75, 1.25, 2.75]


def test_aac_keeps_the_place(tmp_path: Path) -> None:
    """The delay of AAC is declared in the file, so that a click comes back where it was."""
    rng = np.random.default_rng(1)
    burst = np.zeros(2 * RATE_HZ, np.float32)
    burst[RATE_HZ : RATE_HZ + 480] = rng.uniform(-0.7, 0.7, 480)
    source = _wav(tmp_path / "s.wav", burst)
    lay(source, [Placement(F(0), F(2), F(0))], tmp_path / "t.m4a", length_s=F(2), bit_rate=192_000)
    heard = _read(tmp_path / "t.m4a")[0][: 2 * RATE_HZ]
    lags = range(-50, 51)
    scores = [float(np.dot(np.roll(heard, -k)[: burst.size], burst[: heard.size])) for k in lags]
    assert lags[int(np.argmax(scores))] == 0


def test_other_rates_keep_the_place(tmp_path: Path) -> None:
    """A 44.1 kHz source is resampled without moving by more than a sample."""
    source = _wav(tmp_path / "s.wav", _clicks(2, [1.0], 44_100), 44_100)
    lay(source, [Placement(F(0), F(2), F(0))], tmp_path / "t.mov", length_s=F(2), codec="pcm_s24le")
    heard = np.abs(_read(tmp_path / "t.mov")[0])
    assert abs(int(np.argmax(heard)) - RATE_HZ) <= 1


def test_edits_are_faded_and_joints_are_not(tmp_path: Path) -> None:
    """A level tone starts and ends softly at edits, and runs on where film and source do."""
    source = _wav(tmp_path / "s.wav", np.full(2 * RATE_HZ, 0.5, np.float32))
    places = [Placement(F(0), F(1, 2), F(0)), Placement(F(1, 2), F(1), F(1, 2))]
    lay(source, places, tmp_path / "t.mov", length_s=F(1), codec="pcm_s24le")
    heard = _read(tmp_path / "t.mov")[0]
    assert heard[0] < 0.01
    assert heard[-1] < 0.01
    assert np.ptp(heard[1000:-1000]) < 1e-4


def test_what_cannot_be_laid_is_refused(tmp_path: Path) -> None:
    """Overlaps, placements outside the film, and files that are no sound are errors."""
    source = _wav(tmp_path / "s.wav", _clicks(1, []))
    two = [Placement(F(0), F(1), F(0)), Placement(F(1, 2), F(1), F(0))]
    with pytest.raises(DescentError, match="overlaps"):
        lay(source, two, tmp_path / "t.m4a", length_s=F(1))
    with pytest.raises(DescentError, match="leaves the film"):
        lay(source, two[:1], tmp_path / "t.m4a", length_s=F(1, 2))
    script = tmp_path / "evil.mp4"
    script.write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    with pytest.raises(SourceError, match="cannot be read as sound"):
        lay(script, two[:1], tmp_path / "t.m4a", length_s=F(1))
    with pytest.raises(SourceError, match="no kind of sound"):
        lay(tmp_path / "s.txt", two[:1], tmp_path / "t.m4a", length_s=F(1))
    assert not list(tmp_path.glob("*t.m4a*"))


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    """A track's bytes repeat."""
    source = _wav(tmp_path / "s.wav", np.sin(np.arange(RATE_HZ) / 9).astype(np.float32) * 0.5)
    for name in ("a.m4a", "b.m4a"):
        lay(source, [Placement(F(0), F(1), F(0))], tmp_path / name, length_s=F(1))
    assert (tmp_path / "a.m4a").read_bytes() == (tmp_path / "b.m4a").read_bytes()
