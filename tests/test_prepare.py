"""What comes before a render: digests, the fingerprint, and one look for all outputs."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.config import load
from descent.config.load import Loaded
from descent.errors import SourceError
from descent.plan import make
from descent.prepare import (
    CANVAS,
    LIGHT,
    RESTORE,
    canvas_probe,
    light_probe,
    prepare,
    restore_probe,
)
from descent.render.tasks import tasks_of

CONFIG = """\
schema: 1
title: Flicker
credit: Nobody, CC0-1.0
epoch: 2021-02-18T20:43:00Z
events: {contact: 2021-02-18T20:43:01Z}
cameras:
  bar:
    files: bar/
    times: {rate: 10, start: 2021-02-18T20:43:00Z}
    restore: {deflicker: {}}
cuts:
  early: [{from: contact - 1s, to: contact - 0.5s, show: {full: bar}}]
  late: [{from: contact - 0.5s, to: contact, show: {full: bar}}]
outputs:
  one: {cut: early, size: 160x120, rate: 10, text: none}
  two: {cut: late, size: 160x120, rate: 10, text: none}
  still: {still: bar, at: contact + 0.2s}
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Frames that differ in level from one to the next, and two films of them."""
    folder = tmp_path_factory.mktemp("prepare")
    (folder / "bar").mkdir()
    made = np.random.default_rng(3)
    ground = cv2.GaussianBlur(made.integers(0, 256, (120, 160, 3), np.uint8), (0, 0), 2)
    for k in range(13):
        frame = np.roll(ground, 3 * k, axis=1) * (0.7 + 0.3 * (k % 2))
        cv2.imwrite(str(folder / "bar" / f"bar_{k:02d}.png"), frame.astype(np.uint8))
    path = folder / "flicker.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return load(path)


def test_only_what_is_used_is_hashed(loaded: Loaded, tmp_path: Path) -> None:
    """Digests are those of the files of frames that some output shows, and no others."""
    plan = make(loaded)
    ready = prepare(plan, plan, tmp_path, workers=1)
    shown = {k: hashlib.sha256(s.path.read_bytes()).hexdigest()
             for k, s in enumerate(plan.cameras["bar"].shots) if k not in {10, 11}}  # fmt: skip
    assert ready.digests["bar"] == shown


def test_only_and_range_change_no_pixel(loaded: Loaded, tmp_path: Path) -> None:
    """A film by itself, or a stretch of it, is made of the chunks that the whole has."""
    whole = make(loaded)
    ready = prepare(whole, whole, tmp_path, workers=1)
    film = next(o for o in whole.outputs if o.name == "two")
    keys = {t.key for t in tasks_of(whole, film, ready.cast, ready.fingerprint)}
    only = make(loaded, only=["two"])
    alone = prepare(only, whole, tmp_path / "other", workers=1)
    assert alone.fingerprint == ready.fingerprint
    found = tasks_of(only, only.outputs[0], alone.cast, alone.fingerprint)
    assert {t.key for t in found} == keys
    by_itself = prepare(only, only, tmp_path / "third", workers=1)
    assert by_itself.cast["bar"].measured != alone.cast["bar"].measured


def test_a_frame_no_output_shows_is_looked_at_too(loaded: Loaded, tmp_path: Path) -> None:
    """A still that no output of the config has is measured with the rest, and hashed."""
    whole = make(loaded, only=["one", "two"])
    still = make(loaded, only=["still"])
    ready = prepare(still, whole, tmp_path, workers=1)
    gains = ready.cast["bar"].measured["deflicker"]["gains"]
    assert set(ready.digests["bar"]) == {*range(10), 12}
    assert gains[12] is not None
    assert gains[11] is None


def test_a_frame_that_is_gone_is_said(loaded: Loaded, tmp_path: Path) -> None:
    """A file that vanishes between planning and reading is an error with its path."""
    plan = make(loaded)
    frame = plan.cameras["bar"].shots[4].path
    data = frame.read_bytes()
    frame.unlink()
    try:
        with pytest.raises(SourceError, match="bar_04"):
            prepare(plan, plan, tmp_path, workers=1)
    finally:
        frame.write_bytes(data)


def test_probes_say_the_same_each_time() -> None:
    """The pictures whose bytes name a machine are the same from call to call."""
    for probe in (canvas_probe, light_probe, restore_probe):
        first, second = probe(), probe()
        assert len(first) == len(second) >= 3
        for a, b in zip(first, second, strict=True):
            assert np.array_equal(a, b)
            assert Fraction(a.size) > 0
    assert CANVAS.endswith(canvas_probe.__name__)
    assert LIGHT.endswith(light_probe.__name__)
    assert RESTORE.endswith(restore_probe.__name__)
