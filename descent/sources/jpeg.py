"""JPEG files held to their own definition before a forgiving decoder sees them.

Every usual decoder returns a full picture for a cut or bit-flipped file. So the entropy-coded
data of baseline files is walked first: each code must exist, each coefficient must be one
that 8-bit pixels can have, and the last block must end where the end marker stands
(ITU-T T.81, F.2). Flips in amplitude bits that stay within those bounds cannot be seen in the
file alone; digests in a manifest see them.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from descent.tools.compiled import kernel

_BASELINE = {0xC0, 0xC1}
_ALONE = {0x01, *range(0xD0, 0xD9)}
FAULTS = (
    "",
    "a code that its tables do not hold",
    "more coefficients than a block has",
    "a value that no picture can have",
    "data that ends before the picture does",
    "data left over after the picture",
    "a restart marker out of order",
)


class JpegError(ValueError):
    """A JPEG that does not keep to its own definition; the text says how."""


class Layout(NamedTuple):
    """What a JPEG's markers say: where the coded data starts, and how it is coded.

    `size` is (rows, cols) in px; `blocks` lists the component of each block of a minimum
    coded unit. `baseline` is False for progressive and arithmetic files, and for several
    scans, whose coded data is not walked.
    """

    size: tuple[int, int]
    components: int
    baseline: bool
    start: int = 0
    units: int = 0
    restart: int = 0
    blocks: tuple[int, ...] = ()
    tables: tuple[tuple[bytes, bytes], ...] = ()  # (DC, AC) Huffman segments a component
    quants: tuple[bytes, ...] = ()
    orientation: int = 1


def layout(data: bytes) -> Layout:
    """The markers of a JPEG up to its first scan; raises `JpegError` where they break."""
    try:
        return _layout(data)
    except (struct.error, IndexError, KeyError) as error:
        raise JpegError("its header breaks off") from error


def _layout(data: bytes) -> Layout:
    if data[:2] != b"\xff\xd8":
        raise JpegError("it does not start as a JPEG")
    at = 2
    quants: dict[int, bytes] = {}
    codes: dict[int, bytes] = {}
    frame: tuple[int, bytes] | None = None
    restart, orientation = 0, 1
    while True:
        if data[at] != 0xFF:
            raise JpegError("its header is broken")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDB:
            quants.update(_quants(body))
        elif marker == 0xC4:
            codes.update(_codes(body))
        elif marker == 0xDD:
            (restart,) = struct.unpack_from(">H", body)
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            orientation = _orientation(body[6:])
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC8, 0xCC}:
            frame = marker, body
        elif marker == 0xDA:
            if frame is None:
                raise JpegError("a scan comes before the picture's size")
            return _scan(frame, body, quants, codes, restart, at, orientation)


def _quants(body: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(body):
        wide, name = body[at] >> 4, body[at] & 15
        found[name] = body[at + 1 : at + 1 + (128 if wide else 64)]
        at += 1 + len(found[name])
    return found


def _codes(body: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 17 <= len(body):
        count = sum(body[at + 1 : at + 17])
        found[body[at]] = body[at + 1 : at + 17 + count]
        at += 17 + count
    return found


def _orientation(tiff: bytes) -> int:
    """The Exif orientation, 1 to 8; 1 (upright) where it is absent or unreadable."""
    try:
        order = "<" if tiff[:2] == b"II" else ">"
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, at + 2 + 12 * entry)
            if tag == 0x0112:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _scan(
    frame: tuple[int, bytes],
    body: bytes,
    quants: dict[int, bytes],
    codes: dict[int, bytes],
    restart: int,
    start: int,
    orientation: int,
) -> Layout:
    marker, head = frame
    bits, rows, cols, count = struct.unpack_from(">BHHB", head)
    parts = {head[6 + 3 * i]: (head[7 + 3 * i], head[8 + 3 * i]) for i in range(count)}
    if rows == 0 or cols == 0:
        raise JpegError("it tells no size")
    plain = Layout((rows, cols), count, False, orientation=orientation)
    if marker not in _BASELINE or bits != 8 or body[0] != count:
        return plain
    wide = max(s >> 4 for s, _ in parts.values())
    high = max(s & 15 for s, _ in parts.values())
    blocks: list[int] = []
    tables, used = [], []
    for place in range(count):
        name, choice = body[1 + 2 * place], body[2 + 2 * place]
        sampling, quant = parts[name]
        across, down = (1, 1) if count == 1 else (sampling >> 4, sampling & 15)
        blocks += [place] * (across * down)
        tables.append((codes[choice >> 4], codes[0x10 | (choice & 15)]))
        used.append(quants[quant])
    if count == 1:
        wide = high = 1
    units = -(-cols // (8 * wide)) * -(-rows // (8 * high))
    return Layout(
        (rows, cols), count, True, start, units, restart, tuple(blocks), tuple(tables),
        tuple(used), orientation,
    )  # fmt: skip


def check(data: bytes, found: Layout) -> None:
    """Walk the coded data of a baseline JPEG; raises `JpegError` with what is wrong.

    Other kinds are only held to ending with an end marker.
    """
    end = data.rfind(b"\xff\xd9")
    if end < 0 or end < found.start:
        raise JpegError("the end marker is missing: the file is cut off")
    if not found.baseline:
        return
    fault = _walk(
        np.frombuffer(data, np.uint8, end + 2 - found.start, found.start),
        found.units,
        found.restart,
        np.array(found.blocks, np.int64),
        np.stack([_lookup(dc) for dc, _ in found.tables]),
        np.stack([_lookup(ac) for _, ac in found.tables]),
        np.stack([_steps(q) for q in found.quants]),
    )
    if fault:
        raise JpegError(f"its coded data holds {FAULTS[fault]}")


@lru_cache(maxsize=64)
def _lookup(segment: bytes) -> NDArray[np.uint16]:
    """For each 16 bits that may come: (length of the code << 8) + its value, 0 for no code."""
    table = np.zeros(65536, np.uint16)
    code, at = 0, 16
    for length in range(1, 17):
        for _ in range(segment[length - 1]):
            first = code << (16 - length)
            if first >= 65536 or at >= len(segment):
                raise JpegError("its Huffman tables are broken")
            table[first : first + (1 << (16 - length))] = (length << 8) | segment[at]
            code, at = code + 1, at + 1
        code <<= 1
    return table


@lru_cache(maxsize=64)
def _steps(segment: bytes) -> NDArray[np.int64]:
    kind = ">u2" if len(segment) == 128 else "u1"
    steps = np.frombuffer(segment, kind).astype(np.int64)
    if steps.size != 64:
        raise JpegError("its quantisation tables are broken")
    return steps


@kernel
def _walk(data: Any, units: int, restart: int, blocks: Any, dc: Any, ac: Any, steps: Any) -> int:
    """The number of the first fault in the coded data, 0 for none."""
    at: Any = 0
    have: Any = 0
    bits: Any = np.uint64(0)
    k: Any
    run: Any
    count: Any
    amount: Any
    ended = False  # a marker is reached: only zeros follow
    spare = 0  # zeros added after it
    last: Any = np.zeros(dc.shape[0], np.int64)
    size = data.size
    expect = 0
    for unit in range(units):
        if restart and unit and unit % restart == 0:
            if have - spare >= 8 or at + 1 >= size or data[at] != 0xFF:
                return 6
            if data[at + 1] != 0xD0 + expect:
                return 6
            expect = (expect + 1) & 7
            at, have, bits, ended, spare = at + 2, 0, np.uint64(0), False, 0
            last[:] = 0
        for place in range(blocks.size):
            part = blocks[place]
            k = 0
            while k < 64:
                while have <= 48:
                    if not ended:
                        byte = data[at]
                        if byte == 0xFF:
                            if data[at + 1] != 0:
                                ended = True
                            else:
                                at += 1
                    if ended:
                        byte, spare = 0, spare + 8
                    else:
                        at += 1
                    bits = (bits << np.uint64(8)) | np.uint64(byte)
                    have += 8
                peek = (bits >> np.uint64(have - 16)) & np.uint64(0xFFFF)
                entry = np.int64(dc[part, peek] if k == 0 else ac[part, peek])
                if entry == 0:
                    return 1
                have -= entry >> 8
                value = entry & 255
                run, count = (0, value) if k == 0 else (value >> 4, value & 15)
                if k and count == 0:
                    if run == 15:
                        k += 16
                        continue
                    if run:
                        return 1
                    break
                k += run
                if k > 63:
                    return 2
                if count > 11:
                    return 3
                amount = np.int64(0)
                if count:
                    have -= count
                    amount = np.int64((bits >> np.uint64(have)) & np.uint64((1 << count) - 1))
                    if amount < (1 << (count - 1)):
                        amount -= (1 << count) - 1
                if k == 0:
                    last[part] += amount
                    amount = last[part]
                if abs(amount) * steps[part, k] > 1024 + steps[part, k]:
                    return 3
                k += 1
            if k > 64:
                return 2
            if have < spare:
                return 4
    if have - spare >= 8 or at + 1 >= size or data[at] != 0xFF or data[at + 1] != 0xD9:
        return 5
    return 0
