"""Spans of mission time to ticks of a film, without drift and without a lost tick."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

from descent.errors import FormatError
from descent.model import Track


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of mission time that a film shows once, half-open: `start` up to `to`.

    `speed` is mission seconds a film second (1/4 is slow motion). `every` names a camera
    each of whose frames gets one tick, whatever its cadence. `length_s` freezes `start`
    for that many film seconds; `to` is `start` then.
    """

    start: Fraction
    to: Fraction
    speed: Fraction = Fraction(1)
    every: str | None = None
    length_s: Fraction | None = None

    @classmethod
    def freeze(cls, at: Fraction, length_s: Fraction) -> Span:
        """One moment, held for `length_s` film seconds."""
        return cls(at, at, length_s=length_s)

    @classmethod
    def every_frame(cls, camera: str, start: Fraction, to: Fraction) -> Span:
        """Each frame of `camera` from `start` up to `to`, one tick each."""
        return cls(start, to, every=camera)

    @property
    def runs(self) -> bool:
        """Whether mission time runs evenly."""
        return self.every is None and self.length_s is None


@dataclass(frozen=True, slots=True)
class SpanTicks:
    """The ticks of one span: `first_tick` up to `first_tick + len(times)`.

    `times[k]` is the mission time of its tick k; `run` numbers the unbroken run it is part
    of: spans that follow each other in time at one speed share one even grid, and `since` is
    the time of that run's first tick. Where a range left ticks of the span out, `uncut` are
    the times of them all, `skipped` of which come before the first that is left.
    """

    index: int
    span: Span
    first_tick: int
    times: tuple[Fraction, ...]
    run: int
    since: Fraction = Fraction(0)
    uncut: tuple[Fraction, ...] = ()
    skipped: int = 0

    @property
    def ticks(self) -> range:
        """The film's ticks of this span."""
        return range(self.first_tick, self.first_tick + len(self.times))

    @property
    def whole(self) -> tuple[Fraction, ...]:
        """The times of all its ticks, also those that a range left out."""
        return self.uncut or self.times

    def within(self, start: Fraction, to: Fraction, first_tick: int) -> SpanTicks | None:
        """Its ticks from `start` up to `to`, from `first_tick` on; None where there are none.

        They stay the ticks that they are in the whole film.
        """
        low, high = (bisect_left(self.times, t) for t in (start, to))
        if low >= high:
            return None
        span = self.span
        if span.length_s is None:
            span = replace(span, start=max(span.start, start), to=min(span.to, to))
        return replace(
            self,
            span=span,
            first_tick=first_tick,
            times=self.times[low:high],
            uncut=self.whole,
            skipped=self.skipped + low,
        )


def span_ticks(
    spans: Sequence[Span], rate: Fraction, tracks: Mapping[str, Track] | None = None
) -> tuple[SpanTicks, ...]:
    """The ticks of a cut at `rate` frames a second.

    Each span begins at the tick nearest to the exact film time before it, summed over all
    spans, so that rounding never adds up. Spans that continue each other at one speed are
    one unbroken run: the step between their ticks stays exactly `speed / rate` across the
    joint, and a tick belongs to the span that holds its time. `tracks` are needed for
    `every` alone. FormatError for a span that goes back, is so short that no
    tick falls in it, or whose camera has no frame in it.
    """
    laid: list[SpanTicks] = []
    film_s = Fraction(0)
    for number, group in enumerate(_runs(spans)):
        first = _round(film_s * rate)
        head, tail = spans[group[0]], spans[group[-1]]
        if head.every is not None:
            times = _frames(head, group[0], tracks or {})
            film_s += len(times) / rate
        elif head.length_s is not None:
            film_s += head.length_s
            times = (head.start,) * (_round(film_s * rate) - first)
        else:
            film_s += (tail.to - head.start) / head.speed
            times = _even(head.start, head.speed / rate, _round(film_s * rate) - first)
        for index in group:
            span = spans[index]
            mine = (
                times if len(group) == 1 else tuple(t for t in times if span.start <= t < span.to)
            )
            if not mine:
                raise FormatError(
                    f"it is so short that no frame falls in it at {rate} frames/s",
                    where=f"span {index + 1}", do="lengthen it, or take it out of the cut",
                )  # fmt: skip
            laid.append(SpanTicks(index, span, first, mine, number, times[0]))
            first += len(mine)
    return tuple(laid)


def ticks(span: Span, rate: Fraction, track: Track | None = None) -> tuple[Fraction, ...]:
    """The mission times of one span on its own, `start` up to `to`."""
    tracks = {span.every: track} if span.every and track else {}
    return span_ticks([span], rate, tracks)[0].times


def chunks(
    count: int, rate: Fraction, length_s: Fraction = Fraction(2), skipped: int = 0
) -> tuple[range, ...]:
    """The ticks 0 to `count` of a span, cut every `length_s` film seconds from its start.

    The grid is the span's own: a chunk neither crosses a span nor moves with its place in
    the film, nor with the `skipped` ticks that a range left out before the first. Longer
    chunks compress better and lose more in a crash.
    """
    size = max(1, _round(length_s * rate))
    edges = [0, *range(size - skipped % size, count, size), count]
    return tuple(range(a, b) for a, b in pairwise(edges))


def _runs(spans: Sequence[Span]) -> list[list[int]]:
    """Indices of spans, grouped where one continues the other at the same speed."""
    number = 0
    keys: list[int] = []
    for index, span in enumerate(spans):
        _check(span, index)
        before = spans[index - 1] if index else None
        goes_on = (
            before is not None and before.runs and span.runs
            and before.to == span.start and before.speed == span.speed
        )  # fmt: skip
        number += 0 if goes_on else 1
        keys.append(number)
    return [list(group) for _, group in groupby(range(len(spans)), key=keys.__getitem__)]


def _check(span: Span, index: int) -> None:
    where = f"span {index + 1}"
    if span.length_s is not None:
        if span.length_s <= 0:
            raise FormatError("a freeze needs a length", where=where, do="write for: 2s")
    elif span.to <= span.start:
        raise FormatError(
            f"it ends {float(span.start - span.to):g} s before it starts", where=where,
            do="swap from and to; a film steps back by a span that starts earlier",
        )  # fmt: skip
    if span.speed <= 0:
        raise FormatError("speed must be above 0", where=where, do="write speed: 1/4, or freeze")


def _round(value: Fraction) -> int:
    return (value + Fraction(1, 2)).__floor__()


def _even(start: Fraction, step: Fraction, count: int) -> tuple[Fraction, ...]:
    # One common denominator: far cheaper than adding Fractions, and as exact.
    over = start.denominator * step.denominator
    at, by = start.numerator * step.denominator, step.numerator * start.denominator
    return tuple(Fraction(at + k * by, over) for k in range(count))


def _frames(span: Span, index: int, tracks: Mapping[str, Track]) -> tuple[Fraction, ...]:
    track = tracks.get(span.every or "")
    if track is None:
        raise FormatError(
            f"every_frame of {span.every}: there is no such camera", where=f"span {index + 1}",
            do="name one of: " + ", ".join(sorted(tracks)),
        )  # fmt: skip
    times = tuple(t for t in track.times if span.start <= t < span.to)
    if not times:
        raise FormatError(
            f"{span.every} has no frame between its ends", where=f"span {index + 1}",
            do="widen the span, or write speed: 1",
        )  # fmt: skip
    return times
