"""What every model of a release file is made of: exact numbers, times, names and words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from descent.clock.expression import (
    Duration,
    Moment,
    duration_text,
    parse_duration,
    parse_hold,
    parse_moment,
)
from descent.config.known import Known, Wrong
from descent.tools.text import did_you_mean, some


class Model(BaseModel):
    """A closed, frozen model: unknown keys are errors, values never change."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )


def known(info: ValidationInfo) -> Known | None:
    """What the release around a value holds, while a release file is being read."""
    return info.context if isinstance(info.context, Known) else None


def told(value: Any) -> str:
    """What a value is, in plain words."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    return f"the number {value}" if isinstance(value, int | float) else repr(value)


def listed(value: Any) -> Any:
    """One thing as a list of one; nothing as an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


# --- words -----------------------------------------------------------------------------


def _clean(value: str, *, lines: bool, most: int) -> str:
    for char in value:
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} and not (lines and char == "\n"):
            raise Wrong(f"holds a control character (U+{ord(char):04X})", "write it as plain text")
    if len(value) > most:
        raise Wrong(f"is {len(value)} characters long", f"write at most {most}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        cure = "write words"
        if isinstance(value, bool | int | float):
            cure = f'write it in quotes: "{told(value) if isinstance(value, bool) else value}"'
        raise Wrong(f"is {told(value)} where words are expected", cure)
    return value


def _line(value: Any) -> str:
    return _clean(_text(value), lines=False, most=300)


def _prose(value: Any) -> str:
    return _clean(_text(value).rstrip("\n"), lines=True, most=5000)


Words = Annotated[str, PlainValidator(_line, json_schema_input_type=str)]
Prose = Annotated[str, PlainValidator(_prose, json_schema_input_type=str)]


def _path(value: Any) -> str:
    text = _clean(_text(value), lines=False, most=4096)
    if not text:
        raise Wrong("is empty", "write a file, a folder or a pattern")
    return text


PathText = Annotated[str, PlainValidator(_path, json_schema_input_type=str)]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_EVENT = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)


def _name(value: Any) -> str:
    text = _text(value)
    if not _NAME.fullmatch(text):
        fixed = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")
        raise Wrong(
            f"{text!r} cannot be a name: names are letters, digits, - and _",
            f"write {fixed}" if _NAME.fullmatch(fixed) else "start with a letter",
        )
    return text


def _event_name(value: Any) -> str:
    text = _text(value)
    if not _EVENT.fullmatch(text) or text in {"T", "t"}:
        fixed = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
        good = _EVENT.fullmatch(fixed) and fixed not in {"T", "t"}
        raise Wrong(
            f"{text!r} cannot name an event: such names are letters, digits and _",
            f"write {fixed}" if good else "start with a letter, and not T alone",
        )
    return text


Name = Annotated[str, PlainValidator(_name, json_schema_input_type=str)]
EventName = Annotated[str, PlainValidator(_event_name, json_schema_input_type=str)]


def member(word: str, names: Iterable[str], what: str) -> str:
    """`word` when it is one of `names`; otherwise `Wrong` with the nearest, or all of them."""
    every = list(names)
    if word in every:
        return word
    cure = did_you_mean(word, every) or (f"write one of {some(every)}" if every else "")
    raise Wrong(f"there is no {what} {word!r}", cure)


def _of(kind: str) -> Callable[[Any, ValidationInfo], str]:
    """A validator for the names that `Known` lists under `kind`."""

    def check(value: Any, info: ValidationInfo) -> str:
        word, around = _text(value), known(info)
        return word if around is None else member(word, around.names(kind), kind)

    return check


CameraName = Annotated[
    str,
    PlainValidator(_of("camera"), json_schema_input_type=str),
    WithJsonSchema({"x-kind": "camera"}),
]
CutName = Annotated[str, PlainValidator(_of("cut"), json_schema_input_type=str)]
ProfileName = Annotated[str, PlainValidator(_of("profile"), json_schema_input_type=str)]
CameraNames = Annotated[
    tuple[CameraName, ...], BeforeValidator(listed), WithJsonSchema({"x-kind": "cameras"})
]
Paths = Annotated[
    tuple[PathText, ...], BeforeValidator(listed), WithJsonSchema({"x-kind": "paths"})
]
TextList = Annotated[
    tuple[Words, ...], BeforeValidator(listed), WithJsonSchema({"x-kind": "words"})
]


# --- numbers ---------------------------------------------------------------------------

# Rates that people round; the true one differs by a frame in a quarter of an hour.
_ROUNDED = {"23.976": 24000, "23.98": 24000, "29.97": 30000, "59.94": 60000, "119.88": 120000}


def _ratio(value: Any) -> Fraction:
    """'1/4', 0.25 or 1 as an exact fraction; floats by their shortest decimal form."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        text = str(value).replace(" ", "")
        if re.fullmatch(r"[+-]?\d{1,12}(/\d{1,12}|\.\d{1,18})?", text, re.ASCII):
            try:
                return Fraction(text)
            except ZeroDivisionError:
                pass
    raise Wrong(f"is {told(value)} where a number is expected", "write 1, 0.5, 1/4 or 30000/1001")


def _positive(value: Any) -> Fraction:
    ratio = _ratio(value)
    if ratio <= 0:
        raise Wrong(f"is {value}, and must be more than 0", "write 1, 0.5 or 1/4")
    return ratio


def _rate(value: Any) -> Fraction:
    true = _ROUNDED.get(str(value))
    if true:
        raise Wrong(f"is {value}, a rounded rate", f"write {true}/1001")
    ratio = _ratio(value)
    if not 0 < ratio <= 100_000:
        raise Wrong(
            f"is {value}, and must be more than 0 and at most 100000 frames a second",
            "write 12, 30 or 30000/1001",
        )
    return ratio


def ratio_text(value: Fraction) -> int | str:
    """A fraction as YAML writes it: 30 or "30000/1001"."""
    return value.numerator if value.denominator == 1 else str(value)


Ratio = Annotated[
    Fraction,
    PlainValidator(_positive),
    PlainSerializer(ratio_text),
    WithJsonSchema({"x-kind": "ratio"}),
]
Rate = Annotated[
    Fraction, PlainValidator(_rate), PlainSerializer(ratio_text), WithJsonSchema({"x-kind": "rate"})
]


def whole(value: Any, least: int, most: int) -> int:
    """A whole number from `least` to `most`, or `Wrong`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(f"is {told(value)} where a whole number is expected", f"write {max(least, 0)}")
    if not least <= value <= most:
        raise Wrong(
            f"is {value}, outside {least} to {most}",
            f"write {least} or more" if value < least else f"write {most} or less",
        )
    return value


Pixels = Annotated[
    int,
    PlainValidator(lambda v: whole(v, 0, 100_000)),
    WithJsonSchema({"type": "integer", "minimum": 0}),
]
Size = Annotated[
    int,
    PlainValidator(lambda v: whole(v, 1, 100_000)),
    WithJsonSchema({"type": "integer", "minimum": 1}),
]

_YES, _NO = {"yes", "true", "on"}, {"no", "false", "off"}


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _YES | _NO:
        return value.lower() in _YES
    raise Wrong(f"is {told(value)}, neither yes nor no", "write yes or no")


Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"x-kind": "flag"})]


# --- times -----------------------------------------------------------------------------


def _moment(value: Any) -> Moment:
    if value is None:
        raise Wrong("is empty", "write a time such as touchdown - 2s or T+14.6s")
    return parse_moment(value)


def _use(value: Any, info: ValidationInfo) -> Moment:
    """A time that events and clocks of the release must explain."""
    moment, around = _moment(value), known(info)
    if around is not None:
        around.explain(moment)
    return moment


def _tie(value: Any, info: ValidationInfo) -> Moment:
    """A time that may itself be what ties a clock to mission time."""
    moment, around = _moment(value), known(info)
    if around is not None and moment.kind != "utc":
        around.explain(moment)
    return moment


At = Annotated[
    Moment, PlainValidator(_use), PlainSerializer(str), WithJsonSchema({"x-kind": "time"})
]
Tie = Annotated[
    Moment, PlainValidator(_tie), PlainSerializer(str), WithJsonSchema({"x-kind": "time"})
]
Seconds = Annotated[
    Duration,
    PlainValidator(parse_duration),
    PlainSerializer(duration_text),
    WithJsonSchema({"x-kind": "duration"}),
]


def _length(value: Any) -> Fraction:
    seconds = parse_duration(value)
    if seconds <= 0:
        raise Wrong(f"is {value}, and must be more than 0", "write 3s")
    return seconds


def _span(value: Any) -> Fraction:
    seconds = parse_duration(value)
    if seconds < 0:
        raise Wrong(f"is {value}, less than nothing", f"write {duration_text(-seconds)}")
    return seconds


Length = Annotated[
    Duration,
    PlainValidator(_length),
    PlainSerializer(duration_text),
    WithJsonSchema({"x-kind": "duration"}),
]
Positive = Annotated[
    Duration,
    PlainValidator(_span),
    PlainSerializer(duration_text),
    WithJsonSchema({"x-kind": "duration"}),
]


def hold_text(hold: str | int | Fraction) -> str:
    """A hold as YAML writes it: until_next, `2 frames` or `0.5s`."""
    if isinstance(hold, str):
        return hold
    return f"{hold} frames" if isinstance(hold, int) else duration_text(hold)


Hold = Annotated[
    Literal["until_next"] | int | Fraction,
    PlainValidator(parse_hold),
    PlainSerializer(hold_text),
    WithJsonSchema({"x-kind": "hold"}),
]
