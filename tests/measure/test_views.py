"""Fixed cameras watched: what is told of how long they were."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.clock.motion import Turned
from descent.measure import views
from descent.measure.motion import Seen
from descent.sources.examine import probe
from descent.sources.listing import list_camera


def test_that_only_the_first_pictures_were_watched_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of cameras longer than what is held, a refusal names each and how much of it was seen."""
    rng = np.random.default_rng(3)
    cameras, seen = {}, {}
    for name, count in (("short", 20), ("long", 36)):
        (tmp_path / name).mkdir()
        for k in range(count):
            picture = rng.integers(0, 255, (48, 64), np.uint8)
            cv2.imwrite(str(tmp_path / name / f"{k:03d}.png"), picture)
        shots = list_camera(name, [f"{name}/"], tmp_path).shots
        times = [k / 10 for k in range(count)]
        cameras[name] = shots, times, probe(shots)
        seen[name] = Seen(Turned(np.array(times), np.zeros((count - 1, 3)), np.ones(count - 1)), 1)
    monkeypatch.setattr(views, "MOST_PICTURES", 21)
    ties, against = views.tie_views(cameras, seen)
    assert not ties
    ((a, b, why, cure),) = against
    assert {a, b} == {"short", "long"}
    assert why.endswith("(watched: the first 2 s of long)")
    assert cure
