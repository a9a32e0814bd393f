"""Debayer: a mosaic of all four patterns to RGB, `best` for releases and `fast` for drafts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from descent.errors import FormatError
from descent.model import SATURATED, Format, Frame, Stage
from descent.restore import light
from descent.restore.bayer_best import debayer_best
from descent.restore.bayer_fast import debayer_clipped, debayer_fast
from descent.restore.params import Params

if TYPE_CHECKING:
    from numpy.typing import NDArray

Row = tuple[float, float, float]
Pattern = Literal["RGGB", "BGGR", "GRBG", "GBRG"]
# Rows and columns by which each pattern's first red pixel lies off the corner.
PHASES: dict[str, tuple[int, int]] = {
    "RGGB": (0, 0), "GRBG": (0, 1), "GBRG": (1, 0), "BGGR": (1, 1),
}  # fmt: skip


class Debayer(Params):
    """How the two colours that each pixel lacks are found."""

    method: Literal["best", "fast"] = Field(
        "best", description="best: residual interpolation; fast: gradient-corrected linear"
    )
    pattern: Pattern | None = Field(
        None, description="Bayer phase of pixel (0, 0); default: what the camera file says"
    )
    gains: Row = Field(
        (1.0, 1.0, 1.0),
        description="the neutral gains of the camera (those of colour): channels are compared "
        "on that scale, and handed on on their own; fast does without",
    )


def debayer(
    mosaic: NDArray[Any],
    *,
    pattern: str = "RGGB",
    method: str = "best",
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> NDArray[np.float32]:
    """The mosaic (rows, cols) as RGB (rows, cols, 3), float32 from 0 to 1.

    What a pixel measured is kept as it is; the two other colours are interpolated.

    Parameters
    ----------
    mosaic : uint8 (divided by 255), uint16 (by 65535), or float from 0 to 1.
    pattern : colours of pixels (0, 0), (0, 1), (1, 0), (1, 1).
    method : "best", or "fast" at several times its speed.
    gains : what would make red, green and blue of a grey thing equal. The channels are
        compared on that scale and handed out on their own: on an unbalanced mosaic edges
        come out cleaner (1.5 dB at gains of 1.25, 1, 2.5), and nothing else changes.

    Raises
    ------
    FormatError
        for an unknown pattern or method, fewer than two rows or columns, pixels that are
        not numbers.
    """
    if pattern not in PHASES:
        raise FormatError(f"no Bayer pattern {pattern!r}", do=f"write one of {', '.join(PHASES)}")
    picture = np.asarray(mosaic)
    if picture.ndim != 2 or min(picture.shape) < 2:
        raise FormatError(
            f"a mosaic of shape {picture.shape}", do="hand over (rows, cols), 2 x 2 or larger"
        )
    if min(gains) <= 0 or not np.isfinite(gains).all():
        raise FormatError(f"gains {gains} are not all above 0", do="write (1.0, 1.0, 1.0)")
    unit = light.as_unit(picture, what="the mosaic")
    if method == "fast":
        return debayer_fast(unit, *PHASES[pattern])
    if method == "best":
        return debayer_best(unit, *PHASES[pattern], gains)
    raise FormatError(f"no debayer method {method!r}", do="write best or fast")


def gives(format: Format, params: Debayer) -> Format:
    """RGB of the same rows and columns."""
    after = light.linear_format(format, stage="debayer")
    if format.kind != "mosaic":
        raise FormatError(
            f"debayer reads mosaics, and these pixels are {format.kind}",
            do="take debayer off this camera's restore (write debayer: false)",
        )
    if (params.pattern or format.cfa) not in PHASES:
        raise FormatError(
            f"no Bayer pattern {params.pattern or format.cfa!r}",
            do=f"write pattern: one of {', '.join(PHASES)}",
        )
    if format.rows < 2 or format.cols < 2:
        raise FormatError(f"a mosaic of {format.cols} x {format.rows}", do="crop less")
    return replace(after, kind="rgb", cfa=None)


def apply(
    frames: list[Frame],
    centre: int,
    params: Debayer,
    measured: Mapping[str, Any] | None,  # noqa: ARG001 - the stages' one signature
    index: int,  # noqa: ARG001
    format: Format,
) -> Frame:
    """The frame in RGB; `SATURATED` spreads to the pixels that borrowed from a clipped one."""
    frame = light.linear_frame(frames[centre], format)
    pattern = params.pattern or format.cfa or ""
    flags = frame.flags
    assert isinstance(frame.pixels, np.ndarray)
    pixels = debayer(frame.pixels, pattern=pattern, method=params.method, gains=params.gains)
    clipped = None if flags is None else np.asarray(flags & SATURATED, np.uint8)
    if flags is not None and clipped is not None and clipped.any():
        clipped = _spread(clipped)
        flags = flags | clipped
        debayer_clipped(frame.pixels, _spread(clipped) > 0, pixels, *PHASES[pattern])
    return Frame(pixels, flags, frame.warp, frame.notes)


def _spread(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mask grown by one pixel all round."""
    out = mask.copy()
    out[1:] |= mask[:-1]
    out[:-1] |= mask[1:]
    grown = out.copy()
    grown[:, 1:] |= out[:, :-1]
    grown[:, :-1] |= out[:, 1:]
    return grown


STAGE = Stage(name="debayer", version=1, params=Debayer, apply=apply, gives=gives, order=40)
