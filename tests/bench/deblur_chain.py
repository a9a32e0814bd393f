"""The whole chain with deblur on 1280 x 1024 mosaics: frames a second, and memory over a long run.

Run it from the project's folder: `python -m tests.bench.deblur_chain`; `restore_bench.py` has it
as rows. Deblur is as in the motion-blur table of `deblur_bench.py`. Twelve frames of the
synthetic landing in flight, to and fro, stand for a camera of any length; each length runs in a
process of its own, so that the peak memory of one says nothing of the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from descent.clip import Clip
from descent.model import Format, Frame
from descent.restore.deblur import STAGE, Deblur
from descent.simulate import landing
from descent.stages import run_stage
from descent.tools import tiles
from tests.bench.deblur_bench import GAINS, SEEDS

SHORT, LONG = 20, 120
SPAN = ("heat_shield + 60s", "heat_shield + 60.4s")


def rows() -> None:
    """Both lengths, and how far their memory is apart."""
    print(f"\n{'chain with deblur':28}{'frames/s':>10}{'CPU ms':>9}{'peak MiB':>10}", end="")
    print(f"{'measuring, CPU ms':>19}")
    with tempfile.TemporaryDirectory() as folder:
        landing(folder, seed=SEEDS[0], scale=1, windows={"rdc": [SPAN]}, flight=True, workers=2)
        found = {count: _run(folder, count) for count in (SHORT, LONG)}
    for count, told in found.items():
        name = f"descent, {told['restored']} of {count} restored"
        print(f"{name:28}{told['rate']:10.2f}{told['cpu_ms']:9.0f}{told['peak']:10.0f}", end="")
        print(f"{told['measure_ms']:19.0f}", flush=True)
    grows = found[LONG]["peak"] / found[SHORT]["peak"] - 1
    print(f"{LONG} frames take {100 * grows:+.1f} % of the memory of {SHORT}")


def _run(folder: str, count: int) -> dict[str, float]:
    """What a process of its own tells of so many frames."""
    command = [sys.executable, "-m", "tests.bench.deblur_chain", folder, str(count)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return found


def one(folder: Path, count: int) -> dict[str, float]:
    """Measure and restore `count` frames; frames/s and CPU are of restoring."""
    cv2.setNumThreads(2)
    tiles.set_threads(2)
    made = json.loads((folder / "truth.json").read_text("utf-8"))["cameras"]["rdc"]["frames"]
    raws = [np.asarray(Image.open(folder / row["file"])) for row in made]
    order = [*range(len(raws)), *range(len(raws) - 2, 0, -1)]
    form = Format(raws[0].shape[0], raws[0].shape[1], "mosaic", "uint8", "RGGB", "raw", 255.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(raws[order[k % len(order)]]) for k in indices)

    times = [Fraction(k, 30) for k in range(count)]
    clip = Clip(times, form, lambda _: frozenset(), pull)
    early: list[tuple[str, dict[str, Any]]] = [
        ("levels", {}), ("defects", {}), ("debayer", {"gains": GAINS}),
    ]  # fmt: skip
    for name, params in early:
        clip = run_stage(clip, name, params, None)
    before = time.process_time()
    measured = STAGE.measure(clip, Deblur())  # type: ignore[misc]
    measuring = time.process_time() - before
    clip = run_stage(clip, "deblur", {}, measured)
    clip = run_stage(clip, "colour", {"gains": GAINS, "exposure": 0.8, "shoulder": 0.8}, None)
    for _ in clip.pull(range(3)):
        pass  # what is compiled and laid out once
    wall, cpu = time.perf_counter(), time.process_time()
    restored = sum(bool(f and f.notes["deblur"]["restored"]) for f in clip.pull(range(count)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "rate": count / wall,
        "cpu_ms": 1e3 * cpu / count,
        "measure_ms": 1e3 * measuring / count,
        "peak": _peak_mib(),
        "restored": restored,
    }


def _peak_mib() -> float:
    """The peak memory of this program; `ru_maxrss` would be that of who started it, if larger."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(one(Path(sys.argv[1]), int(sys.argv[2]))))
    else:
        rows()
