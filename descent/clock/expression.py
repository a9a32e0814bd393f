"""Times as people write them: `touchdown - 2s`, `T+14.6s`, UTC, `sclk:`; parsed exactly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

Duration = Fraction


@dataclass(frozen=True, slots=True)
class Moment:
    """A parsed time: `base` and an exact offset, resolved later against events and clocks.

    `kind` event (`base` its name), t (from the zero event), utc (`base` the ISO text),
    sclk (`base` decimal seconds).
    """

    kind: Literal["event", "t", "utc", "sclk"]
    base: str
    offset_s: Fraction = Fraction(0)
    text: str = ""


def parse_duration(value: Any) -> Duration:
    raise NotImplementedError


def parse_moment(value: Any) -> Moment:
    raise NotImplementedError
