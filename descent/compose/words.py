"""Words on a picture: white type with a soft shade under it, legible on canopy and on black.

A `Word` says what is written, in which role, and where it is anchored; its raster is made
once and kept. Words only cover pixels, so what is beneath can be put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from descent.compose import type as typeface
from descent.compose.geometry import Rect
from descent.compose.type import Align, Setting, Weight, set_text
from descent.model import Planes
from descent.tools.colour import SUBSAMPLING, chroma_of, depth_of

kernel = njit(cache=True, nogil=True)

Role = Literal["title", "clock", "event", "credit", "mark", "note", "headline", "line"]


class Look(NamedTuple):
    """How a role is set: size in px on a canvas whose shorter side is 1080 px."""

    px: float
    weight: Weight
    lines: int = 1
    smallest: float = 0.75
    tabular: bool = False
    whole: bool = False
    pill: bool = False
    level: int = 255  # brightness of the type, 0 to 255


LOOKS: dict[Role, Look] = {
    "title": Look(31, "Semibold"),
    "clock": Look(38, "Semibold", tabular=True),
    "event": Look(58, "Semibold", lines=2),
    "credit": Look(22, "Semibold", lines=4, smallest=0.82, whole=True),
    "mark": Look(24, "Semibold", tabular=True, pill=True),
    "note": Look(28, "Semibold", tabular=True, pill=True),
    "headline": Look(40, "Semibold", lines=2),
    "line": Look(28, "Regular", lines=2, tabular=True, level=190),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A text and its place: the corner or middle of its type lies on (row, col), in px.

    `align` says which point of the type that is across, `base` down; `width` is the most
    it may take. `alpha` (0 to 1) fades it, type and shade alike. `where` names the text's
    origin in errors.
    """

    text: str
    role: Role
    row: int
    col: int
    width: int
    align: Align = "left"
    base: Literal["top", "bottom"] = "top"
    alpha: float = 1.0
    lines: int | None = None
    where: str = ""


class Raster(NamedTuple):
    """Coverage of type (`ink`) and of its shade, uint8 (rows, cols), even sizes.

    (`top`, `left`) is the raster's corner seen from the corner of the type's own box,
    which is (`box_rows`, `box_cols`).
    """

    ink: NDArray[np.uint8]
    shade: NDArray[np.uint8]
    top: int
    left: int
    box_rows: int
    box_cols: int


class Placed(NamedTuple):
    """A raster at its place on the canvas."""

    raster: Raster
    rect: Rect
    box: Rect
    alpha: int
    level: int


def unit(rows: int, cols: int) -> float:
    """Size of type against that on a canvas whose shorter side is 1080 px.

    An upright canvas is looked at on a phone: its type is a little larger.
    """
    return min(rows, cols) / 1080 * (1.12 if rows > cols else 1.0)


def setting_of(word: Word, scale: float) -> Setting:
    """The word's lines and size; raises `FormatError` for what cannot be drawn or fit."""
    look = LOOKS[word.role]
    pad = 2 * _pill_pad(look.px * scale)[1] if look.pill else 0
    return set_text(
        word.text, look.weight, look.px * scale, width=max(word.width - pad, 8),
        lines=word.lines or look.lines, smallest=look.smallest, tabular=look.tabular,
        whole=look.whole, where=word.where,
    )  # fmt: skip


def placed(word: Word, rows: int, cols: int) -> Placed | None:
    """The word's raster on a canvas of `rows` x `cols` px; None where there is no text."""
    look = LOOKS[word.role]
    setting = setting_of(word, unit(rows, cols))
    alpha = round(min(max(word.alpha, 0.0), 1.0) * 256)
    if not any(setting.lines) or alpha == 0:
        return None
    raster = _raster(setting, word.align, look.pill)
    top = word.row if word.base == "top" else word.row - raster.box_rows
    left = (
        word.col - {"left": 0, "center": raster.box_cols // 2, "right": raster.box_cols}[word.align]
    )
    box = Rect(top, left, raster.box_rows, raster.box_cols)
    # Even corners: then the chroma samples under the raster are whole.
    corner = ((top + raster.top) // 2 * 2, (left + raster.left) // 2 * 2)
    return Placed(raster, Rect(*corner, *raster.ink.shape), box, alpha, look.level)


def _pill_pad(px: float) -> tuple[int, int]:
    """Space around the type of a pill, (down, across)."""
    return round(0.24 * px), round(0.5 * px)


@lru_cache(maxsize=256)
def _raster(setting: Setting, align: Align, pill: bool) -> Raster:
    drawn, above = typeface.ink(setting, align)
    cap = round(0.66 * setting.px)
    height = cap + round(typeface.LEADING * setting.px) * (len(setting.lines) - 1)
    reach = round(0.5 * setting.px if pill else 0.5 * setting.px + 14)
    down, across = _pill_pad(setting.px) if pill else (0, 0)
    margin = -(-(reach + across) // 2) * 2
    ink = np.pad(drawn, margin)
    if pill:
        box = (
            margin - down + above,
            margin - across,
            height + 2 * down,
            drawn.shape[1] + 2 * across,
        )
        shade = _rounded(ink.shape, *box)
        return Raster(ink, shade, -box[0], -box[1], box[2], box[3])
    return Raster(ink, _halo(ink, setting.px), -margin - above, -margin, height, drawn.shape[1])


def _rounded(
    shape: tuple[int, ...], top: int, left: int, rows: int, cols: int
) -> NDArray[np.uint8]:
    """A rectangle with round ends and a soft edge, at the pill's darkness."""
    radius = min(rows, cols) / 3.2
    y = np.abs(np.arange(shape[0]) + 0.5 - top - rows / 2)[:, None] - (rows / 2 - radius)
    x = np.abs(np.arange(shape[1]) + 0.5 - left - cols / 2)[None, :] - (cols / 2 - radius)
    away = np.sqrt(np.maximum(x, 0) ** 2 + np.maximum(y, 0) ** 2) - radius
    inside = np.clip(0.5 - away, 0, 1)
    return np.asarray(np.rint(inside * 0.62 * 255), np.uint8)


def _halo(ink: NDArray[np.uint8], px: float) -> NDArray[np.uint8]:
    """The shade of type: a near dark edge and a wide soft one, from blurs of its own shape."""
    near, wide = ink.astype(np.int32), ink.astype(np.int32)
    for _ in range(3):  # three boxes are nearly a Gaussian, and exact in integers
        near = _box(near, max(1, round(0.03 * px)))
        wide = _box(wide, max(3, round((0.08 + 4 / (px + 10)) * px)))
    near, wide = np.minimum(near * 3, 165), np.minimum(wide * 3, 165)
    return np.asarray(255 - (255 - near) * (255 - wide) // 255, np.uint8)


@kernel
def _box(field: Any, radius: int) -> Any:
    """Mean over a square of 2 radius + 1; outside counts as 0."""
    rows, cols = field.shape
    side = 2 * radius + 1
    across = np.zeros((rows, cols), np.int32)
    out = np.zeros((rows, cols), np.int32)
    for row in range(rows):
        total = 0
        for col in range(-radius, cols):
            if col + radius < cols:
                total += field[row, col + radius]
            if col - radius - 1 >= 0:
                total -= field[row, col - radius - 1]
            if col >= 0:
                across[row, col] = total
    sums = np.zeros(cols, np.int64)
    for row in range(-radius, rows):
        if row + radius < rows:
            for col in range(cols):
                sums[col] += across[row + radius, col]
        if row - radius - 1 >= 0:
            for col in range(cols):
                sums[col] -= across[row - radius - 1, col]
        if row >= 0:
            for col in range(cols):
                out[row, col] = (sums[col] + side * side // 2) // (side * side)
    return out


def draw(planes: Planes, word: Placed) -> None:
    """Blend a placed word into planes; what would lie outside them is left out."""
    unit_level = 1 << (depth_of(planes) - 8)
    tall, wide = SUBSAMPLING[chroma_of(planes)]
    white = (16 + (219 * word.level + 127) // 255) * unit_level
    top, left = word.rect.top, word.rect.left
    raster = word.raster
    _blend(planes.y, raster.ink, raster.shade, top, left, word.alpha, white, 16 * unit_level)
    for plane in (planes.u, planes.v):
        _fade(plane, raster.ink, raster.shade, top, left, word.alpha, tall, wide, 128 * unit_level)


@kernel
def _blend(
    y: Any, ink: Any, shade: Any, top: int, left: int, alpha: int, white: int, black: int
) -> None:
    for row in range(max(0, -top), min(ink.shape[0], y.shape[0] - top)):
        for col in range(max(0, -left), min(ink.shape[1], y.shape[1] - left)):
            s = shade[row, col] * alpha >> 8
            a = ink[row, col] * alpha >> 8
            if s or a:
                under = (y[top + row, left + col] * (255 - s) + black * s + 127) // 255
                y[top + row, left + col] = (under * (255 - a) + white * a + 127) // 255


@kernel
def _fade(
    plane: Any, ink: Any, shade: Any, top: int, left: int, alpha: int, tall: int, wide: int,
    grey: int,
) -> None:  # fmt: skip
    """Chroma towards grey, by the coverage at the luma pixels that a sample belongs to."""
    for row in range(ink.shape[0] // tall):
        at_row = top // tall + row
        if at_row < 0 or at_row >= plane.shape[0]:
            continue
        for col in range(ink.shape[1] // wide):
            at_col = left // wide + col
            if at_col < 0 or at_col >= plane.shape[1]:
                continue
            total, weight = 0, 0
            for k in range(tall):
                for n in range(-1 if wide == 2 else 0, wide):
                    x = min(max(col * wide + n, 0), ink.shape[1] - 1)
                    s = shade[row * tall + k, x] * alpha >> 8
                    a = ink[row * tall + k, x] * alpha >> 8
                    share = 2 if wide == 2 and n == 0 else 1
                    total += share * (255 * 255 - (255 - s) * (255 - a))
                    weight += share
            if total:
                whole = weight * 255 * 255
                value = np.int64(plane[at_row, at_col]) - grey
                kept = value * (whole - total)
                plane[at_row, at_col] = grey + (2 * kept + whole) // (2 * whole)
