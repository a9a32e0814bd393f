"""Contact sheets and coverage charts: complete, escaped, and the same each time."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.compose.chart import Bar, Lane, coverage_svg
from descent.compose.sheet import Thumb, sheet
from descent.errors import FormatError
from descent.tools.colour import rgb_to_planes

SVG = "{http://www.w3.org/2000/svg}"


def test_sheet_holds_every_picture() -> None:
    """Each thumb shows its own picture, in order, whatever kind it is."""
    greys = [40, 90, 140, 190, 240]
    flat = [np.full((60, 80), g, np.uint8) for g in greys]
    thumbs = [
        Thumb(flat[0], ("a.png", "T+0.1 s", "sharpness 0.5")),
        Thumb(np.dstack([flat[1]] * 3), ("b.png",)),
        Thumb(lambda: rgb_to_planes(np.dstack([flat[2]] * 3)), ("c.png",)),
        Thumb(flat[3].astype(np.uint16) * 257, ("d 🚀.png",), "damaged"),
        Thumb(np.full((61, 81), 240, np.uint8)),
        Thumb(None, ("missing",)),
    ]
    page = sheet(thumbs, across=3, width_px=960, title="All of them")
    assert page.shape[1] == 960
    assert page.dtype == np.uint8
    for k, grey in enumerate(greys):
        found = np.argwhere((np.abs(page.astype(int) - grey) <= 2).all(2))
        block = [p for p in found.tolist() if p[1] // 320 == k % 3]
        assert len(block) > 10_000
    assert (page == sheet(thumbs, across=3, width_px=960, title="All of them")).all()


def test_sheet_refuses_what_makes_no_sheet() -> None:
    """No pictures, or too many across, are refused with what to do."""
    with pytest.raises(FormatError):
        sheet([])
    with pytest.raises(FormatError, match="across"):
        sheet([Thumb(None)] * 90, across=90, width_px=800)


def chart(title: str = "Coverage", note: str = "", event: str = "touchdown") -> str:
    """A chart of two cameras."""
    lanes = [
        Lane(title, (Bar(0, 10), Bar(Fraction(3), Fraction(4), "used"), Bar(5, 6, "gap", note))),
        Lane("b", ()),
    ]
    return coverage_svg(lanes, [(event, 9.5), ("outside", 99)], start_s=0, end_s=10, title=title)


def test_chart_is_well_formed_and_told() -> None:
    """The chart parses, has a title and a description, and each bar says what it is."""
    root = ET.fromstring(chart(note="45 frames"))  # noqa: S314
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title") is not None
    said = root.find(f"{SVG}desc")
    assert said is not None
    assert "b: no pictures" in (said.text or "")
    bars = [r.find(f"{SVG}title") for r in root.iter(f"{SVG}rect") if r.get("class") == "gap"]
    assert any(b is not None and "45 frames" in (b.text or "") for b in bars)
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert "touchdown" in texts
    assert "outside" not in texts


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_chart_escapes_everything(text: str) -> None:
    """No name breaks out of the chart, whatever it holds."""
    root = ET.fromstring(chart(text, text, text))  # noqa: S314
    assert {e.tag for e in root.iter()} <= {
        SVG + t for t in ("svg", "title", "desc", "style", "rect", "text", "line", "g")
    }


def test_chart_keeps_bars_inside() -> None:
    """Bars and labels stay on the chart, also where time is before or after it."""
    text = coverage_svg(
        [Lane("a", (Bar(-50, 500),))], [("at the very end", 9.99)], start_s=0, end_s=10
    )
    root = ET.fromstring(text)  # noqa: S314
    for rect in root.iter(f"{SVG}rect"):
        assert float(rect.get("x", 0)) + float(rect.get("width", 0)) <= 1200
    label = next(t for t in root.iter(f"{SVG}text") if t.text == "at the very end")
    assert label.get("text-anchor") == "end"
