"""Two cameras on one body, as numbered pictures on disk, one clock of which is off."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

ROWS, COLS, FOCAL = 90, 120, 130.0
OFF_S = 0.37  # what the second camera's clock is early by
CONFIG = """\
schema: 1
title: Two on one body
zero: go
reference: left
sync: {refine: motion}
cameras:
  left: {files: left/, view: 49.5, times: {index: 'left_{index}.png', rate: 20, start: T+0s}}
  right: {files: right/, view: 49.5, times: {index: 'right_{index}.png', rate: 12, start: T+0s}}
cuts:
  film:
    - {from: T+1s, to: T+2s, show: {side_by_side: [left, right]}}
outputs:
  film: {cut: film, size: hd, rate: 20, for: web}
"""


def world() -> NDArray[np.uint8]:
    """Ground with detail of every size."""
    rng = np.random.default_rng(3)
    total = np.zeros((600, 600), np.float32)
    for size in (2, 4, 8, 16):
        small = rng.normal(size=(600 // size, 600 // size)).astype(np.float32)
        total += size**0.5 * cv2.resize(small, (600, 600), interpolation=cv2.INTER_CUBIC)
    total = (total - total.min()) / (total.max() - total.min())
    return np.asarray(total * 255, np.uint8)


def angles(t: float, seed: int) -> NDArray[np.float64]:
    """The body's attitude (3,) rad: a lively swing, never quite periodic."""
    rng = np.random.default_rng(seed)
    out = np.zeros(3)
    for axis in range(3):
        for f in rng.uniform(0.25, 2.2, 7):
            out[axis] += 0.022 / f * np.sin(2 * np.pi * f * t + rng.uniform(0, 6.3))
    return out


def film(folder: Path, name: str, rate: int, early_s: float, turn_deg: float, seed: int) -> None:
    """Numbered pictures of 10 s; number n is taken at n / rate + `early_s`."""
    ground, rng = world(), np.random.default_rng(rate)
    (folder / name).mkdir(parents=True)
    K = np.array([[FOCAL, 0, (COLS - 1) / 2], [0, FOCAL, (ROWS - 1) / 2], [0, 0, 1]])
    wide = np.array([[FOCAL, 0, 300.0], [0, FOCAL, 300.0], [0, 0, 1]])
    mount, _ = cv2.Rodrigues(np.array([0, 0, np.radians(turn_deg)]))
    for n in range(10 * rate):
        R, _ = cv2.Rodrigues(angles(n / rate + early_s, seed))
        H = K @ np.asarray(mount) @ np.asarray(R) @ np.linalg.inv(wide)
        picture = cv2.warpPerspective(ground, H, (COLS, ROWS)) + rng.normal(size=(ROWS, COLS)) * 2
        codes = np.clip(picture, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / name / f"{name}_{n:04}.png"), codes)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config whose two cameras felt one motion; its clocks are not measured yet."""
    folder = tmp_path_factory.mktemp("pair")
    film(folder, "left", 20, 0.0, 0.0, 0)
    film(folder, "right", 12, OFF_S, 90.0, 0)
    (folder / "pair.yaml").write_text(CONFIG, "utf-8")
    return folder / "pair.yaml"


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config whose two cameras rode on different bodies."""
    folder = tmp_path_factory.mktemp("strangers")
    film(folder, "left", 20, 0.0, 0.0, 0)
    film(folder, "right", 12, OFF_S, 90.0, 11)
    (folder / "strangers.yaml").write_text(CONFIG, "utf-8")
    return folder / "strangers.yaml"
