"""How noisy a camera is: shot and read noise over light, and how the noise is coloured.

The variance of a pixel is taken as shot * light + read (light from 0 to 1, before any gain a
stage gave the frame). Debayering makes noise coarser in some colours than in others, so its
variance is kept for each coefficient of an 8 x 8 cosine transform of each colour axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.restore import dct
from descent.tools.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Brightness first, then red against blue, then green against both; orthonormal rows.
AXES = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float64) / np.sqrt([[3], [2], [6]])
_BINS = 12
_CLEAN = 0.3  # quantile of the blocks' energy: the worse ones hold texture or a poor match
_FLAT = 0.1  # the same where a single frame has to do
_AGREE = 1.15  # by how much deviations of two measurements may differ
_LEAST = 64  # blocks that a figure is taken from
_DARK, _BRIGHT = 0.004, 0.95
_LEAST_SHAPE = 0.003  # no coefficient of a colour is taken for free of noise
_FLOOR = 1e-9  # smallest variance, 0.03 of an 8-bit count


@dataclass(frozen=True)
class Noise:
    """Variance = shot * light + read; `shape` (channels, 8, 8) relative to that."""

    shot: float
    read: float
    shape: tuple[tuple[tuple[float, ...], ...], ...]

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Noise:
        """From the numbers of a measured file."""
        shape = tuple(tuple(tuple(float(v) for v in r) for r in c) for c in value["shape"])
        return cls(float(value["shot"]), float(value["read"]), shape)

    def as_json(self) -> dict[str, Any]:
        """Plain numbers for a measured file."""
        shape = [[[round(v, 4) for v in row] for row in axis] for axis in self.shape]
        return {"shot": self.shot, "read": self.read, "shape": shape}

    def scaled(self, gain: float) -> tuple[float, float]:
        """Shot and read of a frame whose light was multiplied by `gain`."""
        return self.shot * gain, self.read * gain * gain

    def sigma(self, light: float) -> float:
        """Standard deviation of a pixel of that much light."""
        return float(np.sqrt(self.shot * light + self.read))


def lower(pairs: Noise | None, alone: Noise | None, light: float) -> Noise | None:
    """The one of two measurements to believe: what moves or has texture only adds to noise.

    Differences of neighbours tell more, and are taken unless single frames, which hold
    texture too, show clearly less at that mean `light`.
    """
    if pairs is None or alone is None:
        return pairs or alone
    return pairs if pairs.sigma(light) < _AGREE * alone.sigma(light) else alone


@kernel
def _to_axes(
    picture: NDArray[np.float32], axes: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            r, g, b = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            for k in range(3):
                out[k, y, x] = axes[k, 0] * r + axes[k, 1] * g + axes[k, 2] * b


@kernel
def _from_axes(
    planes: NDArray[np.float32], axes: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for c in range(3):
                v = np.float32(0)
                for k in range(3):
                    v += axes[k, c] * planes[k, y, x]
                out[y, x, c] = min(max(v, np.float32(0)), np.float32(1))


def to_axes(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture (rows, cols[, 3]) as planes (1 or 3, rows, cols) of brightness and colour."""
    if picture.ndim == 2:
        return np.ascontiguousarray(picture[None])
    out = np.empty((3, *picture.shape[:2]), np.float32)
    _to_axes(np.ascontiguousarray(picture), AXES.astype(np.float32), out)
    return out


def from_axes(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture that `to_axes` took apart, clipped to 0 and 1."""
    if len(planes) == 1:
        return np.asarray(np.clip(planes[0], 0, 1), np.float32)
    out = np.empty((*planes.shape[1:], 3), np.float32)
    _from_axes(planes, AXES.astype(np.float32), out)
    return out


@dataclass(frozen=True)
class Blocks:
    """8 x 8 blocks of noise: their mean light (n,), and coefficients (channels, n, 8, 8)."""

    light: NDArray[np.float32]
    coefficients: NDArray[np.float32]


def blocks(
    planes: NDArray[np.float32], noise: NDArray[np.float32], good: NDArray[np.bool_]
) -> Blocks:
    """The blocks of `noise` (channels, rows, cols), by the light of `planes`, where all `good`."""
    light = dct.transform(planes[0])[..., 0, 0] / np.float32(8 * np.sqrt(len(planes)))
    whole = dct.transform(good.astype(np.float32))[..., 0, 0] > 7.999
    keep = whole & (light > _DARK) & (light < _BRIGHT)
    found = np.stack([dct.transform(plane)[keep] for plane in noise])
    return Blocks(light[keep], found)


def fit(found: Sequence[Blocks], *, alone: bool) -> Noise | None:
    """The noise that the blocks show, or None where too few are clean enough to tell.

    `alone` says that they are of single frames, where only the flattest blocks and their
    finer coefficients are noise; else they are differences of registered frames, of twice
    the variance.
    """
    light = np.concatenate([b.light for b in found]) if found else np.zeros(0)
    if len(light) < 4 * _LEAST:
        return None
    coefficients = np.concatenate([b.coefficients for b in found], axis=1).astype(np.float64)
    if not alone:
        coefficients /= np.sqrt(2)
    order = np.add.outer(np.arange(8), np.arange(8))
    fine = order >= 7
    energy = np.square(coefficients[0][:, fine]).mean(axis=1)
    share = _FLAT if alone else _CLEAN
    level, variance = _by_light(light, energy, share, int(fine.sum()))
    shot, read = _line(level, variance)
    scale = shot * light + read
    # Of what lies about the noise's own level, the shape of all coefficients.
    usual = energy / scale
    calm = usual <= np.quantile(usual, 2 * share)
    shape = np.empty((len(coefficients), 8, 8))
    for k, channel in enumerate(coefficients):
        # The lower half of a normal's size: half of it lies within 0.6745 deviations.
        size = np.median(np.abs(channel[calm]) / np.sqrt(scale[calm])[:, None, None], axis=0)
        shape[k] = (size / 0.6745) ** 2
        if alone:
            # Texture hides the noise of coarse coefficients: it is at most a little above
            # that of the next finer ones of brightness, and debayering spares it in colour.
            most = 1.3 * np.median(shape[0][(order >= 5) & (order < 8)])
            shape[k][order < 5] = np.minimum(shape[k][order < 5], most)
    unit = max(float(shape[0].mean()), _LEAST_SHAPE)
    shape = np.maximum(shape, _LEAST_SHAPE * unit)
    form = tuple(tuple(tuple((row / unit).tolist()) for row in axis) for axis in shape)
    return Noise(shot * unit, read * unit, form)


def _by_light(
    light: NDArray[Any], energy: NDArray[Any], share: float, degrees: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean light and noise variance of bins of as many blocks each."""
    bins = max(1, min(_BINS, len(light) // _LEAST))
    ranks = np.array_split(np.argsort(light, kind="stable"), bins)
    # What a quantile of a mean of `degrees` squares is to their expectation (Wilson, Hilferty).
    z = {_FLAT: -1.2816, _CLEAN: -0.5244}[share]
    low = (1 - 2 / (9 * degrees) + z * np.sqrt(2 / (9 * degrees))) ** 3
    level = np.array([light[k].mean() for k in ranks])
    return level, np.array([np.quantile(energy[k], share) / low for k in ranks])


def _line(level: NDArray[np.float64], variance: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and start, neither negative, of variance over light, by relative error."""
    weight = 1 / np.maximum(variance, _FLOOR)
    rows = np.stack([level, np.ones_like(level)], axis=1)
    best: tuple[float, float, float] | None = None
    for columns in ([0, 1], [0], [1]):
        found = np.linalg.lstsq(rows[:, columns] * weight[:, None], variance * weight, rcond=None)
        pair = np.zeros(2)
        pair[columns] = found[0]
        if pair.min() < 0:
            continue
        miss = float(np.square((rows @ pair - variance) * weight).sum())
        if best is None or miss < best[2]:
            best = float(pair[0]), float(pair[1]), miss
    shot, read = (best[0], best[1]) if best else (0.0, float(np.median(variance)))
    return shot, max(read, _FLOOR)
