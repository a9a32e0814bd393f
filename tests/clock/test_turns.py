"""Turns from pictures: a textured world seen by a camera whose every turn is known."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.clock.fit import ClockFit
from descent.clock.motion import Turned, fit_motion, look
from descent.clock.turns import DARK, MOVED, STILL, turns
from descent.errors import UnsureSync

ROWS, COLS, FOCAL = 90, 120, 130.0
Floats = NDArray[np.float64]


def world(seed: int = 3) -> NDArray[np.uint8]:
    """Ground with detail of every size."""
    rng = np.random.default_rng(seed)
    total = np.zeros((700, 700), np.float32)
    for size in (2, 4, 8, 16):
        small = rng.normal(size=(700 // size, 700 // size)).astype(np.float32)
        total += size**0.5 * cv2.resize(small, (700, 700), interpolation=cv2.INTER_CUBIC)
    total = (total - total.min()) / (total.max() - total.min())
    return np.asarray(total * 255, np.uint8)


def pose(t: Floats, seed: int = 0) -> Floats:
    """Angles (n, 3) rad of a swing: lively, never quite periodic, up to about 2 Hz."""
    rng = np.random.default_rng(seed)
    out = np.zeros((len(t), 3))
    for axis in range(3):
        for f in rng.uniform(0.25, 2.2, 7):
            out[:, axis] += 0.025 / f * np.sin(2 * np.pi * f * t + rng.uniform(0, 6.3))
    return out


def seen(ground: NDArray[np.uint8], angles: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture (rows, cols) of a camera turned by `angles`, with noise."""
    K = np.array([[FOCAL, 0, (COLS - 1) / 2], [0, FOCAL, (ROWS - 1) / 2], [0, 0, 1]])
    wide = np.array([[FOCAL, 0, 350.0], [0, FOCAL, 350.0], [0, 0, 1]])
    R, _ = cv2.Rodrigues(angles)
    H = K @ np.asarray(R) @ np.linalg.inv(wide)
    picture = cv2.warpPerspective(ground, H, (COLS, ROWS), flags=cv2.INTER_LINEAR)
    noisy = picture * rng.uniform(0.8, 1.1) + rng.normal(size=picture.shape) * 2
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def film(t: Floats, *, seed: int = 0, noise: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Pictures at times `t` (n,)."""
    ground, rng = world(), np.random.default_rng(noise)
    for angles in pose(t, seed):
        yield seen(ground, angles, rng)


def test_turns_are_those_of_the_camera() -> None:
    """Each turn is told within a milliradian, light that flickers or not."""
    t = np.arange(0, 3, 1 / 20)
    found = turns(film(t), FOCAL, stretch=20)
    true = np.diff(pose(t), axis=0)
    assert found.seen.mean() > 0.9
    error = (found.by - true)[found.seen]
    assert float(np.sqrt((error**2).mean())) < 7e-4
    assert float(np.median(found.noise[found.seen])) < 1e-3
    assert found.steady < 0.3


def test_what_rides_with_the_camera_is_no_motion() -> None:
    """A body of one's own that fills most of the picture changes nothing."""
    t = np.arange(0, 3, 1 / 20)
    body = world(9)[:ROWS, :COLS]

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for picture in film(t):
            picture[:, 45:] = body[:, 45:]
            yield picture

    found = turns(pictures(), FOCAL, stretch=30)
    true = np.diff(pose(t), axis=0)
    assert found.seen.mean() > 0.6
    error = np.abs((found.by - true)[found.seen])
    assert float(np.median(error)) < 1.5e-3
    assert found.steady > 0.4


def test_the_dark_and_the_still_are_not_seen() -> None:
    """Nothing is said of pictures that are dark, or in which nothing moves."""
    rng = np.random.default_rng(0)
    dark = (rng.integers(0, 2, (ROWS, COLS)).astype(np.uint8) for _ in range(30))
    assert (turns(dark, FOCAL).state == DARK).all()
    ground = world()
    still = (seen(ground, np.zeros(3), rng) for _ in range(40))
    found = turns(still, FOCAL, stretch=40)
    assert (found.state == STILL).mean() > 0.9
    assert found.steady > 0.9
    assert np.isinf(found.noise[found.state != MOVED]).all()
    assert "nothing in it moves" in found.says


def test_few_pictures_have_few_turns() -> None:
    """None for one picture; what makes no sense is refused."""
    assert turns(iter([world()[:ROWS, :COLS]]), FOCAL).by.shape == (0, 3)
    with pytest.raises(ValueError, match="focal_px"):
        turns(iter([]), 0.0)


# --- two cameras -------------------------------------------------------------------------------


def turned(
    rate: float, span: tuple[float, float], *, clock_s: float = 0.0, seed: int = 0,
    scale: float = 1.0, noise_rad: float = 2e-4,
) -> Turned:  # fmt: skip
    """What pictures would tell of the swing, by a clock that is off, in axes of its own."""
    t = np.arange(*span, 1 / rate)
    rng = np.random.default_rng(int(rate) + seed)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    by = np.diff(pose(t, seed), axis=0)
    by = (by * [scale, scale, 1.0] + rng.normal(size=by.shape) * noise_rad) @ axes
    return Turned(t + clock_s, by, np.full(len(by), noise_rad))


@pytest.fixture(scope="module")
def fit() -> ClockFit:
    """A pair whose second camera's focal length is a fifth wrong."""
    return fit_motion(turned(30, (0, 20)), turned(12, (0, 20), clock_s=1.3, scale=1.2))


def test_a_wrong_focal_length_moves_no_clock(fit: ClockFit) -> None:
    """The offset holds within its interval, which stays narrow."""
    t = np.linspace(2, 20, 50)
    error = np.asarray(fit.map(t + 1.3)) - t
    assert float(np.sqrt((error**2).mean())) < max(0.002, fit.interval)
    assert fit.interval < 0.01
    assert fit.evidence["left_over"] < 0.05


def test_what_stops_being_shared_is_set_aside(fit: ClockFit) -> None:
    """From half-way on the second camera looks at something else: the first half decides."""
    a, b = turned(30, (0, 24)), turned(12, (0, 24), clock_s=1.3)
    other = turned(12, (0, 24), clock_s=1.3, seed=5)
    by = np.where(np.arange(len(b.by))[:, None] < len(b.by) * 0.6, b.by, other.by)
    found = fit_motion(a, Turned(b.times, by, b.noise))
    assert abs(float(found.map(8.0)) - 6.7) < 0.01
    assert found.evidence["shared"] < 0.75
    seen_of = look(a, Turned(b.times, by, b.noise), found)
    assert seen_of.used[:80].mean() > 0.8
    assert seen_of.used[-80:].mean() < 0.2
    assert seen_of.best_s == pytest.approx(-1.3, abs=0.15)
    assert abs(fit.offset - found.offset) < 0.01


@pytest.mark.parametrize("kind", ["unrelated", "backwards", "short", "blind"])
def test_what_is_not_shared_is_refused(kind: str) -> None:
    """Another motion, the same run backwards, two seconds of it, or none seen: no clock."""
    a = turned(30, (0, 20))
    b = turned(12, (0, 20), seed=7 if kind == "unrelated" else 0)
    if kind == "backwards":
        b = Turned(b.times, b.by[::-1].copy(), b.noise)
    elif kind == "short":
        b = b.within(3.0, 5.0)
    elif kind == "blind":
        b = Turned(b.times, b.by, np.full(len(b.by), np.inf))
    with pytest.raises(UnsureSync) as refused:
        fit_motion(a, b)
    assert refused.value.do
