"""Fixed cameras that watch one event from different sides: their clocks tied by what moves.

Coarse: over plain pencils of lines and all offsets at once (`pencils.coarse`), then refined.
The best must stand out from the next offset and from one camera run backwards. Fine: again
with only quick changes, since slow ones are explained by a slightly wrong pencil as well as by
a slightly wrong offset. Jointly: offsets around every cycle of cameras must close.
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
from descent.clock.pencils import Band, Match, coarse, measure, refine
from descent.clock.stir import Floats, Stir, Watched, watch
from descent.errors import UnsureSync

SURE_MARGIN = 1.75
"""How many times the next best answer's gain, and chance's, an answer's must be."""

SURE_GAIN = 9.0
"""The log-likelihood that a pair must gain by itself. Unrelated clips come to 2.4 to 6.6."""

CANDIDATES = 6
LEAST_S = 0.5  # less in common is never enough
LEAST_SHARE = 0.35
LONGEST = 240  # pictures of the slower camera that are compared: the liveliest stretch
_HELP = (
    "film livelier motion that all cameras see, mark a moment in both under `sync:`, or take "
    "the answer with --accept-unsure"
)


@dataclass(frozen=True, slots=True)
class Tied:
    """What a pair came to: b's clock minus a's and its standard deviation, s, and how sure."""

    match: Match
    sigma_s: float
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
    return _fit(a, b, tied.match.lag_s, tied.sigma_s, tied)


def fit_views_jointly(cameras: Sequence[Watched], *, accept_unsure: bool = False) -> Views:
    """Every pair of cameras that watch one event, held together by their cycles.

    Pairs that are sure alone are adjusted to one offset a camera by robust least squares. A
    pair that is not takes the camera's offsets where the others tie both of its cameras and
    one of its own candidates agrees. A pair that contradicts the others is refused.
    """
    pairs = list(combinations(range(len(cameras)), 2))
    tied: dict[tuple[int, int], Tied] = {}
    refused: dict[tuple[int, int], UnsureSync] = {}
    for i, j in pairs:
        try:
            tied[i, j] = tie(cameras[i], cameras[j])
        except UnsureSync as error:
            refused[i, j] = error
    chosen = {pair: t for pair, t in tied.items() if t.sure or accept_unsure}
    while True:
        offsets, spread, group = close(
            len(cameras),
            {pair: (t.match.lag_s, t.sigma_s) for pair, t in chosen.items()},
        )
        odd = {
            pair: abs(offsets[pair[1]] - offsets[pair[0]] - t.match.lag_s) / _reach(cameras, pair)
            for pair, t in chosen.items()
        }
        worst = max(odd, key=lambda pair: odd[pair], default=None)
        if worst is None or odd[worst] <= 1:
            break
        # Of a cycle that does not close the least sure goes.
        bad = [pair for pair in odd if odd[pair] > 0.3]
        del chosen[min(bad, key=lambda pair: chosen[pair].match.score)]
    fits = {}
    for pair in pairs:
        i, j = pair
        if pair not in tied:
            continue
        lag = float(offsets[j] - offsets[i])
        reach = _reach(cameras, pair)
        seen = pair in chosen or (
            group[i] == group[j]
            and any(abs(m.lag_s - lag) <= reach for m in tied[pair].candidates[:2])
        )
        if seen:
            sigma = max(spread[i, j], 0.05 * _slower(cameras, pair))
            fits[pair] = _fit(cameras[i], cameras[j], lag, float(sigma), tied[pair])
        else:
            refused[pair] = _refusal(tied[pair])
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
    wide = Band(max(a.step_s, 1 / 60), max(1 / 6, 4 * a.step_s))
    found = _search(here, there, wide, fewest, CANDIDATES, 120)
    if not found:
        raise UnsureSync("nothing moves in both", where="shared view", do=_HELP)
    best = found[0]
    apart = max(4 * a.step_s, 0.1)
    rival = max((m.score for m in found if abs(m.lag_s - best.lag_s) > apart), default=0.0)
    null = _search(here.backwards(), there, wide, fewest, CANDIDATES // 2, 120)
    quick = Band(0.8 * a.step_s, max(0.05, 2.5 * a.step_s))
    fine = refine(here, there, best, quick, fewest, 300)
    if abs(fine.lag_s - best.lag_s) > max(2 * a.step_s, 1 / 30):
        fine = best
    sigma = _sigma(here, there, fine, quick, fewest)
    kept = Match(fine.numbers, fine.lag_s, best.score, best.agreement)
    return Tied(
        _dated(kept, a, b), sigma, rival, null[0].score if null else 0.0,
        tuple(_dated(m, a, b) for m in found),
    )  # fmt: skip


def close(
    count: int, lags: dict[tuple[int, int], tuple[float, float]]
) -> tuple[Floats, Floats, list[int]]:
    """One offset a camera from the lags (s, standard deviation) of pairs, by robust weights.

    Returns offsets (count,), the standard deviation of every difference (count, count),
    widened where cycles do not close, and which cameras hang together.
    """
    group = list(range(count))
    for i, j in lags:
        old, new = group[j], group[i]
        group = [new if g == old else g for g in group]
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


def _search(a: Stir, b: Stir, band: Band, fewest: int, most: int, tries: int) -> list[Match]:
    found = [refine(a, b, m, band, fewest, tries) for m in coarse(a, b, band, fewest, most)]
    found.sort(key=lambda m: -m.score)
    found[:2] = [refine(a, b, m, band, fewest, 2 * tries) for m in found[:2]]
    found.sort(key=lambda m: -m.score)
    return found


def _sigma(a: Stir, b: Stir, match: Match, band: Band, fewest: int) -> float:
    """The offset's standard deviation, s, by how fast the likelihood falls beside it."""
    beside = 0.5 * a.step_s
    down = [
        match.score - measure(a, b, match.numbers, match.lag_s + d, band, fewest).score
        for d in (-beside, beside)
    ]
    bend = max(sum(down), 1e-3) / beside**2
    return float(np.hypot(1 / np.sqrt(bend), 0.05 * a.step_s))


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

    return Tied(
        turn(tied.match), tied.sigma_s, tied.rival, tied.chance,
        tuple(turn(m) for m in tied.candidates),
    )  # fmt: skip


def _slower(cameras: Sequence[Watched], pair: tuple[int, int]) -> float:
    return max(cameras[k].step_s for k in pair)


def _reach(cameras: Sequence[Watched], pair: tuple[int, int]) -> float:
    """How far a pair may be from what the cycles say and still agree with it, s."""
    return max(1.0 * _slower(cameras, pair), 1 / 60)


def _fit(a: Watched, b: Watched, lag_s: float, sigma_s: float, tied: Tied) -> ClockFit:
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
