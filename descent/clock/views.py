"""Fixed cameras that watch one event from different sides: their clocks tied by what moves.

Pairs are held against each other first (`pair`). Then, in quick changes only, all pairs of
cameras at once are fitted (`together`), since slow ones are explained by a slightly wrong pencil
as well as by a slightly wrong offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit, Piece
from descent.clock.pair import LONGEST, SURE_GAIN, Tied, beside, refusal, tie
from descent.clock.pencils import Match
from descent.clock.stir import Watched, watch
from descent.clock.together import Pair, View, believed, close, linked, settle
from descent.errors import UnsureSync

FLOOR = 0.15  # steps of the slower camera that an offset may be off whatever the likelihood says


@dataclass(frozen=True, slots=True)
class Views:
    """All pairs at once: `fits` by (a, b) with a < b, and for the others why not."""

    fits: dict[tuple[int, int], ClockFit]
    refused: dict[tuple[int, int], UnsureSync]


def fit_views(
    times_a: Any,
    pictures_a: Iterable[NDArray[Any]],
    times_b: Any,
    pictures_b: Iterable[NDArray[Any]],
    *,
    accept_unsure: bool = False,
) -> ClockFit:
    """Clock b told by clock a, from pictures of one event by two fixed cameras.

    `times` (n,) are frame stamps in s, pictures grey (rows, cols); they may be of any size and
    are read once. `fit.map(t)` takes times on b's clock to a's; `fit.interval` is the 95 %
    half-width in s, `fit.margin` how many times better the answer is than the next best and
    than one camera run backwards. UnsureSync where that is too little; `accept_unsure` returns
    the best all the same. Only an offset is fitted: clips of minutes whose clocks drift are
    given in parts.
    """
    a, b = watch(times_a, pictures_a), watch(times_b, pictures_b)
    tied = tie(a, b)
    if not (tied.sure or accept_unsure):
        raise refusal(tied)
    views = {(0, 1): _view(a, b, tied, tied.match, tied.at_s)}
    offsets, spread = settle(views, np.array([0.0, tied.match.lag_s]))
    return _fit(a, b, float(offsets[1] - offsets[0]), float(spread[0, 1]), tied)


def fit_views_jointly(cameras: Sequence[Watched], *, accept_unsure: bool = False) -> Views:
    """Every pair of cameras that watch one event, held together by their cycles.

    Pairs that are sure alone, and fair ones that close a cycle, or that agree with another on
    how two groups of cameras that sure ones hold together lie, tie their cameras. Another pair
    takes the cameras' offsets where one of its own best candidates agrees with them. Then one
    offset a camera is fitted to all of these at once. The rest is refused.
    """
    pairs = list(combinations(range(len(cameras)), 2))
    tied: dict[Pair, Tied] = {}
    refused: dict[Pair, UnsureSync] = {}
    for i, j in pairs:
        try:
            tied[i, j] = tie(cameras[i], cameras[j])
        except UnsureSync as error:
            refused[i, j] = error
    sure = {pair for pair, t in tied.items() if t.sure or accept_unsure}
    fair = {pair for pair, t in tied.items() if t.fair} | sure
    reach = {pair: _reach(cameras, pair) for pair in pairs}
    chosen = believed({pair: tied[pair].match.lag_s for pair in fair}, sure, reach)
    heard = {pair for pair, t in tied.items() if t.match.score >= SURE_GAIN} | fair
    lags = {pair: tied[pair].match.lag_s for pair in heard}
    chosen |= linked(len(cameras), lags, sure, fair, reach)
    while True:
        offsets, spread, group = close(
            len(cameras), {pair: (tied[pair].match.lag_s, reach[pair] / 2) for pair in chosen}
        )
        odd = {
            (i, j): abs(offsets[j] - offsets[i] - tied[i, j].match.lag_s) / reach[i, j]
            for i, j in chosen
        }
        worst = max(odd, key=lambda pair: odd[pair], default=None)
        if worst is None or odd[worst] <= 1:
            break
        # Of a cycle that does not close the least sure goes.
        bad = [pair for pair in odd if odd[pair] > 0.3]
        chosen.discard(min(bad, key=lambda pair: tied[pair].match.score))
    at = _common(cameras, [float(o) for o in offsets])
    views = {}
    for (i, j), t in tied.items():
        lag_s = float(offsets[j] - offsets[i])
        near = [m for m in t.candidates[:2] if abs(m.lag_s - lag_s) <= reach[i, j]]
        if (i, j) in chosen or (group[i] == group[j] and near):
            match = t.match if (i, j) in chosen else near[0]
            views[i, j] = _view(cameras[i], cameras[j], t, match, _start(cameras, (i, j), at, t))
        else:
            refused[i, j] = refusal(t)
    offsets, spread = settle(views, offsets)
    fits = {
        (i, j): _fit(
            cameras[i], cameras[j], float(offsets[j] - offsets[i]), float(spread[i, j]), tied[i, j]
        )
        for i, j in sorted(views)
    }
    return Views(fits, refused)


def _common(cameras: Sequence[Watched], offsets: Sequence[float]) -> list[float]:
    """On each camera's own clock, where the stretch begins in which most moves in all of them.

    What is looked at well is then the same few seconds for all pairs.
    """
    step = max(c.step_s for c in cameras)
    stirs = [c.stir(step) for c in cameras]
    own = [o - (c.epoch - cameras[0].epoch) for c, o in zip(cameras, offsets, strict=True)]
    starts = [s.start_s - o for s, o in zip(stirs, own, strict=True)]
    ends = [b + s.count * s.step_s for b, s in zip(starts, stirs, strict=True)]
    times = np.arange(min(starts), max(ends), step)
    total = np.zeros(len(times))
    for stir, begin in zip(stirs, starts, strict=True):
        busy = np.bincount(stir.frame, stir.size, stir.count)
        there = begin + stir.step_s * np.arange(stir.count)
        total += np.interp(times, there, busy / max(float(busy.mean()), 1e-9), 0.0, 0.0)
    sums = np.concatenate([[0.0], np.cumsum(total)])
    most = min(LONGEST, len(times))
    first = float(times[int(np.argmax(sums[most:] - sums[:-most]))])
    return [first + o for o in own]


def _start(cameras: Sequence[Watched], pair: Pair, at: Sequence[float], tied: Tied) -> float:
    """Where a pair's stretch begins: the common one, where both cameras were running."""
    slower = max(pair, key=lambda c: (cameras[c].step_s, -c))
    long_s = LONGEST * cameras[slower].step_s
    for c in pair:
        low, high = cameras[c].times[0], cameras[c].times[-1]
        if min(at[c] + long_s, high) - max(at[c], low) < min(0.9 * long_s, high - low):
            return tied.at_s
    return at[slower]


def _view(a: Watched, b: Watched, tied: Tied, match: Match, at_s: float) -> View:
    """A pair's evidence near a match, from `at_s` on the slower camera's clock, looked at well."""
    turned = a.step_s < b.step_s * 0.999
    lag_s = match.lag_s
    if turned:
        a, b, lag_s = b, a, -lag_s
    own_s = lag_s - float(b.epoch - a.epoch)
    whole = a.stir(a.step_s)
    first = max(0, round((at_s - whole.start_s) / a.step_s))
    here = a.sweep(a.step_s, first, min(first + LONGEST, whole.count))
    own = Match(match.numbers, own_s, match.score, match.agreement)
    return View(
        here, beside(a, b, here, own_s), own, tied.fewest, float(b.epoch - a.epoch), turned
    )  # fmt: skip


def _slower(cameras: Sequence[Watched], pair: tuple[int, int]) -> float:
    return max(cameras[k].step_s for k in pair)


def _reach(cameras: Sequence[Watched], pair: tuple[int, int]) -> float:
    """How far a pair may be from what the cycles say and still agree with it, s."""
    return max(1.0 * _slower(cameras, pair), 1 / 60)


def _fit(a: Watched, b: Watched, lag_s: float, sigma_s: float, tied: Tied) -> ClockFit:
    sigma_s = float(np.hypot(sigma_s, FLOOR * max(a.step_s, b.step_s)))
    offset = -(lag_s - (b.epoch - a.epoch))
    piece = Piece(float(b.times[0]), float(b.times[-1]), offset, 1.0)
    return ClockFit(
        Fraction(a.epoch), Fraction(b.epoch), (piece,),
        interval=1.96 * sigma_s, residual=1 - tied.match.agreement, margin=tied.margin,
        evidence={
            "kind": "views", "pictures_a": len(a.times), "pictures_b": len(b.times),
            "agreement": round(tied.match.agreement, 4), "gain": round(tied.match.score, 2),
            "next_best": round(tied.rival, 2), "chance": round(tied.chance, 2),
            "alone_s": round(-tied.match.lag_s, 6),
        },
    )  # fmt: skip
