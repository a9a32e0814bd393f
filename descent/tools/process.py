"""What a process may ask of its system: freed memory back, and a later turn on the cores."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

# Enough to let an encoder have every core it can use; not so much that a film stands still
# when something else is busy on the machine.
_LATER = 15
_DONTNEED = 4  # MADV_DONTNEED, on Linux
_LARGE_BYTES = 16 << 20


@cache
def _libc() -> Any:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def give_back() -> None:
    """Return memory to the system that is held and not in use; costs about a millisecond.

    glibc keeps 60 to 90 MB that a chunk of 4K has freed. And the kernel maps a library's code
    in large pieces: all of LLVM's, 50 MB, for the little of it that loads compiled loops.
    What is called again is mapped again from the file, where it has been all the time.
    """
    libc = _libc()
    if libc is None:
        return
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    with suppress(OSError):
        for first, size in _library_code():
            libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), _DONTNEED)


def _library_code() -> Iterator[tuple[int, int]]:
    """Address and bytes of each large mapping of a file's code, which nobody has written to.

    Mappings that are not executable are left alone: those may hold relocated pointers.
    """
    for line in Path("/proc/self/maps").read_text("ascii", "replace").splitlines():
        place, rights, _offset, _device, inode = line.split(maxsplit=5)[:5]
        first, last = (int(end, 16) for end in place.split("-"))
        if rights == "r-xp" and inode != "0" and last - first >= _LARGE_BYTES:
            yield first, last - first


def take_turns() -> None:
    """Let a thread that wants the interpreter have it after half a millisecond, not five.

    Hashing, decoding and encoding need it for a moment between two long stretches without it;
    one thread that loads code would hold all of them up.
    """
    sys.setswitchinterval(0.0005)


def step_back() -> None:
    """Let this thread, and those that it starts from now on, run after the others.

    Only Linux gives a thread a priority of its own; elsewhere nothing changes.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it, and nothing depends on it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LATER)
