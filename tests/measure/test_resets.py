"""A camera that was restarted, its clock set back: from its table to the film, end to end."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.config import load
from descent.config.sync import read_sync, sync_path
from descent.measure.sync import Synced, measure_sync
from descent.measure.written import write
from descent.plan import make
from tests.measure.conftest import COLS, FOCAL, ROWS, angles, world

AWAY_S, OFF_S, LONG_S = 1.5, 0.37, 40.0
RESTART_S = 19.0  # of true time, when the second camera went off
CONFIG = """\
schema: 1
title: One that was restarted
zero: go
reference: left
sync: {refine: motion}
cameras:
  left: {files: left/, view: 49.5, times: {index: 'left_{index}.png', rate: 20, start: T+0s}}
  right:
    files: right/
    view: 49.5
    clock: {resets: yes}
    times: {table: right.csv, name_column: file, seconds_column: s, start: T+0s}
cuts:
  film:
    - {from: T+1s, to: T+2s, show: {side_by_side: [left, right]}}
outputs:
  film: {cut: film, size: hd, rate: 20, for: web}
"""


def frames(folder: Path, name: str, true_s: list[float], turn_deg: float) -> None:
    """Numbered pictures taken at these times."""
    ground, rng = world(), np.random.default_rng(len(true_s))
    (folder / name).mkdir(parents=True)
    K = np.array([[FOCAL, 0, (COLS - 1) / 2], [0, FOCAL, (ROWS - 1) / 2], [0, 0, 1]])
    wide = np.array([[FOCAL, 0, 300.0], [0, FOCAL, 300.0], [0, 0, 1]])
    mount, _ = cv2.Rodrigues(np.array([0, 0, np.radians(turn_deg)]))
    for n, t in enumerate(true_s):
        R, _ = cv2.Rodrigues(angles(t, 0))
        H = K @ np.asarray(mount) @ np.asarray(R) @ np.linalg.inv(wide)
        picture = cv2.warpPerspective(ground, H, (COLS, ROWS)) + rng.normal(size=(ROWS, COLS)) * 2
        codes = np.clip(picture, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / name / f"{name}_{n:04}.png"), codes)


def true_times() -> tuple[list[float], list[float]]:
    """When the second camera's frames were taken, and what its clock said."""
    first = [OFF_S + k / 12 for k in range(int((RESTART_S - OFF_S) * 12))]
    again = first[-1] + AWAY_S
    second = [again + k / 12 for k in range(int((LONG_S - again) * 12))]
    told = [t - OFF_S for t in first] + [t - again for t in second]
    return first + second, told


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config whose second camera began anew from 0 in the middle."""
    folder = tmp_path_factory.mktemp("restarted")
    true_s, told_s = true_times()
    frames(folder, "left", [k / 20 for k in range(int(LONG_S * 20))], 0.0)
    frames(folder, "right", true_s, 90.0)
    rows = [f"right_{k:04}.png,{t:.6f}" for k, t in enumerate(told_s)]
    (folder / "right.csv").write_text("\n".join(["file,s", *rows]) + "\n", "utf-8")
    (folder / "restarted.yaml").write_text(CONFIG, "utf-8")
    return folder / "restarted.yaml"


@pytest.fixture(scope="module")
def found(restarted: Path) -> Synced:
    """The pair, measured once."""
    return measure_sync(load(restarted), workers=1)


def test_a_restart_is_measured_kept_and_laid(found: Synced, restarted: Path) -> None:
    """The sync file holds the step where the clock was set, and frames lie by their true times."""
    write(load(restarted), found)
    kept = read_sync(sync_path(restarted))
    assert kept is not None
    (step,) = kept.cameras["right"].steps
    right = make(load(restarted)).cameras["right"]
    names = [shot.path.name for shot in right.shots]
    assert names == sorted(names)
    true_s, told_s = true_times()
    assert len(names) == len(true_s)
    off = np.array([float(t) for t in right.track.times]) - true_s
    assert np.abs(off).max() < 0.012
    before = next(k for k in range(1, len(told_s)) if told_s[k] < told_s[k - 1]) - 1
    assert float(step.at_s) == pytest.approx(told_s[before] + 1 / 24, abs=1e-3)
    assert "a step of +1.41" in right.how


def test_before_it_is_measured_the_plan_says_so(restarted: Path) -> None:
    """Unmeasured, the frames keep their order, and the plan tells of the reset and the cure."""
    other = restarted.with_name("unmeasured.yaml")
    other.write_text(CONFIG, "utf-8")
    right = make(load(other)).cameras["right"]
    said = [f for f in right.findings if f.code == "clock_reset"]
    assert len(said) == 1
    assert "set back by" in said[0].what
    assert right.shots[-1].path.name == f"right_{len(right.shots) - 1:04}.png"
