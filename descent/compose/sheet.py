"""Contact sheets: many small pictures with their file, time and sharpness beneath."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.compose import type as typeface
from descent.compose.fit import fit_planes
from descent.compose.geometry import Cell, Slot, even, place
from descent.compose.type import Weight, set_text
from descent.errors import FormatError
from descent.model import Planes
from descent.tools.colour import grey_to_planes, planes_to_rgb, rgb_to_planes

GROUND, PALE, BRIGHT = 24, 168, 240

Source = Planes | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Thumb:
    """One small picture: planes, or gamma-coded grey or RGB (uint8 or uint16).

    `picture` may be a function, called once when its turn comes, so that a sheet of
    thousands holds one frame at a time; None draws an empty frame. `lines` stand beneath,
    the first brighter; `mark` lies on the picture's corner (such as "damaged").
    """

    picture: Source | Callable[[], Source | None] | None
    lines: tuple[str, ...] = ()
    mark: str = ""


def sheet(
    thumbs: Sequence[Thumb], *, across: int = 6, width_px: int = 1920, title: str = ""
) -> NDArray[np.uint8]:
    """A contact sheet as RGB uint8 (rows, cols, 3), `width_px` wide.

    `across` thumbs stand in a row: more show smaller pictures. All rows are as high as the
    tallest picture would need at 4:3. File names that are wider than their picture go on
    in a second line; characters that cannot be drawn are spelled out. Raises `FormatError`
    without any thumb.
    """
    if not thumbs:
        raise FormatError("a contact sheet of no pictures", do="choose a camera and a range")
    across = max(1, min(across, len(thumbs)))
    width_px = max(even(width_px), 160)
    margin, gap = width_px // 48, max(8, width_px // 120)
    cell = even((width_px - 2 * margin - gap * (across - 1)) / across)
    if cell < 32:
        raise FormatError(
            f"{across} pictures across {width_px} px leave {cell} px for each",
            do="write a smaller number across or a wider sheet",
        )
    px = min(max(11.0, cell / 20), 24.0)
    high, pitch = even(cell * 3 / 4), round(1.25 * px)
    set_lines = [
        [_lines(text, px, cell, bold=k == 0) for k, text in enumerate(t.lines)] for t in thumbs
    ]
    text_rows = max(sum(len(part) for part in lines) for lines in set_lines)
    row_px = high + round(0.6 * px) + pitch * text_rows + gap
    top = margin + (round(2.4 * width_px / 60) if title else 0)
    count = -(-len(thumbs) // across)
    out = np.full((even(top + count * row_px + margin), width_px, 3), GROUND, np.uint8)
    if title:
        _write(out, title, width_px / 60, "Semibold", margin, margin, width_px - 2 * margin, BRIGHT)
    for k, (thumb, lines) in enumerate(zip(thumbs, set_lines, strict=True)):
        y, x = top + (k // across) * row_px, margin + (k % across) * (cell + gap)
        _picture(out[y : y + high, x : x + cell], thumb)
        if thumb.mark:
            _badge(out, thumb.mark, px, y, x, cell)
        at = y + high + round(0.6 * px)
        for number, part in enumerate(lines):
            for line in part:
                weight: Weight = "Semibold" if number == 0 else "Regular"
                _write(out, line, px, weight, at, x, cell, BRIGHT if number == 0 else PALE)
                at += pitch
    return out


def _lines(text: str, px: float, width: int, *, bold: bool) -> tuple[str, ...]:
    weight: Weight = "Semibold" if bold else "Regular"
    return set_text(typeface.spelled(text), weight, px, width=width, lines=3, smallest=1.0).lines


def _picture(cell: NDArray[np.uint8], thumb: Thumb) -> None:
    source = thumb.picture() if callable(thumb.picture) else thumb.picture
    cell[:] = GROUND // 2
    if source is None:
        return
    if not isinstance(source, Planes):
        convert = rgb_to_planes if source.ndim == 3 else grey_to_planes
        source = convert(source, chroma="444")
    rows, cols = source.y.shape
    tile = place(Slot("thumb", rows, cols), Cell(0, 0, *cell.shape[:2]), "fit")
    small = planes_to_rgb(fit_planes(source, tile, "444"))
    dest = tile.dest
    cell[dest.top : dest.bottom, dest.left : dest.right] = small


def _badge(out: NDArray[np.uint8], text: str, px: float, top: int, left: int, width: int) -> None:
    text = typeface.spelled(text)
    wide = min(round(typeface.width_px(text, "Semibold", px) + px), width)
    patch = out[top : top + round(1.6 * px), left : left + wide]
    patch[:] = patch // 3
    _write(out, text, px, "Semibold", top + round(0.45 * px), left + round(px / 2), width, BRIGHT)


def _write(
    out: NDArray[np.uint8], text: str, px: float, weight: Weight, top: int, left: int,
    width: int, level: int,
) -> None:  # fmt: skip
    """One line with the top of its capitals at `top`."""
    drawn, above = typeface.ink(set_text(text, weight, px, width=width, smallest=0.9))
    rows = slice(max(top - above, 0), max(top - above, 0) + drawn.shape[0])
    patch = out[rows, left : left + drawn.shape[1]]
    cover = drawn[: patch.shape[0], : patch.shape[1], None].astype(np.uint32)
    patch[:] = (patch * (255 - cover) + level * cover + 127) // 255
