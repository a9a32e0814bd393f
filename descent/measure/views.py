"""Fixed cameras tied by what moves before them: their pictures, smaller still, watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from descent.clock.joint import Tie
from descent.clock.stir import MOST_PICTURES, watch
from descent.clock.views import fit_views_jointly
from descent.measure.motion import Seen, small_pictures
from descent.model import Format, Shot

STEADY = 0.75
"""The share of a camera's pictures in which nothing moves that makes it a fixed one."""

Against = tuple[str, str, str, str]


def tie_views(
    cameras: Mapping[str, tuple[Sequence[Shot], Sequence[float], Format]],
    seen: Mapping[str, Seen],
) -> tuple[list[Tie], list[Against]]:
    """Ties between fixed cameras that watched one event, and (a, b, why, what helps) of others.

    `seen` is what `measure_turns` told of them: the pictures that it kept are taken, so that
    nothing is decoded again. Memory is that of `MOST_PICTURES` thumbnails a camera.
    """
    names = list(cameras)
    if len(names) < 2:
        return [], []
    watched = [watch(cameras[name][1], _thumbs(*cameras[name], seen[name])) for name in names]
    views = fit_views_jointly(watched)
    ties = [Tie(names[i], names[j], fit, "views") for (i, j), fit in views.fits.items()]
    against = [
        (names[i], names[j], error.what, error.do) for (i, j), error in views.refused.items()
    ]
    return ties, against


def _thumbs(
    shots: Sequence[Shot], times: Sequence[float], stored: Format, seen: Seen
) -> Iterator[NDArray[np.uint8]]:
    """A camera's pictures, small: those that were kept; where some were not, read again."""
    parts = [np.load(path, mmap_mode="r") for path in seen.thumbs]
    wanted, at = min(len(times), MOST_PICTURES), 0
    for k, part in enumerate(parts):
        # Neighbouring jobs share a picture.
        own = part if k == len(parts) - 1 else part[:-1]
        for picture in own[: wanted - at]:
            yield np.asarray(picture)
        at = min(at + len(own), wanted)
        if not len(part):
            break
    yield from small_pictures(shots[at:wanted], stored)
