"""Gradient-corrected linear debayering.

Malvar, He and Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned
color images", ICASSP 2004: each missing colour is the bilinear mean plus a share of the
Laplacian of the colour that was measured there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from descent.tools.compiled import float_kernel, kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

BORDER = 2


def debayer_fast(mosaic: NDArray[np.float32], red_row: int, red_col: int) -> NDArray[np.float32]:
    """RGB (rows, cols, 3) of a mosaic (rows, cols) whose first red is at the given offset."""
    rows, cols = mosaic.shape
    out = np.empty((rows, cols, 3), np.float32)
    # Mirrored without repeating the edge: the colours stay in step across the border.
    padded = np.pad(mosaic, BORDER, mode="reflect")
    over_rows(lambda a, b: _malvar(padded, out, a, b, red_row, red_col), rows)
    return out


@kernel
def _malvar(
    m: NDArray[np.float32],
    out: NDArray[np.float32],
    first: int,
    last: int,
    red_row: int,
    red_col: int,
) -> None:
    """Rows first to last of `out` from the mosaic `m`, padded by two pixels."""
    cols = out.shape[1]
    eighth, zero, one = np.float32(0.125), np.float32(0), np.float32(1)
    half = np.float32(0.5)
    for y in range(first, last):
        a, b, c, d, e = m[y], m[y + 1], m[y + 2], m[y + 3], m[y + 4]
        red = (y & 1) == red_row
        # Where the row's own colour (red or blue) sits; the other pixels are green.
        site = red_col if red else 1 - red_col
        own, other = (0, 2) if red else (2, 0)
        for x in range(site, cols, 2):
            k = c[x + 2]
            far = a[x + 2] + e[x + 2] + c[x] + c[x + 4]
            cross = b[x + 2] + d[x + 2] + c[x + 1] + c[x + 3]
            diagonal = b[x + 1] + b[x + 3] + d[x + 1] + d[x + 3]
            green = eighth * (4 * k + 2 * cross - far)
            far_one = np.float32(1.5) * far
            opposite = eighth * (6 * k + 2 * diagonal - far_one)
            out[y, x, own] = k
            out[y, x, 1] = min(max(green, zero), one)
            out[y, x, other] = min(max(opposite, zero), one)
        for x in range(1 - site, cols, 2):
            k = c[x + 2]
            diagonal = b[x + 1] + b[x + 3] + d[x + 1] + d[x + 3]
            across = c[x] + c[x + 4]
            down = a[x + 2] + e[x + 2]
            beside = 5 * k + 4 * (c[x + 1] + c[x + 3]) - diagonal - across + half * down
            above = 5 * k + 4 * (b[x + 2] + d[x + 2]) - diagonal - down + half * across
            out[y, x, 1] = k
            out[y, x, own] = min(max(eighth * beside, zero), one)
            out[y, x, other] = min(max(eighth * above, zero), one)


def debayer_clipped(
    mosaic: NDArray[np.float32],
    mask: NDArray[np.bool_],
    out: NDArray[np.float32],
    red_row: int,
    red_col: int,
) -> None:
    """Redo the pixels of `mask` (rows, cols) in `out` by plain means of each colour's neighbours.

    Where a colour clips, its detail is gone and tells nothing of the others': carrying it
    across, as both methods do, would dot the rims of highlights with false colour.
    """
    over_rows(lambda a, b: _plain_means(mosaic, mask, out, red_row, red_col, a, b), len(out))


@float_kernel
def _plain_means(
    mosaic: NDArray[np.float32],
    mask: NDArray[np.bool_],
    out: NDArray[np.float32],
    red_row: int,
    red_col: int,
    first: int,
    last: int,
) -> None:
    rows, cols = mosaic.shape
    sums = np.empty(3, np.float32)
    counts = np.empty(3, np.float32)
    for y in range(first, last):
        for x in range(cols):
            if not mask[y, x]:
                continue
            sums[:] = 0
            counts[:] = 0
            for v in range(max(y - 1, 0), min(y + 2, rows)):
                for u in range(max(x - 1, 0), min(x + 2, cols)):
                    red = (v & 1) == red_row
                    green = ((u & 1) == red_col) != red
                    channel = 1 if green else (0 if red else 2)
                    sums[channel] += mosaic[v, u]
                    counts[channel] += 1
            red = (y & 1) == red_row
            green = ((x & 1) == red_col) != red
            own = 1 if green else (0 if red else 2)
            for c in range(3):
                if c != own and counts[c] > 0:
                    out[y, x, c] = sums[c] / counts[c]
