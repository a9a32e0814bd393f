"""Where mission time has its zero."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from descent.clock.utc import tai_to_utc, utc_to_tai
from descent.errors import TimeUnknown


@dataclass(frozen=True, slots=True)
class Epoch:
    """The zero of mission time: an instant of TAI, or an event that no clock is tied to.

    `tai_s` is None for a film whose only zero is an event (a rocket's ignition): its times
    are exact among themselves, and UTC means nothing in it. `name` says which event or
    UTC text the zero is, for people.
    """

    tai_s: Fraction | None
    name: str

    @classmethod
    def utc(cls, text: str) -> Epoch:
        """Mission time zero at a UTC, such as `2021-02-18T20:00:00Z`."""
        return cls(utc_to_tai(text), text)

    @classmethod
    def event(cls, name: str) -> Epoch:
        """Mission time zero at an event, with no absolute clock."""
        return cls(None, name)

    def mission(self, tai_s: Fraction, clock: str = "UTC") -> Fraction:
        """Mission time, s, of an absolute time; TimeUnknown where nothing ties the two."""
        if self.tai_s is None:
            raise TimeUnknown(
                f"{clock} means nothing here: mission time counts from {self.name} alone",
                do="write epoch: 2021-02-18T20:50:00Z, the UTC of mission time zero, "
                f"or times such as {self.name} + 2s",
            )
        return tai_s - self.tai_s

    def tai(self, mission_s: Fraction) -> Fraction:
        """The absolute time of a mission time; TimeUnknown where nothing ties the two."""
        if self.tai_s is None:
            raise TimeUnknown(
                f"no UTC is known: mission time counts from {self.name} alone",
                do="write epoch: 2021-02-18T20:50:00Z, the UTC of mission time zero",
            )
        return mission_s + self.tai_s

    def __str__(self) -> str:
        return self.name if self.tai_s is None else tai_to_utc(self.tai_s, 6)
