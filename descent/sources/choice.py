"""Which of the frames found a camera uses: its own, not skipped, the best of each instant."""

from __future__ import annotations

import fnmatch
import os
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from descent.model import Finding, Shot
from descent.sources.gather import examples, many, natural
from descent.sources.names import Mars2020Name
from descent.sources.sniff import LOSSLESS_KINDS, Header

_SAME_S = Fraction(3, 1000)  # under half the interval of the fastest landing camera
_RANGE = re.compile(r"(\d+)(?:\s*-\s*(\d+))?\Z")


class Item(NamedTuple):
    """One frame on its way into a listing.

    `number` is what people count it by: the frame number of its name, or its place among
    all frames of the clips; `series` tells what it counts in.
    """

    shot: Shot
    record: Mars2020Name | None
    header: Header
    name: str
    number: int | None
    series: str


def foreign(
    camera: str,
    items: list[Item],
    instruments: Sequence[str],
    findings: list[Finding],
    unused: list[Path],
) -> list[Item]:
    """Leave out frames of other instruments."""
    if not instruments:
        return items
    codes = {code.upper() for code in instruments}
    kept = [i for i in items if i.record is None or i.record.instrument in codes]
    gone = [i for i in items if not (i.record is None or i.record.instrument in codes)]
    if gone:
        other = ", ".join(sorted({i.record.instrument for i in gone if i.record}))
        unused.extend(dict.fromkeys(i.shot.path for i in gone))
        findings.append(
            Finding(
                "other_instrument",
                camera,
                f"{many(len(gone), 'frame')} of {other}, not of {', '.join(instruments)}, left "
                f"out ({examples([i.name for i in gone])})",
                "list them under their own camera",
            )
        )
    return kept


def leave_out(
    camera: str,
    items: list[Item],
    skip: Sequence[tuple[Sequence[str], str]],
    findings: list[Finding],
    unused: list[Path],
) -> list[Item]:
    """Leave out what the release file skips; a skip that fits nothing is a finding.

    `skip` holds pairs of frames (names, patterns, numbers or ranges of them, both ends
    included) and the reason, which the finding repeats.
    """
    for frames, reason in skip:
        for wanted in frames:
            span = _RANGE.match(wanted)
            if span:
                first, last = int(span[1]), int(span[2] or span[1])
                gone = [i for i in items if i.number is not None and first <= i.number <= last]
            else:
                match = re.compile(_glob(wanted))
                gone = [i for i in items if match.match(i.name) or match.match(Path(i.name).stem)]
            if not gone:
                findings.append(
                    Finding(
                        "skip_unmatched",
                        camera,
                        f"skip: {wanted} fits none of its frames",
                        "write frame numbers (612-615), names or patterns",
                    )
                )
                continue
            lost = set(map(id, gone))
            items = [i for i in items if id(i) not in lost]
            unused.extend(dict.fromkeys(i.shot.path for i in gone if i.shot.pts is None))
            findings.append(
                Finding(
                    "skipped",
                    camera,
                    f"{many(len(gone), 'frame')} ({wanted}) left out: {reason}",
                    level="note",
                )
            )
    return items


def _glob(pattern: str) -> str:
    return fnmatch.translate(pattern)


def best(camera: str, items: list[Item], findings: list[Finding], unused: list[Path]) -> list[Item]:
    """The best file of each instant; the others are named."""
    instants: dict[object, list[Item]] = defaultdict(list)
    stills = _still_times(items)
    for item in items:
        instants[_instant(item, stills)].append(item)
    if len(instants) == len(items):
        return items
    kept, lost = [], []
    for group in instants.values():
        group.sort(key=_merit, reverse=True)
        kept.append(group[0])
        lost.extend(group[1:])
    unused.extend(dict.fromkeys(i.shot.path for i in lost if i.shot.pts is None))
    findings.append(
        Finding(
            "duplicate",
            camera,
            f"{many(len(lost), 'file')} of instants that a better or equal file shows "
            f"({examples([i.name for i in lost])}); the best of each is used",
            "skip: them to have this gone",
        )
    )
    place = {id(item): n for n, item in enumerate(items)}
    kept.sort(key=lambda i: place[id(i)])
    return kept


def _still_times(items: list[Item]) -> list[Fraction]:
    """The stamps of stills, sorted, where frames of clips are laid on the same clock."""
    if not any(i.shot.pts is not None and i.shot.stamp for i in items):
        return []
    return sorted(
        i.shot.stamp.value
        for i in items
        if i.shot.pts is None and i.shot.stamp is not None and i.shot.stamp.clock == "sclk"
    )


def _instant(item: Item, stills: list[Fraction]) -> object:
    shot, instrument = item.shot, item.record.instrument if item.record else ""
    if shot.stamp is None:
        return os.path.splitext(shot.path)[0]  # noqa: PTH122 - frame_1.png and frame_1.jpg
    if shot.pts is None:
        # A label is finer than the name; two products of one instant share the name's clock.
        named = item.record.sclk if item.record is not None else None
        return (instrument, shot.stamp.value if named is None else named)
    if shot.stamp.clock == "sclk":
        # A frame of a clip and a still of it agree to the clip's own rounding, not exactly.
        place = bisect_left(stills, shot.stamp.value - _SAME_S)
        if place < len(stills) and stills[place] - shot.stamp.value <= _SAME_S:
            return (instrument, stills[place])
    return id(item)


def _merit(item: Item) -> tuple[object, ...]:
    record = item.record
    stored_lossless = item.header.kind in LOSSLESS_KINDS
    return (
        not (record and record.thumbnail),
        not (record and record.scaled_px),
        item.shot.pts is None,
        stored_lossless and (record is None or not record.complete or record.lossless),
        item.shot.version,
        stored_lossless,
        item.shot.size,
        natural(item.name),
    )


def thumbnails(
    camera: str, items: list[Item], findings: list[Finding], unused: list[Path]
) -> list[Item]:
    """Leave out thumbnails where the camera has full frames."""
    small = [i for i in items if i.record is not None and i.record.thumbnail]
    if not small or len(small) == len(items):
        return items
    unused.extend(i.shot.path for i in small)
    findings.append(
        Finding(
            "thumbnail",
            camera,
            f"{many(len(small), 'instant')} as thumbnails only, left out "
            f"({examples([i.name for i in small])})",
            "fetch their full frames",
        )
    )
    gone = set(map(id, small))
    return [i for i in items if id(i) not in gone]
