"""Clocks that went back, made to rise, and the way back to what they showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """Stamps that rise: `times` (n,) are what was written plus `shifts[runs]`.

    `runs` (n,) numbers the stretches between two resets.
    """

    times: Floats
    runs: Ints
    shifts: Floats

    def run_at(self, times: Floats) -> Ints:
        """The run that risen times lie in; a reset is half-way between two stamps."""
        first = np.concatenate([[True], np.diff(self.runs) > 0])
        starts = self.times[first] - 0.5 * float(np.median(np.diff(self.times)))
        out: Ints = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
        return out


def unwrap(times: Floats) -> Unwrapped:
    """Continue a clock one usual interval after each place where it goes back or stands."""
    steps = np.diff(times)
    forward = steps[steps > 0]
    usual = float(np.median(forward)) if len(forward) else 1.0
    back = steps <= 0
    runs = np.concatenate([[0], np.cumsum(back)]).astype(np.int64)
    shifts = np.concatenate([[0.0], np.cumsum(usual - steps[back])])
    return Unwrapped(times + shifts[runs], runs, shifts)
