"""The time code track of a MOV or MP4: the label of a clip's first frame, exactly.

A `tmcd` sample is a frame count; its description holds how long such a frame is, how many
make a second of labels, and whether labels are dropped (QuickTime File Format, "Timecode
media").
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from descent.errors import SourceError
from descent.sources.mp4 import boxes, inside, moov
from descent.sources.scan import open_video
from descent.sources.sniff import header

_DROP, _NEGATIVE, _COUNTER = 1, 4, 8


@dataclass(frozen=True, slots=True)
class TimeCode:
    """The time code of a clip's first frame, which has the stamp `first_pts` of `time_base` s.

    `frames` counts from 00:00:00:00 at `rate` frames a second; `drop` whether its labels
    leave out two a minute.
    """

    frames: int
    rate: Fraction
    drop: bool
    first_pts: int
    time_base: Fraction


def read_timecode(path: Path) -> TimeCode | None:
    """The time code track of a clip, None where it has none.

    Raises `SourceError` where it does not say one thing: several tracks that differ, a count
    that is no time of day, labels that jump, or that begin elsewhere than the pictures.
    """
    if header(str(path)).kind != "mov":
        return None
    held = moov(path)
    if held is None:
        return None
    try:
        found = {_track(path, held, *track) for track in _tracks(held)}
    except (struct.error, IndexError, KeyError, ValueError, ZeroDivisionError) as error:
        raise _odd(path, f"has a time code track that cannot be read: {error}") from error
    if not found:
        return None
    if len(found) > 1:
        raise _odd(path, f"has {len(found)} time code tracks that differ")
    frames, rate, drop = found.pop()
    container, stream = open_video(path)
    with container:
        return TimeCode(frames, rate, drop, int(stream.start_time or 0), Fraction(stream.time_base))


def _odd(path: Path, what: str) -> SourceError:
    do = "write times: {rate: 30, start: T+0s}, or mark a moment under sync:"
    return SourceError(what, where=str(path), do=do)


def _tracks(held: bytes) -> list[tuple[int, int]]:
    root = (8 if held[:4] != b"\0\0\0\1" else 16), len(held)
    found = []
    for name, start, end in boxes(held, *root):
        if name == b"trak":
            kind = inside(held, start, end, b"mdia", b"hdlr")
            if kind and held[kind[0] + 8 : kind[0] + 12] == b"tmcd":
                found.append((start, end))
    return found


def _track(path: Path, held: bytes, start: int, end: int) -> tuple[int, Fraction, bool]:
    """The first frame number of a time code track, its frames a second, and whether it drops."""
    table = inside(held, start, end, b"mdia", b"minf", b"stbl")
    if table is None:
        raise ValueError("it has no table")
    parts = {name: first for name, first, _ in boxes(held, *table)}
    _, name, flags, scale, length, _ = struct.unpack_from(">I4s12xIIIB", held, parts[b"stsd"] + 8)
    if name != b"tmcd":
        raise ValueError(f"it is of kind {name!r}")
    if flags & _COUNTER:
        raise _odd(path, "has a time code that is a counter, and no time of a day")
    if struct.unpack_from(">I", held, parts[b"stsz"] + 8) != (1,):
        raise _odd(path, "has a time code that jumps")
    edit = inside(held, start, end, b"edts", b"elst")
    if edit is not None and not _whole(held, edit[0]):
        raise _odd(path, "has a time code that begins elsewhere than its pictures")
    wide = b"co64" in parts
    where = parts[b"co64" if wide else b"stco"] + 8
    (at,) = struct.unpack_from(">Q" if wide else ">I", held, where)
    with path.open("rb") as file:
        file.seek(at)
        (count,) = struct.unpack(">I", file.read(4))
    if flags & _NEGATIVE and count >= 1 << 31:
        count -= 1 << 32
    return count, Fraction(scale, length), bool(flags & _DROP)


def _whole(held: bytes, at: int) -> bool:
    """Whether an edit list shows its track from the start, at once."""
    wide = held[at] == 1
    (count,) = struct.unpack_from(">I", held, at + 4)
    _, first = struct.unpack_from(">Qq" if wide else ">Ii", held, at + 8)
    return bool(count == 1 and first == 0)
