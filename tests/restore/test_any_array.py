"""Any array given to a public function: numbers come out, or an error that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from descent.errors import DescentError
from descent.restore.colour import enhance, measure_statistics
from descent.restore.debayer import debayer
from descent.restore.deblur import accumulate, deconvolve, estimate_kernel
from descent.restore.levels import unstretch

DTYPES = (
    "uint8",
    "uint16",
    "int16",
    "uint32",
    "float16",
    "float32",
    "float64",
    "bool",
    "complex64",
)
FILLS = ("noise", "black", "white", "even", "hot row", "nan", "inf", "negative")
KERNEL = np.full((3, 3), 1 / 9, np.float32)

CALLS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "debayer": debayer,
    "debayer fast": lambda a: debayer(a, pattern="GBRG", method="fast"),
    "unstretch": unstretch,
    "enhance": lambda a: enhance(a, measure_statistics(a)),
    "deconvolve": lambda a: deconvolve(a, KERNEL),
    "deconvolve by it": lambda a: deconvolve(np.full((16, 16), 0.5, np.float32), a),
    "estimate_kernel": lambda a: estimate_kernel(a, size=3),
    "accumulate": lambda a: accumulate([a, a[::-1]]),
}


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[Any]:
    """An array of any of many types and shapes, filled in one of many ways."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = tuple(draw(st.lists(st.integers(0, 14), min_size=1, max_size=3)))
    if draw(st.booleans()):
        shape = (draw(st.integers(1, 24)), draw(st.integers(1, 24)), 3)[: draw(st.integers(2, 3))]
    full = int(np.iinfo(dtype.str).max) if dtype.kind in "iu" else 1
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    fill = draw(st.sampled_from(FILLS))
    picture = rng.random(shape) * full
    if fill == "hot row" and picture.ndim > 1 and picture.size:
        picture[:] = full / 4
        picture[len(picture) // 2] = full
    elif fill in {"black", "white", "even"}:
        picture[:] = {"black": 0, "white": full, "even": full * 0.3}[fill]
    elif dtype.kind in "fc" and picture.size and fill in {"nan", "inf", "negative"}:
        picture.flat[rng.integers(picture.size)] = {"nan": np.nan, "inf": np.inf}.get(fill, -1.0)
    return picture.astype(dtype)


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=60, deadline=None)
@given(picture=arrays())
def test_any_array_gives_numbers_or_a_clear_error(name: str, picture: NDArray[Any]) -> None:
    """Types, shapes and values at random: never a crash of another kind, never a NaN."""
    try:
        out = CALLS[name](picture)
    except (DescentError, ValueError) as error:
        assert len(str(error)) > 10  # noqa: PT017 - either is right
        return
    assert np.isfinite(np.asarray(out)).all()
    assert np.asarray(out).size
