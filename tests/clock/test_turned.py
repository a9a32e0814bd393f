"""Cameras that share a part of their motion, and cameras that look at each other's body."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.clock.motion import Turned
from descent.clock.mutual import fit_mutual
from descent.clock.part import fit_part
from descent.clock.turned import MUTUAL, tie_turned
from descent.errors import UnsureSync

Floats = NDArray[np.float64]
OFF_S = 1.3


def swing(t: Floats, seed: int, size: float = 1.0) -> Floats:
    """Angles (n, 3) rad of a body that swings, never quite periodically."""
    rng = np.random.default_rng(seed)
    out = np.zeros((len(t), 3))
    for axis in range(3):
        for f in rng.uniform(0.2, 1.8, 6):
            out[:, axis] += size * 0.02 / f * np.sin(2 * np.pi * f * t + rng.uniform(0, 6.3))
    return out


def carried(rate: float, end_s: float, parts: list[tuple[float, int]], off_s: float) -> Turned:
    """A camera that follows one motion until each time (s, seed), by a clock that is off."""
    t = np.arange(0.0, end_s, 1 / rate)
    rng = np.random.default_rng(int(rate))
    by, start = np.zeros((len(t) - 1, 3)), 0.0
    for until, seed in parts:
        mine = (t[1:] > start) & (t[1:] <= until)
        by[mine] = np.diff(swing(t, seed), axis=0)[mine]
        start = until
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    by = by @ axes + rng.normal(size=by.shape) * 2e-4
    return Turned(t + off_s, by, np.full(len(by), 2e-4))


def test_a_third_that_is_shared_is_found() -> None:
    """Bodies that part after a third of the record are tied by that third alone."""
    a = carried(30, 45, [(17, 1), (45, 2)], 0.0)
    b = carried(12, 45, [(17, 1), (45, 3)], OFF_S)
    fit = fit_part(a, b)
    assert abs(float(fit.map(8.0)) - (8.0 - OFF_S)) < max(0.002, fit.interval)
    assert fit.evidence["part"] == pytest.approx(17 / 45, abs=0.06)
    assert fit.interval < 0.01
    assert tie_turned(a, b)[1] == "motion"


@pytest.mark.parametrize("seed", range(4))
def test_no_part_of_unrelated_motion_is_found(seed: int) -> None:
    """Bodies that swing at one pace but each for itself are tied by nothing."""
    a = carried(30, 45, [(45, 10 + seed)], 0.0)
    b = carried(12, 45, [(45, 20 + seed)], OFF_S)
    with pytest.raises(UnsureSync):
        fit_part(a, b)
    with pytest.raises(UnsureSync):
        tie_turned(a, b)


def facing(rate: float, seen: tuple[float, float], own: int, off_s: float, twist: int) -> Turned:
    """One of two cameras that face each other from `seen[0]` to `seen[1]`.

    What it sees sideways is its own; some of that leaks into the twist. Before and after it
    sees something else.
    """
    t = np.arange(0.0, 40.0, 1 / rate)
    rng = np.random.default_rng(int(rate) + own)
    inside = (t[1:] > seen[0]) & (t[1:] <= seen[1])
    pan = np.diff(swing(t, own), axis=0)
    turn = np.diff(swing(t, twist)[:, 2])
    turn = np.where(inside, turn + 0.1 * pan[:, 0] - 0.05 * pan[:, 1], pan[:, 2])
    far = 2 + 5 * np.clip((t - seen[0]) / 5, 0, 1) ** 0.7 + (1.0 if rate > 20 else 0.4)
    by = np.stack([pan[:, 0], pan[:, 1], turn], axis=1)
    by += rng.normal(size=by.shape) * 2e-4
    zoom = -np.diff(np.log(far)) + rng.normal(size=len(by)) * 2e-4
    return Turned(t + off_s, by, np.full(len(by), 2e-4), zoom, by[:, 2])


def test_faces_are_tied_by_what_is_between_them() -> None:
    """Twist and distance tie two bodies whose own tossing has nothing in common."""
    up = facing(30, (12, 30), 1, 0.0, 7)
    down = facing(12, (12, 30), 2, OFF_S, 7)
    fit, kind = tie_turned(up, down)
    assert kind == MUTUAL
    assert abs(fit.offset + OFF_S) < max(0.004, fit.interval)
    assert fit.interval < 0.06
    turned = fit_mutual(down, up)
    assert turned.offset == pytest.approx(-fit.offset, abs=1e-6)
    assert turned.interval == pytest.approx(fit.interval, rel=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_faces_that_look_elsewhere_are_refused(seed: int) -> None:
    """Twists of their own, and distances that change at other times, tie nothing."""
    up = facing(30, (12, 30), 1 + seed, 0.0, 7 + seed)
    down = facing(12, (3, 14), 12 + seed, OFF_S, 17 + seed)
    with pytest.raises(UnsureSync):
        fit_mutual(up, down)
    blind = Turned(down.times, down.by, np.full(len(down.by), np.inf))
    with pytest.raises(UnsureSync, match=r"0\.0 s of motion"):
        fit_mutual(up, blind)
