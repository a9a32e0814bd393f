"""The words of what a camera hears: its sound, and how far it is from where that is made."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from descent.config.known import Wrong
from descent.config.models.base import Model, PathText, told

_METRES = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(m|km)?", re.ASCII)
_DO = "write metres, such as 120m or 1.2km"


def _metres(value: Any) -> Fraction:
    """A distance in metres, exactly as written."""
    if isinstance(value, Fraction):
        return value
    text = "" if isinstance(value, bool) else str(value).strip()
    match = _METRES.fullmatch(text)
    if match is None:
        raise Wrong(f"is {told(value)} where a distance is expected", _DO)
    return Fraction(match[1]) * (1000 if match[2] == "km" else 1)


def metres_text(value: Fraction) -> str:
    """A distance as YAML writes it: `120m`."""
    digits = f"{float(value):.6f}".rstrip("0").rstrip(".")
    return f"{digits}m"


class Hearing(Model):
    """What a camera hears, where `descent sync` refines clocks by sound."""

    file: PathText | None = Field(
        None,
        description="a sound file that begins with its first frame, relative to `folder`; by "
        "default the sound of its clips",
        examples=["pad_recorder.wav"],
    )
    distance: Annotated[
        Fraction | None,
        PlainValidator(lambda value: None if value is None else _metres(value)),
        PlainSerializer(metres_text, when_used="unless-none"),
        WithJsonSchema({"type": ["number", "string"]}),
    ] = Field(
        None,
        description="how far its microphone was from what is heard, m, to a tenth: sound takes "
        "2.9 ms for each. Larger says that it was heard later. By default 10 m more or less "
        "than any other camera are allowed for",
        examples=["120m"],
    )
