"""Frames laid on mission time from every source of times."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.clock.assign import Laid, lay
from descent.clock.doors import Clocks, Epoch, SclkClock, utc_to_tai
from descent.clock.expression import parse_moment
from descent.errors import DescentError, TimeUnknown
from descent.model import Shot, Stamp
from descent.sources.listing import list_camera
from descent.sources.names import parse
from descent.tools.files import config_root

F = Fraction
MARS = SclkClock.load(config_root() / "clocks" / "mars2020.yaml")
EPOCH = Epoch.utc("2021-02-18T20:40:00Z")
EVENTS = {
    "parachute": EPOCH.mission(utc_to_tai("2021-02-18T20:40:50.710Z")),
    "touchdown": EPOCH.mission(utc_to_tai("2021-02-18T20:43:48.145Z")),
}
CLOCKS = Clocks(EPOCH, EVENTS["touchdown"], MARS)
FILM = Clocks(Epoch.event("ignition"), F(0))


def words(**given: Any) -> Any:
    """The words of `times:`, as a config's frozen model holds them."""
    plain = dict.fromkeys(
        ("table", "name_column", "utc_column", "sclk_column", "seconds_column", "resolution",
         "rate", "start", "order", "anchor", "index")
    )  # fmt: skip
    for key in ("start",):
        if key in given:
            given[key] = parse_moment(given[key])
    return SimpleNamespace(
        **{**plain, "none": False, "timecode": None, "local": None, "sol": None, **given}
    )


def anchor(file: str, at: str) -> Any:
    """One frame whose time is known."""
    return SimpleNamespace(file=file, at=parse_moment(at))


def stills(*names: str) -> list[Shot]:
    """Frames that are only names."""
    return [Shot("c", Path("frames") / name, None) for name in names]


def clip(values: Sequence[Fraction], name: str = "c.mp4") -> list[Shot]:
    """The frames of a clip, at the media times given."""
    return [
        Shot("c", Path(name), Stamp(v, "media", F(1, 30720)), k, pts=k)
        for k, v in enumerate(values)
    ]


def mars(*names: str) -> tuple[list[Shot], list[Any]]:
    """Frames with Mars 2020 names, as listed."""
    records = [parse(name) for name in names]
    shots = [
        Shot(
            "c",
            Path(name),
            None if r is None or r.sclk is None else Stamp(r.sclk, "sclk", F(1, 2000)),
            version=k,
        )
        for k, (name, r) in enumerate(zip(names, records, strict=True))
    ]
    return shots, records


def archive(sclk: str, letters: str = "EDF") -> str:
    """An archive name of sol 0."""
    return f"{letters}_0000_0{sclk}FDR_N0010052EDLC00000_0010LUJ01.png"


def codes(laid: Laid) -> list[str]:
    """The codes of what was noticed."""
    return [f.code for f in laid.findings]


def test_archive_names_tell_the_exposure() -> None:
    """Names of sol 0 lie at their spacecraft clock, to the microsecond, with its resolution."""
    names = [archive(f"66695278{n}_126") for n in range(5)]
    laid = lay("c", *mars(*names), clocks=CLOCKS, events=EVENTS)
    assert laid.track.times[0] == EPOCH.mission(MARS.tai(F("666952780.126")))
    assert laid.resolution_s == F(1, 2000) + F(1, 1000)
    assert (laid.clock, laid.by_hand, laid.findings) == ("sclk", False, ())
    assert [s.path.name for s in laid.shots] == names


def test_product_times_are_refused() -> None:
    """Names that tell when the product was made are refused, with the anchor as the cure."""
    names = ["ESF_0001_0667022261_840FDR_N0010052EDLC00001_0010LUJ01.png",
             "ESF_0004_0667289069_518ECM_N0010052EDLC00004_0010LUJ01.png"]  # fmt: skip
    with pytest.raises(TimeUnknown) as caught:
        lay("hover", *mars(*names), clocks=CLOCKS, events=EVENTS, rate=F(12))
    assert "2 of 2 names tell when the product was made" in str(caught.value)
    assert "reads as 2021-02-19T15:59" in str(caught.value)
    assert (
        "hover: times: {order: name, rate: 12, anchor: {file: ESF_0001_0667022261_840FDR"
        in caught.value.do
    )
    assert "accept_product_times: yes" in caught.value.do
    with pytest.raises(TimeUnknown, match="sol 1"):  # without any clock the sol alone tells
        lay("hover", *mars(names[0]), clocks=FILM, rate=F(12))
    cured = lay(
        "hover", *mars(*names), clocks=CLOCKS, events=EVENTS,
        times=words(order="name", rate=F(12), anchor=anchor(names[1], "touchdown - 2s")),
    )  # fmt: skip
    assert cured.track.times == (EVENTS["touchdown"] - 2 - F(1, 12), EVENTS["touchdown"] - 2)
    assert cured.by_hand
    assert "laid by hand" in cured.how
    taken = lay(
        "hover", *mars(*names), clocks=CLOCKS, events=EVENTS, accept_product_times=True
    )  # fmt: skip
    assert "product_time" in codes(taken)
    assert "outside" in codes(taken)


def test_product_times_among_others_are_left_out() -> None:
    """In a mixed folder only the frames whose names tell another clock are left out."""
    late = "EDF_0000_0666992022_840FDR_N0010052EDLC00001_0010LUJ01.png"  # sol 0, 11 h later
    good = [archive(f"66695278{n}_126") for n in range(3)]
    laid = lay("c", *mars(*good, late), clocks=CLOCKS, events=EVENTS)
    assert len(laid.shots) == 3
    assert codes(laid) == ["product_time"]
    navcam = "NLF_0670_0667421423_362ECM_N0320604NCAM08111_01_095J01.png"
    assert "product_time" not in codes(lay("n", *mars(navcam), clocks=CLOCKS, events=EVENTS))


def test_real_feed_names_are_refused(shared_data: Path) -> None:
    """The landing stills of the public feed are recognised by their names."""
    listing = list_camera("stills", ["."], shared_data / "edl_stills", names="mars2020")
    with pytest.raises(TimeUnknown, match="product was made"):
        lay("stills", listing.shots, listing.records, clocks=CLOCKS, events=EVENTS)


def test_local_solar_time_in_names(shared_data: Path) -> None:
    """All 87 names of the lander camera tell when to a second of Mars; the table agrees."""
    folder = shared_data / "lcam"
    listing = list_camera("lander", ["LVS_*.jpg"], folder)
    laid = lay("lander", listing.shots, clocks=CLOCKS, events=EVENTS,
               times=words(local="name", sol=0))  # fmt: skip
    assert len(laid.shots) == 87
    assert F(51, 100) < laid.resolution_s < F(52, 100)
    assert "local solar time in its names from sol 0" in laid.how
    table = words(table="frames.csv", name_column="jpg", utc_column="utc_from_sclk")
    known = lay("lander", listing.shots, clocks=CLOCKS, events=EVENTS, times=table, base=folder)
    off = [abs(t - u) for t, u in zip(laid.track.times, known.track.times, strict=True)]
    assert max(off) <= laid.resolution_s + known.resolution_s


def test_local_solar_time_over_midnight_and_without_a_place() -> None:
    """A clock that begins a new day is of the next sol; without a place of counting it is an error.

    Names without a time of day, or with one that no clock shows, are left out and said.
    """
    names = ("A_23_59_58.png", "A_23_59_59.png", "B_00_00_00.png", "C.png", "D_25_00_00.png")
    laid = lay("c", stills(*names), clocks=CLOCKS, times=words(local="name", sol=3))
    steps = [float(b - a) for a, b in pairwise(laid.track.times)]
    assert steps == pytest.approx([1.02749, 1.02749], abs=1e-4)
    assert codes(laid)[0] == "no_time"
    with pytest.raises(TimeUnknown, match="where its names' local solar time is counted"):
        lay("c", stills(*names), clocks=Clocks(EPOCH, None, None),
            times=words(local="name", sol=0))  # fmt: skip


def test_lander_table(shared_data: Path) -> None:
    """The real table of the lander camera: three digits printed, tenths meant, and said."""
    folder = shared_data / "lcam"
    listing = list_camera("lander", ["LVS_*.jpg"], folder)
    told = words(table="frames.csv", name_column="jpg", utc_column="utc_from_sclk")
    laid = lay("lander", listing.shots, clocks=CLOCKS, events=EVENTS, times=told, base=folder)
    assert len(laid.shots) == 87
    assert laid.resolution_s == F(1, 20)
    assert codes(laid) == ["rounded"]
    assert laid.track.times[0] == EPOCH.mission(utc_to_tai("2021-02-18T20:41:04.443Z"))
    by_clock = words(
        table="frames.csv", name_column="jpg", sclk_column="sclk_s_from_pds_filename",
        resolution=F(1, 20),
    )  # fmt: skip
    other = lay("lander", listing.shots, clocks=CLOCKS, events=EVENTS, times=by_clock, base=folder)
    assert codes(other) == []
    for a, b in zip(laid.track.times, other.track.times, strict=True):
        assert abs(a - b) < F(2, 1000)


@pytest.mark.parametrize(
    ("text", "words_"),
    [
        ("name,utc\na.png,2021-02-18T20:41:04.4\n", "no frame tells its time"),
        ("name,utc\nf1.png,yesterday\n", ":2:2: utc: 'yesterday' is no UTC"),
        ("name,utx\nf1.png,2021-02-18T20:41:04\n", "did you mean utx?"),
        ("name,utc,utc\nf1.png,1,2\n", "two columns"), ("", "is empty"), ("name,utc\n", "no times"),
        ("name,utc\nf1.png\n", "has 1 columns where the head has 2"),
        ('name,utc\n"f1.png,2\n', "1 columns"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, text: str, words_: str) -> None:
    """A table that cannot be read exactly says where and what to write."""
    (tmp_path / "t.csv").write_text(text)
    told = words(table="t.csv", name_column="name", utc_column="utc")
    with pytest.raises(DescentError) as caught:
        lay("c", stills("f1.png", "f2.png"), clocks=CLOCKS, times=told, base=tmp_path)
    assert words_ in str(caught.value)


def test_tables_say_what_does_not_fit(tmp_path: Path) -> None:
    """Frames without a row, and rows that disagree, are said; other delimiters are read."""
    (tmp_path / "t.csv").write_text("file;s\nF1.PNG;0.5\nf2;1.25\nf2;1.5\nf9.png;2\n")
    told = words(table="t.csv", name_column="file", seconds_column="s", start="T+10s")
    laid = lay("c", stills("f1.png", "f2.png", "f3.png"), clocks=FILM, times=told, base=tmp_path)
    assert laid.track.times == (F(21, 2), F(45, 4))
    assert codes(laid) == ["no_time", "table_twice"]
    assert laid.resolution_s == F(1, 200)
    with pytest.raises(DescentError, match="cannot be read"):
        lay("c", stills("a"), clocks=FILM, times=words(
            table="none.csv", name_column="a", seconds_column="b"), base=tmp_path)  # fmt: skip


def test_rate_order_and_index() -> None:
    """A rate and a start, an order and an anchor, a number in the name: each is exact."""
    frames = stills("a.png", "b.png", "c.png")
    ntsc = F(30000, 1001)
    laid = lay("c", frames, clocks=FILM, times=words(rate=ntsc, start="T-1s"))
    assert laid.track.times == (F(-1), F(-1) + 1 / ntsc, F(-1) + 2 / ntsc)
    assert (laid.clock, laid.by_hand, laid.track.interval_s) == ("rate", False, 1 / ntsc)
    told = words(order="name", rate=F(10), anchor=anchor("b.png", "T+2s"))
    by_hand = lay("c", frames, clocks=FILM, times=told)
    assert by_hand.track.times == (F(19, 10), F(2), F(21, 10))
    assert by_hand.resolution_s == F(1, 20)
    with pytest.raises(TimeUnknown, match=r"did you mean b\.png"):
        lay("c", frames, clocks=FILM,
            times=words(order="name", rate=F(1), anchor=anchor("bb.png", "T+0s")))  # fmt: skip
    numbered = [Shot("c", Path(f"f{n}.png"), Stamp(F(n), "index")) for n in (3, 4, 9)]
    laid = lay(
        "c", [*numbered, *stills("x.png")], clocks=FILM,
        times=words(index="f{index}.png", rate=F(10), start="T+0s"),
    )  # fmt: skip
    assert laid.track.times == (F(3, 10), F(4, 10), F(9, 10))
    assert codes(laid) == ["no_time", "gap"]


def test_clips_keep_their_own_stamps() -> None:
    """A clip laid by a rate keeps its own stamps; another rate than theirs is said."""
    stamps = [F(k, 30) + (F(1, 60) if k == 3 else 0) for k in range(8)]
    laid = lay("c", clip(stamps), clocks=FILM, times=words(rate=F(30), start="T+5s"))
    assert laid.track.times == tuple(5 + s for s in stamps)
    slow = lay("c", clip(stamps), clocks=FILM, times=words(rate=F(240), start="T+5s"))
    assert slow.track.times[7] == 5 + F(7, 240)
    assert "cadence" in codes(slow)


def test_marks() -> None:
    """One mark gives the offset; several give it better, with what each is off by."""
    frames = clip([F(k, 30) for k in range(300)])
    one = lay("pad", frames, clocks=FILM, events={"ignition": F(0)},
              marks={"ignition": F("4.20")})  # fmt: skip
    assert one.track.times[0] == F("-4.20")
    assert (one.by_hand, one.clock) == (True, "marks")
    assert one.resolution_s == F(1, 60)
    events = {"ignition": F(0), "burnout": F(29, 10)}
    two = lay("pad", frames, clocks=FILM, events=events,
              marks={"ignition": F("4.20"), "burnout": F("7.11")})  # fmt: skip
    assert two.track.times[0] == F("-4.205")
    assert "ignition -0.0050 s, burnout +0.0050 s" in two.findings[0].what
    with pytest.raises(TimeUnknown, match="contradict"):
        lay("pad", frames, clocks=FILM, events=events,
            marks={"ignition": F("4.20"), "burnout": F("8.5")})  # fmt: skip
    with pytest.raises(TimeUnknown, match="no time"):
        lay("pad", frames, clocks=FILM, events=events, marks={"apogee": F(5)})


def test_marks_far_apart_give_the_rate() -> None:
    """Marks far apart show a clock that runs off, and it is run at its rate."""
    frames = clip([F(k, 30) * (1 + F(80, 10**6)) for k in range(0, 36000, 30)])
    events = {"ignition": F(0), "landing": F(1200)}
    own = 1200 * (1 + F(80, 10**6))
    laid = lay("pad", frames, clocks=FILM, events=events, rate=F(30),
               marks={"ignition": F(0), "landing": own})  # fmt: skip
    assert abs(laid.track.times[-1] - F(35970, 30)) < F(1, 10**6)
    assert "-80 ppm" in laid.how


def test_clips_that_nothing_ties() -> None:
    """Clips without a mark are refused, unless one camera is the only clock there is."""
    frames = clip([F(k, 30) for k in range(3)])
    with pytest.raises(TimeUnknown, match="mark a moment: sync"):
        lay("pad", frames, clocks=CLOCKS, events=EVENTS)
    with pytest.raises(TimeUnknown):
        lay("pad", frames, clocks=FILM, events={"ignition": F(0)}, reference=True)
    alone = Clocks(Epoch.event("the first frame"))
    assert lay("pad", frames, clocks=alone, reference=True).track.times[1] == F(1, 30)
    with pytest.raises(TimeUnknown, match="write times"):
        lay("pad", stills("a.png"), clocks=FILM)
    with pytest.raises(TimeUnknown, match="different clocks"):
        lay("pad", [*frames, *mars(archive("666952780_126"))[0]], clocks=FILM)


def test_no_times_at_all() -> None:
    """A camera of stills needs no times, and says so."""
    laid = lay("c", stills("a.png"), clocks=FILM, times=words(none=True))
    assert laid.track.times == ()
    assert (len(laid.shots), laid.clock) == (1, "none")


def test_corrections_by_hand() -> None:
    """`add` moves, `rate` stretches about the first frame; a start by hand needs no middle."""
    frames = clip([F(1), F(2), F(3)])
    told = words(rate=F(1), start="T+0s")
    laid = lay("c", frames, clocks=FILM, times=told, add_s=F(-31, 100), clock_rate=F(11, 10),
               exposure_s=F(2, 100))  # fmt: skip
    assert laid.track.times == (F(-31, 100), F(79, 100), F(189, 100))
    assert laid.by_hand
    for text in ("moved by -0.31s", "run at 11/10"):
        assert text in laid.how


def test_the_feed_tells_the_making_of_the_product_in_utc_too() -> None:
    """A landing frame of a later sol is refused by whichever clock the feed's record gives."""
    _, records = mars("ESF_0001_0667022261_840ECM_N0010052EDLC00001_0010LUJ01.png")
    at = Stamp(utc_to_tai("2021-02-19T15:59:17Z"), "utc", F(1, 2))
    with pytest.raises(TimeUnknown, match=r"reads as 2021-02-19T15:59:17Z, sol 1"):
        lay("c", [Shot("c", Path("a.png"), at)], records, clocks=CLOCKS, events=EVENTS)


def test_the_middle_of_the_exposure() -> None:
    """A stamp tells when the shutter opened: each frame's time is the middle of its exposure."""
    lengths = [F(95, 1000), F(2, 1000), F(0)]
    shots = [
        Shot("c", Path(f"{k}.IMG"), Stamp(F(666952780 + k), "sclk", F(1, 2000), length))
        for k, length in enumerate(lengths)
    ]
    laid = lay("c", shots, clocks=CLOCKS)
    opened = [EPOCH.mission(MARS.tai(s.stamp.value)) for s in shots if s.stamp]
    assert [t - o for t, o in zip(laid.track.times, opened, strict=True)] == [
        n / 2 for n in lengths
    ]
    assert "at the middle of 0 ms to 95 ms of exposure" in laid.how
    # What the camera file knows of the shutter wins over what labels say of it.
    sure = lay("c", shots, clocks=CLOCKS, exposure_s=F(15, 100_000))
    assert {t - o for t, o in zip(sure.track.times, opened, strict=True)} == {F(75, 10**6)}
    assert "at the middle of 0.15 ms of exposure" in sure.how


def test_what_is_noticed() -> None:
    """A clock that goes back, twins, far frames, gaps and a wrong rate are all said."""
    sclk = ["666952780_000", "666952781_000", "666952782_000", "666952781_500", "666952783_000",
            "666952783_000", "666952790_000", "666952791_000", "666952792_000"]  # fmt: skip
    shots, records = mars(*(archive(s) for s in sclk))
    laid = lay("c", shots, records, clocks=CLOCKS, events=EVENTS, rate=F(30))
    said = {f.code: f for f in laid.findings}
    assert set(said) == {"clock_back", "duplicate", "cadence", "gap"}
    assert "goes back by 0.5 s" in said["clock_back"].what
    assert laid.shots[4].version == 5  # the better version of the twins
    assert "frames/s (median), not the declared 30" in said["cadence"].what
    assert laid.track.interval_s is None
    assert "no frame for 7 s" in said["gap"].what
    assert all(a < b for a, b in pairwise(laid.track.times))


def test_a_spacecraft_clock_needs_its_file() -> None:
    """Spacecraft times without their clock, or outside it, name what to write."""
    shots, records = mars(archive("666952780_000"))
    with pytest.raises(TimeUnknown, match="write clock: mars2020"):
        lay("c", shots, records, clocks=Clocks(EPOCH), events=EVENTS)
    early = mars(archive("600000000_000", "NLF"))
    with pytest.raises(TimeUnknown, match="outside what is known"):
        lay("c", *early, clocks=CLOCKS)


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=40), st.integers(-(10**6), 10**6))
@settings(max_examples=60, deadline=None)
def test_order_is_kept_whatever_comes(micros: list[int], add: int) -> None:
    """Any stamps in any order become strictly rising times with their own frames."""
    shots = clip([F(n, 10**6) for n in micros])
    told = {s.path: s.stamp for s in shots}
    assert told
    laid = lay("c", shots, clocks=FILM, events={"ignition": F(0)}, marks={"ignition": F(7)},
               add_s=F(add, 10**6))  # fmt: skip
    assert all(a < b for a, b in pairwise(laid.track.times))
    assert len(laid.shots) == len(set(micros)) == len(laid.track.times)
    for t, shot in zip(laid.track.times, laid.shots, strict=True):
        assert shot.stamp is not None
        assert t == shot.stamp.value - 7 + F(add, 10**6)
