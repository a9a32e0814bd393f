"""The sync file beside a config: measured clocks that a person can read, keep and edit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, ValidationError

from descent.clock.measured import Measured, Stretch
from descent.config import include
from descent.config.known import Wrong
from descent.config.models.base import Flag, Model, told
from descent.config.words import problems as translated
from descent.errors import ConfigError
from descent.tools.files import write_text

SYNC_VERSION = "sync.1"
_MOST_S = 10**9


def _exact(value: Any) -> Fraction:
    """A number as it is written in decimals, exactly."""
    good = isinstance(value, int | float | str | Fraction) and not isinstance(value, bool)
    try:
        number = Fraction(str(value)) if good else None
    except (ValueError, ZeroDivisionError):
        number = None
    if number is None or abs(number) > _MOST_S:
        raise Wrong(f"is {told(value)} where a number is expected", "write 1.2345 or -0.5")
    return number


def decimal(value: Fraction, digits: int = 9) -> str:
    """A fraction in decimals, as the file writes it: rounded to `digits`."""
    scaled = round(value * 10**digits)
    sign, scaled = ("-" if scaled < 0 else ""), abs(scaled)
    whole, part = divmod(scaled, 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}".rstrip("0").rstrip(".") or "0"


Number = Annotated[Fraction, PlainValidator(_exact), PlainSerializer(decimal)]


class Step(Model):
    """A jump of a camera's clock: from `at_s` of its own time on, `offset_s` is added."""

    at_s: Number = Field(description="the camera's own time of its first frame after the jump")
    offset_s: Number = Field(description="what is added from there on, s")


class SyncCamera(Model):
    """One camera's clock: what is added to its own times to give mission time.

    Own times are what its stamps, marks or `times:` tell, in seconds of mission time.
    """

    offset_s: Number = Field(description="added to its own time at `at_s`, s")
    drift_ppm: Number = Field(Fraction(0), description="and so many µs more each second after")
    at_s: Number = Field(Fraction(0), description="the own time at which the offset is just that")
    steps: tuple[Step, ...] = Field((), description="jumps of its clock, in order of time")
    interval_s: Number = Field(description="95 % half-width of a mission time, s")
    open_s: Number = Field(
        Fraction(0),
        description="how long its shutter may have been open, where nothing says: its pictures "
        "may be up to half of that later than told, all alike",
    )
    evidence: str = Field("", description="what ties it, in words")
    measured_from: str = Field("", description="SHA-256 of the frames' names and own times")
    by_hand: Flag = Field(False, description="yes where a person changed it")
    unsure: Flag = Field(False, description="yes where it was taken although it was not sure")

    @property
    def clock(self) -> Measured:
        """The clock as frames are laid by it."""
        drift = self.drift_ppm / 10**6
        starts = [(self.at_s, self.offset_s), *((s.at_s, s.offset_s) for s in self.steps)]
        return Measured(
            tuple(Stretch(at, offset, drift) for at, offset in starts), self.interval_s,
            self.evidence, self.by_hand, self.unsure, self.open_s,
        )  # fmt: skip


class SyncFile(Model):
    """Measured clocks of a release, and what they rest on."""

    schema_: Literal["sync.1"] = Field(alias="schema")
    reference: str = Field(description="the camera whose clock the others follow")
    cameras: dict[str, SyncCamera] = Field({}, description="clocks by camera")
    ties: tuple[dict[str, Any], ...] = Field((), description="pairs that were tied, to read")
    refused: tuple[dict[str, Any], ...] = Field((), description="pairs that were not, and why")


def sync_path(config: Path) -> Path:
    """Where the sync file of a release file is: beside it, `landing.sync.yaml`."""
    return config.with_name(f"{config.stem}.sync.yaml")


def read_sync(path: Path) -> SyncFile | None:
    """The sync file at `path`, None where there is none; ConfigError for what is wrong in it."""
    if not path.exists():
        return None
    files = include.Files()
    root = files.tree(path, str(path))
    found: SyncFile | None = None
    if root is not None:
        try:
            found = SyncFile.model_validate(root.plain(), by_alias=True, by_name=False)
        except ValidationError as error:
            files.problems += translated(error.errors(), root, SyncFile)
    if files.problems or found is None:
        raise ConfigError(files.problems)
    return found


def write_sync(
    path: Path,
    *,
    config: str,
    reference: str,
    cameras: Mapping[str, SyncCamera],
    ties: Sequence[Mapping[str, Any]] = (),
    refused: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write a sync file, whole or not at all; the same clocks give the same bytes."""
    lines = [
        f"# Clocks measured by `descent sync {config}`, which writes this file anew.",
        "# Change what you know better, and add `by_hand: yes` to that camera. Times are the",
        "# camera's own in seconds of mission time; offset_s is added to them.",
        f"schema: {SYNC_VERSION}",
        f"reference: {reference}",
        "cameras:" if cameras else "cameras: {}",
    ]
    for name, camera in cameras.items():
        lines += [
            f"  {name}:",
            f"    offset_s: {decimal(camera.offset_s, 6)}",
            f"    drift_ppm: {decimal(camera.drift_ppm, 3)}",
            f"    at_s: {decimal(camera.at_s, 6)}",
        ]
        lines += ["    steps:"] if camera.steps else []
        for s in camera.steps:
            pair = f"at_s: {decimal(s.at_s, 6)}, offset_s: {decimal(s.offset_s, 6)}"
            lines.append(f"      - {{{pair}}}")
        lines += [
            f"    interval_s: {decimal(camera.interval_s, 6)}",
            *([f"    open_s: {decimal(camera.open_s, 6)}"] if camera.open_s else []),
            f"    evidence: {_text(camera.evidence)}",
            f"    measured_from: {camera.measured_from}",
        ]
        lines += ["    by_hand: yes"] if camera.by_hand else []
        lines += ["    unsure: yes"] if camera.unsure else []
    for title, rows in (("ties", ties), ("refused", refused)):
        lines += [f"{title}:"] if rows else []
        for row in rows:
            first, *rest = (f"{key}: {_text(value)}" for key, value in row.items())
            lines += [f"  - {first}", *(f"    {line}" for line in rest)]
    write_text(path, "\n".join(lines) + "\n")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
