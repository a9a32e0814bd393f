"""The gaps of a histogram give away a per-frame stretch: find it, and undo it exactly.

A picture of whole raw counts that was multiplied by a gain over one and rounded cannot
reach every code. Which codes are never used says what the gain was, to about one part in
250, and orders the used codes as consecutive raw counts: so the stretch is undone to the
count, but for one whole number that no histogram holds (see `Stretch.offset`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from descent.tools.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES = 256
_REACH = 8  # codes either side over which a histogram counts as locally flat
_ENOUGH = 24.0  # pixels a code: an empty one by chance has odds of e**-24
_PLENTY = 200.0
_MOST_GAIN = 12.0
_PUZZLES = 12  # codes between two counts that are tried both ways


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was done to one frame: code = round(gain * (raw - offset)), clipped.

    `offset` is the raw count of code 0. Its fraction is measured; its whole part is known
    only when `anchored` (by the camera's header bytes), else it is the smallest that fits,
    which lays code 0 on raw count 0. `low` and `high` are the codes where clipping piled up.
    """

    gain: float = 1.0
    offset: float = 0.0
    found: bool = False
    anchored: bool = False
    low: int = 0
    high: int = CODES - 1

    @property
    def counts(self) -> NDArray[np.float32]:
        """The raw count (256,) of every code: whole numbers, but between gaps."""
        raw = np.arange(CODES) / self.gain + self.offset
        return np.rint(raw).astype(np.float32) if self.found else raw.astype(np.float32)


@kernel
def histogram(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each of the 256 codes occurs in a (rows, cols) picture."""
    # Four tables in turn, so that runs of one code do not wait for the last increment.
    parts: NDArray[np.int64] = np.zeros((4, CODES), np.int64)
    for y in range(codes.shape[0]):
        for x in range(codes.shape[1]):
            parts[x & 3, codes[y, x]] += 1
    counts: NDArray[np.int64] = parts[0] + parts[1] + parts[2] + parts[3]
    return counts


def find_stretch(counts: NDArray[np.int64]) -> Stretch:
    """The stretch that the gaps of a histogram (256,) tell of, or one with `found` False.

    Only codes where the histogram is dense enough that an empty one cannot be chance are
    believed, and one code where the gain allows none refuses the whole.
    """
    used = counts > 0
    low, high = _piles(counts)
    run = _dense_run(counts, low, high)
    none = Stretch(low=low, high=high)
    if run is None:
        return none
    codes = np.flatnonzero(used[run[0] : run[1]]) + run[0]
    gaps = (run[1] - run[0]) - len(codes)
    if len(codes) < 8 or gaps == 0:
        return none
    # A gap or two could be an accident of a drawn picture: those must be beyond doubt.
    if gaps < 3 and np.median(counts[codes]) < _PLENTY:
        return none
    order = np.arange(len(codes), dtype=np.float64)
    line = _line(order, codes)
    if line is None:
        return none
    every = np.flatnonzero(used)
    every = every[(every > low) & (every < high)]
    extended = _extend(line, (int(codes[0]), int(codes[-1])), every)
    if extended is None:
        return none
    gain, start = extended
    # The raw count called 0 is that of the first code a count can reach.
    first = np.ceil((-0.5 - start) / gain)
    return Stretch(float(gain), float(-(start / gain) - first), True, low=low, high=high)


def _piles(counts: NDArray[np.int64]) -> tuple[int, int]:
    """The lowest and the highest code in use, where clipping piles pixels up."""
    used = np.flatnonzero(counts)
    return (int(used[0]), int(used[-1])) if len(used) else (0, CODES - 1)


def _dense_run(counts: NDArray[np.int64], low: int, high: int) -> tuple[int, int] | None:
    """The longest half-open stretch of codes where emptiness means something."""
    inner = counts.astype(np.float64)
    inner[[low, high]] = 0.0  # the piles say nothing about their neighbours
    box = np.ones(2 * _REACH + 1) / (2 * _REACH + 1)
    # The smaller of both sides: a code at a cliff is judged by the sparse side.
    left = np.convolve(inner, np.r_[np.zeros(_REACH), np.ones(_REACH + 1)] / (_REACH + 1), "same")
    right = np.convolve(inner, np.r_[np.ones(_REACH + 1), np.zeros(_REACH)] / (_REACH + 1), "same")
    dense = np.minimum(np.minimum(left, right), np.convolve(inner, box, "same")) >= _ENOUGH
    dense[: low + 1] = False
    dense[high:] = False
    edges = np.flatnonzero(np.diff(np.r_[False, dense, False]))
    if not len(edges):
        return None
    starts, ends = edges[::2], edges[1::2]
    best = int(np.argmax(ends - starts))
    return int(starts[best]), int(ends[best])


def _extend(
    line: tuple[float, float], span: tuple[int, int], every: NDArray[np.int64]
) -> tuple[float, float] | None:
    """The line drawn out from the dense `span` over all codes in use, the sparse tails too.

    They must lie on the same ladder, and narrow the gain when they do. The span grows by
    an eighth of itself at a time, so that no code is ever far from what is known.
    """
    first, last = span
    while first > every[0] or last < every[-1]:
        reach = max(2, (last - first) // 8)
        first, last = max(first - reach, int(every[0])), min(last + reach, int(every[-1]))
        inside = every[(every >= first) & (every <= last)]
        steps, sure = _rungs(line, inside)
        wider = _line(steps[sure], inside[sure])
        if wider is None:
            return None
        line = wider
    steps, known = _rungs(line, every)
    for k in np.flatnonzero(~known)[:_PUZZLES]:
        # A code between two rungs is one count or the next: what no line can join is wrong.
        trial = known.copy()
        trial[k] = True
        place = (every[k] - line[1]) / line[0]
        for step in (np.floor(place), np.ceil(place)):
            steps[k] = step
            wider = _line(steps[trial], every[trial])
            if wider is not None:
                line = wider
                steps, known = _rungs(line, every)
                break
    # A few strays (an overlay drawn later, say) may miss the ladder; more may not.
    if known.mean() < 0.98:
        return None
    return line


def _rungs(
    line: tuple[float, float], codes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The nearest count of each code on the line, and whether it rounds to that code."""
    steps: NDArray[np.float64] = np.rint((codes - line[1]) / line[0])
    return steps, np.abs(line[0] * steps + line[1] - codes) <= 0.5 + 1e-5


def _line(order: NDArray[np.float64], codes: NDArray[np.int64]) -> tuple[float, float] | None:
    """Gain and start of a line that rounds to `codes` at `order`; None where none does.

    The room left to the start is a concave function of the gain, so that a ternary search
    finds the gain that leaves the most.
    """

    def room(gain: float) -> tuple[float, float]:
        rest = codes - gain * order
        return float(rest.min() + 0.5), float(rest.max() - 0.5)

    a, b = 1.0, _MOST_GAIN
    for _ in range(80):
        third = (b - a) / 3
        one, two = room(a + third), room(b - third)
        if one[0] - one[1] < two[0] - two[1]:
            a += third
        else:
            b -= third
    gain = (a + b) / 2
    top, bottom = room(gain)
    # A hair of slack: ties are rounded either way by different tools.
    return (gain, (top + bottom) / 2) if top - bottom > -1e-6 else None
