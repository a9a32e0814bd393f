"""Match, enhance and colour beside what a user would otherwise pick.

`restore_bench.py` prints these rows; by itself: `python -m tests.bench.colour_bench`. Colours
are held against things that nothing was fitted to.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import exposure as skimage_exposure

from descent.measure.match import Seen, fitted, look
from descent.model import Format, Frame
from descent.restore import colour, debayer, defects, levels
from descent.restore.match import STAGE, Match, difference
from descent.simulate import landing
from descent.tools.colour import linear_to_rgb, to_linear
from tests.bench.scoring import COSTS, DATA, Cost, Picture, cost_of

exposure: Any = skimage_exposure  # without types
# Where things lie in the first frames of the four clips of one room, across and down. The mat is
# the ground, the shirt the white; the treadmill and the wall check; the cap and the jeans of two
# people are seen by nobody but the score.
PLACES: dict[int, dict[str, tuple[float, float]]] = {
    1: {"shirt": (0.78, 0.55), "mat": (0.09, 0.83), "cap": (0.449, 0.192),
        "jeans": (0.676, 0.737), "mill": (0.18, 0.578), "wall": (0.893, 0.188)},
    2: {"shirt": (0.19, 0.42), "mat": (0.5, 0.92), "cap": (0.495, 0.224),
        "jeans": (0.148, 0.636), "mill": (0.352, 0.636), "wall": (0.658, 0.202)},
    3: {"shirt": (0.236, 0.375), "mat": (0.78, 0.51), "cap": (0.564, 0.236),
        "jeans": (0.265, 0.426), "mill": (0.372, 0.65), "wall": (0.78, 0.173)},
    4: {"shirt": (0.71, 0.303), "mat": (0.112, 0.636), "cap": (0.24, 0.277),
        "jeans": (0.75, 0.383), "mill": (0.622, 0.68), "wall": (0.214, 0.159)},
}  # fmt: skip
INSTANTS, HALF_PX = 6, 12
# As the camera files have them.
DDC = colour.Colour(
    gains=(1.28, 1.0, 2.38), exposure=0.8, shoulder=0.8,
    matrix=((1.157, -0.143, -0.014), (-0.043, 1.057, -0.014), (-0.043, -0.143, 1.186)),
)  # fmt: skip
RDC = colour.Colour(gains=(1.1, 1.0, 0.71), shoulder=0.8)
# Of made-up cameras: gains of red, green and blue, and how far channels mix before.
CASTS = (
    ((0.55, 0.55, 0.55), 0.0),
    ((0.8, 1.0, 0.6), 0.0),
    ((1.1, 0.9, 0.8), 0.12),
    ((0.6, 0.7, 0.75), 0.2),
)


def codes_of(light: NDArray[Any]) -> NDArray[np.uint8]:
    """Linear light as 8-bit BT.709 codes."""
    return np.asarray(linear_to_rgb(np.ascontiguousarray(light, np.float32), "bt709"), np.uint8)


def light_of(codes: NDArray[Any]) -> Picture:
    """8-bit BT.709 codes as linear light."""
    return np.asarray(to_linear(np.ascontiguousarray(codes, np.uint8), "bt709"), np.float32)


def histograms(mine: NDArray[np.uint8], its: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """scikit-image: each channel's histogram made that of the other picture."""
    return np.asarray(exposure.match_histograms(mine, its, channel_axis=2), np.uint8)


def reinhard(mine: NDArray[np.uint8], its: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean and deviation of each channel of L*a*b* carried over (Reinhard and others, 2001)."""
    a, b = (cv2.cvtColor(p, cv2.COLOR_RGB2LAB).astype(np.float32) for p in (mine, its))
    made = (a - a.mean((0, 1))) / a.std((0, 1)) * b.std((0, 1)) + b.mean((0, 1))
    return np.asarray(
        cv2.cvtColor(np.clip(made, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB), np.uint8
    )


PEERS: dict[str, Callable[..., NDArray[np.uint8]]] = {
    "scikit-image match_histograms": histograms, "mean and deviation (Reinhard)": reinhard,
}  # fmt: skip


def seen_at(picture: Picture, place: tuple[float, float]) -> NDArray[np.float64]:
    """The median colour about a place."""
    y, x = (round(v * n) for v, n in zip(place[::-1], picture.shape, strict=False))
    part = picture[y - HALF_PX : y + HALF_PX + 1, x - HALF_PX : x + HALF_PX + 1]
    return np.median(part.reshape(-1, 3), axis=0).astype(np.float64)


def clip(number: int) -> list[Picture]:
    """Every second of a clip's first frames, in linear light."""
    found: list[Picture] = []
    with av.open(str(DATA / "multicam" / f"cam0{number}.mp4")) as film:
        for k, frame in enumerate(film.decode(video=0)):
            if k % 2 == 0:
                found.append(light_of(frame.to_ndarray(format="rgb24")))
            if len(found) == INSTANTS:
                break
    return found


def through(matrix: NDArray[np.float64], picture: Picture) -> tuple[Picture, Cost]:
    """A picture after the stage, and what that takes."""
    rows, cols = picture.shape[:2]
    kind = Format(rows, cols, "rgb", "float32", None, "linear", 1.0)
    found = {"matrix": matrix.tolist()}

    def work() -> Picture:
        frame = STAGE.apply([Frame(picture)], 0, Match(to="one"), found, 0, kind)
        return np.asarray(frame.pixels, np.float32)

    return work(), cost_of(work)


def room() -> None:
    """Four real clips of one room: how far cap and jeans, never fitted to, are from the first's."""
    first = clip(1)
    print(f"\n{'match, real clips, 1080 x 1920':36}{'cap':>7}{'jeans':>7}{'mean':>7}{COSTS}")
    every: dict[str, list[float]] = {}
    for number in (2, 3, 4):
        own = clip(number)
        pairs = {thing: (PLACES[number][thing], PLACES[1][thing]) for thing in PLACES[1]}
        made: dict[str, tuple[Picture, Cost | None]] = {"as received": (own[0], None)}
        told = ""
        for name, checks in (("descent", ()), ("descent, checked", ("mill", "wall"))):
            params = Match(
                to="one", ground=pairs["mat"], white=pairs["shirt"],
                check=tuple(pairs[thing] for thing in checks),
            )  # fmt: skip
            looks = [look(a, b, params) for a, b in zip(own, first, strict=True)]
            found = fitted([s for s in looks if s.ground and s.white], marked=True)
            made[name] = through(np.array(found["matrix"]), own[0])
            told += f", {name}: {found['way']}"
        mine, its = codes_of(own[0]), codes_of(first[0])
        for name, peer in PEERS.items():
            spent = cost_of(lambda p=peer, a=mine, b=its: p(a, b), 2)  # type: ignore[misc]
            made[name] = light_of(peer(mine, its)), spent
        print(f"clip {number}{told}")
        for name, (picture, cost) in made.items():
            off = [
                difference(seen_at(picture, PLACES[number][t]), seen_at(first[0], PLACES[1][t]))
                for t in ("cap", "jeans")
            ]
            every.setdefault(name, []).extend(off)
            tail = f"{off[0]:7.1f}{off[1]:7.1f}{np.mean(off):7.1f}{cost or ''}"
            print(f"{name:36}{tail}", flush=True)
    for name, values in every.items():
        print(f"{name + ', all':36}{'':14}{np.mean(values):7.1f}", flush=True)


def landed() -> None:
    """The descent stage's camera to the rover's, synthetic: ground held out, and the white deck."""
    spans = [(f"sky_crane - {k}s", f"sky_crane - {k - 0.12:.2f}s") for k in range(17, 2, -2)]
    with tempfile.TemporaryDirectory() as folder:
        landing(
            folder, seed=4, scale="1/4", cameras=("rdc", "ddc"), workers=2,
            windows={"rdc": spans, "ddc": spans},
        )  # fmt: skip
        told = json.loads((Path(folder) / "truth.json").read_text("utf-8"))["cameras"]
        rover, stage = ([(float(f["mid_s"]), f["file"]) for f in told[c]["frames"]]
                        for c in ("rdc", "ddc"))  # fmt: skip
        pairs, last = [], -1.0
        for time_s, file in stage:
            near, other = min(rover, key=lambda row: abs(row[0] - time_s))
            if time_s - last > 1 and abs(near - time_s) < 0.1:
                pairs.append((Path(folder) / file, Path(folder) / other))
                last = time_s
        made = [(_seen_by(a, DDC), _seen_by(b, RDC)) for a, b in pairs]
    params = Match(to="rdc", patch=0.1, ground=((0.1, 0.1), (0.5, 0.5)),
                   check=(((0.12, 0.93), (0.3, 0.3)),))  # fmt: skip
    looks = [look(a, b, params) for a, b in made]
    found = fitted([s for s in looks if s.ground], marked=False)
    matrix = np.array(found["matrix"])
    print(f"\n{'match, synthetic landing, DDC to RDC':36}{'ground':>9}{'deck tint':>11}")
    methods: dict[str, Callable[[Picture, Picture], Picture]] = {
        "as received": lambda a, _: a,
        f"descent ({found['way']})": lambda a, _: np.clip(a @ matrix.T, 0, 1).astype(np.float32),
        **{n: lambda a, b, p=p: light_of(p(codes_of(a), codes_of(b))) for n, p in PEERS.items()},  # type: ignore[misc]
    }
    for name, method in methods.items():
        ground, deck = [], []
        for a, b in made[2::3]:  # what neither fitted nor chose
            picture = method(a, b)
            here, there = (seen_at(p, at) for p, at in ((picture, (0.1, 0.1)), (b, (0.5, 0.5))))
            ground.append(difference(here / here.sum(), there / there.sum()))
            white = seen_at(picture, (0.5, 0.5))
            deck.append(difference(white, np.full(3, white.mean())))
        print(f"{name:36}{np.mean(ground):9.2f}{np.mean(deck):11.2f}", flush=True)


def _seen_by(path: Path, look_: colour.Colour) -> Picture:
    raw = np.asarray(Image.open(path))
    frame = Frame(raw)
    kind = Format(raw.shape[0], raw.shape[1], "mosaic", "uint8", "RGGB", "raw", 255.0)
    chain: list[tuple[Any, Any]] = [
        (levels.STAGE, levels.Levels()), (defects.STAGE, defects.Defects()),
        (debayer.STAGE, debayer.Debayer(gains=look_.gains)), (colour.STAGE, look_),
    ]  # fmt: skip
    for stage, params in chain:
        after = stage.gives(kind, params)
        frame, kind = stage.apply([frame], 0, params, None, 0, kind), after
    return np.asarray(frame.pixels, np.float32)


def casts() -> None:
    """Kodak pictures through made-up cameras: each pair shares a part, the score is of the rest."""
    scores: dict[str, list[float]] = {}
    rng = np.random.default_rng(6)
    for n, path in enumerate(sorted((DATA / "kodak").iterdir())):
        light = light_of(np.asarray(Image.open(path).convert("RGB")))
        gains, mixes = CASTS[n % len(CASTS)]
        mix = (1 - mixes) * np.eye(3) + mixes / 3
        cast = np.diag(gains) @ mix
        # One sees the left two thirds, the other the right two: a third is shared.
        third = light.shape[1] // 3
        other, truth = light[:, : 2 * third], light[:, third:]
        own = np.clip(truth @ cast.T + rng.normal(0, 0.002, truth.shape), 0, 1).astype(np.float32)
        looks: list[Seen] = [look(own, other, Match(to="one"))]
        made = {"as received": own}
        if looks[0].ground is not None:
            found = fitted(looks, marked=False)
            made["descent"] = through(np.array(found["matrix"]), own)[0]
        else:
            made["descent"] = own
        for name, peer in PEERS.items():
            made[name] = light_of(peer(codes_of(own), codes_of(other)))
        unseen = np.s_[:, third + 8 :]  # what only this camera sees
        for name, picture in made.items():
            a, b = picture[unseen][::8, ::8].reshape(-1, 3), truth[unseen][::8, ::8].reshape(-1, 3)
            off = [difference(p, q) for p, q in zip(a, b, strict=True)]
            scores.setdefault(name, []).append(float(np.median(off)))
    print(f"\n{'match, 8 Kodak pairs, made-up casts':36}{'mean':>9}{'worst':>9}")
    for name, values in scores.items():
        print(f"{name:36}{np.mean(values):9.2f}{max(values):9.2f}", flush=True)


def stretching() -> None:
    """Colours pulled apart: how far, whether that can be taken back, whether tiles agree."""
    path = next((DATA / "edl_stills").glob("*FDR*.png"))
    codes = np.ascontiguousarray(np.asarray(Image.open(path).convert("RGB"))[:1024, :1280])
    picture = light_of(codes)
    known = colour.measure_statistics(picture)

    def channels(p: NDArray[Any]) -> NDArray[Any]:
        return np.stack(
            [exposure.rescale_intensity(p[..., c], tuple(np.percentile(p[..., c], (1, 99))), (0, 1))
             for c in range(3)], axis=2,
        )  # fmt: skip

    def clahe(p: NDArray[Any]) -> NDArray[Any]:
        lab = cv2.cvtColor(codes_of(p), cv2.COLOR_RGB2LAB)
        lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
        return light_of(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))

    methods: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
        "as received": lambda p: p,
        "descent": lambda p: colour.enhance(np.ascontiguousarray(p), known),
        "scikit-image rescale by channel": channels,
        "scikit-image equalize_hist, all at once": lambda p: exposure.equalize_hist(
            p.reshape(p.shape[0], -1)
        ).reshape(p.shape),
        "OpenCV CLAHE of L*": clahe,
    }
    heads = f"{'spread':>9}{'back':>9}{'tiles':>9}"
    print(f"\n{'enhance, 1280 x 1024':36}{heads}{COSTS}")
    back = colour.unenhance(methods["descent"](picture), known)
    for name, method in methods.items():
        made = np.asarray(method(picture), np.float64)
        # How round the cloud of colours is: the least of its axes over the largest.
        axes = np.linalg.eigvalsh(np.cov(made[::4, ::4].reshape(-1, 3).T))
        spread = float(np.sqrt(axes[0] / axes[-1]))
        parts = [method(np.ascontiguousarray(picture[:, k : k + 320])) for k in range(0, 1280, 320)]
        seams = 255 * float(np.abs(np.concatenate(parts, axis=1) - made).max())
        again = f"{255 * float(np.abs(back - picture).max()):9.4f}" if name == "descent" else ""
        cost = "" if name == "as received" else str(cost_of(lambda m=method: m(picture)))  # type: ignore[misc]
        print(f"{name:36}{spread:9.3f}{again:>9}{seams:9.2f}{cost}", flush=True)


def balancing() -> None:
    """Grey from dark to clipped, seen by the DDC: what colour it is after the gains."""
    gains = np.array([1.28, 1.0, 2.38])
    ramp = np.linspace(0.02, 1.6, 1280, dtype=np.float32)
    taken: Any = np.clip(ramp[None, :, None] / gains.astype(np.float32), 0, 0.98)
    taken = np.ascontiguousarray(np.repeat(taken, 1024, axis=0), np.float32)
    kind = Format(1024, 1280, "rgb", "float32", None, "linear", 1.0)
    frame = Frame(taken, notes={"levels": {"ceiling": 0.98}})
    params = colour.Colour(gains=(1.28, 1.0, 2.38))
    mixed: Any = np.diag(gains).astype(np.float32)
    methods: dict[str, Callable[[], NDArray[Any]]] = {
        "descent": lambda: np.asarray(colour.STAGE.apply([frame], 0, params, None, 0, kind).pixels),
        "NumPy gains, clipped": lambda: np.clip(taken * gains.astype(np.float32), 0, 1),
        "OpenCV transform, clipped": lambda: np.clip(cv2.transform(taken, mixed), 0, 1),
    }
    print(f"\n{'colour, 1280 x 1024, a grey ramp':36}{'tint':>9}{COSTS}")
    for name, method in methods.items():
        row = np.asarray(method(), np.float64)[0]
        tint = max(difference(v, np.full(3, v.mean())) for v in row[::8])
        print(f"{name:36}{tint:9.2f}{cost_of(method)}", flush=True)


def rows() -> None:
    """All tables of this file."""
    room()
    landed()
    casts()
    stretching()
    balancing()


if __name__ == "__main__":
    cv2.setNumThreads(2)
    rows()
