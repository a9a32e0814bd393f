"""Lost blocks: found in one value at straight cuts, filled, and nothing else taken for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.clip import Clip
from descent.model import LOST, SATURATED, Format, Frame
from descent.restore.defects import STAGE, Defects
from descent.restore.lost_blocks import fill_blocks, lost_blocks

Picture = NDArray[np.float32]
GREY = Format(128, 160, "grey", "float32", None, "linear", 1.0)


def ground(seed: int = 0, rows: int = 128, cols: int = 160) -> Picture:
    """Soft hills of light 0.15 to 0.6, with the noise of a camera."""
    rng = np.random.default_rng(seed)
    hills = cv2.GaussianBlur(rng.random((rows, cols)), (0, 0), 9)
    hills = (hills - hills.min()) / np.ptp(hills)
    noise = rng.normal(0, 0.004, (rows, cols))
    return np.asarray(0.15 + 0.45 * hills + noise, np.float32)


def whole(
    *boxes: tuple[int, int, int, int], shape: tuple[int, int] = (128, 160)
) -> NDArray[np.bool_]:
    """Where these boxes (top, bottom, left, right) are."""
    out = np.zeros(shape, np.bool_)
    for top, down, left, right in boxes:
        out[top:down, left:right] = True
    return out


@pytest.mark.parametrize("value", [0.0, 0.9, 1.0])
@pytest.mark.parametrize(
    "boxes",
    [
        [(40, 48, 64, 72)],
        [(32, 48, 80, 96)],
        [(24, 32, 104, 160), (32, 40, 0, 48)],  # to the row's end, and on in the next
        [(64, 72, 40, 80), (72, 80, 24, 56)],  # a step in the grid
        [(120, 128, 0, 16), (0, 16, 144, 160)],
        [(37, 91, 51, 132)],  # a segment on no grid
    ],
)
def test_lost_blocks_are_found_to_the_pixel_and_filled(
    value: float, boxes: list[tuple[int, int, int, int]]
) -> None:
    """Whatever value the decoder left and wherever they lie, flagged as lost and near the truth."""
    clean, lost = ground(), whole(*boxes)
    taken = np.where(lost, np.float32(value), clean)
    out = STAGE.apply([Frame(taken)], 0, Defects(), None, 0, GREY)
    assert out.flags is not None
    np.testing.assert_array_equal((out.flags & LOST) > 0, lost)
    assert out.notes["defects"]["lost_block_px"] == lost.sum()
    small = lost.sum() < 1000
    assert np.abs(np.asarray(out.pixels) - clean)[lost].mean() < (0.03 if small else 0.12)
    np.testing.assert_array_equal(np.asarray(out.pixels)[~lost], taken[~lost])
    kept = STAGE.apply([Frame(taken)], 0, Defects(blocks="none"), None, 0, GREY)
    np.testing.assert_array_equal(np.asarray(kept.pixels), taken)


def test_a_mosaic_is_filled_colour_by_colour() -> None:
    """Blocks of a mosaic are filled from their own colours, and are clipped no more."""
    y, x = np.mgrid[:128, :160]
    colour = np.where((y & 1) == (x & 1), np.where(y & 1, 0.4, 0.8), 1.0)
    clean = np.asarray(ground() * colour, np.float32)
    lost = whole((48, 64, 32, 64))
    taken = np.where(lost, np.float32(1), clean)
    kind = Format(128, 160, "mosaic", "float32", "RGGB", "linear", 1.0)
    flags = np.where(lost, np.uint8(SATURATED), np.uint8(0))
    out = STAGE.apply([Frame(taken, flags)], 0, Defects(header="none"), None, 0, kind)
    assert out.flags is not None
    assert (out.flags[lost] == LOST).all()
    assert np.abs(np.asarray(out.pixels) - clean)[lost].mean() < 0.03


def clipped() -> Picture:
    """A round glare that clipped, and shadow that is black."""
    picture = ground()
    y, x = np.mgrid[:128, :160]
    glare = np.exp(-((y - 60) ** 2 + (x - 90) ** 2) / 900.0)
    picture = picture + np.asarray(3 * glare, np.float32)
    picture[:30] -= np.asarray(np.linspace(1, 0, 30)[:, None], np.float32)
    return np.asarray(np.clip(picture, 0, 1), np.float32)


def squeezed() -> Picture:
    """A picture that JPEG left little more of than the mean of each block."""
    codes = np.clip(np.rint(ground() * 255), 0, 255).astype(np.uint8)
    packed = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, 5])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def drawn() -> Picture:
    """Flat boxes of several greys, as titles have."""
    picture = np.full((128, 160), 0.3, np.float32)
    picture[16:48, 24:72], picture[64:96, 80:120] = 0.9, 0.0
    return picture


@pytest.mark.parametrize("picture", [ground(3), clipped(), squeezed(), drawn()])
def test_light_shadow_and_drawing_have_lost_nothing(picture: Picture) -> None:
    """What clipped, what is black, what was squeezed and what was drawn is left alone."""
    assert lost_blocks(picture) is None


def test_a_mask_that_most_frames_have_is_not_lost() -> None:
    """A black box in every frame is the camera's; another in one frame is lost."""
    pictures = [ground(k) for k in range(8)]
    for picture in pictures:
        picture[:32, :48] = 0
    pictures[5][64:80, 64:80] = 0

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(pictures[k]) for k in indices)

    clip = Clip([Fraction(k) for k in range(8)], GREY, lambda _: frozenset(), pull)
    assert STAGE.measure is not None
    found = STAGE.measure(clip, Defects())
    assert found["masks"] == [[0, 32, 0, 48]]
    out = STAGE.apply([Frame(pictures[5])], 0, Defects(), found, 5, GREY)
    assert out.flags is not None
    np.testing.assert_array_equal((out.flags & LOST) > 0, whole((64, 80, 64, 80)))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2]), st.integers(0, 9))
def test_any_size_and_any_loss_give_numbers(rows: int, cols: int, step: int, seed: int) -> None:
    """Small, flat and mostly lost pictures go through; what is filled is within the picture."""
    rng = np.random.default_rng(seed)
    picture = rng.random((rows, cols), dtype=np.float32)
    picture[rng.integers(0, rows) :, rng.integers(0, cols) :] = rng.choice([0, 0.5, 1])
    found = lost_blocks(picture, step)
    lost = rng.random((rows, cols)) < 0.7 if found is None else found
    filled = picture.copy()
    fill_blocks(filled, lost, step)
    assert np.isfinite(filled).all()
    rounding = 1e-6  # of means in single precision
    assert filled.min() >= picture.min() - rounding
    assert filled.max() <= picture.max() + rounding
    np.testing.assert_array_equal(filled[~lost], picture[~lost])


def test_real_frames_have_lost_none_and_blocks_taken_out_are_found(shared_data: Path) -> None:
    """No block of the real frames is taken for lost; of those cut out of them most are found."""
    paths = [*sorted((shared_data / "lcam").glob("LVS*.jpg"))[4::8],
             *sorted((shared_data / "edl_stills").iterdir())]  # fmt: skip
    rng, found, cut = np.random.default_rng(2), 0, 0
    for path in paths:
        array = np.asarray(Image.open(path))
        step = 2 if "ECM" in path.name else 1
        codes = array[..., 0] if array.ndim == 3 and step == 2 else array[..., :3].mean(axis=-1) \
            if array.ndim == 3 else array  # fmt: skip
        picture = np.ascontiguousarray(codes, np.float32) / np.float32(255)
        assert lost_blocks(picture, step) is None, path.name
        lost = np.zeros(picture.shape, np.bool_)
        for _ in range(6):
            y, x = (int(rng.integers(1, n // 16 - 2)) * 16 for n in picture.shape)
            lost[y : y + 16, x : x + 16] = True
        made = lost_blocks(np.where(lost, np.float32(0), picture), step)
        cut += int(lost.sum())
        found += 0 if made is None else int((made & lost).sum())
        assert made is None or not (made & ~lost).any()
    # In shadow and glare some lie beside what is as black or as white as they are.
    assert found > 0.7 * cut
