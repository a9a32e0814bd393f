"""Cameras that share a part of their motion."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.clock.motion import Turned
from descent.clock.part import fit_part
from descent.clock.turned import tie_turned
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
    assert tie_turned(a, b) == fit


@pytest.mark.parametrize("seed", range(4))
def test_no_part_of_unrelated_motion_is_found(seed: int) -> None:
    """Bodies that swing at one pace but each for itself are tied by nothing."""
    a = carried(30, 45, [(45, 10 + seed)], 0.0)
    b = carried(12, 45, [(45, 20 + seed)], OFF_S)
    with pytest.raises(UnsureSync):
        fit_part(a, b)
    with pytest.raises(UnsureSync):
        tie_turned(a, b)
