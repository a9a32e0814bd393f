"""Stages that measure a whole camera before any frame is restored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import tee
from pathlib import Path
from typing import Any

from descent.clip import Clip
from descent.errors import FormatError
from descent.measure.match import match_job, target_of
from descent.model import Format, Frame, Job, Shot
from descent.plan import CameraPlan, canonical, plain
from descent.sources.reader import open_clip
from descent.stages import run_stage, stage
from descent.tools.files import write_text
from descent.work import Progress, checkpoint, run

MEASURE_VERSION = "measured.1"

# Camera -> stage -> what it measured, lists of a value a frame as long as the camera.
Measured = dict[str, dict[str, dict[str, Any]]]


def measures(camera: CameraPlan) -> bool:
    """Whether any stage of the camera looks at all of it first."""
    return any(looks(part.name) for part in camera.stages)


def looks(name: str) -> bool:
    """Whether a stage looks at the whole camera first."""
    return stage(name).measure is not None


def look(
    cameras: Mapping[str, CameraPlan],
    used: Mapping[str, Sequence[int]],
    digests: Mapping[str, Mapping[int, str]],
    *,
    store: Path,
    fingerprint: str,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Measured:
    """What the stages of each camera measure over the frames that the release uses.

    `used` are frame numbers in order, `digests` the SHA-256 of their files. A measurement
    is a small JSON file in `store`, named by what it looked at: it is made again only when
    that changes. Raises what reading the frames raises.
    """
    jobs = {}
    for name, camera in cameras.items():
        if used[name] and measures(camera):
            jobs[name] = _job(camera, used[name], digests[name], fingerprint)
    outcome = run(list(jobs.values()), store=store, workers=workers, progress=progress)
    outcome.check()
    found: Measured = {name: {} for name in cameras}
    for name, job in jobs.items():
        seen = json.loads((store / job.outs[0]).read_text("utf-8"))
        for part, values in seen["stages"].items():
            count = len(cameras[name].shots)
            found[name][part] = _spread(part, values, used[name], count)
    for name, values in _matched(cameras, used, digests, jobs, store, fingerprint, workers):
        found[name]["match"] = values
    return found


def _matched(
    cameras: Mapping[str, CameraPlan],
    used: Mapping[str, Sequence[int]],
    digests: Mapping[str, Mapping[int, str]],
    looked: Mapping[str, Job],
    store: Path,
    fingerprint: str,
    workers: int | None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What ties each matched camera to the one it is matched to, once both were looked at."""
    jobs = {}
    for name, camera in cameras.items():
        to = target_of(camera)
        if to is None or not used[name]:
            continue
        other = cameras.get(to)
        there = looked.get(to)
        if there is None and other is not None and used[to]:
            there = _job(other, used[to], digests[to], fingerprint)
        files = [store / looked[n].outs[0] if n in looked else None for n in (name, to)]
        own = used[name], used.get(to, ())
        jobs[name] = match_job(looked[name], there, camera, other, own, files)
    run(list(jobs.values()), store=store, workers=workers).check()
    for name, job in jobs.items():
        body = json.loads((store / job.outs[0]).read_text("utf-8"))
        yield name, {key: value for key, value in body.items() if key != "version"}


def _job(
    camera: CameraPlan, frames: Sequence[int], digests: Mapping[int, str], fingerprint: str
) -> Job:
    shots = [camera.shots[i] for i in frames]
    timed = any(stage(part.name).timed for part in camera.stages)
    decides = {
        "version": MEASURE_VERSION,
        # Only where they matter: else a clock that moves a little would measure all again.
        "times": [str(camera.track.times[i]) for i in frames] if timed else None,
        "frames": [[digests[i], camera.shots[i].index] for i in frames],
        "stored": camera.stored,
        "turn": camera.turn,
        "mirror": camera.mirror,
        "crop": camera.crop,
        "stages": camera.stages,
    }
    key = hashlib.sha256(canonical([fingerprint, decides]).encode()).hexdigest()
    args = {
        **plain(decides),
        "camera": camera.name,
        "files": {part.name: part.paths for part in camera.stages},
        "paths": [[str(s.path.absolute()), s.index, s.pts] for s in shots],
    }
    outs = (f"measured/{camera.name}-{key[:16]}.json",)
    return Job(f"measured-{key}", "descent.measure:measure_camera", args, outs, weight=len(shots))


def measure_camera(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """The job: every measuring stage of one camera, in order, each over the ones before it."""
    clip = open_camera(args)
    found = {}

    def named(index: int) -> str:
        path, number, _ = args["paths"][index]
        return f"{args['camera']}: {Path(path).name} #{number}"

    for part in args["stages"]:
        measure = stage(part["name"]).measure
        measured = None
        values = {**part["params"], **args["files"][part["name"]]}
        if measure is not None:
            params = stage(part["name"]).params.model_validate(values)
            last: list[int] = []
            try:
                found_here = measure(_watched(clip, last), params, lambda *_: checkpoint())
            except FormatError as error:
                if error.where or not last:
                    raise
                raise FormatError(error.what, where=named(last[0]), do=error.do) from None
            measured = dict(found_here)
            found[part["name"]] = measured
        clip = run_stage(clip, part["name"], values, measured, named)
    body = {"version": MEASURE_VERSION, "camera": args["camera"], "stages": found}
    write_text(outs[0], json.dumps(body, indent=1, sort_keys=True) + "\n")
    return {"stages": sorted(found)}


def _watched(clip: Clip, last: list[int]) -> Clip:
    """The clip, the index of the frame that was pulled last kept in `last`."""

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        ahead, here = tee(indices)
        for index, frame in zip(here, clip.pull(ahead), strict=True):
            if index is not None:
                last[:] = [index]
            yield frame

    return replace(clip, pull=pull)


def open_camera(args: Mapping[str, Any]) -> Clip:
    """The clip of a measuring job's frames, upright, before any stage."""
    shots = [
        Shot(args["camera"], Path(path), None, index, pts=pts) for path, index, pts in args["paths"]
    ]
    return open_clip(
        shots,
        [Fraction(t) for t in args["times"] or range(len(shots))],
        Format(**args["stored"]),
        turn=args["turn"],
        mirror=args["mirror"],
        crop=tuple(args["crop"]) if args["crop"] else None,
    )


def _spread(
    name: str, values: Mapping[str, Any], frames: Sequence[int], count: int
) -> dict[str, Any]:
    """A measurement with its lists of a value a frame stretched to all `count` frames."""
    spread = dict(values)
    for key in stage(name).per_frame:
        whole: list[Any] = [None] * count
        for k, i in enumerate(frames):
            whole[i] = values[key][k]
        spread[key] = whole
    return spread
