"""Exact times as integers."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from descent.tools.exact import common, is_gap, local_medians, scaled


@given(st.lists(st.fractions(max_denominator=10**5), min_size=1, max_size=20), st.integers(1, 99))
@settings(max_examples=80, deadline=None)
def test_nothing_is_lost(times: list[Fraction], over: int) -> None:
    """Times over their common denominator are the very times."""
    found = common(times, over)
    assert found % over == 0
    assert [Fraction(n, found) for n in scaled(times, found)] == times


def test_local_medians_follow_an_uneven_camera() -> None:
    """A lone drop-out is not usual; a change of cadence is."""
    assert local_medians([1, 1, 1, 5, 1, 1, 1]) == [1] * 7
    steps = [3] * 8 + [1] * 8
    assert local_medians(steps) == steps
    assert [is_gap(n, 2) for n in (2, 5, 6)] == [False, False, True]
    assert not is_gap(9, 0)
