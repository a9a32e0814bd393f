"""The sample tables of an MP4 or MOV: frame times without reading through gigabytes.

Only what can be told exactly is told: fragments, several edits, hidden frames and shifted
composition times give None, and the caller reads the packets instead. Boxes as in
ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MAX_MOOV = 256 << 20
_MAX_FRAMES = 10_000_000
_TURNS = {(1, 0, 0, 1): 0, (0, 1, -1, 0): 90, (-1, 0, 0, -1): 180, (0, -1, 1, 0): 270}


class Tables(NamedTuple):
    """What the tables of the one video track say: `pts` in ticks of 1 / `timescale` s, in order.

    `last_ticks` is the last frame's duration, `turn` the clockwise degrees of its matrix.
    """

    timescale: int
    pts: tuple[int, ...]
    last_ticks: int
    turn: int


def read_tables(path: Path) -> Tables | None:
    """The tables of a file with one plain video track, or None where they do not tell all."""
    try:
        held = moov(path)
        return None if held is None else _track(held)
    except (struct.error, IndexError, KeyError, ValueError):
        return None


def moov(path: Path) -> bytes | None:
    """The box that holds a file's tables; None for fragments and for what is cut off."""
    size = path.stat().st_size
    found = None
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length, name = struct.unpack_from(">I4s", head)
            if length == 1:
                (length,) = struct.unpack_from(">Q", head, 8)
            elif length == 0:
                length = size - at
            if name == b"moof" or length < 8 or at + length > size:
                return None  # fragments, nonsense, or a file that is cut off
            if name == b"moov":
                if length > _MAX_MOOV:
                    return None
                file.seek(at)
                found = file.read(length)
            at += length
    return found


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of each box between `start` and `end`."""
    while start + 8 <= end:
        length, name = struct.unpack_from(">I4s", data, start)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        if length < head or start + length > end:
            raise ValueError("a box leaves its parent")
        yield name, start + head, start + length
        start += length


def inside(data: bytes, start: int, end: int, *names: bytes) -> tuple[int, int] | None:
    """Where the content of the box lies that is found by going down `names`."""
    for wanted in names:
        for name, first, last in boxes(data, start, end):
            if name == wanted:
                start, end = first, last
                break
        else:
            return None
    return start, end


def _track(moov: bytes) -> Tables | None:
    root = (8 if moov[:4] != b"\0\0\0\1" else 16), len(moov)
    movie_scale, tracks = 0, []
    for name, start, end in boxes(moov, *root):
        if name == b"mvex":
            return None
        if name == b"mvhd":
            (movie_scale,) = struct.unpack_from(">I", moov, start + (20 if moov[start] else 12))
        if name == b"trak":
            handler = inside(moov, start, end, b"mdia", b"hdlr")
            if handler and moov[handler[0] + 8 : handler[0] + 12] == b"vide":
                tracks.append((start, end))
    if len(tracks) != 1:
        return None
    track = tracks[0]
    header, media = inside(moov, *track, b"tkhd"), inside(moov, *track, b"mdia", b"mdhd")
    table = inside(moov, *track, b"mdia", b"minf", b"stbl")
    if header is None or media is None or table is None:
        return None
    (timescale,) = struct.unpack_from(">I", moov, media[0] + (20 if moov[media[0]] else 12))
    parts = {name: start for name, start, _ in boxes(moov, *table)}
    times, last = _times(moov, parts)
    shift = _edits(moov, track, times, last, timescale, movie_scale)
    turn = _turn(moov, header[0])
    if shift is None or turn is None or not times or timescale == 0:
        return None
    return Tables(timescale, tuple(time + shift for time in sorted(times)), last, turn)


def _times(moov: bytes, parts: dict[bytes, int]) -> tuple[list[int], int]:
    """Composition times of all samples in decoding order, ticks, and the last duration."""
    (count,) = struct.unpack_from(">I", moov, parts[b"stts"] + 4)
    runs = list(struct.iter_unpack(">II", _rows(moov, parts[b"stts"] + 8, count)))
    if sum(many for many, _ in runs) > _MAX_FRAMES:
        raise ValueError("more frames than a clip has")
    times: list[int] = []
    time = last = 0
    for many, step in runs:
        times.extend(range(time, time + many * step, step) if step else [time] * many)
        time, last = time + many * step, step
    if b"ctts" in parts:
        (count,) = struct.unpack_from(">I", moov, parts[b"ctts"] + 4)
        at = 0
        for many, offset in struct.iter_unpack(">Ii", _rows(moov, parts[b"ctts"] + 8, count)):
            if offset < 0:
                raise ValueError("shifted composition times")
            for place in range(at, min(at + many, len(times))):
                times[place] += offset
            at += many
    return times, last


def _rows(moov: bytes, start: int, count: int) -> bytes:
    if start + 8 * count > len(moov):
        raise ValueError("a table leaves its box")
    return moov[start : start + 8 * count]


def _edits(
    moov: bytes, track: tuple[int, int], times: list[int], last: int, timescale: int, movie: int
) -> int | None:
    """Ticks to add to composition times, or None where an edit list hides or repeats frames."""
    box = inside(moov, *track, b"edts", b"elst")
    if box is None:
        return 0
    wide = moov[box[0]] == 1
    (count,) = struct.unpack_from(">I", moov, box[0] + 4)
    form = ">QqI" if wide else ">IiI"
    size = struct.calcsize(form)
    edits = [struct.unpack_from(form, moov, box[0] + 8 + size * n) for n in range(min(count, 8))]
    delay = 0
    while edits and edits[0][1] == -1:
        if edits[0][0] * timescale % movie:
            return None
        delay += edits.pop(0)[0] * timescale // movie
    if len(edits) != 1 or count > 8 or edits[0][2] != 1 << 16:
        return None
    length, start = int(edits[0][0]), int(edits[0][1])
    # An edit's length is in coarser ticks: what it cuts must be more than its rounding.
    if min(times) < start or (length + 1) * timescale < (max(times) + last - start) * movie:
        return None
    return delay - start


def _turn(moov: bytes, header: int) -> int | None:
    at = header + (52 if moov[header] else 40)
    a, b, _, c, d = struct.unpack_from(">5i", moov, at)
    return _TURNS.get((a >> 16, b >> 16, c >> 16, d >> 16))
