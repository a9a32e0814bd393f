"""Instruments: which words a layout carries, and where each of them always stands.

Places are settled once for a layout, from the widest clock and the whole credit, so that
nothing moves while a film runs. Words lie in the margins where a margin holds them, else on
the picture inside the title-safe area (5 % from each edge); a line never runs across the
edge of a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from descent.compose.geometry import Layout, Rect, Tile, even
from descent.compose.type import ELLIPSIS, LEADING, checked
from descent.compose.words import LOOKS, Role, Word, placed, setting_of, unit
from descent.errors import FormatError

SAFE_SHARE = 0.05
CAP = 0.66  # height of capitals, in heights of the type


@dataclass(frozen=True, slots=True)
class Texts:
    """What does not change during a span: camera titles, the widest clock, note and credit.

    `events` are the event titles that will come: their place is one where all of them fit.
    """

    titles: Mapping[str, str]
    clock: str = ""
    note: str = ""
    credit: str = ""
    events: tuple[str, ...] = ()


class Instruments:
    """The places of all words on one layout; `words` fills them for one picture."""

    def __init__(self, layout: Layout, texts: Texts) -> None:
        self.layout, self.texts = layout, texts
        self.scale = unit(layout.rows, layout.cols)
        self.pad = round(15 * self.scale)
        safe_rows, safe_cols = even(layout.rows * SAFE_SHARE), even(layout.cols * SAFE_SHARE)
        self.safe = Rect(
            safe_rows, safe_cols, layout.rows - 2 * safe_rows, layout.cols - 2 * safe_cols
        )
        self.clock = self._clock()
        note = self._note(texts.note, with_clock=bool(texts.clock)) if texts.note else None
        both = (self._rect(self.clock, texts.clock), self._rect(note))
        #: Where clock and note lie: other words keep off.
        self.zone = tuple(r for r in both if r is not None)
        self.credit = self._credit()
        self.event = self._event()
        self.titles = {t.camera: self._title(t) for t in layout.tiles}

    def words(
        self,
        *,
        clock: str = "",
        note: str = "",
        event: str = "",
        event_alpha: float = 1.0,
        marks: Mapping[str, Sequence[str]] | None = None,
        untitled: frozenset[str] = frozenset(),
    ) -> tuple[Word, ...]:
        """The words of one picture.

        `note` says what the span does to time ("1/4 speed", "replay", "freeze"), `marks`
        what each camera's picture is ("held 1.4 s", "×2.7", "computed"). Cameras in
        `untitled` go without their title (their card says it).
        """
        out = []
        for camera, word in self.titles.items():
            if word is not None and camera not in untitled:
                out.append(word)
        for camera, said in (marks or {}).items():
            if said:
                out.append(self._mark(self.layout.tile(camera), "  ·  ".join(said)))
        if event and self.event is not None:
            out.append(replace(self.event, text=event, alpha=event_alpha, where="event title"))
        if clock:
            out.append(replace(self.clock, text=clock))
        if note:
            out.append(self._note(note, with_clock=bool(clock)))
        if self.credit is not None:
            out.append(self.credit)
        return tuple(out)

    def _cap(self, role: Role, lines: int = 1) -> int:
        px = LOOKS[role].px * self.scale
        return round(px * (CAP + LEADING * (lines - 1)))

    def _strip(self, side: str) -> Rect:
        """The part of a margin where type may lie: safe, and a little off the picture."""
        strip = self.layout.free.get(side, Rect(0, 0, 0, 0))
        top, left = max(strip.top, self.safe.top), max(strip.left, self.safe.left)
        bottom, right = min(strip.bottom, self.safe.bottom), min(strip.right, self.safe.right)
        off = self.pad if strip.area else 0
        top += off * (side == "bottom")
        bottom -= off * (side == "top")
        left += off * (side == "right")
        right -= off * (side == "left")
        return Rect(top, left, max(0, bottom - top), max(0, right - left))

    def _corner(self, right: bool, bottom: bool, *, largest: bool = False) -> Rect:
        """Where words may lie on the picture in one corner: on one tile, and safe.

        With `largest` that is the main tile where one tile is clearly the main one.
        """
        base = [t.dest for t in self.layout.tiles if t.level == 0]
        by_area = sorted(base, key=lambda r: r.area, reverse=True)
        if largest and (len(base) == 1 or by_area[0].area > 1.6 * by_area[1].area):
            dest = by_area[0]
        else:
            dest = max(
                base,
                key=lambda r: (r.bottom if bottom else -r.top) + (r.right if right else -r.left),
            )
        top = max(dest.top + self.pad, self.safe.top)
        left = max(dest.left + self.pad, self.safe.left)
        low = min(dest.bottom - self.pad, self.safe.bottom)
        return Rect(top, left, low - top, min(dest.right - self.pad, self.safe.right) - left)

    def _fits(self, text: str, role: Role, width: int, lines: int) -> bool:
        """Whether `text` can be set into `width` px and `lines` without being cut."""
        if not text:
            return True
        checked(text, where=role)  # a character that cannot be drawn is refused, not moved
        try:
            shown = setting_of(Word(text, role, 0, 0, width, lines=lines), self.scale).lines
        except FormatError:
            return False
        # A word that is broken in its middle has no blank there: not a way to set a title.
        whole = sum(len(line.split()) for line in shown) <= len(text.split())
        return whole and (text.endswith(ELLIPSIS) or not shown[-1].endswith(ELLIPSIS))

    def _beside_insets(self, rows: Rect) -> Rect:
        """`rows` narrowed so that it clears the insets it would touch."""
        left, right, middle = rows.left, rows.right, self.layout.cols / 2
        for tile in self.layout.tiles:
            dest = tile.dest
            if tile.level and dest.top < rows.bottom and rows.top < dest.bottom:
                if dest.left + dest.cols / 2 > middle:
                    right = min(right, dest.left - self.pad)
                else:
                    left = max(left, dest.right + self.pad)
        return Rect(rows.top, left, rows.rows, max(right - left, 0))

    def _clock(self) -> Word:
        cap, text = self._cap("clock"), self.texts.clock
        right, top, bottom = self._strip("right"), self._strip("top"), self._strip("bottom")
        above = cap + self._cap("title") + 2 * self.pad
        below = cap + self._cap("credit", 2) + 2 * self.pad
        if right.cols > 5 * cap and self._fits(text, "clock", right.cols, 2):
            return Word("", "clock", right.top, right.right, right.cols, "right", lines=2)
        if top.rows >= above:
            return Word("", "clock", top.top, top.right, top.cols, "right")
        if bottom.rows >= below:
            return Word("", "clock", bottom.top + self.pad, bottom.right, bottom.cols // 2, "right")
        box = self._corner(right=True, bottom=False, largest=True)
        line = self._beside_insets(Rect(box.top, box.left, cap, box.cols))
        return Word("", "clock", line.top, line.right, line.cols, "right", lines=2)

    def _wide(self, role: Role, text: str) -> int:
        if not text:
            return round(LOOKS[role].px * self.scale * 4)
        setting = setting_of(Word(text, role, 0, 0, 1 << 20), self.scale)
        word = placed(Word(text, role, 0, 0, 1 << 20), self.layout.rows, self.layout.cols)
        return word.box.cols if word is not None and setting.lines else 0

    def _credit(self) -> Word | None:
        text = self.texts.credit
        if not text:
            return None
        right, bottom = self._strip("right"), self._strip("bottom")
        box = self._corner(right=True, bottom=True)
        line = self._beside_insets(
            Rect(box.bottom - self._cap("credit"), box.left, self._cap("credit"), box.cols)
        )
        alone = box.cols > 0.6 * self.layout.cols and self.layout.cols >= self.layout.rows
        narrow = round(line.cols * (0.4 if alone else 1))
        options: list[tuple[Rect, int, int]] = []  # (area, width, lines)
        if right.cols >= 200 * self.scale:
            options.append((right, right.cols, 4))
        options += [
            (bottom, bottom.cols, n) for n in (1, 2) if bottom.rows >= self._cap("credit", n)
        ]
        base = Rect(0, line.left, box.bottom, line.cols)
        options += [(base, narrow, 2), (base, line.cols, 2), (base, line.cols, 4)]
        refusal: FormatError | None = None
        for area, width, lines in options:
            word = Word(
                text, "credit", area.bottom, area.right, width, "right", "bottom", lines=lines,
                where="credit",
            )  # fmt: skip
            try:
                setting_of(word, self.scale)
            except FormatError as error:
                refusal = error
                continue
            return word
        assert refusal is not None
        raise refusal

    def _event(self) -> Word | None:
        if not self.texts.events:
            return None
        px = LOOKS["event"].px * self.scale
        left, bottom = self._strip("left"), self._strip("bottom")
        box = self._corner(right=False, bottom=True, largest=True)
        credit = self._rect(self.credit)
        if left.cols > 3 * px and all(
            self._fits(text, "event", left.cols, 4) for text in self.texts.events
        ):
            return Word("", "event", left.bottom, left.left, left.cols, "left", "bottom", lines=4)
        two = self._cap("event", 2)
        start = bottom.top + self.pad
        end = bottom.bottom if credit is None else min(bottom.bottom, credit.top - self.pad)
        if end - start >= two:
            low = [r.left - 2 * self.pad for r in self.zone if r.bottom > start]
            right = min([bottom.right, *low])
            return Word("", "event", start, bottom.left, right - bottom.left)
        area = self._beside_insets(Rect(box.bottom - two, box.left, two, box.cols))
        row, width = box.bottom, area.cols
        if credit is not None and credit.top < box.bottom and credit.bottom > box.bottom - two:
            beside = credit.left - 2 * self.pad - area.left
            if beside >= 0.5 * area.cols:
                width = beside
            else:
                row = credit.top - 2 * self.pad
        return Word("", "event", row, area.left, min(width, round(22 * px)), "left", "bottom")

    def _rect(self, word: Word | None, text: str = "") -> Rect | None:
        if word is None:
            return None
        shown = replace(word, text=text) if text else word
        at = placed(shown, self.layout.rows, self.layout.cols)
        return at.box if at is not None else None

    def _inside(self, tile: Tile) -> Rect:
        """Where a tile's own words may lie on its picture."""
        pad = self.pad if tile.level == 0 else round(0.7 * self.pad)
        top = max(tile.dest.top + pad, self.safe.top)
        left = max(tile.dest.left + pad, self.safe.left)
        right = min(tile.dest.right - pad, self.safe.right)
        return Rect(top, left, max(tile.dest.bottom - pad - top, 0), max(right - left, 0))

    def _title(self, tile: Tile) -> Word | None:
        text = self.texts.titles.get(tile.camera, "")
        if not text:
            return None
        where = f"title of {tile.camera}"
        cap, strip, left = self._cap("title"), self._strip("top"), self._strip("left")
        inside = self._inside(tile)
        room = strip.rows - (self._cap("clock") + self.pad if self._clock_in(strip) else 0)
        if tile.level == 0 and room >= cap and tile.dest.top <= strip.bottom + self.pad + 2:
            col = max(tile.dest.left, self.safe.left)
            width = min(tile.dest.right, self.safe.right) - col
            return Word(text, "title", strip.bottom, col, width, base="bottom", where=where)
        alone = sum(t.level == 0 for t in self.layout.tiles) == 1
        if alone and tile.level == 0 and left.cols >= self._wide("title", text):
            return Word(text, "title", left.top, left.left, left.cols, where=where)
        row, width = self._clear(inside.top, inside, cap, min(self._wide("title", text), 12 * cap))
        return Word(text, "title", row, inside.left, width, where=where)

    def _clear(self, row: int, inside: Rect, high: int, least: int) -> tuple[int, int]:
        """Row and width for a line in a tile that clears the clock: beside it, or beneath."""
        line = Rect(row, inside.left, high + self.pad, inside.cols)
        near = [r for r in self.zone if r.meets(line)]
        width = min([inside.right, *(r.left - 2 * self.pad for r in near)]) - inside.left
        if not near or width >= least:
            return row, width
        return self._clear(max(r.bottom for r in near) + self.pad, inside, high, least)

    def _clock_in(self, strip: Rect) -> bool:
        return self.clock.base == "top" and strip.rows > 0 and self.clock.row == strip.top

    def _mark(self, tile: Tile, text: str) -> Word:
        inside, title = self._inside(tile), self._rect(self.titles.get(tile.camera))
        row, high = inside.top, round(1.2 * LOOKS["mark"].px * self.scale)
        if title is not None and title.meets(Rect(row, inside.left, tile.dest.rows, inside.cols)):
            row = title.bottom + self.pad
        row, width = self._clear(row, inside, high, self._wide("mark", text))
        return Word(text, "mark", row, inside.left, width, where=f"mark of {tile.camera}")

    def _note(self, text: str, *, with_clock: bool) -> Word:
        clock = self.clock
        row, col = clock.row, clock.col
        box = self._rect(clock, self.texts.clock) if with_clock else None
        if box is not None:
            row = box.bottom + self.pad
            if row + 2 * self._cap("note") > self.safe.bottom:  # no room beneath it
                row, col = box.top - self.pad // 2, box.left - self.pad
        return Word(text, "note", row, col, clock.width, "right", where="note")


def held(seconds: Fraction | float) -> str:
    """The mark of a picture shown past its time: "held 1.4 s", or "held 25 ms" below 0.1 s."""
    short = seconds < 0.1
    return f"held {float(seconds) * 1e3:.0f} ms" if short else f"held {float(seconds):.1f} s"


def magnified(magnification: float) -> str:
    """The mark of a magnified picture, such as "×2.7"."""
    return f"×{magnification:.1f}"


def speed(rate: Fraction) -> str:
    """The note of a span not at real speed, such as "1/4 speed" or "2× speed"."""
    if rate.numerator == 1 and rate.denominator > 1:
        return f"1/{rate.denominator} speed"
    if rate.denominator == 1:
        return f"{rate.numerator}× speed"
    return f"{float(rate):.2g}× speed"


def fade(
    now_s: Fraction, start_s: Fraction, end_s: Fraction, ramp_s: Fraction = Fraction(2, 5)
) -> float:
    """Alpha (0 to 1) of a title shown from `start_s` to `end_s`, both ends ramped."""
    if not start_s <= now_s < end_s:
        return 0.0
    ramp = min(ramp_s, (end_s - start_s) / 2)
    if ramp <= 0:
        return 1.0
    return float(min(Fraction(1), (now_s - start_s) / ramp, (end_s - now_s) / ramp))
