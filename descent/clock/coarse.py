"""The coarse part of tying two cameras by rotation: which lag, whichever way they look.

Angular rates on an even grid, all nine products of axes correlated at every lag by FFT. A
clock that was reset shows as windows that agree on another lag. What chance would give is
measured on the same data, run backwards and at another pace.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from descent.clock.adjust import Floats, Ints, Turns

WINDOW_S = 6.0
STEP_COST = 1.2  # a change of lag must win more than one window's whole agreement
NUDGE_COST = 0.3
_SEEN = 0.3  # a window of which less was seen has no say
_PACES = (1.0, 0.87, 1.15)


@dataclass(slots=True)
class Path:
    """The lags that windows of b agree on: `lags` (windows,) s, their mean agreement 0 to 1.

    `rival` is the agreement of the best other lag. `edges` (windows + 1,) are b's times;
    `curve` the mean agreement at every lag of `at` (lags,) s, to look at.
    """

    lags: Floats
    edges: Floats
    score: float
    rival: float
    axes: Floats
    at: Floats
    curve: Floats


def chance(a: Turns, b: Turns, band_hz: float) -> float:
    """The best agreement of a with what b never felt: b run backwards, at several paces."""
    backwards = _backwards(b)
    return max(path(a, _paced(backwards, pace), band_hz).score for pace in _PACES)


def _backwards(turns: Turns) -> Turns:
    """The same motion run backwards: as lively, and never the one that was felt."""
    total = turns.t0[0] + turns.t1[-1]
    return Turns(
        (total - turns.t1)[::-1], (total - turns.t0)[::-1], turns.by[::-1].copy(),
        turns.weight[::-1].copy(),
    )  # fmt: skip


def _paced(turns: Turns, pace: float) -> Turns:
    start = turns.t0[0]
    t0, t1 = start + (turns.t0 - start) * pace, start + (turns.t1 - start) * pace
    return Turns(t0, t1, turns.by, turns.weight)


def path(a: Turns, b: Turns, band_hz: float) -> Path:
    """Where in a each window of b fits best, over every lag at which they overlap."""
    step = 1 / (5 * band_hz)
    rate_a, _, start_a = _rates(a, step)
    rate_b, there, start_b = _rates(b, step)
    size = 1 << int(np.ceil(np.log2(len(rate_a) + len(rate_b))))
    lags = np.arange(-len(rate_b) + 1, len(rate_a))
    far_a = np.fft.rfft(rate_a, size, axis=0)
    far_b = np.conj(np.fft.rfft(rate_b, size, axis=0))
    products = np.fft.irfft(far_b[:, :, None] * far_a[:, None, :], size, axis=0)[lags]
    overlap = np.minimum(len(rate_b), len(rate_a) - lags) - np.maximum(0, -lags)
    wide = overlap >= max(12, min(len(rate_a), len(rate_b)) // 5)
    size_of = np.sqrt((products**2).sum(axis=(1, 2)))
    size_of = np.where(wide, size_of / np.sqrt(np.maximum(overlap, 1)), 0.0)
    u, _, vt = np.linalg.svd(products[int(np.argmax(size_of))])
    axes: Floats = u @ vt
    scores, edges, told = _windows(rate_a, rate_b @ axes, there, step, lags, size)
    chosen = _steadiest(scores * (told / told.max())[:, None])
    rows = np.arange(len(scores))
    near = max(2, int(np.ceil(0.6 / (band_hz * step))))
    apart = np.abs(np.arange(len(lags))[None, :] - chosen[:, None]) > near
    share = told / told.sum()
    rival = float((share @ np.where(apart, scores, 0.0)).max())
    fine = np.array([_peak(scores[k], int(chosen[k])) for k in rows])
    return Path(
        (lags[0] + fine) * step + start_a - start_b, edges * step + start_b,
        float(share @ scores[rows, chosen]), rival, axes,
        np.asarray(lags * step + start_a - start_b, np.float64), share @ scores,
    )  # fmt: skip


def _rates(turns: Turns, step: float) -> tuple[Floats, Floats, float]:
    """Angular rates (n, 3) rad/s, each the mean over `step`, less their mean; what was seen.

    The share seen (n,) is 0 to 1: what was not stands for no motion, and makes no mean.
    """
    start = float(turns.t0[0])
    grid: Floats = np.arange(int((turns.t1[-1] - start) / step) + 1, dtype=np.float64)
    grid = start + grid * step
    rate = np.diff(turns.angle(grid), axis=0) / step
    times = np.concatenate([turns.t0[:1], turns.t1])
    seen = np.concatenate([[0.0], np.cumsum(np.where(turns.weight > 0, np.diff(times), 0.0))])
    there: Floats = np.diff(np.interp(grid, times, seen)) / step
    mean = rate.sum(axis=0) / max(float(there.sum()), 1.0)
    return rate - there[:, None] * mean, there, start


def _windows(
    rate_a: Floats, rate_b: Floats, there: Floats, step: float, lags: Ints, size: int
) -> tuple[Floats, Floats, Floats]:
    """How well each window of b fits a at every lag (windows, lags), -1 to 1.

    Also the windows' edges on the grid, and how much each has to say: what of it was seen.
    """
    count = max(1, int(len(rate_b) * step / WINDOW_S))
    edges = np.linspace(0, len(rate_b), count + 1).astype(np.int64)
    far_a = np.fft.rfft(rate_a, size, axis=0)
    far_energy = np.fft.rfft((rate_a**2).sum(axis=1), size)
    usual_a = float((rate_a**2).sum(axis=1).mean())
    out = np.zeros((count, len(lags)))
    seen = np.array([float(there[i:j].sum()) for i, j in pairwise(edges)])
    says: Floats = np.where(seen >= _SEEN * np.diff(edges), seen, 0.0)
    says = says if says.any() else np.ones(count)
    # A window far quieter than the rest agrees with anything: its say is less.
    power = np.array([float((rate_b[i:j] ** 2).sum()) for i, j in pairwise(edges)])
    loudness = power / np.maximum(seen, 1.0)
    usual = float(np.median(loudness[says > 0])) or 1.0
    for k in np.nonzero(says)[0]:
        part, mask = np.zeros_like(rate_b), np.zeros(len(rate_b))
        part[edges[k] : edges[k + 1]] = rate_b[edges[k] : edges[k + 1]]
        mask[edges[k] : edges[k + 1]] = there[edges[k] : edges[k + 1]]
        dot = np.fft.irfft(
            (np.conj(np.fft.rfft(part, size, axis=0)) * far_a).sum(axis=1), size
        )[lags]  # fmt: skip
        energy = np.fft.irfft(np.conj(np.fft.rfft(mask, size)) * far_energy, size)[lags]
        # A window half outside a fits by half: its own energy stands for what is not there.
        floor = 0.25 * usual_a * max(float(seen[k]), 1.0)
        norm = np.sqrt(power[k] * np.maximum(energy, floor) + 1e-300)
        out[k] = dot / norm * min(1.0, float(np.sqrt(loudness[k] / usual)))
    return out, edges.astype(np.float64), says


def _steadiest(scores: Floats) -> Ints:
    """One lag a window, changing only where that wins more than `STEP_COST` (Viterbi)."""
    count, size = scores.shape
    best = scores[0].copy()
    back = np.zeros((count, size), dtype=np.int64)
    here = np.arange(size)
    for k in range(1, count):
        # Drift moves a lag by a grid step now and then, which is cheap; walking is not.
        around = np.stack([np.roll(best, 1), best, np.roll(best, -1)])
        around[0, 0] = around[2, -1] = -np.inf
        pick = np.argmax(around + np.array([[-NUDGE_COST], [0.0], [-NUDGE_COST]]), axis=0)
        stay = np.take_along_axis(around, pick[None], axis=0)[0]
        stay = stay - NUDGE_COST * (pick != 1)
        top = int(np.argmax(best))
        jump = best[top] - STEP_COST
        back[k] = np.where(stay >= jump, here + pick - 1, top)
        best = np.maximum(stay, jump) + scores[k]
    chosen = np.zeros(count, dtype=np.int64)
    chosen[-1] = int(np.argmax(best))
    for k in range(count - 1, 0, -1):
        chosen[k - 1] = back[k, chosen[k]]
    return chosen


def _peak(values: Floats, at: int) -> float:
    """The top of the parabola through a sample and its neighbours."""
    if not 0 < at < len(values) - 1:
        return float(at)
    left, middle, right = values[at - 1 : at + 2]
    bend = left - 2 * middle + right
    return at + float(np.clip(0.5 * (left - right) / bend, -1, 1)) if bend < 0 else float(at)
