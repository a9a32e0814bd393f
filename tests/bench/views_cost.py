"""What measuring four fixed cameras costs beside decoding them, and how much memory it takes.

Run: `python -m tests.bench.views_cost CLIP...`: clips of one event, H.264 of 1280 x 720 or what
one has. All that `descent sync` does with pictures: read and follow, what moves in view, then the
turns of pairs that this does not tie. CPU of this process alone; memory is its peak after each.
"""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import combinations, pairwise
from pathlib import Path

import cv2

from descent.clock.turned import tie_turned
from descent.errors import UnsureSync
from descent.measure.motion import STEADY, comparable, measure_turns
from descent.measure.views import tie_views
from descent.sources.examine import examine
from tests.bench.clips import decoding_s, peak_mb, shots


def main(paths: list[Path]) -> None:
    """Decode, then measure as `descent sync` does."""
    decode_s, decode_mb = decoding_s(paths), peak_mb()
    cameras = {}
    for path in paths:
        own, times = shots(path)
        cameras[path.stem] = own, times, examine(own).format
    marks, peaks = [time.process_time()], [decode_mb]
    with tempfile.TemporaryDirectory() as folder:
        frames = {name: (*camera, 60.0) for name, camera in cameras.items()}
        seen = measure_turns(frames, store=Path(folder), workers=1)
        marks.append(time.process_time())
        peaks.append(peak_mb())
        still = {name: camera for name, camera in cameras.items() if seen[name].steady >= STEADY}
        ties, against = tie_views(still, seen)
        marks.append(time.process_time())
        peaks.append(peak_mb())
        done = [{tie.a, tie.b} for tie in ties]
        for a, b in combinations(cameras, 2):
            if {a, b} in done:
                continue
            try:
                tie_turned(*comparable(seen[a], seen[b]))
                print(f"{a} and {b} are tied by their turns")
            except UnsureSync:
                pass
        marks.append(time.process_time())
        peaks.append(peak_mb())
    for tie in ties:
        print(f"{tie.a} and {tie.b}: {tie.fit.offset:+.4f} s, ±{1e3 * tie.fit.interval:.1f} ms")
    for a, b, why, _ in against:
        print(f"{a} and {b}: {why}")
    parts = [f"{after - before:.1f}" for before, after in pairwise(marks)]
    print(
        f"CPU s: decoding {decode_s:.1f}; reading and following {parts[0]}, views "
        f"{parts[1]}, pairs of turns {parts[2]}: {(marks[-1] - marks[0]) / decode_s:.2f} times "
        f"decoding; memory {', '.join(f'{mb:.0f}' for mb in peaks)} MB"
    )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main([Path(word) for word in sys.argv[1:]])
