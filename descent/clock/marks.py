"""Moments marked by hand: the time that each camera's own clock shows at one event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from descent.errors import TimeUnknown

LARGEST_RATE_ERROR = Fraction(1, 1000)
"""Marks that ask a clock to run further off than this contradict each other."""


@dataclass(frozen=True, slots=True)
class MarkFit:
    """A camera's own time to mission time: `own * rate + offset_s`.

    `residuals` are what each mark is still off by, s, in the order of the events.
    """

    rate: Fraction
    offset_s: Fraction
    residuals: tuple[tuple[str, Fraction], ...]

    def mission(self, own_s: Fraction) -> Fraction:
        """Mission time of the camera's own time."""
        return own_s * self.rate + self.offset_s

    @property
    def worst_s(self) -> Fraction:
        """The largest residual, s."""
        return max((abs(r) for _, r in self.residuals), default=Fraction(0))


def fit_marks(
    camera: str,
    marks: Mapping[str, Fraction],
    events: Mapping[str, Fraction],
    interval_s: Fraction,
) -> MarkFit:
    """The offset, and where the marks ask for it the rate, of a camera's clock.

    A mark is good to half a frame, so a rate is fitted only where an offset alone leaves a
    mark off by more than half of `interval_s`. TimeUnknown for an event without a time, or
    for marks that no clock within 0.1 % of true can meet.
    """
    pairs = []
    for event, own in marks.items():
        if event not in events:
            raise TimeUnknown(
                f"the event {event} has no time", where=f"sync: {event}: {camera}",
                do=f"mark it in the reference camera too, or write events: {{{event}: T+2s}}",
            )  # fmt: skip
        pairs.append((event, own, events[event]))
    fit = _line(pairs, Fraction(1))
    if fit.worst_s > interval_s / 2 and len({own for _, own, _ in pairs}) > 1:
        count = len(pairs)
        mid = sum((own for _, own, _ in pairs), Fraction(0)) / count
        spread = sum(((own - mid) ** 2 for _, own, _ in pairs), Fraction(0))
        rate = sum(((own - mid) * t for _, own, t in pairs), Fraction(0)) / spread
        if abs(rate - 1) > LARGEST_RATE_ERROR:
            off = ", ".join(f"{event} by {float(r):+.3f} s" for event, r in fit.residuals)
            raise TimeUnknown(
                f"its marks contradict each other: {off}", where=f"sync: {camera}",
                do="look at them again; between two marks every camera counts the same seconds",
            )  # fmt: skip
        fit = _line(pairs, rate)
    elif fit.worst_s > interval_s / 2:
        raise TimeUnknown(
            "its marks give one own time to moments that lie apart", where=f"sync: {camera}",
            do="look at them again",
        )  # fmt: skip
    return fit


def _line(pairs: Sequence[tuple[str, Fraction, Fraction]], rate: Fraction) -> MarkFit:
    offset = sum((t - own * rate for _, own, t in pairs), Fraction(0)) / len(pairs)
    residuals = tuple((event, own * rate + offset - t) for event, own, t in pairs)
    return MarkFit(rate, offset, residuals)


def marked_events(
    marks: Mapping[str, Mapping[str, Fraction]],
    reference: str | None,
    events: Mapping[str, Fraction],
) -> dict[str, Fraction]:
    """Mission times of all marked events, those that nothing else tells included.

    `marks[event][camera]` is the camera's own time. An event without a time gets it through
    the reference camera's clock, or failing that through any camera that marks it and one
    already known. Where none is known, the first event is mission time 0. What cannot be
    reached is left out.
    """
    known = dict(events)
    if marks and not any(event in known for event in marks):
        known[next(iter(marks))] = Fraction(0)
    cameras = list(dict.fromkeys(c for own in marks.values() for c in own))
    if reference in cameras:
        cameras.sort(key=lambda c: c != reference)
    grew = True
    while grew:
        grew = False
        for camera in cameras:
            tie = next(
                (
                    known[e] - own[camera]
                    for e, own in marks.items()
                    if e in known and camera in own
                ),
                None,
            )
            fresh = [e for e, own in marks.items() if e not in known and camera in own]
            if tie is not None and fresh:
                known |= {e: marks[e][camera] + tie for e in fresh}
                grew = True
                break  # the reference camera comes first again
    return known
