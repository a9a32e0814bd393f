"""The bookkeeping of clips: what is pulled, how often, and never across a break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clip import Clip, SourceKey, beside
from descent.model import Format, Frame

FEW = settings(max_examples=150)
FORMAT = Format(rows=1, cols=1, kind="grey")


class Counted:
    """A clip of `count` frames, each holding its own number, that writes down every pull."""

    def __init__(self, count: int, breaks: Iterable[int] = (), camera: str = "pad") -> None:
        self.pulled: list[int] = []
        self.camera = camera
        times = tuple(Fraction(k, 10) for k in range(count))
        self.clip = Clip(times, FORMAT, self._sources, self._pull, frozenset(breaks))

    def _pull(self, indices: Iterable[int | None]) -> Iterator[Frame | None]:
        for index in indices:
            if index is None:
                yield None
                continue
            assert not self.pulled or index >= self.pulled[-1], "pulled a step back"
            self.pulled.append(index)
            yield Frame(np.full((1, 1), index, dtype=np.uint8))

    def _sources(self, indices: Sequence[int]) -> frozenset[SourceKey]:
        return frozenset((self.camera, k) for k in indices)


def number(frame: Frame | None) -> int | None:
    """The number that a frame of `Counted` holds."""
    if frame is None:
        return None
    assert isinstance(frame.pixels, np.ndarray)
    return int(frame.pixels[0, 0])


@st.composite
def pulls(draw: st.DrawFn) -> tuple[int, set[int], int, list[int | None]]:
    """A clip's length, its breaks, a radius, and rising indices with repeats and holes."""
    count = draw(st.integers(1, 40))
    breaks = draw(st.sets(st.integers(1, 40), max_size=5))
    radius = draw(st.integers(0, 5))
    rising = sorted(draw(st.lists(st.integers(0, count - 1), max_size=30)))
    holes = draw(st.lists(st.booleans(), min_size=len(rising), max_size=len(rising)))
    indices = [
        item for k, hole in zip(rising, holes, strict=True) for item in ([None, k] if hole else [k])
    ]
    return count, breaks, radius, indices


@FEW
@given(pulls())
def test_windows_never_cross_a_break_and_hold_their_neighbours(
    case: tuple[int, set[int], int, list[int | None]],
) -> None:
    """A stage sees the frames within its radius, in order, centre named, cut at breaks."""
    count, breaks, radius, indices = case
    seen: dict[int, list[int | None]] = {}

    def apply(frames: list[Frame], centre: int, index: int) -> Frame:
        numbers = [number(frame) for frame in frames]
        middle = numbers[centre]
        assert middle == index
        seen[middle] = numbers
        return frames[centre]

    clip = Counted(count, breaks).clip.windowed(radius, apply)
    assert [number(frame) for frame in clip.pull(indices)] == indices
    for middle, numbers in seen.items():
        near = range(max(0, middle - radius), min(count, middle + radius + 1))
        reach = [k for k in near if not any(min(k, middle) < b <= max(k, middle) for b in breaks)]
        assert numbers == reach


@FEW
@given(pulls())
def test_a_pull_reads_exactly_what_sources_say(
    case: tuple[int, set[int], int, list[int | None]],
) -> None:
    """`sources` is neither more nor less than what is read; each frame is read once."""
    count, breaks, radius, indices = case
    counted = Counted(count, breaks)
    clip = counted.clip.windowed(radius, lambda frames, centre, _index: frames[centre])
    asked = [k for k in indices if k is not None]
    promised = clip.sources(asked)
    assert not counted.pulled, "sources read a picture"
    list(clip.pull(indices))
    assert {("pad", k) for k in counted.pulled} == promised
    if radius:
        assert len(counted.pulled) == len(set(counted.pulled)), "a frame was read twice"


@FEW
@given(pulls(), st.integers(1, 3))
def test_windows_upon_windows_keep_the_promise(
    case: tuple[int, set[int], int, list[int | None]], second: int
) -> None:
    """Two windowed stages read exactly the sources of both reaches together."""
    count, breaks, radius, indices = case
    counted = Counted(count, breaks)
    clip = counted.clip.windowed(radius, lambda frames, centre, _index: frames[centre])
    clip = clip.windowed(second, lambda frames, centre, _index: frames[centre])
    promised = clip.sources([k for k in indices if k is not None])
    list(clip.pull(indices))
    assert {("pad", k) for k in counted.pulled} == promised


@FEW
@given(pulls())
def test_pick_shows_the_frames_it_names(
    case: tuple[int, set[int], int, list[int | None]],
) -> None:
    """Tick k shows frame `indices[k]`, None shows nothing and reads nothing."""
    count, breaks, _, indices = case
    counted = Counted(count, breaks)
    ticks = tuple(Fraction(k, 30) for k in range(len(indices)))
    picked = counted.clip.pick(indices, ticks)
    every = range(len(picked))
    promised = picked.sources(every)
    assert [number(frame) for frame in picked.pull(every)] == indices
    assert {("pad", k) for k in counted.pulled} == promised


def test_pick_needs_a_time_for_each_index() -> None:
    """A tick without a time, or a time without a tick, is refused."""
    with pytest.raises(ValueError, match="as many times"):
        Counted(3).clip.pick([0, 1], [Fraction(0)])


def test_lift_leaves_holes_alone() -> None:
    """A function of one frame is not called where there is no frame."""
    calls: list[int | None] = []

    def note(frame: Frame) -> Frame:
        calls.append(number(frame))
        return frame

    clip = Counted(3).clip.lift(note)
    assert [number(frame) for frame in clip.pull([None, 1, None])] == [None, 1, None]
    assert calls == [1]


def test_tee_feeds_several_readers_from_one_pull() -> None:
    """Two outputs of one chunk cost one decode."""
    counted = Counted(5)
    a, b = counted.clip.tee(2, range(5))
    pairs = [(number(x), number(y)) for x, y in zip(a, b, strict=True)]
    assert pairs == [(k, k) for k in range(5)]
    assert counted.pulled == list(range(5))


def test_beside_keeps_clips_on_the_same_ticks() -> None:
    """Cameras side by side show the same tick, holes included."""
    rows = list(beside([Counted(4).clip, Counted(4).clip], [0, None, 3]))
    assert [[number(frame) for frame in row] for row in rows] == [[0, 0], [None, None], [3, 3]]
