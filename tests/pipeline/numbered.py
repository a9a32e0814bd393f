"""Pictures that say which camera and frame they are, as files of every kind, and their reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64  # px: a picture's rows and columns
CELLS = 5  # 5 x 5 blocks: 3 bits of camera, 14 of number, 8 of check
CELL = SIDE // CELLS
_NUMBER_BITS, _CHECK_BITS = 14, 8

Levels = NDArray[np.uint8]
Seen = tuple[int, int] | None


def _check(value: int) -> int:
    """Eight bits that a wrong reading, black and grey do not have by chance."""
    return (value * 2654435761 >> 11 & 0xFF) ^ 0xA5


def levels(camera: int, number: int, side: int = SIDE) -> Levels:
    """A grey picture (side, side) uint8 of blocks that spell camera and number."""
    value = camera << _NUMBER_BITS | number
    value = value << _CHECK_BITS | _check(value)
    bits = [value >> k & 1 for k in range(CELLS * CELLS)]
    cells = np.where(np.array(bits).reshape(CELLS, CELLS), 215, 40).astype(np.uint8)
    at = np.minimum(np.arange(side) * CELLS // side, CELLS - 1)
    return np.ascontiguousarray(cells[np.ix_(at, at)])


def spelt(luma: NDArray[Any], white: float) -> Seen:
    """(camera, number) that a square of luma shows, or None where it shows no code."""
    rows, cols = luma.shape
    value = 0
    for k in reversed(range(CELLS * CELLS)):
        i, j = divmod(k, CELLS)
        top, left = int((i + 0.3) * rows / CELLS), int((j + 0.3) * cols / CELLS)
        low, right = int((i + 0.7) * rows / CELLS), int((j + 0.7) * cols / CELLS)
        value = value << 1 | int(luma[top:low, left:right].mean() > white * 0.5)
    code, check = value >> _CHECK_BITS, value & (1 << _CHECK_BITS) - 1
    if check != _check(code) & 0xFF:
        return None
    return code >> _NUMBER_BITS, code & (1 << _NUMBER_BITS) - 1


# --- writing ---------------------------------------------------------------------------------


def write_png(
    path: Path, camera: int, number: int, side: int = SIDE, *, colour: bool = False
) -> Path:
    """One numbered picture as a PNG, grey or with a tint."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = levels(camera, number, side)
    picture = cv2.merge([grey // 2, grey, grey]) if colour else grey
    assert cv2.imwrite(str(path), picture)
    return path


def write_jpeg(path: Path, camera: int, number: int, side: int = SIDE) -> Path:
    """One numbered picture as a JPEG of high quality."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), levels(camera, number, side), [cv2.IMWRITE_JPEG_QUALITY, 95])
    return path


def write_folder(
    folder: Path,
    camera: int,
    numbers: Iterable[int],
    name: Callable[[int], str] = "f_{:05d}.png".format,
) -> list[Path]:
    """A folder of numbered PNG pictures."""
    return [write_png(folder / name(number), camera, number) for number in numbers]


def mars_name(code: str, sclk: Fraction, number: int, version: int = 1) -> str:
    """The archive's name of a landing frame exposed at `sclk` s."""
    whole_ms = round(sclk * 1000)
    return (
        f"{code}E_0000_{whole_ms // 1000:010d}_{whole_ms % 1000:03d}ECM_N{number:07d}"
        f"EDLC00000_0000LUJ{version:02d}.png"
    )


def write_clip(
    path: Path,
    camera: int,
    times_s: Sequence[Fraction],
    *,
    time_base: Fraction = Fraction(1, 12_000),
    first: int = 0,
) -> Path:
    """An H.264 clip whose frames carry their numbers and stand at `times_s`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = time_base
        stream.options = {"crf": "8", "preset": "veryfast", "threads": "1"}
        stream.codec_context.color_range = 1
        for place, at in enumerate(times_s):
            grey = levels(camera, first + place)
            luma = (16 + grey.astype(np.uint16) * 219 // 255).astype(np.uint8)
            chroma = np.full((SIDE // 2, SIDE), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
            frame.colorspace, frame.color_range = 1, 1
            frame.pts, frame.time_base = int(at / time_base), time_base
            for packet in stream.encode(frame):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    return path


# --- reading ---------------------------------------------------------------------------------


def read_film(
    path: Path, tiles: Sequence[Sequence[int]] | None = None
) -> tuple[list[tuple[Seen, ...]], list[Fraction]]:
    """What each tile of each frame of a film shows, and the frames' times in s.

    `tiles` are [top, left, rows, cols] in px; the whole picture unless given.
    """
    shown, times = [], []
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            grey = frame.to_ndarray(format="gray16le" if frame.format.components[0].bits > 8
                                    else "gray")  # fmt: skip
            white = 65535.0 if grey.dtype == np.uint16 else 255.0
            parts = tiles or [(0, 0, *grey.shape)]
            shown.append(
                tuple(spelt(grey[t : t + h, left : left + w], white) for t, left, h, w in parts)
            )
            assert frame.pts is not None
            assert frame.time_base is not None
            times.append(frame.pts * frame.time_base)
    return shown, times
