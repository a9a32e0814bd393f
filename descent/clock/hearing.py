"""Two cameras' clocks tied by what both heard: found, held against chance, and told."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from descent.clock.fit import ClockFit, Piece
from descent.clock.heard import LEAST_S, Alike, Heard, Onsets, alike, is_silent
from descent.clock.phat import NEAR_S, WINDOW_S, Strength, Told, beside, fine, strength
from descent.clock.rotation import COVER
from descent.errors import UnsureSync

SURE_MARGIN = 1.6
"""How many times as strong as at the next best offset, and by chance, the best must be."""

SURE_ECHO = 1.25
"""How many times as strong as anything within 60 ms of it: a hum answers to each period."""

LEAST_SIGMAS = 8.0  # above what the other offsets scatter by
SHARE = 0.4  # of the windows must agree with the line through them all
SPEED_M_S = 343.0  # of sound, in air of 20 degrees

_HELP = (
    "clap once where both can hear it, mark a moment in each camera under sync:, "
    "or give a longer stretch of it"
)


@dataclass(frozen=True, slots=True)
class Hearing:
    """All that was found between two sounds: for the fit, and for drawing.

    `rival` is the next best offset's score and `rival_s` where it is; `echo` the strongest of
    what lies near the best; `chance` the best of b run backwards. `tried` are all offsets at
    which waves were compared.
    """

    best: Strength
    rival: float
    rival_s: float
    echo: float
    echo_s: float
    chance: float
    onsets: Alike
    told: Told
    offset_s: float
    drift: float
    at_s: float
    sd_s: float
    tried: tuple[Strength, ...] = ()

    @property
    def margin(self) -> float:
        """How many times as strong as the next best offset and chance the best is."""
        return self.best.score / max(self.rival, self.chance, 1e-9)


def listen(a: Heard, b: Heard, most_s: float = float("inf")) -> Hearing:
    """What two sounds have in common; UnsureSync where there is nothing to compare."""
    for one in (a, b):
        if one.seconds < LEAST_S:
            raise _unsure(f"only {one.seconds:.1f} s of sound are there")
        if is_silent(one):
            raise _unsure("its sound is silent")
    onsets_a, onsets_b = Onsets.of(a), Onsets.of(b)
    found = alike(onsets_a, onsets_b, most_s)
    tried = [s for o in found.offsets if (s := strength(a, b, onsets_b, o)) is not None]
    if not tried:
        raise _unsure(f"they share less than {LEAST_S:g} s of sound at any offset")
    best = max(tried, key=lambda s: s.score)
    rivals = [beside(best, s, NEAR_S) for s in tried if s is not best]
    rival, rival_s = max(rivals, default=(0.0, 0.0))
    echo, echo_s = beside(best, best, NEAR_S)
    back = b.backwards()
    turned = Onsets.of(back)
    chances = [strength(a, back, turned, o) for o in alike(onsets_a, turned, most_s).offsets]
    chance = max((s.score for s in chances if s is not None), default=0.0)
    told, line = fine(a, b, onsets_b, best)
    return Hearing(
        best, rival, rival_s, echo, echo_s, chance, found, told, *line, tried=tuple(tried)
    )


def fitted(
    seen: Hearing, late_s: float, late_half_s: float, *, accept_unsure: bool = False
) -> ClockFit:
    """The clock of what was found; UnsureSync where it does not stand out."""
    best, told = seen.best, seen.told
    share = float(told.used.mean()) if len(told.used) else 0.0
    if not accept_unsure:
        _check(seen, share)
    times = told.times[told.used] if told.used.any() else told.times
    start, end = float(times[0]) - WINDOW_S / 2, float(times[-1]) + WINDOW_S / 2
    # What was heard at one time was heard `late_s` after it was made.
    offset_s = seen.offset_s - late_s - seen.drift * seen.at_s
    alike_s = COVER * seen.sd_s
    left_s = float(np.sqrt(np.mean(told.off_s[told.used] ** 2))) if told.used.any() else 0.0
    evidence = {
        "kind": "sound", "seen_s": round(WINDOW_S * int(told.used.sum()), 2),
        "agreement": round(best.score, 1), "next_best": round(max(seen.rival, seen.echo), 1),
        "chance": round(seen.chance, 1), "shared": round(share, 3), "alike_s": alike_s,
    }  # fmt: skip
    piece = Piece(start, end, offset_s, 1 + seen.drift)
    interval = float(np.hypot(alike_s, late_half_s))
    margin = min(seen.margin, best.score / max(seen.echo, 1e-9))
    return ClockFit(Fraction(0), Fraction(0), (piece,), interval, left_s, margin, 0.0, evidence)


def _check(seen: Hearing, share: float) -> None:
    best = seen.best
    said = f"{best.score:.0f} sigmas at {best.lag_s:+.3f} s"
    if best.score < LEAST_SIGMAS or best.score < SURE_MARGIN * seen.chance:
        raise _unsure(
            f"nothing that one heard stands out in what the other heard: {said}, "
            f"{seen.chance:.0f} with one run backwards"
        )
    if best.score < SURE_MARGIN * seen.rival:
        raise _unsure(
            f"two offsets fit nearly as well, as of music or a beat that repeats: {said}, "
            f"{seen.rival:.0f} at {seen.rival_s:+.3f} s"
        )
    if best.score < SURE_ECHO * seen.echo:
        raise _unsure(
            f"two offsets close together fit nearly as well, as of a hum or an echo: {said}, "
            f"{seen.echo:.0f} at {seen.echo_s:+.4f} s"
        )
    if share < SHARE:
        raise _unsure(f"only {share:.0%} of what they heard agrees with {said}")


def _unsure(what: str) -> UnsureSync:
    return UnsureSync(what, where="sound", do=_HELP)
