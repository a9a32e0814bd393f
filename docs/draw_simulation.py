"""Draw the pictures of docs/simulate.md: `.venv/bin/python docs/draw_simulation.py`."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from descent.restore.debayer import debayer
from descent.simulate import landing
from descent.simulate.landing import Windows
from descent.tools.colour import linear_to_rgb

IMAGES = Path(__file__).resolve().parent / "images"
WIDTH = 480
# Name, camera, time, and how much brighter than the raw frame the picture is shown.
SHOTS = (
    ("parachute", "puc1", "canopy_full + 2.5s", 1.6),
    ("shield", "rdc", "heat_shield + 2.6s", 1.35),
    ("delta", "rdc", "heat_shield + 27s", 1.35),
    ("hover", "ddc", "touchdown - 4.2s", 0.95),
    ("stage", "ruc", "rover_lowered_end", 1.3),
    ("dust", "rdc", "touchdown - 14s", 0.9),
)


def main() -> None:
    """Make six frames at half size, balance and debayer them, and write them as PNG."""
    for name, camera, when, brightness in SHOTS:
        with TemporaryDirectory() as folder:
            spans: Windows = {camera: [(when, 1e4)]}
            truth = json.loads(
                landing(folder, scale=Fraction(1, 2), windows=spans, every=10**6).read_text("utf-8")
            )["cameras"][camera]
            mosaic = cv2.imread(
                str(Path(folder) / truth["frames"][0]["file"]), cv2.IMREAD_UNCHANGED
            )
            assert mosaic is not None
            colour = debayer(mosaic.astype(np.float32) / np.float32(255), pattern="RGGB")
            colour[:2, :56] = colour[2:4, :56]
            gains = np.array(truth["white_balance_gains"], np.float32) * np.float32(brightness)
            shown = linear_to_rgb(np.clip(colour * gains, 0, 1))
            rows = round(WIDTH * shown.shape[0] / shown.shape[1])
            small = cv2.resize(shown, (WIDTH, rows), interpolation=cv2.INTER_AREA)
            flags = [cv2.IMWRITE_PNG_COMPRESSION, 9]
            cv2.imwrite(str(IMAGES / f"simulate_{name}.png"), small[..., ::-1], flags)


if __name__ == "__main__":
    main()
