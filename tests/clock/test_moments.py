"""Clocks tied by a pattern of sudden changes, and patterns that tie nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.clock.moments import LIGHT_DOWN, LIGHT_UP, MOTION, fit_moments, moments
from descent.clock.motion import Turned
from descent.errors import UnsureSync

Floats = NDArray[np.float64]
FLASHES = (3.1, 5.25, 9.6, 11.0, 16.4)
OFF_S = 0.73


def camera(
    rate: float, flashes: tuple[float, ...], *, off_s: float = 0.0, seed: int = 0,
    kinks: tuple[float, ...] = (),
) -> tuple[Turned, Floats]:  # fmt: skip
    """The turns and the light of a camera by its own clock: flashes of 0.1 s, and kinks."""
    rng = np.random.default_rng(seed)
    t = np.arange(0.0, 20.0, 1 / rate)
    light = 80 + 6 * np.sin(0.7 * t) + rng.normal(size=len(t)) * 0.4
    for flash in flashes:
        light[(t >= flash) & (t < flash + 0.1)] *= 1.6
    by = rng.normal(size=(len(t) - 1, 3)) * 1e-3
    pace = np.zeros(len(t) - 1)
    for kink in kinks:
        pace += np.where(t[1:] > kink, 0.5, 0.0)
    zoom = pace / rate + rng.normal(size=len(by)) * 1e-3
    noise = np.full(len(by), 1e-3)
    return Turned(t + off_s, by, noise, zoom, by[:, 2]), light


def test_each_flash_is_found_to_the_frame() -> None:
    """Flashes are moments of rising light between the frames they fall between, nothing else."""
    found = moments(*camera(30, FLASHES))
    assert list(found.kind) == [LIGHT_UP] * len(FLASHES)
    assert np.abs(found.at - FLASHES).max() <= 1 / 30
    turned, light = camera(30, FLASHES)
    assert list(moments(turned, 200 - light).kind) == [LIGHT_DOWN] * len(FLASHES)


def test_a_body_let_go_is_a_moment() -> None:
    """Where what is seen starts to go away at another pace a moment of motion is found."""
    found = moments(*camera(30, (), kinks=(4.0, 12.5)))
    assert list(found.kind) == [MOTION, MOTION]
    assert np.abs(found.at - (4.0, 12.5)).max() < 0.1


@pytest.mark.parametrize(("fast", "slow"), [(60, 30), (30, 12)])
def test_a_pattern_ties_two_clocks(fast: float, slow: float) -> None:
    """Cameras with nothing else in common are tied by flashes, within a wide interval that holds.

    Some are seen by one of them alone.
    """
    a = moments(*camera(fast, (*FLASHES, 13.7)))
    b = moments(*camera(slow, (1.2, *FLASHES), off_s=OFF_S, seed=1))
    fit = fit_moments(a, b)
    assert fit.evidence["kind"] == "events"
    assert fit.evidence["events"] == len(FLASHES)
    assert abs(fit.offset + OFF_S) < fit.interval
    assert 0.25 / slow < fit.interval < 2 / slow
    turned = fit_moments(b, a)
    assert turned.offset == pytest.approx(-fit.offset, abs=1e-6)


def test_two_moments_prove_nothing() -> None:
    """However sharp, two coincidences are refused."""
    a, b = (moments(*camera(60, FLASHES[:2], seed=k)) for k in range(2))
    with pytest.raises(UnsureSync, match="only 2"):
        fit_moments(a, b)


def test_an_even_beat_is_refused() -> None:
    """A lamp that blinks evenly is as good at every blink: two answers, and none is taken."""
    beat = tuple(np.arange(2.0, 18.0, 1.7))
    a, b = moments(*camera(60, beat[:7])), moments(*camera(30, beat[2:], seed=1))
    with pytest.raises(UnsureSync, match="at another offset"):
        fit_moments(a, b)


def test_patterns_of_their_own_are_refused() -> None:
    """Of 60 pairs of cameras that saw flashes of their own none is tied."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        own = [
            moments(*camera(rate, tuple(np.sort(rng.uniform(1, 19, 6))), seed=seed))
            for rate in (60, 30)
        ]
        with pytest.raises(UnsureSync):
            fit_moments(own[0], own[1])


def test_calm_and_short_records_have_no_moments() -> None:
    """Where nothing changes, or too few frames were seen, there is nothing to lay together."""
    turned, light = camera(30, ())
    assert len(moments(turned, light).at) == 0
    short = Turned(turned.times[:3], turned.by[:2], turned.noise[:2])
    assert len(moments(short).at) == 0
    with pytest.raises(UnsureSync, match="only 0"):
        fit_moments(moments(short), moments(turned, light))
