"""Moments at which pictures change all at once, and clocks tied by a pattern of them.

A flash, a lamp, a body let go or set down changes what a camera shows from one frame to the
next, whichever way it looks and whatever it rides on. One such moment in each of two cameras
says nothing: any two can be laid on each other. A pattern of several does, as far as chance,
and every other offset, would not lay as many on each other as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit, Piece
from descent.clock.motion import Turned
from descent.clock.rotation import COVER
from descent.errors import UnsureSync

Floats = NDArray[np.float64]

LIGHT_UP, LIGHT_DOWN, MOTION = range(3)

LEAST = 3  # moments that must fall together
SURE = 5.0
"""Nats by which an answer must beat chance, the next offset and one camera run backwards."""

APART_S = 0.5  # changes nearer than this are one moment
SIDE_S = 0.4  # looked at to either side of a change of motion
AROUND_S = 4.0  # a change stands out from what is usual within this
_JUMP = 8.0  # times what is usual between neighbours
_BEND = 9.0  # times what is usual, for a change of motion
_LEAST_LIGHT = 0.02  # of the light: less is no change
_SEEN_BY_BOTH = 0.5  # of what one camera sees change, the other sees about so much
_RATE_SD = 1e-4  # nothing is told about the rate: 100 ppm


@dataclass(frozen=True, slots=True)
class Moments:
    """When a camera's pictures changed all at once, s of its own clock.

    `at` (n,) in order, each good to `sd` (n,) s, of a `kind` (n,): the light rose, fell, or
    what moves changed its pace. `start_s` to `end_s` is what was watched.
    """

    at: Floats
    sd: Floats
    kind: NDArray[np.int64]
    start_s: float
    end_s: float

    @property
    def span_s(self) -> float:
        """How long the camera was watched, s."""
        return self.end_s - self.start_s

    def backwards(self) -> Moments:
        """The same pattern run backwards: as many moments, and never the ones that were seen."""
        at = (self.start_s + self.end_s - self.at)[::-1]
        return Moments(at, self.sd[::-1], self.kind[::-1], self.start_s, self.end_s)


def moments(turned: Turned, light: Floats | None = None) -> Moments:
    """The moments of a camera, from its turns and its light (n,): the mean grey of each frame.

    What is usual is judged from what comes before and after, so that a camera that is tossed
    or lost in dust has no more moments than a calm one. Frames of unknown light are nan.
    """
    times = turned.times
    if len(times) < 8:
        none = np.zeros(0)
        return Moments(none, none, np.zeros(0, np.int64), float(times[0]), float(times[-1]))
    found = [*_lights(times, light)] if light is not None else []
    found += _bends(turned)
    kept: list[tuple[float, float, int]] = []
    for at, sd, kind in sorted(found):
        # Light is timed to the frame, and often moves what is followed: it goes first.
        near = [k for k in kept if at - k[0] < APART_S]
        if any(k[2] != MOTION or kind == MOTION for k in near):
            continue
        kept = [k for k in kept if k not in near]
        kept.append((at, sd, kind))
    rows = np.array(kept, np.float64).reshape(-1, 3)
    kinds = rows[:, 2].astype(np.int64)
    return Moments(rows[:, 0], rows[:, 1], kinds, float(times[0]), float(times[-1]))


def _lights(times: Floats, light: Floats) -> Iterator[tuple[float, float, int]]:
    """Frames between which the light rose or fell, (s, sd in s, kind)."""
    step = np.diff(np.log(np.maximum(light, 0.5)))
    usual = np.maximum(_around(times[1:], np.abs(step)), _LEAST_LIGHT / _JUMP)
    last = -np.inf
    for k in np.flatnonzero(np.abs(step) > _JUMP * usual):
        if times[k] - last >= APART_S:
            last = float(times[k])
            middle, sd = (times[k] + times[k + 1]) / 2, (times[k + 1] - times[k]) / np.sqrt(12)
            yield float(middle), float(sd), LIGHT_UP if step[k] > 0 else LIGHT_DOWN


def _bends(turned: Turned) -> list[tuple[float, float, int]]:
    """Moments at which what moves changes its pace, (s, sd in s, kind)."""
    took = np.diff(turned.times)
    middle = (turned.times[1:] + turned.times[:-1]) / 2
    side = max(SIDE_S, 4.6 * float(np.median(took)))
    rates = [turned.by[:, 0], turned.by[:, 1]]
    rates += [row for row in (turned.zoom, turned.twist) if row is not None]
    most = np.zeros(len(middle) - 1)
    for rate in rates:
        seen = np.where(np.isfinite(turned.noise), rate / took, np.nan)
        gap = np.abs(_gaps(middle, seen, side))
        usual = _around(middle[1:], gap)
        most = np.fmax(most, np.nan_to_num(gap / np.maximum(usual, 1e-9)))
    between = (middle[1:] + middle[:-1]) / 2
    found = []
    while most.size and float(most.max()) >= _BEND:
        k = int(np.argmax(most))
        near = np.abs(between - between[k]) < APART_S
        high = near & (most > 0.7 * most[k])
        width = float(np.ptp(between[high])) + float(np.median(took))
        found.append((float(between[k]), width / np.sqrt(12) + 0.05 * side, MOTION))
        most[near] = 0.0
    return found


def _around(times: Floats, values: Floats) -> Floats:
    """What is usual of values (n,) >= 0 within some seconds of each: a median, as a deviation."""
    whole = float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0
    out = np.full(len(values), whole)
    edges = np.arange(times[0], times[-1] + 1.0, 1.0)
    local = np.full(len(edges), whole)
    for k, edge in enumerate(edges):
        mine = values[(times >= edge - AROUND_S) & (times <= edge + AROUND_S)]
        mine = mine[np.isfinite(mine)]
        local[k] = np.median(mine) if len(mine) >= 8 else whole
    out = np.maximum(np.interp(times, edges, local), whole)
    wide: Floats = 1.4826 * out
    return wide


def _gaps(times: Floats, rate: Floats, side: float) -> Floats:
    """By how much a rate (n,) jumps between neighbours (n-1,), when it goes on as a line."""
    t, good = times - times[0], np.isfinite(rate)
    x = np.where(good, rate, 0.0)
    sums = np.zeros((5, len(t) + 1))
    sums[:, 1:] = np.cumsum(np.stack([good, good * t, good * t * t, x, x * t]), axis=1)
    here, edge = (t[1:] + t[:-1]) / 2, np.arange(1, len(t))
    low, high = (np.searchsorted(t, here + late) for late in (-side, side))
    ends, counts = [], []
    for first, last in ((low, edge), (edge, high)):
        n, st, stt, sx, sxt = sums[:, last] - sums[:, first]
        mean, level = st / np.maximum(n, 1), sx / np.maximum(n, 1)
        slope = (sxt - mean * sx) / np.maximum(stt - mean * st, 1e-9)
        ends.append(level + slope * (here - mean))
        counts.append(n)
    told = (np.minimum(*counts) >= 4) & (np.diff(t) <= side / 2)
    jump: Floats = np.where(told, ends[1] - ends[0], np.nan)
    return jump


@dataclass(frozen=True, slots=True)
class _Laid:
    """Moments laid on each other at a lag, s: the pairs of them, and what that says in nats."""

    lag: float
    nats: float
    pairs: tuple[tuple[int, int], ...]


def fit_moments(a: Moments, b: Moments, most_s: float = float("inf")) -> ClockFit:
    """Clock b told by clock a from a pattern of moments that both saw.

    `most_s` is how far the two clocks can be apart at most: a smaller one makes chance rarer.
    Raises UnsureSync where fewer than three moments fall together, or where chance, another
    offset or one camera run backwards do nearly as well. No rate is told. The interval is
    that of the moments' own scatter, never finer than half of what one of them is good to.
    """
    if min(len(a.at), len(b.at)) < LEAST:
        raise _unsure(f"only {min(len(a.at), len(b.at))} sudden changes are seen")
    every = _every(a, b, most_s)
    best = max(every, key=lambda laid: laid.nats, default=None)
    if best is None or len(best.pairs) < LEAST:
        count = 0 if best is None else len(best.pairs)
        raise _unsure(f"only {count} sudden changes fall together")
    back = max((laid.nats for laid in _every(a, b.backwards(), most_s)), default=-np.inf)
    sd = np.array([np.hypot(a.sd[i], b.sd[j]) for i, j in best.pairs])
    apart = max(APART_S, 4 * float(sd.max()))
    rival = max((x.nats for x in every if abs(x.lag - best.lag) > apart), default=-np.inf)
    sure = min(best.nats, best.nats - rival, best.nats - back)
    if sure < SURE:
        raise _unsure(
            f"{len(best.pairs)} sudden changes fall together, {best.nats:.1f} nats more than "
            f"chance; {rival:.1f} at another offset, {back:.1f} with one run backwards"
        )
    gaps = np.array([a.at[i] - b.at[j] - best.lag for i, j in best.pairs])
    count = len(gaps)
    scatter = float(np.sqrt((gaps**2).sum() / (count - 1) / count))
    own = float(np.hypot(max(scatter, 1 / np.sqrt((sd**-2).sum())), np.median(sd) / 2))
    start, end = float(b.at[best.pairs[0][1]]), float(b.at[best.pairs[-1][1]])
    wide = float(np.hypot(own, _RATE_SD * (end - start) / np.sqrt(12)))
    evidence = {
        "kind": "events", "events": count, "evidence": round(best.nats, 1),
        "next_best": round(max(rival, 0.0), 1), "chance": round(max(back, 0.0), 1),
        "seen_s": round(end - start, 2),
    }  # fmt: skip
    piece = Piece(start, end, best.lag, 1.0)
    left = float(np.sqrt(np.mean(gaps**2)))
    zero = Fraction(0)
    return ClockFit(zero, zero, (piece,), COVER * wide, left, sure / SURE, 0.0, evidence)


def _unsure(what: str) -> UnsureSync:
    return UnsureSync(
        what, where="events", do="mark a moment in each camera under sync:, or give a stretch "
        "in which both see several sudden changes, unevenly apart",
    )  # fmt: skip


def _every(a: Moments, b: Moments, most_s: float) -> list[_Laid]:
    """What every lag at which two moments of one kind meet says."""
    lags = [
        a.at[i] - b.at[j]
        for i in range(len(a.at))
        for j in range(len(b.at))
        if a.kind[i] == b.kind[j] and abs(a.at[i] - b.at[j]) <= most_s
    ]
    return [_laid(a, b, float(lag), most_s) for lag in lags]


def _laid(a: Moments, b: Moments, lag: float, most_s: float) -> _Laid:
    pairs: list[tuple[int, int]] = []
    for _ in range(3):
        pairs = _met(a, b, lag)
        if not pairs:
            return _Laid(lag, -np.inf, ())
        weight = np.array([1 / (a.sd[i] ** 2 + b.sd[j] ** 2) for i, j in pairs])
        off = np.array([a.at[i] - b.at[j] for i, j in pairs])
        lag = float(weight @ off / weight.sum())
    return _Laid(lag, _nats(a, b, lag, pairs, most_s), tuple(pairs))


def _met(a: Moments, b: Moments, lag: float) -> list[tuple[int, int]]:
    """Moments of one kind that meet at a lag within three deviations, each once, in order."""
    near = []
    for i, at in enumerate(a.at):
        for j, other in enumerate(b.at):
            off = abs(at - other - lag) / np.hypot(a.sd[i], b.sd[j])
            if a.kind[i] == b.kind[j] and off < 3:
                near.append((off, i, j))
    pairs: list[tuple[int, int]] = []
    for _, i, j in sorted(near):
        if all(i != x and j != y for x, y in pairs):
            pairs.append((i, j))
    return sorted(pairs)


def _nats(a: Moments, b: Moments, lag: float, pairs: list[tuple[int, int]], most_s: float) -> float:
    """How much more likely the moments are if seen by both than if each camera saw its own.

    The logarithm of the ratio, less that of the number of offsets that were tried; moments
    that only one camera saw while both were watching speak against it.
    """
    told = 0.0
    sds = []
    for i, j in pairs:
        sd = float(np.hypot(a.sd[i], b.sd[j]))
        sds.append(sd)
        off = (a.at[i] - b.at[j] - lag) / sd
        often = max(
            ((m.kind == a.kind[i]).sum() + 1) / max(m.span_s, 1e-3) for m in (a, b)
        )  # fmt: skip
        told += -0.5 * off * off - np.log(sd * np.sqrt(2 * np.pi) * often)
    start, end = max(a.start_s, b.start_s + lag), min(a.end_s, b.end_s + lag)
    both = sum(((t >= start) & (t <= end)).sum() for t in (a.at, b.at + lag))
    alone = both - 2 * len(pairs)
    tried = min(2 * most_s, a.span_s + b.span_s) / (2.5 * float(np.median(sds)))
    return float(told + alone * np.log(1 - _SEEN_BY_BOTH) - np.log(max(tried, 1.0)))
