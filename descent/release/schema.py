"""The shape of manifest.json, as models: what is written, what is read, and its JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MANIFEST_VERSION = "manifest.1"

Seconds = Annotated[
    str,
    Field(
        pattern=r"^-?\d{1,40}/[1-9]\d{0,40}$",
        description="exact seconds as a fraction n/d; of mission time where a moment is meant",
    ),
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 in hexadecimal")]
PictureDigest = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="BLAKE3 in hexadecimal")
]
State = Literal["exposed", "repeated", "held", "interpolated", "missing"]
Shares = dict[str, Annotated[float, Field(ge=0, le=1)]]


class Part(BaseModel):
    """A part of the manifest; what it does not know of is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fingerprint(Part):
    """What, beside its inputs, decided the bytes: two machines of one `id` make the same."""

    id: str
    parts: dict[str, str]


class ClocksPart(Part):
    """What mission time is: its zero in words and in TAI, the zero of T, the vehicle's clock."""

    epoch: str
    epoch_tai_s: Seconds | None
    zero_s: Seconds | None
    sclk: str | None


class Event(Part):
    """A named moment."""

    t: Seconds
    title: str | None


class FindingPart(Part):
    """Something noticed that a person should know."""

    code: str
    where: str
    what: str
    do: str
    level: Literal["note", "warning", "refused"]


class Used(Part):
    """A stage with its version and every parameter."""

    label: str
    params: dict[str, Any]
    found: dict[str, str | bool | int | float | None] = Field(
        default_factory=dict,
        description="what it found by looking at the whole camera: deblur's frames restored and "
        "kept, the share of them that was, what became of a label's exposure",
    )


class File(Part):
    """A source file: its name without folders, and what identifies it."""

    name: str
    sha256: Digest
    bytes: int
    version: int = Field(description="the product's version, larger is better; 0 where none is")


class Source(Part):
    """A camera: every frame that decided a pixel, its files, and what was done to it."""

    title: str
    credit: str | None
    how: str = Field(description="how its frames were laid on mission time")
    by_hand: bool = Field(description="whether a person laid them there")
    clock: str | None = Field(description="the clock that stamped its frames")
    resolution_s: Seconds = Field(description="half-width of what a frame's time can mean")
    white: str | None = Field(description="what was taken for white")
    turn: int
    mirror: str
    crop: tuple[int, int, int, int] | None = Field(description="top, left, height, width in px")
    stages: list[Used]
    exist: int = Field(description="how many frames there are, used or not")
    files: list[File]
    frames: list[tuple[int, int, Seconds | None]] = Field(
        description="each frame: its file's place in `files`, its index in that file, and the "
        "middle of its exposure"
    )


class TilePart(Part):
    """A camera's place: [top, left, rows, cols] in px, and output px a source px."""

    camera: str
    dest: tuple[int, int, int, int]
    magnification: float


class SpanPart(Part):
    """How a stretch of the film is shown: ticks `first_tick` to `first_tick + ticks`.

    It shows mission time `start` up to `to`; spans of one `run` are one unbroken run.
    `close_ups` are the layouts where cameras were closed up over, by those that remain.
    """

    first_tick: int
    ticks: int
    run: int
    start: Seconds | None
    to: Seconds | None
    kind: Literal["run", "replay", "freeze", "every_frame", "still"]
    layout: str
    speed: Seconds | None = Field(description="mission seconds a film second")
    title: str | None
    note: str | None
    tiles: list[TilePart]
    close_ups: dict[str, list[TilePart]]


Shown = (
    tuple[State, int | None, Shares]
    | tuple[Literal["interpolated"], int, Shares, int, Seconds]
)  # fmt: skip


class Record(Part):
    """One frame of an output: its mission time, the clock in words, and what cameras show."""

    t: Seconds | None
    clock: str | None
    show: dict[str, Shown] = Field(
        description="camera -> [state, place in its `frames` or null, shares of its shown pixels "
        "by reason, and where interpolated the second frame's place and the fraction between]"
    )


class OutputPart(Part):
    """A file of the release and all that it shows."""

    kind: Literal["video", "still", "frames"]
    file: str = Field(description="its name in the release folder; a folder's for `frames`")
    plan_sha256: Digest
    sha256: Digest | None
    picture_blake3: PictureDigest | None = Field(
        description="hash of the hashes of its decoded pictures"
    )
    bytes: int | None
    rows: int
    cols: int
    rate: Seconds | None = Field(description="pictures a second, as a fraction")
    frames: int
    sound: bool
    profile: str
    encoding: dict[str, Any] | None = Field(description="the encode profile, all of it")
    encoder: str | None
    title: str
    credit: str
    caption: str | None
    alt: str | None
    text: dict[str, Any] = Field(description="which words were drawn; false was turned off")
    spans: list[SpanPart]
    records: list[Record]


class Sound(Part):
    """The sound track's recording; its first sample was heard at mission time `starts`."""

    file: str
    sha256: Digest
    starts: Seconds
    credit: str | None
    camera: str | None


class Manifest(Part):
    """What every frame of every output of a release is, and from which files it came."""

    version: Literal["manifest.1"]
    title: str
    made_by: str
    plan_sha256: Digest
    config_sha256: Digest
    fingerprint: Fingerprint
    clocks: ClocksPart
    events: dict[str, Event]
    credit: dict[str, str | None]
    findings: list[FindingPart]
    sources: dict[str, Source]
    sound: Sound | None
    outputs: dict[str, OutputPart]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of manifest.json."""
    body = Manifest.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}
