"""What following four clips costs beside decoding them, and how much memory it takes.

Run: `python -m tests.bench.turns_cost CLIP...`: H.264 clips of 1280 x 720 or what one has. CPU
of this process alone, one after the other; memory is the peak after the first clip and the last.
"""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

from descent.clock.motion import Turned
from descent.clock.turned import tie_turned
from descent.errors import UnsureSync
from descent.measure.motion import measure_turns
from descent.sources.examine import examine
from tests.bench.clips import decoding_s, peak_mb, shots


def main(paths: list[Path]) -> None:
    """Decode, then follow, then try every pair."""
    decode_s = decoding_s(paths)
    turned: dict[str, Turned] = {}
    peaks = []
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            own, times = shots(path)
            frames = {path.stem: (own, times, examine(own).format, 60.0)}
            for name, each in measure_turns(frames, store=Path(folder), workers=1).items():
                turned[name] = each.turned
            peaks.append(peak_mb())
    follow_s = time.process_time() - begin
    begin = time.process_time()
    for a, b in combinations(turned, 2):
        try:
            tie_turned(turned[a], turned[b])
            print(f"{a} and {b} are tied")
        except UnsureSync:
            pass
    pairs_s = time.process_time() - begin
    print(
        f"decoding {decode_s:.1f} s of CPU, reading and following {follow_s:.1f}, all pairs "
        f"{pairs_s:.1f}: {(follow_s + pairs_s) / decode_s:.2f} times decoding; memory "
        f"{peaks[0]:.0f} MB after the first clip, {peaks[-1]:.0f} after the last"
    )


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
