"""Any decoded video picture as BT.709 limited 4:2:0 planes with left-sited chroma.

What already is that is copied untouched. Other ranges, matrices, depths and subsamplings are
converted once, in integers: luma and chroma of two matrices are linear in each other, so
chroma stays on its own grid and only luma sees interpolated chroma. Matrices: ITU-R BT.601-7,
BT.709-6, BT.2020-2 (non-constant luminance), SMPTE 240M, FCC.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.model import Planes
from descent.tools.colour import Depth, blank_planes, rgb_to_planes
from descent.tools.compiled import kernel

# AVColorSpace -> (name, Kr, Kb); 2 is untagged, 0 is RGB.
_MATRICES = {
    1: ("bt709", 0.2126, 0.0722),
    4: ("fcc", 0.30, 0.11),
    5: ("bt601", 0.299, 0.114),
    6: ("bt601", 0.299, 0.114),
    7: ("smpte240m", 0.212, 0.087),
    9: ("bt2020", 0.2627, 0.0593),
}
_BY_NAME = {name: (kr, kb) for name, kr, kb in _MATRICES.values()}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_CENTRED = frozenset({"mjpeg", "mpeg1video"})
_BITS = 14


class Source(NamedTuple):
    """How a decoded picture is coded: matrix, full range or not, bits, chroma and its siting.

    `down` and `across` are luma px per chroma sample; 0 means no chroma. `centred` chroma
    lies between two columns, as in JPEG. `guessed` says that no tag told the matrix.
    """

    matrix: str
    full: bool
    bits: int
    down: int
    across: int
    centred: bool
    guessed: bool
    name: str

    @property
    def notes(self) -> dict[str, str]:
        """What is done to its pixels on the way to planes; empty when nothing is."""
        said = {}
        if self.guessed and self.across:
            said["matrix"] = f"untagged, taken for {self.matrix}"
        elif self.matrix != "bt709":
            said["matrix"] = f"{self.matrix} to bt709"
        if self.full:
            said["range"] = "full to limited"
        if (self.down, self.across) not in {(2, 2), (0, 0)}:
            said["chroma"] = f"{self.name} to 4:2:0"
        elif self.centred:
            said["chroma"] = "centred to left-sited"
        return said


def source_of(frame: Any, codec: str = "") -> Source:
    """How a decoded frame's samples are to be read; raises `FormatError` for exotic ones.

    A matrix that no tag tells is taken for BT.709 from 720 rows on and BT.601 below, as
    players do. `codec` tells where chroma lies when it is not on the left.
    """
    coded = frame.format
    parts = coded.components
    if coded.is_rgb or coded.has_palette:
        return Source("rgb", True, parts[0].bits, 0, 0, False, False, coded.name)
    space = int(frame.colorspace)
    guessed = space not in _MATRICES
    if space not in _MATRICES and space not in {0, 2, 3}:
        raise FormatError(
            f"its colours are coded by a matrix that is not read ({space})",
            do="convert it to BT.709",
        )
    name = _MATRICES[space][0] if not guessed else ("bt709" if frame.height >= 720 else "bt601")
    full = int(frame.color_range) == _FULL_RANGE or coded.name.startswith("yuvj")
    down = across = 0
    if len(parts) >= 3:
        down = round(frame.height / parts[1].height)
        across = round(frame.width / parts[1].width)
    if (down, across) not in {(0, 0), (2, 2), (1, 2), (1, 1)}:
        raise FormatError(f"its colours are stored as {coded.name}", do="convert it to yuv420p")
    centred = across == 2 and codec in _CENTRED
    return Source(name, full, parts[0].bits, down, across, centred, guessed, coded.name)


def to_planes(frame: Any, source: Source, depth: Depth = 8) -> Planes:
    """The frame as BT.709 limited planes of `depth` bits, each sample rounded once or not at all.

    Raises `FormatError` when the picture has an odd number of rows or columns.
    """
    rows, cols = frame.height, frame.width
    if source.matrix == "rgb":
        wide = source.bits > 8
        return rgb_to_planes(frame.to_ndarray(format="rgb48le" if wide else "rgb24"), depth=depth)
    y, u, v = _samples(frame, source)
    out = blank_planes(rows, cols, "420", depth)
    same = source.matrix == "bt709" or source.across == 0
    left = (source.down, source.across) == (2, 2) and not source.centred
    if same and not source.full and source.bits == depth and (left or u is None):
        out.y[:] = y
        if u is not None and v is not None:
            out.u[:] = u
            out.v[:] = v
        return out
    weights = _weights(source.matrix, source.full, source.bits, depth)
    unit = 1 << (source.bits - 8)
    black, middle = (0 if source.full else 16 * unit), 128 * unit
    if u is None or v is None:
        _grey(y, weights, black, 16 << (depth - 8), (1 << depth) - 1, out.y)
        return out
    u, v = (_on_grid(c.astype(np.int32), source) for c in (u, v))
    _convert(y, u, v, weights, black, middle, depth, out.y, out.u, out.v)
    return out


def _samples(frame: Any, source: Source) -> tuple[Any, Any, Any]:
    """Y, U and V as (rows, cols) arrays, row padding cut off; U and V None in grey."""
    kind = np.uint8 if source.bits == 8 else np.dtype("<u2")
    planes: list[NDArray[Any]] = []
    for place, plane in enumerate(frame.planes):
        width = plane.width * (2 if place and len(frame.planes) == 2 else 1)
        flat = np.frombuffer(plane, kind)
        stride = plane.line_size // np.dtype(kind).itemsize
        planes.append(flat.reshape(-1, stride)[: plane.height, :width])
    if len(planes) == 2:  # NV12 and its kin: U and V take turns
        if "nv21" in source.name:
            return planes[0], planes[1][:, 1::2], planes[1][:, 0::2]
        if source.name.startswith("p0"):  # samples lie in the upper bits
            shift = 16 - source.bits
            planes = [np.right_shift(p, shift) for p in planes]
        return planes[0], planes[1][:, 0::2], planes[1][:, 1::2]
    if len(planes) == 1:
        if source.across:
            raise FormatError(f"its pixels are packed as {source.name}", do="convert to yuv420p")
        return planes[0], None, None
    return planes[0], planes[1], planes[2]


def _on_grid(chroma: NDArray[np.int32], source: Source) -> NDArray[np.int32]:
    """Chroma on the left-sited 4:2:0 grid, times 8, so that averages stay exact."""
    weight = 1
    if source.across == 1 or source.centred:
        padded = np.pad(chroma, ((0, 0), (1, 1)), mode="edge")
        if source.across == 1:
            chroma = padded[:, 0:-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]
        else:
            chroma = padded[:, :-2] + 3 * padded[:, 1:-1]
        weight = 4
    if source.down == 1:
        chroma, weight = chroma[0::2] + chroma[1::2], weight * 2
    return chroma * (8 // weight)


@lru_cache(maxsize=32)
def _weights(matrix: str, full: bool, bits: int, depth: int) -> NDArray[np.int64]:
    """Rows for Y, U, V over source Y, U, V (chroma times 8), in 1/2^14 of an output level."""
    kr, kb = _BY_NAME[matrix]
    from_yuv = np.linalg.inv(_matrix(kr, kb))
    to_709 = _matrix(*_BY_NAME["bt709"]) @ from_yuv
    unit = 1 << (bits - 8)
    top = (1 << bits) - 1
    luma_in, chroma_in = (top, top) if full else (219 * unit, 224 * unit)
    scale = np.diag([219.0, 224.0, 224.0]) * (1 << (depth - 8))
    whole = scale @ to_709 @ np.diag([1 / luma_in, 1 / chroma_in, 1 / chroma_in])
    whole[:, 1:] /= 8
    return np.round(whole * (1 << _BITS)).astype(np.int64)


def _matrix(kr: float, kb: float) -> NDArray[np.float64]:
    """R'G'B' (0 to 1) to Y' (0 to 1), Cb and Cr (-1/2 to 1/2)."""
    kg = 1 - kr - kb
    return np.array(
        [
            [kr, kg, kb],
            [-kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5],
            [0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr))],
        ]
    )


@kernel
def _grey(y: Any, weights: Any, black: int, lift: int, top: int, out: Any) -> None:
    half = 1 << (_BITS - 1)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            value = ((weights[0, 0] * (y[row, col] - black) + half) >> _BITS) + lift
            out[row, col] = min(max(value, 0), top)


@kernel
def _convert(
    y: Any, u: Any, v: Any, weights: Any, black: int, middle: int, depth: int,
    out_y: Any, out_u: Any, out_v: Any,
) -> None:  # fmt: skip
    """Chroma (times 8) on its grid; luma with chroma interpolated to each of its pixels."""
    rows, cols = u.shape
    top, half = (1 << depth) - 1, 1 << (_BITS - 1)
    lift, neutral = 16 << (depth - 8), 128 << (depth - 8)
    zero = 8 * middle
    for row in range(rows):
        for col in range(cols):
            a, b = u[row, col] - zero, v[row, col] - zero
            value = ((weights[1, 1] * a + weights[1, 2] * b + half) >> _BITS) + neutral
            out_u[row, col] = min(max(value, 0), top)
            value = ((weights[2, 1] * a + weights[2, 2] * b + half) >> _BITS) + neutral
            out_v[row, col] = min(max(value, 0), top)
    wy, wa, wb = weights[0, 0], weights[0, 1], weights[0, 2]
    # Rows lie a quarter from their own chroma row, odd columns between two chroma columns.
    for row in range(2 * rows):
        near = row // 2
        far = min(max(near + (1 if row % 2 else -1), 0), rows - 1)
        for col in range(2 * cols):
            left = col // 2
            right = min(left + col % 2, cols - 1)
            a = 3 * (u[near, left] + u[near, right]) + u[far, left] + u[far, right] - 8 * zero
            b = 3 * (v[near, left] + v[near, right]) + v[far, left] + v[far, right] - 8 * zero
            total = 8 * wy * (y[row, col] - black) + wa * a + wb * b
            value = ((total + 8 * half) >> (_BITS + 3)) + lift
            out_y[row, col] = min(max(value, 0), top)
