"""Rows shared out to threads."""

from __future__ import annotations

import numpy as np
import pytest

from descent.tools import tiles


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("rows", [0, 1, 64, 65, 1000])
def test_every_row_is_done_once(monkeypatch: pytest.MonkeyPatch, count: int, rows: int) -> None:
    """The bands cover all rows, none twice, and do not depend on the number of threads."""
    monkeypatch.setattr(tiles, "_limit", [count])
    seen = np.zeros(rows, int)
    bands: list[tuple[int, int]] = []

    def work(first: int, last: int) -> None:
        seen[first:last] += 1
        bands.append((first, last))

    tiles.over_rows(work, rows)
    assert (seen == 1).all()
    assert sorted(bands) == [(k, min(k + 64, rows)) for k in range(0, rows, 64)]


def test_an_error_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread raises is raised to the caller."""
    monkeypatch.setattr(tiles, "_limit", [3])

    def work(first: int, _: int) -> None:
        if first == 64:
            raise ValueError("row 64")

    with pytest.raises(ValueError, match="row 64"):
        tiles.over_rows(work, 500)


def test_no_threads_is_refused() -> None:
    """At least one thread works."""
    with pytest.raises(ValueError, match="at least 1"):
        tiles.set_threads(0)
