"""Residual interpolation with local slopes: the debayer for releases.

After Kiku, Monno, Tanaka and Okutomi, "Beyond color difference: residual interpolation for
color image demosaicking" (IEEE TIP 2016) and its minimized-Laplacian form (2014), reduced
to what carries it. One colour is taken as a local line of another, `C = slope * G + rest`;
the slope is fitted to their Laplacians in a small window, and only the rest is
interpolated. Along a row this is Hamilton and Adams' interpolation with its second
derivative weighed by that slope. Four one-sided differences G - C are then joined by how
little each changes, as in gradient-based threshold-free interpolation (Pekkucuksen and
Altunbasak, ICIP 2010).

Every pass writes whole rows and reads only what earlier passes wrote, so that rows can be
shared out to threads with the same result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from descent.restore.bayer_green import changes, differences, join, laplacians
from descent.tools.compiled import float_kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

# All planes carry this border, mirrored; each pass may then read past the picture's edge.
BORDER = 14
_TAPS = 5  # of the one-sided means of G - C, px
_SIGMA_PX = 1.3
# Squared Laplacians, of full scale, below which a slope is drawn to 1: noise, not detail.
_LEAST_FAR = 1e-5

_local = threading.local()


def debayer_best(
    mosaic: NDArray[np.float32],
    red_row: int,
    red_col: int,
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> NDArray[np.float32]:
    """RGB (rows, cols, 3) of a mosaic (rows, cols) whose first red is at the given offset.

    `gains` bring the channels to about one scale while they are compared; what comes out
    is on the mosaic's own.
    """
    rows, cols = mosaic.shape
    plane = _balanced(mosaic, red_row, red_col, gains)
    work = _planes(plane.shape)
    num_h, den_h, num_v, den_v, dif_h, dif_v, flat_h, flat_v, green = work
    high = plane.shape[0]

    def each(work_on: Callable[..., None], *arguments: object, margin: int) -> None:
        bands = high - 2 * margin
        over_rows(lambda a, b: work_on(*arguments, margin + a, margin + b), bands)

    each(laplacians, plane, num_h, den_h, num_v, den_v, margin=3)
    each(differences, plane, *work[:6], red_row, red_col, margin=8)
    each(changes, dif_h, dif_v, flat_h, flat_v, margin=10)
    taps = np.exp(-(np.arange(_TAPS) ** 2) / (2 * _SIGMA_PX**2))
    taps = (taps / taps.sum()).astype(np.float32)
    each(join, plane, dif_h, dif_v, flat_h, flat_v, green, taps, red_row, red_col, margin=12)
    out = np.empty((rows, cols, 3), np.float32)
    for channel, (row, col) in ((0, (red_row, red_col)), (2, (1 - red_row, 1 - red_col))):
        slope, rest = _lattice(plane, green, row, col)
        parts = (green, slope, rest, out, channel, row, col, np.float32(1 / gains[channel]))
        over_rows(partial(_spread, *parts), rows)
    over_rows(
        lambda a, b: _measured(
            mosaic, green, out, np.float32(1 / gains[1]), red_row, red_col, a, b
        ),
        rows,
    )
    return out


def _planes(shape: tuple[int, ...]) -> list[NDArray[np.float32]]:
    """Nine planes to work in, kept by each thread: fresh memory costs as much as the work."""
    kept: dict[str, object] = _local.__dict__
    if kept.get("shape") != shape:
        # Zeros: what the passes leave unwritten at the rim counts for nothing in sums.
        kept["planes"] = [np.zeros(shape, np.float32) for _ in range(9)]
        kept["shape"] = shape
    planes = kept["planes"]
    assert isinstance(planes, list)
    return planes


def _balanced(
    mosaic: NDArray[np.float32], red_row: int, red_col: int, gains: tuple[float, float, float]
) -> NDArray[np.float32]:
    """The mosaic times its gains with a mirrored border, colours in step across the edge."""
    plane = np.pad(mosaic, BORDER, mode="reflect")
    # BORDER is even, so the pattern of the padded plane is that of the mosaic.
    plane[red_row::2, red_col::2] *= np.float32(gains[0])
    plane[1 - red_row :: 2, 1 - red_col :: 2] *= np.float32(gains[2])
    if gains[1] != 1:
        plane[red_row::2, 1 - red_col :: 2] *= np.float32(gains[1])
        plane[1 - red_row :: 2, red_col::2] *= np.float32(gains[1])
    return plane


def _lattice(
    plane: NDArray[np.float32], green: NDArray[np.float32], row: int, col: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Slope of a colour on green and the rest, at the pixels that measured it.

    The lattice starts at (row, col) of the picture and carries one px of border, repeated.
    """
    inner = (
        slice(BORDER - 2 + row, plane.shape[0] - BORDER + 2),
        slice(BORDER - 2 + col, plane.shape[1] - BORDER + 2),
    )
    g, c = green[inner][::2, ::2], plane[inner][::2, ::2]
    high, wide = g.shape
    num, den = (
        np.zeros((high + 6, wide + 6), np.float32),
        np.zeros((high + 6, wide + 6), np.float32),
    )
    over_rows(lambda a, b: _far_laplacians(g, c, num, den, 1 + a, 1 + b), high - 2)
    slope, rest = np.empty((high, wide), np.float32), np.empty((high, wide), np.float32)
    over_rows(lambda a, b: _slopes(g, c, num, den, slope, rest, a, b), high)
    return slope, rest


@float_kernel
def _far_laplacians(
    g: NDArray[np.float32],
    c: NDArray[np.float32],
    num: NDArray[np.float32],
    den: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """Products of the Laplacians of green and of a colour, on that colour's own lattice."""
    four = np.float32(4)
    for y in range(first, last):
        for x in range(1, g.shape[1] - 1):
            lg = four * g[y, x] - g[y - 1, x] - g[y + 1, x] - g[y, x - 1] - g[y, x + 1]
            lc = four * c[y, x] - c[y - 1, x] - c[y + 1, x] - c[y, x - 1] - c[y, x + 1]
            num[y + 3, x + 3] = lg * lc
            den[y + 3, x + 3] = lg * lg


@float_kernel
def _slopes(
    g: NDArray[np.float32],
    c: NDArray[np.float32],
    num: NDArray[np.float32],
    den: NDArray[np.float32],
    slope: NDArray[np.float32],
    rest: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """Least-squares slopes in windows of 7 x 7 that weigh the middle more."""
    wide = g.shape[1]
    least = np.float32(_LEAST_FAR)
    two, three = np.float32(2), np.float32(3)
    sums = np.empty((2, wide + 6), np.float32)
    for y in range(first, last):
        n, d = sums[0], sums[1]
        # 1 2 3 3 3 2 1: a box of five over a box of three.
        for x in range(wide + 6):
            n[x] = (num[y, x] + num[y + 6, x]) + two * (num[y + 1, x] + num[y + 5, x])
            n[x] += three * (num[y + 2, x] + num[y + 3, x] + num[y + 4, x])
            d[x] = (den[y, x] + den[y + 6, x]) + two * (den[y + 1, x] + den[y + 5, x])
            d[x] += three * (den[y + 2, x] + den[y + 3, x] + den[y + 4, x])
        for x in range(wide):
            top = (n[x] + n[x + 6]) + two * (n[x + 1] + n[x + 5])
            top += three * (n[x + 2] + n[x + 3] + n[x + 4])
            low = (d[x] + d[x + 6]) + two * (d[x + 1] + d[x + 5])
            low += three * (d[x + 2] + d[x + 3] + d[x + 4])
            a = (top + least) / (low + least)
            slope[y, x] = a
            rest[y, x] = c[y, x] - a * g[y, x]


@float_kernel
def _spread(
    green: NDArray[np.float32],
    slope: NDArray[np.float32],
    rest: NDArray[np.float32],
    out: NDArray[np.float32],
    channel: int,
    row: int,
    col: int,
    scale: np.float32,
    first: int,
    last: int,
) -> None:
    """One colour everywhere: slope times green plus rest, both bilinear between lattice px."""
    cols = out.shape[1]
    zero, one, half = np.float32(0), np.float32(1), np.float32(0.5)
    sums = np.empty((2, slope.shape[1]), np.float32)
    for y in range(first, last):
        # The lattice carries one px of border: picture row `row` is its row 1.
        k = (y - row) // 2 + 1
        a, r = sums[0], sums[1]
        if (y - row) % 2 == 0:
            for x in range(slope.shape[1]):
                a[x], r[x] = slope[k, x], rest[k, x]
        else:
            for x in range(slope.shape[1]):
                a[x] = half * (slope[k, x] + slope[k + 1, x])
                r[x] = half * (rest[k, x] + rest[k + 1, x])
        g = green[y + BORDER]
        for j in range((cols - col + 1) // 2):
            x = 2 * j + col
            value = a[j + 1] * g[x + BORDER] + r[j + 1]
            out[y, x, channel] = min(max(value * scale, zero), one)
        for j in range((cols + col) // 2):
            x = 2 * j + 1 - col
            i = j if col == 1 else j + 1
            value = half * (a[i] + a[i + 1]) * g[x + BORDER] + half * (r[i] + r[i + 1])
            out[y, x, channel] = min(max(value * scale, zero), one)


@float_kernel
def _measured(
    mosaic: NDArray[np.float32],
    green: NDArray[np.float32],
    out: NDArray[np.float32],
    scale: np.float32,
    red_row: int,
    red_col: int,
    first: int,
    last: int,
) -> None:
    """Green into the picture, and over all what each pixel measured itself, to the bit."""
    zero, one = np.float32(0), np.float32(1)
    cols = out.shape[1]
    for y in range(first, last):
        own = 0 if (y & 1) == red_row else 2
        site = red_col if own == 0 else 1 - red_col
        for x in range(cols):
            out[y, x, 1] = min(max(green[y + BORDER, x + BORDER] * scale, zero), one)
        for x in range(site, cols, 2):
            out[y, x, own] = mosaic[y, x]
        for x in range(1 - site, cols, 2):
            out[y, x, 1] = mosaic[y, x]
