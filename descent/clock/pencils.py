"""Two fixed cameras compared line by line: pencils of epipolar lines, and what stirs on each.

A plane through both cameras' centres cuts each picture in one line, and whatever moves in that
plane stirs both lines at once. So with the right pencil of lines in each picture (seven
numbers, the fundamental matrix) and the right offset, the two "line by time" profiles are one
and the same picture, whichever sides the cameras look from. All are searched for together.

Source: Ben-Artzi, Kasten, Peleg and Werman, "Camera calibration from dynamic silhouettes using
motion barcodes", CVPR 2016; Pundik and Moses, "Video synchronization using temporal signals
from epipolar lines", ECCV 2010. The search by Fourier transform over plain pencils,
refined to full pencils by simplex, is this module's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from descent.clock.even import TAPS, even, products
from descent.clock.stir import Stir
from descent.clock.sweep import Floats, Singles, Sweep, cast
from descent.tools.compiled import kernel

LINES = 72
COARSE_LINES = 36
_REACH = 1.2  # the lines span this many long sides
_ANGLES = np.deg2rad(np.arange(-80, 81, 20))
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


def profile(stir: Stir, pencil: Any, band: Band, lines: int = LINES) -> Singles:
    """What stirs on each line at each time (count, lines), evened out, without what is slow.

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
    label = ((place + _REACH / 2) * (lines / _REACH)).astype(np.float32)
    raw = _splat(label, stir.frame, stir.pixel, stir.size, stir.count, lines)
    return even(np.sqrt(raw), band.fine_s / stir.step_s, band.slow_s / stir.step_s)


def pencils(numbers: Floats) -> tuple[Floats, Floats]:
    """The pencil of each camera: a's has two free numbers, b's five."""
    a = np.array([numbers[0], numbers[1], 1.0, 0.0, 0.0])
    return a, np.asarray(numbers[2:7], dtype=np.float64)


def profiles(seen: Stir | Sweep, pencil: Any, band: Band) -> tuple[Singles, ...]:
    """What a camera's motion tells of a pencil: of a sweep also which way it goes."""
    if isinstance(seen, Stir):
        return (profile(seen, pencil, band),)
    fine, slow = band.fine_s / seen.step_s, band.slow_s / seen.step_s
    return tuple(even(raw, fine, slow) for raw in cast(seen, pencil, LINES, _REACH))


def agreement(a: Singles, b: Singles, lag: float, ratio: float, fewest: int) -> tuple[float, float]:
    """How alike rows k of a and `lag + ratio * k` of b are, -1 to 1, and how many there are.

    Their number is not whole: counting rows would favour offsets at which pictures coincide.
    """
    common = min(len(a) - 1, (len(b) - 1 - lag) / ratio) - max(0.0, -lag / ratio)
    if common < fewest - 1 or len(b) <= 2 * TAPS:
        return 0.0, 0.0
    here, there, both = products(a, b, lag, ratio, TAPS)
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


def coarse(
    a: Stir,
    b: Stir,
    band: Band,
    fewest: int,
    most: int,
    *,
    fans: Sequence[float] = (0.0,),
    scales: Sequence[float] = (1.0,),
    kept: dict[Any, Any] | None = None,
) -> list[Match]:
    """The `most` offsets that fit best over all pairs of plain pencils, best first.

    Of a few seconds parallel lines of one scale miss no offset; of less, lines that fan out
    and other scales begin nearer to the truth, at many times the cost. `kept` is of b alone:
    what was made of it for another a is taken from there.
    """
    import scipy.fft

    every = max(1, round(a.step_s / b.step_s))
    n, m, lines = a.count, -(-b.count // every), COARSE_LINES
    size = scipy.fft.next_fast_len(n + m, real=True), 2 * lines
    lags = np.arange(size[0])
    lags = np.where(lags >= m, lags - size[0], lags)
    low = np.clip(-lags, 0, n)
    high = np.maximum(np.clip(m - lags, 0, n), low)
    rows = high - low

    def seen(of: Stir, pencil: tuple[float, ...], step: int) -> tuple[Any, Floats]:
        flat = profile(of, (*pencil, 0.0, 0.0), band, lines)[::step]
        power = np.concatenate([[0.0], np.cumsum((flat * flat).sum(axis=1, dtype=np.float64))])
        return scipy.fft.rfft2(flat, size).astype(np.complex64), power

    kept = {} if kept is None else kept
    far = []
    for pencil in product(_ANGLES, fans, scales):
        key = "coarse", band, every, size, pencil
        if key not in kept:
            kept[key] = seen(b, pencil, every)
        there, power = kept[key]
        energy = power[np.clip(high + lags, 0, m)] - power[np.clip(low + lags, 0, m)]
        far.append((pencil, there, energy))
    best = np.zeros(size[0])
    which: list[Any] = [None] * size[0]
    for angle, fan in product(_ANGLES, fans):
        here, power = seen(a, (angle, fan, 1.0), 1)
        energy_a, near = power[high] - power[low], np.conj(here)
        for pencil, there, energy in far:
            both = scipy.fft.irfft2(near * there, size)
            alike = both.max(axis=1) / np.sqrt(energy_a * energy + 1e-9)
            alike = np.where(rows >= fewest, alike, 0.0)
            for k in np.flatnonzero(alike > best):
                which[k] = angle, fan, pencil, int(both[k].argmax())
            best = np.maximum(best, alike)
    gain = -rows / 2 * np.log1p(-(np.clip(best, 0, 0.99) ** 2))
    out: list[Match] = []
    while len(out) < most and gain.max() > 0:
        top = int(gain.argmax())
        angle, fan, pencil, shift = which[top]
        shift = shift - size[1] if shift > lines else shift
        numbers = np.array([angle, fan, *pencil, -shift * _REACH / lines, 0.0, 0.0])
        lag_s = float(lags[top]) * a.step_s + b.start_s - a.start_s
        out.append(Match(numbers, lag_s, float(gain[top]), float(best[top])))
        gain = np.where(np.abs(lags - lags[top]) < 4, 0.0, gain)
    return out
