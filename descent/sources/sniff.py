"""What a file is by its first bytes: kind and size of a picture, without reading pixels."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import Literal, NamedTuple

from descent.errors import Damaged, HostileInput, SourceError
from descent.sources.archive import STARTS, Label, beside, read_label

Kind = Literal["png", "jpeg", "tiff", "img", "mov", "matroska", "avi"]
VIDEO_KINDS = frozenset({"mov", "matroska", "avi"})
STILL_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".img", ".vic"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".avi"})
# Lossless kinds win over lossy ones when one instant arrives twice.
LOSSLESS_KINDS = frozenset({"png", "tiff", "img"})
# Archive pictures, which may hold nothing but pixels: their label is then beside them.
LABELLED_SUFFIXES = frozenset({".img", ".vic"})

_HEAD = 512  # enough for PNG, videos and most TIFF; a JPEG or a label asks for more
_MORE = 262_144  # a JPEG's Exif, colour profile and preview come before its size
_PNG = b"\x89PNG\r\n\x1a\n"
_MARKUP = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<|ffconcat|#EXTM3U|#!|%!PS|%PDF|push |data:)")
_ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")


class Header(NamedTuple):
    """What a file holds: `kind` by content, `rows` and `cols` in px (0 for videos).

    `label` is that of an archive picture, in it or beside it.
    """

    kind: Kind
    rows: int = 0
    cols: int = 0
    label: Label | None = None


def header(path: str) -> Header:
    """The kind and size of a picture or clip, from its first bytes, whatever its name says.

    Raises `HostileInput` for scripts and markup in disguise, `Damaged` for a header that
    makes no sense, `SourceError` for anything else that is no picture or clip.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        head = os.read(handle, _HEAD)
        return _read(path, head, handle)
    except (struct.error, IndexError) as error:
        raise Damaged("the header breaks off", where=path, do="fetch the file again") from error
    finally:
        os.close(handle)


def _read(path: str, head: bytes, handle: int) -> Header:
    if head.startswith(_PNG):
        if head[12:16] != b"IHDR":
            raise Damaged("a PNG without a header", where=path, do="fetch the file again")
        cols, rows = struct.unpack_from(">II", head, 16)
        return Header("png", rows, cols)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(path, head, handle)
    if head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return _tiff(path, head, handle)
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    if head.startswith(STARTS) or (suffix in LABELLED_SUFFIXES and beside(Path(path))):
        label = read_label(Path(path))
        return Header("img", label.rows, label.cols, label)
    if head[4:8] in _ATOMS:
        return Header("mov")
    if head.startswith(b"\x1aE\xdf\xa3"):
        return Header("matroska")
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return Header("avi")
    raise _refusal(path, head)


def _refusal(path: str, head: bytes) -> SourceError:
    plain = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    if _MARKUP.match(head) or plain == len(head):
        return HostileInput(
            "is a text or a script, not the picture or clip its name says",
            where=path,
            do="remove it, or add it to skip",
        )
    return SourceError(
        "is no PNG, JPEG, TIFF, IMG, MP4, MOV, MKV or AVI",
        where=path,
        do="convert it, remove it, or add it to skip",
    )


def _jpeg(path: str, head: bytes, handle: int) -> Header:
    at, read = 2, head
    while True:
        if at + 9 > len(read) and len(read) <= _HEAD:
            read += os.read(handle, _MORE)
        marker, length = read[at + 1], struct.unpack_from(">H", read, at + 2)[0]
        if read[at] != 0xFF:
            raise Damaged("the JPEG header is broken", where=path, do="fetch the file again")
        if marker == 0xFF:
            at += 1  # fill bytes
        elif 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            rows, cols = struct.unpack_from(">HH", read, at + 5)
            return Header("jpeg", rows, cols)
        else:
            at += 2 + length


def _tiff(path: str, head: bytes, handle: int) -> Header:
    order = "<" if head[:1] == b"I" else ">"
    big = head[2:4] in {b"+\0", b"\0+"}
    start = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
    os.lseek(handle, start, os.SEEK_SET)
    block = os.read(handle, 8192)
    count = struct.unpack_from(order + ("Q" if big else "H"), block)[0]
    entry, first = (20, 8) if big else (12, 2)
    size = {}
    for number in range(min(count, 300)):
        at = first + number * entry
        tag, kind = struct.unpack_from(order + "HH", block, at)
        if tag in {256, 257}:
            form = {3: "H", 4: "I", 16: "Q"}.get(kind, "I")
            size[tag] = struct.unpack_from(order + form, block, at + (12 if big else 8))[0]
    if len(size) != 2:
        raise Damaged("a TIFF that tells no size", where=path, do="fetch the file again")
    return Header("tiff", size[257], size[256])
