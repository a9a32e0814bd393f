"""The picture of docs/deblur.md that shows what can be done without knowing the blur.

`python docs/draw_blind.py` writes docs/images/deblur_blind.png; it needs the real data in
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

from descent.restore.deblur import deconvolve, estimate_kernel

ROOT = Path(__file__).resolve().parents[1]
LEVIN = ROOT.parent / "shared" / "data" / "deblur" / "levin"
PICTURE = ROOT / "docs" / "images" / "deblur_blind.png"
EDGE, SCALE, GAP, FOOT = 255, 2, 4, 44
SHOWN = (("im1", "kernel2"), ("im2", "kernel4"))


def codes(picture: NDArray[Any]) -> Image.Image:
    """A picture of 0 to 1, twice as large, pixels left square."""
    grey = np.clip(np.rint(np.asarray(picture) * 255), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).resize((EDGE * SCALE, EDGE * SCALE), Image.Resampling.NEAREST)


def inset(picture: Image.Image, kernel: NDArray[np.float32]) -> None:
    """The kernel in the corner, four times as large, its brightest weight white."""
    edge = len(kernel) * 4
    grey = np.rint(kernel / kernel.max() * 255).astype(np.uint8)
    small = Image.fromarray(grey).resize((edge, edge), Image.Resampling.NEAREST)
    picture.paste(small, (picture.width - edge - 8, 8))
    box = (picture.width - edge - 9, 7, picture.width - 8, 8 + edge)
    ImageDraw.Draw(picture).rectangle(box, outline=255)


def main() -> int:
    """One row for each picture: as taken, blind, with the measured kernel."""
    if not LEVIN.is_dir():
        print("needs the real data in ../shared/data", file=sys.stderr)
        return 1
    step = EDGE * SCALE + GAP
    sheet = Image.new("L", (3 * step - GAP, len(SHOWN) * step + FOOT), 16)
    for row, (scene, number) in enumerate(SHOWN):
        taken = np.asarray(Image.open(LEVIN / f"{scene}_{number}_img.png").convert("L"))
        known = np.load(LEVIN / "gt" / f"{number}_conv.npy").astype(np.float32)
        found = estimate_kernel(taken, size=len(known))
        panels = [codes(taken / 255)]
        for kernel in (found, known):
            panels.append(codes(deconvolve(taken, kernel)))
            inset(panels[-1], kernel)
        for column, panel in enumerate(panels):
            sheet.paste(panel, (column * step, row * step))
    font = ImageFont.truetype(SourceSansProSemibold, 24)
    draw = ImageDraw.Draw(sheet)
    texts = ("as taken", "blind: the kernel found is in the corner", "with the measured kernel")
    for column, text in enumerate(texts):
        draw.text((column * step + 10, len(SHOWN) * step + 6), text, font=font, fill=235)
    sheet.save(PICTURE, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}  {PICTURE.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
