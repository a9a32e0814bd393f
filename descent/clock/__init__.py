"""The clock room: stamps become exact mission time, and unsure time is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

__all__ = [
    "Duration", "Epoch", "Moment", "duration_text", "parse_duration", "parse_hold",
    "parse_moment", "resolve",
]  # fmt: skip

if TYPE_CHECKING:
    pass
