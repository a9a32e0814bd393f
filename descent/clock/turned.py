"""Two cameras tied by what their turns tell: all of it, a part, or what is between them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from descent.clock.fit import ClockFit
from descent.clock.motion import Turned, fit_motion
from descent.clock.mutual import fit_mutual
from descent.clock.part import fit_part
from descent.errors import UnsureSync

MUTUAL = "mutual motion"


def tie_turned(
    a: Turned, b: Turned, *, most_s: float = float("inf"), accept_unsure: bool = False
) -> tuple[ClockFit, str]:
    """Clock b told by clock a by the first way that is sure, and what that rests on.

    `most_s` is how far their clocks can be apart at most. UnsureSync says why the whole
    motion does not do, which is the way most cameras take; `accept_unsure` takes its best
    answer then.
    """
    refused: list[UnsureSync] = []
    ways: tuple[tuple[str, Callable[[Turned, Turned], ClockFit]], ...] = (
        ("motion", fit_motion), ("motion", fit_part),
        (MUTUAL, partial(fit_mutual, most_s=most_s)),
    )  # fmt: skip
    for kind, way in ways:
        try:
            return way(a, b), kind
        except UnsureSync as error:
            refused.append(error)
    if accept_unsure:
        return fit_motion(a, b, accept_unsure=True), "motion"
    raise refused[0]
