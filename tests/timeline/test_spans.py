"""Spans of mission time to ticks."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.errors import FormatError
from descent.model import Track
from descent.timeline import Span, Timeline, chunks, span_ticks, ticks

F = Fraction
RATES = [F(24), F(25), F(30000, 1001), F(30), F(60)]
SPEEDS = [F(1), F(1, 4), F(2), F(1, 3)]
CAMERA = Track("chute", tuple(F(k, 75) + F(1, 7) for k in range(75 * 40)))

rates = st.sampled_from(RATES)
times = st.integers(0, 38_000).map(lambda n: F(n, 1000) + F(1, 9))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """A span of any kind that lasts at least a few ticks."""
    start = draw(times)
    kind = draw(st.sampled_from(["run", "freeze", "every"]))
    if kind == "freeze":
        return Span.freeze(start, F(draw(st.integers(100, 3000)), 1000))
    to = start + F(draw(st.integers(600, 4000)), 1000)
    if kind == "every":
        return Span.every_frame("chute", start, min(to, F(39)) if start < 38 else to)
    return Span(start, to, draw(st.sampled_from(SPEEDS)))


cuts = st.lists(spans(), min_size=1, max_size=6)


@given(cuts, rates)
@settings(max_examples=100, deadline=None)
def test_no_tick_lost(cut: list[Span], rate: Fraction) -> None:
    """Ticks of a cut follow each other without a hole, and every time lies in its span."""
    laid = span_ticks(cut, rate, {"chute": CAMERA})
    assert [part.index for part in laid] == list(range(len(cut)))
    expected = 0
    for part in laid:
        assert part.first_tick == expected
        expected += len(part.times)
        for t in part.times:
            if part.span.length_s is not None:
                assert t == part.span.start
            else:
                assert part.span.start <= t < part.span.to


@given(cuts, rates)
@settings(max_examples=100, deadline=None)
def test_no_drift(cut: list[Span], rate: Fraction) -> None:
    """No span begins more than half a tick from its exact film time, however many came before.

    Within an unbroken run the ticks lie on one grid, so a span begins with the first of them.
    """
    film = F(0)
    for part in span_ticks(cut, rate, {"chute": CAMERA}):
        assert abs(part.first_tick - film * rate) <= (F(1, 2) if part.span.runs else F(3, 2))
        if part.span.every is not None:
            film += len(part.times) / rate
        else:
            film += part.span.length_s or (part.span.to - part.span.start) / part.span.speed


@given(times, st.lists(st.integers(100, 3000), min_size=2, max_size=6), rates,
       st.sampled_from(SPEEDS))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_cutting_a_run_changes_no_time(
    start: Fraction, lengths: list[int], rate: Fraction, speed: Fraction
) -> None:
    """A stretch cut into spans has the very ticks of the whole, and even steps at the joints."""
    ends = [start]
    for length in lengths:
        ends.append(ends[-1] + F(length, 1000) * max(speed, F(1)))
    whole = ticks(Span(start, ends[-1], speed), rate)
    parts = span_ticks([Span(a, b, speed) for a, b in pairwise(ends)], rate)
    assert tuple(t for part in parts for t in part.times) == whole
    assert {b - a for a, b in pairwise(whole)} <= {speed / rate}
    assert len({part.run for part in parts}) == 1


@given(cuts, rates, st.data())
@settings(max_examples=100, deadline=None)
def test_time_to_tick_to_time(cut: list[Span], rate: Fraction, data: st.DataObject) -> None:
    """A tick is among the showings of its own time, and showings are in film order."""
    film = Timeline.lay(cut, rate, {"chute": CAMERA})
    tick = data.draw(st.integers(0, film.count - 1))
    showings = film.ticks_of(film.time_of(tick))
    assert any(tick in showing for showing in showings)
    assert list(showings) == sorted(showings)
    for showing in showings:
        for other in showing:
            assert film.time_of(other) <= film.time_of(tick)


def test_replay_maps_first_showing_first() -> None:
    """A moment shown live, slowly and frozen maps to all three, the live one first."""
    cut = [Span(F(0), F(10)), Span(F(4), F(6), F(1, 4)), Span.freeze(F(5), F(1, 10)),
           Span.every_frame("chute", F(4), F(6)), Span(F(2), F(3))]  # fmt: skip
    film = Timeline.lay(cut, F(30), {"chute": CAMERA})
    assert [len(part.times) for part in film.spans] == [300, 240, 3, 150, 30]
    live, slow, frozen, every = film.ticks_of(F(5))
    assert (live, slow, frozen) == ((150,), (420,), (540, 541, 542))
    assert film.time_of(every[0]) <= 5 < film.time_of(every[0] + 1)
    assert film.ticks_of(F(5, 2)) == ((75,), (708,))
    assert film.ticks_of(F(11)) == ()
    with pytest.raises(IndexError):
        film.time_of(film.count)


def test_slow_motion_of_any_rate_keeps_each_tick() -> None:
    """Half-open ends: 10 s at 30000/1001 are 300 ticks, the last before the end."""
    laid = ticks(Span(F(0), F(10)), F(30000, 1001))
    assert len(laid) == 300
    assert laid[-1] == F(299 * 1001, 30000)
    assert len(ticks(Span(F(0), F(1)), F(30))) == 30


@given(st.integers(1, 5000), rates, st.sampled_from([F(2), F(1, 2), F(1, 100)]))
@settings(max_examples=80, deadline=None)
def test_chunks(count: int, rate: Fraction, length_s: Fraction) -> None:
    """Chunks cover a span once, in order, on a grid that starts where the span does."""
    found = chunks(count, rate, length_s)
    assert [k for chunk in found for k in chunk] == list(range(count))
    assert len({len(chunk) for chunk in found[:-1]}) <= 1
    assert found == (*chunks(count + 1, rate, length_s)[: len(found) - 1], found[-1])


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(F(2), F(2)), "before it starts"), (Span(F(3), F(2)), "1 s before it starts"),
        (Span(F(0), F(1), F(0)), "speed: 1/4"), (Span(F(0), F(1), F(-1)), "above 0"),
        (Span.freeze(F(1), F(0)), "for: 2s"), (Span(F(0), F(1, 100)), "no frame falls in it"),
        (Span.freeze(F(1), F(1, 100)), "no frame falls in it"),
        (Span.every_frame("hover", F(0), F(1)), "name one of: chute"),
        (Span.every_frame("chute", F(90), F(91)), "no frame between"),
    ],
)  # fmt: skip
def test_impossible_spans(span: Span, words: str) -> None:
    """A span that cannot be shown says why and what to write."""
    with pytest.raises(FormatError) as caught:
        span_ticks([Span(F(5), F(6)), span], F(30), {"chute": CAMERA})
    assert words in str(caught.value)
    assert "span 2" in str(caught.value)
