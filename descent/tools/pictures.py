"""Still pictures on disk: PNG, JPEG and TIFF with their words in them, the same bytes always."""

from __future__ import annotations

import html
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from descent.errors import FormatError

Kind = Literal["png", "jpeg", "tiff"]
KINDS: dict[str, Kind] = {
    ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".tif": "tiff", ".tiff": "tiff",
}  # fmt: skip
JPEG_QUALITY = 95  # 1 to 95: larger is better and bigger; colour is kept for every pixel
_XMP_TAG, _MOST_XMP = 700, 65_000

# What XML 1.0 cannot hold, whatever it is escaped as.
_NOT_XML = {*range(0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF} - {0x9, 0xA, 0xD}


@dataclass(frozen=True, slots=True)
class Label:
    """What a picture says of itself, in the words of IPTC; empty ones are left out.

    `alt` is the text for who cannot see it, `credit` the credit line, `rights` the licence,
    `date` the UTC of its exposure in ISO form, `sources` the files it was made from.
    """

    title: str = ""
    caption: str = ""
    alt: str = ""
    credit: str = ""
    creators: tuple[str, ...] = ()
    rights: str = ""
    date: str = ""
    sources: tuple[str, ...] = ()

    def xmp(self) -> bytes:
        """The label as an XMP packet: Dublin Core, Photoshop, IPTC Core and rights.

        Raises `FormatError` for characters that XML cannot hold.
        """
        date, credit = self.date, self.credit
        parts = [
            _alternative("dc:title", self.title),
            _alternative("dc:description", self.caption),
            _alternative("Iptc4xmpCore:AltTextAccessibility", self.alt),
            _listed("dc:creator", "Seq", self.creators),
            _plain("photoshop:Credit", credit),
            _alternative(
                "dc:rights", credit if self.rights in credit else f"{credit} · {self.rights}"
            ),
            _alternative("xmpRights:UsageTerms", self.rights),
            _plain("photoshop:DateCreated", date),
            _plain("exif:DateTimeOriginal", date),
            _plain("dc:source", "; ".join(self.sources)),
            _plain("xmp:CreatorTool", "descent"),
        ]
        spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _SPACES.items())
        text = (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
            f'<rdf:Description rdf:about="" {spaces}>\n'
            + "".join(f"{part}\n" for part in parts if part)
            + "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
            '<?xpacket end="w"?>'
        )
        packet = text.encode()
        if len(packet) > _MOST_XMP:
            raise FormatError(
                f"its title, caption and other words take {len(packet):,} bytes, more than a "
                "picture can carry",
                do="shorten the caption",
            )
        return packet


_SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}


def _told(text: str) -> str:
    bad = next((c for c in text if ord(c) in _NOT_XML), None)
    if bad is not None:
        raise FormatError(
            f"the text {text[:40]!r} holds the character {bad!r}, which no file can carry",
            do="take it out",
        )
    return html.escape(text, quote=False)


def _plain(name: str, text: str) -> str:
    return f"<{name}>{_told(text)}</{name}>" if text else ""


def _alternative(name: str, text: str) -> str:
    if not text:
        return ""
    return (
        f'<{name}><rdf:Alt><rdf:li xml:lang="x-default">{_told(text)}</rdf:li></rdf:Alt></{name}>'
    )


def _listed(name: str, kind: str, texts: Sequence[str]) -> str:
    items = "".join(f"<rdf:li>{_told(text)}</rdf:li>" for text in texts if text)
    return f"<{name}><rdf:{kind}>{items}</rdf:{kind}></{name}>" if items else ""


def kind_of(path: Path) -> Kind:
    """The format that a file's suffix means; raises `FormatError` for another."""
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise FormatError(
            f"no still format ends in {path.suffix!r}", where=str(path),
            do="write .png, .jpg or .tif",
        )  # fmt: skip
    return kind


def save(path: Path, pixels: NDArray[Any], kind: Kind, label: Label | None = None) -> None:
    """Write a gamma-coded sRGB picture; no date and no version get into the file.

    `pixels` is (rows, cols) or (rows, cols, 3): uint8 for PNG and JPEG, uint8 or uint16 for
    TIFF, which is not compressed. Call it within `tools.files.atomic`.
    """
    if pixels.dtype != np.uint8 and not (kind == "tiff" and pixels.dtype == np.uint16):
        raise FormatError(
            f"a {kind} cannot hold {pixels.dtype} pixels", where=str(path),
            do="write .tif for 16 bits",
        )  # fmt: skip
    packet = label.xmp() if label is not None else None
    if kind == "tiff":
        _tiff(path, pixels, packet)
    else:
        _pillow(path, pixels, kind, packet)


def _pillow(path: Path, pixels: NDArray[Any], kind: Kind, packet: bytes | None) -> None:
    from PIL import Image, PngImagePlugin

    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if kind == "png":
        info = PngImagePlugin.PngInfo()
        info.add(b"sRGB", b"\0")
        if packet is not None:
            info.add_itxt("XML:com.adobe.xmp", packet.decode())
        picture.save(path, "PNG", pnginfo=info, compress_level=6)
        return
    extra: dict[str, Any] = {} if packet is None else {"xmp": packet}
    if pixels.ndim == 3:
        extra["icc_profile"] = srgb_profile()
    picture.save(path, "JPEG", quality=JPEG_QUALITY, subsampling=0, optimize=True, **extra)


def _tiff(path: Path, pixels: NDArray[Any], packet: bytes | None) -> None:
    import tifffile

    tags = [] if packet is None else [(_XMP_TAG, 1, len(packet), packet, True)]
    tifffile.imwrite(
        path,
        np.ascontiguousarray(pixels),
        byteorder="<",
        photometric="rgb" if pixels.ndim == 3 else "minisblack",
        metadata=None,
        software="descent",
        iccprofile=srgb_profile() if pixels.ndim == 3 else None,
        extratags=tags,
    )


@cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB, without the date of its making."""
    from PIL import ImageCms

    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    made[84:100] = bytes(16)  # the profile's own digest, which counts the date
    return bytes(made)


def pixel_digest(pixels: NDArray[Any]) -> str:
    """The BLAKE3 hash of a picture's samples with their type and shape, in hexadecimal."""
    array = np.ascontiguousarray(pixels)
    digest = blake3(f"{array.dtype.name} {array.shape}".encode())
    digest.update(array.data.cast("B"))
    return digest.hexdigest()
