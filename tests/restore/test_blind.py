"""Blind kernels: known blurs found again, nothing found where nothing is, the real set held."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.errors import FormatError
from descent.restore.deblur import deconvolve, estimate_kernel
from descent.restore.psf import line_kernel, motion_kernel

Picture = NDArray[np.float32]


def scene(side: int = 144) -> Picture:
    """Overlapping boxes and discs of many greys: edges of every direction."""
    rng = np.random.default_rng(5)
    big = np.full((2 * side, 2 * side), 0.5, np.float32)
    for k in range(90):
        at = tuple(int(v) for v in rng.integers(0, 2 * side, 2))
        grey = float(rng.uniform(0.1, 0.9))
        if k % 2:
            cv2.circle(big, at, int(rng.integers(8, 40)), grey, -1)
        else:
            box = cv2.boxPoints((at, rng.uniform(16, 90, 2).tolist(), float(rng.uniform(0, 90))))
            cv2.fillConvexPoly(big, np.rint(box).astype(np.int32), grey)
    # Drawn at twice the size, so that edges are as soft as a sensor's.
    return np.asarray(cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def blurred(sharp: Picture, kernel: Picture, noise: float = 0.004) -> Picture:
    """The scene blurred by true convolution, its edges unknown, and noisy."""
    half = max(kernel.shape) // 2
    wide = cv2.filter2D(sharp, cv2.CV_32F, kernel[::-1, ::-1].copy())[half:-half, half:-half]
    return np.asarray(
        wide + np.random.default_rng(1).normal(0, noise, wide.shape).astype(np.float32), np.float32
    )


def closeness(made: Picture, truth: Picture, crop: int, reach: int) -> float:
    """PSNR in dB, over shifts of half a pixel up to `reach`: a blind kernel may be off-centre."""
    rows, cols = truth.shape
    inside = (slice(crop, rows - crop), slice(crop, cols - crop))
    best = np.inf

    def error(y: float, x: float) -> float:
        move = np.array([[1, 0, x], [0, 1, y]], np.float32)
        moved = cv2.warpAffine(made, move, (cols, rows), flags=cv2.INTER_CUBIC)
        return float(((moved[inside] - truth[inside]) ** 2).mean())

    whole = {
        (y, x): error(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)
    }
    y, x = min(whole, key=whole.__getitem__)
    best = min(error(y + a / 4, x + b / 4) for a in range(-3, 4) for b in range(-3, 4))
    return float(-10 * np.log10(best))


def test_a_blur_is_found_again() -> None:
    """With the kernel it finds, most of what the true kernel restores is restored."""
    kernel = motion_kernel(np.array([[-4, -3], [-2, -1], [0, 0], [1, 2], [1, 4]], float))
    sharp = scene()
    half = max(kernel.shape) // 2
    truth, taken = sharp[half:-half, half:-half], blurred(sharp, kernel)
    found = estimate_kernel(taken, size=13)
    assert found.shape == (13, 13)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-5)
    before = closeness(taken, truth, 16, 3)
    best = closeness(deconvolve(taken, kernel), truth, 16, 3)
    assert closeness(deconvolve(taken, found), truth, 16, 3) > before + 0.6 * (best - before)


def test_the_same_bytes_each_time_and_for_any_type_of_pixels() -> None:
    """Twice the same picture gives the same kernel; three equal channels are one."""
    taken = np.clip(blurred(scene(64), line_kernel(3)), 0, 1)
    codes = np.rint(taken * 255).astype(np.uint8)
    once = estimate_kernel(codes, size=5)
    assert np.array_equal(once, estimate_kernel(codes, size=5))
    as_rgb = estimate_kernel(np.repeat(codes[..., None], 3, axis=2), size=5)
    assert np.abs(once - as_rgb).max() < 0.05


@pytest.mark.parametrize("value", [0, 128, 255])
def test_nothing_to_see_is_no_blur(value: int) -> None:
    """Black, white and even pictures give a point."""
    found = estimate_kernel(np.full((40, 50), value, np.uint8), size=9)
    assert found[4, 4] == 1
    assert found.sum() == 1


def test_one_hot_row_gives_numbers() -> None:
    """A picture of one bright row has no more than one direction, and still no NaN."""
    picture = np.zeros((40, 40), np.float32)
    picture[20] = 1
    found = estimate_kernel(picture, size=5)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1, abs=1e-5)


@settings(max_examples=3)
@given(
    rows=st.integers(12, 24), cols=st.integers(12, 24), kind=st.sampled_from(["u1", "u2", "f4"]),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_noise_of_any_shape_gives_a_kernel(rows: int, cols: int, kind: str, seed: int) -> None:
    """Whatever the shape and type, weights are finite, none below 0, and sum to 1."""
    noise = np.random.default_rng(seed).random((rows, cols))
    full = {"u1": 255, "u2": 65535, "f4": 1}[kind]
    found = estimate_kernel((noise * full).astype(kind), size=5)
    assert found.shape == (5, 5)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("size", [8, 1, 0, -3, 103, True, 7.0])
def test_sizes_that_make_no_sense_are_refused(size: object) -> None:
    """Even, too small, too large and no whole numbers, each with what to write instead."""
    with pytest.raises(FormatError, match="size"):
        estimate_kernel(np.zeros((300, 300), np.uint8), size=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (20, 9), (12, 40), (6, 6, 3)])
def test_a_kernel_too_large_for_the_picture_is_refused(shape: tuple[int, ...]) -> None:
    """A kernel of more than half a side cannot be told from the scene."""
    with pytest.raises(FormatError, match=r"kernel of 9 px"):
        estimate_kernel(np.zeros(shape, np.uint8), size=9)


def test_pixels_that_are_not_numbers_are_refused() -> None:
    """NaN, complex numbers and other shapes are errors, never NaN out."""
    holed = np.full((40, 40), 0.5, np.float32)
    holed[3, 4] = np.nan
    for bad in (holed, np.zeros((40, 40), complex), np.zeros((40, 40, 2)), np.zeros(40)):
        with pytest.raises(FormatError):
            estimate_kernel(bad, size=5)


def test_a_real_blur_is_undone(shared_data: Path) -> None:
    """A real photograph of a shaken camera is restored nearly as with its measured kernel."""
    folder = shared_data / "deblur" / "levin"
    truth = np.asarray(Image.open(folder / "gt" / "im1.png").convert("L"), np.float32)
    taken = np.asarray(Image.open(folder / "im1_kernel3_img.png").convert("L"))
    found = estimate_kernel(taken, size=15)
    assert closeness(deconvolve(taken, found), truth / np.float32(255), 25, 7) > 33.5
