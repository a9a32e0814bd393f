"""Deblock: the JPEG grid proved before it is touched, steps gone, detail kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.errors import FormatError
from descent.model import Format, Frame
from descent.restore.deblock import STAGE, Deblock, blockiness, find_grid

Codes = NDArray[np.uint8]


def scene(rows: int = 240, cols: int = 320, seed: int = 2) -> Codes:
    """Smooth ground with some detail, RGB."""
    rng = np.random.default_rng(seed)
    out = np.zeros((rows, cols, 3), np.float32)
    for octave in range(6):
        layer = rng.standard_normal((4 << octave, 5 << octave, 3)).astype(np.float32)
        layer = 0.8 * layer.mean(axis=2, keepdims=True) + 0.2 * layer
        out += cv2.resize(layer, (cols, rows), interpolation=cv2.INTER_CUBIC) * 0.62**octave
    return np.clip(np.rint(120 + 45 * out), 0, 255).astype(np.uint8)


def mosaic(rgb: Codes) -> Codes:
    """An RGGB mosaic of an RGB picture."""
    out = np.ascontiguousarray(rgb[..., 1])
    out[::2, ::2], out[1::2, 1::2] = rgb[::2, ::2, 0], rgb[1::2, 1::2, 2]
    return out


def jpeg(codes: Codes, quality: int) -> Codes:
    """The codes after JPEG."""
    kept = io.BytesIO()
    Image.fromarray(codes).save(kept, "JPEG", quality=quality, subsampling=0)
    return np.array(Image.open(kept))


def kind_of(codes: Codes, cfa: str | None = None) -> Format:
    """The format of raw codes."""
    name: Literal["mosaic", "rgb", "grey"]
    name = "mosaic" if cfa else "rgb" if codes.ndim == 3 else "grey"
    rows, cols = codes.shape[:2]
    return Format(rows, cols, name, "uint8", cfa, "raw", 255.0)


def restored(codes: Codes, cfa: str | None = None) -> Frame:
    """The frame after the stage at its defaults."""
    return STAGE.apply([Frame(codes)], 0, Deblock(), None, 0, kind_of(codes, cfa))


def decibel(made: NDArray[np.generic], truth: Codes) -> float:
    """PSNR in codes, the border left out."""
    error = (made.astype(np.float64) - truth)[8:-8, 8:-8]
    return float(10 * np.log10(255**2 / np.mean(np.square(error))))


@pytest.mark.parametrize("quality", [60, 75, 90])
@pytest.mark.parametrize("what", ["grey", "mosaic", "rgb"])
def test_steps_go_and_detail_stays(what: str, quality: int) -> None:
    """Nearer to what was compressed, with smaller steps on the grid than before."""
    rgb = scene()
    truth = {"grey": rgb[..., 1].copy(), "mosaic": mosaic(rgb), "rgb": rgb}[what]
    received = jpeg(truth, quality)
    made = restored(received, "RGGB" if what == "mosaic" else None)
    assert made.notes["deblock"]["found"]
    pixels = np.asarray(made.pixels)
    assert decibel(pixels, truth) > decibel(received, truth) + 0.1
    before, after = made.notes["deblock"]["before"], made.notes["deblock"]["after"]
    if what != "mosaic" and quality < 90:
        assert after < before


def test_the_quantisers_are_read_back() -> None:
    """Those that show in the picture are the ones in the file."""
    kept = io.BytesIO()
    Image.fromarray(scene()[..., 1]).save(kept, "JPEG", quality=75)
    written = np.array(Image.open(kept).quantization[0]).reshape(8, 8)  # type: ignore[attr-defined]
    grid = find_grid(np.array(Image.open(kept)))
    assert grid is not None
    np.testing.assert_array_equal(np.array(grid.table)[:2, :2], written[:2, :2])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 7), st.integers(0, 7))
def test_a_crop_moves_the_grid(top: int, left: int) -> None:
    """Wherever a crop begins, the grid is found where it lies."""
    cut = jpeg(mosaic(scene()), 75)[top:, left:]
    grid = find_grid(np.ascontiguousarray(cut))
    assert grid is not None
    assert (grid.row, grid.col) == ((-top) % 8, (-left) % 8)


def test_what_was_never_jpeg_is_not_touched() -> None:
    """Clean mosaics, grey and RGB pictures, and scaled JPEG come back bit by bit."""
    rgb = scene()
    noise = np.random.default_rng(1).integers(0, 256, (96, 96), np.uint8)
    scaled = cv2.resize(jpeg(rgb, 80), None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    for codes in (rgb, mosaic(rgb), noise, np.asarray(scaled, np.uint8)):
        made = restored(codes)
        assert made.notes["deblock"] == {"found": False}
        np.testing.assert_array_equal(np.asarray(made.pixels), codes)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 255))
def test_flat_pictures_of_any_size_stay(rows: int, cols: int, value: int) -> None:
    """Nothing is found in a flat picture, however small."""
    flat = np.full((rows, cols), value, np.uint8)
    np.testing.assert_array_equal(np.asarray(restored(flat).pixels), flat)


def test_only_codes_are_read() -> None:
    """After levels the table cannot be read back: the error says so."""
    kind = Format(8, 8, "grey", "float32", None, "linear", 1.0)
    with pytest.raises(FormatError, match="8-bit"):
        STAGE.gives(kind, Deblock())


def test_the_real_frames(shared_data: Path) -> None:
    """The raw DDC mosaic has no grid; a browse frame and the LCAM lose steps."""
    raw = np.asarray(Image.open(next((shared_data / "edl_stills").glob("*ECM*.png"))))
    assert find_grid(np.ascontiguousarray(raw[..., 0] if raw.ndim == 3 else raw)) is None
    for name in ("edl_stills/EBF_0001_0667022756_679ECV_parachute_noleli.jpg",
                 "lcam/LVS_15_52_04.jpg"):  # fmt: skip
        codes = np.array(Image.open(shared_data / name))
        codes = codes[..., 0].copy() if name.startswith("lcam") else codes
        made = np.asarray(restored(codes).pixels)
        assert abs(blockiness(made)) < 0.95 * blockiness(codes)
