"""Clocks tied by what cameras heard: true pairs, strangers, and sound that does not say when."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.clock.fit import ClockFit, Piece
from descent.clock.heard import RATE_HZ, Heard, Take
from descent.clock.joint import Own, Tie, joint
from descent.clock.restarted import fit_sound
from descent.errors import UnsureSync
from tests.clock import hearing

TALK = [hearing.speech(34, seed) for seed in (101, 102)]


def test_two_microphones_are_tied_to_a_fraction_of_a_millisecond() -> None:
    """Other noise, rooms and clocks: the offset is right to 0.2 ms, the drift to 5 ppm."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=1, length_s=32)
    b = hearing.camera(
        TALK[0], hearing.Mic(-3, 0.8, 1.0), 2, start_s=6.789, length_s=26, drift=30e-6,
        own_start_s=1000.0,
    )  # fmt: skip
    fit = fit_sound(a, b)
    times = np.linspace(1001, 1025, 7)
    truth = 5.789 + (times - 1000) * (1 + 30e-6)
    assert np.abs(fit.map(times) - truth).max() < 2e-4
    assert abs(fit.drift - 30e-6) < 5e-6
    assert fit.margin > 2
    assert fit.evidence["shared"] > 0.8


def test_who_is_first_does_not_matter() -> None:
    """The tie of b to a is that of a to b the other way round, however long each is."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=0.2, length_s=33)
    b = hearing.camera(TALK[0], hearing.Mic(-8, 0.4), 2, start_s=11.3, length_s=9)
    there, back = fit_sound(a, b), fit_sound(b, a)
    assert float(there.map(4.0)) == pytest.approx(15.1, abs=1e-3)
    assert float(back.map(15.1)) == pytest.approx(4.0, abs=1e-3)


def test_the_way_of_the_sound_is_taken_off_and_allowed_for() -> None:
    """Heard 100 ms later by a, b's clock is told by when it was made, and the interval holds."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=0.5, length_s=20, late_s=0.1)
    b = hearing.camera(TALK[0], hearing.Mic(), 2, start_s=0.5, length_s=20)
    plain = fit_sound(a, b)
    told = fit_sound(a, b, late_s=0.1, late_half_s=0.01)
    assert float(plain.map(10.0)) == pytest.approx(10.1, abs=1e-3)
    assert float(told.map(10.0)) == pytest.approx(10.0, abs=1e-3)
    assert 0.01 <= told.interval < 0.011
    assert told.evidence["alike_s"] < 0.001


def test_the_end_of_one_and_the_start_of_another_are_enough() -> None:
    """Of two long records only six seconds of the same time tie them."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=0, length_s=20)
    b = hearing.camera(TALK[0], hearing.Mic(-10, 0.4), 2, start_s=14, length_s=19)
    assert float(fit_sound(a, b).map(3.0)) == pytest.approx(17.0, abs=1e-3)


def test_strangers_are_refused() -> None:
    """Two talks, and one talk run backwards, tie nothing."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, length_s=25)
    b = hearing.camera(TALK[1], hearing.Mic(), 2, length_s=20)
    for other in (b, a.backwards()):
        with pytest.raises(UnsureSync, match="nothing that one heard stands out") as refused:
            fit_sound(a, other)
        assert "clap" in refused.value.do
    assert fit_sound(a, b, accept_unsure=True).margin < 1.6


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (hearing.music(20, 3), "as of music or a beat"),
        (hearing.beat(20, 3), "as of music or a beat"),
        (hearing.hum(20, 3), "nothing that one heard stands out"),
    ],
    ids=["a loop", "a drum machine", "a hum"],
)
def test_sound_that_repeats_does_not_say_when(source: NDArray[np.float64], says: str) -> None:
    """A loop, a beat and a hum were heard by both, and are refused with what was found."""
    a = hearing.camera(source, hearing.Mic(), 1, length_s=14)
    b = hearing.camera(source, hearing.Mic(-10), 2, start_s=3.21, length_s=12)
    with pytest.raises(UnsureSync, match=says):
        fit_sound(a, b)


def test_silence_and_a_moment_of_sound_are_refused() -> None:
    """Nothing to hear and too little to hear are said as such."""
    silent = Heard((hearing.take(np.zeros(RATE_HZ * 5)),))
    brief = Heard((hearing.take(np.ones(RATE_HZ)),))
    a = hearing.camera(TALK[0], hearing.Mic(), 1, length_s=6)
    with pytest.raises(UnsureSync, match="silent"):
        fit_sound(a, silent)
    with pytest.raises(UnsureSync, match=r"only 1\.0 s"):
        fit_sound(brief, a)


def test_chapters_with_a_gap_are_one_hearing() -> None:
    """What two files hold is laid by the time each begins, and the gap between is no evidence."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=0, length_s=33)
    whole = hearing.camera(TALK[0], hearing.Mic(-10), 2, start_s=2.5, length_s=26)
    samples = whole.takes[0].samples
    parts = (samples[: 10 * RATE_HZ], samples[15 * RATE_HZ :])
    takes = tuple(
        Take(part, np.array([0.0, 1.0]), np.array([own, own + 1]))
        for part, own in zip(parts, (0.0, 15.0), strict=True)
    )
    fit = fit_sound(a, Heard(takes))
    assert float(fit.map(20.0)) == pytest.approx(22.5, abs=1e-3)


def test_drift_by_sound_counts_although_its_way_is_not_known() -> None:
    """All at once, a tie whose way is unknown to 29 ms still tells the drift to a few ppm."""
    piece = Piece(0.0, 600.0, 0.5, 1 + 40e-6)
    evidence = {"kind": "sound", "alike_s": 3e-4}
    fit = ClockFit(Fraction(0), Fraction(0), (piece,), 0.029, 0.0, 5.0, 0.0, evidence)
    own = {name: Own(0.0, 600.0, 0.02) for name in "ab"}
    clock = joint(own, [Tie("a", "b", fit, "sound")], "a").clocks["b"]
    assert clock.drift == pytest.approx(40e-6, abs=2e-6)
    assert clock.interval_s == pytest.approx(0.029, rel=0.25)
    vague = ClockFit(Fraction(0), Fraction(0), (piece,), 0.029, 0.0, 5.0)
    other = joint(own, [Tie("a", "b", vague, "sound")], "a").clocks["b"]
    assert other.drift < 39e-6


def restarted(source: NDArray[np.float64], starts: list[float], lengths: list[float]) -> Heard:
    """One file of a recorder that was restarted: stretches of the source, without a seam."""
    parts = [
        hearing.camera(source, hearing.Mic(-12, 0.3, 2), 2, start_s=start, length_s=length)
        for start, length in zip(starts, lengths, strict=True)
    ]
    samples = np.concatenate([part.takes[0].samples for part in parts])
    return Heard((Take(samples, np.array([0.0, 1.0]), np.array([100.0, 101.0])),))


@pytest.mark.parametrize("gap_s", [1.5, -0.8, 0.03], ids=["lost", "repeated", "30 ms"])
@pytest.mark.parametrize("first_s", [13.0, 20.0], ids=["half-way", "late"])
def test_a_recorder_that_restarted_is_told_as_a_step(gap_s: float, first_s: float) -> None:
    """Both sides of a restart are right to half a ms, its place to half a second."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=0, length_s=33)
    second = 2.5 + first_s + gap_s
    b = restarted(TALK[0], [2.5, second], [first_s, 28 - first_s])
    fit = fit_sound(a, b)
    assert len(fit.steps) == 1
    at, by = fit.steps[0]
    assert by == pytest.approx(gap_s, abs=1e-3)
    assert abs(at - 100 - first_s) < 0.5
    assert float(fit.map(104.0)) == pytest.approx(6.5, abs=5e-4)
    assert float(fit.map(126.0)) == pytest.approx(28.5 + gap_s, abs=5e-4)
    assert fit.margin > 1.6


def test_a_clock_that_did_not_step_is_told_in_one_piece() -> None:
    """Drift, an echo and a stretch that only one heard are no step."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=0, length_s=33)
    plain = hearing.camera(
        TALK[0], hearing.Mic(-3, 0.8, 1.0), 2, start_s=2.5, length_s=26, drift=9e-5
    )
    samples = plain.takes[0].samples.copy()
    other = hearing.camera(TALK[1], hearing.Mic(), 3, length_s=8).takes[0].samples
    samples[-len(other) :] = other
    covered = Heard((Take(samples, np.array([0.0, 1.0]), np.array([0.0, 1.0])),))
    for b in (plain, covered):
        assert not fit_sound(a, b).steps


def test_two_talks_one_after_the_other_are_no_step() -> None:
    """Where one half of b was heard by nobody else there is no second offset to step to."""
    a = hearing.camera(TALK[0], hearing.Mic(), 1, start_s=0, length_s=33)
    own = hearing.camera(TALK[0], hearing.Mic(-10), 2, start_s=4.0, length_s=14)
    strange = hearing.camera(TALK[1], hearing.Mic(-10), 3, start_s=4.0, length_s=14)
    samples = np.concatenate([own.takes[0].samples, strange.takes[0].samples])
    b = Heard((Take(samples, np.array([0.0, 1.0]), np.array([0.0, 1.0])),))
    fit = fit_sound(a, b)
    assert not fit.steps
    assert fit.pieces[0].end_s < 16
