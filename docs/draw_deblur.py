"""Draw the pictures of docs/deblur.md: `python -m docs.draw_deblur`, a minute."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from descent.clip import Clip
from descent.model import Frame
from descent.restore.deblur import STAGE, Deblur
from descent.simulate import landing
from descent.tools.colour import linear_to_rgb
from tests.bench.deblur_bench import GAINS, blind, early

IMAGES = Path(__file__).parent / "images"
SPOT = np.s_[330:650, 420:820]  # rows and columns that are shown, 1:1


STILLS = Path(__file__).resolve().parents[2] / "shared" / "data" / "edl_stills"
MARS = np.s_[600:1112, 700:1212]  # rows and columns of the DDC frame that are deblurred
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "deblur" / "gopro"
PART = np.s_[200:520, 640:1040]  # of the real photograph, 1:1


def main() -> None:
    """All pictures; the real ones where their photographs lie beside the project."""
    synthetic()
    if REAL.is_dir():
        real()
    if STILLS.is_dir():
        mars()


def real() -> None:
    """Part of a real shaken photograph, deblurred by itself, and its sharp twin."""
    blurred, sharp = (
        np.ascontiguousarray(np.asarray(Image.open(REAL / name).convert("RGB"))[PART])
        for name in ("Flower_blur1.png", "Flower_sharp1.png")
    )
    made, notes = blind(blurred)
    shown = np.concatenate([blurred, made, sharp], axis=1)
    Image.fromarray(shown).save(IMAGES / "deblur_real.jpg", quality=92)
    print(notes)


def mars() -> None:
    """Part of the real first-derived DDC frame, deblurred by itself."""
    path = next(STILLS.glob("ESF_0001*FDR*.png"))
    whole = np.asarray(Image.open(path).convert("RGB"))
    taken = np.ascontiguousarray(whole[MARS])
    made, notes = blind(taken)
    shown = np.concatenate([p[60:440, 100:500] for p in (taken, made)], axis=1)
    Image.fromarray(shown).save(IMAGES / "deblur_mars.jpg", quality=92)
    steps = [float(np.abs(np.diff(p.astype(float), axis=1)).mean()) for p in (taken, made)]
    print(notes, "mean step between pixels, codes:", [round(s, 2) for s in steps])


def synthetic() -> None:
    """Blurred, restored and true, side by side."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landing(
            folder, seed=7, scale=1, cameras=("rdc",), start="heat_shield + 30s",
            end="heat_shield + 30.2s", flight=True, truth_frames=True,
        )  # fmt: skip
        rows = json.loads((folder / "truth.json").read_text("utf-8"))["cameras"]["rdc"]["frames"]
        made = [early(np.asarray(Image.open(folder / row["file"]))) for row in rows]
        kind = made[0][1]

        def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
            return (None if k is None else made[k][0] for k in indices)

        times = [Fraction(str(row["mid_s"])) for row in rows]
        clip, params = Clip(times, kind, lambda _: frozenset(), pull), Deblur()
        measured = STAGE.measure(clip, params)  # type: ignore[misc]
        middle = len(rows) // 2
        window = [frame for frame, _ in made]
        after = STAGE.apply(window, middle, params, measured, middle, kind)
        name_of = str(folder / "truth" / rows[middle]["file"])
        truth = np.asarray(cv2.imread(name_of, cv2.IMREAD_UNCHANGED))
        sharp = truth[..., ::-1].astype(np.float32) / np.float32(65535)
    parts = [np.asarray(p)[SPOT] for p in (made[middle][0].pixels, after.pixels, sharp)]
    light = np.concatenate(parts, axis=1) * np.array(GAINS, np.float32) * np.float32(1.6)
    shown = linear_to_rgb(np.ascontiguousarray(np.clip(light, 0, 1), np.float32), "srgb")
    Image.fromarray(shown).save(IMAGES / "deblur_landing.jpg", quality=88)
    print(measured["exposure"], after.notes["deblur"])


if __name__ == "__main__":
    main()
