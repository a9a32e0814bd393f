"""The `frames` profile: numbered 16-bit pictures with a table of their times and states."""

from __future__ import annotations

import csv
import io
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.encode.profile import Profile
from descent.errors import EncodeError, FormatError
from descent.tools.files import atomic, write_text
from descent.tools.pictures import pixel_digest

Picture = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class FramesRecord:
    """What was written: pictures by path in order, and what their pixels hash to."""

    paths: tuple[Path, ...]
    rows: int
    cols: int
    digests: tuple[str, ...]


def frame_name(number: int, profile: Profile, stem: str = "") -> str:
    """The file name of frame `number`; six digits sort right for two hours at 60/s."""
    return f"{stem}{number:06d}.{'png' if profile.container == 'png' else 'tif'}"


def write_frames(
    folder: Path,
    pictures: Iterable[Picture],
    *,
    profile: Profile,
    rows: int,
    cols: int,
    first: int = 0,
    frames: int | None = None,
    stem: str = "",
) -> FramesRecord:
    """Write 16-bit RGB `pictures`, (rows, cols, 3) uint16 over the full range, numbered.

    `first` is the number of the first one, so that chunks of a cut write side by side.
    Each file appears whole, read back and compared, or not at all. Files say that they are
    BT.709. Raises `FormatError` for other shapes or types, `EncodeError` for a wrong count.
    """
    pack = _png if profile.container == "png" else _tiff
    paths: list[Path] = []
    digests: list[str] = []
    for count, picture in enumerate(pictures):
        if count == frames:
            raise EncodeError(f"was given more than {frames} frames", where=str(folder))
        if picture.shape != (rows, cols, 3) or picture.dtype != np.uint16:
            raise FormatError(
                f"a picture is {picture.dtype} {picture.shape}, not uint16 {(rows, cols, 3)}",
                where=f"{folder}: frame {first + count}",
                do="hand over 16-bit RGB",
            )
        path = Path(folder) / frame_name(first + count, profile, stem)
        with atomic(path) as temporary:
            temporary.write_bytes(pack(picture))
            back = _read(temporary)
            if back is None or not np.array_equal(back, picture):
                raise EncodeError("does not read back as written", where=str(path))
        paths.append(path)
        digests.append(pixel_digest(picture))
    if frames is not None and len(paths) != frames:
        raise EncodeError(f"was given {len(paths)} frames, not {frames}", where=str(folder))
    return FramesRecord(tuple(paths), rows, cols, tuple(digests))


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table of frames beside them: a CSV with the first row's keys as columns."""
    columns = list(rows[0]) if rows else []
    for number, row in enumerate(rows):
        if list(row) != columns:
            raise EncodeError(f"row {number} has other columns than the first", where=str(path))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _read(path: Path) -> NDArray[Any] | None:
    import cv2

    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    return None if picture is None else np.asarray(picture[..., ::-1])


def _png(picture: Picture) -> bytes:
    """A 16-bit RGB PNG with each row filtered by its upper one, tagged as BT.709."""
    rows, cols, _ = picture.shape
    raw = picture.astype(">u2").reshape(rows, cols * 3).view(np.uint8)
    filtered = np.empty((rows, cols * 6 + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = raw[0]
    np.subtract(raw[1:], raw[:-1], out=filtered[1:, 1:])
    head = struct.pack(">IIBBBBB", cols, rows, 16, 2, 0, 0, 0)
    # cICP: BT.709 primaries and transfer, RGB, full range
    parts = ((b"IHDR", head), (b"cICP", bytes((1, 1, 0, 1))),
             (b"IDAT", zlib.compress(filtered.data, 3)), (b"IEND", b""))  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


def _tiff(picture: Picture) -> bytes:
    """A little-endian 16-bit RGB TIFF, one deflated strip with horizontal differences."""
    rows, cols, _ = picture.shape
    change = picture.copy()
    np.subtract(picture[:, 1:], picture[:, :-1], out=change[:, 1:])
    body = zlib.compress(np.ascontiguousarray(change, "<u2").data, 3)
    short, long, rational = 3, 4, 5
    extra = 8 + len(body) + (len(body) & 1)
    # tag, kind, count, value: TIFF 6.0, section 8; deflate is 8, the predictor 2
    entries = [
        (256, long, 1, cols), (257, long, 1, rows), (258, short, 3, extra),
        (259, short, 1, 8), (262, short, 1, 2), (273, long, 1, 8), (274, short, 1, 1),
        (277, short, 1, 3), (278, long, 1, rows), (279, long, 1, len(body)),
        (282, rational, 1, extra + 6), (283, rational, 1, extra + 6), (284, short, 1, 1),
        (296, short, 1, 2), (317, short, 1, 2),
    ]  # fmt: skip
    tail = struct.pack("<HHHII", 16, 16, 16, 72, 1)
    directory = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHIHH" if kind == short and count == 1 else "<HHII", tag, kind, count,
                    *((value, 0) if kind == short and count == 1 else (value,)))
        for tag, kind, count, value in entries
    ) + struct.pack("<I", 0)  # fmt: skip
    start = extra + len(tail)
    if start + len(directory) >= 1 << 32:
        raise FormatError("is too large for a TIFF", do="use the profile frames (PNG)")
    pad = b"\0" * (len(body) & 1)
    return struct.pack("<2sHI", b"II", 42, start) + body + pad + tail + directory
