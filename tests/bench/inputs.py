"""The bench's pictures: four PNG cameras of a photo-like moving ground, from a seed."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

# name: rows, cols, frames a second
CAMERAS = {
    "a": (1024, 1280, 30),
    "b": (1024, 1280, 30),
    "c": (1024, 1280, 30),
    "d": (1536, 2048, 12),
}


def ground(rows: int, cols: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A (rows, cols, 3) float32 terrain of many scales, 0 to 255, as rich as a photograph."""
    field = np.zeros((rows, cols), np.float32)
    for size in (3, 6, 12, 24, 48, 96, 192, 384):
        coarse = rng.standard_normal((rows // size + 3, cols // size + 3)).astype(np.float32)
        wide = cv2.resize(coarse, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
        field += wide[:rows, :cols] * np.float32(size**0.75)
    low, high = np.percentile(field, (0.5, 99.5))
    grey = np.clip((field - low) / (high - low), 0, 1)
    tint = np.array([0.55, 0.75, 1.0], np.float32) * 200 + 30  # Mars, in OpenCV's BGR
    return np.asarray(grey[..., None] * tint, np.float32)


def make(folder: Path, seconds: float, seed: int = 7, noise: float = 2.0) -> None:
    """Write every camera's frames of `seconds` below `folder`; more `noise` packs worse."""
    cv2.setNumThreads(1)
    for number, (name, (rows, cols, rate)) in enumerate(CAMERAS.items()):
        rng = np.random.default_rng((seed, number))
        margin = int(seconds * 90) + 8
        scene = ground(rows + margin, cols + margin, rng)
        grain = (rng.standard_normal((rows + 97, cols + 101, 3)) * noise).astype(np.float32)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for k in range(int(np.ceil(seconds * rate))):
            dx, dy = round(60 * k / rate), round(35 * k / rate)
            gx, gy = rng.integers(0, 101), rng.integers(0, 97)
            picture = scene[dy : dy + rows, dx : dx + cols] + grain[gy : gy + rows, gx : gx + cols]
            path = str(folder / name / f"{k:05d}.png")
            cv2.imwrite(path, np.clip(picture, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    make(Path(sys.argv[1]), float(sys.argv[2]))
