"""Two fixed cameras held against each other: the best offset, its rivals, and chance.

Coarse: what stirs, over plain pencils of lines and all offsets at once (`pencils.coarse`). Then
the best few by which way it moves, with free pencils. The best must stand out from the next
offset and from one camera run backwards, by both kinds of evidence.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from descent.clock.pencils import Band, Match, coarse, measure, refine
from descent.clock.stir import Stir, Watched
from descent.clock.sweep import Sweep
from descent.clock.together import wide
from descent.errors import UnsureSync

SURE_MARGIN = 2.0
"""How many times the next best answer's gain, and chance's, an answer's must be."""

SURE_GAIN = 22.0
"""The evidence that a pair must show by itself. Unrelated clips come to 8, a few to 33, all of them
with a margin below."""

FAIR_MARGIN, FAIR_GAIN = 1.3, 12.0
"""Enough for a pair whose offset closes a cycle with those of others."""

LEAST_S = 0.5  # less in common is never enough
LEAST_SHARE = 0.35
PAD_S, ROUGH_PAD_S = 0.5, 0.25  # of the other camera, beside what is compared
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


def beside(a: Watched, b: Watched, here: Sweep, lag_s: float, *, rough: bool = False) -> Sweep:
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
        meanwhile = beside(self.a, self.b, self.sweep, match.lag_s, rough=self.effort.rough)
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


def refusal(tied: Tied) -> UnsureSync:
    """Why a pair is not tied, and what would help."""
    return UnsureSync(
        f"the views share no motion that stands out: gain {tied.match.score:.1f} at "
        f"{-tied.match.lag_s:+.3f} s, {tied.rival:.1f} at another offset, {tied.chance:.1f} with "
        "one run backwards",
        where="shared view", do=_HELP,
    )  # fmt: skip
