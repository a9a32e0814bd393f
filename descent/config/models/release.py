"""The words of a whole release: its clocks, events, cameras, cuts and outputs."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from descent.clock.expression import parse_moment
from descent.clock.timecode import timecode_day, timecode_to_seconds
from descent.config.known import Wrong
from descent.config.models.base import (
    CameraName,
    EventName,
    Model,
    Name,
    PathText,
    Positive,
    Seconds,
    Tie,
    Words,
    known,
    listed,
    told,
)
from descent.config.models.camera import Camera
from descent.config.models.clock import SpacecraftClock, clock_flat, clock_words
from descent.config.models.film import Sound, Span, in_order
from descent.config.models.output import Output

REFINE = ("motion", "sound", "events")


class Credit(Model):
    """Who made what; composed with each camera's own into the credit line."""

    pictures: Words | None = Field(None, description="who took the pictures")
    processing: Words | None = Field(None, description="who made the release of them")
    licence: Words | None = Field(None, description="what others may do with it")


def _credit(value: Any) -> Any:
    return {"pictures": value} if isinstance(value, str) else value


class Event(Model):
    """A named moment; its title is shown when it comes, and without one it is a name only."""

    at: Tie = Field(description="when it happens", examples=["T+2.9s"])
    title: Words | None = Field(None, description="words shown for it")


class Events(Model):
    """Named moments: those of a shipped file, and one's own, which win.

    Written as a name (`events: mars2020`) or as a map of names to times or to `{at, title}`,
    in which `include` names the file.
    """

    include: Words | None = Field(
        None, description="an event file: a shipped one such as mars2020, or a path"
    )
    moments: dict[EventName, Event] = Field({}, description="moments by name")


class EventFile(Model):
    """A file of events that releases include: its moments, and the clocks that go with them."""

    title: Words | None = Field(None, description="what happened, for people")
    clock: Words | None = Field(
        None, description="the spacecraft clock of a release that names none itself"
    )
    zero: Annotated[Any, WithJsonSchema({"x-kind": "time"})] = Field(
        None, description="the zero of the T-/T+ clock of a release that names none itself"
    )
    light_time: Positive | None = Field(
        None, description="the light time of a release that gives none itself"
    )
    moments: Annotated[dict[EventName, Event], WithJsonSchema({"x-kind": "moments"})] = Field(
        {}, description="moments by name: a time, or `{at, title}`"
    )


def _events(value: Any) -> Any:
    if isinstance(value, str):
        return {"include": value}
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("moments"), dict) and set(value) <= {"include", "moments"}:
        return value
    moments = {k: v for k, v in value.items() if k != "include"}
    named = {k: v if isinstance(v, dict | Event) else {"at": v} for k, v in moments.items()}
    return {"include": value.get("include"), "moments": named}


def _flat_events(events: Events) -> dict[str, Any]:
    include = {"include": events.include} if events.include else {}
    return include | {name: event.model_dump(mode="json") for name, event in events.moments.items()}


def _refine(value: Any) -> tuple[str, ...]:
    chosen = () if value in (None, "none", False, "no") else tuple(listed(value))
    for index, way in enumerate(chosen):
        if way not in REFINE:
            raise Wrong(
                f"there is no way {told(way)} to refine clocks",
                f"write {', '.join(REFINE)} or none",
                at=(index,) if isinstance(value, list) else (),
            )
    return chosen


class Sync(Model):
    """Moments marked by hand in each camera's own time, and what may refine them.

    Written as a map of events to `{camera: its own time}`, with `refine` beside them.
    """

    refine: Annotated[
        tuple[Literal["motion", "sound", "events"], ...],
        BeforeValidator(_refine),
        WithJsonSchema({"x-kind": "refine"}),
    ] = Field(
        (), description="what may tell clocks, or make marks finer: motion, sound, events, or none"
    )
    marks: dict[EventName, dict[CameraName, Seconds]] = Field(
        {}, description="for each event the time that each camera shows at it"
    )


_TIMECODE = re.compile(r"\s*\d\d:\d\d:\d\d[:;]\d{2,3}\s*", re.ASCII)


def _own(camera: Any, value: Any, at: tuple[str, str], info: ValidationInfo) -> Any:
    """A camera's own time; a time code as the seconds from its first frame to that one."""
    around = known(info)
    if around is None or not isinstance(value, str) or not _TIMECODE.fullmatch(value):
        return value
    rate, first = around.counts.get(camera, (None, None))
    if rate is None:
        raise Wrong(
            f"{value!r} is a time code, and nothing says how many frames a second it counts",
            f"write rate: 30000/1001 under cameras: {camera}, or seconds such as 00:41.20",
            at=at,
        )
    try:
        start = timecode_to_seconds(first, rate) if first else Fraction(0)
        own = timecode_to_seconds(value, rate) - start
    except ValueError as error:
        what, _, do = str(error).partition(" - ")
        do = do or "write the label that the editor shows at that frame"
        raise Wrong(what, do, at=at) from None
    # A recording that runs past midnight starts its labels again.
    return own if own >= 0 else own + timecode_day(rate)


def _sync(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("marks"), dict) and set(value) <= {"refine", "marks"}:
        return value
    marks = {k: v for k, v in value.items() if k != "refine"}
    marks = {
        event: {c: _own(c, t, (event, c), info) for c, t in own.items()}
        if isinstance(own, dict)
        else own
        for event, own in marks.items()
    }
    return {"refine": value.get("refine"), "marks": marks}


def _flat_sync(sync: Sync) -> dict[str, Any]:
    plain = sync.model_dump(mode="json")
    marks: dict[str, Any] = plain["marks"]
    return {"refine": list(plain["refine"]) or "none"} | marks


def _zero(value: Any, info: ValidationInfo) -> Any:
    """The zero of T: anything but a time that counts from T itself."""
    if value is None:
        return None
    moment = parse_moment(value)
    if moment.kind == "t":
        raise Wrong("T cannot count from itself", "write an event, such as zero: ignition, or UTC")
    around = known(info)
    if around is not None and moment.kind != "utc":
        around.explain(moment)
    return moment


class Config(Model):
    """A release: cameras, cuts and what to make of them."""

    schema_: Literal[1] = Field(1, alias="schema", description="the version of these words")
    title: Words = Field(
        description="the release's title", examples=["Perseverance lands in Jezero crater"]
    )
    credit: Annotated[Credit, BeforeValidator(_credit), WithJsonSchema({"x-kind": "credit"})] = (
        Field(Credit(), description="who made what, as one line of words or by part")
    )
    folder: PathText = Field(
        ".",
        description="the folder that files, tables and sounds are relative to; itself relative "
        "to the release file",
    )
    epoch: Tie | None = Field(
        None,
        description="the UTC of mission time zero, for a release whose events have none; by "
        "default what events and cameras say",
    )
    zero: Annotated[
        Any,
        PlainValidator(_zero),
        PlainSerializer(str, when_used="unless-none"),
        WithJsonSchema({"x-kind": "time"}),
    ] = Field(None, description="the zero of the T-/T+ clock: an event, or a time")
    clock: Annotated[
        SpacecraftClock | None,
        BeforeValidator(clock_words),
        PlainSerializer(clock_flat),
        WithJsonSchema({"x-kind": "clock"}),
    ] = Field(
        None,
        description="what ties the spacecraft clock to UTC: a clock file such as mars2020, SPICE "
        "kernels, or readings of both clocks",
    )
    light_time: Positive | None = Field(
        None,
        description="how long signals travel to Earth, for clocks that show when Earth hears; "
        "larger shows a later one",
        examples=["682s"],
    )
    events: Annotated[
        Events,
        BeforeValidator(_events),
        PlainSerializer(_flat_events),
        WithJsonSchema({"x-kind": "events"}),
    ] = Field(Events(), description="named moments, by a shipped file or one's own")
    look: Literal["natural", "enhanced"] = Field(
        "natural", description="approximate natural colour, or colours drawn apart"
    )
    cameras: dict[Name, Camera] = Field(
        min_length=1, description="cameras by name", examples=["{hover: {files: ddc/}}"]
    )
    reference: CameraName | None = Field(
        None, description="the camera whose clock the others follow"
    )
    sync: Annotated[
        Sync,
        BeforeValidator(_sync),
        PlainSerializer(_flat_sync),
        WithJsonSchema({"x-kind": "sync"}),
    ] = Field(Sync(), description="moments marked by hand in each camera's own time")
    sound: Annotated[
        tuple[Sound, ...], BeforeValidator(listed), WithJsonSchema({"x-kind": "sounds"})
    ] = Field((), description="sound tracks, each laid by its clock")
    cuts: dict[Name, Annotated[tuple[Span, ...], AfterValidator(in_order)]] = Field(
        {}, description="cuts by name, each a list of spans of mission time"
    )
    outputs: dict[Name, Output] = Field(
        min_length=1,
        description="what to make, by the name of its file",
        examples=["{film: {cut: main, size: hd, for: web}}"],
    )
