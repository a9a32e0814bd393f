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
CHANGE_DN = 3
"""Pictures that differ by no more than this, in grey levels, are not looked at there."""

_BESIDE_PX, _LEAST_PX = 12, 64
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


def sweep(
    seen: Watched, apart: int, start_s: float, first: int, last: int, *, rough: bool = False
) -> Sweep:
    """The flow over `apart` pictures in rows `first` up to `last` of the grid from `start_s`.

    The grid is that of the camera's stir: row n is at `start_s + n * step_s`. A `rough` one
    is had ten times as quickly, to tell offsets apart by.
    """
    step, count = seen.step_s, last - first
    rows: list[NDArray[np.int32]] = []
    cells: list[Singles] = []
    middles = (seen.times[apart:] + seen.times[:-apart]) / 2
    at = (middles - start_s) / step - first
    for k in np.flatnonzero((at > -0.98) & (at < count - 0.02)):
        if seen.times[k + apart] - seen.times[k] > (apart + 0.6) * step:  # across a drop-out
            continue
        found = seen.flow(int(k), apart, rough)
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


def flow(before: NDArray[np.uint8], after: NDArray[np.uint8], rough: bool = False) -> Singles:
    """Cells that move from one small picture to the next: x, y, u, v, weight (5, k)."""
    if rough:
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    else:
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(0)  # the pictures are small already
    cell_px = 2 * CELL_PX if rough else CELL_PX
    rows, cols = before.shape
    moved: Any = np.zeros((rows, cols, 2), np.float32)
    box = _changed(before, after)
    if box is not None:
        cuts = np.ascontiguousarray(before[box]), np.ascontiguousarray(after[box])
        moved[box] = search.calc(*cuts, None)  # type: ignore[call-overload]
    long_side = max(rows, cols)
    moves = (np.hypot(moved[..., 0], moved[..., 1]) > STILL * long_side).astype(np.float32)
    tall, wide = rows // cell_px, cols // cell_px

    def cells(of: Any) -> Singles:
        cut = of[: tall * cell_px, : wide * cell_px]
        mean = cv2.resize(cut, (wide, tall), interpolation=cv2.INTER_AREA)
        return np.asarray(mean, np.float32)

    number = cells(moves)
    many = number > 0.25
    both = cells(moved * moves[..., None])[many] / number[many][:, None]
    u, v = both[:, 0], both[:, 1]
    y, x = np.nonzero(many)
    middle = (cell_px - 1) / 2
    px = x * cell_px + middle - (cols - 1) / 2
    py = y * cell_px + middle - (rows - 1) / 2
    return np.stack(
        [
            (px + u / 2) / long_side, (py + v / 2) / long_side,
            100 * u / long_side, 100 * v / long_side, number[many],
        ]
    ).astype(np.float32)  # fmt: skip


def _changed(
    before: NDArray[np.uint8], after: NDArray[np.uint8]
) -> tuple[slice, slice] | None:  # fmt: skip
    """The rows and columns in which two pictures differ, and what is beside them."""
    change = cv2.absdiff(cv2.blur(before, (3, 3)), cv2.blur(after, (3, 3)))
    x, y, cols, rows = cv2.boundingRect((change > CHANGE_DN).astype(np.uint8))
    if not cols:
        return None
    spans = []
    for first, count, whole in ((y, rows, before.shape[0]), (x, cols, before.shape[1])):
        low, high = max(first - _BESIDE_PX, 0), min(first + count + _BESIDE_PX, whole)
        # The search starts from pictures of a few px, which must be there.
        low = max(0, min(low, high - _LEAST_PX))
        spans.append(slice(low, min(max(high, low + _LEAST_PX), whole)))
    return spans[0], spans[1]


@kernel
def _cast(
    frame: Any, x: Any, y: Any, u: Any, v: Any, weight: Any, count: int, lines: int,
    reach: float, pencil: Any,
) -> Any:  # pragma: no cover - compiled  # fmt: skip
    out = np.zeros((2, count, lines), np.float32)
    c, s = np.float32(np.cos(pencil[0])), np.float32(np.sin(pencil[0]))
    fan, scale = np.float32(pencil[1]), np.float32(pencil[2])
    shift, tilt = np.float32(pencil[3]), np.float32(pencil[4])
    one, least, tiny = np.float32(1), np.float32(0.15), np.float32(1e-9)
    begin, wide = np.float32(reach / 2), np.float32(lines / reach)
    for i in range(len(frame)):
        across = x[i] * c - y[i] * s
        along = y[i] * c + x[i] * s
        depth = one + fan * across + tilt * along
        if depth < least:
            continue
        top = scale * along + shift
        place = (top / depth + begin) * wide
        if place < 0 or place >= lines - 1:
            continue
        # How fast it crosses the lines, in the picture; which way is alike in both cameras.
        up = scale * depth - top * tilt
        side = -top * fan
        speed = up * (v[i] * c + u[i] * s) + side * (u[i] * c - v[i] * s)
        speed /= np.sqrt(up * up + side * side) + tiny
        size = np.sqrt(abs(speed)) * weight[i]
        low = int(place)
        part = place - np.float32(low)
        out[1, frame[i], low] += size * (one - part)
        out[1, frame[i], low + 1] += size * part
        if speed < 0:
            size = -size
        out[0, frame[i], low] += size * (one - part)
        out[0, frame[i], low + 1] += size * part
    return out


def cast(seen: Sweep, pencil: Floats, lines: int, reach: float) -> Singles:
    """What crosses each line at each time (2, count, lines): one way less the other, and both."""
    found: Singles = _cast(
        seen.frame, seen.x, seen.y, seen.u, seen.v, seen.weight, seen.count, lines, reach, pencil
    )
    return found
