"""What a label says of a picture, whatever format says it, held against the picture's file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from descent.errors import Damaged, FormatError, HostileInput, SourceError
from descent.sources import cahvor, odl

LIMIT_PX = 256_000_000
AGAIN = "fetch it again, with its label"
_EXPOSURE_S = {
    "": Fraction(1, 1000), "ms": Fraction(1, 1000), "msec": Fraction(1, 1000),
    "milliseconds": Fraction(1, 1000), "s": Fraction(1), "sec": Fraction(1),
    "seconds": Fraction(1), "second": Fraction(1), "us": Fraction(1, 10**6),
    "microseconds": Fraction(1, 10**6),
}  # fmt: skip
EMPTY = frozenset({"", "N/A", "UNK", "NULL", "UNKNOWN", "NONE"})

Order = Literal["BSQ", "BIL", "BIP"]
Samples = Literal["u1", "<u2", ">u2"]


@dataclass(frozen=True, slots=True)
class Label:
    """A picture's label: where its pixels lie and of what kind, and what it tells of them.

    `path` is the file of the pixels, `source` that of the label. `dtype` is as numpy writes
    it, with its byte order; `signed` that the label calls its counts signed; `white` the value
    of full scale, from the bit mask where there is one. `prefix` and `suffix` are bytes of
    each stored line that are no pixels. `start_time` (UTC) and `sclk` are as written;
    `exposure_s` exact. `model` is the camera model, or None with the reason in `no_model`.
    """

    path: Path
    source: Path
    kind: Literal["PDS3", "PDS4", "VICAR"]
    offset: int
    rows: int
    cols: int
    bands: int
    dtype: Samples
    signed: bool
    order: Order
    white: int
    prefix: int = 0
    suffix: int = 0
    start_time: str | None = None
    sclk: str | None = None
    exposure_s: Fraction | None = None
    model: cahvor.CameraModel | None = None
    no_model: str = ""

    @property
    def line_bytes(self) -> int:
        """How many bytes a stored line takes, what is no pixel included."""
        across = self.cols * (self.bands if self.order == "BIP" else 1)
        return self.prefix + across * int(self.dtype[-1]) + self.suffix

    @property
    def lines(self) -> int:
        """How many lines are stored, over all bands."""
        return self.rows * (1 if self.order == "BIP" else self.bands)


def said(text: str | None) -> str | None:
    """A word of a label, or None where it says that there is none."""
    return None if text is None or text.upper() in EMPTY else text


def whole_number(source: Path, text: str, name: str) -> int:
    """A whole number, as a label gives `name`; `Damaged` for anything else."""
    plain = odl.clean(text).split("<")[0].strip()
    if not re.fullmatch(r"\d{1,12}", plain, re.ASCII):
        raise Damaged(f"its label gives {name} as {plain[:40]!r}", where=str(source), do=AGAIN)
    return int(plain)


def number_of(source: Path, words: dict[str, str], name: str, default: int | None = None) -> int:
    """The whole number that `words` give for a name; `Damaged` where they give none."""
    if name not in words:
        if default is not None:
            return default
        raise Damaged(f"its label does not give {name}", where=str(source), do=AGAIN)
    return whole_number(source, words[name], name)


def named(path: Path, source: Path, name: str) -> Path:
    """The picture that a label names, beside it; in another case, the one at hand."""
    if Path(name).name != name or "\\" in name or "\0" in name:
        raise HostileInput(
            f"its label points outside its folder, to {name[:80]!r}", where=str(source),
            do="remove it, or add it to skip",
        )  # fmt: skip
    if path != source and path.name.lower() == name.lower():
        return path
    target = source.with_name(name)
    if not target.is_file():
        near = source.with_suffix(target.suffix)
        lower = [p for p in (source.with_name(name.lower()), near, source.with_name(name.upper()))
                 if p != source and p.name.lower() == name.lower() and p.is_file()]  # fmt: skip
        if not lower:
            raise Damaged(
                f"its label names {name}, which is not beside it", where=str(source),
                do="fetch the picture too, under the name that its label gives",
            )  # fmt: skip
        target = lower[0]
    if path not in (source, target):
        raise Damaged(
            f"the label beside it is that of {name}", where=str(path),
            do="name label and picture alike",
        )  # fmt: skip
    return target


def dtype_of(path: Path, kind: str, bits: int) -> Samples:
    """How numpy writes a label's SAMPLE_TYPE; `FormatError` for what is not read."""
    if "INTEGER" not in kind or bits not in {8, 16}:
        raise FormatError(
            f"its pixels are {bits}-bit {kind or 'of no stated type'}", where=str(path),
            do="use 8 or 16 bit products",
        )  # fmt: skip
    if bits == 8:
        return "u1"
    return "<u2" if kind.startswith(("LSB", "PC", "VAX")) else ">u2"


def white_of(mask: str | None, bits: int) -> int:
    """The value of full scale: all ones of the bit mask, or of the stored bits."""
    found = re.search(r"2#([01]+)#?", mask or "")
    return int(found[1], 2) if found and "1" in found[1] else (1 << bits) - 1


def exposure_of(text: str | None) -> Fraction | None:
    """Seconds of an EXPOSURE_DURATION, which is in ms unless it says; None where unclear."""
    read = None if text is None else odl.number(text)
    if read is None or read[0] < 0 or read[1] not in _EXPOSURE_S:
        return None
    return read[0] * _EXPOSURE_S[read[1]]


def model_of(group: odl.Group | None) -> tuple[cahvor.CameraModel | None, str]:
    """The camera model of a label's group, or None and why."""
    if group is None:
        return None, "its label holds no camera model"
    letters = [letter.upper() for letter in odl.items(group.words.get("MODEL_COMPONENT_ID", ""))]
    kind = odl.clean(group.words.get("MODEL_TYPE", "")).upper()
    vectors: dict[str, list[float]] = {}
    for count, letter in enumerate(letters, 1):
        read = [odl.number(v) for v in odl.items(group.words.get(f"MODEL_COMPONENT_{count}", ""))]
        vectors[letter] = [float(v[0]) for v in read if v is not None]
    flat = {letter: v[0] for letter, v in vectors.items() if len(v) == 1}
    try:
        made = cahvor.model(kind, vectors, mtype=flat.get("T"), mparm=flat.get("P"))
    except cahvor.ModelError as error:
        return None, str(error)
    return made, ""


def held(label: Label) -> Label:
    """The label, when its picture is one that is read and all its bytes are in the file."""
    where = str(label.path)
    if label.rows * label.cols * label.bands > LIMIT_PX:
        raise HostileInput(
            f"its label promises {label.cols} x {label.rows} px of {label.bands} bands",
            where=where, do="check the file",
        )  # fmt: skip
    if label.rows < 1 or label.cols < 1 or label.bands not in {1, 3}:
        raise FormatError(
            f"a picture of {label.cols} x {label.rows} px with {label.bands} bands",
            where=where, do="use products of one band or three",
        )  # fmt: skip
    if label.line_bytes > 1 << 24:
        raise HostileInput(f"its label promises lines of {label.line_bytes:,} bytes", where=where)
    try:
        size = label.path.stat().st_size
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise SourceError(what, where=where, do="check the disk") from None
    wanted = label.lines * label.line_bytes
    if size - label.offset < wanted:
        raise Damaged(
            f"holds {max(0, size - label.offset):,} of {wanted:,} bytes of pixels",
            where=where, do="fetch the file again",
        )  # fmt: skip
    return label
