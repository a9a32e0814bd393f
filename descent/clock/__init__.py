"""The clock room: stamps become exact mission time, and unsure time is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from descent.clock.epoch import Epoch
from descent.clock.expression import (
    Duration,
    Moment,
    duration_text,
    parse_duration,
    parse_hold,
    parse_moment,
    resolve,
)

if TYPE_CHECKING:
    from descent.clock.fit import ClockFit
    from descent.clock.rotation import fit_rotation

__all__ = [
    "ClockFit", "Duration", "Epoch", "Moment", "duration_text", "fit_rotation", "parse_duration",
    "parse_hold", "parse_moment", "resolve",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # Measuring needs numpy and scipy; reading a config does not.
    if name == "fit_rotation":
        from descent.clock.rotation import fit_rotation

        return fit_rotation
    if name == "ClockFit":
        from descent.clock.fit import ClockFit

        return ClockFit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
