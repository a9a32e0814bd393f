"""Point-spread functions: checked, made from motion, and laid out for the Fourier domain.

A kernel is an array (rows, cols), rows first, float32, summing to 1, for true convolution:
blurred(p) = sum over q of kernel(q) * sharp(p - q), with q = 0 at its middle, (rows // 2,
cols // 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft as sf

from descent.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SUMS_TO = 0.02  # a kernel further from 1 would change brightness, so somebody must decide
_STEPS_PER_PX = 16


def checked(kernel: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.float32]:
    """The kernel as odd-sized float32 that sums to 1, for a picture of `shape` (rows, cols).

    Raises
    ------
    FormatError
        for a kernel that is not a plane of numbers, holds negative weights, is larger than
        the picture, or does not sum to 1 within 2 %.
    """
    array = np.asarray(kernel)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "fiu":
        raise FormatError(
            f"a kernel of shape {array.shape} and type {array.dtype}",
            do="hand over (rows, cols) of numbers",
        )
    weights = array.astype(np.float64)
    if not np.isfinite(weights).all():
        raise FormatError("the kernel holds values that are not numbers", do="measure it again")
    if array.shape[0] > shape[0] or array.shape[1] > shape[1]:
        raise FormatError(
            f"a kernel of {array.shape[1]} x {array.shape[0]} for a picture of "
            f"{shape[1]} x {shape[0]}",
            do="crop the kernel, or hand over a larger part of the picture",
        )
    if weights.min() < -1e-6:
        raise FormatError("the kernel has negative weights", do="set them to 0 and sum to 1")
    total = float(weights.sum())
    if abs(total - 1) > _SUMS_TO:
        raise FormatError(f"the kernel sums to {total:.4g}, not 1", do="divide it by its sum")
    weights = np.maximum(weights, 0) / total
    # An even side gets a row or column of zeros, so that its middle stays where it was.
    rows, cols = weights.shape
    odd = np.zeros((rows | 1, cols | 1), np.float32)
    odd[:rows, :cols] = weights
    return odd


def trimmed(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """The kernel without empty borders, cut alike on opposite sides; at least 1 x 1."""
    rows, cols = np.nonzero(kernel)
    if not len(rows):
        return np.ones((1, 1), np.float32)
    y = int(np.abs(rows - kernel.shape[0] // 2).max())
    x = int(np.abs(cols - kernel.shape[1] // 2).max())
    mid = kernel.shape[0] // 2, kernel.shape[1] // 2
    return np.ascontiguousarray(kernel[mid[0] - y : mid[0] + y + 1, mid[1] - x : mid[1] + x + 1])


def spectrum(kernel: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.complex64]:
    """The kernel's half spectrum on a periodic field of `shape`, its middle at the origin."""
    rows, cols = kernel.shape
    up, left = rows // 2, cols // 2
    # Rows first, of which only the kernel's are not empty: not half the work of all.
    across = np.zeros((rows, shape[1]), np.float32)
    across[:, : cols - left] = kernel[:, left:]
    across[:, shape[1] - left :] = kernel[:, :left]
    lines = sf.rfft(across)
    field = np.zeros((shape[0], lines.shape[1]), np.complex64)
    field[: rows - up] = lines[up:]
    field[shape[0] - up :] = lines[:up]
    out: NDArray[np.complex64] = sf.fft(field, axis=0, overwrite_x=True)
    return out


@lru_cache(maxsize=8)
def gradient_spectrum(shape: tuple[int, int]) -> NDArray[np.float32]:
    """|D|^2 of forward differences on a periodic field of `shape`: a half spectrum."""
    y = 2 - 2 * np.cos(2 * np.pi * np.arange(shape[0]) / shape[0])
    x = 2 - 2 * np.cos(2 * np.pi * np.arange(shape[1] // 2 + 1) / shape[1])
    out: NDArray[np.float32] = (y[:, None] + x[None, :]).astype(np.float32)
    return out


def fast_length(length: int) -> int:
    """The next length, at least `length`, whose transform is quick."""
    return int(sf.next_fast_len(length, real=True))


def motion_kernel(path: Sequence[Sequence[float]] | NDArray[Any]) -> NDArray[np.float32]:
    """The kernel of a picture that moved along `path` while it was exposed.

    Parameters
    ----------
    path : (n, 2), places of one thing in the picture as x, y in px at times evenly spread
        over the exposure, from its place at the kernel's middle. Between them it moves
        straight. One point is no blur.

    Raises `FormatError` for a path that is not (n, 2) numbers, or over 1000 px long.
    """
    points = np.asarray(path, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise FormatError(f"a path of shape {points.shape}", do="hand over (n, 2) of x, y in px")
    if not np.isfinite(points).all() or np.abs(points).max() > 1000:
        raise FormatError("a path that leaves the picture or is not numbers", do="measure it again")
    if len(points) > 1:
        # Each point stands for an equal part of the exposure: half a part beyond the ends.
        ends = points[0] - (points[1] - points[0]) / 2, points[-1] + (points[-1] - points[-2]) / 2
        middles = (points[1:] + points[:-1]) / 2
        nodes = np.vstack([ends[0], middles, ends[1]])
        length = float(np.hypot(*np.diff(nodes, axis=0).T).sum())
        each = max(2, int(np.ceil(length * _STEPS_PER_PX / len(points))))
        share = (np.arange(each) + 0.5) / each
        points = (nodes[:-1, None] + np.diff(nodes, axis=0)[:, None] * share[:, None]).reshape(
            -1, 2
        )
    reach = int(np.ceil(np.abs(points).max())) + 1
    size = 2 * reach + 1
    whole = np.floor(points).astype(int)
    part = points - whole
    kernel = np.zeros((size, size), np.float64)
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dy - part[:, 1]) * np.abs(1 - dx - part[:, 0])
            np.add.at(kernel, (whole[:, 1] + dy + reach, whole[:, 0] + dx + reach), weight)
    return trimmed((kernel / kernel.sum()).astype(np.float32))


def line_kernel(length_px: float, angle_deg: float = 0.0) -> NDArray[np.float32]:
    """The kernel of a straight even motion over `length_px`; 0 deg along +x, 90 along +y."""
    turn = np.deg2rad(angle_deg)
    half = length_px / 4 * np.array([np.cos(turn), np.sin(turn)])
    return motion_kernel(np.array([-half, half]))
