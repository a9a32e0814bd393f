"""Companding: tables by name and from files, undone to half a level, refused at their line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.model import Format, Frame
from descent.restore.companding import CODES, TWELVE_BITS, inverse, read_table, square_root
from descent.restore.levels import STAGE, Levels

GREY = Format(rows=16, cols=16, kind="grey", transfer="raw")
EVERY = np.arange(CODES, dtype=np.uint8).reshape(16, 16)


def root_codes() -> NDArray[np.int64]:
    """The square-root code of each 12-bit count."""
    counts = np.arange(TWELVE_BITS)
    codes = np.rint(np.sqrt(counts / (TWELVE_BITS - 1)) * (CODES - 1))
    return np.asarray(codes, np.int64)


def written(folder: Path, lines: list[str]) -> str:
    """The path of a table of these lines."""
    path = folder / "own.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, CODES - 1), min_size=2, max_size=60, unique=True))
def test_codes_come_back_and_counts_to_half_of_what_a_code_covers(knots: list[int]) -> None:
    """Whatever rising table: code to count to code is exact, counts within half a step."""
    at = np.linspace(0, TWELVE_BITS - 1, len(knots))
    codes = np.floor(np.interp(np.arange(TWELVE_BITS), at, sorted(knots))).astype(np.int64)
    counts = inverse(codes)
    reached = np.unique(codes)
    lower, upper = np.floor(counts[reached]).astype(int), np.ceil(counts[reached]).astype(int)
    np.testing.assert_array_equal(codes[lower], reached)
    np.testing.assert_array_equal(codes[upper], reached)
    covers = np.bincount(codes, minlength=CODES)[codes]
    assert (np.abs(counts[codes] - np.arange(TWELVE_BITS)) <= covers / 2).all()
    assert (np.diff(counts) >= 0).all()


def test_a_file_of_codes_says_what_the_name_says(tmp_path: Path) -> None:
    """4096 codes of the square root give the counts that `square_root` gives by name."""
    path = written(tmp_path, ["count,code", *(f"{k},{c}" for k, c in enumerate(root_codes()))])
    reached = np.unique(root_codes())
    np.testing.assert_array_equal(read_table(path).counts[reached], square_root().counts[reached])
    named = STAGE.apply([Frame(EVERY)], 0, Levels(decompand="square_root"), None, 0, GREY)
    own = STAGE.apply([Frame(EVERY)], 0, Levels(table=path), None, 0, GREY)
    far = np.abs(np.asarray(named.pixels) - np.asarray(own.pixels)).ravel()
    assert far[reached].max() == 0


def test_a_file_of_counts_is_taken_as_it_stands(tmp_path: Path) -> None:
    """256 counts, with words and notes about them, are the light of the codes over the last."""
    counts = np.arange(CODES) ** 2 / 16
    path = written(tmp_path, ["# of the hazard cameras", "", *(f"{c:.4f}  # dn" for c in counts)])
    made = STAGE.apply([Frame(EVERY)], 0, Levels(table=path), None, 0, GREY)
    wanted = counts.reshape(16, 16) / counts[-1]
    np.testing.assert_allclose(np.asarray(made.pixels), wanted, atol=1e-6)
    dark = STAGE.apply([Frame(EVERY)], 0, Levels(table=path, black=64), None, 0, GREY)
    assert np.asarray(dark.pixels)[2, 0] == 0  # code 32 is count 64
    assert np.asarray(dark.pixels)[15, 15] == 1


def changed(at: int, line: str) -> list[str]:
    """A table of 256 counts, one line of which is another."""
    lines = [str(2 * k) for k in range(CODES)]
    lines[at] = line
    return lines


@pytest.mark.parametrize(
    ("lines", "line", "word"),
    [
        (changed(9, "3"), 10, "never falls"),
        (changed(9, "16"), 10, "both stand"),
        (changed(9, "nine"), 10, "no number"),
        (changed(9, "-1"), 10, "no count"),
        (changed(9, "nan"), 10, "no count"),
        (changed(9, "7, 18"), 10, "where that of 9 is due"),
        (changed(9, "9, 18, 3"), 10, "3 numbers"),
        ([str(2 * k) for k in range(255)], 255, "255 values"),
        ([str(k / 17) for k in range(TWELVE_BITS)], 2, "no code"),
        (["7"] * TWELVE_BITS, TWELVE_BITS, "one code only"),
    ],
)
def test_a_wrong_table_is_refused_at_its_line(
    tmp_path: Path, lines: list[str], line: int, word: str
) -> None:
    """Each error names the file and the line, and what to write."""
    with pytest.raises(FormatError, match=word) as error:
        read_table(written(tmp_path, lines))
    assert error.value.where.endswith(f"own.csv:{line}")
    assert error.value.do


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    """No file, a picture, a film, and one changed since the plan are errors with a cure."""
    picture = tmp_path / "own.png"
    picture.write_bytes(b"\x89PNG\xff\xfe")
    film = tmp_path / "film.csv"
    film.write_bytes(b"1\n" * (1 << 20))
    for path in (tmp_path / "none.csv", picture, film):
        with pytest.raises(FormatError, match=" - "):
            read_table(str(path))
    with pytest.raises(FormatError, match="changed"):
        read_table(written(tmp_path, changed(0, "0")), "0" * 64)
