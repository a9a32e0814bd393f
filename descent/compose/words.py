"""Words on a picture: white type with a soft shade under it, legible on canopy and on black.

A `Word` says what is written, in which role, and where it is anchored; its raster is made
once and kept. Words only cover pixels, so what is beneath can be put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from descent.compose import type as typeface
from descent.compose.geometry import Rect
from descent.compose.type import Align, Setting, Weight, set_text
from descent.model import Planes
from descent.tools.colour import SUBSAMPLING, chroma_of, depth_of
from descent.tools.compiled import kernel

i32 = np.int32

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


#: What a raster depends on: the set text, its alignment, whether it lies on a pill.
Key = tuple[Setting, Align, bool]


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
    key: Key


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


@lru_cache(maxsize=512)
def placed(word: Word, rows: int, cols: int) -> Placed | None:
    """The word's raster on a canvas of `rows` x `cols` px; None where there is no text."""
    look = LOOKS[word.role]
    setting = setting_of(word, unit(rows, cols))
    alpha = round(min(max(word.alpha, 0.0), 1.0) * 256)
    if not any(setting.lines) or alpha == 0:
        return None
    key = (setting, word.align, look.pill)
    raster = _raster(*key)
    top = word.row if word.base == "top" else word.row - raster.box_rows
    left = (
        word.col - {"left": 0, "center": raster.box_cols // 2, "right": raster.box_cols}[word.align]
    )
    box = Rect(top, left, raster.box_rows, raster.box_cols)
    # Even corners: then the chroma samples under the raster are whole.
    corner = ((top + raster.top) // 2 * 2, (left + raster.left) // 2 * 2)
    rect = Rect(*corner, *raster.ink.shape)
    return Placed(raster, rect, box, alpha, look.level, key)


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
    shade = _running_shade(setting, align, margin) if setting.tabular else _halo(ink, setting.px)
    return Raster(ink, shade, -margin - above, -margin, height, drawn.shape[1])


def _running_shade(setting: Setting, align: Align, margin: int) -> NDArray[np.uint8]:
    """The shade of running digits: that of eights, so that it neither flickers nor costs."""
    eights = tuple("".join("8" if c.isdigit() else c for c in line) for line in setting.lines)
    return _shade_of(setting._replace(lines=eights), align, margin)


@lru_cache(maxsize=64)
def _shade_of(setting: Setting, align: Align, margin: int) -> NDArray[np.uint8]:
    return _halo(np.pad(typeface.ink(setting, align)[0], margin), setting.px)


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
    top, left, alpha = word.rect.top, word.rect.left, i32(word.alpha)
    y0, y1, x0, x1 = _shown(word.rect, planes.y.shape, 1, 1)
    ink, shade = word.raster.ink[y0:y1, x0:x1], word.raster.shade[y0:y1, x0:x1]
    under = planes.y[top + y0 : top + y1, left + x0 : left + x1]
    _blend(under, ink, shade, alpha, i32(white), i32(16 * unit_level))
    y0, y1, x0, x1 = _shown(word.rect, planes.y.shape, tall, wide)
    cover = _cover(word.key, tall, wide)[y0:y1, x0:x1]
    rows = slice(top // tall + y0, top // tall + y1)
    cols = slice(left // wide + x0, left // wide + x1)
    for plane in (planes.u, planes.v):
        _fade(plane[rows, cols], cover, alpha, i32(128 * unit_level))


def _shown(rect: Rect, shape: tuple[int, ...], tall: int, wide: int) -> tuple[int, int, int, int]:
    """The rows and columns of a raster that lie on a plane of `shape`, in its samples."""
    y0, x0 = max(0, -rect.top) // tall, max(0, -rect.left) // wide
    y1 = max(min(rect.rows, shape[0] - rect.top) // tall, y0)
    return y0, y1, x0, max(min(rect.cols, shape[1] - rect.left) // wide, x0)


@lru_cache(maxsize=256)
def _cover(key: Key, tall: int, wide: int) -> NDArray[np.uint8]:
    """How much of each chroma sample a raster covers, 0 to 255, by the siting of the sample."""
    raster = _raster(*key)
    through = (255 - raster.ink.astype(np.int32)) * (255 - raster.shade)
    whole = 255 - (through + 127) // 255
    if wide == 2:
        before = np.concatenate([whole[:, :1], whole[:, 1:-1:2]], axis=1)
        whole = before + 2 * whole[:, 0::2] + whole[:, 1::2]
    if tall == 2:
        whole = whole[0::2] + whole[1::2]
    total = tall * (4 if wide == 2 else 1)
    return ((whole + total // 2) // total).astype(np.uint8)


@kernel
def _blend(y: Any, ink: Any, shade: Any, alpha: Any, white: Any, black: Any) -> None:
    """Luma towards black by the shade, then towards white by the ink, in 256 steps."""
    for row in range(y.shape[0]):
        line, inks, shades = y[row], ink[row], shade[row]
        for col in range(line.size):
            s = i32(i32(shades[col]) * alpha >> 8)
            a = i32(i32(inks[col]) * alpha >> 8)
            s, a = i32(s + (s >> 7)), i32(a + (a >> 7))  # 255 is all: 256
            dark = i32(i32(i32(line[col]) * (256 - s)) + i32(black * s) + 128) >> 8
            line[col] = i32(i32(i32(dark) * (256 - a)) + i32(white * a) + 128) >> 8


@kernel
def _fade(plane: Any, cover: Any, alpha: Any, grey: Any) -> None:
    """Chroma towards grey by its cover."""
    for row in range(plane.shape[0]):
        line, covers = plane[row], cover[row]
        for col in range(line.size):
            c = i32(i32(covers[col]) * alpha >> 8)
            c = i32(c + (c >> 7))
            line[col] = i32(i32(i32(line[col]) * (256 - c)) + i32(grey * c) + 128) >> 8
