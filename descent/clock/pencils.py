"""Two fixed cameras compared line by line: pencils of epipolar lines, and what stirs on each.

A plane through both cameras' centres cuts each picture in one line, and whatever moves in that
plane stirs both lines at once. So with the right pencil of lines in each picture (seven
numbers, the fundamental matrix) and the right offset, the two "line by time" profiles are one
and the same picture, whichever sides the cameras look from. All are searched for together.

Source: Ben-Artzi, Kasten, Peleg and Werman, "Camera calibration from dynamic silhouettes using
motion barcodes", CVPR 2016; Pundik and Moses, "Video synchronization using temporal signals
from epipolar lines", ECCV 2010. The search by Fourier transform over parallel and gently
fanning lines, refined to full pencils by simplex, is this module's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.clock.stir import Stir
from descent.clock.sweep import Floats, Singles, Sweep, cast
from descent.tools.compiled import kernel

LINES = 72
TAPS = 6
"""Samples on either side that a value between rows is made of. Fewer are softer between rows
than on them, and softer profiles agree better: offsets are drawn to half a row."""

_REACH = 1.2  # the lines span this many long sides
_ANGLES = np.deg2rad(np.arange(-80, 81, 20))
_FANS = (-1.0, 0.0, 1.0)
_SCALES = (0.7, 1.0, 1.41)
_SIMPLEX = np.array([0.08, 0.3, 0.08, 0.3, 0.1, 0.04, 0.3, 0.5])


@dataclass(frozen=True, slots=True)
class Band:
    """Which changes in time count: slower than `fine_s`, quicker than `slow_s`, s."""

    fine_s: float
    slow_s: float


@dataclass(frozen=True, slots=True)
class Match:
    """A pencil in each picture and an offset: `numbers` (8,), `lag_s` b's clock minus a's.

    `score` is the log-likelihood gained over no relation; larger is surer. `agreement` is
    the correlation of the two profiles.
    """

    numbers: Floats
    lag_s: float
    score: float
    agreement: float = 0.0


@kernel
def _splat(
    label: Any, frame: Any, pixel: Any, size: Any, count: int, lines: int
) -> Any:  # pragma: no cover - compiled
    out = np.zeros((count, lines), np.float32)
    for i in range(len(frame)):
        place = label[pixel[i]]
        if place < 0 or place >= lines - 1:
            continue
        low = int(place)
        part = place - low
        out[frame[i], low] += size[i] * (1 - part)
        out[frame[i], low + 1] += size[i] * part
    return out


def profile(stir: Stir, pencil: Any, band: Band) -> Singles:
    """What stirs on each line at each time (count, LINES), evened out, without what is slow.

    `pencil` is angle, fan, scale, shift and tilt: where a pixel's line meets the others'
    common scale.
    """
    angle, fan, scale, shift, tilt = pencil
    across = stir.x * np.float32(np.cos(angle)) - stir.y * np.float32(np.sin(angle))
    along = stir.y * np.float32(np.cos(angle)) + stir.x * np.float32(np.sin(angle))
    depth = 1 + np.float32(fan) * across + np.float32(tilt) * along
    place = np.where(
        depth > 0.15,
        (np.float32(scale) * along + np.float32(shift)) / np.maximum(depth, 0.15),
        np.float32(9),
    )
    label = ((place + _REACH / 2) * (LINES / _REACH)).astype(np.float32)
    raw = _splat(label, stir.frame, stir.pixel, stir.size, stir.count, LINES)
    return _even(np.sqrt(raw), band.fine_s / stir.step_s, band.slow_s / stir.step_s)


def _even(raw: Singles, fine: float, slow: float) -> Singles:
    quick = _blur(raw, fine, 0.7)
    quick = quick - _blur(quick, slow, 0.0)
    power = quick * quick
    # Loud and quiet parts of the event speak alike; the floor keeps out what is only noise.
    level = _blur(power, slow, 6.0) + 0.05 * float(power.mean()) + 1e-9
    even: Singles = (quick / np.sqrt(level)).astype(np.float32)
    return even


def _blur(picture: Singles, rows: float, cols: float) -> Singles:
    tall = 2 * int(np.ceil(3 * rows)) + 1
    wide = 2 * int(np.ceil(3 * cols)) + 1
    out = cv2.GaussianBlur(
        picture, (wide, tall), sigmaX=max(cols, 0.05), sigmaY=max(rows, 0.05),
        borderType=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return np.asarray(out, np.float32)


def pencils(numbers: Floats) -> tuple[Floats, Floats]:
    """The pencil of each camera: a's has two free numbers, b's five."""
    a = np.array([numbers[0], numbers[1], 1.0, 0.0, 0.0])
    return a, np.asarray(numbers[2:7], dtype=np.float64)


def profiles(seen: Stir | Sweep, pencil: Any, band: Band) -> tuple[Singles, ...]:
    """What a camera's motion tells of a pencil: of a sweep also which way it goes."""
    if isinstance(seen, Stir):
        return (profile(seen, pencil, band),)
    fine, slow = band.fine_s / seen.step_s, band.slow_s / seen.step_s
    return tuple(_even(raw, fine, slow) for raw in cast(seen, pencil, LINES, _REACH))


@kernel
def _products(a: Any, b: Any, lag: float, ratio: float, taps: int) -> Any:  # pragma: no cover
    count, other, lines = len(a), len(b), a.shape[1]
    row = np.zeros(lines, np.float32)
    here, there, both = 0.0, 0.0, 0.0
    for k in range(count):
        at = lag + ratio * k
        # Rows come and go gently, else offsets stick where one more row coincides.
        share = min(at + 0.5, 1.0) * min(other - 0.5 - at, 1.0)
        if at <= -0.5 or at >= other - 0.5:
            continue
        low = int(np.floor(at))
        row[:] = 0.0
        for tap in range(low - taps + 1, low + taps + 1):
            t = at - tap
            w = 1.0 if t == 0.0 else np.sin(np.pi * t) / (np.pi * t)
            w *= np.cos(np.pi * t / (2 * taps + 1)) ** 2
            place = -tap if tap < 0 else tap
            place = 2 * (other - 1) - place if place > other - 1 else place
            for i in range(lines):
                row[i] += np.float32(w) * b[place, i]
        for i in range(lines):
            here += share * a[k, i] * a[k, i]
            there += share * row[i] * row[i]
            both += share * a[k, i] * row[i]
    return here, there, both


def agreement(a: Singles, b: Singles, lag: float, ratio: float, fewest: int) -> tuple[float, float]:
    """How alike rows k of a and `lag + ratio * k` of b are, -1 to 1, and how many there are.

    Their number is not whole: counting rows would favour offsets at which pictures coincide.
    """
    common = min(len(a) - 1, (len(b) - 1 - lag) / ratio) - max(0.0, -lag / ratio)
    if common < fewest - 1 or len(b) <= 2 * TAPS:
        return 0.0, 0.0
    here, there, both = _products(a, b, lag, ratio, TAPS)
    return float(both) / float(np.sqrt(here * there + 1e-12)), common


def score(alike: float, rows: float) -> float:
    """The log-likelihood that an agreement over so many rows gains over none."""
    return -rows / 2 * float(np.log1p(-(min(max(alike, 0.0), 0.999) ** 2)))


def measure(
    a: Stir | Sweep, b: Stir | Sweep, numbers: Floats, lag_s: float, band: Band, fewest: int
) -> Match:
    """How well one pencil pair and offset explain both cameras."""
    pencil_a, pencil_b = pencils(numbers)
    lag = (a.start_s + lag_s - b.start_s) / b.step_s
    gain, alike = 0.0, 0.0
    for here, there in zip(profiles(a, pencil_a, band), profiles(b, pencil_b, band), strict=True):
        alike, rows = agreement(here, there, lag, a.step_s / b.step_s, fewest)
        gain += score(alike, rows)
    return Match(numbers, lag_s, gain, alike)


def refine(
    a: Stir | Sweep,
    b: Stir | Sweep,
    start: Match,
    bands: Sequence[Band],
    fewest: int,
    tries: int,
    *,
    free: bool = True,
) -> Match:
    """The best pencils (and offset, where it is `free`) near `start`, by Nelder-Mead simplex."""
    from scipy.optimize import minimize

    unit = a.step_s

    def best(q: Floats) -> Match:
        lag_s = float(q[7]) * unit if free else start.lag_s
        found = [measure(a, b, q, lag_s, band, fewest) for band in bands]
        return Match(q, lag_s, sum(m.score for m in found), found[0].agreement)

    def cost(q: Floats) -> float:
        # Pencils that fold the picture into a few lines agree with anything.
        odd = 0.02 * float(q[1] ** 2 + q[3] ** 2 + q[6] ** 2)
        return -best(q).score + odd + 0.05 * float(np.log(abs(q[4]) + 1e-3)) ** 2

    first = start.numbers[:7]
    wide = _SIMPLEX[:7] * 0.6
    if free:
        first, wide = np.concatenate([first, [start.lag_s / unit]]), _SIMPLEX
    simplex = np.vstack([first, first + np.diag(wide)])
    found = minimize(
        cost, first, method="Nelder-Mead",
        options={"initial_simplex": simplex, "maxfev": tries, "xatol": 1e-3, "fatol": 1e-3},
    )  # fmt: skip
    return best(found.x)


def coarse(a: Stir, b: Stir, band: Band, fewest: int, most: int) -> list[Match]:
    """The `most` offsets that fit best over all pairs of plain pencils, best first."""
    import scipy.fft

    every = max(1, round(a.step_s / b.step_s))
    n, m = a.count, -(-b.count // every)
    size = scipy.fft.next_fast_len(n + m, real=True), 2 * LINES
    lags = np.arange(size[0])
    lags = np.where(lags >= m, lags - size[0], lags)
    low = np.clip(-lags, 0, n)
    high = np.maximum(np.clip(m - lags, 0, n), low)
    rows = high - low
    far = []
    for angle in _ANGLES:
        for fan in _FANS:
            for scale in _SCALES:
                pencil = np.array([angle, fan, scale, 0.0, 0.0])
                flat = profile(b, pencil, band)[::every]
                sums = np.concatenate([[0.0], np.cumsum((flat * flat).sum(axis=1))])
                energy = sums[np.clip(high + lags, 0, m)] - sums[np.clip(low + lags, 0, m)]
                far.append((pencil, scipy.fft.rfft2(flat, size), energy))
    best = np.full(size[0], 0.0)
    which: list[Any] = [None] * size[0]
    for angle in _ANGLES:
        for fan in _FANS:
            flat = profile(a, (angle, fan, 1.0, 0.0, 0.0), band)
            sums = np.concatenate([[0.0], np.cumsum((flat * flat).sum(axis=1))])
            energy_a = sums[high] - sums[low]
            near = np.conj(scipy.fft.rfft2(flat, size))
            for pencil, spectrum, energy_b in far:
                product = scipy.fft.irfft2(near * spectrum, size)
                alike = product.max(axis=1) / np.sqrt(energy_a * energy_b + 1e-9)
                alike = np.where(rows >= fewest, alike, 0.0)
                for k in np.flatnonzero(alike > best):
                    which[k] = (angle, fan, pencil, int(product[k].argmax()))
                best = np.maximum(best, alike)
    gain = -rows / 2 * np.log1p(-(np.clip(best, 0, 0.99) ** 2))
    out: list[Match] = []
    while len(out) < most and gain.max() > 0:
        top = int(gain.argmax())
        angle, fan, pencil, shift = which[top]
        shift = shift - size[1] if shift > LINES else shift
        numbers = np.array(
            [angle, fan, pencil[0], pencil[1], pencil[2], -shift * _REACH / LINES, 0.0, 0.0]
        )
        lag_s = float(lags[top]) * a.step_s + b.start_s - a.start_s
        out.append(Match(numbers, lag_s, float(gain[top]), float(best[top])))
        gain = np.where(np.abs(lags - lags[top]) < 4, 0.0, gain)
    return out


def nothing() -> NDArray[np.float64]:
    """Numbers of plain pencils: parallel rows, one scale."""
    return np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
