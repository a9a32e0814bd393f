"""What must hold of every clock: maps and inverses, order, leap seconds, resets, both ends."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clock.assign import lay
from descent.clock.doors import Clocks, Correlation, Epoch, SclkClock, tai_to_utc, utc_to_tai
from descent.clock.fit import ClockFit, Piece
from descent.errors import TimeUnknown
from descent.model import Shot, Stamp, Track
from descent.timeline import lay_cells

F = Fraction
MICRO = F(1, 10**6)
NOW = 666_952_774


@st.composite
def fits(draw: st.DrawFn) -> ClockFit:
    """A measured clock with up to three steps, forwards or back, on a clock of 6.7e8 s."""
    pieces = []
    start = 0.0
    offset = draw(st.floats(-2, 2))
    for _ in range(draw(st.integers(1, 4))):
        end = start + draw(st.floats(1, 60))
        rate = 1 + draw(st.floats(-2e-4, 2e-4))
        pieces.append(Piece(start, end, offset, rate))
        offset += draw(st.floats(-0.9, 0.9))
        start = end + draw(st.floats(0.02, 1.0))
    return ClockFit(F(NOW), F(NOW) + draw(st.integers(-100, 100)), tuple(pieces), 1e-4, 1e-4, 3.0)


def _back_free(fit: ClockFit) -> bool:
    ends = [(p.map(p.start_s), p.map(p.end_s)) for p in fit.pieces]
    return all(b[0] > a[1] for a, b in pairwise(ends))


@given(fits(), st.lists(st.integers(-(10**6), 3 * 10**8), min_size=1, max_size=20))
@settings(max_examples=80, deadline=None)
def test_a_map_and_its_inverse(fit: ClockFit, micros: list[int]) -> None:
    """Going there and back loses no microsecond, exactly and in floats relative to the epoch."""
    if not _back_free(fit):
        return  # a clock that went back tells some times twice
    for value in micros:
        t = fit.epoch_b + value * MICRO
        assert abs(fit.inverse(fit.map(t)) - t) < MICRO / 1000
    times = np.array([float(fit.epoch_b)]) + np.array(micros) * 1e-6
    assert np.abs(fit.inverse(fit.map(times)) - times).max() < 1e-6


@given(fits(), st.lists(st.integers(0, 3 * 10**8), min_size=2, max_size=30, unique=True))
@settings(max_examples=80, deadline=None)
def test_steps_forwards_never_reorder_frames(fit: ClockFit, micros: list[int]) -> None:
    """Frames stay in order over every step, and so do times between two pieces."""
    if not _back_free(fit):
        return
    edges = [F(x) for p in fit.pieces for x in (p.start_s, p.end_s)]
    stamps = sorted({*(v * MICRO for v in micros), *edges})
    mapped = [fit.map(fit.epoch_b + t) for t in stamps]
    assert mapped == sorted(mapped)
    assert len(set(mapped)) == len(mapped)


@given(
    st.lists(st.integers(1, 5000), min_size=2, max_size=40),
    st.integers(-4000, 4000),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_a_reset_never_reorders_frames(gaps: list[int], jump: int, data: st.DataObject) -> None:
    """Whatever a clock does, frames are laid strictly in time and none is lost unsaid."""
    stamps = [NOW * 1000 + sum(gaps[: k + 1]) for k in range(len(gaps))]
    at = data.draw(st.integers(0, len(gaps)))
    stamps = [s + (jump if k >= at else 0) for k, s in enumerate(stamps)]
    shots = [Shot("c", Path(f"{k}.png"), Stamp(F(s, 1000), "sclk")) for k, s in enumerate(stamps)]
    clock = SclkClock("c", (Correlation(F(0), F(0), F(1)),), F(0), F(10**10))
    laid = lay("c", shots, clocks=Clocks(Epoch(F(NOW), "now"), None, clock))
    assert all(a < b for a, b in pairwise(laid.track.times))
    said = {f.code for f in laid.findings}
    assert len(laid.shots) == len(shots) or "duplicate" in said
    assert ("clock_back" in said) == any(b < a for a, b in pairwise(stamps))


@given(
    st.lists(st.integers(1, 400), min_size=2, max_size=40),
    st.sampled_from([F(24), F(25), F(30000, 1001), F(60)]),
)
@settings(max_examples=60, deadline=None)
def test_time_to_tick_to_time(gaps: list[int], rate: Fraction) -> None:
    """A tick shows the frame nearest to it, and a frame's own time leads to a tick that does."""
    times = tuple(NOW + F(sum(gaps[: k + 1]), 100) for k in range(len(gaps)))
    track = Track("c", times)
    ticks = [times[0] + k / rate for k in range(int((times[-1] - times[0]) * rate) + 1)]
    cells = lay_cells(track, ticks)
    shown = [cell.frame for cell in cells if cell.frame is not None]
    assert shown == sorted(shown)
    for t, cell in zip(ticks, cells, strict=True):
        if cell.frame is not None:
            assert cell.error_s == times[cell.frame] - t
            tick = round((times[cell.frame] - ticks[0]) * rate)
            if tick < len(ticks) and cells[tick].frame is not None:
                off = [abs(at - ticks[tick]) for at in times]
                assert cells[tick].frame == off.index(min(off))


@given(st.integers(0, 26), st.integers(-(10**7), 10**7))
@settings(max_examples=100, deadline=None)
def test_leap_seconds_leave_mission_time_even(row: int, micros: int) -> None:
    """A run across any leap second has even mission time, and UTC that reads back."""
    from descent.clock.doors import LEAPS

    day = LEAPS[1 + row % (len(LEAPS) - 1)][0]
    epoch = Epoch.utc(f"{day}T00:00:00Z")
    t = micros * MICRO
    assert epoch.mission(utc_to_tai(tai_to_utc(epoch.tai(t), 6))) == t


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_either_end_of_any_clock(steps: list[int], data: st.DataObject) -> None:
    """Inside its records a clock goes there and back to the microsecond; outside it refuses."""
    rates = [1 + F(data.draw(st.integers(-200, 200)), 10**6) for _ in steps]
    reading, tai = F(NOW), F(5 * 10**8)
    pieces = []
    for length, rate in zip(steps, rates, strict=True):
        pieces.append(Correlation(reading, tai, rate))
        reading, tai = reading + length, tai + length * rate
    clock = SclkClock("any", tuple(pieces), F(NOW), reading)
    inside = NOW + F(data.draw(st.integers(0, 10**6 * sum(steps) - 1)), 10**6)
    assert abs(clock.sclk(clock.tai(inside)) - inside) < MICRO / 1000
    assert clock.sclk(clock.tai(F(NOW))) == NOW
    for outside in (F(NOW) - MICRO, reading, reading + 1):
        with pytest.raises(TimeUnknown, match="outside what is known"):
            clock.tai(outside)
    for outside in (clock.tai(F(NOW)) - MICRO, tai):
        with pytest.raises(TimeUnknown, match="outside what is known"):
            clock.sclk(outside)
