"""Cameras that nothing else ties, held against each other by moments that change their pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from descent.clock.joint import Tie
from descent.clock.moments import Moments, fit_moments, moments
from descent.clock.motion import Turned
from descent.errors import UnsureSync
from descent.measure.motion import small_pictures
from descent.measure.views import Against
from descent.model import Format, Shot

EVENTS = "events"
Say = Callable[[str, int, int], None]


def tie_events(
    cameras: Mapping[str, tuple[Sequence[Shot], Sequence[float], Format]],
    turned: Mapping[str, Turned],
    ties: Sequence[Tie],
    most_s: Callable[[str, str], float],
    *,
    say: Say,
) -> tuple[list[Tie], list[Against]]:
    """Ties by events between pairs that no `ties` join, and (a, b, why, what helps) of others.

    `cameras` holds frames, their own times and format; `turned` what was seen to turn, of those
    frames or some of them; `most_s` how far apart the clocks of two cameras can be. Each frame
    of a camera that is not tied to all others is read once, small, for its mean grey alone.
    """
    done = [{tie.a, tie.b} for tie in ties]
    pairs = [(a, b) for a, b in combinations(cameras, 2) if {a, b} not in done]
    names = sorted({name for pair in pairs for name in pair})
    say(EVENTS, 0, len(pairs))

    def watch(name: str) -> Moments:
        return watched(*cameras[name], turned.get(name))

    with ThreadPoolExecutor(max(1, min(len(names), os.cpu_count() or 1))) as pool:
        seen = dict(zip(names, pool.map(watch, names), strict=True))
    found: list[Tie] = []
    against: list[Against] = []
    for count, (a, b) in enumerate(pairs, 1):
        try:
            found.append(Tie(a, b, fit_moments(seen[a], seen[b], most_s(a, b)), EVENTS))
        except UnsureSync as error:
            against.append((a, b, f"by events: {error.what}", error.do))
        say(EVENTS, count, len(pairs))
    return found, against


def watched(
    shots: Sequence[Shot], times: Sequence[float], stored: Format, turned: Turned | None = None
) -> Moments:
    """The moments of a camera's frames, by their light and by how it was seen to turn."""
    light = np.array([float(picture.mean()) for picture in small_pictures(shots, stored)])
    own = np.asarray(times, np.float64)
    if turned is None or len(turned.times) < 2:
        turned = _blind(own)
    near = np.clip(np.searchsorted(own, turned.times - 1e-9), 0, len(own) - 1)
    return moments(turned, light[near])


def _blind(times: NDArray[np.float64]) -> Turned:
    """A camera of which nobody looked how it turned."""
    count = max(len(times) - 1, 0)
    return Turned(times, np.zeros((count, 3)), np.full(count, np.inf))
