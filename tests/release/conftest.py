"""A small release that every test here reads: two cameras, a replay, a freeze and two stills."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from descent.config import load
from descent.config.load import Loaded
from descent.publish import Published, publish

CONFIG = """\
schema: 1
title: A <b>small</b> release
credit: {pictures: Nobody & Sons, processing: descent, licence: CC0-1.0}
epoch: 2021-02-18T20:43:00Z
events: {contact: 2021-02-18T20:43:01Z}
cameras:
  one:
    title: Camera one
    files: one/
    times: {rate: 10, start: 2021-02-18T20:43:00Z}
    missing: {hold: until_next, then: card}
  two:
    files: two/
    times: {order: name, rate: 5, anchor: {file: two_000.png, at: contact - 1s}}
cuts:
  main:
    - {from: contact - 1s, to: contact, show: {side_by_side: [one, two]}}
    - {replay: [contact - 0.4s, contact - 0.2s], speed: 1/2, show: {full: one}}
    - {freeze: contact - 0.5s, for: 0.3s, show: {full: one}}
outputs:
  film: {cut: main, size: 320x180, rate: 10}
  whole: {still: one, at: contact - 0.5s, alt: A ramp, caption: "Grey & <steps>"}
  card: {still: {side_by_side: [one, two]}, at: contact - 0.5s, size: 320x180}
"""


def write_frames(folder: Path, name: str, count: int, rows: int, cols: int) -> None:
    """PNG frames, each with its number as the height of a bar."""
    folder.mkdir()
    for k in range(count):
        frame = np.full((rows, cols, 3), 40, np.uint8)
        frame[: rows * (k + 1) // count, cols // 2 :] = (200, 120, 60)
        frame[:4, :4] = k
        cv2.imwrite(str(folder / f"{name}_{k:03d}.png"), frame)


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release's file, with its frames beside it."""
    folder = tmp_path_factory.mktemp("release")
    write_frames(folder / "one", "one", 10, 96, 128)
    write_frames(folder / "two", "two", 5, 96, 128)
    path = folder / "small.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def loaded(config: Path) -> Loaded:
    """The release, read."""
    return load(config)


@pytest.fixture(scope="session")
def published(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The release, made once; nobody writes into its folder."""
    out = tmp_path_factory.mktemp("published") / "out"
    return publish(loaded, out, workers=1)


@pytest.fixture
def folder(published: Published, tmp_path: Path) -> Path:
    """A copy of the release to break."""
    return Path(shutil.copytree(published.folder, tmp_path / "release"))
