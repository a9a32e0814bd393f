"""What mutual motion looks like: the places left unexplained, and the evidence by offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descent.clock import faces
from descent.clock.faces import Posed
from descent.clock.fit import ClockFit

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """A tie by mutual motion, for drawing.

    `times` (n,) s of b's clock and `errors` (n, 3) rad are how far the body that b saw is from
    where a's view of it puts it, right, down and along; `used` (n,) where that counts in full;
    `lags` (m,) s and `evidence` (m,) what speaks for every offset, the best at `best_s` and
    the next best at `rival_s`.
    """

    times: Floats
    errors: Floats
    used: NDArray[np.bool_]
    lags: Floats
    evidence: Floats
    best_s: float
    rival_s: float


def look(
    a: Sequence[Posed], b: Sequence[Posed], fit: ClockFit, most_s: float = float("inf")
) -> Look:
    """The residuals of a tie by mutual motion over time, and the evidence at every offset."""
    lag = -fit.offset
    every = [(x, y, *faces.evidence(x, y, most_s)) for x in a for y in b]
    every = [row for row in every if len(row[2])]
    one, other, lags, told = max(every, key=lambda r: float(np.interp(lag, r[2], r[3])))
    side = faces._Side.of(other, one)
    use = side.there(-lag)
    rows = side.rows(-lag, use)
    weight, _, left = faces._weights(rows)
    apart = np.where(np.abs(lags - lag) > faces.REACH_S, told, -1.0)
    rival = -float(lags[int(np.argmax(apart))])
    return Look(
        other.times[use], left, weight > 0.25, -lags[::-1], told[::-1], fit.offset, rival
    )  # fmt: skip
