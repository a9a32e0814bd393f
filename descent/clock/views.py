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

LEAST_S = 0.5  # less in common is never enough
LEAST_SHARE = 0.35
PAD_S, ROUGH_PAD_S = 0.5, 0.25  # of the other camera, beside what is compared
FLOOR = 0.15  # steps of the slower camera that an offset may be off whatever the likelihood says
LONGEST = 100  # pictures of the slower camera that are compared: the liveliest stretch
_HOPELESS = 1 / 3  # of what is to be beaten, after the first tries: not tried any more


@dataclass(frozen=True, slots=True)
class _Effort:
    """How hard a pair is looked at: roughly or not, how many offsets, and how many run backwards.

    `tries` are those of each one's pencils, `more` those of the best two.
    """

    rough: bool
    offsets: int
    by_chance: int
    tries: int
    more: int
    fans: tuple[float, ...] = (0.0,)
    scales: tuple[float, ...] = (1.0,)


# A long stretch says the same many times over; of a short one all is needed.
_LONG = _Effort(True, 3, 2, 50, 110)
_SHORT = _Effort(False, 6, 3, 200, 0, (-1.0, 0.0, 1.0), (0.7, 1.0, 1.41))
_HELP = (
    "film livelier motion that all cameras see, mark a moment in both under `sync:`, or take "
    "the answer with --accept-unsure"
)


@dataclass(frozen=True, slots=True)
class Tied:
    """What a pair came to: b's clock minus a's, s, and how sure.

    `at_s` is where the slower camera's stretch that was compared begins, on its own clock.
    """

    match: Match
    at_s: float
    fewest: int
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
    views = {(0, 1): _view(a, b, tied, tied.match, tied.at_s)}
    offsets, spread = settle(views, np.array([0.0, tied.match.lag_s]))
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
    at = _common(cameras, [float(o) for o in offsets])
    views = {}
    for (i, j), t in tied.items():
        lag_s = float(offsets[j] - offsets[i])
        near = [m for m in t.candidates[:2] if abs(m.lag_s - lag_s) <= reach[i, j]]
        if (i, j) in chosen or (group[i] == group[j] and near):
            match = t.match if (i, j) in chosen else near[0]
            views[i, j] = _view(cameras[i], cameras[j], t, match, _start(cameras, (i, j), at, t))
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
    look = _Look(a, b, here, there, wide(a.step_s), fewest)
    found = look.best(look.effort.offsets)
    if not found:
        raise UnsureSync("nothing moves in both", where="shared view", do=_HELP)
    best = found[0]
    rival = max((m.score for m in found if look.apart(m, best)), default=0.0)
    null = look.backwards().best(look.effort.by_chance, best.score)
    return Tied(
        _dated(best, a, b), here.start_s, fewest, rival, null[0].score if null else 0.0,
        tuple(_dated(m, a, b) for m in found),
    )  # fmt: skip


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
        here, _beside(a, b, here, own_s), own, tied.fewest, float(b.epoch - a.epoch), turned
    )  # fmt: skip


def _beside(a: Watched, b: Watched, here: Sweep, lag_s: float, *, rough: bool = False) -> Sweep:
    """What b's camera saw meanwhile, and a little before and after."""
    step, whole = b.step_s, b.stir(a.step_s)
    pad_s = ROUGH_PAD_S if rough else PAD_S
    begin = here.start_s + lag_s - pad_s - whole.start_s
    end = begin + here.count * here.step_s + 2 * pad_s
    first, last = max(0, int(begin / step)), min(whole.count, int(end / step) + 1)
    return b.sweep(a.step_s, first, max(last, first), rough=rough)


class _Look:
    """A pair looked at by what stirs and by which way it moves."""

    def __init__(
        self, a: Watched, b: Watched, here: Stir, there: Stir, band: Band, fewest: int
    ) -> None:
        self.a, self.b, self.here, self.there = a, b, here, there
        self.band, self.fewest = band, fewest
        self.effort = _LONG if here.count >= LONGEST else _SHORT
        first = round((here.start_s - a.stir(a.step_s).start_s) / a.step_s)
        self.sweep = a.sweep(a.step_s, first, first + here.count, rough=self.effort.rough)

    def backwards(self) -> _Look:
        """The same with a's camera run backwards."""
        other = copy(self)
        other.here, other.sweep = self.here.backwards(), self.sweep.backwards()
        return other

    def apart(self, one: Match, other: Match) -> bool:
        """Whether two answers are not one."""
        return abs(one.lag_s - other.lag_s) > max(4 * self.a.step_s, 0.1)

    def best(self, most: int, beat: float = 0.0) -> list[Match]:
        """Up to `most` candidates with pencils of their own, best first.

        Those that come to less than a third of `beat`, or of the best, are let be.
        """
        found = coarse(
            self.here,
            self.there,
            self.band,
            self.fewest,
            most,
            fans=self.effort.fans,
            scales=self.effort.scales,
            kept=self.b.kept,
        )
        tried = sorted((self._better(m, self.effort.tries) for m in found), key=lambda m: -m.score)
        if not tried:
            return []
        first = tried[0]
        second = next((m for m in tried[1:] if self.apart(m, first)), None)
        again = [m for m in (first, second) if m is not None]
        rest = [m for m in tried if not any(m is one for one in again)]
        least, tries = max(beat, first.score) * _HOPELESS, self.effort.more
        more = [
            max(m, self._better(m, tries), key=lambda n: n.score)
            if tries and m.score >= least
            else m
            for m in again
        ]
        return sorted(more + rest, key=lambda m: -m.score)

    def _better(self, match: Match, tries: int) -> Match:
        """A candidate with a pencil of its own, by both kinds of evidence."""
        meanwhile = _beside(self.a, self.b, self.sweep, match.lag_s, rough=self.effort.rough)
        own = refine(self.sweep, meanwhile, match, (self.band,), self.fewest, tries)
        stirs = measure(
            self.here, self._stirred(own.lag_s), own.numbers, own.lag_s, self.band, self.fewest
        ).score
        # Either alone is fooled now and then: a shaken camera's flow, a crowd's stir.
        both = 2 * float(np.sqrt(max(own.score, 0.0) * max(stirs, 0.0)))
        return Match(own.numbers, own.lag_s, both, own.agreement)

    def _stirred(self, lag_s: float) -> Stir:
        """What stirred in b's picture meanwhile."""
        step, whole = self.b.step_s, self.there
        begin = (self.here.start_s + lag_s - PAD_S - whole.start_s) / step
        last = begin + (self.here.count * self.here.step_s + 2 * PAD_S) / step
        return whole.cut(int(begin), int(last) + 1)


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

    turned = tuple(turn(m) for m in tied.candidates)
    return replace(tied, match=turn(tied.match), candidates=turned)


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
