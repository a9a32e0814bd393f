"""Kernels found blind, place by place: for a camera that turned, or a scene with depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from descent.restore.blind import estimate_kernel
from descent.restore.psf import trimmed
from descent.restore.unblur import tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What a blind kernel leaves unexplained, as noise: six times that of measured motion. Chosen
# on the one real pair at hand; two thirds and four thirds of it gain there too.
BLIND_ERROR = 0.0165
_LEAST = 0.004  # weights of a kernel that are not worth keeping
_DIGITS = 4


def kernels_in(y: NDArray[np.float32], size: int) -> list[NDArray[np.float32] | None]:
    """The kernel of each tile of a plane (rows, cols), found in the tile alone.

    `size` is odd; of the square that holds a kernel. None where it is a point: nothing to undo.
    Each lies with its weight about its middle, so that no place is moved.
    """
    found: list[NDArray[np.float32] | None] = []
    for part in tiles((y.shape[0], y.shape[1])):
        a, b, c, d = part.seen
        kernel = centred(estimate_kernel(np.ascontiguousarray(y[a:b, c:d]), size=size))
        found.append(kernel if kernel.size > 1 else None)
    return found


def centred(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A kernel (size, size) moved so that its weight lies about its middle; rounded, trimmed."""
    at = np.arange(len(kernel)) - len(kernel) // 2
    y, x = float(kernel.sum(axis=1) @ at), float(kernel.sum(axis=0) @ at)
    wide = cv2.copyMakeBorder(kernel, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
    shift = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    moved = cv2.warpAffine(wide, shift, (wide.shape[1], wide.shape[0]), flags=cv2.INTER_LINEAR)
    kept = np.where(moved >= _LEAST, moved, 0)
    return trimmed((kept / kept.sum()).astype(np.float32))


def listed(kernels: Sequence[NDArray[np.float32] | None]) -> list[list[float] | None]:
    """Kernels as plain numbers: rows, columns, then the weights row by row."""
    return [
        None
        if k is None
        else [*(float(n) for n in k.shape), *(round(float(v), _DIGITS) for v in k.ravel())]
        for k in kernels
    ]


def laid_out(values: Sequence[Sequence[Any] | None]) -> list[NDArray[np.float32] | None]:
    """The kernels that `listed` gave as numbers."""
    found: list[NDArray[np.float32] | None] = []
    for value in values:
        if value is None:
            found.append(None)
            continue
        kernel = np.array(value[2:], np.float64).reshape(int(value[0]), int(value[1]))
        found.append((kernel / kernel.sum()).astype(np.float32))
    return found
