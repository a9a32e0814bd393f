"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clock import (
    Epoch,
    Moment,
    duration_text,
    parse_duration,
    parse_hold,
    parse_moment,
    resolve,
)
from descent.errors import TimeUnknown

F = Fraction


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2s", 2),
        ("0.5 s", F(1, 2)),
        ("-31ms", F(-31, 1000)),
        ("−31 ms", F(-31, 1000)),
        ("2 min", 120),
        ("1h", 3600),
        ("11min 22s", 682),
        ("682s", 682),
        ("1h2min3.5s", F(7447, 2)),
        ("00:41.20", F(206, 5)),
        ("01:02:03.5", F(7447, 2)),
        ("-00:05", -5),
        ("75:00", 4500),
        ("+2s", 2),
        ("12us", F(12, 10**6)),
        ("1/3s", F(1, 3)),
        ("2.5", F(5, 2)),
        (".5s", F(1, 2)),
        (2, 2),
        (0.1, F(1, 10)),
        (-0.31, F(-31, 100)),
        (Decimal("0.30"), F(3, 10)),
        (F(1, 7), F(1, 7)),
        ("666952774.005264", F(666952774005264, 10**6)),
    ],
)
def test_durations(text: object, seconds: Fraction | int) -> None:
    """Every way of writing a duration gives its exact seconds."""
    assert parse_duration(text) == seconds
    assert isinstance(parse_duration(text), Fraction)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("2 sec", "'2 sec' is no duration - write 2s"),
        ("-2 seconds", "write -2s"),
        ("3m", "write 3min"),
        ("2,5s", "write 2.5s"),
        ("2S", "write 2s"),
        ("1 hr", "write 1h"),
        ("00:41:20:12", "seconds instead of frames"),
        ("00:75.0", "write 75s"),
        ("1/0s", "write 2s"),
        ("1e5", "write 2s"),
        ("", "write 2s"),
        ("2s 1h", "write 2s"),
        ("two", "write 2s"),
        (True, "write 2s"),
        (None, "write 2s"),
        (float("nan"), "seconds"),
        (float("inf"), "seconds"),
        ("1" * 40, "write 2s"),
        ("--2s", "write -2s"),
        ("²s", "write 2s"),
    ],
)
def test_wrong_durations(text: object, cure: str) -> None:
    """What is no duration is refused in words that say what to write."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_duration(text)
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    ("text", "moment", "canonical"),
    [
        ("touchdown", Moment("event", "touchdown"), "touchdown"),
        ("touchdown - 2s", Moment("event", "touchdown", F(-2)), "touchdown - 2s"),
        ("touchdown-2s", Moment("event", "touchdown", F(-2)), "touchdown - 2s"),
        ("canopy_full + 1s", Moment("event", "canopy_full", F(1)), "canopy_full + 1s"),
        ("chuteinf1 - 00:02.5", Moment("event", "chuteinf1", F(-5, 2)), "chuteinf1 - 2.5s"),
        (
            "touchdown - 2s + 1ms",
            Moment("event", "touchdown", F(-1999, 1000)),
            "touchdown - 1.999s",
        ),
        ("T+14.6s", Moment("t", "", F(73, 5)), "T+14.6s"),
        ("T-5s", Moment("t", "", F(-5)), "T-5s"),
        ("T−00:02.0", Moment("t", "", F(-2)), "T-2s"),
        ("T", Moment("t", ""), "T+0s"),
        ("T+00:14.6", Moment("t", "", F(73, 5)), "T+14.6s"),
        ("2.9s", Moment("t", "", F(29, 10)), "T+2.9s"),
        (2.9, Moment("t", "", F(29, 10)), "T+2.9s"),
        ("-5s", Moment("t", "", F(-5)), "T-5s"),
        ("2021-02-18T20:50:00Z", Moment("utc", "2021-02-18T20:50:00Z"), "2021-02-18T20:50:00Z"),
        ("2021-02-18 20:50Z", Moment("utc", "2021-02-18T20:50:00Z"), "2021-02-18T20:50:00Z"),
        (
            "2021-049T20:41:04.4470Z",
            Moment("utc", "2021-02-18T20:41:04.447Z"),
            "2021-02-18T20:41:04.447Z",
        ),
        (
            "2021-02-18T20:50:00Z - 682s",
            Moment("utc", "2021-02-18T20:50:00Z", F(-682)),
            "2021-02-18T20:50:00Z - 682s",
        ),
        (
            "2016-12-31T23:59:60.5Z",
            Moment("utc", "2016-12-31T23:59:60.5Z"),
            "2016-12-31T23:59:60.5Z",
        ),
        ("sclk:666952774.0", Moment("sclk", "666952774"), "sclk:666952774"),
        (
            "SCLK: 666952774.005264 + 1s",
            Moment("sclk", "666952774.005264", F(1)),
            "sclk:666952774.005264 + 1s",
        ),
        ("unix:1613681464.4", Moment("utc", "2021-02-18T20:51:04.4Z"), "2021-02-18T20:51:04.4Z"),
        (
            datetime(2021, 2, 18, 20, 50, 0, 500000, tzinfo=UTC),
            Moment("utc", "2021-02-18T20:50:00.5Z"),
            "2021-02-18T20:50:00.5Z",
        ),
    ],
)
def test_moments(text: object, moment: Moment, canonical: str) -> None:
    """Every way of writing a time is read, and its canonical text reads back the same."""
    assert parse_moment(text) == moment
    assert str(parse_moment(text)) == canonical
    assert parse_moment(canonical) == moment
    assert parse_moment(moment) is moment


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("2021-02-18T20:50:00", "has no zone - write 2021-02-18T20:50:00Z"),
        ("2021-02-18T20:50:00+01:00", "write 2021-02-18T19:50:00Z"),
        ("2021-02-18T23:59:60Z", "no leap second"),
        ("2021-02-30T00:00:00Z", "has no day 02-30"),
        ("2021-366T00:00:00Z", "has no day 366"),
        ("1969-01-01T00:00:00Z", "before 1972"),
        ("sclk:0666952774-00345", "write sclk:666952774.0052642822265625"),
        ("touchdown - 2 sec", "write 2s"),
        ("touchdown 2s", "is no time"),
        ("touchdown - ", "left over"),
        ("heat-shield", "is no duration"),
        ("12:30:99", "no duration"),
        ("", "is no time"),
        (None, "is no time"),
        (False, "is no time"),
        ("2021-02-18T25:00:00Z", "no time of day"),
    ],
)
def test_wrong_moments(text: object, cure: str) -> None:
    """What is no time is refused in words that say what to write."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_moment(text)
    assert cure in str(caught.value)


@given(st.fractions(-(10**9), 10**9, max_denominator=10**6))
@settings(max_examples=100, deadline=None)
def test_duration_text_round_trip(seconds: Fraction) -> None:
    """The canonical text of any duration reads back exactly."""
    assert parse_duration(duration_text(seconds)) == seconds


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text(text: str) -> None:
    """No text does anything but parse or raise a ValueError."""
    for parse in (parse_duration, parse_moment, parse_hold):
        try:
            parse(text)
        except ValueError as error:
            assert "write" in str(error)  # noqa: PT017


def test_holds() -> None:
    """A hold is until_next, a number of frames, or seconds."""
    assert parse_hold("until_next") == "until_next"
    assert parse_hold("2 frames") == 2
    assert isinstance(parse_hold("2 frames"), int)
    assert parse_hold("0.5s") == F(1, 2)
    assert isinstance(parse_hold(2), Fraction)
    with pytest.raises(ValueError, match="write until_next, 2 frames"):
        parse_hold("forever")


class _Clock:
    def tai(self, sclk_s: Fraction) -> Fraction:
        return sclk_s + 100


def test_resolve() -> None:
    """A moment resolves by exactly the clock it names."""
    epoch = Epoch.utc("2021-02-18T20:00:00Z")
    events = {"touchdown": F(2628)}
    assert resolve(parse_moment("touchdown - 2s"), events=events) == 2626
    assert resolve(parse_moment("T-5s"), events=events, zero=F(10)) == 5
    at = resolve(parse_moment("2021-02-18T20:00:01.25Z + 1s"), events=events, epoch=epoch)
    assert at == F(9, 4)
    assert epoch.tai_s is not None
    moment = parse_moment("sclk:5.5")
    assert resolve(moment, events={}, epoch=epoch, sclk=_Clock()) == F(211, 2) - epoch.tai_s


@pytest.mark.parametrize(
    ("text", "epoch", "cure"),
    [
        ("tuchdown", None, "did you mean touchdown"),
        ("T+1s", None, "write zero:"),
        ("2021-02-18T20:50:00Z", None, "write epoch:"),
        ("2021-02-18T20:50:00Z", Epoch.event("ignition"), "ignition + 2s"),
        ("sclk:5", Epoch.utc("2021-02-18T20:50:00Z"), "write clock: mars2020"),
    ],
)
def test_unknown_times(text: str, epoch: Epoch | None, cure: str) -> None:
    """A time that no clock explains is refused with what to write."""
    with pytest.raises(TimeUnknown) as caught:
        resolve(parse_moment(text), events={"touchdown": F(0)}, epoch=epoch)
    assert cure in str(caught.value)
