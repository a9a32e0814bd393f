"""Match: a camera's colour and exposure made those of another, on one ground and one white.

Both are measured where the two cameras show the same at the same time (`descent.measure`);
what is left for a frame is one matrix in linear light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import Format, Frame, Stage
from descent.restore import light
from descent.restore.colour import carry
from descent.restore.params import Params

if TYPE_CHECKING:
    from numpy.typing import NDArray

Share = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Share, Share]
_GREY = 0.02  # share of a ground's light by which its channels differ, below which it is a white
_MOST_GAIN = 8.0
_HOLD = 0.1  # how strongly `nearby` is held to gains: a share of the colours' own light
_SEEN = 1.0  # of CIE 1976: a difference that is just seen
_MOST_BENT = 0.3  # of one channel into another: more turns skin and sky another colour
# Linear BT.709 to XYZ of a D65 white (ITU-R BT.709-6), divided by that white.
_XYZ = np.array(
    [
        [0.4124 / 0.9505, 0.3576 / 0.9505, 0.1805 / 0.9505],
        [0.2126, 0.7152, 0.0722],
        [0.0193 / 1.089, 0.1192 / 1.089, 0.9505 / 1.089],
    ]
)


class Match(Params):
    """Which camera it is matched to, and what both show."""

    to: str | None = Field(None, description="the camera whose colour and exposure it gets")
    ground: tuple[Point, Point] | None = Field(
        None,
        description="a patch of the same ground in both pictures: [across, down] in this camera's, "
        "then in the other's, 0 to 1; by default ground is found where the pictures overlap",
    )
    white: tuple[Point, Point] | None = Field(
        None,
        description="a patch of the same white in both pictures, as in `ground`; by default both "
        "cameras' whites are taken to be neutral already",
    )
    check: tuple[tuple[Point, Point], ...] = Field(
        (),
        description="patches of other things that both show, as in `ground`: nothing is fitted to "
        "them, and of the ways to match the one that brings them nearest too is taken",
    )
    patch: float = Field(
        0.04,
        gt=0,
        le=0.5,
        description="side of a patch, of the picture's width; a larger one averages more",
    )


def matrix_of(
    ground: tuple[Sequence[float], Sequence[float]],
    white: tuple[Sequence[float], Sequence[float]] | None = None,
) -> NDArray[np.float64]:
    """The matrix (3, 3) that shows one ground, and one white, as another camera does.

    Parameters
    ----------
    ground : linear red, green and blue of the ground in this camera and in the other.
    white : the same of a white; None where white is equal in all channels in both already.

    The white goes onto the other's white, the ground's colour onto the other's colour, by the
    nearest such matrix to none (`colour.carry`), and the ground's brightness onto the other's.
    A ground as grey as the white sets one gain a channel. Raises `FormatError` for colours
    without light, gains above 8 and grounds that could only be matched by bending all else.
    """
    here, there = (np.array(g, np.float64) for g in ground)
    w_here, w_there = (np.array(w, np.float64) for w in (white or ((1, 1, 1), (1, 1, 1))))
    if min(here.min(), there.min(), w_here.min(), w_there.min()) <= 0:
        raise FormatError("a ground or white without light", do="name a brighter patch")
    seen, wanted = here / w_here, there / w_there
    apart = [float(np.linalg.norm(g - g.mean()) / g.mean()) for g in (seen, wanted)]
    inner: NDArray[np.float64]
    if min(apart) < _GREY:
        inner = np.diag(wanted / seen)
    else:
        inner = carry(seen.tolist(), wanted.tolist()) * (wanted.sum() / seen.sum())
    bent = np.abs(inner - np.diag(np.diag(inner))).max() / max(float(np.diag(inner).mean()), 1e-6)
    if bent > _MOST_BENT:
        raise FormatError(
            "shows a ground so unlike the other camera's that matching it would bend every colour",
            do="mark ground that lies in the same light in both, or a greyer one",
        )
    found = np.diag(w_there) @ inner @ np.diag(1 / w_here)
    if not np.isfinite(found).all() or np.abs(found).max() > _MOST_GAIN:
        raise FormatError("is too far from the other camera to be matched", do="set exposure first")
    return np.asarray(found, np.float64)


def ways(
    ground: tuple[Sequence[float], Sequence[float]],
    white: tuple[Sequence[float], Sequence[float]] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """The ways (3, 3) to match on one ground and one white, from the plainest on.

    `exposure` is one gain, `gains` one a channel that meets both halfway. `nearby` bends them
    towards both as far as that is worth it, `exact` (`matrix_of`) until the ground is met;
    `colour` leaves the ground as bright as it is, for one on which dust or shadows drift. The
    last two are missing where they would bend every colour. Without a white both cameras' are
    taken as neutral. Raises `FormatError` as `matrix_of` does for colours without light.
    """
    here, there = (np.array(g, np.float64) for g in ground)
    if white is None:
        neutral = np.full(3, max(float(here.mean()), 1e-6))
        pairs = [(here, there), (neutral, neutral * float(there.sum() / max(here.sum(), 1e-6)))]
    else:
        w_here, w_there = (np.array(w, np.float64) for w in white)
        pairs = [(here, there), (w_here, w_there)]
    if min(float(v.min()) for pair in pairs for v in pair) <= 0:
        raise FormatError("a ground or white without light", do="name a brighter patch")
    logs = np.mean([np.log(b / a) for a, b in pairs], axis=0)
    level = np.mean([np.log(b.sum() / a.sum()) for a, b in pairs])
    gains = np.diag(np.exp(logs))
    found = {"exposure": np.eye(3) * np.exp(level), "gains": gains, "nearby": _ridge(pairs, gains)}
    try:
        found["exact"] = matrix_of(ground, white)
        found["colour"] = found["exact"] * float(here.sum() / (found["exact"] @ here).sum())
    except FormatError:
        pass  # the others bend less
    return {name: m for name, m in found.items() if float(np.abs(m).max()) <= _MOST_GAIN}


def _ridge(
    pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], gains: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The matrix that takes the first of each pair nearest to the second, held to `gains`."""
    scales = [1 / float(b.mean()) ** 2 for _, b in pairs]
    own = sum(s * np.outer(a, a) for s, (a, _) in zip(scales, pairs, strict=True))
    cross = sum(s * np.outer(b, a) for s, (a, b) in zip(scales, pairs, strict=True))
    hold = _HOLD * float(np.trace(own)) / 3
    made = (cross + hold * gains) @ np.linalg.inv(own + hold * np.eye(3))
    return np.asarray(made, np.float64)


def chosen(costs: Mapping[str, float]) -> str:
    """Of ways from the plainest on, with how far colours stay apart by each, the one to take.

    A way that bends more is taken only where it comes nearer by what an eye sees.
    """
    names = list(costs)
    best = names[0]
    for name in names[1:]:
        if costs[name] < costs[best] - _SEEN:
            best = name
    return best


def difference(a: Sequence[float] | NDArray[Any], b: Sequence[float] | NDArray[Any]) -> float:
    """How far two colours of linear BT.709 (3,) are apart: CIE 1976 L*a*b*, white at 1."""
    one, two = (_lab(np.array(v, np.float64)) for v in (a, b))
    return float(np.linalg.norm(one - two))


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.maximum(_XYZ @ rgb, 0)
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def gives(format: Format, params: Match) -> Format:  # noqa: ARG001 - the stages' one signature
    """Float32 linear light of the same shape; RGB only."""
    if format.kind != "rgb":
        raise FormatError(
            f"match works on RGB, and these pixels are {format.kind}",
            do="debayer first, or leave match out for a grey camera",
        )
    return light.linear_format(format, stage="match")


def measure(clip: Clip, params: Match, progress: Any = None) -> dict[str, Any]:  # noqa: ARG001
    """Nothing by itself: two cameras are measured together, once both are restored."""
    return {}


def apply(
    frames: list[Frame],
    centre: int,
    params: Match,
    measured: Mapping[str, Any] | None,
    index: int,  # noqa: ARG001 - the stages' one signature
    format: Format,
) -> Frame:
    """The frame through the measured matrix, clipped to 0 and 1; as it is without one."""
    frame = light.linear_frame(frames[centre], format)
    if not measured or "matrix" not in measured:
        return frame
    matrix = np.array(measured["matrix"], np.float32)
    pixels: Any = frame.pixels
    made = np.empty_like(pixels)
    for c in range(3):  # each product by itself: BLAS may add in another order elsewhere
        row = matrix[c]
        made[..., c] = row[0] * pixels[..., 0] + row[1] * pixels[..., 1] + row[2] * pixels[..., 2]
    out = Frame(np.clip(made, 0, 1, out=made), frame.flags, frame.warp, frame.notes)
    light.note(out, "match", to=params.to)
    return out


STAGE = Stage(
    name="match",
    version=2,
    params=Match,
    apply=apply,
    gives=gives,
    measure=measure,
    pinned=("matrix",),
    order=55,
)
