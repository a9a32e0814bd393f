"""Two cameras that look at each other's body are tied by how both poses change."""

from __future__ import annotations

import numpy as np
import pytest

from descent.clock import faces_look
from descent.clock.faces import Posed, fit_faces
from descent.errors import UnsureSync
from tests.clock.made_bodies import posed

OFF_S = 1.3


@pytest.mark.parametrize("seed", range(3))
def test_faces_are_tied_by_their_poses(seed: int) -> None:
    """Clocks are told to some milliseconds, within the interval, whatever axes and scales."""
    a = posed(12, (3, 20), seed, False, 0.0)
    b = posed(15, (5, 21), seed, True, OFF_S)
    fit = fit_faces([a], [b], 10.0)
    assert abs(float(fit.map(12.0)) - (12.0 - OFF_S)) < min(0.004, fit.interval)
    assert fit.interval < 0.02
    assert fit.evidence["seen_s"] == pytest.approx(15, abs=0.3)


def test_either_camera_may_come_first() -> None:
    """The same answer turned round, and other runs beside the right one change nothing."""
    a = posed(12, (3, 20), 5, False, 0.0)
    b = posed(15, (5, 21), 5, True, OFF_S)
    other = posed(15, (30, 42), 77, True, OFF_S)
    there, back = fit_faces([a], [b], 10.0), fit_faces([b, other], [a], 10.0)
    assert back.offset == pytest.approx(-there.offset, abs=5e-4)
    assert back.interval == pytest.approx(there.interval, rel=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_bodies_that_never_met_are_refused(seed: int) -> None:
    """Bodies of one kind that swing at one pace, each for itself, tie nothing."""
    a = posed(12, (3, 20), 10 + seed, False, 0.0)
    b = posed(15, (5, 21), 20 + seed, True, OFF_S)
    with pytest.raises(UnsureSync, match="does not stand out"):
        fit_faces([a], [b], 10.0)


def test_itself_run_backwards_is_refused() -> None:
    """A true pair with one record turned round is none."""
    a = posed(12, (3, 20), 3, False, 0.0)
    with pytest.raises(UnsureSync):
        fit_faces([a], [posed(15, (5, 21), 3, True, OFF_S).backwards(1.0)], 10.0)


def test_nothing_followed_is_refused() -> None:
    """Without a body on either side, or for less than 5 s of it, there is nothing to hold."""
    a = posed(12, (3, 20), 3, False, 0.0)
    for none in ([], [posed(15, (5, 8), 3, True, OFF_S)]):
        with pytest.raises(UnsureSync, match="long enough"):
            fit_faces([a], none, 10.0)


def test_a_body_that_stands_tells_nothing() -> None:
    """Poses that never change explain nothing and are explained by anything."""
    t = np.arange(0.0, 15.0, 1 / 12)
    rng = np.random.default_rng(4)
    place = np.array([0.1, 0.2, 1.0]) + rng.normal(size=(len(t), 3)) * 1e-4
    still = Posed(t, np.broadcast_to(np.eye(3), (len(t), 3, 3)), place)
    with pytest.raises(UnsureSync):
        fit_faces([still], [posed(15, (5, 21), 3, True, OFF_S)], 10.0)


def test_a_gap_is_left_out() -> None:
    """Where one camera saw nothing for a second, no pose is made up between."""
    a = posed(12, (3, 20), 6, False, 0.0)
    b = posed(15, (3, 20), 6, True, OFF_S)
    keep = (b.times < 10 + OFF_S) | (b.times > 11 + OFF_S)
    cut = Posed(b.times[keep], b.turn[keep], b.place[keep])
    fit = fit_faces([a], [cut], 10.0)
    assert abs(fit.offset + OFF_S) < min(0.005, fit.interval)
    seen = faces_look.look([cut], [a], fit_faces([cut], [a], 10.0), 10.0)
    assert not ((seen.times > 10.1) & (seen.times < 10.9)).any()
