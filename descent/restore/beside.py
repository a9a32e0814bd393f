"""Neighbours of a frame laid on it, to be blurred and compared with it part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from descent.tools.compiled import kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Kernel: TypeAlias = NDArray[np.float32]
    Part: TypeAlias = tuple[int, int, int, int]

_BAND_PX = 128  # of rows of a neighbour that are laid on at once
_MOSTLY = 0.3  # share of a part that a neighbour must show


class Beside(NamedTuple):
    """A neighbour of a frame: brightness, where it is known, how it moved, where it lies.

    `matrix` (3, 3) takes x, y in px of the frame to the neighbour.
    """

    y: NDArray[np.float32]
    known: NDArray[np.float32]
    motion: NDArray[np.float64]
    matrix: NDArray[np.float64]


def laid_on(
    beside: Sequence[Beside], parts: Sequence[Part], shape: tuple[int, int]
) -> list[NDArray[np.float32]]:
    """The brightness of each neighbour as a frame of `shape` shows it, where `parts` are."""
    laid = [np.empty(shape, np.float32) for _ in beside]
    if not parts:
        return laid
    a, b = min(p[0] for p in parts), max(p[1] for p in parts)
    c, d = min(p[2] for p in parts), max(p[3] for p in parts)
    bands = [(n, row) for n in range(len(beside)) for row in range(a, b, _BAND_PX)]

    def one(k: int, _: int) -> None:
        n, row = bands[k]
        end = min(row + _BAND_PX, b)
        onto = beside[n].matrix @ np.array([[1.0, 0, c], [0, 1, row], [0, 0, 1]])
        laid[n][row:end, c:d] = cv2.warpPerspective(
            beside[n].y, onto, (d - c, end - row), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip

    over_rows(one, len(bands), grain=1)
    return laid


def seen_by(
    other: Beside, laid: NDArray[np.float32], part: Part, kernel: Kernel | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], Kernel] | None:
    """A neighbour in a part of the frame, what of that is known, and its kernel; None: not there.

    `laid` is what `laid_on` gave.
    """
    if kernel is None:
        return None
    a, b, c, d = part
    y = np.ascontiguousarray(laid[a:b, c:d])
    onto = other.matrix @ np.array([[1.0, 0, c], [0, 1, a], [0, 0, 1]])
    size = (d - c, b - a)
    if _whole(other.known, onto, size):
        return y, np.ones(y.shape, np.float32), kernel
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    known = cv2.warpPerspective(other.known, onto, size, flags=flags)
    if (known > 0).mean() < _MOSTLY:
        return None
    good = cv2.erode((known > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    return y, good.astype(np.float32), kernel


def _whole(known: NDArray[np.float32], onto: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """Whether all of what a tile of `size` (across, down) sees of a neighbour is known."""
    cols, rows = size
    corners = np.array([[0, 0, 1], [cols, 0, 1], [0, rows, 1], [cols, rows, 1]]) @ onto.T
    x, y = corners[:, 0] / corners[:, 2], corners[:, 1] / corners[:, 2]
    left, top, right, down = (int(v) for v in (x.min() - 4, y.min() - 4, x.max() + 5, y.max() + 5))
    if min(left, top) < 0 or right > known.shape[1] or down > known.shape[0]:
        return False
    return bool(_all_known(known, top, down, left, right))


@kernel
def _all_known(known: NDArray[np.float32], top: int, down: int, left: int, right: int) -> bool:
    for r in range(top, down):
        for c in range(left, right):
            if known[r, c] <= 0:
                return False
    return True
