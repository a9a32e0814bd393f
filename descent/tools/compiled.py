"""Loops over pixels, compiled by numba once and kept: the one way to write them here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

_SCIPY_BLAS = "scipy.linalg"
_lock = threading.RLock()  # one kernel may ask for another while it is made

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """`function` compiled for the types it is called with; other threads run meanwhile."""
    return cast(F, _Kernel(function, {}))


def float_kernel(function: F) -> F:
    """A `kernel` that divides floats as NumPy does: by zero is infinite, not an error."""
    return cast(F, _Kernel(function, {"error_model": "numpy"}))


class _Kernel:
    """A function that numba is shown when it is first called.

    Numba and LLVM take a quarter of a second to load, which whoever only plans never needs.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self.function, self.options = function, options
        self._made: Callable[..., Any] | None = None
        update_wrapper(self, function)

    def __call__(self, *values: Any) -> Any:
        return (self._made or self.made())(*values)

    def made(self) -> Callable[..., Any]:
        """The function as numba has it, and with it each kernel that it calls."""
        with _lock:
            if self._made is None:
                known = self.function.__globals__
                for name in self.function.__code__.co_names:
                    # What numba compiles must find what numba compiles.
                    if isinstance(called := known.get(name), _Kernel) and called is not self:
                        known[name] = called.made()
                self._made = _njit()(cache=True, nogil=True, **self.options)(self.function)
            return self._made


def load() -> None:
    """Load numba without SciPy's BLAS; no other thread may import SciPy meanwhile.

    numba looks for that when it first compiles, which takes 0.16 s and 30 MB of every worker.
    No loop here multiplies matrices, so it is told that there is none.
    """
    with _lock:
        hidden = "numba" not in sys.modules and _SCIPY_BLAS not in sys.modules
        if hidden:
            sys.modules[_SCIPY_BLAS] = None  # type: ignore[assignment]
        try:
            import numba.np.arraymath  # noqa: F401
        finally:
            if hidden:
                del sys.modules[_SCIPY_BLAS]


def _njit() -> Any:
    if threading.active_count() == 1:
        load()
    from numba import njit

    return njit
