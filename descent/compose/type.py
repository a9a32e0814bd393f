"""Type: what the film's font can write, how wide it is, and how a long line is set.

The font is Source Sans Pro (SIL Open Font Licence), which comes in a wheel; no font of the
machine is ever asked for. Text is only ever drawn: nothing in it is interpreted.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont, features

from descent.errors import FormatError

Weight = Literal["Regular", "Semibold", "Bold"]
Align = Literal["left", "center", "right"]

#: Text is drawn this much larger and averaged down: even edges, and no hinting to whole px.
OVERSAMPLE = 4
#: Line to line, in heights of the type.
LEADING = 1.22
ELLIPSIS = "…"
#: Of a longer text no more than this can ever be shown; the rest is cut unmeasured.
LONGEST = 600


class Setting(NamedTuple):
    """A text that has been set: its lines, and the size it was set at in px."""

    lines: tuple[str, ...]
    px: float
    weight: Weight
    tabular: bool = False


def engine() -> str:
    """How lines are set here: "raqm" (with kerning) or "basic"; part of a fingerprint."""
    return "raqm" if features.check("raqm") else "basic"


@lru_cache(maxsize=64)
def _face(weight: Weight, size: int) -> ImageFont.FreeTypeFont:
    import font_source_sans_pro

    folder = Path(font_source_sans_pro.__file__).parent / "files"
    layout = ImageFont.Layout.RAQM if engine() == "raqm" else ImageFont.Layout.BASIC
    return ImageFont.truetype(folder / f"SourceSansPro-{weight}.ttf", size, layout_engine=layout)


def face(weight: Weight, px: int) -> ImageFont.FreeTypeFont:
    """The font at a size in px, as Pillow draws charts with it."""
    return _face(weight, px)


def _size(px: float) -> int:
    return max(1, round(px * OVERSAMPLE))


def _features(tabular: bool) -> list[str] | None:
    # Digits of one width that no kerning moves: a running clock must stand still.
    if engine() != "raqm":
        return None
    return ["tnum", "-kern"] if tabular else ["kern"]


@lru_cache(maxsize=4096)
def _drawn(char: str) -> bool:
    """Whether the font has `char`: its picture is not the one of a character nobody has."""
    face = _face("Semibold", 64)
    mask, none = face.getmask(char), face.getmask("\U0010fffd")
    return mask.size != none.size or bytes(mask) != bytes(none)


def _hidden(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def spelled(text: str) -> str:
    """`text` with each character that cannot be drawn spelled out, such as <U+1F600>.

    For file names and the like, which are what they are; titles are `checked` instead.
    """
    text = unicodedata.normalize("NFC", text)
    return "".join(f"<U+{ord(c):04X}>" if _hidden(c) or not _drawn(c) else c for c in text).strip()


def checked(text: str, *, where: str = "") -> str:
    """`text` as it can be drawn: composed characters, one line, no blanks at its ends.

    Raises `FormatError` naming the first character that the font lacks or that is no
    character to see (control characters, direction marks).
    """
    text = unicodedata.normalize("NFC", text).strip()
    for char in dict.fromkeys(text):
        hidden = _hidden(char)
        if hidden or not _drawn(char):
            name = unicodedata.name(char, "a control character" if hidden else "unnamed")
            shown = "" if hidden else f" {char!r}"
            raise FormatError(
                f"the text has a character that the film's font cannot draw:{shown} "
                f"U+{ord(char):04X} ({name})",
                where=where,
                do="leave it out or write it another way; Latin, Greek and Cyrillic letters, "
                "digits and common signs are there",
            )
    return text


def width_px(text: str, weight: Weight, px: float, *, tabular: bool = False) -> float:
    """How wide one line is, in px."""
    if not text:
        return 0.0
    return _width(text, weight, _size(px), tabular)


@lru_cache(maxsize=4096)
def _width(text: str, weight: Weight, size: int, tabular: bool) -> float:
    return _face(weight, size).getlength(text, features=_features(tabular)) / OVERSAMPLE


def set_text(
    text: str,
    weight: Weight,
    px: float,
    *,
    width: float,
    lines: int = 1,
    smallest: float = 0.8,
    tabular: bool = False,
    whole: bool = False,
    where: str = "",
) -> Setting:
    """Set `text` into `width` px: shrink a little, then wrap, then cut with an ellipsis.

    `px` is the size wanted, `smallest` the share of it that type may shrink to, `lines` the
    most lines. With `whole` (a credit that must stay complete) what does not fit raises
    `FormatError` instead of being cut. Lines of a wrapped text are evened out.
    """
    text = checked(text, where=where)
    short = text[:LONGEST]
    for most in range(1, lines + 1):
        for step in range(6):
            size = px * (1 - (1 - smallest) * step / 5)
            broken = _wrap(short, weight, size, width, tabular)
            if len(broken) <= most and short == text:
                even = _evened(short, weight, size, width, len(broken), tabular)
                return Setting(even, size, weight, tabular)
    if whole:
        raise FormatError(
            f"a text of {len(text)} characters does not fit into {lines} lines of {width:.0f} px",
            where=where,
            do="shorten it, or choose a larger picture",
        )
    size = px * smallest
    broken = _wrap(short, weight, size, width, tabular)
    kept = [*broken[: lines - 1], " ".join(broken[lines - 1 :])]
    kept[-1] = _cut(kept[-1], weight, size, width, tabular)
    return Setting(tuple(kept), size, weight, tabular)


def _wrap(text: str, weight: Weight, px: float, width: float, tabular: bool) -> list[str]:
    """Greedy lines at blanks; a word wider than a line is broken where it must."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if width_px(longer, weight, px, tabular=tabular) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while width_px(line, weight, px, tabular=tabular) > width and len(line) > 1:
            keep = _most(line, weight, px, width, tabular)
            lines.append(line[:keep])
            line = line[keep:]
    return [*lines, line] if line or not lines else lines


def _most(text: str, weight: Weight, px: float, width: float, tabular: bool) -> int:
    """How many leading characters fit into `width`; at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width_px(text[:middle], weight, px, tabular=tabular) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(text: str, weight: Weight, px: float, width: float, tabular: bool) -> str:
    room = width - width_px(ELLIPSIS, weight, px, tabular=tabular)
    if width_px(text, weight, px, tabular=tabular) <= width:
        return text
    if width_px(text[:1], weight, px, tabular=tabular) > room:
        return ELLIPSIS if room >= 0 else ""
    return text[: _most(text, weight, px, room, tabular)].rstrip(" ,;:-–—") + ELLIPSIS


def _evened(
    text: str, weight: Weight, px: float, width: float, count: int, tabular: bool
) -> tuple[str, ...]:
    """The same number of lines, as narrow as they can be: no word left alone."""
    best = _wrap(text, weight, px, width, tabular)
    for step in range(1, 12):
        narrower = _wrap(text, weight, px, width * (1 - 0.05 * step), tabular)
        if len(narrower) > count or any(" " not in text for _ in narrower[1:]):
            break
        best = narrower
    return tuple(line.rstrip(" ·") for line in best[:-1]) + tuple(best[-1:])


def ink(setting: Setting, align: Align = "left") -> tuple[NDArray[np.uint8], int]:
    """Coverage 0 to 255 of a set text, (rows, cols), and the rows above its capitals.

    Lines lie `LEADING` apart; every line of a size is as high as any other, whatever its
    letters, so that nothing jumps when a text changes.
    """
    size = _size(setting.px)
    cap = round(0.66 * size)  # height of the capitals of this family
    above, below = round(0.28 * size), round(0.32 * size)
    pitch = round(LEADING * size)
    widths = [_width(line, setting.weight, size, setting.tabular) for line in setting.lines]
    cols = -(-int(np.ceil(max(widths, default=0.0)) + 2) // 2) * 2
    rows = above + cap + below + pitch * (len(setting.lines) - 1)
    rows = -(-rows // (2 * OVERSAMPLE)) * 2
    out = np.zeros((rows, cols), np.uint8)
    for k, (line, wide) in enumerate(zip(setting.lines, widths, strict=True)):
        slack = cols * OVERSAMPLE - wide * OVERSAMPLE
        left = round({"left": 0.0, "center": slack / 2, "right": slack}[align])
        base = above + cap + k * pitch
        # Running digits are drawn once each: a clock costs little though it always changes.
        for part, at in _steps(line, setting) if setting.tabular else [(line, 0)]:
            shift = ((left + at) % OVERSAMPLE, base % OVERSAMPLE)
            small, (x, y) = _drawing(part, setting.weight, size, setting.tabular, shift)
            _paste(out, small, base // OVERSAMPLE + y, (left + at) // OVERSAMPLE + x)
    return out, above // OVERSAMPLE


def _steps(line: str, setting: Setting) -> list[tuple[str, int]]:
    """Characters and where each begins, in oversampled px."""
    at, out = 0.0, []
    for char in line:
        out.append((char, round(at)))
        at += _width(char, setting.weight, _size(setting.px), True) * OVERSAMPLE
    return out


@lru_cache(maxsize=1024)
def _drawing(
    text: str, weight: Weight, size: int, tabular: bool, shift: tuple[int, int]
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Coverage of `text` and its corner (across, down) from the pen, averaged down.

    `shift` is where in a pixel the pen stands, across and down, oversampled.
    """
    mask, (x, y) = _face(weight, size).getmask2(
        text, mode="L", features=_features(tabular), anchor="ls"
    )
    cols, rows = mask.size
    if not cols or not rows:
        return np.zeros((0, 0), np.uint8), (0, 0)
    left, top = (x + shift[0]) // OVERSAMPLE, (y + shift[1]) // OVERSAMPLE
    inside_x, inside_y = x + shift[0] - left * OVERSAMPLE, y + shift[1] - top * OVERSAMPLE
    wide, high = -(-(inside_x + cols) // OVERSAMPLE), -(-(inside_y + rows) // OVERSAMPLE)
    big = np.zeros((high * OVERSAMPLE, wide * OVERSAMPLE), np.uint32)
    drawn = np.asarray(mask, np.uint8).reshape(rows, cols)
    big[inside_y : inside_y + rows, inside_x : inside_x + cols] = drawn
    count = OVERSAMPLE * OVERSAMPLE
    total = np.full((high, wide), count // 2, np.uint32)
    for a in range(OVERSAMPLE):
        for b in range(OVERSAMPLE):
            total += big[a::OVERSAMPLE, b::OVERSAMPLE]
    return (total // count).astype(np.uint8), (left, top)


def _paste(into: NDArray[np.uint8], mask: NDArray[np.uint8], top: int, left: int) -> None:
    """Lay `mask` into `into`, leaving out what would stick out of it."""
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + mask.shape[0], into.shape[0]), min(left + mask.shape[1], into.shape[1])
    if y1 > y0 and x1 > x0:
        part = mask[y0 - top : y1 - top, x0 - left : x1 - left]
        np.maximum(into[y0:y1, x0:x1], part, out=into[y0:y1, x0:x1])
