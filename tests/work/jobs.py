"""Job functions that worker processes import."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from descent.errors import Damaged, EncodeError
from descent.tools.files import atomic
from descent.work import checkpoint

_TURN = threading.Lock()


def make(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """Write bytes that follow from `seed` alone, slowly enough to be interrupted."""
    data = b""
    with atomic(outs[0]) as temporary, temporary.open("wb") as file:
        for step in range(args.get("steps", 4)):
            time.sleep(args.get("pause_s", 0.005))
            data = hashlib.sha256(f"{args['seed']} {step}".encode() + data).digest() * 64
            file.write(data)
            file.flush()
    return {"digest": hashlib.sha256(outs[0].read_bytes()).hexdigest()}


def queued(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """Do the job when it is its turn, unless nothing new is to be begun by then."""
    with _TURN:
        checkpoint(starting=True)
        return make(args, outs)


def die_once(args: Mapping[str, Any], outs: tuple[Path, ...]) -> dict[str, Any]:
    """Kill the own process the first time, in the middle of writing; then do the job."""
    marker = Path(args["marker"])
    if not marker.exists():
        marker.touch()
        with atomic(outs[0]) as temporary:
            temporary.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    return make(args, outs)


def die(_args: Mapping[str, Any], _outs: tuple[Path, ...]) -> None:
    """Never survive."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail(args: Mapping[str, Any], _outs: tuple[Path, ...]) -> None:
    """Raise what `args` says."""
    if args["kind"] == "damaged":
        raise Damaged("is cut off", where="hover: frame 7", do="fetch it again", digest="abc")
    if args["kind"] == "encode":
        raise EncodeError("no", where="chunk")
    raise ValueError("a bug")


def lazy(_args: Mapping[str, Any], _outs: tuple[Path, ...]) -> None:
    """Return without writing anything."""
