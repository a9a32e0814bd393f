"""Two cameras' clocks tied by what both heard.

Knapp and Carter, "The generalized correlation method for estimation of time delay" (1976), with
the phase transform: every frequency counts alike, so that rooms, microphones and hums weigh
little. Many windows are correlated and added up along a clock that drifts, so that sound too
faint to tell in one of them tells in all; each window then says for itself when it was heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from descent.clock.heard import (
    BANDS_HZ,
    DRIFT,
    HOP_S,
    LEAST_S,
    RATE_HZ,
    Heard,
    Offset,
    Onsets,
)

Floats = NDArray[np.float64]

WINDOW_S = 2.0  # correlated at once
REACH_S = 0.06  # to either side of what the onsets say
TRIED = 24  # windows that tell one offset from another
USED = 64  # windows that tell it finely
NEAR_S = 0.002  # nearer than this is the same answer
RATE_SD = 1e-4  # what is known of the rate beforehand: 100 ppm
FLOOR_S = 1e-4  # microphones delay what is low and what is high differently


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly two sounds agree, stacked along one drift: for one offset of the onsets.

    `lags` (n,) s are clock a less clock b at `at_s` of b's time, `curve` (n,) how many times
    what is usual each stands out by; the best is at `lag_s`, with `drift`.
    """

    lags: Floats
    curve: Floats
    at_s: float
    lag_s: float
    drift: float
    score: float

    def lag_at(self, own_s: float) -> float:
        """Clock a less clock b at b's own time."""
        return self.lag_s + self.drift * (own_s - self.at_s)


@dataclass(frozen=True, slots=True)
class Told:
    """What each window says: `times` (w,) of b, `off_s` (w,) from the line, `used` (w,)."""

    times: Floats
    off_s: Floats
    used: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Windows:
    """Correlations `waves` (w, n) of windows around `times` (w,), at `lags` (n,) off a line."""

    times: Floats
    lags: Floats
    waves: NDArray[np.float32]


def strength(a: Heard, b: Heard, onsets: Onsets, offset: Offset) -> Strength | None:
    """How strongly the waves agree near an offset that the onsets told; None without windows."""
    found = _windows(a, b, onsets, offset.lag_s, offset.at_s, offset.drift, TRIED)
    if found is None:
        return None
    away = found.times - offset.at_s
    half = max(float(np.abs(away).max()), 1e-9)
    # The onsets tell the drift to a step or two over the whole length.
    width = min(DRIFT, 3 * HOP_S / half)
    step = min(width, 0.5 * NEAR_S / 2 / half)
    drifts = np.arange(-np.ceil(width / step), np.ceil(width / step) + 1) * step
    best: tuple[float, int, float, Floats] | None = None
    for drift in drifts:
        shifts = np.round(drift * away * RATE_HZ).astype(int)
        total = np.zeros(len(found.lags))
        for wave, shift in zip(found.waves, shifts, strict=True):
            total += _shifted(wave, int(shift))
        curve = _sigmas(total)
        k = int(np.argmax(curve))
        if best is None or curve[k] > best[0]:
            best = float(curve[k]), k, float(drift), curve
    assert best is not None
    score, k, drift, curve = best
    lags = found.lags + offset.lag_s
    return Strength(
        lags, curve, offset.at_s, float(lags[k]), offset.drift + float(drift), score
    )  # fmt: skip


def _shifted(wave: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """`wave[j + by]` for every j, 0 beyond its ends."""
    if by == 0:
        return wave
    out = np.zeros_like(wave)
    if by > 0:
        out[:-by] = wave[by:]
    else:
        out[-by:] = wave[:by]
    return out


def _sigmas(total: Floats) -> Floats:
    """How far each value stands out of the usual, in what the usual scatters by."""
    usual = float(np.median(total))
    spread = 1.4826 * float(np.median(np.abs(total - usual)))
    out: Floats = (total - usual) / max(spread, 1e-9)
    return out


def beside(best: Strength, other: Strength, near_s: float) -> tuple[float, float]:
    """The strongest of `other` that is not the answer `best`, and its offset."""
    apart = np.abs(other.lags - best.lag_at(other.at_s)) > near_s
    if not apart.any():
        return 0.0, 0.0
    k = int(np.argmax(np.where(apart, other.curve, -np.inf)))
    return float(other.curve[k]), float(other.lags[k])


def sigmas_at(a: Heard, b: Heard, times: Floats, lag_s: float, drift: float) -> Floats:
    """How far each window of b, around `times` (w,), stands out at a line of offsets (w,).

    The line is `lag_s` at the first of them; 0 where a has nothing.
    """
    out = np.zeros(len(times))
    reach = round(REACH_S * RATE_HZ)
    near = np.abs(np.arange(-reach, reach + 1)) <= NEAR_S * RATE_HZ
    for k, middle in enumerate(times):
        wave = _phat(a, b, float(middle), lag_s + drift * float(middle - times[0]))
        if wave is not None:
            out[k] = float(_sigmas(np.asarray(wave, np.float64))[near].max())
    return out


def _windows(
    a: Heard, b: Heard, onsets: Onsets, lag_s: float, at_s: float, drift: float, most: int
) -> _Windows | None:
    """Up to `most` windows of b, the liveliest of each stretch, correlated with a along a line."""
    start, end = b.span
    first = max(start, a.span[0] - lag_s + REACH_S)
    last = min(end, a.span[1] - lag_s - REACH_S)
    if last - first < min(WINDOW_S, LEAST_S):
        return None
    times, waves = [], []
    for middle in _lively(onsets, first, last, most):
        wave = _phat(a, b, middle, lag_s + drift * (middle - at_s))
        if wave is not None:
            times.append(middle)
            waves.append(wave)
    if not times:
        return None
    reach = round(REACH_S * RATE_HZ)
    lags = np.arange(-reach, reach + 1) / RATE_HZ
    return _Windows(np.array(times), lags, np.stack(waves))


def _lively(onsets: Onsets, first: float, last: float, most: int) -> Sequence[float]:
    """The middles of windows of own time: where most begins in each of even stretches."""
    room = last - first - WINDOW_S
    count = int(np.clip(room / (WINDOW_S / 2) + 1, 1, most))
    edges = np.linspace(first + WINDOW_S / 2, last - WINDOW_S / 2, count + 1)
    if count == 1:
        return [float(edges.mean())]
    lively = np.maximum(onsets.values, 0).sum(axis=1)
    total = np.concatenate([[0.0], np.cumsum(lively, dtype=np.float64)])
    middles = []
    half = int(WINDOW_S / 2 / HOP_S)
    for low, high in pairwise(edges):
        at = np.arange(low, high, max(HOP_S, (high - low) / 64))
        place = np.round((at - onsets.start_s) / HOP_S).astype(int)
        begin, stop = (np.clip(place + off, 0, len(lively)) for off in (-half, half))
        middles.append(float(at[int(np.argmax(total[stop] - total[begin]))]))
    return middles


def _phat(a: Heard, b: Heard, middle: float, lag_s: float) -> NDArray[np.float32] | None:
    """The envelope of the whitened correlation of one window at every lag within reach.

    1 where all frequencies agree. An envelope, so that a microphone of the other polarity,
    or one that turns phases, still says when.
    """
    import scipy.fft

    length, reach = round(WINDOW_S * RATE_HZ), round(REACH_S * RATE_HZ)
    mine = b.at(middle - WINDOW_S / 2, length)
    # One sample more, since the first may begin up to half a sample late.
    other = a.at(middle - WINDOW_S / 2 + lag_s - reach / RATE_HZ, length + 2 * reach)
    if mine is None or other is None:
        return None
    (x, late_b), (y, late_a) = mine, other
    if not x.any() or not y.any():
        return None
    size = scipy.fft.next_fast_len(length + 2 * reach, real=True)
    spectrum = scipy.fft.rfft(y, size) * np.conj(
        scipy.fft.rfft(x * np.hanning(length).astype(np.float32), size)
    )
    frequency = np.arange(len(spectrum)) * (RATE_HZ / size)
    band = (frequency >= BANDS_HZ[0]) & (frequency <= BANDS_HZ[1])
    power = np.abs(spectrum)
    # What is far below the usual is the rounding of 16 bits, and has no phase to speak of.
    floor = 1e-3 * float(np.median(power[band])) + 1e-12
    white = np.where(band, spectrum / (power + floor), 0)
    white *= np.exp(-2j * np.pi * frequency * (late_a - late_b))
    both = np.zeros(size, np.complex64)
    both[: len(white)] = white
    wave = np.abs(scipy.fft.ifft(both)[: 2 * reach + 1]) * (size / band.sum())
    return np.asarray(wave, np.float32)


def fine(
    a: Heard, b: Heard, onsets: Onsets, best: Strength
) -> tuple[Told, tuple[float, float, float, float]]:
    """What each window says near the best line, and offset, drift, time and deviation of it."""
    found = _windows(a, b, onsets, best.lag_s, best.at_s, best.drift, USED)
    assert found is not None
    near = np.abs(found.lags) <= NEAR_S
    off, weight = [], []
    for wave in found.waves:
        sigmas = _sigmas(np.asarray(wave, np.float64))
        inside = np.where(near, sigmas, -np.inf)
        k = int(np.clip(np.argmax(inside), 1, len(sigmas) - 2))
        low, mid, high = sigmas[k - 1 : k + 2]
        bend = low - 2 * mid + high
        fine = 0.5 * (low - high) / bend if bend < 0 else 0.0
        off.append(found.lags[k] + float(np.clip(fine, -0.5, 0.5)) / RATE_HZ)
        weight.append(max(float(mid) - 3.0, 0.0))
    offs, weights = np.array(off), np.array(weight)
    at_s = float(found.times.mean())
    away = found.times - at_s
    line, left, used = _line(away, offs, weights)
    sd_s = _scatter(away, offs, weights)
    told = Told(found.times, left, used)
    lag_s = best.lag_at(at_s) + float(line[0])
    return told, (lag_s, best.drift + float(line[1]), at_s, float(np.hypot(sd_s, FLOOR_S / 2)))


def _line(away: Floats, offs: Floats, weights: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The robust line through what windows say: offset and drift, what is left, who agrees."""
    line: Floats = np.zeros(2)
    design = np.stack([np.ones_like(away), away], axis=1)
    spread = NEAR_S / 2
    for _ in range(12):
        left = offs - design @ line
        w = weights / (1 + (left / (2 * spread)) ** 2)
        # The drift of the stack is believed to what a clock may run off.
        normal = design.T @ (w[:, None] * design) / spread**2 + np.diag([0.0, 1 / RATE_SD**2])
        normal += np.eye(2) * 1e-9
        line = np.asarray(np.linalg.solve(normal, design.T @ (w * offs) / spread**2), np.float64)
        left = offs - design @ line
        good = weights > 0
        if good.any():
            spread = max(1.4826 * float(np.median(np.abs(left[good]))), 0.5 / RATE_HZ)
    used = (np.abs(left) <= max(5 * spread, 2 / RATE_HZ)) & (weights > 0)
    return line, left, used


def _scatter(away: Floats, offs: Floats, weights: Floats) -> float:
    """The standard deviation of a time on the line, s, over its span.

    From what the line would be without each of up to sixteen stretches of the sound: what
    one place hears wrongly, such as an echo, goes on for a while.
    """
    parts = np.array_split(np.arange(len(away)), min(16, len(away)))
    if len(parts) < 4:
        return NEAR_S / 2
    ends = np.linspace(away.min(), away.max(), 5)
    lines = []
    for part in parts:
        rest = np.setdiff1d(np.arange(len(away)), part)
        other, *_ = _line(away[rest], offs[rest], weights[rest])
        lines.append(other[0] + other[1] * ends)
    told = np.array(lines)
    count = len(parts)
    spread = (count - 1) / count * np.sum((told - told.mean(axis=0)) ** 2, axis=0)
    return float(np.sqrt(spread.mean()))
