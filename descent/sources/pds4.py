"""PDS4 labels: an XML file that says where in which file a picture lies, and when it was taken.

Source: PDS4 Data Dictionary (Array_2D_Image, Array_3D_Image), and its imaging, geometry and
mission dictionaries. Names are taken without their namespace, which changes from version to
version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descent.errors import Damaged, FormatError
from descent.sources import cahvor, odl
from descent.sources.label import (
    AGAIN,
    Label,
    exposure_of,
    named,
    said,
    white_of,
    whole_number,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_MOST_NODES = 200_000


class Pds4Error(ValueError):
    """What is wrong with a label."""


class EntitiesError(Pds4Error):
    """A label that is made to unpack, or to name other files."""


def parse(raw: bytes) -> Element:
    """The tree of a label, names without namespaces; Pds4Error for what is none.

    A label that declares a document type or entities is refused unread: no archive's does,
    and they are how a page of XML unpacks to gigabytes or names other files.
    """
    from xml.etree.ElementTree import ParseError, XMLPullParser

    if _DOCTYPE.search(raw) or b"\0" in raw:
        raise EntitiesError("declares entities, which no label needs")
    parser: Any = XMLPullParser(("start",))
    root: Element | None = None
    count = 0
    try:
        for at in range(0, len(raw), 1 << 16):
            parser.feed(raw[at : at + (1 << 16)])
            for _, node in parser.read_events():
                count += 1
                root = node if root is None else root
                node.tag = node.tag.rpartition("}")[2]
                if count > _MOST_NODES:
                    raise Pds4Error(f"holds more than {_MOST_NODES:,} elements")
        parser.close()
    except ParseError as error:
        raise Pds4Error(f"is no XML: {error}") from None
    if root is None or not root.tag.startswith("Product_"):
        raise Pds4Error("is no PDS4 label")
    return root


def text(node: Element | None, name: str) -> str | None:
    """The text of the first element of a name inside `node`, what was commanded aside."""
    if node is None:
        return None
    found = next(_named(node, name), None)
    return None if found is None or found.text is None else " ".join(found.text.split()) or None


def unit(node: Element, name: str) -> str:
    """The unit that the first element of a name gives, or ""."""
    found = next(_named(node, name), None)
    return "" if found is None else (found.get("unit") or "")


def _named(node: Element, name: str) -> Iterator[Element]:
    for child in node:
        if child.tag == name:
            yield child
        # What was asked of the camera is not what it did.
        if child.tag != "Commanded_Parameters":
            yield from _named(child, name)


def child(node: Element | None, *names: str) -> Element | None:
    """The first element of one of these names inside `node`."""
    if node is None:
        return None
    return next((found for name in names for found in _named(node, name)), None)


def pictures(root: Element) -> list[tuple[str, Element]]:
    """Each picture of the label as (file name, array)."""
    found: list[tuple[str, Element]] = []
    for area in root:
        if area.tag == "File_Area_Observational":
            name = text(area, "file_name")
            arrays = [a for a in area if a.tag in {"Array_2D_Image", "Array_3D_Image"}]
            found += [(name, array) for array in arrays if name]
    return found


def axes(array: Element) -> list[tuple[str, int]]:
    """The axes of an array as (name, length), slowest first; Pds4Error where they are unclear."""
    if text(array, "axis_index_order") != "Last Index Fastest":
        raise Pds4Error("does not say that its last index is the fastest")
    read = []
    for axis in array:
        if axis.tag == "Axis_Array":
            name, count, place = (
                text(axis, key) for key in ("axis_name", "elements", "sequence_number")
            )
            if not (name and count and place and count.isascii() and count.isdecimal()):
                raise Pds4Error("has an axis without name, length or place")
            read.append((int(place) if place.isdecimal() else 0, name, int(count)))
    read.sort()
    if [place for place, _, _ in read] != list(range(1, len(read) + 1)):
        raise Pds4Error("numbers its axes oddly")
    return [(name, count) for _, name, count in read]


def from_pds4(path: Path, source: Path, raw: bytes) -> Label:
    """What a PDS4 label says of the picture at `path`, or of its only one."""
    root = parse(raw)
    found = pictures(root)
    wanted = [(n, a) for n, a in found if path == source or n.lower() == path.name.lower()]
    if not wanted:
        names = ", ".join(n for n, _ in found) or "no picture"
        raise Damaged(
            f"the label beside it tells of {names[:120]}", where=str(path),
            do="name label and picture alike",
        )  # fmt: skip
    name, array = wanted[0]
    sides = axes(array)
    counts = {axis.lower(): count for axis, count in sides}
    order = "".join(axis[0].upper() for axis, _ in sides)
    storage = {"LS": "BSQ", "BLS": "BSQ", "LBS": "BIL", "LSB": "BIP"}.get(order)
    if storage is None:
        raise FormatError(f"its axes are {', '.join(n for n, _ in sides)}", where=str(path))
    kind = text(array, "data_type") or ""
    types = {"UnsignedByte": "u1", "UnsignedLSB2": "<u2", "UnsignedMSB2": ">u2",
             "SignedLSB2": "<u2", "SignedMSB2": ">u2"}  # fmt: skip
    if kind not in types:
        raise FormatError(
            f"its pixels are {kind or 'of no stated type'}", where=str(path),
            do="use 8 or 16 bit products",
        )  # fmt: skip
    if any(float(text(array, k) or d) != d for k, d in (("scaling_factor", 1.0),
                                                             ("value_offset", 0.0))):  # fmt: skip
        raise FormatError("its counts are scaled", where=str(path), do="use the raw product")
    if unit(array, "offset") not in {"byte", ""}:
        raise Damaged("its label gives no offset in bytes", where=str(source), do=AGAIN)
    exposure = text(child(root, "Exposure", "Imaging_Instrument_Parameters"),
                         "exposure_duration")  # fmt: skip
    span = child(root, "Exposure", "Imaging_Instrument_Parameters")
    if exposure is not None and span is not None:
        exposure = f"{exposure} <{unit(span, 'exposure_duration') or 'ms'}>"
    model, why = _pds4_model(root)
    bits = 8 if kind == "UnsignedByte" else 16
    return Label(
        path if path != source else named(path, source, name), source, "PDS4",
        whole_number(source, text(array, "offset") or "", "offset"),
        counts["line"], counts["sample"], counts.get("band", 1),
        types[kind], kind.startswith("Signed"),  # type: ignore[arg-type]
        storage, white_of(text(root, "sample_bit_mask"), bits), 0, 0,  # type: ignore[arg-type]
        said(text(root, "start_date_time")),
        said(text(root, "spacecraft_clock_start")),
        exposure_of(exposure), model, why,
    )  # fmt: skip


_PARTS = {
    "C": ("Vector_Center", ("x_position", "y_position", "z_position")),
    "A": ("Vector_Axis", ("x_unit", "y_unit", "z_unit")),
    "H": ("Vector_Horizontal", ("x_pixel", "y_pixel", "z_pixel")),
    "V": ("Vector_Vertical", ("x_pixel", "y_pixel", "z_pixel")),
    "O": ("Vector_Optical", ("x_unit", "y_unit", "z_unit")),
    "R": ("Radial_Terms", ("c0", "c1", "c2")),
    "E": ("Entrance_Terms", ("c0", "c1", "c2")),
}


def _pds4_model(root: Element) -> tuple[cahvor.CameraModel | None, str]:
    kinds = ("CAHVORE", "CAHVOR", "CAHV")
    node = child(root, *(f"{kind}_Model" for kind in kinds))
    if node is None:
        return None, "its label holds no camera model"
    vectors = {
        letter: _floats(text(child(node, part), key) for key in keys)
        for letter, (part, keys) in _PARTS.items()
    }
    fish = [_floats([text(node, f"cahvore_model_{key}")]) for key in ("type", "parameter")]
    try:
        kind = node.tag.removesuffix("_Model")
        mtype, mparm = (f[0] if f else None for f in fish)
        return cahvor.model(kind, vectors, mtype=mtype, mparm=mparm), ""
    except cahvor.ModelError as error:
        return None, str(error)


def _floats(texts: Iterable[str | None]) -> list[float]:
    read = [odl.number(text) for text in texts if text is not None]
    return [float(value[0]) for value in read if value is not None]
