"""Two cameras tied by what their turns tell: all of it, a part, or what is between them."""

from __future__ import annotations

from descent.clock.fit import ClockFit
from descent.clock.motion import Turned, fit_motion
from descent.clock.mutual import fit_mutual
from descent.clock.part import fit_part
from descent.errors import UnsureSync

MUTUAL = "mutual motion"
_WAYS = (("motion", fit_motion), ("motion", fit_part), (MUTUAL, fit_mutual))


def tie_turned(a: Turned, b: Turned, *, accept_unsure: bool = False) -> tuple[ClockFit, str]:
    """Clock b told by clock a by the first way that is sure, and what that rests on.

    UnsureSync says why the whole motion does not do, which is the way most cameras take;
    `accept_unsure` takes its best answer then.
    """
    refused: list[UnsureSync] = []
    for kind, way in _WAYS:
        try:
            return way(a, b), kind
        except UnsureSync as error:
            refused.append(error)
    if accept_unsure:
        return fit_motion(a, b, accept_unsure=True), "motion"
    raise refused[0]
