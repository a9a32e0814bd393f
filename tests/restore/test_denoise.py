"""Denoise: noise out, detail in, no ghosts; never worse than what it was handed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
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
from descent.restore import dct, noise
from descent.restore.debayer import debayer
from descent.restore.denoise import STAGE, Denoise
from descent.simulate import landing

Picture = NDArray[np.float32]
SHOT, READ = 2e-4, 5e-6


def kind_of(picture: NDArray[np.generic]) -> Format:
    """The format of linear float pictures."""
    rows, cols = picture.shape[:2]
    name = "rgb" if picture.ndim == 3 else "grey"
    return Format(rows, cols, name, "float32", None, "linear", 1.0)  # type: ignore[arg-type]


def clip_of(pictures: Sequence[Picture], breaks: frozenset[int] = frozenset()) -> Clip:
    """A linear clip of those pictures, one a second."""

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(pictures[k]) for k in indices)

    times = [Fraction(k) for k in range(len(pictures))]
    return Clip(times, kind_of(pictures[0]), lambda _: frozenset(), pull, breaks)


def ground(size: int = 420) -> Picture:
    """Sharp ground with detail at all scales, 0.1 to 0.8, RGB."""
    rng = np.random.default_rng(3)
    out = np.zeros((size, size), np.float32)
    for octave in range(7):
        cells = 4 << octave
        layer = rng.standard_normal((cells, cells)).astype(np.float32)
        out += cv2.resize(layer, (size, size), interpolation=cv2.INTER_CUBIC) * 0.55**octave
    base = np.clip(0.4 + 0.1 * out, 0.1, 0.8)
    return np.asarray(np.stack([base, 0.8 * base, 0.6 * base], axis=2), np.float32)


def noisy(picture: Picture, seed: int) -> Picture:
    """The picture with shot and read noise."""
    rng = np.random.default_rng(seed)
    sigma = np.sqrt(SHOT * picture + READ)
    seen = np.clip(picture + sigma * rng.standard_normal(picture.shape), 0, 1)
    return np.asarray(seen, np.float32)


def flight(count: int = 7, step: tuple[int, int] = (3, 2)) -> list[Picture]:
    """Clean views (256, 320, 3) that drift over the ground."""
    whole = ground()
    return [whole[20 + step[0] * k :, 10 + step[1] * k :][:256, :320].copy() for k in range(count)]


def restored(pictures: list[Picture], index: int, params: Denoise | None = None) -> Picture:
    """One frame of a film after the stage."""
    params = params or Denoise()
    clip = clip_of(pictures)
    assert STAGE.measure is not None
    numbers = dict(STAGE.measure(clip, params))
    json.dumps(numbers)  # plain numbers, or it cannot become a file
    radius = params.frames
    first = max(0, index - radius)
    window = [Frame(p) for p in pictures[first : index + radius + 1]]
    made = STAGE.apply(window, index - first, params, numbers, index, clip.format)
    return np.asarray(made.pixels)


def decibel(made: Picture, truth: Picture, border: int = 8) -> float:
    """PSNR of light from 0 to 1."""
    inner = (slice(border, -border),) * 2
    return float(-10 * np.log10(np.mean(np.square(made[inner] - truth[inner], dtype=np.float64))))


def test_the_noise_is_measured() -> None:
    """Shot and read noise of a moving film come back within a fifth."""
    views = flight()
    assert STAGE.measure is not None
    found = STAGE.measure(clip_of([noisy(v, k) for k, v in enumerate(views)]), Denoise())
    for value in (0.1, 0.3, 0.6):
        model = found["shot"] * value + found["read"]
        assert model == pytest.approx(SHOT * value + READ, rel=0.2)


def test_neighbours_take_the_noise_out() -> None:
    """Two neighbours on either side gain 4.5 dB on sharp moving ground, more than none."""
    views = flight()
    films = [noisy(v, k) for k, v in enumerate(views)]
    before = decibel(films[3], views[3])
    assert decibel(restored(films, 3), views[3]) > before + 4.5
    assert decibel(restored(films, 3, Denoise(frames=0)), views[3]) > before + 0.8


def test_a_still_film_stays_sharp() -> None:
    """Of a scene that stands, detail is kept: the result is nearer the truth at every scale."""
    view = flight(1)[0]
    films = [noisy(view, k) for k in range(5)]
    made = restored(films, 2)
    assert decibel(made, view) > decibel(films[2], view) + 5
    fine = view - cv2.GaussianBlur(view, (0, 0), 1.0)
    kept = made - cv2.GaussianBlur(made, (0, 0), 1.0)
    assert float((fine * kept).sum() / (fine * fine).sum()) == pytest.approx(1, abs=0.08)


def test_a_clean_film_is_not_touched() -> None:
    """Sharp frames without noise come back to 45 dB and more."""
    views = flight()
    assert decibel(restored(views, 3), views[3]) > 45


def test_what_moves_leaves_no_ghost() -> None:
    """A thing that crosses the film is where it is, and nowhere else."""
    views = flight(5)
    for k, view in enumerate(views):
        view[100:112, 40 + 45 * k : 60 + 45 * k] *= 0.7
    films = [noisy(v, k) for k, v in enumerate(views)]
    error = restored(films, 2) - views[2]
    for k in range(5):
        place = error[98:114, 38 + 45 * k : 62 + 45 * k]
        assert abs(float(place.mean())) < 0.002
        assert float(np.square(place).mean()) < SHOT * 0.4 + READ


def test_faint_dust_leaves_no_ghost() -> None:
    """A veil fainter than the noise of a pixel is not averaged away."""
    views = flight(5)
    y, x = np.mgrid[:256, :320].astype(np.float32)
    veil = 1 + 0.06 * np.exp(-((x - 160) ** 2 + (y - 128) ** 2) / 40**2)
    views[2] = np.asarray(views[2] * veil[..., None], np.float32)
    films = [noisy(v, k) for k, v in enumerate(views)]
    error = (restored(films, 2) - views[2])[108:148, 140:180]
    assert abs(float(error.mean())) < 0.25 * 0.06 * float(views[2][108:148, 140:180].mean())


def test_strength_nothing_is_nothing() -> None:
    """Strength 0 hands the frame on bit by bit, and asks for no neighbours."""
    films = [noisy(v, k) for k, v in enumerate(flight(3))]
    np.testing.assert_array_equal(restored(films, 1, Denoise(strength=0)), films[1])
    assert callable(STAGE.radius)
    assert STAGE.radius(Denoise(strength=0)) == 0
    assert STAGE.radius(Denoise(frames=3)) == 3


def test_the_same_frames_give_the_same_bytes() -> None:
    """A frame comes out the same whatever was looked at before it."""
    films = [noisy(v, k) for k, v in enumerate(flight(5))]
    one = restored(films, 2)
    restored(films, 3)
    np.testing.assert_array_equal(restored([f.copy() for f in films], 2), one)


def test_a_mosaic_is_refused() -> None:
    """The error says what to write instead."""
    kind = Format(8, 8, "mosaic", "uint8", "RGGB", "raw", 255.0)
    with pytest.raises(FormatError, match="debayer"):
        STAGE.gives(kind, Denoise())


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (5, 9), (64, 80, 3)])
def test_flat_frames_stay(value: float, shape: tuple[int, ...]) -> None:
    """Black, constant and white frames of any size come back as they were."""
    flat = np.full(shape, value, np.float32)
    np.testing.assert_allclose(restored([flat] * 3, 1), flat, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.integers(0, 9))
def test_any_shape_gives_a_picture(rows: int, cols: int, colour: bool, seed: int) -> None:
    """Whatever the size, light from 0 to 1 comes out, and never NaN."""
    rng = np.random.default_rng(seed)
    shape = (rows, cols, 3) if colour else (rows, cols)
    made = restored([rng.random(shape, dtype=np.float32) for _ in range(3)], 1)
    assert made.shape == shape
    assert made.min() >= 0
    assert made.max() <= 1


def test_blocks_go_in_and_out_exactly() -> None:
    """With nothing below the bound the overlapping blocks give the picture back."""
    planes = np.random.default_rng(5).random((3, 70, 90), dtype=np.float32)
    ones = np.ones((70, 90), np.float32)
    np.testing.assert_allclose(
        dct.shrink(planes, ones, np.ones((3, 8, 8)), (0.0, 1e-12), 1.0), planes, atol=1e-5
    )
    picture = np.moveaxis(planes, 0, 2)
    np.testing.assert_allclose(noise.from_axes(noise.to_axes(picture)), picture, atol=1e-6)


def test_the_synthetic_landing_gets_better(tmp_path: Path) -> None:
    """Each frame of the down-look camera comes nearer to its sharp truth, 3 dB on average."""
    spans = {"rdc": [("touchdown - 60s", "touchdown - 59.8s")]}
    landing(tmp_path, scale=0.25, windows=spans, truth_frames=True)
    paths = sorted((tmp_path / "rdc").glob("*.png"))
    films, truths = [], []
    for path in paths:
        raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        films.append(debayer(np.asarray(raw, np.uint8), gains=(1.1, 1.0, 0.71)))
        truth = cv2.imread(str(tmp_path / "truth" / "rdc" / path.name), cv2.IMREAD_UNCHANGED)
        assert truth is not None
        truths.append(truth[..., ::-1].astype(np.float32) / np.float32(65535))
    gains = [
        decibel(restored(films, k), truth) - decibel(films[k], truth)
        for k, truth in enumerate(truths)
    ]
    assert min(gains) > 1
    assert np.mean(gains) > 3
