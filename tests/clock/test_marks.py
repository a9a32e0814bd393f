"""Events that only marks know, and the resolution of tables."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clock.marks import fit_marks, marked_events
from descent.clock.table import coarser_grid

F = Fraction


def test_events_through_the_reference_camera() -> None:
    """An event without a time gets it through the reference camera's clock."""
    marks = {
        "ignition": {"pad": F(41), "drone": F(63)},
        "chute": {"pad": F("56.2"), "drone": F("78.3")},
        "landing": {"drone": F(159)},
        "party": {"phone": F(1)},
    }
    found = marked_events(marks, "pad", {"ignition": F(0)})
    assert found == {"ignition": 0, "chute": F("15.2"), "landing": 96}
    assert marked_events(marks, "drone", {})["chute"] == F("15.3")
    assert marked_events({}, None, {"a": F(1)}) == {"a": F(1)}


@given(st.integers(-(10**7), 10**7), st.integers(-900, 900), st.integers(60, 4000))
@settings(max_examples=80, deadline=None)
def test_marks_there_and_back(offset: int, ppm: int, span: int) -> None:
    """Marks of a clock of any offset and rate are met to half a frame."""
    rate = 1 + F(ppm, 10**6)
    events = {"a": F(0), "b": F(span, 2), "c": F(span)}
    own = {event: (t - F(offset, 1000)) / rate for event, t in events.items()}
    fit = fit_marks("c", own, events, F(1, 30))
    assert fit.worst_s <= F(1, 60)
    for event, t in events.items():
        assert abs(fit.mission(own[event]) - t) <= F(1, 60)


def test_grids() -> None:
    """Rounded times are found out; regular cameras and fine stamps are not called rounded."""
    tenths = [F(n, 10) for n in (0, 34, 68, 101, 135, 169, 203, 236, 270, 304)]
    assert coarser_grid(tenths, F(1, 1000)) == F(1, 10)
    shifted = [t * (1 + F(9, 10**6)) + F("0.443") for t in tenths]
    assert coarser_grid([F(round(t * 1000), 1000) for t in shifted], F(1, 1000)) == F(1, 10)
    regular = [F(n, 10) for n in (0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12)]
    assert coarser_grid(regular, F(1, 1000)) is None
    fine = [F(n * 33367, 10**6) for n in range(40)]
    assert coarser_grid(fine, F(1, 10**6)) is None
    assert coarser_grid(tenths[:4], F(1, 1000)) is None
