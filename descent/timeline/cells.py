"""Which frame of a camera each tick shows, and what that picture is then.

The rule, for a camera's frames at mid-times m and a tick at t:

- The frame shown is the one whose mid-time is nearest to t, ties to the earlier.
- Its *interval* is the declared one, else the local median: the median of the nine
  intervals around the one that follows it. Where the next frame comes within one and a half
  of that, nothing is absent, and the interval is what passes until it comes: jitter and
  rounded stamps make no marks. An uneven camera so has its own interval at each place.
- It is *exposed* on the first tick that shows it in its span, *repeated* up to half its
  interval past its mid-time, *held* after that, up to half its interval plus `hold`; then
  the picture is *missing* and `then` is shown.
- Two neighbours more than 2.5 intervals apart have a *gap* between them. In a gap, as before
  the first frame, the later frame appears no earlier than half an interval before its
  mid-time: a picture from well after a drop-out is never shown before it happened. Its
  place is held by the earlier one, or missing.
- `until_next` holds a frame until the next appears; the last frame, which has none, until
  the next would have been due.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from descent.model import Cell, MissingPolicy, State, Track
from descent.tools.exact import common, is_gap, local_medians, scaled

JITTER_INTERVALS = Fraction(3, 2)
"""Neighbours no further apart than this many intervals have no frame absent between them."""


def _intervals(mids: Sequence[int], declared: int | None) -> list[int]:
    """The expected interval after each frame; the last frame's is the one before it."""
    if len(mids) < 2:
        return [declared or 0] * len(mids)
    steps = [b - a for a, b in pairwise(mids)]
    found = [declared] * len(steps) if declared else local_medians(steps)
    last = found[-1]
    # Integers: 2 * step <= 3 * x is step <= JITTER_INTERVALS * x.
    up, down = JITTER_INTERVALS.numerator, JITTER_INTERVALS.denominator
    return [s if s * down <= up * x else x for s, x in zip(steps, found, strict=True)] + [last]


def expected_intervals(track: Track) -> tuple[Fraction, ...]:
    """The interval, s, in which each frame of a track expects the next one."""
    over = _common(track)
    declared = None if track.interval_s is None else int(track.interval_s * over)
    return tuple(Fraction(x, over) for x in _intervals(scaled(track.times, over), declared))


def gaps(track: Track) -> tuple[tuple[int, Fraction, Fraction, Fraction], ...]:
    """Where frames are absent: (frame before, from s, to s, intervals that passed)."""
    over = _common(track)
    mids = scaled(track.times, over)
    declared = None if track.interval_s is None else int(track.interval_s * over)
    expected = _intervals(mids, declared)
    return tuple(
        (k, track.times[k], track.times[k + 1], Fraction(b - a, x))
        for k, (a, b, x) in enumerate(zip(mids, mids[1:], expected, strict=False))
        if is_gap(b - a, x)
    )


def nearest(times: Sequence[Fraction], t: Fraction) -> int:
    """The index of the time nearest to `t`, ties to the earlier; times rise."""
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if times[middle] < t else (low, middle)
    if low == 0:
        return 0
    if low == len(times):
        return low - 1
    return low - 1 if t - times[low - 1] <= times[low] - t else low


def _common(track: Track) -> int:
    return common(track.times, 1 if track.interval_s is None else track.interval_s.denominator)


def _late_limits(
    mids: Sequence[int], expected: Sequence[int], policy: MissingPolicy, over: int
) -> list[int | None]:
    """How long past its mid-time each frame may stay, doubled; None: until the next."""
    hold = policy.hold
    if hold == "until_next":
        last: list[int | None] = [None] * (len(mids) - 1)
        return [*last, 2 * expected[-1]]
    if isinstance(hold, Fraction):
        still = int(2 * hold * over)  # exact: what is compared with it is whole
        return [x + still for x in expected]
    return [x + 2 * hold * x for x in expected]


def lay_cells(track: Track, times: Sequence[Fraction]) -> tuple[Cell, ...]:
    """What a camera shows at each tick of one span; `times` never fall.

    Works in integers over one denominator, so ties are ties and a clock of 6.7e8 s loses
    nothing. States depend on the span's own times alone, never on its place in the film.
    """
    missing = Cell(State.MISSING, None, then=track.missing.then)
    if not track.times:
        return (missing,) * len(times)
    over = common(times, _common(track))
    mids = scaled(track.times, over)
    declared = None if track.interval_s is None else int(track.interval_s * over)
    expected = _intervals(mids, declared)
    limits = _late_limits(mids, expected, track.missing, over)
    starts = _appearances(mids, expected)

    cells: list[Cell] = []
    count = len(mids)
    k, shown = -1, -1
    last_tick: int | None = None
    for at in scaled(times, over):
        if last_tick is not None and at < last_tick:
            raise ValueError("tick times of a span must not fall")
        last_tick = at
        doubled = 2 * at
        while k + 1 < count and _appears(doubled, starts[k + 1]):
            k += 1
        if k < 0:
            cells.append(missing)
            continue
        late = doubled - 2 * mids[k]
        limit = limits[k]
        if limit is not None and late > limit:
            cells.append(missing)
            continue
        if late > expected[k]:
            state = State.HELD
        else:
            state = State.REPEATED if k == shown else State.EXPOSED
        shown = k
        cells.append(Cell(state, k, Fraction(mids[k] - at, over)))
    return tuple(cells)


def _appearances(mids: Sequence[int], expected: Sequence[int]) -> list[tuple[int, bool]]:
    """From when each frame is shown, doubled, and whether that instant is included.

    Half-way between neighbours belongs to the earlier; the edge of a gap to the later.
    """
    starts = [(2 * mids[0] - expected[0], True)]
    for a, b, x in zip(mids, mids[1:], expected, strict=False):
        if is_gap(b - a, x):
            starts.append((2 * b - x, True))
        else:
            starts.append((a + b, False))
    return starts


def _appears(doubled: int, start: tuple[int, bool]) -> bool:
    return doubled > start[0] or (start[1] and doubled == start[0])
