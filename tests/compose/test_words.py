"""Words: drawn or refused, never interpreted, never outside the safe area, never moving."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.compose import type as typeface
from descent.compose.geometry import Rect, Slot
from descent.compose.instruments import Instruments, Texts, fade, held, magnified, speed
from descent.compose.layouts import LAYOUTS
from descent.compose.words import Word, draw, placed
from descent.errors import FormatError
from descent.tools.colour import blank_planes

CLOCK = "2021-02-18 20:43:48.1 UTC"
CREDIT = "Pictures: NASA/JPL-Caltech · Processing: A. Maker · CC-BY-4.0"
SIZES = {"ddc": (1536, 2048), "ruc": (1024, 1280), "puc": (1024, 1280), "lcam": (1024, 1024)}
TITLES = {
    "ddc": "Descent-stage down-look camera", "ruc": "Rover up-look camera",
    "puc": "Parachute up-look camera A", "lcam": "Lander vision camera",
}  # fmt: skip
CANVASES = [(1080, 1920), (2160, 3840), (1920, 1080), (720, 1280), (1080, 1080)]


def instruments(
    name: str, cameras: tuple[str, ...], canvas: tuple[int, int], events: tuple[str, ...]
) -> Instruments:
    """The words of a layout of known cameras."""
    slots = [Slot(c, *SIZES[c]) for c in cameras]
    layout = LAYOUTS[name](slots, *canvas, "fit", 8)
    titles = {c: TITLES[c] for c in cameras}
    return Instruments(layout, Texts(titles, CLOCK, "1/4 speed", CREDIT, events))


@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize(
    ("name", "cameras"),
    [
        ("full", ("puc",)), ("full", ("lcam",)), ("main", ("ddc", "ruc", "puc")),
        ("main", ("ddc", "ruc")), ("side_by_side", ("ddc", "ruc", "puc")),
        ("grid", ("ddc", "ruc", "puc", "lcam")), ("inset", ("ddc", "ruc", "puc", "lcam")),
    ],
)  # fmt: skip
def test_words_are_safe_and_apart(
    name: str, cameras: tuple[str, ...], canvas: tuple[int, int]
) -> None:
    """On every layout and size all words lie in the title-safe area and on no other word."""
    event = "Sky crane: the rover is lowered on its bridles"
    on = instruments(name, cameras, canvas, (event,))
    marks = {c: ["held 1.4 s", "×2.7"] for c in cameras}
    words = on.words(clock=CLOCK, note="1/4 speed", event=event, marks=marks)
    rows, cols = canvas
    safe = Rect(rows // 20, cols // 20, rows - rows // 10, cols - cols // 10)
    boxes = []
    for word in words:
        at = placed(word, rows, cols)
        assert at is not None
        # Type stands on its box; 2 px for the rounding of its size and its even corner.
        grown = Rect(safe.top - 2, safe.left - 2, safe.rows + 4, safe.cols + 4)
        assert grown.holds(at.box), (word.text, at.box)
        boxes.append((word.text, at.box))
    for k, (text, box) in enumerate(boxes):
        for other, another in boxes[k + 1 :]:
            assert not box.meets(another), (text, other)


def test_margins_hold_the_words_where_they_can() -> None:
    """Beside a square picture every word but its mark lies off the picture."""
    on = instruments("full", ("lcam",), (1080, 1920), ("Powered descent",))
    words = on.words(clock=CLOCK, note="replay", event="Powered descent")
    picture = on.layout.tiles[0].dest
    for word in words:
        at = placed(word, 1080, 1920)
        assert at is not None
        assert not at.box.meets(picture), word.text


def test_the_clock_stands_still() -> None:
    """Whatever the digits, the clock's box and its unchanged letters do not move."""
    boxes = set()
    for text in ("2021-02-18 20:11:11.1 UTC", "2021-02-18 20:48:56.7 UTC"):
        word = Word(text, "clock", 54, 96, 900)
        at = placed(word, 1080, 1920)
        assert at is not None
        boxes.add(at.box)
    assert len(boxes) == 1


def test_a_title_never_moves_the_others() -> None:
    """An event title coming and going leaves all other words where they are."""
    on = instruments("main", ("ddc", "ruc"), (1080, 1920), ("Touchdown",))
    without = on.words(clock=CLOCK)
    with_it = on.words(clock=CLOCK, event="Touchdown", event_alpha=0.3)
    assert set(without) <= set(with_it)


@pytest.mark.parametrize(
    "text",
    ["%{pts\\:hms}", ":textfile=/etc/passwd", "{n}; $(reboot)", "<b>&amp;</b>", "%d %s \\n '\"`"],
)
def test_nothing_is_interpreted(text: str) -> None:
    """What looks like a command is written as it stands."""
    setting = typeface.set_text(text, "Semibold", 40, width=4000)
    assert setting.lines == (text,)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("landing 🚀", "U+1F680"), ("שלום", "U+05E9"), ("a\u202eb", "U+202E"),
        ("two\nlines", "U+000A"), ("\x1b[31m", "U+001B"), ("着陆", "U+7740"), ("x\x00y", "U+0000"),
    ],
)  # fmt: skip
def test_characters_without_a_picture_are_refused(text: str, named: str) -> None:
    """No tofu: a character that the font lacks is named, with what to do."""
    with pytest.raises(FormatError) as caught:
        placed(Word(text, "event", 0, 0, 900, where="event touchdown"), 1080, 1920)
    assert named in str(caught.value)
    assert caught.value.where == "event touchdown"
    assert caught.value.do


def test_signs_that_films_need_are_there() -> None:
    """The signs of clocks, marks and credits are in the font."""
    assert typeface.checked("T−10.0 s ±0.05 ×2.7 · … – — © ½ ¼ ° Žižka Łódź Ωμέγα Земля")


@settings(max_examples=80, deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8"), max_size=60),
    width=st.integers(40, 900),
    lines=st.integers(1, 3),
)
def test_any_text_is_set_inside_its_width_or_refused(text: str, width: int, lines: int) -> None:
    """Any text either lies in its lines and width or is refused; nothing else happens."""
    try:
        setting = typeface.set_text(text, "Semibold", 30, width=width, lines=lines)
    except FormatError:
        return
    assert len(setting.lines) <= lines
    widest = max(typeface.width_px(line, "Semibold", setting.px) for line in setting.lines)
    assert widest <= width + 1
    drawn, _ = typeface.ink(setting)
    assert drawn.shape[1] <= width + 6


def test_ten_thousand_characters() -> None:
    """A title of 10,000 characters is cut with an ellipsis; a credit that long is refused."""
    for text in ("x" * 10_000, "word " * 2_000):
        setting = typeface.set_text(text, "Semibold", 40, width=800, lines=2)
        assert setting.lines[-1].endswith("…")
        assert len(setting.lines) == 2
        with pytest.raises(FormatError, match="does not fit"):
            typeface.set_text(text, "Regular", 22, width=800, lines=4, whole=True)


def test_lines_are_evened() -> None:
    """A title that needs two lines does not leave one word alone on the second."""
    text = "Perseverance is lowered on three bridles"
    setting = typeface.set_text(text, "Semibold", 54, width=860, lines=2, smallest=1)
    first, second = (typeface.width_px(line, "Semibold", 54) for line in setting.lines)
    assert second > 0.5 * first


@pytest.mark.parametrize("level", [16, 60, 128, 200, 235])
@pytest.mark.parametrize("role", ["title", "credit", "mark", "event"])
def test_type_is_legible_on_any_ground(level: int, role: str) -> None:
    """Type stands out from what is right around it, on black, on white and between."""
    planes = blank_planes(400, 1200, luma=level)
    at = placed(Word("Hn 2021", role, 100, 100, 1000), 1080, 1920)  # type: ignore[arg-type]
    assert at is not None
    draw(planes, at)
    ink = np.zeros((400, 1200), np.uint8)
    r = at.rect
    ink[r.top : r.bottom, r.left : r.right] = at.raster.ink
    near = np.zeros_like(ink, bool)
    for dy, dx in ((2, 0), (-2, 0), (0, 2), (0, -2)):
        near |= np.roll(ink, (dy, dx), (0, 1)) > 250
    ground = planes.y[near & (ink == 0)].astype(float)
    letters = planes.y[ink == 255].astype(float)
    assert letters.min() >= 230
    assert np.median(ground) < 150


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
@pytest.mark.parametrize("depth", [8, 10])
def test_words_take_the_colour_out(chroma: str, depth: int) -> None:
    """Under a letter the picture's colour goes; away from it nothing changes."""
    planes = blank_planes(200, 600, chroma, depth)  # type: ignore[arg-type]
    planes.u[:] = 60 << (depth - 8)
    before = planes.y.copy()
    at = placed(Word("████", "title", 60, 60, 500), 1080, 1920) if typeface._drawn("█") else None
    at = at or placed(Word("MMMM", "event", 60, 60, 500), 1080, 1920)
    assert at is not None
    draw(planes, at)
    assert planes.y.max() == 235 << (depth - 8)
    assert planes.u.max() >= 125 << (depth - 8)
    outside = np.ones(planes.y.shape, bool)
    outside[at.rect.top : at.rect.bottom, at.rect.left : at.rect.right] = False
    assert (planes.y[outside] == before[outside]).all()


def test_marks_and_notes_read_well() -> None:
    """Numbers are put into the words that viewers know."""
    assert held(Fraction(7, 5)) == "held 1.4 s"
    assert held(Fraction(1, 40)) == "held 25 ms"
    assert magnified(2.7001) == "×2.7"
    assert speed(Fraction(1, 4)) == "1/4 speed"
    assert speed(Fraction(2)) == "2× speed"
    assert speed(Fraction(3, 2)) == "1.5× speed"


def test_fades_are_exact_and_whole() -> None:
    """A title is absent outside its stretch, full in its middle, and ramps between."""
    assert fade(Fraction(-1), Fraction(0), Fraction(4)) == 0.0
    assert fade(Fraction(4), Fraction(0), Fraction(4)) == 0.0
    assert fade(Fraction(2), Fraction(0), Fraction(4)) == 1.0
    assert fade(Fraction(1, 5), Fraction(0), Fraction(4)) == 0.5
    assert fade(Fraction(1, 10), Fraction(0), Fraction(1, 5)) == 1.0
