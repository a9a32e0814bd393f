"""Match: one ground and one white shown alike, measured on real clips, refused with a cure."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from descent.errors import FormatError
from descent.measure.match import Seen, _instants, _overlap, fitted
from descent.model import Format, Frame
from descent.restore.match import STAGE, Match, chosen, difference, matrix_of, ways

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
    (here, there), cells = found
    np.testing.assert_allclose(here, CAST @ there, rtol=0.02)
    assert len(cells) > 4
    for cell in cells:
        np.testing.assert_allclose(cell[0], CAST @ cell[1], rtol=0.08)
    assert _overlap(np.zeros_like(a), b) is None


def test_instants_are_shared_and_spread() -> None:
    """Frames pair with the nearest in time, none further than a quarter of a second."""
    mine = [Fraction(k, 2) for k in range(40)]
    its = [Fraction(k, 3) + 5 for k in range(40)]
    pairs = _instants(mine, its)
    assert 8 <= len(pairs) <= 16
    assert all(abs(mine[a] - its[b]) <= Fraction(1, 4) for a, b in pairs)
    assert _instants(mine, [Fraction(100)]) == []


def seen_through(cast: np.ndarray, count: int = 9, dust: float = 0.0) -> list[Seen]:
    """Instants of a ground, a white and a grey-green thing, the first camera's through a cast."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(count):
        drift = 1 + dust * rng.uniform(-1, 1)
        ground, white, thing = np.array(GROUND), np.full(3, 0.8), np.array([0.2, 0.25, 0.18])
        noisy = [(cast @ v * rng.normal(1, 0.002, 3), v) for v in (ground, white, thing)]
        found.append(Seen((noisy[0][0] * drift, noisy[0][1]), noisy[1], (noisy[2],)))
    return found


def test_a_camera_that_is_darker_and_tinted_gets_gains_and_no_more() -> None:
    """The plainest way that explains the difference is taken, and proved on other instants."""
    found = fitted(seen_through(np.diag([0.5, 0.6, 0.8])), marked=True)
    assert found["way"] == "gains"
    np.testing.assert_allclose(np.diag(found["matrix"]), [2, 1 / 0.6, 1.25], rtol=0.01)
    assert found["difference_after"] < 1 < found["difference_before"]
    assert fitted(seen_through(0.5 * np.eye(3)), marked=True)["way"] == "exposure"


def test_a_ground_that_drifts_in_brightness_gives_its_colour_alone() -> None:
    """Under drifting dust a common brightness would be a guess: colour is matched, not exposure."""
    cast = np.array([[1.1, 0, -0.1], [0, 1, 0], [-0.2, 0, 1.2]])
    found = fitted(seen_through(cast, count=12, dust=0.6), marked=False)
    assert found["way"] in ("colour", "exact")
    assert found["difference_after"] < found["difference_before"]


def test_what_would_take_another_colour_away_is_not_done() -> None:
    """A ground in another light than white and check is no match: the camera stays as it was."""
    alike = seen_through(np.eye(3))
    odd = [Seen((np.array([0.05, 0.2, 0.4]), np.array(GROUND)), s.white, s.checks) for s in alike]
    for marked in (True, False):
        found = fitted(odd, marked=marked)
        assert found["kept_as_it_was"]
        assert found["way"] == "none"
        assert found["matrix"] == np.eye(3).tolist()
        assert found["difference_after"] == found["difference_before"]


@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_few_instants_are_enough(count: int) -> None:
    """One instant measures and proves, two share that, six are parted in three."""
    found = fitted(seen_through(np.diag([0.5, 0.6, 0.8]), count), marked=True)
    assert found["instants"] == count
    assert found["held_out"] == {1: 0, 2: 1, 5: 2, 6: 2}[count]
    assert not found["kept_as_it_was"]


def test_ways_meet_what_they_promise() -> None:
    """Exact lands on the ground; colour keeps its brightness; no light at all is refused."""
    ground = ((0.3, 0.22, 0.12), (0.4, 0.25, 0.12))
    found = ways(ground)
    np.testing.assert_allclose(found["exact"] @ ground[0], ground[1], rtol=1e-6)
    kept = found["colour"] @ ground[0]
    np.testing.assert_allclose(kept.sum(), sum(ground[0]))
    np.testing.assert_allclose(kept / kept.sum(), np.array(ground[1]) / sum(ground[1]))
    with pytest.raises(FormatError, match="light"):
        ways(((0.0, 0.1, 0.1), ground[1]))


def test_a_way_that_bends_more_must_come_nearer_by_what_is_seen() -> None:
    """Half a unit of difference decides nothing; more than one does."""
    assert chosen({"none": 5.0, "gains": 4.5}) == "none"
    assert chosen({"none": 5.0, "gains": 2.0, "exact": 1.5}) == "gains"
    assert chosen({"none": 5.0, "gains": 3.0, "exact": 1.5}) == "exact"
