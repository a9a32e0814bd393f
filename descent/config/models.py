"""The words of a release file: frozen models, one place for every default."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from descent.clock.expression import Duration, Moment, parse_duration, parse_moment


class Model(BaseModel):
    """A closed, frozen model: unknown keys are errors, values never change."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else [value]


def _ratio(value: Any) -> Any:
    """'1/4', 0.25 or 1 as an exact fraction; floats by their shortest decimal form."""
    if isinstance(value, bool):
        raise ValueError("is not a number - write 1, 0.5 or 1/4")
    try:
        return Fraction(str(value).replace(" ", ""))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{value!r} is not a number - write 1, 0.5, 1/4 or 30000/1001") from None


At = Annotated[
    Moment,
    BeforeValidator(parse_moment, json_schema_input_type=str),
]
Seconds = Annotated[
    Duration,
    BeforeValidator(parse_duration, json_schema_input_type=str | float),
]
Ratio = Annotated[Fraction, BeforeValidator(_ratio, json_schema_input_type=str | float)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class Times(Model):
    """Where a camera's times come from, when not from its names or its video stamps."""

    table: str | None = Field(None, description="a CSV file, relative to the release file")
    name_column: str | None = Field(None, description="the table's column of file names")
    utc_column: str | None = Field(None, description="the table's column of UTC times")
    sclk_column: str | None = Field(None, description="the column of spacecraft-clock seconds")
    seconds_column: str | None = Field(None, description="the column of seconds from `start`")
    resolution: Seconds | None = Field(
        None, description="half-width of what a time can mean; default: half the last digit"
    )
    rate: Ratio | None = Field(None, gt=0, description="frames a second")
    start: At | None = Field(None, description="mission time of the first frame (or index 0)")
    order: Literal["name", "time"] | None = Field(None, description="what the frames' order is")
    anchor: Anchor | None = Field(None, description="one frame whose time is known by hand")
    index: str | None = Field(
        None, description="a pattern such as 'frame_{index}.png' naming the frame number"
    )
    none: bool = Field(False, description="the camera has no times: only stills use it")

    @model_validator(mode="after")
    def _one_way(self) -> Times:
        """Exactly one way of telling the time."""
        ways = {
            "table": self.table is not None,
            "order": self.order is not None,
            "index": self.index is not None,
            "rate": self.rate is not None and self.order is None and self.index is None,
            "none": self.none,
        }
        chosen = [name for name, on in ways.items() if on]
        if len(chosen) != 1:
            raise ValueError(
                "needs exactly one way to tell the time - write table, order with anchor, "
                "index with rate and start, rate with start, or none: true"
            )
        if self.table is not None:
            columns = (self.utc_column, self.sclk_column, self.seconds_column)
            if self.name_column is None or sum(c is not None for c in columns) != 1:
                raise ValueError(
                    "a table needs name_column and one of utc_column, sclk_column, seconds_column"
                )
        if self.order is not None and (self.rate is None or self.anchor is None):
            raise ValueError(
                "order needs rate and anchor - write order: name, rate: 12, "
                "anchor: {file: X, at: touchdown - 2s}"
            )
        if (self.index is not None or chosen == ["rate"]) and (
            self.rate is None or self.start is None
        ):
            raise ValueError("a rate needs a start - write rate: 12, start: T+0s")
        return self


class Anchor(Model):
    """One frame whose mission time a person gives."""

    file: str
    at: At


class Clock(Model):
    """By-hand corrections of a camera's clock."""

    add: Seconds = Field(Fraction(0), description="added to every time; larger shows later")
    rate: Ratio = Field(Fraction(1), gt=0, description="mission seconds a camera second")
    accept_product_times: bool = Field(
        False, description="take names whose clock is the product's creation, not the exposure's"
    )


class Missing(Model):
    """What is shown where a camera has no frame near enough."""

    hold: Literal["until_next"] | int | str = Field(
        "0.5s", description="until_next, '2 frames' or '0.5s'; more keeps a still longer"
    )
    then: Literal["card", "black", "close_up"] = "card"


class Crop(Model):
    """A rectangle of a camera's picture, in px of the stored frame."""

    top: int = Field(0, ge=0)
    left: int = Field(0, ge=0)
    height: int = Field(gt=0)
    width: int = Field(gt=0)


class Skip(Model):
    """Frames left out on purpose, with the reason that the manifest repeats."""

    frames: Names
    reason: str = "left out by hand"


def _skips(value: Any) -> Any:
    items = _listed(value)
    if items and not any(isinstance(i, dict) for i in items):
        return [{"frames": [str(i) for i in items]}]
    return items


class Camera(Model):
    """A camera of the release; what `kind` names is a camera file whose values it starts from."""

    kind: str | None = Field(None, description="a camera file, such as mars2020/ddc")
    files: Names = Field((), description="files, folders or patterns, relative to the release file")
    title: str | None = Field(None, description="the name drawn in its picture")
    credit: str | None = None
    names: Literal["mars2020", "plain"] = Field("plain", description="how its file names read")
    instruments: tuple[str, ...] = Field((), description="codes its names may start with")
    clock_name: Literal["sclk", "utc", "media"] | None = Field(
        None, description="the clock in its names; a camera file says so"
    )
    rate: Ratio | None = Field(None, gt=0, description="declared cadence, frames a second")
    pattern: Literal["RGGB", "BGGR", "GRBG", "GBRG"] | None = Field(
        None, description="Bayer phase of pixel (0, 0); null: not a mosaic"
    )
    times: Times | None = None
    clock: Clock = Clock()
    missing: Missing = Missing()
    skip: Annotated[tuple[Skip, ...], BeforeValidator(_skips)] = ()
    turn: Literal[0, 90, 180, 270] = Field(0, description="clockwise, degrees")
    mirror: Literal["none", "horizontal", "vertical"] = "none"
    crop: Crop | None = None
    focus: tuple[float, float] = Field(
        (0.5, 0.5), description="the point kept when cropped: across, down, each 0 to 1"
    )
    restore: dict[str, dict[str, Any] | bool] = Field(
        {}, description="stages by name with their parameters; false turns one off"
    )
    white: str | None = Field(None, description="where its white balance comes from, in words")


class Credit(Model):
    """Who made what; composed with each camera's own into the credit line."""

    pictures: str | None = None
    processing: str | None = None
    licence: str | None = None


class Event(Model):
    """A named moment with the title shown for it."""

    at: At
    title: str | None = None


class Sound(Model):
    """One sound track, laid by its clock."""

    file: str | None = None
    camera: str | None = Field(None, description="use this camera's own sound")
    starts: At | None = None
    clock: Literal["mission", "earth_received"] = "mission"
    light_time: Seconds = Fraction(0)
    credit: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Sound:
        if (self.file is None) == (self.camera is None):
            raise ValueError("needs exactly one of file and camera")
        if self.file is not None and self.starts is None:
            raise ValueError("a sound file needs starts - write starts: 2021-02-18T20:50:00Z")
        return self


class Show(Model):
    """A layout and the cameras in it."""

    full: str | None = None
    main: str | None = None
    side: Names = ()
    side_by_side: Names = ()
    grid: Names = ()
    inset: Names = Field((), description="small pictures in the corners of `full`")
    fit: Literal["letterbox", "crop"] | None = None

    @model_validator(mode="after")
    def _one_layout(self) -> Show:
        chosen = [n for n in ("full", "main", "side_by_side", "grid") if getattr(self, n)]
        if len(chosen) != 1:
            raise ValueError(
                "needs exactly one of full, main with side, side_by_side, grid - "
                "write {full: CAMERA} or {main: CAMERA, side: [CAMERA]}"
            )
        if self.side and not self.main:
            raise ValueError("side goes with main - write {main: CAMERA, side: [CAMERA]}")
        if self.inset and not self.full:
            raise ValueError("inset goes with full - write {full: CAMERA, inset: [CAMERA]}")
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


class Span(Model):
    """A stretch of mission time with one layout."""

    start: At | None = Field(None, alias="from", description="default: where the last one ended")
    to: At | None = None
    replay: tuple[At, At] | None = Field(None, description="a stretch shown once more")
    freeze: At | None = Field(None, description="one moment, held for `length`")
    length: Seconds | None = Field(None, alias="for", description="film seconds of a freeze")
    speed: str | float = Field(1, description="1, 1/4, or 'every_frame of CAMERA'")
    show: Show
    title: str | None = None

    @model_validator(mode="after")
    def _one_stretch(self) -> Span:
        ways = [self.to is not None, self.replay is not None, self.freeze is not None]
        if sum(ways) != 1:
            raise ValueError("needs exactly one of to, replay and freeze")
        if (self.freeze is None) != (self.length is None):
            raise ValueError("freeze and for go together - write {freeze: touchdown, for: 3s}")
        return self


class Text(Model):
    """Which words are drawn into the picture."""

    titles: bool = True
    events: bool = True
    credit: bool = True
    marks: bool = Field(True, description="what is held, missing, slowed or magnified says so")
    clock: Annotated[tuple[Literal["utc", "t", "sclk"], ...], BeforeValidator(_listed)] = ("utc",)


def _text(value: Any) -> Any:
    if value == "none":
        return {"titles": False, "events": False, "credit": False, "marks": False, "clock": []}
    return {} if value == "all" else value


SIZES: dict[str, tuple[int, int]] = {
    "uhd": (3840, 2160), "qhd": (2560, 1440), "hd": (1920, 1080), "hd720": (1280, 720),
    "vertical": (1080, 1920), "square": (1080, 1080),
}  # fmt: skip


def _size(value: Any) -> Any:
    if isinstance(value, str):
        if value in SIZES:
            return SIZES[value]
        parts = value.lower().replace(" ", "").split("x")
        if len(parts) == 2 and all(p.isdigit() for p in parts):
            return tuple(int(p) for p in parts)
        raise ValueError(f"{value!r} is no size - write {', '.join(SIZES)} or 1920x1080")
    return value


class Output(Model):
    """One thing to make: a video of a cut, a video of each camera, a still, or frames."""

    cut: str | None = None
    each: Literal["camera"] | None = Field(None, description="one output for each camera")
    full_length: bool = Field(False, description="with each: all of its frames at its own cadence")
    still: str | Show | None = Field(None, description="a camera, or a layout of several")
    at: At | None = None
    frame: str | None = Field(None, description="a still's file name, where times are unknown")
    alt: str | None = Field(None, description="a still's alternative text, for who cannot see it")
    caption: str | None = None
    title: str | None = None
    show: Show | None = Field(None, description="one layout for the whole output")
    size: Annotated[
        tuple[int, int] | None,
        BeforeValidator(_size, json_schema_input_type=str | tuple[int, int]),
    ] = Field(None, description="width x height, px")
    scale: Literal["fit", "native"] = "fit"
    rate: Ratio = Field(Fraction(30), gt=0, description="frames a second, such as 30000/1001")
    use: Literal["web", "broadcast", "editors", "archive"] = Field("web", alias="for")
    profile: str | None = Field(None, description="an encode profile by name, instead of `for`")
    text: Annotated[
        Text,
        BeforeValidator(_text, json_schema_input_type=Literal["none", "all"] | dict[str, Any]),
    ] = Text()
    sound: bool = True
    format: Literal["png", "jpeg", "tiff"] | None = Field(None, description="of a still")

    @model_validator(mode="after")
    def _one_thing(self) -> Output:
        if sum(x is not None for x in (self.cut, self.each, self.still)) != 1:
            raise ValueError("needs exactly one of cut, each and still")
        return self


def _credit(value: Any) -> Any:
    return {"pictures": value} if isinstance(value, str) else value


def _events(value: Any) -> Any:
    if isinstance(value, str):
        return {"include": value}
    if isinstance(value, dict):
        moments = {k: v for k, v in value.items() if k != "include"}
        named = {k: v if isinstance(v, dict) else {"at": v} for k, v in moments.items()}
        return {"include": value.get("include"), "moments": named}
    return value


class Events(Model):
    """Named moments: a shipped file, moments of one's own, or both."""

    include: str | None = None
    moments: dict[str, Event] = {}


class Sync(Model):
    """Moments marked by hand in each camera's own time, and what may refine them."""

    refine: Annotated[
        tuple[Literal["motion", "sound"], ...],
        BeforeValidator(lambda v: [] if v in (None, "none") else _listed(v)),
    ] = ()
    marks: dict[str, dict[str, Seconds]] = {}


def _sync(value: Any) -> Any:
    if isinstance(value, dict) and "marks" not in value:
        marks = {k: v for k, v in value.items() if k != "refine"}
        return {"refine": value.get("refine"), "marks": marks}
    return value


class Config(Model):
    """A release: cameras, cuts and what to make of them."""

    schema_: Literal[1] = Field(1, alias="schema")
    title: str
    credit: Annotated[Credit, BeforeValidator(_credit)] = Credit()
    epoch: At | None = Field(None, description="zero of mission time inside; default: by events")
    zero: At | None = Field(None, description="zero of the T-/T+ clock: an event, or a time")
    clock: str | None = Field(None, description="spacecraft clock file, such as mars2020")
    events: Annotated[Events, BeforeValidator(_events)] = Events()
    look: Literal["natural", "enhanced"] = "natural"
    cameras: dict[str, Camera] = Field(min_length=1)
    reference: str | None = Field(None, description="the camera whose clock the others follow")
    sync: Annotated[Sync, BeforeValidator(_sync)] = Sync()
    sound: Annotated[tuple[Sound, ...], BeforeValidator(_listed)] = ()
    cuts: dict[str, tuple[Span, ...]] = {}
    outputs: dict[str, Output] = Field(min_length=1)
