"""The inside of a worker process, and how a job's function is called anywhere."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from descent.errors import DescentError
from descent.model import Job

_HEAD = struct.Struct("<Q")


def write_message(pipe: IO[bytes], message: object) -> None:
    """Write one pickled message with its length before it."""
    body = pickle.dumps(message)
    pipe.write(_HEAD.pack(len(body)) + body)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> Any:
    """Read one message; raises `EOFError` at the end, also in the middle of one.

    Both ends are ours: the pipe joins a process and the worker it started itself.
    """
    head = pipe.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    (length,) = _HEAD.unpack(head)
    body = pipe.read(length)
    if len(body) < length:
        raise EOFError
    return pickle.loads(body)  # noqa: S301


def call(job: Job, outs: tuple[Path, ...]) -> tuple[str, Any]:
    """Run a job's function: ("done", its result) or ("error", a `DescentError` naming it)."""
    try:
        module, _, name = job.call.partition(":")
        result = getattr(import_module(module), name)(job.args, outs)
        return "done", None if result is None else dict(result)
    except DescentError as error:
        error.__dict__.setdefault("job", job.key)
        return "error", error
    except MemoryError:
        do = "lower --workers, or the output's size"
        return "error", DescentError("ran out of memory", where=f"job {job.key}", do=do)
    except Exception as error:  # a bug of ours or of a library: told whole, never swallowed
        wrapped = DescentError(
            f"{type(error).__name__}: {error}",
            where=f"job {job.key} ({job.call})",
            do="this is a defect: please report it with the trace",
        )
        wrapped.__dict__.update(job=job.key, trace=traceback.format_exc())
        return "error", wrapped


def prepare() -> None:
    """What every process that makes pictures settles first: one thread a library, tidy memory."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    import cv2

    from descent.tools.compiled import load
    from descent.tools.process import take_turns

    take_turns()
    load()
    cv2.setNumThreads(1)
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            # What encoders and decoders keep comes from the system and goes back to it, where
            # glibc would keep it once freed: 250 MB after a chunk of 4K, and 50 MB in holes after
            # some more. (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_ARENA_MAX.)
            libc.mallopt(-3, 1 << 20)
            libc.mallopt(-1, 64 << 20)
            libc.mallopt(-8, 2)
        # x264 rounds its buffers up to huge pages: 17 MB at 4K, and no faster (PR_SET_THP_DISABLE).
        libc.prctl(41, 1, 0, 0, 0)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, beside the pipe's end


def _answer(job: Job, outs: tuple[Path, ...], pipe: IO[bytes], lock: threading.Lock) -> None:
    answer = call(job, outs)
    try:
        body = pickle.dumps((job.key, answer))
    except Exception as error:  # whatever a job returned, an answer must go out
        failure = DescentError(f"returned what cannot travel: {error}", where=f"job {job.key}")
        body = pickle.dumps((job.key, ("error", failure)))
    with lock:
        pipe.write(_HEAD.pack(len(body)) + body)
        pipe.flush()


def main() -> None:
    """Serve jobs from standard input until it ends."""
    if hasattr(signal, "SIGINT"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    prepare()
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not fall between the answers
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    lock = threading.Lock()
    while True:
        try:
            job, outs = read_message(jobs)
        except (EOFError, OSError):
            # The conductor has no more jobs, or is gone: either way nobody waits for more.
            os._exit(0)
        threading.Thread(target=_answer, args=(job, outs, answers, lock), daemon=True).start()
