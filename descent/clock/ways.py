"""The mission times that come of what a release file's `times:` says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Literal

from descent.clock.asked import Code, TimesWords
from descent.clock.checks import label
from descent.clock.expression import Moment, duration_text, resolve
from descent.clock.show import Clocks
from descent.clock.solar import SOL_S, Sol, sol_to_tai
from descent.clock.table import Table, read_table
from descent.clock.timecode import frames_to_timecode, timecode_day
from descent.errors import TimeUnknown
from descent.model import Finding, Shot
from descent.tools.text import did_you_mean, some

Timed = list[tuple[Fraction, Shot]]
Kind = Literal[
    "sclk", "utc", "media", "timecode", "table", "rate", "index", "local", "hand", "marks", "none"
]

_DAY = re.compile(r"(?<!\d)(\d{2})([_.:-])(\d{2})\2(\d{2})(?!\d)")
_MARS_SECOND = SOL_S / 86400
_SOL_HALF_S = 43200

WAYS = (
    "write times: {table: X.csv, name_column: A, utc_column: B}, "
    "times: {rate: 30, start: T+0s}, times: {order: name, rate: 30, anchor: {file: X, "
    "at: touchdown - 2s}}, or mark a moment under sync:"
)


@dataclass(slots=True)
class Told:
    """What one way of telling the time gives: frames in listing order, with what was left."""

    timed: Timed
    how: str
    resolution_s: Fraction
    clock: Kind
    by_hand: bool = False
    interval_s: Fraction | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What every way of telling the time may ask."""

    name: str
    shots: tuple[Shot, ...]
    clocks: Clocks
    events: Mapping[str, Fraction]
    findings: list[Finding]
    codes: Mapping[Path, Code] = field(default_factory=dict)

    def moment(self, moment: Moment) -> Fraction:
        """The mission time of a moment; TimeUnknown where no clock explains it."""
        clocks = self.clocks
        return resolve(
            moment, events=self.events, zero=clocks.zero, epoch=clocks.epoch, sclk=clocks.sclk
        )

    def unknown(self, what: str, do: str) -> TimeUnknown:
        """The error that names this camera."""
        return TimeUnknown(what, where=f"cameras: {self.name}", do=do)


def by_words(about: About, times: TimesWords, base: Path) -> Told:
    """The frames' mission times as `times:` tells them; `base` is where its table lies."""
    if times.table is not None:
        told = _by_table(about, times, base / times.table)
    elif times.timecode is not None:
        told = _by_timecode(about, times)
    elif times.local is not None:
        told = _by_local(about, times)
    elif times.order is not None:
        told = _by_order(about, times)
    elif times.index is not None:
        told = _by_index(about, times)
    else:
        told = _by_rate(about, times)
    if times.resolution is not None:
        told.resolution_s = times.resolution
    return told


def _by_table(about: About, times: TimesWords, path: Path) -> Told:
    column = times.utc_column or times.sclk_column or times.seconds_column
    if times.name_column is None or column is None:
        raise about.unknown(
            "a table needs a column of names and one of times",
            "write name_column and one of utc_column, sclk_column, seconds_column",
        )
    table = read_table(path, times.name_column, column, utc=times.utc_column is not None)
    epoch, sclk = about.clocks.epoch, about.clocks.sclk
    resolution_s = table.resolution_s
    start = about.moment(times.start) if times.start is not None else Fraction(0)
    if times.sclk_column is not None and sclk is None:
        raise about.unknown("no spacecraft clock is known", "write clock: mars2020")

    def mission(value: Fraction) -> Fraction:
        if times.utc_column is not None:
            return epoch.mission(value, "UTC")
        if times.sclk_column is not None:
            assert sclk is not None
            return epoch.mission(sclk.tai(value), "SCLK")
        return start + value

    timed, lost = [], []
    for shot in about.shots:
        value = table.of(shot.path.name)
        if value is None:
            lost.append(label(shot))
        else:
            timed.append((mission(value) + _within(shot), shot))
    if times.sclk_column is not None and sclk is not None:
        resolution_s += sclk.error_s
    _say_table(about, table, path, lost, widened=times.resolution is None)
    return Told(timed, f"table {path.name}, column {column}", resolution_s, "table")


def _within(shot: Shot) -> Fraction:
    """A clip's own time, which runs on from the time that a table gives its file."""
    in_clip = shot.stamp is not None and shot.stamp.clock == "media"
    return shot.stamp.value if in_clip and shot.stamp is not None else Fraction(0)


def _say_table(
    about: About, table: Table, path: Path, lost: Sequence[str], *, widened: bool
) -> None:
    where = f"{about.name}: {path.name}"
    if table.grid_s is not None and widened:
        step, half = duration_text(table.grid_s), duration_text(table.grid_s / 2)
        about.findings.append(
            Finding(
                "rounded", where,
                f"its times print more digits, but all lie on a grid of {step}: taken as +-{half}",
                f"write resolution: {half} to say so, or what the times are really good to",
                "note",
            )
        )  # fmt: skip
    if lost:
        about.findings.append(
            Finding(
                "no_time", where, f"it has no row for {len(lost)} frames, left out: {some(lost)}",
                "add the rows, or skip: the frames",
            )
        )  # fmt: skip
    if table.twice:
        about.findings.append(
            Finding(
                "table_twice", where,
                f"it gives two times for {some(table.twice)}; the first is taken",
                "keep one row for each file",
            )
        )  # fmt: skip


def _by_order(about: About, times: TimesWords) -> Told:
    if times.rate is None or times.anchor is None:
        raise about.unknown("order needs rate and anchor", WAYS)
    rate, anchor = times.rate, times.anchor
    names = [shot.path.name for shot in about.shots]
    wanted = Path(anchor.file).name
    if wanted not in names:
        raise about.unknown(
            f"its anchor {anchor.file} is none of its {len(names)} frames",
            did_you_mean(wanted, names) or f"name one of {some(names, most=3)}",
        )
    zero, at = names.index(wanted), about.moment(anchor.at)
    timed = [(at + (k - zero) / rate, shot) for k, shot in enumerate(about.shots)]
    how = (
        f"laid by hand: by {times.order} at {rate} frames/s, "
        f"{wanted} at {anchor.at.text or anchor.at}"
    )
    return Told(timed, how, 1 / rate / 2, "hand", by_hand=True, interval_s=1 / rate)


def _by_index(about: About, times: TimesWords) -> Told:
    if times.rate is None or times.start is None:
        raise about.unknown("a frame number needs a rate and a start", WAYS)
    start, timed, lost = about.moment(times.start), [], []
    for shot in about.shots:
        if shot.stamp is None or shot.stamp.clock != "index":
            lost.append(label(shot))
        else:
            timed.append((start + shot.stamp.value / times.rate, shot))
    say_lost(about, lost, f"holds no number as {times.index} says")
    how = f"frame numbers at {times.rate} frames/s from {times.start.text or times.start}"
    return Told(timed, how, Fraction(0), "index", interval_s=1 / times.rate)


def _by_local(about: About, times: TimesWords) -> Told:
    """Names that hold the time of day where a spacecraft is, in seconds of its planet."""
    sclk, epoch = about.clocks.sclk, about.clocks.epoch
    if sclk is None or sclk.local is None or times.sol is None:
        raise about.unknown(
            "no clock says where its names' local solar time is counted",
            "write clock: mars2020, and the sol of the first name: times: {local: name, sol: 0}",
        )
    timed, lost, sol, before = [], [], times.sol, Fraction(0)
    for shot in about.shots:
        found = _DAY.search(shot.path.stem)
        hour, minute, second = (int(part) for part in found.group(1, 3, 4)) if found else (99, 0, 0)
        if hour > 23 or minute > 59 or second > 59:
            lost.append(label(shot))
            continue
        at = Fraction(3600 * hour + 60 * minute + second)
        sol += at < before - _SOL_HALF_S
        before = at
        # A clock in whole seconds floors: the instant is in the middle of one.
        tai_s = sol_to_tai(Sol(sol, at + Fraction(1, 2)), sclk.local)
        timed.append((epoch.mission(tai_s, "local solar time"), shot))
    say_lost(about, lost, "holds no time of day as 15_50_40")
    how = f"the local solar time in its names from sol {times.sol}, by {sclk.name}"
    return Told(timed, how, _MARS_SECOND / 2, "local")


def _by_timecode(about: About, times: TimesWords) -> Told:
    if times.start is None:
        raise about.unknown(
            "a time code tells the time of a day, and nothing says of which",
            "write start: 2024-05-01T00:00:00Z, when the time code read 00:00:00:00",
        )
    start, timed, lost = about.moment(times.start), [], []
    first: tuple[Fraction, Code] | None = None
    begins: dict[Path, Fraction] = {}
    for shot in about.shots:
        code = about.codes.get(shot.path)
        if code is None or shot.pts is None:
            lost.append(label(shot))
            continue
        if shot.path not in begins:
            at = code.frames / code.rate
            day = timecode_day(code.rate)
            if first is not None and first[0] - at > day / 2:
                at += day  # a recording that runs past midnight starts its labels again
            first = first or (at, code)
            begins[shot.path] = at
        within = (shot.pts - code.first_pts) * code.time_base
        timed.append((start + begins[shot.path] + within, shot))
    if first is None:
        raise about.unknown(
            "none of its clips has a time code track",
            "take timecode: away and mark a moment under sync:, or write rate: and start:",
        )
    say_lost(about, lost, "has no time code track")
    _, code = first
    text = frames_to_timecode(code.frames, code.rate, drop=code.drop)
    _say_slow(about, code, times.start, text)
    how = (
        f"time code track from {text} at {code.rate} frames/s"
        f"{', drop frames' if code.drop else ''}, counted from {times.start.text or times.start}"
    )
    return Told(timed, how, 1 / code.rate / 2, "timecode")


def _say_slow(about: About, code: Code, start: Moment, text: str) -> None:
    """Labels that fall behind a wall clock, where they are read as one."""
    behind_s = code.frames / code.rate - Fraction(code.frames, round(code.rate))
    if code.drop or code.rate.denominator == 1 or start.kind != "utc":
        return
    about.findings.append(
        Finding(
            "timecode_slow", about.name,
            f"its labels drop no frames at {code.rate}: at {text} they are "
            f"{float(behind_s):.3f} s behind a clock on the wall, which is counted in",
            f"if {text} was the time of day then, write start: {start.text} - "
            f"{float(behind_s):.3f}s",
        )
    )  # fmt: skip


def _by_rate(about: About, times: TimesWords) -> Told:
    if times.rate is None or times.start is None:
        raise about.unknown("a rate and a start go together", "write rate: 12, start: T+0s")
    start, rate = about.moment(times.start), times.rate
    said = times.start.text or times.start
    own = [s.stamp for s in about.shots if s.stamp is not None and s.stamp.clock == "media"]
    if len(own) == len(about.shots) > 1:
        # A clip's own stamps know of frames that came late; the nominal rate does not.
        steps = [b.value - a.value for a, b in pairwise(own)]
        measured = 1 / median_low(steps)
        if abs(measured / rate - 1) <= Fraction(1, 100):
            timed = [(start + s.value - own[0].value, shot)
                     for s, shot in zip(own, about.shots, strict=True)]  # fmt: skip
            how = f"the clip's own stamps from {said}"
            return Told(timed, how, own[0].resolution_s, "media", interval_s=1 / rate)
        about.findings.append(
            Finding(
                "cadence", about.name,
                f"its stamps say {float(measured):.4g} frames/s; laid at {rate} as written",
                "leave rate: away, and mark its start under sync:, to take its own stamps",
            )
        )  # fmt: skip
    timed = [(start + k / rate, shot) for k, shot in enumerate(about.shots)]
    how = f"order of its frames at {rate} frames/s from {said}"
    return Told(timed, how, Fraction(0), "rate", interval_s=1 / rate)


def say_lost(about: About, lost: Sequence[str], why: str) -> None:
    """Frames that are left out because nothing tells their time."""
    if lost:
        about.findings.append(
            Finding(
                "no_time", about.name, f"{len(lost)} frames are left out: each {why}: {some(lost)}",
                "give their times by a table, or skip: them",
            )
        )  # fmt: skip
