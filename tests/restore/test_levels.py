"""Levels: stretch undone, black and white, clipped pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.errors import FormatError
from descent.model import SATURATED, Format, Frame
from descent.restore.levels import (
    STAGE,
    Levels,
    measure_stretch,
    unstretch,
)

RAW = Format(rows=256, cols=256, kind="mosaic", cfa="RGGB", transfer="raw")


def scene(low: int = 40, high: int = 200, seed: int = 1) -> NDArray[np.uint8]:
    """Raw counts (256, 256) that fill low to high: a slope with noise."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(low, high, 256)[None, :] + rng.normal(0, 4, (256, 256))
    return np.asarray(np.clip(np.rint(slope), 0, 255), np.uint8)


def stretched(raw: NDArray[np.uint8], gain: float, offset: float) -> NDArray[np.uint8]:
    """What the public feed does to a frame."""
    codes = np.clip(np.floor((np.arange(256) - offset) * gain + 0.5), 0, 254)
    return np.asarray(codes[raw], np.uint8)


@settings(max_examples=40, deadline=None)
@example(2.00001, 1.7506239418699483, 0)  # drawn out to code 0, its offset is 0.6 counts off
@given(st.floats(1.03, 4.0), st.floats(0.0, 100.0), st.integers(0, 3))
def test_a_stretch_is_undone_to_the_count(gain: float, offset: float, seed: int) -> None:
    """Whatever the gain and offset, unclipped pixels come back to their raw count.

    Codes of a few pixels each, at the ends of the histogram, may be one count off: 2 in 1000.
    """
    raw = scene(seed=seed)
    codes = stretched(raw, gain, offset)
    inside = (codes > codes.min()) & (codes < codes.max())
    reached = np.ptp(raw[inside]) if inside.any() else 0
    # Fewer than one gap over the counts shown leaves nothing to see.
    if (gain - 1) * reached < 3 or reached < 30:
        return
    back = unstretch(codes, offset=offset) * 255
    off = np.abs(back - raw)[inside]
    assert np.mean(off > 0.5) <= 2e-3
    assert off.max() <= 1.5


@pytest.mark.parametrize("low", [40, 0, 90])
def test_no_stretch_is_seen_where_there_is_none(low: int) -> None:
    """A picture of all counts comes back as it went in."""
    raw = scene(low=low)
    assert not measure_stretch(raw).found
    np.testing.assert_array_equal(unstretch(raw), raw.astype(np.float32) / np.float32(255))


def test_floats_of_whole_codes_are_taken_as_codes() -> None:
    """A float picture gives what its 8-bit codes give."""
    codes = stretched(scene(), 1.7, 11.3)
    as_float = codes.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(unstretch(as_float), unstretch(codes))


def test_header_bytes_tell_the_whole_offset() -> None:
    """With the camera's header in row 0 the offset is known in full."""
    raw = scene(60, 220)
    raw[0, :48] = 0
    raw[0, [4, 8, 16]], raw[0, [12, 20, 28]] = 0xC3, (0x82, 0x80, 0x80)
    found = measure_stretch(stretched(raw, 1.4, 23.4))
    assert found.anchored
    assert found.offset == pytest.approx(23.4, abs=0.5)


def test_the_real_frame_is_read(shared_data: Path) -> None:
    """The real DDC mosaic: gain 1.125, offset 12.1 by its header, as measured by hand."""
    name = "Mars_Perseverance_ESF_0004_0667289069_518ECM_N0010052EDLC00004_0010LUJ01.png"
    codes = np.asarray(Image.open(shared_data / "edl_stills" / name))[..., 0]
    found = measure_stretch(codes)
    assert found.gain == pytest.approx(1.125, abs=1e-4)
    assert found.offset == pytest.approx(12.1, abs=0.1)
    assert found.anchored


@pytest.mark.parametrize("folder", ["kodak", "mcmaster", "lcam"])
def test_ordinary_pictures_are_left_alone(shared_data: Path, folder: str) -> None:
    """No photograph of the sets, and no scaled JPEG, is taken for a stretched one."""
    paths = sorted(p for p in (shared_data / folder).iterdir() if p.suffix != ".csv")[:8]
    for path in paths:
        assert not measure_stretch(np.asarray(Image.open(path).convert("RGB"))).found, path.name


@pytest.mark.parametrize(
    "picture",
    [np.zeros((9, 9), np.uint8), np.full((9, 9), 255, np.uint8), np.full((1, 1), 7, np.uint8)],
)
def test_flat_pictures_stay(picture: NDArray[np.uint8]) -> None:
    """All black, all white and a single pixel show no stretch and come back."""
    np.testing.assert_allclose(unstretch(picture), picture / 255, atol=1e-7)


@pytest.mark.parametrize(
    "picture",
    [
        np.full((4, 4), np.nan, np.float32),
        np.zeros((0, 4), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((4, 4), np.int32),
        np.zeros((4, 4, 4), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(picture: NDArray[np.uint8]) -> None:
    """NaN, nothing, a line, four channels and strange types are refused with what to hand over."""
    with pytest.raises(FormatError, match=" - "):
        unstretch(picture)


def test_the_stage_gives_light_and_flags() -> None:
    """Counts become light between black and white, clipped pixels are flagged."""
    raw = scene()
    raw[5, 5] = 255
    params = Levels(black=10)
    out = STAGE.apply([Frame(raw)], 0, params, None, 0, RAW)
    pixels = np.asarray(out.pixels)
    assert pixels.dtype == np.float32
    assert pixels[9, 9] == pytest.approx((float(raw[9, 9]) - 10) / 245, abs=1e-6)
    assert out.flags is not None
    assert out.flags[5, 5] & SATURATED
    assert out.notes["levels"]["clipped"] == (raw >= 254).sum()
    after = STAGE.gives(RAW, params)
    assert (after.dtype, after.transfer, after.white) == ("float32", "linear", 1.0)


def test_sixteen_bits_go_by_their_white() -> None:
    """12-bit counts in 16 bits are divided by the white level that the format names."""
    kind = Format(2, 2, "grey", "uint16", None, "raw", 4095.0)
    raw = np.array([[0, 4095], [2048, 1]], np.uint16)
    out = STAGE.apply([Frame(raw)], 0, Levels(), None, 0, kind)
    np.testing.assert_allclose(np.asarray(out.pixels), raw / 4095, atol=1e-7)


def test_eight_and_sixteen_bits_are_not_mixed() -> None:
    """A 16-bit frame in an 8-bit camera is refused, not guessed at."""
    with pytest.raises(FormatError, match="cameras of their own"):
        STAGE.apply([Frame(np.zeros((4, 4), np.uint16))], 0, Levels(), None, 3, RAW)


@pytest.mark.parametrize(
    ("format", "params"),
    [
        (Format(4, 4, "grey", "float32", None, "linear", 1.0), Levels()),
        (Format(4, 4, "yuv420"), Levels()),
        (Format(4, 4, "grey", "uint16", None, "raw", 4095.0), Levels(decompand="square_root")),
        (RAW, Levels(decompand="square_root", table="own.csv")),
        (RAW, Levels(black=300)),
    ],
)
def test_what_levels_cannot_read_is_refused(format: Format, params: Levels) -> None:
    """Light already, planes of a film, 16-bit codes to decompand, black above white."""
    with pytest.raises(FormatError, match=" - "):
        STAGE.gives(format, params)
