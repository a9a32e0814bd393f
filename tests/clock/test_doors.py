"""The doors between mission time and other clocks."""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from descent.clock import doors
from descent.clock.doors import Epoch, SclkClock, Sol, tai_to_utc, utc_to_tai
from descent.errors import DescentError, SourceError, TimeUnknown
from descent.tools.files import config_root

F = Fraction
MICRO = F(1, 10**6)
LANDING = F("666952774.005264")

seconds = st.integers(-(10**15), 10**15).map(lambda n: F(n, 10**6))
"""TAI to the microsecond, some thirty years either side of 2000: 1972 falls out by assume."""


@pytest.fixture(scope="module")
def mars() -> SclkClock:
    """The shipped clock of Mars 2020."""
    return SclkClock.load(config_root() / "clocks" / "mars2020.yaml")


@given(seconds)
@settings(max_examples=300, deadline=None)
def test_utc_round_trip(tai_s: Fraction) -> None:
    """Every instant since 1972 has one UTC text, which reads back to the microsecond."""
    assume(tai_s > -883_655_990)
    assert utc_to_tai(tai_to_utc(tai_s, 6)) == tai_s
    assert utc_to_tai(doors.exact_utc(tai_s)) == tai_s


@given(st.integers(0, len(doors.LEAPS) - 2), st.integers(-3, 3), st.integers(0, 999))
@settings(max_examples=150, deadline=None)
def test_around_leap_seconds(row: int, second: int, milli: int) -> None:
    """Around every leap second, TAI runs on evenly while UTC counts :60."""
    new_year = utc_to_tai(doors.LEAPS[row + 1][0] + "T00:00:00Z")
    text = tai_to_utc(new_year + second + F(milli, 1000), 3)
    assert utc_to_tai(text) == new_year + second + F(milli, 1000)
    assert (":60." in text) == (second == -1)


def test_floor_and_nearest() -> None:
    """A clock face floors; nearest may carry into a leap second and out of it."""
    end = utc_to_tai("2016-12-31T23:59:60.96Z")
    assert tai_to_utc(end, 1) == "2016-12-31T23:59:60.9Z"
    assert tai_to_utc(end, 1, "nearest") == "2017-01-01T00:00:00.0Z"
    assert tai_to_utc(end - 1, 1, "nearest") == "2016-12-31T23:59:60.0Z"
    assert tai_to_utc(end, 0) == "2016-12-31T23:59:60Z"


def test_before_1972() -> None:
    """UTC without whole seconds is refused both ways."""
    with pytest.raises(ValueError, match="before 1972"):
        utc_to_tai("1971-12-31T23:59:59Z")
    with pytest.raises(ValueError, match="before 1972"):
        tai_to_utc(utc_to_tai("1972-01-01T00:00:00Z") - 1)


@given(st.integers(63_072_000, 4_000_000_000), st.integers(0, 10**6 - 1))
@settings(max_examples=100, deadline=None)
def test_unix(whole: int, micro: int) -> None:
    """Unix time goes to TAI and back; it counts as Python's own UTC does."""
    unix = whole + F(micro, 10**6)
    assert doors.tai_to_unix(doors.unix_to_tai(unix)) == unix


def test_unix_known() -> None:
    """A known Unix time, and a leap second that Unix repeats."""
    assert tai_to_utc(doors.unix_to_tai(F(1613681028)), 0) == "2021-02-18T20:43:48Z"
    leap = utc_to_tai("2016-12-31T23:59:60Z")
    assert doors.tai_to_unix(leap) == doors.tai_to_unix(leap + 1)


def test_landing_to_the_microsecond(mars: SclkClock) -> None:
    """The reading that the lander camera's label ties to UTC comes out to the microsecond."""
    assert tai_to_utc(mars.tai(LANDING), 6, "nearest") == "2021-02-18T20:41:04.447849Z"
    assert abs(mars.sclk(utc_to_tai("2021-02-18T20:41:04.447849Z")) - LANDING) < MICRO


@given(st.integers(666_904_082 * 10**6, 669_059_304 * 10**6 - 1))
@settings(max_examples=200, deadline=None)
def test_sclk_there_and_back(micros: int) -> None:
    """A clock of 6.7e8 s loses no microsecond, over every piece and both its ends."""
    mars = SclkClock.load(config_root() / "clocks" / "mars2020.yaml")
    reading = F(micros, 10**6)
    assert abs(mars.sclk(mars.tai(reading)) - reading) < MICRO / 2


@given(st.lists(st.integers(666_904_082_000, 669_059_303_999), min_size=2, max_size=9))
@settings(max_examples=50, deadline=None)
def test_sclk_keeps_order(millis: list[int]) -> None:
    """Later readings are later times, across the joints of the records too."""
    mars = SclkClock.load(config_root() / "clocks" / "mars2020.yaml")
    joints = [p.sclk_s + d * MICRO for p in mars.pieces[1:] for d in (-1, 0, 1)]
    readings = sorted({*joints, *(F(m, 1000) for m in millis)})
    times = [mars.tai(r) for r in readings]
    assert times == sorted(set(times))


def test_sclk_ends(mars: SclkClock) -> None:
    """Outside its records a clock says that it does not know, in both directions."""
    for reading in (mars.start_s - MICRO, mars.end_s, F(0)):
        with pytest.raises(TimeUnknown, match="outside what is known"):
            mars.tai(reading)
    assert mars.sclk(mars.tai(mars.start_s)) == mars.start_s
    for utc in ("2021-02-18T07:00:00Z", "2021-03-20T00:00:00Z"):
        with pytest.raises(TimeUnknown, match="outside what is known"):
            mars.sclk(utc_to_tai(utc))


def test_kernels(shared_data: Path, mars: SclkClock) -> None:
    """Kernels read by SPICE give the shipped records, and SPICE's own conversion."""
    spiceypy = pytest.importorskip("spiceypy")
    folder = shared_data / "spice"
    kernels = [folder / "naif0012.tls", folder / "m2020_168_sclkscet_refit_v03.tsc"]
    clock = SclkClock.from_kernels(kernels)
    assert set(mars.pieces) <= set(clock.pieces)
    for kernel in kernels:
        spiceypy.furnsh(str(kernel))
    for reading in (LANDING, F(666952000), mars.pieces[2].sclk_s, F(660000000), F(669000000)):
        et = spiceypy.sct2e(-168, float(reading * 65536))
        assert abs(clock.tai(reading) - F(spiceypy.unitim(et, "ET", "TAI"))) < MICRO
        assert tai_to_utc(clock.tai(reading), 5)[:-1] == spiceypy.et2utc(et, "ISOC", 9)[:-4]
    leaps = spiceypy.gdpool("DELTET/DELTA_AT", 0, 100)
    assert [int(n) for n in leaps[::2]] == [tai for _, tai in doors.LEAPS]
    spiceypy.kclear()
    with pytest.raises(TimeUnknown):
        clock.tai(clock.end_s)
    with pytest.raises(SourceError, match="cannot read a clock of spacecraft -76"):
        SclkClock.from_kernels(kernels, spacecraft=-76)
    with pytest.raises(SourceError, match="no such kernel"):
        SclkClock.from_kernels([folder / "none.tsc"])


def test_anchors(mars: SclkClock) -> None:
    """Two moments read on both clocks make a clock that states how wrong it may be."""
    readings = [F(666952760), F(666952940)]
    pairs = [(r, F(round(mars.tai(r) * 1000), 1000)) for r in readings]
    clock = SclkClock.from_anchors(pairs, resolution_s=F(1, 2000))
    for reading in range(666952700, 666953000, 7):
        assert abs(clock.tai(F(reading)) - mars.tai(F(reading))) <= clock.error_s
    assert clock.error_s <= F(2, 1000)
    with pytest.raises(TimeUnknown):
        clock.tai(F(666953200))
    with pytest.raises(TimeUnknown, match="one moment gives an offset"):
        SclkClock.from_anchors(pairs[:1], resolution_s=F(0))
    wrong = [pairs[0], (pairs[1][0], pairs[1][1] + 60)]
    with pytest.raises(TimeUnknown, match="mistyped"):
        SclkClock.from_anchors(wrong, resolution_s=F(0))


@pytest.mark.parametrize(
    "text", ["", "a: [", "records: []", "title: !!python/object:os.system {}", "- 1"]
)
def test_bad_clock_files(tmp_path: Path, text: str) -> None:
    """A file that is no clock says so and what one holds."""
    path = tmp_path / "clock.yaml"
    path.write_text(text)
    with pytest.raises(DescentError, match="clock"):
        SclkClock.load(path)


def test_local_time_of_the_landing(shared_data: Path, mars: SclkClock) -> None:
    """The Mars time in all 87 names of the lander camera is the time of its frames."""
    assert mars.local is not None
    with (shared_data / "lcam" / "frames.csv").open() as table:
        for row in csv.DictReader(table):
            sol = doors.tai_to_sol(utc_to_tai(row["utc_from_sclk"]), mars.local)
            hour, minute, second = re.findall(r"\d\d", row["jpg"])
            # The table is rounded to 0.1 s, so a name's second may begin or end that much off.
            near = [str(Sol(0, sol.seconds + F(d, 10))) for d in (-1, 0, 1)]
            assert f"sol 0 {hour}:{minute}:{second}" in near


@given(st.integers(-1000, 5000), st.integers(0, 86_399_999))
@settings(max_examples=50, deadline=None)
def test_sol_there_and_back(sol: int, milli: int) -> None:
    """A local solar time is an instant and back again, exactly."""
    local = doors.Local(F("77.42593"), 52304)
    at = Sol(sol, F(milli, 1000))
    assert doors.tai_to_sol(doors.sol_to_tai(at, local), local) == at


RATES = [F(24), F(25), F(30000, 1001), F(30), F(60), F(60000, 1001)]


@given(st.integers(0, 24 * 3600 * 24 - 1), st.sampled_from(RATES), st.booleans())
@settings(max_examples=200, deadline=None)
def test_timecode(frames: int, rate: Fraction, drop: bool) -> None:
    """Every frame of a day has one time code, which reads back."""
    if drop and rate.denominator == 1:
        with pytest.raises(ValueError, match="drop frames"):
            doors.frames_to_timecode(frames, rate, drop=True)
        return
    text = doors.frames_to_timecode(frames, rate, drop=drop)
    assert doors.timecode_to_frames(text, rate) == frames


def test_timecode_known() -> None:
    """Drop frames keep pace with the clock; dropped labels do not exist."""
    ntsc = F(30000, 1001)
    assert doors.timecode_to_frames("01:00:00;00", ntsc) == 107892
    assert doors.timecode_to_frames("01:00:00:00", ntsc) == 108000
    assert abs(doors.timecode_to_seconds("01:00:00;00", ntsc) - 3600) < F(4, 1000)
    assert doors.frames_to_timecode(1800, ntsc, drop=True) == "00:01:00;02"
    assert doors.timecode_to_frames("00:10:00;00", ntsc) == 17982
    for wrong in ("00:01:00;01", "00:00:00:30", "00:61:00:00", "1:00:00:00", "00:00:60:00"):
        with pytest.raises(ValueError, match=r"time code|exist|labels"):
            doors.timecode_to_frames(wrong, ntsc)


def test_faces(mars: SclkClock) -> None:
    """Clock faces read as viewers know them."""
    epoch = Epoch.utc("2021-02-18T20:00:00Z")
    touchdown = epoch.mission(utc_to_tai("2021-02-18T20:43:48.145Z"))
    clocks = doors.Clocks(epoch, touchdown, mars, F(682))
    at = touchdown - 2
    assert clocks.show(at) == "20:43:46.1 UTC"
    assert clocks.show(at, "t") == "T−00:02.0"
    assert clocks.show(at, "sclk") == "SCLK 666952935.7"
    assert clocks.show(at, "earth") == "20:55:08.1 UTC on Earth"
    assert clocks.show(at, "mars") == "sol 0 15:53:17 Mars local"
    assert clocks.show(touchdown, "t") == "T+00:00.0"
    assert clocks.show(touchdown - F(1, 100), "t") == "T−00:00.1"
    assert clocks.show(touchdown + 3725, "t") == "T+1:02:05.0"
    assert clocks.show(at, "utc", F(1, 20)) == "20:43:46.1 UTC"
    assert clocks.show(at, "utc", F(1, 10)) == "20:43:46 UTC"
    assert clocks.show(at, "utc", F(2)) == "~20:43:46 UTC"
    assert clocks.show(at, "utc", F(1, 2000), most_digits=6) == "20:43:46.145 UTC"
    assert doors.show(at, "t", F(0), epoch=epoch, zero=touchdown) == "T−00:02.0"


def test_faces_that_are_not_known() -> None:
    """A face without its clock is refused with what to write."""
    film = doors.Clocks(Epoch.event("ignition"))
    for face, cure in (("utc", "write epoch"), ("t", "write zero")):
        with pytest.raises(TimeUnknown, match=cure):
            film.show(F(1), face)  # type: ignore[arg-type]
    clocks = doors.Clocks(Epoch.utc("2021-02-18T20:00:00Z"))
    for face, cure in (("sclk", "write clock"), ("mars", "write clock"), ("earth", "light_time")):
        with pytest.raises(TimeUnknown, match=cure):
            clocks.show(F(1), face)  # type: ignore[arg-type]


def test_earth_hears_later() -> None:
    """Sources that put the landing at 20:55 UTC keep Earth's clock."""
    heard = utc_to_tai("2021-02-18T20:55:10Z")
    sent = doors.received_to_sent(heard, F(682))
    assert tai_to_utc(sent, 0) == "2021-02-18T20:43:48Z"
    assert doors.sent_to_received(sent, F(682)) == heard


def test_a_reader_says_what_the_clock_says(mars: SclkClock) -> None:
    """Reading many times through one reader gives each time what the clock itself gives."""
    tai = mars.reader()
    edges = [p.sclk_s for p in mars.pieces if mars.start_s <= p.sclk_s < mars.end_s]
    near = [e + d for e in edges for d in (-1, Fraction(-1, 10**7), 0, Fraction(1, 3), 1000)]
    for value in [v for v in near if mars.start_s <= v < mars.end_s] * 2:
        assert tai(value) == mars.tai(value)
    with pytest.raises(TimeUnknown):
        tai(mars.end_s)
