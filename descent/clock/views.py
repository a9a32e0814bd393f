"""Fixed cameras that watch one event from different sides: their clocks tied by what moves.

Coarse: what stirs, over plain pencils of lines and all offsets at once (`pencils.coarse`). Then
the best few by which way it moves, with free pencils. The best must stand out from the next
offset and from one camera run backwards, by both. Fine: in quick changes only, of all pairs of
cameras at once (`together`), since slow ones are explained by a slightly wrong pencil as well
as by a slightly wrong offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit, Piece
from descent.clock.pencils import Band, Match, coarse, measure, refine
from descent.clock.stir import Stir, Watched, watch
from descent.clock.sweep import Sweep
from descent.clock.together import Pair, View, believed, close, settle, wide
from descent.errors import UnsureSync

SURE_MARGIN = 2.0
"""How many times the next best answer's gain, and chance's, an answer's must be."""

SURE_GAIN = 22.0
"""The evidence that a pair must show by itself. Unrelated clips come to at most 18."""

FAIR_MARGIN, FAIR_GAIN = 1.3, 12.0
"""Enough for a pair whose offset closes a cycle with those of others."""

CANDIDATES = 6
LEAST_S = 0.5  # less in common is never enough
LEAST_SHARE = 0.35
TRIES = 200
PAD_S = 0.5  # of the other camera, beside what is compared
FLOOR = 0.15  # steps of the slower camera that an offset may be off whatever the likelihood says
LONGEST = 240  # pictures of the slower camera that are compared: the liveliest stretch
_HELP = (
    "film livelier motion that all cameras see, mark a moment in both under `sync:`, or take "
    "the answer with --accept-unsure"
)


@dataclass(frozen=True, slots=True)
class Tied:
    """What a pair came to: b's clock minus a's, s, and how sure."""

    match: Match
    view: View
    rival: float
    chance: float
    candidates: tuple[Match, ...]

    @property
    def margin(self) -> float:
        """How many times better the answer is than the next best and than chance."""
        return self.match.score / max(self.rival, self.chance, 1e-6)

    @property
    def sure(self) -> bool:
        """Whether the pair would say so alone."""
        return self.match.score >= SURE_GAIN and self.margin >= SURE_MARGIN

    @property
    def fair(self) -> bool:
        """Whether it says so well enough where a cycle of others agrees."""
        return self.match.score >= FAIR_GAIN and self.margin >= FAIR_MARGIN


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
        raise _refusal(tied)
    offsets, spread = settle({(0, 1): tied.view}, np.array([0.0, tied.match.lag_s]))
    return _fit(a, b, float(offsets[1] - offsets[0]), float(spread[0, 1]), tied)


def fit_views_jointly(cameras: Sequence[Watched], *, accept_unsure: bool = False) -> Views:
    """Every pair of cameras that watch one event, held together by their cycles.

    Pairs that are sure alone, and fair ones that close a cycle, tie their cameras. Another pair
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
    views = {}
    for (i, j), t in tied.items():
        lag_s = float(offsets[j] - offsets[i])
        near = [m for m in t.candidates[:2] if abs(m.lag_s - lag_s) <= reach[i, j]]
        if (i, j) in chosen:
            views[i, j] = t.view
        elif group[i] == group[j] and near:
            views[i, j] = replace(t.view, match=near[0])
        else:
            refused[i, j] = _refusal(t)
    offsets, spread = settle(views, offsets)
    fits = {
        (i, j): _fit(
            cameras[i], cameras[j], float(offsets[j] - offsets[i]), float(spread[i, j]), tied[i, j]
        )
        for i, j in sorted(views)
    }
    return Views(fits, refused)


def tie(a: Watched, b: Watched) -> Tied:
    """The best offset of a pair, its rivals and chance, sure or not; UnsureSync if too short."""
    if a.step_s < b.step_s * 0.999:
        return _swapped(tie(b, a))
    few = int(np.ceil(max(LEAST_S, 4 * a.step_s) / a.step_s))
    if min(len(a.times), len(b.times) * b.step_s / a.step_s) < few + 4:
        raise UnsureSync(
            f"{len(a.times)} and {len(b.times)} pictures that differ are too few to compare",
            where="shared view", do=_HELP,
        )  # fmt: skip
    here, there = a.stir(a.step_s), b.stir(a.step_s)
    here = _liveliest(here)
    fewest = max(few, int(LEAST_SHARE * min(here.count, there.count * b.step_s / a.step_s)))
    band = wide(a.step_s)
    look = _Look(a, b, here, there, band, fewest)
    found = look.best(coarse(here, there, band, fewest, CANDIDATES))
    if not found:
        raise UnsureSync("nothing moves in both", where="shared view", do=_HELP)
    best = found[0]
    apart = max(4 * a.step_s, 0.1)
    rival = max((m.score for m in found if abs(m.lag_s - best.lag_s) > apart), default=0.0)
    null = look.backwards().best(coarse(here.backwards(), there, band, fewest, CANDIDATES // 2))
    view = View(
        look.sweep, look.beside(best.lag_s), best, fewest, float(b.epoch - a.epoch), turned=False
    )
    return Tied(
        _dated(best, a, b), view, rival, null[0].score if null else 0.0,
        tuple(_dated(m, a, b) for m in found),
    )  # fmt: skip


class _Look:
    """A pair looked at by what stirs and by which way it moves."""

    def __init__(
        self, a: Watched, b: Watched, here: Stir, there: Stir, band: Band, fewest: int
    ) -> None:
        self.a, self.b, self.here, self.there = a, b, here, there
        self.band, self.fewest = band, fewest
        first = round((here.start_s - a.stir(a.step_s).start_s) / a.step_s)
        self.sweep = a.sweep(a.step_s, first, first + here.count)

    def backwards(self) -> _Look:
        """The same with a's camera run backwards."""
        other = copy(self)
        other.here, other.sweep = self.here.backwards(), self.sweep.backwards()
        return other

    def beside(self, lag_s: float) -> Sweep:
        """What b's camera saw meanwhile, and a little before and after."""
        step, whole = self.b.step_s, self.there
        begin = self.sweep.start_s + lag_s - PAD_S - whole.start_s
        end = begin + self.sweep.count * self.sweep.step_s + 2 * PAD_S
        first, last = max(0, int(begin / step)), min(whole.count, int(end / step) + 1)
        return self.b.sweep(self.a.step_s, first, max(last, first))

    def best(self, found: Sequence[Match]) -> list[Match]:
        """The candidates with pencils of their own, by both kinds of evidence, best first."""
        out = []
        for match in found:
            meanwhile = self.beside(match.lag_s)
            own = refine(self.sweep, meanwhile, match, (self.band,), self.fewest, TRIES)
            stirs = measure(
                self.here, self.there, own.numbers, own.lag_s, self.band, self.fewest
            ).score
            # Either alone is fooled now and then: a shaken camera's flow, a crowd's stir.
            both = 2 * float(np.sqrt(max(own.score, 0.0) * max(stirs, 0.0)))
            out.append(Match(own.numbers, own.lag_s, both, own.agreement))
        return sorted(out, key=lambda m: -m.score)


def _liveliest(stir: Stir) -> Stir:
    """At most `LONGEST` rows: those in which most moves."""
    if stir.count <= LONGEST:
        return stir
    busy = np.bincount(stir.frame, stir.size, stir.count)
    sums = np.concatenate([[0.0], np.cumsum(busy)])
    first = int(np.argmax(sums[LONGEST:] - sums[:-LONGEST]))
    return stir.cut(first, first + LONGEST)


def _dated(match: Match, a: Watched, b: Watched) -> Match:
    return Match(
        match.numbers, match.lag_s + (b.epoch - a.epoch), match.score, match.agreement
    )  # fmt: skip


def _swapped(tied: Tied) -> Tied:
    def turn(m: Match) -> Match:
        return Match(m.numbers, -m.lag_s, m.score, m.agreement)

    view = replace(tied.view, epochs_s=tied.view.epochs_s, turned=True)
    return Tied(
        turn(tied.match), view, tied.rival, tied.chance,
        tuple(turn(m) for m in tied.candidates),
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


def _refusal(tied: Tied) -> UnsureSync:
    return UnsureSync(
        f"the views share no motion that stands out: gain {tied.match.score:.1f} at "
        f"{-tied.match.lag_s:+.3f} s, {tied.rival:.1f} at another offset, {tied.chance:.1f} with "
        "one run backwards",
        where="shared view", do=_HELP,
    )  # fmt: skip
