"""Fixed cameras tied by what moves before them: their pictures watched again, smaller still."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from descent.clock.joint import Tie
from descent.clock.stir import Watched, watch
from descent.clock.views import fit_views_jointly
from descent.measure.motion import small_pictures
from descent.model import Format, Shot

STEADY = 0.75
"""The share of a camera's pictures in which nothing moves that makes it a fixed one."""

Against = tuple[str, str, str, str]


def tie_views(
    cameras: Mapping[str, tuple[Sequence[Shot], Sequence[float], Format]],
) -> tuple[list[Tie], list[Against]]:
    """Ties between fixed cameras that watched one event, and (a, b, why, what helps) of others.

    Memory is that of a few thousand thumbnails a camera.
    """
    names = list(cameras)
    with ThreadPoolExecutor(min(len(names), os.cpu_count() or 1)) as pool:
        watched = list(pool.map(lambda name: _watched(*cameras[name]), names))
    views = fit_views_jointly(watched)
    ties = [Tie(names[i], names[j], fit, "views") for (i, j), fit in views.fits.items()]
    against = [
        (names[i], names[j], error.what, error.do) for (i, j), error in views.refused.items()
    ]
    return ties, against


def _watched(shots: Sequence[Shot], times: Sequence[float], stored: Format) -> Watched:
    return watch(times, small_pictures(shots, stored))
