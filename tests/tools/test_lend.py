"""Lent memory: never two readers in one, and used again when nobody looks."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from descent.tools.lend import Lender


def test_memory_is_used_again_when_the_last_view_is_gone() -> None:
    """An array's memory is lent again only after it and every view of it are dropped."""
    lend = Lender()
    first = lend(1000)
    place = first.ctypes.data
    view = first[100:200].reshape(10, 10)
    del first
    assert lend(1000).ctypes.data != place
    del view
    gc.collect()
    places = {array.ctypes.data for array in [lend(1000) for _ in range(3)]}
    assert place in places


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=60))
def test_no_two_arrays_share_memory(steps: list[tuple[int, bool]]) -> None:
    """Whatever is kept or dropped in between, what is held stays as it was written."""
    lend = Lender()
    held: list[tuple[int, np.ndarray]] = []
    for number, (size, keep) in enumerate(steps):
        array = lend(size * 100)
        array[:] = number % 251
        if keep:
            held.append((number, array[10:]))
        elif held:
            held.pop(0)
        for mark, view in held:
            assert (view == mark % 251).all()


def test_threads_may_drop_and_ask_at_once() -> None:
    """Arrays asked for, written and dropped in several threads never mix."""
    lend = Lender()

    def work(mark: int) -> bool:
        for _ in range(300):
            array = lend(4096)
            array[:] = mark
            if not (array == mark).all():
                return False
        return True

    with ThreadPoolExecutor(4) as hands:
        assert all(hands.map(work, range(4)))


def test_the_lender_may_go_before_what_it_lent() -> None:
    """An array outlives its lender."""
    array = Lender()(64)
    array[:] = 7
    gc.collect()
    assert (array == 7).all()
