"""Pixel for pixel: arrangements of whole pictures, or the size that they would need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from descent.compose.geometry import Cell, Layout, Slot, even, finish, place
from descent.errors import FormatError

Placed = list[tuple[Slot, Cell]]


def pack(lines: Sequence[Sequence[Slot]], gap: int) -> Placed:
    """Pictures in centred lines at their own size; the block begins at (0, 0)."""
    wide = max(sum(even(s.cols) for s in line) + gap * (len(line) - 1) for line in lines)
    out: Placed = []
    top = 0
    for line in lines:
        high = max(even(s.rows) for s in line)
        left = even((wide - sum(even(s.cols) for s in line) - gap * (len(line) - 1)) / 2)
        for slot in line:
            above = even((high - even(slot.rows)) / 2)
            out.append((slot, Cell(top + above, left, even(slot.rows), even(slot.cols))))
            left += even(slot.cols) + gap
        top += high + gap
    return out


def join(first: Placed, second: Placed, gap: int, *, beside: bool) -> Placed:
    """Two blocks next to each other or one under the other, centred on each other."""
    (high, wide), (other_high, other_wide) = extent(first), extent(second)
    if beside:
        tall = max(high, other_high)
        moves = [(even((tall - high) / 2), 0), (even((tall - other_high) / 2), wide + gap)]
    else:
        broad = max(wide, other_wide)
        moves = [(0, even((broad - wide) / 2)), (high + gap, even((broad - other_wide) / 2))]
    return [
        (slot, cell._replace(top=cell.top + down, left=cell.left + across))
        for block, (down, across) in zip((first, second), moves, strict=True)
        for slot, cell in block
    ]


def extent(placed: Placed) -> tuple[int, int]:
    """Rows and columns that a block takes."""
    high = max(cell.top + cell.rows for _, cell in placed)
    wide = max(cell.left + cell.cols for _, cell in placed)
    return int(high), int(wide)


def first_that_fits(options: Iterable[Placed], rows: int, cols: int) -> Layout:
    """The layout of the first option that the canvas holds.

    Raises `FormatError` with the size that would be enough where none does.
    """
    needed: list[tuple[int, int]] = []
    for placed in options:
        high, wide = extent(placed)
        if high <= rows and wide <= cols:
            return finish(rows, cols, [place(slot, cell, "native") for slot, cell in placed])
        needed.append((high, wide))
    high, wide = min(needed, key=lambda size: max(size[0] / rows, size[1] / cols))
    raise FormatError(
        f"pixel for pixel this layout needs {wide} x {high} px, the canvas is {cols} x {rows}",
        do=f"write size: {wide}x{high} or larger, scale: fit, or show fewer cameras",
    )
