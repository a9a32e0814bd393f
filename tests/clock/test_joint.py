"""All cameras' clocks adjusted at once: cycles, stamps, marks and steps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clock.fit import ClockFit, Piece
from descent.clock.joint import Own, Tie, joint

SPAN = (0.0, 60.0)


def tie(
    a: str,
    b: str,
    offset_s: float,
    *,
    interval_s: float = 0.001,
    margin: float = 5.0,
    drift: float = 0.0,
    step: tuple[float, float] | None = None,
) -> Tie:
    """Own time t of b is t + offset of a; from `step[0]` on, `step[1]` more."""
    pieces = [Piece(*SPAN, offset_s, 1 + drift)]
    if step is not None:
        at, by = step
        pieces = [
            Piece(SPAN[0], at - 0.05, offset_s, 1 + drift),
            Piece(at, SPAN[1], offset_s + by, 1 + drift),
        ]
    fit = ClockFit(Fraction(0), Fraction(0), tuple(pieces), interval_s, 0.001, margin)
    return Tie(a, b, fit, "motion")


def cameras(**half_s: float) -> dict[str, Own]:
    """Cameras that run for a minute, each with how well its own times are known."""
    return {name: Own(*SPAN, half) for name, half in half_s.items()}


def test_a_chain_of_ties_reaches_every_camera() -> None:
    """A camera is tied through b, less surely than b; d, tied to nothing, keeps its own clock."""
    own = cameras(a=0.01, b=np.inf, c=np.inf, d=0.5)
    found = joint(own, [tie("a", "b", 1.0), tie("b", "c", 0.5)], "a")
    assert found.clocks["b"].offset_at(30) == pytest.approx(1.0, abs=1e-5)
    assert found.clocks["c"].offset_at(30) == pytest.approx(1.5, abs=1e-5)
    assert found.clocks["b"].interval_s < found.clocks["c"].interval_s
    assert found.clocks["d"].offset_at(30) == 0
    assert found.clocks["d"].interval_s == 0.5


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.integers(0, 10_000))
def test_cycles_agree(offsets: list[float], seed: int) -> None:
    """With every pair measured a little off, one clock a camera is within its interval."""
    rng = np.random.default_rng(seed)
    truth = dict(zip("bcd", offsets, strict=True)) | {"a": 0.0}
    names = "abcd"
    ties = [
        tie(p, q, truth[q] - truth[p] + rng.normal() * 0.0004)
        for i, p in enumerate(names)
        for q in names[i + 1 :]
    ]
    found = joint(cameras(a=0.01, b=np.inf, c=np.inf, d=np.inf), ties, "a")
    assert not found.refused
    for name in "bcd":
        clock = found.clocks[name]
        assert abs(clock.offset_at(30) - truth[name]) < 2 * clock.interval_s


def test_a_tie_that_contradicts_a_cycle_is_named_and_refused() -> None:
    """Of four cameras one wrong pair is found, and moves nobody."""
    good = [tie("a", "b", 1.0), tie("b", "c", 1.0), tie("a", "d", 0.5), tie("d", "c", 1.5)]
    found = joint(
        cameras(a=0.01, b=np.inf, c=np.inf, d=np.inf),
        [*good, tie("b", "d", 0.3, margin=9)],
        "a",
    )
    assert [(t.a, t.b) for t, _ in found.refused] == [("b", "d")]
    assert "contradicts" in found.refused[0][1]
    assert found.clocks["c"].offset_at(30) == pytest.approx(2.0, abs=1e-4)


def test_of_three_the_weakest_is_refused() -> None:
    """A triangle cannot tell who is wrong: the least sure tie goes."""
    ties = [tie("a", "b", 1.0), tie("b", "c", 1.0), tie("a", "c", 2.5, margin=2.1)]
    found = joint(cameras(a=0.01, b=np.inf, c=np.inf), ties, "a")
    assert [(t.a, t.b) for t, _ in found.refused] == [("a", "c")]
    assert found.clocks["c"].offset_at(30) == pytest.approx(2.0, abs=1e-4)


def test_marks_count_by_how_well_they_are_known() -> None:
    """A mark good to half a frame moves a tie that is good to a second, and not the reverse."""
    rough = joint(cameras(a=0.01, b=0.016), [tie("a", "b", 0.2, interval_s=1.0)], "a")
    assert abs(rough.clocks["b"].offset_at(30)) < 0.001
    fine = joint(cameras(a=0.01, b=0.016), [tie("a", "b", 0.01)], "a")
    assert fine.clocks["b"].offset_at(30) == pytest.approx(0.01, abs=2e-4)
    assert not fine.wrong_stamps


def test_stamps_that_the_ties_contradict_are_said_to_be_wrong() -> None:
    """A clock whose stamps claim milliseconds and that runs a second late is set right."""
    found = joint(cameras(a=0.0015, b=0.0015), [tie("a", "b", 1.2)], "a")
    assert found.clocks["b"].offset_at(30) == pytest.approx(1.2, abs=1e-4)
    assert found.wrong_stamps["b"] == pytest.approx(1.2, abs=1e-3)


def test_a_step_is_laid_to_the_camera_that_all_its_ties_blame() -> None:
    """Both b and c see x step: it is the clock of x that did, though it comes first in each."""
    ties = [
        tie("x", "b", 1.0, step=(30.0, 0.3)), tie("x", "c", 2.0, step=(29.0, 0.3)),
        tie("b", "c", 1.0),
    ]  # fmt: skip
    found = joint(cameras(b=0.01, c=np.inf, x=np.inf), ties, "b")
    assert len(found.clocks["x"].starts_s) == 2
    assert len(found.clocks["c"].starts_s) == 1
    before, after = (found.clocks["x"].offset_at(t) for t in (10.0, 50.0))
    assert before == pytest.approx(-1.0, abs=2e-3)
    assert after == pytest.approx(-1.3, abs=2e-3)


def test_a_step_between_two_is_not_the_references() -> None:
    """With two cameras the one that keeps its clock keeps all of it."""
    found = joint(cameras(a=0.01, b=np.inf), [tie("a", "b", 1.0, step=(30.0, -0.2))], "a")
    clock = found.clocks["b"]
    assert clock.starts_s[1] == pytest.approx(30, abs=0.1)
    assert clock.offset_at(50) - clock.offset_at(10) == pytest.approx(-0.2, abs=1e-4)
