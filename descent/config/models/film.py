"""The words of a film: layouts, spans of mission time, and sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from descent.clock.expression import Moment
from descent.config.known import Known, Wrong
from descent.config.models.base import (
    At,
    CameraName,
    CameraNames,
    Length,
    Model,
    PathText,
    Positive,
    Words,
    known,
    member,
    ratio_text,
    told,
)

_LAYOUTS = (
    "write one of {full: A}, {main: A, side: [B, C]}, {side_by_side: [A, B]}, "
    "{grid: [A, B, C, D]}, {full: A, inset: [B]}"
)


class Show(Model):
    """A layout and the cameras in it."""

    full: CameraName | None = Field(None, description="one camera fills the picture")
    main: CameraName | None = Field(None, description="one large camera, with `side` beside it")
    side: CameraNames = Field((), description="smaller cameras beside `main`, from the top")
    side_by_side: CameraNames = Field((), description="cameras of equal weight, from the left")
    grid: CameraNames = Field((), description="cameras in rows of equal cells")
    inset: CameraNames = Field((), description="small pictures in the corners of `full`")
    fit: Literal["letterbox", "crop"] | None = Field(
        None,
        description="whole pictures with bars, or filled cells cropped about each camera's focus; "
        "by default as the layout does",
    )

    @model_validator(mode="after")
    def _one_layout(self) -> Show:
        chosen = [n for n in ("full", "main", "side_by_side", "grid") if getattr(self, n)]
        if len(chosen) != 1:
            fact = f"names {len(chosen)} layouts ({', '.join(chosen)})"
            raise Wrong(fact if chosen else "names no layout", _LAYOUTS)
        if self.side and not self.main:
            raise Wrong("side goes with main", "write {main: CAMERA, side: [CAMERA]}")
        if self.inset and not self.full:
            raise Wrong("inset goes with full", "write {full: CAMERA, inset: [CAMERA]}")
        if self.main and not self.side:
            raise Wrong("main goes with side", f"write side: [CAMERA], or full: {self.main}")
        if len(self.side_by_side) == 1:
            raise Wrong("one camera has nothing beside it", f"write full: {self.side_by_side[0]}")
        return self

    @property
    def layout(self) -> str:
        """The layout's name in the table."""
        if self.inset:
            return "inset"
        return next(n for n in ("full", "main", "side_by_side", "grid") if getattr(self, n))

    @property
    def cameras(self) -> tuple[str, ...]:
        """Every camera shown, the most prominent first."""
        first = tuple(c for c in (self.full, self.main) if c)
        return first + self.side + self.side_by_side + self.grid + self.inset


_EVERY = re.compile(r"every_frame\s+of\s+(\S+)", re.ASCII)
_SPEEDS = "write 1, 1/4, 0.25 or every_frame of CAMERA"


def _speed(value: Any, info: ValidationInfo) -> Fraction | str:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, str) and value.strip().startswith("every"):
        match = _EVERY.fullmatch(value.strip())
        if match is None:
            raise Wrong(f"is {value!r}, which names no camera", "write every_frame of CAMERA")
        around = known(info)
        if around is not None:
            try:
                member(match[1], around.cameras, "camera")
            except Wrong as wrong:
                near = wrong.do.replace("did you mean ", "write every_frame of ").rstrip("?")
                raise Wrong(wrong.what, near) from None
        return f"every_frame of {match[1]}"
    text = str(value).replace(" ", "")
    if isinstance(value, bool) or not re.fullmatch(
        r"-?\d{1,9}(/\d{1,9}|\.\d{1,12})?", text, re.ASCII
    ):
        if re.fullmatch(r"\d+(\.\d+)?[x%]", text):
            number = Fraction(text[:-1]) / (100 if text.endswith("%") else 1)
            raise Wrong(f"is {value!r}, which is no speed", f"write {number}")
        raise Wrong(f"is {told(value)}, which is no speed", _SPEEDS)
    if re.fullmatch(r"-?\d+/0+", text):
        raise Wrong(f"is {value!r}, which is no speed", _SPEEDS)
    speed = Fraction(text)
    if speed == 0:
        raise Wrong("is 0, which shows one moment for ever", "write freeze: MOMENT, for: 3s")
    if speed < 0:
        raise Wrong(f"is {value}: film does not run backwards", f"write {-speed}")
    if speed > 10_000:
        raise Wrong(f"is {value}, faster than 10000", "write 10000 or less")
    return speed


def speed_text(speed: Fraction | str) -> int | str:
    """A speed as YAML writes it: 1, "1/4" or `every_frame of chute`."""
    return speed if isinstance(speed, str) else ratio_text(speed)


Speed = Annotated[
    Fraction | str,
    PlainValidator(_speed),
    PlainSerializer(speed_text),
    WithJsonSchema({"x-kind": "speed"}),
]


class Span(Model):
    """A stretch of mission time with one layout; it ends just before `to`."""

    start: At | None = Field(
        None,
        alias="from",
        description="first moment shown; by default where the last span with `to` ended",
    )
    to: At | None = Field(None, description="first moment not shown any more")
    replay: tuple[At, At] | None = Field(
        None,
        description="a stretch shown once more, from and to, often at another speed; the next "
        "span goes on where the one before ended",
        examples=["[parachute, canopy_full + 1s]"],
    )
    freeze: At | None = Field(None, description="one moment, held for `for`")
    length: Length | None = Field(
        None, alias="for", description="seconds of film that a freeze lasts"
    )
    speed: Speed = Field(
        Fraction(1),
        description="mission seconds in a second of film: 1, 1/4, or `every_frame of CAMERA`, "
        "which shows each of its frames for one tick. Smaller is slower",
    )
    show: Show = Field(description="the layout and its cameras", examples=["{full: chute}"])
    title: Words | None = Field(None, description="words shown when the span begins")

    @model_validator(mode="after")
    def _one_stretch(self, info: ValidationInfo) -> Span:
        ways = [n for n in ("to", "replay", "freeze") if getattr(self, n) is not None]
        if len(ways) != 1:
            raise Wrong(
                f"holds {' and '.join(ways)}" if ways else "says no stretch of time",
                "write one of to: MOMENT, replay: [FROM, TO], and freeze: MOMENT with for: 3s",
            )
        if self.start is not None and ways != ["to"]:
            raise Wrong(f"from goes with to, not with {ways[0]}", "leave from out", at=("from",))
        if (self.freeze is None) != (self.length is None):
            raise Wrong("freeze and for go together", "write freeze: touchdown, for: 3s")
        if self.freeze is not None and self.speed != 1:
            raise Wrong("a freeze has no speed", "leave speed out", at=("speed",))
        around = known(info)
        if around is not None:
            if self.replay is not None:
                forwards(around, *self.replay, at=("replay", 1))
            for name in self.show.cameras:
                if name in around.timeless:
                    raise Wrong(
                        f"{name} has no times, so no cut can show it",
                        f"give cameras.{name}.times a way to tell the time",
                        at=("show",),
                    )
        return self

    @property
    def every_frame(self) -> str | None:
        """The camera whose every frame is shown for one tick, or None."""
        return self.speed.removeprefix("every_frame of ") if isinstance(self.speed, str) else None


def forwards(around: Known, start: Any, to: Any, at: tuple[str | int, ...]) -> None:
    """Raise `Wrong` when `to` does not come after `start`, as far as that is known here."""
    a, b = around.when(start), around.when(to)
    if a is None or b is None or a[0] != b[0] or b[1] > a[1]:
        return
    back = float(a[1] - b[1])
    fact = (
        f"runs backwards: {to} is {back:g} s before {start}"
        if back
        else (f"is empty: {to} and {start} are one moment, and the end of a span is not shown")
    )
    raise Wrong(fact, f"write a time after {start}", at=at)


def strays(
    stretches: Sequence[tuple[Moment | None, Moment | None]], around: Known | None
) -> list[Wrong]:
    """What is wrong with the run of a cut, whose spans are (from, to), (None, None) aside."""
    here: Moment | None = None
    wrong: list[Wrong] = []
    for index, (start, to) in enumerate(stretches):
        if to is None:
            continue
        begin = start or here
        if begin is None:
            cure = "write from: MOMENT in the first span that has a to"
            wrong.append(Wrong("says no beginning", cure, at=(index,)))
        elif around is not None:
            try:
                forwards(around, begin, to, (index, "to"))
            except Wrong as problem:
                wrong.append(problem)
        here = to
    return wrong


def in_order(spans: tuple[Span, ...], info: ValidationInfo) -> tuple[Span, ...]:
    """The spans of a cut, when each runs forwards from where the film stands."""
    if not spans:
        raise Wrong("is empty", "write - {from: MOMENT, to: MOMENT, show: {full: CAMERA}}")
    wrong = strays([(s.start, s.to) for s in spans], known(info))
    if wrong:
        raise Wrong(wrong[0].what, wrong[0].do, at=wrong[0].at, more=tuple(wrong[1:]))
    return spans


class Sound(Model):
    """One sound track, laid by its clock."""

    file: PathText | None = Field(None, description="a sound file, relative to `folder`")
    camera: CameraName | None = Field(None, description="this camera's own sound instead")
    starts: At | None = Field(None, description="when its first sample was heard")
    clock: Literal["mission", "earth_received"] = Field(
        "mission", description="whether `starts` counts as on the spot, or as heard on Earth"
    )
    light_time: Positive = Field(
        Fraction(0),
        description="how long the signal travelled; larger lays an Earth-received track earlier",
    )
    credit: Words | None = Field(None, description="who recorded it")

    @model_validator(mode="after")
    def _one_source(self) -> Sound:
        if (self.file is None) == (self.camera is None):
            both = self.file is not None
            raise Wrong(
                "names a file and a camera" if both else "names neither a file nor a camera",
                "write one of file: FILE with starts: MOMENT, and camera: CAMERA",
            )
        if self.file is not None and self.starts is None:
            raise Wrong("a sound file needs its beginning", "write starts: 2021-02-18T20:50:00Z")
        if self.camera is not None and self.starts is not None:
            raise Wrong("a camera's sound starts with it", "leave starts out", at=("starts",))
        if self.clock == "earth_received" and self.light_time == 0:
            raise Wrong("earth_received needs the light time", "write light_time: 682s")
        if self.clock == "mission" and self.light_time != 0:
            raise Wrong(
                "light_time goes with earth_received",
                "write clock: earth_received",
                at=("light_time",),
            )
        return self
