"""Motion blur of the synthetic landing: what deblur gains over the frames as they came.

Run it from the project's folder: `python tests/bench/deblur_bench.py`. PSNR is of linear RGB
against the sharp truth, over pixels that did not clip, 8 px off each border. Frames whose
stretch could not be anchored are left out: their light is off by a constant. Where the real
pictures lie beside the project, a photograph is deblurred by itself as well.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from descent.clip import Clip
from descent.model import Format, Frame
from descent.restore import debayer, defects, levels
from descent.restore.deblur import STAGE, Deblur
from descent.simulate import landing
from descent.tools.colour import linear_to_rgb

GAINS = (1.1, 1.0, 0.71)
SEEDS = (1, 7)
SPANS = {
    "rdc": [("heat_shield + 60s", "heat_shield + 60.2s")],
    "ruc": [("touchdown - 7s", "touchdown - 6.8s")],
}


def early(raw: NDArray[Any]) -> tuple[Frame, Format]:
    """A raw frame after levels, defects and debayer."""
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


def main() -> int:
    """One row for each seed and camera."""
    heads = ("frames", "as came", "unsharp", "descent", "least", "CPU ms")
    print(f"{'seed, camera':16}" + "".join(f"{h:>9}" for h in heads))
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as name:
            landing(
                name, seed=seed, scale=1, windows=SPANS, flight=True, truth_frames=True, workers=2
            )
            cameras = json.loads((Path(name) / "truth.json").read_text("utf-8"))["cameras"]
            for camera in SPANS:
                score(Path(name), f"{seed}, {camera}", cameras[camera]["frames"])
    pair = Path(__file__).resolve().parents[3] / "shared" / "data" / "deblur" / "gopro"
    if pair.is_dir():
        real(pair)
    return 0


def blind(blurred: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """A picture (rows, cols, 3) deblurred by itself, and what the stage says of it."""
    kind = Format(blurred.shape[0], blurred.shape[1], "rgb", "uint8", None, "bt709", 255.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(blurred) for k in indices)

    params = Deblur(method="blind")
    STAGE.gives(kind, params)
    measured = STAGE.measure(Clip([Fraction(0)], kind, lambda _: frozenset(), pull), params)  # type: ignore[misc]
    after = STAGE.apply([Frame(blurred)], 0, params, measured, 0, kind)
    made = linear_to_rgb(np.ascontiguousarray(after.pixels, np.float32), "bt709")
    return np.asarray(made, np.uint8), after.notes["deblur"]


def real(folder: Path) -> None:
    """A real blurred photograph against its sharp twin: PSNR and SSIM of 8-bit RGB."""
    blurred, sharp = (
        np.ascontiguousarray(np.asarray(Image.open(folder / name).convert("RGB")))
        for name in ("Flower_blur1.png", "Flower_sharp1.png")
    )
    signal: Any = peak_signal_noise_ratio
    alike: Any = structural_similarity
    start = time.process_time()
    made, notes = blind(blurred)
    spent = time.process_time() - start
    soft = cv2.GaussianBlur(blurred.astype(np.float32), (0, 0), 2.0)
    unsharp = np.clip(blurred + 0.7 * (blurred - soft) + 0.5, 0, 255).astype(np.uint8)
    for name, picture in (("as came", blurred), ("unsharp", unsharp), ("descent", made)):
        likeness = alike(sharp, picture, channel_axis=2)
        print(f"gopro, {name:9} {signal(sharp, picture):7.2f} dB, SSIM {likeness:.4f}", flush=True)
    print(f"gopro: {spent:.0f} s of CPU, {notes}")


def score(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Measure, restore and compare the frames of a camera."""
    made = [early(np.asarray(Image.open(folder / row["file"]))) for row in rows]

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else made[k][0] for k in indices)

    times = [Fraction(str(row["mid_s"])) for row in rows]
    kind, params = made[0][1], Deblur()
    measured = STAGE.measure(Clip(times, kind, lambda _: frozenset(), pull), params)  # type: ignore[misc]
    found, spent = [], []
    for k, row in enumerate(rows):
        frame = made[k][0]
        if not frame.notes["levels"]["anchored"]:
            continue
        first = max(0, k - params.frames)
        window = [f for f, _ in made[first : k + params.frames + 1]]
        start = time.process_time()
        after = STAGE.apply(window, k - first, params, measured, k, kind)
        spent.append(time.process_time() - start)
        truth = np.asarray(cv2.imread(str(folder / "truth" / row["file"]), cv2.IMREAD_UNCHANGED))
        sharp = truth[..., ::-1].astype(np.float32) / np.float32(65535)
        good = np.ones(sharp.shape[:2], bool) if frame.flags is None else (frame.flags & 1) == 0
        pixels = np.asarray(frame.pixels)
        soft = cv2.GaussianBlur(pixels, (0, 0), 2.0)
        unsharp = np.clip(pixels + np.float32(0.7) * (pixels - soft), 0, 1)
        pictures = (pixels, unsharp, np.asarray(after.pixels))
        found.append([psnr(p, sharp, good) for p in pictures])
    table = np.array(found)
    least = float((table[:, 2] - table[:, 0]).min())
    means = "".join(f"{v:9.2f}" for v in table.mean(axis=0))
    print(f"{name:16}{len(table):9d}{means}{least:9.2f}{1e3 * np.mean(spent):9.0f}", flush=True)


def psnr(made: NDArray[Any], truth: NDArray[Any], good: NDArray[np.bool_]) -> float:
    """PSNR in dB where `good`, 8 px off each border."""
    apart = (made.astype(np.float64) - truth)[8:-8, 8:-8][good[8:-8, 8:-8]]
    return float(10 * np.log10(1 / np.mean(apart**2)))


if __name__ == "__main__":
    raise SystemExit(main())
