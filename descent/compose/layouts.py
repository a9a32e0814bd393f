"""Layouts: any number of cameras on one canvas, never stretched, never overlapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import NamedTuple, Protocol

from descent.compose import native
from descent.compose.geometry import (
    Cell,
    Layout,
    Scale,
    Slot,
    Tile,
    even,
    fill,
    finish,
    place,
    require_canvas,
)
from descent.errors import FormatError

#: Linear size of a side picture against the main one, at most: main must stay main.
SIDE_MOST = 0.5
#: What a pixel of a side picture is worth when arrangements are compared.
SIDE_WORTH = 0.5
#: The main picture's share of the canvas where pictures are cropped to fill it.
MAIN_SHARE = 2 / 3
#: Height of an inset against the canvas, and its distance from the canvas' edge.
INSET_SHARE = 0.28
SAFE_SHARE = 0.05

Cells = list[tuple[Slot, Cell]]
Function = Callable[[Sequence[Slot], int, int, Scale, int], Layout]


class LayoutFunction(Protocol):
    """What the table holds: slots and a canvas in px to a `Layout`.

    `gap_px` of black lies between pictures (a larger one shows smaller pictures); it goes
    down to 0 before a native layout is refused. Raises `FormatError` on odd canvases, on
    cameras shown twice, and where there is no room.
    """

    def __call__(
        self, slots: Sequence[Slot], rows: int, cols: int, scale: Scale = "fit", gap_px: int = 0
    ) -> Layout:
        """Lay `slots` on `rows` x `cols` px."""
        ...


class _Block(NamedTuple):
    """Pictures packed in lines of one width, each line at one height."""

    lines: tuple[tuple[Slot, ...], ...]
    lanes: int

    @classmethod
    def of(cls, slots: Sequence[Slot], lanes: int) -> _Block:
        cut = range(0, len(slots), lanes)
        return cls(tuple(tuple(slots[k : k + lanes]) for k in cut), min(lanes, len(slots)))

    def _aspects(self) -> list[float]:
        """Width over height of each line; a short last one keeps the size of the others."""
        sums = [sum(s.aspect for s in line) for line in self.lines]
        if len(self.lines) > 1 and len(self.lines[-1]) < self.lanes:
            sums[-1] *= self.lanes / len(self.lines[-1])
        return sums

    def slope(self, gap: float) -> tuple[float, float]:
        """(a, b) such that the block is a * width + b high."""
        inverse = sum(1 / a for a in self._aspects())
        return inverse, gap * (len(self.lines) - 1) - gap * (self.lanes - 1) * inverse

    def cells(self, top: float, left: float, width: float, gap: float) -> Cells:
        out: Cells = []
        for line, aspect in zip(self.lines, self._aspects(), strict=True):
            height = (width - gap * (self.lanes - 1)) / aspect
            used = sum(s.aspect for s in line) * height + gap * (len(line) - 1)
            at = left + (width - used) / 2
            for slot in line:
                out.append((slot, Cell(top, at, height, slot.aspect * height)))
                at += slot.aspect * height + gap
            top += height + gap
        return out


def full(slots: Sequence[Slot], rows: int, cols: int, scale: Scale, gap: int) -> Layout:
    """One camera over the whole canvas."""
    if len(slots) != 1:
        raise FormatError(
            f"full shows one camera, not {len(slots)}", do="write grid: or side_by_side: instead"
        )
    if scale == "native":
        return native.first_that_fits([native.pack([slots], gap)], rows, cols)
    return finish(rows, cols, [place(slots[0], Cell(0, 0, rows, cols), scale)])


def side_by_side(slots: Sequence[Slot], rows: int, cols: int, scale: Scale, gap: int) -> Layout:
    """Cameras in one row at one height, or one under the other where that shows more."""
    lanes = (len(slots), 1) if cols >= rows else (1, len(slots))
    if scale == "native":
        options = [native.pack(_Block.of(slots, n).lines, g) for n in lanes for g in (gap, 0)]
        return native.first_that_fits(options, rows, cols)
    if _cropped(slots):
        cells = _equal(slots, lanes[0], Cell(0, 0, rows, cols), gap)
        return finish(rows, cols, [fill(s, c) for s, c in cells])
    packed = [_packed(_Block.of(slots, n), rows, cols, gap) for n in lanes]
    if not any(packed):  # slivers beside panoramas: equal cells
        cells = _equal(slots, lanes[0], Cell(0, 0, rows, cols), gap)
        packed = [finish(rows, cols, [place(s, c, "fit") for s, c in cells])]
    return _best(slots, packed, rows, cols)


def grid(slots: Sequence[Slot], rows: int, cols: int, scale: Scale, gap: int) -> Layout:
    """Cameras in equal cells, as many columns as show the pictures largest."""
    lanes = range(1, len(slots) + 1)
    if scale == "fit" and _cropped(slots):  # the cells that cut the least from the pictures
        whole = Cell(0, 0, rows, cols)
        layouts = [
            finish(rows, cols, [fill(s, c) for s, c in _equal(slots, n, whole, gap)]) for n in lanes
        ]
        return max(layouts, key=lambda o: sum(map(_kept, slots, o.tiles)))
    if scale == "native":
        packs = [native.pack(_Block.of(slots, n).lines, g) for g in (gap, 0) for n in lanes]
        packs.sort(key=lambda p: max(native.extent(p)[0] / rows, native.extent(p)[1] / cols))
        return native.first_that_fits(packs, rows, cols)
    options: list[Layout | None] = []
    for n in lanes:
        lines = _Block.of(slots, n).lines
        tall = (rows - gap * (len(lines) - 1)) / len(lines)
        wide = (cols - gap * (n - 1)) / n
        if min(tall, wide) >= 4:
            options.append(_gathered(lines, tall, wide, gap, rows, cols))
    return _best(slots, options, rows, cols)


def main(slots: Sequence[Slot], rows: int, cols: int, scale: Scale, gap: int) -> Layout:
    """The first camera large, the others beside or beneath it, whichever uses more area.

    Where it can, the column of side pictures ends level with the main one; no side picture
    is more than half as wide as the main one.
    """
    first, sides = slots[0], slots[1:]
    if not sides:
        return full(slots, rows, cols, scale, gap)
    ways = [(n, beside) for n in range(1, len(sides) + 1) for beside in (True, False)]
    if scale == "native":
        whole = native.pack([[first]], 0)
        options = [
            native.join(whole, native.pack(_Block.of(sides, n).lines, g), g, beside=beside)
            for n, beside in ways
            for g in (gap, 0)
        ]
        return native.first_that_fits(options, rows, cols)
    if _cropped(slots):
        parts = _parted(first, sides, rows, cols, gap)
        return finish(rows, cols, [fill(s, c) for s, c in parts])
    found = []
    for n, beside in ways:
        cells = _main_cells(first, _Block.of(sides, n), rows, cols, gap, beside=beside)
        found.append(_filled(cells, rows, cols))
    if not any(found):  # a sliver beside a panorama: each as large as its part takes
        parts = _parted(first, sides, rows, cols, gap)
        found = [finish(rows, cols, [place(s, c, "fit") for s, c in parts])]
    return _best(slots, found, rows, cols, worth=SIDE_WORTH)


def inset(slots: Sequence[Slot], rows: int, cols: int, scale: Scale, gap: int) -> Layout:
    """The first camera over the whole canvas, the others small in columns at its sides.

    Insets lie inside the title-safe area, from the bottom right up, then on the left.
    `native` holds for the large picture; insets are always scaled to fit.
    """
    first, small = slots[0], slots[1:]
    base = full([first], rows, cols, scale, gap)
    if not small:
        return base
    safe_rows, safe_cols = even(rows * SAFE_SHARE), even(cols * SAFE_SHARE)
    gap = max(gap, even(min(rows, cols) * 0.02))
    each = len(small) if len(small) <= 3 else ceil(len(small) / 2)
    share = INSET_SHARE * min(rows, 1.25 * cols)
    high = min(share, (rows - 2 * safe_rows - gap * (each - 1)) / each)
    wide = min(share * 16 / 9, 0.42 * cols)
    edge = max(2, even(min(rows, cols) * 0.003))
    out = list(base.tiles)
    for column in range(ceil(len(small) / each)):
        bottom = rows - safe_rows
        for slot in small[column * each : (column + 1) * each]:
            tile = place(slot, Cell(0, 0, high, wide), "fit", level=1, edge_px=edge)
            left = safe_cols if column else even(cols - safe_cols - tile.dest.cols)
            out.append(_moved(tile, bottom - tile.dest.rows, left))
            bottom -= tile.dest.rows + gap
    return base._replace(tiles=tuple(out))


def _cropped(slots: Sequence[Slot]) -> bool:
    return any(s.fit == "crop" for s in slots)


def _kept(slot: Slot, tile: Tile) -> float:
    return tile.window.rows * tile.window.cols / (slot.rows * slot.cols)


def _equal(slots: Sequence[Slot], lanes: int, area: Cell, gap: int) -> Cells:
    """Cells that fill `area` in equal lines; a short last line has wider cells."""
    lines = _Block.of(slots, lanes).lines
    tall = (area.rows - gap * (len(lines) - 1)) / len(lines)
    out: Cells = []
    for k, line in enumerate(lines):
        wide = (area.cols - gap * (len(line) - 1)) / len(line)
        for n, slot in enumerate(line):
            corner = (area.top + k * (tall + gap), area.left + n * (wide + gap))
            out.append((slot, Cell(*corner, tall, wide)))
    return out


def _parted(first: Slot, sides: Sequence[Slot], rows: int, cols: int, gap: int) -> Cells:
    """Main over two thirds of the canvas, the sides in a column (or lines) over the rest."""
    if cols >= rows:
        wide = (cols - gap) * MAIN_SHARE
        rest = Cell(0, wide + gap, rows, cols - gap - wide)
        return [(first, Cell(0, 0, rows, wide)), *_equal(sides, 1, rest, gap)]
    tall = (rows - gap) * MAIN_SHARE
    rest = Cell(tall + gap, 0, rows - gap - tall, cols)
    return [(first, Cell(0, 0, tall, cols)), *_equal(sides, min(len(sides), 2), rest, gap)]


def _filled(cells: Cells | None, rows: int, cols: int) -> Layout | None:
    """The layout of cells of their pictures' own aspect; None where one is next to nothing."""
    if cells is None or any(min(c.rows, c.cols) < 4 for _, c in cells):
        return None
    return finish(rows, cols, [fill(s, c) for s, c in cells])


def _gathered(
    lines: Sequence[Sequence[Slot]], tall: float, wide: float, gap: int, rows: int, cols: int
) -> Layout | None:
    """Equal cells drawn together: columns as wide and lines as high as what they hold."""
    if any(min(tall, wide / s.aspect, wide, tall * s.aspect) < 4 for ln in lines for s in ln):
        return None
    tiles = [[place(s, Cell(0, 0, tall, wide), "fit") for s in line] for line in lines]
    lanes = max(len(line) for line in lines)
    widths = [max(ln[k].dest.cols for ln in tiles if k < len(ln)) for k in range(lanes)]
    whole = sum(widths) + gap * (lanes - 1)
    out, top = [], 0
    for line in tiles:
        high = max(t.dest.rows for t in line)
        left = even((whole - sum(widths[: len(line)]) - gap * (len(line) - 1)) / 2)
        for tile, width in zip(line, widths, strict=False):
            down, across = even((high - tile.dest.rows) / 2), even((width - tile.dest.cols) / 2)
            out.append(_moved(tile, top + down, left + across))
            left += width + gap
        top += high + gap
    return finish(rows, cols, out)


def _main_cells(
    first: Slot, block: _Block, rows: int, cols: int, gap: int, *, beside: bool
) -> Cells | None:
    """Cells of the main picture and its sides; None where nothing is left for them."""
    a, b = block.slope(gap)
    most = SIDE_MOST * block.lanes  # width of the block against the main picture's
    if beside:
        # Level with the main picture: a * side + b = width / aspect; else as wide as allowed.
        width = min((cols - gap + b / a) / (1 + 1 / (first.aspect * a)), rows * first.aspect)
        side = (width / first.aspect - b) / a
        if side > most * width:
            width = min((cols - gap) / (1 + most), rows * first.aspect)
            side = most * width
        tall, high = width / first.aspect, a * side + b
        if min(width, tall, side, high) <= 0:
            return None
        sides = block.cells((tall - high) / 2, width + gap, side, gap)
        return [(first, Cell(0, 0, tall, width)), *sides]
    share = min(1.0, most)
    width = min((rows - gap - b) / (1 / first.aspect + a * share), float(cols))
    side, tall = share * width, width / first.aspect
    if min(width, tall, side, a * side + b) <= 0:
        return None
    sides = block.cells(tall + gap, (width - side) / 2, side, gap)
    return [(first, Cell(0, 0, tall, width)), *sides]


def _moved(tile: Tile, top: int, left: int) -> Tile:
    return replace(tile, dest=tile.dest._replace(top=top, left=left))


def _packed(block: _Block, rows: int, cols: int, gap: int) -> Layout | None:
    """A block as large as the canvas takes; None where that is next to nothing."""
    a, b = block.slope(gap)
    width = min(float(cols), (rows - b) / a)
    return _filled(block.cells(0, 0, width, gap), rows, cols)


def _best(
    slots: Sequence[Slot],
    options: Sequence[Layout | None],
    rows: int,
    cols: int,
    worth: float = 1.0,
) -> Layout:
    """The option with the most picture area, and of nearly equal ones the most compact.

    Side pictures count `worth`.
    """
    possible = [o for o in options if o is not None]
    if not possible:
        raise FormatError(
            f"{len(slots)} cameras find no room on {cols} x {rows} px (width x height)",
            do="show fewer cameras at once, choose a larger size, or a smaller gap",
        )

    def area(layout: Layout) -> float:
        return layout.tiles[0].dest.area + worth * sum(t.dest.area for t in layout.tiles[1:])

    enough = 0.97 * max(area(o) for o in possible)
    return min((o for o in possible if area(o) >= enough), key=_spread)


def _spread(layout: Layout) -> float:
    """Height and width of all tiles together, in canvases: less leaves margins for words."""
    top, left = min(t.dest.top for t in layout.tiles), min(t.dest.left for t in layout.tiles)
    high = max(t.dest.bottom for t in layout.tiles) - top
    wide = max(t.dest.right for t in layout.tiles) - left
    return high / layout.rows + wide / layout.cols


def _checked(function: Function) -> LayoutFunction:
    def checked(
        slots: Sequence[Slot], rows: int, cols: int, scale: Scale = "fit", gap_px: int = 0
    ) -> Layout:
        require_canvas(slots, rows, cols)
        return function(slots, rows, cols, scale, even(gap_px))

    checked.__doc__ = function.__doc__
    return checked


#: Layout name -> function; one row makes a new layout known everywhere.
LAYOUTS: Mapping[str, LayoutFunction] = {
    "full": _checked(full),
    "side_by_side": _checked(side_by_side),
    "main": _checked(main),
    "grid": _checked(grid),
    "inset": _checked(inset),
}
