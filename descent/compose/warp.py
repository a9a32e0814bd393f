"""Warps: a restored picture through its 3 x 3 matrix and into its tile in one resample."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.compose.geometry import Tile
from descent.errors import FormatError
from descent.tools.compiled import kernel
from descent.tools.resample import cubic

#: Phases of the kernel's table between two samples; 1/1024 px moves no edge visibly.
PHASES = 1024


def canvas_to_source(warp: NDArray[np.float64] | None, tile: Tile) -> NDArray[np.float64]:
    """The matrix (3, 3) from tile px (column, row, from 0) to source px.

    `warp` takes picture to output coordinates of the camera's own frame; the tile's window
    and magnification come after it. Raises `FormatError` where it has no inverse.
    """
    step = 1.0 / tile.magnification
    to_frame = np.array(
        [
            [step, 0.0, tile.window.left + 0.5 * step - 0.5],
            [0.0, step, tile.window.top + 0.5 * step - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )
    if warp is None:
        return to_frame
    # The adjugate: the inverse up to a factor that homogeneous coordinates do not see,
    # in plain sums that come out alike on every processor.
    (a, b, c), (d, e, f), (g, h, i) = (tuple(float(v) for v in row) for row in warp)
    inverse = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    determinant = a * inverse[0][0] + b * inverse[1][0] + c * inverse[2][0]
    if not np.isfinite(determinant) or abs(determinant) < 1e-12:
        raise FormatError(
            "a warp that squeezes the picture to a line",
            where=tile.camera,
            do="look at the stabilisation of this frame with descent look, or turn it off",
        )
    out = np.zeros((3, 3))
    for row in range(3):
        for col in range(3):
            out[row, col] = sum(inverse[row][k] * to_frame[k, col] for k in range(3))
    return out / determinant


@lru_cache(maxsize=32)
def _table(widen: float) -> NDArray[np.float32]:
    """Kernel weights (PHASES + 1, n) by the fraction past the sample before."""
    n = 2 * int(np.ceil(2 * widen))
    at = np.arange(n) - (n // 2 - 1)
    weights = cubic((at[None, :] - np.linspace(0, 1, PHASES + 1)[:, None]) / widen)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights, np.float32)


def warp_linear(
    picture: NDArray[np.float32], warp: NDArray[np.float64], tile: Tile
) -> tuple[NDArray[np.float32], float]:
    """(picture at the tile's size, share 0 to 1 of its pixels that lie outside the source).

    Catmull-Rom, widened by the scale at the tile's middle where the picture shrinks;
    outside is black.
    """
    matrix = canvas_to_source(warp, tile)
    widen = max(1.0, round(_scale(matrix, tile) * 16) / 16)
    source = picture.reshape(*picture.shape[:2], -1)
    out = np.empty((tile.dest.rows, tile.dest.cols, source.shape[2]), np.float32)
    lost = _warp(np.ascontiguousarray(source), matrix, _table(widen), out)
    return out.reshape(*out.shape[:2], *picture.shape[2:]), lost / (out.shape[0] * out.shape[1])


def _scale(matrix: NDArray[np.float64], tile: Tile) -> float:
    """Source px a canvas px at the tile's middle, along the direction that shrinks most."""
    x, y = tile.dest.cols / 2, tile.dest.rows / 2
    points = [(x, y), (x + 1, y), (x, y + 1)]
    mapped = []
    for px, py in points:
        w = matrix[2, 0] * px + matrix[2, 1] * py + matrix[2, 2]
        mapped.append(
            [(matrix[k, 0] * px + matrix[k, 1] * py + matrix[k, 2]) / w for k in range(2)]
        )
    (x0, y0), (x1, y1), (x2, y2) = mapped
    return float(max(np.hypot(x1 - x0, y1 - y0), np.hypot(x2 - x0, y2 - y0)))


def sample_flags(
    flags: NDArray[np.uint8], warp: NDArray[np.float64] | None, tile: Tile
) -> NDArray[np.uint8]:
    """Flags (rows, cols) of the source at the tile's pixels: those of the nearest pixel."""
    matrix = canvas_to_source(warp, tile)
    out = np.zeros((tile.dest.rows, tile.dest.cols), np.uint8)
    _nearest(flags, matrix, out)
    return out


@kernel
def _nearest(flags: Any, matrix: Any, out: Any) -> None:
    rows, cols = flags.shape
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            w = matrix[2, 0] * col + matrix[2, 1] * row + matrix[2, 2]
            if w == 0:
                continue
            x = (matrix[0, 0] * col + matrix[0, 1] * row + matrix[0, 2]) / w
            y = (matrix[1, 0] * col + matrix[1, 1] * row + matrix[1, 2]) / w
            if x >= -0.5 and y >= -0.5 and x < cols - 0.5 and y < rows - 0.5:
                out[row, col] = flags[int(y + 0.5), int(x + 0.5)]


@kernel
def _sixteen(source: Any, left: int, top: int, wx: Any, wy: Any, out: Any) -> None:
    """The common case: sixteen whole pixels of three colours, kept in registers."""
    red = green = blue = np.float32(0)
    a, b, c, d = wx[0], wx[1], wx[2], wx[3]
    for j in range(4):
        line = source[top + j]
        p, q = line[left], line[left + 1]
        r, s = line[left + 2], line[left + 3]
        w = wy[j]
        red += w * (a * p[0] + b * q[0] + c * r[0] + d * s[0])
        green += w * (a * p[1] + b * q[1] + c * r[1] + d * s[1])
        blue += w * (a * p[2] + b * q[2] + c * r[2] + d * s[2])
    out[0], out[1], out[2] = red, green, blue


@kernel
def _warp(source: Any, matrix: Any, table: Any, out: Any) -> int:
    rows, cols, channels = source.shape
    phases, n = table.shape[0] - 1, table.shape[1]
    before = n // 2 - 1
    total = np.zeros(3, np.float32)
    lost = 0
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            w = matrix[2, 0] * col + matrix[2, 1] * row + matrix[2, 2]
            x = (matrix[0, 0] * col + matrix[0, 1] * row + matrix[0, 2]) / w
            y = (matrix[1, 0] * col + matrix[1, 1] * row + matrix[1, 2]) / w
            if not (x >= -0.5 and y >= -0.5 and x <= cols - 0.5 and y <= rows - 0.5):
                lost += 1
                for k in range(channels):
                    out[row, col, k] = 0
                continue
            left, top = int(np.floor(x)), int(np.floor(y))
            wx = table[int((x - left) * phases + 0.5)]
            wy = table[int((y - top) * phases + 0.5)]
            inside = 1 <= left < cols - 2 and 1 <= top < rows - 2
            if inside and n == 4 and channels == 3:
                _sixteen(source, left - 1, top - 1, wx, wy, out[row, col])
                continue
            for k in range(channels):
                total[k] = 0
            for j in range(n):
                line = source[min(max(top - before + j, 0), rows - 1)]
                for i in range(n):
                    weight = wy[j] * wx[i]
                    at = min(max(left - before + i, 0), cols - 1)
                    for k in range(channels):
                        total[k] += weight * line[at, k]
            for k in range(channels):
                out[row, col, k] = total[k]
    return lost
