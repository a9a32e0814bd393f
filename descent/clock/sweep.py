"""What moves in front of a fixed camera, and which way: the flow between its pictures, in cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.tools.compiled import kernel

if TYPE_CHECKING:
    from descent.clock.stir import Watched

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

CELL_PX = 4
STILL = 0.0003
"""Flow below this many long sides a picture is noise."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Cells of a picture that move, as a list: row of time, place, motion and weight (k,).

    `x` and `y` are in long sides from the picture's middle, half-way through the motion;
    `u` and `v` in hundredths of them a step. Row n of `count` was seen at
    `start_s + n * step_s`.
    """

    frame: NDArray[np.int32]
    x: Singles
    y: Singles
    u: Singles
    v: Singles
    weight: Singles
    start_s: float
    step_s: float
    count: int

    def backwards(self) -> Sweep:
        """The same run backwards: every motion the other way."""
        return Sweep(
            (np.int32(self.count - 1) - self.frame).astype(np.int32), self.x, self.y, -self.u,
            -self.v, self.weight, self.start_s, self.step_s, self.count,
        )  # fmt: skip


def sweep(seen: Watched, apart: int, start_s: float, first: int, last: int) -> Sweep:
    """The flow over `apart` pictures in rows `first` up to `last` of the grid from `start_s`.

    The grid is that of the camera's stir: row n is at `start_s + n * step_s`.
    """
    step, count = seen.step_s, last - first
    rows: list[NDArray[np.int32]] = []
    cells: list[Singles] = []
    middles = (seen.times[apart:] + seen.times[:-apart]) / 2
    at = (middles - start_s) / step - first
    for k in np.flatnonzero((at > -0.98) & (at < count - 0.02)):
        if seen.times[k + apart] - seen.times[k] > (apart + 0.6) * step:  # across a drop-out
            continue
        found = seen.flow(int(k), apart)
        low = int(np.floor(at[k] + 0.02))
        part = max(float(at[k]) - low, 0.0)
        # Most pictures fall on the grid's rows; only late ones are shared between two.
        for row, share in ((low, 1 - part), (low + 1, part)):
            if share > 0.02 and 0 <= row < count:
                rows.append(np.full(found.shape[1], row, np.int32))
                shared = found.copy()
                shared[4] *= share
                cells.append(shared)
    frame = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    x, y, u, v, weight = np.concatenate(cells, axis=1) if cells else np.zeros((5, 0), np.float32)
    return Sweep(frame, x, y, u, v, weight, start_s + first * step, step, count)


def flow(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Singles:
    """Cells that move from one small picture to the next: x, y, u, v, weight (5, k)."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)  # the pictures are small already
    moved: Any = search.calc(before, after, None)  # type: ignore[call-overload]
    rows, cols = before.shape
    long_side = max(rows, cols)
    moves = (np.hypot(moved[..., 0], moved[..., 1]) > STILL * long_side).astype(np.float32)
    tall, wide = rows // CELL_PX, cols // CELL_PX

    def cells(of: Any) -> Singles:
        cut = of[: tall * CELL_PX, : wide * CELL_PX]
        return np.asarray(cut.reshape(tall, CELL_PX, wide, CELL_PX).sum(axis=(1, 3)), np.float32)

    number = cells(moves)
    many = number > CELL_PX * CELL_PX / 4
    u = cells(moved[..., 0] * moves)[many] / number[many]
    v = cells(moved[..., 1] * moves)[many] / number[many]
    y, x = np.nonzero(many)
    middle = (CELL_PX - 1) / 2
    px = x * CELL_PX + middle - (cols - 1) / 2
    py = y * CELL_PX + middle - (rows - 1) / 2
    return np.stack(
        [
            (px + u / 2) / long_side, (py + v / 2) / long_side,
            100 * u / long_side, 100 * v / long_side, number[many] / CELL_PX**2,
        ]
    ).astype(np.float32)  # fmt: skip


@kernel
def _cast(
    frame: Any, x: Any, y: Any, u: Any, v: Any, weight: Any, count: int, lines: int,
    reach: float, pencil: Any,
) -> Any:  # pragma: no cover - compiled  # fmt: skip
    out = np.zeros((2, count, lines), np.float32)
    c, s = np.cos(pencil[0]), np.sin(pencil[0])
    fan, scale, shift, tilt = pencil[1], pencil[2], pencil[3], pencil[4]
    for i in range(len(frame)):
        across = x[i] * c - y[i] * s
        along = y[i] * c + x[i] * s
        depth = 1 + fan * across + tilt * along
        if depth < 0.15:
            continue
        top = scale * along + shift
        place = (top / depth + reach / 2) * (lines / reach)
        if place < 0 or place >= lines - 1:
            continue
        # How fast it crosses the lines, in the picture; which way is alike in both cameras.
        up = scale * depth - top * tilt
        side = -top * fan
        speed = up * (v[i] * c + u[i] * s) + side * (u[i] * c - v[i] * s)
        speed /= np.sqrt(up * up + side * side) + 1e-9
        size = np.sqrt(abs(speed)) * weight[i]
        low = int(place)
        part = place - low
        out[1, frame[i], low] += size * (1 - part)
        out[1, frame[i], low + 1] += size * part
        if speed < 0:
            size = -size
        out[0, frame[i], low] += size * (1 - part)
        out[0, frame[i], low + 1] += size * part
    return out


def cast(seen: Sweep, pencil: Floats, lines: int, reach: float) -> Singles:
    """What crosses each line at each time (2, count, lines): one way less the other, and both."""
    found: Singles = _cast(
        seen.frame, seen.x, seen.y, seen.u, seen.v, seen.weight, seen.count, lines, reach, pencil
    )
    return found
