"""Which frames of a camera exist, and everything odd about them; no pixel is read."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Literal

from descent.errors import DescentError, HostileInput, TimeUnknown
from descent.model import Finding, Shot, Stamp
from descent.sources import names as mars
from descent.sources.chapters import join_chapters
from descent.sources.choice import Item, best, foreign, leave_out, thumbnails
from descent.sources.gather import Found, examples, gather, many, natural
from descent.sources.names import Mars2020Name
from descent.sources.scan import Scan, scan
from descent.sources.series import holes, number_in, spell
from descent.sources.sniff import VIDEO_KINDS, Header, header
from descent.sources.stamps import HALF_MS, ReadUtc, Telling

_ONE_BY_ONE = 12  # findings of one kind that are said file by file; more are said together


@dataclass(frozen=True, slots=True)
class Listing:
    """The frames of one camera, in order, and what a person should know about them.

    `records` runs beside `shots`: the parsed Mars 2020 name, or None. `size` is the (rows,
    cols) that most frames have, in px as stored. `unused` are the files that a better one
    stands for, or that were skipped. `turns` maps each clip to the clockwise degrees of its
    rotation tag, where it has one.
    """

    camera: str
    shots: tuple[Shot, ...]
    findings: tuple[Finding, ...]
    records: tuple[Mars2020Name | None, ...]
    size: tuple[int, int] | None = None
    unused: tuple[Path, ...] = ()
    turns: dict[Path, int] = field(default_factory=dict)


def list_camera(
    camera: str,
    patterns: Sequence[str],
    base: Path,
    *,
    names: Literal["plain", "mars2020"] = "plain",
    instruments: Sequence[str] = (),
    index: str | None = None,
    skip: Sequence[tuple[Sequence[str], str]] = (),
    order: Literal["name", "time"] = "name",
    clock: Literal["sclk", "utc", "media"] | None = None,
    utc: ReadUtc | None = None,
) -> Listing:
    """The frames that `patterns` name below `base`: stills one each, clips one a frame.

    `names` says how file names read; `instruments` which codes belong to the camera;
    `index` is a pattern such as `frame_{index}.png` whose number is the stamp. Stamps are
    the spacecraft clock of Mars 2020 names, the index, or a clip's own times, which run on
    through its chapters; else None. Labels of archive pictures and the public feed's records
    beside pictures win over names: their spacecraft clock where `clock` is "sclk" (or names
    are Mars 2020's), else their UTC, which `utc` turns into TAI s. `order` "name" is
    natural order (Mars 2020 names and labels: by their clock), "time" the files'
    modification times. `skip` holds pairs of frames (names,
    patterns, numbers, ranges) and why they are left out. Reads first bytes only. Whatever
    does not fit is a finding, and the best file of an instant stands for the others.
    """
    found, findings = gather(camera, patterns, base)
    stills, clips = _sort_out(found, findings)
    telling = Telling(_wanted(clock, names), utc)
    items = [_still(camera, f, h, names, index, telling) for f, h in stills]
    scans = _scans(clips, findings)
    items += _clip_frames(camera, scans, clips, names, findings)
    turns = {s.path: s.turn for s in scans if s.turn}
    unused: list[Path] = []
    items = foreign(camera, items, instruments, findings, unused)
    items = leave_out(camera, items, skip, findings, unused)
    items = best(camera, items, findings, unused)
    items = thumbnails(camera, items, findings, unused)
    findings += telling.findings(camera)
    _say_names(camera, items, names, index, findings)
    _say_holes(camera, items, findings)
    if order == "time":
        items.sort(key=lambda i: (i.shot.mtime_ns, i.shot.index, natural(i.name)))
    elif names == "mars2020" or index is not None or any(i.header.label for i in items):
        items.sort(key=_by_stamp)
    size = _say_sizes(camera, items, findings)
    if not items:
        findings.append(
            Finding(
                "empty_camera",
                camera,
                f"no frames in {', '.join(patterns) or 'nothing: it names no files'}",
                "write files: with a folder, a pattern or a clip that exists",
                "refused",
            )
        )
    return Listing(
        camera,
        tuple(i.shot for i in items),
        tuple(findings),
        tuple(i.record for i in items),
        size,
        tuple(unused),
        turns,
    )


def _by_stamp(item: Item) -> tuple[bool, int]:
    # The sort is stable: what has no stamp stays in natural order, behind what has one.
    # Whole picoseconds compare ten times faster than fractions, and no stamp is finer.
    stamp = item.shot.stamp
    if stamp is None:
        return True, 0
    return False, stamp.value.numerator * 10**12 // stamp.value.denominator


# --- from files to frames -------------------------------------------------------------------


def _sort_out(
    found: Sequence[Found], findings: list[Finding]
) -> tuple[list[tuple[Found, Header]], list[tuple[Found, Header]]]:
    """Stills and clips by content; what is neither becomes a finding."""
    stills: list[tuple[Found, Header]] = []
    clips: list[tuple[Found, Header]] = []
    bad: dict[str, list[tuple[str, DescentError | None]]] = defaultdict(list)
    for file in found:
        if file.size == 0:
            bad["empty_file"].append((file.path, None))
            continue
        try:
            head = header(file.path)
        except HostileInput as refused:
            bad["hostile"].append((file.path, refused))
            continue
        except DescentError as broken:
            bad["unreadable"].append((file.path, broken))
            continue
        except OSError as failed:
            bad["unreadable"].append((file.path, DescentError(failed.strerror or str(failed))))
            continue
        (clips if head.kind in VIDEO_KINDS else stills).append((file, head))
    for code, files in bad.items():
        level: Literal["warning", "refused"] = "refused" if code == "hostile" else "warning"
        for path, error in files[:_ONE_BY_ONE]:
            what = error.what if error else "holds no bytes"
            do = error.do if error and error.do else "fetch the file again"
            findings.append(Finding(code, path, f"{what}; it is left out", do, level))
        if rest := [path for path, _ in files[_ONE_BY_ONE:]]:
            what = f"{len(rest)} more like that: {examples(rest, 1000)}"
            findings.append(Finding(code, str(Path(rest[0]).parent), what, level=level))
    return stills, clips


def _wanted(clock: str | None, names: str) -> Literal["sclk", "utc"] | None:
    if clock == "sclk" or (clock is None and names == "mars2020"):
        return "sclk"
    return "utc" if clock == "utc" else None


def _still(
    camera: str, file: Found, head: Header, names: str, index: str | None, telling: Telling
) -> Item:
    record = mars.parse(file.name) if names == "mars2020" else None
    stamp: Stamp | None = None
    number: int | None = None
    series = ""
    if index is not None:
        match = _index_pattern(index).search(file.path.replace(os.sep, "/"))
        number = int(match[1]) if match else None
        stamp = None if number is None else Stamp(Fraction(number), "index")
        series = index
    else:
        stamp = telling.still(file, head.label, record)
    if index is not None:
        pass
    elif record is not None:
        number, series = record.frame_number, record.instrument
    elif numbered := number_in(file.name[: len(file.name) - len(file.suffix)]):
        number, series = numbered.number, f"{numbered.before}#{numbered.after}"
    shot = Shot(
        camera,
        Path(file.path),
        stamp,
        0,
        record.version if record else 0,
        file.size,
        file.mtime_ns,
    )
    return Item(shot, record, head, file.name, number, series)


@lru_cache(maxsize=64)
def _index_pattern(text: str) -> re.Pattern[str]:
    head, mark, tail = text.partition("{index}")
    if not mark:
        raise TimeUnknown(
            f"{text!r} does not say where the number stands",
            where="times: index",
            do="write a pattern such as frame_{index}.png",
        )
    # The whole name, or the end of a path below the camera's folder.
    return re.compile(rf"(?:^|/){re.escape(head)}(\d+){re.escape(tail)}\Z")


def _scans(clips: list[tuple[Found, Header]], findings: list[Finding]) -> list[Scan]:
    scans = []
    for file, head in clips:
        try:
            read = scan(Path(file.path), head.kind)
        except DescentError as error:
            what = f"{error.what}; it is left out"
            findings.append(Finding("unreadable", file.path, what, error.do))
            continue
        scans.append(read)
        findings.extend(read.findings)
        if read.turn:
            findings.append(
                Finding(
                    "rotation",
                    file.path,
                    f"its rotation tag turns it {read.turn} degrees clockwise; that is done",
                    "turn: adds to it",
                    "note",
                )
            )
    return scans


def _clip_frames(
    camera: str,
    scans: list[Scan],
    clips: list[tuple[Found, Header]],
    names: str,
    findings: list[Finding],
) -> list[Item]:
    """One item a frame; media time runs on from chapter to chapter."""
    files = {Path(f.path): (f, h) for f, h in clips}
    items = []
    count = 0
    for read, offset in join_chapters(camera, scans, findings):
        file, head = files[read.path]
        record = mars.parse(file.name) if names == "mars2020" else None
        start = record.sclk if record is not None and record.sclk is not None else None
        sized = Header(head.kind, read.rows, read.cols)
        if read.turn in {90, 270}:
            sized = Header(head.kind, read.cols, read.rows)
        for place, pts in enumerate(read.pts):
            seconds = read.seconds(place)
            if start is None:
                stamp = Stamp(offset + seconds, "media", read.time_base / 2)
            else:
                stamp = Stamp(start + seconds, "sclk", HALF_MS + read.time_base / 2)
            version = record.version if record else 0
            shot = Shot(camera, read.path, stamp, place, version, file.size, file.mtime_ns, pts)
            items.append(Item(shot, record, sized, file.name, count, "clip"))
            count += 1
    return items


def _say_names(
    camera: str,
    items: list[Item],
    names: str,
    index: str | None,
    findings: list[Finding],
) -> None:
    if index is None and names != "mars2020":
        return
    lost = [i.name for i in items if i.shot.stamp is None]
    if lost:
        form = f"fits {index}" if index is not None else "tells a spacecraft clock"
        findings.append(
            Finding(
                "name",
                camera,
                f"no name that {form}: {many(len(lost), 'file')} ({examples(lost)})",
                "give their times by a table, by order and an anchor, or skip: them",
            )
        )


def _say_holes(camera: str, items: list[Item], findings: list[Finding]) -> None:
    series: dict[tuple[str, str], list[int]] = defaultdict(list)
    for item in items:
        # Real site and drive numbers are no frame numbers: those of landing products are.
        counts = item.record is None or (item.record.landing and item.record.sol == 0)
        if item.shot.pts is None and item.number is not None and counts:
            folder = "" if item.record else str(item.shot.path.parent)
            series[folder, item.series].append(item.number)
    for (_, text), numbers in series.items():
        missing, step = holes(numbers)
        if missing:
            count = sum((b - a) // step + 1 for a, b in missing)
            findings.append(
                Finding(
                    "gap",
                    camera,
                    f"{many(count, 'number')} missing from {text}: {spell(missing)}",
                    "fetch them; else they show as gaps",
                )
            )


def _say_sizes(camera: str, items: list[Item], findings: list[Finding]) -> tuple[int, int] | None:
    sizes = Counter((i.header.rows, i.header.cols) for i in items)
    if not sizes:
        return None
    size = sizes.most_common(1)[0][0]
    for other in sizes:
        if other != size:
            odd = [i.name for i in items if (i.header.rows, i.header.cols) == other]
            odd = list(dict.fromkeys(odd))
            findings.append(
                Finding(
                    "size_change",
                    camera,
                    f"{many(len(odd), 'file')} of {other[1]} x {other[0]} px among others of "
                    f"{size[1]} x {size[0]} ({examples(odd)})",
                    "make them a camera of their own, or skip: them",
                    "refused",
                )
            )
    return size
