"""Deflicker: blinking gone, real change kept, dark frames dark, the real LCAM within its bounds."""

from __future__ import annotations

import json
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
from descent.model import Format, Frame
from descent.restore.deflicker import STAGE, Deflicker, solve
from descent.tools.register import features, match

Picture = NDArray[np.float32]


def clip_of(pictures: list[NDArray[np.uint8]], breaks: frozenset[int] = frozenset()) -> Clip:
    """A grey raw clip of those pictures, one a second."""
    rows, cols = pictures[0].shape
    kind = Format(rows, cols, "grey", "uint8", None, "raw", 255.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(pictures[k]) for k in indices)

    times = [Fraction(k) for k in range(len(pictures))]
    return Clip(times, kind, lambda _: frozenset(), pull, breaks)


def restored(
    clip: Clip, params: Deflicker | None = None
) -> tuple[list[Picture], dict[str, object]]:
    """Every frame of the clip after the stage, and what it measured."""
    params = params or Deflicker()
    assert STAGE.measure is not None
    numbers = dict(STAGE.measure(clip, params))
    json.dumps(numbers)  # plain numbers, or it cannot become a file
    frames = clip.pull(range(len(clip)))
    made = [
        np.asarray(STAGE.apply([f], 0, params, numbers, k, clip.format).pixels)
        for k, f in enumerate(frames)
        if f is not None
    ]
    return made, numbers


def terrain(size: int = 700) -> Picture:
    """Ground with detail at all scales, 0.2 to 0.8."""
    rng = np.random.default_rng(11)
    out = np.zeros((size, size), np.float32)
    for octave in range(6):
        cells = 4 << octave
        noise = rng.standard_normal((cells, cells)).astype(np.float32)
        out += cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return np.asarray(np.clip(0.5 + 0.09 * out, 0.2, 0.8), np.float32)


def flight(gains: list[float], spot: bool = False) -> list[NDArray[np.uint8]]:
    """Frames (240, 240) drifting over one ground, each with its own gain, as 8-bit codes."""
    ground, y, x = terrain(), *np.mgrid[:240, :240].astype(np.float32)
    frames = []
    for k, gain in enumerate(gains):
        view = ground[100 + 9 * k : 340 + 9 * k, 100 + 4 * k : 340 + 4 * k].copy()
        if spot:  # stands still in the picture while the ground moves under it
            view *= 1 + 0.5 * np.exp(-((x - 170) ** 2 + (y - 80) ** 2) / 40**2)
        frames.append(np.clip(np.rint(view * gain * 180), 0, 255).astype(np.uint8))
    return frames


BLINK = [1.0, 0.7, 1.1, 0.8, 1.2, 0.75, 1.0, 0.9, 1.15, 0.7, 1.05, 0.85]


@pytest.mark.parametrize("spot", [False, True])
def test_blinking_goes_and_a_bright_spot_stays(spot: bool) -> None:
    """Gains come back to 2 %, and the spot that sweeps over the ground moves none of them."""
    _, numbers = restored(clip_of(flight(BLINK, spot)), Deflicker(hold=0))
    made = np.array(numbers["gains"]) * np.array(BLINK)
    assert np.ptp(np.log(made)) < 0.02


def test_contrast_is_kept() -> None:
    """One gain a frame: nothing within a frame is flattened."""
    frames = flight(BLINK, spot=True)
    made, _ = restored(clip_of(frames))
    for before, after in zip(frames, made, strict=True):
        contrast = after.std() / after.mean() / (before.std() / before.mean())
        assert contrast == pytest.approx(1, abs=0.01)


def test_what_comes_into_view_changes_no_level() -> None:
    """A dark thing that covers a third of the frame and leaves does not brighten the ground."""
    frames = flight([1.0] * 10)
    for k in range(4):
        frames[k][:, : 80 - 20 * k] = 6
    _, numbers = restored(clip_of(frames), Deflicker(hold=0))
    assert np.ptp(np.log(np.array(numbers["gains"]))) < 0.02


def test_frames_of_noise_are_made_dark() -> None:
    """Noise that a stretch made bright is darkened to the noise of the lit frames."""
    rng = np.random.default_rng(4)
    lit = [
        np.clip(f + rng.normal(0, 1.0, f.shape), 0, 255).astype(np.uint8) for f in flight([1.0] * 8)
    ]
    dark = [np.clip(rng.normal(130, 25, (240, 240)), 0, 255).astype(np.uint8) for _ in range(3)]
    made, numbers = restored(clip_of(dark + lit))
    assert numbers["dark"] == [0, 1, 2]
    assert max(m.mean() for m in made[:3]) < 0.25 * min(m.mean() for m in made[3:])


def test_a_break_parts_what_is_compared() -> None:
    """Across a break nothing is linked: the levels of both sides stay their own."""
    frames = flight([1.0] * 4 + [0.5] * 4)
    _, numbers = restored(clip_of(frames, frozenset({4})), Deflicker(headroom=False))
    np.testing.assert_allclose(np.array(numbers["gains"]), 1, atol=0.02)


def test_highlights_are_not_clipped_unless_asked() -> None:
    """Headroom darkens the whole film by one factor; without it the gains stand."""
    frames = flight([1.3, 0.6, 1.3, 0.6, 1.3, 0.6])
    kept, _ = restored(clip_of(frames), Deflicker(hold=0))
    free, _ = restored(clip_of(frames), Deflicker(hold=0, headroom=False))
    assert max((m >= 1).mean() for m in kept) < 0.01
    assert free[0].mean() >= kept[0].mean()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_films_stay(value: int) -> None:
    """All black, constant and all white films have nothing to compare and come back."""
    frames = [np.full((40, 50), value, np.uint8)] * 4
    made, numbers = restored(clip_of(frames))
    assert numbers["gains"] == [1.0] * 4
    np.testing.assert_allclose(made[0], value / 255, atol=1e-6)


def test_an_empty_clip_measures_nothing() -> None:
    """No frames, no gains, no crash."""
    assert STAGE.measure is not None
    kind = Format(4, 4, "grey", "uint8", None, "raw", 255.0)
    empty = Clip([], kind, lambda _: frozenset(), lambda _: iter(()))
    assert STAGE.measure(empty, Deflicker())["gains"] == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40), st.integers(0, 99))
def test_consistent_pairs_are_solved_exactly(logs: list[float], seed: int) -> None:
    """Ratios that agree are met, whichever pairs are known, up to one factor."""
    rng = np.random.default_rng(seed)
    pairs = {(k, k + 1): logs[k + 1] - logs[k] for k in range(len(logs) - 1)}
    for k in range(len(logs) - 4):
        if rng.random() < 0.5:
            pairs[k, k + 4] = logs[k + 4] - logs[k]
    made = solve(pairs, len(logs), hold=0) + np.array(logs)
    assert np.ptp(made) < 1e-3


@pytest.mark.slow
def test_the_real_descent_within_its_bounds(shared_data: Path) -> None:
    """LCAM 5 to 70: neighbours, five apart (not fitted) and ten apart agree; 1 to 3 are dark."""
    paths = sorted((shared_data / "lcam").glob("LVS_*.jpg"))
    frames = [np.ascontiguousarray(np.asarray(Image.open(p))[..., 0]) for p in paths]
    made, numbers = restored(clip_of(frames))
    assert numbers["dark"] == [0, 1, 2]
    assert max(m.mean() for m in made[:3]) < 0.1
    small = [
        np.asarray(cv2.resize(m, (400, 400), interpolation=cv2.INTER_AREA), np.float32)
        for m in made
    ]
    found = [features(s, most=700) for s in small]
    apart: dict[int, list[tuple[float, float]]] = {1: [], 5: [], 10: []}
    for step, seen in apart.items():
        for i in range(4, 70 - step, 1 if step == 1 else 2):
            link = match(found[i], found[i + step])
            if link is not None:
                seen.append(between(small[i], small[i + step], link.matrix))
    assert np.median([level for level, _ in apart[1]]) <= 0.005
    assert np.median([level for level, _ in apart[5]]) <= 0.015
    assert np.median([level for level, _ in apart[10]]) <= 0.03
    assert np.median([spread for _, spread in apart[1]]) <= 0.05


def between(a: Picture, b: Picture, matrix: NDArray[np.float64]) -> tuple[float, float]:
    """How far b is from a where they overlap: median log ratio, log ratio of the spreads."""
    size = b.shape[1], b.shape[0]
    warped = cv2.warpPerspective(a, matrix, size)
    inside = cv2.warpPerspective(np.ones_like(a), matrix, size) > 0.99
    here, there = warped[inside], b[inside]
    lit = (here > 0.004) & (there > 0.004) & (here < 0.97) & (there < 0.97)
    here, there = here[lit], there[lit]
    level = abs(float(np.median(np.log(there / here))))
    return level, abs(float(np.log(there.std() / here.std())))


@pytest.fixture(scope="module")
def lit() -> tuple[list[NDArray[np.uint8]], dict[str, object]]:
    """Frames under a spot that stands in the picture, with a gain each, and what was measured."""
    frames = flight(BLINK, spot=True)
    return frames, restored(clip_of(frames), Deflicker(hold=0))[1]


def test_the_spot_is_found_where_it_stands(
    lit: tuple[list[NDArray[np.uint8]], dict[str, object]],
) -> None:
    """Place within 6 % of the picture, half-width and peak within a third, in every frame."""
    _, numbers = lit
    places: object = numbers["spot"]
    assert isinstance(places, list)
    assert None not in places
    away = np.array(places) - np.array([80, 170]) / 240
    assert np.abs(away).max() < 0.06
    assert numbers["spot_frames"] == len(BLINK)
    assert numbers["spot_peak"] == pytest.approx(1.5, abs=0.15)
    assert numbers["spot_width"] == pytest.approx(0.139, abs=0.045)


def test_the_spot_sways_fewer_gains_once_it_is_known(
    lit: tuple[list[NDArray[np.uint8]], dict[str, object]],
) -> None:
    """Gains are nearer the truth with the spot modelled than by the median alone."""
    frames, known = lit
    _, blind = restored(clip_of(frames), Deflicker(hold=0, spot=False))
    assert blind["spot_frames"] == 0
    off = [np.ptp(np.log(np.array(n["gains"]) * np.array(BLINK))) for n in (known, blind)]
    assert off[0] < 0.75 * off[1]


def test_the_spot_is_not_flattened(
    lit: tuple[list[NDArray[np.uint8]], dict[str, object]],
) -> None:
    """What the stage gives is the frame times one number, under the spot as beside it."""
    frames, numbers = lit
    kind = Format(240, 240, "grey", "uint8", None, "raw", 255.0)
    made = STAGE.apply([Frame(frames[5])], 0, Deflicker(), numbers, 5, kind)
    gains: object = numbers["gains"]
    assert isinstance(gains, list)
    wanted = np.clip(frames[5] / 255 * gains[5], 0, 1)
    np.testing.assert_allclose(np.asarray(made.pixels), wanted, atol=1e-5)
    assert made.notes["deflicker"]["spot"] is not None


@pytest.mark.parametrize("bright", ["ground", "vignette", "none"])
def test_no_spot_is_invented(bright: str) -> None:
    """A bright patch of the ground itself, a lens that falls off and plain ground are no spot."""
    ground, y, x = terrain(), *np.mgrid[:240, :240].astype(np.float32)
    if bright == "ground":
        rows, cols = np.mgrid[:700, :700].astype(np.float32)
        ground = ground * (1 + 0.5 * np.exp(-((rows - 260) ** 2 + (cols - 240) ** 2) / 40**2))
    lens = 1 - 0.4 * ((x - 120) ** 2 + (y - 120) ** 2) / (2 * 120**2) if bright == "vignette" else 1
    frames = []
    for k, gain in enumerate(BLINK):
        view = ground[100 + 9 * k : 340 + 9 * k, 100 + 4 * k : 340 + 4 * k] * lens
        frames.append(np.clip(np.rint(view * gain * 120), 0, 255).astype(np.uint8))
    assert restored(clip_of(frames))[1]["spot_frames"] == 0
