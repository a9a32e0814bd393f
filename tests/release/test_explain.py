"""What am I looking at: each picture in a frame is accounted for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.errors import TimeUnknown, VerifyError
from descent.publish import Published
from descent.release.explain import explain


def test_a_film_second_tells_its_pictures(published: Published) -> None:
    """At a film time each camera's file, exposure, error, state and stages are told."""
    (shown,) = explain(published.folder / "film.mp4", at_s=Fraction("0.55"))
    assert (shown.tick, shown.film_s, shown.layout) == (5, 0.5, "side_by_side")
    assert shown.mission == "20:43:00.500 UTC"
    one, two = shown.pictures
    assert (one.camera, one.title, one.state) == ("one", "Camera one", "exposed")
    assert one.file == "one_005.png"
    assert (one.error_s, one.by_hand) == (0.0, False)
    assert (one.shares, one.stages) == ({}, ())
    assert one.exposed == "20:43:00.500000 UTC"
    assert one.credit == "Nobody & Sons"
    assert (two.file, two.state, two.by_hand) == ("two_002.png", "repeated", True)
    assert two.error_s == pytest.approx(-0.1)


def test_a_replayed_moment_has_several_answers(published: Published) -> None:
    """A moment shown twice gives both showings, the first showing first."""
    film = published.folder / "film.mp4"
    found = explain(film, moment="contact - 0.35s")
    assert [each.tick for each in found] == [6, 11]
    assert [each.note for each in found] == [None, "Replay · 1/2 speed"]
    assert len(found[1].pictures) == 1


def test_a_frozen_moment_is_found_as_its_clock_reads(published: Published) -> None:
    """What a frozen clock shows leads to it, and to where the film runs through it."""
    found = explain(published.folder / "film.mp4", moment="20:43:00.5")
    assert [each.tick for each in found] == [5, 14]
    assert found[1].note == "Freeze frame"


@pytest.mark.parametrize(
    "moment", ["20:43:00.5", "20:43:00.5 UTC", "2021-02-18T20:43:00.5Z", "contact - 0.5s"]
)
def test_each_way_to_say_a_moment(published: Published, moment: str) -> None:
    """A clock reading, a whole UTC and an event of the release mean the same."""
    assert explain(published.folder / "film.mp4", moment=moment)[0].tick == 5


def test_a_still_needs_no_time(published: Published) -> None:
    """A still is explained as it is."""
    (shown,) = explain(published.folder / "whole.png")
    assert shown.film_s is None
    assert [p.file for p in shown.pictures] == ["one_005.png"]


@given(tick=st.integers(0, 16), share=st.fractions(0, Fraction(99, 100), max_denominator=100))
@settings(max_examples=30, deadline=None)
def test_all_of_a_tick_is_that_tick(published: Published, tick: int, share: Fraction) -> None:
    """From its time up to the next one's, a film second belongs to the frame on screen."""
    (shown,) = explain(published.folder / "film.mp4", at_s=(tick + share) / 10)
    assert shown.tick == tick


@pytest.mark.parametrize("moment", ["contact + 5s", "20:42:59.9", "contact"])
def test_a_moment_never_shown_is_said(published: Published, moment: str) -> None:
    """Half-open to the end: what the film does not show is refused with what it shows."""
    with pytest.raises(VerifyError, match="never shows"):
        explain(published.folder / "film.mp4", moment=moment)


def test_times_outside_are_refused(published: Published, tmp_path: Path) -> None:
    """Before, at and after the end there is no frame; another file is not of the release."""
    for at in (Fraction(-1, 10), Fraction(17, 10), Fraction(100)):
        with pytest.raises(VerifyError, match="has no frame at"):
            explain(published.folder / "film.mp4", at_s=at)
    with pytest.raises(VerifyError, match="name card"):
        explain(published.folder / "poster.jpg")
    with pytest.raises(VerifyError, match=r"manifest\.json"):
        explain(tmp_path / "x.mp4", at_s=Fraction(0))
    with pytest.raises(TimeUnknown, match="did you mean contact"):
        explain(published.folder / "film.mp4", moment="contakt - 1s")
    with pytest.raises(TimeUnknown):
        explain(published.folder / "film.mp4", moment="sclk:5")
