"""What benches of clips share: their frames, what decoding them costs, and memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from pathlib import Path

import av

from descent.model import Shot


def shots(path: Path) -> tuple[list[Shot], list[float]]:
    """Every frame of a clip by its own time stamp, s."""
    about = path.stat()
    with av.open(str(path)) as clip:
        stream = clip.streams.video[0]
        stamps = sorted(p.pts for p in clip.demux(stream) if p.pts is not None)
        base = float(stream.time_base or 1)
    found = [
        Shot(path.stem, path, None, k, size=about.st_size, mtime_ns=about.st_mtime_ns, pts=pts)
        for k, pts in enumerate(stamps)
    ]
    return found, [pts * base for pts in stamps]


def decoding_s(paths: Sequence[Path], threads: int = 1) -> float:
    """The CPU of this process, s, that decoding every picture of the clips takes."""
    begin = time.process_time()
    for path in paths:
        with av.open(str(path)) as clip:
            clip.streams.video[0].codec_context.thread_count = threads
            for _ in clip.decode(video=0):
                pass
    return time.process_time() - begin


def peak_mb() -> float:
    """The most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
