"""The sound of files on the files' own clocks, whatever their codecs put before it."""

from __future__ import annotations

import subprocess
import wave
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.errors import Damaged
from descent.sources.audio import Sound, has_sound

FINE_HZ, RATE_HZ = 48_000, 16_000
CLICKS_S = (0.25, 0.9, 1.7)


def clicks() -> NDArray[np.float64]:
    """Short bursts of noise at known times, 2 s at 48 kHz."""
    rng = np.random.default_rng(0)
    out = np.zeros(2 * FINE_HZ)
    for t in CLICKS_S:
        first = round(t * FINE_HZ)
        out[first : first + 200] = rng.normal(size=200) * 0.2
    return out


def made(path: Path, *words: str, late_s: str = "0") -> Path:
    """A clip with the clicks, as ffmpeg writes it."""
    sound = path.with_suffix(".clicks.wav")
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(FINE_HZ)
        file.writeframes((clicks() * 32767).astype("<i2").tobytes())
    picture = ["-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=2"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *picture]
    command += ["-itsoffset", late_s, "-i", str(sound), "-c:v", "mpeg4", *words, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603
    return path


def heard(path: Path) -> tuple[float, Sound]:
    """When the clicks begin by the file's own clock, less when they were made, s."""
    sound = Sound(path, RATE_HZ)
    samples = np.concatenate(list(sound.blocks())).astype(np.float64)
    assert sound.start_s is not None
    fine = np.fft.irfft(np.fft.rfft(samples), 3 * len(samples))
    size = 1 << 18
    both = np.fft.irfft(np.conj(np.fft.rfft(clicks(), size)) * np.fft.rfft(fine, size), size)
    k = int(np.argmax(both))
    place = k - size if k > size // 2 else k
    return place / FINE_HZ + float(sound.start_s), sound


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("aac.mp4", ("-c:a", "aac")),
        ("pcm.mov", ("-c:a", "pcm_s24le")),
        ("aac.mkv", ("-c:a", "aac")),
        ("opus.mkv", ("-c:a", "libopus")),
        ("stereo.mp4", ("-c:a", "aac", "-ac", "2", "-ar", "44100")),
    ],
)
def test_priming_is_left_out_exactly(name: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """Sound lies where it was made, to the sample, whatever its codec puts first."""
    off_s, sound = heard(made(tmp_path / name, *words))
    assert abs(off_s) < 1.5 / FINE_HZ
    assert sound.unsure_s == 0
    assert sound.holes == 0


def test_sound_that_begins_late_does_so(tmp_path: Path) -> None:
    """A track with a start time of its own keeps it."""
    off_s, _ = heard(made(tmp_path / "late.mov", "-c:a", "pcm_s16le", late_s="0.4"))
    assert off_s == pytest.approx(0.4, abs=1.5 / FINE_HZ)


def test_a_container_that_does_not_tell_the_priming_is_said(tmp_path: Path) -> None:
    """MP3 in AVI begins some samples late and nothing says how many: so much is allowed for."""
    off_s, sound = heard(made(tmp_path / "mp3.avi", "-c:a", "libmp3lame"))
    assert 0.01 < abs(off_s) <= float(sound.unsure_s)
    assert sound.unsure_s == Fraction(2112, FINE_HZ)


def test_a_hole_is_silent_and_counted(tmp_path: Path) -> None:
    """Where stamps jump the sound does too: what follows stays where its stamps say."""
    words = ("-c:a", "pcm_s16le", "-af", "aselect='not(between(t,1.1,1.4))'")
    off_s, sound = heard(made(tmp_path / "hole.mkv", *words))
    assert abs(off_s) < 1.5 / FINE_HZ
    assert sound.holes == 1


def test_files_without_sound_are_known(tmp_path: Path) -> None:
    """A silent clip holds none; a file that cannot be read is an error, and not silence."""
    text = tmp_path / "words.wav"
    text.write_text("no sound", "utf-8")
    assert not has_sound(made(tmp_path / "silent.mp4", "-an"))
    with pytest.raises(Damaged, match="cannot be read"):
        has_sound(text)
    with pytest.raises(Damaged, match="cannot be read"):
        list(Sound(text, RATE_HZ).blocks())
