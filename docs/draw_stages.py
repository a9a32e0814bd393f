"""Pictures of docs/restore.md for denoise, deblock and colour, made from the real frames.

`python docs/draw_stages.py` writes docs/images/stages_*.jpg; it needs the real data in
../shared/data.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from font_source_sans_pro import SourceSansProSemibold
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from descent.model import Format, Frame
from descent.restore import colour, debayer, deblock, defects, denoise, levels
from descent.tools.colour import linear_to_rgb

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
IMAGES = ROOT / "docs" / "images"
GAINS = (1.28, 1.0, 2.38)
MATRIX = ((1.157, -0.143, -0.014), (-0.043, 1.057, -0.014), (-0.043, -0.143, 1.186))
# The sneak peek's, for the first-derived frame.
DERIVED = ((1.013, 0.002, -0.015), (-0.046, 0.992, 0.054), (0.033, 0.006, 0.961))
Codes = NDArray[np.uint8]


def beside(name: str, parts: list[tuple[Codes, str]], grow: int) -> None:
    """Pictures side by side, `grow` times as large, each with its caption."""
    rows, cols = parts[0][0].shape[0] * grow, parts[0][0].shape[1] * grow
    font = ImageFont.truetype(SourceSansProSemibold, 24)
    whole = Image.new("RGB", (len(parts) * (cols + 4) - 4, rows))
    draw = ImageDraw.Draw(whole)
    for k, (picture, text) in enumerate(parts):
        big = Image.fromarray(np.ascontiguousarray(picture)).convert("RGB")
        whole.paste(big.resize((cols, rows), Image.Resampling.NEAREST), (k * (cols + 4), 0))
        at = (k * (cols + 4) + 16, rows - 44)
        left, top, right, bottom = draw.textbbox(at, text, font=font)
        draw.rectangle((left - 8, top - 6, right + 8, bottom + 6), fill=(0, 0, 0))
        draw.text(at, text, font=font, fill=(255, 255, 255))
    whole.save(IMAGES / f"stages_{name}.jpg", quality=84)


def shown(light: Any) -> Codes:
    """Linear light as the 8-bit codes of a still."""
    return np.asarray(linear_to_rgb(np.ascontiguousarray(light), "srgb"), np.uint8)


def noise() -> None:
    """A part of the raw DDC frame, a single one, before and after denoise."""
    path = next((DATA / "edl_stills").glob("*ECM*.png"))
    raw = np.ascontiguousarray(np.asarray(Image.open(path))[..., 0])
    kind = Format(*raw.shape, "mosaic", "uint8", "RGGB", "raw", 255.0)
    frame = Frame(raw)
    for stage, params in (
        (levels.STAGE, levels.Levels()),
        (defects.STAGE, defects.Defects()),
        (debayer.STAGE, debayer.Debayer(gains=GAINS)),
    ):
        after = stage.gives(kind, params)
        frame = stage.apply([frame], 0, params, None, 0, kind)
        kind = after
    clean = denoise.STAGE.apply([frame], 0, denoise.Denoise(), None, 0, kind)
    look = colour.Colour(gains=GAINS, matrix=MATRIX, exposure=0.8, shoulder=0.8)
    part = (slice(560, 860), slice(1180, 1580))
    made = [
        shown(colour.STAGE.apply([f], 0, look, None, 0, kind).pixels)[part] for f in (frame, clean)
    ]
    beside("denoise", [(made[0], "debayered"), (made[1], "denoise, this frame alone")], 2)
    print(clean.notes["denoise"])


def grid() -> None:
    """A part of an LCAM frame before and after deblock, at 4:1."""
    codes = np.ascontiguousarray(np.asarray(Image.open(DATA / "lcam" / "LVS_15_52_04.jpg"))[..., 0])
    kind = Format(*codes.shape, "grey", "uint8", None, "raw", 255.0)
    made = deblock.STAGE.apply([Frame(codes)], 0, deblock.Deblock(), None, 0, kind)
    part = (slice(300, 450), slice(300, 500))
    # Contrast doubled for both, or the steps are hard to see on paper.
    parts = [np.clip(2.0 * (p[part].astype(float) - np.median(codes[part])) + 128, 0, 255)
             for p in (codes, np.asarray(made.pixels))]  # fmt: skip
    named = zip(parts, ("as received", "deblock"), strict=True)
    beside("deblock", [(p.astype(np.uint8), text) for p, text in named], 4)
    print(made.notes["deblock"])


def paint() -> None:
    """The first-derived DDC frame as received and in approximate natural colour."""
    path = next((DATA / "edl_stills").glob("*FDR*.png"))
    codes = np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB")))
    kind = Format(*codes.shape[:2], "rgb", "uint8", None, "raw", 255.0)
    look = colour.Colour(gains=GAINS, matrix=DERIVED, exposure=0.8, shoulder=0.8)
    made = shown(colour.STAGE.apply([Frame(codes)], 0, look, None, 0, kind).pixels)
    part = (slice(280, 1180), slice(700, 1900))
    halves = [Image.fromarray(p[part]).resize((800, 600), Image.Resampling.BOX)
              for p in (codes, made)]  # fmt: skip
    named = zip(halves, ("as received", "colour"), strict=True)
    beside("colour", [(np.asarray(p), text) for p, text in named], 1)


def main() -> int:
    """All pictures."""
    if not DATA.is_dir():
        print("needs the real data in ../shared/data", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    noise()
    grid()
    paint()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
