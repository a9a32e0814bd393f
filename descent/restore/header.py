"""The 48 header pixels of the landing cameras' raw frames: twelve 32-bit words, read back.

The order of the words is from memory of the maker's format, not from a document; what is
used here is only what the real frames confirm: the leading bytes of the control words are
`0xC3` (present, absolute, automatic) or `0x80`, `0x82`, `0x83` (present, off, on).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from descent.restore.stretch import Stretch

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER_PX = 48
PROCESSED_ROWS, PROCESSED_COLS = 8, 56  # as far as debayering, JPEG and scaling spread it
# Gain, shutter, brightness, exposure; then white balance and strobe, which have no absolute
# value and so never the bit that says so.
_CONTROL_WORDS = (1, 2, 3, 4, 5, 7)
_COUNTER_WORD = 6
_PLAIN = (0x80, 0x82, 0x83)
_LEADS = (*_PLAIN, 0xC0, 0xC2, 0xC3)


def anchor(codes: NDArray[np.uint8], stretch: Stretch) -> Stretch:
    """The stretch with its whole offset taken from the header bytes, where they tell it.

    The leading bytes of the control words can only be a few values, far apart: one whole
    shift makes them fit, or none does and the stretch comes back as it was.
    """
    if codes.ndim != 2 or codes.shape[1] < HEADER_PX:
        return stretch
    leads = stretch.counts[codes[0, :HEADER_PX]][[4 * w for w in _CONTROL_WORDS]]
    # Two values that differ are needed: equal ones fit several shifts.
    if len(set(leads.tolist())) < 2:
        return stretch
    most = int(255 - (stretch.high - stretch.low) / stretch.gain) + 1
    allowed = [_LEADS] * 4 + [_PLAIN] * 2
    fits = [
        shift
        for shift in range(max(most, 0) + 1)
        if all(v + shift in lead for v, lead in zip(leads.tolist(), allowed, strict=True))
    ]
    if len(fits) != 1:
        return stretch
    return replace(stretch, offset=stretch.offset + fits[0], anchored=True)


def turned(picture: NDArray[Any], turn: int) -> NDArray[Any]:
    """A view of the picture in one of its eight orientations; 0 is as stored."""
    view = np.rot90(picture, turn % 4)
    return view[:, ::-1] if turn >= 4 else view


def header_turn(plane: NDArray[np.float32], step: int) -> int | None:
    """In which orientation row 0 of the picture starts with header bytes; None: in none.

    A source that turned or mirrored its frames took the header along to another corner.
    """
    for turn in range(8):
        view = turned(plane, turn)
        if view.shape[0] > 2 * step and looks_like_header(view[0], view[step], view[2 * step]):
            return turn
    return None


def looks_like_header(row: NDArray[Any], below: NDArray[Any], further: NDArray[Any]) -> bool:
    """Whether the first 48 pixels of a row are bytes rather than picture.

    `row`, `below` and `further` are three rows of the same colours, from the border in.
    Bytes jump about where the rows below are smooth, and many of them are zero.
    """
    if row.shape[0] < HEADER_PX + 16:
        return False
    head, under = row[:HEADER_PX].astype(np.float64), below[:HEADER_PX].astype(np.float64)
    # How much rows differ anyway, beside the header and below it.
    beside = np.abs(row[HEADER_PX:].astype(np.float64) - below[HEADER_PX:])
    beneath = np.abs(under - further[:HEADER_PX])
    usual = max(float(np.median(beside)), float(np.median(beneath)), 1e-3)
    differ = float(np.median(np.abs(head - under)))
    zeros = float((head <= head.min() + 1e-6).mean())
    return differ > 6 * usual and zeros > 0.2 and float((under <= head.min() + 1e-6).mean()) < 0.1


def processed_header_turn(plane: NDArray[np.float32]) -> int | None:
    """In which orientation the corner of a processed picture shows a smeared header."""
    for turn in range(8):
        view = turned(plane, turn)
        if view.shape[0] < 4 * PROCESSED_ROWS or view.shape[1] < 2 * PROCESSED_COLS + HEADER_PX:
            continue
        rough = [
            _roughness(view[:3, first : first + HEADER_PX])
            for first in range(0, 2 * PROCESSED_COLS + 1, PROCESSED_COLS)
        ]
        inner = _roughness(view[PROCESSED_ROWS : PROCESSED_ROWS + 8, :HEADER_PX])
        # The first three rows jump in the corner, and only there.
        if rough[0] > 6 * max(rough[1], rough[2], inner, 1e-3):
            return turn
    return None


def _roughness(part: NDArray[Any]) -> float:
    """How much neighbours along the rows differ, robustly."""
    return float(np.mean(np.abs(np.diff(part.astype(np.float64), 2, axis=1))))


@dataclass(frozen=True, slots=True)
class HeaderBytes:
    """The 48 bytes of a frame's header, as far as they can be read back: -1 where they cannot.

    A stretch for the screen piles up what lies below its darkest and above its brightest count.
    """

    values: tuple[int, ...]

    @property
    def counter(self) -> tuple[int, int] | None:
        """The frame counter and its modulus: 2**32, or less where high bytes cannot be read.

        None where not even its lowest byte can.
        """
        word = self.values[4 * _COUNTER_WORD : 4 * _COUNTER_WORD + 4]
        low = list(reversed(word))
        known = next((k for k, byte in enumerate(low) if byte < 0), 4)
        if known == 0:
            return None
        return sum(byte << (8 * k) for k, byte in enumerate(low[:known])), 1 << (8 * known)


def read_header(codes: NDArray[np.uint8], stretch: Stretch) -> HeaderBytes | None:
    """The header of a raw 8-bit frame (rows, cols) as stored, or None where it has none.

    `stretch` is what was done to the frame; its whole offset must be told by the header
    (`anchor`), else nothing is read. A header is believed when every control word that can be
    read leads with a byte that such words have, and three or more can be.
    """
    if codes.ndim != 2 or codes.shape[1] < HEADER_PX or codes.dtype != np.uint8:
        return None
    head = codes[0, :HEADER_PX]
    if stretch.found and not stretch.anchored:
        return None
    raw = stretch.counts[head].astype(np.int64)
    if stretch.found:
        lost = (head <= stretch.low) | (head >= stretch.high)
        raw = np.where(lost | (raw < 0) | (raw > 255), -1, raw)
    leads = [(int(raw[4 * word]), word) for word in _CONTROL_WORDS]
    allowed = [(value, _LEADS if word in _CONTROL_WORDS[:4] else _PLAIN) for value, word in leads]
    known = [value in lead for value, lead in allowed if value >= 0]
    if len(known) < 3 or not all(known):
        return None
    return HeaderBytes(tuple(int(v) for v in raw))
