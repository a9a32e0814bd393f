"""SMPTE time code, with drop frames: labels of frames that look like times of day.

SMPTE ST 12-1: at 30000/1001 and 60000/1001 a drop-frame count leaves out the first 2 (4)
labels of every minute but each tenth, so that labels keep pace with a wall clock to a few
ms an hour. Labels are dropped, frames never.
"""

from __future__ import annotations

import re
from fractions import Fraction

_SHAPE = re.compile(r"(\d{2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})", re.ASCII)


def _base(rate: Fraction) -> int:
    """The whole number of labels a second: 30 for 30000/1001."""
    return int(rate + Fraction(1, 2))


def _dropped(rate: Fraction) -> int:
    return _base(rate) // 15


def _checked(text: str, rate: Fraction, drop: bool) -> None:
    if drop and rate not in (Fraction(30000, 1001), Fraction(60000, 1001)):
        raise ValueError(
            f"{text!r} counts drop frames, which exist at 30000/1001 and 60000/1001 only - "
            "write it with colons"
        )


def timecode_to_frames(text: str, rate: Fraction, *, drop: bool | None = None) -> int:
    """The frame number of a time code such as `01:00:00:12` or, with drops, `01:00:00;12`.

    `drop` None reads it from the separator (`;` drops). ValueError for labels that do not
    exist, dropped ones included.
    """
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time code - write 01:00:00:12, or 01:00:00;12 with drops")
    hour, minute, second, frame = (int(match[i]) for i in (1, 2, 3, 5))
    drop = match[4] in ";," if drop is None else drop
    _checked(text, rate, drop)
    base = _base(rate)
    if hour > 23 or minute > 59 or second > 59 or frame >= base:
        raise ValueError(f"{text!r} does not exist at {rate} frames/s")
    total = ((hour * 60 + minute) * 60 + second) * base + frame
    if not drop:
        return total
    lost = _dropped(rate)
    if second == 0 and minute % 10 and frame < lost:
        raise ValueError(f"{text!r} is one of the labels that drop frames leave out")
    minutes = hour * 60 + minute
    return total - lost * (minutes - minutes // 10)


def frames_to_timecode(frames: int, rate: Fraction, *, drop: bool = False) -> str:
    """The time code of a frame number; after 24 hours it starts again."""
    _checked("this time code", rate, drop)
    base, lost = _base(rate), _dropped(rate)
    if drop:
        per_ten = base * 600 - 9 * lost
        tens, rest = divmod(frames, per_ten)
        frames += 9 * lost * tens
        if rest >= base * 60:
            frames += lost * ((rest - base * 60) // (base * 60 - lost) + 1)
    seconds, frame = divmod(frames, base)
    h, m, s = seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
    return f"{h:02d}:{m:02d}:{s:02d}{';' if drop else ':'}{frame:02d}"


def timecode_day(rate: Fraction) -> Fraction:
    """The seconds after which time code at `rate` starts again: 24 hours of its labels."""
    return Fraction(24 * 3600 * _base(rate)) / rate


def timecode_to_seconds(text: str, rate: Fraction, *, drop: bool | None = None) -> Fraction:
    """Exact seconds from `00:00:00:00` to the frame with this time code."""
    return timecode_to_frames(text, rate, drop=drop) / rate
