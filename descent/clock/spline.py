"""A common motion as a cubic spline, seen by two cameras through their frames' turns.

The turn between two frames is the integral of the angular rate, so a turn is the difference
of one spline, the turned angle, at two times. All three axes share one banded matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grid:
    """Uniform knots from `start_s`, `step_s` apart; `count` coefficients."""

    start_s: float
    step_s: float
    count: int

    def basis(self, t: Floats) -> tuple[Ints, Floats, Floats, Floats]:
        """First coefficient at each time (n,), and the four weights (n, 4) of the value.

        Then those of the first and second derivative.
        """
        x = (t - self.start_s) / self.step_s
        first = np.clip(np.floor(x).astype(np.int64), 0, self.count - 4)
        u = np.clip(x - first, 0.0, 1.0)
        v = 1 - u
        value = np.stack(
            [v**3, 3 * u**3 - 6 * u**2 + 4, 3 * v**3 - 6 * v**2 + 4, u**3], axis=1
        ) / 6  # fmt: skip
        slope = np.stack([-(v**2), 3 * u**2 - 4 * u, 4 * v - 3 * v**2, u**2], axis=1) / 2
        bend = np.stack([v, 3 * u - 2, 3 * v - 2, u], axis=1)
        return first, value, slope / self.step_s, bend / self.step_s**2


@dataclass(frozen=True, slots=True)
class Rows:
    """Turns as rows of a banded matrix: (n, width) weights from coefficient `first` (n,)."""

    first: Ints
    weights: Floats

    def times(self, coefficients: Floats) -> Floats:
        """What the spline says these turns are: (n, axes)."""
        columns = self.first[:, None] + np.arange(self.weights.shape[1])
        out: Floats = np.einsum("nw,nwk->nk", self.weights, coefficients[columns])
        return out

    def transposed(self, values: Floats, count: int) -> Floats:
        """The rows' transpose times values (n, axes): (count, axes)."""
        columns = self.first[:, None] + np.arange(self.weights.shape[1])
        out = np.empty((count, values.shape[1]))
        for axis in range(values.shape[1]):
            spread = self.weights * values[:, axis, None]
            out[:, axis] = np.bincount(columns.ravel(), spread.ravel(), count)
        return out


def differences(grid: Grid, t0: Floats, t1: Floats) -> Rows:
    """Rows that take the turned angle at `t1` less that at `t0`, never before it."""
    first0, value0, _, _ = grid.basis(t0)
    first1, value1, _, _ = grid.basis(t1)
    width = 4 + int((first1 - first0).max(initial=0))
    first = np.clip(first0, 0, grid.count - width)
    weights = np.zeros((len(t0), width))
    rows = np.arange(len(t0))
    for k in range(4):
        weights[rows, first0 - first + k] -= value0[:, k]
        weights[rows, first1 - first + k] += value1[:, k]
    return Rows(first, weights)


class Normal:
    """Banded normal equations of several sets of rows, factored once."""

    def __init__(self, grid: Grid, parts: list[tuple[Rows, Floats]], stiffness: float) -> None:
        width = max(rows.weights.shape[1] for rows, _ in parts)
        band = np.zeros((max(width, 4), grid.count))
        for rows, w in parts:
            for i in range(rows.weights.shape[1]):
                for j in range(i, rows.weights.shape[1]):
                    product = w * rows.weights[:, i] * rows.weights[:, j]
                    band[j - i] += np.bincount(rows.first + i, product, grid.count)
        # Third differences, which a smooth motion has few of, hold what no frame sees; the
        # turned angle itself is known up to a constant, which a trace of weight pins.
        scale = stiffness * float(np.median(band[0][band[0] > 0]))
        taps = np.array([-1.0, 3.0, -3.0, 1.0])
        for i in range(4):
            for j in range(i, 4):
                band[j - i, i : grid.count - 3 + i] += scale * taps[i] * taps[j]
        band[0] += scale * 1e-6
        self._factor = cholesky_banded(band, lower=True, check_finite=False)

    def solve(self, right: Floats) -> Floats:
        """The coefficients for right sides (count, k)."""
        out: Floats = cho_solve_banded((self._factor, True), right, check_finite=False)
        return out
