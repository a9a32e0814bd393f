"""Two cameras on two bodies, each looking at the other's: tied by the way both poses change.

Each sees the other's body turn and move in its own axes. How one camera is tossed the other
sees too, as the tilt of its body: where b's camera is, as a sees it, is where a's body is as b
sees it, turned back. For every picture of a

    place_a = p + turn_a (q + K place_b)

with p (3,), q (3,) and K (3, 3) alike at all times: where the followed middles are on their
bodies, the cameras' mounts, and their scales (and lenses, where these are known roughly). The
same holds with a and b exchanged. Places are told far better than turns, and each of the two
equations rests on one camera's turns alone: together they use all that there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from descent.clock.fit import ClockFit, Piece
from descent.errors import UnsureSync

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

MUTUAL = "mutual motion"
LEAST_S = 5.0  # of pictures in which both see the other
SURE_MARGIN = 1.7
"""How many times as much evidence as chance and the next best answer the best must have."""

SURE = 170.0
"""What its evidence, times that margin, must come to."""

SCAN_S = 0.04  # between the offsets that are tried first
THIN_S = 0.08  # between the pictures that they are tried on
REACH_S = 0.6  # to either side of an answer it is the same one
FINE_S = 0.004
NEAR_S = 0.12  # to either side of a coarse answer
GAP_S = 0.35  # over a longer one no pose is told
FLOOR = 1e-3  # rad, what poses are off by at best
GROUPS = 8  # of pictures that are left out in turn
SPREAD = 2.4  # half-width of 95 % in standard deviations, told by so many groups
RATE_SD = 1e-4  # nothing is told about the rate: 100 ppm
OPEN_SD_S = 0.004  # exposures hunt, and stamps tell when shutters opened
_PACES = (1.0, 0.87, 1.15)
_HELP = "mark a moment in each camera under sync:, or give a longer stretch of it"


@dataclass(frozen=True, slots=True)
class Posed:
    """The other's body as a camera saw it at `times` (n,) s of its own clock.

    `turn` (n, 3, 3) takes the body's axes to the camera's, `place` (n, 3) is its middle in
    those, in any unit.
    """

    times: Floats
    turn: Floats
    place: Floats

    @property
    def span_s(self) -> float:
        """From the first picture to the last, s."""
        return float(self.times[-1] - self.times[0])

    def backwards(self, pace: float) -> Posed:
        """The same run backwards and at another pace: as lively, and never what was seen."""
        middle = (self.times[0] + self.times[-1]) / 2
        times = middle + (middle - self.times[::-1]) * pace
        return Posed(times, self.turn[::-1], self.place[::-1])

    def thinned(self) -> Posed:
        """With no more pictures than the first search needs."""
        every = max(1, round(THIN_S / max(float(np.median(np.diff(self.times))), 1e-6)))
        return Posed(self.times[::every], self.turn[::every], self.place[::every])


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two equations: what `own` saw, explained by what `other` did."""

    own: Posed
    spline: CubicSpline
    other: Floats

    @classmethod
    def of(cls, own: Posed, other: Posed) -> _Side:
        return cls(own, CubicSpline(other.times, other.place), other.times)

    def there(self, lag: float) -> Bools:
        """In which of its pictures (n,) the other saw something too, near enough in time."""
        at = self.own.times + lag
        next_ = np.clip(np.searchsorted(self.other, at), 1, len(self.other) - 1)
        near = self.other[next_] - self.other[next_ - 1] <= GAP_S
        out: Bools = near & (at >= self.other[0]) & (at <= self.other[-1])
        return out

    def rows(self, lag: float, use: Bools) -> Floats:
        """The equations (m, 3, 16) of the pictures in use: p, q, K, and the place itself.

        Divided by the distance, so that errors are in rad.
        """
        turn, place = self.own.turn[use], self.own.place[use]
        seen = self.spline(self.own.times[use] + lag)
        out = np.empty((len(turn), 3, 16))
        out[..., :3] = np.eye(3)
        out[..., 3:6] = turn
        out[..., 6:15] = (turn[..., None] * seen[:, None, None, :]).reshape(-1, 3, 9)
        out[..., 15] = place
        out /= np.sqrt((place**2).sum(axis=1))[:, None, None]
        return out


@dataclass(frozen=True, slots=True)
class Found:
    """The best offset of two runs: b's clock less a's, its evidence, and who saw them."""

    lag: float
    evidence: float
    a: Posed
    b: Posed


def fit_faces(a: Sequence[Posed], b: Sequence[Posed], most_s: float = float("inf")) -> ClockFit:
    """Clock b told by clock a, from the body that each saw of the other, in any of its runs.

    `most_s` is how far the two clocks can be apart at most: a smaller one makes chance rarer.
    Raises UnsureSync where they share less than 5 s, or where chance or another offset fit
    nearly as well. No rate is told: the answer's is 1, its interval allows for 100 ppm.
    """
    every = [(x, y, *evidence(x, y, most_s)) for x in a for y in b]
    every = [row for row in every if row[3].max(initial=0) > 0]
    if not every:
        raise _unsure("neither body is followed for long enough, while the other one is")
    x, y, lags, told = max(every, key=lambda row: float(row[3].max()))
    best = Found(float(lags[int(np.argmax(told))]), float(told.max()), x, y)
    rival = max(float(t[np.abs(own - best.lag) > REACH_S].max(initial=0)) for *_, own, t in every)
    chance = max(float(evidence(x, y.backwards(pace), most_s)[1].max(initial=0)) for pace in _PACES)
    margin = best.evidence / max(rival, chance, 1e-9)
    if margin < SURE_MARGIN or margin * best.evidence < SURE:
        raise _unsure(
            f"how each sees the other's body move does not stand out: {best.evidence:.0f} at "
            f"{-best.lag:+.2f} s, {rival:.0f} at another offset, {chance:.0f} with one run "
            "backwards"
        )
    fine = _fine(best)
    first, last = fine.span
    rate_s = RATE_SD * (last - first) / np.sqrt(12)
    sd = float(np.sqrt(fine.sd**2 + rate_s**2 + OPEN_SD_S**2))
    said = {
        "kind": "mutual", "seen_s": round(last - first, 2), "evidence": round(best.evidence, 1),
        "next_best": round(rival, 1), "chance": round(chance, 1),
    }  # fmt: skip
    piece = Piece(first, last, -fine.lag, 1.0)
    return ClockFit(Fraction(0), Fraction(0), (piece,), SPREAD * sd, fine.left, margin, 0.0, said)


def _unsure(what: str) -> UnsureSync:
    return UnsureSync(what, where=MUTUAL, do=_HELP)


def evidence(a: Posed, b: Posed, most_s: float = float("inf")) -> tuple[Floats, Floats]:
    """Offsets (n,) s, b's clock less a's, and what speaks for each (n,), never less than 0.

    Seconds of shared pictures, times the logarithm of how much of a's places only b's explain.
    """
    a, b = a.thinned(), b.thinned()
    low = max(b.times[0] - a.times[-1] + LEAST_S, -most_s)
    high = min(b.times[-1] - a.times[0] - LEAST_S, most_s)
    lags = np.arange(low, high + SCAN_S / 2, SCAN_S)
    sides = (_Side.of(a, b), 1.0), (_Side.of(b, a), -1.0)
    told = [sum(_explained(side, sign * float(lag)) for side, sign in sides) / 2 for lag in lags]
    return lags, np.array(told, np.float64)


def _explained(side: _Side, lag: float) -> float:
    use = side.there(lag)
    seconds = float(use.sum() * np.median(np.diff(side.own.times)))
    if seconds < LEAST_S:
        return 0.0
    rows = side.rows(lag, use).reshape(-1, 16)
    gram = rows.T @ rows
    floor = len(rows) * FLOOR**2
    alone, both = _left(np.delete(np.delete(gram, np.s_[6:15], 0), np.s_[6:15], 1)), _left(gram)
    return seconds * float(np.log((alone + floor) / (both + floor)))


def _left(gram: Floats) -> Floats:
    """What is left (...) of the last column after all others, of their products (..., k, k)."""
    count = gram.shape[-1] - 1
    whole, right = gram[..., :count, :count], gram[..., :count, count:]
    size = np.trace(whole, axis1=-2, axis2=-1)[..., None, None] / count
    explained = np.linalg.solve(whole + 1e-9 * size * np.eye(count), right)
    out: Floats = gram[..., count, count] - (right * explained).sum(axis=(-2, -1))
    return np.maximum(out, 0.0)


@dataclass(frozen=True, slots=True)
class _Fine:
    """The lag and its standard deviation, s, what is left over, rad, and b's times it rests on."""

    lag: float
    sd: float
    left: float
    span: tuple[float, float]


def _fine(found: Found) -> _Fine:
    """The lag by all pictures, and how much it changes without each eighth of them."""
    near = np.arange(-NEAR_S, NEAR_S + FINE_S / 2, FINE_S)
    sides = (_Side.of(found.a, found.b), 1.0), (_Side.of(found.b, found.a), -1.0)
    lag = found.lag
    for _ in range(5):
        grams = np.zeros((2, len(near), GROUPS, 16, 16))
        left = []
        for k, (side, sign) in enumerate(sides):
            own_lags = sign * (lag + near)
            use = side.there(own_lags[0]) & side.there(own_lags[-1])
            weight, spread, _ = _weights(side.rows(sign * lag, use))
            left.append(spread)
            # An error goes on for some pictures: a quicker camera is no surer for it.
            weight *= float(np.median(np.diff(side.own.times))) / spread**2
            group = _groups(side.own.times[use] - (0.0 if sign > 0 else lag), found, lag)
            for j, own in enumerate(own_lags):
                rows = side.rows(float(own), use)
                each = np.einsum("nik,n,nil->nkl", rows, weight, rows)
                for g in range(GROUPS):
                    grams[k, j, g] = each[group == g].sum(axis=0)
        whole = grams.sum(axis=2)
        best = _bottom(near, _left(whole).sum(axis=0))
        lag += best
        if abs(best) < FINE_S / 20:
            break
    without = [_bottom(near, _left(whole - grams[:, :, g]).sum(axis=0)) for g in range(GROUPS)]
    off = np.array(without) - np.mean(without)
    sd = float(np.sqrt((GROUPS - 1) / GROUPS * (off**2).sum()))
    first = max(float(found.b.times[0]), float(found.a.times[0]) + lag)
    last = min(float(found.b.times[-1]), float(found.a.times[-1]) + lag)
    return _Fine(lag, sd, float(np.mean(left)), (first, last))


def _groups(times: Floats, found: Found, lag: float) -> Ints:
    """Which group each time (n,) of a's clock falls into: neighbours together."""
    first = max(float(found.a.times[0]), float(found.b.times[0]) - lag)
    last = min(float(found.a.times[-1]), float(found.b.times[-1]) - lag)
    share = (times - first) / max(last - first, 1e-9)
    return np.clip((share * GROUPS).astype(np.int64), 0, GROUPS - 1)


def _weights(rows: Floats) -> tuple[Floats, float, Floats]:
    """Weights (m,) of pictures, less where they do not fit, the usual error, each one's (m, 3)."""
    weight, spread = np.ones(len(rows)), 1.0
    for _ in range(4):
        flat = (rows * np.sqrt(weight)[:, None, None]).reshape(-1, 16)
        scale = np.sqrt((flat[:, :15] ** 2).sum(axis=0)) + 1e-12
        answer = np.linalg.lstsq(flat[:, :15] / scale, flat[:, 15], rcond=1e-7)[0] / scale
        off = rows[..., 15] - rows[..., :15] @ answer
        size = np.sqrt((off**2).sum(axis=1))
        spread = max(float(np.median(size)) / 1.538, FLOOR / 10)  # of three components
        weight = 1 / (1 + (size / (2 * spread)) ** 2)
    return weight, spread, off


def _bottom(near: Floats, cost: Floats) -> float:
    """Where a cost is lowest, between its places too."""
    k = int(np.argmin(cost))
    low, high = max(0, k - 5), min(len(cost), k + 6)
    bend, slope, _ = np.polyfit(near[low:high], cost[low:high], 2)
    if bend <= 0:
        return float(near[k])
    return float(np.clip(-slope / (2 * bend), near[low], near[high - 1]))
