"""The doors between mission time and every clock that people and machines keep."""

from __future__ import annotations

from descent.clock.epoch import Epoch
from descent.clock.sclk import Correlation, Local, SclkClock
from descent.clock.show import Clocks, Face, digits_for, show
from descent.clock.solar import SOL_S, Sol, sol_to_tai, tai_to_sol
from descent.clock.timecode import frames_to_timecode, timecode_to_frames, timecode_to_seconds
from descent.clock.utc import (
    LEAPS,
    exact_utc,
    received_to_sent,
    sent_to_received,
    tai_to_unix,
    tai_to_utc,
    unix_to_tai,
    utc_to_tai,
)

__all__ = [
    "LEAPS", "SOL_S", "Clocks", "Correlation", "Epoch", "Face", "Local", "SclkClock", "Sol",
    "digits_for", "exact_utc", "frames_to_timecode", "received_to_sent", "sent_to_received",
    "show", "sol_to_tai", "tai_to_sol", "tai_to_unix", "tai_to_utc", "timecode_to_frames",
    "timecode_to_seconds", "unix_to_tai", "utc_to_tai",
]  # fmt: skip
