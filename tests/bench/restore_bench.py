"""Restoration against what a user would otherwise pick: quality, speed and memory in one run.

Run it from the project's folder: `python tests/bench/restore_bench.py`. It needs the real data
in ../shared/data; figures of speed are only worth comparing within one run.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import imageio_ffmpeg
import numpy as np
import skimage.restoration
from numpy.typing import NDArray
from PIL import Image

from descent.clip import Clip
from descent.model import Format, Frame
from descent.restore import colour, debayer, deblock, deblur, defects, deflicker, denoise, levels
from descent.tools import tiles
from descent.tools.register import features, match
from tests.bench import deblur_chain

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
Picture = NDArray[np.float32]
GAINS = (1.28, 1.0, 2.38)


def mosaic(rgb: NDArray[Any]) -> NDArray[Any]:
    """An RGGB mosaic of an RGB picture."""
    out = np.ascontiguousarray(rgb[..., 1])
    out[::2, ::2], out[1::2, 1::2] = rgb[::2, ::2, 0], rgb[1::2, 1::2, 2]
    return out


def by_opencv(code: int) -> Callable[[Picture], Picture]:
    """One of OpenCV's methods, which work on 8 bits."""

    def run(raw: Picture) -> Picture:
        codes = (raw * 255 + 0.5).astype(np.uint8)
        return cv2.cvtColor(codes, code).astype(np.float32) / np.float32(255)

    return run


def others() -> dict[str, Callable[[Picture], Picture]]:
    """What else is installed."""
    found: dict[str, Callable[[Picture], Picture]] = {
        "OpenCV bilinear": by_opencv(cv2.COLOR_BayerRGGB2RGB),
        "OpenCV edge-aware": by_opencv(cv2.COLOR_BayerRGGB2RGB_EA),
        "OpenCV VNG": by_opencv(cv2.COLOR_BayerRGGB2RGB_VNG),
    }
    try:
        import colour_demosaicing as cd  # type: ignore[import-not-found]
    except ImportError:
        return found
    found["colour-demosaicing Malvar"] = lambda m: cd.demosaicing_CFA_Bayer_Malvar2004(m, "RGGB")
    found["colour-demosaicing Menon"] = lambda m: cd.demosaicing_CFA_Bayer_Menon2007(m, "RGGB")
    return found


def cpsnr(made: Picture, truth: Picture) -> float:
    """CPSNR in dB on 8-bit codes, 8 px off each border."""
    codes = np.clip(np.rint(made * 255), 0, 255) - np.rint(truth * 255)
    return float(10 * np.log10(255**2 / np.mean(codes[8:-8, 8:-8].astype(np.float64) ** 2)))


def best_time(work: Callable[[], object], times: int = 9) -> tuple[float, float]:
    """Wall and CPU seconds of the better runs (their lower quartile)."""
    work()
    wall, cpu = [], []
    for _ in range(times):
        a, b = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - a)
        cpu.append(time.process_time() - b)
    return float(np.percentile(wall, 25)), float(np.percentile(cpu, 25))


def debayering() -> None:
    """CPSNR over the pictures here, and speed on 1280 x 1024."""
    methods: dict[str, Callable[[Picture], Picture]] = {
        "descent best": debayer.debayer,
        "descent fast": lambda m: debayer.debayer(m, method="fast"),
        **others(),
    }
    sets = {
        name: [
            np.asarray(Image.open(p).convert("RGB"), np.float32) / np.float32(255)
            for p in sorted((DATA / name).iterdir())
        ]
        for name in ("kodak", "mcmaster")
    }
    speed = np.random.default_rng(0).random((1024, 1280), dtype=np.float32)
    print(f"\n{'debayer':28}{'Kodak dB':>10}{'McMaster dB':>13}{'Mpx/s':>8}{'Mpx/CPU s':>11}")
    for name, run in methods.items():
        quality = [
            np.mean([cpsnr(np.asarray(run(mosaic(t)), np.float32), t) for t in pictures])
            for pictures in sets.values()
        ]
        wall, cpu = best_time(lambda run=run: run(speed))  # type: ignore[misc]
        rate = speed.size / 1e6
        print(f"{name:28}{quality[0]:10.2f}{quality[1]:13.2f}{rate / wall:8.0f}{rate / cpu:11.0f}")


def chain() -> None:
    """Levels, defects, debayer and colour on a 1280 x 1024 part of the real DDC mosaic."""
    path = next((DATA / "edl_stills").glob("*ECM*.png"))
    raw = np.ascontiguousarray(np.asarray(Image.open(path))[:1024, :1280, 0])
    print(f"\n{'chain, 1280 x 1024':28}{'frames/s':>10}{'CPU ms':>9}  by stage, ms")
    for method in ("best", "fast"):
        spent: dict[str, float] = {}

        def run(method: str = method, spent: dict[str, float] = spent) -> None:
            frame, kind = Frame(raw), Format(1024, 1280, "mosaic", "uint8", "RGGB", "raw", 255.0)
            stages: list[tuple[Any, Any]] = [
                (levels.STAGE, levels.Levels()),
                (defects.STAGE, defects.Defects()),
                (debayer.STAGE, debayer.Debayer(method=method, gains=GAINS)),
                (colour.STAGE, colour.Colour(gains=GAINS, exposure=0.8, shoulder=0.8)),
            ]
            for stage, params in stages:
                start = time.perf_counter()
                after = stage.gives(kind, params)
                frame = stage.apply([frame], 0, params, None, 0, kind)
                kind = after
                spent[stage.name] = 1e3 * (time.perf_counter() - start)

        wall, cpu = best_time(run)
        parts = ", ".join(f"{k} {v:.1f}" for k, v in spent.items())
        print(f"{'descent, debayer: ' + method:28}{1 / wall:10.1f}{cpu * 1e3:9.1f}  {parts}")
    codes = cv2.COLOR_BayerRGGB2RGB_VNG

    def by_hand() -> Picture:
        rgb = cv2.cvtColor(cv2.medianBlur(raw, 3), codes).astype(np.float32) / np.float32(255)
        return np.asarray(np.clip(rgb * np.array(GAINS, np.float32), 0, 1), np.float32)

    wall, cpu = best_time(by_hand)
    print(
        f"{'OpenCV median, VNG, gains':28}{1 / wall:10.1f}{cpu * 1e3:9.1f}  (no stretch, no mask)"
    )


def flicker() -> None:
    """LCAM frames 5 to 70: how far registered frames are apart, before and after."""
    paths = sorted((DATA / "lcam").glob("LVS_*.jpg"))
    raw = [np.ascontiguousarray(np.asarray(Image.open(p))[..., 0]) for p in paths]
    rows, cols = raw[0].shape
    kind = Format(rows, cols, "grey", "uint8", None, "raw", 255.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(raw[k]) for k in indices)

    clip = Clip([Fraction(k) for k in range(len(raw))], kind, lambda _: frozenset(), pull)
    start = time.perf_counter()
    numbers = deflicker.measure(clip, deflicker.Deflicker())
    took = time.perf_counter() - start
    ours = [
        np.asarray(deflicker.apply([Frame(f)], 0, deflicker.Deflicker(), numbers, k, kind).pixels)
        for k, f in enumerate(raw)
    ]
    found = [features(deflicker.small(Frame(f), kind)) for f in raw]
    print(
        f"\n{'deflicker, LCAM 5 to 70':28}{'1 apart':>9}{'5 apart':>9}{'10 apart':>9}{'spread':>9}"
    )
    for name, frames in (
        ("as received", [f.astype(np.float32) / np.float32(255) for f in raw]),
        (f"descent ({took:.1f} s, 87 frames)", ours),
        ("ffmpeg deflicker", by_ffmpeg(paths)),
    ):
        small = [cv2.resize(f, (400, 400), interpolation=cv2.INTER_AREA) for f in frames]
        levels_, spreads = [], []
        for step in (1, 5, 10):
            apart = []
            for i in range(4, 70 - step):
                link = match(found[i], found[i + step])
                if link is None:
                    continue
                a = cv2.warpPerspective(small[i], link.matrix, (400, 400))
                inside = cv2.warpPerspective(np.ones_like(a), link.matrix, (400, 400)) > 0.99
                b = small[i + step]
                inside &= (a > 0.01) & (b > 0.01) & (a < 0.97) & (b < 0.97)
                apart.append(abs(np.median(np.log(b[inside] / a[inside]))))
                if step == 1:
                    spreads.append(abs(np.log(b[inside].std() / a[inside].std())))
            levels_.append(float(np.median(apart)))
        row = "".join(f"{v:9.4f}" for v in (*levels_, float(np.median(spreads))))
        print(f"{name:28}{row}")


def by_ffmpeg(paths: list[Path]) -> list[Picture]:
    """The frames after ffmpeg's deflicker filter at its defaults."""
    with tempfile.TemporaryDirectory() as folder:
        for k, path in enumerate(paths):
            Image.open(path).convert("L").save(Path(folder) / f"in{k:03d}.png")
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error",
            "-i", f"{folder}/in%03d.png", "-vf", "format=yuv420p,deflicker,format=gray",
            f"{folder}/out%03d.png",
        ]  # fmt: skip
        subprocess.run(command, check=True)  # noqa: S603 - ffmpeg from its wheel, our own words
        made = sorted(Path(folder).glob("out*.png"))
        return [np.asarray(Image.open(p).convert("L"), np.float32) / np.float32(255) for p in made]


def apart(made: Picture, truth: Picture) -> float:
    """Mean squared error over the best shift within 7 px, in quarters, 25 px off each border."""
    rows, cols = truth.shape
    inside = (slice(25, rows - 25), slice(25, cols - 25))

    def error(y: float, x: float) -> float:
        move = np.array([[1, 0, x], [0, 1, y]], np.float32)
        moved = cv2.warpAffine(made, move, (cols, rows), flags=cv2.INTER_CUBIC)
        return float(((moved[inside] - truth[inside]).astype(np.float64) ** 2).mean())

    whole = {(y, x): error(y, x) for y in range(-7, 8) for x in range(-7, 8)}
    y, x = min(whole, key=whole.__getitem__)
    return min(error(y + a / 4, x + b / 4) for a in range(-4, 5) for b in range(-4, 5))


def shaken() -> None:
    """The Levin pictures, restored with the measured kernel and with none given."""
    other: Any = skimage.restoration
    methods: dict[str, Callable[[Picture, Picture], Picture]] = {
        "as received": lambda b, _: b,
        "descent, true kernel": deblur.deconvolve,
        "descent, blind": lambda b, k: deblur.deconvolve(b, deblur.estimate_kernel(b, size=len(k))),
        "scikit-image Wiener, true": lambda b, k: other.wiener(b, k, 0.01),
        "scikit-image RL 50, true": lambda b, k: other.richardson_lucy(b, k, 50),
    }
    folder = DATA / "deblur" / "levin"
    best: dict[Path, float] = {}
    print(f"\n{'Levin, 8 pictures 255 x 255':28}{'dB':>8}{'worst':>8}{'error ratio':>13}", end="")
    print(f"{'worst':>8}{'s':>8}{'CPU s':>8}")
    for name, run in methods.items():
        errors, ratios, wall, cpu = [], [], [], []
        for path in sorted(folder.glob("im*.png")):
            scene, number = path.stem.split("_")[:2]
            truth = np.asarray(Image.open(folder / "gt" / f"{scene}.png").convert("L"), np.float32)
            kernel = np.load(folder / "gt" / f"{number}_conv.npy").astype(np.float32)
            taken = np.asarray(Image.open(path).convert("L"), np.float32) / np.float32(255)
            a, b = time.perf_counter(), time.process_time()
            made = np.asarray(run(taken, kernel), np.float32)
            wall.append(time.perf_counter() - a)
            cpu.append(time.process_time() - b)
            errors.append(apart(made, truth / np.float32(255)))
            if name == "descent, true kernel":
                best[path] = errors[-1]
            if path in best:
                ratios.append(errors[-1] / best[path])
        decibels = -10 * np.log10(errors)
        row = f"{name:28}{decibels.mean():8.2f}{decibels.min():8.2f}"
        row += f"{np.mean(ratios):13.2f}{max(ratios):8.2f}" if ratios else f"{'':21}"
        print(f"{row}{np.median(wall):8.2f}{np.median(cpu):8.2f}")


def grids() -> None:
    """Mosaics after JPEG at three qualities: PSNR before and after deblock."""
    print(f"\n{'deblock, Kodak mosaics':28}{'before':>9}{'after':>9}{'CPU ms':>9}")
    for quality in (50, 75, 90):
        found: list[tuple[float, float, float]] = []
        for path in sorted((DATA / "kodak").iterdir()):
            truth = mosaic(np.asarray(Image.open(path).convert("RGB")))
            packed = cv2.imencode(".jpg", truth, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            codes = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
            rows, cols = truth.shape
            kind = Format(rows, cols, "mosaic", "uint8", "RGGB", "raw", 255.0)
            start = time.process_time()
            made = deblock.apply([Frame(codes)], 0, deblock.Deblock(), None, 0, kind).pixels
            spent = 1e3 * (time.process_time() - start)
            before, after = (
                float(10 * np.log10(255**2 / np.mean((np.asarray(p, float) - truth) ** 2)))
                for p in (codes, made)
            )
            found.append((before, after, spent))
        before, after, spent = np.median(found, axis=0)
        print(f"{f'quality {quality}':28}{before:9.2f}{after:9.2f}{spent:9.0f}")


def noise() -> None:
    """Kodak pictures drifting under noise: denoise, and what OpenCV offers for a film."""
    rng = np.random.default_rng(0)
    scores: dict[str, list[float]] = {}
    for path in sorted((DATA / "kodak").iterdir())[:4]:
        truth = (np.asarray(Image.open(path).convert("RGB"), np.float32) / 255) ** np.float32(2.2)
        views = [truth[8 + 2 * k : 488 + 2 * k, 8 + 3 * k : 488 + 3 * k] for k in range(5)]
        films = [
            (v + np.sqrt(4e-4 * v + 2e-5) * rng.standard_normal(v.shape)).clip(0, 1) for v in views
        ]
        frames = [Frame(np.ascontiguousarray(f, np.float32)) for f in films]
        rows, cols = views[0].shape[:2]
        kind = Format(rows, cols, "rgb", "float32", None, "linear", 1.0)

        def pull(
            order: Iterable[int | None], frames: list[Frame] = frames
        ) -> Iterator[Frame | None]:
            return (None if k is None else frames[k] for k in order)

        clip = Clip([Fraction(k) for k in range(5)], kind, lambda _: frozenset(), pull)
        numbers = denoise.measure(clip, denoise.Denoise())
        made = denoise.apply(frames, 2, denoise.Denoise(), numbers, 2, kind).pixels
        codes = [np.clip(np.rint(f * 255), 0, 255).astype(np.uint8) for f in films]
        means = cv2.fastNlMeansDenoisingColoredMulti(codes, 2, 3, None, 5, 5, 7, 15)
        for name, pixels in (
            ("as received", films[2]),
            ("descent, 2 on either side", made),
            ("OpenCV non-local means", means / 255),
        ):
            error = (np.asarray(pixels) - views[2])[8:-8, 8:-8]
            scores.setdefault(name, []).append(float(-10 * np.log10(np.mean(error**2))))
    print(f"\n{'denoise, drifting pictures':28}{'PSNR dB':>9}")
    for name, values in scores.items():
        print(f"{name:28}{np.mean(values):9.2f}")


def burst() -> None:
    """Fourteen registered frames of one scene by hand, against the same from a tripod."""
    folder = DATA / "deblur" / "burst"
    read = [np.asarray(Image.open(p), np.float32) / 255 for p in sorted(folder.glob("REG_*"))]
    truth = np.asarray(Image.open(folder / "sharp_000.jpg"), np.float32) / 255
    theirs = np.asarray(Image.open(folder / "out_fba_p11.jpg"), np.float32) / 255
    deblur.accumulate(read[:2])
    start, cpu = time.perf_counter(), time.process_time()
    made = deblur.accumulate(read)
    took, spent = time.perf_counter() - start, time.process_time() - cpu
    print(f"\n{'burst, 14 of 1101 x 701':28}{'PSNR dB':>9}{'s':>7}{'CPU s':>7}")
    for name, value in (
        ("best single frame", max(_affine_db(frame, truth) for frame in read)),
        ("the authors' own", _affine_db(theirs, truth)),
        ("descent", _affine_db(np.asarray(made), truth)),
    ):
        tail = f"{took:7.2f}{spent:7.2f}" if name == "descent" else ""
        print(f"{name:28}{value:9.2f}{tail}")


def _affine_db(picture: NDArray[Any], truth: NDArray[Any], edge: int = 40, reach: int = 4) -> float:
    """PSNR after the best whole-pixel shift and a line fitted to each channel."""
    rows, cols = truth.shape[:2]
    want, best = truth[edge:-edge, edge:-edge], -np.inf
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            part = picture[edge + dy : rows - edge + dy, edge + dx : cols - edge + dx]
            errors = []
            for k in range(3):
                x, y = part[..., k].ravel().astype(np.float64), want[..., k].ravel()
                slope = np.cov(x, y, bias=True)[0, 1] / x.var()
                errors.append(np.mean((y - y.mean() - slope * (x - x.mean())) ** 2))
            best = max(best, float(-10 * np.log10(np.mean(errors))))
    return best


def main() -> int:
    """All tables."""
    if not DATA.is_dir():
        print("needs the real data in ../shared/data", file=sys.stderr)
        return 1
    cv2.setNumThreads(2)
    tiles.set_threads(2)
    debayering()
    chain()
    deblur_chain.rows()
    flicker()
    shaken()
    burst()
    grids()
    noise()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this run: {peak:.0f} MiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
