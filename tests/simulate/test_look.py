"""What the synthetic landing looks like, held by numbers: canopy, ground, sky, noise."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from descent.simulate import sensor
from descent.simulate.clocks import CALM, stream
from descent.simulate.optics import CAMERAS, Pixels
from descent.simulate.scene import Scene
from descent.simulate.terrain import LEVELS
from descent.simulate.trajectory import EVENTS, Trajectory


@pytest.fixture(scope="module")
def scene() -> Scene:
    """The landing at an eighth of its size."""
    return Scene(1, Fraction(1, 8), Trajectory(1, CALM.swing))


def balanced(scene: Scene, name: str, t: float) -> Pixels:
    """A frame's raw counts by channel, white balanced by the gains that truth.json tells."""
    camera = CAMERAS[name]
    light = scene.expose(camera, t, camera.exposure_s)
    raw = sensor.counts(
        sensor.electrons(light, camera), stream(1, name, 0, "noise"), CALM.read_noise_e
    ).astype(np.float32)
    green = (raw[0::2, 1::2] + raw[1::2, 0::2]) / 2
    planes = np.stack([raw[0::2, 0::2], green, raw[1::2, 1::2]], -1)
    return np.asarray(planes * np.array(camera.gains, np.float32))


def test_canopy_white_is_neutral(scene: Scene) -> None:
    """The brightest cloth is white after the camera's gains, and red cloth is red."""
    picture = balanced(scene, "puc1", 766.0)
    least = picture.min(-1)
    bright = picture[least > np.percentile(least, 98)]
    r, g, b = bright.mean(0)
    assert abs(r / g - 1) < 0.08
    assert abs(b / g - 1) < 0.08
    redness = picture[..., 0] / np.maximum(picture[..., 1], 8)
    assert np.mean(redness > 2.2) > 0.01


@pytest.mark.parametrize("t", [800.0, 850.0, 900.0])
def test_ground_is_rust(scene: Scene, t: float) -> None:
    """Balanced, the ground is red over green over blue, as Mars is, with structure in it."""
    picture = balanced(scene, "rdc", t)
    r, g, b = picture.reshape(-1, 3).mean(0)
    assert 1.4 < r / g < 2.2
    assert 1.4 < g / b < 2.4
    assert picture[..., 1].std() / g > 0.12


def test_raw_frames_err_as_the_real_ones(scene: Scene) -> None:
    """Unbalanced, the DDC is green and the parachute camera blue."""
    for name, t, strong in (("ddc", 934.0, 1), ("puc1", 766.0, 2)):
        response = CAMERAS[name].response
        assert int(np.argmax(response)) == strong
        white = np.array(response) * np.array(CAMERAS[name].gains)
        assert np.allclose(white, white[1], rtol=2e-3)
        assert balanced(scene, name, t).max() > 150


def test_sky_is_butterscotch(scene: Scene) -> None:
    """Above the hanging rover the sky is red over green over blue."""
    picture = balanced(scene, "ruc", 932.0)
    r, g, b = np.median(picture[:4], (0, 1))
    assert r > 1.1 * g > 1.2 * b


def test_shield_hides_the_ground_until_it_leaves(scene: Scene) -> None:
    """Before the shield leaves the rover camera sees next to nothing, then ever more ground."""
    camera = CAMERAS["rdc"]
    dark = scene.expose(camera, EVENTS["heat_shield"] - 1, 0.005)
    early = scene.expose(camera, EVENTS["heat_shield"] + 1, 0.005)
    late = scene.expose(camera, EVENTS["heat_shield"] + 6, 0.005)
    assert dark.mean() < 0.01 < early.mean() < late.mean()


def test_dust_rises_near_the_ground(scene: Scene) -> None:
    """Dust hides the ground's contrast as the engines come near it."""
    camera = CAMERAS["rdc"]
    high, low = (scene.expose(camera, t, 0.005)[..., 1] for t in (912.0, 934.0))
    assert low.mean() > 1.3 * high.mean()
    assert low.std() / low.mean() < high.std() / high.mean()


def test_noise_is_shot_and_read_noise() -> None:
    """The variance of raw counts grows with light by the full well, over the read noise."""
    camera = CAMERAS["rdc"]
    for electrons in (800.0, 6000.0):
        signal = np.full((400, 400), electrons, np.float32)
        raw = sensor.counts(signal, np.random.default_rng(1), 20.0).astype(float)
        gain = 4095 / sensor.FULL_WELL_E / 16
        expected = np.sqrt((electrons + 400) * gain**2 + 1 / 12)
        assert raw.std() == pytest.approx(expected, rel=0.03)
        assert raw.mean() == pytest.approx(electrons * gain, rel=0.01)
    assert camera.level > 0


def test_ground_levels_agree(scene: Scene) -> None:
    """A finer map of the ground is the wider one with detail: their means agree."""
    for index in range(LEVELS - 1):
        outer, inner = scene.ground.level(index), scene.ground.level(index + 1)
        assert outer.picture is not None
        assert inner.picture is not None
        size = scene.ground.size
        x = round((inner.x0 - outer.x0) / outer.texel_m)
        y = round((outer.y0 - inner.y0) / outer.texel_m)
        part = outer.picture[max(0, y) : y + size // 2, max(0, x) : x + size // 2]
        assert inner.picture.mean() == pytest.approx(float(part.mean()), rel=0.25)
