"""Deblur: kernels from measured motion, exposures that pictures bear out, nothing made worse."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import SATURATED, Format, Frame
from descent.restore import deblur
from descent.restore.deblur import STAGE, Deblur
from descent.restore.exposure import best, together
from descent.restore.guard import steady
from descent.restore.motion import centres, link, view_of
from descent.restore.psf import line_kernel
from descent.restore.unblur import counts, kernels_of, tiles, unblur

Picture = NDArray[np.float32]
ROWS, COLS = 256, 320


def scene(seed: int = 0, rows: int = 700, cols: int = 800) -> Picture:
    """Ground of stones at every size (rows, cols), 0.1 to 0.9."""
    rng = np.random.default_rng(seed)
    out = np.full((rows, cols), 0.5, np.float32)
    for _ in range(1500):
        x, y = int(rng.integers(0, cols)), int(rng.integers(0, rows))
        r = int(min(40, 2 + rng.pareto(1.3) * 2))
        cv2.circle(out, (x, y), r, float(rng.uniform(0.15, 0.85)), -1, cv2.LINE_AA)
    fine = rng.standard_normal((rows, cols)).astype(np.float32)
    return np.clip(out + 0.05 * cv2.GaussianBlur(fine, (0, 0), 0.8), 0.1, 0.9)


def flight(
    step: tuple[float, float], share: float, *, count: int = 5, noise: float = 0.003, seed: int = 0
) -> tuple[list[Picture], list[Picture]]:
    """Blurred and sharp frames of a camera that moves `step` px a frame, open for `share`."""
    ground, rng = scene(seed), np.random.default_rng(seed + 1)
    blurred: list[Picture] = []
    sharp: list[Picture] = []
    smear = share * float(np.hypot(*step))
    kernel = line_kernel(smear, float(np.degrees(np.arctan2(step[1], step[0]))))
    soft = cv2.filter2D(ground, -1, cv2.flip(kernel, -1)) if smear > 0 else ground
    for k in range(count):
        shift = np.array([[1, 0, 150 - k * step[0]], [0, 1, 150 - k * step[1]]], np.float32)
        flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
        part = [cv2.warpAffine(p, shift, (COLS, ROWS), flags=flags) for p in (soft, ground)]
        grain = rng.normal(0, noise, (ROWS, COLS)).astype(np.float32)
        blurred.append(np.asarray(np.clip(part[0] + grain, 0, 1), np.float32))
        sharp.append(np.asarray(part[1], np.float32))
    return blurred, sharp


def clip_of(frames: list[Any], times: list[Fraction] | None = None) -> Clip:
    """A clip of linear grey or RGB pictures, one a second unless `times` says otherwise."""
    pixels = np.asarray(frames[0])
    kind: Any = "grey" if pixels.ndim == 2 else "rgb"
    form = Format(pixels.shape[0], pixels.shape[1], kind, "float32", None, "linear", 1.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(frames[k]) for k in indices)

    when = times or [Fraction(k) for k in range(len(frames))]
    return Clip(when, form, lambda _: frozenset(), pull)


def run(frames: list[Any], params: Deblur | None = None) -> tuple[list[Picture], dict[str, Any]]:
    """All frames through the stage, and what it measured."""
    clip, asked = clip_of(frames), params or Deblur()
    numbers = dict(STAGE.measure(clip, asked))  # type: ignore[misc]
    made = [
        np.asarray(STAGE.apply([Frame(f)], 0, asked, numbers, k, clip.format).pixels)
        for k, f in enumerate(frames)
    ]
    return made, numbers


def psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    """PSNR in dB, 8 px off each border."""
    apart = (a.astype(np.float64) - b)[8:-8, 8:-8]
    return float(10 * np.log10(1 / max(float(np.mean(apart**2)), 1e-12)))


@pytest.mark.parametrize("step", [(11.0, 6.0), (-4.0, 13.0)])
def test_blur_is_found_from_motion_and_undone(step: tuple[float, float]) -> None:
    """The exposure is found within a fifth, frames gain 2 dB on average and none loses."""
    blurred, sharp = flight(step, 0.5)
    made, numbers = run(blurred)
    assert numbers["exposure_s"] == pytest.approx(0.5, rel=0.2)
    gains = [psnr(m, s) - psnr(b, s) for m, b, s in zip(made, blurred, sharp, strict=True)]
    assert np.mean(gains) >= 1.8
    assert min(gains) >= -0.1
    assert numbers["restored"] == len(blurred)


def test_sharp_frames_are_left_alone() -> None:
    """Frames that move but were exposed for an instant stay as they are."""
    _, sharp = flight((9.0, 5.0), 0.0)
    made, numbers = run(sharp)
    for m, s in zip(made, sharp, strict=True):
        assert psnr(m, s) >= 45
    assert numbers["exposure_s"] in (None, 0)


def test_a_label_that_pictures_contradict_is_not_believed() -> None:
    """A label of half the interval on sharp frames is said to be wrong, and nothing is done."""
    _, sharp = flight((9.0, 5.0), 0.0)
    made, numbers = run(sharp, Deblur(exposure_s=0.5))
    assert numbers["contradicted"]
    assert "label" in numbers["exposure"]
    for m, s in zip(made, sharp, strict=True):
        np.testing.assert_array_equal(m, s)


def test_a_label_that_pictures_bear_out_is_used() -> None:
    """The label's exposure is taken, to the digit, where the blur fits it."""
    blurred, _ = flight((11.0, 6.0), 0.5)
    _, numbers = run(blurred, Deblur(exposure_s=0.5))
    assert not numbers["contradicted"]
    assert numbers["exposure_s"] == 0.5


def test_colours_follow_brightness() -> None:
    """RGB of a tinted scene gains as grey does, and keeps its tint."""
    blurred, sharp = flight((11.0, 6.0), 0.5)
    tint = np.array([1.0, 0.7, 0.5], np.float32)
    made, _ = run([b[..., None] * tint for b in blurred])
    middle = len(made) // 2
    truth = sharp[middle][..., None] * tint
    assert psnr(made[middle], truth) > psnr(blurred[middle][..., None] * tint, truth) + 1.5
    np.testing.assert_allclose(
        made[middle].mean((0, 1)) / made[middle].mean(), tint / tint.mean(), rtol=0.02
    )


def test_a_known_smear_needs_no_neighbours() -> None:
    """One frame with a smear from the config is unblurred."""
    blurred, sharp = flight((11.0, 6.0), 0.5, count=1)
    made, _ = run(blurred, Deblur(method="known", smear=(5.5, 3.0)))
    assert psnr(made[0], sharp[0]) > psnr(blurred[0], sharp[0]) + 2


def test_a_wrong_smear_is_kept_out() -> None:
    """The guard leaves a frame alone whose smear is told across its real one."""
    blurred, sharp = flight((13.0, 0.0), 0.5, count=1)
    made, _ = run(blurred, Deblur(method="known", smear=(0.0, 11.0)))
    assert psnr(made[0], sharp[0]) >= psnr(blurred[0], sharp[0]) - 0.1


def test_unmeasured_frames_take_what_their_neighbours_tell() -> None:
    """With its window and no measurement, a frame is restored as well as it goes."""
    blurred, sharp = flight((11.0, 6.0), 0.5, count=3)
    kind = clip_of(blurred).format
    out = STAGE.apply([Frame(b) for b in blurred], 1, Deblur(), None, 7, kind)
    assert psnr(np.asarray(out.pixels), sharp[1]) > psnr(blurred[1], sharp[1]) + 1
    assert out.notes["deblur"]["restored"]


def test_clipped_pixels_do_not_ring() -> None:
    """Around a spot that clipped the picture is no worse than it was: nothing rings."""
    ground = scene()[:ROWS, :COLS] * np.float32(0.5)
    ground[100:130, 150:180] = 1.5
    kernel = line_kernel(6.0, 30.0)
    picture = np.minimum(cv2.filter2D(ground, -1, cv2.flip(kernel, -1)), np.float32(0.6))
    clipped = np.where(picture >= 0.6, SATURATED, 0).astype(np.uint8)
    params, smear = Deblur(method="known", smear=(5.2, 3.0)), (5.2, 3.0)
    measured = {
        "smears": [[*smear] * 48],
        "shares": [[1.0] * int(np.prod(counts((ROWS, COLS))))],
        "noise": [0.003],
        "kernels": [None],
    }
    kind = clip_of([picture]).format
    flagged = STAGE.apply([Frame(picture, clipped)], 0, params, measured, 0, kind).pixels
    near = np.s_[80:150, 130:200]
    outside = clipped[near] == 0

    def error(made: Any) -> float:
        apart = (np.asarray(made)[near] - ground[near])[outside]
        return float(np.sqrt((apart**2).mean()))

    assert error(flagged) <= error(picture) * 1.02


def test_links_tell_motion_to_a_tenth_of_a_pixel() -> None:
    """Where features and flow agree, a shift is found as it was made."""
    blurred, _ = flight((7.3, -4.6), 0.3, count=2)
    found = link(view_of(blurred[0]), view_of(blurred[1]))
    assert found is not None
    np.testing.assert_allclose(np.median(found.moved, axis=(0, 1)), [7.3, -4.6], atol=0.1)
    assert centres((60, 80)).shape == (6, 8, 2)


def test_tiles_cover_a_picture_once() -> None:
    """With nothing to restore, tiles give the picture back; cores cover it exactly once."""
    shape = (530, 700)
    seen = np.zeros(shape, int)
    for tile in tiles(shape):
        a, b, c, d = tile.core
        seen[a:b, c:d] += 1
    assert (seen == 1).all()
    y = scene(3, *shape)
    ones = np.ones(shape, np.float32)
    np.testing.assert_allclose(unblur(y, ones, kernels_of(np.zeros((6, 8, 2)), shape), 0.003), y)


def test_decisions_do_not_flicker() -> None:
    """A single frame that the guard doubts is evened out; breaks part what has a say."""
    one = np.ones((1, 1))
    even = steady([one, one, 0 * one, one, one])
    assert even[1] is not None
    assert even[1][0, 0] == pytest.approx(0.75)
    parted = steady([one, 0 * one], frozenset({1}))
    assert parted[0] is not None
    assert parted[0][0, 0] == 1


def test_evidence_is_shared_among_neighbours_only() -> None:
    """A frame that tells nothing takes what those beside it tell, not across a break."""
    sure = np.zeros(33)
    sure[16] = 100.0
    found = together([sure, None, None], 2, frozenset({2}))
    assert found[1] is not None
    assert best(found[1])[0] == pytest.approx(0.5)
    assert found[2] is None


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_flat_frames_come_back(value: float) -> None:
    """All black, grey or white: nothing to see, nothing done."""
    flat = [np.full((64, 80), value, np.float32)] * 3
    made, numbers = run(flat)
    np.testing.assert_array_equal(made[1], flat[1])
    assert numbers["restored"] == 0


def test_pixels_that_are_not_numbers_are_refused() -> None:
    """NaN is an error that says so, not spread over a tile."""
    bad = [np.full((64, 80), np.nan, np.float32)] * 2
    with pytest.raises(FormatError, match="not numbers"):
        run(bad)


def test_what_contradicts_itself_is_refused() -> None:
    """Mosaics, a known blur without a smear, and a smear beside measured motion."""
    mosaic = Format(64, 80, "mosaic", "uint8", "RGGB", "raw")
    grey = Format(64, 80, "grey", "uint8")
    for form, params in (
        (mosaic, Deblur()),
        (grey, Deblur(method="known")),
        (grey, Deblur(smear=(3.0, 0.0))),
        (grey, Deblur(method="known", smear=(90.0, 0.0))),
        (grey, Deblur(method="blind", size=24)),
        (grey, Deblur(method="blind", size=35)),
        (grey, Deblur(method="blind", smear=(3.0, 0.0))),
    ):
        with pytest.raises(FormatError):
            STAGE.gives(form, params)


def test_neighbours_fill_in_what_the_own_blur_took() -> None:
    """Two neighbours either way gain more than a frame by itself; those that differ do no harm."""
    blurred, sharp = flight((11.0, 6.0), 0.5, noise=0.006)
    clip = clip_of(blurred)
    numbers = dict(STAGE.measure(clip, Deblur()))  # type: ignore[misc]

    def restored(frames: list[Picture]) -> float:
        window = [Frame(f) for f in frames]
        centre = len(frames) // 2
        out = STAGE.apply(window, centre, Deblur(), numbers, 2, clip.format)
        return psnr(np.asarray(out.pixels), sharp[2])

    alone, together = restored(blurred[2:3]), restored(blurred)
    assert together >= alone + 0.5
    other = np.ascontiguousarray(scene(9)[:ROWS, :COLS])
    assert restored([other, other, blurred[2], other, other]) >= alone - 0.1


def test_a_neighbour_of_other_light_is_evened_out() -> None:
    """A neighbour a tenth brighter, and lifted, helps as one of the same light does."""
    blurred, sharp = flight((11.0, 6.0), 0.5, noise=0.006)
    clip = clip_of(blurred)
    numbers = dict(STAGE.measure(clip, Deblur()))  # type: ignore[misc]
    made = []
    for gain, offset in ((1.0, 0.0), (1.1, 0.02)):
        window = [
            Frame(f if k == 2 else f * np.float32(gain) + np.float32(offset))
            for k, f in enumerate(blurred)
        ]
        out = STAGE.apply(window, 2, Deblur(), numbers, 2, clip.format)
        made.append(psnr(np.asarray(out.pixels), sharp[2]))
    assert made[1] >= made[0] - 0.2


def test_motion_of_the_whole_stands_where_nothing_shows() -> None:
    """A place without texture follows the whole, however noisy: it tells no motion of its own."""
    blurred, _ = flight((7.0, -5.0), 0.0, count=2, noise=0.01)
    for k, frame in enumerate(blurred):
        rng = np.random.default_rng(k)
        frame[:80, :120] = 0.5 + rng.normal(0, 0.01, (80, 120)).astype(np.float32)
    found = link(view_of(blurred[0]), view_of(blurred[1]))
    assert found is not None
    np.testing.assert_allclose(found.moved[0, :2], [[7.0, -5.0]] * 2, atol=0.6)


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(1, 70),
    cols=st.integers(1, 70),
    colour=st.booleans(),
    count=st.integers(1, 3),
    kind=st.sampled_from(["uint8", "uint16", "float32"]),
)
def test_any_small_picture_comes_back_whole(
    rows: int, cols: int, colour: bool, count: int, kind: str
) -> None:
    """Shapes and types of all kinds give pictures of that shape, finite, 0 to 1."""
    rng = np.random.default_rng(rows * 71 + cols)
    shape = (rows, cols, 3) if colour else (rows, cols)
    top = {"uint8": 255, "uint16": 65535, "float32": 1}[kind]
    frames = [(rng.random(shape) * top).astype(kind) for _ in range(count)]
    form = Format(
        rows,
        cols,
        "rgb" if colour else "grey",
        kind,  # type: ignore[arg-type]
        None,
        "raw",
        float(top),
    )

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(frames[k]) for k in indices)

    clip = Clip([Fraction(k) for k in range(count)], form, lambda _: frozenset(), pull)
    for params in (Deblur(), Deblur(method="known", smear=(3.0, 1.0))):
        measured = STAGE.measure(clip, params)  # type: ignore[misc]
        out = np.asarray(STAGE.apply([Frame(frames[0])], 0, params, measured, 0, form).pixels)
        assert out.shape == shape
        assert np.isfinite(out).all()
        assert out.min() >= 0
        assert out.max() <= 1


def test_the_door_holds_the_public_names() -> None:
    """`deconvolve`, `estimate_kernel` and `accumulate` are found where they are promised."""
    assert {"accumulate", "deconvolve", "estimate_kernel"} <= set(deblur.__all__)


def test_the_real_label_is_contradicted(shared_data: Path) -> None:
    """LCAM labels say 95 ms; the real frames show no smear, deblur says so and keeps them."""
    folder = shared_data / "lcam"
    rows = list(csv.DictReader((folder / "frames.csv").read_text("utf-8").splitlines()))[24:32]
    clock = next(name for name in rows[0] if "sclk" in name.lower())
    paths = sorted(folder.glob("LVS_*.jpg"))[24:32]
    frames = [np.ascontiguousarray(np.asarray(Image.open(p))[..., 0]) for p in paths]
    linear = [f.astype(np.float32) / np.float32(255) for f in frames]
    clip = clip_of(linear, [Fraction(row[clock]) for row in rows])
    found = STAGE.measure(clip, Deblur(exposure_s=0.095))  # type: ignore[misc]
    assert found["contradicted"]
    assert found["restored"] == 0


@pytest.mark.parametrize("shape", [(4, 4), (2, 5), (3, 6)])
def test_the_middle_of_an_even_kernel_is_where_it_is_said_to_be(shape: tuple[int, int]) -> None:
    """Of an even side that is side // 2: a point there moves nothing, zeros after it neither."""
    picture = np.random.default_rng(2).random((40, 40), dtype=np.float32)
    point = np.zeros(shape, np.float32)
    point[shape[0] // 2, shape[1] // 2] = 1
    np.testing.assert_array_equal(deblur.deconvolve(picture, point), picture)
    kernel = np.random.default_rng(3).random(shape).astype(np.float32)
    kernel /= kernel.sum()
    odd = np.zeros((shape[0] | 1, shape[1] | 1), np.float32)
    odd[: shape[0], : shape[1]] = kernel
    np.testing.assert_array_equal(
        deblur.deconvolve(picture, kernel), deblur.deconvolve(picture, odd)
    )
