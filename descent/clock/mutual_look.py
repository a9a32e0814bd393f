"""What mutual motion looks like: the twist that is left over time, and the evidence by offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descent.clock import mutual
from descent.clock.fit import ClockFit
from descent.clock.motion import Turned

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """A tie by mutual motion, for drawing.

    `times` (n,) s of b's clock and `errors` (n,) rad are the twist that b, or a, saw and the
    other did not, `used` (n,) where the tie rests on it; `lags` (m,) s and `evidence` (m,) what
    speaks for every offset, the best at `best_s` and the next best at `rival_s`.
    """

    times: Floats
    errors: Floats
    used: NDArray[np.bool_]
    lags: Floats
    evidence: Floats
    best_s: float
    rival_s: float


def look(a: Turned, b: Turned, fit: ClockFit, most_s: float = float("inf")) -> Look:
    """The residuals of a tie by mutual motion over time, and the evidence at every offset."""
    a, b = a.trimmed(), b.trimmed()
    swapped = bool(np.median(np.diff(a.times)) > np.median(np.diff(b.times)))
    fast, slow = mutual._Ends.of(b if swapped else a), mutual._Ends.of(a if swapped else b)
    slow = slow.thinned()
    sign = -1.0 if swapped else 1.0
    lag = sign * fit.pieces[0].offset_s
    near = mutual._better(fast, slow, lag)
    seen, own = fast.between(slow.times + lag), slow.own
    there = seen.there & own.there
    # What leaks into the twist: so much of each of these as was fitted, the last ones first.
    leaks = np.concatenate([seen.twist[:, None], seen.pan, own.pan], axis=1)
    left = own.twist - seen.twist - leaks[:, -len(near.leak) :] @ near.leak
    fits = near.fits
    times = slow.times[1:] + (lag if swapped else 0.0)
    low = max(fast.times[0] - slow.times[-1] + mutual.LEAST_S, -most_s)
    high = min(fast.times[-1] - slow.times[0] - mutual.LEAST_S, most_s)
    lags = np.arange(low, max(high, low + mutual.SCAN_S), mutual.SCAN_S)
    parts = np.array_split(lags, max(1, len(lags) // 256))
    every = [mutual._evidence(fast, slow, some, near.leak).sum(axis=2) for some in parts]
    evidence = mutual._weighed(*np.concatenate(every, axis=1))
    apart = np.where(np.abs(lags - lag) > 2 * mutual.REACH_S, evidence, -1.0)
    rival = float(lags[int(np.argmax(apart))])
    if swapped:
        lags, evidence = -lags[::-1], evidence[::-1]
    return Look(
        times[there], left[there], fits[there], lags, evidence, sign * lag, sign * rival
    )  # fmt: skip
