"""The frames about one that is unblurred: their brightness, and how they lie on it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.model import FILLED, LOST, SATURATED, Format, Frame
from descent.restore import light
from descent.restore.beside import Beside
from descent.restore.motion import GRID, luma
from descent.restore.unblur import known_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plane_of(frame: Frame, format: Format) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A frame's brightness (rows, cols), and where it is known."""
    linear = light.linear_frame(frame, format)
    assert isinstance(linear.pixels, np.ndarray)
    y = luma(linear.pixels)
    return y, known_of(frame.flags, y.shape, clipped=SATURATED, lost=LOST | FILLED)


def neighbours(
    frames: Sequence[Frame],
    centre: int,
    count: int,
    measured: Mapping[str, Any],
    index: int,
    format: Format,
) -> list[Beside]:
    """Up to `count` neighbours either way that show the same, smeared in a known way.

    `measured` and `index` are those of the stage: `maps` lead from frame to frame, and
    `smears` tell what is known of each.
    """
    maps, found = measured.get("maps") or [], []
    for step in (1, -1):
        onto = np.eye(3)
        for d in range(1, count + 1):
            k, i = centre + step * d, index + step * d
            at = i - 1 if step == 1 else i  # of the map between this neighbour and the last
            if not (0 <= k < len(frames) and 0 <= at < len(maps)) or maps[at] is None:
                break
            matrix = np.asarray(maps[at], np.float64).reshape(3, 3)
            onto = (matrix if step == 1 else np.linalg.inv(matrix)) @ onto
            smear = measured["smears"][i]
            if smear is not None:
                grid = np.asarray(smear, np.float64).reshape(*GRID, 2)
                found.append(Beside(*seen(frames[k], format), grid, onto))
    return found


_planes: dict[int, tuple[weakref.ref[Any], NDArray[np.float32], NDArray[np.float32]]] = {}


def seen(frame: Frame, format: Format) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`plane_of`, kept while the frame lives: the frames of a window come back in the next."""
    kept = _planes.get(id(frame.pixels))
    if kept is not None and kept[0]() is frame.pixels:
        return kept[1], kept[2]
    y, known = plane_of(frame, format)
    for key in [k for k, entry in _planes.items() if entry[0]() is None]:
        _planes.pop(key, None)
    _planes[id(frame.pixels)] = weakref.ref(frame.pixels), y, known
    return y, known
