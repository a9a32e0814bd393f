"""Whoever is killed, whenever: the next run goes on, and ends with the same bytes."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from .conftest import chunks, contents, ended, leftovers, render, start, write_config
from .numbered import write_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")

MARK = "DESCENT_TEST_FAMILY"
WORKERS = 2
FILM_S = 40
Stop = Callable[[subprocess.Popen[str], Path, random.Random], None]


def config(folder: Path) -> Path:
    """A release of 20 chunks: two films, numbered pictures and a still."""
    write_folder(folder / "cam", 1, range(24))
    film = {"cut": "main", "size": "256x144", "rate": 12, "text": {"clock": "t"}}
    return write_config(
        folder / "release.yaml",
        {
            "zero": "start",
            "cameras": {
                "cam": {
                    "files": "cam/",
                    "restore": {"deflicker": {}},  # looked at once, before the first chunk
                    "times": {"index": "f_{index}.png", "rate": 1, "start": "start"},
                }
            },
            "cuts": {
                "main": [{"from": "start", "to": f"start + {FILM_S}s", "show": {"full": "cam"}}],
                "short": [{"from": "start", "to": "start + 10s", "show": {"full": "cam"}}],
            },
            "outputs": {
                "film": film,
                "master": film | {"for": "editors"},
                "numbers": {"cut": "short", "rate": 2, "for": "frames"},
                "look": {"still": "cam", "at": "start + 3s"},
            },
        },
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """The release's config, and the files that one worker makes of it without a break."""
    base = tmp_path_factory.mktemp("undisturbed")
    path = config(base)
    made = render(path, base / "out", workers=1)
    assert made.code == 0, made.said
    return path, contents(base / "out")


def family(mark: str) -> Iterator[psutil.Process]:
    """Every living process that was started under a mark, or by one that was."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            gone = process.status() == psutil.STATUS_ZOMBIE
            if not gone and process.environ().get(MARK) == mark:
                yield process


def wait_for_chunks(process: subprocess.Popen[str], store: Path, more: int) -> None:
    """Wait until a store has so many finished chunks more, or the process has ended."""
    wanted = len(finished(store)) + more
    while process.poll() is None and len(finished(store)) < wanted:
        time.sleep(0.03)


def finished(store: Path) -> dict[str, int]:
    """The chunks that a crash may not cost, and when each was made: those with their JSON."""
    made = chunks(store)
    return {
        name: at for name, at in made.items() if (store / f"{name.split('.')[0]}.json").exists()
    }


def forget(store: Path, keep: int) -> None:
    """Remove all but so many chunks, so that there is something to be killed at."""
    for name in sorted(finished(store))[keep:]:
        (store / "chunks" / name[:2] / name).unlink()


def run(path: Path, out: Path, mark: str, workers: int = WORKERS) -> subprocess.Popen[str]:
    """The release rendered by two workers in processes of their own, or by threads of one."""
    return start("render", path, "--out", out, "--workers", workers, **{MARK: mark})


def all_gone(mark: str) -> None:
    """Nobody of a family lives on."""
    deadline = time.monotonic() + 15
    while (alive := list(family(mark))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive


@pytest.mark.slow
def test_a_killed_main_process_costs_the_chunks_in_flight(
    undisturbed: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    """Killed ten times at random moments: no orphan, no chunk made twice, the same bytes."""
    path, want = undisturbed
    out, store = tmp_path / "out", tmp_path / ".descent"
    chance = random.Random(7)
    killed = 0
    for attempt in range(30):
        if killed == 10:
            break
        forget(store, keep=14)
        mark = uuid4().hex
        process = run(path, out, mark, workers=1 + attempt % 2)
        if attempt % 4 == 3:
            shutil.rmtree(store / "measured", ignore_errors=True)
            time.sleep(chance.uniform(0.3, 2.0))  # reading, hashing, measuring
        else:
            wait_for_chunks(process, store, chance.randint(1, 2))
            time.sleep(chance.uniform(0.0, 0.08))
        before = finished(store)
        killed += process.poll() is None
        process.kill()
        process.communicate()
        all_gone(mark)
        kept = finished(store)
        assert before.items() <= kept.items()  # a worker may end a chunk meanwhile
        assert len(chunks(store)) - len(kept) <= WORKERS
    assert killed == 10
    before = finished(store)
    process = run(path, out, uuid4().hex)
    made = ended(process)
    assert made.code == 0, made.said
    assert before.items() <= finished(store).items()
    assert made.data["chunks_kept"] == len(before)
    assert contents(out) == want
    assert not leftovers(tmp_path)


@pytest.mark.slow
def test_a_killed_worker_is_replaced(
    undisturbed: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    """Workers killed at random moments of one run: it goes on, and ends with the same bytes."""
    path, want = undisturbed
    out, store = tmp_path / "out", tmp_path / ".descent"
    chance = random.Random(8)
    mark = uuid4().hex
    killed: set[int] = set()
    while len(killed) < 6:
        forget(store, keep=4)
        process = run(path, out, mark)
        # Two a run: a job whose worker ends three times is given up, rightly.
        for _ in range(2):
            wait_for_chunks(process, store, 1)
            time.sleep(chance.uniform(0.0, 0.1))
            workers = [p for p in family(mark) if p.pid not in {process.pid, *killed}]
            if process.poll() is None and workers:
                victim = chance.choice(workers)
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
                    killed.add(victim.pid)
        made = ended(process)
        assert made.code == 0, made.said
        assert contents(out) == want
        assert not leftovers(tmp_path)
        all_gone(mark)


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(
    undisturbed: tuple[Path, dict[str, bytes]], tmp_path: Path
) -> None:
    """Once: the running chunks end, exit code 130, and the same command finishes the film."""
    path, want = undisturbed
    out, store = tmp_path / "out", tmp_path / ".descent"
    mark = uuid4().hex
    process = run(path, out, mark)
    wait_for_chunks(process, store, 2)
    process.send_signal(signal.SIGINT)
    stopped = ended(process)
    assert stopped.code == 130
    assert "again to go on" in stopped.data["error"]["do"]
    all_gone(mark)
    assert not leftovers(tmp_path)
    assert len(chunks(store)) == len(finished(store)) >= 2
    before = finished(store)
    process = run(path, out, mark)
    made = ended(process)
    assert made.code == 0, made.said
    assert made.data["chunks_kept"] == len(before)
    assert contents(out) == want


def test_killed_while_finishing(undisturbed: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    """Killed again and again after the last chunk, while joining and packing: the same bytes."""
    path, want = undisturbed
    out = tmp_path / "out"
    assert render(path, out, workers=2).code == 0
    chance = random.Random(9)
    killed = 0
    for attempt in range(8):
        for name in ("film.mp4", "master.mov", "look.png", "SHA256SUMS")[attempt % 4 :]:
            (out / name).unlink(missing_ok=True)
        process = run(path, out, mark := uuid4().hex)
        deadline = time.monotonic() + 30
        while process.poll() is None and not any(out.glob(".*.part-*")):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.01))
        killed += process.poll() is None
        process.kill()
        process.communicate()
        all_gone(mark)
    assert killed >= 4  # with ten of the main process and six of workers: twenty
    made = render(path, out)
    assert (made.code, made.data["chunks_made"]) == (0, 0)
    assert contents(out) == want
    assert not leftovers(tmp_path)
