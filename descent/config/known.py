"""What a release knows while it is read: names, events and clocks, for checks as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from descent.clock.expression import Moment
from descent.clock.utc import utc_to_tai
from descent.tools.text import did_you_mean, some


class Wrong(ValueError):
    """What a validator says: `what` is the fact, `do` the cure, `at` the way below the value."""

    def __init__(
        self,
        what: str,
        do: str = "",
        *,
        at: tuple[str | int, ...] = (),
        more: tuple[Wrong, ...] = (),
    ) -> None:
        self.what, self.do, self.at, self.more = what, do, at, more
        super().__init__(f"{what} - {do}" if do else what)


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that other places of one release may refer to.

    `events` maps names to their written times (None for one that could not be read);
    `marks` are events that `sync` marks by hand. `timeless` are cameras without times.
    `utc` says that something ties this release to UTC; `sclk` that a spacecraft clock is
    named, `light` that a light time is given. `counts` are cameras' declared rates, frames/s,
    and the time code of their first frame; `lost_events` that an event file could not be read,
    so that nobody knows which events there are.
    """

    cameras: tuple[str, ...] = ()
    timeless: frozenset[str] = frozenset()
    cuts: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    events: Mapping[str, Moment | None] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    zero: Moment | None = None
    has_zero: bool = False
    utc: bool = False
    sclk: bool = False
    light: bool = False
    counts: Mapping[str, tuple[Fraction, str | None]] = field(default_factory=dict)
    lost_events: bool = False

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of one kind: camera, cut, profile or event."""
        if kind == "event":
            return (*self.events, *(m for m in self.marks if m not in self.events))
        return {"camera": self.cameras, "cut": self.cuts, "profile": self.profiles}[kind]

    def explain(self, moment: Moment) -> None:
        """Raise `Wrong` where no event or clock of this release explains the time."""
        names = self.names("event")
        if moment.kind == "event" and moment.base not in names and not self.lost_events:
            cure = did_you_mean(moment.base, names)
            if not cure:
                cure = (
                    f"events here: {some(names)}"
                    if names
                    else (f"write events: {{{moment.base}: T+2.9s}} or events: mars2020")
                )
            raise Wrong(f"no event is called {moment.base}", cure)
        if moment.kind == "t" and not (self.has_zero or self.lost_events):
            raise Wrong(
                "T has no zero in this release", "write zero: and an event, such as zero: ignition"
            )
        if moment.kind == "utc" and not (self.utc or self.lost_events):
            raise Wrong(
                "no clock of this release explains UTC",
                "write epoch: 2021-02-18T20:50:00Z, or a time such as "
                + (f"{next(iter(self.names('event')), 'T')} + 2s"),
            )
        if moment.kind == "sclk" and not (self.sclk or self.lost_events):
            raise Wrong(
                "no spacecraft clock is named in this release", "write clock: mars2020, or UTC"
            )

    def circle(self, name: str) -> tuple[str, ...]:
        """The events that an event's time leads round to, itself first and last; or empty."""
        way = [name]
        while (moment := self._next(way[-1])) is not None:
            if moment in way:
                return (*way, moment) if moment == name else ()
            way.append(moment)
        return ()

    def _next(self, name: str) -> str | None:
        moment = self.events.get(name)
        if moment is None:
            return None
        if moment.kind == "t" and self.zero is not None:
            moment = self.zero
        return moment.base if moment.kind == "event" else None

    def when(self, moment: Moment) -> tuple[str, Fraction] | None:
        """The time on some clock, so that two can be compared; None where it is not known.

        The first of the pair names the clock: times of different clocks do not compare here.
        """
        total, seen = moment.offset_s, set[str]()
        while True:
            if moment.kind == "utc":
                return "utc", utc_to_tai(moment.base) + total
            if moment.kind == "sclk":
                return "sclk", Fraction(moment.base) + total
            if moment.kind == "t":
                if self.zero is None:
                    return "T", total
                if self.zero.kind == "t":
                    return None
                moment = self.zero
            else:
                if moment.base in seen:
                    return None
                seen.add(moment.base)
                found = self.events.get(moment.base)
                if found is None:
                    known = moment.base in self.marks and moment.base not in self.events
                    return (f"event {moment.base}", total) if known else None
                moment = found
            total += moment.offset_s
