"""What pixels tell of times and of what is seen: real frames, and the synthetic landing."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.config import load
from descent.model import Finding
from descent.pixels import look
from descent.plan.cameras import plan_camera
from descent.plan.clocks import clocks_of
from descent.plan.records import CameraPlan
from descent.restore.header import read_header
from descent.restore.levels import measure_stretch
from descent.simulate import landing, sensor
from descent.sources.stills import one_channel, read_still
from descent.tools.ground import Pair, pair, seen, small
from descent.tools.register import features

ROOT = Path(__file__).resolve().parents[1]


def planned(release: Path, camera: str) -> CameraPlan:
    """One camera of a release, laid."""
    loaded = load(release, check_files=False)
    clocks, events = clocks_of(loaded)
    return plan_camera(camera, loaded, clocks, {name: t for name, (t, _) in events.items()})


def codes(found: list[Finding]) -> list[str]:
    """The codes of findings."""
    return [finding.code for finding in found]


def test_what_the_lander_camera_sees(shared_data: Path) -> None:
    """Of the 87 real frames 1 to 4, and 74 and later, are named as not seeing the ground."""
    with (shared_data / "lcam" / "frames.csv").open() as table:
        names = [row["jpg"] for row in csv.DictReader(table)]
    plan = planned(ROOT / "configs" / "releases" / "lcam.yaml", "lander")
    assert [shot.path.name for shot in plan.shots] == names
    assert plan.track.resolution_s == Fraction(1, 20)
    found = look(plan)
    assert codes(found) == ["ground", "no_ground", "no_ground"]
    assert f"from {names[4]} to {names[72]}" in found[0].what
    assert "(frames 1 to 4," in found[1].what
    assert "(frames 74 to 87," in found[2].what
    assert "6 match on what rides along" in found[2].what


RELEASE = """\
schema: 1
title: t
credit: c
events: mars2020
cameras:
  ground: {kind: mars2020/rdc, files: rdc/}
outputs:
  look: {still: ground, at: touchdown - 4s, alt: Ground}
"""


def _raw_frames(folder: Path, count: int, *, stretched: bool) -> list[Path]:
    """Raw frames with header pixels, 30 a second, by the archive's names."""
    folder.mkdir()
    rng = np.random.default_rng(9)
    slope = np.linspace(40, 170, 320)[None, :] + np.linspace(0, 25, 256)[:, None]
    made = []
    for k in range(count):
        raw = np.clip(slope + rng.normal(0, 4, slope.shape), 1, 255).astype(np.uint8)
        clock = Fraction(666952930) + Fraction(k, 30)
        raw[0, :48] = sensor.header(70 + k, clock, 0.002, raw.shape)
        if stretched:
            raw = sensor.stretched(raw, sensor.find_stretch(raw, rng))
        ms = round(clock * 1000)
        name = f"EDF_0000_{ms // 1000:010d}_{ms % 1000:03d}FDR_N{k:07d}EDLC00000_0000LUJ01.png"
        cv2.imwrite(str(folder / name), raw)
        made.append(folder / name)
    return made


@pytest.mark.parametrize("stretched", [False, True])
def test_the_counter_finds_what_was_dropped(tmp_path: Path, stretched: bool) -> None:
    """Frames lost on the way are found by the counter in header pixels, stretched or not."""
    frames = _raw_frames(tmp_path / "rdc", 40, stretched=stretched)
    for lost in (frames[10], frames[11], frames[30]):
        lost.unlink()
    (tmp_path / "release.yaml").write_text(RELEASE, encoding="utf-8")
    found = look(planned(tmp_path / "release.yaml", "ground"))
    assert codes(found) == ["dropped"], found
    places = [f"2 after {frames[9].name}", f"1 after {frames[29].name}"]
    assert all(place in found[0].what for place in places)


def test_the_simulated_landing_counts_its_drops(tmp_path: Path) -> None:
    """What the simulation says it dropped is what the counter finds."""
    truth = landing(
        tmp_path, seed=3, scale="1/16", start="touchdown - 4s", end="touchdown - 1s",
        cameras=["rdc"], flight=True, stretch=False,
    )  # fmt: skip
    count = len(list((tmp_path / "rdc").glob("*.png")))
    camera = json.loads(truth.read_text())["cameras"]["rdc"]
    numbers = [frame["frame"] for frame in camera["frames"]]
    dropped = [k for k in camera["dropped"] if min(numbers) < k < max(numbers)]
    assert dropped
    (tmp_path / "release.yaml").write_text(RELEASE, encoding="utf-8")
    found = look(planned(tmp_path / "release.yaml", "ground"))
    assert f"in {count} of {count} frames" in found[0].what
    assert f"shows {len(dropped)} that never arrived" in found[0].what


def test_the_header_of_a_real_frame(shared_data: Path) -> None:
    """A stretched frame gives back the lowest byte of its counter, and no byte that was lost."""
    path = next((shared_data / "edl_stills").glob("*ESF_0004*.png"))
    picture = one_channel(read_still(path).pixels)
    assert picture is not None
    stretch = measure_stretch(picture)
    header = read_header(picture, stretch)
    assert header is not None
    assert header.counter == (40, 256)
    assert header.values[4] == 0xC3
    assert read_header(picture[100:], stretch) is None


def test_ground_that_a_made_camera_sees() -> None:
    """Made frames: dark, then ground that grows, then specks that stay where they are."""
    rng = np.random.default_rng(5)
    rough = cv2.GaussianBlur(rng.standard_normal((900, 900)).astype(np.float32), (0, 0), 3)
    ground = cv2.normalize(rough, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
    specks = np.full((300, 300), 60, np.uint8)
    for x, y in rng.integers(20, 280, (60, 2)):
        cv2.circle(specks, (int(x), int(y)), int(rng.integers(2, 7)), int(rng.integers(0, 255)), -1)
    frames: list[NDArray[Any]] = [
        rng.integers(0, 12, (300, 300)).astype(np.uint8) for _ in range(3)
    ]
    for k in range(12):
        half = 420 / 1.06**k
        side = np.array([[300 / (2 * half), 0, 150 - 450 * 150 / half],
                         [0, 300 / (2 * half), 150 - (450 + k) * 150 / half]])  # fmt: skip
        frames.append(cv2.warpAffine(ground, side, (300, 300), flags=cv2.INTER_AREA))
    frames += [specks + rng.integers(0, 3, specks.shape).astype(np.uint8) for _ in range(4)]
    found = [features(small(frame), most=400) for frame in frames]
    pairs = [pair(a, b) for a, b in pairwise(found)]
    assert seen(pairs) == (False,) * 3 + (True,) * 12 + (False,) * 4
    assert pairs[-1].inliers > 12  # they match all the same
    still = [Pair(200, 0.9, 1.0, 8.0)] * 20
    assert seen(still) is None  # a camera that pans comes down to nothing
    assert seen([Pair()] * 5) is None
