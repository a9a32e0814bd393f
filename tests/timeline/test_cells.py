"""What each camera shows at each tick."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from descent.clock.doors import utc_to_tai
from descent.model import Cell, MissingPolicy, State, Track
from descent.timeline import (
    Span,
    Timeline,
    cadence,
    expected_intervals,
    gaps,
    lay_cells,
    nearest,
    ticks,
)

F = Fraction
ORDER = [State.EXPOSED, State.REPEATED, State.HELD, State.MISSING]
RATES = [F(24), F(25), F(30000, 1001), F(30), F(60)]
HOLDS: list[Literal["until_next"] | int | Fraction] = ["until_next", 0, 2, F(0), F(1, 2)]


def even(rate: int, count: int = 200, **words: object) -> Track:
    """A camera of a steady rate, a little off any round time."""
    return Track("c", tuple(F(k, rate) + F(1, 17) for k in range(count)), **words)  # type: ignore[arg-type]


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    """A camera with jitter, drop-outs and any policy, at a clock of 6.7e8 s."""
    rate = draw(st.sampled_from([75, 30, 12, 1]))
    count = draw(st.integers(1, 60))
    lost = draw(st.sets(st.integers(0, 59), max_size=20))
    jitter = draw(st.lists(st.integers(0, 300), min_size=count, max_size=count))
    zero = draw(st.sampled_from([F(0), F(666952774005264, 10**6)]))
    kept = [k for k in range(count) if k not in lost] or [0]
    mids = tuple(zero + F(k, rate) + F(jitter[k], 1000 * rate) for k in kept)
    hold = draw(st.sampled_from(HOLDS))
    return Track(
        "c", mids, interval_s=draw(st.sampled_from([None, F(1, rate)])),
        missing=MissingPolicy(hold, draw(st.sampled_from(["card", "black"]))),
    )  # fmt: skip


@st.composite
def laid(draw: st.DrawFn) -> tuple[Track, tuple[Fraction, ...], tuple[Cell, ...]]:
    """A track with the ticks of a span around it, and its cells."""
    track = draw(tracks())
    start = track.times[0] + F(draw(st.integers(-1500, 1500)), 1000)
    speed = draw(st.sampled_from([F(1), F(1, 4), F(2)]))
    span = Span(start, start + draw(st.integers(1, 6)), speed)
    times = ticks(span, draw(st.sampled_from(RATES)))
    return track, times, lay_cells(track, times)


@given(laid())
@settings(max_examples=150, deadline=None)
def test_nearest_frame_is_shown(
    case: tuple[Track, tuple[Fraction, ...], tuple[Cell, ...]],
) -> None:
    """Outside gaps every picture is the nearest frame, ties to the earlier, exact to the end."""
    track, times, cells = case
    broken = {k for k, *_ in gaps(track)}
    for t, cell in zip(times, cells, strict=True):
        want = nearest(track.times, t)
        if cell.frame is None:
            assert cell.then == track.missing.then
            assert cell.error_s is None
            continue
        assert cell.error_s == track.times[cell.frame] - t
        if cell.frame != want:
            assert cell.frame == want - 1
            assert cell.frame in broken
        # By the definition itself, not by the helper: no frame is nearer, no equal earlier.
        assert cell.frame in broken or all(
            abs(m - t) > abs(cell.error_s) or (abs(m - t) == abs(cell.error_s) and k >= cell.frame)
            for k, m in enumerate(track.times)
        )


@given(laid())
@settings(max_examples=150, deadline=None)
def test_states_are_in_order(case: tuple[Track, tuple[Fraction, ...], tuple[Cell, ...]]) -> None:
    """A frame is exposed once, then repeated, then held, then missing: never back."""
    track, _, cells = case
    expected = expected_intervals(track)
    at, seen = -1, -1
    for cell in cells:
        if cell.frame is None:
            seen = 3 if at >= 0 else -1
            continue
        assert cell.error_s is not None
        assert cell.frame >= at
        rank = ORDER.index(cell.state)
        late = -cell.error_s
        if cell.frame == at:
            assert rank >= max(seen, 1)
        assert (cell.state is State.HELD) == (2 * late > expected[cell.frame])
        at, seen = cell.frame, rank


@given(laid())
@settings(max_examples=150, deadline=None)
def test_holds_end(case: tuple[Track, tuple[Fraction, ...], tuple[Cell, ...]]) -> None:
    """Nothing is held longer than the policy says, nor dropped before it."""
    track, times, cells = case
    expected = expected_intervals(track)
    hold = track.missing.hold
    for t, cell in zip(times, cells, strict=True):
        before = [k for k, m in enumerate(track.times) if m <= t]
        if not before:
            continue
        k = before[-1]
        late = t - track.times[k]
        if hold == "until_next":
            due = expected[k] if k == len(track.times) - 1 else None
        else:
            due = expected[k] / 2 + (hold if isinstance(hold, Fraction) else hold * expected[k])
        if due is None or late <= due:
            assert cell.frame is not None
        elif cell.frame is not None:
            assert cell.frame == k + 1


@given(laid())
@settings(max_examples=100, deadline=None)
def test_before_and_after(case: tuple[Track, tuple[Fraction, ...], tuple[Cell, ...]]) -> None:
    """Before half an interval ahead of its first frame a camera has nothing to show."""
    track, times, cells = case
    first = track.times[0] - expected_intervals(track)[0] / 2
    for t, cell in zip(times, cells, strict=True):
        if t < first:
            assert cell.state is State.MISSING
        elif t <= track.times[0]:
            assert cell.frame == 0


@given(laid(), st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_states_do_not_hang_on_other_spans(
    case: tuple[Track, tuple[Fraction, ...], tuple[Cell, ...]], cut: int
) -> None:
    """Laying the rest of a span shows the same frames; only its first tick may be new."""
    track, times, cells = case
    assume(cut < len(times))
    rest = lay_cells(track, times[cut:])
    assert [c.frame for c in rest] == [c.frame for c in cells[cut:]]
    for a, b in zip(rest, cells[cut:], strict=True):
        assert a == b or {a.state, b.state} == {State.EXPOSED, State.REPEATED}


def test_ties_go_to_the_earlier() -> None:
    """Half-way between two frames the earlier one is shown, as a repeat."""
    track = Track("c", (F(0), F(1), F(2)))
    cells = lay_cells(track, [F(-1, 2), F(0), F(1, 2), F(501, 1000), F(3, 2)])
    assert [(c.frame, c.state) for c in cells] == [
        (0, State.EXPOSED), (0, State.REPEATED), (0, State.REPEATED), (1, State.EXPOSED),
        (1, State.REPEATED),
    ]  # fmt: skip


def test_a_gap() -> None:
    """In a drop-out the earlier frame is held, then missing; the later never comes early."""
    track = Track("c", tuple(F(k, 10) for k in [*range(20), *range(60, 80)]))
    times = [F(n, 100) for n in range(190, 605)]
    cells = lay_cells(track, times)
    shown = {t: (c.frame, c.state) for t, c in zip(times, cells, strict=True)}
    assert shown[F(195, 100)] == (19, State.REPEATED)
    assert shown[F(196, 100)] == (19, State.HELD)
    assert shown[F(245, 100)] == (19, State.HELD)
    assert shown[F(246, 100)] == (None, State.MISSING)
    assert shown[F(594, 100)] == (None, State.MISSING)
    assert shown[F(595, 100)] == (20, State.EXPOSED)
    assert gaps(track) == ((19, F(19, 10), F(6), F(41)),)


def test_one_lost_frame_is_bridged() -> None:
    """Neighbours stand in for a single lost frame, the nearer one at each tick."""
    track = Track("c", tuple(F(k) for k in (0, 1, 2, 4, 5, 6)))
    cells = lay_cells(track, [F(2), F(5, 2), F(14, 5), F(3), F(16, 5)])
    assert [(c.frame, c.state) for c in cells] == [
        (2, State.EXPOSED), (2, State.REPEATED), (2, State.HELD), (2, State.HELD),
        (3, State.EXPOSED),
    ]  # fmt: skip
    assert gaps(track) == ()


@pytest.mark.parametrize("hold", ["until_next", F(1, 2), 0])
def test_jitter_makes_no_marks(hold: object) -> None:
    """Stamps rounded to whole ms neither hold nor lose a picture, under any policy."""
    track = Track(
        "c", tuple(F(round(k * 1000 / 30), 1000) for k in range(300)), interval_s=F(1, 30),
        missing=MissingPolicy(hold),  # type: ignore[arg-type]
    )  # fmt: skip
    cells = lay_cells(track, ticks(Span(F(0), F(9)), F(60)))
    assert {c.state for c in cells} == {State.EXPOSED, State.REPEATED}


def test_the_lander_camera_never_flashes(shared_data: Path) -> None:
    """Real uneven frames (3.4 s to 1.0 s apart): always the nearest, never held, no card."""
    with (shared_data / "lcam" / "frames.csv").open() as table:
        rows = list(csv.DictReader(table))
    zero = utc_to_tai(rows[0]["utc_from_sclk"])
    mids = tuple(utc_to_tai(row["utc_from_sclk"]) - zero for row in rows)
    for hold in ("until_next", F(1, 2)):
        track = Track("lander", mids, F(1, 20), None, MissingPolicy(hold))
        assert gaps(track) == ()
        for rate in RATES:
            times = ticks(Span(F(-1), mids[-1] + 1), rate)
            cells = lay_cells(track, times)
            assert [c.frame for c in cells] == [nearest(mids, t) for t in times]
            assert {c.state for c in cells} <= {State.EXPOSED, State.REPEATED, State.HELD}
            assert sum(c.state is State.HELD for c in cells) <= 2 * rate


def test_odd_tracks() -> None:
    """No frame, one frame, and ticks that fall are each dealt with."""
    assert {c.state for c in lay_cells(Track("c", ()), [F(0), F(1)])} == {State.MISSING}
    one = lay_cells(Track("c", (F(1),)), [F(9, 10), F(1), F(5, 4), F(2)])
    assert [c.state for c in one] == [State.MISSING, State.EXPOSED, State.HELD, State.MISSING]
    with pytest.raises(ValueError, match="fall"):
        lay_cells(even(30), [F(1), F(0)])


@pytest.mark.parametrize(
    ("camera", "rate", "pattern"),
    [
        (12, F(30), "2-3-2-3"), (30, F(60), "2"), (30, F(30), "1"), (75, F(30), "every 2-3-2-3"),
        (12, F(60), "5"), (75, F(25), "every 3"), (50, F(60), "1-1-1-1-2"),
    ],
)  # fmt: skip
def test_cadences(camera: int, rate: Fraction, pattern: str) -> None:
    """The way frames fall on ticks is named by its repeating pattern."""
    cells = lay_cells(even(camera), ticks(Span(F(1, 3), F(7, 3)), rate))
    found = cadence(cells)
    if found != pattern:  # the pattern may start anywhere in its turn
        head, unit = pattern.rpartition(" ")[::2]
        turn = unit.split("-")
        turns = {"-".join(turn[k:] + turn[:k]) for k in range(len(turn))}
        assert found in {f"{head} {t}".strip() for t in turns}


def test_uneven_cadence_says_so() -> None:
    """Where nothing repeats, the bounds are told; too few ticks tell nothing."""
    mids = tuple(F(k * k, 7) for k in range(40))
    cells = lay_cells(Track("c", mids), ticks(Span(F(0), F(40)), F(10)))
    assert cadence(cells).startswith("uneven, ")
    assert cadence(cells[:3]) == ""


@given(laid())
@settings(max_examples=60, deadline=None)
def test_rows_and_counts_tell_every_tick(
    case: tuple[Track, tuple[Fraction, ...], tuple[Cell, ...]],
) -> None:
    """Rows and summaries add up to every tick, and the JSON holds the same, exactly."""
    track, times, _ = case
    span = Span(times[0], times[-1] + F(1, 10**9))
    film = Timeline.lay([span, span], F(30), {"c": track})
    total = film.summary("c")
    assert total.exposed + total.repeated + total.held + total.missing == film.count
    assert total.used <= total.exist
    rows = [row for row in film.rows if row.state is not State.EXPOSED]
    assert sum(row.count for row in rows) == film.count - total.exposed
    for row in rows:
        assert film.time_of(row.first_tick) == row.at
        assert str(row.first_tick) in str(row)
    plain = json.loads(film.to_json())
    assert plain["version"] == "timeline.1"
    for part, cells, data in zip(film.spans, film.cells, plain["spans"], strict=True):
        read = [row[:2] for row in data["cameras"]["c"] for _ in range(row[2])]
        assert read == [[c.state.value, c.frame] for c in cells["c"]]
        if data["step"]:
            step = F(data["step"])
            assert [F(data["from"]) + k * step for k in range(data["count"])] == list(part.times)


def test_replays_are_states_of_their_own() -> None:
    """A frame replayed slowly is exposed once more, and counts as one frame used."""
    track = even(30)
    film = Timeline.lay([Span(F(1), F(2)), Span(F(1), F(2), F(1, 4))], F(60), {"c": track})
    total = film.summary("c")
    assert total.used in (30, 31)
    slow = [len(list(g)) for _, g in groupby(c.frame for c in film.cells[1]["c"])]
    assert set(slow[1:-1]) == {8}
    assert all(a <= b for a, b in pairwise(c.frame or 0 for c in film.cells[1]["c"]))
