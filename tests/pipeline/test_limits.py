"""Full disks, many frames, long films: what a machine lacks is said, and a lot costs no more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import psutil
import pytest

from .conftest import command, contents, leftovers, render, start, write_config
from .numbered import SIDE, write_png

Simple = Callable[..., Path]

# --- full disks --------------------------------------------------------------------------------


class Disk:
    """A disk in memory that can be made larger."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self, kilobytes: int) -> None:
        """Give it so much room."""
        how = "remount," if self.path.is_mount() else ""
        mount("-t", "tmpfs", "-o", f"{how}size={kilobytes}k", "tmpfs", str(self.path))


def mount(*words: str) -> None:
    """Mount, or skip the test where that is not allowed."""
    try:
        done = subprocess.run(["mount", *words], capture_output=True, check=False)  # noqa: S603, S607
    except OSError:
        pytest.skip("needs the command mount")
    if done.returncode:
        pytest.skip(f"may not mount a small disk: {done.stderr.decode().strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk at `tmp_path/disk`; only root may have one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a small disk needs Linux and root")
    path = tmp_path / "disk"
    path.mkdir()
    yield Disk(path)
    if path.is_mount():
        subprocess.run(["umount", str(path)], check=True)  # noqa: S603, S607


FILM = {"cut": "main", "size": "256x144", "rate": 24, "text": {"clock": "t"}}
ROOMY = 60_000


@pytest.mark.parametrize("what", ["chunks", "film", "rest", "frames"])
def test_a_full_disk_is_said_and_nothing_is_half_written(
    simple: Simple, tmp_path: Path, disk: Disk, what: str
) -> None:
    """Exit code 1 and the path; no half file, no temporary; with room it goes on to the end."""
    output = {"cut": "main", "for": "frames", "rate": 24} if what == "frames" else FILM
    config = simple(count=16, rate=1, outputs={"film": output | {"profile": "ffv1"}}
                    if what != "frames" else {"film": output})  # fmt: skip
    assert render(config, tmp_path / "good" / "out").code == 0
    want = contents(tmp_path / "good" / "out")
    film = sum(len(data) for name, data in want.items() if name.startswith("film")) // 1024
    # Room for some chunks; for half of the film; for the film and hardly more.
    disk.size(film + 12 if what == "rest" else film // 2)
    store = disk.path / "store" if what == "chunks" else tmp_path / "store"
    out = tmp_path / "out" if what == "chunks" else disk.path / "out"
    for workers in (1, 2):
        full = render(config, out, "--store", store, workers=workers)
        assert full.code == 1, full.said
        error = full.data["error"]
        assert str(disk.path) in error["where"], error
        assert "full" in error["what"]
        assert error["do"]
        assert not leftovers(tmp_path)
        assert not (out / "SHA256SUMS").exists()
        assert (out / "film.mkv").exists() == (what == "rest")
    disk.size(ROOMY)
    made = render(config, out, "--store", store)
    assert made.code == 0, made.said
    if what == "chunks":
        assert made.data["chunks_kept"] > 0
    assert contents(out) == want


# --- memory ------------------------------------------------------------------------------------

NOISE_BYTES = 4_000_000  # what one run differs from the next by


def peaks(*words: object) -> tuple[int, int]:
    """The peak memory of a command and of the largest of its workers, in bytes.

    By the system's own high-water marks, which no sampling misses.
    """
    process = start(*words)
    found: dict[int, int] = {}
    while process.poll() is None:
        pids = [process.pid]
        try:
            pids += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        except psutil.Error:
            continue
        for pid in pids:
            try:
                status = Path(f"/proc/{pid}/status").read_text("utf-8")
            except OSError:
                continue
            mark = next((r for r in status.splitlines() if r.startswith("VmHWM")), None)
            if mark is not None:
                found[pid] = int(mark.split()[1]) * 1024
        time.sleep(0.1)
    _, said = process.communicate()
    assert process.returncode == 0, said
    return found.pop(process.pid), max(found.values())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's high-water marks")
def test_ten_times_the_film_takes_no_more_memory(simple: Simple, tmp_path: Path) -> None:
    """4 and 40 chunks, two workers: conductor and workers peak within a tenth of each other."""
    film = FILM | {"profile": "draft", "size": "320x180", "rate": 6}
    config = simple(count=160, rate=1, outputs={"film": film})
    found = []
    for name, seconds in (("short", 16), ("long", 160)):
        words = ("--out", tmp_path / name / "out", "--workers", 2)
        found.append(peaks("render", config, *words, "--range", f"T+0s..T+{seconds}s"))
        assert len(list((tmp_path / name / ".descent").glob("chunks/*/*.mp4"))) == seconds // 4
    (main_few, worker_few), (main_many, worker_many) = found
    assert main_many <= main_few * 1.1 + NOISE_BYTES
    assert worker_many <= worker_few * 1.1 + NOISE_BYTES


# --- many frames -------------------------------------------------------------------------------

MANY = 30_000


def test_thirty_thousand_frames_are_planned_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan of 30,000 files counts each, finds the hole, and decodes next to no picture."""
    from descent.sources import stills

    first = write_png(tmp_path / "one.png", 1, 0)
    folder = tmp_path / "cam"
    folder.mkdir()
    lost = range(12_345, 12_355)
    for k in range(MANY):
        if k not in lost:
            os.link(first, folder / f"f_{k:05d}.png")
    decoded: list[Path] = []
    decode = stills.read_still

    def counting(path: Path, *args: object, **words: object) -> object:
        decoded.append(path)
        return decode(path, *args, **words)  # type: ignore[arg-type]

    for module in list(sys.modules.values()):
        if getattr(module, "read_still", None) is decode:
            monkeypatch.setattr(module, "read_still", counting)
    times = {"index": "f_{index}.png", "rate": 75, "start": "start"}
    config = write_config(
        tmp_path / "many.yaml",
        {
            "zero": "start",
            "cameras": {"cam": {"files": "cam/", "rate": 75, "times": times}},
            "cuts": {"main": [{"from": "start", "to": "start + 400s", "show": {"full": "cam"}}]},
            "outputs": {"film": {"cut": "main", "size": f"{SIDE}x{SIDE}", "rate": 30,
                                 "text": "none"}},
        },
    )  # fmt: skip
    made = command("plan", config)
    assert made.code == 0, made.said
    assert made.data["cameras"]["cam"]["frames"] == MANY - len(lost)
    assert made.data["outputs"]["film"]["ticks"] == 12_000
    summary = made.data["outputs"]["film"]["cameras"]["cam"]
    assert summary["exist"] == MANY - len(lost)
    # All ticks in the hole show the frame before it, which no other tick does.
    ticks = [Fraction(k, 30) for k in range(12_000)]
    low, high = (Fraction(2 * k - 1, 150) for k in (lost.start, lost.stop))
    inside = [t for t in ticks if low < t < high]
    assert summary["used"] == 12_000 - len(inside) + 1
    assert summary["held"] == len(inside)
    assert len(summary["gaps"]) == 1
    assert summary["gaps"][0][0] == lost.start - 1
    assert len(decoded) <= 3
