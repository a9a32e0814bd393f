"""Jobs are done once, whoever dies meanwhile, and nothing stays behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from descent.errors import Damaged, DescentError, EncodeError, Interrupted
from descent.model import Job
from descent.tools.files import FileLock
from descent.work import Outcome, Progress, fingerprint, fitting_workers, run
from descent.work.run import Where

HERE = Path(__file__).resolve().parent
JOBS = "descent_test_jobs"  # jobs.py, importable by workers under this name
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")


@pytest.fixture(autouse=True)
def _importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / f"{JOBS}.py").write_text((HERE / "jobs.py").read_text())
    monkeypatch.syspath_prepend(folder)
    sys.modules.pop(JOBS, None)


def jobs(count: int, function: str = "make", **args: Any) -> list[Job]:
    """Jobs of one kind; each writes k<n>.bin."""
    return [
        Job(f"k{n}", f"{JOBS}:{function}", {"seed": n, **args}, (f"k{n}.bin",), weight=1 + n % 3)
        for n in range(count)
    ]


def contents(store: Path) -> dict[str, bytes]:
    """Every file a store holds but for its lock."""
    return {p.name: p.read_bytes() for p in store.iterdir() if p.name != ".lock"}


@pytest.mark.parametrize(("where", "workers"), [("here", 1), ("pool", 1), ("pool", 2)])
@pytest.mark.parametrize("overlap", [1, 2])
def test_jobs_are_done_once_with_the_same_bytes(
    tmp_path: Path, where: Where, workers: int, overlap: int
) -> None:
    """Here or in workers, one or two at a time: the same files; a second run makes nothing."""
    told: list[Progress] = []
    first = run(jobs(5), store=tmp_path / "a", workers=workers, where=where, overlap=overlap,
                progress=told.append)  # fmt: skip
    first.check()
    assert sorted(first.made) == [f"k{n}" for n in range(5)]
    assert told[-1].done == told[-1].total == 5
    assert told[-1].weight == told[-1].weight_total
    again = run(jobs(5), store=tmp_path / "a", where="here")
    assert (again.made, sorted(again.kept)) == ([], [f"k{n}" for n in range(5)])
    assert again.results == first.results
    plain = run(jobs(5), store=tmp_path / "b", where="here")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert plain.results == first.results


def test_what_is_gone_or_cut_is_made_again(tmp_path: Path) -> None:
    """A job whose file vanished, changed its size, or whose JSON broke is done again, no other."""
    run(jobs(4), store=tmp_path, where="here").check()
    (tmp_path / "k0.bin").unlink()
    (tmp_path / "k1.bin").write_bytes(b"short")
    (tmp_path / "k2.json").write_text("{")
    again = run(jobs(4), store=tmp_path, where="here")
    assert sorted(again.made) == ["k0", "k1", "k2"]


def test_needs_come_first_and_missing_ones_are_said(tmp_path: Path) -> None:
    """A job runs after those it needs; one needed by name but not given is an error."""
    first, second = jobs(2)
    after = Job("z", first.call, {"seed": 9}, ("z.bin",), needs=("k0", "k1"), weight=99)
    outcome = run([first, second, after], store=tmp_path, where="here", overlap=2)
    assert outcome.made[-1] == "z"
    with pytest.raises(DescentError, match="needs k0"):
        run([after], store=tmp_path)
    with pytest.raises(DescentError, match="one key"):
        run([first, first], store=tmp_path)


@POSIX
def test_a_killed_worker_costs_its_job_a_try(tmp_path: Path) -> None:
    """A worker killed while writing is replaced, its job done again, its temporary gone."""
    marked = jobs(3, "die_once", marker=str(tmp_path / "marker"))
    outcome = run(marked, store=tmp_path / "s", workers=2, where="pool")
    outcome.check()
    assert outcome.retried >= 1
    assert sorted(contents(tmp_path / "s")) == sorted(
        f"k{n}.{e}" for n in range(3) for e in ("bin", "json")
    )


@POSIX
def test_a_job_that_always_kills_its_worker_is_given_up(tmp_path: Path) -> None:
    """After three tries a job is failed by name, saying how its worker ended."""
    outcome = run(jobs(1, "die"), store=tmp_path, where="pool")
    assert outcome.retried == 2
    with pytest.raises(DescentError, match=r"job k0.*given up.*signal 9"):
        outcome.check()


@pytest.mark.parametrize("where", ["here", "pool"])
def test_errors_name_their_job_and_travel_whole(tmp_path: Path, where: Where) -> None:
    """A damaged frame lets the other jobs go on and keeps its digest; other errors stop the run."""
    bad = Job("bad", f"{JOBS}:fail", {"kind": "damaged"}, ("bad.bin",), weight=9)
    outcome = run([bad, *jobs(2)], store=tmp_path / "a", where=where)
    (failure,) = outcome.failed
    assert isinstance(failure.error, Damaged)
    assert (failure.key, failure.error.digest) == ("bad", "abc")
    assert len(outcome.made) == 2
    worse = Job("worse", f"{JOBS}:fail", {"kind": "encode"}, ("w.bin",), weight=9)
    outcome = run([worse, *jobs(3, pause_s=0.05)], store=tmp_path / "b", where=where)
    with pytest.raises(EncodeError, match="chunk: no"):
        outcome.check()
    assert len(outcome.left) >= 2
    bug = Job("bug", f"{JOBS}:fail", {"kind": "bug"}, ("x.bin",))
    with pytest.raises(DescentError, match=r"job bug.*ValueError: a bug"):
        run([bug], store=tmp_path / "c", where=where).check()
    empty = Job("lazy", f"{JOBS}:lazy", {}, ("nothing.bin",))
    with pytest.raises(DescentError, match=r"did not write nothing\.bin"):
        run([empty], store=tmp_path / "d", where=where).check()


def test_one_run_has_the_store(tmp_path: Path) -> None:
    """A second run of one store is told who holds it, or waits until it may."""
    tmp_path.mkdir(exist_ok=True)
    lock = FileLock(tmp_path / ".lock")
    assert lock.acquire()
    with pytest.raises(DescentError, match="is in use by"):
        run(jobs(1), store=tmp_path, where="here")
    threading.Timer(0.2, lock.release).start()
    run(jobs(1), store=tmp_path, where="here", wait_s=10).check()


def test_never_more_workers_than_fit() -> None:
    """Memory caps the workers, but one always runs."""
    assert fitting_workers(8, 1 << 30, limit_bytes=3 << 30) == 3
    assert fitting_workers(8, 1 << 30, limit_bytes=1 << 20) == 1
    assert fitting_workers(2, 0, limit_bytes=1 << 40) == 2


_MAIN = """
import sys
from pathlib import Path
from descent.model import Job
from descent.work import run
if __name__ == "__main__":
    made = [Job(f"k{n}", "descent_test_jobs:make", {"seed": n, "pause_s": 0.02, "steps": 5},
                (f"k{n}.bin",), weight=1 + n % 3) for n in range(10)]
    outcome = run(made, store=Path(sys.argv[1]), workers=2, where=sys.argv[2], overlap=1)
    sys.exit(130 if outcome.interrupted else 0)
"""


def _start(tmp_path: Path, store: Path, where: str = "pool") -> subprocess.Popen[bytes]:
    script = tmp_path / "main.py"
    script.write_text(_MAIN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, str(script), str(store), where], env=environment)  # noqa: S603


def _family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _wait_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert not alive, "orphans"


@POSIX
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """SIGKILL of main or worker, again and again: the bytes of an undisturbed run, no orphan."""
    store = tmp_path / "store"
    chance = random.Random(11)
    killed = 0
    for attempt in range(8):
        process = _start(tmp_path, store)
        time.sleep(chance.uniform(0.15, 0.9))
        family = _family(process)
        victim = chance.choice([process.pid, *(p.pid for p in family)])
        if process.poll() is None:
            os.kill(victim, signal.SIGKILL)
            killed += 1
        if victim == process.pid:
            process.wait()
        elif attempt % 2:
            process.kill()
            process.wait()
        else:
            assert process.wait(timeout=60) == 0
        _wait_gone(family)
    assert killed
    assert _start(tmp_path, store).wait(timeout=60) == 0
    clean = tmp_path / "clean"
    assert _start(tmp_path, clean, "here").wait(timeout=60) == 0
    assert contents(store) == contents(clean)


@POSIX
@pytest.mark.parametrize("where", ["here", "pool"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains(tmp_path: Path, where: str, number: signal.Signals) -> None:
    """One Ctrl-C (or SIGTERM) finishes what runs, keeps it, and leaves no temporary."""
    store = tmp_path / "store"
    process = _start(tmp_path, store, where)
    deadline = time.monotonic() + 30
    while not list(store.glob("k*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    family = _family(process)
    process.send_signal(number)
    assert process.wait(timeout=30) == 130
    _wait_gone(family)
    names = sorted(contents(store))
    done = [n for n in names if n.endswith(".json")]
    assert 1 <= len(done) < 10
    assert names == sorted(done + [n.replace(".json", ".bin") for n in done])


@POSIX
def test_a_job_that_waits_for_its_turn_is_not_begun_any_more(tmp_path: Path) -> None:
    """Of two jobs at once in a process the first signal finishes the one that has begun."""

    def once() -> None:
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Thread(target=once)
    timer.start()
    slow = jobs(4, "queued", pause_s=0.3)
    outcome: Outcome = run(slow, store=tmp_path / "s", where="here", overlap=2)
    timer.join()
    assert outcome.interrupted
    assert (len(outcome.made), len(outcome.left)) == (1, 3)
    assert run(slow, store=tmp_path / "s", where="here", overlap=2).made == outcome.left


@POSIX
def test_the_second_signal_stops_at_once(tmp_path: Path) -> None:
    """Twice Ctrl-C kills the workers in the middle of their jobs and sweeps after them."""
    slow = jobs(4, pause_s=60.0)

    def twice() -> None:
        for pause_s in (1.0, 0.4):
            time.sleep(pause_s)
            os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Thread(target=twice)
    timer.start()
    outcome: Outcome = run(slow, store=tmp_path / "s", workers=2, where="pool")
    timer.join()
    assert outcome.interrupted
    assert len(outcome.left) == 4
    assert contents(tmp_path / "s") == {}
    with pytest.raises(Interrupted, match="4 jobs left"):
        outcome.check()
    assert not psutil.Process().children()


def probe() -> list[int]:
    """A fingerprint's probe."""
    return [1, 2, 3]


def test_the_fingerprint_repeats_and_holds_its_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two fingerprints of one installation agree; a kernel that answers otherwise changes it."""
    module = type(sys)("probing")
    module.probe = probe  # type: ignore[attr-defined]
    module.other = lambda: [1, 2, 4]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "probing", module)
    one, parts = fingerprint(["probing:probe"])
    assert (one, parts) == fingerprint(["probing:probe"])
    assert {"python", "numpy", "av", "ffmpeg", "opencv", "lock"} < set(parts)
    assert fingerprint(["probing:other"])[0] != one
