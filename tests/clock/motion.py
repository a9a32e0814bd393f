"""A simulated rotation that two cameras feel, each by its own clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Stamps and turns of two cameras; `truth` is when b's frames were, on a's clock."""

    times_a: Floats
    turns_a: Floats
    times_b: Floats
    turns_b: Floats
    truth: Floats

    @property
    def four(self) -> tuple[Floats, Floats, Floats, Floats]:
        """What `fit_rotation` takes."""
        return self.times_a, self.turns_a, self.times_b, self.turns_b


def pair(
    seed: int,
    rate_a: float,
    rate_b: float,
    *,
    noise_rad: float = 2e-4,
    jitter_s: float = 5e-4,
    length_s: float = 120.0,
    band_hz: float = 3.0,
    rms: float = 0.2,
    drops: float = 0.02,
    drift: float = 50e-6,
    offset_s: float | None = None,
    epoch_s: float = 0.0,
    related: bool = True,
) -> Pair:
    """Two cameras on one body, or each on its own; `rms` is in rad/s about each axis."""
    rng = np.random.default_rng(seed)
    fine, pad = 1000.0, 4.0
    count = int((length_s + 2 * pad) * fine)
    at = np.arange(count) / fine - pad

    def angle() -> Floats:
        frequency = np.fft.rfftfreq(count, 1 / fine)
        inside = (frequency <= band_hz) & (frequency > 0)
        spectrum = np.zeros((3, len(frequency)), complex)
        shape = (3, int(inside.sum()))
        spectrum[:, inside] = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        rate = np.fft.irfft(spectrum, count, axis=1)
        rate *= rms / np.sqrt((rate**2).mean())
        steps = (rate[:, 1:] + rate[:, :-1]) / 2 / fine
        return np.concatenate([np.zeros((3, 1)), np.cumsum(steps, axis=1)], axis=1)

    def camera(rate: float, turned: Floats) -> tuple[Floats, Floats]:
        times: Floats = np.arange(int(length_s * rate), dtype=np.float64)
        times = (times + rng.uniform()) / rate
        times = times[rng.uniform(size=len(times)) > drops]
        exposed = times + rng.normal(size=len(times)) * jitter_s
        seen = np.stack([np.interp(exposed, at, axis) for axis in turned], axis=1)
        turns = np.diff(seen, axis=0)
        return times, turns + rng.normal(size=turns.shape) * noise_rad

    first = angle()
    times_a, turns_a = camera(rate_a, first)
    truth, turns_b = camera(rate_b, first if related else angle())
    axes: Any = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    moved = rng.uniform(-1, 1) if offset_s is None else offset_s
    times_b = truth * (1 + drift) + moved
    return Pair(
        times_a + epoch_s, turns_a, times_b + epoch_s, turns_b @ axes.T, truth + epoch_s
    )  # fmt: skip
