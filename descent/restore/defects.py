"""Defects: what is no picture (header bytes, hot and dead pixels, what was lost), filled, flagged.

Everything is filled from neighbours of the same colour of the mosaic, so that debayering
has nothing to smear. Nothing is filled that is not flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from descent.clip import Clip
from descent.model import LOST, REPAIRED, SATURATED, Format, Frame, Stage
from descent.restore import light
from descent.restore.header import (
    HEADER_PX,
    PROCESSED_COLS,
    PROCESSED_ROWS,
    header_turn,
    processed_header_turn,
    turned,
)
from descent.restore.lost import fill_lost, flat_rows, lost_pixels
from descent.restore.lost_blocks import even_squares, fill_blocks, lost_blocks, masks, may_be_flat
from descent.restore.params import Params
from descent.restore.spots import Spots
from descent.tools.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES = 48  # frames looked at for hot and dead pixels
FEWEST = 6
MOST_DEFECTS = 0.005  # a larger share is texture or a broken camera, not defects


class Defects(Params):
    """What to look for."""

    header: Literal["auto", "none", "raw", "processed"] = Field(
        "auto",
        description="header bytes in a corner: raw is 48 pixels of row 0, processed 56 x 8",
    )
    pixels: Literal["auto", "none"] = Field(
        "auto",
        description="auto: pixels that stand out in nearly every frame are filled, and spots of "
        "a few that differ from moving ground in all of them",
    )
    contrast: float = Field(
        0.06,
        gt=0,
        le=1,
        description="how far a pixel must stand out, of full scale; a larger one finds fewer",
    )
    rows: Literal["auto", "none"] = Field(
        "auto", description="auto: rows of one value (lost in transmission) are filled"
    )
    blocks: Literal["auto", "none"] = Field(
        "auto",
        description="auto: blocks and segments of one value (lost in transmission) are filled",
    )


@kernel
def stand_out(
    picture: NDArray[np.float32], step: int, contrast: float, votes: NDArray[np.int16]
) -> None:
    """Vote for pixels above (+1) or below (-1) all eight same-colour neighbours by `contrast`.

    `picture` is (rows, cols); `step` is 2 on a mosaic and 1 elsewhere; `votes` (rows,
    cols) is added to. At the borders the missing neighbours are left out.
    """
    rows, cols = picture.shape
    for y in range(rows):
        for x in range(cols):
            value = picture[y, x]
            low, high = np.inf, -np.inf
            for dy in range(-step, step + 1, step):
                for dx in range(-step, step + 1, step):
                    v, u = y + dy, x + dx
                    if (dy != 0 or dx != 0) and 0 <= v < rows and 0 <= u < cols:
                        low, high = min(low, picture[v, u]), max(high, picture[v, u])
            # The step beyond the neighbours must also exceed how much they differ.
            if value > high + max(contrast, high - low):
                votes[y, x] += 1
            elif value < low - max(contrast, high - low):
                votes[y, x] -= 1


@kernel
def fill(picture: NDArray[np.float32], bad: NDArray[np.bool_], step: int) -> None:
    """Fill the `bad` pixels (rows, cols) in place from same-colour neighbours, inwards.

    Each is the mean of its good neighbours `step` away, weighted by one over the distance;
    a round fills what touches good pixels, until none is left. `bad` is cleared as it goes.
    """
    rows, cols = picture.shape
    ys, xs = np.nonzero(bad)
    left = len(ys)
    values = np.empty(left, np.float32)
    while left > 0:
        filled = 0
        for k in range(left):
            total, weight = np.float32(0), np.float32(0)
            for dy in range(-step, step + 1, step):
                for dx in range(-step, step + 1, step):
                    v, u = ys[k] + dy, xs[k] + dx
                    if 0 <= v < rows and 0 <= u < cols and not bad[v, u]:
                        w = np.float32(1.0) if dy == 0 or dx == 0 else np.float32(0.70710678)
                        total += w * picture[v, u]
                        weight += w
            values[k] = total / weight if weight > 0 else np.float32(-1)
            if weight > 0:
                filled += 1
        if filled == 0:
            return  # nothing good anywhere: the caller keeps what was there
        rest = 0
        for k in range(left):
            if values[k] >= 0:
                picture[ys[k], xs[k]] = values[k]
                bad[ys[k], xs[k]] = False
            else:
                ys[rest], xs[rest] = ys[k], xs[k]
                rest += 1
        left = rest


def gives(format: Format, params: Defects) -> Format:  # noqa: ARG001 - the stages' one signature
    """Float32 linear light of the same shape."""
    return light.linear_format(format, stage="defects")


def measure(
    clip: Clip, params: Defects, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Look at frames spread over the clip for pixels that always stand out, and for headers."""
    count = min(SAMPLES, len(clip))
    picks = np.unique(np.linspace(0, len(clip) - 1, count).astype(int)).tolist() if count else []
    votes: NDArray[np.int16] | None = None
    spots: Spots | None = None
    headers: list[tuple[str, int]] = []
    even: NDArray[np.int64] = np.zeros(clip.format.rows, np.int64)
    often: NDArray[np.int16] | None = None
    seen = 0
    for frame in clip.pull(picks):
        if frame is None:
            continue
        plane = _plane(light.linear_frame(frame, clip.format).pixels)
        votes = np.zeros(plane.shape, np.int16) if votes is None else votes
        stand_out(plane, _step(clip.format), params.contrast, votes)
        if params.pixels == "auto":
            spots = spots or Spots((plane.shape[0], plane.shape[1]), _step(clip.format))
            spots.add(plane)
        headers.append(_find_header(plane, clip.format, params))
        even = even + flat_rows(plane)
        if params.blocks == "auto" and may_be_flat(plane):
            often = np.zeros(plane.shape, np.int16) if often is None else often
            often += even_squares(plane)
        seen += 1
        if progress:
            progress(seen, len(picks))
    kind, turn = max(set(headers), key=headers.count) if headers else ("none", 0)
    hot: list[list[int]] = []
    if params.pixels == "auto" and votes is not None and seen >= FEWEST:
        alone = np.abs(votes) >= np.ceil(0.8 * seen)
        for found in (alone, alone | spots.found() if spots else alone):
            if found.sum() <= MOST_DEFECTS * votes.size:
                hot = np.argwhere(found).tolist()
    # What is even in most frames was not lost by chance: bars, or a mask of the camera's.
    bars = np.flatnonzero(even > seen / 2).tolist() if seen >= FEWEST else []
    still = masks(often > seen / 2) if often is not None and seen >= FEWEST else []
    return {
        "frames": seen, "header": kind, "turn": turn, "pixels": hot, "bars": bars, "masks": still,
    }  # fmt: skip


def apply(
    frames: list[Frame],
    centre: int,
    params: Defects,
    measured: Mapping[str, Any] | None,
    index: int,  # noqa: ARG001 - the stages' one signature
    format: Format,
) -> Frame:
    """The frame with its defects filled and flagged `REPAIRED`, lost rows and blocks `LOST`."""
    frame = light.linear_frame(frames[centre], format)
    pixels: NDArray[np.float32] = np.array(frame.pixels, np.float32, order="C")
    plane, step = _plane(pixels), _step(format)
    lost = None
    if params.rows == "auto":
        lost = lost_pixels(plane, _bars(measured, len(plane)))
    gone = None
    if params.blocks == "auto":
        gone = lost_blocks(plane, step, kept=_masks(measured, plane), known=lost)
    if measured and params.header == "auto":
        kind, turn = str(measured["header"]), int(measured["turn"])
    else:
        kind, turn = _find_header(plane, format, params)
    bad = np.zeros(plane.shape, np.bool_)
    if kind != "none":
        corner = turned(bad, turn)
        if kind == "raw":
            corner[0, :HEADER_PX] = True
        else:
            corner[:PROCESSED_ROWS, :PROCESSED_COLS] = True
    if measured and params.pixels == "auto":
        for y, x in measured["pixels"]:
            bad[y, x] = True
    for other in (lost, gone):
        if other is not None:
            bad &= ~other
    if lost is None and gone is None and not bad.any():
        return frame
    flags = light.flagged(frame)
    # What is filled was not clipped: its neighbours of the same colour are what it is made of.
    flags[bad] = (flags[bad] & ~np.uint8(SATURATED)) | REPAIRED
    for other in (lost, gone):
        if other is not None:
            flags[other] = (flags[other] & ~np.uint8(SATURATED)) | LOST
    planes = [pixels] if pixels.ndim == 2 else [pixels[..., c] for c in range(pixels.shape[2])]
    for part in planes:
        whole = np.ascontiguousarray(part)
        if lost is not None:
            fill_lost(whole, lost, step)
        if gone is not None:
            fill_blocks(whole, gone, step)
        fill(whole, bad.copy(), step)
        part[...] = whole
    out = Frame(pixels, flags, frame.warp, frame.notes)
    rows = 0 if lost is None else int(lost.any(axis=1).sum())
    blocks = {} if gone is None else {"lost_block_px": int(gone.sum())}
    light.note(out, "defects", filled=int(bad.sum()), lost_rows=rows, **blocks)
    return out


def _bars(measured: Mapping[str, Any] | None, rows: int) -> NDArray[np.bool_] | None:
    """The rows (rows,) that are even in most frames; None where there are none."""
    if not measured or not measured.get("bars"):
        return None
    bars = np.zeros(rows, np.bool_)
    bars[measured["bars"]] = True
    return bars


def _masks(
    measured: Mapping[str, Any] | None, plane: NDArray[np.float32]
) -> NDArray[np.bool_] | None:
    """The pixels (rows, cols) that are even in most frames; None where there are none."""
    if not measured or not measured.get("masks"):
        return None
    still = np.zeros(plane.shape, np.bool_)
    for top, down, left, right in measured["masks"]:
        still[top:down, left:right] = True
    return still


def _step(format: Format) -> int:
    return 2 if format.kind == "mosaic" else 1


def _plane(pixels: Any) -> NDArray[np.float32]:
    """The picture, or the mean of its channels: where to look for what is wrong."""
    if pixels.ndim == 2:
        return np.ascontiguousarray(pixels)
    return np.ascontiguousarray(pixels.mean(axis=2, dtype=np.float32))


def _find_header(plane: NDArray[np.float32], format: Format, params: Defects) -> tuple[str, int]:
    """Kind and orientation of the header bytes in this frame."""
    if params.header == "none":
        return "none", 0
    if params.header == "raw" or (params.header == "auto" and format.kind == "mosaic"):
        turn = header_turn(plane, _step(format))
        if turn is None and params.header == "raw":
            turn = 0
        if turn is not None:
            return "raw", turn
        return "none", 0
    turn = processed_header_turn(plane)
    if turn is None and params.header == "processed":
        turn = 0
    return ("none", 0) if turn is None else ("processed", turn)


STAGE = Stage(
    name="defects",
    version=4,
    params=Defects,
    apply=apply,
    gives=gives,
    measure=measure,
    pinned=("header", "turn", "pixels", "bars", "masks"),
    order=20,
)
