"""Cameras with nothing in common but moments that change what both see."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.config import load
from descent.config.sync import sync_path
from descent.errors import UnsureSync
from descent.measure.sync import measure_sync
from descent.measure.written import tie_row, write
from descent.plan import make

OFF_S = 0.42
FLASHES = (1.23, 2.9, 5.31, 6.05, 8.64)
CONFIG = """\
schema: 1
title: Two look at one sky
zero: go
reference: left
sync: {refine: [motion, events]}
cameras:
  left: {files: left/, view: 50, times: {index: 'left_{index}.png', rate: 25, start: T+0s}}
  right: {files: right/, view: 50, times: {index: 'right_{index}.png', rate: 12, start: T+0s}}
cuts:
  film: [{from: T+1s, to: T+2s, show: {side_by_side: [left, right]}}]
outputs:
  film: {cut: film, size: hd, rate: 25, for: web}
"""


def film(folder: Path, name: str, rate: int, early_s: float, flashes: tuple[float, ...]) -> None:
    """10 s of a still picture of its own, lit up for 0.15 s by each flash."""
    rng = np.random.default_rng(rate)
    still = cv2.GaussianBlur(rng.uniform(20, 160, (72, 96)).astype(np.float32), (0, 0), 2.0)
    (folder / name).mkdir(parents=True)
    for n in range(10 * rate):
        t = n / rate + early_s
        lit = any(flash <= t < flash + 0.15 for flash in flashes)
        picture = still * (1.5 if lit else 1.0) + rng.normal(size=still.shape) * 2
        codes = np.clip(picture, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / name / f"{name}_{n:04}.png"), codes)


def config(folder: Path, seen: tuple[float, ...]) -> Path:
    """A config of two cameras, the second of which saw these flashes, its clock off."""
    film(folder, "left", 25, 0.0, FLASHES)
    film(folder, "right", 12, OFF_S, seen)
    (folder / "sky.yaml").write_text(CONFIG, "utf-8")
    return folder / "sky.yaml"


def test_flashes_tie_cameras_and_that_is_said(tmp_path: Path) -> None:
    """Still cameras are tied by flashes to within what is told; file and plan say by what."""
    path = config(tmp_path, FLASHES)
    found = measure_sync(load(path), workers=1)
    (tie,) = found.joint.kept
    clock = found.joint.clocks["right"]
    assert tie.kind == tie_row(tie)["kind"] == "events"
    assert tie_row(tie)["events"] == len(FLASHES)
    assert abs(clock.offset_at(5.0) - OFF_S) < clock.interval_s
    assert 0.01 < clock.interval_s < 0.2
    write(load(path), found)
    assert "tied by events only" in sync_path(path).read_text("utf-8")
    assert "tied by events only" in make(load(path)).cameras["right"].how


def test_flashes_of_their_own_tie_nothing(tmp_path: Path) -> None:
    """Cameras that saw other flashes are refused, with what each way found."""
    path = config(tmp_path, (1.8, 3.3, 4.45, 7.2, 9.1))
    with pytest.raises(UnsureSync, match="by events: "):
        measure_sync(load(path), workers=1)
