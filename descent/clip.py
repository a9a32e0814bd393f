"""Clip and its few verbs: pictures in time that are pulled, never stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import tee as _tee

from descent.model import Format, Frame

SourceKey = tuple[str, int]
Pull = Callable[[Iterable[int | None]], Iterator[Frame | None]]
Sources = Callable[[Sequence[int]], frozenset[SourceKey]]


@dataclass(frozen=True)
class Clip:
    """A sequence of pictures that can be asked for, in order, a few at a time.

    `times` are mission times (n,) in s; `format` says what the pixels are; `breaks` are
    indices i such that nothing may be windowed across i-1 and i. `pull(indices)` yields a
    `Frame` for each index, never steps back, may repeat, and gives None for None without
    decoding. `sources(indices)` names each (camera, frame) that pulling those indices
    reads, windows included, without reading pixels.
    """

    times: Sequence[Fraction]
    format: Format
    sources: Sources
    pull: Pull
    breaks: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.times)

    def window(self, index: int, radius: int) -> range:
        """The indices within `radius` of `index` that no break or end cuts off."""
        first = index
        while first > 0 and index - first < radius and first not in self.breaks:
            first -= 1
        last = index
        while last + 1 < len(self) and last - index < radius and last + 1 not in self.breaks:
            last += 1
        return range(first, last + 1)

    def lift(self, apply: Callable[[Frame], Frame], format: Format | None = None) -> Clip:
        """The clip with a function applied to every frame by itself."""

        def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
            for frame in self.pull(indices):
                yield None if frame is None else apply(frame)

        return replace(self, pull=pull, format=format or self.format)

    def windowed(
        self,
        radius: int,
        apply: Callable[[list[Frame], int, int], Frame],
        format: Format | None = None,
    ) -> Clip:
        """The clip with `apply(frames, centre, index)` run over each frame's neighbours.

        `radius` is in frames; a larger one reads and keeps more frames. Windows shrink at
        the ends and never cross a break. Each source frame is decoded once while the
        indices rise: the window keeps what the next one needs.
        """

        def reads(indices: Iterable[int | None]) -> Iterator[int]:
            # What the windows need, each frame once: an index leaves the windows for good.
            seen = -1
            for index in indices:
                if index is not None:
                    for key in self.window(index, radius):
                        if key > seen:
                            seen = key
                            yield key

        def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
            ahead, here = _tee(indices)
            inner = self.pull(reads(ahead))
            held: dict[int, Frame | None] = {}
            last: tuple[int, Frame] | None = None
            for index in here:
                if index is None:
                    yield None
                    continue
                if last is None or last[0] != index:
                    span = self.window(index, radius)
                    held = {k: f for k, f in held.items() if k in span}
                    for key in span:
                        if key not in held:
                            held[key] = next(inner)
                    frames = [f for k in span if (f := held[k]) is not None]
                    centre = sum(1 for k in span if k < index and held[k] is not None)
                    last = (index, apply(frames, centre, index))
                yield last[1]

        def sources(indices: Sequence[int]) -> frozenset[SourceKey]:
            wide = sorted({k for i in indices for k in self.window(i, radius)})
            return self.sources(wide)

        return replace(self, pull=pull, sources=sources, format=format or self.format)

    def pick(self, indices: Sequence[int | None], times: Sequence[Fraction]) -> Clip:
        """A clip on other ticks: tick k shows frame `indices[k]` (None: nothing)."""
        if len(indices) != len(times):
            raise ValueError(f"pick needs as many times as indices: {len(times)}, {len(indices)}")

        def pull(ticks: Iterable[int | None]) -> Iterator[Frame | None]:
            return self.pull(None if k is None else indices[k] for k in ticks)

        def sources(ticks: Sequence[int]) -> frozenset[SourceKey]:
            return self.sources(sorted({i for k in ticks if (i := indices[k]) is not None}))

        return Clip(times, self.format, sources, pull)

    def tee(self, count: int, indices: Iterable[int | None]) -> tuple[Iterator[Frame | None], ...]:
        """One pull of `indices` feeding `count` readers, which must keep pace."""
        return _tee(self.pull(indices), count)


def beside(
    clips: Sequence[Clip], ticks: Sequence[int | None]
) -> Iterator[tuple[Frame | None, ...]]:
    """The frames of several clips on the same ticks, side by side."""
    return zip(*(clip.pull(iter(ticks)) for clip in clips), strict=True)
