"""Memory lent out as arrays, and used again once nobody looks at it any more."""

from __future__ import annotations

import ctypes
import weakref
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Lender:
    """Gives arrays for pictures that come and go, from memory that stays.

    Fresh memory for every picture costs the system as much as filling it, and leaves holes
    between what others keep. An array, or any view of it, holds its memory for as long as it
    lives; so no reader can find its picture written over.
    """

    def __init__(self) -> None:
        self._free: dict[int, list[bytearray]] = {}

    def __call__(self, size: int) -> NDArray[np.uint8]:
        """An array of `size` bytes, whatever is in them."""
        free = self._free.setdefault(size, [])
        try:
            memory = free.pop()
        except IndexError:
            memory = bytearray(size)
        loan = _loan(size).from_buffer(memory)
        # Called when the last view is gone, in whichever thread that happens.
        weakref.finalize(loan, free.append, memory).atexit = False
        return np.frombuffer(loan, np.uint8)


@cache
def _loan(size: int) -> Any:
    return type("Loan", (ctypes.c_ubyte * size,), {})
