"""What comes before any picture is made: digests of what is read, a fingerprint, a first look."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descent import measure
from descent.errors import SourceError
from descent.plan import CameraPlan, Plan
from descent.render.tasks import Cast, reach_of, used_frames
from descent.tools.compiled import load
from descent.tools.files import Digests
from descent.tools.process import take_turns
from descent.work import Progress
from descent.work.fingerprint import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from descent.compose.geometry import Tile

# Told what goes on, how much of it is done, and of how much.
Report = Callable[[str, float, float], None]

READERS = 4  # files hashed at once: disks like a few, and SHA-256 lets Python go on
CANVAS, LIGHT = "descent.prepare:canvas_probe", "descent.prepare:light_probe"
RESTORE = "descent.prepare:restore_probe"


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that rendering needs beside the plan.

    `fingerprint` names what decides bytes on this machine, by its `parts`. `digests[camera]`
    are the SHA-256 of the files of every frame that decides a pixel, by frame number.
    """

    cast: Mapping[str, Cast]
    fingerprint: str
    parts: Mapping[str, str]
    digests: Mapping[str, Mapping[int, str]]


def prepare(
    plan: Plan,
    whole: Plan,
    store: Path,
    *,
    workers: int | None = None,
    progress: Report | None = None,
) -> Prepared:
    """Hash the frames that are read, and look once at what the stages measure.

    `whole` is the plan of all outputs of the config: measurements look at the frames that
    any of them uses, so that rendering one output, or a stretch, changes no pixel of it.
    Frames that only `plan` shows are looked at too. Digests and measurements are kept in
    `store` and made again only for what has changed. Raises `SourceError` for a file that
    is gone or changes meanwhile.
    """
    used = {}
    cameras = {**_targets(plan, whole), **plan.cameras}
    for name, camera in cameras.items():
        reach, count = reach_of(camera), len(camera.shots)
        frames = set(used_frames(name, plan.outputs, reach, count))
        if name in whole.cameras:
            _same(camera, whole.cameras[name])
            frames |= set(used_frames(name, whole.outputs, reach, count))
        used[name] = sorted(frames)
    restored = any(camera.stages for camera in (*plan.cameras.values(), *whole.cameras.values()))
    light = restored or any(output.kind != "video" for output in (*plan.outputs, *whole.outputs))
    probes = [CANVAS, *([LIGHT] if light else []), *([RESTORE] if restored else [])]
    take_turns()
    with ThreadPoolExecutor(1) as beside:  # the probes load code while files are read
        beside.submit(load)
        probed = beside.submit(fingerprint, probes)
        digests = _digests(cameras, used, store / "digests.json", progress)
        name, parts = probed.result()
    measured = measure.look(
        cameras,
        used,
        digests,
        store=store,
        fingerprint=name,
        workers=workers,
        progress=_told(progress, "Measuring"),
    )
    cast = {n: Cast(c, digests[n], measured[n]) for n, c in plan.cameras.items()}
    return Prepared(cast, name, parts, digests)


def _targets(plan: Plan, whole: Plan) -> dict[str, CameraPlan]:
    """Cameras that others of the plan are matched to, though it does not show them itself."""
    wanted = (measure.target_of(camera) for camera in plan.cameras.values())
    return {to: whole.cameras[to] for to in wanted if to is not None and to in whole.cameras}


def _same(one: CameraPlan, other: CameraPlan) -> None:
    if one.shots != other.shots or one.stages != other.stages:
        raise ValueError(f"camera {one.name} differs between the plan and the whole plan")


def _told(progress: Report | None, what: str) -> Callable[[Progress], None] | None:
    if progress is None:
        return None
    return lambda p: progress(what, p.weight, p.weight_total)


def _digests(
    cameras: Mapping[str, CameraPlan],
    used: Mapping[str, Sequence[int]],
    store: Path,
    progress: Report | None,
) -> dict[str, dict[int, str]]:
    """The digests of the files of the used frames; each file is read once."""
    wanted = {n: {i: cameras[n].shots[i].path for i in frames} for n, frames in used.items()}
    paths = list(dict.fromkeys(path for frames in wanted.values() for path in frames.values()))
    with Digests(store) as known:
        found = dict(zip(paths, _read(known, paths, progress), strict=True))
    return {n: {i: found[path] for i, path in frames.items()} for n, frames in wanted.items()}


def _read(known: Digests, paths: Sequence[Path], progress: Report | None) -> Iterable[str]:
    def digest(path: Path) -> str:
        try:
            return known.of(path)
        except OSError as error:
            what = f"cannot be read: {error.strerror or error}"
            raise SourceError(what, where=str(path), do="check the disk, and run again") from None

    found = []
    with ThreadPoolExecutor(min(READERS, os.cpu_count() or 1)) as pool:
        try:
            for done, value in enumerate(pool.map(digest, paths), 1):
                found.append(value)
                if progress is not None:
                    progress("Reading", done, len(paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def canvas_probe() -> list[Any]:
    """The kernels between a decoded picture and the encoder, run on a fixed picture."""
    from descent.compose.fit import fit_planes
    from descent.tools.colour import planes_to_rgb, rgb_to_planes

    planes = rgb_to_planes(_noise((48, 64, 3)))
    return [*planes, *fit_planes(planes, _probe_tile()), planes_to_rgb(planes)]


def light_probe() -> list[Any]:
    """The kernels between restored light and the encoder, run on a fixed picture."""
    import numpy as np

    from descent.compose.fit import fit_linear
    from descent.model import Frame
    from descent.tools.colour import to_linear

    light = to_linear(_noise((48, 64, 3)))
    bent = np.array([[1.02, 0.03, -0.7], [-0.02, 0.99, 0.4], [0.0, 0.0, 1.0]])
    shown, _ = fit_linear(Frame(light, warp=bent), _probe_tile())
    return [light, *shown]


def _probe_tile() -> Tile:
    from descent.compose.geometry import Cell, Slot, place

    return place(Slot("probe", 48, 64), Cell(0, 0, 30, 40), "fit")


def restore_probe() -> list[Any]:
    """Every stage that looks at one frame, in order and unmeasured, run on a fixed mosaic."""
    from descent.model import Format, Frame
    from descent.stages import STAGES, reach, stage

    here = Format(64, 64, "mosaic", "uint8", "RGGB", "raw", 255.0)
    frame = Frame(_noise((64, 64)))
    made = []
    for name in STAGES:
        found = stage(name)
        params = found.params()
        if not reach(found, params):
            frame = found.apply([frame], 0, params, None, 0, here)
            here = found.gives(here, params)
            made.append(frame.pixels)
    return made


def _noise(shape: tuple[int, ...]) -> NDArray[Any]:
    """A picture of every level with edges, the same everywhere: no random generator's."""
    import numpy as np

    count = int(np.prod(shape))
    steps = np.arange(count, dtype=np.uint64)
    mixed = (steps * np.uint64(2654435761) + (steps >> np.uint64(7)) * np.uint64(40503)) >> (
        np.uint64(9)
    )
    return (mixed & np.uint64(255)).astype(np.uint8).reshape(shape)
