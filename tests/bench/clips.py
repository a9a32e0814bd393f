"""What benches of clips share: their frames, what decoding them costs, and memory.

Run: `python -m tests.bench.clips FOLDER SECONDS [apart]` makes four clips to measure with.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from descent.model import Shot

MULTICAM = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "multicam"


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


def make(folder: Path, seconds: float, *, apart: bool) -> list[Path]:
    """Four H.264 clips of 720 x 1280 at 30/s from the real ones, cut together from forward runs.

    Each run is 0.5 to 1.5 s of the 1.7 s of `../shared/data/multicam`, begun anywhere, the same
    in all four cameras; `apart` gives each camera runs of its own, so that nothing ties them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for number, path in enumerate(sorted(MULTICAM.glob("*.mp4"))):
        rng = np.random.default_rng(number if apart else 99)
        with av.open(str(path)) as clip:
            whole = (f.to_ndarray(format="rgb24")[:, 4:-4] for f in clip.decode(video=0))
            small = [
                np.asarray(cv2.resize(f, (720, 1280), interpolation=cv2.INTER_AREA), np.uint8)
                for f in whole
            ]
        made = folder / f"cam{number + 1}.mp4"
        with av.open(str(made), "w") as film:
            stream = film.add_stream(
                "libx264", rate=30, options={"preset": "veryfast", "crf": "20"}
            )
            stream.width, stream.height, stream.pix_fmt = 720, 1280, "yuv420p"
            count = 0
            while count < seconds * 30:
                long = int(rng.integers(15, 45))
                first = int(rng.integers(0, len(small) - 2 * long)) if 2 * long < len(small) else 0
                for picture in small[first : first + 2 * long : 2]:
                    film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                    count += 1
            film.mux(stream.encode(None))
        out.append(made)
    return out


if __name__ == "__main__":
    make(Path(sys.argv[1]), float(sys.argv[2]), apart="apart" in sys.argv[3:])
