"""Between RGB, linear light and BT.709 limited-range planes, in integers and by tables.

Planes are what an encoder eats: luma 16 to 235 and chroma 16 to 240 at 8 bits, four times
that at 10. Chroma is sited on the left luma sample of its pair and, for 4:2:0, between two
rows. Each sample is rounded once, halves up, from sums kept to 1/16384 of full scale or
finer; grey stays exactly grey (chroma 128 or 512), white is exactly 235 or 940, and the
same bytes come out on every processor. The matrix is that of ITU-R BT.709-6.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.model import Planes
from descent.tools import _curves, _planes
from descent.tools._curves import CURVE_STEPS, FULL, Transfer

Chroma = Literal["420", "422", "444"]
Depth = Literal[8, 10]

_KR, _KB = 0.2126, 0.0722
_KG = 1.0 - _KR - _KB
#: (luma px per chroma sample down, across) of each subsampling.
SUBSAMPLING: dict[Chroma, tuple[int, int]] = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}


def chroma_of(planes: Planes) -> Chroma:
    """The subsampling that the shapes of `planes` tell: "420", "422" or "444"."""
    (rows, cols), (c_rows, c_cols) = planes.y.shape, planes.u.shape
    for name, (down, across) in SUBSAMPLING.items():
        if (c_rows * down, c_cols * across) == (rows, cols) and planes.v.shape == planes.u.shape:
            return name
    raise FormatError(
        f"planes of {rows} x {cols} px with chroma of {c_rows} x {c_cols} are no 4:2:0, "
        "4:2:2 or 4:4:4 picture",
        do="hand over planes whose chroma is exactly half or all of the luma's rows and columns",
    )


def depth_of(planes: Planes) -> Depth:
    """Bits a sample: 8 for uint8 planes, 10 for uint16."""
    return 8 if planes.y.dtype == np.uint8 else 10


def blank_planes(
    rows: int, cols: int, chroma: Chroma = "420", depth: Depth = 8, *, luma: int | None = None
) -> Planes:
    """A picture of one grey; `luma` in levels of `depth`, black unless said.

    The three planes lie one after the other in one flat buffer (`planes.y.base`), the
    layout that encoders take without a copy.
    """
    flat = np.empty(planes_size(rows, cols, chroma), np.uint8 if depth == 8 else np.uint16)
    flat[: rows * cols] = (16 << (depth - 8)) if luma is None else luma
    flat[rows * cols :] = 1 << (depth - 1)
    return planes_in(flat, rows, cols, chroma)


def planes_size(rows: int, cols: int, chroma: Chroma = "420") -> int:
    """Samples of all three planes; raises `FormatError` for odd sizes that `chroma` halves."""
    _require_even(rows, cols, chroma)
    down, across = SUBSAMPLING[chroma]
    return rows * cols + 2 * (rows // down) * (cols // across)


def planes_in(flat: NDArray[Any], rows: int, cols: int, chroma: Chroma = "420") -> Planes:
    """Planes one after the other in `flat`, an array of `planes_size` samples."""
    down, across = SUBSAMPLING[chroma]
    shape = (rows // down, cols // across)
    size, part = rows * cols, shape[0] * shape[1]
    return Planes(
        flat[:size].reshape(rows, cols),
        flat[size : size + part].reshape(shape),
        flat[size + part :].reshape(shape),
    )


def rgb_to_planes(
    rgb: NDArray[Any],
    *,
    chroma: Chroma = "420",
    depth: Depth = 8,
    dither: int | None = None,
    out: Planes | None = None,
) -> Planes:
    """Planes of a gamma-coded picture.

    `rgb` is (rows, cols, 3), uint8 or uint16 over its full range, taken as BT.709 R'G'B'.
    `dither` is the seed of an ordered dither, worth having where 16 bits become 8; None
    rounds. `out` may be the rows of larger planes to write into. Raises `FormatError` on
    other types and on odd sizes that `chroma` cannot hold.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise FormatError(
            f"a picture of shape {rgb.shape} is not RGB", do="hand over (rows, cols, 3)"
        )
    rows, cols = rgb.shape[:2]
    shift, full = _scale_of(rgb)
    if out is None:
        out = blank_planes(rows, cols, chroma, depth)
    _fill(rgb, shift, full, out, depth, dither, (0, 0))
    return out


def grey_to_planes(
    grey: NDArray[Any], *, chroma: Chroma = "420", depth: Depth = 8, dither: int | None = None
) -> Planes:
    """Planes of a gamma-coded grey picture (rows, cols), uint8 or uint16; chroma is neutral."""
    if grey.ndim != 2:
        raise FormatError(
            f"a picture of shape {grey.shape} is not grey", do="hand over (rows, cols)"
        )
    shift, full = _scale_of(grey)
    out = blank_planes(grey.shape[0], grey.shape[1], chroma, depth)
    _fill(grey, shift, full, out, depth, dither, (0, 0))
    return out


def linear_to_planes(
    linear: NDArray[np.float32],
    *,
    chroma: Chroma = "420",
    depth: Depth = 8,
    dither: int | None = 0,
    phase: tuple[int, int] = (0, 0),
) -> Planes:
    """Planes of linear light: the BT.709 curve by table, the matrix, one ordered dither.

    `linear` is float32 (rows, cols) or (rows, cols, 3), 0 to 1; what lies outside is
    clipped. `dither` seeds the pattern, which is fixed in space so that a still picture
    does not crawl; None rounds. `phase` (row, col) is where the picture's corner lies on
    the canvas, so that neighbouring pictures share one pattern.
    """
    if linear.ndim not in {2, 3} or (linear.ndim == 3 and linear.shape[2] != 3):
        raise FormatError(
            f"a picture of shape {linear.shape} is neither grey nor RGB",
            do="hand over (rows, cols) or (rows, cols, 3)",
        )
    out = blank_planes(linear.shape[0], linear.shape[1], chroma, depth)
    _fill(_encode(linear, "bt709", FULL), 0, FULL, out, depth, dither, phase)
    return out


def planes_to_rgb(planes: Planes, *, depth: Depth = 8) -> NDArray[Any]:
    """Gamma-coded RGB of planes: uint8 (rows, cols, 3), or uint16 full range for depth 10.

    The inverse of `rgb_to_planes` within its rounding: chroma is laid where its siting
    says, by straight lines between samples.
    """
    rows, cols = planes.y.shape
    unit = 1 << (depth_of(planes) - 8)
    white = 255 if depth == 8 else 65535
    bits = 16
    luma, colour = white / (219 * unit), white / (224 * unit)
    matrix = [luma, colour * 2 * (1 - _KR), colour * 2 * _KB * (1 - _KB) / _KG]
    matrix += [colour * 2 * _KR * (1 - _KR) / _KG, colour * 2 * (1 - _KB)]
    scaled = np.array([round(m * (1 << bits)) for m in matrix], np.int64)
    rgb = np.empty((rows, cols, 3), np.uint8 if depth == 8 else np.uint16)
    down, across = SUBSAMPLING[chroma_of(planes)]
    _planes.to_rgb(
        planes.y, planes.u, planes.v, scaled, 16 * unit, 128 * unit, bits, white, down, across,
        rgb.reshape(rows, -1),
    )  # fmt: skip
    return rgb


def to_linear(picture: NDArray[Any], transfer: Transfer = "bt709") -> NDArray[np.float32]:
    """Linear light 0 to 1, float32, of a gamma-coded uint8 or uint16 picture of any shape."""
    _scale_of(picture)
    table = _curves.decode_table(transfer, 255 if picture.dtype == np.uint8 else 65535)
    out = np.empty(picture.shape, np.float32)
    _planes.look_up(np.ascontiguousarray(picture).reshape(-1), table, out.reshape(-1))
    return out


def linear_to_rgb(
    linear: NDArray[np.float32], transfer: Transfer = "srgb", depth: Literal[8, 16] = 8
) -> NDArray[Any]:
    """Gamma-coded uint8 or uint16 of linear light, same shape: sRGB for stills and pages.

    Rounds without dither; light outside 0 to 1 is clipped.
    """
    out = _encode(linear, transfer, 255 if depth == 8 else 65535)
    return out.astype(np.uint8) if depth == 8 else out


def _encode(linear: NDArray[np.float32], transfer: Transfer, full: int) -> NDArray[np.uint16]:
    if linear.dtype != np.float32:
        raise FormatError(f"linear light of type {linear.dtype}", do="hand over float32, 0 to 1")
    out = np.empty(linear.shape, np.uint16)
    table = _curves.encode_table(transfer)
    flat = np.ascontiguousarray(linear).reshape(-1)
    _planes.encode_curve(flat, table, np.float32(CURVE_STEPS), np.float32(full), out.reshape(-1))
    return out


def _scale_of(picture: NDArray[Any]) -> tuple[int, int]:
    """(right shift, full scale after it) that bring an integer picture to the kernels."""
    if picture.dtype == np.uint8:
        return 0, 255
    if picture.dtype == np.uint16:
        return 2, FULL
    raise FormatError(
        f"gamma-coded pixels of type {picture.dtype}",
        do="hand over uint8 or uint16 over its full range, or float32 linear light",
    )


def _require_even(rows: int, cols: int, chroma: Chroma) -> None:
    down, across = SUBSAMPLING[chroma]
    if rows <= 0 or cols <= 0 or rows % down or cols % across:
        even = f"{cols // across * across} x {rows // down * down}"
        raise FormatError(
            f"{cols} x {rows} px (width x height) cannot be 4:{chroma[1]}:{chroma[2]}, "
            "which needs even sizes",
            do=f"crop to {even}, or choose a profile with 4:4:4 chroma",
        )


@lru_cache(maxsize=16)
def _weights(
    full: int, depth: Depth
) -> tuple[int, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """(bits, luma, u, v weights) as integers whose sums are exact for grey and white."""
    bits = 16 if full == 255 else 19
    unit = 1 << (depth - 8)
    scale = (1 << bits) / full
    red, blue = round(_KR * 219 * unit * scale), round(_KB * 219 * unit * scale)
    y = [red, round(219 * unit * scale) - red - blue, blue]
    top = round(112 * unit * scale)
    u_r = round(-112 * unit * scale * _KR / (1 - _KB))
    v_b = round(-112 * unit * scale * _KB / (1 - _KR))
    u, v = [u_r, -top - u_r, top], [top, -top - v_b, v_b]
    return bits, np.array(y, np.int32), np.array(u, np.int32), np.array(v, np.int32)


@lru_cache(maxsize=64)
def _rounding(
    cols: int, bits: int, dither: int | None, plane: int, phase: tuple[int, int]
) -> NDArray[np.int32]:
    """Rows of what is added before the shift: one half, or the tiled dither matrix."""
    if dither is None:
        return np.full((1, cols), 1 << (bits - 1), np.int32)
    size = _curves.DITHER_SIZE
    # Each plane and seed looks at another part of the matrix, so that they do not add up.
    row = phase[0] + 23 * plane + 41 * dither
    col = phase[1] + 37 * plane + 29 * dither
    ranks = np.roll(_curves.blue_noise(), (-row % size, -col % size), (0, 1))
    steps = (2 * ranks.astype(np.int64) + 1) << bits
    tile = (steps // (2 * size * size)).astype(np.int32)
    return np.ascontiguousarray(np.tile(tile, (1, -(-cols // size)))[:, :cols])


def _fill(
    source: NDArray[Any],
    shift: int,
    full: int,
    out: Planes,
    depth: Depth,
    dither: int | None,
    phase: tuple[int, int],
) -> None:
    """Write the planes of a gamma-coded grey or RGB picture into `out`."""
    bits, wy, wu, wv = _weights(full, depth)
    unit = 1 << (depth - 8)
    down, across = SUBSAMPLING[chroma_of(out)]
    rounding = _rounding(out.y.shape[1], bits, dither, 0, phase)
    level, black, down_by = np.int32(1 << (depth - 1)), np.int32(16 * unit), np.int32(shift)
    source = np.ascontiguousarray(source)
    if source.ndim == 2:
        weight = np.int32(wy.sum())
        _planes.grey(source, down_by, weight, black, np.int32(bits), rounding, out.y)
        return
    flat = source.reshape(source.shape[0], -1)
    _planes.luma(flat, down_by, wy, black, np.int32(bits), rounding, out.y)
    total_bits = 1 + down if across == 2 else 0  # the filter's weights sum to 4 or 8
    # At 8 bits the sums fit, so nothing is rounded before the end; finer ones are averaged.
    average_bits = 0 if full == 255 else total_bits
    chroma_bits = bits + total_bits - average_bits
    corner = (phase[0] // down, phase[1] // across)
    add = [_rounding(out.u.shape[1], chroma_bits, dither, plane, corner) for plane in (1, 2)]
    _planes.chroma(
        flat, down_by, wu, wv, level, np.int32(chroma_bits), add[0], add[1], out.u, out.v,
        np.int32(average_bits), down, across,
    )  # fmt: skip
