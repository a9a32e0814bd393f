"""Exact times as integers over one denominator, and the interval that is usual at a place.

Fractions compare and add some twenty times slower than integers; a row of times put over
its common denominator is as exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from statistics import median_low

AROUND = 4
"""Intervals on each side that the local median looks at; more follow a camera slower."""

GAP_INTERVALS = Fraction(5, 2)
"""Neighbours further apart than this many usual intervals have a gap between them."""


def common(times: Iterable[Fraction], over: int = 1) -> int:
    """The least denominator that `times` share, a multiple of `over`."""
    for t in times:
        if over % t.denominator:
            over = lcm(over, t.denominator)
    return over


def scaled(times: Iterable[Fraction], over: int) -> list[int]:
    """Each time in units of 1 / `over` s; `over` is a multiple of their denominators."""
    return [t.numerator * (over // t.denominator) for t in times]


def local_medians(steps: Sequence[int]) -> list[int]:
    """For each interval the lower median of it and its neighbours, nine in all."""
    return [median_low(steps[max(0, k - AROUND) : k + AROUND + 1]) for k in range(len(steps))]


def is_gap(step: int, usual: int) -> bool:
    """Whether an interval is so long that frames are absent in it."""
    return usual > 0 and step * GAP_INTERVALS.denominator > usual * GAP_INTERVALS.numerator
