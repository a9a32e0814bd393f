"""Two cameras on one rigid body: their clocks tied by the rotation that both felt.

Coarse: the angular rates on an even grid, all nine products of axes correlated at every lag
by FFT, so the cameras may look anywhere. A clock that was reset shows as windows that agree
on another lag. Fine: `adjust`. What does not stand out from the same data run backwards, or
from a second lag, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from descent.clock.adjust import Adjusted, Floats, Ints, State, Turns, adjust, bandwidth
from descent.clock.fit import ClockFit, Piece
from descent.clock.unwrap import Unwrapped, unwrap
from descent.errors import UnsureSync

SURE_MARGIN = 1.5
"""How many times better than the next best, and than chance, an answer must be."""

SURE_AGREEMENT = 0.6
"""How alike, 0 to 1, two motions must be. Unrelated ones of a few seconds come to 0.5 by
chance, shared ones with the noise of real frames to 0.85 and more."""

WINDOW_S = 6.0
STEP_COST = 1.2  # a change of lag must win more than one window's whole agreement
NUDGE_COST = 0.3
MOST_STEPS = 4
STEP_GAIN = 45.0  # how many variances a step must take off what is left over
SMALLEST_STEP_S = 0.002
COVER = 2.45
"""Standard deviations of a mapped time, RMS over the span, that hold it: offset and rate are
two numbers, and both lie within 2.45 deviations together 95 times in 100."""

_HELP = (
    "give a longer stretch in which both cameras turn together, mark a moment in each under "
    "sync:, or take it with --accept-unsure"
)


@dataclass(slots=True)
class Path:
    """The lags that windows of b agree on: `lags` (windows,) s, their mean agreement 0 to 1.

    `rival` is the agreement of the best other lag. `edges` (windows + 1,) are b's times.
    """

    lags: Floats
    edges: Floats
    score: float
    rival: float
    axes: Floats


def fit_rotation(
    times_a: Any, turns_a: Any, times_b: Any, turns_b: Any, *, accept_unsure: bool = False
) -> ClockFit:
    """Clock b told by clock a, from the rotation that both cameras felt.

    `times` (n,) are frame stamps in s, `turns` (n-1, 3) the rotation between neighbouring
    frames in rad, in any axes fixed to the camera; drop-outs, jitter, drift and steps are
    expected. `fit.map(t)` takes times on b's clock to a's; `fit.interval` is the 95 %
    half-width in s. UnsureSync where the two share too little motion or two answers are
    as good; `accept_unsure` returns the best all the same, its margin telling.
    """
    raw_a, raw_b = _floats(times_a), _floats(times_b)
    epoch_a, epoch_b = _epoch(raw_a, "a"), _epoch(raw_b, "b")
    clock_a, clock_b = unwrap(raw_a - epoch_a), unwrap(raw_b - epoch_b)
    a = Turns.of(clock_a.times, _floats(turns_a), "a")
    b = Turns.of(clock_b.times, _floats(turns_b), "b")
    if min(len(a.t0), len(b.t0)) < 16:
        raise _unsure(f"{min(len(a.t0), len(b.t0))} turns are too few to compare")
    band_hz = bandwidth(a if a.step_s <= b.step_s else b)
    path = _path(a, b, band_hz)
    chance = _path(a, _backwards(b), band_hz).score
    margin = path.score / max(path.rival, chance, 1e-9)
    if (margin < SURE_MARGIN or path.score < SURE_AGREEMENT) and not accept_unsure:
        raise _refused(path, chance)
    found, segment = _fine(a, b, path, band_hz)
    fit = _fit(
        found, segment, b, clock_a, clock_b, Fraction(epoch_a), Fraction(epoch_b), margin,
        {
            "kind": "rotation", "turns_a": len(a.t0), "turns_b": found.used,
            "agreement": round(path.score, 4), "next_best": round(path.rival, 4),
            "chance": round(chance, 4), "bandwidth_hz": round(band_hz, 3),
            "noise_a_rad": found.sigma_a, "noise_b_rad": found.sigma_b,
        },
    )  # fmt: skip
    if fit.interval > 0.25 / band_hz and not accept_unsure:
        raise _unsure(
            f"the motion is too slow to tell the time: +-{fit.interval:.3f} s, with agreement "
            f"{path.score:.2f}"
        )
    return fit


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _epoch(times: Floats, who: str) -> int:
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all():
        raise ValueError(f"times_{who} must be two or more finite stamps, not {times.shape}")
    return int(np.floor(times.min()))


def _unsure(what: str) -> UnsureSync:
    return UnsureSync(what, where="shared rotation", do=_HELP)


def _refused(path: Path, chance: float) -> UnsureSync:
    lag = float(np.median(path.lags))
    if path.score < SURE_AGREEMENT or path.score >= SURE_MARGIN * path.rival:
        return _unsure(
            f"the cameras share no motion that stands out: agreement {path.score:.2f} at "
            f"{lag:+.2f} s, and {chance:.2f} with one run backwards"
        )
    return _unsure(
        f"two answers are as good: agreement {path.score:.2f} at {lag:+.2f} s, "
        f"{path.rival:.2f} at another offset"
    )


def _backwards(turns: Turns) -> Turns:
    """The same motion run backwards: as lively, and never the one that was felt."""
    total = turns.t0[0] + turns.t1[-1]
    return Turns((total - turns.t1)[::-1], (total - turns.t0)[::-1], turns.by[::-1].copy())


# --- coarse ----------------------------------------------------------------------------------


def _path(a: Turns, b: Turns, band_hz: float) -> Path:
    """Where in a each window of b fits best, over every lag at which they overlap."""
    step = 1 / (5 * band_hz)
    rate_a, start_a = _rates(a, step)
    rate_b, start_b = _rates(b, step)
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
    scores, edges = _windows(rate_a, rate_b @ axes, step, lags, size)
    chosen = _steadiest(scores)
    rows = np.arange(len(scores))
    near = max(2, int(np.ceil(0.6 / (band_hz * step))))
    apart = np.abs(np.arange(len(lags))[None, :] - chosen[:, None]) > near
    rival = float((np.where(apart, scores, 0.0)).mean(axis=0).max())
    fine = np.array([_peak(scores[k], int(chosen[k])) for k in rows])
    return Path(
        (lags[0] + fine) * step + start_a - start_b, edges * step + start_b,
        float(scores[rows, chosen].mean()), rival, axes,
    )  # fmt: skip


def _rates(turns: Turns, step: float) -> tuple[Floats, float]:
    """Angular rates (n, 3) rad/s, each the mean over `step`, less their mean."""
    start = float(turns.t0[0])
    grid: Floats = np.arange(int((turns.t1[-1] - start) / step) + 1, dtype=np.float64)
    grid = start + grid * step
    rate = np.diff(turns.angle(grid), axis=0) / step
    return rate - rate.mean(axis=0), start


def _windows(
    rate_a: Floats, rate_b: Floats, step: float, lags: Ints, size: int
) -> tuple[Floats, Floats]:
    """How well each window of b fits a at every lag (windows, lags), -1 to 1."""
    count = max(1, int(len(rate_b) * step / WINDOW_S))
    edges = np.linspace(0, len(rate_b), count + 1).astype(np.int64)
    far_a = np.fft.rfft(rate_a, size, axis=0)
    far_energy = np.fft.rfft((rate_a**2).sum(axis=1), size)
    out = np.zeros((count, len(lags)))
    # A window far quieter than the rest agrees with anything: its say is less.
    loudness = [float((rate_b[i:j] ** 2).mean()) for i, j in pairwise(edges)]
    usual = float(np.median(loudness)) or 1.0
    for k in range(count):
        part = np.zeros_like(rate_b)
        part[edges[k] : edges[k + 1]] = rate_b[edges[k] : edges[k + 1]]
        mask = np.zeros(len(rate_b))
        mask[edges[k] : edges[k + 1]] = 1.0
        dot = np.fft.irfft(
            (np.conj(np.fft.rfft(part, size, axis=0)) * far_a).sum(axis=1), size
        )[lags]  # fmt: skip
        energy = np.fft.irfft(np.conj(np.fft.rfft(mask, size)) * far_energy, size)[lags]
        own = float((part**2).sum())
        # A window half outside a fits by half: its own energy stands for what is not there.
        length = max(int(edges[k + 1] - edges[k]), 1)
        floor = float((rate_a**2).sum(axis=1).mean()) * length
        norm = np.sqrt(own * np.maximum(energy, 0.25 * floor) + 1e-300)
        out[k] = dot / norm * min(1.0, float(np.sqrt(loudness[k] / usual)))
    return out, edges.astype(np.float64)


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


# --- fine ------------------------------------------------------------------------------------


def _fine(a: Turns, b: Turns, path: Path, band_hz: float) -> tuple[Adjusted, Ints]:
    """Adjust every stretch of one lag, find each step to the frame, and adjust again."""
    groups = _groups(path.lags, 0.5 / band_hz)
    window = np.searchsorted(path.edges, (b.t0 + b.t1) / 2, side="right") - 1
    window = np.clip(window, 0, len(path.lags) - 1)
    segment = groups[window]
    offsets = np.array([np.median(path.lags[groups == g]) for g in range(groups[-1] + 1)])
    state = State(offsets, 0.0, path.axes, float((b.t0[0] + b.t1[-1]) / 2))
    if len(offsets) > 1:
        careful = segment.copy()
        joints = np.nonzero(np.diff(groups))[0]
        for k in joints:  # both windows beside a step are left out
            careful[(window == k) | (window == k + 1)] = -1
        if all((careful == g).any() for g in range(len(offsets))):
            state = adjust(a, b, state, careful, band_hz).state
        for g, k in enumerate(joints):
            turns = np.nonzero((window == k) | (window == k + 1))[0]
            _cut(segment, turns, _split(a, b, state, turns, g), g)
    found = adjust(a, b, state, segment, band_hz)
    for _ in range(MOST_STEPS):
        hidden = _hidden_step(found, b, segment, 0.5 / band_hz)
        if hidden is None:
            break
        state, turns, g = hidden
        segment[segment > g] += 1
        segment[(segment == g) & (np.arange(len(segment)) > turns[-1])] = g + 1
        _cut(segment, turns, _split(a, b, state, turns, g), g)
        found = adjust(a, b, state, segment, band_hz)
    return found, segment


def _cut(segment: Ints, turns: Ints, at: int, g: int) -> None:
    segment[turns[turns < at]] = g
    segment[turns[turns > at]] = g + 1
    segment[at] = -1


def _hidden_step(
    found: Adjusted, b: Turns, segment: Ints, largest_s: float
) -> tuple[State, Ints, int] | None:
    """A step too small for the windows, if what is left over shows one beyond doubt.

    The offsets that stretches of a second or so would have by themselves are met by a line,
    and by a line with one step; the step must be worth it many times over.
    """
    middle = (b.t0 + b.t1) / 2
    count = int(np.clip((middle[-1] - middle[0]) / 1.0, 8, 300))
    edges = np.linspace(middle[0], middle[-1], count + 1)
    bins = np.clip(np.searchsorted(edges, middle, side="right") - 1, 0, count - 1)
    hold = np.bincount(bins, found.hold, count)
    pull = np.bincount(bins, found.pull, count)
    firm = hold > 0.05 * float(np.median(hold))
    own = np.where(firm, pull / np.where(firm, hold, 1.0), 0.0)
    weight = np.where(firm, hold, 0.0)
    owner = np.array([np.bincount(segment[(bins == k) & (segment >= 0)]).argmax()
                      if ((bins == k) & (segment >= 0)).any() else -1
                      for k in range(count)])  # fmt: skip
    late = (edges[1:] + edges[:-1]) / 2 - found.state.centre
    whole = [np.where(owner == g, 1.0, 0.0) for g in range(len(found.state.offset))]
    root = np.sqrt(weight)
    base = np.stack([*whole, late], axis=1) * root[:, None]
    target = own * root
    left = target - base @ np.linalg.lstsq(base, target, rcond=None)[0]
    noise = float(np.median(left[firm] ** 2)) / 0.455 if firm.any() else 0.0
    best: tuple[float, float, int] = (0.0, 0.0, -1)
    q, _ = np.linalg.qr(base)
    for k in range(3, count - 3):
        if owner[k] != owner[k - 1] or owner[k] < 0:
            continue
        column = np.where((owner == owner[k]) & (np.arange(count) >= k), root, 0.0)
        column = column - q @ (q.T @ column)
        size = float(column @ column)
        if size > 0:
            jump = float(column @ target) / size
            best = max(best, (jump * jump * size, jump, k))
    gain, jump, k = best
    if k < 0 or noise <= 0 or gain < STEP_GAIN * noise:
        return None
    if not SMALLEST_STEP_S < abs(jump) < largest_s:  # beyond that the windows would have seen it
        return None
    g = int(owner[k])
    offsets = np.insert(found.state.offset, g + 1, found.state.offset[g] + jump)
    turns = np.nonzero((np.abs(bins - k) <= 2) & (segment == g))[0]
    return replace(found.state, offset=offsets), turns, g


def _groups(lags: Floats, apart: float) -> Ints:
    groups = np.zeros(len(lags), dtype=np.int64)
    groups[1:] = np.cumsum(np.abs(np.diff(lags)) > apart)
    return groups


def _split(a: Turns, b: Turns, state: State, turns: Ints, g: int) -> int:
    """The turn of b across which the clock stepped from segment g to the next."""
    cost = []
    for s in (g, g + 1):
        mark = np.full(len(turns), s)
        s0, s1 = state.at(b.t0[turns], mark), state.at(b.t1[turns], mark)
        off = a.angle(s1) - a.angle(s0) - b.by[turns] @ state.axes
        cost.append((off**2).sum(axis=1))
    before = np.concatenate([[0.0], np.cumsum(cost[0])[:-1]])
    after = np.concatenate([np.cumsum(cost[1][::-1])[::-1][1:], [0.0]])
    total = before + after
    # Neighbouring turns cost nearly the same; the one with a hole as long as the step is it.
    noise = float(np.median(np.minimum(cost[0], cost[1])))
    likely = total <= total.min() + 12 * noise
    jump = float(state.offset[g] - state.offset[g + 1])
    odd = np.abs((b.t1 - b.t0)[turns] - b.step_s - jump)
    if jump < 0:  # a's clock stepped: b's turn that holds the end of a's hole
        hole = int(np.argmin(np.abs(a.t1 - a.t0 - a.step_s + jump)))
        ends = state.at(b.t1[turns], np.full(len(turns), g))
        odd = np.abs(ends - a.t0[hole] - (a.step_s + b.step_s) / 2)
    return int(turns[np.argmin(np.where(likely, odd, np.inf))])


def _fit(
    found: Adjusted,
    segment: Ints,
    b: Turns,
    clock_a: Unwrapped,
    clock_b: Unwrapped,
    epoch_a: Fraction,
    epoch_b: Fraction,
    margin: float,
    evidence: dict[str, Any],
) -> ClockFit:
    """The answer as pieces on the clocks as they were written."""
    state = found.state
    times = np.concatenate([b.t0[:1], b.t1])
    # A frame belongs with the turn before it, the first with the one after; where that turn
    # spans a step, with the one after.
    owner = np.concatenate([segment[:1], segment])
    for k in np.nonzero(owner < 0)[0]:
        owner[k] = owner[k + 1] if k + 1 < len(owner) else owner[k - 1]
    mapped = state.at(times, owner)
    run_a = clock_a.run_at(mapped)
    run_b = clock_b.runs
    parts = np.nonzero(np.diff(owner) | np.diff(run_a) | np.diff(run_b))[0] + 1
    pieces = []
    rate = 1 + state.drift
    for first, last in zip([0, *parts], [*parts, len(times)], strict=True):
        g, shift_b = int(owner[first]), float(clock_b.shifts[run_b[first]])
        constant = float(state.offset[g]) - state.drift * state.centre + rate * shift_b
        constant -= float(clock_a.shifts[run_a[first]])
        ends = times[first] - shift_b, times[last - 1] - shift_b
        pieces.append(Piece(float(ends[0]), float(ends[1]), constant, rate))
    late = times - state.centre
    C = found.covariance
    count = len(state.offset)
    spread = C[owner, owner] + 2 * late * C[owner, count] + late**2 * C[count, count]
    good = segment >= 0
    return ClockFit(
        epoch_a, epoch_b, tuple(pieces),
        interval=COVER * float(np.sqrt(np.maximum(spread, 0).mean())),
        residual=float(np.sqrt((found.error_b[good] ** 2).mean())),
        margin=margin, evidence=evidence,
    )  # fmt: skip
