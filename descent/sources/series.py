"""Numbers in file names: frame numbers, holes in a sequence, chapters of a recording."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

_LAST = re.compile(r"(?s)(.*?)(\d+)(\D*)\Z")
# A clock in a name (LVS_15_50_40) counts seconds, not frames.
_CLOCK = re.compile(r"(?<!\d)\d{2}([_.:-])\d{2}\1\d{2}(?!\d)")
# GoPro: GX010119 is chapter 01 of recording 0119; the oldest wrote GOPR0119, GP010119.
_GOPRO = re.compile(
    r"(?:G[HXLS](?P<chapter>\d{2})|GOPR|GP(?P<old>\d{2}))(?P<recording>\d{4})\Z", re.I
)


class Numbered(NamedTuple):
    """The last number in a name's stem, and the text on both sides of it."""

    before: str
    number: int
    after: str
    digits: int


def number_in(stem: str) -> Numbered | None:
    """The last number in a name, or None where there is none or it is a clock's."""
    found = _LAST.match(stem)
    if found is None or _CLOCK.search(stem):
        return None
    return Numbered(found[1], int(found[2]), found[3], len(found[2]))


def holes(numbers: Iterable[int]) -> tuple[list[tuple[int, int]], int]:
    """Missing stretches (first, last) of a sequence, and its step.

    The step is the commonest difference; a set whose differences mostly disagree is no
    sequence, and has no holes (step 0).
    """
    ordered = sorted(set(numbers))
    steps = [b - a for a, b in pairwise(ordered)]
    if len(steps) < 2:
        return [], 0
    step, count = Counter(steps).most_common(1)[0]
    if count * 10 < len(steps) * 6:
        return [], 0
    missing = [(a + step, b - step) for a, b in pairwise(ordered) if b - a > step]
    return missing, step


def spell(stretches: Sequence[tuple[int, int]], limit: int = 8) -> str:
    """Stretches of numbers as people write them: 12, 15-18 and 3 more."""
    words = [str(a) if a == b else f"{a}-{b}" for a, b in stretches[:limit]]
    rest = len(stretches) - limit
    return ", ".join(words) + (f" and {rest} more" if rest > 0 else "")


class Chapter(NamedTuple):
    """Where a clip stands: the recording it belongs to and its place in it."""

    recording: str
    chapter: int


def chapter_of(stem: str) -> Chapter | None:
    """The recording and chapter that a camera wrote into a clip's name, or None."""
    found = _GOPRO.match(stem)
    if found is None:
        return None
    chapter = found["chapter"] or found["old"]
    # GOPR0119 comes first; GP010119 is the second piece of the same recording.
    first = 0 if found["chapter"] is None and found["old"] is None else int(chapter)
    return Chapter(found["recording"], first)
