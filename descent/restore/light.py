"""Whatever a stage is handed, as linear light from 0 to 1; shared by all stages."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.errors import FormatError
from descent.model import Format, Frame
from descent.tools.colour import to_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAW_KINDS = ("mosaic", "grey", "rgb")


def linear_format(format: Format, *, stage: str) -> Format:
    """The same picture as float32 linear light; `FormatError` for planes of a film."""
    if format.kind not in RAW_KINDS:
        raise FormatError(
            f"{stage} works on mosaics, grey and RGB pictures, not on {format.kind}",
            do="let the source decode to RGB (it does when a camera has restore stages)",
        )
    return replace(format, dtype="float32", transfer="linear", white=1.0)


@cache
def table(bits: int, transfer: str, white: float) -> NDArray[np.float32]:
    """Linear light of every code of 8 or 16 bits."""
    codes = np.arange(1 << bits)
    if transfer == "bt709":
        return to_linear(codes.astype(np.uint8 if bits == 8 else np.uint16), "bt709")
    return (codes / white).astype(np.float32)


def as_linear(pixels: NDArray[Any], format: Format) -> NDArray[np.float32]:
    """Pixels of `format` as float32 linear light, 0 to 1; NaN and infinity are refused.

    `raw` counts are taken as proportional to light (what these cameras deliver once
    stretch and 12-to-8-bit tables are undone) and divided by `format.white`.
    """
    if pixels.dtype == np.float32:
        check_finite(pixels)
        return pixels
    if pixels.dtype not in (np.uint8, np.uint16):
        raise FormatError(
            f"pixels are {pixels.dtype}", do="hand over uint8, uint16 or float32 pixels"
        )
    bits = pixels.dtype.itemsize * 8
    return np.take(table(bits, format.transfer, float(format.white)), pixels)


def linear_frame(frame: Frame, format: Format) -> Frame:
    """The frame with `as_linear` pixels; flags, warp and notes go along."""
    if not isinstance(frame.pixels, np.ndarray):
        raise FormatError("a restore stage was handed planes of a film", do="decode to RGB")
    pixels = as_linear(frame.pixels, format)
    return Frame(pixels, frame.flags, frame.warp, dict(frame.notes))


def check_finite(picture: NDArray[np.float32], *, what: str = "the picture") -> None:
    """Refuse NaN and infinity, which would spread over whole neighbourhoods."""
    # One sum is several times cheaper than isfinite on every pixel. Huge numbers may overflow
    # it, so that a sum which is none only means to look closer.
    with np.errstate(over="ignore", invalid="ignore"):
        total = picture.sum() if picture.size else 0.0
    if not np.isfinite(total) and (bad := int((~np.isfinite(picture)).sum())):
        raise FormatError(
            f"{what} has {bad} pixels that are not numbers", do="repair or mask them first"
        )


def as_unit(picture: NDArray[Any], *, what: str) -> NDArray[np.float32]:
    """A picture handed to a public function: float as is, 8 and 16 bit divided by full scale."""
    array = np.asarray(picture)
    if array.dtype == np.uint8:
        return np.take(table(8, "raw", 255.0), array)
    if array.dtype == np.uint16:
        return np.take(table(16, "raw", 65535.0), array)
    if array.dtype.kind != "f":
        raise FormatError(
            f"{what} is of type {array.dtype}", do="hand over uint8, uint16 or float32 from 0 to 1"
        )
    unit = np.ascontiguousarray(array, dtype=np.float32)
    check_finite(unit, what=what)
    return unit


def note(frame: Frame, stage: str, **numbers: Any) -> None:
    """Write a stage's few numbers into the frame's record."""
    frame.notes[stage] = {**frame.notes.get(stage, {}), **numbers}


def flagged(frame: Frame) -> NDArray[np.uint8]:
    """A copy of the frame's flags that may be written, made of zeros where there are none."""
    assert isinstance(frame.pixels, np.ndarray)
    if frame.flags is None:
        return np.zeros(frame.pixels.shape[:2], np.uint8)
    return frame.flags.copy()
