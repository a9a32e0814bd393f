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
from descent.restore import colour, debayer, deblur, defects, deflicker, levels
from descent.tools import tiles
from descent.tools.register import features, match
from tests.bench import clean_bench, colour_bench, deblur_chain
from tests.bench.scoring import (
    COSTS,
    DATA,
    Cost,
    Picture,
    affine_db,
    apart,
    best_time,
    cost_of,
    cpsnr,
    mosaic,
    peak_mib,
)

GAINS = (1.28, 1.0, 2.38)


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
    heads = f"{'Kodak dB':>10}{'McMaster dB':>13}{'Mpx/s':>8}{'Mpx/CPU s':>11}{'MiB':>7}"
    print(f"\n{'debayer':28}{heads}")
    for name, run in methods.items():
        quality = [
            np.mean([cpsnr(np.asarray(run(mosaic(t)), np.float32), t) for t in pictures])
            for pictures in sets.values()
        ]
        cost = cost_of(lambda run=run: run(speed), 9)  # type: ignore[misc]
        rate = speed.size / 1e3
        row = f"{name:28}{quality[0]:10.2f}{quality[1]:13.2f}{rate / cost.wall_ms:8.0f}"
        print(f"{row}{rate / cost.cpu_ms:11.0f}{cost.peak_mib:7.0f}", flush=True)


def chain() -> None:
    """Levels, defects, debayer and colour on a 1280 x 1024 part of the real DDC mosaic."""
    path = next((DATA / "edl_stills").glob("*ECM*.png"))
    raw = np.ascontiguousarray(np.asarray(Image.open(path))[:1024, :1280, 0])
    print(f"\n{'chain, 1280 x 1024':28}{'frames/s':>10}{'CPU ms':>9}{'MiB':>7}  by stage, ms")
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
        held = f"{peak_mib(run):7.0f}"
        print(f"{'descent, debayer: ' + method:28}{1 / wall:10.1f}{cpu * 1e3:9.1f}{held}  {parts}")
    codes = cv2.COLOR_BayerRGGB2RGB_VNG

    def by_hand() -> Picture:
        rgb = cv2.cvtColor(cv2.medianBlur(raw, 3), codes).astype(np.float32) / np.float32(255)
        return np.asarray(np.clip(rgb * np.array(GAINS, np.float32), 0, 1), np.float32)

    wall, cpu = best_time(by_hand)
    held = f"{peak_mib(by_hand):7.0f}"
    tail = f"{1 / wall:10.1f}{cpu * 1e3:9.1f}{held}  (no stretch, no mask)"
    print(f"{'OpenCV median, VNG, gains':28}{tail}", flush=True)


def flicker() -> None:
    """LCAM frames 5 to 70: how far registered frames are apart, before and after."""
    paths = sorted((DATA / "lcam").glob("LVS_*.jpg"))
    raw = [np.ascontiguousarray(np.asarray(Image.open(p))[..., 0]) for p in paths]
    rows, cols = raw[0].shape
    kind = Format(rows, cols, "grey", "uint8", None, "raw", 255.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(raw[k]) for k in indices)

    clip = Clip([Fraction(k) for k in range(len(raw))], kind, lambda _: frozenset(), pull)
    start = time.process_time()
    numbers = deflicker.measure(clip, deflicker.Deflicker())
    spent = 1e3 * (time.process_time() - start) / len(raw)
    held = peak_mib(lambda: deflicker.measure(clip, deflicker.Deflicker()))

    def one() -> Frame:
        return deflicker.apply([Frame(raw[9])], 0, deflicker.Deflicker(), numbers, 9, kind)

    each = cost_of(one)
    cost = {"descent": Cost(each.wall_ms, each.cpu_ms + spent, max(held, each.peak_mib))}
    ours = [
        np.asarray(deflicker.apply([Frame(f)], 0, deflicker.Deflicker(), numbers, k, kind).pixels)
        for k, f in enumerate(raw)
    ]
    found = [features(deflicker.small(Frame(f), kind)) for f in raw]
    theirs, cost["ffmpeg deflicker"] = by_ffmpeg(paths)
    heads = "".join(f"{h:>9}" for h in ("1 apart", "5 apart", "10 apart", "spread"))
    print(f"\n{'deflicker, LCAM 5 to 70':28}{heads}{COSTS} a frame")
    for name, frames in (
        ("as received", [f.astype(np.float32) / np.float32(255) for f in raw]),
        ("descent", ours),
        ("ffmpeg deflicker", theirs),
    ):
        small = [cv2.resize(f, (400, 400), interpolation=cv2.INTER_AREA) for f in frames]
        levels_, spreads = [], []
        for step in (1, 5, 10):
            off = []
            for i in range(4, 70 - step):
                link = match(found[i], found[i + step])
                if link is None:
                    continue
                a = cv2.warpPerspective(small[i], link.matrix, (400, 400))
                inside = cv2.warpPerspective(np.ones_like(a), link.matrix, (400, 400)) > 0.99
                b = small[i + step]
                inside &= (a > 0.01) & (b > 0.01) & (a < 0.97) & (b < 0.97)
                off.append(abs(np.median(np.log(b[inside] / a[inside]))))
                if step == 1:
                    spreads.append(abs(np.log(b[inside].std() / a[inside].std())))
            levels_.append(float(np.median(off)))
        row = "".join(f"{v:9.4f}" for v in (*levels_, float(np.median(spreads))))
        print(f"{name:28}{row}{cost.get(name, '')}", flush=True)


def by_ffmpeg(paths: list[Path]) -> tuple[list[Picture], Cost]:
    """The frames after ffmpeg's deflicker filter at its defaults; cost a frame, PNG included."""
    with tempfile.TemporaryDirectory() as folder:
        for k, path in enumerate(paths):
            Image.open(path).convert("L").save(Path(folder) / f"in{k:03d}.png")
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error",
            "-i", f"{folder}/in%03d.png", "-vf", "format=yuv420p,deflicker,format=gray",
            f"{folder}/out%03d.png",
        ]  # fmt: skip
        wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)  # noqa: S603 - ffmpeg from its wheel, our own words
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        per = 1e3 / len(paths)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cost = Cost((time.perf_counter() - wall) * per, spent * per, after.ru_maxrss / 1024)
        made = sorted(Path(folder).glob("out*.png"))
        codes = [np.asarray(Image.open(p).convert("L"), np.float32) for p in made]
        return [c / np.float32(255) for c in codes], cost


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
    print(f"{'worst':>8}{'s':>8}{'CPU s':>8}{'MiB':>8}")
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
        held = peak_mib(lambda run=run, b=taken, k=kernel: run(b, k))  # type: ignore[misc]
        print(f"{row}{np.median(wall):8.2f}{np.median(cpu):8.2f}{held:8.1f}", flush=True)


def burst() -> None:
    """Fourteen registered frames of one scene by hand, against the same from a tripod."""
    folder = DATA / "deblur" / "burst"
    read = [np.asarray(Image.open(p), np.float32) / 255 for p in sorted(folder.glob("REG_*"))]
    truth = np.asarray(Image.open(folder / "sharp_000.jpg"), np.float32) / 255
    theirs = np.asarray(Image.open(folder / "out_fba_p11.jpg"), np.float32) / 255
    methods: dict[str, Callable[[], NDArray[Any]]] = {
        "descent": lambda: deblur.accumulate(read),
        "mean of all": lambda: np.mean(read, axis=0),
        "median of all": lambda: np.median(read, axis=0),
    }
    print(f"\n{'burst, 14 of 1101 x 701':28}{'PSNR dB':>9}{COSTS}")
    for name, value in (
        ("best single frame", max(affine_db(frame, truth) for frame in read)),
        ("the authors' own", affine_db(theirs, truth)),
    ):
        print(f"{name:28}{value:9.2f}")
    for name, method in methods.items():
        value = affine_db(np.asarray(method()), truth)
        print(f"{name:28}{value:9.2f}{cost_of(method, 2)}", flush=True)


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
    clean_bench.rows()
    colour_bench.rows()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this run: {peak:.0f} MiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
