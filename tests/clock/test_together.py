"""Pairs that are believed together: between groups of cameras that sure pairs hold."""

from __future__ import annotations

import pytest

from descent.clock.together import linked

REACH = dict.fromkeys([(i, j) for i in range(4) for j in range(i + 1, 4)], 0.03)
SURE = {(0, 2): 0.5, (1, 3): -0.2}
# Camera 1 is 1.0 s ahead of camera 0, and so 3 is 0.3 s ahead of 2.
TRUE = {**SURE, (0, 1): 1.0, (2, 3): 0.3, (0, 3): 0.8, (1, 2): -0.5}


def told(**off_s: float) -> dict[tuple[int, int], float]:
    """The true lags, those named (by two digits) off by so much."""
    return {pair: lag + off_s.get(f"p{pair[0]}{pair[1]}", 0.0) for pair, lag in TRUE.items()}


def test_two_pairs_that_say_the_same_hold_two_groups_together() -> None:
    """A fair pair and a second one agree on the shift of one group against the other."""
    lags = told(p03=0.7, p12=-0.4, p23=0.02)
    assert linked(4, lags, SURE, {(0, 1)}, REACH) == {(0, 1), (2, 3)}


@pytest.mark.parametrize("fair", [set(), {(0, 3)}], ids=["none is fair", "the fair one is alone"])
def test_without_a_fair_one_among_them_nothing_is_believed(fair: set[tuple[int, int]]) -> None:
    """Two that agree and are not even fair, and a fair one that none confirms, tie nothing."""
    lags = told(p03=0.7, p12=-0.4)
    assert linked(4, lags, SURE, fair, REACH) == set()


def test_pairs_that_disagree_tie_nothing() -> None:
    """Beyond the reach of a frame there is no agreement, whichever way round a pair is told."""
    lags = told(p01=0.2, p23=-0.2, p03=0.7, p12=0.9)
    assert linked(4, lags, SURE, set(lags), REACH) == set()


def test_a_pair_between_two_cameras_alone_is_not_enough() -> None:
    """Without sure pairs there are no groups, and two pairs never say the same."""
    assert linked(4, {(0, 1): 1.0, (2, 3): 1.0}, set(), {(0, 1), (2, 3)}, REACH) == set()
