"""The offsets of several cameras that watch one event, found together.

Which pairs to believe: those that are sure alone, and those that only say so fairly but close
a cycle with others. Then all pairs' likelihoods, in quick changes only, are added up as a
function of one offset a camera, while every pencil follows: what a pair's pencil gets wrong,
a slightly wrong offset no longer makes good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from descent.clock.pencils import Band, Match, agreement, pencils, profiles, refine, score
from descent.clock.sweep import Floats, Sweep

Pair = tuple[int, int]

ROUNDS = ((True, 150), (True, 150), (False, 150))
"""Of each round, whether slow changes hold the pencils too, and how often they are tried."""

QUICK_ROUNDS = ((True, 90), (False, 60))
"""The same where every pair has `PLENTY` rows, which leave less to be found."""

PLENTY = 100
_SPAN = 2.5  # steps of the slower camera, on either side, in which an offset is looked for
_FINE = 16  # places a step at which the likelihood is taken


@dataclass(frozen=True, slots=True)
class View:
    """A pair's evidence near its offset: both sweeps, the match, and how few rows will do.

    The sweeps keep their cameras' own seconds; `epochs_s` is b's epoch minus a's. `a` is the
    slower camera; `turned` says that it is the pair's second.
    """

    a: Sweep
    b: Sweep
    match: Match
    fewest: int
    epochs_s: float
    turned: bool

    def own(self, lag_s: float) -> float:
        """A lag of the pair (second clock minus first) as the sweeps count it."""
        return (-lag_s if self.turned else lag_s) - self.epochs_s

    def shared(self, own_s: float) -> float:
        """A lag as the sweeps count it as one of the pair."""
        lag_s = own_s + self.epochs_s
        return -lag_s if self.turned else lag_s


def quick(step_s: float) -> Band:
    """The changes that tell an offset best: half a frame to two and a half of the slower.

    Never those below 13 ms, which are noise.
    """
    return Band(max(0.55 * step_s, 0.013), max(2.5 * step_s, 0.05))


def believed(
    lags: Mapping[Pair, float], sure: Collection[Pair], reach: Mapping[Pair, float]
) -> set[Pair]:
    """Of pairs' lags those to believe: the sure ones, and all three that close a triangle.

    Chance closes one to within `reach` about once in thirty.
    """
    cameras = sorted({c for pair in lags for c in pair})
    taken = set(sure)
    for i, j, k in combinations(cameras, 3):
        three = [(i, j), (j, k), (i, k)]
        if all(pair in lags for pair in three):
            gap = abs(lags[i, j] + lags[j, k] - lags[i, k])
            if gap <= max(reach[pair] for pair in three):
                taken.update(three)
    return taken


def linked(
    count: int,
    lags: Mapping[Pair, float],
    sure: Collection[Pair],
    fair: Collection[Pair],
    reach: Mapping[Pair, float],
) -> set[Pair]:
    """Pairs to believe between groups of cameras that sure pairs hold together.

    What such a pair says shifts a whole group against another. A fair one is believed where a
    second one between the same groups, of all those in `lags`, says the same shift: chance
    does so about once in thirty.
    """
    offsets, _, group = close(count, {pair: (lags[pair], reach[pair] / 2) for pair in sure})
    shifts: dict[Pair, list[tuple[float, Pair]]] = {}
    for (i, j), lag in lags.items():
        if group[i] != group[j]:
            shift, between = lag - float(offsets[j] - offsets[i]), (group[i], group[j])
            if between[0] > between[1]:
                shift, between = -shift, between[::-1]
            shifts.setdefault(between, []).append((shift, (i, j)))
    taken: set[Pair] = set()
    for told in shifts.values():
        for (one, first), (other, second) in combinations(told, 2):
            near = abs(one - other) <= max(reach[first], reach[second])
            if near and (first in fair or second in fair):
                taken |= {first, second}
    return taken


def close(
    count: int, lags: dict[tuple[int, int], tuple[float, float]]
) -> tuple[Floats, Floats, list[int]]:
    """One offset a camera from the lags (s, standard deviation) of pairs, by robust weights.

    Returns offsets (count,), the standard deviation of every difference (count, count),
    widened where cycles do not close, and which cameras hang together.
    """
    group = _groups(count, lags)
    rows = np.zeros((len(lags), count))
    for k, (i, j) in enumerate(lags):
        rows[k, i], rows[k, j] = -1.0, 1.0
    values = np.array([lag for lag, _ in lags.values()])
    sigma = np.array([max(s, 1e-6) for _, s in lags.values()])
    offsets = np.zeros(count)
    weight = 1 / sigma**2 if len(lags) else np.zeros(0)
    for _ in range(20 if len(lags) else 0):
        offsets = np.linalg.pinv(rows.T @ (weight[:, None] * rows)) @ (rows.T @ (weight * values))
        left = np.abs(rows @ offsets - values) / sigma
        weight = 1 / sigma**2 / np.maximum(1.0, left / 1.5)
    spread = np.zeros((count, count))
    if len(lags):
        inverse = np.linalg.pinv(rows.T @ (weight[:, None] * rows))
        free = len(lags) - count + len(set(group))
        off = float((weight * (rows @ offsets - values) ** 2).sum())
        inverse = inverse * max(1.0, off / free if free > 0 else 1.0)
        diagonal = np.diag(inverse)
        spread = np.sqrt(np.maximum(diagonal[:, None] + diagonal[None, :] - 2 * inverse, 0))
    return offsets, spread, group


def _groups(count: int, pairs: Collection[Pair]) -> list[int]:
    """Of each camera the first that hangs together with it."""
    group = list(range(count))
    for i, j in pairs:
        one, other = group[i], group[j]
        group = [min(one, other) if g in (one, other) else g for g in group]
    return group


def settle(views: Mapping[Pair, View], offsets: Floats) -> tuple[Floats, Floats]:
    """One offset a camera, s, by all pairs' likelihoods at once, near `offsets` (cameras,).

    Returns them and the standard deviation of every difference (cameras, cameras): by how
    fast the likelihood falls, or by how far pairs alone are from it, whichever is more.
    """
    found = np.array(offsets, dtype=np.float64)
    matches = {pair: view.match for pair, view in views.items()}
    spread = np.zeros((len(found), len(found)))
    plenty = all(view.a.count >= PLENTY for view in views.values())
    for slow_too, tries in QUICK_ROUNDS if plenty else ROUNDS:
        curves = {}
        for pair, view in views.items():
            lag_s = float(found[pair[1]] - found[pair[0]])
            matches[pair] = _held(view, matches[pair], lag_s, slow_too, tries)
            curves[pair] = _Curve(view, matches[pair], lag_s)
        found, spread = _climb(curves, found)
    return found, spread


def _held(view: View, match: Match, lag_s: float, slow_too: bool, tries: int) -> Match:
    """The best pencils at one offset."""
    step = view.a.step_s
    start = Match(match.numbers, view.own(lag_s), 0.0)
    bands = (quick(step), wide(step)) if slow_too else (quick(step),)
    return refine(view.a, view.b, start, bands, view.fewest, tries, free=False)


def wide(step_s: float) -> Band:
    """The changes in which an offset is searched for."""
    return Band(max(step_s, 1 / 60), max(1 / 6, 4 * step_s))


class _Curve:
    """A pair's log-likelihood by offset, near one, with its pencils as they are."""

    def __init__(self, view: View, match: Match, lag_s: float) -> None:
        step = view.a.step_s
        pencil_a, pencil_b = pencils(match.numbers)
        here = profiles(view.a, pencil_a, quick(step))
        there = profiles(view.b, pencil_b, quick(step))
        self.step_s = step / _FINE
        count = round(_SPAN * _FINE)
        self.lags = lag_s + self.step_s * np.arange(-count, count + 1)
        self.gains = np.zeros(len(self.lags))
        for k, lag in enumerate(self.lags):
            at = (view.a.start_s + view.own(float(lag)) - view.b.start_s) / view.b.step_s
            for one, other in zip(here, there, strict=True):
                alike = agreement(one, other, at, step / view.b.step_s, view.fewest)
                self.gains[k] += score(*alike)

    def at(self, lag_s: float) -> float:
        """The gain at an offset; beyond what was looked at it falls."""
        beyond = max(0.0, self.lags[0] - lag_s, lag_s - self.lags[-1]) / self.step_s
        place = np.clip((lag_s - self.lags[0]) / self.step_s, 1, len(self.lags) - 2)
        k = int(np.clip(np.rint(place), 1, len(self.lags) - 2))
        below, mid, above = self.gains[k - 1 : k + 2]
        t = float(place) - k
        bent = t * (above - below) / 2 + t * t * (above + below - 2 * mid) / 2
        return float(mid + bent - beyond)

    @property
    def peak_s(self) -> float:
        """The best offset of this pair alone."""
        return float(self.lags[int(self.gains.argmax())])


def _climb(curves: Mapping[Pair, _Curve], offsets: Floats) -> tuple[Floats, Floats]:
    from scipy.optimize import minimize

    spread = np.zeros((len(offsets), len(offsets)))
    group = _groups(len(offsets), curves)
    # Of cameras that hang together the first stays.
    free = [c for c, first in enumerate(group) if first != c]
    if not free:
        return offsets, spread

    def whole(x: Floats) -> Floats:
        out = offsets.copy()
        out[free] = x
        return out

    def cost(x: Floats) -> float:
        at = whole(x)
        return -sum(curve.at(float(at[j] - at[i])) for (i, j), curve in curves.items())

    step = max(curve.step_s for curve in curves.values())
    begin = offsets[free]
    simplex = np.vstack([begin, begin + 4 * step * np.eye(len(free))])
    options = {"initial_simplex": simplex, "maxfev": 250 * len(free), "xatol": step / 50}
    best = whole(minimize(cost, begin, method="Nelder-Mead", options=options).x)
    rows = np.zeros((len(curves), len(offsets)))
    bends, off = np.zeros(len(curves)), np.zeros(len(curves))
    for k, ((i, j), curve) in enumerate(curves.items()):
        rows[k, i], rows[k, j] = -1.0, 1.0
        lag, beside = float(best[j] - best[i]), 4 * curve.step_s
        down = 2 * curve.at(lag) - curve.at(lag - beside) - curve.at(lag + beside)
        bends[k] = max(down, 0.02) / beside**2
        off[k] = curve.peak_s - lag
    cover = np.linalg.pinv(rows.T @ (bends[:, None] * rows))
    loose = len(curves) - np.linalg.matrix_rank(rows)
    much = float((bends * off**2).sum()) / loose if loose > 0 else 1.0
    cover *= max(1.0, much)
    own = np.diag(cover)
    spread = np.sqrt(np.maximum(own[:, None] + own[None, :] - 2 * cover, 0))
    return best, spread
