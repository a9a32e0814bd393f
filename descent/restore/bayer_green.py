"""Green everywhere: the passes of residual interpolation that `bayer_best` runs in turn.

Loops count up from zero and add to it, and divisions take numpy's rules: only then does the
compiler turn them into vector code, which makes them four times as fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from descent.tools.compiled import float_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Squared Laplacians, of full scale, below which a slope is drawn to 1: noise, not detail.
_LEAST = 1e-2
_EPS = 1e-10


@float_kernel
def laplacians(
    m: NDArray[np.float32],
    num_h: NDArray[np.float32],
    den_h: NDArray[np.float32],
    num_v: NDArray[np.float32],
    den_v: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """Products of each pixel's Laplacian and that of the other colour, along rows and columns."""
    cols = m.shape[1]
    half = np.float32(0.5)
    for y in range(first, last):
        a, b, c, d, e, f, g = m[y - 3], m[y - 2], m[y - 1], m[y], m[y + 1], m[y + 2], m[y + 3]
        nh, dh, nv, dv = num_h[y], den_h[y], num_v[y], den_v[y]
        for x in range(cols - 6):
            own = d[x + 3] + d[x + 3] - d[x + 1] - d[x + 5]
            # The other colour lies at odd distances: its mean here, less its means beside.
            other = half * (d[x + 2] + d[x + 4] - d[x] - d[x + 6])
            nh[x + 3] = own * other
            dh[x + 3] = other * other
            own = d[x + 3] + d[x + 3] - b[x + 3] - f[x + 3]
            other = half * (c[x + 3] + e[x + 3] - a[x + 3] - g[x + 3])
            nv[x + 3] = own * other
            dv[x + 3] = other * other


@float_kernel
def _three(
    a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    for x in range(len(out)):
        out[x] = a[x] + b[x] + c[x]


@float_kernel
def _six(rows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """The sum of every other one of eleven rows."""
    a, b, c, d, e, f = rows[0], rows[2], rows[4], rows[6], rows[8], rows[10]
    for x in range(len(out)):
        out[x] = (a[x] + f[x]) + ((b[x] + e[x]) + (c[x] + d[x]))


@float_kernel
def differences(
    m: NDArray[np.float32],
    num_h: NDArray[np.float32],
    den_h: NDArray[np.float32],
    num_v: NDArray[np.float32],
    den_v: NDArray[np.float32],
    dif_h: NDArray[np.float32],
    dif_v: NDArray[np.float32],
    red_row: int,
    red_col: int,
    first: int,
    last: int,
) -> None:
    """G - C of every pixel, the colour it lacks found along its row and along its column."""
    cols = m.shape[1]
    least, half, quarter = np.float32(_LEAST), np.float32(0.5), np.float32(0.25)
    sums = np.zeros((4, cols), np.float32)
    sign = np.empty(cols, np.float32)
    for y in range(first, last):
        nh, dh, nv, dv = sums[0], sums[1], sums[2], sums[3]
        _three(num_h[y - 2], num_h[y], num_h[y + 2], nh)
        _three(den_h[y - 2], den_h[y], den_h[y + 2], dh)
        _six(num_v[y - 5 : y + 6], nv)
        _six(den_v[y - 5 : y + 6], dv)
        # Red and blue sit where the column has the row's parity, counted from red.
        site = (y + red_row + red_col) & 1
        for x in range(cols):
            sign[x] = np.float32(1) if (x & 1) == site else np.float32(-1)
        a, b, c, d, e = m[y - 2], m[y - 1], m[y], m[y + 1], m[y + 2]
        out_h, out_v = dif_h[y], dif_v[y]
        for x in range(cols - 16):
            top = (nh[x + 3] + nh[x + 13]) + ((nh[x + 5] + nh[x + 11]) + (nh[x + 7] + nh[x + 9]))
            low = (dh[x + 3] + dh[x + 13]) + ((dh[x + 5] + dh[x + 11]) + (dh[x + 7] + dh[x + 9]))
            slope = (top + least) / (low + least)
            lack = half * (c[x + 7] + c[x + 9])
            lack += quarter * slope * (c[x + 8] + c[x + 8] - c[x + 6] - c[x + 10])
            out_h[x + 8] = sign[x + 8] * (lack - c[x + 8])
            top = nv[x + 6] + nv[x + 8] + nv[x + 10]
            low = dv[x + 6] + dv[x + 8] + dv[x + 10]
            slope = (top + least) / (low + least)
            lack = half * (b[x + 8] + d[x + 8])
            lack += quarter * slope * (c[x + 8] + c[x + 8] - a[x + 8] - e[x + 8])
            out_v[x + 8] = sign[x + 8] * (lack - c[x + 8])


@float_kernel
def changes(
    dif_h: NDArray[np.float32],
    dif_v: NDArray[np.float32],
    flat_h: NDArray[np.float32],
    flat_v: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """How much G - C changes along rows and columns, summed over 3 x 3, as a weight."""
    cols = dif_h.shape[1]
    eps = np.float32(_EPS)
    sums = np.zeros((2, cols), np.float32)
    for y in range(first, last):
        h, v = sums[0], sums[1]
        a, b, c = dif_h[y - 1], dif_h[y], dif_h[y + 1]
        for x in range(cols - 18):
            h[x + 9] = abs(a[x + 8] - a[x + 10]) + abs(b[x + 8] - b[x + 10])
            h[x + 9] += abs(c[x + 8] - c[x + 10])
        a, b, c, d, e = dif_v[y - 2], dif_v[y - 1], dif_v[y], dif_v[y + 1], dif_v[y + 2]
        for x in range(cols - 18):
            v[x + 9] = (
                abs(a[x + 9] - c[x + 9]) + abs(b[x + 9] - d[x + 9]) + abs(c[x + 9] - e[x + 9])
            )
        out_h, out_v = flat_h[y], flat_v[y]
        for x in range(cols - 20):
            along = h[x + 9] + h[x + 10] + h[x + 11]
            down = v[x + 9] + v[x + 10] + v[x + 11]
            out_h[x + 10] = np.float32(1) / (along * along + eps)
            out_v[x + 10] = np.float32(1) / (down * down + eps)


@float_kernel
def join(
    m: NDArray[np.float32],
    dif_h: NDArray[np.float32],
    dif_v: NDArray[np.float32],
    flat_h: NDArray[np.float32],
    flat_v: NDArray[np.float32],
    green: NDArray[np.float32],
    k: NDArray[np.float32],
    red_row: int,
    red_col: int,
    first: int,
    last: int,
) -> None:
    """Green everywhere: measured, or C plus the joined one-sided means of G - C."""
    cols = m.shape[1]
    zero = np.float32(0)
    share = np.empty(cols, np.float32)
    for y in range(first, last):
        site = (y + red_row + red_col) & 1
        for x in range(cols):
            share[x] = np.float32(1) if (x & 1) == site else np.float32(0)
        h = dif_h[y]
        a, b, c, d = dif_v[y - 4], dif_v[y - 3], dif_v[y - 2], dif_v[y - 1]
        o, p, q, r, s = dif_v[y], dif_v[y + 1], dif_v[y + 2], dif_v[y + 3], dif_v[y + 4]
        k0, k1, k2, k3, k4 = k[0], k[1], k[2], k[3], k[4]
        beside, above, below = flat_h[y], flat_v[y - 1], flat_v[y + 1]
        own, out = m[y], green[y]
        for x in range(cols - 24):
            west = k0 * h[x + 12] + k1 * h[x + 11] + k2 * h[x + 10] + k3 * h[x + 9]
            west += k4 * h[x + 8]
            east = k0 * h[x + 12] + k1 * h[x + 13] + k2 * h[x + 14] + k3 * h[x + 15]
            east += k4 * h[x + 16]
            north = (
                k0 * o[x + 12] + k1 * d[x + 12] + k2 * c[x + 12] + k3 * b[x + 12] + k4 * a[x + 12]
            )
            south = (
                k0 * o[x + 12] + k1 * p[x + 12] + k2 * q[x + 12] + k3 * r[x + 12] + k4 * s[x + 12]
            )
            ww, we = beside[x + 11], beside[x + 13]
            wn, ws = above[x + 12], below[x + 12]
            joined = (ww * west + we * east + wn * north + ws * south) / (ww + we + wn + ws)
            out[x + 12] = max(own[x + 12] + share[x + 12] * joined, zero)
