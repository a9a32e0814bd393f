"""Cameras that look at each other are tied from their files, where nothing else does it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.clock.faces import MUTUAL
from descent.clock.fit import ClockFit
from descent.clock.joint import Tie
from descent.measure import bodies
from descent.measure.bodies import measure_bodies, tie_bodies
from descent.measure.motion import measure_turns
from descent.model import Shot
from descent.sources.examine import examine
from tests.clock.made_bodies import FOCAL_PX, pictures

OFF_S = 0.7
VIEW_DEG = float(np.degrees(2 * np.arctan(240 / 2 / FOCAL_PX)))


def _shown(folder: Path, name: str, rate: float, below: bool, off_s: float) -> tuple[
    list[Shot], list[float]
]:  # fmt: skip
    """Pictures of the other body in a folder, and their times by a clock that is off."""
    t = np.arange(0.0, 12.0, 1 / rate)
    (folder / name).mkdir()
    shots = []
    for k, picture in enumerate(pictures(t, 8, below)):
        path = folder / name / f"{k:04}.png"
        cv2.imwrite(str(path), picture)
        shots.append(Shot(name, path, None, size=path.stat().st_size, mtime_ns=1))
    return shots, [float(v) + off_s for v in t]


def _most_s(*pair: str) -> float:
    del pair
    return 5.0


def test_what_is_tied_already_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cameras are tied by the bodies they see; three that ties join are read no more."""
    eyes = {}
    for name, rate, below, off_s in (("up", 10.0, True, OFF_S), ("down", 8.0, False, 0.0)):
        shots, times = _shown(tmp_path, name, rate, below, off_s)
        eyes[name] = (shots, times, examine(shots).format, VIEW_DEG)
    said: list[tuple[str, int, int]] = []

    def say(what: str, done: int, total: int) -> None:
        said.append((what, done, total))

    (tie,), against, seen = tie_bodies(
        eyes, [], _most_s, store=tmp_path / "kept", workers=1, say=say
    )
    assert (tie.a, tie.b, tie.kind, against) == ("up", "down", MUTUAL, [])
    assert abs(tie.fit.offset - OFF_S) < min(0.01, tie.fit.interval)
    assert said == [(MUTUAL, 1, 1)]
    # What was read is kept.
    monkeypatch.setattr(bodies, "bodies_of_frames", None)
    again = measure_bodies(eyes, store=tmp_path / "kept", workers=1)
    assert np.array_equal(again["up"][0].place, seen["up"][0].place)
    # A third camera ties them already.
    fit: ClockFit = tie.fit
    joined = [Tie("up", "third", fit, "motion"), Tie("third", "down", fit, "sound")]
    nothing = tie_bodies(eyes, joined, _most_s, store=tmp_path / "none", say=say)
    assert nothing == ([], [], {})
    assert not (tmp_path / "none").exists()


def test_a_camera_that_stood_for_long_may_move(tmp_path: Path) -> None:
    """A body that rode along and then left is looked for, though most pictures show it still."""
    shown = pictures(np.arange(30) / 10, 8, False)
    paths = []
    for k, picture in enumerate(shown):
        paths.append(tmp_path / f"{k:02}.png")
        cv2.imwrite(str(paths[-1]), picture[:120, :160])
    shots = [Shot("down", path, None) for path in [paths[0]] * 241 + paths]
    eyes = {"down": (shots, [k / 10 for k in range(len(shots))], examine(shots).format, VIEW_DEG)}
    seen = measure_turns(eyes, store=tmp_path / "kept", workers=1)["down"]
    assert seen.steady > 0.75 > seen.least_steady
