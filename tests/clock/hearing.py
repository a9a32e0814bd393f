"""Made-up sound of one event, as microphones of different kinds hear it in different rooms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve, lfilter, resample_poly

from descent.clock.heard import RATE_HZ, Heard, Take

Floats = NDArray[np.float64]
FINE_HZ = 48_000


def speech(seconds: float, seed: int) -> Floats:
    """Syllables of a tenth to a third of a second: hiss, or a buzz with its formants; pauses."""
    rng = np.random.default_rng(seed)
    out = np.zeros(int(seconds * FINE_HZ))
    t = 0.3
    while t < seconds - 0.5:
        length = rng.uniform(0.08, 0.3)
        count = int(length * FINE_HZ)
        if rng.random() < 0.4:
            wave = rng.normal(size=count)
            low = rng.uniform(1000, 4000)
        else:
            pitch = rng.uniform(90, 220) * (1 + 0.1 * np.cumsum(rng.normal(size=count)) / count**0.5
                                            / 10)  # fmt: skip
            wave = np.diff(np.floor(np.cumsum(pitch / FINE_HZ)), prepend=0) * 30
            wave = wave + 0.02 * rng.normal(size=count)
            low = rng.uniform(300, 900)
        for centre in (low, low * rng.uniform(1.5, 2.5), low * rng.uniform(2.6, 3.5)):
            angle = 2 * np.pi * min(centre, 15000) / FINE_HZ
            wave = wave + lfilter([0.05], [1, -2 * 0.98 * np.cos(angle), 0.98**2], wave)
        rise = np.minimum(np.arange(count) / (0.01 * FINE_HZ), 1)
        fall = np.minimum(np.arange(count)[::-1] / (0.05 * FINE_HZ), 1)
        first = int(t * FINE_HZ)
        out[first : first + count] += rng.uniform(0.3, 1) * wave / wave.std() * rise * fall
        t += length + (rng.uniform(0.4, 1.5) if rng.random() < 0.15 else rng.uniform(0.02, 0.12))
    return out


def music(seconds: float, seed: int, loop_s: float = 2.0) -> Floats:
    """A loop played over and over to the sample: every offset of a loop is as good."""
    rng = np.random.default_rng(seed)
    one = np.zeros(int(loop_s * FINE_HZ))
    for k in range(8):
        first = k * len(one) // 8
        count = len(one) // 8
        note = 220 * 2 ** (rng.integers(0, 24) / 12)
        wave = np.sign(np.sin(2 * np.pi * note * np.arange(count) / FINE_HZ))
        one[first : first + count] += (wave + rng.normal(size=count) * (k % 2)) * np.exp(
            -np.arange(count) / (0.06 * FINE_HZ)
        )
    return np.tile(one, int(np.ceil(seconds / loop_s)))[: int(seconds * FINE_HZ)]


def hum(seconds: float, seed: int, harmonics: int = 6) -> Floats:
    """A mains hum of 50 Hz with its harmonics."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * FINE_HZ)) / FINE_HZ
    waves = [
        np.sin(2 * np.pi * 50 * k * t + rng.uniform(0, 6)) / k for k in range(1, harmonics + 1)
    ]
    return np.asarray(np.sum(waves, axis=0), np.float64)


@dataclass(frozen=True)
class Mic:
    """How one camera hears: noise below the sound, dB; reverb, s; its own level and tone."""

    noise_db: float = -15.0
    reverb_s: float = 0.3
    direct: float = 3.0
    tone: bool = True
    level: float = 0.1


def heard_at(source: Floats, own: Floats) -> Floats:
    """The source (48 kHz from time 0) at times (n,) s, by straight lines four times as fine."""
    fine = resample_poly(source, 4, 1)
    at = np.arange(len(fine)) / (4 * FINE_HZ)
    return np.asarray(np.interp(own, at, fine, left=0, right=0), np.float64)


def record(
    source: Floats,
    mic: Mic,
    seed: int,
    *,
    start_s: float = 0.0,
    length_s: float = 30.0,
    rate_hz: int = FINE_HZ,
    drift: float = 0.0,
    late_s: float = 0.0,
) -> Floats:
    """What a microphone records: sample n is at true time start_s + n / rate * (1 + drift)."""
    rng = np.random.default_rng(seed)
    count = int(mic.reverb_s * FINE_HZ) + 1
    answer = rng.normal(size=count) * np.exp(-6.9 * np.arange(count) / max(count, 2)) * 0.02
    answer[: int(0.002 * FINE_HZ)] = 0
    answer[0] = mic.direct * np.sqrt(np.sum(answer**2) + 1e-9) if mic.reverb_s else 1.0
    wet = fftconvolve(source, answer)[: len(source)]
    if mic.tone:
        # A microphone that is dull or thin: one pole and one zero.
        wet = lfilter([1, rng.uniform(-0.8, 0.4)], [1, rng.uniform(-0.5, 0.3)], wet)
    times = start_s + np.arange(int(length_s * rate_hz)) / rate_hz * (1 + drift) - late_s
    clean = heard_at(wet, times)
    white = rng.normal(size=len(clean))
    own_noise = lfilter([1], [1, -0.9], white) * 0.3 + white
    spoken = np.sqrt(np.mean(wet**2) + 1e-12)
    own_noise *= spoken * 10 ** (mic.noise_db / 20) / own_noise.std()
    out = clean + own_noise
    return np.asarray(mic.level * out / (np.sqrt(np.mean(out**2)) + 1e-12), np.float64)


def take(samples: Floats, own_start_s: float = 0.0, rate_hz: int = RATE_HZ) -> Take:
    """Sound at 16 kHz as a take that begins at a time of its camera's own clock."""
    whole = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    length_s = len(whole) / rate_hz
    return Take(whole, np.array([0.0, length_s]), np.array([own_start_s, own_start_s + length_s]))


def camera(
    source: Floats,
    mic: Mic,
    seed: int,
    *,
    start_s: float = 0.0,
    length_s: float = 30.0,
    drift: float = 0.0,
    late_s: float = 0.0,
    own_start_s: float = 0.0,
) -> Heard:
    """What a camera heard, straight at 16 kHz."""
    at_48 = record(
        source, mic, seed, start_s=start_s, length_s=length_s, drift=drift, late_s=late_s
    )
    return Heard((take(resample_poly(at_48, 1, 3), own_start_s),))


def beat(seconds: float, seed: int, every_s: float = 0.5) -> Floats:
    """A drum machine: one stroke, the same to the sample, twice a second."""
    rng = np.random.default_rng(seed)
    count = int(every_s * FINE_HZ)
    stroke = rng.normal(size=count) * np.exp(-np.arange(count) / (0.03 * FINE_HZ))
    return np.tile(stroke, int(np.ceil(seconds / every_s)))[: int(seconds * FINE_HZ)]


def alarm(seconds: float, seed: int) -> Floats:
    """A siren that rises and falls once a second."""
    t = np.arange(int(seconds * FINE_HZ)) / FINE_HZ
    pitch = 900 + 400 * np.sin(2 * np.pi * t) + seed
    return np.sin(2 * np.pi * np.cumsum(pitch) / FINE_HZ)
