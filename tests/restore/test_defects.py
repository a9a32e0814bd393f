"""Defects: header bytes, hot pixels, lost rows; found, filled, flagged, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.clip import Clip
from descent.model import LOST, REPAIRED, SATURATED, Format, Frame
from descent.restore.defects import STAGE, Defects
from descent.restore.header import header_turn, processed_header_turn, turned

Picture = NDArray[np.float32]
LINEAR = Format(96, 128, "mosaic", "float32", "RGGB", "linear", 1.0)


def mosaic(seed: int = 0, rows: int = 96, cols: int = 128) -> Picture:
    """Smooth ground through four colours, with a little noise."""
    y, x = np.mgrid[:rows, :cols]
    colour = np.where((y & 1) == (x & 1), np.where(y & 1, 0.15, 0.4), 0.5)
    swell = 1 + 0.2 * np.sin((x + 9 * seed) / 17) * np.cos(y / 13)
    noise = np.random.default_rng(seed).normal(0, 0.004, (rows, cols))
    return np.asarray(np.clip(colour * swell + noise, 0, 1), np.float32)


def with_header(picture: Picture) -> Picture:
    """The picture with 48 bytes in row 0, a third of them zero."""
    out = picture.copy()
    out[0, :48] = np.random.default_rng(7).random(48)
    out[0, [5, 6, 7, 9, 10, 13, 14, 15, 17, 18, 24, 25, 26, 29, 30, 31]] = 0
    return out


def clip_of(pictures: list[Picture], kind: Format = LINEAR) -> Clip:
    """A clip of those pictures, one a second."""

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(pictures[k]) for k in indices)

    return Clip([Fraction(k) for k in range(len(pictures))], kind, lambda _: frozenset(), pull)


def run(picture: Picture, kind: Format = LINEAR, params: Defects | None = None) -> Frame:
    """The stage on one frame, with nothing measured."""
    return STAGE.apply([Frame(picture)], 0, params or Defects(), None, 0, kind)


@pytest.mark.parametrize("turn", range(8))
def test_a_header_is_found_in_any_corner(turn: int) -> None:
    """However a source turned or mirrored its frames, the header is found and filled."""
    clean = mosaic()
    picture = np.ascontiguousarray(turned(with_header(clean), turn))
    rows, cols = picture.shape
    out = run(picture, Format(rows, cols, "mosaic", "float32", "RGGB", "linear", 1.0))
    wanted = turned(clean, turn)
    assert np.abs(np.asarray(out.pixels) - wanted).max() < 0.06
    assert out.flags is not None
    assert (out.flags == REPAIRED).sum() == 48
    assert out.notes["defects"]["filled"] == 48


def test_a_clean_frame_is_left_alone() -> None:
    """Nothing to fill: same pixels, no flags."""
    picture = mosaic()
    out = run(picture)
    np.testing.assert_array_equal(np.asarray(out.pixels), picture)
    assert out.flags is None


def test_hot_and_dead_pixels_are_measured_and_filled() -> None:
    """Pixels that stand out in every frame are listed; a passing speck is not."""
    spots = [(10, 11, 1.0), (40, 60, 0.0), (0, 70, 1.0), (95, 127, 1.0)]
    pictures = [mosaic(seed) for seed in range(8)]
    for picture in pictures:
        for y, x, value in spots:
            picture[y, x] = value
    pictures[3][70, 30] = 1.0
    assert STAGE.measure is not None
    numbers = STAGE.measure(clip_of(pictures), Defects())
    assert sorted(map(tuple, numbers["pixels"])) == sorted((y, x) for y, x, _ in spots)
    out = STAGE.apply([Frame(pictures[0])], 0, Defects(), numbers, 0, LINEAR)
    clean = mosaic(0)
    for y, x, _ in spots:
        assert abs(float(np.asarray(out.pixels)[y, x] - clean[y, x])) < 0.05
        assert out.flags is not None
        assert out.flags[y, x] == REPAIRED
    assert np.asarray(out.pixels)[70, 31] == pictures[0][70, 31]


def test_few_frames_prove_nothing() -> None:
    """From fewer than six frames no pixel is called defective."""
    pictures = [mosaic(seed) for seed in range(4)]
    for picture in pictures:
        picture[10, 11] = 1.0
    assert STAGE.measure is not None
    assert STAGE.measure(clip_of(pictures), Defects())["pixels"] == []


@pytest.mark.parametrize("rows", [[20], [20, 21, 22, 23, 24], [0, 1], [95]])
def test_lost_rows_are_filled_between_their_own_colours(rows: list[int]) -> None:
    """Black rows in a lit picture are filled and flagged as lost."""
    clean = mosaic()
    picture = clean.copy()
    picture[rows] = 0
    out = run(picture)
    assert np.abs(np.asarray(out.pixels) - clean)[rows].mean() < 0.05
    assert out.flags is not None
    assert (out.flags[rows] & LOST).all()
    assert out.notes["defects"]["lost_rows"] == len(rows)


@pytest.mark.parametrize("value", [0.047, 0.5, 1.0])
def test_lost_rows_of_any_value_are_found_between_lit_ones(value: float) -> None:
    """Black that levels lifted, grey and white: what a decoder leaves is filled all the same."""
    clean = np.clip(mosaic() * 1.2, 0.06, 0.9)
    picture = clean.copy()
    picture[40:43] = value
    out = run(picture)
    assert np.abs(np.asarray(out.pixels) - clean)[40:43].mean() < 0.06
    assert out.flags is not None
    assert np.flatnonzero((out.flags & LOST).any(axis=1)).tolist() == [40, 41, 42]


def test_a_packet_that_ends_within_a_row_is_filled_to_the_pixel() -> None:
    """The end of the row before and the start of the row after are lost; the rest is kept."""
    clean = mosaic()
    picture = clean.copy()
    picture[30, 100:], picture[31:33], picture[33, :20] = 0, 0, 0
    out = run(picture)
    lost = picture == 0
    assert out.flags is not None
    np.testing.assert_array_equal((out.flags & LOST) > 0, lost)
    np.testing.assert_array_equal(np.asarray(out.pixels)[~lost], clean[~lost])
    assert np.abs(np.asarray(out.pixels) - clean)[lost].mean() < 0.06


def test_white_ground_and_titles_have_lost_nothing() -> None:
    """A row that clipped amid others that nearly did, and rows between letters, are picture."""
    white = mosaic()
    white[40:50, 5:] = 1.0
    white[45] = 1.0
    assert run(white).flags is None
    title = np.full((96, 128), 0.2, np.float32)
    for top in range(4, 92, 8):
        title[top : top + 5, 40:60] = mosaic()[:5, :20]
    assert run(title).flags is None


def test_bars_that_all_frames_have_are_not_lost() -> None:
    """What is even in most frames is the picture's own; one frame's loss beside it is found."""
    pictures = [mosaic(seed) for seed in range(8)]
    for picture in pictures:
        picture[:12] = 0
    pictures[3][50:52] = 0
    clip = clip_of(pictures)
    assert STAGE.measure is not None
    found = STAGE.measure(clip, Defects())
    assert found["bars"] == list(range(12))
    out = STAGE.apply([Frame(pictures[3])], 0, Defects(), found, 3, LINEAR)
    assert out.flags is not None
    assert np.flatnonzero(out.flags.any(axis=1)).tolist() == [50, 51]


def test_what_was_filled_counts_as_clipped_no_more() -> None:
    """A hot pixel and a white lost row lose the flag `SATURATED`; real highlights keep it."""
    picture = mosaic()
    picture[20, 30] = picture[60, 70] = 1.0
    picture[40] = 1.0
    flags = np.where(picture >= 1, np.uint8(SATURATED), np.uint8(0))
    found = {"frames": 8, "header": "none", "turn": 0, "pixels": [[20, 30]], "bars": []}
    out = STAGE.apply([Frame(picture, flags)], 0, Defects(), found, 0, LINEAR)
    assert out.flags is not None
    assert np.argwhere(out.flags & SATURATED).tolist() == [[60, 70]]


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_frames_have_lost_nothing(value: float) -> None:
    """All black, all white and all grey come back as they are."""
    picture = np.full((64, 128), value, np.float32)
    out = run(picture)
    np.testing.assert_array_equal(np.asarray(out.pixels), picture)
    assert out.flags is None


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 24), st.integers(1, 80), st.sampled_from(["raw", "processed", "auto"]))
def test_any_size_is_survived(rows: int, cols: int, header: str) -> None:
    """However small the frame, never NaN and never a crash, even where all of it is header."""
    rng = np.random.default_rng(rows * 100 + cols)
    picture = rng.random((rows, cols), dtype=np.float32)
    kind = Format(rows, cols, "mosaic", "float32", "RGGB", "linear", 1.0)
    out = run(picture, kind, Defects(header=header))
    assert np.isfinite(np.asarray(out.pixels)).all()
    assert np.asarray(out.pixels).shape == (rows, cols)


def test_the_input_is_not_written_to() -> None:
    """Stages are pure: the frame that came in is as it was."""
    picture = with_header(mosaic())
    before = picture.copy()
    run(picture)
    np.testing.assert_array_equal(picture, before)


def test_real_headers_are_found_and_nothing_else(shared_data: Path) -> None:
    """Raw and processed stills show their header; no LCAM frame or photograph does."""
    stills = sorted((shared_data / "edl_stills").iterdir())
    for path in stills:
        picture = np.asarray(Image.open(path).convert("RGB"), np.float32) / np.float32(255)
        if "ECM" in path.name:
            assert header_turn(np.ascontiguousarray(picture[..., 0]), 2) == 0
        else:
            assert processed_header_turn(picture.mean(axis=2)) == 0
    others = [
        *sorted((shared_data / "lcam").glob("*.jpg"))[::6],
        *(shared_data / "kodak").iterdir(),
    ]
    for path in others:
        grey = np.asarray(Image.open(path).convert("L"), np.float32) / np.float32(255)
        assert processed_header_turn(grey) is None, path.name
        assert header_turn(grey, 2) is None, path.name


def test_a_processed_header_is_filled_on_rgb() -> None:
    """On RGB the smeared corner of 56 x 8 is filled in every channel."""
    y, x = np.mgrid[:100, :200]
    clean = np.stack([0.4 + x / 1000, 0.3 + y / 1000, 0.2 + (x + y) / 2000], -1).astype(np.float32)
    picture = clean.copy()
    picture[:3, :48] = np.random.default_rng(3).random((3, 48, 3))
    out = run(picture, Format(100, 200, "rgb", "float32", None, "linear", 1.0))
    assert np.abs(np.asarray(out.pixels) - clean).max() < 0.05
    assert out.flags is not None
    assert (out.flags[:8, :56] == REPAIRED).all()
    assert out.flags.astype(bool).sum() == 8 * 56


def drifting(count: int, kind: str, *, still: bool = False) -> list[Picture]:
    """Textured ground that moves from frame to frame (or not), with noise, of even light."""
    import cv2

    rng = np.random.default_rng(5)
    wide = cv2.GaussianBlur(rng.random((96 + 8 * count, 128 + 8 * count)), (0, 0), 3)
    wide = 0.4 + 0.11 * (wide - wide.mean()) / wide.std()
    tint = mosaic(0) * 0 + (1 if kind == "grey" else mosaic(0) / mosaic(0).max())
    made = []
    for k in range(count):
        shift = 0 if still else 7 * k
        part = wide[shift : shift + 96, shift : shift + 128] * tint
        made.append(np.clip(part + rng.normal(0, 0.01, part.shape), 0.01, 1).astype(np.float32))
    return made


@pytest.mark.parametrize("kind", ["grey", "mosaic"])
def test_a_dead_cluster_is_found_over_a_sequence(kind: str) -> None:
    """A spot whose pixels all died, which none of them shows alone, is filled and flagged."""
    pattern = "RGGB" if kind == "mosaic" else None
    form = Format(96, 128, kind, "float32", pattern, "linear", 1.0)  # type: ignore[arg-type]
    pictures, step = drifting(24, kind), 2 if kind == "mosaic" else 1
    truth = pictures[9].copy()
    spot = np.s_[40 : 40 + 2 * step, 60 : 60 + 2 * step]
    for picture in pictures:
        picture[spot] *= 0.6
    assert STAGE.measure is not None
    found = STAGE.measure(clip_of(pictures, form), Defects(header="none"))
    inside = np.zeros((96, 128), bool)
    inside[spot] = True
    assert {tuple(p) for p in found["pixels"]} >= {tuple(p) for p in np.argwhere(inside).tolist()}
    assert len(found["pixels"]) <= 4 * inside.sum()
    out = STAGE.apply([Frame(pictures[9])], 0, Defects(header="none"), found, 9, form)
    assert out.flags is not None
    assert (out.flags[inside] & REPAIRED).all()
    made = np.asarray(out.pixels)
    assert np.abs(made - truth)[inside].mean() < 0.7 * np.abs(pictures[9] - truth)[inside].mean()


def test_what_stands_still_with_the_scene_is_left() -> None:
    """Specks of a scene that does not move are part of it, and clean moving ground has none."""
    form = Format(96, 128, "grey", "float32", None, "linear", 1.0)
    pictures = drifting(24, "grey", still=True)
    for picture in pictures:
        picture[40:42, 60:62] *= 0.6
    assert STAGE.measure is not None
    assert STAGE.measure(clip_of(pictures, form), Defects())["pixels"] == []
    assert STAGE.measure(clip_of(drifting(24, "grey"), form), Defects())["pixels"] == []


def test_the_spots_of_the_lander_camera_are_found(shared_data: Path) -> None:
    """Both dark spots that lie on one place in all frames of the real descent; hardly more."""
    paths = sorted((shared_data / "lcam").glob("LVS_*.jpg"))[::2]
    codes = [np.asarray(Image.open(p))[..., 0] for p in paths]
    pictures = [np.asarray(c / np.float32(255), np.float32) for c in codes]
    form = Format(800, 800, "grey", "float32", None, "linear", 1.0)
    assert STAGE.measure is not None
    found = np.array(STAGE.measure(clip_of(pictures, form), Defects())["pixels"])
    near = [(np.abs(found - at) <= 4).all(axis=1) for at in ((316, 386), (607, 142))]
    assert all(n.any() for n in near)
    assert (~np.any(near, axis=0)).sum() <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 7), (9, 9)])
@pytest.mark.parametrize("kind", ["grey", "mosaic"])
def test_pictures_too_small_for_spots_have_none(shape: tuple[int, int], kind: str) -> None:
    """Pictures of a few pixels are looked at without harm, however many there are."""
    pattern = "RGGB" if kind == "mosaic" else None
    form = Format(*shape, kind, "float32", pattern, "linear", 1.0)  # type: ignore[arg-type]
    pictures = [np.full(shape, 0.1 * (k % 5), np.float32) for k in range(18)]
    assert STAGE.measure is not None
    assert STAGE.measure(clip_of(pictures, form), Defects(header="none"))["pixels"] == []
