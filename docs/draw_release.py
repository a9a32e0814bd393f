"""Draw docs/images/release.jpg: moments of a rendered release, as they are in its film.

python docs/draw_release.py out/release docs/images/release.jpg
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from descent.encode.check import open_film

MOMENTS_S = (2.2, 11.0, 16.5, 24.0)  # film seconds of landing.mp4
SIZE = (800, 450)


def main(folder: Path, picture: Path) -> None:
    """Pick the frames and write them, two by two."""
    found = []
    with open_film(folder / "landing.mp4") as film:
        stream = film.streams.video[0]
        wanted = [Fraction(str(s)) for s in MOMENTS_S]
        for frame in film.decode(stream):
            if wanted and frame.pts * stream.time_base >= wanted[0]:
                wanted.pop(0)
                rgb = frame.to_ndarray(format="rgb24")
                found.append(cv2.resize(rgb, SIZE, interpolation=cv2.INTER_AREA))
    rows = [np.hstack(found[k : k + 2]) for k in range(0, len(found), 2)]
    Image.fromarray(np.vstack(rows)).save(picture, "JPEG", quality=86)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
