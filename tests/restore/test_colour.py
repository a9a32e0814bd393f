"""Colour: gains, neutral highlights, the decorrelation stretch and its inverse."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import Format, Frame
from descent.restore.colour import (
    STAGE,
    Colour,
    carry,
    enhance,
    measure_statistics,
    unenhance,
)
from descent.restore.debayer import debayer
from descent.restore.levels import unstretch
from descent.restore.neutral import neutral_gains
from descent.restore.statistics import Statistics

Picture = NDArray[np.float32]
PAINT = (0.488, 0.514)  # across and down in the raw DDC frame: a plate that did not clip
LINEAR = Format(16, 16, "rgb", "float32", None, "linear", 1.0)


def ground(rows: int = 64, cols: int = 80, seed: int = 1) -> Picture:
    """Reddish ground of little colour variety, like the real thing."""
    rng = np.random.default_rng(seed)
    light = 0.3 + 0.2 * rng.random((rows, cols, 1))
    tint = np.array([1.2, 1.0, 0.7]) + 0.03 * rng.standard_normal((rows, cols, 3))
    return np.clip(light * tint, 0, 1).astype(np.float32)


def test_the_stretch_has_an_exact_inverse() -> None:
    """What enhance did, unenhance takes back, to far better than 1/255."""
    picture = ground()
    statistics = measure_statistics(picture)
    shown = enhance(picture, statistics)
    assert np.abs(shown - picture).max() > 0.05
    assert np.abs(unenhance(shown, statistics) - picture).max() < 0.1 / 255


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_inverse_holds_for_any_statistics(seed: int, a: float, b: float) -> None:
    """Grey scenes, single colours and noise alike: invertible to 1/255, never NaN."""
    rng = np.random.default_rng(seed)
    picture = rng.random((9, 7, 3), dtype=np.float32) * np.float32(a)
    picture[..., 1] = picture[..., 0] * np.float32(b)
    statistics = measure_statistics(picture)
    shown = enhance(picture, statistics)
    assert np.isfinite(shown).all()
    assert np.abs(unenhance(shown, statistics) - picture).max() < 0.5 / 255


@pytest.mark.parametrize("tile", [5, 16, 33])
def test_tiles_do_not_show(tile: int) -> None:
    """With statistics measured once, tiles of any size make the same picture, bit for bit."""
    picture = ground()
    statistics = measure_statistics([picture]).as_json()
    whole = enhance(picture, statistics)
    for y in range(0, picture.shape[0], tile):
        for x in range(0, picture.shape[1], tile):
            part = enhance(np.ascontiguousarray(picture[y : y + tile, x : x + tile]), statistics)
            np.testing.assert_array_equal(part, whole[y : y + tile, x : x + tile])


def test_colours_are_spread_apart_about_their_mean() -> None:
    """The mean stays, and the narrow axes of the scatter widen."""
    picture = ground()
    shown = enhance(picture, measure_statistics(picture))
    np.testing.assert_allclose(shown.mean((0, 1)), picture.mean((0, 1)), atol=1e-3)
    before = np.linalg.eigvalsh(np.cov(picture.reshape(-1, 3).T))
    after = np.linalg.eigvalsh(np.cov(shown.reshape(-1, 3).T))
    assert after[0] / after[2] > 20 * before[0] / before[2]


def test_a_constant_picture_stays() -> None:
    """No scatter, nothing to stretch."""
    picture = np.full((5, 5, 3), 0.4, np.float32)
    np.testing.assert_allclose(enhance(picture, measure_statistics(picture)), picture, atol=1e-6)


@pytest.mark.parametrize(
    "statistics",
    [{}, {"mean": [0.1, 0.2, 0.3]}, {"mean": [0.1], "covariance": [[1]]},
     {"mean": [0.1, 0.2, float("nan")], "covariance": [[0.0] * 3] * 3}],
)  # fmt: skip
def test_statistics_that_are_none_are_refused(statistics: dict[str, object]) -> None:
    """Missing, misshapen and NaN statistics are errors that say how to get right ones."""
    with pytest.raises(FormatError, match="measure_statistics"):
        enhance(ground(), statistics)


def run(picture: Picture, params: Colour, **notes: dict[str, float]) -> Picture:
    """The stage on one picture with what earlier stages noted."""
    frame = Frame(picture, notes=dict(notes))
    return np.asarray(STAGE.apply([frame], 0, params, None, 0, LINEAR).pixels)


def test_gains_make_the_neutral_grey() -> None:
    """What was as the gains say comes out grey, exposure on top."""
    picture = np.full((4, 4, 3), [0.2, 0.25, 0.1], np.float32)
    out = run(picture, Colour(gains=(1.25, 1.0, 2.5), exposure=1.2))
    np.testing.assert_allclose(out, 0.3, atol=1e-6)


@pytest.mark.parametrize("gains", [(1.28, 1.0, 2.38), (1.1, 1.0, 0.71), (1.5, 1.4, 1.0)])
@pytest.mark.parametrize("ceiling", [1.0, 0.93, 0.6])
def test_clipped_pixels_stay_neutral(gains: tuple[float, float, float], ceiling: float) -> None:
    """Where all channels clipped, the gains tint nothing: no pink highlights."""
    picture = np.full((4, 4, 3), ceiling, np.float32)
    out = run(picture, Colour(gains=gains, exposure=0.4), levels={"ceiling": ceiling})
    assert np.ptp(out[0, 0]) < 1e-6
    assert out[0, 0, 0] > 0.3 * ceiling


def test_overexposed_paint_goes_white_without_turning_pink() -> None:
    """As white paint gets brighter, its colour never leaves grey by more than 5 %."""
    gains = np.array([1.28, 1.0, 2.38], np.float32)
    light = np.linspace(0.1, 3.0, 200, dtype=np.float32)[:, None, None]
    seen = np.minimum(light / gains, 1.0).astype(np.float32)
    params = Colour(gains=(1.28, 1.0, 2.38), exposure=0.4)
    out = run(np.ascontiguousarray(seen), params)[:, 0]
    assert (np.ptp(out, axis=1) <= 0.05 * out.max(axis=1) + 1e-6).all()
    assert (np.diff(out[:, 0]) >= -1e-6).all()


def test_a_shoulder_keeps_what_would_clip() -> None:
    """Highlights above 1 are told apart, light below the knee is untouched."""
    picture = np.array([[[0.2] * 3, [0.6] * 3, [0.9] * 3]], np.float32)
    hard, soft = (run(picture, Colour(exposure=1.5, shoulder=k))[0, :, 0] for k in (1.0, 0.7))
    np.testing.assert_allclose(hard, [0.3, 0.9, 1.0], atol=1e-6)
    assert soft[0] == pytest.approx(0.3)
    assert soft[1] < soft[2] < 1


def test_grey_stays_grey() -> None:
    """A grey camera gets exposure only."""
    grey = np.full((4, 4), 0.3, np.float32)
    kind = Format(4, 4, "grey", "float32", None, "linear", 1.0)
    out = STAGE.apply([Frame(grey)], 0, Colour(exposure=2), None, 0, kind)
    np.testing.assert_allclose(np.asarray(out.pixels), 0.6, atol=1e-6)
    assert STAGE.gives(kind, Colour()).kind == "grey"


def test_enhanced_is_measured_once_and_used() -> None:
    """The look `enhanced` measures statistics over the clip; `natural` measures nothing."""
    pictures = [ground(16, 16, seed) for seed in range(3)]

    def pull(indices):  # type: ignore[no-untyped-def]
        for k in indices:
            yield Frame(pictures[k])

    clip = Clip([Fraction(k) for k in range(3)], LINEAR, lambda _: frozenset(), pull)
    assert STAGE.measure is not None
    assert STAGE.measure(clip, Colour()) == {}
    numbers = STAGE.measure(clip, Colour(look="enhanced"))
    out = STAGE.apply([Frame(pictures[0])], 0, Colour(look="enhanced"), numbers, 0, LINEAR)
    want = np.clip(enhance(pictures[0], numbers), 0, 1)
    np.testing.assert_allclose(np.asarray(out.pixels), want, atol=1e-5)
    Statistics.of(numbers)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (Format(4, 4, "mosaic", cfa="RGGB"), Colour()),
        (LINEAR, Colour(gains=(1.0, 0.0, 1.0))),
        (LINEAR, Colour(matrix=((1, 0, 0), (0, 2, 0), (0, 0, 1)))),
    ],
)
def test_what_would_come_out_wrong_is_refused(kind: Format, params: Colour) -> None:
    """A mosaic, a gain of zero and a matrix that tints white are refused when planning."""
    with pytest.raises(FormatError, match=" - "):
        STAGE.gives(kind, params)


def test_clipped_paint_turns_white_where_two_channels_fall_short_of_the_ceiling() -> None:
    """Paint whose red and green a scaler left just below the ceiling is white, not pink."""
    kind = Format(1, 3, "rgb", "float32", None, "linear", 1.0)
    codes = np.array([[[252, 248, 218], [250, 246, 200], [150, 148, 34]]], np.float32) / 255
    params = Colour(gains=(1.28, 1.0, 2.38))
    made = np.asarray(STAGE.apply([Frame(codes)], 0, params, None, 0, kind).pixels)
    np.testing.assert_allclose(made[0, :2], 1, atol=1e-6)
    np.testing.assert_allclose(made[0, 2], codes[0, 2] * np.array([1.28, 1, 2.38]), rtol=1e-5)


def test_one_ground_and_one_white_are_carried_to_another_camera() -> None:
    """The matrix takes the ground to the wanted one, keeps white, and does nothing for nothing."""
    seen, wanted = (1.0, 0.78, 0.42), (1.0, 0.74, 0.435)
    matrix = carry(seen, wanted)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    made = matrix @ np.array(seen)
    np.testing.assert_allclose(made / made[0], wanted, atol=1e-12)
    np.testing.assert_allclose(carry(seen, seen), np.eye(3), atol=1e-12)
    for grey in ((1.0, 1.0, 1.0), (1.0, -1.0, 1.0)):
        with pytest.raises(FormatError):
            carry(grey, wanted)


def film(pictures: list[Picture]) -> Clip:
    """A clip of those pictures, one a second."""

    def pull(indices):  # type: ignore[no-untyped-def]
        for k in indices:
            yield Frame(pictures[k])

    times = [Fraction(k) for k in range(len(pictures))]
    rows, cols = pictures[0].shape[:2]
    kind = Format(rows, cols, "rgb", "float32", None, "linear", 1.0)
    return Clip(times, kind, lambda _: frozenset(), pull)


def painted(paint: tuple[float, float, float], seed: int = 0) -> Picture:
    """Ground with a square of paint about the middle."""
    picture = ground(60, 80, seed)
    picture[22:38, 32:48] = paint
    return picture


def test_a_patch_gives_the_gains_that_make_it_grey() -> None:
    """Measured once over the film, used in every frame, and said in words."""
    clip = film([painted((0.78 * k, k, 0.42 * k), n) for n, k in enumerate((0.3, 0.5, 0.7))])
    params = Colour(patch=(0.5, 0.5), patch_size=0.1)
    assert STAGE.measure is not None
    found = STAGE.measure(clip, params)
    assert found["gains"] == pytest.approx([1 / 0.78, 1, 1 / 0.42], rel=1e-3)
    (frame,) = clip.pull([1])
    assert frame is not None
    made = STAGE.apply([frame], 0, params, found, 1, clip.format)
    assert np.ptp(np.asarray(made.pixels)[30, 40]) < 1e-3
    assert "3 of 3 frames" in made.notes["colour"]["white"]


def test_a_clipped_patch_counts_only_where_it_did_not_clip() -> None:
    """Frames whose paint clipped have no say: the gains are those of the others."""
    honest = painted((0.4, 0.5, 0.25))
    clip = film([painted((0.85, 1.0, 0.6), 1), honest, painted((0.85, 1.0, 0.6), 2)])
    assert STAGE.measure is not None
    found = STAGE.measure(clip, Colour(patch=(0.5, 0.5), patch_size=0.1))
    assert found["gains"] == pytest.approx([1.25, 1, 2.0], rel=1e-3)
    assert "1 of 3 frames" in found["white"]


@pytest.mark.parametrize(
    "paints",
    [
        [(0.8, 1.0, 0.6)] * 3,
        [(0.0, 0.005, 0.0)] * 3,
        [(0.3, 0.5, 0.2), (0.5, 0.4, 0.4), (0.5, 0.5, 0.5), (0.2, 0.4, 0.6)],
        [(0.05, 0.7, 0.05)] * 3,
    ],
)
def test_a_patch_that_tells_nothing_is_refused(paints: list[tuple[float, float, float]]) -> None:
    """Clipped, dark, another thing in each frame, or far from grey: an error with a cure."""
    clip = film([painted(p, n) for n, p in enumerate(paints)])
    assert STAGE.measure is not None
    with pytest.raises(FormatError, match=r"patch .* - "):
        STAGE.measure(clip, Colour(patch=(0.5, 0.5), patch_size=0.1))


def test_the_enhanced_look_is_measured_with_the_gains_of_the_patch() -> None:
    """Statistics are of the balanced colours: the paint is grey in the mean of a film of it."""
    clip = film([np.full((20, 20, 3), (0.4, 0.5, 0.25), np.float32)] * 2)
    assert STAGE.measure is not None
    found = STAGE.measure(clip, Colour(patch=(0.5, 0.5), look="enhanced"))
    np.testing.assert_allclose(found["mean"], 0.5, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.5)
)
def test_a_patch_anywhere_in_any_picture_is_inside(
    rows: int, cols: int, across: float, down: float, size: float
) -> None:
    """Corners, edges and single pixels: a patch of an even picture always tells its colour."""
    picture = np.full((rows, cols, 3), (0.4, 0.5, 0.25), np.float32)
    gains = neutral_gains(picture, (across, down), size=size)
    assert gains == pytest.approx((1.25, 1, 2.0), rel=1e-3)


def test_gains_and_a_patch_are_not_both_believed() -> None:
    """Both at once, a patch of a grey picture, and an unmeasured patch are refused."""
    with pytest.raises(FormatError, match=r"gains: \[1, 1, 1\]"):
        STAGE.gives(LINEAR, Colour(gains=(1.2, 1, 2), patch=(0.5, 0.5)))
    with pytest.raises(FormatError, match="grey"):
        STAGE.gives(Format(4, 4, "grey"), Colour(patch=(0.5, 0.5)))
    with pytest.raises(FormatError, match="measure"):
        run(painted((0.4, 0.5, 0.25)), Colour(patch=(0.5, 0.5)))


def test_paint_of_the_real_frame_gives_the_gains_of_the_camera_file(shared_data: Path) -> None:
    """A plate that did not clip in the raw DDC frame: the file's gains within a tenth."""
    (path,) = (shared_data / "edl_stills").glob("*518ECM*.png")
    codes = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.uint8)
    rgb = debayer(unstretch(codes[..., 0]), method="fast")
    gains = neutral_gains(rgb, PAINT, size=0.01)
    assert gains == pytest.approx((1.28, 1.0, 2.38), rel=0.1)


@pytest.mark.parametrize("shape", [(0, 0, 3), (0, 5, 3), (5, 0, 3)])
def test_a_picture_of_no_pixels_is_refused(shape: tuple[int, ...]) -> None:
    """Nothing to stretch is an error that says what to hand over, not an empty picture."""
    known = measure_statistics(np.random.default_rng(1).random((8, 8, 3)))
    for work in (lambda p: enhance(p, known), lambda p: unenhance(p, known), measure_statistics):
        with pytest.raises(FormatError, match="rows, cols, 3"):
            work(np.zeros(shape, np.float32))
