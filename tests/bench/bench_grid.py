"""Four PNG cameras to a 4K grid, beside ffmpeg doing the same graph (ffmpeg.sh).

    make bench                       or
    pytest -o python_files='bench_*.py' -s tests/bench/bench_grid.py

DESCENT_BENCH_RUNS (3) and DESCENT_BENCH_SECONDS (8: two chunks) say how often and how long.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

from .inputs import make
from .tree import Cost, measure

HERE = Path(__file__).resolve().parent
RUNS = int(os.environ.get("DESCENT_BENCH_RUNS", "3"))
SECONDS = int(os.environ.get("DESCENT_BENCH_SECONDS", "8"))
CRF = 20  # of both profiles
PROFILES = {"veryfast": "h264_quick", "medium": "h264_uhd"}
# preset: most of ffmpeg's wall, of its wall without our checks, and of its memory
BARS = {"veryfast": (1.0, 0.9, 0.7), "medium": (0.95, 0.9, 0.8)}


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the four cameras' pictures and the release file."""
    folder = tmp_path_factory.mktemp("grid")
    make(folder, SECONDS)
    text = (HERE / "grid.yaml").read_text("utf-8").replace("T+4s", f"T+{SECONDS}s")
    (folder / "grid.yaml").write_text(text, "utf-8")
    return folder


def ours(inputs: Path, preset: str, *options: str, memory: bool = False) -> Cost:
    """What `descent render` costs, from nothing."""
    for left in ("out", "store"):
        shutil.rmtree(inputs / left, ignore_errors=True)
    program = str(Path(sys.executable).with_name("descent"))
    return measure(
        [program, "render", str(inputs / "grid.yaml"), "--quiet",
         "--out", str(inputs / "out"), "--store", str(inputs / "store"),
         "--set", f"outputs.grid.profile={PROFILES[preset]}", *options],
        memory=memory,
    )  # fmt: skip


def theirs(inputs: Path, preset: str, *, memory: bool = False) -> Cost:
    """What ffmpeg costs."""
    command = ["sh", str(HERE / "ffmpeg.sh"), str(inputs), str(inputs / "peer.mp4"), preset,
               str(CRF), str(SECONDS * 30)]  # fmt: skip
    return measure(command, {"FFMPEG": imageio_ffmpeg.get_ffmpeg_exe()}, memory=memory)


def least(costs: list[Cost], peak_mb: float) -> Cost:
    """The best of each time: what else the machine does only ever adds."""
    return Cost(min(c.wall_s for c in costs), min(c.cpu_s for c in costs), peak_mb)


@pytest.mark.parametrize("preset", BARS)
def test_beside_ffmpeg(inputs: Path, preset: str) -> None:
    """Everything included, a render takes no longer than ffmpeg and much less memory."""
    frames = SECONDS * 30
    ours(inputs, preset, "--range", "start..start + 0.2s")  # compiles what is compiled once
    ffmpeg, whole, unchecked = [], [], []
    for _ in range(RUNS):
        ffmpeg.append(theirs(inputs, preset))
        whole.append(ours(inputs, preset))
        unchecked.append(ours(inputs, preset, "--no-check"))
    # In runs of their own: adding up a gigabyte of pages takes time from whoever is watched.
    peer = least(ffmpeg, theirs(inputs, preset, memory=True).peak_mb)
    all_in = least(whole, ours(inputs, preset, memory=True).peak_mb)
    bare = least(unchecked, ours(inputs, preset, "--no-check", memory=True).peak_mb)
    print(f"\n{preset}, {frames} frames, {RUNS} alternating runs, {os.cpu_count()} cores")
    print(f"{'':24} wall s (ratio)   CPU ms/frame (ratio)   peak MB (ratio)")
    for name, cost in (("ffmpeg", peer), ("descent", all_in), ("descent, unchecked", bare)):
        print(
            f"{name:24} {cost.wall_s:6.2f} ({cost.wall_s / peer.wall_s:.2f})    "
            f"{1e3 * cost.cpu_s / frames:8.0f} ({cost.cpu_s / peer.cpu_s:.2f})       "
            f"{cost.peak_mb:8.0f} ({cost.peak_mb / peer.peak_mb:.3f})"
        )
    wall_bar, bare_bar, memory_bar = BARS[preset]
    assert all_in.peak_mb <= memory_bar * peer.peak_mb
    assert all_in.wall_s <= wall_bar * peer.wall_s
    assert bare.wall_s <= bare_bar * peer.wall_s


def test_cpu_by_stage(inputs: Path) -> None:
    """Where a frame's CPU time goes, the encoder's own share beside it."""
    shutil.rmtree(inputs / "store", ignore_errors=True)
    command = [sys.executable, str(HERE / "stages.py"), str(inputs), str(SECONDS * 30)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    print(done.stdout, done.stderr)
    assert done.returncode == 0
