"""Golden pictures: small, synthetic, within one level of what was once looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.compose.canvas import Composer, TileInput
from descent.compose.geometry import Slot
from descent.compose.layouts import LAYOUTS
from descent.model import Frame, Planes
from descent.tools.colour import rgb_to_planes

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "compose.json"


def target(rows: int = 96, cols: int = 128) -> NDArray[np.uint8]:
    """Rings, a colour wedge and a step: integers only, so the same everywhere."""
    y, x = np.mgrid[0:rows, 0:cols]
    rings = ((x - cols // 2) ** 2 + (y - rows // 2) ** 2) // 24 % 256
    wedge = x * 255 // (cols - 1)
    step = np.where(y > rows * 3 // 4, 230, 25)
    return np.dstack([rings, wedge, (step + rings) // 2]).astype(np.uint8)


def shrunk(planes: Planes) -> dict[str, list[list[int]]]:
    """Each plane as 6 x 8 block means, times 16, in integers."""
    out = {}
    for name, plane in zip("yuv", planes, strict=True):
        rows, cols = plane.shape[0] // 6 * 6, plane.shape[1] // 8 * 8
        blocks = plane[:rows, :cols].reshape(6, rows // 6, 8, cols // 8).astype(np.int64)
        means: NDArray[Any] = blocks.sum((1, 3)) * 16 // (blocks.shape[1] * blocks.shape[3])
        out[name] = means.tolist()
    return out


def cases() -> dict[str, Planes]:
    """What is held: planes, scaled up and down, and linear light through a warp."""
    rgb = target()
    light = (rgb.astype(np.float32) / np.float32(255)) ** 2
    bent = np.array([[1.02, 0.03, -2.0], [-0.02, 0.99, 1.5], [1e-5, 0.0, 1.0]])
    slot = Slot("a", *rgb.shape[:2])
    out = {"planes": rgb_to_planes(rgb)}
    for name, size, picture in (
        ("larger", (144, 192), out["planes"]),
        ("smaller", (60, 80), out["planes"]),
        ("warped", (144, 192), Frame(light, warp=bent)),
    ):
        composer = Composer(LAYOUTS["full"]([slot], *size), dither=3)
        out[name] = composer.picture({"a": TileInput(name, picture)})
    return out


@pytest.mark.parametrize("name", ["planes", "larger", "smaller", "warped"])
def test_pictures_are_those_once_looked_at(name: str) -> None:
    """Block means lie within one level of the kept ones; to accept new ones, run this file."""
    got, want = shrunk(cases()[name]), json.loads(GOLDEN.read_text())[name]
    for plane in "yuv":
        off = np.abs(np.array(got[plane]) - np.array(want[plane])).max() / 16
        assert off <= 1, f"{name}.{plane} is off by {off}; to accept: python {__file__}"


if __name__ == "__main__":
    kept = {name: shrunk(planes) for name, planes in cases().items()}
    GOLDEN.write_text(json.dumps(kept, separators=(",", ":")).replace('"y"', '\n"y"') + "\n")
