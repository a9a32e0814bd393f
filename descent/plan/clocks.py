"""The clocks and events of a release: which zero, which epoch, and when everything happened."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from descent.clock.doors import Clocks, Epoch, Local, SclkClock, utc_to_tai
from descent.clock.expression import Moment, resolve
from descent.clock.marks import marked_events
from descent.config.load import Loaded
from descent.config.models import Config
from descent.errors import ConfigError, DescentError, TimeUnknown


def clocks_of(loaded: Loaded) -> tuple[Clocks, dict[str, tuple[Fraction, str | None]]]:
    """The clocks of a release and its events as (mission time in s, title).

    Mission time counts from `epoch` where one is written, else from the first event that
    is told in UTC or SCLK, to the whole second below; a release without any absolute clock
    counts from its zero event. Raises `TimeUnknown` for an event that nothing explains.
    """
    config = loaded.config
    sclk = spacecraft_clock(loaded)
    moments = {name: event.at for name, event in config.events.moments.items()}
    epoch = _epoch(config, moments, sclk)
    zero = Fraction(0) if epoch.tai_s is None else None
    times: dict[str, Fraction] = {}
    if zero is not None and config.zero is not None and config.zero.kind == "event":
        times[config.zero.base] = zero
    marks, reference = config.sync.marks, config.reference
    while True:
        if zero is None and config.zero is not None:
            zero = _try(config.zero, times, None, epoch, sclk)
        solved = {
            name: t
            for name, m in moments.items()
            if name not in times and (t := _try(m, times, zero, epoch, sclk)) is not None
        }
        if not solved and marks and (times or epoch.tai_s is None):
            found = marked_events(marks, reference, times)
            solved = {name: t for name, t in found.items() if name not in times}
        if not solved:
            break
        times |= solved
    for name, moment in moments.items():
        if name not in times:
            resolve(moment, events=times, zero=zero, epoch=epoch, sclk=sclk)
            raise TimeUnknown("its time goes round in a circle", where=f"events: {name}")
    if zero is None and config.zero is not None:
        zero = resolve(config.zero, events=times, epoch=epoch, sclk=sclk)
    light = config.light_time or next((s.light_time for s in config.sound if s.light_time), None)
    titles = {name: event.title for name, event in config.events.moments.items()}
    ordered = sorted(times.items(), key=lambda item: (item[1], item[0]))
    events = {name: (t, titles.get(name)) for name, t in ordered}
    return Clocks(epoch, zero, sclk, light), events


def spacecraft_clock(loaded: Loaded) -> SclkClock | None:
    """The spacecraft clock that a release names: a clock file, SPICE kernels or readings.

    Raises `ConfigError` at the words that name it where it cannot be had.
    """
    words = loaded.config.clock
    if words is None:
        return None
    key = "clock.kernels" if words.kernels else "clock.readings" if words.readings else "clock"
    try:
        if words.kernels:
            clock = SclkClock.from_kernels(
                loaded.kernels, spacecraft=words.spacecraft, error_s=words.error
            )
        elif words.readings:
            pairs = [(r.sclk, utc_to_tai(r.utc.base) + r.utc.offset_s) for r in words.readings]
            clock = SclkClock.from_anchors(pairs, resolution_s=words.error)
        elif loaded.clock is not None:
            clock = SclkClock.load(loaded.clock)
        else:
            return None
    except DescentError as error:
        raise ConfigError([loaded.problem(key, error.what, error.do)]) from None
    if words.local is None:
        return clock
    return clock.placed(Local(words.local.longitude_east_deg, words.local.sol_zero))


def _epoch(config: Config, moments: Mapping[str, Moment], sclk: SclkClock | None) -> Epoch:
    if config.epoch is not None:
        if config.epoch.kind == "utc":
            return Epoch.utc(config.epoch.base)
        raise TimeUnknown(
            "an epoch is a UTC time", where="epoch", do="write epoch: 2021-02-18T20:00:00Z"
        )
    base = Epoch(Fraction(0), "TAI")
    known = [
        t
        for m in [*moments.values(), *_spoken(config)]
        if m.kind in ("utc", "sclk") and (t := _try(m, {}, None, base, sclk)) is not None
    ]
    if known:
        whole = Fraction(min(known).__floor__())
        return Epoch(whole, str(Epoch(whole, "")))
    if config.zero is not None:
        return Epoch.event(str(config.zero))
    return Epoch.event(next(iter(config.sync.marks), "the first frame"))


def _spoken(config: Config) -> list[Moment]:
    """Absolute times that are written elsewhere than under events."""
    found = [config.zero] if config.zero else []
    for cut in config.cuts.values():
        for span in cut:
            found += [m for m in (span.start, span.to, span.freeze, *(span.replay or ())) if m]
    for camera in config.cameras.values():
        if camera.times is not None:
            found += [camera.times.start] if camera.times.start else []
            found += [camera.times.anchor.at] if camera.times.anchor else []
    return found


def _try(
    moment: Moment,
    times: Mapping[str, Fraction],
    zero: Fraction | None,
    epoch: Epoch,
    sclk: SclkClock | None,
) -> Fraction | None:
    try:
        return resolve(moment, events=times, zero=zero, epoch=epoch, sclk=sclk)
    except TimeUnknown:
        return None
