"""Clocks tied by the rotation that two cameras felt."""

from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent import clock
from descent.clock import ClockFit, fit_rotation
from descent.clock.fit import Piece
from descent.errors import SourceError, UnsureSync

# Tests are collected by path, so what they share is loaded by path too.
_spec = importlib.util.spec_from_file_location("motion", Path(__file__).with_name("motion.py"))
assert _spec is not None
assert _spec.loader is not None
motion = importlib.util.module_from_spec(_spec)
sys.modules["motion"] = motion
_spec.loader.exec_module(motion)

F = Fraction
LOW = {"noise_rad": 2e-4, "jitter_s": 5e-4}
HIGH = {"noise_rad": 1e-3, "jitter_s": 2e-3}


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("rates", [(75, 30), (75, 12), (30, 12), (30, 30)])
@pytest.mark.parametrize(("noise", "bound_s"), [(LOW, 1e-4), (HIGH, 7e-4)])
def test_error(rates: tuple[int, int], noise: dict[str, float], bound_s: float) -> None:
    """Errors of the map, drift and interval are within the bounds, over several seeds."""
    errors, widths = [], []
    for seed in range(3):
        pair = motion.pair(seed, *rates, **noise)
        fit = fit_rotation(*pair.four)
        errors.append(rms(fit.map(pair.times_b) - pair.truth))
        widths.append(fit.interval)
        assert abs(fit.drift + 50e-6) < 20e-6
        assert len(fit.pieces) == 1
    assert rms(np.array(errors)) < bound_s
    assert sum(e <= w for e, w in zip(errors, widths, strict=True)) == 3
    assert np.median(widths) < 4 * rms(np.array(errors))


def test_coverage() -> None:
    """The interval holds the truth nine times in ten at least, and is not loose."""
    errors, widths = [], []
    for seed in range(30):
        pair = motion.pair(1000 + seed, 30, 12, length_s=60.0, **HIGH)
        fit = fit_rotation(*pair.four)
        errors.append(rms(fit.map(pair.times_b) - pair.truth))
        widths.append(fit.interval)
    assert sum(e <= w for e, w in zip(errors, widths, strict=True)) >= 27
    assert np.median(widths) <= 2.75 * rms(np.array(errors))


@pytest.mark.parametrize("step_s", [0.3, 2.0])
def test_step_in_b(step_s: float) -> None:
    """A clock that jumped ahead is found out, to the frame."""
    for seed in (0, 1):
        pair = motion.pair(seed, 75, 30, **HIGH)
        late = pair.truth > 60 + seed
        fit = fit_rotation(
            pair.times_a, pair.turns_a, pair.times_b + np.where(late, step_s, 0), pair.turns_b
        )
        error = fit.map(pair.times_b + np.where(late, step_s, 0)) - pair.truth
        assert rms(error) < 1e-3
        ((at, jump),) = fit.steps
        assert abs(jump + step_s) < 5e-3
        assert abs(at - pair.times_b[late][0] - step_s) < 0.1


def test_step_in_a_and_reset() -> None:
    """A step of the other clock is found too, and one that was set back."""
    pair = motion.pair(3, 75, 30, **LOW)
    for step_s in (0.3, -0.3):
        times_a = pair.times_a + np.where(pair.times_a > 63.2, step_s, 0)
        truth = pair.truth + np.where(pair.truth > 63.2, step_s, 0)
        fit = fit_rotation(times_a, pair.turns_a, pair.times_b, pair.turns_b)
        error = np.abs(fit.map(pair.times_b) - truth)
        assert np.count_nonzero(error > 1e-3) <= 1  # the frame in which the clock stepped


def test_small_step() -> None:
    """A step of a few hundredths, too small for the windows, shows in what is left over."""
    pair = motion.pair(2, 30, 30, **LOW)
    late = pair.truth > 45
    times_b = pair.times_b + np.where(late, 0.03, 0)
    fit = fit_rotation(pair.times_a, pair.turns_a, times_b, pair.turns_b)
    assert len(fit.pieces) == 2
    assert np.count_nonzero(np.abs(fit.map(times_b) - pair.truth) > 1e-3) <= 6


def test_huge_clocks() -> None:
    """A clock of 6.7e8 s gives the very fit of a clock of nothing."""
    near = motion.pair(4, 30, 12, offset_s=0.25)
    far = motion.pair(4, 30, 12, offset_s=0.25, epoch_s=666952774.0)
    a, b = fit_rotation(*near.four), fit_rotation(*far.four)
    assert abs(a.interval - b.interval) < 1e-6
    assert rms(b.map(far.times_b) - far.truth) < 1.5e-4
    at = F(666952800) + F(1, 10**6)
    assert abs(b.map(at) - b.map(at - F(1, 10**6)) - F(1, 10**6)) < F(1, 10**9)


def _refused(*four: object) -> str:
    with pytest.raises(UnsureSync) as caught:
        fit_rotation(*four)
    return str(caught.value)


def test_unrelated_motion_is_refused() -> None:
    """None of many unrelated, reversed and still inputs is accepted."""
    for seed in range(10):
        length_s = (8.0, 20.0, 60.0)[seed % 3]
        band_hz = (3.0, 0.6)[seed % 2]
        about = {"length_s": length_s, "band_hz": band_hz}
        other = motion.pair(seed, 75, 30, related=False, **about)
        assert "motion" in _refused(*other.four) or "two answers" in _refused(*other.four)
        same = motion.pair(seed, 30, 30, **about)
        _refused(same.times_a, same.turns_a, same.times_b, same.turns_b[::-1])
        noise = np.random.default_rng(seed).normal(size=same.turns_b.shape) * 2e-4
        assert "no motion that stands out" in _refused(
            same.times_a, same.turns_a, same.times_b, noise
        )


def test_periodic_motion_is_refused() -> None:
    """A steady swing fits at every swing: it is refused, and taken only when told to."""
    t = np.arange(0, 60, 1 / 30)
    angle = np.stack([np.cos(2 * np.pi * t), np.sin(2 * np.pi * t), 0 * t], axis=1) * 0.03
    rng = np.random.default_rng(0)
    turns = [np.diff(angle, axis=0) + rng.normal(size=(len(t) - 1, 3)) * 2e-4 for _ in range(2)]
    words = _refused(t, turns[0], t + 0.3, turns[1])
    assert "two answers are as good" in words
    assert "--accept-unsure" in words
    fit = fit_rotation(t, turns[0], t + 0.3, turns[1], accept_unsure=True)
    assert fit.margin < 1.5


def test_wrong_input() -> None:
    """Arrays that cannot be stamps and turns are refused in words."""
    t, turns = np.arange(40.0), np.zeros((39, 3))
    with pytest.raises(ValueError, match="n times need n - 1 turns"):
        fit_rotation(t, turns[:-1], t, turns)
    with pytest.raises(ValueError, match="finite"):
        fit_rotation(t, turns * np.nan, t, turns)
    with pytest.raises(UnsureSync, match="too few"):
        fit_rotation(t[:5], turns[:4], t, turns)
    _refused(t, turns, t, turns)
    assert clock.fit_rotation is fit_rotation
    with pytest.raises(AttributeError):
        _ = clock.nothing


def piece(start: float, end: float, offset: float, rate: float = 1 + 5e-5) -> Piece:
    """A piece of a clock."""
    return Piece(start, end, offset, rate)


FITS = {
    "plain": (piece(0, 100, 0.5),),
    "ahead": (piece(0, 50, 0.5), piece(50.4, 100, 0.1)),
    "behind": (piece(0, 50, 0.5), piece(50.1, 100, 0.8)),
}


@given(st.sampled_from(["plain", "ahead", "behind"]), st.integers(-(10**7), 11 * 10**7))
@settings(max_examples=150, deadline=None)
def test_there_and_back(name: str, micros: int) -> None:
    """The map and its inverse undo each other, exactly for fractions and finely for floats."""
    fit = ClockFit(F(666952774), F(12), FITS[name], 1e-4, 1e-4, 9.0)
    t = F(micros, 10**6) + 12
    assert abs(fit.inverse(fit.map(t)) - t) < F(1, 10**9)
    assert abs(fit.inverse(fit.map(float(t))) - float(t)) < 1e-6
    assert abs(fit.map(float(t)) - float(fit.map(t))) < 1e-6


@given(st.sampled_from(list(FITS)), st.lists(st.integers(-(10**6), 10**8), min_size=2, max_size=9))
@settings(max_examples=100, deadline=None)
def test_steps_never_reorder_frames(name: str, micros: list[int]) -> None:
    """Later on one clock is later on the other, across steps too."""
    fit = ClockFit(F(0), F(0), FITS[name], 1e-4, 1e-4, 9.0)
    times = [F(n, 10**6) for n in sorted(set(micros))]
    mapped = [fit.map(t) for t in times]
    assert mapped == sorted(mapped)


def test_files() -> None:
    """A fit is written and read back the same; anything else is refused."""
    fit = ClockFit(F(1), F(2), FITS["ahead"], 1e-4, 2e-4, 9.0, 5e-4, {"kind": "rotation"})
    assert ClockFit.from_json(fit.to_json()) == fit
    for text in ("", "{}", fit.to_json().replace("clockfit.1", "clockfit.9"),
                 fit.to_json().replace("50.4", "5.4")):  # fmt: skip
        with pytest.raises(SourceError, match="no clock fit"):
            ClockFit.from_json(text)
