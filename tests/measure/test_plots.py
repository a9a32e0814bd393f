"""Ties drawn: what is left over and the next best answer, for each kind of evidence."""

from __future__ import annotations

import numpy as np
import pytest

from descent.clock import faces_look
from descent.clock.faces import MUTUAL, fit_faces
from descent.clock.joint import Tie
from descent.measure.plots import HIGH, WIDE, picture_mutual
from tests.clock.made_bodies import posed


@pytest.mark.parametrize("swapped", [False, True])
def test_mutual_motion_is_drawn_with_its_next_best(swapped: bool) -> None:
    """The best offset and the next best lie where the fit says, whichever camera is slower."""
    a, b = posed(12, (3, 20), 5, False, 0.0), posed(15, (5, 21), 5, True, 1.7)
    one, other = ([b], [a]) if swapped else ([a], [b])
    fit = fit_faces(one, other, 10.0)
    seen = faces_look.look(one, other, fit, 10.0)
    assert seen.best_s == pytest.approx(fit.offset, abs=1e-6)
    assert abs(seen.rival_s - seen.best_s) > 0.5
    there = float(np.interp(seen.best_s, seen.lags, seen.evidence))
    assert there > 1.5 * float(np.interp(seen.rival_s, seen.lags, seen.evidence))
    assert np.std(seen.errors[seen.used]) < 5e-3
    image = picture_mutual(Tie("up", "down", fit, MUTUAL), seen)
    assert image.size == (WIDE, HIGH)
