"""Odd pictures through every stage: a picture of numbers comes out, or a clear error."""

from __future__ import annotations

import numpy as np
import pytest

from descent.errors import DescentError
from descent.model import Format, Frame
from descent.stages import STAGES, stage
from tests.restore.test_defects import clip_of

FILLS = {"black": 0.0, "white": 1.0, "even": 0.3, "nan": np.nan}


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 7), (64, 80)])
@pytest.mark.parametrize("kind", ["mosaic", "grey", "rgb"])
@pytest.mark.parametrize("fill", FILLS)
def test_odd_pictures_give_numbers_or_an_error(
    shape: tuple[int, int], kind: str, fill: str
) -> None:
    """Tiny, black, white and even pictures, looked at first, never come out as no numbers."""
    whole = (*shape, 3) if kind == "rgb" else shape
    pictures = [np.full(whole, FILLS[fill], np.float32) for _ in range(18)]
    pattern = "RGGB" if kind == "mosaic" else None
    form = Format(*shape, kind, "float32", pattern, "linear", 1.0)  # type: ignore[arg-type]
    for name in STAGES:
        found = stage(name)
        try:
            params = found.params.model_validate({})
            found.gives(form, params)
            measured = found.measure(clip_of(pictures, form), params) if found.measure else None
            frames = [Frame(p.copy()) for p in pictures[7:10]]
            out = found.apply(frames, 1, params, measured, 8, form)
        except (DescentError, ValueError) as error:
            assert str(error)  # noqa: PT017 - either is right
            continue
        assert fill != "nan"
        assert np.isfinite(np.asarray(out.pixels)).all()
