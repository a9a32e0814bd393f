"""Clocks that were set back while a camera ran: order kept, places told, steps measured."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clock.assign import lay
from descent.clock.doors import Clocks, Epoch
from descent.clock.fit import ClockFit, Piece
from descent.clock.joint import Own, Tie, joint
from descent.clock.measured import Measured, Stretch, set_right
from descent.clock.resets import unwound
from descent.model import Shot, Stamp

UTC = Clocks(Epoch.utc("2000-01-01T12:00:00Z"), Fraction(0))


def shots(times: list[Fraction]) -> list[Shot]:
    """Stills that tell UTC, in the order of their names."""
    return [Shot("cam", Path(f"{k:04}.png"), Stamp(t, "utc"), size=k) for k, t in enumerate(times)]


def timed(times: list[Fraction]) -> list[tuple[Fraction, Shot]]:
    """Frames with their own times, as they are listed."""
    return list(zip(times, shots(times), strict=True))


def test_what_follows_a_reset_is_laid_one_frame_later() -> None:
    """A clock set back to 0 after a second goes on after it, and the place is told."""
    times = [Fraction(k, 10) for k in (50, 51, 52, 53, 0, 1, 2)]
    out, places, findings = unwound("cam", timed(times), None)
    assert [t for t, _ in out] == [Fraction(k, 10) for k in range(50, 57)]
    assert places == (Fraction(535, 100),)
    assert [f.code for f in findings] == ["clock_reset"]
    assert "set back by 5.3 s between 0003.png and 0004.png" in findings[0].what
    assert "descent sync" in findings[0].do


def test_without_the_word_it_is_said_and_the_word_named() -> None:
    """Frames are sorted by time as before, and the finding tells what to write."""
    stamps = [Fraction(k, 10) for k in (50, 51, 52, 53, 0, 1, 2)]
    plain = lay("cam", shots(stamps), clocks=UTC)
    assert plain.shots[0].path.name == "0004.png"
    said = next(f for f in plain.findings if f.code == "clock_back")
    assert "clock: {resets: yes}" in said.do
    kept = lay("cam", shots(stamps), clocks=UTC, resets=True)
    assert [s.path.name for s in kept.shots] == [f"{k:04}.png" for k in range(7)]
    assert kept.resets == (kept.track.times[3] + Fraction(1, 20),)


def test_a_measured_step_is_put_where_the_clock_was_set() -> None:
    """A tie that shows the step some frames off gives it at the very place."""
    pieces = (Piece(0.0, 9.6, 0.2, 1.0), Piece(10.5, 20.0, 4.7, 1.0))
    fit = ClockFit(Fraction(0), Fraction(0), pieces, 0.002, 0.0, 5.0)
    own = {"a": Own(0.0, 30.0, 0.001), "b": Own(0.0, 20.0, 0.1, (10.03,))}
    clock = joint(own, [Tie("a", "b", fit, "motion")], "a").clocks["b"]
    assert clock.starts_s == (0.0, 10.03)
    assert abs(clock.offset_at(9.9) - 0.2) < 0.01
    assert abs(clock.offset_at(10.1) - 4.7) < 0.01


micros = st.integers(1, 3_000_000)
sets = st.integers(-40_000_000, 40_000_000)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(micros, sets | st.just(0)), min_size=2, max_size=40),
    st.lists(st.tuples(st.integers(0, 60_000_000), sets), min_size=1, max_size=5),
    st.integers(-500, 500),
)
def test_no_reset_and_no_step_reorders_frames(
    ran: list[tuple[int, int]], steps: list[tuple[int, int]], ppm: int
) -> None:
    """However a clock was set, and whatever steps were measured, frames keep their order."""
    times, now = [], Fraction(0)
    for gap, jump in ran:
        now += Fraction(gap + (jump if jump % 3 == 0 else 0), 1_000_000)
        times.append(now)
    out, places, _ = unwound("cam", timed(times), None)
    assert [shot.path.name for _, shot in out] == [f"{k:04}.png" for k in range(len(times))]
    assert all(a[0] <= b[0] for a, b in pairwise(out))
    assert len(places) == sum(b < a for a, b in pairwise(times))
    laid = lay("cam", shots(times), clocks=UTC, resets=True)
    starts = sorted({Fraction(at, 1_000_000) for at, _ in steps})
    stretches = tuple(
        Stretch(at, Fraction(by, 1_000_000), Fraction(ppm, 10**6))
        for at, (_, by) in zip(starts, steps, strict=False)
    )
    right = set_right(laid, Measured(stretches, Fraction(1, 1000), "a test"))
    names = [shot.path.name for shot in right.shots]
    assert names == sorted(names)
    mission = right.track.times
    assert all(a < b for a, b in pairwise(mission))
