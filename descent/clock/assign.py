"""Every frame of a camera laid on mission time, from whatever tells it, with how well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low

from descent.clock import checks
from descent.clock.asked import Code, TimesWords
from descent.clock.checks import Record, label
from descent.clock.expression import duration_text
from descent.clock.marks import MarkFit, fit_marks
from descent.clock.resets import unwound
from descent.clock.show import Clocks
from descent.clock.ways import WAYS, About, Kind, Timed, Told, by_words, say_lost
from descent.errors import TimeUnknown
from descent.model import Finding, MissingPolicy, Shot, Track


@dataclass(frozen=True, slots=True)
class Laid:
    """A camera on mission time.

    `shots[i]` was exposed at `track.times[i]`; `how` says in words what told the time;
    `resolution_s` is the half-width of what each time can mean; `by_hand` whether a person
    set any of it; `clock` names the kind; `resets` are the times, between two frames, at which
    its clock was set back. `open_s` is how long its shutter may have been open where nothing
    tells: pictures may then be up to half of that later than their times, all of them alike.
    """

    track: Track
    shots: tuple[Shot, ...]
    how: str
    resolution_s: Fraction
    by_hand: bool
    findings: tuple[Finding, ...]
    clock: Kind
    resets: tuple[Fraction, ...] = ()
    open_s: Fraction = Fraction(0)


LONGEST_OPEN = Fraction(1, 24)
"""How long a shutter that nobody tells of is taken to be open at most, s: longer exposures blur
what moves too much to be measured by, and who takes them knows."""


def lay(
    camera: str,
    shots: Sequence[Shot],
    records: Sequence[Record | None] = (),
    *,
    clocks: Clocks,
    events: Mapping[str, Fraction] | None = None,
    times: TimesWords | None = None,
    base: Path = Path(),
    marks: Mapping[str, Fraction] | None = None,
    reference: bool = False,
    own_clock: bool = False,
    add_s: Fraction = Fraction(0),
    clock_rate: Fraction = Fraction(1),
    accept_product_times: bool = False,
    resets: bool = False,
    codes: Mapping[Path, Code] | None = None,
    rate: Fraction | None = None,
    exposure_s: Fraction | None = None,
    missing: MissingPolicy | None = None,
) -> Laid:
    """Lay a camera's frames on mission time.

    `times` wins over `marks` (event: the camera's own time, s), and those over the frames'
    own stamps. A camera of clips alone, in a release without any absolute clock, counts
    from mission time 0 when it is the `reference`, and with `own_clock` in any release.
    `rate` is the declared cadence,
    `exposure_s` how long the shutter stayed open after a stamp, by default what each stamp
    tells itself: a frame's time is the middle. Tables and people tell the middle already.
    With `resets` frames keep the order they are listed in where their clock goes back. `codes`
    are the time codes of clips, for `times: {timecode: track}`.
    `clock_rate` stretches times about the first frame, then
    `add_s` shifts them (larger shows the camera later). Raises TimeUnknown where nothing
    tells the time, or what tells it is the making of the product.
    """
    findings: list[Finding] = []
    told_events = dict(events or {})
    if times is None:
        named = list(zip(shots, records or [None] * len(shots), strict=True))
        late, said = checks.product_times(
            camera, named, clocks, told_events, accept=accept_product_times, rate=rate
        )
        findings += said
        shots = [s for k, s in enumerate(shots) if k not in late]
    about = About(camera, tuple(shots), clocks, told_events, findings, codes or {})
    if times is not None and times.none:
        return _untimed(about, rate, missing)
    if times is not None:
        told = by_words(about, times, base)
        if marks:
            findings += _checked(about, told, marks)
    elif marks:
        told = _by_marks(about, marks, rate)
    else:
        told = _by_stamps(about, reference, own_clock)
    if not told.timed:
        raise about.unknown("no frame tells its time", WAYS)
    places: tuple[Fraction, ...] = ()
    if resets:
        told.timed, places, said = unwound(camera, told.timed, rate)
        findings += said
    laid = _finished(about, told, add_s, clock_rate, rate, exposure_s, missing)
    return replace(laid, resets=_moved(places, told.timed, clock_rate, add_s))


def _finished(
    about: About,
    told: Told,
    add_s: Fraction,
    clock_rate: Fraction,
    rate: Fraction | None,
    exposure_s: Fraction | None,
    missing: MissingPolicy | None,
) -> Laid:
    """Corrections by hand, order, one frame an instant, and what the stamps say together."""
    name, findings = about.name, about.findings
    findings += checks.going_back(name, [(shot, t) for t, shot in told.timed])
    timed = sorted(told.timed, key=lambda pair: pair[0])
    how, by_hand = told.how, told.by_hand
    if told.clock in _STAMPED:
        timed, middle = _middles(timed, exposure_s)
        how += middle
    open_s = _possibly_open(timed, told.clock, exposure_s, rate)
    if open_s and told.clock in _STAMPED:
        how += f", when the shutter opened: its exposure is not known, {_ms(open_s)} at most"
    if clock_rate != 1 or add_s:
        first = timed[0][0]
        timed = [(first + (t - first) * clock_rate + add_s, shot) for t, shot in timed]
    if add_s:
        how += f", moved by {duration_text(add_s)} by hand"
    if clock_rate != 1:
        how += f", run at {clock_rate} by hand"
    timed, twins = checks.one_an_instant(name, timed)
    findings += twins
    findings += checks.outside(name, timed, about.events)
    declared = rate if told.interval_s is None else 1 / told.interval_s
    interval_s, said = checks.cadence(name, timed, declared, told.resolution_s, about.clocks)
    findings += said
    track = Track(
        name, tuple(t for t, _ in timed), told.resolution_s, interval_s,
        missing or MissingPolicy(),
    )  # fmt: skip
    return Laid(
        track, tuple(shot for _, shot in timed), how, told.resolution_s,
        by_hand or bool(add_s) or clock_rate != 1, tuple(findings), told.clock, open_s=open_s,
    )  # fmt: skip


def _moved(
    places: tuple[Fraction, ...], timed: Timed, clock_rate: Fraction, add_s: Fraction
) -> tuple[Fraction, ...]:
    """Where the clock was set back, after what a person corrected."""
    first = min(t for t, _ in timed)
    return tuple(first + (t - first) * clock_rate + add_s for t in places)


# Clocks of cameras, which stamp a frame when its shutter opens.
_STAMPED = frozenset({"sclk", "utc"})


# Clocks that no person or table held against a picture: what they stamp is no middle.
_OPENED = _STAMPED | {"media", "timecode"}


def _possibly_open(
    timed: Timed, clock: Kind, declared_s: Fraction | None, rate: Fraction | None
) -> Fraction:
    """How long the shutter may have been open where nothing says, s: no longer than a frame."""
    told = declared_s is not None or all(s.stamp and s.stamp.exposure_s for _, s in timed)
    if clock not in _OPENED or told:
        return Fraction(0)
    interval = _interval(sorted(timed, key=lambda pair: pair[0]), rate)
    return min(interval or LONGEST_OPEN, LONGEST_OPEN)


def _middles(timed: Timed, declared_s: Fraction | None) -> tuple[Timed, str]:
    """The middles of exposures that began at the given times, and words for it."""
    lengths = [
        declared_s
        if declared_s is not None
        else (shot.stamp.exposure_s if shot.stamp is not None else Fraction(0))
        for _, shot in timed
    ]
    least, most = min(lengths), max(lengths)
    if not most:
        return timed, ""
    middles = [(t + length / 2, s) for (t, s), length in zip(timed, lengths, strict=True)]
    middles.sort(key=lambda pair: pair[0])
    span = f"{_ms(least)} to {_ms(most)}" if least != most else _ms(most)
    return middles, f", at the middle of {span} of exposure"


def _ms(seconds: Fraction) -> str:
    return f"{float(seconds * 1000):.4g} ms"


def _untimed(about: About, rate: Fraction | None, missing: MissingPolicy | None) -> Laid:
    interval_s = None if rate is None else 1 / rate
    track = Track(about.name, (), Fraction(0), interval_s, missing or MissingPolicy())
    how = "no times: for stills by file name only"
    return Laid(track, about.shots, how, Fraction(0), True, tuple(about.findings), "none")


# --- marks and stamps ------------------------------------------------------------------------


def _own(about: About) -> Timed:
    """Each frame's time on its camera's own clock, s."""
    stamped = [(s.stamp.value, s) for s in about.shots if s.stamp and s.stamp.clock != "index"]
    lost = [label(s) for s in about.shots if s.stamp is None or s.stamp.clock == "index"]
    say_lost(about, lost, "has no time of its own")
    return stamped


def _interval(own: Timed, rate: Fraction | None) -> Fraction:
    if rate is not None:
        return 1 / rate
    steps = [abs(b - a) for (a, _), (b, _) in pairwise(own)]
    return median_low(steps) if steps else Fraction(0)


def _by_marks(about: About, marks: Mapping[str, Fraction], rate: Fraction | None) -> Told:
    own = _own(about)
    if not own:
        raise about.unknown("it is marked, but its frames have no time of their own", WAYS)
    interval = _interval(own, rate)
    clocks = {s.stamp.clock for _, s in own if s.stamp is not None}
    zero = Fraction(0)
    if clocks != {"media"} and max(marks.values()) < own[0][0] / 2:
        zero = own[0][0]  # a spacecraft clock's frames, marked in seconds from the first
    fit = fit_marks(about.name, marks, about.events, interval)
    _say_residuals(about, fit, interval)
    timed = [(fit.mission(value - zero), shot) for value, shot in own]
    told = ", ".join(f"{event} at {duration_text(at)}" for event, at in marks.items())
    how = f"its own stamps, tied by hand: {told}"
    if fit.rate != 1:
        how += f"; its clock runs {float((fit.rate - 1) * 10**6):+.0f} ppm"
    # A person marks a frame: the event lies within half an interval of it.
    return Told(timed, how, max(interval / 2, fit.worst_s), "marks", by_hand=True)


def _say_residuals(about: About, fit: MarkFit, interval: Fraction) -> None:
    if len(fit.residuals) < 2:
        return
    off = ", ".join(f"{event} {float(r):+.4f} s" for event, r in fit.residuals)
    bad = fit.worst_s > interval
    about.findings.append(
        Finding(
            "marks", about.name, f"what its marks are off by: {off}",
            "look at the worst again" if bad else "", "warning" if bad else "note",
        )
    )  # fmt: skip


def _checked(about: About, told: Told, marks: Mapping[str, Fraction]) -> list[Finding]:
    """Marks beside `times` move nothing; what they say is told."""
    events = ", ".join(marks)
    return [
        Finding(
            "marks", about.name, f"its marks ({events}) are not used: {told.how} tells its time",
            "take times: away to lay it by its marks",
        )
    ]  # fmt: skip


def _by_stamps(about: About, reference: bool, own_clock: bool) -> Told:
    kinds = {s.stamp.clock for s in about.shots if s.stamp is not None}
    if len(kinds - {"index"}) > 1:
        raise about.unknown(
            f"its frames keep different clocks: {', '.join(sorted(kinds))}",
            "list clips and stills as cameras of their own",
        )
    own = _own(about)
    if not own:
        raise about.unknown("its frames tell no time", WAYS)
    stamp = own[0][1].stamp
    assert stamp is not None
    worst = max(s.stamp.resolution_s for _, s in own if s.stamp is not None)
    epoch, sclk = about.clocks.epoch, about.clocks.sclk
    if stamp.clock == "sclk":
        if sclk is None:
            raise about.unknown(
                "its names tell the spacecraft clock, and none is known", "write clock: mars2020"
            )
        timed = []
        tai = sclk.reader()
        for value, shot in own:
            try:
                timed.append((epoch.mission(tai(value), "SCLK"), shot))
            except TimeUnknown as error:
                raise about.unknown(f"{label(shot)}: {error.what}", error.do) from None
        return Told(timed, f"spacecraft clock, by {sclk.name}", worst + sclk.error_s, "sclk")
    if stamp.clock == "utc":
        return Told([(epoch.mission(v), s) for v, s in own], "UTC stamps", worst, "utc")
    if own_clock:
        return Told(own, "its clips' own stamps", worst, "media")
    if epoch.tai_s is None and reference and not about.events:
        return Told(own, f"its own stamps, which are {epoch}'s clock here", worst, "media")
    raise about.unknown(
        "its clips count from their own start, and nothing ties that to the others",
        f"mark a moment: sync: {{ignition: {{{about.name}: 00:41.20}}}}, or write times: "
        "{rate: 30, start: T+0s}",
    )
