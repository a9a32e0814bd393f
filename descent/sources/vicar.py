"""VICAR labels: one line of words and values, system words first, then sections by property.

Source: the VICAR File Format, Jet Propulsion Laboratory, Multimission Image Processing.
"""

from __future__ import annotations

import re
from pathlib import Path

from descent.errors import Damaged, FormatError
from descent.sources import odl
from descent.sources.label import (
    AGAIN,
    Label,
    Samples,
    exposure_of,
    model_of,
    number_of,
    said,
    white_of,
)
from descent.sources.odl import Group, OdlError

_HEAD = re.compile(rb"LBLSIZE=(\d{1,9})\s")
_WORD = re.compile(
    r"[\s\0]*+(?:([A-Za-z_]\w*)=('(?:[^']|'')*+'|\((?:[^()']|'(?:[^']|'')*+')*+\)|[^\s'()\0]++))?"
)


def label_size(head: bytes) -> int | None:
    """How many bytes the label that `head` starts with takes; None where it is no label."""
    found = _HEAD.match(head)
    return None if found is None else int(found[1])


def parse(text: str) -> Group:
    """The words of a label; each PROPERTY and TASK section is a group inside.

    Raises OdlError where the label cannot be read to its end.
    """
    root = Group("")
    here = root
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None or found.end() == at:
            raise OdlError(f"character {at + 1} of its label cannot be read")
        at = found.end()
        name, value = found[1], found[2]
        if name is None:
            continue
        if name in {"PROPERTY", "TASK"}:
            here = Group(_plain(value))
            root.inside.append(here)
        here.words.setdefault(name, value)
    return root


def _plain(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def from_vicar(path: Path, raw: bytes) -> Label:
    """What the VICAR label that `raw` starts with says of the picture it stands in."""
    size = label_size(raw)
    if size is None or size > len(raw):
        raise Damaged("its label breaks off", where=str(path), do=AGAIN)
    root = parse(raw[:size].decode("latin-1"))
    words = {name: odl.clean(value) for name, value in root.words.items()}
    form, packed = words.get("FORMAT", ""), words.get("COMPRESS", "NONE")
    if form not in {"BYTE", "HALF", "WORD"} or packed != "NONE":
        raise FormatError(
            f"its pixels are {form or 'of no stated format'}, packed by {packed}",
            where=str(path), do="use uncompressed BYTE or HALF products",
        )  # fmt: skip
    dtype: Samples = "u1"
    if form != "BYTE":
        order = words.get("INTFMT", "")
        if order not in {"HIGH", "LOW"}:
            raise Damaged("its label does not give INTFMT", where=str(path), do=AGAIN)
        dtype = "<u2" if order == "LOW" else ">u2"
    storage = words.get("ORG", "BSQ")
    if storage not in {"BSQ", "BIL", "BIP"}:
        raise FormatError(f"its bands are stored {storage}", where=str(path))
    header = number_of(path, words, "NLB", 0) * number_of(path, words, "RECSIZE", 0)
    exposure = root.first("EXPOSURE_DURATION")
    given = root.first("EXPOSURE_DURATION__UNIT")
    if exposure is not None and given is not None:
        exposure = f"{odl.clean(exposure)} <{odl.clean(given)}>"
    bits = 8 * int(dtype[-1])
    model, why = model_of(root.find("GEOMETRIC_CAMERA_MODEL"))
    label = Label(
        path, path, "VICAR", size + header,
        number_of(path, words, "NL"), number_of(path, words, "NS"),
        number_of(path, words, "NB", 1), dtype, dtype != "u1",
        storage,  # type: ignore[arg-type]
        white_of(root.first("SAMPLE_BIT_MASK"), bits), number_of(path, words, "NBB", 0), 0,
        said(odl.clean(root.first("START_TIME") or "")),
        said(odl.clean(root.first("SPACECRAFT_CLOCK_START_COUNT") or "").rsplit("/", 1)[-1]),
        exposure_of(exposure), model, why,
    )  # fmt: skip
    record = number_of(path, words, "RECSIZE")
    if record != label.line_bytes:
        raise Damaged(
            f"its label gives {record} bytes a record where {label.cols} px take "
            f"{label.line_bytes}",
            where=str(path), do=AGAIN,
        )  # fmt: skip
    return label
