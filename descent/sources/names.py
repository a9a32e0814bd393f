"""Mars 2020 file names, every field, as the archive and the public feed write them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

# 54 characters, at fixed places; the last two (version) may be absent on the public feed.
_FULL = re.compile(
    r"(?P<prefix>(?:Mars_Perseverance_)?)"
    r"(?P<instrument>[A-Z][A-Z0-9])(?P<colour>[A-Z0-9_])(?P<special>[A-Z0-9_])"
    r"(?P<sol>\d{4})(?P<venue>[A-Z_])"
    r"(?P<clock_s>\d{10})_(?P<clock_ms>\d{3})"
    r"(?P<product>[A-Z][A-Z0-9]{2})(?P<geometry>[A-Z_])(?P<sample>[A-Z_])"
    r"(?P<site>[A-Z0-9_]{3})(?P<drive>[A-Z0-9_]{4})"
    r"(?P<sequence>[A-Z0-9_]{9})(?P<camera_specific>[A-Z0-9_]{4})"
    r"(?P<downsample>[0-9_])(?P<compression>[A-Z0-9_]{2})(?P<producer>[A-Z_])"
    r"(?P<version>[A-Z0-9_]{2})?"
    r"(?P<words>(?:[_. -].*)?)",
    re.IGNORECASE,
)
# A landing camera's name that someone shortened, such as EBF_0001_0667022756_679ECV_parachute.
_SHORT = re.compile(
    r"(?P<prefix>(?:Mars_Perseverance_)?)"
    r"(?P<instrument>E[ABCSUDL])(?P<colour>[EFMRGB_])(?P<special>[A-Z0-9_])"
    r"(?P<sol>\d{4})(?P<venue>[A-Z_])"
    r"(?:(?P<clock_s>\d{10})_(?P<clock_ms>\d{3})(?P<product>[A-Z][A-Z0-9]{2})?)?"
    r"(?P<words>(?:[_. -]?.*))",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"\.(png|jpe?g|tiff?|img|vic|xml|lbl|json|mp4|mov|mkv|avi)$", re.IGNORECASE)
_SCALED = re.compile(r"_(\d{3,4})$")
_LOSSLESS = frozenset({"LU", "LI", "LL", "LM"})

LANDING_CAMERAS = {
    "EA": "parachute up-look A",
    "EB": "parachute up-look B",
    "EC": "parachute up-look C",
    "ES": "descent-stage down-look",
    "EU": "rover up-look",
    "ED": "rover down-look",
    "EL": "lander vision",
}


class Mars2020Name(NamedTuple):
    """One Mars 2020 product name, field by field, as FILE NAMES of the archive define them.

    `clock_s` and `clock_ms` are the spacecraft clock (None in a shortened name). On the
    archive's landing products it is the time of exposure; on the public feed, the time the
    product was made. `site` and `drive` together hold the frame number of landing products.
    `words` is what people or the feed appended, `prefix` what they put in front.
    """

    instrument: str
    colour: str = "F"
    special: str = "_"
    sol: int = 0
    venue: str = "_"
    clock_s: int | None = None
    clock_ms: int | None = None
    product: str = ""
    geometry: str = "_"
    sample: str = "N"
    site: str = ""
    drive: str = ""
    sequence: str = ""
    camera_specific: str = ""
    downsample: str = ""
    compression: str = ""
    producer: str = ""
    version_text: str = ""
    words: str = ""
    prefix: str = ""

    @property
    def sclk(self) -> Fraction | None:
        """The spacecraft clock in exact seconds, or None in a name that lost it."""
        if self.clock_s is None or self.clock_ms is None:
            return None
        return Fraction(self.clock_s * 1000 + self.clock_ms, 1000)

    @property
    def thumbnail(self) -> bool:
        """Whether this is the small copy of a frame."""
        return self.sample == "T"

    @property
    def lossless(self) -> bool:
        """Whether nothing was lost in compression, as the name tells it."""
        return self.compression in _LOSSLESS

    @property
    def scaled_px(self) -> int | None:
        """The width the public feed scaled this copy to, or None for a full picture."""
        found = _SCALED.search(self.words)
        return int(found[1]) if found else None

    @property
    def frame_number(self) -> int | None:
        """The number in site and drive, which counts frames on the archive's landing products."""
        digits = self.site + self.drive
        return int(digits) if digits.isdecimal() else None

    @property
    def version(self) -> int:
        """The product version: 01 to 99, then A0, A1 ... ZZ; larger is newer, 0 is unwritten."""
        text = self.version_text
        if not text or "_" in text:
            return 0
        if text.isdecimal():
            return int(text)
        return 100 + int(text, 36) - int("A0", 36) if text[0].isalpha() else 0

    @property
    def landing(self) -> bool:
        """Whether the instrument is one of the descent cameras."""
        return self.instrument in LANDING_CAMERAS

    @property
    def complete(self) -> bool:
        """Whether every field is there, the version aside."""
        return self.producer != ""

    def text(self) -> str:
        """The name without folder and suffix, as it was parsed: 54 characters when complete."""
        head = f"{self.prefix}{self.instrument}{self.colour}{self.special}{self.sol:04}{self.venue}"
        if self.clock_s is not None and self.clock_ms is not None:
            head += f"{self.clock_s:010}_{self.clock_ms:03}{self.product}"
        if self.complete:
            head += (
                f"{self.geometry}{self.sample}{self.site}{self.drive}{self.sequence}"
                f"{self.camera_specific}{self.downsample}{self.compression}"
                f"{self.producer}{self.version_text}"
            )
        return head + self.words

    def __str__(self) -> str:
        return self.text()


def parse(name: str) -> Mars2020Name | None:
    """A file name as a record, or None when it is not a Mars 2020 name.

    Takes what the public feed does to names: a missing version, `_1200` and other words
    behind, `Mars_Perseverance_` before, any case. A shortened name is taken for landing
    cameras only, since two letters and a sol fit too many other files.
    """
    stem = _SUFFIX.sub("", name)
    found = _FULL.fullmatch(stem)
    if found is not None and stem.isupper():  # an archive's: nothing to mend, and there are many
        prefix, instrument, colour, special, sol, venue, clock, ms, *rest, version, words = (
            found.groups()
        )
        return Mars2020Name._make(
            (instrument, colour, special, int(sol), venue, int(clock), int(ms), *rest,
             version or "", words, prefix)
        )  # fmt: skip
    found = found or _SHORT.fullmatch(stem)
    if found is None:
        return None
    field = found.groupdict()
    clock_s = field["clock_s"]

    def upper(key: str, default: str = "") -> str:
        return (field.get(key) or default).upper()

    return Mars2020Name(
        upper("instrument"),
        upper("colour"),
        upper("special"),
        int(field["sol"]),
        upper("venue"),
        None if clock_s is None else int(clock_s),
        None if clock_s is None else int(field["clock_ms"]),
        upper("product"),
        upper("geometry", "_"),
        upper("sample", "N"),
        upper("site"),
        upper("drive"),
        upper("sequence"),
        upper("camera_specific"),
        upper("downsample"),
        upper("compression"),
        upper("producer"),
        upper("version"),
        field["words"] or "",
        field["prefix"] or "",
    )
