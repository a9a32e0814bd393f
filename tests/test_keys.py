"""What a chunk's key holds: what decides its pixels, and never where that lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.config import load
from descent.plan import make
from descent.prepare import prepare
from descent.publish import publish
from descent.release.manifest import read_manifest
from descent.render.sequence import _jobs
from descent.render.tasks import tasks_of

CONFIG = """\
schema: 1
title: Even
credit: Nobody, CC0-1.0
zero: start
cameras:
  one:
    files: one/
    times: {rate: 10, start: T+0s}
    restore: {levels: {}, field: {flat: flat.png, vignette: none}}
cuts:
  main: [{from: start, to: start + 0.3s, show: {full: one}}]
outputs:
  film: {cut: main, size: 96x64, rate: 10, text: none}
  frames: {cut: main, rate: 10, for: frames}
"""


def even(folder: Path, flat: float = 0.0) -> Path:
    """A release of three grey frames with a calibration picture that falls by `flat` across."""
    (folder / "one").mkdir(parents=True)
    for k in range(3):
        noise = np.random.default_rng(k).integers(40, 200, (64, 96)).astype(np.uint8)
        cv2.imwrite(str(folder / "one" / f"f_{k}.png"), noise)
    across = np.linspace(200, 200 * (1 - flat), 96)
    cv2.imwrite(str(folder / "flat.png"), np.repeat(across[None], 64, 0).astype(np.uint8))
    (folder / "even.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


def keys(folder: Path, store: Path) -> tuple[str, set[str]]:
    """The plan's digest, and the keys of all that is made of a release and looked at for it."""
    plan = make(load(folder / "even.yaml"))
    ready = prepare(plan, plan, store, workers=1)
    film = next(o for o in plan.outputs if o.name == "film")
    made = {t.key for t in tasks_of(plan, film, ready.cast, ready.fingerprint)}
    frames = next(o for o in plan.outputs if o.name == "frames")
    made |= {job.key for job in _jobs(frames, ready.cast, folder / "out", ready.fingerprint)}
    return plan.digest(), made | {path.name for path in (store / "measured").iterdir()}


def test_another_folder_is_the_same_release(tmp_path: Path) -> None:
    """A release moved elsewhere, its calibration picture with it, has the plan and keys it had."""
    first = even(tmp_path / "here", 0.2)
    shutil.copytree(first, tmp_path / "on" / "another" / "disk")
    assert keys(first, tmp_path / "a") == keys(tmp_path / "on/another/disk", tmp_path / "b")


def test_another_picture_is_another_release(tmp_path: Path) -> None:
    """A calibration picture of the same name that holds something else changes every key."""
    _, one = keys(even(tmp_path / "one", 0.2), tmp_path / "a")
    _, two = keys(even(tmp_path / "two", 0.3), tmp_path / "b")
    assert not one & two


def test_what_a_picture_is_called_makes_no_chunk_again(tmp_path: Path) -> None:
    """A calibration picture under another name keeps the chunks, though not the plan."""
    first = even(tmp_path / "one", 0.2)
    second = even(tmp_path / "two", 0.2)
    (second / "flat.png").rename(second / "level.png")
    config = (second / "even.yaml").read_text("utf-8").replace("flat.png", "level.png")
    (second / "even.yaml").write_text(config, encoding="utf-8")
    plan, one = keys(first, tmp_path / "a")
    other, two = keys(second, tmp_path / "b")
    assert plan != other
    chunks = {key for key in one if not key.endswith(".json")}
    assert chunks
    assert chunks == {key for key in two if not key.endswith(".json")}


@pytest.mark.parametrize("flat", [0.0, 0.5])
def test_files_are_found_where_they_lie(tmp_path: Path, flat: float) -> None:
    """Workers divide by the picture that the config names, and the manifest tells its name."""
    folder = even(tmp_path / "here", flat)
    made = publish(load(folder / "even.yaml"), tmp_path / "out", workers=1)
    stages = read_manifest(made.folder)["sources"]["one"]["stages"]
    (field,) = (s for s in stages if s["label"].startswith("field"))
    assert field["params"]["flat"] == "flat.png"
    assert str(tmp_path) not in (made.folder / "manifest.json").read_text("utf-8")
    (path,) = (made.folder / "frames" / "one").glob("000000.*")
    light = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))[..., 0].astype(float)
    left, right = light[:, :32].mean(), light[:, -32:].mean()
    # 1.57 times the light is about 1.26 times the code of a screen.
    assert right / left == pytest.approx(1.0 if flat == 0 else 1.26, abs=0.06)
