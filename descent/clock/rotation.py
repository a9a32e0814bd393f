"""Two cameras on one rigid body: their clocks tied by the rotation that both felt.

Coarse: which lag, by correlation (`coarse`). Fine: one motion seen by both (`adjust`). What
does not stand out from the same data run backwards, or from a second lag, is refused.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from descent.clock.adjust import Adjusted, Floats, Ints, State, Turns, adjust, bandwidth
from descent.clock.coarse import Path, chance, path
from descent.clock.fit import ClockFit, Piece
from descent.clock.unwrap import Unwrapped, unwrap
from descent.errors import UnsureSync

SURE_MARGIN = 2.0
"""How many times more of the motion the next best answer, and chance, must leave unexplained."""

SURE_AGREEMENT = 0.6
"""How alike, 0 to 1, two motions must be. Unrelated ones of a few seconds come to 0.5 by
chance, shared ones with the noise of real frames to 0.85 and more."""

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


def fit_rotation(
    times_a: Any,
    turns_a: Any,
    times_b: Any,
    turns_b: Any,
    *,
    noise_a: Any = None,
    noise_b: Any = None,
    most_steps: int = MOST_STEPS,
    memory_s: float = 0.0,
    accept_unsure: bool = False,
) -> ClockFit:
    """Clock b told by clock a, from the rotation that both cameras felt.

    `times` (n,) are frame stamps in s, `turns` (n-1, 3) the rotation between neighbouring
    frames in rad, in any axes fixed to the camera; drop-outs, jitter, drift and steps are
    expected. `noise` (n-1,) is each turn's standard deviation in rad, infinite where it was
    not seen; all alike unless given. At most `most_steps` steps are looked for; errors
    within `memory_s` of each other are not taken as independent. `fit.map(t)` takes times
    on b's clock to a's; `fit.interval` is the 95 % half-width in s. UnsureSync where the
    two share too little motion or two answers are as good; `accept_unsure` returns the best
    all the same, its margin telling.
    """
    raw_a, raw_b = _floats(times_a), _floats(times_b)
    epoch_a, epoch_b = _epoch(raw_a, "a"), _epoch(raw_b, "b")
    clock_a, clock_b = unwrap(raw_a - epoch_a), unwrap(raw_b - epoch_b)
    a = Turns.of(clock_a.times, _floats(turns_a), "a", _given(noise_a))
    b = Turns.of(clock_b.times, _floats(turns_b), "b", _given(noise_b))
    few = min(int((a.weight > 0).sum()), int((b.weight > 0).sum()))
    if few < 16:
        raise _unsure(f"{few} turns are too few to compare")
    band_hz = bandwidth(a if a.step_s <= b.step_s else b)
    best = path(a, b, band_hz)
    null = chance(a, b, band_hz)
    margin = unexplained(max(best.rival, null)) / unexplained(best.score)
    if (margin < SURE_MARGIN or best.score < SURE_AGREEMENT) and not accept_unsure:
        raise _refused(best, null)
    try:
        found, segment = _fine(a, b, best, band_hz, most_steps, memory_s)
    except np.linalg.LinAlgError:
        raise _unsure("no common motion can be fitted to both") from None
    fit = _fit(
        found, segment, b, clock_a, clock_b, Fraction(epoch_a), Fraction(epoch_b), margin,
        {
            "kind": "rotation", "turns_a": int((a.weight > 0).sum()), "turns_b": found.used,
            "agreement": round(best.score, 4), "next_best": round(best.rival, 4),
            "chance": round(null, 4), "bandwidth_hz": round(band_hz, 3),
            "noise_a_rad": found.sigma_a, "noise_b_rad": found.sigma_b,
        },
    )  # fmt: skip
    if fit.interval > 0.25 / band_hz and not accept_unsure:
        raise _unsure(
            f"the motion is too slow to tell the time: +-{fit.interval:.3f} s, with agreement "
            f"{best.score:.2f}"
        )
    return fit


def unexplained(agreement: float) -> float:
    """The share of the motion that an answer leaves over, 1 at worst; never quite nothing."""
    return min(max(1 - agreement, 1e-3), 1.0)


def _given(noise: Any) -> Floats | None:
    return None if noise is None else _floats(noise)


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _epoch(times: Floats, who: str) -> int:
    if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all():
        raise ValueError(f"times_{who} must be two or more finite stamps, not {times.shape}")
    return int(np.floor(times.min()))


def _unsure(what: str) -> UnsureSync:
    return UnsureSync(what, where="shared rotation", do=_HELP)


def _refused(best: Path, null: float) -> UnsureSync:
    lag = float(np.median(best.lags))
    if best.score < SURE_AGREEMENT or best.score > 1.5 * best.rival:
        return _unsure(
            f"the cameras share no motion that stands out: agreement {best.score:.2f} at "
            f"{lag:+.2f} s, and {null:.2f} with one run backwards"
        )
    return _unsure(
        f"two answers are as good: agreement {best.score:.2f} at {lag:+.2f} s, "
        f"{best.rival:.2f} at another offset"
    )


# --- fine ------------------------------------------------------------------------------------


def _fine(
    a: Turns, b: Turns, best: Path, band_hz: float, most_steps: int, memory_s: float
) -> tuple[Adjusted, Ints]:
    """Adjust every stretch of one lag, find each step to the frame, and adjust again."""
    groups = _groups(best.lags, 0.5 / band_hz)
    if int(groups[-1]) > most_steps:  # the lag that most windows agree on
        lags = np.full_like(best.lags, np.median(best.lags[groups == np.bincount(groups).argmax()]))
        best, groups = replace(best, lags=lags), np.zeros_like(groups)
    window = np.searchsorted(best.edges, (b.t0 + b.t1) / 2, side="right") - 1
    window = np.clip(window, 0, len(best.lags) - 1)
    segment = groups[window]
    offsets = np.array([np.median(best.lags[groups == g]) for g in range(groups[-1] + 1)])
    state = State(offsets, 0.0, best.axes, float((b.t0[0] + b.t1[-1]) / 2))
    if len(offsets) > 1:
        careful = segment.copy()
        joints = np.nonzero(np.diff(groups))[0]
        for k in joints:  # both windows beside a step are left out
            careful[(window == k) | (window == k + 1)] = -1
        if all((careful == g).any() for g in range(len(offsets))):
            state = adjust(a, b, state, careful, band_hz, memory_s).state
        for g, k in enumerate(joints):
            turns = np.nonzero((window == k) | (window == k + 1))[0]
            _cut(segment, turns, _split(a, b, state, turns, g), g)
    found = adjust(a, b, state, segment, band_hz, memory_s)
    for _ in range(most_steps - int(groups[-1])):
        hidden = _hidden_step(found, b, segment, 0.5 / band_hz)
        if hidden is None:
            break
        state, turns, g = hidden
        segment[segment > g] += 1
        segment[(segment == g) & (np.arange(len(segment)) > turns[-1])] = g + 1
        _cut(segment, turns, _split(a, b, state, turns, g), g)
        found = adjust(a, b, state, segment, band_hz, memory_s)
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
    good = (segment >= 0) & (b.weight > 0)
    return ClockFit(
        epoch_a, epoch_b, tuple(pieces),
        interval=COVER * float(np.sqrt(np.maximum(spread, 0).mean())),
        residual=float(np.sqrt((found.error_b[good] ** 2).mean())),
        margin=margin, evidence=evidence,
    )  # fmt: skip
