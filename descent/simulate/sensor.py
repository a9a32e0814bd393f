"""From light to an 8-bit raw frame: Bayer mosaic, noise, twelve bits, stretch, header pixels."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from descent.simulate.optics import Camera, Pixels

HEADER_PX = 48
FULL_WELL_E = 10500.0
_COUNTS = 4095.0
_TOP = 254.0


@dataclass(frozen=True)
class Stretch:
    """What was done to the raw counts: p = round((raw - offset) * gain), clipped to 0..254."""

    gain: float = 1.0
    offset: float = 0.0


def electrons(light: Pixels, camera: Camera) -> Pixels:
    """The mean electrons (rows, cols) behind an RGGB filter for light (rows, cols, 3)."""
    rows, cols = light.shape[:2]
    out = np.empty((rows, cols), np.float32)
    well = [np.float32(FULL_WELL_E * camera.level * v) for v in camera.response]
    out[0::2, 0::2] = light[0::2, 0::2, 0] * well[0]
    out[0::2, 1::2] = light[0::2, 1::2, 1] * well[1]
    out[1::2, 0::2] = light[1::2, 0::2, 1] * well[1]
    out[1::2, 1::2] = light[1::2, 1::2, 2] * well[2]
    return out


def counts(signal: Pixels, rng: np.random.Generator, read_noise_e: float) -> NDArray[np.uint8]:
    """8-bit raw counts (rows, cols) of mean electrons, with shot and read noise.

    The converter gives twelve bits over the full well; eight are kept, rounded. Counts are
    proportional to light and none is 0.
    """
    noise = rng.standard_normal(signal.shape, dtype=np.float32)
    spread = np.sqrt(signal + np.float32(read_noise_e * read_noise_e))
    twelve = np.rint((signal + noise * spread) * np.float32(_COUNTS / FULL_WELL_E))
    np.clip(twelve, 0, _COUNTS, out=twelve)
    eight: NDArray[np.uint8] = np.minimum((twelve.astype(np.uint16) + 8) >> 4, 255).astype(np.uint8)
    return eight


def header(
    counter: int, clock_s: Fraction, exposure_s: float, shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """The 48 header bytes: twelve big-endian words, as the camera's maker embeds them.

    Cycle timestamp (7 bits of seconds, 13 of 1/8000 s, 12 of offset), gain, shutter,
    brightness, exposure, white balance, frame counter, strobe, GPIO, region of interest,
    and two that stay empty.
    """
    cycles = clock_s * 8000
    whole = int(cycles)
    offset = int((cycles - whole) * 3072)
    stamp = (whole // 8000 % 128) << 25 | (whole % 8000) << 12 | offset
    shutter = min(0xFFF, round(exposure_s * 1e5))
    words = (
        stamp, 0x82 << 24 | 0x40, 0x82 << 24 | shutter, 0x80 << 24, 0x82 << 24 | 0x1E,
        0x80 << 24, counter & 0xFFFFFFFF, 0x83 << 24, 0, shape[0] << 16 | shape[1], 0, 0,
    )  # fmt: skip
    return np.frombuffer(b"".join(w.to_bytes(4, "big") for w in words), np.uint8)


def find_stretch(raw: NDArray[np.uint8], rng: np.random.Generator) -> Stretch:
    """The stretch that lays a frame's own darkest and brightest half percent at the ends."""
    total = np.cumsum(np.bincount(raw.ravel(), minlength=256))
    share = float(rng.uniform(0.003, 0.007))
    low = int(np.searchsorted(total, share * total[-1]))
    high = int(np.searchsorted(total, (1 - share) * total[-1]))
    offset = max(0.0, low - float(rng.uniform(0.1, 0.9)))
    gain = min(4.0, max(1.02, _TOP / max(1.0, high - offset)))
    return Stretch(round(gain, 6), round(offset, 6))


def stretched(raw: NDArray[np.uint8], stretch: Stretch) -> NDArray[np.uint8]:
    """The frame (rows, cols) as the public feed shows it, header pixels and all."""
    codes = np.clip(np.floor((np.arange(256) - stretch.offset) * stretch.gain + 0.5), 0, _TOP)
    shown: NDArray[np.uint8] = codes.astype(np.uint8)[raw]
    return shown
