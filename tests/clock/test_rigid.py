"""A body followed through pictures, and its shape and poses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from descent.clock.follow import after, backward, moved_by, run_of, runs, similarity
from descent.clock.rigid import body_of
from tests.clock.made_bodies import FOCAL_PX, pictures, watching

Floats = NDArray[np.float64]
RATE = 12.0
similarities = arrays(np.float64, 4, elements=st.floats(0.2, 3.0))


@pytest.fixture(scope="module")
def seen() -> tuple[Floats, list[NDArray[np.uint8]]]:
    """Eight seconds of a body, and when each picture is."""
    t = np.arange(0.0, 8.0, 1 / RATE)
    return t, pictures(t, 4, False)


@settings(max_examples=30, deadline=None)
@given(similarities, similarities)
def test_similarities_follow_each_other(first: Floats, second: Floats) -> None:
    """One after the other, undone, and found again from points."""
    points = np.random.default_rng(1).uniform(-50, 50, (20, 2))
    both = moved_by(second, moved_by(first, points))
    assert np.allclose(moved_by(after(second, first), points), both)
    assert np.allclose(moved_by(backward(first), moved_by(first, points)), points)
    assert np.allclose(similarity(points, both), after(second, first))


def test_a_body_is_followed_and_its_turns_told(
    seen: tuple[Floats, list[NDArray[np.uint8]]],
) -> None:
    """Every turn is told to some mrad, tilts among them, though no shape was given."""
    t, shown = seen
    (run,) = runs(shown, RATE, 5.0)
    assert run.first == 0
    assert len(run.at) == len(t)
    body = body_of(run, FOCAL_PX)
    assert body is not None
    true, place = watching(t, 4, False, np.zeros(3))
    left, _, right = np.linalg.svd(np.einsum("nji,njk->ik", body.turn, true))
    off = np.swapaxes(body.turn @ (left @ right), 1, 2) @ true
    angles = np.stack([off[:, 2, 1], off[:, 0, 2], off[:, 1, 0]], axis=1)
    assert angles.std(axis=0).max() < 0.012
    assert np.sqrt(((true[:, :2, 2]) ** 2).mean()) > 0.05
    far = body.place[:, 2] / np.median(body.place[:, 2])
    assert np.std(far - place[:, 2] / np.median(place[:, 2])) < 0.01
    assert body.left_rad * FOCAL_PX < 0.4


def test_pictures_of_nothing_are_followed_nowhere() -> None:
    """Even pictures have no corners, and noise keeps none of them."""
    even = [np.full((120, 160), 90, np.uint8)] * 80
    assert runs(even, RATE, 5.0) == []
    rng = np.random.default_rng(2)
    noise = [rng.integers(0, 255, (120, 160)).astype(np.uint8) for _ in range(80)]
    assert runs(noise, RATE, 5.0) == []
    assert run_of(even, 40) is None


def test_corners_that_move_each_for_itself_are_no_body(
    seen: tuple[Floats, list[NDArray[np.uint8]]],
) -> None:
    """Few corners are kept, or none, where no rigid body explains them."""
    run = run_of(seen[1], 40)
    assert run is not None
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(size=run.at.shape) * 1.5, axis=0)
    run.at[:] += walk - walk[run.key]
    body = body_of(run, FOCAL_PX)
    assert body is None or body.left_rad * FOCAL_PX > 3
