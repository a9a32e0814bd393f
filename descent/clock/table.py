"""Times of frames from a CSV table, with the resolution that its digits really carry."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path, PurePosixPath

from descent.clock.utc import utc_to_tai
from descent.errors import HostileInput, SourceError, TimeUnknown
from descent.tools.text import did_you_mean, some

LARGEST_BYTES = 64_000_000
_SECONDS = re.compile(r"-?\d{1,15}(?:\.(\d{0,18}))?", re.ASCII)
_UTC_DIGITS = re.compile(r"\.(\d+)")


@dataclass(frozen=True, slots=True)
class Table:
    """Times by file name: `values[name]` exact, each uncertain by `resolution_s`.

    `grid_s` is the step that all values turned out to sit on where it is coarser than the
    digits printed, else None. `twice` are names that the table gives two different times.
    """

    values: dict[str, Fraction]
    resolution_s: Fraction
    grid_s: Fraction | None = None
    twice: tuple[str, ...] = ()

    def of(self, name: str) -> Fraction | None:
        """The time of a file, found by its name or, failing that, without its suffix."""
        key = _key(name)
        found = self.values.get(key)
        return self.values.get(_stem(key)) if found is None else found


def _key(name: str) -> str:
    return PurePosixPath(name.strip().replace("\\", "/")).name.casefold()


def _stem(key: str) -> str:
    # A name's own dots stay: only a short suffix is one.
    head, dot, tail = key.rpartition(".")
    return head if dot and 1 <= len(tail) <= 4 else key


def read_table(path: Path, name_column: str, value_column: str, *, utc: bool) -> Table:
    """The times in a CSV file: TAI s of a UTC column, else plain seconds.

    SourceError or TimeUnknown, with line and column, for what cannot be read exactly.
    """
    rows = _rows(path)
    head = rows[0][1]
    where = {name: _column(path, head, name) for name in (name_column, value_column)}
    read: Callable[[str], Fraction] = _utc if utc else _seconds
    values: dict[str, Fraction] = {}
    twice: list[str] = []
    digits = 0
    for line, row in rows[1:]:
        if len(row) <= max(where.values()):
            raise SourceError(
                f"has {len(row)} columns where the head has {len(head)}", where=f"{path}:{line}",
                do="complete the row, or take it out",
            )  # fmt: skip
        name, text = _key(row[where[name_column]]), row[where[value_column]].strip()
        if not name or not text:
            continue
        try:
            value = read(text)
        except ValueError as error:
            place = f"{path}:{line}:{where[value_column] + 1}"
            raise TimeUnknown(f"{value_column}: {error}", where=place) from None
        digits = max(digits, _digits(text, utc))
        if values.get(name, value) != value:
            twice.append(name)
        values.setdefault(name, value)
        values.setdefault(_stem(name), value)
    if not values:
        raise SourceError("holds no times", where=str(path), do="fill it, or name another table")
    # Each value is in twice (with and without its suffix); for the grid once is enough.
    step = Fraction(1, 10**digits)
    grid = coarser_grid(sorted(set(values.values())), step)
    return Table(values, (grid or step) / 2, grid, tuple(dict.fromkeys(twice)))


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise HostileInput("is too large for a table of times", where=str(path))
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}", where=str(path),
            do="write table: with the path of a CSV file, relative to `folder`",
        ) from None  # fmt: skip
    except UnicodeDecodeError:
        raise SourceError("is no UTF-8 text", where=str(path), do="save it as UTF-8") from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise SourceError(f"is no CSV: {error}", where=f"{path}:{reader.line_num}") from None
    if not rows:
        raise SourceError("is empty", where=str(path), do="name a table with a head and rows")
    return rows


def _column(path: Path, head: Sequence[str], name: str) -> int:
    names = [text.strip() for text in head]
    if name not in names:
        raise SourceError(
            f"has no column {name}", where=f"{path}:1",
            do=did_you_mean(name, names) or f"its columns are {some(names)}",
        )  # fmt: skip
    if names.count(name) > 1:
        raise SourceError(f"has two columns {name}", where=f"{path}:1", do="rename one of them")
    return names.index(name)


def _utc(text: str) -> Fraction:
    return utc_to_tai(text.replace(" ", "T", 1) if "T" not in text else text)


def _seconds(text: str) -> Fraction:
    if _SECONDS.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no number of seconds - write 666952774.005264")
    return Fraction(text.removesuffix("."))


def _digits(text: str, utc: bool) -> int:
    match = _UTC_DIGITS.search(text) if utc else _SECONDS.fullmatch(text)
    return len(match[1]) if match and match[1] else 0


def coarser_grid(values: Sequence[Fraction], step: Fraction) -> Fraction | None:
    """The coarser decimal step that rising values turn out to be rounded to, or None.

    `step` is that of the digits printed. Values rounded to 0.1 s and then shifted by a
    clock conversion print three digits, yet their differences are all within two last
    digits of a tenth. So that a truly regular camera is not called rounded, two neighbouring
    differences (3.3 and 3.4 s) must both occur, and not all be multiples of the shortest.
    """
    steps = [b - a for a, b in pairwise(values)]
    if len(steps) < 8:
        return None
    found = None
    grid = step * 10
    while grid <= 1:
        if any(abs(s - _to(s, grid)) > 2 * step for s in steps):
            break
        counts = {int(_to(s, grid) / grid) for s in steps} - {0}
        regular = bool(counts) and all(n % min(counts) == 0 for n in counts)
        if not regular and any(n + 1 in counts for n in counts):
            found = grid
        grid *= 10
    return found


def _to(value: Fraction, grid: Fraction) -> Fraction:
    return (value / grid + Fraction(1, 2)).__floor__() * grid
