"""Integer kernels between RGB and BT.709 planes; `colour.py` is the door.

Everything is integer arithmetic with one rounding at the end of each sample, so the same
bytes come out on every processor. Interleaved pictures come flattened to (rows, 3 cols) and
numbers as int32: the compiler then works on many pixels at once. Sizes are checked by the
caller.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from descent.tools.compiled import kernel

i32 = np.int32


@kernel
def _mix(wr: Any, r: Any, wg: Any, g: Any, wb: Any, b: Any, add: Any) -> Any:
    """Weighted sum kept to 32 bits; numba would widen each product to 64."""
    return i32(i32(wr * r) + i32(wg * g) + i32(wb * b) + add)


@kernel
def luma(
    source: Any, shift: Any, weights: Any, offset: Any, bits: Any, rounding: Any, y: Any
) -> None:
    """Luma of `source` (rows, 3 cols): (weights . rgb + rounding >> bits) + offset."""
    rows, cols = y.shape
    wr, wg, wb = weights[0], weights[1], weights[2]
    for row in range(rows):
        line, out = source[row], y[row]
        add = rounding[row % rounding.shape[0]]
        for col in range(cols):
            r = i32(i32(line[3 * col]) >> shift)
            g = i32(i32(line[3 * col + 1]) >> shift)
            b = i32(i32(line[3 * col + 2]) >> shift)
            out[col] = i32(_mix(wr, r, wg, g, wb, b, add[col]) >> bits) + offset


@kernel
def grey(
    source: Any, shift: Any, weight: Any, offset: Any, bits: Any, rounding: Any, y: Any
) -> None:
    """Luma of grey `source` (rows, cols)."""
    rows, cols = y.shape
    for row in range(rows):
        line, out = source[row], y[row]
        add = rounding[row % rounding.shape[0]]
        for col in range(cols):
            value = i32(i32(line[col]) >> shift)
            out[col] = i32(i32(i32(weight * value) + add[col]) >> bits) + offset


@kernel
def _column_sums(upper: Any, lower: Any, shift: Any, tall: int, sums: Any) -> None:
    """Per colour, the sum of the `tall` rows of a chroma row; column -1 repeats column 0."""
    cols = sums.shape[1] - 1
    red, green, blue = sums[0], sums[1], sums[2]
    if tall == 2:
        for col in range(cols):
            red[col + 1] = i32(i32(upper[3 * col]) >> shift) + i32(i32(lower[3 * col]) >> shift)
        for col in range(cols):
            green[col + 1] = i32(i32(upper[3 * col + 1]) >> shift) + i32(
                i32(lower[3 * col + 1]) >> shift
            )
        for col in range(cols):
            blue[col + 1] = i32(i32(upper[3 * col + 2]) >> shift) + i32(
                i32(lower[3 * col + 2]) >> shift
            )
    else:
        for col in range(cols):
            red[col + 1] = i32(upper[3 * col]) >> shift
            green[col + 1] = i32(upper[3 * col + 1]) >> shift
            blue[col + 1] = i32(upper[3 * col + 2]) >> shift
    for k in range(3):
        sums[k, 0] = sums[k, 1]


@kernel
def _pairs(sums: Any, half: Any, average_bits: Any, out: Any) -> None:
    """Weights 1 2 1 over columns 2i-1, 2i, 2i+1 of shifted `sums` (one colour)."""
    for col in range(out.size):
        total = i32(sums[2 * col] + i32(2 * sums[2 * col + 1]) + sums[2 * col + 2] + half)
        out[col] = i32(total >> average_bits)


@kernel
def chroma(
    source: Any, shift: Any, wu: Any, wv: Any, offset: Any, bits: Any,
    rounding_u: Any, rounding_v: Any, u: Any, v: Any, average_bits: Any, tall: int, wide: int,
) -> None:  # fmt: skip
    """Chroma planes of `source` (rows, 3 cols), `tall` rows and `wide` columns a sample.

    Horizontally subsampled chroma is sited on the left luma sample of its pair (weights
    1 2 1; the first column repeats at the edge), vertically between its rows (1 1).
    """
    rows, cols = u.shape
    sums = np.zeros((3, cols * wide + 1), np.int32)
    mean = np.zeros((3, cols), np.int32)
    half = i32((1 << average_bits) >> 1)
    ur, ug, ub = wu[0], wu[1], wu[2]
    vr, vg, vb = wv[0], wv[1], wv[2]
    for row in range(rows):
        _column_sums(source[row * tall], source[row * tall + tall - 1], shift, tall, sums)
        for k in range(3):
            if wide == 2:
                _pairs(sums[k], half, average_bits, mean[k])
            else:
                mean[k] = sums[k, 1:]
        add_u = rounding_u[row % rounding_u.shape[0]]
        add_v = rounding_v[row % rounding_v.shape[0]]
        red, green, blue, to_u, to_v = mean[0], mean[1], mean[2], u[row], v[row]
        for col in range(cols):
            r, g, b = red[col], green[col], blue[col]
            to_u[col] = i32(_mix(ur, r, ug, g, ub, b, add_u[col]) >> bits) + offset
            to_v[col] = i32(_mix(vr, r, vg, g, vb, b, add_v[col]) >> bits) + offset


@kernel
def _chroma_line(plane: Any, near: int, far: int, middle: int, wide: int, out: Any) -> None:
    """Eight times the chroma of one luma row, at every luma column."""
    a, b = plane[near], plane[far]
    cols = a.size
    if wide == 1:
        for col in range(cols):
            out[col] = i32(6 * i32(a[col]) + 2 * i32(b[col]) - 8 * middle)
        return
    for col in range(cols - 1):
        here = i32(3 * i32(a[col]) + i32(b[col]) - 4 * middle)
        after = i32(3 * i32(a[col + 1]) + i32(b[col + 1]) - 4 * middle)
        out[2 * col] = 2 * here
        out[2 * col + 1] = here + after
    here = i32(3 * i32(a[cols - 1]) + i32(b[cols - 1]) - 4 * middle)
    out[2 * cols - 2] = out[2 * cols - 1] = 2 * here


@kernel
def to_rgb(
    y: Any, u: Any, v: Any, matrix: Any, black: int, middle: int, bits: int, white: int,
    tall: int, wide: int, rgb: Any,
) -> None:  # fmt: skip
    """RGB (rows, 3 cols) of planes; `matrix` is (y, v to r, u to g, v to g, u to b) << bits.

    Chroma is laid where its siting says: odd columns are the mean of their neighbours,
    rows of 4:2:0 are 3/4 of the nearer and 1/4 of the farther chroma row.
    """
    rows, cols = y.shape
    scale, v_r, u_g, v_g, u_b = matrix[0], matrix[1], matrix[2], matrix[3], matrix[4]
    half = np.int64(1) << (bits + 2)  # chroma lines are eight times their value
    cb, cr = np.zeros(cols, np.int32), np.zeros(cols, np.int32)
    for row in range(rows):
        near = row // tall
        far = near
        if tall == 2:
            far = near - 1 if row % 2 == 0 else near + 1
            far = min(max(far, 0), u.shape[0] - 1)
        _chroma_line(u, near, far, middle, wide, cb)
        _chroma_line(v, near, far, middle, wide, cr)
        line, out = y[row], rgb[row]
        for col in range(cols):
            light = 8 * scale * (np.int64(line[col]) - black) + half
            r = (light + v_r * cr[col]) >> (bits + 3)
            g = (light - u_g * cb[col] - v_g * cr[col]) >> (bits + 3)
            b = (light + u_b * cb[col]) >> (bits + 3)
            out[3 * col] = min(max(r, 0), white)
            out[3 * col + 1] = min(max(g, 0), white)
            out[3 * col + 2] = min(max(b, 0), white)


@kernel
def encode_curve(linear: Any, table: Any, steps: Any, full: Any, out: Any) -> None:
    """Gamma-coded integers 0 to `full` of flat `linear` light, by table and straight lines.

    Light outside 0 to 1 is clipped; NaN becomes 0. All in float32, in one fixed order.
    """
    zero, half = np.float32(0), np.float32(0.5)
    for k in range(linear.size):
        light = linear[k]
        at = light * steps if light > zero else zero
        at = steps if at > steps else at
        low = i32(at)
        a = table[low]
        signal = a + (table[low + 1] - a) * (at - np.float32(low))
        out[k] = i32(signal * full + half)


@kernel
def look_up(values: Any, table: Any, out: Any) -> None:
    """`out[k] = table[values[k]]` over flat arrays."""
    for k in range(values.size):
        out[k] = table[values[k]]
