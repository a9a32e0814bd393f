"""How well clocks are tied by a rotation that two cameras felt, over many seeds.

Run: `python -m tests.bench.rotation_bench [SEEDS] [plain] [step] [low] [high]` (100 seeds, both
kinds and both noises unless told; about 0.2 s of CPU a seed and row). Each seed has its own
liveliness, 0.15 to 0.25 rad/s about each axis, its own offset within a second and its own axes;
120 s, 50 ppm, 2 % of the frames lost.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descent.clock import fit_rotation
from descent.errors import UnsureSync
from tests.bench.bound import bound_s
from tests.clock import motion

Floats = NDArray[np.float64]

RATES = ((75, 30), (75, 12), (30, 12), (30, 30))
NOISE = {"0.2 mrad, 0.5 ms": (2e-4, 5e-4), "1 mrad, 2 ms": (1e-3, 2e-3)}
BOUND_S = {"0.2 mrad, 0.5 ms": 1e-4, "1 mrad, 2 ms": 7e-4}
STEP_S = 0.3
STEP_BOUND_S = 1e-3


@dataclass(frozen=True)
class One:
    """What one seed came to: errors in s, drift in s per s, CPU in s."""

    error_s: float
    drift: float
    width_s: float
    whole: bool
    cpu_s: float
    least_s: float


def one(seed: int, rates: tuple[int, int], noise: tuple[float, float], step_s: float) -> One | None:
    """Make a pair, tie it, and compare with the truth; None where it was refused."""
    lively = float(np.random.default_rng(70_000 + seed).uniform(0.15, 0.25))
    pair = motion.pair(seed, *rates, noise_rad=noise[0], jitter_s=noise[1], rms=lively)
    late = pair.truth > 40 + seed % 40
    times_b = pair.times_b + np.where(late, step_s, 0.0)
    begin = time.process_time()
    try:
        fit = fit_rotation(pair.times_a, pair.turns_a, times_b, pair.turns_b)
    except UnsureSync:
        return None
    cpu_s = time.process_time() - begin
    off = fit.map(times_b) - pair.truth
    error_s = float(np.sqrt(np.mean(off**2)))
    # Below 3 Hz a rate's slope is its RMS times that of the frequencies of a flat band.
    slope = lively * 2 * np.pi * 3.0 / np.sqrt(3)
    at = np.linspace(0.0, 120.0, 1000)
    density = np.full(1000, noise[0] ** 2 * sum(rates))
    least_s = bound_s(at, np.full((1000, 3), slope), density)
    return One(
        error_s, fit.drift + 50e-6, fit.interval, float(np.abs(off).max()) <= fit.interval, cpu_s,
        least_s,
    )  # fmt: skip


def row(name: str, rates: tuple[int, int], bound_s: float, found: list[One | None]) -> None:
    """Print a row of the table, and what in it misses its bound."""
    kept = [f for f in found if f is not None]
    error = np.array([f.error_s for f in kept])
    width = np.array([f.width_s for f in kept])
    drift = 1e6 * np.array([f.drift for f in kept])
    rms = float(np.sqrt(np.mean(error**2)))
    least = float(np.sqrt(np.mean([f.least_s**2 for f in kept])))
    held = int((error <= width).sum())
    cpu_s = float(np.median([f.cpu_s for f in kept]))
    within = int((np.abs(drift) <= 20).sum())
    step = name.startswith("step")
    missed = [
        word
        for word, bad in (
            ("refused", len(kept) < len(found)), ("RMS", rms > bound_s),
            ("drift", within < 0.9 * len(kept) and not step), ("coverage", held < 0.9 * len(kept)),
            ("width", float(np.median(width)) > 2.5 * rms), ("CPU", cpu_s > 0.5),
        )
        if bad
    ]  # fmt: skip
    print(
        f"{name:>22} {rates[0]:>3}/{rates[1]:<3} RMS {1e3 * rms:.3f} ms, worst "
        f"{1e3 * error.max():.3f}, bound {1e3 * least:.3f}; held {held} of {len(kept)} "
        f"(every frame {sum(f.whole for f in kept)}); width {np.median(width) / rms:.2f} RMS; "
        f"drift {np.sqrt(np.mean(drift**2)):.1f} ppm, {within} within 20; CPU {cpu_s:.2f} s"
        f"{'; MISSED: ' + ', '.join(missed) if missed else ''}",
        flush=True,
    )


def main(seeds: int, words: list[str]) -> None:
    """The table: both noises, then the same with a step in b's clock."""
    parts = [word for word in ("plain", "step") if word in words] or ["plain", "step"]
    levels = dict(zip(("low", "high"), NOISE.items(), strict=True))
    noises = [levels[word] for word in levels if word in words] or list(levels.values())
    one(0, (30, 30), NOISE["1 mrad, 2 ms"], 0.0)  # compiled once
    for part in parts:
        step_s = STEP_S if part == "step" else 0.0
        for name, noise in noises:
            for rates in RATES:
                found = [one(seed, rates, noise, step_s) for seed in range(seeds)]
                bound_s = STEP_BOUND_S if step_s else BOUND_S[name]
                row(f"step, {name}" if step_s else name, rates, bound_s, found)


if __name__ == "__main__":
    words = sys.argv[1:]
    counts = [int(word) for word in words if word.isdigit()]
    main(counts[0] if counts else 100, words)
