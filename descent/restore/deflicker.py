"""Deflicker: one gain a frame, from what registered neighbours show of the same ground.

Only what two frames both show is compared, so a shield that leaves or dust that comes in
changes nothing; frames that register with no neighbour keep their own level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from pydantic import Field

from descent.clip import Clip
from descent.model import Format, Frame, Stage
from descent.restore import light
from descent.restore.params import Params
from descent.tools.register import Features, features, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORK_PX = 400  # longest side of the small pictures that are registered
LINKS = (1, 2, 3)  # frames apart that are compared
_DARK, _BRIGHT = 0.02, 0.97
_FEWEST_PX = 500


class Deflicker(Params):
    """How far the levels are evened out."""

    hold: float = Field(
        0.03,
        ge=0,
        description="pull of each frame towards its own level; a larger one corrects slow "
        "changes less, and 0 makes the whole film as one exposure",
    )


def small(frame: Frame, format: Format) -> NDArray[np.float32]:
    """The frame as a grey picture of linear light, at most `WORK_PX` long."""
    pixels: Any = light.linear_frame(frame, format).pixels
    if format.kind == "mosaic":
        rows, cols = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
        even = pixels[:rows, :cols]
        pixels = (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) / 4
    elif pixels.ndim == 3:
        pixels = pixels.mean(axis=2, dtype=np.float32)
    scale = min(1.0, WORK_PX / max(pixels.shape))
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)


def compare(
    a: NDArray[np.float32], b: NDArray[np.float32], matrix: NDArray[np.float64]
) -> float | None:
    """Log of how much brighter b shows what a shows too: the median over the overlap."""
    size = b.shape[1], b.shape[0]
    warped = cv2.warpPerspective(a, matrix, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpPerspective(np.ones_like(a), matrix, size, flags=cv2.INTER_LINEAR) > 0.99
    good = inside & (warped > _DARK) & (b > _DARK) & (warped < _BRIGHT) & (b < _BRIGHT)
    if good.sum() < _FEWEST_PX:
        return None
    return float(np.median(np.log(b[good] / warped[good])))


def solve(pairs: Mapping[tuple[int, int], float], count: int, hold: float) -> NDArray[np.float64]:
    """Log gains (count,) that make all pairs agree best; unlinked frames keep 0."""
    rows, rights = [], []
    for (i, j), ratio in pairs.items():
        row = np.zeros(count)
        row[i], row[j] = -1.0, 1.0
        weight = 1.0 / (j - i)
        rows.append(row * weight)
        rights.append(-ratio * weight)
    anchor = np.eye(count) * max(hold, 1e-4)
    a, b = np.vstack([*rows, anchor]), np.r_[rights, np.zeros(count)]
    return np.asarray(np.linalg.lstsq(a, b, rcond=None)[0], np.float64)


def gives(format: Format, params: Deflicker) -> Format:  # noqa: ARG001 - one signature
    """Float32 linear light of the same shape."""
    return light.linear_format(format, stage="deflicker")


def measure(
    clip: Clip, params: Deflicker, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """The gain of every frame, from one pass over the clip at small size."""
    kept: dict[int, tuple[NDArray[np.float32], Features]] = {}
    pairs: dict[tuple[int, int], float] = {}
    count = len(clip)
    for j, frame in enumerate(clip.pull(range(count))):
        if frame is not None:
            picture = small(frame, clip.format)
            kept[j] = (picture, features(picture))
            for i in (j - d for d in LINKS):
                if i in kept and not any(i < k <= j for k in clip.breaks):
                    found = match(kept[i][1], kept[j][1])
                    ratio = compare(kept[i][0], picture, found.matrix) if found else None
                    if ratio is not None:
                        pairs[i, j] = ratio
        kept.pop(j - max(LINKS), None)
        if progress:
            progress(j + 1, count)
    gains = np.exp(solve(pairs, count, params.hold)) if count else np.ones(0)
    linked = sorted({k for pair in pairs for k in pair})
    return {"gains": [round(float(g), 6) for g in gains], "linked": linked}


def apply(
    frames: list[Frame],
    centre: int,
    params: Deflicker,  # noqa: ARG001 - the stages' one signature
    measured: Mapping[str, Any] | None,
    index: int,
    format: Format,
) -> Frame:
    """The frame times its gain, clipped to 0 and 1."""
    frame = light.linear_frame(frames[centre], format)
    if not measured:
        return frame
    gain = float(measured["gains"][index])
    pixels: Any = frame.pixels
    out = Frame(np.clip(pixels * np.float32(gain), 0, 1), frame.flags, frame.warp, frame.notes)
    light.note(out, "deflicker", gain=gain)
    return out


STAGE = Stage(
    name="deflicker",
    version=1,
    params=Deflicker,
    apply=apply,
    gives=gives,
    measure=measure,
    order=30,
)
