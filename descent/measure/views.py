"""Fixed cameras tied by what moves before them: their pictures, smaller still, watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from descent.clock.joint import Tie
from descent.clock.stir import MOST_PICTURES, watch
from descent.clock.views import fit_views_jointly
from descent.measure.motion import Seen, small_pictures
from descent.model import Format, Shot

Against = tuple[str, str, str, str]


def tie_views(
    cameras: Mapping[str, tuple[Sequence[Shot], Sequence[float], Format]],
    seen: Mapping[str, Seen],
) -> tuple[list[Tie], list[Against]]:
    """Ties between fixed cameras that watched one event, and (a, b, why, what helps) of others.

    `seen` is what `measure_turns` told of them: the pictures that it kept are taken, so that
    nothing is decoded again. Memory is that of `MOST_PICTURES` thumbnails a camera: of a longer
    one the first are watched, and how many seconds those are is part of what is told.
    """
    names = list(cameras)
    if len(names) < 2:
        return [], []
    watched = [watch(cameras[name][1], _thumbs(*cameras[name], seen[name])) for name in names]
    views = fit_views_jointly(watched)
    spans_s = [_span_s(cameras[name][1]) for name in names]
    ties = []
    for (i, j), fit in views.fits.items():
        said = {**fit.evidence, "seen_s": round(min(spans_s[i], spans_s[j]), 2)}
        ties.append(Tie(names[i], names[j], replace(fit, evidence=said), "views"))
    against = [
        (names[i], names[j], error.what + _cut((names[i], names[j]), cameras), error.do)
        for (i, j), error in views.refused.items()
    ]
    return ties, against


def _span_s(times: Sequence[float]) -> float:
    """How long the pictures last that are watched."""
    watched = times[:MOST_PICTURES]
    return watched[-1] - watched[0]


def _cut(
    pair: tuple[str, str],
    cameras: Mapping[str, tuple[Sequence[Shot], Sequence[float], Format]],
) -> str:
    """In words, of which cameras of a pair only the first pictures were watched."""
    long = [name for name in pair if len(cameras[name][1]) > MOST_PICTURES]
    seen = [f"the first {_span_s(cameras[name][1]):.0f} s of {name}" for name in long]
    return f" (watched: {' and '.join(seen)})" if seen else ""


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
