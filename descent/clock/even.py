"""Profiles of lines by time, evened out and compared: the loops that a search runs most."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.tools.compiled import kernel

Singles = NDArray[np.float32]

TAPS = 6
"""Samples on either side that a value between rows is made of. Fewer are softer between rows
than on them, and softer profiles agree better: offsets are drawn to half a row."""


def even(raw: Singles, fine_rows: float, slow_rows: float) -> Singles:
    """A profile (rows, lines) without what is slower than `slow_rows`, loud and quiet alike.

    What is quicker than `fine_rows` is smoothed away; both are standard deviations.
    """
    slow, boxed = _bell(slow_rows), 0
    if slow_rows >= 3:  # two boxes are as good as a bell, and many times quicker
        boxed = round((np.sqrt(6 * slow_rows**2 + 1) - 1) / 2)
    out: Singles = _even(raw, _bell(fine_rows), _bell(0.7), slow, boxed, _bell(6.0))
    return out


@lru_cache(maxsize=64)
def _bell(deviation: float) -> Singles:
    """Half of a Gaussian, from its middle on, of sum 1 when both halves are counted."""
    x = np.arange(int(np.ceil(3 * deviation)) + 1)
    half = np.exp(-(x**2) / (2 * max(deviation, 0.05) ** 2))
    return np.asarray(half / (2 * half.sum() - 1), np.float32)


@kernel
def _down(of: Any, bell: Any) -> Any:  # pragma: no cover - compiled
    """Smoothed in time; the picture goes on mirrored beyond its ends."""
    rows, lines = of.shape
    out = np.zeros((rows, lines), np.float32)
    for k in range(rows):
        for tap in range(-len(bell) + 1, len(bell)):
            at = k + tap
            while at < 0 or at >= rows:
                at = -at if at < 0 else 2 * (rows - 1) - at
                if rows == 1:
                    at = 0
            share = bell[abs(tap)]
            for i in range(lines):
                out[k, i] += share * of[at, i]
    return out


@kernel
def _boxed(of: Any, beside: int) -> Any:  # pragma: no cover - compiled
    """The mean of each row and `beside` on either side, in time, mirrored beyond the ends."""
    rows, lines = of.shape
    out = np.zeros((rows, lines), np.float32)
    sums = np.zeros(lines)
    period = max(2 * (rows - 1), 1)
    share = 1 / (2 * beside + 1)
    for at in range(-beside, beside + 1):
        place = abs(at) % period
        place = min(place, period - place) if rows > 1 else 0
        for i in range(lines):
            sums[i] += of[place, i]
    for k in range(rows):
        for i in range(lines):
            out[k, i] = sums[i] * share
        gone, new = abs(k - beside) % period, (k + beside + 1) % period
        gone = min(gone, period - gone) if rows > 1 else 0
        new = min(new, period - new) if rows > 1 else 0
        for i in range(lines):
            sums[i] += of[new, i] - of[gone, i]
    return out


@kernel
def _slowed(of: Any, bell: Any, boxed: int) -> Any:  # pragma: no cover - compiled
    return _boxed(_boxed(of, boxed), boxed) if boxed > 0 else _down(of, bell)


@kernel
def _along(of: Any, bell: Any) -> Any:  # pragma: no cover - compiled
    """Smoothed over lines."""
    rows, lines = of.shape
    beside = len(bell) - 1
    wide = np.zeros(lines + 2 * beside, np.float32)
    out = np.zeros((rows, lines), np.float32)
    for k in range(rows):
        for i in range(lines):
            wide[beside + i] = of[k, i]
        for i in range(beside):
            wide[beside - 1 - i] = of[k, min(i + 1, lines - 1)]
            wide[beside + lines + i] = of[k, max(lines - 2 - i, 0)]
        for tap in range(2 * beside + 1):
            share = bell[abs(tap - beside)]
            for i in range(lines):
                out[k, i] += share * wide[tap + i]
    return out


@kernel
def _even(
    raw: Any, fine: Any, near: Any, slow: Any, boxed: int, far: Any
) -> Any:  # pragma: no cover - compiled
    rows, lines = raw.shape
    quick = _along(_down(raw, fine), near)
    rest = _slowed(quick, slow, boxed)
    power = np.zeros((rows, lines), np.float32)
    total = 0.0
    for k in range(rows):
        for i in range(lines):
            quick[k, i] -= rest[k, i]
            power[k, i] = quick[k, i] * quick[k, i]
            total += power[k, i]
    # Loud and quiet parts of the event speak alike; the floor keeps out what is only noise.
    floor = np.float32(0.05 * total / max(rows * lines, 1) + 1e-9)
    level = _along(_slowed(power, slow, boxed), far)
    for k in range(rows):
        for i in range(lines):
            quick[k, i] /= np.sqrt(level[k, i] + floor)
    return quick


@kernel
def products(a: Any, b: Any, lag: float, ratio: float, taps: int) -> Any:  # pragma: no cover
    """The power of rows k of a and `lag + ratio * k` of b, and their product."""
    count, other, lines = len(a), len(b), a.shape[1]
    row = np.zeros(lines, np.float32)
    here, there, both = np.zeros(lines), np.zeros(lines), np.zeros(lines)
    shares = np.zeros(2 * taps, np.float32)
    known = -1.0
    for k in range(count):
        at = lag + ratio * k
        # Rows come and go gently, else offsets stick where one more row coincides.
        share = min(at + 0.5, 1.0) * min(other - 0.5 - at, 1.0)
        if at <= -0.5 or at >= other - 0.5:
            continue
        low = int(np.floor(at))
        if abs(at - low - known) > 1e-9:
            known = at - low
            for tap in range(2 * taps):
                t = known + taps - 1 - tap
                w = 1.0 if t == 0.0 else np.sin(np.pi * t) / (np.pi * t)
                shares[tap] = w * np.cos(np.pi * t / (2 * taps + 1)) ** 2
        row[:] = 0.0
        for tap in range(2 * taps):
            place = abs(low - taps + 1 + tap)
            place = 2 * (other - 1) - place if place > other - 1 else place
            for i in range(lines):
                row[i] += shares[tap] * b[place, i]
        for i in range(lines):
            here[i] += share * a[k, i] * a[k, i]
            there[i] += share * row[i] * row[i]
            both[i] += share * a[k, i] * row[i]
    return here.sum(), there.sum(), both.sum()
