"""Which part of two long records is the motion that both cameras felt, and at what offset.

A body is let go, dust hides the ground: what two cameras share may be less than half of what
they saw, so that no fit to all of it is right anywhere. Windows of the one are held against
every offset of the other, whatever the axes and scale; the best few offsets are then followed
second by second, with one matrix for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit
from descent.clock.motion import Turned, fit_motion
from descent.errors import UnsureSync

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WINDOW_S = 8.0
GRID_S = 0.05
BLOCK_S = 1.0
SWING_S = 0.4  # offsets nearer than this are one answer
LEAST_S = 8.0  # of motion that fits
SURE_CHANCE, SURE_RIVAL = 2.0, 1.5
"""How many times as much evidence the best must have as chance, and as the next offset."""

_CANDIDATES = 8
_PAD_S = 1.0
_FITS = 0.15  # of a second's motion may be left over
_FLOOR = 3e-4  # rad, what following corners leaves at best


@dataclass(frozen=True, slots=True)
class Part:
    """Where two records go together: `lag` is a's time less b's, s, with so much `evidence`.

    `fits` (n-1,) are the turns of b in the longest run of seconds that fit.
    """

    lag: float
    evidence: float
    fits: Bools


def fit_part(a: Turned, b: Turned) -> ClockFit:
    """Clock b told by clock a from the part of their motion that both felt.

    UnsureSync where no part of 8 s stands out against the next offset and against one camera
    run backwards, and as in `fit_motion` of that part.
    """
    a, b = a.trimmed(), b.trimmed()
    if min(a.seen_s, b.seen_s) < LEAST_S or min(len(a.by), len(b.by)) < 16:
        raise _unsure(f"only {min(a.seen_s, b.seen_s):.1f} s of motion are seen")
    found = parts(a, b)
    chance = max((p.evidence for p in parts(a, backwards(b))), default=0.0)
    if not found or found[0].evidence < SURE_CHANCE * chance:
        most = found[0].evidence if found else 0.0
        raise _unsure(f"no part of it stands out: {most:.0f}, and {chance:.0f} run backwards")
    best = found[0]
    rival = max((p.evidence for p in found if abs(p.lag - best.lag) > SWING_S), default=0.0)
    if best.evidence < SURE_RIVAL * rival:
        raise _unsure(
            f"two answers are as good: {best.evidence:.0f} at {best.lag:+.2f} s, {rival:.0f} at "
            "another offset"
        )
    part = replace(b, noise=np.where(best.fits, b.noise, np.inf)).trimmed()
    if part.seen_s < LEAST_S:
        raise _unsure(f"only {part.seen_s:.1f} s of it are shared")
    low, high = float(part.times[0]) + best.lag, float(part.times[-1]) + best.lag
    fit = fit_motion(a.within(low - _PAD_S, high + _PAD_S), part, near_s=best.lag)
    said = {"part": round(part.seen_s / b.seen_s, 3), "part_chance": round(chance, 1),
            "part_next": round(rival, 1), "part_evidence": round(best.evidence, 1)}  # fmt: skip
    return replace(fit, evidence={**fit.evidence, **said})


def _unsure(what: str) -> UnsureSync:
    return UnsureSync(
        what, where="shared rotation",
        do="give the stretch that both cameras share, or mark a moment in each under sync:",
    )  # fmt: skip


def parts(a: Turned, b: Turned) -> list[Part]:
    """The few offsets at which some stretch of b fits a, the one with most evidence first."""
    lags, told = _everywhere(a, b)
    found = []
    for _ in range(_CANDIDATES):
        k = int(np.argmax(told))
        if told[k] <= 0:
            break
        found.append(_followed(a, b, float(lags[k])))
        told[np.abs(lags - lags[k]) <= SWING_S] = 0
    return sorted(found, key=lambda part: -part.evidence)


def _total(turned: Turned) -> tuple[Floats, Floats]:
    """The turned angle (n, 3) until each frame, and the time (n,) in which nothing was seen."""
    seen = np.isfinite(turned.noise)
    angle = np.concatenate([np.zeros((1, 3)), np.cumsum(turned.by * seen[:, None], axis=0)])
    dark = np.concatenate([[0.0], np.cumsum(np.where(seen, 0.0, np.diff(turned.times)))])
    return angle, dark


def _rates(turned: Turned) -> tuple[Floats, Floats]:
    """Rates (m, 3) on an even grid, 0 where not seen, and where they were (m,)."""
    angle, dark = _total(turned)
    grid = np.arange(turned.times[0], turned.times[-1], GRID_S)
    each = np.stack([np.interp(grid, turned.times, angle[:, k]) for k in range(3)], axis=1)
    seen = np.diff(np.interp(grid, turned.times, dark)) < 0.2 * GRID_S
    return np.diff(each, axis=0) * seen[:, None], seen.astype(np.float64)


def _everywhere(a: Turned, b: Turned) -> tuple[Floats, Floats]:
    """How much every window of b says for each lag, by whatever matrix fits it best there."""
    x, there = _rates(a)
    y, mine = _rates(b)
    size = 1 << int(np.ceil(np.log2(len(x) + len(y) + 1)))
    lags = np.arange(-len(y) + 1, len(x))
    far = np.fft.rfft(x, size, axis=0)
    far_there = np.fft.rfft(there, size)
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    far_pairs = [np.fft.rfft(x[:, i] * x[:, j], size) for i, j in pairs]
    wide = int(WINDOW_S / GRID_S)
    starts = range(0, max(1, len(y) - wide + 1), wide // 2)
    told = np.zeros(len(lags))
    for first in starts:
        window = np.zeros((len(y), 3))
        window[first : first + wide] = y[first : first + wide]
        mask = np.zeros(len(y))
        mask[first : first + wide] = mine[first : first + wide]
        if mask.sum() < 0.5 * wide:
            continue
        near, near_mask = np.conj(np.fft.rfft(window, size, axis=0)), np.fft.rfft(mask, size)
        near_mask = np.conj(near_mask)
        cross = np.fft.irfft(far[:, :, None] * near[:, None, :], size, axis=0)[lags]
        both = np.fft.irfft(far_there * near_mask, size)[lags]
        square = np.empty((len(lags), 3, 3))
        for (i, j), row in zip(pairs, far_pairs, strict=True):
            square[:, i, j] = square[:, j, i] = np.fft.irfft(row * near_mask, size)[lags]
        trace = np.trace(square, axis1=1, axis2=2)
        square += (1e-3 * trace + 1e-12)[:, None, None] * np.eye(3)
        seen = (cross * np.linalg.solve(square, cross)).sum(axis=(1, 2))
        share = np.clip(seen / max(float((window**2).sum()), 1e-12), 0.0, 0.99)
        good = both > 0.8 * mask.sum()
        told += np.where(good, np.maximum(-np.log(1 - share) - 1.0, 0.0), 0.0)
    return lags * GRID_S + a.times[0] - b.times[0], told


def _against(a: Turned, b: Turned, lag: float) -> tuple[Floats, Bools]:
    """How a turned between b's frames (n-1, 3) at a lag, and where both saw it."""
    angle, dark = _total(a)
    at = b.times + lag
    turned = np.stack([np.interp(at, a.times, angle[:, k]) for k in range(3)], axis=1)
    unseen = np.diff(np.interp(at, a.times, dark))
    inside = (at[:-1] >= a.times[0]) & (at[1:] <= a.times[-1])
    seen = (unseen < 0.2 * np.diff(b.times)) & inside & np.isfinite(b.noise)
    return np.diff(turned, axis=0), seen


def _followed(a: Turned, b: Turned, lag: float) -> Part:
    """One matrix for the seconds that fit, from the window that fits best outwards."""
    near = lag + np.arange(-4, 5) * (GRID_S / 2)
    best = Part(lag, 0.0, np.zeros(len(b.by), dtype=bool))
    for each in near:
        x, seen = _against(a, b, float(each))
        if seen.sum() < 16:
            continue
        matrix = _seed(x, b, seen)
        for _ in range(3):
            said = _said(x, b, seen, matrix)
            fits, evidence = _run(said, b)
            if (fits & seen).sum() < 12:
                break
            matrix = _matrix(x[fits & seen], b.by[fits & seen])
        else:
            if evidence > best.evidence:
                best = Part(float(each), evidence, fits)
    return best


def _matrix(x: Floats, y: Floats) -> Floats:
    """The matrix (3, 3) that takes turns x (n, 3) to y as well as one can."""
    return np.asarray(np.linalg.lstsq(x, y, rcond=None)[0], np.float64)


def _seed(x: Floats, b: Turned, seen: Bools) -> Floats:
    """The matrix (3, 3) of the window in which one explains most."""
    best = (np.inf, np.eye(3))
    for start in np.arange(b.times[0], b.times[-1] - WINDOW_S / 2, WINDOW_S / 2):
        mine = seen & (b.times[:-1] >= start) & (b.times[1:] <= start + WINDOW_S)
        if mine.sum() < 16:
            continue
        matrix = _matrix(x[mine], b.by[mine])
        left = ((b.by[mine] - x[mine] @ matrix) ** 2).sum()
        whole = (b.by[mine] ** 2).sum() + 3 * mine.sum() * _FLOOR**2
        best = min(best, (float(left / whole), matrix), key=lambda each: each[0])
    return best[1]


def _edges(b: Turned) -> NDArray[np.int64]:
    number = ((b.times[:-1] - b.times[0]) / BLOCK_S).astype(np.int64)
    return np.nonzero(np.concatenate([[True], np.diff(number) > 0]))[0]


def _said(x: Floats, b: Turned, seen: Bools, matrix: Floats) -> Floats:
    """What each second says (blocks,): how much of its motion is gone, for each turn of it."""
    edges = _edges(b)

    def total(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(np.where(seen, values, 0.0), edges), np.float64)

    count = total(np.ones(len(x)))
    floor = 3 * np.maximum(count, 1) * _FLOOR**2
    whole = total((b.by**2).sum(axis=1)) + floor
    left = total(((b.by - x @ matrix) ** 2).sum(axis=1)) + floor
    said = np.where(count >= 4, np.log(whole / left), 0.0)
    return np.where(said > -np.log(_FITS), said * count / 2, 0.0)


def _run(said: Floats, b: Turned) -> tuple[Bools, float]:
    """The turns (n-1,) of the run of seconds with most evidence; up to three may be bridged."""
    edges = _edges(b)
    chosen = np.zeros(len(b.by), dtype=bool)
    near = np.nonzero(said > 0)[0]
    if len(near) == 0:
        return chosen, 0.0
    runs = np.split(near, np.nonzero(np.diff(near) > 4)[0] + 1)
    best = max(runs, key=lambda run: float(said[run].sum()))
    ends = np.append(edges, len(b.by))
    for k in best:
        chosen[ends[k] : ends[k + 1]] = True
    return chosen, float(said[best].sum())


def backwards(turned: Turned) -> Turned:
    """The same motion run backwards: as lively, and never the one that was felt."""
    times = turned.times[0] + turned.times[-1] - turned.times[::-1]
    return Turned(times, turned.by[::-1].copy(), turned.noise[::-1].copy())


__all__ = ["Part", "backwards", "parts"]
