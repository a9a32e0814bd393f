"""A whole cut laid out: every tick, every camera, and what a person should know of it."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

from descent.model import Cell, State, Track
from descent.timeline.cells import gaps, lay_cells
from descent.timeline.spans import Span, SpanTicks, span_ticks

TIMELINE_VERSION = "timeline.1"


@dataclass(frozen=True, slots=True)
class Row:
    """Neighbouring ticks on which one camera shows one picture in one state.

    `first_tick` up to `first_tick + count`; `at` is the mission time of the first.
    """

    camera: str
    span: int
    state: State
    frame: int | None
    first_tick: int
    count: int
    at: Fraction

    def __str__(self) -> str:
        ticks = "1 tick" if self.count == 1 else f"{self.count} ticks"
        what = "no frame" if self.frame is None else f"frame {self.frame}"
        return (
            f"{self.camera}, span {self.span + 1}: {what} {self.state} "
            f"for {ticks} from tick {self.first_tick}"
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """What a cut makes of one camera: frames that exist and are used, and ticks by state.

    `gaps` are (frame before, from s, to s, intervals) of the track, within the cut or not;
    `cadence` says how its frames fall on the ticks, such as `2-3-2-3`.
    """

    camera: str
    exist: int
    used: int
    exposed: int
    repeated: int
    held: int
    interpolated: int
    missing: int
    longest_held: int
    gaps: tuple[tuple[int, Fraction, Fraction, Fraction], ...]
    cadence: str


@dataclass(frozen=True)
class Timeline:
    """A cut at a rate: its spans' ticks, and for each span the cells of the cameras it shows.

    Mission time maps to all its ticks, the first showing first.
    """

    rate: Fraction
    spans: tuple[SpanTicks, ...]
    cells: tuple[Mapping[str, tuple[Cell, ...]], ...]
    tracks: Mapping[str, Track]

    @classmethod
    def lay(
        cls,
        spans: Sequence[Span],
        rate: Fraction,
        tracks: Mapping[str, Track],
        shown: Sequence[Sequence[str]] | None = None,
    ) -> Timeline:
        """Lay a cut; `shown[i]` names the cameras of span i (default: all of them)."""
        laid = span_ticks(spans, rate, tracks)
        cells = tuple(
            {name: lay_cells(tracks[name], part.times) for name in names}
            for part, names in zip(laid, shown or [list(tracks)] * len(laid), strict=True)
        )
        return cls(rate, laid, cells, dict(tracks))

    def within(self, start: Fraction, to: Fraction) -> tuple[Timeline, tuple[int, ...]]:
        """The film's ticks from `start` up to `to`, and the numbers of the spans that are left.

        Nothing is laid anew: a tick shows what it shows in the whole film, in the same state.
        """
        parts: list[SpanTicks] = []
        cells: list[Mapping[str, tuple[Cell, ...]]] = []
        left: list[int] = []
        first = 0
        for number, (part, laid) in enumerate(zip(self.spans, self.cells, strict=True)):
            cut = part.within(start, to, first)
            if cut is not None:
                low = cut.skipped - part.skipped
                first += len(cut.times)
                parts.append(replace(cut, index=len(parts)))
                cells.append({n: row[low : low + len(cut.times)] for n, row in laid.items()})
                left.append(number)
        return replace(self, spans=tuple(parts), cells=tuple(cells)), tuple(left)

    @property
    def count(self) -> int:
        """How many ticks the film has."""
        last = self.spans[-1] if self.spans else None
        return last.first_tick + len(last.times) if last else 0

    def place(self, tick: int) -> tuple[int, int]:
        """The span of a tick and its number within it."""
        if not 0 <= tick < self.count:
            raise IndexError(f"the film has ticks 0 to {self.count - 1}, not {tick}")
        index = bisect_right(self.spans, tick, key=lambda part: part.first_tick) - 1
        return index, tick - self.spans[index].first_tick

    def time_of(self, tick: int) -> Fraction:
        """The mission time of a tick."""
        index, k = self.place(tick)
        return self.spans[index].times[k]

    def ticks_of(self, t: Fraction) -> tuple[tuple[int, ...], ...]:
        """Every showing of mission time `t`, the first first; each the ticks on screen then.

        A tick is on screen from its time until the next one's; a freeze shows its moment
        on all its ticks.
        """
        found: list[tuple[int, ...]] = []
        for _, group in groupby(self.spans, key=lambda part: part.run):
            parts = list(group)
            if parts[0].span.length_s is not None:
                if parts[0].span.start == t:
                    found.append(tuple(parts[0].ticks))
            elif parts[0].times[0] <= t < parts[-1].span.to:
                part = next(p for p in reversed(parts) if p.times[0] <= t)
                found.append((part.first_tick + bisect_right(part.times, t) - 1,))
        return tuple(found)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every run of ticks that is not simply a new frame: repeats, holds and gaps."""
        found = []
        for part, cells in zip(self.spans, self.cells, strict=True):
            for camera, laid in cells.items():
                at = 0
                for (state, frame), group in groupby(laid, key=lambda c: (c.state, c.frame)):
                    count = sum(1 for _ in group)
                    if state is not State.EXPOSED:
                        tick, t = part.first_tick + at, part.times[at]
                        found.append(Row(camera, part.index, state, frame, tick, count, t))
                    at += count
        return tuple(found)

    def summary(self, camera: str) -> Summary:
        """The counts of one camera over the cut."""
        laid = [cells[camera] for cells in self.cells if camera in cells]
        every = [cell for cells in laid for cell in cells]
        by_state = {state: sum(1 for c in every if c.state is state) for state in State}
        held = [
            sum(1 for _ in group)
            for cells in laid
            for state, group in groupby(c.state for c in cells)
            if state is State.HELD
        ]
        even = [
            cells[camera]
            for part, cells in zip(self.spans, self.cells, strict=True)
            if camera in cells and part.span.runs
        ]
        longest = max(even, key=len, default=())
        return Summary(
            camera=camera,
            exist=len(self.tracks[camera].times),
            used=len({c.frame for c in every if c.frame is not None}),
            exposed=by_state[State.EXPOSED],
            repeated=by_state[State.REPEATED],
            held=by_state[State.HELD],
            interpolated=by_state[State.INTERPOLATED],
            missing=by_state[State.MISSING],
            longest_held=max(held, default=0),
            gaps=gaps(self.tracks[camera]),
            cadence=cadence(longest),
        )

    def plain(self) -> dict[str, Any]:
        """The timeline as plain data for canonical JSON: fractions as `n/d`, cells as rows.

        A row is [state, frame, ticks, error of its first tick].
        """
        return {
            "version": TIMELINE_VERSION,
            "rate": _text(self.rate),
            "spans": [
                {
                    "span": part.index,
                    "first_tick": part.first_tick,
                    "count": len(part.times),
                    "from": _text(part.times[0]),
                    "step": _step(part),
                    "times": [_text(t) for t in part.times] if _step(part) is None else None,
                    "cameras": {name: _rows(laid) for name, laid in sorted(cells.items())},
                }
                for part, cells in zip(self.spans, self.cells, strict=True)
            ],
        }

    def to_json(self) -> str:
        """Canonical JSON: the same timeline is the same text."""
        return json.dumps(self.plain(), sort_keys=True, separators=(",", ":"))


def cadence(cells: Sequence[Cell]) -> str:
    """How a camera's frames fall on the ticks of a span, as a repeating pattern.

    `2-3-2-3`: each frame is on screen for so many ticks, in turn. `every 2-3-2-3`: the
    camera is faster, and so many of its frames pass from one tick to the next. `uneven, 1
    to 3` where nothing repeats; empty where there is too little to say.
    """
    shown = [c.frame for c in cells if c.frame is not None]
    runs = [sum(1 for _ in group) for _, group in groupby(shown)][1:-1]
    if len(runs) >= 4 and max(runs) > 1:
        return _pattern(runs)
    steps = [b - a for a, b in pairwise(shown)]
    if len(steps) < 4:
        return ""
    found = _pattern(steps)
    return "1" if found == "1" else f"every {found}"


def _pattern(counts: Sequence[int]) -> str:
    """The shortest pattern that nine in ten of the counts keep to, or their bounds."""
    for period in range(1, min(13, len(counts) // 2 + 1)):
        pairs = len(counts) - period
        if 10 * sum(a == b for a, b in zip(counts, counts[period:], strict=False)) >= 9 * pairs:
            # A drop-out in the first period must not become the pattern: take the middle one.
            start = len(counts) // 2 // period * period
            unit = list(counts[start : start + period]) or list(counts[:period])
            shown = unit * 2 if 1 < period <= 2 else unit
            return "-".join(str(n) for n in shown)
    return f"uneven, {min(counts)} to {max(counts)}"


def _text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _step(part: SpanTicks) -> str | None:
    """Mission seconds from tick to tick where they are even by definition, else None."""
    if part.span.every is not None:
        return None
    if len(part.times) < 2:
        return "0/1"
    return _text(part.times[1] - part.times[0])


def _rows(laid: Sequence[Cell]) -> list[list[Any]]:
    rows = []
    for (state, frame), group in groupby(laid, key=lambda c: (c.state, c.frame)):
        cells = list(group)
        error = cells[0].error_s
        rows.append([state.value, frame, len(cells), None if error is None else _text(error)])
    return rows
