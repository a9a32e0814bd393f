"""The form of a still by its header alone: size, channels and depth; no pixel is read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from descent.errors import FormatError
from descent.sources import jpeg, png
from descent.sources.sniff import Kind, header
from descent.sources.stills import told

_PALETTE = 3  # a PNG's colour type: what is decoded has three channels
_HEAD_BYTES = 64  # of a PNG
_LYING = {5, 6, 7, 8}  # Exif orientations of pictures that are turned upright


class Form(NamedTuple):
    """What a still decodes to: px, 1 or 3 `channels`, 16 bits where `wide`.

    `white` is the value of full scale; `alpha` says that the file holds a channel of it.
    """

    rows: int
    cols: int
    channels: int
    wide: bool
    white: float
    kind: Kind
    alpha: bool = False


def form_of(path: Path, where: str) -> Form:
    """The form of a PNG, JPEG, TIFF or IMG; `where` names camera and frame for errors.

    Raises `Damaged`, `HostileInput` or `FormatError` for a header that tells of no picture.
    """
    with told(path, where):
        found = header(str(path))
        if found.kind == "png":
            return _png(path)
        if found.kind == "jpeg":
            return _jpeg(path)
        if found.kind == "tiff":
            return _tiff(path)
        if found.kind == "img" and (label := found.label) is not None:
            wide = int(label.dtype[-1]) > 1
            return Form(label.rows, label.cols, label.bands, wide, label.white, "img")
        raise FormatError("is a clip, not a still", do="list it under files:")


def _png(path: Path) -> Form:
    with path.open("rb") as file:
        head = png.read_header(file.read(_HEAD_BYTES))
    wide = head.depth == 16
    channels = 3 if head.colour == _PALETTE or head.channels >= 3 else 1
    alpha = head.channels in {2, 4}
    return Form(head.rows, head.cols, channels, wide, 65535 if wide else 255, "png", alpha)


def _jpeg(path: Path) -> Form:
    found = jpeg.layout(path.read_bytes())
    if found.components not in {1, 3}:
        raise FormatError("is a four-colour JPEG", do="convert it to RGB")
    rows, cols = found.size[::-1] if found.orientation in _LYING else found.size
    return Form(rows, cols, found.components, False, 255, "jpeg")


def _tiff(path: Path) -> Form:
    from tifffile import PHOTOMETRIC, TiffFile, TiffFileError

    try:
        with TiffFile(path) as file:
            page = file.pages.first
            rows, cols = page.imagelength, page.imagewidth
            samples, wide = page.samplesperpixel, page.bitspersample == 16
            palette = page.photometric == PHOTOMETRIC.PALETTE
    except (TiffFileError, IndexError) as error:
        raise FormatError(f"is no TIFF that is read ({error})", do="save it again") from error
    channels = 3 if palette or samples >= 3 else 1
    white = 65535 if wide else 255
    return Form(rows, cols, channels, wide, white, "tiff", samples in {2, 4})
