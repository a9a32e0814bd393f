"""Clips of one camera on one media time: chapters of a recording run on without a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from descent.model import Finding
from descent.sources.scan import Scan
from descent.sources.series import Chapter, chapter_of, number_in


def join_chapters(
    camera: str, scans: Sequence[Scan], findings: list[Finding]
) -> list[tuple[Scan, Fraction]]:
    """The clips in the order they were recorded, each with its offset in media time, s.

    GoPro names tell recording and chapter. Clips whose names carry the number of their
    first frame (rdc_..._000789.mp4, rdc_..._001472.mp4) are laid by that number, so that a
    missing one leaves its gap. Others run on from each other in the order given, and where
    nothing shows that they are one recording, a finding says so.
    """
    chapters = {s.path: chapter_of(s.path.stem) for s in scans}
    if all(chapters.values()):
        scans = sorted(
            scans,
            key=lambda s: (c.recording, c.chapter) if (c := chapters[s.path]) else ("", 0),
        )
    first = _first_frames(scans)
    joined: list[tuple[Scan, Fraction]] = []
    offset = Fraction(0)
    for place, read in enumerate(scans):
        if place:
            before = scans[place - 1]
            offset += before.end_s
            if first is not None:
                offset += _by_number(
                    camera, before, read, first[place] - first[place - 1], findings
                )
            else:
                _say_join(camera, before, read, chapters, findings)
        joined.append((read, offset))
    return joined


def _first_frames(scans: Sequence[Scan]) -> list[int] | None:
    """The first-frame numbers in the names, if counting confirms them at least once."""
    numbers = [number_in(s.path.stem) for s in scans]
    if len(scans) < 2 or any(n is None for n in numbers):
        return None
    if len({(n.before, n.after) for n in numbers if n}) != 1:
        return None
    first = [n.number for n in numbers if n]
    exact = [b - a == len(s.pts) for a, b, s in zip(first, first[1:], scans, strict=False)]
    rising = all(b - a >= len(s.pts) for a, b, s in zip(first, first[1:], scans, strict=False))
    return first if rising and any(exact) and len(scans[0].pts) > 1 else None


def _by_number(
    camera: str, before: Scan, read: Scan, ahead: int, findings: list[Finding]
) -> Fraction:
    lost = ahead - len(before.pts)
    if lost == 0:
        return Fraction(0)
    interval = (before.end_s - before.seconds(0)) / len(before.pts)
    findings.append(
        Finding(
            "gap",
            camera,
            f"{lost} frames are missing between {before.path.name} and {read.path.name}, as "
            f"the numbers in their names tell: {float(lost * interval):.2f} s at their rate",
            "fetch the clips between",
        )
    )
    return lost * interval


def _say_join(
    camera: str,
    before: Scan,
    read: Scan,
    chapters: Mapping[Path, Chapter | None],
    findings: list[Finding],
) -> None:
    one, two = chapters[before.path], chapters[read.path]
    between = f"between {before.path.name} and {read.path.name}"
    if one is not None and two is not None and one.recording == two.recording:
        if two.chapter - one.chapter > 1:
            findings.append(
                Finding(
                    "gap",
                    camera,
                    f"{two.chapter - one.chapter - 1} chapters are missing {between}; times "
                    "after that are early by their length",
                    "fetch the chapter, or list the clips as two cameras",
                )
            )
        return
    findings.append(
        Finding(
            "joined",
            camera,
            f"nothing shows how much time lies {between}: they are joined without a gap",
            "if they are not one recording, list them as two cameras",
        )
    )
