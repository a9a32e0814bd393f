"""From a release file to a `Config`: every problem at once, each at its place."""

from __future__ import annotations

import contextlib
import glob
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from descent.clock.expression import Moment, parse_moment
from descent.config import include
from descent.config.known import Known
from descent.config.models import Config
from descent.config.models.film import strays
from descent.config.overrides import apply
from descent.config.tree import Loc, Mark, Node, dotted, locate
from descent.config.words import problems as translated
from descent.errors import ConfigError, Problem
from descent.stages import STAGES, stage
from descent.tools.text import did_you_mean, some


@dataclass(frozen=True, slots=True)
class Loaded:
    """A release that was read: what it says, and where each thing of it is written.

    `path` is the release file; `base` the folder that its files are relative to; `files`
    every YAML file that was read, the release first; `marks` maps dotted keys, such as
    `cuts.main.0.to`, to (file, line, column), counted from 1 and 0 for `--set`; `digest`
    is the SHA-256 of all the text. `clock` is the spacecraft clock's file and `kernels` are its
    SPICE kernels, where they are named.
    """

    config: Config
    path: Path
    base: Path
    clock: Path | None
    files: tuple[Path, ...]
    digest: str
    marks: dict[str, tuple[str, int, int]] = field(repr=False)
    kernels: tuple[Path, ...] = ()

    def problem(self, key: str, what: str, do: str = "") -> Problem:
        """A problem at the place of a dotted key, or of the nearest one above it."""
        parts = key.split(".")
        while parts and ".".join(parts) not in self.marks:
            parts.pop()
        file, line, column = self.marks.get(".".join(parts), (str(self.path), 1, 1))
        return Problem(str(Mark(file, line, column)), key, what, do)


def load(path: Path | str, overrides: Sequence[str] = (), *, check_files: bool = True) -> Loaded:
    """Read a release file with what it includes and what `--set` changes.

    `overrides` are texts such as `outputs.film.size=hd`. `check_files=False` leaves open
    whether the files of cameras, tables and sounds are there. Raises `ConfigError` with
    every problem, sorted by place.
    """
    path = Path(path)
    files = include.Files()
    written = files.tree(path, str(path))
    if written is None:
        raise ConfigError(_sorted(files.problems, [str(path)]))
    for override in overrides:
        written = apply(written, override, files.problems)
    root = include.release(files, written, path)
    around = replace(survey(root), lost_events=files.lost_events)
    config: Config | None = None
    try:
        config = Config.model_validate(root.plain(), context=around, by_alias=True, by_name=False)
    except ValidationError as error:
        files.problems += translated(error.errors(), root, Config)
    files.problems += _stages(root)
    files.problems += _circles(root, around)
    files.problems += _backwards(root, around)
    base = _base(root, path)
    if check_files:
        files.problems += _absent(root, base)
    if files.problems or config is None:
        raise ConfigError(_sorted(files.problems, [str(path)]))
    digest = hashlib.sha256()
    for text in (*files.texts.values(), *overrides):
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    marks = {dotted(loc): (m.file, m.line, m.column) for loc, m in root.walk()}
    return Loaded(
        config, path, base, files.clock, tuple(files.texts), digest.hexdigest(), marks,
        files.kernels,
    )  # fmt: skip


def _sorted(found: list[Problem], order: list[str]) -> list[Problem]:
    """Problems by place, the release file first and the command line last; none twice."""

    def place(problem: Problem) -> tuple[Any, ...]:
        file, line, column = problem.where, "0", "0"
        parts = problem.where.rsplit(":", 2)
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            file, line, column = parts
        rank = 0 if file in order else 2 if file.startswith("--set") else 1
        return rank, file, int(line), int(column), problem.key

    return sorted(dict.fromkeys(found), key=place)


# --- what the release knows ----------------------------------------------------------------


def _written_moment(node: Node | None) -> Moment | None:
    if node is None or isinstance(node.value, dict | list) or node.value is None:
        return None
    try:
        return parse_moment(node.value)
    except ValueError:
        return None


def _names(node: Node | None) -> tuple[str, ...]:
    return tuple(node.entries()) if node is not None else ()


def survey(root: Node) -> Known:
    """What other places of the release may refer to, from its tree as far as it can be read."""
    events: dict[str, Moment | None] = {}
    written = root.get("events")
    for name, entry in (written.entries() if written else {}).items():
        if name != "include":
            timed = entry.node.get("at") if isinstance(entry.node.value, dict) else entry.node
            events[name] = _written_moment(timed)
    zero = _written_moment(root.get("zero"))
    sclk = root.get("clock") is not None
    ties = [*events.values(), zero, _written_moment(root.get("epoch"))]
    timeless = set[str]()
    stamped = False
    cameras = root.get("cameras")
    for name, entry in (cameras.entries() if cameras else {}).items():
        times = entry.node.get("times")
        if times is not None:
            none = times.get("none")
            if none is not None and none.value in (True, "yes", "on"):
                timeless.add(name)
            ties += [
                _written_moment(times.get("start")),
                _written_moment(times.get("anchor", "at")),
            ]
            stamped |= times.get("utc_column") is not None
            stamped |= sclk and times.get("sclk_column") is not None
        else:
            clock = entry.node.get("clock_name")
            stamped |= clock is not None and (
                clock.value == "utc" or (sclk and clock.value == "sclk")
            )
    sync = root.get("sync")
    marks = frozenset(n for n in _names(sync) if n != "refine")
    utc = stamped or any(m and m.kind in {"utc", "sclk"} for m in ties)
    alone = zero is not None and zero.kind == "event" and not (utc or marks or zero.offset_s)
    if zero is not None and alone and not did_you_mean(zero.base, events):
        # Nothing else ties this release to a clock: its zero is an event by being named.
        marks |= {zero.base}
    return Known(
        cameras=_names(cameras),
        timeless=frozenset(timeless),
        cuts=_names(root.get("cuts")),
        profiles=tuple(include.shipped("profiles")),
        events=events,
        marks=marks,
        zero=zero,
        has_zero=root.get("zero") is not None,
        utc=utc,
        sclk=sclk,
        light=_light(root),
        counts=dict(_counts(cameras)),
    )


def _light(root: Node) -> bool:
    sound = root.get("sound")
    tracks = [] if sound is None else sound.items() if isinstance(sound.value, list) else [sound]
    return any(node.get("light_time") is not None for node in (root, *tracks))


def _counts(cameras: Node | None) -> Iterator[tuple[str, tuple[Fraction, str | None]]]:
    """Cameras whose declared rate can be read, with the time code of their first frame."""
    for name, entry in (cameras.entries() if cameras else {}).items():
        rate, first = entry.node.get("rate"), entry.node.get("timecode")
        with contextlib.suppress(ValueError, ZeroDivisionError, TypeError):
            if rate is not None and not isinstance(rate.value, bool):
                code = first.value if first is not None else None
                yield name, (Fraction(str(rate.value)), code if isinstance(code, str) else None)


def _circles(root: Node, around: Known) -> Iterator[Problem]:
    """Events whose times count from each other."""
    said = set[str]()
    for name in around.events:
        circle = around.circle(name)
        if circle and not said & set(circle):
            said |= set(circle)
            written, mark = locate(root, ("events", name))
            yield Problem(
                str(mark),
                dotted(written),
                f"goes round in a circle: {' -> '.join(circle)}",
                "give one of them a time of its own",
            )


def _backwards(root: Node, around: Known) -> Iterator[Problem]:
    """Spans that run backwards, also in a cut of which other spans cannot be read."""
    cuts = root.get("cuts")
    for name, entry in (cuts.entries() if cuts else {}).items():
        spans = [
            (_written_moment(span.get("from")), _written_moment(span.get("to")))
            for span in entry.node.items()
        ]
        if any(
            to is None and span.get("to")
            for (_, to), span in zip(spans, entry.node.items(), strict=True)
        ):
            continue  # where an end cannot be read, nobody knows where the next begins
        for wrong in strays(spans, around):
            loc, mark = locate(root, ("cuts", name, *wrong.at))
            yield Problem(str(mark), dotted(loc), wrong.what, wrong.do)


# --- stages --------------------------------------------------------------------------------


def _stages(root: Node) -> Iterator[Problem]:
    """Stages that do not exist, and parameters that a stage does not take."""
    cameras = root.get("cameras")
    for name, entry in (cameras.entries() if cameras else {}).items():
        restore = entry.node.get("restore")
        for word, chosen in (restore.entries() if restore else {}).items():
            loc: Loc = ("cameras", name, "restore", word)
            if word not in STAGES:
                cure = did_you_mean(word, STAGES) or f"write one of {some(STAGES)}"
                yield Problem(str(chosen.mark), dotted(loc), f"there is no stage {word!r}", cure)
            elif isinstance(chosen.node.value, dict) and chosen.node.value:
                params: type[BaseModel] = stage(word).params
                try:
                    params.model_validate(chosen.node.plain())
                except ValidationError as error:
                    yield from translated(error.errors(), root, params, above=loc)


# --- files ---------------------------------------------------------------------------------


def _base(root: Node, path: Path) -> Path:
    folder = root.get("folder")
    if folder is None or not isinstance(folder.value, str) or "\0" in folder.value:
        return path.parent
    # On the command line a folder is where the shell stands, as any other path there.
    beside = path.parent if folder.mark.line else Path()
    return beside / Path(folder.value).expanduser()


def _there(base: Path, pattern: str) -> bool:
    """Whether anything is at a path or matches a pattern; a folder must hold something."""
    with contextlib.suppress(OSError, ValueError):
        whole = base / Path(pattern).expanduser()
        if whole.is_dir():
            return any(whole.iterdir())
        if whole.exists():
            return True
        root = None if Path(pattern).is_absolute() else base
        return bool(glob.glob(pattern, root_dir=root, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    return False


def _absent(root: Node, base: Path) -> Iterator[Problem]:
    """Files, tables and sounds that are not where the release says."""
    if not base.is_dir():
        written, mark = locate(root, ("folder",))
        yield Problem(
            str(mark),
            "folder",
            f"there is no folder {base}",
            "write one that is there, or --set folder=PATH",
        )
        return
    wanted: list[tuple[Loc, Node]] = []
    cameras = root.get("cameras")
    for name, entry in (cameras.entries() if cameras else {}).items():
        files, table = entry.node.get("files"), entry.node.get("times", "table")
        if files is not None:
            wanted += [(("cameras", name, "files", i), n) for i, n in enumerate(files.items())]
        if table is not None:
            wanted.append((("cameras", name, "times", "table"), table))
    sound = root.get("sound")
    for index, node in enumerate(sound.items() if sound else ()):
        if (file := node.get("file")) is not None:
            wanted.append((("sound", index, "file"), file))
    for loc, node in wanted:
        if isinstance(node.value, str) and not _there(base, node.value):
            written, _ = locate(root, loc)
            yield Problem(
                str(node.mark),
                dotted(written),
                f"nothing is at {node.value} in {base.resolve()}",
                "write a file, a folder or a pattern that is there, or set folder",
            )
