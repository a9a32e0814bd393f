"""PNG pictures, decoded with their checksums held, by ISA-L and a compiled unfilter.

The inflate step is two thirds of a PNG's cost: ISA-L takes a third of zlib's time for it.
What is rare (palettes, 1 to 4 bits, interlacing) goes to a general decoder behind the same
checks. Formats: W3C Portable Network Graphics, third edition.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from isal import igzip_lib, isal_zlib
from numpy.typing import NDArray

from descent.tools.compiled import kernel

i32 = np.int32
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
# Deflate cannot shrink by more than about 1032: a file smaller than that does not hold it.
_MOST_SHRUNK = 1040
# Rows are inflated so many bytes at a time, which stay in the cache until they are unfiltered;
# half as many cost more in steps of the interpreter than they win.
_BLOCK_BYTES = 1 << 19
_PIECE_BYTES = 1 << 18
_RGB, _FEW_ROWS = 2, 64


class PngError(ValueError):
    """A PNG that does not keep to its own definition; the text says how."""


class Header(NamedTuple):
    """What IHDR says: px, bits a sample, colour type, and whether rows are interlaced."""

    rows: int
    cols: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def channels(self) -> int:
        """Samples a pixel, alpha included."""
        return _CHANNELS[self.colour]

    @property
    def stride(self) -> int:
        """Bytes a row, its filter's left out."""
        return self.cols * self.channels * self.depth // 8

    @property
    def plain(self) -> bool:
        """Whether this decoder unfilters it itself."""
        return self.depth >= 8 and self.colour != 3 and not self.interlaced


def read_header(data: bytes | memoryview) -> Header:
    """The header of a PNG; raises `PngError` for one that makes no sense."""
    if bytes(data[:8]) != SIGNATURE or bytes(data[12:16]) != b"IHDR" or len(data) < 33:
        raise PngError("it has no header")
    cols, rows, depth, colour, packing, filtering, lacing = struct.unpack_from(">IIBBBBB", data, 16)
    if depth not in _DEPTHS.get(colour, set()) or packing or filtering or lacing > 1:
        raise PngError("its header makes no sense")
    if not (0 < rows < 1 << 31 and 0 < cols < 1 << 31):
        raise PngError("its header tells no size")
    return Header(rows, cols, depth, colour, bool(lacing))


def _packed(data: bytes | memoryview, head: Header) -> bytes | memoryview:
    """The compressed pixels, every checksum on the way held; raises `PngError`.

    Also for fewer of them than could ever unpack to the picture: nothing has been made room
    for yet. In a buffer that may be written the pieces are pushed together where they are.
    """
    view = memoryview(data)
    at, parts, ended = 8, [], False
    while not ended:
        if at + 12 > len(data):
            raise PngError("it is cut off")
        length = int.from_bytes(view[at : at + 4], "big")
        stop = at + 8 + length
        if stop + 4 > len(data):
            raise PngError("it is cut off")
        name = bytes(view[at + 4 : at + 8])
        if isal_zlib.crc32(view[at + 4 : stop]) != int.from_bytes(view[stop : stop + 4], "big"):
            raise PngError(f"its {name.decode('latin-1')} data fails its checksum")
        if name == b"IDAT":
            parts.append(view[at + 8 : stop])
        ended = name == b"IEND"
        at = stop + 4
    if not parts:
        raise PngError("it holds no pixels")
    packed = _joined(parts, view)
    if head.rows * head.stride > len(packed) * _MOST_SHRUNK + 1024:
        raise PngError("it holds fewer pixels than its header says")
    return packed


def _joined(parts: list[memoryview], view: memoryview) -> bytes | memoryview:
    if len(parts) == 1:
        return parts[0]
    if view.readonly:
        return b"".join(parts)
    size = 0
    for part in parts:
        view[size : size + len(part)] = part
        size += len(part)
    return view[:size]


def decode(data: bytes) -> NDArray[Any]:
    """The samples of a PNG as stored: (rows, cols) or (rows, cols, 2 to 4), uint8 or uint16.

    Alpha is kept for the caller to say something about. Every chunk's checksum, the pixel
    data's own and the count of pixels are held. Raises `PngError`.
    """
    head = read_header(data)
    if not head.plain:
        return _decode_rare(data, head)
    packed = _packed(data, head)
    out = np.empty((head.rows, head.stride), np.uint8)
    for first, lines in _unpacked(packed, head):
        out[first : first + len(lines)] = lines
    samples = out.view(">u2").astype(np.uint16) if head.depth == 16 else out
    shape = (head.rows, head.cols) + ((head.channels,) if head.channels > 1 else ())
    return samples.reshape(shape)


def in_colour(data: bytes | memoryview) -> bool:
    """Whether an RGB picture's first rows already show channels that differ.

    False says nothing: later rows may, or the PNG is of another kind. Rows are compared as they
    are filtered, for a filter treats channels alike: equal ones stay equal. The checksums of the
    chunks are held. Raises `PngError`.
    """
    head = read_header(data)
    if head.colour != _RGB or head.interlaced:
        return False
    row_bytes = head.stride + 1  # the filter's own before each
    raw = _Inflating(_packed(data, head)).take(row_bytes * min(head.rows, _FEW_ROWS))
    whole = len(raw) // row_bytes
    lines = np.frombuffer(raw, np.uint8, whole * row_bytes).reshape(whole, row_bytes)[:, 1:]
    samples = lines.reshape(whole, head.cols, 3, head.depth // 8)
    return bool((samples != samples[:, :, :1]).any())


def bands(data: bytes | memoryview) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The rows of a PNG of 8-bit RGB, a few at a time: (first row, (rows, cols, 3) uint8).

    Each band begins at an even row, fits the processor's cache, and is written over by the
    next. The same is held as by `decode`, the last of it after the last band. `data` is
    written over where it may be. Raises `PngError`.
    """
    head = read_header(data)
    for first, lines in _unpacked(_packed(data, head), head):
        yield first, lines.reshape(len(lines), head.cols, 3)


def _unpacked(packed: bytes | memoryview, head: Header) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The rows of a PNG, inflated and unfiltered a block at a time: (rows, stride)."""
    stride, step = head.stride, head.channels * head.depth // 8
    block = min(head.rows, max(2, _BLOCK_BYTES // (stride + 1) // 2 * 2))
    out = np.empty((block, stride), np.uint8)
    above = np.zeros(stride, np.uint8)
    stream = _Inflating(packed)
    for first in range(0, head.rows, block):
        here = out[: head.rows - first]
        raw = stream.take(len(here) * (stride + 1))
        if len(raw) != len(here) * (stride + 1):
            raise PngError("it holds fewer pixels than its header says")
        lines = np.frombuffer(raw, np.uint8).reshape(len(here), stride + 1)
        if _unfilter(lines, step, above, here) >= 0:
            raise PngError("its rows name a filter that does not exist")
        above[:] = here[-1]
        yield first, here
    if stream.take(1):
        raise PngError("it holds more pixels than its header says")
    if not stream.ended:  # the checksum stands behind the last row
        raise PngError("its compressed data is cut off")


class _Inflating:
    """Compressed bytes, handed to ISA-L in pieces: what it has not used of one it copies."""

    def __init__(self, packed: bytes | memoryview) -> None:
        self._packed, self._at = memoryview(packed), 0
        self._stream = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB)

    @property
    def ended(self) -> bool:
        """Whether the end of the data, and its checksum, have been met."""
        return bool(self._stream.eof)

    def take(self, most: int) -> bytes:
        """The next bytes, `most` of them unless there are fewer; raises `PngError`."""
        parts: list[bytes] = []
        while most and not self._stream.eof:
            piece: memoryview | bytes = b""
            if self._stream.needs_input:
                piece = self._packed[self._at : self._at + _PIECE_BYTES]
                self._at += len(piece)
            try:
                part = self._stream.decompress(piece, most)
            except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub: a value
                raise PngError("its compressed data is broken") from error
            if not part and not piece:
                break
            parts.append(part)
            most -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _decode_rare(data: bytes, head: Header) -> NDArray[Any]:
    import cv2

    _packed(data, head)  # the checksums, which the general decoder only warns about
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.shape[:2] != (head.rows, head.cols):
        raise PngError("its compressed data is broken")
    if found.ndim == 3 and found.shape[2] >= 3:
        order = [2, 1, 0, 3][: found.shape[2]]
        found = np.ascontiguousarray(found[:, :, order])
    return found


@kernel
def _unfilter(raw: Any, step: int, above: Any, out: Any) -> int:
    """Undo each row's filter; returns the first row whose filter is unknown, or -1."""
    rows, stride = out.shape
    spare = np.empty(stride, np.uint8)
    for row in range(rows):
        kind = raw[row, 0]
        line = raw[row, 1:]
        here = out[row]
        if kind == 0:
            for i in range(stride):
                here[i] = line[i]
        elif kind == 1:
            _sub(line, here, step, spare)
        elif kind == 2:
            for i in range(stride):
                here[i] = line[i] + above[i]
        elif kind == 3:
            _average(line, above, here, step)
        elif kind == 4:
            if step == 3:
                _paeth_3(line, above, here)
            elif step == 4:
                _paeth_4(line, above, here)
            else:
                _paeth_any(line, above, here, step)
        else:
            return row
        above = here
    return -1


# Sub adds up a row. Done a pixel at a time each sum waits for the one before; here sums of 4,
# then of 16 neighbours are made side by side, and carried on 16 pixels at a time.


@kernel
def _sub(line: Any, here: Any, step: int, spare: Any) -> None:
    _sum_four(line, step, spare)
    _sum_four(spare, 4 * step, here)
    block = 16 * step
    for at in range(block, here.size, block):
        into, back = here[at : at + block], here[at - block : at]
        for i in range(into.size):
            into[i] += back[i]


@kernel
def _sum_four(line: Any, gap: int, out: Any) -> None:
    """Each byte and those 1, 2 and 3 gaps before it, where there are such."""
    for i in range(min(3 * gap, line.size)):
        total = line[i]
        for back in range(gap, min(i, 3 * gap) + 1, gap):
            total += line[i - back]
        out[i] = total
    rest = out[3 * gap :]
    a, b, c, d = line[3 * gap :], line[2 * gap :], line[gap:], line
    for i in range(rest.size):
        rest[i] = np.uint8(np.uint8(a[i] + b[i]) + np.uint8(c[i] + d[i]))


@kernel
def _average(line: Any, above: Any, here: Any, step: int) -> None:
    for i in range(step):
        here[i] = line[i] + (above[i] >> 1)
    for i in range(step, here.size):
        here[i] = line[i] + np.uint8((np.uint16(here[i - step]) + np.uint16(above[i])) >> 1)


# Paeth takes one pixel at a time, with its left (a) and upper left (c) neighbours in
# registers, so that channels do not wait for one another. Sums are kept to 32 bits by hand:
# numba would widen each to 64, at half the speed.


@kernel
def _nearest(a: Any, b: Any, c: Any) -> Any:
    """Whichever of left, above and upper left is nearest to left + above - upper left."""
    p, q = i32(b - c), i32(a - c)
    pa, pb, pc = abs(p), abs(q), abs(i32(p + q))
    best, least = b, pb
    if pc < pb:
        best, least = c, pc
    return a if pa <= least else best


@kernel
def _plus(value: Any, guess: Any) -> Any:
    return i32(i32(value) + guess) & i32(255)


@kernel
def _paeth_3(line: Any, above: Any, here: Any) -> None:
    a0 = a1 = a2 = c0 = c1 = c2 = i32(0)
    for i in range(0, here.size - 2, 3):
        b0, b1, b2 = i32(above[i]), i32(above[i + 1]), i32(above[i + 2])
        a0 = _plus(line[i], _nearest(a0, b0, c0))
        a1 = _plus(line[i + 1], _nearest(a1, b1, c1))
        a2 = _plus(line[i + 2], _nearest(a2, b2, c2))
        here[i], here[i + 1], here[i + 2] = np.uint8(a0), np.uint8(a1), np.uint8(a2)
        c0, c1, c2 = b0, b1, b2


@kernel
def _paeth_4(line: Any, above: Any, here: Any) -> None:
    a0 = a1 = a2 = a3 = c0 = c1 = c2 = c3 = i32(0)
    for i in range(0, here.size - 3, 4):
        b0, b1, b2, b3 = i32(above[i]), i32(above[i + 1]), i32(above[i + 2]), i32(above[i + 3])
        a0 = _plus(line[i], _nearest(a0, b0, c0))
        a1 = _plus(line[i + 1], _nearest(a1, b1, c1))
        a2 = _plus(line[i + 2], _nearest(a2, b2, c2))
        a3 = _plus(line[i + 3], _nearest(a3, b3, c3))
        here[i], here[i + 1] = np.uint8(a0), np.uint8(a1)
        here[i + 2], here[i + 3] = np.uint8(a2), np.uint8(a3)
        c0, c1, c2, c3 = b0, b1, b2, b3


@kernel
def _paeth_any(line: Any, above: Any, here: Any, step: int) -> None:
    for i in range(step):
        here[i] = line[i] + above[i]
    for i in range(step, here.size):
        guess = _nearest(i32(here[i - step]), i32(above[i]), i32(above[i - step]))
        here[i] = np.uint8(_plus(line[i], guess))
