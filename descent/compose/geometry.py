"""Rectangles, slots and tiles: where each camera's picture lies on the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from descent.errors import FormatError

Fit = Literal["letterbox", "crop"]
Scale = Literal["fit", "native"]


class Rect(NamedTuple):
    """Whole pixels of the canvas: `top`, `left`, `rows`, `cols`."""

    top: int
    left: int
    rows: int
    cols: int

    @property
    def bottom(self) -> int:
        """The first row below."""
        return self.top + self.rows

    @property
    def right(self) -> int:
        """The first column to the right."""
        return self.left + self.cols

    @property
    def area(self) -> int:
        """Pixels inside."""
        return max(self.rows, 0) * max(self.cols, 0)

    def meets(self, other: Rect) -> bool:
        """Whether the two share a pixel."""
        return (
            self.top < other.bottom
            and other.top < self.bottom
            and self.left < other.right
            and other.left < self.right
        )

    def holds(self, other: Rect) -> bool:
        """Whether all of `other` lies inside."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and other.bottom <= self.bottom
            and other.right <= self.right
        )


class Window(NamedTuple):
    """The part of a source picture that is shown, in px; fractions are meant."""

    top: float
    left: float
    rows: float
    cols: float


@dataclass(frozen=True, slots=True)
class Slot:
    """A camera that wants a place: `rows`, `cols` of its picture after turn and crop.

    `focus` (across, down, each 0 to 1) is the point kept when `fit` is "crop".
    """

    camera: str
    rows: int
    cols: int
    focus: tuple[float, float] = (0.5, 0.5)
    fit: Fit = "letterbox"

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.cols / self.rows


@dataclass(frozen=True, slots=True)
class Tile:
    """A camera's place on the canvas.

    `dest` has even edges, so that chroma is whole; `window` is the part of the source that
    fills it exactly; `magnification` is canvas px per source px, the same down and across.
    A tile with a larger `level` lies on top of one with a smaller, `edge_px` of black
    around it.
    """

    camera: str
    dest: Rect
    window: Window
    magnification: float
    level: int = 0
    edge_px: int = 0


class Layout(NamedTuple):
    """The tiles of a canvas, the most prominent first, and where words cover no picture.

    `free` are the strips "top", "bottom", "left" and "right" of the canvas that no tile
    touches; those without any pixel are left out.
    """

    rows: int
    cols: int
    tiles: tuple[Tile, ...]
    free: dict[str, Rect]

    def tile(self, camera: str) -> Tile:
        """The tile of `camera`."""
        return next(t for t in self.tiles if t.camera == camera)


class Cell(NamedTuple):
    """A place in canvas px before it is made even; fractions are fine."""

    top: float
    left: float
    rows: float
    cols: float


def even(value: float) -> int:
    """The largest even number up to `value`, which may be a hair below one."""
    return int((value + 1e-6) // 2) * 2


def place(slot: Slot, cell: Cell, scale: Scale, *, level: int = 0, edge_px: int = 0) -> Tile:
    """The tile of `slot` in `cell`: centred, even, and never stretched.

    Letterbox shows all of the picture but what rounding to even pixels takes from its edges
    (less than two canvas px); crop fills the cell and keeps the focus point inside; native
    shows each source pixel as one canvas pixel.
    """
    if scale == "native":
        magnification = 1.0
        rows, cols = even(min(slot.rows, cell.rows)), even(min(slot.cols, cell.cols))
    else:
        by_rows, by_cols = cell.rows / slot.rows, cell.cols / slot.cols
        magnification = max(by_rows, by_cols) if slot.fit == "crop" else min(by_rows, by_cols)
        if abs(magnification - 1) < 1e-9:
            magnification = 1.0
        rows = even(min(cell.rows, slot.rows * magnification))
        cols = even(min(cell.cols, slot.cols * magnification))
    top = even(cell.top + (cell.rows - rows) / 2)
    left = even(cell.left + (cell.cols - cols) / 2)
    return _tile(slot, Rect(top, left, rows, cols), magnification, level, edge_px)


def fill(slot: Slot, cell: Cell) -> Tile:
    """The tile of `slot` over all of `cell`, whose edges go to the nearest even pixels.

    For cells of the picture's own aspect, so that neighbours' edges and gaps stay level: it
    takes less than three canvas px from two opposite edges of the picture.
    """
    top, left = _nearest(cell.top), _nearest(cell.left)
    rows = _nearest(cell.top + cell.rows) - top
    cols = _nearest(cell.left + cell.cols) - left
    magnification = max(rows / slot.rows, cols / slot.cols)
    if abs(magnification - 1) < 1e-9:
        magnification = 1.0
    return _tile(slot, Rect(top, left, rows, cols), magnification, 0, 0)


def _nearest(value: float) -> int:
    return even(value + 1)


def _tile(slot: Slot, dest: Rect, magnification: float, level: int, edge_px: int) -> Tile:
    if dest.rows < 2 or dest.cols < 2:
        raise FormatError(
            f"the picture of {slot.camera} would be {dest.cols} x {dest.rows} px (width x height)",
            do="show fewer cameras at once or choose a larger size",
        )
    across, down = slot.focus if slot.fit == "crop" else (0.5, 0.5)
    rows, cols = dest.rows / magnification, dest.cols / magnification
    top = min(max(down * slot.rows - rows / 2, 0.0), slot.rows - rows)
    left = min(max(across * slot.cols - cols / 2, 0.0), slot.cols - cols)
    if magnification == 1:  # pixel for pixel, chroma included: even offsets are copied exactly
        top, left = float(even(top)), float(even(left))
    window = Window(top, left, rows, cols)
    return Tile(slot.camera, dest, window, magnification, level, edge_px)


def finish(rows: int, cols: int, tiles: Sequence[Tile]) -> Layout:
    """The layout of `tiles`, the whole of them centred on the canvas, with its free strips."""
    base = [t.dest for t in tiles if t.level == 0]
    top, left = min(r.top for r in base), min(r.left for r in base)
    bottom, right = max(r.bottom for r in base), max(r.right for r in base)
    down = even((rows - (bottom - top)) / 2) - top
    across = even((cols - (right - left)) / 2) - left
    moved = tuple(
        replace(t, dest=t.dest._replace(top=t.dest.top + down, left=t.dest.left + across))
        if t.level == 0
        else t
        for t in tiles
    )
    top, bottom, left, right = top + down, bottom + down, left + across, right + across
    strips = {
        "top": Rect(0, 0, top, cols),
        "bottom": Rect(bottom, 0, rows - bottom, cols),
        "left": Rect(0, 0, rows, left),
        "right": Rect(0, right, rows, cols - right),
    }
    return Layout(rows, cols, moved, {k: r for k, r in strips.items() if r.area})


def require_canvas(slots: Sequence[Slot], rows: int, cols: int) -> None:
    """Refuse an odd canvas, an empty list of cameras, and one shown twice."""
    if rows < 2 or cols < 2 or rows % 2 or cols % 2:
        raise FormatError(
            f"a canvas of {cols} x {rows} px (width x height) has an odd side",
            do=f"write {cols // 2 * 2}x{rows // 2 * 2}",
        )
    names = [s.camera for s in slots]
    if not names:
        raise FormatError("a layout without any camera", do="name at least one camera in show")
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise FormatError(f"camera {twice} is shown twice in one layout", do="name it once")
