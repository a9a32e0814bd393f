"""The public feed's JSON beside a raw picture: its clock, size and camera model, held to sense.

Two forms are read: the record that lies beside one picture, and a page of the feed with many
under `images`. What is UNK is None; a key that is absent is too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from descent.errors import Damaged, HostileInput
from descent.sources import cahvor

LARGEST_BYTES = 64 << 20
BESIDE = ("-metadata.json", ".json")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """What the public feed says of one picture.

    `sclk` is the spacecraft clock as written, in decimal seconds (for landing cameras the
    making of the product); `utc` the text of `date_taken_utc`. `size` is (rows, cols) of the
    published picture; `subframe` (first row, first column, rows, cols) on the detector,
    counted from 1; `scale` how many detector px a published one stands for. `model` is
    the camera model, or None with the reason in `no_model`. The feed tells no exposure.
    """

    imageid: str
    instrument: str | None
    sol: int | None
    sclk: str | None
    utc: str | None
    size: tuple[int, int] | None
    subframe: tuple[int, int, int, int] | None
    scale: int | None
    mast_azimuth_deg: float | None
    mast_elevation_deg: float | None
    model: cahvor.CameraModel | None
    no_model: str = ""


def read_feed(path: Path) -> tuple[FeedRecord, ...]:
    """The records in a JSON file of the public feed, one a picture.

    Raises `Damaged` for what is no such file, `HostileInput` for one that is far too large.
    """
    path = Path(path)
    if path.stat().st_size > LARGEST_BYTES:
        raise HostileInput("is too large for a record of the feed", where=str(path), do="remove it")
    try:
        raw = json.loads(path.read_bytes(), parse_float=Decimal, parse_constant=_no_constant)
        images = raw["images"] if isinstance(raw, Mapping) and "images" in raw else [raw]
        return tuple(_record(image) for image in images)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(
            f"is no record of the public feed ({type(error).__name__}: {str(error)[:120]})",
            where=str(path), do="fetch it again",
        ) from None  # fmt: skip


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _record(image: Any) -> FeedRecord:
    if not isinstance(image, Mapping) or not isinstance(image.get("imageid"), str):
        raise ValueError("no imageid")
    # The feed's pages keep some words under `extended` and `camera`; single records do not.
    flat: dict[str, Any] = {}
    for part in (image, image.get("extended"), image.get("camera")):
        flat.update({_key(k): v for k, v in part.items()} if isinstance(part, Mapping) else {})
    size = _whole(flat.get("dimension"), 2)
    frame = _whole(flat.get("subframerect"), 4)
    scale = _whole(flat.get("scalefactor"), 1)
    sol = _whole(flat.get("sol"), 1)
    sclk, azimuth, elevation = (_numbers(flat.get(key)) for key in ("sclk", "mastaz", "mastel"))
    model, why = _model(flat)
    utc = flat.get("datetakenutc")
    return FeedRecord(
        image["imageid"], _text(flat.get("instrument")), sol[0] if sol else None,
        _decimal(sclk), _text(utc), (size[1], size[0]) if size else None,
        (frame[1], frame[0], frame[3], frame[2]) if frame else None, scale[0] if scale else None,
        float(azimuth[0]) if azimuth else None, float(elevation[0]) if elevation else None,
        model, why,
    )  # fmt: skip


def _key(name: Any) -> str:
    return str(name).replace("_", "").lower()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in {"", "UNK"} else None


def _numbers(value: Any) -> list[Fraction]:
    """The numbers of `12`, `"1.5"`, `[1, 2]` or `"(1,2)"`; none where one of them is not one."""
    if isinstance(value, list | tuple):
        parts = [str(part) for part in value]
    else:
        parts = str(value).strip().strip("()").split(",") if value is not None else []
    parts = [part.strip() for part in parts]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        return []
    return [Fraction(part) for part in parts]


def _whole(value: Any, count: int) -> list[int]:
    read = _numbers(value)
    good = len(read) == count and all(v.denominator == 1 and abs(v) < 10**6 for v in read)
    return [int(v) for v in read] if good else []


def _decimal(read: list[Fraction]) -> str | None:
    if len(read) != 1 or not 0 <= read[0] < 10**12:
        return None
    digits = 0
    while digits < 12 and (read[0] * 10**digits).denominator != 1:
        digits += 1
    whole, part = divmod(int(read[0] * 10**digits), 10**digits)
    return f"{whole}.{part:0{digits}d}" if digits else str(whole)


def _model(flat: Mapping[str, Any]) -> tuple[cahvor.CameraModel | None, str]:
    kind, listed = flat.get("cameramodeltype"), flat.get("cameramodelcomponentlist")
    if not isinstance(kind, str) or not isinstance(listed, str) or "UNK" in (kind, listed):
        return None, "the feed gives no camera model"
    parts = [_numbers(part) for part in listed.split(";")]
    vectors = [[float(v) for v in part] for part in parts if len(part) == 3]
    rest = [float(part[0]) for part in parts if len(part) == 1]
    try:
        return cahvor.from_list(kind, vectors, rest), ""
    except cahvor.ModelError as error:
        return None, str(error)
