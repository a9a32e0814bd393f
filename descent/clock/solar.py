"""Mars local mean solar time, with the sol.

The formula is that of NASA's Mars24 (Allison and McEwen 2000, Planetary and Space Science
48, 215): Mars sol date MSD = (JD_TT - 2405522.0028779) / 1.0274912517; local mean solar
time is its fraction plus east longitude / 360. Against the mission's own clock it was 0 s
off at the landing (the longitude in configs/clocks/mars2020.yaml is fitted there) and 1.2 s
two years later.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from descent.clock.sclk import TT_MINUS_TAI, Local

SOL_S = Fraction(10274912517, 10**10) * 86400
"""One sol in seconds; a Mars second is 2.7 % longer than ours."""

_J2000 = Fraction(2451545)
_ZERO = Fraction(24055220028779, 10**7)


class Sol(NamedTuple):
    """A local mean solar time: the sol, and Mars seconds (0 to 86400) since its midnight."""

    sol: int
    seconds: Fraction

    def __str__(self) -> str:
        minute, second = divmod(int(self.seconds), 60)
        return f"sol {self.sol} {minute // 60:02d}:{minute % 60:02d}:{second:02d}"


def tai_to_sol(tai_s: Fraction, local: Local) -> Sol:
    """The local mean solar time at `tai_s`."""
    tt_days = _J2000 + (tai_s + TT_MINUS_TAI) / 86400
    sols = (tt_days - _ZERO) / (SOL_S / 86400) + local.longitude_east_deg / 360
    whole = sols.__floor__()
    return Sol(whole - local.sol_zero, (sols - whole) * 86400)


def sol_to_tai(sol: Sol, local: Local) -> Fraction:
    """The `tai_s` of a local mean solar time."""
    sols = sol.sol + local.sol_zero + sol.seconds / 86400 - local.longitude_east_deg / 360
    return (sols * (SOL_S / 86400) + _ZERO - _J2000) * 86400 - TT_MINUS_TAI
