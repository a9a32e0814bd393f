"""Stand-ins for the material that the shipped configs and the examples name, made in seconds."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from descent.simulate import landing

from .numbered import levels, mars_name

# SCLK of the landing, s (its table of events).
SHIELD, TOUCHDOWN = (666_952_000 + Fraction(s) for s in ("782.90", "937.70"))

# A second and a half of each camera, where the configs look.
WINDOWS = {
    "puc1": [("parachute - 0.2s", "parachute + 0.6s")],
    "rdc": [("touchdown - 1s", "touchdown + 0.4s")],
    "ddc": [("touchdown - 2.2s", "touchdown + 0.4s")],
    "ruc": [("touchdown - 1s", "touchdown + 0.4s")],
}


def simulated(folder: Path) -> Path:
    """The four landing cameras for a moment each, at a sixteenth of their size."""
    landing(folder, seed=1, scale=Fraction(1, 16), windows=WINDOWS, workers=2)
    return folder


def ground(number: int, rows: int, cols: int) -> NDArray[np.uint8]:
    """A grey picture with structure that moves from frame to frame, (rows, cols) uint8."""
    y, x = np.mgrid[0:rows, 0:cols]
    waves = np.sin((x + 3 * number) / 7) + np.sin((y - 2 * number) / 11)
    return np.asarray(128 + 40 * waves, np.uint8)


def lcam(folder: Path, times_s: Sequence[Fraction], *, archive: bool = False) -> Path:
    """Frames of the lander camera: by the archive's names, or as LVS files with their table."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for k, t in enumerate(times_s):
        name = mars_name("EL", t, k + 1) if archive else f"LVS_15_50_{40 + k:02d}.jpg"
        assert cv2.imwrite(str(folder / name), ground(k, 64, 64))
        rows.append((name, utc(t)))
    if not archive:
        with (folder / "frames.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("jpg", "utc_from_sclk"), *rows])
    return folder


def utc(sclk_s: Fraction) -> str:
    """UTC of the landing day to the millisecond; the clock ran true to 1e-6 within minutes."""
    since_s = sclk_s - TOUCHDOWN + (20 * 3600 + 43 * 60 + Fraction("48.145"))
    ms = round(since_s * 1000)
    return (
        f"2021-02-18T{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:"
        f"{ms // 1000 % 60:02d}.{ms % 1000:03d}"
    )


def clip(
    path: Path,
    count: int,
    rate: int,
    *,
    size: tuple[int, int] = (64, 64),
    sound: bool = False,
) -> Path:
    """An H.264 clip of numbered colour pictures at an even rate, with a tone if asked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, cols = size
    with av.open(str(path), "w", format="mp4") as file:
        video = file.add_stream("libx264", rate=rate)
        video.width, video.height, video.pix_fmt = cols, rows, "yuv420p"
        video.options = {"preset": "ultrafast", "crf": "20", "threads": "1"}
        heard = file.add_stream("aac", rate=48_000, layout="mono") if sound else None
        for k in range(count):
            picture = np.repeat(ground(k, rows, cols)[..., None], 3, axis=2)
            picture[: min(rows, 64), : min(cols, 64)] = levels(4, k)[:rows, :cols, None]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, rate)
            for packet in video.encode(frame.reformat(format="yuv420p", dst_colorspace=1)):
                file.mux(packet)
        for packet in video.encode():
            file.mux(packet)
        if heard is not None:
            tone = np.sin(np.arange(48_000 * count // rate) / 20).astype(np.float32)[None] * 0.2
            for at in range(0, tone.shape[1], 1024):
                block = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(tone[:, at : at + 1024]), format="fltp", layout="mono"
                )
                block.rate, block.pts, block.time_base = 48_000, at, Fraction(1, 48_000)
                for packet in heard.encode(block):
                    file.mux(packet)
            for packet in heard.encode():
                file.mux(packet)
    return path


def stills(folder: Path) -> Path:
    """The three first pictures of the landing: one first-derived frame and two browse frames."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {
        "ESF_0001_0667022261_840FDR_N0010052EDLC00001_0010LUJ01.png": (96, 128, 4),
        "EBF_0001_0667022756_679ECV_parachute_noleli.jpg": (60, 75, 3),
        "EUF_0001_rucam_unfairdoor.jpg": (60, 75, 3),
    }
    for k, (name, (rows, cols, channels)) in enumerate(sizes.items()):
        picture = np.repeat(ground(k, rows, cols)[..., None], channels, axis=2)
        picture[..., 0] //= 2  # of a colour, so that nobody takes it for a mosaic
        if channels == 4:
            picture[..., 3] = 255
        assert cv2.imwrite(str(folder / name), picture)
    return folder
