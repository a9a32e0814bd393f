"""Fit: a source picture into its tile by one resample, chroma kept where it is sited."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.compose.geometry import Tile
from descent.compose.warp import sample_flags, warp_linear
from descent.errors import FormatError
from descent.model import Frame, Planes
from descent.tools.colour import (
    SUBSAMPLING,
    Chroma,
    Depth,
    blank_planes,
    chroma_of,
    depth_of,
    linear_to_planes,
)
from descent.tools.resample import Axis, resample_linear, resample_plane

#: Names of the bits of `Frame.flags`, in the words of a frame's record.
REASONS = {
    1: "saturated",
    2: "repaired",
    4: "lost",
    8: "filled",
    16: "interpolated",
    32: "generative",
}


def axes(tile: Tile) -> tuple[Axis, Axis]:
    """Where the tile's luma rows and columns lie in the source, in source px."""
    step = 1.0 / tile.magnification
    down = Axis(tile.dest.rows, tile.window.top + 0.5 * step - 0.5, step)
    across = Axis(tile.dest.cols, tile.window.left + 0.5 * step - 0.5, step)
    return _exact(down), _exact(across)


def _exact(axis: Axis) -> Axis:
    """Axis with what floating point left over taken off, so that copies are copies."""
    near = round(axis.start * 2) / 2
    start = near if abs(axis.start - near) < 1e-9 else axis.start
    return Axis(axis.count, start, axis.step)


def _chroma_axis(luma: Axis, shown: int, stored: int, *, between: bool) -> Axis:
    """The chroma axis that belongs to a luma axis.

    `shown` and `stored` are luma px a chroma sample on the canvas and in the source.
    Sample k lies on luma position k * px, half a px further where `between` two.
    """
    shift = 0.5 if between else 0.0
    position = luma.start + (shift if shown == 2 else 0.0) * luma.step
    start = (position - (shift if stored == 2 else 0.0)) / stored
    return _exact(Axis(luma.count // shown, start, luma.step * shown / stored))


def fit_planes(
    planes: Planes, tile: Tile, chroma: Chroma = "420", depth: Depth = 8, out: Planes | None = None
) -> Planes:
    """The part of BT.709 planes that `tile` shows, at the tile's size.

    An exact copy at magnification 1; else one antialiased cubic resample of each plane,
    with the half-sample shifts of left-sited chroma, clipped to what may be broadcast (1 to
    254 at 8 bits). Planes of another subsampling or depth are converted on the way; from 10
    bits to 8 they round. `out` may be windows of a canvas to write into. Raises
    `FormatError` where the tile's window lies outside the picture.
    """
    _check(tile, *planes.y.shape)
    down, across = axes(tile)
    here = depth_of(planes)
    (tall, wide), (tall_in, wide_in) = SUBSAMPLING[chroma], SUBSAMPLING[chroma_of(planes)]
    low, high = (1, 254) if here == 8 else (4, 1019)
    chroma_axes = (
        _chroma_axis(down, tall, tall_in, between=True),
        _chroma_axis(across, wide, wide_in, between=False),
    )
    if out is None:
        out = blank_planes(tile.dest.rows, tile.dest.cols, chroma, depth)
    for k, (plane, into) in enumerate(zip(planes, out, strict=True)):
        rows, cols = (down, across) if k == 0 else chroma_axes
        if here == depth:
            resample_plane(plane, rows, cols, low=low, high=high, out=into)
        else:
            _convert(resample_plane(plane, rows, cols, low=low, high=high), into)
    return out


def _convert(plane: NDArray[Any], into: NDArray[Any]) -> None:
    """Between 8 and 10 bits: times four exactly, or a quarter rounded half up."""
    if into.dtype == np.uint16:
        into[:] = plane.astype(np.uint16) << 2
    else:
        into[:] = np.minimum((plane + np.uint16(2)) >> 2, 255)


def fit_linear(
    frame: Frame,
    tile: Tile,
    chroma: Chroma = "420",
    depth: Depth = 8,
    *,
    dither: int | None = 0,
) -> tuple[Planes, dict[str, float]]:
    """A restored picture in linear light into its tile, with the shares of what is flagged.

    `frame.pixels` is float32 (rows, cols) or (rows, cols, 3); `frame.warp` and the tile's
    scale are one resample. What the warp pulls in from outside the picture is black and
    counts as lost. Then the BT.709 curve, the matrix and one ordered dither, fixed on the
    canvas (`dither` seeds it). The shares (0 to 1 of the tile's pixels, by reason:
    "saturated", "repaired", "lost", "filled", ...) hold only what is not zero.
    """
    pixels = frame.pixels
    if isinstance(pixels, Planes) or pixels.dtype != np.float32:
        raise FormatError(
            "fit_linear takes float32 linear light", do="use fit_planes, or tools.colour.to_linear"
        )
    _check(tile, *pixels.shape[:2])
    if frame.warp is None or np.array_equal(frame.warp, np.eye(3)):
        shown = resample_linear(pixels, *axes(tile))
        lost = 0.0
    else:
        shown, lost = warp_linear(pixels, frame.warp, tile)
    shares = flag_shares(frame, tile)
    if lost:
        shares["lost"] = min(1.0, shares.get("lost", 0.0) + lost)
    phase = (tile.dest.top, tile.dest.left)
    return linear_to_planes(shown, chroma=chroma, depth=depth, dither=dither, phase=phase), shares


def flag_shares(frame: Frame, tile: Tile) -> dict[str, float]:
    """Shares (0 to 1) of the tile's pixels that each reason flags; zeros are left out."""
    if frame.flags is None or not frame.flags.any():
        return {}
    flags = sample_flags(frame.flags, frame.warp, tile)
    counts = {name: np.count_nonzero(flags & bit) for bit, name in REASONS.items()}
    return {name: count / flags.size for name, count in counts.items() if count}


def _check(tile: Tile, rows: int, cols: int) -> None:
    window = tile.window
    inside = (
        window.top > -1e-6
        and window.left > -1e-6
        and window.top + window.rows < rows + 1e-6
        and window.left + window.cols < cols + 1e-6
    )
    if not inside:
        raise FormatError(
            f"the picture of {tile.camera} is {cols} x {rows} px (width x height), "
            f"its tile shows {window.left + window.cols:g} x {window.top + window.rows:g}",
            do="lay the canvas out with the size that the camera's frames really have",
            where=tile.camera,
        )
