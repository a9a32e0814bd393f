"""The simulated flight: heights, swing, blur and clocks, told from poses without drawing."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.simulate.clocks import FLIGHT, make_clock
from descent.simulate.landing import _exposure
from descent.simulate.optics import CAMERAS
from descent.simulate.scene import Scene
from descent.simulate.trajectory import EVENTS, Trajectory
from descent.simulate.truth import spin

# From the poses in the LCAM labels: SCLK - 666952000 s, m above the ground.
MEASURED = ((774.0, 11230.0), (878.2, 2080.0), (879.3, 1990.0), (916.9, 40.0), (920.3, 20.5))
# Where the subject moves in the picture, and blur is promised.
MOVING = {
    "puc1": (EVENTS["canopy_peak_2"] + 1, EVENTS["backshell"]),
    "rdc": (EVENTS["heat_shield"], EVENTS["rover_lowered"]),
    "ddc": (868.0, EVENTS["touchdown"] - 0.4),
    "ruc": (EVENTS["rover_lowered"] + 2.5, EVENTS["touchdown"] - 0.4),
}


@pytest.fixture(scope="module")
def flight() -> Trajectory:
    """The trajectory of the flight preset."""
    return Trajectory(1, FLIGHT.swing)


@pytest.mark.parametrize(("time_s", "height_m"), MEASURED)
def test_height_follows_the_measured_profile(
    flight: Trajectory, time_s: float, height_m: float
) -> None:
    """The height above ground is the measured one within three per cent."""
    assert flight.height(time_s) == pytest.approx(height_m, rel=0.03)
    assert flight.rover(time_s).place[2] == pytest.approx(height_m, rel=0.03)


def test_it_always_sinks_and_stands_in_the_end(flight: Trajectory) -> None:
    """The rover never rises, keeps to the measured rates, and stands still on the ground."""
    heights = [flight.height(float(t)) for t in np.arange(757.0, 941.0, 0.1)]
    assert all(a >= b for a, b in pairwise(heights))
    assert (flight.height(774.0) - flight.height(878.2)) / 104.2 == pytest.approx(87.7, rel=0.02)
    assert (flight.height(879.3) - flight.height(916.9)) / 37.6 == pytest.approx(51.9, rel=0.02)
    first, last = flight.rover(EVENTS["touchdown"] + 0.2), flight.rover(945.0)
    assert np.allclose(first.place, last.place)
    assert np.allclose(first.turn, last.turn)
    assert first.place[2] == 0


def test_rover_is_rigid_with_the_stage_until_lowered(flight: Trajectory) -> None:
    """Stowed, rover and stage turn as one; lowered, each swings by itself."""
    stowed = [flight.stage(t).turn.T @ flight.rover(t).turn for t in (800.0, 870.0, 921.9)]
    assert all(np.allclose(turn, np.eye(3), atol=1e-12) for turn in stowed)
    hung = flight.stage(930.0).turn.T @ flight.rover(930.0).turn
    assert not np.allclose(hung, np.eye(3), atol=1e-3)
    gap = flight.stage(930.0).place - flight.rover(930.0).place
    assert float(np.sqrt(gap @ gap)) == pytest.approx(1.8 + flight.bridle_m, abs=1e-6)


def test_poses_are_smooth(flight: Trajectory) -> None:
    """No body jumps: over 2 ms nothing moves or turns more than its speed allows."""
    for name, camera in CAMERAS.items():
        for t in np.arange(max(camera.starts, 759.0), camera.ends - 0.1, 0.237):
            a, b = flight.body(camera, float(t)), flight.body(camera, float(t) + 0.002)
            speed = np.sqrt(((b.place - a.place) ** 2).sum()) / 0.002
            assert speed < 420, (name, t)
            assert np.abs(b.turn - a.turn).max() / 0.002 < 1.2, (name, t)


@pytest.mark.parametrize("seed", [1, 5, 11])
def test_swing_is_that_of_the_preset(seed: int) -> None:
    """Under the parachute the camera turns at 0.15 to 0.25 rad/s nearly all of the time."""
    path = Trajectory(seed, FLIGHT.swing)
    times = np.arange(765.0, 876.0, 0.31)
    rates = np.array([np.sqrt((spin(path, CAMERAS["rdc"], float(t)) ** 2).sum()) for t in times])
    assert 0.17 < np.median(rates) < 0.23
    assert np.mean((rates > 0.14) & (rates < 0.26)) > 0.9


@pytest.mark.parametrize("seed", [1, 5])
def test_flight_blurs_by_three_to_twelve_pixels(seed: int) -> None:
    """Wherever its subject moves, a flight frame at full size smears it by 3 to 12 px."""
    scene = Scene(seed, Fraction(1), Trajectory(seed, FLIGHT.swing))
    for name, (start, end) in MOVING.items():
        clock = make_clock(CAMERAS[name], seed, FLIGHT)
        frames = clock.frames(start, end)
        lengths = []
        for frame in frames[:: max(1, len(frames) // 60)]:
            exposure = _exposure(scene, clock, frame, FLIGHT)
            assert exposure * float(clock.camera.rate) <= 0.93 + 1e-6
            path = scene.motion(clock.camera, clock.opens(frame), exposure, 9)
            lengths.append(float(np.sqrt(((path[-1] - path[0]) ** 2).sum())) * 9 / 8)
        assert min(lengths) >= 3, name
        assert max(lengths) <= 12, name


def test_blur_is_the_path_that_the_truth_tells() -> None:
    """A sharp frame convolved with the subject's path is the exposed frame, away from borders."""
    scene = Scene(3, Fraction(1, 4), Trajectory(3, FLIGHT.swing))
    camera, start, exposure = CAMERAS["rdc"], 850.0, 0.05
    path = scene.motion(camera, start, exposure, 33)
    kernel = np.zeros((31, 31), np.float32)
    for x, y in path + 15:
        i, j = int(y), int(x)
        for di, dj in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = (1 - abs(y - i - di)) * (1 - abs(x - j - dj))
            kernel[i + di, j + dj] += weight / len(path)
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)
    sharp = scene.sharp(camera, start + exposure / 2)
    blurred = scene.expose(camera, start, exposure)
    # filter2D correlates; the path runs the other way for a correlation.
    made = cv2.filter2D(sharp, -1, kernel[::-1, ::-1])
    middle = (slice(96, 160), slice(128, 192))
    error = float(np.sqrt(((made - blurred)[middle] ** 2).mean()))
    smear = float(np.sqrt(((sharp - blurred)[middle] ** 2).mean()))
    assert error < 0.35 * smear


@given(
    st.sampled_from(sorted(CAMERAS)),
    st.integers(0, 50),
    st.lists(st.floats(750, 950), min_size=3, max_size=3).map(sorted),
)
@settings(max_examples=60, deadline=None)
def test_frames_of_adjoining_spans_meet(name: str, seed: int, cuts: list[float]) -> None:
    """Half-open spans that meet hold each frame once, and each within its span."""
    clock = make_clock(CAMERAS[name], seed, FLIGHT)
    a, b, c = cuts
    assert [*clock.frames(a, b), *clock.frames(b, c)] == list(clock.frames(a, c))
    for frame in clock.frames(a, b)[:: 1 + len(clock.frames(a, b)) // 5]:
        assert a - 1e-6 <= clock.opens(frame) < b + 1e-6


@pytest.mark.parametrize("name", sorted(CAMERAS))
def test_flight_clocks_are_off_as_promised(name: str) -> None:
    """Offsets stay within 2 s, drifts within 100 ppm, both clearly off; 2 % of frames drop."""
    clocks = [make_clock(CAMERAS[name], seed, FLIGHT) for seed in range(12)]
    assert all(0.19 < abs(c.offset_s) <= 2 and 9 < abs(c.drift_ppm) <= 100 for c in clocks)
    assert len({c.offset_s > 0 for c in clocks}) == 2
    lost = np.mean([clocks[0].dropped(i) for i in range(4000)])
    assert 0.012 < lost < 0.028
    stamps = [clocks[0].stamp(i) for i in range(200)]
    assert all(a < b for a, b in pairwise(stamps))
