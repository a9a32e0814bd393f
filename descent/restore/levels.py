"""Levels: the public feed's per-frame stretch undone, black level off, clipped pixels flagged.

Linear light comes out, as float32 from 0 to 1. The cameras' counts are taken as
proportional to light above the black level once stretch and companding are undone; that is
what their maker states for gamma off, and nothing in the frames contradicts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from descent.errors import FormatError
from descent.model import SATURATED, Format, Frame, Stage
from descent.restore import companding, light
from descent.restore.header import anchor
from descent.restore.params import Params
from descent.restore.stretch import CODES, Stretch, find_stretch, histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEED_TOP = 254  # the highest code the public feed writes


class Levels(Params):
    """What the counts mean."""

    FILES = {"table": ("table of counts", "a text or CSV file beside the config")}  # noqa: RUF012

    stretch: Literal["auto", "none"] = Field(
        "auto", description="auto: undo a per-frame stretch that the histogram's gaps show"
    )
    black: float = Field(
        0.0,
        ge=0,
        description="raw count of no light, of 12 bits where they were companded; a larger one "
        "makes shadows darker",
    )
    white: float | None = Field(
        None, gt=0, description="raw count of full scale; default: what the format says"
    )
    decompand: Literal["none", "square_root"] = Field(
        "none", description="square_root: 8-bit codes stand for the square root of 12-bit counts"
    )
    table: str | None = Field(
        None,
        description="a text or CSV file in the folder of the release that says what 8-bit codes "
        "stand for: 256 lines, the count of each code, or 4096, the code of each 12-bit count",
    )
    table_sha256: str | None = Field(
        None, description="what it holds, written by the plan so that a changed one is seen"
    )


def measure_stretch(picture: NDArray[Any]) -> Stretch:
    """The stretch of an 8-bit picture (rows, cols[, 3]), `found` False where none shows.

    Parameters
    ----------
    picture : uint8, or float from 0 to 1 that holds whole 255ths.

    Raises
    ------
    FormatError
        for pixels that are not numbers, or of another type.
    """
    codes = _codes(picture)
    flat = np.ascontiguousarray(codes.reshape(codes.shape[0], -1))
    stretch = find_stretch(histogram(flat))
    return anchor(codes, stretch) if stretch.found else stretch


def _whole_part(stretch: Stretch, offset: float, codes: NDArray[np.uint8]) -> int:
    """How many counts lie between a stretch as measured and the one whose code 0 is `offset`.

    The measured offset is drawn out from codes far from 0, and may be more than half a count
    wrong there: the whole number is taken by which a line through `offset` meets the codes best.
    """
    shown = np.unique(codes).astype(np.float64)
    shown = shown[(shown > stretch.low) & (shown < stretch.high)]  # what clipped tells nothing
    raw = np.rint(shown / stretch.gain + stretch.offset)

    def miss(whole: int) -> float:
        reached = raw + whole - offset
        if not (reached > 0).all():
            return np.inf
        # Each code allows gains that round to it: how far apart are those of two of them?
        least, most = (shown - 0.5) / reached, (shown + 0.5) / reached
        return max(0.0, float(least.max(initial=0.0) - most.min(initial=np.inf)))

    near = int(np.rint(offset - stretch.offset))
    return min((near, near - 1, near + 1), key=miss)


def unstretch(picture: NDArray[Any], *, offset: float | None = None) -> NDArray[np.float32]:
    """The picture with its per-frame stretch undone: raw counts / 255, float32.

    Source of the method: the gaps that a gain over one leaves in a histogram
    (`descent.restore.stretch`). A picture without such gaps comes back unchanged.

    Parameters
    ----------
    picture : (rows, cols) or (rows, cols, 3); uint8, or float from 0 to 1.
    offset : the raw count of code 0, where it is known. The histogram gives the gain and
        the offset's fraction; the whole part comes from here, else from the camera's
        header bytes, else code 0 is laid on count 0. A larger one makes all brighter.
    """
    codes = _codes(picture)
    stretch = measure_stretch(codes)
    counts = stretch.counts
    if offset is not None and stretch.found:
        counts = counts + np.float32(_whole_part(stretch, offset, codes))
    return np.take(counts / np.float32(255), codes)


def _codes(picture: NDArray[Any]) -> NDArray[np.uint8]:
    array = np.asarray(picture)
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)) or array.size == 0:
        raise FormatError(
            f"a picture of shape {array.shape}", do="hand over (rows, cols) or (rows, cols, 3)"
        )
    if array.dtype == np.uint8:
        return np.asarray(array, np.uint8)
    if array.dtype.kind != "f":
        raise FormatError(
            f"a stretch of {array.dtype} pixels", do="hand over uint8, or float from 0 to 1"
        )
    unit = light.as_unit(array, what="the stretched picture")
    return np.asarray(np.clip(np.rint(unit * np.float32(255)), 0, 255), np.uint8)


def gives(format: Format, params: Levels) -> Format:
    """Float32 linear light of the same shape."""
    after = light.linear_format(format, stage="levels")
    if format.dtype == "float32":
        raise FormatError(
            "levels reads counts, and these pixels are float already",
            do="put levels first, or leave it out",
        )
    if params.table and params.decompand != "none":
        raise FormatError(
            f"decompand: {params.decompand} and a table of counts", do="leave one of them out"
        )
    if (params.table or params.decompand != "none") and format.dtype != "uint8":
        raise FormatError(
            f"{'a table' if params.table else f'decompand: {params.decompand}'} reads 8-bit codes, "
            f"not {format.dtype}",
            do="leave table out" if params.table else "write decompand: none",
        )
    table = companding.table_of(params.decompand, params.table, params.table_sha256)
    white = params.white or (table.full if table else format.white)
    if params.black >= white:
        raise FormatError(
            f"black {params.black:g} is not below white {white:g}", do="write a smaller black"
        )
    return after


def apply(
    frames: list[Frame],
    centre: int,
    params: Levels,
    measured: Mapping[str, Any] | None,  # noqa: ARG001 - the stages' one signature
    index: int,
    format: Format,
) -> Frame:
    """The frame in linear light, clipped pixels flagged `SATURATED`."""
    frame = frames[centre]
    if not isinstance(frame.pixels, np.ndarray):
        raise FormatError("levels was handed planes of a film", do="decode to RGB")
    pixels = frame.pixels
    if str(pixels.dtype) != format.dtype:
        raise FormatError(
            f"frame {index} is {pixels.dtype} where its camera is {format.dtype}",
            do="keep 8 and 16 bit frames in cameras of their own",
        )
    table = companding.table_of(params.decompand, params.table, params.table_sha256)
    white = params.white or (table.full if table else format.white)
    codes = CODES if pixels.dtype == np.uint8 else 1 << 16
    stretch = Stretch()
    if pixels.dtype == np.uint8 and params.stretch == "auto" and format.transfer == "raw":
        stretch = measure_stretch(pixels)
    counts: NDArray[Any]
    if stretch.found:
        counts = stretch.counts.astype(np.float64)
    elif format.transfer == "bt709" and table is None:
        counts = light.table(8 * pixels.dtype.itemsize, "bt709", format.white) * white
    else:
        counts = np.arange(codes, dtype=np.float64)
    if table is not None:
        counts = np.interp(counts, np.arange(CODES), table.counts)
    lit = np.clip((counts - params.black) / (white - params.black), 0, 1).astype(np.float32)
    top = min(_top(stretch, codes, format.white if table else white), codes - 1)
    out = Frame(np.take(lit, pixels), frame.flags, frame.warp, dict(frame.notes))
    clipped = pixels >= top if pixels.ndim == 2 else (pixels >= top).any(axis=2)
    if clipped.any():
        flags = light.flagged(out)
        flags[clipped] |= SATURATED
        out.flags = flags
    note(out, stretch, float(lit[top]), int(clipped.sum()))
    return out


def _top(stretch: Stretch, codes: int, white: float) -> int:
    """The code from which a pixel counts as clipped."""
    if stretch.found:
        return stretch.high if stretch.high >= FEED_TOP - 1 else codes
    return int(np.floor(white)) if codes > CODES else min(int(white), FEED_TOP)


def note(frame: Frame, stretch: Stretch, ceiling: float, clipped: int) -> None:
    """What levels did, for the frame's record; `ceiling` is the light that clipped at."""
    light.note(
        frame,
        "levels",
        stretch_gain=round(stretch.gain, 5),
        stretch_offset=round(stretch.offset, 3),
        stretched=stretch.found,
        anchored=stretch.anchored,
        ceiling=round(ceiling, 5),
        clipped=clipped,
    )


STAGE = Stage(name="levels", version=2, params=Levels, apply=apply, gives=gives, order=10)
