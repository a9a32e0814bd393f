"""Two cameras tied by what their turns tell: all of it, or a part."""

from __future__ import annotations

from collections.abc import Callable

from descent.clock.fit import ClockFit
from descent.clock.motion import Turned, fit_motion
from descent.clock.part import fit_part
from descent.errors import UnsureSync


def tie_turned(a: Turned, b: Turned, *, accept_unsure: bool = False) -> ClockFit:
    """Clock b told by clock a by the first way that is sure.

    UnsureSync says why the whole motion does not do, which is the way most cameras take;
    `accept_unsure` takes its best answer then.
    """
    refused: list[UnsureSync] = []
    ways: tuple[Callable[[Turned, Turned], ClockFit], ...] = (fit_motion, fit_part)
    for way in ways:
        try:
            return way(a, b)
        except UnsureSync as error:
            refused.append(error)
    if accept_unsure:
        return fit_motion(a, b, accept_unsure=True)
    raise refused[0]
