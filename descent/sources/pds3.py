"""PDS3 labels of pictures: keywords of the IMAGE object, and the file and byte of ^IMAGE.

Source: PDS Standards Reference 3.8, appendix A.20 (IMAGE).
"""

from __future__ import annotations

import re
from pathlib import Path

from descent.errors import Damaged, FormatError
from descent.sources import odl
from descent.sources.label import (
    AGAIN,
    EMPTY,
    Label,
    dtype_of,
    exposure_of,
    model_of,
    named,
    number_of,
    said,
    white_of,
    whole_number,
)


def from_pds3(path: Path, source: Path, root: odl.Group) -> Label | None:
    """What a PDS3 label says of the picture at `path`; None where it tells of none."""
    image = next((g for g in root.inside if g.name == "IMAGE"), None) or root.find("IMAGE")
    pointer = root.words.get("^IMAGE")
    if pointer is None or image is None:
        return None
    words = {name: odl.clean(value) for name, value in image.words.items()}
    record = whole_number(source, root.words.get("RECORD_BYTES", "1"), "RECORD_BYTES")
    target, offset = _pointer(path, source, pointer, record)
    if words.get("ENCODING_TYPE", "N/A") not in EMPTY:
        raise FormatError(f"its pixels are packed by {words['ENCODING_TYPE']}", where=str(path))
    kind = words.get("SAMPLE_TYPE", "")
    bits = number_of(source, words, "SAMPLE_BITS")
    dtype = dtype_of(path, kind, bits)
    order = {"LINE_INTERLEAVED": "BIL", "SAMPLE_INTERLEAVED": "BIP", "BAND_SEQUENTIAL": "BSQ"}
    storage = words.get("BAND_STORAGE_TYPE", "BAND_SEQUENTIAL")
    bands = number_of(source, words, "BANDS", 1)
    if storage not in order and bands > 1:
        raise FormatError(f"its bands are stored {storage}", where=str(path))
    if any(words.get(k, "1" if k[0] == "S" else "0") not in _UNSCALED[k] for k in _UNSCALED):
        raise FormatError("its counts are scaled", where=str(path), do="use the raw product")
    start = odl.clean(root.first("START_TIME") or "")
    clock = odl.clean(root.first("SPACECRAFT_CLOCK_START_COUNT") or "")
    state = root.find("INSTRUMENT_STATE_PARMS") or root
    model, why = model_of(root.find("GEOMETRIC_CAMERA_MODEL", "GEOMETRIC_CAMERA_MODEL_PARMS"))
    return Label(
        target, source, "PDS3", offset,
        number_of(source, words, "LINES"), number_of(source, words, "LINE_SAMPLES"), bands,
        dtype, "UNSIGNED" not in kind, order.get(storage, "BSQ"),  # type: ignore[arg-type]
        white_of(words.get("SAMPLE_BIT_MASK"), bits),
        number_of(source, words, "LINE_PREFIX_BYTES", 0),
        number_of(source, words, "LINE_SUFFIX_BYTES", 0),
        said(start), said(clock.rsplit("/", 1)[-1]),
        exposure_of(state.first("EXPOSURE_DURATION") or root.first("EXPOSURE_DURATION")),
        model, why,
    )  # fmt: skip


_UNSCALED = {
    "SCALING_FACTOR": {"1", "1.0", *EMPTY},
    "OFFSET": {"0", "0.0", *EMPTY},
}


_PLACE = re.compile(r"(\d{1,12})\s*(<\s*BYTES\s*>)?", re.IGNORECASE | re.ASCII)


def _pointer(path: Path, source: Path, text: str, record: int) -> tuple[Path, int]:
    """The file and byte that ^IMAGE names: a record number, bytes, or a file and either."""
    parts = odl.items(text)
    name = next((p for p in parts if _PLACE.fullmatch(p) is None), None)
    place = next((p for p in parts if p != name), "1")
    count = _PLACE.fullmatch(place)
    if count is None or len(parts) > 2 or int(count[1]) < 1:
        raise Damaged(
            f"its label points nowhere (^IMAGE = {odl.clean(text)[:80]})",
            where=str(source), do=AGAIN,
        )  # fmt: skip
    offset = int(count[1]) - 1 if count[2] else (int(count[1]) - 1) * record
    return (path if name is None else named(path, source, name)), offset
