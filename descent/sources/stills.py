"""One still picture from disk to an array: checked before decoding, exact after it."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.errors import Damaged, DescentError, FormatError, HostileInput, SourceError
from descent.model import Planes, Shot
from descent.sources import archive, jpeg, png
from descent.sources.jpeg import JpegError
from descent.sources.png import PngError
from descent.sources.sniff import Header, Kind, header
from descent.tools.colour import planes_in, planes_size, rgb_to_planes
from descent.tools.compiled import kernel
from descent.tools.files import sha256
from descent.tools.lend import Lender

LIMIT_PX = 256_000_000  # 16,000 x 16,000: the largest single frame taken for a picture
LIMIT_BYTES = 2 << 30  # of one file, and of one decoded picture
_own = threading.local()
_BOMB_BYTES, _BOMB_RATIO = 64 << 20, 200  # black frames shrink by a thousand, but are small


@dataclass(frozen=True, slots=True)
class Still:
    """A decoded picture: `pixels` (rows, cols) or (rows, cols, 3), uint8 or uint16.

    `white` is the value of full scale. `notes` say what was done on the way: alpha dropped,
    turned as its Exif tag asks.
    """

    pixels: NDArray[Any]
    white: float
    kind: Kind
    notes: dict[str, Any] = field(default_factory=dict)


def read_still(path: Path, *, where: str = "") -> Still:
    """Decode a PNG, JPEG, TIFF or IMG; `where` names camera and frame for errors.

    Raises `Damaged` with the file's digest when its bytes are broken, `HostileInput` when it
    unpacks to more than fits or is no picture, `FormatError` for kinds that are not read.
    """
    with told(path, where or str(path)):
        return _read(path)


def read_planes(path: Path, lend: Lender, *, where: str = "") -> Planes | None:
    """A PNG of 8-bit RGB and even size as BT.709 planes; None for any other picture.

    A few rows at a time, which are still in the processor's cache when they become planes.
    The same planes as those of what `read_still` gives, in memory of `lend`; `where` and what
    it raises are alike.
    """
    with told(path, where or str(path)):
        if _checked(path).kind != "png":
            return None
        data = _contents(path)
        head = _png_header(data)
        if (head.colour, head.depth, head.interlaced) != (2, 8, False):
            return None
        if head.rows % 2 or head.cols % 2:
            return None
        planes = planes_in(lend(planes_size(head.rows, head.cols)), head.rows, head.cols)
        for first, band in png.bands(data):
            rows, half = (
                slice(first, first + len(band)),
                slice(first // 2, first // 2 + len(band) // 2),
            )
            rgb_to_planes(band, out=Planes(planes.y[rows], planes.u[half], planes.v[half]))
        return planes


def surely_colour(path: Path, *, where: str = "") -> bool:
    """Whether a PNG's first rows show colour: most of a look, for a small part of its cost.

    False says nothing. Raises what `read_still` would of the same checks.
    """
    with told(path, where or str(path)):
        return _checked(path).kind == "png" and png.in_colour(path.read_bytes())


def _contents(path: Path) -> memoryview:
    """The bytes of a file, in a buffer of this thread's that the next call writes over.

    Fresh memory for each would be slower, and leave holes between what encoders keep.
    """
    size = path.stat().st_size
    buffer: bytearray = _own.__dict__.setdefault("buffer", bytearray())
    if len(buffer) < size:
        buffer = _own.buffer = bytearray(size * 9 // 8)
    with path.open("rb", buffering=0) as file:
        count = 0
        while count < size and (more := file.readinto(memoryview(buffer)[count:size])):
            count += more
    return memoryview(buffer)[:count]


def name_of(shot: Shot, index: int | None = None) -> str:
    """A frame as errors name it: camera, number if told, and file."""
    number = "" if index is None else f" frame {index}"
    return f"{shot.camera}{number} ({shot.path.name})"


@contextmanager
def told(path: Path, where: str) -> Iterator[None]:
    """Errors of reading `path` as ours, which name camera and frame by `where`."""
    try:
        yield
    except (PngError, JpegError) as error:
        raise _damaged(str(error), path, where) from error
    except Damaged as error:
        raise _damaged(error.what, path, where) from error
    except DescentError as error:
        raise type(error)(error.what, where=where, do=error.do) from error
    except OSError as error:
        text = f"cannot be read: {error.strerror or error}"
        raise SourceError(text, where=where, do="check the disk and the path") from error


def _damaged(what: str, path: Path, where: str) -> Damaged:
    digest = sha256(path)
    do = "fetch the file again, or skip: it"
    return Damaged(f"is damaged: {what}", where=where, do=do, digest=digest, path=str(path))


def _checked(path: Path) -> Header:
    found = header(str(path))
    if found.rows * found.cols > LIMIT_PX or os.stat(path).st_size > LIMIT_BYTES:  # noqa: PTH116
        raise HostileInput(
            f"unpacks to {found.cols:,} x {found.rows:,} px, more than a frame can have",
            do="remove it, or cut it into tiles",
        )
    return found


def _read(path: Path) -> Still:
    found = _checked(path)
    if found.kind == "png":
        return _png(path.read_bytes())
    if found.kind == "jpeg":
        return _jpeg(path.read_bytes())
    if found.kind == "tiff":
        return _tiff(path.read_bytes(), (found.rows, found.cols))
    if found.kind == "img":
        label = found.label or archive.read_label(path)
        words = {k: v for k, v in (("START_TIME", label.start_time), ("SCLK", label.sclk)) if v}
        return Still(archive.read_pixels(label), label.white, "img", words)
    raise FormatError("is a clip, not a still", do="list it under files:")


def _png_header(data: bytes | memoryview) -> png.Header:
    head = png.read_header(data)
    size = head.rows * head.cols * head.channels * (2 if head.depth == 16 else 1)
    if size > LIMIT_BYTES or size > max(_BOMB_BYTES, len(data) * _BOMB_RATIO):
        raise HostileInput(
            f"unpacks from {len(data):,} to {size:,} bytes, as no photograph does",
            do="remove it, or add it to skip",
        )
    return head


def _png(data: bytes) -> Still:
    _png_header(data)
    pixels, notes = _without_alpha(png.decode(data))
    return Still(pixels, 65535 if pixels.dtype == np.uint16 else 255, "png", notes)


def _without_alpha(pixels: NDArray[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    import cv2

    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels, {}
    last = pixels.shape[2] - 1
    alpha = cv2.extractChannel(pixels, last)
    opaque = int(alpha.min()) == (65535 if alpha.dtype == np.uint16 else 255)
    kept = cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB) if last == 3 else cv2.extractChannel(pixels, 0)
    return kept, {"alpha_dropped": "opaque" if opaque else "transparent"}


# --- JPEG ----------------------------------------------------------------------------------

# Exif orientation -> (clockwise degrees, then mirrored left to right).
_EXIF = {2: (0, True), 3: (180, False), 4: (180, True), 5: (90, True), 6: (90, False),
         7: (270, True), 8: (270, False)}  # fmt: skip


def _jpeg(data: bytes) -> Still:
    import cv2

    found = jpeg.layout(data)
    jpeg.check(data, found)
    if found.components not in {1, 3}:
        raise FormatError("is a four-colour JPEG", do="convert it to RGB")
    how = cv2.IMREAD_GRAYSCALE if found.components == 1 else cv2.IMREAD_COLOR_RGB
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), how | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.shape[:2] != found.size:
        raise JpegError("its coded data is broken")
    if found.orientation == 1:
        return Still(pixels, 255, "jpeg")
    turn, mirrored = _EXIF[found.orientation]
    pixels = np.rot90(pixels, -turn // 90)
    pixels = np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)
    return Still(pixels, 255, "jpeg", {"exif_orientation": found.orientation})


# --- TIFF ----------------------------------------------------------------------------------


def _tiff(data: bytes, size: tuple[int, int]) -> Still:
    import cv2

    try:
        _hold_strips(data)
    except (struct.error, IndexError, ValueError) as error:
        raise Damaged(str(error) or "its directory breaks off") from error
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != size:
        raise Damaged("its pixels cannot be read")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise FormatError(f"holds {pixels.dtype} pixels", do="save it with 8 or 16 bits")
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = np.ascontiguousarray(pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]])
    pixels, notes = _without_alpha(pixels)
    return Still(pixels, 65535 if pixels.dtype == np.uint16 else 255, "tiff", notes)


def _hold_strips(data: bytes) -> None:
    """Raise ValueError where strips or tiles leave the file, or fail their checksums.

    The general decoder returns a picture in both cases.
    """
    import zlib

    order = "<" if data[:1] == b"I" else ">"
    if data[2:4] not in {b"*\0", b"\0*"}:
        return  # BigTIFF: left to the decoder
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    tags = {}
    for entry in range(count):
        tag, kind, many, _ = struct.unpack_from(order + "HHII", data, at + 2 + 12 * entry)
        form = {1: "B", 3: "H", 4: "I"}.get(kind)
        if tag in {259, 273, 279, 324, 325} and form:
            place = at + 10 + 12 * entry
            if many * struct.calcsize(form) > 4:
                (place,) = struct.unpack_from(order + "I", data, place)
            tags[tag] = struct.unpack_from(f"{order}{many}{form}", data, place)
    starts, sizes = tags.get(273) or tags.get(324), tags.get(279) or tags.get(325)
    if not starts or not sizes or len(starts) != len(sizes):
        raise ValueError("its directory tells no pixels")
    for start, size in zip(starts, sizes, strict=True):
        if start + size > len(data):
            raise ValueError("it is cut off")
        if tags.get(259, (1,))[0] in {8, 32946}:
            flow = zlib.decompressobj()
            try:
                # In pieces: a strip that unpacks to gigabytes is never held whole.
                rest: bytes = data[start : start + size]
                while not flow.eof and rest:
                    flow.decompress(rest, 1 << 20)
                    rest = flow.unconsumed_tail
            except zlib.error as error:
                raise ValueError(f"its compressed data is broken ({error})") from error
            if not flow.eof:
                raise ValueError("its compressed data breaks off")


# --- what the pixels are -------------------------------------------------------------------


@kernel
def _first_if_equal(pixels: Any, out: Any) -> bool:
    """Copy the first channel into `out`; False as soon as another channel differs."""
    rows, cols, _ = pixels.shape
    for row in range(rows):
        same = True
        for col in range(cols):
            value = pixels[row, col, 0]
            same &= (pixels[row, col, 1] == value) & (pixels[row, col, 2] == value)
            out[row, col] = value
        if not same:
            return False
    return True


def one_channel(pixels: NDArray[Any]) -> NDArray[Any] | None:
    """The one channel of a picture stored as three equal ones; None where they differ."""
    if pixels.ndim == 2:
        return pixels
    out = np.empty(pixels.shape[:2], pixels.dtype)
    return out if _first_if_equal(np.ascontiguousarray(pixels), out) else None


def looks_mosaic(grey: NDArray[Any]) -> bool:
    """Whether a grey picture (rows, cols) is chequered as an undebayered mosaic is.

    Compares steps between neighbours with steps over two pixels, which have the same filter:
    in a photograph the former are smaller, in a mosaic of anything coloured larger.
    """
    middle = grey[grey.shape[0] // 4 : -grey.shape[0] // 4, grey.shape[1] // 4 :].astype(np.int32)
    if min(middle.shape) < 8:
        return False
    one = np.abs(np.diff(middle, axis=1)).mean()
    two = np.abs(middle[:, 2:] - middle[:, :-2]).mean()
    return bool(one > 1.5 * two + 0.5)
