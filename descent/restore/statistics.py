"""Mean and covariance of colours, and the decorrelation stretch that they define."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Colours that scatter less than this along an axis (standard deviation, of full scale) are
# noise or none: stretching stops there, so that the inverse stays exact to 1/255.
SMALLEST_SPREAD = 0.004
MOST_STRETCH = 5.0
CLIPPED = 0.995


@dataclass(frozen=True)
class Statistics:
    """Mean (3,) and covariance (3, 3) of a sequence's or mosaic's colours, 0 to 1."""

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, value: Statistics | Mapping[str, Any]) -> Statistics:
        """From itself, or from the numbers of a measured file."""
        if isinstance(value, Statistics):
            return value
        try:
            mean = tuple(float(v) for v in value["mean"])
            rows = tuple(tuple(float(v) for v in row) for row in value["covariance"])
        except (KeyError, TypeError, ValueError):
            raise FormatError(
                "statistics need `mean` (3 numbers) and `covariance` (3 x 3)",
                do="measure them with measure_statistics(pictures)",
            ) from None
        flat = np.array([v for row in rows for v in row])
        if len(mean) != 3 or flat.shape != (9,) or not np.isfinite(np.r_[mean, flat]).all():
            raise FormatError(
                "statistics need `mean` (3 numbers) and `covariance` (3 x 3)",
                do="measure them with measure_statistics(pictures)",
            )
        return cls(mean, rows)

    def as_json(self) -> dict[str, Any]:
        """Plain numbers for a measured file."""
        return {"mean": list(self.mean), "covariance": [list(row) for row in self.covariance]}


@dataclass
class Sums:
    """Running sums over pictures, so that none has to be kept."""

    count: int = 0
    first: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    second: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, 3)))

    def add(self, picture: NDArray[np.float32]) -> None:
        """Take in the unclipped pixels of a picture (rows, cols, 3)."""
        flat = picture.reshape(-1, 3).astype(np.float64)
        flat = flat[(flat < CLIPPED).all(axis=1) & (flat > 0).any(axis=1)]
        self.count += len(flat)
        self.first += flat.sum(axis=0)
        self.second += flat.T @ flat

    def statistics(self) -> Statistics:
        """Mean and covariance of what was taken in; of nothing, mid-grey without scatter."""
        if not self.count:
            return Statistics((0.5,) * 3, ((0.0,) * 3,) * 3)
        mean = self.first / self.count
        covariance = self.second / self.count - np.outer(mean, mean)
        return Statistics(tuple(mean.tolist()), tuple(map(tuple, covariance.tolist())))


def stretch_matrix(statistics: Statistics) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix (3, 3) and shift (3,) of the decorrelation stretch, always invertible.

    Each principal axis is stretched to the spread of the widest, at most `MOST_STRETCH`
    times and never where there is no spread to speak of; the mean stays where it is.
    """
    covariance = np.array(statistics.covariance, np.float64)
    mean = np.array(statistics.mean, np.float64)
    values, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    spread = np.sqrt(np.maximum(values, 0))
    widest = float(spread.max())
    gain = np.where(
        spread > SMALLEST_SPREAD, widest / np.maximum(spread, SMALLEST_SPREAD), 1.0
    ).clip(1.0, MOST_STRETCH)
    matrix = (axes * gain) @ axes.T
    return matrix, mean - matrix @ mean
