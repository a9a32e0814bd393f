"""UTC as text and TAI as exact seconds, with every leap second between them.

Inside descent an absolute time is `tai_s`: TAI seconds past 2000-01-01T12:00:00 TAI, a
`Fraction`. That zero is the one SPICE uses, so kernels and this table speak the same numbers.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

# The first day with each value of TAI - UTC (IERS Bulletin C; naif0012.tls says the same).
# None has been announced after 2017.
LEAPS: tuple[tuple[str, int], ...] = (
    ("1972-01-01", 10), ("1972-07-01", 11), ("1973-01-01", 12), ("1974-01-01", 13),
    ("1975-01-01", 14), ("1976-01-01", 15), ("1977-01-01", 16), ("1978-01-01", 17),
    ("1979-01-01", 18), ("1980-01-01", 19), ("1981-07-01", 20), ("1982-07-01", 21),
    ("1983-07-01", 22), ("1985-07-01", 23), ("1988-01-01", 24), ("1990-01-01", 25),
    ("1991-01-01", 26), ("1992-07-01", 27), ("1993-07-01", 28), ("1994-07-01", 29),
    ("1996-01-01", 30), ("1997-07-01", 31), ("1999-01-01", 32), ("2006-01-01", 33),
    ("2009-01-01", 34), ("2012-07-01", 35), ("2015-07-01", 36), ("2017-01-01", 37),
)  # fmt: skip

_ZERO_DAY = date(2000, 1, 1).toordinal()
_DAYS = tuple((date.fromisoformat(day).toordinal() - _ZERO_DAY, tai) for day, tai in LEAPS)
_NOON = 43200
_SHAPE = re.compile(
    r"(\d{4})-(\d\d-\d\d|\d{3})T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,18}))?)?Z?", re.ASCII
)

Rounding = Literal["floor", "nearest"]


def _leap_count(day: int) -> int:
    """TAI - UTC, s, during the UTC day `day` days after 2000-01-01."""
    if day < _DAYS[0][0]:
        raise ValueError("is before 1972, when UTC did not count whole seconds")
    return next(tai for first, tai in reversed(_DAYS) if first <= day)


def _day(text: str, year: int, rest: str) -> int:
    try:
        if len(rest) == 3:  # a day of the year, as operations teams write it
            day = date(year, 1, 1) + timedelta(days=int(rest) - 1)
            if day.year != year or rest == "000":
                raise ValueError
        else:
            day = date(year, int(rest[:2]), int(rest[3:]))
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no UTC: {year:04d} has no day {rest}") from None
    return day.toordinal() - _ZERO_DAY


def utc_to_tai(text: str) -> Fraction:
    """The exact `tai_s` of UTC text such as `2021-02-18T20:41:04.447849Z`.

    Days may be `MM-DD` or `DDD` of the year; the closing Z may be missing, as in tables
    whose column is UTC by name. `:60` is taken on real leap seconds only. ValueError, in
    words that say what to write, for anything else.
    """
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no UTC - write 2021-02-18T20:50:00Z")
    year, rest, hour, minute, second, digits = match.groups()
    day = _day(text, int(year), rest)
    h, m, s = int(hour), int(minute), int(second or 0)
    if h > 23 or m > 59 or s > 60:
        raise ValueError(f"{text!r} is no UTC: {hour}:{minute}:{second or '00'} is no time of day")
    try:
        leap = _leap_count(day)
        if s == 60 and not ((h, m) == (23, 59) and _leap_count(day + 1) == leap + 1):
            raise ValueError("is no UTC: no leap second was inserted there - write :59 or :00")
    except ValueError as error:
        raise ValueError(f"{text!r} {error}") from None
    part = Fraction(int(digits), 10 ** len(digits)) if digits else Fraction(0)
    return day * 86400 + h * 3600 + m * 60 + s + leap - _NOON + part


def _split(tai_s: Fraction) -> tuple[int, Fraction]:
    """UTC day after 2000-01-01, and seconds in that day (86400 and up in a leap second)."""
    shifted = tai_s + _NOON
    day = (shifted - _DAYS[0][1]).__floor__() // 86400  # never too early: offsets only grow
    while True:
        try:
            rest = shifted - day * 86400 - _leap_count(day)
        except ValueError:
            raise ValueError("that time is before 1972: UTC did not count whole seconds") from None
        if rest >= 0:
            return day, rest
        day -= 1


def rounded(value: Fraction, digits: int, rounding: Rounding) -> Fraction:
    """`value` on a grid of 10**-digits: the one below, or the nearest (ties up)."""
    scaled = value * 10**digits + (Fraction(1, 2) if rounding == "nearest" else 0)
    return Fraction(scaled.__floor__(), 10**digits)


def tai_to_utc(tai_s: Fraction, digits: int = 6, rounding: Rounding = "floor") -> str:
    """UTC text of `tai_s`, ending in Z, with `digits` decimals (0 to 18).

    `floor` is what a clock face shows (a second lasts until it is over); `nearest` is what
    a table wants. A time inside a leap second reads `23:59:60`.
    """
    day, rest = _split(rounded(tai_s, digits, rounding))
    second = rest.__floor__()
    h, m = divmod(second // 60, 60)
    s = second % 60
    if second >= 86400:
        h, m, s = 23, 59, second - 86340
    frac = f".{int((rest - second) * 10**digits):0{digits}d}" if digits else ""
    return f"{date.fromordinal(day + _ZERO_DAY).isoformat()}T{h:02d}:{m:02d}:{s:02d}{frac}Z"


def exact_utc(tai_s: Fraction) -> str:
    """UTC text with as many decimals as `tai_s` has, at most 18."""
    digits = 0
    while digits < 18 and (tai_s * 10**digits).denominator != 1:
        digits += 1
    return tai_to_utc(tai_s, digits)


_UNIX_ZERO = date(1970, 1, 1).toordinal() - _ZERO_DAY


def unix_to_tai(unix_s: Fraction) -> Fraction:
    """`tai_s` of Unix time, whose days all have 86400 s: it repeats a leap second."""
    day, rest = divmod(unix_s, 86400)
    day = int(day) + _UNIX_ZERO
    return day * 86400 + rest + _leap_count(day) - _NOON


def tai_to_unix(tai_s: Fraction) -> Fraction:
    """Unix time of `tai_s`; a leap second reads as the first second of the next day."""
    day, rest = _split(tai_s)
    return (day - _UNIX_ZERO) * 86400 + rest


def received_to_sent(tai_s: Fraction, light_time_s: Fraction) -> Fraction:
    """When it happened, from when Earth heard of it `light_time_s` later."""
    return tai_s - light_time_s


def sent_to_received(tai_s: Fraction, light_time_s: Fraction) -> Fraction:
    """When Earth hears of what happens at `tai_s`."""
    return tai_s + light_time_s
