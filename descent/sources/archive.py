"""Pictures of planetary archives: their label, in the file or beside it, and the pixels behind it.

Reads PDS3 labels (attached, or detached as .LBL), PDS4 labels (.xml) and VICAR labels, and
uncompressed pixels of 8 or 16 bits in band, line or sample order.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from descent.errors import Damaged, FormatError, HostileInput
from descent.sources import odl, pds4, vicar
from descent.sources.label import AGAIN, Label, held
from descent.sources.pds3 import from_pds3
from descent.sources.pds4 import from_pds4
from descent.sources.vicar import from_vicar

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STARTS", "Label", "beside", "is_label", "read_label", "read_pixels"]

STARTS = (b"PDS_VERSION_ID", b"ODL_VERSION_ID", b"LBLSIZE=", b"CCSD")
LABEL_SUFFIXES = frozenset({".lbl", ".xml"})
_READ = 1 << 16  # most labels are shorter; a longer one is read on
_FETCH = "fetch its .LBL or .xml and put it beside it"
_END = re.compile(rb"\nEND[ \t]*[\r\n]")


def is_label(path: Path | str) -> bool:
    """Whether a name is that of a label beside a picture."""
    return Path(path).suffix.lower() in LABEL_SUFFIXES


def beside(path: Path) -> Path | None:
    """The label beside a picture: its name with .LBL, else with .xml; None where none is."""
    for suffix in (".LBL", ".lbl", ".xml", ".XML"):
        label = path.with_suffix(suffix)
        if label != path and label.is_file():
            return label
    return None


def read_label(path: Path) -> Label:
    """The label of an archive picture: in the file, or in the .LBL or .xml beside it.

    `path` may also be a detached label; the picture is then the one that it names. Raises
    `Damaged` when it cannot be read or does not fit the file, `FormatError` for pixels of a
    kind that is not read, `HostileInput` when it points elsewhere or promises too much.
    """
    path = Path(path)
    try:
        return held(_find(path))
    except odl.OdlError as error:
        raise Damaged(f"its label breaks off: {error}", where=str(path), do=AGAIN) from None
    except pds4.EntitiesError as error:
        raise HostileInput(f"its label {error}", where=str(path), do="remove it") from None
    except pds4.Pds4Error as error:
        raise Damaged(f"its label {error}", where=str(path), do=AGAIN) from None


def _find(path: Path) -> Label:
    head = _head(path)
    if _is_xml(path, head):
        return from_pds4(path, path, _whole(path, head))
    if head.startswith(b"LBLSIZE="):
        return from_vicar(path, _whole(path, head))
    if head.startswith(STARTS):
        found = from_pds3(path, path, _odl(_whole(path, head)))
        if found is not None:
            return found
    source = beside(path)
    if source is None:
        raise Damaged("no label tells where its pixels lie", where=str(path), do=_FETCH)
    head = _head(source)
    if _is_xml(source, head):
        return from_pds4(path, source, _whole(source, head))
    found = from_pds3(path, source, _odl(_whole(source, head)))
    if found is None:
        raise Damaged("its label tells of no picture", where=str(source), do=_FETCH)
    return found


def _is_xml(path: Path, head: bytes) -> bool:
    return path.suffix.lower() == ".xml" or head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml")


def _odl(raw: bytes) -> odl.Group:
    text = raw.decode("latin-1")
    if text.startswith("CCSD"):  # one line that says what follows
        text = text.partition("\n")[2]
    return odl.parse(text)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_READ)


def _whole(path: Path, head: bytes) -> bytes:
    """The file as far as a label may reach; the head where that holds one already."""
    size = vicar.label_size(head)
    if len(head) < _READ or (size is not None and size <= len(head)):
        return head
    if size is None and not _is_xml(path, head) and _END.search(head):
        return head
    with path.open("rb") as file:
        return file.read(odl.LARGEST_BYTES)


def read_pixels(label: Label) -> NDArray[Any]:
    """The pixels a label describes: (rows, cols) or (rows, cols, 3), uint8 or uint16.

    Raises `Damaged` when the file ends before them, or a value is larger than the label's bit
    mask; `FormatError` where counts are negative, which no camera's are.
    """
    import numpy as np

    item = int(label.dtype[-1])
    wanted = label.lines * label.line_bytes
    with label.path.open("rb") as file:
        file.seek(label.offset)
        raw = file.read(wanted)
    if len(raw) < wanted:
        raise Damaged(
            f"holds {len(raw):,} of {wanted:,} bytes of pixels",
            where=str(label.path), do="fetch the file again",
        )  # fmt: skip
    end = label.line_bytes - label.suffix
    lines = np.frombuffer(raw, np.uint8).reshape(label.lines, label.line_bytes)
    samples = np.ascontiguousarray(lines[:, label.prefix : end]).view(label.dtype)
    native = samples.astype(np.uint8 if item == 1 else np.uint16)
    most = int(native.max())
    if label.signed and most >= 1 << (8 * item - 1):
        raise FormatError(
            "holds negative counts", where=str(label.path), do="use the product of raw counts"
        )
    if most > label.white:
        raise Damaged(
            f"holds {most}, more than the {label.white} that its label allows",
            where=str(label.path), do=AGAIN,
        )  # fmt: skip
    if label.bands == 1:
        return native
    if label.order == "BSQ":
        return np.ascontiguousarray(native.reshape(3, label.rows, label.cols).transpose(1, 2, 0))
    if label.order == "BIL":
        return np.ascontiguousarray(native.reshape(label.rows, 3, label.cols).transpose(0, 2, 1))
    return native.reshape(label.rows, label.cols, 3)
