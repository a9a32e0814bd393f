"""Files that are whole or absent: atomic writing, locks, digests, and paths kept inside roots."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from descent.errors import DescentError, HostileInput, SourceError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_MARK = ".part-"  # in every temporary's name: .clip.mp4.part-1a2b3c4d.mp4
_RACY_NS = 2_000_000_000  # the coarsest clock of a file system in use (FAT)


def config_root() -> Path:
    """The folder `configs/` that ships: inside the package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


# --- locks ---------------------------------------------------------------------------------


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN}:
                return False
            raise
        return True


class FileLock:
    """An exclusive lock between processes, let go when its holder ends, however it ends.

    `path` is a file of its own that stays behind empty; `wait_s` is how long to try, a
    larger value waits longer for the other (None: for ever). Raises `DescentError` when the
    lock stays taken. Not for threads of one process that share the object.
    """

    def __init__(self, path: Path, *, wait_s: float | None = 0.0) -> None:
        self.path, self.wait_s = Path(path), wait_s
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock, or return False when another holds it for longer than `wait_s`."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOINHERIT", 0), 0o644)
        end = None if self.wait_s is None else time.monotonic() + self.wait_s
        try:
            while not _try_lock(handle):
                if end is not None and time.monotonic() >= end:
                    os.close(handle)
                    return False
                time.sleep(0.02)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        """Let the lock go; the file stays, so that nobody locks a name that is gone."""
        if self._handle is not None:
            os.close(self._handle)  # closing lets go on every system
            self._handle = None

    def __enter__(self) -> FileLock:
        if not self.acquire():
            raise DescentError(
                "is in use by another run",
                where=str(self.path),
                do="wait for it to end, or stop it",
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


# --- atomic writing ------------------------------------------------------------------------


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # folders cannot be opened for that; the journal orders renames
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems
            raise
    finally:
        os.close(handle)


def _replace(source: Path, target: Path) -> None:
    for attempt in range(8):
        try:
            source.replace(target)
        except PermissionError:
            # On Windows a virus scanner or a player may hold the target for a moment.
            if sys.platform != "win32" or attempt == 7:
                raise
            time.sleep(0.05 * (attempt + 1))
        else:
            return


def _unwritable(error: OSError, path: Path) -> DescentError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    what = "the disk is full" if full else f"cannot be written: {error.strerror or error}"
    do = "free some space or choose another folder" if full else "choose another folder"
    return DescentError(what, where=str(path), do=do)


@contextlib.contextmanager
def atomic(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """A temporary to write, which becomes `path` when the block ends well, and else is gone.

    The temporary lies in the same folder and keeps the suffix, since encoders choose a
    format by it; a lock beside it tells `sweep` that its writer lives. `sync=False` skips
    forcing the bytes to the disk, for what can be made again. Raises `DescentError` with
    the path when the disk is full or nothing was written.
    """
    path = Path(path)
    token = f".{path.name}{_MARK}{secrets.token_hex(4)}"
    temporary = path.with_name(token + path.suffix)
    lock = FileLock(path.with_name(token + ".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise _unwritable(error, path) from error
    try:
        yield temporary
        if not temporary.exists():
            raise DescentError("nothing was written", where=str(path))
        if sync:
            _sync(temporary)
        _replace(temporary, path)
        if sync:
            _sync_folder(path.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise _unwritable(error, path) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        lock.release()
        with contextlib.suppress(OSError):
            lock.path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with plain line ends, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(text.encode())


def sweep(folder: Path) -> list[Path]:
    """Remove temporaries whose writers are gone from `folder`; returns what was removed."""
    removed: list[Path] = []
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        head, mark, tail = entry.name.partition(_MARK)
        if not (mark and head.startswith(".")) or tail.endswith(".lock"):
            continue
        lock = FileLock(entry.with_name(head + mark + tail[:8] + ".lock"))
        if lock.acquire():
            entry.unlink(missing_ok=True)
            removed.append(entry)
            lock.release()
            lock.path.unlink(missing_ok=True)
    for entry in sorted(folder.glob(f".*{_MARK}*.lock")) if folder.is_dir() else []:
        lock = FileLock(entry)  # a writer killed before its first byte leaves only this
        if lock.acquire():
            lock.release()
            entry.unlink(missing_ok=True)
    return removed


# --- digests -------------------------------------------------------------------------------


# Between two pieces a thread waits for the interpreter where another is busy with it: a
# quarter of this, as the library reads, waits four times as often.
_PIECE_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest, piece = hashlib.sha256(), bytearray(_PIECE_BYTES)
    with Path(path).open("rb", buffering=0) as file:
        while count := file.readinto(piece):
            digest.update(memoryview(piece)[:count])
    return digest.hexdigest()


class Digests:
    """SHA-256 of files, remembered by (path, size, modification time, inode).

    `store` is a JSON file that keeps them between runs; None keeps them in memory. A file
    younger than two seconds is read again each time: its clock is too coarse to be trusted.
    Raises `SourceError` when a file changes while it is read.
    """

    VERSION = "digests.1"

    def __init__(self, store: Path | None = None) -> None:
        self.store = store
        self._known: dict[str, list[Any]] = _load_digests(store)
        self._fresh: dict[str, list[Any]] = {}

    def of(self, path: Path) -> str:
        """The digest of a file, computed when it is not known or the file has changed."""
        name = os.path.abspath(path)  # noqa: PTH100 - resolving links costs more than hashing
        before = _signature(path)
        known = self._known.get(name)
        if known is not None and known[:3] == before:
            return str(known[3])
        digest = sha256(path)
        if _signature(path) != before:
            raise SourceError("changed while it was read", where=str(path), do="run again")
        if time.time_ns() - before[1] > _RACY_NS:
            self._known[name] = self._fresh[name] = [*before, digest]
        return digest

    def save(self) -> None:
        """Write what was learnt into the store, together with what others learnt meanwhile."""
        if self.store is None or not self._fresh:
            return
        self.store.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.store.with_name(self.store.name + ".lock"), wait_s=30):
            entries = {**_load_digests(self.store), **self._fresh}
            text = json.dumps({"version": self.VERSION, "files": entries}, sort_keys=True)
            write_text(self.store, text)
        self._fresh = {}

    def __enter__(self) -> Digests:
        return self

    def __exit__(self, *_: object) -> None:
        self.save()


def _signature(path: Path) -> list[int]:
    stat = os.stat(path)  # noqa: PTH116 - called for every frame of a render
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _load_digests(store: Path | None) -> dict[str, list[Any]]:
    # What is remembered can always be computed again, so a broken store is an empty one.
    if store is None:
        return {}
    try:
        read = json.loads(store.read_bytes())
        if read["version"] != Digests.VERSION:
            return {}
        return {str(k): list(v) for k, v in read["files"].items() if len(v) == 4}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


# --- paths ---------------------------------------------------------------------------------


def confined(path: Path, roots: Iterable[Path]) -> Path:
    """`path` with links followed, if it lies inside one of `roots`; raises `HostileInput`."""
    real = Path(path).resolve()
    allowed = [Path(root).resolve() for root in roots]
    if not any(real == root or root in real.parents for root in allowed):
        listed = ", ".join(str(root) for root in allowed) or "no folder"
        raise HostileInput(
            "lies outside the folders this release may read",
            where=str(path),
            do=f"move it into one of: {listed}",
        )
    return real
