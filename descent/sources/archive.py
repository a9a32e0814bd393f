"""Pictures of planetary archives: PDS3 labels (ODL), VICAR labels, and the pixels behind them.

Reads what mission archives hold for cameras: an embedded or detached PDS3 label, a VICAR
label, uncompressed pixels of 8 or 16 bits in band, line or sample order. Keywords as in the
PDS Standards Reference 3.8 and the VICAR file format description.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descent.errors import Damaged, FormatError, HostileInput

_PAIR = re.compile(
    r"^\s*(\^?[A-Z][\w:]*)\s*=\s*(\"[^\"]*\"|\((?:[^()\"]|\"[^\"]*\"|\([^()]*\))*\)|[^\r\n]*)",
    re.MULTILINE,
)
_VICAR = re.compile(r"([A-Z_0-9]+)=('(?:[^']|'')*'|\([^)]*\)|\S+)")
_MAX_LABEL = 4 << 20
_LIMIT_PX = 256_000_000


@dataclass(frozen=True, slots=True)
class Label:
    """A picture's label: where its pixels lie, of what kind, and every keyword it gives.

    `order` is BSQ, BIL or BIP; `dtype` as numpy writes it with its byte order; `white` the
    value of full scale, from the bit mask where there is one. `words` maps each keyword to
    its text, the first one where several objects repeat it.
    """

    path: Path
    offset: int
    rows: int
    cols: int
    bands: int
    dtype: str
    order: str
    white: int
    words: dict[str, str]
    prefix: int = 0

    @property
    def start_time(self) -> str | None:
        """START_TIME in UTC, as the label writes it."""
        return self.words.get("START_TIME")

    @property
    def sclk(self) -> str | None:
        """SPACECRAFT_CLOCK_START_COUNT, as the label writes it, without partition."""
        text = self.words.get("SPACECRAFT_CLOCK_START_COUNT")
        return None if text is None else text.rsplit("/", 1)[-1]

    @property
    def exposure_s(self) -> float | None:
        """EXPOSURE_DURATION in s. Labels of landing cameras are known to be wrong here."""
        text = self.words.get("EXPOSURE_DURATION", "")
        found = re.match(r"([-+.\dEe]+)\s*(?:<\s*(\w+)\s*>)?", text)
        if found is None:
            return None
        unit = {"s": 1.0, "sec": 1.0, "seconds": 1.0}.get((found[2] or "ms").lower(), 1e-3)
        return float(found[1]) * unit


def read_label(path: Path) -> Label:
    """The label of an archive picture: in the file, or in the .LBL beside it.

    Raises `Damaged` when it does not describe the file, `FormatError` for pixels of a kind
    that is not read, `HostileInput` when it points outside the folder or promises too much.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(_MAX_LABEL)
    if head.startswith(b"LBLSIZE="):
        return _from_vicar(path, head, 0)
    text = head.decode("latin-1")
    label = _from_pds(path, text)
    if label is None:
        for suffix in (".LBL", ".lbl"):
            beside = path.with_suffix(suffix)
            if beside.is_file():
                label = _from_pds(path, beside.read_bytes()[:_MAX_LABEL].decode("latin-1"))
                break
    if label is None:
        raise Damaged("no label tells where its pixels lie", where=str(path), do="fetch its .LBL")
    return label


def _from_pds(path: Path, text: str) -> Label | None:
    end = re.search(r"^END\s*$", text, re.MULTILINE)
    text = text[: end.start()] if end else text
    if "^IMAGE" not in text:
        return None
    words: dict[str, str] = {}
    for name, value in _PAIR.findall(text):
        words.setdefault(name.split(":")[-1], _clean(value))
    image = re.search(r"^\s*OBJECT\s*=\s*IMAGE\s*$(.*?)^\s*END_OBJECT", text, re.M | re.S)
    if image is None:
        return None
    inside = {name: _clean(value) for name, value in _PAIR.findall(image[1])}
    record = int(words.get("RECORD_BYTES", "1"))
    target, offset = _pointer(path, words.get("^IMAGE", ""), record)
    if inside.get("ENCODING_TYPE", "N/A") not in {"N/A", "NONE", ""}:
        raise FormatError(f"its pixels are packed by {inside['ENCODING_TYPE']}", where=str(path))
    bits = int(inside.get("SAMPLE_BITS", "8"))
    dtype = _pds_dtype(path, inside.get("SAMPLE_TYPE", "UNSIGNED_INTEGER"), bits)
    order = {"LINE_INTERLEAVED": "BIL", "SAMPLE_INTERLEAVED": "BIP"}.get(
        inside.get("BAND_STORAGE_TYPE", ""), "BSQ"
    )
    mask = re.search(r"2#([01]+)#", inside.get("SAMPLE_BIT_MASK", ""))
    white = int(mask[1], 2) if mask and "1" in mask[1] else (1 << bits) - 1
    return _checked(
        Label(
            target,
            offset,
            int(inside["LINES"]),
            int(inside["LINE_SAMPLES"]),
            int(inside.get("BANDS", "1")),
            dtype,
            order,
            white,
            words,
            int(inside.get("LINE_PREFIX_BYTES", "0")),
        )
    )


def _clean(value: str) -> str:
    return re.sub(r"\s+", " ", value.strip().strip('"')).strip()


def _pointer(path: Path, text: str, record: int) -> tuple[Path, int]:
    """The file and byte that ^IMAGE names: a record number, bytes, or a file and either."""
    found = re.fullmatch(
        r'\(?\s*(?:"?([^",()]+\.\w+)"?\s*,?)?\s*(?:(\d+)\s*(<\s*BYTES\s*>)?)?\s*\)?',
        text,
        re.IGNORECASE,
    )
    if found is None or not (found[1] or found[2]):
        raise Damaged(f"its label points nowhere (^IMAGE = {text})", where=str(path))
    target = path
    if found[1]:
        if Path(found[1]).name != found[1]:
            raise HostileInput("its label points outside its folder", where=str(path))
        target = path.with_name(found[1])
        if not target.exists():
            # Archives rename files in another case; the picture at hand is then the one meant.
            target = path
    place = int(found[2] or 1)
    return target, place - 1 if found[3] else (place - 1) * record


def _pds_dtype(path: Path, kind: str, bits: int) -> str:
    little = kind.startswith(("LSB", "PC", "VAX"))
    if "REAL" in kind or bits not in {8, 16}:
        raise FormatError(
            f"its pixels are {bits}-bit {kind}", where=str(path), do="use 8 or 16 bit products"
        )
    # Missions write counts, which are never negative, as signed 16 bits.
    return "u1" if bits == 8 else ("<u2" if little else ">u2")


def _from_vicar(path: Path, head: bytes, at: int) -> Label:
    size = int(re.match(rb"LBLSIZE=(\d+)", head[at:])[1])  # type: ignore[index]
    text = head[at : at + size].decode("latin-1")
    words: dict[str, str] = {}
    for name, value in _VICAR.findall(text):
        words.setdefault(name, value.strip("'").replace("''", "'"))
    kinds = {"BYTE": "u1", "HALF": "<u2" if words.get("INTFMT") == "LOW" else ">u2"}
    if words.get("FORMAT") not in kinds or words.get("COMPRESS", "NONE") != "NONE":
        raise FormatError(
            f"its pixels are {words.get('FORMAT')}, packed by {words.get('COMPRESS', 'NONE')}",
            where=str(path),
            do="use uncompressed BYTE or HALF products",
        )
    dtype = kinds[words["FORMAT"]]
    start = at + size + int(words.get("NLB", "0")) * int(words.get("RECSIZE", "0"))
    mask = re.search(r"2#([01]+)#", words.get("SAMPLE_BIT_MASK", ""))
    white = int(mask[1], 2) if mask and "1" in mask[1] else (255 if dtype == "u1" else 65535)
    bands = int(words.get("NB", "1"))
    return _checked(
        Label(
            path,
            start,
            int(words["NL"]),
            int(words["NS"]),
            bands,
            dtype,
            words.get("ORG", "BSQ"),
            white,
            words,
            int(words.get("NBB", "0")),
        )
    )


def _checked(label: Label) -> Label:
    if label.rows * label.cols * label.bands > _LIMIT_PX:
        raise HostileInput(
            f"its label promises {label.cols} x {label.rows} px of {label.bands} bands",
            where=str(label.path),
            do="check the file",
        )
    if label.rows < 1 or label.cols < 1 or label.bands not in {1, 3}:
        raise FormatError(
            f"a picture of {label.cols} x {label.rows} px with {label.bands} bands",
            where=str(label.path),
            do="use products of one band or three",
        )
    return label


def read_pixels(label: Label) -> NDArray[Any]:
    """The pixels a label describes: (rows, cols) or (rows, cols, 3), uint8 or uint16.

    Raises `Damaged` when the file ends before them.
    """
    item = np.dtype(label.dtype).itemsize
    across = label.cols * (label.bands if label.order == "BIP" else 1)
    stride = label.prefix + across * item
    lines = label.rows * (1 if label.order == "BIP" else label.bands)
    with label.path.open("rb") as file:
        file.seek(label.offset)
        raw = file.read(lines * stride)
    if len(raw) < lines * stride:
        raise Damaged(
            f"holds {len(raw):,} of {lines * stride:,} bytes of pixels",
            where=str(label.path),
            do="fetch the file again",
        )
    body = np.frombuffer(raw, np.uint8).reshape(lines, stride)[:, label.prefix :]
    samples = np.ascontiguousarray(body).view(label.dtype)
    native = samples.astype(np.uint8 if item == 1 else np.uint16)
    if label.bands == 1:
        return native
    if label.order == "BSQ":
        return np.ascontiguousarray(native.reshape(3, label.rows, label.cols).transpose(1, 2, 0))
    if label.order == "BIL":
        return np.ascontiguousarray(native.reshape(label.rows, 3, label.cols).transpose(0, 2, 1))
    return native.reshape(label.rows, label.cols, 3)
