"""Turn, mirror and crop: exact on arrays, Bayer phase kept, chroma back in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.model import Format, Planes
from descent.sources.geometry import Geometry, Mirror
from descent.tools.colour import planes_to_rgb, rgb_to_planes

_TURNS = st.sampled_from([0, 90, 180, 270])
_MIRRORS: st.SearchStrategy[Mirror] = st.sampled_from(["none", "horizontal", "vertical"])


@settings(max_examples=150)
@given(
    pattern=st.sampled_from(["RGGB", "BGGR", "GRBG", "GBRG"]),
    size=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    corner=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    turn=_TURNS,
    mirror=_MIRRORS,
)
def test_the_bayer_phase_follows_every_move(
    pattern: str, size: tuple[int, int], corner: tuple[int, int], turn: int, mirror: Mirror
) -> None:
    """The phase that the format tells is the colour map moved like the pixels, everywhere."""
    rows, cols = size[0] + corner[0] + 1, size[1] + corner[1] + 1
    letters = np.array(list(pattern)).reshape(2, 2)
    colours = np.tile(letters, (rows, cols))[:rows, :cols]
    geometry = Geometry((*corner, *size), turn, mirror)
    before = Format(rows, cols, "mosaic", cfa=pattern, transfer="raw")
    after = geometry.format(before)
    moved = geometry.array(colours)
    assert moved.shape == (after.rows, after.cols)
    assert after.cfa is not None
    expected = np.tile(np.array(list(after.cfa)).reshape(2, 2), moved.shape)
    np.testing.assert_array_equal(moved, expected[: after.rows, : after.cols])


def test_turns_are_clockwise_and_mirrors_come_after() -> None:
    """A quarter turn brings the left side up; a horizontal mirror then swaps left and right."""
    picture = np.array([[1, 2], [3, 4]], np.uint8)
    np.testing.assert_array_equal(Geometry(turn=90).array(picture), [[3, 1], [4, 2]])
    np.testing.assert_array_equal(
        Geometry(turn=90, mirror="horizontal").array(picture), [[1, 3], [2, 4]]
    )


def _scene() -> NDArray[np.uint8]:
    """A smooth coloured picture (48, 64, 3), in which a chroma shift shows."""
    y, x = np.mgrid[0:48, 0:64]
    red = 128 + 90 * np.sin(x / 9 + 1) * np.cos(y / 11)
    green = 128 + 60 * np.cos(x / 13 - y / 7)
    blue = 128 + 90 * np.sin(y / 10 + 2) * np.cos(x / 8)
    return np.stack([red, green, blue], axis=2).round().astype(np.uint8)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("mirror", ["none", "horizontal", "vertical"])
def test_planes_move_like_the_picture_they_came_from(turn: int, mirror: Mirror) -> None:
    """Moving planes equals moving RGB: luma to the bit, chroma to within its rounding."""
    geometry = Geometry(None, turn, mirror)
    scene = _scene()
    moved = geometry.planes(rgb_to_planes(scene))
    wanted = rgb_to_planes(geometry.array(scene))
    np.testing.assert_array_equal(moved.y, wanted.y)
    for got, want in ((moved.u, wanted.u), (moved.v, wanted.v)):
        inside = np.s_[2:-2, 2:-2]
        assert np.abs(got[inside].astype(int) - want[inside]).max() <= 1
    assert planes_to_rgb(moved).shape == geometry.array(scene).shape


def test_planes_are_cropped_to_the_bit_on_even_lines() -> None:
    """An even crop takes samples as they are; an odd one is refused with an even cure."""
    planes = rgb_to_planes(_scene())
    cropped = Geometry((2, 4, 20, 30)).planes(planes)
    np.testing.assert_array_equal(cropped.y, planes.y[2:22, 4:34])
    np.testing.assert_array_equal(cropped.u, planes.u[1:11, 2:17])
    with pytest.raises(FormatError, match="top: 2, left: 4, height: 20, width: 30"):
        Geometry((3, 4, 20, 31)).planes(planes)


def test_nothing_is_copied_where_nothing_moves() -> None:
    """The common case costs nothing."""
    picture = np.zeros((4, 4), np.uint8)
    planes = Planes(picture, picture[:2, :2], picture[:2, :2])
    assert Geometry().array(picture) is picture
    assert Geometry().planes(planes) is planes


def test_a_crop_outside_the_picture_is_refused() -> None:
    """A crop that leaves the picture names both sizes."""
    stored = Format(40, 60, "grey")
    with pytest.raises(FormatError, match="crop of 50 x 10 px at 20, 0 leaves"):
        Geometry((0, 20, 10, 50)).format(stored)
    assert Geometry((0, 20, 10, 40), 90).format(stored) == replace(stored, rows=40, cols=10)
