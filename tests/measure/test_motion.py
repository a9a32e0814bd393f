"""Turns that are read from frames: which of them are a camera's own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.clock.motion import Turned, fit_motion
from descent.errors import UnsureSync
from descent.measure.motion import Seen, comparable, measure_turns
from descent.sources.examine import probe
from descent.sources.listing import list_camera

RNG = np.random.default_rng(5)
WALL = cv2.GaussianBlur(RNG.integers(0, 255, (400, 600), np.uint8), (0, 0), 1.5)
BALL = cv2.GaussianBlur(RNG.integers(0, 255, (40, 40), np.uint8), (0, 0), 1.5)


def watched(folder: Path, pans: slice) -> Seen:
    """A camera before which a thing swings for 12 s, and which itself pans for a part of them."""
    folder.mkdir()
    at = 0
    for k in range(240):
        if k in range(*pans.indices(240)):
            at += 2 if (k // 15) % 2 else -2
        picture = WALL[100:292, 150 + at : 406 + at].copy()
        x = int(100 + 40 * np.sin(k / 6))
        picture[70:110, x : x + 40] = BALL
        cv2.imwrite(str(folder / f"{k:03d}.png"), picture)
    shots = list_camera("c", [f"{folder.name}/"], folder.parent).shots
    times = [k / 20 for k in range(240)]
    return measure_turns(
        {"c": (shots, times, probe(shots), 60.0)}, store=folder.parent / "store", workers=1
    )["c"]


def test_what_moves_before_a_fixed_camera_is_no_turn_of_it(tmp_path: Path) -> None:
    """A thing that swings before a camera that stands leaves no turns to be held against any."""
    seen = watched(tmp_path / "fixed", slice(0, 0))
    assert seen.steady > 0.75
    one, other = comparable(seen, seen)
    assert not np.isfinite(one.noise).any()
    assert one is other
    moving = Seen(seen.turned, 0.2)
    assert comparable(seen, moving)[0] is seen.turned  # under a camera a body may ride
    times = np.arange(300) / 20
    other = Turned(times, RNG.normal(size=(299, 3)) * 1e-2, np.full(299, 1e-3))
    with pytest.raises(UnsureSync, match=r"only 0\.0 s of motion"):
        fit_motion(one, other)


def test_a_camera_that_stands_most_of_the_time_keeps_its_pans(tmp_path: Path) -> None:
    """Where the whole picture moves the camera turned, however long it stood before."""
    seen = watched(tmp_path / "panned", slice(206, 236))
    assert seen.steady > 0.75
    own = np.isfinite(comparable(seen, seen)[0].noise)
    assert own[215:232].mean() > 0.9
    assert not own[:140].any()
