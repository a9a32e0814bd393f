"""Times as people write them: `touchdown - 2s`, `T+14.6s`, UTC, `sclk:`; parsed exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, Protocol

from descent.clock.epoch import Epoch
from descent.clock.utc import exact_utc, unix_to_tai, utc_to_tai
from descent.errors import TimeUnknown

Duration = Fraction

UNITS: dict[str, Fraction] = {
    "h": Fraction(3600), "min": Fraction(60), "s": Fraction(1),
    "ms": Fraction(1, 1000), "us": Fraction(1, 10**6),
}  # fmt: skip

# What people type for each unit, so that the cure can be spelled out.
_MEANT = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "m": "min", "mins": "min",
    "minute": "min", "minutes": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "msec": "ms", "millisecond": "ms", "milliseconds": "ms", "usec": "us", "µs": "us",
    "μs": "us", "microsecond": "us", "microseconds": "us",
}  # fmt: skip

_NUM = r"\d{1,18}(?:\.\d{0,30})?|\.\d{1,30}"
_CLOCK = re.compile(r"(?:(?P<h>\d{1,6}):)?(?P<m>\d{1,6}):(?P<s>\d\d(?:\.\d{1,30})?)", re.ASCII)
_PARTS = re.compile(rf"(?:(?:{_NUM})(?:/\d{{1,18}})?\s*(?:h|min|s|ms|us)\s*)+", re.ASCII)
_PART = re.compile(rf"({_NUM})(?:/(\d{{1,18}}))?\s*([a-z]+)", re.ASCII)
_BARE = re.compile(rf"({_NUM})(?:/(\d{{1,18}}))?", re.ASCII)
_FRAMES = re.compile(r"(\d{1,9})\s*(?:frames?|f)", re.ASCII)


def _plain(text: str) -> str:
    """Text with the minus signs that typesetting makes turned back into hyphens."""
    return text.strip().replace("−", "-").replace("–", "-")


def _number(digits: str, over: str | None) -> Fraction:
    if over is not None and int(over) == 0:
        raise ZeroDivisionError
    return Fraction(digits.removesuffix(".")) / int(over or 1)


def _no_duration(text: str) -> ValueError:
    body = _plain(text).lstrip("+-").strip()
    sign = "-" if _plain(text).startswith("-") else ""
    match = re.fullmatch(rf"({_NUM})\s*([^\W\d_]+)", body)
    cure = "2s, 0.5s, 250ms, 2min, 1h or 00:41.20"
    if match and match[2].lower() in _MEANT:
        cure = f"{sign}{match[1]}{_MEANT[match[2].lower()]}"
    elif match and match[2].lower() in UNITS:
        cure = f"{sign}{match[1]}{match[2].lower()}"
    elif re.fullmatch(r"\d+,\d+\s*[a-z]*", body):
        cure = sign + body.replace(",", ".")
    elif re.fullmatch(r"\d+:\d\d:\d\d[:;]\d\d", body):
        cure = "seconds instead of frames, such as 00:41:20.5"
    return ValueError(f"{text!r} is no duration - write {cure}")


def parse_duration(value: Any) -> Fraction:
    """Exact seconds of a duration as people write it.

    `2s`, `0.5 s`, `-31ms`, `2 min`, `1h`, `1/3s`, `11min 22s`, `00:41.20`, `01:02:03.5`, or
    a number, which counts seconds: a float by its shortest decimal form, since that is what
    was written. ValueError with what to write instead for anything else.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError(f"{value!r} is no duration - write 2s, 250ms, 2min or 00:41.20")
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, float | Decimal):
        exact = Decimal(repr(value)) if isinstance(value, float) else value
        if not exact.is_finite() or abs(exact) > 10**15:
            raise ValueError(f"{value!r} is no duration - write seconds, such as 2.5")
        return Fraction(exact)
    text = _plain(value)
    sign, body = (-1, text[1:].lstrip()) if text.startswith("-") else (1, text)
    if text.startswith("+"):
        body = text[1:].lstrip()
    try:
        if match := _BARE.fullmatch(body):
            return sign * _number(match[1], match[2])
        if match := _CLOCK.fullmatch(body):
            h, m, s = int(match["h"] or 0), int(match["m"]), Fraction(match["s"])
            if s >= 60 or (match["h"] and m >= 60):
                raise ValueError(
                    f"{value!r} is no duration: minutes and seconds end at 59 - "
                    f"write {duration_text(h * 3600 + m * 60 + s)}"
                )
            return sign * (h * 3600 + m * 60 + s)
        if _PARTS.fullmatch(body):
            parts = _PART.findall(body)
            sizes = [UNITS[unit] for _, _, unit in parts]
            if all(a > b for a, b in pairwise(sizes)):
                return sign * sum(
                    (_number(n, over or None) * UNITS[unit] for n, over, unit in parts),
                    Fraction(0),
                )
    except ZeroDivisionError:
        pass
    raise _no_duration(value)


def duration_text(seconds: Fraction) -> str:
    """The canonical text of an exact duration: `2s`, `-0.031s`, `1/3s`."""
    size = abs(seconds)
    for digits in range(31):
        if (size * 10**digits).denominator == 1:
            whole, part = divmod(int(size * 10**digits), 10**digits)
            body = f"{whole}.{part:0{digits}d}" if digits else str(whole)
            break
    else:
        body = f"{size.numerator}/{size.denominator}"
    return f"{'-' if seconds < 0 else ''}{body}s"


def parse_hold(value: Any) -> Literal["until_next"] | int | Fraction:
    """A camera's `hold`: `until_next`, `2 frames` (an int), or a duration (a Fraction)."""
    if value == "until_next":
        return "until_next"
    if isinstance(value, str) and (match := _FRAMES.fullmatch(value.strip())):
        return int(match[1])
    try:
        held = parse_duration(value)
    except ValueError:
        raise ValueError(f"{value!r} is no hold - write until_next, 2 frames or 0.5s") from None
    if held < 0:
        raise ValueError(f"{value!r} is less than nothing - write 0s, 2 frames or until_next")
    return held


@dataclass(frozen=True, slots=True)
class Moment:
    """A parsed time: `base` and an exact offset, resolved later against events and clocks.

    `kind` event (`base` its name), t (`base` empty: from the zero event), utc (`base` the
    canonical ISO text), sclk (`base` decimal seconds). `text` is what was written; it takes
    no part in comparing. `str()` gives the canonical text, which parses to an equal Moment.
    """

    kind: Literal["event", "t", "utc", "sclk"]
    base: str
    offset_s: Fraction = Fraction(0)
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        sign, size = ("-" if self.offset_s < 0 else "+"), duration_text(abs(self.offset_s))
        if self.kind == "t":
            return f"T{sign}{size}"
        base = f"sclk:{self.base}" if self.kind == "sclk" else self.base
        return f"{base} {sign} {size}" if self.offset_s else base

    def plus(self, seconds: Fraction) -> Moment:
        """The moment `seconds` later."""
        moved = Moment(self.kind, self.base, self.offset_s + seconds)
        return Moment(moved.kind, moved.base, moved.offset_s, str(moved))


_WRITE = "touchdown - 2s, T+14.6s, 2021-02-18T20:50:00Z or sclk:666952774.0"
_UTC = re.compile(
    r"(?P<utc>\d{4}-(?:\d\d-\d\d|\d{3})[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,18})?)?)"
    r"\s*(?P<zone>[Zz]|UTC|[+-]\d\d:\d\d)?(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_SCLK = re.compile(r"sclk\s*:\s*(?P<value>\d{1,12}(?:\.\d{1,18})?)(?P<rest>.*)", re.I | re.S)
_TICKS = re.compile(r"sclk\s*:\s*(?:\d/)?(\d{4,12})[-:](\d{1,5})", re.IGNORECASE)
_UNIX = re.compile(r"unix\s*:\s*(?P<value>\d{1,12}(?:\.\d{1,18})?)(?P<rest>.*)", re.I | re.S)
_T = re.compile(r"[Tt]\s*(?P<rest>(?:[+-].*)?)", re.DOTALL)
_EVENT = re.compile(r"(?P<name>[^\W\d]\w*)\s*(?P<rest>(?:[+-].*)?)", re.DOTALL)
_OFFSETS = re.compile(r"\s*([+-])\s*([^+-]+)")


def _offset(rest: str, whole: str) -> Fraction:
    """The sum of `- 2s + 1ms`; every piece needs its sign."""
    total, at = Fraction(0), 0
    for match in _OFFSETS.finditer(rest):
        if match.start() != at:
            break
        size = parse_duration(match[2].strip())
        total += -size if match[1] == "-" else size
        at = match.end()
    if rest[at:].strip():
        raise ValueError(
            f"{whole!r} is no time: {rest[at:].strip()!r} is left over - write {_WRITE}"
        )
    return total


def _utc_moment(match: re.Match[str], whole: str) -> Moment:
    zone = match["zone"]
    stamp = match["utc"].upper().replace(" ", "T")
    if zone is None:
        raise ValueError(f"{whole!r} has no zone - write {stamp}Z if it is UTC")
    tai_s = utc_to_tai(stamp + "Z")
    if zone[0] in "+-":
        shift = int(zone[1:3]) * 3600 + int(zone[4:]) * 60
        meant = exact_utc(tai_s - (shift if zone[0] == "+" else -shift))
        raise ValueError(f"{whole!r} is in a zone of its own - write {meant}")
    return Moment("utc", exact_utc(tai_s), _offset(match["rest"], whole), whole)


def parse_moment(value: Any) -> Moment:
    """A `Moment` from a time as people write it.

    `touchdown - 2s`, `T+00:14.6`, `2.9s` (which is T+2.9s), `2021-02-18T20:50:00Z`,
    `2021-049T20:50:00Z`, `sclk:666952774.0` or `unix:1613681464.4`, each with further `+`
    or `-` durations. A Moment comes back as it is. A datetime, which some YAML readers make
    of UTC, is taken as UTC. ValueError with what to write instead for anything else.
    """
    if isinstance(value, Moment):
        return value
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value
        return parse_moment(utc.replace(tzinfo=None).isoformat() + "Z")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Fraction | str):
        raise ValueError(f"{value!r} is no time - write {_WRITE}")
    if not isinstance(value, str):
        return Moment("t", "", parse_duration(value), str(value))
    text = _plain(value)
    if match := _UTC.fullmatch(text):
        return _utc_moment(match, value)
    if match := _TICKS.fullmatch(text):
        ticks = Fraction(int(match[2]), 65536)
        meant = duration_text(Fraction(int(match[1])) + ticks)[:-1]
        raise ValueError(
            f"{value!r} looks like a SPICE clock string, which counts ticks of 1/65536 s - "
            f"write sclk:{meant}, or sclk:{match[1]} - {match[2]}s if seconds are meant"
        )
    if match := _SCLK.fullmatch(text):
        base = duration_text(Fraction(match["value"]))[:-1]
        return Moment("sclk", base, _offset(match["rest"], value), value)
    if match := _UNIX.fullmatch(text):
        at = exact_utc(unix_to_tai(Fraction(match["value"])))
        return Moment("utc", at, _offset(match["rest"], value), value)
    if match := _T.fullmatch(text):
        return Moment("t", "", _offset(match["rest"], value), value)
    if match := _EVENT.fullmatch(text):
        return Moment("event", match["name"], _offset(match["rest"], value), value)
    if text[:1] in "+-.0123456789" and text:
        try:
            return Moment("t", "", parse_duration(text), value)
        except ValueError as error:
            raise ValueError(f"{error}, or a time: {_WRITE}") from None
    raise ValueError(f"{value!r} is no time - write {_WRITE}")


class ToTai(Protocol):
    """What `resolve` needs of a spacecraft clock."""

    def tai(self, sclk_s: Fraction) -> Fraction:
        """The `tai_s` of a clock reading, or TimeUnknown."""
        ...


def resolve(
    moment: Moment,
    *,
    events: Mapping[str, Fraction],
    zero: Fraction | None = None,
    epoch: Epoch | None = None,
    sclk: ToTai | None = None,
) -> Fraction:
    """The exact mission time, s, of a moment.

    `events` and `zero` are mission times; `epoch` ties mission time to UTC; `sclk` is the
    spacecraft's clock. TimeUnknown, with what to write, when none of them explains it.
    """
    if moment.kind == "event":
        if moment.base not in events:
            near = get_close_matches(moment.base, events, n=1)
            known = f"did you mean {near[0]}?" if near else "events: " + ", ".join(sorted(events))
            raise TimeUnknown(
                f"no event is called {moment.base}", where=str(moment),
                do=known if events else f"write events: {{{moment.base}: T+2.9s}}",
            )  # fmt: skip
        return events[moment.base] + moment.offset_s
    if moment.kind == "t":
        if zero is None:
            raise TimeUnknown(
                "T has no zero", where=str(moment), do="write zero: and an event, such as ignition"
            )
        return zero + moment.offset_s
    if epoch is None:
        raise TimeUnknown(
            "nothing ties this clock to mission time", where=str(moment),
            do="write epoch: 2021-02-18T20:50:00Z, the UTC of mission time zero",
        )  # fmt: skip
    if moment.kind == "utc":
        return epoch.mission(utc_to_tai(moment.base), "UTC") + moment.offset_s
    if sclk is None:
        raise TimeUnknown(
            "no spacecraft clock is known", where=str(moment), do="write clock: mars2020"
        )
    return epoch.mission(sclk.tai(Fraction(moment.base)), "SCLK") + moment.offset_s
