"""The table of refusals in docs/time.md: each row happens, says what it says, and is curable."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from descent.clock.assign import lay
from descent.clock.doors import Clocks, Correlation, Epoch, SclkClock
from descent.clock.expression import parse_moment, resolve
from descent.config import include, load
from descent.model import Shot, Stamp
from descent.sources.archive import read_label
from descent.sources.names import parse

F = Fraction
ROOT = Path(__file__).resolve().parents[2]
NAMES = "ESF_0001_0667022261_840ECM_N0010052EDLC00001_0010LUJ01.png"
MARS = SclkClock.load(ROOT / "configs" / "clocks" / "mars2020.yaml")
EPOCH = Epoch.utc("2021-02-18T20:40:00Z")
CLOCKS = Clocks(EPOCH, None, MARS)
FILM = Clocks(Epoch.event("ignition"))
KERNEL = SclkClock("kernel.tsc", (Correlation(F(1000), F(5000), F(1)),), F(1000), F(2000))
LABEL = """PDS_VERSION_ID = PDS3
RECORD_BYTES = 64
^IMAGE = {pointer}
OBJECT = IMAGE
 LINES = 4
 LINE_SAMPLES = 4
 SAMPLE_TYPE = UNSIGNED_INTEGER
 SAMPLE_BITS = 8
END_OBJECT = IMAGE
END
"""


def rows() -> list[tuple[str, str, str]]:
    """What, what it says and what cures it, from the page."""
    page = (ROOT / "docs" / "time.md").read_text(encoding="utf-8")
    section = page.split("## What is refused")[1].split("\n## ")[0]
    found = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines()
             if line.startswith("| ")]  # fmt: skip
    return [(what, says, cure) for what, says, cure in found[1:] if set(what) != {"-"}]


def _release(folder: Path, words: str, mark: str = "") -> None:
    path = folder / "release.yaml"
    path.write_text(
        "schema: 1\ntitle: t\ncredit: c\ncameras:\n  pad: {files: a.mp4" + mark + "}\n" + words
        + "\noutputs: {a: {still: pad, alt: a}}\n",
        encoding="utf-8",
    )  # fmt: skip
    load(path, check_files=False)


def _mono(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(include, "find_spec", lambda _: None)
    (folder / "a.tsc").write_text("")
    _release(folder, "clock: {kernels: [a.tsc]}")


def _other_spacecraft(folder: Path) -> None:
    pytest.importorskip("spiceypy")
    (folder / "a.tsc").write_text("KPL/SCLK\n\\begindata\nA = 1\n")
    SclkClock.from_kernels([folder / "a.tsc"], spacecraft=-76)


def _label(folder: Path, text: str, name: str = "a.IMG", pixels: int = 16) -> None:
    path = folder / name
    body = text.encode().ljust(320, b" ") + bytes(pixels)
    path.write_bytes(body)
    read_label(path)


def _xml(folder: Path) -> None:
    path = folder / "a.xml"
    path.write_text('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><Product_Observational/>')
    read_label(path)


def _shots(*stamps: Stamp | None) -> list[Shot]:
    return [Shot("c", Path(f"{k}.png"), stamp) for k, stamp in enumerate(stamps)]


def _named() -> None:
    record = parse(NAMES)
    assert record is not None
    assert record.sclk is not None
    events = {"touchdown": F(228)}
    shot = Shot("c", Path(NAMES), Stamp(record.sclk, "sclk"))
    lay("c", [shot], [record], clocks=CLOCKS, events=events)


def _marks() -> None:
    clip = _shots(*(Stamp(F(k), "media") for k in range(5)))
    events = {"a": F(0), "b": F(100)}
    lay("c", clip, clocks=FILM, events=events, marks={"a": F(0), "b": F(50)})


MEDIA, SCLK = Stamp(F(1), "media"), Stamp(F(666952780), "sclk")
WORDS = SimpleNamespace(events={}, sclk=None)
CODED: Any = SimpleNamespace(
    timecode="track", start=parse_moment("ignition"), table=None, none=False, resolution=None
)
CASES: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {
    "a reading before a kernel's first record": lambda _, __: KERNEL.tai(F(999)),
    "a reading after a kernel's last record": lambda _, __: KERNEL.tai(F(2000)),
    "kernels without spiceypy": _mono,
    "a kernel of another spacecraft": lambda folder, _: _other_spacecraft(folder),
    "one reading of both clocks": lambda folder, _: _release(
        folder, "clock: {readings: [{sclk: 1, utc: 2021-02-18T20:41:04Z}]}"
    ),
    "readings that make a second of 1.3 s": lambda _, __: SclkClock.from_anchors(
        [(F(0), F(0)), (F(100), F(130))], resolution_s=F(0)
    ),
    "a SPICE clock string": lambda _, __: parse_moment("sclk:0666952774-00345"),
    "UTC before 1972": lambda _, __: parse_moment("1971-12-31T23:59:59Z"),
    "`:60` where no leap second was": lambda _, __: parse_moment("2020-12-31T23:59:60Z"),
    "UTC without its Z": lambda _, __: parse_moment("2021-02-18T20:50:00"),
    "UTC in a release without a clock": lambda _, __: resolve(
        parse_moment("2021-02-18T20:50:00Z"), events={}, epoch=FILM.epoch
    ),
    "T without a zero": lambda _, __: resolve(parse_moment("T+1s"), events={}),
    "a time code without a rate": lambda folder, _: _release(
        folder, "zero: go\nsync: {go: {pad: '00:00:01:05'}}"
    ),
    "a dropped label of a time code": lambda folder, _: _release(
        folder, "zero: go\nsync: {go: {pad: '00:01:00;01'}}", ", rate: 30000/1001"
    ),
    "frames whose names tell the making of the product": lambda _, __: _named(),
    "clips that nothing ties to the others": lambda _, __: lay("c", _shots(MEDIA), clocks=CLOCKS),
    "marks that contradict each other": lambda _, __: _marks(),
    "stills without any time": lambda _, __: lay("c", _shots(None), clocks=CLOCKS),
    "clips and stills with clocks of their own": lambda _, __: lay(
        "c", _shots(MEDIA, SCLK), clocks=CLOCKS
    ),
    "a time code without a date": lambda folder, _: _release(
        folder, "", ", times: {timecode: track}"
    ),
    "clips without a time code track": lambda _, __: lay(
        "c", _shots(MEDIA), clocks=FILM, times=CODED, events={"ignition": F(0)}
    ),
    "a label that breaks off": lambda folder, _: _label(
        folder, LABEL.format(pointer=6).replace("END\n", "")[:-20]
    ),
    "a label without its file": lambda folder, _: _label(
        folder, LABEL.format(pointer='"B.IMG"'), "a.LBL"
    ),
    "a label that points elsewhere": lambda folder, _: _label(
        folder, LABEL.format(pointer='("../b.IMG", 6)')
    ),
    "a file shorter than its label says": lambda folder, _: _label(
        folder, LABEL.format(pointer=6), pixels=9
    ),
    "a label that declares entities": lambda folder, _: _xml(folder),
}  # fmt: skip


def test_the_table_and_the_cases_are_one() -> None:
    """Each row of the page has its case here, and each case its row."""
    assert [what for what, _, _ in rows()] == list(CASES)


@pytest.mark.parametrize(("what", "says", "cure"), rows())
def test_what_is_refused(
    what: str, says: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a row names is refused in its words, with its cure."""
    with pytest.raises(Exception, match=re.escape(says)) as caught:
        CASES[what](tmp_path, monkeypatch)
    assert cure in str(caught.value)
