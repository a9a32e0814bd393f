"""What goes into a manifest: a plan and what came of it, as plain JSON values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from descent import __version__
from descent.compose.geometry import Layout
from descent.encode.profile import load_profile
from descent.model import Cell, OutputResult, State
from descent.plan import CameraPlan, OutputPlan, Plan, SpanPlan, plain
from descent.plan.report import when
from descent.timeline import SpanTicks

Shares = Mapping[str, Mapping[str, float]]
Measured = Mapping[str, Mapping[str, Any]]

# Folders in a text, up to the name of a file: /frames/a.png, C:\\frames\\a.png.
_FOLDERS = re.compile(r"(?:[A-Za-z]:)?[\\/](?:[^\\/:*?\"<>|\s]+[\\/])+")


def manifest_of(
    plan: Plan,
    *,
    results: Mapping[str, OutputResult],
    digests: Mapping[str, Mapping[int, str]],
    fingerprint: tuple[str, Mapping[str, str]],
    config_digest: str,
    sound_digest: str | None = None,
    measured: Mapping[str, Measured] | None = None,
) -> dict[str, Any]:
    """The manifest of a release, all of it but its version.

    `results` are the outputs that were made, by name; `digests[camera][i]` the SHA-256 of
    frame i's file for every frame that decided a pixel: shown, looked at beside one that is,
    or measured; `sound_digest` that of the sound's file; `measured[camera][stage]` what a
    stage found by looking at a whole camera. Times are "n/d" in s of mission time. No folder of the
    maker's disk gets in.
    """
    frames = {name: sorted(digests.get(name, {})) for name in plan.cameras}
    places = {name: {i: k for k, i in enumerate(used)} for name, used in frames.items()}
    hidden, digest = _folders(plan), plan.digest()
    clocks = plan.clocks
    return {
        "title": plan.title,
        "made_by": f"descent {__version__}",
        "plan_sha256": digest,
        "config_sha256": config_digest,
        "fingerprint": {"id": fingerprint[0], "parts": dict(fingerprint[1])},
        "clocks": {
            "epoch": str(clocks.epoch),
            "epoch_tai_s": plain(clocks.epoch.tai_s),
            "zero_s": plain(clocks.zero),
            "sclk": clocks.sclk.name if clocks.sclk is not None else None,
        },
        "events": {
            name: {"t": plain(t), "title": title} for name, (t, title) in plan.events.items()
        },
        "credit": dict(plan.credit),
        "findings": [
            {**plain(found), "where": _told(found.where, hidden), "what": _told(found.what, hidden)}
            for found in plan.findings
        ],
        "sources": {
            name: _source(
                camera, frames[name], digests.get(name, {}), (measured or {}).get(name, {}), hidden
            )
            for name, camera in plan.cameras.items()
        },
        "sound": _sound(plan, sound_digest),
        "outputs": {
            output.name: {
                "plan_sha256": digest,
                **_output(plan, output, results[output.name], places),
            }
            for output in plan.outputs
            if output.name in results
        },
    }


def _source(
    camera: CameraPlan,
    frames: Sequence[int],
    digests: Mapping[int, str],
    measured: Measured,
    hidden: Sequence[str],
) -> dict[str, Any]:
    files: dict[Path, int] = {}
    rows, listed = [], []
    for i in frames:
        shot = camera.shots[i]
        if shot.path not in files:
            files[shot.path] = len(files)
            rows.append(
                {
                    "name": shot.path.name,
                    "sha256": digests[i],
                    "bytes": shot.size,
                    "version": shot.version,
                }
            )
        times = camera.track.times
        listed.append([files[shot.path], shot.index, plain(times[i]) if times else None])
    return {
        "title": camera.title,
        "credit": camera.credit,
        "how": _told(camera.how, hidden),
        "by_hand": camera.by_hand,
        "clock": _clock(camera),
        "resolution_s": plain(camera.track.resolution_s),
        "white": measured.get("colour", {}).get("white") or camera.white,
        "turn": camera.turn,
        "mirror": camera.mirror,
        "crop": plain(camera.crop),
        "stages": [
            {
                "label": s.label,
                "params": plain(s.params),
                "found": _found(measured.get(s.name, {})),
            }
            for s in camera.stages
        ],
        "exist": len(camera.shots),
        "files": rows,
        "frames": listed,
    }


def _found(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a stage measured that is one number or words: lists a frame are for the render."""
    return {
        k: v for k, v in sorted(values.items()) if v is None or isinstance(v, str | int | float)
    }


def _sound(plan: Plan, digest: str | None) -> dict[str, Any] | None:
    sound = plan.sound
    if sound is None or digest is None:
        return None
    return {
        "file": sound.path.name,
        "sha256": digest,
        "starts": plain(sound.starts),
        "credit": sound.credit,
        "camera": sound.camera,
    }


def _clock(camera: CameraPlan) -> str | None:
    """The clock that the camera's frames were stamped by."""
    stamp = camera.shots[0].stamp if camera.shots else None
    return stamp.clock if stamp is not None else None


def _output(
    plan: Plan, output: OutputPlan, result: OutputResult, places: Mapping[str, Mapping[int, int]]
) -> dict[str, Any]:
    record = result.record
    facts = {
        "kind": output.kind,
        "file": result.file,
        "sha256": record.get("sha256"),
        "picture_blake3": _seen(record.get("picture_hash")),
        "bytes": record.get("bytes"),
        "rows": record.get("rows", output.rows),
        "cols": record.get("cols", output.cols),
        "profile": output.profile,
        "encoding": _encoding(output),
        "encoder": record.get("encoder"),
        "title": output.title,
        "credit": output.credit,
        "caption": output.caption,
        "alt": output.alt,
        "text": plain(output.text),
    }
    if output.still is not None:
        return facts | _still(plan, output, result, places)
    assert output.timeline is not None
    return facts | {
        "frames": output.ticks,
        "rate": plain(output.rate),
        "sound": bool(record.get("sound", output.sound)),
        "spans": [
            _span(span, part)
            for span, part in zip(output.spans, output.timeline.spans, strict=True)
        ],
        "records": list(_records(plan, output, result, places)),
    }


def _seen(digest: str | None) -> str | None:
    """A picture hash; None where nothing was decoded, so that there is nothing to hold."""
    return None if digest == hashlib.sha256().hexdigest() else digest


def _encoding(output: OutputPlan) -> dict[str, Any] | None:
    if output.kind == "still":
        return None
    return load_profile(output.profile).model_dump(mode="json", by_alias=True)


def _span(span: SpanPlan, part: SpanTicks) -> dict[str, Any]:
    return {
        "first_tick": part.first_tick,
        "ticks": len(part.times),
        "run": part.run,
        "start": plain(part.span.start),
        "to": plain(part.span.to),
        "kind": span.kind,
        "layout": span.name,
        "speed": plain(span.speed),
        "title": span.title,
        "note": span.note,
        "tiles": _tiles(span.layout),
        "close_ups": {"+".join(names): _tiles(made) for names, made in span.close_ups.items()},
    }


def _tiles(layout: Layout) -> list[dict[str, Any]]:
    return [
        {"camera": t.camera, "dest": list(t.dest), "magnification": round(t.magnification, 6)}
        for t in layout.tiles
    ]


def _records(
    plan: Plan, output: OutputPlan, result: OutputResult, places: Mapping[str, Mapping[int, int]]
) -> Iterable[dict[str, Any]]:
    assert output.timeline is not None
    tick = 0
    for span, part, cells in zip(
        output.spans, output.timeline.spans, output.timeline.cells, strict=True
    ):
        for k, t in enumerate(part.times):
            shares = result.shares[tick] if tick < len(result.shares) else {}
            laid = {name: row[k] for name, row in cells.items()}
            yield {
                "t": plain(t),
                "clock": when(plan, t),
                "show": {
                    name: _shown(laid[name], places[name], shares.get(name, {}))
                    for name in span.shown(laid)
                },
            }
            tick += 1


def _shown(cell: Cell, places: Mapping[int, int], shares: Mapping[str, float]) -> list[Any]:
    """[state, number of the frame in the source's frames, shares that are not 0]."""
    said = {reason: share for reason, share in sorted(shares.items()) if share}
    row: list[Any] = [cell.state.value, None if cell.frame is None else places[cell.frame], said]
    if cell.frame_b is not None:
        row += [places[cell.frame_b], plain(cell.fraction)]
    return row


def _still(
    plan: Plan, output: OutputPlan, result: OutputResult, places: Mapping[str, Mapping[int, int]]
) -> dict[str, Any]:
    still = output.still
    assert still is not None
    shares: Shares = result.shares[0] if result.shares else {}
    names = [tile.camera for tile in still.layout.tiles]
    t, times = still.at, plan.cameras[names[0]].track.times
    if t is None and times:
        t = times[still.frames[names[0]]]
    show = {
        name: _shown(Cell(State.EXPOSED, still.frames[name]), places[name], shares.get(name, {}))
        for name in names
    }
    return {
        "frames": 1,
        "rate": None,
        "sound": False,
        "spans": [
            {
                "first_tick": 0,
                "ticks": 1,
                "run": 0,
                "start": plain(t),
                "to": plain(t),
                "kind": "still",
                "layout": "full" if len(names) == 1 else "several",
                "speed": None,
                "title": None,
                "note": None,
                "tiles": _tiles(still.layout),
                "close_ups": {},
            }
        ],
        "records": [
            {"t": plain(t), "clock": when(plan, t) if t is not None else None, "show": show}
        ],
    }


def _folders(plan: Plan) -> tuple[str, ...]:
    """The folders that the frames lie in, as they may stand in a text; the longest first."""
    folders = {shot.path.parent for camera in plan.cameras.values() for shot in camera.shots}
    found = {str(f) for folder in folders for f in (folder, folder.absolute())} - {".", ""}
    return tuple(sorted(found, key=len, reverse=True))


def _told(text: str, hidden: Sequence[str]) -> str:
    """A text with file names in place of paths."""
    for folder in hidden:
        text = text.replace(f"{folder}/", "").replace(f"{folder}\\", "")
    return _FOLDERS.sub("", text)
