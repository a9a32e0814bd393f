"""The least error with which any method can tie two clocks by a shared rotation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def bound_s(times: Floats, bend: Floats, density: Floats) -> float:
    """Standard deviation in s of a mapped time, RMS over the span (Cramer and Rao's bound).

    `times` (n,) in s; `bend` (n, 3) is how the angular rate changes there, rad/s^2;
    `density` (n,) that of the rate's noise, both cameras' together, rad^2/s: a turn's
    variance times the frame rate. Offset and rate are unknown; a livelier motion tells more.
    """
    step = np.gradient(times)
    told = step * (bend**2).sum(axis=1) / density
    late = times - np.average(times, weights=told)
    offset = 1 / told.sum()
    rate = 1 / (told @ late**2)
    return float(np.sqrt(np.mean(offset + rate * late**2)))
