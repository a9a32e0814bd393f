"""Registration: known motions recovered, nonsense refused, the same every time."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.tools.register import features, match


def ground(seed: int = 5) -> NDArray[np.float32]:
    """Ground with detail at several scales (300, 320)."""
    rng = np.random.default_rng(seed)
    out = np.zeros((300, 320), np.float32)
    for cells, weight in ((6, 1.0), (20, 0.6), (60, 0.4), (150, 0.2)):
        noise = rng.standard_normal((cells, cells)).astype(np.float32)
        out += weight * cv2.resize(noise, (320, 300), interpolation=cv2.INTER_CUBIC)
    return out


@pytest.mark.parametrize(
    ("scale", "turn", "x", "y"), [(1, 0, 7, -4), (1.1, 0.2, 10, 3), (0.9, -0.4, 60, 80)]
)
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_a_known_motion_is_found(
    scale: float, turn: float, x: float, y: float, gain: float
) -> None:
    """Scale, turn and shift come back to a third of a pixel, however dim the second picture."""
    picture = ground()
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    truth = np.array([[c, -s, x], [s, c, y], [0, 0, 1]])
    moved = cv2.warpPerspective(picture, truth, (320, 300)) * np.float32(gain)
    found = match(features(picture), features(moved))
    assert found is not None
    points = np.array([[100, 120, 1], [160, 150, 1], [200, 100, 1]], float)
    made, want = points @ found.matrix.T, points @ truth.T
    np.testing.assert_allclose(made[:, :2] / made[:, 2:], want[:, :2], atol=0.35)


def test_different_scenes_do_not_match() -> None:
    """Two grounds that have nothing in common are not made to fit."""
    assert match(features(ground(1)), features(ground(2))) is None


def test_flat_pictures_have_no_features() -> None:
    """Black, and a picture of one value, give no features and no match."""
    flat = features(np.zeros((50, 60), np.float32))
    assert len(flat.points) == 0
    assert match(flat, flat) is None


def test_the_same_pictures_give_the_same_map() -> None:
    """The sampling is seeded: the map is the same to the bit."""
    a, b = features(ground()), features(np.roll(ground(), 9, axis=1))
    one, two = match(a, b), match(a, b)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.matrix, two.matrix)
