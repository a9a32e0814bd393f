"""Cameras as a worker opens them: source, stages in order, one clip of restored frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.clip import Clip
from descent.model import Format, Shot
from descent.sources.reader import open_clip
from descent.stages import run_stage


def open_camera(
    name: str, camera: Mapping[str, Any], *, until: str | None = None, threads: int = 1
) -> Clip:
    """The restored frames of a camera's slice, as a clip that decodes when pulled.

    `camera` is what `tasks.camera_slice` gives, where its files lie included. `until` stops
    after the stage of that name ("source": before all). Without stages the clip gives planes.
    """
    paths, frames = camera["paths"], camera["frames"]
    shots = [
        Shot(name, Path(path), None, index, size=size, mtime_ns=mtime_ns, pts=pts)
        for (path, size, mtime_ns, pts), (_, index) in zip(paths, frames, strict=True)
    ]
    stages = list(camera["stages"])
    if until is not None:
        names = ["source", *(part["name"] for part in stages)]
        stages = stages[: names.index(until)]
    planes = not camera["stages"] and until is None
    clip = open_clip(
        shots,
        # Stages see order and breaks, never the clock: so a chunk's place decides nothing.
        [Fraction(k) for k in range(len(shots))],
        Format(**camera["stored"]),
        planes=planes,
        turn=camera["turn"],
        mirror=camera["mirror"],
        crop=tuple(camera["crop"]) if camera["crop"] else None,
        breaks=camera["breaks"],
        threads=threads,
    )

    def named(index: int) -> str:
        return f"{name}: {Path(paths[index][0]).name} #{frames[index][1]}"

    for part in stages:
        params = {**part["params"], **camera["files"][part["name"]]}
        clip = run_stage(clip, part["name"], params, part["measured"], named)
    return clip


def in_order(shown: Sequence[int | None]) -> list[int]:
    """The frames that a run of ticks shows, each once as it comes up: what is pulled."""
    found: list[int] = []
    for index in shown:
        if index is not None and (not found or found[-1] != index):
            found.append(index)
    return found
