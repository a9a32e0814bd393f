"""Colour: the camera's own to linear BT.709, by gains that somebody can name.

Gray world is not offered: it turns Mars grey-blue. The gains come from a neutral that the
camera file names (canopy white, unclipped paint), or from another camera, and `white` says
which. Clipped pixels are handled first: all channels are cut at one neutral ceiling, so
that what was too bright stays white instead of turning pink.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numba import njit
from pydantic import Field

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import Format, Frame, Stage
from descent.restore import light
from descent.restore.params import Params
from descent.restore.statistics import Statistics, Sums, stretch_matrix
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

Row = tuple[float, float, float]
IDENTITY: tuple[Row, Row, Row] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
SAMPLES = 24


class Colour(Params):
    """Gains, matrix, look and exposure."""

    gains: Row = Field(
        (1.0, 1.0, 1.0),
        description="what red, green and blue are multiplied by; a larger one makes more of it",
    )
    white: str | None = Field(None, description="where the gains come from, in words")
    matrix: tuple[Row, Row, Row] = Field(
        IDENTITY, description="balanced camera RGB to linear BT.709, rows summing to 1"
    )
    look: Literal["natural", "enhanced"] = Field(
        "natural",
        description="natural: approximate natural colour; enhanced: decorrelation stretch",
    )
    exposure: float = Field(
        1.0, gt=0, description="linear light is multiplied by it; a larger one is brighter"
    )


def enhance(
    picture: NDArray[Any], statistics: Statistics | Mapping[str, Any]
) -> NDArray[np.float32]:
    """The decorrelation stretch of a picture (rows, cols, 3), float32.

    Colours are stretched along the axes of their own scatter until each axis spreads as
    far as the widest, about the mean. Not clipped: `unenhance` gives the picture back to
    far better than 1/255, and any tile of a picture comes out as it does in the whole.
    Source: Gillespie, Kahle and Walker, "Color enhancement of highly correlated images",
    Remote Sensing of Environment 20 (1986).

    Parameters
    ----------
    picture : (rows, cols, 3), uint8, uint16 or float from 0 to 1.
    statistics : measured once for a sequence or mosaic (`measure_statistics`).
    """
    forward, shift = stretch_matrix(Statistics.of(statistics))
    return _affine(_rgb(picture), forward, shift)


def unenhance(
    picture: NDArray[Any], statistics: Statistics | Mapping[str, Any]
) -> NDArray[np.float32]:
    """The picture that `enhance` with the same statistics turned into this one."""
    forward, shift = stretch_matrix(Statistics.of(statistics))
    inverse = np.asarray(np.linalg.inv(forward), np.float64)
    return _affine(_rgb(picture), inverse, -(inverse @ shift))


def measure_statistics(pictures: Any) -> Statistics:
    """Mean and covariance of the unclipped pixels of one picture, or of several together."""
    sums = Sums()
    several = [pictures] if isinstance(pictures, np.ndarray) and pictures.ndim == 3 else pictures
    for picture in several:
        sums.add(_rgb(picture))
    return sums.statistics()


def _rgb(picture: NDArray[Any]) -> NDArray[np.float32]:
    array = np.asarray(picture)
    if array.ndim != 3 or array.shape[2] != 3:
        raise FormatError(f"a picture of shape {array.shape}", do="hand over (rows, cols, 3)")
    return light.as_unit(array, what="the picture")


def _affine(
    picture: NDArray[np.float32], matrix: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.float32]:
    out = np.empty_like(picture)
    m, s = matrix.astype(np.float32), shift.astype(np.float32)
    over_rows(lambda a, b: _apply_affine(picture, out, m, s, a, b), picture.shape[0])
    return out


@njit(cache=True, nogil=True)
def _apply_affine(
    picture: NDArray[np.float32],
    out: NDArray[np.float32],
    m: NDArray[np.float32],
    s: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    for y in range(first, last):
        for x in range(picture.shape[1]):
            r, g, b = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            for c in range(3):
                out[y, x, c] = m[c, 0] * r + m[c, 1] * g + m[c, 2] * b + s[c]


@njit(cache=True, nogil=True)
def _balance(
    picture: NDArray[np.float32],
    out: NDArray[np.float32],
    gains: NDArray[np.float32],
    ceiling: np.float32,
    m: NDArray[np.float32],
    s: NDArray[np.float32],
    first: int,
    last: int,
) -> None:
    """Gains, the neutral ceiling, then an affine map, clipped to 0 and 1."""
    zero, one = np.float32(0), np.float32(1)
    for y in range(first, last):
        for x in range(picture.shape[1]):
            r = min(picture[y, x, 0] * gains[0], ceiling)
            g = min(picture[y, x, 1] * gains[1], ceiling)
            b = min(picture[y, x, 2] * gains[2], ceiling)
            out[y, x, 0] = min(max(m[0, 0] * r + m[0, 1] * g + m[0, 2] * b + s[0], zero), one)
            out[y, x, 1] = min(max(m[1, 0] * r + m[1, 1] * g + m[1, 2] * b + s[1], zero), one)
            out[y, x, 2] = min(max(m[2, 0] * r + m[2, 1] * g + m[2, 2] * b + s[2], zero), one)


def gives(format: Format, params: Colour) -> Format:
    """Float32 linear light of the same shape; grey stays grey."""
    after = light.linear_format(format, stage="colour")
    if format.kind == "mosaic":
        raise FormatError(
            "colour reads RGB, and these pixels are a mosaic", do="debayer first: debayer: {}"
        )
    if min(params.gains) <= 0:
        raise FormatError(f"gains {list(params.gains)} are not all above 0", do="write e.g. 1.0")
    sums = [sum(row) for row in params.matrix]
    if max(abs(s - 1) for s in sums) > 0.01:
        raise FormatError(
            f"the matrix's rows sum to {', '.join(f'{s:.3f}' for s in sums)}: it would tint white",
            do="divide each row by its sum",
        )
    return after


def _ceiling(frame: Frame, gains: NDArray[np.float32]) -> np.float32:
    """The light at which every channel is cut, so that clipped pixels stay neutral."""
    levels = frame.notes.get("levels", {})
    return np.float32(float(levels.get("ceiling", 1.0)) * float(gains.min()))


def apply(
    frames: list[Frame],
    centre: int,
    params: Colour,
    measured: Mapping[str, Any] | None,
    index: int,  # noqa: ARG001 - the stages' one signature
    format: Format,
) -> Frame:
    """The frame in linear BT.709, 0 to 1."""
    frame = light.linear_frame(frames[centre], format)
    pixels: Any = frame.pixels
    exposure = np.float32(params.exposure)
    if pixels.ndim == 2:
        grey = np.clip(pixels * exposure, 0, 1)
        return Frame(grey, frame.flags, frame.warp, frame.notes)
    gains = np.array(params.gains, np.float32)
    matrix, shift = np.array(params.matrix, np.float64), np.zeros(3)
    if params.look == "enhanced" and measured and "mean" in measured:
        forward, back = stretch_matrix(Statistics.of(measured))
        matrix, shift = forward @ matrix, back
    m = (matrix * float(exposure)).astype(np.float32)
    s = (shift * float(exposure)).astype(np.float32)
    ceiling = _ceiling(frame, gains)
    out = np.empty(pixels.shape, np.float32)
    over_rows(lambda a, b: _balance(pixels, out, gains, ceiling, m, s, a, b), len(out))
    result = Frame(out, frame.flags, frame.warp, frame.notes)
    light.note(result, "colour", look=params.look, exposure=params.exposure, white=params.white)
    return result


def measure(
    clip: Clip, params: Colour, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Mean and covariance over frames spread through the clip; only `enhanced` needs them."""
    if params.look != "enhanced" or clip.format.kind != "rgb":
        return {}
    natural = params.model_copy(update={"look": "natural", "exposure": 1.0})
    picks = np.unique(np.linspace(0, len(clip) - 1, min(SAMPLES, len(clip))).astype(int)).tolist()
    sums = Sums()
    for done, frame in enumerate(clip.pull(picks), 1):
        if frame is not None:
            shown = apply([frame], 0, natural, None, 0, clip.format)
            sums.add(np.asarray(shown.pixels)[::4, ::4])
        if progress:
            progress(done, len(picks))
    return sums.statistics().as_json()


STAGE = Stage(
    name="colour", version=1, params=Colour, apply=apply, gives=gives, measure=measure, order=50
)
