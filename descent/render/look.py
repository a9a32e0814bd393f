"""Frames for a person to judge: after any stage, beside each other, and how sharp they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.clock.doors import Clocks, digits_for
from descent.compose.sheet import Thumb
from descent.errors import Damaged, FormatError, TimeUnknown
from descent.model import Frame
from descent.plan import CameraPlan
from descent.render.stills import pulled, shown
from descent.render.tasks import Cast
from descent.tools.text import did_you_mean, some

SOURCE = "source"  # the name of what comes before all stages
THUMB_PX = 640  # longest side of what a contact sheet keeps of a frame
GAP_PX = 8  # black between two pictures side by side


def unmeasured(camera: CameraPlan) -> Cast:
    """A cast for looking at a camera: no chunk is named by it, and nothing was measured.

    Stages that measure then do what they can from the frame alone.
    """
    return Cast(camera, dict.fromkeys(range(len(camera.shots)), ""), {})


def check_stage(camera: CameraPlan, after: str) -> None:
    """Raise `FormatError` where the camera has no stage `after`."""
    names = [SOURCE, *(part.name for part in camera.stages)]
    if after not in names:
        raise FormatError(
            f"camera {camera.name} has no stage {after!r}",
            where="--after",
            do=did_you_mean(after, names) or f"write one of {some(names)}",
        )


def look(cast: Cast, index: int, after: str) -> tuple[NDArray[Any], Frame]:
    """Frame `index` after a stage ("source": before all): sRGB uint8, and the frame itself.

    A mosaic is shown as it is, grey. Raises `FormatError` for a stage that is not there.
    """
    check_stage(cast.plan, after)
    frame, made = pulled(cast, index, after)
    return shown(frame, made), frame


def before_after(cast: Cast, index: int, after: str) -> tuple[NDArray[np.uint8], str]:
    """A frame before and after a stage, side by side, and the name of what came before."""
    check_stage(cast.plan, after)
    names = [SOURCE, *(part.name for part in cast.plan.stages)]
    if after == SOURCE:
        raise FormatError(
            "nothing comes before the source", where="--after", do=f"write {some(names[1:])}"
        )
    before = names[names.index(after) - 1]
    left, right = (_rgb(look(cast, index, name)[0]) for name in (before, after))
    gap = np.zeros((right.shape[0], GAP_PX, 3), np.uint8)
    return np.ascontiguousarray(np.concatenate([left, gap, right], axis=1)), before


def _rgb(picture: NDArray[Any]) -> NDArray[np.uint8]:
    return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)


def sharpness(picture: NDArray[Any]) -> float:
    """How much fine structure a picture (rows, cols[, 3], uint8) has for its brightness.

    100 times the standard deviation of the Laplacian over the mean, of grey at half size so
    that noise of single pixels and a mosaic's colours count little. Larger is sharper; it
    compares frames of one camera that see much the same, not cameras.
    """
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    rows, cols = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
    half = cv2.resize(grey[:rows, :cols], (cols // 2, rows // 2), interpolation=cv2.INTER_AREA)
    edges = cv2.Laplacian(half.astype(np.float32), cv2.CV_32F)
    return float(100 * edges.std() / max(float(half.mean()), 1.0))


def thumbs(
    camera: CameraPlan,
    frames: Sequence[int],
    clocks: Clocks,
    progress: Callable[[], None] | None = None,
) -> list[Thumb]:
    """Small pictures of some frames of a camera with file, time and sharpness beneath.

    They are restored as far as a frame tells by itself; nothing is measured first. A frame
    that is damaged has an empty picture and says so. `progress` is called after each.
    """
    cast, made = unmeasured(camera), []
    for index in frames:
        shot = camera.shots[index]
        lines = [shot.path.name if shot.pts is None else f"{shot.path.name} #{shot.index}"]
        if camera.track.times:
            lines.append(_when(camera, clocks, index))
        try:
            picture = shown(*pulled(cast, index))
        except Damaged:
            made.append(Thumb(None, tuple(lines), "damaged"))
        else:
            lines.append(f"sharpness {sharpness(picture):.1f}")
            made.append(Thumb(_small(picture), tuple(lines)))
        if progress is not None:
            progress()
    return made


def _small(picture: NDArray[Any]) -> NDArray[Any]:
    rows, cols = picture.shape[:2]
    share = min(1.0, THUMB_PX / max(rows, cols))
    size = max(2, round(cols * share / 2) * 2), max(2, round(rows * share / 2) * 2)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _when(camera: CameraPlan, clocks: Clocks, index: int) -> str:
    t, resolution = camera.track.times[index], camera.track.resolution_s
    try:
        face = "utc" if clocks.epoch.tai_s is not None else "t"
        return clocks.show(t, face, resolution, most_digits=3)  # type: ignore[arg-type]
    except TimeUnknown:
        return f"{float(t):.{digits_for(resolution, 3)}f} s"


def spread(count: int, *, every: int | None = None, wanted: int | None = None) -> list[int]:
    """Numbers of frames out of `count`: each `every`-th, or `wanted` spread over all."""
    if every is not None:
        return list(range(0, count, every))
    if wanted is None or wanted >= count:
        return list(range(count))
    return [round(k * (count - 1) / max(1, wanted - 1)) for k in range(wanted)]
