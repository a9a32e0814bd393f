"""A plan cut into chunk jobs: plain data for any worker, named by what decides the pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.plan import CameraPlan, OutputPlan, Plan, canonical, plain
from descent.render.words import layout_key, texts_of, words_at
from descent.stages import reach, stage
from descent.timeline import chunks

CHUNK_S = Fraction(4)  # shorter ones fill and empty the encoder more often, for 5 % of time
TASK_VERSION = "task.1"


@dataclass(frozen=True)
class Cast:
    """A camera as the chunks of a render need it.

    `digests[i]` is the SHA-256 of frame i's file, for the frames that are shown;
    `measured` maps stage names to what looking once found.
    """

    plan: CameraPlan
    digests: Mapping[int, str]
    measured: Mapping[str, Mapping[str, Any]]

    @property
    def reach(self) -> int:
        """How many neighbours on either side the stages look at."""
        return reach_of(self.plan)


def reach_of(camera: CameraPlan) -> int:
    """How many neighbours on either side the stages of a camera look at."""
    total = 0
    for part in camera.stages:
        found = stage(part.name)
        total += reach(found, found.params.model_validate(part.params))
    return total


@dataclass(frozen=True, slots=True)
class Task:
    """One chunk: ticks `first` to `first + count` of a span, and what decides its pixels."""

    output: str
    span: int
    first: int
    count: int
    key: str
    args: Mapping[str, Any]


def used_frames(camera: str, outputs: Sequence[OutputPlan], reach: int, count: int) -> list[int]:
    """The frames of a camera that some output reads, windows included."""
    shown: set[int] = set()
    for output in outputs:
        if output.still is not None and camera in output.still.frames:
            shown.add(output.still.frames[camera])
        if output.timeline is not None:
            for cells in output.timeline.cells:
                for cell in cells.get(camera, ()):
                    if cell.frame is not None:
                        shown.add(cell.frame)
    return with_reach(shown, reach, count)


def tasks_of(
    plan: Plan, output: OutputPlan, cast: Mapping[str, Cast], fingerprint: str
) -> Iterator[Task]:
    """The chunks of a video, in film order.

    The key is the hash of the fingerprint and of everything the pixels depend on: mission
    times, words, layouts, source digests, stages and what they measured; never a path, nor
    the chunk's place in the film.
    """
    assert output.timeline is not None
    for index, part in enumerate(output.timeline.spans):
        texts = texts_of(plan, output, index)
        for ticks in chunks(len(part.times), output.rate, CHUNK_S, part.skipped):
            yield _task(plan, output, cast, fingerprint, index, ticks, texts)


def _task(
    plan: Plan,
    output: OutputPlan,
    cast: Mapping[str, Cast],
    fingerprint: str,
    index: int,
    ticks: range,
    texts: Mapping[str, Any],
) -> Task:
    assert output.timeline is not None
    span = output.spans[index]
    cells = output.timeline.cells[index]
    needed: dict[str, list[int]] = {}
    for name in (tile.camera for tile in span.layout.tiles):
        shown = {f for k in ticks if (f := cells[name][k].frame) is not None}
        if shown:
            needed[name] = with_reach(shown, cast[name].reach, len(cast[name].plan.shots))
    layouts: list[Any] = []
    names: list[tuple[str, ...]] = []
    rows = []
    for k in ticks:
        at = {name: laid[k] for name, laid in cells.items()}
        key = layout_key(span, at)
        if key not in names:
            names.append(key)
            layouts.append(plain(span.close_ups.get(key, span.layout)))
        show = {}
        for name in key:
            cell = at[name]
            frame = None if cell.frame is None else needed[name].index(cell.frame)
            show[name] = [cell.state.value, frame, cell.then]
        rows.append(
            {
                "layout": names.index(key),
                "show": show,
                "words": words_at(plan, output, index, k),
            }
        )
    decides = {
        "version": TASK_VERSION,
        "fingerprint": fingerprint,
        "rows": output.rows,
        "cols": output.cols,
        "rate": output.rate,
        "profile": output.profile,
        "layouts": layouts,
        "texts": texts,
        "ticks": rows,
        "cameras": {name: deciding(cast[name], frames) for name, frames in needed.items()},
    }
    text = canonical(decides)
    args = {
        **plain({k: v for k, v in decides.items() if k != "fingerprint"}),
        "where": {name: _where(cast[name].plan, frames) for name, frames in needed.items()},
    }
    key_hash = hashlib.sha256(text.encode()).hexdigest()
    return Task(output.name, index, ticks.start, len(ticks), key_hash, args)


def with_reach(shown: Collection[int], reach: int, count: int) -> list[int]:
    """Frames and their neighbours within `reach`, of `count` there are, in order."""
    if not reach:
        return sorted(shown)
    near = {k for i in shown for k in range(i - reach, i + reach + 1)}
    return sorted(k for k in near if 0 <= k < count)


def camera_slice(cast: Cast, frames: Sequence[int]) -> dict[str, Any]:
    """What decides the pixels of some frames of a camera, and where to read them."""
    return {**plain(deciding(cast, frames)), **_where(cast.plan, frames)}


def deciding(cast: Cast, frames: Sequence[int]) -> dict[str, Any]:
    """All that decides the pixels of some frames of a camera; no path, no place in the film."""
    camera = cast.plan
    return {
        "frames": [[cast.digests[i], camera.shots[i].index] for i in frames],
        # Where neighbours are missing in between, nothing may be windowed across.
        "breaks": [k for k in range(1, len(frames)) if frames[k] != frames[k - 1] + 1],
        "stored": camera.stored,
        "turn": camera.turn,
        "mirror": camera.mirror,
        "crop": camera.crop,
        "stages": [
            {
                "name": part.name,
                "label": part.label,
                "params": part.decides,
                "measured": sliced(part.name, cast.measured.get(part.name), frames),
            }
            for part in camera.stages
        ],
    }


def sliced(
    name: str, measured: Mapping[str, Any] | None, frames: Sequence[int]
) -> dict[str, Any] | None:
    """What a stage reads of its measurement, the lists of a value a frame cut to `frames`."""
    if measured is None:
        return None
    found = stage(name)
    lists = {key: [measured[key][i] for i in frames] for key in found.per_frame}
    return lists | {key: measured[key] for key in found.pinned if key in measured}


def _where(camera: CameraPlan, frames: Sequence[int]) -> dict[str, Any]:
    """Where a worker finds the frames, and the files that stages name."""
    shots = [camera.shots[i] for i in frames]
    return {
        "paths": [[str(Path(s.path).absolute()), s.size, s.mtime_ns, s.pts] for s in shots],
        "files": {part.name: part.paths for part in camera.stages},
    }
