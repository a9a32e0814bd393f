"""CPU time a frame by stage: one render in this process with its parts' clocks read."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

SPENT: defaultdict[str, float] = defaultdict(float)
# stage: the functions whose own thread's CPU time it is, inner ones taken out of outer ones
PARTS = {
    "decode PNG": "descent.sources.stills:read_planes",
    "to planes": "descent.tools.colour:rgb_to_planes",
    "compose": "descent.compose.canvas:Composer.picture",
    "signature": "descent.encode.signature:signature",
    "hashing of pictures": "descent.encode.signature:picture_digest",
}
_local = threading.local()  # what inner parts took, thread by thread


def _clocked(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **words: Any) -> Any:
        start = time.thread_time()
        inner: list[float] = _local.__dict__.setdefault("inner", [])
        inner.append(0.0)
        try:
            return function(*args, **words)
        finally:
            took = time.thread_time() - start
            SPENT[stage] += took - inner.pop()
            if inner:
                inner[-1] += took

    return run


def _clock(stage: str, name: str) -> None:
    module_name, _, path = name.partition(":")
    owner: Any = import_module(module_name)
    *outer, last = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original = getattr(owner, last)
    clocked = _clocked(stage, original)
    setattr(owner, last, clocked)
    for module in list(sys.modules.values()):  # also where it was imported by name
        if getattr(module, "__name__", "").startswith("descent") and module is not owner:
            for key, value in list(vars(module).items()):
                if value is original:
                    setattr(module, key, clocked)


def _decoding(film: Path) -> float:
    """CPU time, s, of decoding the film once more: its threads are libav's own."""
    import av

    before = time.process_time()
    with av.open(str(film)) as file:
        file.streams.video[0].codec_context.thread_count = 2
        for _ in file.decode(video=0):
            pass
    return time.process_time() - before


def main(folder: Path, frames: int) -> None:
    """Render the bench's grid and print the table."""
    from descent.cli import main as command

    import_module("descent.render.chunk")

    for stage, name in PARTS.items():
        _clock(stage, name)

    before = time.process_time()
    sys.argv = ["descent", "render", str(folder / "grid.yaml"), "--quiet",
                "--out", str(folder / "out"), "--store", str(folder / "store"),
                "--set", "outputs.grid.profile=h264_quick"]  # fmt: skip
    try:
        command()
    except SystemExit as end:
        if end.code:
            raise
    total = time.process_time() - before
    SPENT["decode to check"] = _decoding(folder / "out" / "grid.mp4")
    for stage, spent in SPENT.items():
        print(f"{stage:24} {1e3 * spent / frames:7.1f} ms/frame  {spent / total:5.0%}")
    rest = total - sum(SPENT.values())
    print(f"{'encoder, and the rest':24} {1e3 * rest / frames:7.1f} ms/frame  {rest / total:5.0%}")
    print(f"{'all':24} {1e3 * total / frames:7.1f} ms/frame")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
