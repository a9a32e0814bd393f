"""Two cameras on two bodies, each looking at the other's: tied by the motion between them.

Face to face, both see the other turn about the line between them by the same angle in the
same sense, and both see it grow or shrink as the distance does. How it is tossed sideways is
each camera's own: a body that rocks and one that swings on a rope look different from either
end. Only a small share of that, alike over time, leaks into the twist, since neither looks
exactly along the line between the two; it is fitted. What the two share may be a few seconds
of a long record: every second of the slower camera says for itself how well it fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit, Piece
from descent.clock.motion import Turned
from descent.clock.rotation import COVER
from descent.errors import UnsureSync

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

BLOCK_S = 1.0
LEAST_S = 5.0  # of motion that fits
SCAN_S = 0.05  # between the offsets that are tried first
COARSE_S = 0.02
THIN_S = 0.06  # turns of the slower camera that are shorter are taken together
FINE_S = 0.001
REACH_S = 0.3  # to either side of a coarse answer
SURE_MARGIN = 2.0
"""How many times as much evidence as the next best answer, and chance, the best must have."""

SURE = 760.0
"""What its evidence, times that margin, must come to: much is explained, and nothing else so.

Of seven flights of the simulation each true pair comes to 838 or more; cameras of different
flights, bodies of one kind at one manoeuvre that never saw each other, to 694 at most."""

RATIOS = (0.35, 2.8)
"""How much quicker one camera may see the distance change than the other: they stand off it."""

SHAPE = 0.05  # of a growth: parts of a body at other distances grow otherwise
LEAK = 0.25  # of what is seen sideways, the usual share that leaks into the twist
FLOOR = 3e-4  # rad, what following corners leaves at best
SLOW_S = 5.0  # what turns on for longer is a manoeuvre, which many flights have alike
RATE_SD = 1e-4  # nothing is told about the rate: 100 ppm
_CANDIDATES = 8
_MOST = 60_000_000  # lags times turns
_PACES = (1.0, 0.87, 1.15)

_HELP = "mark a moment in each camera under sync:, or give a longer stretch of it"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen between frames: twist, growth and pan (..., n), (..., n, 2), and where.

    `quick` is the twist without what goes on for seconds.
    """

    twist: Floats
    quick: Floats
    growth: Floats
    pan: Floats
    there: Bools


@dataclass(frozen=True, slots=True)
class _Ends:
    """A camera's frames (n,) and what it saw until each.

    `total` (6, n) sums twist, its quick part, growth, the pan about two axes, and turns that
    were not seen.
    """

    times: Floats
    total: Floats

    @classmethod
    def of(cls, turned: Turned) -> _Ends:
        seen = np.isfinite(turned.noise)
        none = np.zeros(len(seen))
        twist = none if turned.twist is None else turned.twist
        zoom = none if turned.zoom is None else turned.zoom
        each = np.stack([twist, zoom, turned.by[:, 0], turned.by[:, 1]]) * seen
        sums = np.concatenate([np.zeros((5, 1)), np.cumsum([*each, ~seen], axis=1)], axis=1)
        times, half = turned.times, SLOW_S / 2
        after, before = (np.interp(times + late, times, sums[0]) for late in (half, -half))
        slow = np.cumsum(np.diff(times) * ((after - before) / SLOW_S)[1:])
        quick = sums[0] - np.concatenate([[0.0], slow])
        return cls(times, np.insert(sums, 1, quick, axis=0))

    def between(self, t: Floats) -> _Seen:
        """What was seen between times (..., n)."""
        inside = (t >= self.times[0]) & (t <= self.times[-1])
        twist, quick, growth, first, second, unseen = (
            np.diff(np.interp(t, self.times, row), axis=-1) for row in self.total
        )
        there = (unseen < 0.02) & inside[..., 1:] & inside[..., :-1]
        return _Seen(twist, quick, growth, np.stack([first, second], axis=-1), there)

    def thinned(self) -> _Ends:
        """With so few frames that none follows the one before too soon: no slower, no surer."""
        every = max(1, int(np.ceil(THIN_S / max(float(np.median(np.diff(self.times))), 1e-6))))
        return _Ends(self.times[::every], self.total[:, ::every])

    @property
    def own(self) -> _Seen:
        """What was seen between its own frames."""
        step = np.diff(self.total, axis=1)
        return _Seen(step[0], step[1], step[2], step[3:5].T, step[5] < 0.5)

    def backwards(self, pace: float) -> _Ends:
        """The same run backwards and at another pace: as lively, and never what was seen."""
        middle = (self.times[0] + self.times[-1]) / 2
        times = middle + (middle - self.times[::-1]) * pace
        return _Ends(times, self.total[:, -1:] - self.total[:, ::-1])

    @property
    def blocks(self) -> Ints:
        """Where each second of its turns (n-1,) begins."""
        number = ((self.times[:-1] - self.times[0]) / BLOCK_S).astype(np.int64)
        return np.nonzero(np.concatenate([[True], np.diff(number) > 0]))[0]


@dataclass(frozen=True, slots=True)
class Found:
    """A lag, s, its evidence, what leaks (4,), and which turns (n-1,) of the slow one fit."""

    lag: float
    evidence: float
    leak: Floats
    fits: Bools


def fit_mutual(a: Turned, b: Turned, most_s: float = float("inf")) -> ClockFit:
    """Clock b told by clock a, from how each sees the other turn and go away.

    `most_s` is how far the two clocks can be apart at most: a smaller one makes chance rarer.
    Raises UnsureSync where less than 5 s of motion fit, or where chance or another offset
    fit nearly as well. No rate is told: the answer's is 1, its interval allows for 100 ppm.
    """
    a, b = a.trimmed(), b.trimmed()
    if min(len(a.by), len(b.by)) < 16 or min(a.seen_s, b.seen_s) < LEAST_S:
        raise _unsure(f"only {min(a.seen_s, b.seen_s):.1f} s of motion are seen")
    swapped = bool(np.median(np.diff(a.times)) > np.median(np.diff(b.times)))
    fast, slow = _Ends.of(b if swapped else a), _Ends.of(a if swapped else b)
    slow = slow.thinned()
    every = candidates(fast, slow, most_s)
    if not every:
        raise _unsure("nothing that one sees of the other fits what the other sees")
    best = max(every, key=lambda found: found.evidence)
    rival = max(
        (f.evidence for f in every if abs(f.lag - best.lag) > 2 * REACH_S), default=0.0
    )  # fmt: skip
    chance = [candidates(fast, slow.backwards(pace), most_s) for pace in _PACES]
    null = max((found.evidence for each in chance for found in each), default=0.0)
    margin = best.evidence / max(rival, null, 1e-9)
    if margin < SURE_MARGIN or margin * best.evidence < SURE:
        raise _unsure(
            f"what each sees of the other does not stand out: {best.evidence:.0f} at "
            f"{best.lag:+.2f} s, {rival:.0f} at another offset, {null:.0f} with one run backwards"
        )
    span_s = float(np.diff(slow.times)[best.fits].sum())
    if span_s < LEAST_S:
        raise _unsure(f"they see the same motion between them for only {span_s:.1f} s")
    lag, sd, left = _fine(fast, slow, best)
    first = float(slow.times[:-1][best.fits][0])
    last = float(slow.times[1:][best.fits][-1])
    sd = float(np.hypot(sd, RATE_SD * (last - first) / np.sqrt(12)))
    start, end = (first + lag, last + lag) if swapped else (first, last)
    evidence = {
        "kind": "mutual", "seen_s": round(span_s, 2), "evidence": round(best.evidence, 1),
        "next_best": round(rival, 1), "chance": round(null, 1),
    }  # fmt: skip
    piece = Piece(start, end, -lag if swapped else lag, 1.0)
    return ClockFit(Fraction(0), Fraction(0), (piece,), COVER * sd, left, margin, 0.0, evidence)


def _unsure(what: str) -> UnsureSync:
    return UnsureSync(what, where="mutual motion", do=_HELP)


def candidates(fast: _Ends, slow: _Ends, most_s: float) -> list[Found]:
    """The lags with the most evidence, each made better by fitting what leaks."""
    low = max(fast.times[0] - slow.times[-1] + LEAST_S, -most_s)
    high = min(fast.times[-1] - slow.times[0] - LEAST_S, most_s)
    lags = np.arange(low, max(high, low + SCAN_S), SCAN_S)
    if len(lags) * len(slow.times) > _MOST:
        raise _unsure("the records are too long to try every offset")
    none = np.zeros(4)
    parts = np.array_split(lags, max(1, len(lags) // 256))
    every = [_evidence(fast, slow, some, none).sum(axis=2) for some in parts]
    evidence = _weighed(*np.concatenate(every, axis=1))
    found = []
    for _ in range(_CANDIDATES):
        k = int(np.argmax(evidence))
        if evidence[k] <= 0:
            break
        found.append(_better(fast, slow, float(lags[k])))
        evidence[np.abs(lags - lags[k]) <= REACH_S] = 0
    return found


def _evidence(fast: _Ends, slow: _Ends, lags: Floats, leak: Floats) -> Floats:
    """What each second of the slower camera says for each lag, never less than 0.

    (2, lags, blocks), by the twist and by the growth: the logarithm of how much of the motion
    there is gone when one camera's is taken from the other's, for each turn of it.
    """
    seen, own = fast.between(slow.times[None, :] + lags[:, None]), slow.own
    there = seen.there & own.there[None, :]
    edges = slow.blocks

    def total(values: Floats) -> Floats:
        return np.add.reduceat(np.where(there, values, 0.0), edges, axis=1)

    count = total(np.ones_like(seen.twist))
    floor = np.maximum(count, 1) * FLOOR**2
    # A manoeuvre turns any two alike for a while: only what is quick is worth explaining.
    energy = total(seen.quick**2 + own.quick[None, :] ** 2) / 2
    off = own.twist[None, :] - seen.twist - seen.pan @ leak[:2] - (own.pan @ leak[2:])[None, :]
    twisted = np.log((energy + floor) / (total(off**2) + floor))
    size = total(np.broadcast_to(own.growth**2, seen.growth.shape))
    grown = np.log((size + floor) / (_growth_left(seen, own, total) + floor + SHAPE**2 * size))
    # One ratio a second is found from the data; two turns of it are spent on that.
    both = np.stack([
        np.maximum(twisted, 0) * count, np.maximum(grown, 0) * np.maximum(count - 2, 0),
    ])  # fmt: skip
    return np.where(count >= 4, both / 2, 0.0)


def _weighed(twist: Floats, growth: Floats) -> Floats:
    """Both kinds of evidence together: growth counts for no more than the twist.

    Many things come nearer or go away at much the same pace; few twist as another does.
    """
    out: Floats = twist + np.minimum(twist, growth)
    return out


def _growth_left(seen: _Seen, own: _Seen, total: Callable[[Floats], Floats]) -> Floats:
    """What is left of the growth in each second (lags, blocks), whatever the cameras' ratio."""
    between = total(seen.growth * own.growth[None, :])
    size, own_size = total(seen.growth**2), total(np.zeros_like(seen.growth) + own.growth**2)
    ratio = np.clip(between / np.maximum(size, 1e-12), *RATIOS)
    return np.maximum(own_size - 2 * ratio * between + ratio**2 * size, 0)


def _better(fast: _Ends, slow: _Ends, lag: float) -> Found:
    """A lag with what leaks fitted, and the seconds that fit then."""
    leak: Floats = np.zeros(4)
    near: Floats = np.linspace(lag - 10 * COARSE_S, lag + 10 * COARSE_S, 21)
    for _ in range(3):
        fits, _ = _run(_evidence(fast, slow, np.array([lag]), leak)[:, 0], slow)
        leak = _leak(fast, slow, lag, fits)
        told = _evidence(fast, slow, near, leak).transpose(1, 0, 2)
        lag = float(near[int(np.argmax([_run(both, slow)[1] for both in told]))])
    fits, evidence = _run(_evidence(fast, slow, np.array([lag]), leak)[:, 0], slow)
    return Found(lag, evidence, leak, fits)


def _run(evidence: Floats, slow: _Ends) -> tuple[Bools, float]:
    """The turns (n-1,) of the run of seconds that fits best, and the evidence in it.

    One second between that does not fit is bridged, and left out.
    """
    edges, turns = slow.blocks, len(slow.times) - 1
    count = np.diff(np.append(edges, turns))
    chosen = np.zeros(turns, dtype=bool)
    whole = evidence.sum(axis=0)
    near = np.nonzero(whole > 0.25 * count)[0]
    if len(near) == 0:
        return chosen, 0.0
    runs = np.split(near, np.nonzero(np.diff(near) > 2)[0] + 1)
    best = max(runs, key=lambda run: float(whole[run].sum()))
    for k in best:
        chosen[edges[k] : edges[k] + count[k]] = True
    return chosen, float(_weighed(*evidence[:, best].sum(axis=1)))


def _leak(fast: _Ends, slow: _Ends, lag: float, fits: Bools) -> Floats:
    """How much of what is seen sideways leaks into the twist: fast's pan (2,), then slow's."""
    seen, own = fast.between(slow.times + lag), slow.own
    use = fits & seen.there & own.there
    if use.sum() < 12:
        return np.zeros(4)
    X = np.concatenate([seen.pan, own.pan], axis=1)[use]
    y = (own.twist - seen.twist)[use]
    out: Floats = np.zeros(4)
    for _ in range(3):
        left = y - X @ out
        spread = _spread(left)
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
        normal = X.T @ (weight[:, None] * X) + np.eye(4) * (spread / LEAK) ** 2
        out = np.asarray(np.linalg.solve(normal, X.T @ (weight * y)), np.float64)
    return out


def _fine(fast: _Ends, slow: _Ends, found: Found) -> tuple[float, float, float]:
    """The lag, its standard deviation, s, and what is left over of the twist, rad."""
    lags = found.lag + np.arange(-REACH_S, REACH_S + FINE_S / 2, FINE_S)
    seen, own = fast.between(slow.times[None, :] + lags[:, None]), slow.own
    use = found.fits & own.there & seen.there.all(axis=0)
    y = (own.twist[None, :] - seen.twist)[:, use]
    X = np.concatenate([seen.pan[:, use], np.broadcast_to(own.pan[use], seen.pan[:, use].shape)], 2)
    middle = len(lags) // 2
    left = y[middle] - X[middle] @ found.leak
    for _ in range(4):
        spread = _spread(left)
        weight = 1 / (1 + (left / (2 * spread)) ** 2)
        normal = np.einsum("lni,n,lnj->lij", X, weight, X) + np.eye(4) * (spread / LEAK) ** 2
        leak = np.linalg.solve(normal, np.einsum("lni,n,ln->li", X, weight, y)[..., None])[..., 0]
        off = y - np.einsum("lni,li->ln", X, leak)
        cost = np.zeros((len(lags), len(use)))
        cost[:, use] = _blunt(off / spread)
        cost += _growth_cost(seen, own, slow, use, middle)
        middle = int(np.argmin(cost.sum(axis=1)))
        left = off[middle]
    fine, bend = _bottom(cost.sum(axis=1), middle)
    sd = max(_sandwich(cost, middle, bend, slow.blocks), _jackknife(cost, use))
    return float(lags[0]) + fine * FINE_S, sd, float(np.std(left))


def _sandwich(cost: Floats, middle: int, bend: float, edges: Ints) -> float:
    """The lag's standard deviation, s, from how a second's scores scatter at the bottom.

    Neighbouring errors are alike, so that a second's are taken together.
    """
    low, high = max(0, middle - 4), min(len(cost) - 1, middle + 4)
    slope = (cost[high] - cost[low]) / ((high - low) * FINE_S)
    scores = np.array([slope[i:j].sum() for i, j in pairwise([*edges, len(slope)])])
    return float(np.sqrt((scores**2).sum()) / bend)


def _jackknife(cost: Floats, use: Bools) -> float:
    """The same from what the lag would be without each quarter of the motion.

    What one camera sees wrongly, such as a leak that changes, goes on for seconds.
    """
    quarters = np.array_split(np.nonzero(use)[0], 4)
    whole = cost.sum(axis=1)
    lags = []
    for quarter in quarters:
        rest = whole - cost[:, quarter].sum(axis=1)
        lags.append(_bottom(rest, int(np.argmin(rest)))[0] * FINE_S)
    return float(np.sqrt(0.75 * np.sum((np.array(lags) - np.mean(lags)) ** 2)))


def _growth_cost(seen: _Seen, own: _Seen, slow: _Ends, use: Bools, middle: int) -> Floats:
    """What the growth has against each lag (lags, n-1), one ratio a second left free."""
    edges, turns = slow.blocks, len(use)
    count = np.diff(np.append(edges, turns))

    def spread_out(values: Floats) -> Floats:
        return np.repeat(np.add.reduceat(np.where(use, values, 0.0), edges, axis=1), count, axis=1)

    between = spread_out(seen.growth * own.growth)
    ratio = np.clip(between / np.maximum(spread_out(seen.growth**2), 1e-12), *RATIOS)
    off = np.where(use, own.growth - ratio * seen.growth, 0.0)
    spread = np.hypot(_spread(off[middle][use]), SHAPE * own.growth)
    out: Floats = np.where(use, _blunt(off / spread), 0.0)
    return out


def _blunt(z: Floats) -> Floats:
    """Half of z squared for small z; large ones count less and less (Cauchy)."""
    out: Floats = 2.0 * np.log1p(z * z / 4.0)
    return out


def _spread(values: Floats) -> float:
    return max(float(np.median(np.abs(values))) * 1.4826, 1e-5) if len(values) else 1.0


def _bottom(cost: Floats, k: int) -> tuple[float, float]:
    """The lowest place of a cost, in steps, and how it bends there, per s^2."""
    low, high = max(0, k - 8), min(len(cost), k + 9)
    x = np.arange(low, high, dtype=np.float64) - k
    bend, slope, _ = np.polyfit(x, cost[low:high], 2)
    bend = max(float(bend), 1e-9)
    return k + float(np.clip(-slope / (2 * bend), -8, 8)), 2 * bend / FINE_S**2
