"""The words of a spacecraft clock: a file that ships, SPICE kernels, or readings of both clocks."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from descent.clock.expression import Moment, parse_moment
from descent.config.known import Wrong
from descent.config.models.base import Model, Paths, Positive, Words, listed, told

_DECIMAL = re.compile(r"\d{1,12}(?:\.\d{1,12})?", re.ASCII)


def _reading(value: Any) -> Fraction:
    """A clock reading in decimal seconds, exactly as written."""
    if isinstance(value, Fraction):
        return value
    text = "" if isinstance(value, bool) else str(value).strip()
    if not _DECIMAL.fullmatch(text):
        raise Wrong(
            f"is {told(value)} where a clock reading is expected",
            "write decimal seconds, such as 666952774.005264",
        )
    return Fraction(text)


def reading_text(value: Fraction) -> str:
    """A reading as it is written: whole microseconds and finer, without trailing zeros."""
    whole, part = divmod(value * 10**12, 10**12)
    digits = f"{int(part):012d}".rstrip("0")
    return f"{int(whole)}.{digits}" if digits else str(int(whole))


def _utc(value: Any) -> Moment:
    moment = parse_moment(value)
    if moment.kind != "utc":
        raise Wrong(f"is {told(value)} where UTC is expected", "write 2021-02-18T20:41:04.448Z")
    return moment


class Reading(Model):
    """One moment read on both clocks."""

    sclk: Annotated[
        Fraction,
        PlainValidator(_reading),
        PlainSerializer(reading_text),
        WithJsonSchema({"type": ["number", "string"]}),
    ] = Field(description="what the spacecraft clock read, s", examples=["666952774.005264"])
    utc: Annotated[
        Moment, PlainValidator(_utc), PlainSerializer(str), WithJsonSchema({"x-kind": "time"})
    ] = Field(description="the UTC of it", examples=["2021-02-18T20:41:04.447849Z"])


def _degrees(value: Any) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise Wrong(f"is {told(value)} where degrees are expected", "write 77.42593")
    degrees = Fraction(str(value))
    if not -360 <= degrees <= 360:
        raise Wrong(f"is {value} degrees", "write -180 to 360")
    return degrees


class LocalTime(Model):
    """Where the local solar time of a spacecraft is counted on Mars, and from which sol."""

    longitude_east_deg: Annotated[
        Fraction,
        PlainValidator(_degrees),
        PlainSerializer(float),
        WithJsonSchema({"type": "number"}),
    ] = Field(description="east longitude, degrees", examples=[77.42593])
    sol_zero: int = Field(
        description="the Mars sol date of its sol 0, rounded down", examples=[52304]
    )


WAYS = "write clock: mars2020, clock: {kernels: [...]} or clock: {readings: [...]}"


class SpacecraftClock(Model):
    """What ties a spacecraft's clock to UTC: a clock file, SPICE kernels or readings of both.

    Written as the name of a clock file (`clock: mars2020`), or as a map with one of the three.
    """

    file: Words | None = Field(
        None, description="a clock file of configs/clocks, such as mars2020, or a path"
    )
    kernels: Paths = Field(
        (),
        description="SPICE kernels, relative to the file that names them: an SCLK kernel (.tsc), "
        "and leap seconds (.tls) before it. Needs pip install 'descent[spice]'",
        examples=["[naif0012.tls, m2020_168_sclkscet_refit_v03.tsc]"],
    )
    spacecraft: int = Field(-168, description="whose clock in the kernels, by its SPICE id")
    readings: Annotated[tuple[Reading, ...], BeforeValidator(listed)] = Field(
        (), description="two moments or more that both clocks were read at, far apart"
    )
    error: Positive = Field(
        Fraction(1, 1000),
        description="what a time by the kernels, or one reading, can be off by; larger says that "
        "they are less sure",
    )
    local: LocalTime | None = Field(
        None, description="the place of its local time, where the clock file does not say"
    )

    @model_validator(mode="after")
    def _one_way(self) -> SpacecraftClock:
        ways = [name for name in ("file", "kernels", "readings") if getattr(self, name)]
        if len(ways) != 1:
            fact = f"names {' and '.join(ways)}" if ways else "names no clock"
            raise Wrong(fact, WAYS)
        if len(self.readings) == 1:
            raise Wrong(
                "is one reading, which gives an offset and no clock",
                "write two or more, far apart",
                at=("readings",),
            )
        return self


def clock_words(value: Any) -> Any:
    """A name of a clock file as the map it stands for."""
    return {"file": value} if isinstance(value, str) else value


def clock_flat(clock: SpacecraftClock | None) -> Any:
    """A clock as YAML writes it: by its file's name alone where that is all."""
    if clock is None or (clock.file is not None and clock.local is None):
        return None if clock is None else clock.file
    return clock.model_dump(mode="json", exclude_defaults=True)
