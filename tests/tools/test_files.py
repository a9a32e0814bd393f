"""Files are whole or absent; locks hold; digests are remembered; paths stay inside roots."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from descent.errors import DescentError, HostileInput, SourceError
from descent.tools import files
from descent.tools.files import Digests, FileLock, atomic, config_root, confined, sha256, sweep


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_atomic_gives_the_file_its_name_at_the_end(tmp_path: Path) -> None:
    """The temporary lies beside the target, keeps its suffix, and nothing else is left."""
    target = tmp_path / "deep" / "clip.mp4"
    with atomic(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.suffix == ".mp4"
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert _names(target.parent) == ["clip.mp4"]


def test_atomic_keeps_the_old_file_on_error(tmp_path: Path) -> None:
    """An error inside leaves the old file and no temporary."""
    target = tmp_path / "plan.json"
    target.write_text("old")

    def fail() -> None:
        with atomic(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["plan.json"]


def test_atomic_refuses_a_writer_that_wrote_nothing(tmp_path: Path) -> None:
    """A block that writes nothing is an error that names the path."""
    missing = pytest.raises(DescentError, match=r"frame\.png: nothing was written")
    with missing, atomic(tmp_path / "frame.png"):
        pass
    assert _names(tmp_path) == []


def test_atomic_names_the_path_when_the_disk_is_full(tmp_path: Path) -> None:
    """A full disk is an error with the path and a cure, and leaves no temporary."""

    def fill() -> None:
        with atomic(tmp_path / "film.mp4") as temporary:
            temporary.write_bytes(b"x")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DescentError, match=r"film\.mp4: the disk is full - free some space"):
        fill()
    assert _names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_device_is_noticed_when_it_is_synced(tmp_path: Path) -> None:
    """Bytes that fit into a buffer but not on the disk are an error, not a file."""

    def fill() -> None:
        full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
        with atomic(tmp_path / "film.mp4"), full:
            full.write(b"x")

    with pytest.raises(DescentError, match="the disk is full"):
        fill()
    assert _names(tmp_path) == []


def test_sweep_removes_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    """A killed writer's temporary goes; a living writer's and finished files stay."""
    script = (
        "import sys, os\nfrom pathlib import Path\nfrom descent.tools.files import atomic\n"
        f"with atomic(Path({str(tmp_path)!r}) / 'dead.mp4') as t:\n"
        "    t.write_bytes(b'half'); print('up', flush=True); os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)  # noqa: S603
    (tmp_path / "done.mp4").write_bytes(b"done")
    with atomic(tmp_path / "alive.mp4") as temporary:
        temporary.write_bytes(b"still")
        removed = sweep(tmp_path)
        assert [path.name.split(".part-")[0] for path in removed] == [".dead.mp4"]
        assert temporary.exists()
    assert _names(tmp_path) == ["alive.mp4", "done.mp4"]


def test_a_lock_keeps_another_process_out(tmp_path: Path) -> None:
    """While one holds a lock another is refused, and gets it when the first has ended."""
    path = tmp_path / "run.lock"
    script = (
        "import sys\nfrom pathlib import Path\nfrom descent.tools.files import FileLock\n"
        f"print(FileLock(Path({str(path)!r})).acquire())\n"
    )
    command = [sys.executable, "-c", script]
    with FileLock(path):
        inside = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    after = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    assert (inside.stdout.strip(), after.stdout.strip()) == ("False", "True")


def test_a_taken_lock_is_an_error_with_a_cure(tmp_path: Path) -> None:
    """Entering a lock that another holds says what to do."""
    refused = pytest.raises(DescentError, match="in use by another run")
    with FileLock(tmp_path / "run.lock"), refused:
        FileLock(tmp_path / "run.lock", wait_s=0.05).__enter__()


def test_digests_are_remembered_and_follow_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest is computed once for each state of a file, and a store carries it over."""
    path = tmp_path / "frame.png"
    path.write_bytes(b"one")
    long_ago = time.time_ns() - 10**10
    os.utime(path, ns=(long_ago, long_ago))
    read: list[Path] = []

    def counting(target: Path) -> str:
        read.append(target)
        return hashlib.sha256(target.read_bytes()).hexdigest()

    monkeypatch.setattr(files, "sha256", counting)
    store = tmp_path / "kept" / "digests.json"
    with Digests(store) as digests:
        first = digests.of(path)
        assert digests.of(path) == first
    with Digests(store) as digests:
        assert digests.of(path) == first
    assert len(read) == 1
    path.write_bytes(b"two")
    assert Digests(store).of(path) == hashlib.sha256(b"two").hexdigest()


def test_a_broken_store_of_digests_is_an_empty_one(tmp_path: Path) -> None:
    """What is remembered can be computed again, so a broken store stops nothing."""
    store = tmp_path / "digests.json"
    store.write_text('{"version": "digests.1", "files": 3')
    path = tmp_path / "frame.png"
    path.write_bytes(b"one")
    assert Digests(store).of(path) == sha256(path)


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest of a moving target is not given out."""
    path = tmp_path / "frame.png"
    path.write_bytes(b"one")

    def growing(target: Path) -> str:
        target.write_bytes(b"longer")
        return ""

    monkeypatch.setattr(files, "sha256", growing)
    with pytest.raises(SourceError, match="changed while it was read"):
        Digests().of(path)


def test_paths_stay_inside_their_roots(tmp_path: Path) -> None:
    """A path, its dots and links followed, is taken inside a root and refused outside."""
    inside, outside = tmp_path / "release", tmp_path / "secret"
    inside.mkdir()
    outside.mkdir()
    (outside / "key").write_text("k")
    assert confined(inside / "a" / ".." / "b", [inside]) == (inside / "b").resolve()
    with pytest.raises(HostileInput, match="lies outside"):
        confined(inside / ".." / "secret" / "key", [inside])
    link = inside / "link"
    try:
        link.symlink_to(outside)
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(HostileInput, match="lies outside"):
        confined(link / "key", [inside])


def test_the_shipped_configs_are_found() -> None:
    """The configs' folder is there in a checkout and in a wheel."""
    assert (config_root() / "cameras").is_dir()
