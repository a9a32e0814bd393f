"""Blocks of 8 x 8 in and out of their cosine transform, and overlapping ones thinned out."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.tools.compiled import kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 8
_STEP = 4  # px from one overlapping block to the next
_BAND = 64


@cache
def basis() -> NDArray[np.float32]:
    """The orthonormal DCT-II matrix (8, 8): a row a frequency."""
    k, x = np.mgrid[:SIDE, :SIDE]
    matrix = np.cos(np.pi * (2 * x + 1) * k / (2 * SIDE)) * np.sqrt(2 / SIDE)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


@kernel
def sandwich(
    a: NDArray[np.float32], block: NDArray[np.float32], b: NDArray[np.float32],
    work: NDArray[np.float32], out: NDArray[np.float32],
) -> None:  # fmt: skip
    """`out` = a @ block @ b, all (8, 8): the transform with (C, C.T), back with (C.T, C)."""
    for i in range(8):
        for j in range(8):
            work[i, j] = a[i, 0] * block[0, j]
        for k in range(1, 8):
            v = a[i, k]
            for j in range(8):
                work[i, j] += v * block[k, j]
    for i in range(8):
        for j in range(8):
            out[i, j] = work[i, 0] * b[0, j]
        for k in range(1, 8):
            v = work[i, k]
            for j in range(8):
                out[i, j] += v * b[k, j]


@kernel
def _transform(
    plane: NDArray[np.float32], c: NDArray[np.float32], ct: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:  # fmt: skip
    work = np.empty((8, 8), np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            sandwich(c, plane[8 * y : 8 * y + 8, 8 * x : 8 * x + 8], ct, work, out[y, x])


def transform(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """The coefficients (rows/8, cols/8, 8, 8) of the whole blocks of a plane (rows, cols)."""
    out = np.empty((plane.shape[0] // SIDE, plane.shape[1] // SIDE, SIDE, SIDE), np.float32)
    _transform(np.ascontiguousarray(plane, np.float32), basis(), basis().T.copy(), out)
    return out


@kernel
def _shrink(
    planes: NDArray[np.float32], share: NDArray[np.float32], shape: NDArray[np.float32],
    shot: float, read: float, bound: float, c: NDArray[np.float32], ct: NDArray[np.float32],
    out: NDArray[np.float32], first: int, last: int,
) -> None:  # fmt: skip
    count, rows, cols = planes.shape
    weights = np.zeros((last - first, cols), np.float32)
    block, work = np.empty((count, 8, 8), np.float32), np.empty((8, 8), np.float32)
    made = np.empty((8, 8), np.float32)
    for y in range(first, last):
        for x in range(cols):
            for k in range(count):
                out[k, y, x] = 0.0
    # Every block that reaches into these rows, so that no other band has to write them.
    top = max(0, first - 7) // _STEP * _STEP
    for y0 in range(top, last, _STEP):
        y = min(y0, rows - 8)
        for x0 in range(0, cols, _STEP):
            x = min(x0, cols - 8)
            level, part = np.float32(0), np.float32(0)
            for i in range(8):
                for j in range(8):
                    level += planes[0, y + i, x + j]
                    part = max(part, share[y + i, x + j])
            # The mean of the channels: the first plane is their sum over its root.
            mean = max(level / 64 / np.sqrt(np.float32(count)), np.float32(0))
            noise = np.float32(part * bound * bound * (shot * mean + read))
            kept = 0
            for k in range(count):
                sandwich(c, planes[k, y : y + 8, x : x + 8], ct, work, block[k])
                for i in range(8):
                    for j in range(8):
                        v = block[k, i, j]
                        if i + j > 0 and v * v < noise * shape[k, i, j]:
                            block[k, i, j] = 0.0
                        else:
                            kept += 1
            weight = np.float32(1) / np.float32(kept)
            for k in range(count):
                sandwich(ct, block[k], c, work, made)
                for i in range(8):
                    if first <= y + i < last:
                        for j in range(8):
                            out[k, y + i, x + j] += weight * made[i, j]
            for i in range(8):
                if first <= y + i < last:
                    for j in range(8):
                        weights[y + i - first, x + j] += weight
    for y in range(first, last):
        for x in range(cols):
            for k in range(count):
                out[k, y, x] /= weights[y - first, x]


def shrink(
    planes: NDArray[np.float32],
    share: NDArray[np.float32],
    shape: Any,
    noise: tuple[float, float],
    bound: float,
) -> NDArray[np.float32]:
    """The planes (channels, rows, cols), coefficients below the noise set to zero.

    Blocks overlap by half and are weighted by how few coefficients they kept. `share`
    (rows, cols) is how much of the noise's variance is left at each pixel, `shape`
    (channels, 8, 8) what the variance of each coefficient is to that of the model, `noise`
    (shot, read) gives variance = shot * light + read; a larger `bound`, in standard
    deviations, takes more away. Source: Guleryuz, "Weighted overcomplete denoising",
    Asilomar 2003.
    """
    out = np.empty_like(planes)
    if min(planes.shape[1:]) < SIDE:
        return planes.copy()
    shot, read = noise
    c, ct = basis(), basis().T.copy()
    forms = np.ascontiguousarray(shape, np.float32)
    over_rows(
        lambda a, b: _shrink(planes, share, forms, shot, read, bound, c, ct, out, a, b),
        planes.shape[1],
        grain=_BAND,
    )
    return out
