"""Mars 2020 file names: each field, the feed's liberties, and back to text."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.sources.names import Mars2020Name, parse

_CODE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=1)


def _text(
    size: int, letters: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
) -> st.SearchStrategy[str]:
    return st.text(letters, min_size=size, max_size=size)


@st.composite
def records(draw: st.DrawFn) -> Mars2020Name:
    """Any complete name."""
    return Mars2020Name(
        instrument=draw(st.sampled_from(["EA", "ES", "ED", "EL", "ZL", "NR", "HN"])),
        colour=draw(st.sampled_from("EFM0")),
        special="_",
        sol=draw(st.integers(0, 9999)),
        clock_s=draw(st.integers(0, 9_999_999_999)),
        clock_ms=draw(st.integers(0, 999)),
        product=draw(st.sampled_from(["ECM", "ECV", "EJP", "EDR", "EBY", "FDR"])),
        geometry=draw(st.sampled_from("_L")),
        sample=draw(st.sampled_from("NT")),
        site=f"{draw(st.integers(0, 999)):03}",
        drive=f"{draw(st.integers(0, 9999)):04}",
        sequence=draw(_text(9)),
        camera_specific=draw(_text(4)),
        downsample=draw(st.sampled_from("0123")),
        compression=draw(st.sampled_from(["LU", "LI", "LL", "I5", "95"])),
        producer="J",
        version_text=draw(st.one_of(st.just(""), st.integers(1, 99).map("{:02}".format))),
        words=draw(st.sampled_from(["", "_1200", "_my copy"])),
        prefix=draw(st.sampled_from(["", "Mars_Perseverance_"])),
    )


@settings(max_examples=200)
@given(record=records(), suffix=st.sampled_from(["", ".png", ".JPG", ".IMG"]))
def test_a_name_reads_back_as_it_was_written(record: Mars2020Name, suffix: str) -> None:
    """Formatting and parsing are each other's inverse, suffix and case of it aside."""
    assert parse(record.text() + suffix) == record
    assert str(record) == record.text()


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_without_failing(name: str) -> None:
    """No file name breaks the parser, and what is read keeps its text."""
    record = parse(name)
    if record is not None and name.isascii():
        assert name.casefold().startswith(record.text().casefold())


def test_every_field_of_the_documented_name() -> None:
    """The example of the facts, field by field at its place."""
    record = parse("ESF_0004_0667289069_518ECM_N0010052EDLC00004_0010LUJ01.png")
    assert record == Mars2020Name(
        instrument="ES", colour="F", special="_", sol=4, venue="_", clock_s=667289069,
        clock_ms=518, product="ECM", geometry="_", sample="N", site="001", drive="0052",
        sequence="EDLC00004", camera_specific="_001", downsample="0", compression="LU",
        producer="J", version_text="01",
    )  # fmt: skip
    assert record.sclk == Fraction(667289069518, 1000)
    assert (record.frame_number, record.version) == (10052, 1)
    assert record.lossless
    assert record.landing
    assert not record.thumbnail
    assert len(record.text()) == 54


@pytest.mark.parametrize(
    ("name", "instrument", "sclk", "version", "words"),
    [
        ("Mars_Perseverance_ESF_0004_0667289069_518ECM_N0010052EDLC00004_0010LUJ01.png",
         "ES", "667289069.518", 1, ""),
        ("NLF_0670_0726421423_362ECM_N0320604NCAM08111_01_095J01.png",
         "NL", "726421423.362", 1, ""),
        ("NLF_0670_0726421423_362ECM_N0320604NCAM08111_01_095J.png",
         "NL", "726421423.362", 0, ""),
        ("NLF_0670_0726421423_362ECM_N0320604NCAM08111_01_095J01_1200.jpg",
         "NL", "726421423.362", 1, "_1200"),
        ("EBF_0001_0667022756_679ECV_parachute_noleli.jpg",
         "EB", "667022756.679", 0, "_parachute_noleli"),
        ("EUF_0001_rucam_unfairdoor.jpg", "EU", None, 0, "rucam_unfairdoor"),
        ("ELM_0000_0666952774_000FDR_N0000001LVS_04000_0000LUJ01.IMG",
         "EL", "666952774", 1, ""),
    ],
)  # fmt: skip
def test_names_as_people_have_them(
    name: str, instrument: str, sclk: str | None, version: int, words: str
) -> None:
    """What the archive, the feed and people write is read, and what is not there is None."""
    record = parse(name)
    assert record is not None
    assert record.instrument == instrument
    assert record.sclk == (None if sclk is None else Fraction(sclk))
    assert (record.version, record.words) == (version, words)


@pytest.mark.parametrize(
    "name", ["LVS_15_50_40.jpg", "NRB_701384494RAD_F0933408NCAM00200M1.IMG", "GX010119.MP4", ""]
)
def test_other_names_are_not_taken_for_mars_2020(name: str) -> None:
    """Other missions' names and cameras' own are None, not a wrong record."""
    assert parse(name) is None


def test_later_versions_are_larger() -> None:
    """Versions run 01 to 99, then A0 on, and an unwritten one is the smallest."""
    base = "ESF_0004_0667289069_518ECM_N0010052EDLC00004_0010LUJ"
    versions = [r.version for v in ("", "01", "99", "A0", "A1", "B0") if (r := parse(base + v))]
    assert versions == sorted(set(versions))
