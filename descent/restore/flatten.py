"""What a camera does to every picture alike, told from the scene by the scene's motion.

A place on the ground is seen at one place of a frame and, frames later, at another. How its
light differs, but for one number a pair of frames, is the lens: solved on a coarse grid, as
in Litvinov and Schechner, "Radiometric framework for image mosaicking", JOSA A 22 (2005).
What is brighter by itself for a while (a sunlit spot that sweeps by, dust) fits no such
pattern and loses its say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NODES = (9, 9)  # of the pattern's grid, rows and columns
CELL_PX = 16  # side of the cells whose ratios are averaged
_DARK, _BRIGHT = 0.02, 0.95
_ROUNDS = 5
_LEVEL = 2e-4  # pull of each node to 0: decides only what the motion leaves open
_SMOOTH = 0.015  # weight of the second differences of the grid, to that of a typical pair
_HUBER = 1.5
_FEWEST_PAIRS = 6
_MOVES_PX = 12.0


@dataclass(frozen=True)
class Pair:
    """Cells seen by two frames: where in each (n, 2; row, column from 0 to 1), log ratio (n,)."""

    here: NDArray[np.float64]
    there: NDArray[np.float64]
    ratio: NDArray[np.float64]


def pair(
    a: NDArray[np.float32], b: NDArray[np.float32], matrix: NDArray[np.float64]
) -> Pair | None:
    """What picture b shows of the ground of a, cell by cell; None where too little moves.

    `matrix` (3, 3) takes x, y of a to b; both are linear light (rows, cols).
    """
    rows, cols = b.shape
    warped = cv2.warpPerspective(a, matrix, (cols, rows), flags=cv2.INTER_LINEAR)
    inside = cv2.warpPerspective(np.ones_like(a), matrix, (cols, rows)) > 0.99
    good = inside & (warped > _DARK) & (b > _DARK) & (warped < _BRIGHT) & (b < _BRIGHT)
    logs = np.where(good, np.log(np.maximum(b, 1e-4) / np.maximum(warped, 1e-4)), 0)
    down, over = rows // CELL_PX, cols // CELL_PX
    cells = (slice(0, down * CELL_PX), slice(0, over * CELL_PX))

    def sums(plane: NDArray[Any]) -> NDArray[np.float64]:
        parts = plane[cells].reshape(down, CELL_PX, over, CELL_PX)
        return np.asarray(parts.sum(axis=(1, 3), dtype=np.float64))

    share = sums(good)
    ratio = sums(logs) / np.maximum(share, 1)
    y, x = np.nonzero(share > 0.9 * CELL_PX**2)
    if len(y) < 20:
        return None
    there = (np.stack([y, x], axis=1) + 0.5) * CELL_PX
    back = np.linalg.inv(matrix)
    points = np.stack([there[:, 1], there[:, 0], np.ones(len(y))]).T @ back.T
    here = points[:, 1::-1] / points[:, 2:]
    if np.median(np.hypot(*(here - there).T)) < _MOVES_PX:
        return None
    size = np.array([rows, cols], np.float64)
    return Pair(here / size, there / size, ratio[y, x])


def weights_of(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each node of the grid contributes (n, nodes) at places (n, 2) from 0 to 1."""
    rows, cols = NODES
    y = np.clip(places[:, 0], 0, 1) * (rows - 1)
    x = np.clip(places[:, 1], 0, 1) * (cols - 1)
    top = np.minimum(y.astype(int), rows - 2)
    left = np.minimum(x.astype(int), cols - 2)
    down, over = y - top, x - left
    out = np.zeros((len(places), rows * cols))
    k = np.arange(len(places))
    for dy in (0, 1):
        for dx in (0, 1):
            share = (down if dy else 1 - down) * (over if dx else 1 - over)
            out[k, (top + dy) * cols + left + dx] += share
    return out


def _bends() -> NDArray[np.float64]:
    """Second differences (m, nodes) of the grid along rows and columns."""
    rows, cols = NODES
    index = np.arange(rows * cols).reshape(rows, cols)
    lines = [index[k : k + 3, x] for k in range(rows - 2) for x in range(cols)]
    lines += [index[y, k : k + 3] for k in range(cols - 2) for y in range(rows)]
    out = np.zeros((len(lines), rows * cols))
    for k, line in enumerate(lines):
        out[k, line] = (1, -2, 1)
    return out


def solve(pairs: Sequence[Pair]) -> tuple[NDArray[np.float64], float] | None:
    """The pattern as log light (rows, cols) of the grid, 0 at its brightest, and its error.

    None where fewer than a handful of pairs move. A slope across the frame and a steady
    change of exposure look alike while a camera moves one way; the smaller is taken.
    """
    if len(pairs) < _FEWEST_PAIRS:
        return None
    nodes = NODES[0] * NODES[1]
    designs = [weights_of(p.there) - weights_of(p.here) for p in pairs]
    scale = max(float(np.median([np.median(np.abs(p.ratio - np.median(p.ratio))) for p in pairs])),
                1e-4) / 0.6745  # fmt: skip
    bends = _bends()
    typical = float(np.median([len(p.ratio) for p in pairs])) * len(pairs) / nodes
    field: NDArray[np.float64] = np.zeros(nodes)
    normal = np.zeros((nodes, nodes))
    spread = scale
    for _ in range(_ROUNDS):
        # How fast it bends has the least say, its level none: only differences are seen.
        normal = typical * (_SMOOTH * bends.T @ bends + _LEVEL * np.eye(nodes))
        right = np.zeros(nodes)
        misses = []
        for design, p in zip(designs, pairs, strict=True):
            rest = p.ratio - design @ field
            rest = rest - np.median(rest)
            misses.append(np.abs(rest))
            weight = 1 / np.maximum(1, (np.abs(rest) / (_HUBER * spread)) ** 2)
            # One gain a pair is taken out: both sides less their weighted mean.
            mean = weight / weight.sum()
            centred = design - mean @ design
            normal += centred.T @ (weight[:, None] * centred)
            right += centred.T @ (weight * (p.ratio - mean @ p.ratio))
        field = np.asarray(np.linalg.solve(normal, right), np.float64)
        spread = max(float(np.median(np.concatenate(misses))) / 0.6745, 1e-4)
    error = spread * float(np.sqrt(np.diag(np.linalg.inv(normal)).mean()))
    return (field - field.max()).reshape(NODES), error


@dataclass(frozen=True)
class Mark:
    """A static attenuation: its box's corner, and log light (rows, cols) within, at work size."""

    row: int
    col: int
    depth: NDArray[np.float32]

    def as_json(self) -> list[Any]:
        """Plain numbers: row, column, and the depths row by row."""
        return [self.row, self.col, [[round(float(v), 4) for v in r] for r in self.depth]]


def _spread(stack: NDArray[np.float32], where: NDArray[np.bool_]) -> float:
    """How much the pixels of a place vary from picture to picture."""
    return float(np.median(stack[:, where].std(axis=0)))


_MARK_PX = 12.0  # deviation of the Gaussian that a mark must stand out from
_FAINTEST = 0.02
_MARK_SIGMA = 6.0
_SMALLEST_PX, _LARGEST, _MOST = 6, 0.01, 0.03  # px; shares of the picture
_CARRIES = 0.6  # of the scene's variation around it: what shows less is a thing, not a mark
FEWEST_FRAMES = 12


def marks(pictures: Sequence[NDArray[np.float32]]) -> list[Mark]:
    """Dust and scratches: places that are darker than their surroundings in every frame.

    `pictures` (rows, cols) are of a scene that moves. A mark dims the scene and lets its
    changes through; a part of the craft in view does not, and is left.
    """
    if len(pictures) < FEWEST_FRAMES:
        return []
    stack = np.empty((len(pictures), *pictures[0].shape), np.float32)
    whole = np.empty_like(stack)
    for k, picture in enumerate(pictures):
        logs = np.log(np.maximum(picture, 1e-3))
        whole[k] = logs
        stack[k] = logs - cv2.GaussianBlur(logs, (0, 0), _MARK_PX)
    middle = np.median(stack, axis=0)
    varies = np.median(np.abs(stack - middle), axis=0) / 0.6745
    around = cv2.medianBlur(varies, 5)
    around = cv2.GaussianBlur(around, (0, 0), _MARK_PX)
    error = 1.2533 * np.maximum(varies, around) / np.sqrt(len(pictures))
    low = np.asarray(cv2.GaussianBlur(middle, (0, 0), 1.0), np.float32)
    seed = (low < -_FAINTEST) & (low < -_MARK_SIGMA * error / 2)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(seed.astype(np.uint8))
    found = []
    total = 0
    for k in range(1, count):
        left, top, wide, high, area = (int(v) for v in facts[k])
        inside = labels == k
        if not _SMALLEST_PX <= area <= _LARGEST * low.size:
            continue
        near = cv2.dilate(inside.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
        if _spread(whole, inside) < _CARRIES * _spread(whole, near & ~inside):
            continue
        if (-low[inside] / np.maximum(error[inside], 1e-6)).max() < _MARK_SIGMA:
            continue
        grow = 3
        box = (
            slice(max(0, top - grow), min(low.shape[0], top + high + grow)),
            slice(max(0, left - grow), min(low.shape[1], left + wide + grow)),
        )
        near = cv2.dilate(inside[box].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        depth = np.where(near, np.minimum(middle[box], 0), 0).astype(np.float32)
        found.append(Mark(box[0].start, box[1].start, np.asarray(
            cv2.GaussianBlur(depth, (0, 0), 0.7), np.float32)))  # fmt: skip
        total += area
    return found if total <= _MOST * low.size else []
