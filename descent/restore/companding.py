"""Companding: the table by which a camera made 8-bit codes of more bits, and its inverse.

A table is known by name or read from a text file. Each code stands for the middle of the
counts that it was made of: no count comes back further off than half of what its code covers,
and a code comes back as itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from descent.errors import FormatError
from descent.tools.files import sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES, TWELVE_BITS = 256, 4096
_LONGEST = 1 << 20  # bytes: the longest table, with words, is a tenth of that
_BETWEEN = re.compile(r"[,;\s]+")
_CURE = (
    f"write {CODES} lines, the count of each code, or {TWELVE_BITS}, the code of each 12-bit count"
)


@dataclass(frozen=True)
class Table:
    """The count (256,) of each code, and the count of full scale."""

    counts: NDArray[np.float64]
    full: float


@cache
def square_root() -> Table:
    """Codes that stand for the square root of 12-bit counts."""
    counts = np.arange(TWELVE_BITS)
    codes = np.rint(np.sqrt(counts / (TWELVE_BITS - 1)) * (CODES - 1)).astype(np.int64)
    # Codes that no count reaches (between the first few counts) take the curve itself.
    curve = (np.arange(CODES) / (CODES - 1)) ** 2 * (TWELVE_BITS - 1)
    return Table(inverse(codes, curve), TWELVE_BITS - 1.0)


NAMED = {"square_root": square_root}


def inverse(
    codes: NDArray[np.int64], unreached: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The middle count (256,) of each code, of a table that never falls.

    Parameters
    ----------
    codes : the code, 0 to 255, of every count from 0 up.
    unreached : the count (256,) of codes that none has; by default on a line between others.
    """
    first = np.searchsorted(codes, np.arange(CODES), side="left")
    last = np.searchsorted(codes, np.arange(CODES), side="right") - 1
    hit = last >= first
    if unreached is None:
        known = np.flatnonzero(hit)
        unreached = np.interp(np.arange(CODES), known, ((first + last) / 2)[known])
    return np.where(hit, (first + last) / 2, unreached)


def table_of(name: str, path: str | None, digest: str | None) -> Table | None:
    """The table that a config names, or the one in its file; None where it names none."""
    if path is not None:
        return read_table(path, digest)
    return NAMED[name]() if name in NAMED else None


@lru_cache(maxsize=8)
def read_table(path: str, digest: str | None = None) -> Table:
    """The table in a text file: one value a line, or an index and a value; `#` says nothing.

    Of 256 values each is the count of a code, of 4096 the code of a 12-bit count. `digest`
    keeps a file that was replaced apart from the one before. Raises `FormatError` at
    file:line for what is no number, out of order, falls, or leaves two codes alike.
    """
    file = Path(path)
    try:
        if digest is not None and sha256(file) != digest:
            raise FormatError("changed after it was planned with", where=path, do="run again")
        if file.stat().st_size > _LONGEST:
            raise FormatError("is too long for a table of counts", where=path, do=_CURE)
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError("is no text that can be read", where=path, do=_CURE) from error
    values: list[float] = []
    at: list[str] = []
    for number, line in enumerate(lines, 1):
        where = f"{path}:{number}"
        value = _value(line, len(values), where)
        if value is None:
            continue
        if values and value < values[-1]:
            raise FormatError(
                f"{value:g} is below the {values[-1]:g} before it: a table never falls",
                where=where, do="write the values in rising order",
            )  # fmt: skip
        values.append(value)
        at.append(where)
    if len(values) == CODES:
        return _of_codes(values, at)
    if len(values) == TWELVE_BITS:
        return _of_counts(values, at)
    raise FormatError(f"holds {len(values)} values", where=f"{path}:{len(lines)}", do=_CURE)


def _value(line: str, index: int, where: str) -> float | None:
    """The value that a line holds, None for words before the first and for empty lines."""
    parts = [part for part in _BETWEEN.split(line.split("#", maxsplit=1)[0].strip()) if part]
    if not parts:
        return None
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        if index == 0 and not any(c.isdigit() for c in parts[0]):
            return None  # a heading
        raise FormatError(f"{line.strip()!r} is no number", where=where, do=_CURE) from None
    if len(numbers) > 2:
        raise FormatError(
            f"{len(numbers)} numbers in one line", where=where,
            do="write one value a line, or its index and the value",
        )  # fmt: skip
    if len(numbers) == 2 and numbers[0] != index:
        raise FormatError(
            f"is the line of {numbers[0]:g} where that of {index} is due", where=where,
            do="write every index once, from 0 up",
        )  # fmt: skip
    if not 0 <= numbers[-1] < float(1 << 24):
        raise FormatError(
            f"{numbers[-1]:g} is no count", where=where, do="write 0 or more, in rising order"
        )
    return numbers[-1]


def _of_codes(values: list[float], at: list[str]) -> Table:
    for k in range(1, CODES):
        if values[k] == values[k - 1]:
            raise FormatError(
                f"codes {k - 1} and {k} both stand for {values[k]:g}, which cannot be undone",
                where=at[k], do="give every code a count of its own",
            )  # fmt: skip
    return Table(np.array(values), values[-1])


def _of_counts(values: list[float], at: list[str]) -> Table:
    for value, where in zip(values, at, strict=True):
        if value != int(value) or value >= CODES:
            raise FormatError(
                f"{value:g} is no code", where=where, do=f"write whole numbers, 0 to {CODES - 1}"
            )
    if values[0] == values[-1]:
        raise FormatError("holds one code only", where=at[-1], do=_CURE)
    return Table(inverse(np.array(values, np.int64)), TWELVE_BITS - 1.0)
