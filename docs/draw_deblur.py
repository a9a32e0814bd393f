"""Draw the picture of docs/deblur.md: `python docs/draw_deblur.py`, half a minute."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from descent.clip import Clip
from descent.model import Format, Frame
from descent.restore import debayer, defects, levels
from descent.restore.deblur import STAGE, Deblur
from descent.simulate import landing
from descent.tools.colour import linear_to_rgb

IMAGES = Path(__file__).parent / "images"
GAINS = (1.1, 1.0, 0.71)
SPOT = np.s_[330:650, 420:820]  # rows and columns that are shown, 1:1


def restored(path: Path) -> tuple[Frame, Format]:
    """A raw frame of the synthetic landing up to deblur."""
    raw = np.asarray(Image.open(path))
    frame = Frame(raw)
    kind = Format(raw.shape[0], raw.shape[1], "mosaic", "uint8", "RGGB", "raw", 255.0)
    chain: list[tuple[Any, Any]] = [
        (levels.STAGE, levels.Levels()),
        (defects.STAGE, defects.Defects()),
        (debayer.STAGE, debayer.Debayer(gains=GAINS)),
    ]
    for stage, params in chain:
        after = stage.gives(kind, params)
        frame, kind = stage.apply([frame], 0, params, None, 0, kind), after
    return frame, kind


def main() -> None:
    """Blurred, restored and true, side by side."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landing(
            folder, seed=7, scale=1, cameras=("rdc",), start="heat_shield + 30s",
            end="heat_shield + 30.2s", flight=True, truth_frames=True,
        )  # fmt: skip
        rows = json.loads((folder / "truth.json").read_text("utf-8"))["cameras"]["rdc"]["frames"]
        made = [restored(folder / row["file"]) for row in rows]
        kind = made[0][1]

        def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
            return (None if k is None else made[k][0] for k in indices)

        times = [Fraction(str(row["mid_s"])) for row in rows]
        clip, params = Clip(times, kind, lambda _: frozenset(), pull), Deblur()
        measured = STAGE.measure(clip, params)  # type: ignore[misc]
        middle = len(rows) // 2
        after = STAGE.apply([made[middle][0]], 0, params, measured, middle, kind)
        truth = cv2.imread(str(folder / "truth" / rows[middle]["file"]), cv2.IMREAD_UNCHANGED)
        sharp = truth[..., ::-1].astype(np.float32) / np.float32(65535)
    parts = [np.asarray(p)[SPOT] for p in (made[middle][0].pixels, after.pixels, sharp)]
    light = np.concatenate(parts, axis=1) * np.array(GAINS, np.float32) * np.float32(1.6)
    shown = linear_to_rgb(np.ascontiguousarray(np.clip(light, 0, 1), np.float32), "srgb")
    Image.fromarray(shown).save(IMAGES / "deblur_landing.jpg", quality=88)
    print(measured["exposure"], after.notes["deblur"])


if __name__ == "__main__":
    main()
