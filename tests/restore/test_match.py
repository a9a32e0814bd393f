"""Match: one ground and one white shown alike, measured on real clips, refused with a cure."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from descent.errors import FormatError
from descent.measure.match import _instants, _overlap
from descent.model import Format, Frame
from descent.restore.match import STAGE, Match, difference, matrix_of

GROUND = (0.30, 0.20, 0.10)
CAST = np.array([[0.9, 0.1, 0.0], [0.05, 0.85, 0.05], [0.0, 0.15, 0.7]])


def test_ground_and_white_come_out_as_in_the_other_camera() -> None:
    """White lands on white exactly, the ground's colour within a whisker."""
    white = np.array([0.8, 0.78, 0.7])
    ground = np.array(GROUND)
    seen, lit = (CAST @ ground).tolist(), (CAST @ white).tolist()
    found = matrix_of((seen, ground.tolist()), (lit, white.tolist()))
    np.testing.assert_allclose(found @ (CAST @ ground), ground, rtol=1e-6)
    made = found @ (CAST @ white)
    np.testing.assert_allclose(made / made.sum(), white / white.sum(), atol=1e-6)


def test_a_grey_ground_sets_one_gain_a_channel() -> None:
    """Where the ground is as grey as a white it is the white: nothing is mixed."""
    found = matrix_of(((0.4, 0.4, 0.4), (0.2, 0.22, 0.2)))
    np.testing.assert_allclose(found, np.diag([0.5, 0.55, 0.5]))


@pytest.mark.parametrize("here", [(0.0, 0.1, 0.1), (0.001, 0.001, 0.0015)])
def test_what_cannot_be_matched_is_refused(here: tuple[float, float, float]) -> None:
    """No light and gains out of reach are errors that say what to write."""
    with pytest.raises(FormatError) as error:
        matrix_of((here, GROUND))
    assert error.value.do


def test_alike_colours_are_no_distance_apart() -> None:
    """The difference is 0 for one colour, and 100 from black to white."""
    assert difference(GROUND, GROUND) == 0
    assert difference((1, 1, 1), (0, 0, 0)) == pytest.approx(100, abs=0.01)


def test_a_frame_goes_through_the_measured_matrix_only() -> None:
    """Unmeasured frames stay; measured ones are the matrix's, clipped to 0 and 1."""
    kind = Format(4, 6, "rgb", "float32", None, "linear", 1.0)
    picture = np.random.default_rng(1).random((4, 6, 3), dtype=np.float32)
    same = STAGE.apply([Frame(picture)], 0, Match(to="one"), {}, 0, kind)
    np.testing.assert_array_equal(np.asarray(same.pixels), picture)
    made = STAGE.apply([Frame(picture)], 0, Match(to="one"), {"matrix": CAST.tolist()}, 0, kind)
    np.testing.assert_allclose(np.asarray(made.pixels), picture @ CAST.T, atol=1e-6)
    assert made.notes["match"] == {"to": "one"}
    with pytest.raises(FormatError, match="grey"):
        STAGE.gives(Format(4, 6, "grey", "float32", None, "linear", 1.0), Match(to="one"))


def test_the_ground_is_found_where_two_pictures_overlap() -> None:
    """Two views of one coloured ground, moved and cast: both medians are of the same ground."""
    rng = np.random.default_rng(3)
    import cv2

    detail = cv2.GaussianBlur(rng.random((420, 420), dtype=np.float32), (0, 0), 2)
    detail = 0.6 + 0.35 * (detail - detail.mean()) / detail.std()
    ground = np.clip(detail, 0.2, 1)[..., None] * np.array(GROUND, np.float32)
    a, b = ground[20:340, 30:350], ground[60:380, 80:400]
    found = _overlap(np.asarray(a @ CAST.T, np.float32), b)
    assert found is not None
    np.testing.assert_allclose(found[0], CAST @ found[1], rtol=0.02)
    assert _overlap(np.zeros_like(a), b) is None


def test_instants_are_shared_and_spread() -> None:
    """Frames pair with the nearest in time, none further than a quarter of a second."""
    mine = [Fraction(k, 2) for k in range(40)]
    its = [Fraction(k, 3) + 5 for k in range(40)]
    pairs = _instants(mine, its)
    assert 8 <= len(pairs) <= 16
    assert all(abs(mine[a] - its[b]) <= Fraction(1, 4) for a, b in pairs)
    assert _instants(mine, [Fraction(100)]) == []
