"""Videos of a plan: chunks made or kept, joined, checked, and only then named."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.encode.chunk import ChunkRecord
from descent.encode.encoder import memory_bytes
from descent.encode.join import Chapter, FilmRecord, join
from descent.encode.profile import Profile, load_profile
from descent.errors import Damaged
from descent.model import Job
from descent.plan import OutputPlan, Plan, canonical
from descent.render.tasks import Cast, Task, tasks_of
from descent.tools.files import sha256, write_text
from descent.work import Progress, run

# A worker at rest, and what a source pixel takes on its way through a restore chain.
WORKER_BYTES, RESTORE_BYTES = 250_000_000, 60


@dataclass(frozen=True, slots=True)
class Film:
    """A finished video: its file, what it holds, and for each tick the shares by camera."""

    output: OutputPlan
    path: Path
    record: FilmRecord
    shares: tuple[Mapping[str, Mapping[str, float]], ...]


@dataclass(frozen=True, slots=True)
class Render:
    """What rendering came to; `damaged` are frames whose pixels turned out broken."""

    films: tuple[Film, ...]
    damaged: tuple[Damaged, ...]
    made: int
    kept: int


def render_films(
    plan: Plan,
    cast: Mapping[str, Cast],
    out: Path,
    *,
    store: Path,
    fingerprint: str,
    workers: int | None = None,
    verify: bool = True,
    sound: Callable[[OutputPlan], Path | None] | None = None,
    progress: Callable[[Progress], None] | None = None,
    finishing: Callable[[OutputPlan], None] | None = None,
) -> Render:
    """Make the videos of a plan in folder `out`.

    Every chunk of every video is a job of one run in `store`; what exists there is kept.
    `verify=False` leaves out decoding and hashing of chunks (to measure what they cost).
    `sound` gives the laid track of an output, `finishing` is told before one is joined.
    Frames found damaged do not stop the others: they are returned, and no film is joined.
    Raises the first error of any other kind, or `Interrupted`, with what is done kept.
    """
    films = [output for output in plan.outputs if output.kind == "video"]
    tasks = {o.name: tuple(tasks_of(plan, o, cast, fingerprint)) for o in films}
    jobs: dict[str, Job] = {}
    for output in films:
        profile = load_profile(output.profile)
        for task in tasks[output.name]:
            jobs.setdefault(task.key, _job(task, output, profile, verify=verify))
    outcome = run(
        list(jobs.values()),
        store=store,
        workers=camera_workers(plan, workers),
        overlap=2,  # the next chunk begins while the encoder of one empties
        need_bytes=max((_need(plan, o) for o in films), default=0),
        progress=progress,
    )
    damaged = tuple(f.error for f in outcome.failed if isinstance(f.error, Damaged))
    if damaged and len(damaged) == len(outcome.failed) and not outcome.interrupted:
        return Render((), damaged, len(outcome.made), len(outcome.kept))
    outcome.check()
    made = []
    for output in films:
        if finishing is not None:
            finishing(output)
        mine = [jobs[task.key] for task in tasks[output.name]]
        found = [(job, outcome.results[job.key]) for job in mine]
        track = sound(output) if sound is not None and output.sound else None
        made.append(_film(plan, output, found, out, store, track))
    return Render(tuple(made), (), len(outcome.made), len(outcome.kept))


def _job(task: Task, output: OutputPlan, profile: Profile, *, verify: bool) -> Job:
    args = task.args if verify else {**task.args, "verify": False}
    key = task.key if verify else f"{task.key}-unchecked"
    # Its own file name ends like the film's: muxers choose by it.
    outs = (f"chunks/{key[:2]}/{key}{profile.extension}",)
    weight = float(task.count * output.rows * output.cols) / 1e6
    return Job(key, "descent.render.chunk:make", args, outs, weight=weight)


def camera_workers(plan: Plan, wanted: int | None) -> int | None:
    """The workers asked for, or those that suit the plan; None leaves it to memory and cores.

    Restoring keeps a core busy by itself, so there it is a worker a core.
    """
    if wanted is not None or all(camera.planes for camera in plan.cameras.values()):
        return wanted
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _need(plan: Plan, output: OutputPlan) -> int:
    """About the peak memory of a worker, in bytes."""
    profile = load_profile(output.profile)
    sources = [plan.cameras[name] for name in output.cameras]
    read = sum(c.source.rows * c.source.cols * (4 if c.planes else RESTORE_BYTES) for c in sources)
    return WORKER_BYTES + memory_bytes(profile, output.rows, output.cols) + read


def _film(
    plan: Plan,
    output: OutputPlan,
    found: Sequence[tuple[Job, Mapping[str, Any]]],
    out: Path,
    store: Path,
    sound: Path | None,
) -> Film:
    """Join a film's chunks, or keep the file that is there if it is that very film."""
    records = [ChunkRecord.from_json(result["record"]) for _, result in found]
    chunks = [(store / job.outs[0], r) for (job, _), r in zip(found, records, strict=True)]
    shares = tuple(share for _, result in found for share in result["shares"])
    path = out / output.filename
    tags = {"title": output.title, "comment": output.credit} if output.credit else {
        "title": output.title
    }  # fmt: skip
    chapters = _chapters(plan, output)
    name = hashlib.sha256(
        canonical(
            [[r.sha256 for r in records], tags, [list(c) for c in chapters], output.profile,
             sha256(sound) if sound is not None else None, path.name]
        ).encode()
    ).hexdigest()  # fmt: skip
    note = store / "films" / f"{name}.json"
    kept = _kept(note, path)
    if kept is not None:
        return Film(output, path, kept, shares)
    path.parent.mkdir(parents=True, exist_ok=True)
    record = join(
        chunks,
        path,
        profile=load_profile(output.profile),
        rate=output.rate,
        sound=sound,
        tags=tags,
        chapters=chapters,
    )
    note.parent.mkdir(parents=True, exist_ok=True)
    write_text(note, json.dumps(record.to_json(), sort_keys=True, indent=1) + "\n")
    return Film(output, path, record, shares)


def _kept(note: Path, path: Path) -> FilmRecord | None:
    """The record of a film joined before, if its file is still that film."""
    try:
        record = FilmRecord.from_json(json.loads(note.read_text("utf-8")))
        whole = path.stat().st_size == record.bytes and sha256(path) == record.sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if whole else None


def _chapters(plan: Plan, output: OutputPlan) -> list[Chapter]:
    """A chapter for each titled event in spans that simply run, where there are at least two."""
    assert output.timeline is not None
    starts: list[tuple[int, str]] = []
    for span, part in zip(output.spans, output.timeline.spans, strict=True):
        if span.title:
            starts.append((part.first_tick, span.title))
        if span.kind != "run":
            continue
        for when, title in plan.events.values():
            tick = next((k for k, t in enumerate(part.times) if t >= when), None)
            if title and tick is not None and part.times[0] <= when:
                starts.append((part.first_tick + tick, title))
    marks = sorted(dict(starts).items())
    if len(marks) < 2:
        return []
    if marks[0][0] != 0:
        marks.insert(0, (0, output.title))
    ends = [tick for tick, _ in marks[1:]] + [output.ticks]
    rate = output.rate
    return [
        Chapter(Fraction(tick) / rate, Fraction(end) / rate, title)
        for (tick, title), end in zip(marks, ends, strict=True)
    ]
