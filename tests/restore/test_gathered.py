"""A burst's frames: sharper where neighbours are, as they were where nothing is to be had."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.errors import FormatError
from descent.model import SATURATED, Format, Frame
from descent.restore.deblur import STAGE, Deblur
from descent.restore.gathered import gather
from descent.restore.psf import line_kernel

Picture = NDArray[np.float32]


def scene(rows: int = 300, cols: int = 360) -> Picture:
    """Ground with detail at all scales, RGB, 0.1 to 0.8."""
    rng, out = np.random.default_rng(3), np.zeros((rows, cols), np.float32)
    for octave in range(7):
        layer = rng.standard_normal((4 << octave, 5 << octave)).astype(np.float32)
        out += cv2.resize(layer, (cols, rows), interpolation=cv2.INTER_CUBIC) * 0.7**octave
    base = np.clip(0.4 + 0.1 * out, 0.1, 0.8)
    return np.asarray(np.stack([base, 0.8 * base, 0.6 * base], axis=2), np.float32)


def shaken(smears: Sequence[tuple[float, float]], noise: float = 0.003) -> list[Picture]:
    """The scene smeared by each of these (right, down; px), with noise."""
    sharp, rng = scene(), np.random.default_rng(1)
    found = []
    for right, down in smears:
        kernel = line_kernel(right, down)
        soft = cv2.filter2D(sharp, -1, kernel, borderType=cv2.BORDER_REFLECT)
        noisy = soft + rng.normal(0, noise, soft.shape)
        found.append(np.asarray(np.clip(noisy, 0, 1), np.float32))
    return found


def decibels(made: Picture, truth: Picture) -> float:
    """PSNR, 16 px off each border."""
    off = (made - truth)[16:-16, 16:-16].astype(np.float64)
    return float(-10 * np.log10(np.mean(off**2)))


KIND = Format(300, 360, "rgb", "float32", None, "linear", 1.0)
SMEARS = [(9.0, 0.0), (0.0, 9.0), (7.0, 7.0), (-7.0, 7.0), (9.0, 3.0)]


def test_what_each_frame_lost_its_neighbours_give_back() -> None:
    """Five frames shaken five ways: the middle one gains by decibels, and says so."""
    frames = [Frame(p) for p in shaken(SMEARS)]
    out = STAGE.apply(frames, 2, Deblur(method="burst"), None, 2, KIND)
    before = decibels(np.asarray(frames[2].pixels), scene())
    assert decibels(np.asarray(out.pixels), scene()) > before + 2.5
    assert out.notes["deblur"]["restored"]
    assert out.notes["deblur"]["neighbours"] == 4


def test_sharp_frames_and_frames_smeared_alike_stay_as_they_are() -> None:
    """Where no neighbour is sharper nothing is taken, to the bit."""
    for smears in ([(0.2, 0.0)] * 5, [(8.0, 2.0)] * 5):
        pictures = shaken(smears)
        made = gather(pictures, 2, 0.003)
        np.testing.assert_array_equal(made.pixels, pictures[2])
        assert made.share == 0


def test_what_moves_by_itself_leaves_no_ghost() -> None:
    """A bright ball that is elsewhere in the neighbours is in the frame once, and only there."""
    pictures = shaken(SMEARS)
    for k, picture in enumerate(pictures):
        cv2.circle(picture, (60 + 50 * k, 150), 12, (1.0, 0.9, 0.9), -1)
    made = gather(pictures, 2, 0.003).pixels
    for k in (0, 1, 3, 4):
        around = np.s_[138:163, 60 + 50 * k - 12 : 60 + 50 * k + 13]
        assert float(np.abs(made[around] - pictures[2][around]).mean()) < 0.03
    assert float(made[145:156, 155:166].mean()) > 0.9


def test_what_clipped_stays() -> None:
    """Clipped pixels are left as they were."""
    frames = [Frame(p) for p in shaken(SMEARS)]
    flags = np.zeros((300, 360), np.uint8)
    flags[100:120, 100:140] = SATURATED
    frames[2].flags = flags
    out = STAGE.apply(frames, 2, Deblur(method="burst"), None, 2, KIND)
    part = np.s_[100:120, 100:140]
    np.testing.assert_array_equal(np.asarray(out.pixels)[part], np.asarray(frames[2].pixels)[part])


def test_a_burst_of_one_is_refused_and_its_reach_told() -> None:
    """Without neighbours there is no burst; with them the window is as wide as they are many."""
    with pytest.raises(FormatError, match="frames: 2"):
        STAGE.gives(KIND, Deblur(method="burst", frames=0))
    assert callable(STAGE.radius)
    assert STAGE.radius(Deblur(method="burst", frames=3)) == 3


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 3), st.booleans())
def test_any_size_gives_numbers(rows: int, cols: int, count: int, grey: bool) -> None:
    """Single pixels, lines and noise come out finite, 0 to 1, in their shape."""
    rng = np.random.default_rng(rows)
    shape = (rows, cols) if grey else (rows, cols, 3)
    pictures = [rng.random(shape, dtype=np.float32) for _ in range(count)]
    made = gather(pictures, 0, 0.01).pixels
    assert made.shape == shape
    assert np.isfinite(made).all()
    assert made.min() >= 0
    assert made.max() <= 1


def test_a_real_burst_gains(shared_data: Path) -> None:
    """Real frames, from three neighbours on either side, come nearer to the tripod's picture."""
    folder = shared_data / "deblur" / "burst"
    full = np.float32(255)
    read = [np.asarray(Image.open(p), np.float32) / full for p in sorted(folder.glob("REG_*"))]
    truth = np.asarray(Image.open(folder / "sharp_000.jpg"), np.float32) / full
    for k in (4, 9):
        made = gather(read[k - 3 : k + 4], 3, 0.004)
        assert decibels(made.pixels, truth) > decibels(read[k], truth) + 0.3
