"""Clocks as viewers know them, with no more digits than a time's resolution carries."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from descent.clock.epoch import Epoch
from descent.clock.sclk import SclkClock
from descent.clock.solar import tai_to_sol
from descent.clock.utc import tai_to_utc
from descent.errors import TimeUnknown

Face = Literal["utc", "t", "sclk", "earth", "mars"]


def digits_for(resolution_s: Fraction, most: int = 1) -> int:
    """How many decimals a time of half-width `resolution_s` supports, at most `most`.

    A digit is worth showing while one step of it is no finer than the whole width:
    +-0.05 s supports tenths.
    """
    digits = 0
    while digits < most and Fraction(1, 10 ** (digits + 1)) >= 2 * resolution_s:
        digits += 1
    return digits


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of one film, for drawing and for reports.

    `epoch` ties mission time to UTC; `zero` is the mission time of T = 0; `light_time_s`
    is how much later Earth hears of it.
    """

    epoch: Epoch
    zero: Fraction | None = None
    sclk: SclkClock | None = None
    light_time_s: Fraction | None = None

    def show(
        self,
        t: Fraction,
        face: Face = "utc",
        resolution_s: Fraction = Fraction(0),
        *,
        most_digits: int = 1,
    ) -> str:
        """Mission time `t` on a clock face: `20:43:46.1 UTC`, `T−00:02.0`, `SCLK 666952935.6`.

        Digits never exceed what `resolution_s` supports, nor `most_digits` (a film's clock
        shows tenths); a time known to no better than half a second carries a `~`. Faces
        floor, as clocks do. TimeUnknown for a face that this film has no clock for.
        """
        digits = digits_for(resolution_s, most_digits)
        mark = "~" if resolution_s > Fraction(1, 2) else ""
        if face == "t":
            return f"T{self._t(t, digits)}" if not mark else f"~T{self._t(t, digits)}"
        tai_s = self.epoch.tai(t)
        if face == "utc":
            return f"{mark}{_clock(tai_s, digits)} UTC"
        if face == "earth":
            if self.light_time_s is None:
                raise TimeUnknown(
                    "no light time is given", do="write light_time: 682s beside earth_received"
                )
            return f"{mark}{_clock(tai_s + self.light_time_s, digits)} UTC on Earth"
        if self.sclk is None:
            raise TimeUnknown("no spacecraft clock is known", do="write clock: mars2020")
        if face == "sclk":
            return f"SCLK {mark}{_decimal(self.sclk.sclk(tai_s), digits)}"
        if self.sclk.local is None:
            raise TimeUnknown(
                f"{self.sclk.name} says no place for local time",
                do="write local: {longitude_east_deg: ..., sol_zero: ...} in its clock file",
            )
        return f"{mark}{tai_to_sol(tai_s, self.sclk.local)} Mars local"

    def _t(self, t: Fraction, digits: int) -> str:
        if self.zero is None:
            raise TimeUnknown("T has no zero", do="write zero: and an event, such as ignition")
        steps = ((t - self.zero) * 10**digits).__floor__()
        sign, steps = ("−" if steps < 0 else "+"), abs(steps)
        whole, part = divmod(steps, 10**digits)
        hours, rest = divmod(whole, 3600)
        head = f"{hours}:" if hours else ""
        tail = f".{part:0{digits}d}" if digits else ""
        return f"{sign}{head}{rest // 60:02d}:{rest % 60:02d}{tail}"


def _clock(tai_s: Fraction, digits: int) -> str:
    return tai_to_utc(tai_s, digits)[11:-1]


def _decimal(value: Fraction, digits: int) -> str:
    whole, part = divmod((value * 10**digits).__floor__(), 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def show(
    t: Fraction,
    face: Face,
    resolution_s: Fraction,
    *,
    epoch: Epoch,
    zero: Fraction | None = None,
    sclk: SclkClock | None = None,
    light_time_s: Fraction | None = None,
    most_digits: int = 1,
) -> str:
    """`Clocks.show` for one time."""
    clocks = Clocks(epoch, zero, sclk, light_time_s)
    return clocks.show(t, face, resolution_s, most_digits=most_digits)
