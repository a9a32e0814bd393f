"""Two cameras' clocks tied by sound, where a recorder may have been restarted in between.

A clock that stepped shows as two offsets, each of which some stretch of the sound agrees with
and no other. Both sides of such a place are then tied each by itself, as strictly as any two
recordings are: a loop or a beat, whose offsets are all as good everywhere, is refused there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from descent.clock.fit import ClockFit, Piece
from descent.clock.heard import RATE_HZ, Heard
from descent.clock.hearing import LEAST_SIGMAS, SURE_MARGIN, Hearing, fitted, listen
from descent.clock.phat import NEAR_S, WINDOW_S, beside, sigmas_at
from descent.errors import UnsureSync

Floats = NDArray[np.float64]

MOST_STEPS = 3
LEAST_PART_S = 5.0  # of sound on either side of a step
_LEAST_STEP_S = 2 * NEAR_S
_WINDOWS = 48  # that say which of two offsets they agree with
_FAVOURS = 2.0  # sigmas by which those of a stretch must prefer its offset, in the mean
_BLOCK_S, _HOP_S = 0.25, 0.05  # of sound by which the place of a step is told
_APART_S = 0.01  # between the ends of two pieces


def fit_sound(
    a: Heard,
    b: Heard,
    *,
    late_s: float = 0.0,
    late_half_s: float = 0.0,
    most_s: float = float("inf"),
    most_steps: int = MOST_STEPS,
    accept_unsure: bool = False,
) -> ClockFit:
    """Clock b told by clock a from the sound of one event that both heard.

    `late_s` is how much later than b the sound reached a, good to `late_half_s` (95 %);
    `most_s` how far apart the two clocks can be at most. A recorder that restarted is found as
    a step: up to `most_steps`, each between stretches of 5 s or more that are tied by
    themselves. The interval holds what the windows scatter by and what is not known of the way
    of the sound, which `evidence["alike_s"]` also tells alone. Raises UnsureSync for silence,
    for less than 2 s of sound, and where chance, another offset or an echo do nearly as well;
    `accept_unsure` returns the best all the same.
    """
    seen = listen(a, b, most_s)
    for at_s in _places(a, b, seen) if most_steps else ():
        parts = b.between(-np.inf, at_s), b.between(at_s, np.inf)
        sides = []
        for part in parts:
            if part is None or part.seconds < LEAST_PART_S:
                break
            try:
                sides.append(
                    fit_sound(
                        a, part, late_s=late_s, late_half_s=late_half_s, most_s=most_s,
                        most_steps=most_steps - 1,
                    )
                )  # fmt: skip
            except UnsureSync:
                break
        if len(sides) == 2 and _steps(sides[0], sides[1], at_s):
            return _joined(a, b, sides[0], sides[1], late_s)
    return fitted(seen, late_s, late_half_s, accept_unsure=accept_unsure)


def _steps(before: ClockFit, after: ClockFit, at_s: float) -> bool:
    """Whether two stretches say that a clock jumped between them, not that it drifts."""
    by = abs(float(after.map(at_s)) - float(before.map(at_s)))
    own = max(float(fit.evidence["alike_s"]) for fit in (before, after))
    return by > max(_LEAST_STEP_S, 4 * own)


def _places(a: Heard, b: Heard, seen: Hearing) -> Iterator[float]:
    """Times of b at which its clock, or a's, may have stepped, the likeliest first."""
    best = seen.best
    least = max(LEAST_SIGMAS, SURE_MARGIN * seen.chance)
    others = sorted((beside(best, s, NEAR_S) for s in seen.tried), reverse=True)
    start, end = b.span
    times = np.linspace(start + WINDOW_S / 2, end - WINDOW_S / 2, _WINDOWS)
    mine: Floats | None = None
    for score, lag_s in others[:2]:
        if score < least or end - start < 2 * LEAST_PART_S:
            break
        if mine is None:
            mine = sigmas_at(a, b, times, best.lag_at(float(times[0])), best.drift)
        away = lag_s - best.lag_at(best.at_s) + best.lag_at(float(times[0]))
        at = _turn(mine - sigmas_at(a, b, times, away, best.drift))
        if at is not None:
            yield float(times[at - 1 : at + 1].mean())
    yield from _ends(seen, start, end)


def _turn(favour: Floats) -> int | None:
    """The first of the windows (w,) that favour the other of two offsets, if they turn once."""
    total = np.concatenate([[0.0], np.cumsum(favour)])
    k = int(np.argmax(np.abs(2 * total - total[-1])))
    if not 0 < k < len(favour):
        return None
    one, other = float(favour[:k].mean()), float(favour[k:].mean())
    return k if one * other < 0 and min(abs(one), abs(other)) > _FAVOURS else None


def _ends(seen: Hearing, start: float, end: float) -> Iterator[float]:
    """Where windows begin, or cease, to agree with the line, for 5 s or more."""
    used = seen.told.times[seen.told.used]
    if not len(used):
        return
    for at, room in ((float(used[0]), float(used[0]) - start), (float(used[-1]), end - used[-1])):
        if room > LEAST_PART_S + WINDOW_S:
            yield at - WINDOW_S / 2 if at == used[0] else at + WINDOW_S / 2


def _joined(
    a: Heard, b: Heard, before: ClockFit, after: ClockFit, late_s: float
) -> ClockFit:  # fmt: skip
    """One clock of two stretches, the step where the sound itself changes over."""
    one, other = before.pieces[-1], after.pieces[0]
    at = _where(a, b, one, other, late_s)
    pieces = (
        *before.pieces[:-1], replace(one, end_s=at - _APART_S / 2),
        replace(other, start_s=at + _APART_S / 2), *after.pieces[1:],
    )  # fmt: skip
    sides = (before, after)
    said = dict(min(sides, key=lambda fit: fit.margin).evidence)
    said["seen_s"] = round(sum(float(fit.evidence["seen_s"]) for fit in sides), 2)
    said["alike_s"] = max(float(fit.evidence["alike_s"]) for fit in sides)
    said["shared"] = min(float(fit.evidence["shared"]) for fit in sides)
    return ClockFit(
        before.epoch_a, before.epoch_b, pieces, max(fit.interval for fit in sides),
        max(fit.residual for fit in sides), min(fit.margin for fit in sides), 0.0, said,
    )  # fmt: skip


def _where(a: Heard, b: Heard, one: Piece, other: Piece, late_s: float) -> float:
    """When b's sound ceases to be a's by one piece and begins to be by the other, s of b."""
    low, high = sorted((one.end_s - WINDOW_S, other.start_s + WINDOW_S))
    times = np.arange(max(low, one.start_s), min(high, other.end_s) - _BLOCK_S, _HOP_S)
    if not len(times):
        return (one.end_s + other.start_s) / 2
    before, after = (
        np.array([_like(a, b, float(t), piece, late_s) for t in times]) for piece in (one, other)
    )
    return float(times[int(np.argmax(np.cumsum(before - after)))]) + (_BLOCK_S + _HOP_S) / 2


def _like(a: Heard, b: Heard, at_s: float, piece: Piece, late_s: float) -> float:
    """How alike a block of b is to what a heard then by a piece, 0 to 1."""
    length = round(_BLOCK_S * RATE_HZ)
    mine, its = b.at(at_s, length), a.at(float(piece.map(at_s)) + late_s, length)
    if mine is None or its is None:
        return 0.0
    x, y = mine[0], its[0]
    return abs(float(x @ y)) / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-9)
