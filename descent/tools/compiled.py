"""Loops over pixels, compiled by numba once and kept: the one way to write them here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

_SCIPY_BLAS = "scipy.linalg"

# numba looks for SciPy's BLAS when it first compiles, which takes 0.16 s and 30 MB of every
# worker. No loop here multiplies matrices, so it is told that there is none.
_hidden = _SCIPY_BLAS not in sys.modules
if _hidden:
    sys.modules[_SCIPY_BLAS] = None  # type: ignore[assignment]
try:
    import numba.np.arraymath  # noqa: F401
    from numba import njit
finally:
    if _hidden:
        del sys.modules[_SCIPY_BLAS]

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """`function` compiled for the types it is called with; other threads run meanwhile."""
    return cast(F, njit(cache=True, nogil=True)(function))


def float_kernel(function: F) -> F:
    """A `kernel` that divides floats as NumPy does: by zero is infinite, not an error."""
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
