"""Blocks lost in transmission: found, and filled from what lies about them.

Frames are sent compressed in blocks of 8 x 8 (JPEG) or in segments of the picture (ICER). Of
what does not arrive a decoder leaves one value, with edges as straight as no scene has them:
a rectangle, or blocks of one grid. Dark sky, clipped paint and blocks that are even because
little was in them have one value too; they end softly, raggedly, or in nearly the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from descent.tools.compiled import kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 8  # px of the smallest block
_MOST_FLAT = 0.5  # of the picture: more is sky or a card, from which no loss can be told
# How far what is beside a block lies from it, of the picture's level and in steps that the
# picture makes there from pixel to pixel: at every side for a value that light and shadow end
# in, over all sides together for any other.
_APART, _STEPS = 0.1, 4.0
_APART_WITHIN, _STEPS_WITHIN = 0.04, 2.0
_LEAST_SEGMENT_PX = 24  # of a segment on no grid
_SAME = 0.1  # share of a side that may go on in the same value
_DRAWN = 0.5  # share of pixels beside it that are even by themselves: drawn, no camera's
_KEPT = 0.5  # share of a block that is even in most frames: a mask, not a loss
_MOST_PARTS = 2000  # a picture of more was compressed until its blocks are even
_ROUNDS = 24
_BAND = 256  # rows that one thread looks through


@kernel
def _run_from(plane: NDArray[np.float32], y: int, x: int, dy: int, dx: int) -> int:
    """How far from a pixel (y, x) its value goes on in a direction."""
    rows, cols = plane.shape
    v, n = plane[y, x], 0
    u, w = y + dy, x + dx
    while 0 <= u < rows and 0 <= w < cols and plane[u, w] == v:
        n, u, w = n + 1, u + dy, w + dx
    return n


@kernel
def _straight(plane: NDArray[np.float32], y: int, x: int, dy: int, dx: int) -> bool:
    """Whether the run through (y, x) ends as the two beside it do, to one side or the other.

    The run lies along (dy, dx); those beside it are at a right angle.
    """
    rows, cols = plane.shape
    v = plane[y, x]
    there, back = _run_from(plane, y, x, dy, dx), _run_from(plane, y, x, -dy, -dx)
    if there + back + 1 < SIDE:
        return False
    for side in (1, -1):
        alike = True
        for k in (1, 2):
            u, w = y + side * k * dx, x + side * k * dy
            alike = alike and 0 <= u < rows and 0 <= w < cols and plane[u, w] == v
            alike = alike and _run_from(plane, u, w, dy, dx) == there
            alike = alike and _run_from(plane, u, w, -dy, -dx) == back
        if alike:
            return True
    return False


@kernel
def may_be_flat(plane: NDArray[np.float32]) -> bool:
    """Whether some 8 x 8 pixels (rows, cols) may hold one value and end straight.

    A look at one pixel in 64: each such square holds one of them, and its run and two beside it
    end alike, across and down. Glare and shadow are ragged.
    """
    rows, cols = plane.shape
    for y in range(SIDE - 1, rows, SIDE):
        for x in range(SIDE - 1, cols, SIDE):
            if plane[y, x - 1] != plane[y, x] and (x + 1 == cols or plane[y, x + 1] != plane[y, x]):
                continue
            if _straight(plane, y, x, 0, 1) and _straight(plane, y, x, 1, 0):
                return True
    return False


@kernel
def even_squares(plane: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which pixels (rows, cols) lie in some 8 x 8 that hold one value."""
    rows, cols = plane.shape
    out = np.zeros((rows, cols), np.bool_)
    before, here = np.ones(cols, np.int32), np.ones(cols, np.int32)
    for y in range(rows):
        for x in range(cols):
            side = 1
            if y > 0 and x > 0:
                v = plane[y, x]
                if plane[y - 1, x] == v and plane[y, x - 1] == v and plane[y - 1, x - 1] == v:
                    side = min(before[x], here[x - 1], before[x - 1]) + 1
            here[x] = side
            if side >= SIDE:
                # Only the new row and column where the square beside it was marked already.
                wide = here[x - 1] < SIDE
                for r in range(y - SIDE + 1, y + 1):
                    if wide:
                        out[r, x - SIDE + 1 : x + 1] = True
                    else:
                        out[r, x] = True
        before, here = here, before
    return out


@kernel
def _parts(
    plane: NDArray[np.float32], even: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels (rows, cols) of even places of one value each, from 1, and their boxes (n, 4)."""
    rows, cols = plane.shape
    labels = np.zeros((rows, cols), np.int32)
    stack = np.empty((rows * cols, 2), np.int32)
    boxes = np.empty((rows * cols // 32 + 1, 4), np.int64)
    count = 0
    for y in range(rows):
        for x in range(cols):
            if not even[y, x] or labels[y, x]:
                continue
            count += 1
            v = plane[y, x]
            top, down, left, right = y, y, x, x
            labels[y, x] = count
            stack[0, 0], stack[0, 1] = y, x
            held = 1
            while held:
                held -= 1
                r, c = stack[held, 0], stack[held, 1]
                top, down = min(top, r), max(down, r)
                left, right = min(left, c), max(right, c)
                for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                    u, w = r + dr, c + dc
                    if (
                        0 <= u < rows and 0 <= w < cols and even[u, w]
                        and labels[u, w] == 0 and plane[u, w] == v
                    ):  # fmt: skip
                        labels[u, w] = count
                        stack[held, 0], stack[held, 1] = u, w
                        held += 1
            boxes[count - 1] = top, down + 1, left, right + 1
    return labels, boxes[:count]


def lost_blocks(
    plane: NDArray[np.float32],
    step: int = 1,
    *,
    kept: NDArray[np.bool_] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_] | None:
    """Which pixels (rows, cols) were lost in whole blocks; None if none.

    Parameters
    ----------
    plane : (rows, cols), linear light; `step` 2 on a mosaic and 1 elsewhere.
    kept : pixels that are even in most frames: masks of the camera, no losses.
    known : pixels that are known to be lost, rows for instance: nothing is read from them.
    """
    if not may_be_flat(plane):
        return None
    even = np.empty(plane.shape, np.bool_)

    def band(first: int, last: int) -> None:
        top = max(0, first - SIDE + 1)
        even[first:last] = even_squares(plane[top : last + SIDE - 1])[first - top : last - top]

    over_rows(band, len(plane), grain=_BAND)
    if known is not None:
        even &= ~known
    flat = np.count_nonzero(even)
    if not 0 < flat <= _MOST_FLAT * even.size:
        return None
    labels, boxes = _parts(plane, even)
    if len(boxes) > _MOST_PARTS:
        return None
    straight: list[tuple[int, tuple[int, int, int, int], tuple[int, int]]] = []
    for k, (top, down, left, right) in enumerate(boxes.tolist(), 1):
        inside = labels[top:down, left:right] == k
        grid = _grid(inside, (top, left), plane.shape)
        if grid is None or (kept is not None and kept[top:down, left:right][inside].mean() > _KEPT):
            continue
        straight.append((k, (top, down, left, right), grid))
    if not straight:
        return None
    some = plane[::9, ::11][~even[::9, ::11]]
    level = float(np.median(some if some.size else plane[~even]))
    ends = float(plane.min()), float(plane.max())
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for k, box, grid in straight:
        if _stands_apart(plane, labels, k, box, level, ends, step, known, grid == (0, 0)):
            size = (labels[box[0] : box[1], box[2] : box[3]] == k).sum()
            found.setdefault(grid, []).append((k, int(size)))
    if not found:
        return None
    # Blocks of one picture lie on one grid: what lies on another is something else.
    most = max(found, key=lambda g: (sum(size for _, size in found[g]), g))
    chosen = [k for grid, parts in found.items() if grid in (most, (-1, -1)) for k, _ in parts]
    return np.asarray(np.isin(labels, chosen), np.bool_)


def _grid(
    inside: NDArray[np.bool_], corner: tuple[int, int], shape: tuple[int, ...]
) -> tuple[int, int] | None:
    """The phase of the 8 x 8 grid on which a part is made of whole blocks; None: on none.

    A rectangle of other sides is a segment, on no grid: (-1, -1).
    """
    phase = corner[0] % SIDE, corner[1] % SIDE
    whole = [
        n % SIDE == 0 or c + n == edge
        for n, c, edge in zip(inside.shape, corner, shape, strict=True)
    ]
    if inside.all() and not all(whole):
        return (-1, -1) if min(inside.shape) >= _LEAST_SEGMENT_PX else None
    if not all(whole):
        return None
    rows, cols = inside.shape
    firsts = np.add.reduceat(inside, np.arange(0, rows, SIDE), axis=0, dtype=np.int64)
    cells = np.add.reduceat(firsts, np.arange(0, cols, SIDE), axis=1)
    high = np.minimum(SIDE, rows - np.arange(0, rows, SIDE))
    wide = np.minimum(SIDE, cols - np.arange(0, cols, SIDE))
    full = high[:, None] * wide[None]
    return phase if bool(((cells == 0) | (cells == full)).all()) else None


def _stands_apart(
    plane: NDArray[np.float32],
    labels: NDArray[np.int32],
    part: int,
    box: tuple[int, int, int, int],
    level: float,
    ends: tuple[float, float],
    step: int,
    known: NDArray[np.bool_] | None,
    whole: bool,
) -> bool:
    """Whether the picture ends at the sides of a part as at a cut, and is a camera's there.

    Of a part on the grid that a picture which was not cropped has, one side may end softly.
    """
    reach = 2 * step
    top, left = max(0, box[0] - reach), max(0, box[2] - reach)
    view = np.s_[top : box[1] + reach, left : box[3] + reach]
    seen: NDArray[Any] = plane[view]
    own: NDArray[Any] = labels[view] == part
    value = float(seen[own][0])
    good: NDArray[Any] = ~own if known is None else ~own & ~known[view]
    found = []
    for turn in range(4):
        # Each side in turn becomes the upper one: the pixel above, and the next of its colour.
        picture, mine, fine = (np.rot90(a, turn) for a in (seen, own, good))
        edge = mine[reach:] & fine[reach - 1 : -1] & fine[reach - 1 - step : -1 - step]
        if edge.any():
            beside = picture[reach - 1 : -1][edge]
            found.append((beside, np.abs(beside - picture[reach - 1 - step : -1 - step][edge])))
    if len(found) < 2:
        return False
    everywhere = tuple(np.concatenate(parts) for parts in zip(*found, strict=True))
    within = ends[0] < value < ends[1]
    apart, steps = (_APART_WITHIN, _STEPS_WITHIN) if within else (_APART, _STEPS)

    def cut(beside: NDArray[Any], usual: NDArray[Any]) -> bool:
        if np.mean(beside == value) > _SAME or np.mean(usual == 0) > _DRAWN:
            return False
        least = max(apart * abs(level), steps * float(np.median(usual)))
        return float(np.median(np.abs(beside - value))) > least

    sides = sum(cut(*side) for side in found)
    if within:
        return cut(*everywhere)
    return sides == len(found) or (whole and sides >= 3 and cut(*everywhere))


def masks(often: NDArray[np.bool_]) -> list[list[int]]:
    """The boxes (top, bottom, left, right; half-open) of what is even in most frames."""
    flat = np.zeros(often.shape, np.float32)
    return [[int(v) for v in box] for box in _parts(flat, often)[1]][:_MOST_PARTS]


@kernel
def fill_blocks(plane: NDArray[np.float32], lost: NDArray[np.bool_], step: int) -> None:
    """Fill `lost` (rows, cols) in place from the nearest good pixels of the same colour.

    Those straight above, below, left and right, by one over their distance; then evened out,
    so that light goes smoothly from side to side (Laplace's equation).
    """
    rows, cols = plane.shape
    ys, xs = np.nonzero(lost)
    for y, x in zip(ys, xs):  # noqa: B905 - numba's zip knows no strict
        total, weight = np.float32(0), np.float32(0)
        for dy, dx in ((-step, 0), (step, 0), (0, -step), (0, step)):
            u, w, away = y + dy, x + dx, 1
            while 0 <= u < rows and 0 <= w < cols and lost[u, w]:
                u, w, away = u + dy, w + dx, away + 1
            if 0 <= u < rows and 0 <= w < cols:
                share = np.float32(1) / np.float32(away)
                total += share * plane[u, w]
                weight += share
        if weight > 0:
            plane[y, x] = total / weight
    for _ in range(_ROUNDS):
        for y, x in zip(ys, xs):  # noqa: B905
            total, count = np.float32(0), np.float32(0)
            for dy, dx in ((-step, 0), (step, 0), (0, -step), (0, step)):
                u, w = y + dy, x + dx
                if 0 <= u < rows and 0 <= w < cols:
                    total += plane[u, w]
                    count += np.float32(1)
            if count > 0:
                plane[y, x] = total / count
