"""Levels, defects, field, denoise and deblock beside what a user would otherwise pick.

`restore_bench.py` prints these rows; by itself: `python -m tests.bench.clean_bench`. Every row
has quality, time and peak memory from one run. Truths are made: mosaics and films of the Kodak
pictures with damage put in, a flight over drawn ground behind a lens with a vignette and dust.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import exposure as skimage_exposure
from skimage import restoration

from descent.clip import Clip
from descent.model import Format, Frame, Stage
from descent.restore import deblock, defects, denoise, field, levels
from tests.bench.scoring import COSTS, DATA, Cost, Picture, cost_of, mosaic, psnr

exposure: Any = skimage_exposure  # without types
PER_FRAME = 16  # frames of the drawn flight that are held against their truth


def kodak() -> list[NDArray[np.uint8]]:
    """The eight pictures (rows, cols, 3)."""
    return [np.asarray(Image.open(p).convert("RGB")) for p in sorted((DATA / "kodak").iterdir())]


def clip_of(pictures: Sequence[NDArray[Any]], kind: Format) -> Clip:
    """Pictures as a clip, one a second."""

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(pictures[k]) for k in indices)

    return Clip([Fraction(k) for k in range(len(pictures))], kind, lambda _: frozenset(), pull)


def linear(picture: NDArray[Any], kind: Any, cfa: str | None = None) -> Format:
    """The format of linear float pictures like this one."""
    return Format(picture.shape[0], picture.shape[1], kind, "float32", cfa, "linear", 1.0)


def run(stage: Stage, clip: Clip, params: Any, index: int) -> tuple[NDArray[Any], Cost, float]:
    """A frame after a stage that was measured over the clip; its cost; seconds of measuring."""
    start = time.process_time()
    found = stage.measure(clip, params) if stage.measure else None
    took = time.process_time() - start
    radius = stage.radius if isinstance(stage.radius, int) else stage.radius(params)
    span = clip.window(index, radius)
    frames = [f for f in clip.pull(list(span)) if f is not None]

    def one() -> Frame:
        return stage.apply(frames, index - span[0], params, found, index, clip.format)

    return np.asarray(one().pixels), cost_of(one), took


def unstretching() -> None:
    """Frames stretched one by one, as the public feed does: how far counts are off after."""
    rng = np.random.default_rng(3)
    rows: dict[str, list[tuple[float, float]]] = {}
    costs: dict[str, Cost] = {}
    for rgb in kodak():
        raw = (mosaic(rgb).astype(np.float64) * 0.55 + 22).round().astype(np.uint8)
        gain, offset = rng.uniform(1.1, 2.4), rng.uniform(5, 40)
        codes = np.clip(np.floor((raw - offset) * gain + 0.5), 0, 254).astype(np.uint8)
        low, high = (int(v) for v in np.percentile(raw, (0.5, 99.5)))
        methods: dict[str, Callable[[NDArray[np.uint8]], NDArray[Any]]] = {
            "as received": lambda c: c.astype(np.float32),
            "descent": lambda c, o=offset: levels.unstretch(c, offset=o) * 255,  # type: ignore[misc]
            "scikit-image rescale, known range": lambda c, lo=low, hi=high: (
                exposure.rescale_intensity(  # type: ignore[misc]
                    c, in_range=tuple(np.percentile(c, (0.5, 99.5))), out_range=(lo, hi)
                )
            ),
            "scikit-image histogram, of three quarters": lambda c, r=raw: exposure.match_histograms(  # type: ignore[misc]
                c, r[:, : 3 * r.shape[1] // 4]
            ),
        }
        inside = (codes > codes.min()) & (codes < codes.max())
        for name, method in methods.items():
            off = np.abs(np.asarray(method(codes), np.float64) - raw)[inside]
            rows.setdefault(name, []).append((float(np.mean(off <= 0.5)), float(off.mean())))
            costs[name] = cost_of(lambda m=method, c=codes: m(c), 3)  # type: ignore[misc]
    print(f"\n{'levels, 8 stretched mosaics':36}{'to half':>9}{'counts off':>11}{COSTS}")
    for name, values in rows.items():
        half, off_ = np.mean(values, axis=0)
        print(f"{name:36}{100 * half:8.1f}%{off_:11.3f}{costs[name]}", flush=True)


def defective() -> None:
    """Mosaics with hot and dead pixels in all frames, and rows and blocks lost in one."""
    rng = np.random.default_rng(4)
    views = []
    for start in (0, 128, 256):
        for rgb in kodak():
            wide = rgb if rgb.shape[1] > rgb.shape[0] else rgb.transpose(1, 0, 2)
            part = np.ascontiguousarray(wide[:512, start : start + 512])
            views.append(mosaic(part).astype(np.float32) / np.float32(255))
    kind = linear(views[0], "mosaic", "RGGB")
    spots = np.zeros(views[0].shape, np.bool_)
    spots[tuple(rng.integers(16, 496, (2, 60)))] = True
    lost = np.zeros_like(spots)
    lost[200:202] = True
    for _ in range(6):
        y, x = (int(v) * 16 for v in rng.integers(1, 30, 2))
        lost[y : y + 16, x : x + 16] = True
    value = np.where(rng.random(spots.shape) < 0.5, np.float32(1), np.float32(0))
    taken = [np.where(spots, value, v) for v in views]
    rows: dict[str, list[float]] = {}
    cost: dict[str, Cost] = {}
    for index, truth in enumerate(views[:8]):
        broken = list(taken)
        broken[index] = np.where(lost, np.float32(0), taken[index])
        clip = clip_of(broken, kind)
        made, spent, took = run(defects.STAGE, clip, defects.Defects(header="none"), index)
        bad = spots | lost

        def planes(work: Callable[[NDArray[Any]], Any], picture: NDArray[Any]) -> NDArray[Any]:
            out = np.empty_like(picture)
            for y in (0, 1):
                for x in (0, 1):
                    out[y::2, x::2] = work(np.ascontiguousarray(picture[y::2, x::2]))
            return out

        def median(picture: NDArray[Any] = broken[index]) -> NDArray[Any]:
            return planes(lambda p: cv2.medianBlur(p, 3), picture)

        def inpaint(picture: NDArray[Any] = broken[index], where: Any = bad) -> NDArray[Any]:
            stack = np.where(where, np.float32(2), picture)
            return planes(
                lambda p: (
                    cv2.inpaint(
                        np.rint(np.minimum(p, 1) * 255).astype(np.uint8),
                        (p > 1).astype(np.uint8), 3, cv2.INPAINT_TELEA,
                    ).astype(np.float32)
                    / 255
                ),
                stack,
            )  # fmt: skip

        peers = {"OpenCV median 3 x 3 of each colour": median,
                 "OpenCV inpaint, told where": inpaint}  # fmt: skip
        pictures: dict[str, NDArray[Any]] = {"as received": broken[index], "descent": made}
        cost["descent"] = spent
        for name, work in peers.items():
            pictures[name] = work()
            if index == 0:
                cost[name] = cost_of(work, 3)
        for name, picture in pictures.items():
            rows.setdefault(name, []).append(psnr(picture, truth))
    print(f"\n{'defects, 8 of 24 mosaics, 512 x 512':36}{'PSNR dB':>9}{'least':>9}{COSTS}")
    for name, values in rows.items():
        print(f"{name:36}{np.mean(values):9.2f}{min(values):9.2f}{cost.get(name, '')}", flush=True)
    print(f"measuring takes descent {1e3 * took / len(views):.0f} ms of CPU a frame, once")


def ground(rows: int, cols: int, seed: int) -> Picture:
    """Drawn ground of all scales, 0.1 to 0.7."""
    rng, out = np.random.default_rng(seed), np.zeros((rows, cols), np.float32)
    for octave in range(8):
        layer = rng.standard_normal((4 << octave, 5 << octave)).astype(np.float32)
        out += cv2.resize(layer, (cols, rows), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return np.asarray(np.clip(0.4 + 0.07 * out, 0.1, 0.7), np.float32)


def shaded() -> None:
    """A flight behind a lens with a vignette and two marks: what is left of them, in percent."""
    rows, cols, count = 400, 512, 48
    y, x = np.mgrid[:rows, :cols].astype(np.float32)
    vignette = 1 - 0.3 * ((x - 270) ** 2 + (y - 190) ** 2) / (256**2 + 200**2)
    dust = np.ones((rows, cols), np.float32)
    cv2.circle(dust, (130, 120), 7, 0.85, -1)
    cv2.circle(dust, (380, 260), 10, 0.9, -1)
    dust = np.asarray(cv2.GaussianBlur(dust, (0, 0), 2), np.float32)
    lens, marks = np.asarray(vignette * dust, np.float32), dust < 0.97
    whole, rng = ground(1000, 1100, 11), np.random.default_rng(12)
    truths = []
    for k in range(count):
        top, left = int(300 + 280 * np.sin(0.31 * k)), int(280 + 270 * np.cos(0.19 * k))
        truths.append(whole[top : top + rows, left : left + cols])
    noise = [rng.normal(0, 0.003, (rows, cols)) for _ in truths]
    taken = [np.asarray(v * lens + n, np.float32) for v, n in zip(truths, noise, strict=True)]
    clip = clip_of(taken, linear(taken[0], "grey"))
    params, index = field.Field(), 7
    start = time.process_time()
    found = field.STAGE.measure(clip, params)  # type: ignore[misc]
    took = time.process_time() - start

    def ours(k: int = index) -> Picture:
        frame = field.STAGE.apply([Frame(taken[k])], 0, params, found, k, clip.format)
        return np.asarray(frame.pixels, np.float32)

    def dividing(flat: NDArray[Any]) -> Callable[[int], Picture]:
        gain = (flat.mean() / flat).astype(np.float32)
        return lambda k: np.asarray(np.clip(taken[k] * gain, 0, 1), np.float32)

    def polynomial() -> NDArray[Any]:
        u, v = (x - cols / 2) / cols, (y - rows / 2) / rows
        terms = np.stack([u**a * v**b for a in range(5) for b in range(5 - a)], axis=-1)
        terms = terms.reshape(-1, terms.shape[-1])
        fitted = np.linalg.lstsq(terms, np.mean(taken, axis=0).ravel(), rcond=None)[0]
        return np.asarray((terms @ fitted).reshape(rows, cols))

    methods: dict[str, Callable[[int], Picture]] = {
        "as received": lambda k: taken[k],
        "descent": ours,
        "mean frame, Gaussian of 40 px": dividing(
            cv2.GaussianBlur(np.mean(taken, axis=0), (0, 0), 40)
        ),
        "median frame as it is": dividing(np.median(taken, axis=0)),
        "polynomial of 4th order": dividing(polynomial()),
    }
    print(f"\n{'field, 48 frames of 512 x 400':36}{'vignette %':>11}{'marks %':>9}{COSTS}")
    for name, method in methods.items():
        smooth_off: list[float] = []
        dark: list[float] = []
        for k in range(PER_FRAME):
            ratio = method(k) / truths[k]
            smooth = cv2.blur(ratio, (31, 31))
            smooth_off.append(100 * float(np.std(smooth / smooth.mean())))
            around = cv2.dilate(marks.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
            beside = np.median(ratio[around & ~marks])
            dark.append(100 * abs(float(np.median(ratio[dust < 0.92]) / beside) - 1))
        tail = str(cost_of(lambda m=method: m(index)))  # type: ignore[misc]
        print(f"{name:36}{np.mean(smooth_off):11.2f}{np.mean(dark):9.2f}{tail}", flush=True)
    print(f"measuring takes descent {1e3 * took / count:.0f} ms of CPU a frame, once")


def noise() -> None:
    """Kodak pictures drifting under noise: denoise, and what OpenCV and scikit-image offer."""
    rng = np.random.default_rng(0)
    scores: dict[str, list[float]] = {}
    costs: dict[str, Cost] = {}
    other: Any = restoration

    def alone(picture: NDArray[Any], sigma: float) -> NDArray[Any]:
        made: NDArray[Any] = other.denoise_nl_means(
            picture, patch_size=7, patch_distance=7, h=0.8 * sigma, sigma=sigma,
            fast_mode=True, channel_axis=2,
        )  # fmt: skip
        return made

    for rgb in kodak()[:4]:
        truth = (rgb.astype(np.float32) / 255) ** np.float32(2.2)
        views = [truth[8 + 2 * k : 488 + 2 * k, 8 + 3 * k : 488 + 3 * k] for k in range(5)]
        films = [
            (v + np.sqrt(4e-4 * v + 2e-5) * rng.standard_normal(v.shape)).clip(0, 1) for v in views
        ]
        frames = [np.ascontiguousarray(f, np.float32) for f in films]
        clip = clip_of(frames, linear(frames[0], "rgb"))
        codes = [np.clip(np.rint(f * 255), 0, 255).astype(np.uint8) for f in films]
        sigma = float(np.sqrt(4e-4 * truth.mean() + 2e-5))
        peers: dict[str, Callable[[], NDArray[Any]]] = {
            "OpenCV non-local means, 5 frames": lambda c=codes: (  # type: ignore[misc]
                cv2.fastNlMeansDenoisingColoredMulti(c, 2, 3, None, 5, 5, 7, 15) / 255
            ),
            "OpenCV non-local means, one": lambda c=codes: (  # type: ignore[misc]
                cv2.fastNlMeansDenoisingColored(c[2], None, 5, 5, 7, 15) / 255
            ),
            "scikit-image non-local means, one": lambda f=frames, s=sigma: alone(f[2], s),  # type: ignore[misc]
        }  # fmt: skip
        made: dict[str, NDArray[Any]] = {"as received": films[2]}
        for name, count in (("descent, one frame", 0), ("descent, 2 on either side", 2)):
            params = denoise.Denoise(frames=count)
            made[name], costs[name], _ = run(denoise.STAGE, clip, params, 2)
        for name, work in peers.items():
            made[name] = work()
            if name not in costs:
                costs[name] = cost_of(work, 2)
        for name, pixels in made.items():
            scores.setdefault(name, []).append(psnr(np.asarray(pixels), views[2]))
    print(f"\n{'denoise, 4 drifting films, 480 x 480':36}{'PSNR dB':>9}{COSTS}")
    for name, values in scores.items():
        print(f"{name:36}{np.mean(values):9.2f}{costs.get(name, '')}", flush=True)


def grids() -> None:
    """Mosaics after JPEG at three qualities: PSNR before and after deblock, and two of ffmpeg's."""
    qualities = (50, 75, 90)
    found: dict[str, dict[int, list[float]]] = {}
    costs: dict[str, Cost] = {}
    for quality in qualities:
        truths = [mosaic(rgb) for rgb in kodak()]
        packed = [cv2.imencode(".jpg", t, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for t in truths]
        codes = [np.asarray(cv2.imdecode(p, cv2.IMREAD_GRAYSCALE), np.uint8) for p in packed]
        made: dict[str, list[NDArray[Any]]] = {"as received": list(codes), "descent": []}
        for taken in codes:
            kind = Format(len(taken), taken.shape[1], "mosaic", "uint8", "RGGB", "raw", 255.0)

            def work(taken: Any = taken, kind: Format = kind) -> NDArray[Any]:
                frame = deblock.apply([Frame(taken)], 0, deblock.Deblock(), None, 0, kind)
                return np.asarray(frame.pixels)

            made["descent"].append(work())
            if "descent" not in costs:
                costs["descent"] = cost_of(work)
        made["OpenCV bilateral"] = [cv2.bilateralFilter(c, 5, 12, 2) for c in codes]
        costs["OpenCV bilateral"] = cost_of(lambda c=codes: cv2.bilateralFilter(c[0], 5, 12, 2))  # type: ignore[misc]
        for name, words in (("ffmpeg spp", "spp=quality=4:qp=12"), ("ffmpeg deblock", "deblock")):
            made[name], costs[name] = by_ffmpeg(codes, words)
        for name, pictures in made.items():
            scores = [psnr(p, t, 255) for p, t in zip(pictures, truths, strict=True)]
            found.setdefault(name, {})[quality] = scores
    heads = "".join(f"{f'q {q}, dB':>9}{'worst':>7}" for q in qualities)
    print(f"\n{'deblock, 8 mosaics, gain':36}{heads}{COSTS}")
    for name, by in found.items():
        gains = [np.array(by[q]) - np.array(found["as received"][q]) for q in qualities]
        row = "".join(f"{g.mean():9.2f}{g.min():7.2f}" for g in gains)
        print(f"{name:36}{row}{costs.get(name, '')}", flush=True)


def by_ffmpeg(pictures: Sequence[NDArray[Any]], words: str) -> tuple[list[NDArray[Any]], Cost]:
    """Grey pictures of one or two sizes through an ffmpeg filter; cost a picture, PNG included."""
    made = []
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        for picture in pictures:
            one, two = Path(folder) / "in.png", Path(folder) / "out.png"
            Image.fromarray(picture).save(one)
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y",
                       "-i", str(one), "-vf", f"format=gray,{words}", str(two)]  # fmt: skip
            subprocess.run(command, check=True)  # noqa: S603 - ffmpeg from its wheel, our own words
            made.append(np.asarray(Image.open(two).convert("L")))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    per = 1e3 / len(pictures)
    return made, Cost((time.perf_counter() - wall) * per, spent * per, after.ru_maxrss / 1024)


def rows() -> None:
    """All tables of this file."""
    unstretching()
    defective()
    shaded()
    noise()
    grids()


if __name__ == "__main__":
    cv2.setNumThreads(2)
    rows()
