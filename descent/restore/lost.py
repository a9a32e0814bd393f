"""Rows lost in transmission: found, and filled between the rows that came.

A decoder leaves one value where nothing arrived: whole rows of it, and where packets begin
and end in the middle of a row the end of the row before and the start of the row after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from descent.tools.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_APART = 0.1  # of the picture's level: how far lit rows lie from what was left in lost ones
_SAME = 0.5  # share of a neighbouring row that holds the same value, above which it is picture
_MOST_FLAT = 0.5
_RUN_PX = 8  # fewer pixels of one value at the end of a row are picture


@kernel
def flat_rows(picture: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which rows (rows,) hold one value from end to end."""
    rows, cols = picture.shape
    flat = np.ones(rows, np.bool_)
    for y in range(rows):
        for x in range(1, cols):
            if picture[y, x] != picture[y, 0]:
                flat[y] = False
                break
    return flat


def lost_pixels(
    plane: NDArray[np.float32], kept: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_] | None:
    """What was lost (rows, cols): rows of one value that others lie apart from; None if nothing.

    Parameters
    ----------
    plane : (rows, cols), linear light.
    kept : rows (rows,) that hold one value in most frames: bars of the picture, not losses.

    Between lit rows any value counts, at the top and the bottom only the picture's lowest. A
    picture that is flat in most rows (black sky, a test card) has lost nothing that could be
    told from it. Of the rows beside lost ones the ends that hold the same value are lost too.
    """
    flat = flat_rows(plane)
    if not flat.any() or flat.mean() > _MOST_FLAT:
        return None
    level = float(np.median(plane[~flat].mean(axis=1)))
    lowest = float(plane.min())
    lost: NDArray[np.bool_] | None = None
    value = np.where(flat, plane[:, 0], np.float32(np.nan))
    begins = np.flatnonzero(flat & np.r_[True, value[1:] != value[:-1]])
    for first in begins:
        left = float(value[first])
        last = int(first)
        while last < len(flat) and value[last] == value[first]:
            last += 1
        beside = [k for k in (int(first) - 1, last) if 0 <= k < len(flat)]
        if not beside or (left > lowest and len(beside) < 2) or any(flat[beside]):
            continue
        if kept is not None and kept[first:last].all():
            continue
        ends = np.zeros((len(beside), plane.shape[1]), np.bool_)
        for end, k in zip(ends, beside, strict=True):
            same = np.asarray(plane[k] == value[first], np.bool_)
            run = _run(same[::-1] if k < first else same)
            end[len(end) - run if k < first else 0 : len(end) if k < first else run] = True
        # Dark sky ends somewhere softly, white sand in more of the same; a lost row does not.
        rest = [plane[k][~end] for k, end in zip(beside, ends, strict=True)]
        near = [abs(float(r.mean()) - left) <= _APART * abs(level - left) for r in rest]
        if level == left or any(near) or any(np.mean(r == value[first]) >= _SAME for r in rest):
            continue
        lost = np.zeros(plane.shape, np.bool_) if lost is None else lost
        lost[first:last] = True
        lost[beside] |= ends
    return lost


def _run(same: NDArray[np.bool_]) -> int:
    """How many pixels of a row hold the value without a break, 0 where too few to be sure."""
    run = len(same) if same.all() else int(np.argmin(same))
    return run if run >= _RUN_PX else 0


def fill_lost(plane: NDArray[np.float32], lost: NDArray[np.bool_], step: int) -> None:
    """Fill `lost` (rows, cols) in place between the nearest good rows of the same phase."""
    touched: NDArray[np.bool_] = np.asarray(lost.any(axis=1), np.bool_)
    for phase in range(step):
        rows = np.arange(phase, plane.shape[0], step)
        good, bad = rows[~touched[rows]], rows[touched[rows]]
        if not len(good) or not len(bad):
            continue
        after = np.clip(np.searchsorted(good, bad), 0, len(good) - 1)
        before = np.clip(np.searchsorted(good, bad) - 1, 0, len(good) - 1)
        a, b = good[before], good[after]
        share = np.clip((bad - a) / np.maximum(b - a, 1), 0, 1).astype(np.float32)[:, None]
        between = plane[a] * (1 - share) + plane[b] * share
        plane[bad] = np.where(lost[bad], between, plane[bad])
