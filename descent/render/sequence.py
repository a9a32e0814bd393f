"""Each camera of a cut as numbered pictures at its full size, with a table beside them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descent.encode.frames import frame_name, write_frames, write_table
from descent.encode.profile import Profile, load_profile
from descent.encode.signature import film_hash
from descent.errors import Damaged
from descent.model import Cell, Frame, Job, OutputResult
from descent.plan import OutputPlan, Plan, canonical
from descent.plan.report import when
from descent.render.films import camera_workers
from descent.render.scene import in_order, open_camera
from descent.render.stills import own_shares, shown
from descent.render.tasks import CHUNK_S, Cast, camera_slice, deciding, with_reach
from descent.timeline import chunks
from descent.tools.files import atomic, sha256, sweep
from descent.work import Progress, checkpoint, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEQUENCE_VERSION = "sequence.1"
# What a source pixel takes on its way through a restore chain, and a worker at rest, in bytes.
PIXEL_BYTES, WORKER_BYTES = 90, 250_000_000
_NUMBERED = re.compile(r"\d{6}\.(png|tif)")


def sequences(
    plan: Plan,
    cast: Mapping[str, Cast],
    out: Path,
    *,
    store: Path,
    fingerprint: str,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[list[OutputResult], tuple[Damaged, ...]]:
    """Make the outputs of numbered pictures in folder `out`, and say which frames are damaged.

    An output is a folder with a folder for each camera: a picture for every tick, 16-bit RGB
    of BT.709, black where the camera has none, and a table of times and states beside it.
    What an earlier run wrote is kept where its bytes are still those; numbered pictures of a
    longer cut are removed. Nothing is finished where frames are damaged. Raises the first
    error of any other kind, or `Interrupted`.
    """
    outputs = [output for output in plan.outputs if output.kind == "frames"]
    jobs: dict[str, list[Job]] = {}
    for output in outputs:
        jobs[output.name] = list(_jobs(output, cast, out, fingerprint))
        for name in output.cameras:
            _tidy(out / output.filename / name, output)
    every = [job for made in jobs.values() for job in made]
    if not every:
        return [], ()
    _doubt(every, store)
    need = max(c.source.rows * c.source.cols for c in plan.cameras.values()) * PIXEL_BYTES
    outcome = run(
        every,
        store=store,
        workers=camera_workers(plan, workers),
        need_bytes=WORKER_BYTES + need,
        progress=progress,
    )
    damaged = tuple(f.error for f in outcome.failed if isinstance(f.error, Damaged))
    if damaged and len(damaged) == len(outcome.failed) and not outcome.interrupted:
        return [], damaged
    outcome.check()
    results = []
    for output in outputs:
        found = [outcome.results[job.key] for job in jobs[output.name]]
        results.append(_result(plan, output, found, out))
    return results, ()


def _jobs(
    output: OutputPlan, cast: Mapping[str, Cast], out: Path, fingerprint: str
) -> Iterator[Job]:
    """A job for each camera and chunk; unlike a film's its key holds its place, as its names do."""
    assert output.timeline is not None
    profile = load_profile(output.profile)
    for name in output.cameras:
        source = cast[name].plan.format
        for part, cells in zip(output.timeline.spans, output.timeline.cells, strict=True):
            for ticks in chunks(len(part.times), output.rate, CHUNK_S, part.skipped):
                shown = [cells[name][k].frame for k in ticks]
                there = {frame for frame in shown if frame is not None}
                needed = with_reach(there, cast[name].reach, len(cast[name].plan.shots))
                first = part.first_tick + ticks.start
                decides = {
                    "version": SEQUENCE_VERSION,
                    "output": output.name,
                    "name": name,
                    "first": first,
                    "rows": source.rows,
                    "cols": source.cols,
                    "profile": profile.name,
                    "shown": [None if f is None else needed.index(f) for f in shown],
                }
                text = canonical([fingerprint, decides, deciding(cast[name], needed)])
                folder = (out / output.filename / name).absolute()
                paths = (folder / frame_name(first + k, profile) for k in range(len(shown)))
                yield Job(
                    f"sequence-{hashlib.sha256(text.encode()).hexdigest()}",
                    "descent.render.sequence:make",
                    {**decides, "camera": camera_slice(cast[name], needed)},
                    tuple(str(path) for path in paths),
                    weight=len(shown) * source.rows * source.cols / 1e6,
                )


def make(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """The job: the pictures of some ticks of a camera.

    Returns for each the digests of its file and its pixels, and the shares (0 to 1) of
    pixels that were filled, repaired or lost.
    """
    profile, size = load_profile(args["profile"]), (args["rows"], args["cols"])
    seen: list[str] = []
    shares: list[dict[str, float]] = []
    before: Path | None = None
    pictures = _pictures(args, size)
    for place, (index, path) in enumerate(zip(args["shown"], outs, strict=True)):
        checkpoint()
        if before is not None and index == args["shown"][place - 1]:
            # A picture that stays is packed once; its copies are files of their own.
            with atomic(path) as temporary:
                shutil.copyfile(before, temporary)
            seen.append(seen[-1])
            shares.append(shares[-1])
        else:
            picture, share = next(pictures)
            record = write_frames(
                path.parent, [picture], profile=profile, rows=size[0], cols=size[1],
                first=args["first"] + place,
            )  # fmt: skip
            seen += record.digests
            shares.append(share)
        before = path
    return {"pixels": seen, "files": [sha256(path) for path in outs], "shares": shares}


def _pictures(
    args: Mapping[str, Any], size: tuple[int, int]
) -> Iterator[tuple[NDArray[Any], dict[str, float]]]:
    """Each picture of a job once, as 16-bit RGB, with its shares; black where there is none."""
    import numpy as np

    black = np.zeros((*size, 3), np.uint16)
    order = [k for k, _ in groupby(args["shown"])]
    frames: Iterator[Frame | None] = iter(())
    if any(k is not None for k in order):
        stages = args["camera"]["stages"]
        clip = open_camera(
            args["name"], args["camera"], until=stages[-1]["name"] if stages else "source"
        )
        frames = clip.pull(in_order(order))
    pulled: tuple[int | None, Frame | None] = (None, None)
    for index in order:
        if index is None:
            yield black, {}
            continue
        if index != pulled[0]:
            pulled = index, next(frames)
        frame = pulled[1]
        assert frame is not None
        picture = shown(frame, clip.format, deep=True, curve="bt709")
        if picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=2)
        yield picture, own_shares(frame)


def _tidy(folder: Path, output: OutputPlan) -> None:
    """Remove what killed writers and longer cuts left among the numbered pictures."""
    sweep(folder)
    profile = load_profile(output.profile)
    ours = {frame_name(k, profile) for k in range(output.ticks)}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if _NUMBERED.fullmatch(path.name) and path.name not in ours:
            path.unlink()


def _doubt(jobs: Sequence[Job], store: Path) -> None:
    """Forget the jobs whose pictures are not the ones that were written, byte for byte."""
    for job in jobs:
        note = store / f"{job.key}.json"
        try:
            wrote = json.loads(note.read_bytes())["result"]["files"]
            same = wrote == [sha256(Path(path)) for path in job.outs]
        except (OSError, ValueError, KeyError, TypeError):
            same = False
        if not same:
            note.unlink(missing_ok=True)


def _result(
    plan: Plan, output: OutputPlan, found: Sequence[Mapping[str, Any]], out: Path
) -> OutputResult:
    """The output as the release writes it down, its tables written."""
    profile, count = load_profile(output.profile), output.ticks
    folder = out / output.filename
    pixels = [digest for result in found for digest in result["pixels"]]
    files = [digest for result in found for digest in result["files"]]
    shares = [share for result in found for share in result["shares"]]
    digests: dict[str, str] = {}
    total = 0
    for place, name in enumerate(output.cameras):
        write_table(folder / f"{name}.csv", list(_rows(plan, output, name, profile)))
        for k in range(count):
            file = folder / name / frame_name(k, profile)
            digests[file.relative_to(out).as_posix()] = files[place * count + k]
            total += file.stat().st_size
    record = {
        "version": SEQUENCE_VERSION,
        "rows": output.rows,
        "cols": output.cols,
        "frames": count,
        "bytes": total,
        "sha256": None,
        "picture_hash": film_hash(bytes.fromhex(digest) for digest in pixels),
        "files": digests,
    }
    by_tick = tuple(
        {n: shares[p * count + k] for p, n in enumerate(output.cameras) if shares[p * count + k]}
        for k in range(count)
    )
    return OutputResult(output.name, output.filename, record, by_tick)


def _rows(
    plan: Plan, output: OutputPlan, name: str, profile: Profile
) -> Iterator[dict[str, object]]:
    """The table of a camera: for each picture its times, its state and where it came from."""
    assert output.timeline is not None
    camera = plan.cameras[name]
    for span, part, cells in zip(
        output.spans, output.timeline.spans, output.timeline.cells, strict=True
    ):
        for k, t in enumerate(part.times):
            cell: Cell = cells[name][k]
            number = part.first_tick + k
            shot = None if cell.frame is None else camera.shots[cell.frame]
            yield {
                "frame": number,
                "file": f"{name}/{frame_name(number, profile)}",
                "film_s": _decimal(number / output.rate),
                "span": part.index + 1,
                "speed": "" if span.speed is None else str(span.speed),
                "mission_s": _decimal(t),
                "clock": when(plan, t),
                "state": cell.state.value,
                "source": "" if shot is None else shot.path.name,
                "source_index": "" if shot is None else shot.index,
                "exposed_s": "" if cell.frame is None else _decimal(camera.track.times[cell.frame]),
                "off_s": "" if cell.error_s is None else _decimal(cell.error_s),
                "resolution_s": _decimal(camera.track.resolution_s),
            }


def _decimal(seconds: Fraction) -> str:
    return f"{round(seconds * 1_000_000) / 1_000_000:.6f}"
