"""Turning, mirroring and cropping, exact to the pixel, on arrays, mosaics and planes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.model import Format, Planes
from descent.tools.colour import blank_planes

Turn = Literal[0, 90, 180, 270]
Mirror = Literal["none", "horizontal", "vertical"]

# Catmull-Rom weights at a half and a quarter of the way between the two middle samples.
_HALF = ((-8, 72, 72, -8), 128)
_QUARTER = ((-9, 111, 29, -3), 128)


@dataclass(frozen=True, slots=True)
class Geometry:
    """What is done to a stored picture, in this order: `crop`, `turn`, `mirror`.

    `crop` is (top, left, height, width) in px of the picture as players show it; `turn` is
    clockwise, degrees; `mirror` "horizontal" swaps left and right of the turned picture,
    "vertical" top and bottom.
    """

    crop: tuple[int, int, int, int] | None = None
    turn: int = 0
    mirror: Mirror = "none"

    @property
    def none(self) -> bool:
        """Whether pictures stay as they are."""
        return self.crop is None and self.turn == 0 and self.mirror == "none"

    def size(self, rows: int, cols: int) -> tuple[int, int]:
        """(rows, cols) after it; raises `FormatError` when the crop leaves the picture."""
        if self.crop is not None:
            top, left, height, width = self.crop
            if min(top, left) < 0 or min(height, width) < 1 or top + height > rows or (
                left + width > cols
            ):  # fmt: skip
                raise FormatError(
                    f"the crop of {width} x {height} px at {left}, {top} leaves the picture of "
                    f"{cols} x {rows} px",
                    do="write a crop that lies inside it",
                )
            rows, cols = height, width
        return (cols, rows) if self.turn in {90, 270} else (rows, cols)

    def format(self, format: Format) -> Format:
        """The format after it: size, and the Bayer phase of the new pixel (0, 0)."""
        rows, cols = self.size(format.rows, format.cols)
        return replace(format, rows=rows, cols=cols, cfa=self.phase(format.cfa, format))

    def phase(self, cfa: str | None, format: Format) -> str | None:
        """The Bayer phase after it: the colours that come to lie at the new corner."""
        if cfa is None:
            return None
        letters = np.array(list(cfa)).reshape(2, 2)
        rows, cols = np.arange(format.rows) % 2, np.arange(format.cols) % 2
        # The corner letters of the picture's own colour map, moved as its pixels are.
        moved = self.array(letters[np.ix_(rows, cols)])
        return "".join(moved[:2, :2].ravel())

    def array(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """`pixels` (rows, cols, ...) moved; not a copy where nothing moves."""
        if self.none:
            return pixels
        if self.crop is not None:
            top, left, height, width = self.crop
            pixels = pixels[top : top + height, left : left + width]
        if self.turn:
            pixels = np.rot90(pixels, -self.turn // 90)
        if self.mirror != "none":
            pixels = pixels[:, ::-1] if self.mirror == "horizontal" else pixels[::-1]
        return np.ascontiguousarray(pixels)

    def check_planes(self) -> None:
        """Raise `FormatError` when the crop cuts through the pixel pairs of 4:2:0 chroma."""
        if self.crop is not None and any(value % 2 for value in self.crop):
            top, left, height, width = (value - value % 2 for value in self.crop)
            raise FormatError(
                "colour is stored for pairs of pixels, which this crop cuts apart",
                do=f"write even numbers, such as crop: {{top: {top}, left: {left}, "
                f"height: {height}, width: {width}}}",
            )

    def planes(self, planes: Planes) -> Planes:
        """4:2:0 planes moved; luma exactly, chroma to where left siting wants it.

        Chroma lies on the left pixel of each pair: mirrored, it would lie on the right one,
        and turned, above one. It is moved back by a half or a quarter of its spacing, by
        cubic weights; nothing else is resampled.
        """
        if self.none:
            return planes
        self.check_planes()
        half = Geometry(
            tuple(value // 2 for value in self.crop) if self.crop else None,  # type: ignore[arg-type]
            self.turn,
            self.mirror,
        )
        y = self.array(planes.y)
        rows, cols = y.shape
        out = blank_planes(rows, cols, "420", 8 if y.dtype == np.uint8 else 10)
        out.y[:] = y
        for source, target in ((planes.u, out.u), (planes.v, out.v)):
            target[:] = _settle(half.array(source), self.turn, self.mirror)
        return out


def _settle(chroma: NDArray[Any], turn: int, mirror: Mirror) -> NDArray[Any]:
    """Chroma moved with its picture, brought back to its place in the new pairs."""
    if turn in {90, 270}:
        # Columns come from rows, where it lay between two; rows from columns, on the first.
        on_first = (turn == 90) != (mirror == "vertical")
        chroma = _shift(chroma, 1, -1, _QUARTER)
        return _shift(chroma, 0, 1 if on_first else -1, _QUARTER)
    right = (turn == 180) != (mirror == "horizontal")
    return _shift(chroma, 1, -1, _HALF) if right else chroma


def _shift(
    chroma: NDArray[Any], axis: int, towards: int, kernel: tuple[tuple[int, ...], int]
) -> NDArray[Any]:
    """Samples a part of their spacing `towards` lower (-1) or higher (1) indices."""
    weights, scale = kernel
    padded = np.pad(
        chroma.astype(np.int32), [(2, 2) if a == axis else (0, 0) for a in (0, 1)], mode="edge"
    )
    count = chroma.shape[axis]
    total = np.full(chroma.shape, scale // 2, np.int32)
    for place, weight in zip((-1, 0, 1, 2), weights, strict=True):
        start = 2 + place * towards
        total += weight * np.take(padded, range(start, start + count), axis=axis)
    top = 255 if chroma.dtype == np.uint8 else 1023
    return np.clip(total // scale, 0, top).astype(chroma.dtype)
