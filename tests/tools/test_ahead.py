"""An iterator run ahead gives what it would have given, and leaves no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from descent.tools.ahead import ahead


def _numbers(count: int, fail_at: int = -1) -> Iterator[int]:
    for n in range(count):
        if n == fail_at:
            raise ValueError("broken")
        yield n


@pytest.mark.parametrize("depth", [1, 3])
def test_items_come_in_order(depth: int) -> None:
    """All items, in order, and nothing is left running."""
    before = threading.active_count()
    assert list(ahead(_numbers(50), depth)) == list(range(50))
    assert threading.active_count() == before


def test_an_error_comes_in_its_place() -> None:
    """What the iterator raises comes after the items before it."""
    items = ahead(_numbers(9, fail_at=4))
    assert [next(items) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_dropped_half_way_its_thread_ends() -> None:
    """A reader that stops early leaves no thread behind."""
    before = threading.active_count()
    items = ahead(_numbers(10**9))
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
