"""Deblock: the 8 x 8 grid that JPEG left in a picture, found, proved and taken out.

Pictures of the public feed and mosaics that a camera compressed are decoded JPEG, whatever
their file is called. Two things must show before anything is touched: steps on every eighth
row and column, and cosine coefficients on that grid that are whole multiples of a table of
quantisers. Then the picture is compressed again by the same table on shifted grids, the
results are averaged (Nosratinia, "Enhancement of JPEG-compressed images by re-application of
JPEG", J. VLSI Signal Processing 27, 2001), and no coefficient may leave the neighbourhood of
what the file says: so detail that came through the compression stays.

It runs first, on 8-bit codes as the file holds them: after any change of the codes the
quantisers can no longer be read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from descent.errors import FormatError
from descent.model import Format, Frame, Stage
from descent.restore import dct, light
from descent.restore.dct import SIDE, sandwich
from descent.restore.params import Params
from descent.tools.compiled import kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_Q = 128
_BIN = 0.25  # width of a bin of a coefficient's histogram
_REACH = 1024.0  # largest coefficient that is binned
_SHOWN = 24  # non-zero coefficients that a quantiser is read from
_COHERENT = 0.55
_NOT_ZERO = 1.5  # rounded codes alone move coefficients by 0.3, those of RGB by more
_FROM = 0.3  # of a step: halves and thirds of it speak against it, what became zero does not
_FEWEST_Q = 5  # quantisers of 2 and more that must show before the grid is believed
_SMALLEST, _LOOKED_PX = 32, 256
# Of the change: with all of it a few mosaics of strong colours lost up to 0.2 dB, with this none
# lost more than 0.02, and the mean gain is the same.
_AMOUNT = 0.6
# The luminance table of the JPEG standard, annex K: only for quantisers that cannot be read
# because everything they quantised became zero.
_STANDARD = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip


class Deblock(Params):
    """How far a coefficient may move."""

    reach: float = Field(
        0.2,
        ge=0,
        le=0.5,
        description="how far coefficients may move, in steps of their quantiser; a larger one "
        "smooths more, and half a step is all that the file leaves open",
    )


@dataclass(frozen=True)
class Grid:
    """Where blocks begin (row and column, 0 to 7) and the quantisers (8, 8) of the table."""

    row: int
    col: int
    table: tuple[tuple[float, ...], ...]


def steps(plane: NDArray[np.float32], step: int = 1) -> NDArray[np.float64]:
    """How much larger the step into each of the eight columns is than those beside it.

    `plane` is (rows, cols) of codes; `step` 2 compares pixels of one colour of a mosaic.
    Returns (8,): at a grid's first column the excess is clearly above 0, elsewhere about 0.
    """
    jump = np.abs(plane[:, step:] - plane[:, :-step]).mean(axis=0, dtype=np.float64)
    excess = jump[step:-step] - (jump[: -2 * step] + jump[2 * step :]) / 2
    # excess[k] belongs to the step into column k + 2 * step; a mosaic crosses twice.
    cols = np.arange(len(excess)) + 2 * step
    folded = np.array([excess[cols % SIDE == k].mean() for k in range(SIDE)])
    return folded if step == 1 else (folded + np.roll(folded, -1)) / 2


def blockiness(picture: NDArray[Any], *, row: int = 0, col: int = 0, mosaic: bool = False) -> float:
    """How much larger steps across the lines of a grid are than those beside them, in codes.

    `row` and `col` (0 to 7) are where its blocks begin. About 0 where there is no grid.
    """
    plane = _plane(picture)
    step = 2 if mosaic else 1
    across, down = steps(plane, step), steps(plane.T, step)
    return float(across[col] + down[row]) / 2


def find_grid(picture: NDArray[np.uint8]) -> Grid | None:
    """The JPEG grid of a picture (rows, cols[, 3]) of 8-bit codes, or None if none is proved."""
    plane = _plane(picture)
    if min(plane.shape) < _SMALLEST:
        return None
    # Nearly every grid begins in the corner; only crops and turns move it.
    table = _quantisers(plane)
    row, col = 0, 0
    if table is None:
        row, col = _begins(plane)
        table = _quantisers(plane[row:, col:]) if (row, col) != (0, 0) else None
    return None if table is None else Grid(row, col, table)


def _begins(plane: NDArray[np.float32]) -> tuple[int, int]:
    """Where the grid would begin: where most coefficients of the middle are about zero."""
    rows, cols = plane.shape
    top = max(0, rows // 2 - _LOOKED_PX // 2) // SIDE * SIDE
    left = max(0, cols // 2 - _LOOKED_PX // 2) // SIDE * SIDE
    zeros = np.zeros((SIDE, SIDE))
    for y in range(SIDE):
        for x in range(SIDE):
            part = plane[top + y : top + y + _LOOKED_PX, left + x : left + x + _LOOKED_PX]
            zeros[y, x] = (np.abs(dct.transform(part)) < 0.75).mean()
    row, col = np.unravel_index(int(np.argmax(zeros)), zeros.shape)
    return int(row), int(col)


def _plane(picture: NDArray[Any]) -> NDArray[np.float32]:
    """The codes of brightness, as JPEG defines it, less the middle of the scale."""
    codes = np.asarray(picture, np.float32)
    if codes.ndim == 3:
        weights = np.array([0.299, 0.587, 0.114], np.float32)
        codes = (codes * weights).sum(axis=2, dtype=np.float32)
    return codes - np.float32(128)


@cache
def _waves() -> NDArray[np.float64]:
    """For each quantiser from 2 the cosine (quantisers, bins) that is 1 on its multiples."""
    middle = (np.arange(int(_REACH / _BIN)) + 0.5) * _BIN
    q = np.arange(2, _MOST_Q + 1)[:, None]
    return np.where(middle > _FROM * q, np.cos(2 * np.pi * middle / q), 0.0)


def _quantisers(plane: NDArray[np.float32]) -> tuple[tuple[float, ...], ...] | None:
    """The table that the coefficients of whole blocks are multiples of, or None."""
    found = np.abs(dct.transform(plane).reshape(-1, SIDE * SIDE))
    waves = _waves()
    bins = np.minimum((found / _BIN).astype(np.int64), waves.shape[1] - 1)
    table = np.zeros(SIDE * SIDE)
    several = 0
    for k in range(SIDE * SIDE):
        counts = np.bincount(bins[:, k], minlength=waves.shape[1])[: waves.shape[1]]
        beyond = np.cumsum(counts[::-1])[::-1]
        q = np.arange(2, _MOST_Q + 1)
        there = beyond[np.ceil(_FROM * q / _BIN).astype(int)]
        coherent = (waves @ counts) / np.maximum(there, 1)
        fits = np.flatnonzero((there >= _SHOWN) & (coherent > _COHERENT))
        if len(fits):
            near = fits[q[fits] > 0.8 * q[fits[-1]]]
            table[k] = q[near[np.argmax(coherent[near])]]
            several += 1
        elif beyond[int(_NOT_ZERO / _BIN)] >= _SHOWN:
            table[k] = 1.0  # there is more than rounding, and it has no step
    coarse = int((table == 1).sum())
    if several < _FEWEST_Q or coarse > several:
        return None
    standard = np.array(_STANDARD, np.float64).ravel()
    known = table > 0
    scale = float(np.median(table[known] / standard[known]))
    table = np.where(known, table, np.maximum(standard * scale, 1.0))
    return tuple(tuple(row) for row in table.reshape(SIDE, SIDE).tolist())


@kernel
def _again(
    plane: NDArray[np.float32], table: NDArray[np.float32], c: NDArray[np.float32],
    ct: NDArray[np.float32], row: int, col: int, total: NDArray[np.float32],
    first: int, last: int,
) -> None:  # fmt: skip
    """Add the plane, quantised on the grid that begins at (row, col); block rows first to last."""
    work, block = np.empty((8, 8), np.float32), np.empty((8, 8), np.float32)
    made = np.empty((8, 8), np.float32)
    for by in range(first, last):
        y = row + 8 * by
        for x in range(col, plane.shape[1] - 7, 8):
            sandwich(c, plane[y : y + 8, x : x + 8], ct, work, block)
            for i in range(8):
                for j in range(8):
                    block[i, j] = np.rint(block[i, j] / table[i, j]) * table[i, j]
            sandwich(ct, block, c, work, made)
            for i in range(8):
                for j in range(8):
                    total[y + i, x + j] += made[i, j]


@kernel
def _bound(
    made: NDArray[np.float32], plane: NDArray[np.float32], table: NDArray[np.float32],
    c: NDArray[np.float32], ct: NDArray[np.float32], reach: float, first: int, last: int,
) -> None:  # fmt: skip
    """Keep each coefficient of `made` within `reach` steps of the plane's, in place."""
    work, mine = np.empty((8, 8), np.float32), np.empty((8, 8), np.float32)
    its, back = np.empty((8, 8), np.float32), np.empty((8, 8), np.float32)
    for by in range(first, last):
        y = 8 * by
        for x in range(0, plane.shape[1] - 7, 8):
            sandwich(c, made[y : y + 8, x : x + 8], ct, work, mine)
            sandwich(c, plane[y : y + 8, x : x + 8], ct, work, its)
            for i in range(8):
                for j in range(8):
                    most = np.float32(reach * table[i, j])
                    mine[i, j] = min(max(mine[i, j], its[i, j] - most), its[i, j] + most)
            sandwich(ct, mine, c, work, back)
            for i in range(8):
                for j in range(8):
                    made[y + i, x + j] = back[i, j]


def deblock(plane: NDArray[np.float32], grid: Grid, reach: float) -> NDArray[np.float32]:
    """The plane (rows, cols) of codes with the steps of its grid taken out."""
    rows, cols = plane.shape
    # Room for whole blocks all round, the grid's own beginning at a multiple of eight.
    top, left = SIDE + (-grid.row) % SIDE, SIDE + (-grid.col) % SIDE
    pad = ((top, SIDE + (-rows - top) % SIDE), (left, SIDE + (-cols - left) % SIDE))
    wide = np.ascontiguousarray(np.pad(plane, pad, mode="edge"))
    table = np.array(grid.table, np.float32)
    c, ct = dct.basis(), dct.basis().T.copy()
    total = wide.copy()
    shifts = [(y, x) for y in range(0, SIDE, 2) for x in range(0, SIDE, 2) if (y, x) != (0, 0)]
    count = np.ones_like(wide)
    for y, x in shifts:
        down, over = (wide.shape[0] - y) // SIDE, (wide.shape[1] - x) // SIDE
        count[y : y + SIDE * down, x : x + SIDE * over] += 1
        over_rows(
            lambda a, b, y=y, x=x: _again(wide, table, c, ct, y, x, total, a, b),  # type: ignore[misc]
            down,
            grain=SIDE,
        )
    made = wide + np.float32(_AMOUNT) * (total / count - wide)
    over_rows(
        lambda a, b: _bound(made, wide, table, c, ct, reach, a, b), len(wide) // SIDE, grain=SIDE
    )
    return np.ascontiguousarray(made[top : top + rows, left : left + cols])


def gives(format: Format, params: Deblock) -> Format:  # noqa: ARG001 - one signature
    """The same 8-bit codes."""
    if format.kind not in light.RAW_KINDS or format.dtype != "uint8":
        raise FormatError(
            f"deblock reads 8-bit pictures, and these are {format.dtype} {format.kind}",
            do="leave it out for this camera (write deblock: false)",
        )
    return format


def apply(
    frames: list[Frame],
    centre: int,
    params: Deblock,
    measured: Mapping[str, Any] | None,  # noqa: ARG001 - the stages' one signature
    index: int,  # noqa: ARG001
    format: Format,
) -> Frame:
    """The frame without its grid, or as it was where no grid is proved."""
    frame = frames[centre]
    codes: Any = frame.pixels
    if not isinstance(codes, np.ndarray) or codes.dtype != np.uint8:
        raise FormatError("deblock was handed something other than 8-bit codes", do="put it first")
    mosaic = format.kind == "mosaic"
    grid = find_grid(codes)
    out = Frame(codes, frame.flags, frame.warp, dict(frame.notes))
    if grid is None:
        light.note(out, "deblock", found=False)
        return out
    plane = _plane(codes)
    change = deblock(plane, grid, params.reach) - plane
    shown = codes + (change if codes.ndim == 2 else change[..., None])
    made = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    out.pixels = made
    before, after = (
        round(blockiness(p, row=grid.row, col=grid.col, mosaic=mosaic), 3) for p in (codes, made)
    )
    light.note(
        out, "deblock", found=True, row=grid.row, col=grid.col,
        quantiser=float(np.median(grid.table)),
        before=before, after=after,
    )  # fmt: skip
    return out


STAGE = Stage(name="deblock", version=1, params=Deblock, apply=apply, gives=gives, order=5)
