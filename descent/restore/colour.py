"""Colour: the camera's own to linear BT.709, by gains that somebody can name.

Gray world is not offered: it turns Mars grey-blue. The gains come from a neutral that the
camera file names (canopy white, unclipped paint), or from another camera, and `white` says
which; or from a patch that the user marks. Clipped channels are handled first, so that what
was too bright stays white instead of turning pink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import Format, Frame, Stage
from descent.restore import light, neutral
from descent.restore.params import Params
from descent.restore.statistics import Statistics, Sums, stretch_matrix
from descent.tools.compiled import float_kernel, kernel
from descent.tools.tiles import over_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

Row = tuple[float, float, float]
Share = Annotated[float, Field(ge=0, le=1)]
IDENTITY: tuple[Row, Row, Row] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
SAMPLES = 24
# Of the ceiling: interpolated, scaled and compressed neighbours of clipped px fall short of it.
# In a first-derived DDC frame clipped paint is piled up from 0.94 to 1, most of it above 0.97.
_CLIPS_FROM, _CLIPS_BY = np.float32(0.88), np.float32(0.965)


class Colour(Params):
    """Gains, matrix, look and exposure."""

    gains: Row = Field(
        (1.0, 1.0, 1.0),
        description="what red, green and blue are multiplied by; a larger one makes more of it",
    )
    white: str | None = Field(None, description="where the gains come from, in words")
    patch: tuple[Share, Share] | None = Field(
        None,
        description="[across, down] of something grey or white, 0 to 1: the gains are measured "
        "there once, clipping checked first, in place of `gains`",
    )
    patch_size: float = Field(
        0.04,
        gt=0,
        le=0.5,
        description="side of the patch, of the picture's width; a larger one averages more",
    )
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
    shoulder: float = Field(
        1.0,
        ge=0.1,
        le=1.0,
        description="linear light above which highlights are rolled off instead of clipped; a "
        "larger one keeps more contrast in them and clips sooner",
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

    Raises
    ------
    FormatError
        for other shapes and types, pixels that are not numbers, and pictures of no pixels.
    """
    forward, shift = stretch_matrix(Statistics.of(statistics))
    return _affine(_rgb(picture), forward, shift)


def carry(seen: Sequence[float], wanted: Sequence[float]) -> NDArray[np.float64]:
    """The matrix (3, 3) that shows one ground as another camera does, and leaves white white.

    Parameters
    ----------
    seen, wanted : red, green and blue of the same ground in both cameras, each after its own
        gains (so that one white is equal in all channels); only their ratios count, and
        brightness is kept. A `wanted` further from `seen` bends other colours more.

    Of all matrices whose rows sum to 1 and that take `seen` to `wanted` it is the nearest to
    none at all. Raises `FormatError` where the ground seen is as grey as the white.
    """
    here, there = np.array(seen, np.float64), np.array(wanted, np.float64)
    if here.shape != (3,) or there.shape != (3,) or min(*here, *there) <= 0:
        raise FormatError(f"grounds {seen}, {wanted}", do="hand over three numbers above 0 each")
    there = there * (here.sum() / there.sum())
    # The direction that tells the ground from white: along white nothing may change.
    away = here - here.mean()
    if np.linalg.norm(away) < 0.02 * here.mean():
        raise FormatError("this ground is grey, like the white", do="take a coloured ground")
    found: NDArray[np.float64] = np.eye(3) + np.outer(there - here, away / (away @ here))
    return found


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
    if array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise FormatError(f"a picture of shape {array.shape}", do="hand over (rows, cols, 3)")
    return light.as_unit(array, what="the picture")


def _affine(
    picture: NDArray[np.float32], matrix: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.float32]:
    out = np.empty_like(picture)
    m, s = matrix.astype(np.float32), shift.astype(np.float32)
    over_rows(lambda a, b: _apply_affine(picture, out, m, s, a, b), picture.shape[0])
    return out


@kernel
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


@float_kernel
def _balance(
    picture: NDArray[np.float32],
    out: NDArray[np.float32],
    gains: NDArray[np.float32],
    ceiling: np.float32,
    m: NDArray[np.float32],
    s: NDArray[np.float32],
    knee: np.float32,
    first: int,
    last: int,
) -> None:
    """Gains, clipped channels raised to the others, an affine map, a roll-off; 0 to 1.

    A channel at the `ceiling` is known to be at least that bright. Where gains lift the
    others above it the pixel would turn pink; it is raised to them instead, all the more the
    nearer it is to the ceiling. Where two channels clip nothing is left of the colour, and
    the third is raised as well.
    """
    zero, one = np.float32(0), np.float32(1)
    begins = _CLIPS_FROM * ceiling
    per = one / ((_CLIPS_BY - _CLIPS_FROM) * ceiling)
    gr, gg, gb = gains[0], gains[1], gains[2]
    for y in range(first, last):
        for x in range(picture.shape[1]):
            kr, kg, kb = picture[y, x, 0], picture[y, x, 1], picture[y, x, 2]
            r, g, b = kr * gr, kg * gg, kb * gb
            if max(kr, kg, kb) > begins:
                top = max(r, g, b)
                wr = min(max((kr - begins) * per, zero), one)
                wg = min(max((kg - begins) * per, zero), one)
                wb = min(max((kb - begins) * per, zero), one)
                second = max(min(wr, wg), min(max(wr, wg), wb))
                r += max(wr, second) * (top - r)
                g += max(wg, second) * (top - g)
                b += max(wb, second) * (top - b)
            for c in range(3):
                v = max(m[c, 0] * r + m[c, 1] * g + m[c, 2] * b + s[c], zero)
                if v > knee:
                    v = _rolled(v, knee)
                out[y, x, c] = min(v, one)


@float_kernel
def _rolled(value: np.float32, knee: np.float32) -> np.float32:
    """Light above the knee bent towards 1, which it never reaches; smooth at the knee."""
    room = np.float32(1) - knee
    if room <= 0:
        return np.float32(1)
    return knee + room * (value - knee) / (value - knee + room)


@kernel
def _lift(
    picture: NDArray[np.float32],
    out: NDArray[np.float32],
    exposure: np.float32,
    knee: np.float32,
    first: int,
    last: int,
) -> None:
    """Grey light times the exposure, rolled off above `knee`, 0 to 1."""
    zero, one = np.float32(0), np.float32(1)
    for y in range(first, last):
        for x in range(picture.shape[1]):
            v = max(picture[y, x] * exposure, zero)
            out[y, x] = min(_rolled(v, knee) if v > knee else v, one)


def gives(format: Format, params: Colour) -> Format:
    """Float32 linear light of the same shape; grey stays grey."""
    after = light.linear_format(format, stage="colour")
    if format.kind == "mosaic":
        raise FormatError(
            "colour reads RGB, and these pixels are a mosaic", do="debayer first: debayer: {}"
        )
    if params.patch and params.gains != (1, 1, 1):
        raise FormatError(
            f"gains {list(params.gains)} and a patch to measure them on",
            do="write gains: [1, 1, 1] beside patch, or leave one of them out",
        )
    if params.patch and format.kind != "rgb":
        raise FormatError("a grey picture has no colour to measure", do="leave patch out")
    if min(params.gains) <= 0:
        raise FormatError(f"gains {list(params.gains)} are not all above 0", do="write e.g. 1.0")
    sums = [sum(row) for row in params.matrix]
    if max(abs(s - 1) for s in sums) > 0.01:
        raise FormatError(
            f"the matrix's rows sum to {', '.join(f'{s:.3f}' for s in sums)}: it would tint white",
            do="divide each row by its sum",
        )
    return after


def _ceiling(frame: Frame) -> np.float32:
    """The light at which this frame's pixels clipped, before any colour gain."""
    light_at = float(frame.notes.get("levels", {}).get("ceiling", 1.0))
    light_at *= float(frame.notes.get("deflicker", {}).get("gain", 1.0))
    return np.float32(min(light_at, 1.0))


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
    knee = np.float32(params.shoulder)
    out = np.empty(pixels.shape, np.float32)
    result = Frame(out, frame.flags, frame.warp, frame.notes)
    if pixels.ndim == 2:
        over_rows(lambda a, b: _lift(pixels, out, exposure, knee, a, b), len(out))
        light.note(result, "colour", exposure=params.exposure)
        return result
    gains = _gains(params, measured)
    matrix, shift = np.array(params.matrix, np.float64), np.zeros(3)
    if params.look == "enhanced" and measured and "mean" in measured:
        forward, back = stretch_matrix(Statistics.of(measured))
        matrix, shift = forward @ matrix, back
    m = (matrix * float(exposure)).astype(np.float32)
    s = (shift * float(exposure)).astype(np.float32)
    ceiling = _ceiling(frame)
    over_rows(lambda a, b: _balance(pixels, out, gains, ceiling, m, s, knee, a, b), len(out))
    white = measured["white"] if params.patch and measured else params.white
    light.note(result, "colour", look=params.look, exposure=params.exposure, white=white)
    return result


def _gains(params: Colour, measured: Mapping[str, Any] | None) -> NDArray[np.float32]:
    """The gains (3,) of the parameters, or those measured on their patch."""
    if params.patch is None:
        return np.array(params.gains, np.float32)
    if not measured or "gains" not in measured:
        raise FormatError(
            "gains are to be measured on a patch, and were not",
            do="measure the camera first, or write gains",
        )
    return np.array(measured["gains"], np.float32)


def measure(
    clip: Clip, params: Colour, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """What `patch` and `enhanced` need, from frames spread through the clip; else nothing."""
    if clip.format.kind != "rgb" or not len(clip):
        return {}
    picks = np.unique(np.linspace(0, len(clip) - 1, min(SAMPLES, len(clip))).astype(int)).tolist()
    steps = len(picks) * ((params.patch is not None) + (params.look == "enhanced"))
    done = 0

    def pulled() -> Iterator[Frame]:
        nonlocal done
        for frame in clip.pull(picks):
            if frame is not None:
                yield frame
            done += 1
            if progress:
                progress(done, steps)

    found: dict[str, Any] = {}
    if params.patch is not None:
        seen = []
        for frame in pulled():
            own = light.linear_frame(frame, clip.format)
            pixels = np.asarray(own.pixels)
            ceiling = float(_ceiling(own))
            seen.append(neutral.look(pixels, own.flags, params.patch, params.patch_size, ceiling))
        found = neutral.told(seen, params.patch)
    if params.look == "enhanced":
        natural = params.model_copy(update={"look": "natural", "exposure": 1.0})
        sums = Sums()
        for frame in pulled():
            shown = apply([frame], 0, natural, found, 0, clip.format)
            sums.add(np.asarray(shown.pixels)[::4, ::4])
        found |= sums.statistics().as_json()
    return found


STAGE = Stage(
    name="colour",
    version=2,
    params=Colour,
    apply=apply,
    gives=gives,
    measure=measure,
    pinned=("mean", "covariance", "gains", "white"),
    order=50,
)
