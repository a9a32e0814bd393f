"""The pictures of docs/restore.md, made from the real frames.

`python docs/draw_restore.py` writes docs/images/restore_*.jpg; it needs the real
data in ../shared/data.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from font_source_sans_pro import SourceSansProSemibold
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from descent.clip import Clip
from descent.measure.match import fitted, look
from descent.model import Format, Frame, Stage
from descent.restore import colour, debayer, defects, deflicker, levels, spot
from descent.restore import match as match_stage
from descent.tools.colour import linear_to_rgb, to_linear
from descent.tools.register import features, match

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
IMAGES = ROOT / "docs" / "images"
GAINS = (1.28, 1.0, 2.38)
# The camera file's matrix, rows of red, green and blue.
MATRIX = ((1.157, -0.143, -0.014), (-0.043, 1.057, -0.014), (-0.043, -0.143, 1.186))
Codes = NDArray[np.uint8]


def shown(light: Any) -> Codes:
    """Linear light as the 8-bit codes of a still."""
    return np.asarray(linear_to_rgb(np.ascontiguousarray(light), "srgb"), np.uint8)


def words(picture: Image.Image, at: tuple[int, int], text: str, size: int = 24) -> None:
    """A caption on a dark ground."""
    font = ImageFont.truetype(SourceSansProSemibold, size)
    draw = ImageDraw.Draw(picture)
    box = draw.textbbox(at, text, font=font)
    draw.rectangle((box[0] - 8, box[1] - 6, box[2] + 8, box[3] + 6), fill=(0, 0, 0))
    draw.text(at, text, font=font, fill=(255, 255, 255))


def chain(raw: Codes, *steps: tuple[Stage, Any]) -> Any:
    """The pixels of a DDC mosaic after those stages."""
    rows, cols = raw.shape
    kind = Format(rows, cols, "mosaic", "uint8", "RGGB", "raw", 255.0)
    frame = Frame(raw)
    for stage, params in steps:
        after = stage.gives(kind, params)
        frame = stage.apply([frame], 0, params, None, 0, kind)
        kind = after
    return frame.pixels


def ddc() -> None:
    """The mosaic as the feed shows it beside the release colour, and a part of it at 2:1."""
    path = next((DATA / "edl_stills").glob("*ECM*.png"))
    raw = np.ascontiguousarray(np.asarray(Image.open(path))[..., 0])
    look = {"gains": GAINS, "matrix": MATRIX, "exposure": 0.8, "shoulder": 0.8}
    early = [(levels.STAGE, levels.Levels()), (defects.STAGE, defects.Defects())]
    best = (debayer.STAGE, debayer.Debayer(gains=GAINS))
    natural = shown(chain(raw, *early, best, (colour.STAGE, colour.Colour(**look))))
    size = (1024, 768)
    pair = Image.new("RGB", (2 * size[0], size[1]))
    pair.paste(Image.fromarray(raw).convert("RGB").resize(size, Image.Resampling.BOX), (0, 0))
    pair.paste(Image.fromarray(natural).resize(size, Image.Resampling.BOX), (size[0], 0))
    words(pair, (20, size[1] - 48), "mosaic, as the public feed has it")
    words(pair, (size[0] + 20, size[1] - 48), "levels, defects, debayer, colour")
    pair.save(IMAGES / "restore_ddc.jpg", quality=82)

    part = (slice(880, 1180), slice(1080, 1480))
    fast = (debayer.STAGE, debayer.Debayer(method="fast"))
    coarse = shown(chain(raw, *early, fast, (colour.STAGE, colour.Colour(**look))))
    close = Image.new("RGB", (3 * 804 - 4, 600), (0, 0, 0))
    plain = np.repeat(raw[part][..., None], 3, axis=2)
    for k, (picture, text) in enumerate(
        ((plain, "mosaic"), (coarse[part], "debayer: fast"), (natural[part], "debayer: best"))
    ):
        big = Image.fromarray(np.ascontiguousarray(picture)).resize(
            (800, 600), Image.Resampling.NEAREST
        )
        close.paste(big, (804 * k, 0))
        words(close, (804 * k + 16, 552), text)
    close.save(IMAGES / "restore_debayer.jpg", quality=80)

    plain_light = chain(raw, *early, best, (colour.STAGE, colour.Colour(gains=GAINS, exposure=0.8)))
    statistics = colour.measure_statistics(plain_light[::4, ::4])
    strong = shown(np.clip(colour.enhance(plain_light, statistics), 0, 1))
    pair.paste(Image.fromarray(natural).resize(size, Image.Resampling.BOX), (0, 0))
    pair.paste(Image.fromarray(strong).resize(size, Image.Resampling.BOX), (size[0], 0))
    words(pair, (20, size[1] - 48), "look: natural")
    words(pair, (size[0] + 20, size[1] - 48), "look: enhanced")
    pair.save(IMAGES / "restore_looks.jpg", quality=80)


def lcam() -> None:
    """A strip of the descent before and after, and the level of one patch of ground."""
    paths = sorted((DATA / "lcam").glob("LVS_*.jpg"))
    raw = [np.ascontiguousarray(np.asarray(Image.open(p))[..., 0]) for p in paths]
    kind = Format(800, 800, "grey", "uint8", None, "raw", 255.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(raw[k]) for k in indices)

    clip = Clip([Fraction(k) for k in range(len(raw))], kind, lambda _: frozenset(), pull)
    params = deflicker.Deflicker()
    numbers = deflicker.measure(clip, params)
    lift = colour.Colour(exposure=1.2, shoulder=0.7)
    after = []
    for k, codes in enumerate(raw):
        even = deflicker.apply([Frame(codes)], 0, params, numbers, k, kind)
        grey = Format(800, 800, "grey", "float32", None, "linear", 1.0)
        after.append(shown(colour.apply([even], 0, lift, None, 0, grey).pixels))
    picks = [0, 2, 3, 4, 8, 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]
    edge = 200
    strip = Image.new("RGB", (8 * edge, 4 * edge + 120), (16, 16, 16))
    for row, frames in ((0, raw), (2, after)):
        top = row * edge + (60 if row == 0 else 120)
        for n, k in enumerate(picks):
            small = Image.fromarray(frames[k]).resize((edge - 2, edge - 2), Image.Resampling.BOX)
            strip.paste(small, ((n % 8) * edge, top + (n // 8) * edge))
    words(strip, (16, 14), "as received: frames 1, 3, 4, 5, 9, 13, 17 to 26")
    words(
        strip,
        (16, 2 * edge + 74),
        "after deflicker: the first three, inside the heat shield, are dark",
    )
    strip.save(IMAGES / "restore_lcam.jpg", quality=82)
    curves(raw, numbers)
    spots(raw, kind)
    bright(raw, after, numbers)


def bright(raw: list[Codes], after: list[Codes], numbers: dict[str, Any]) -> None:
    """The spot opposite the Sun: as received, its modelled field, the frames after deflicker."""
    picks, edge = [11, 13, 16, 19, 39, 45, 63, 68], 200
    found = spot.Spot(
        tuple(numbers["spot"]), float(np.log(numbers["spot_peak"])), numbers["spot_width"], 0.0
    )
    y, x = np.mgrid[:edge, :edge]
    places = np.stack([y.ravel() + 0.5, x.ravel() + 0.5], axis=1) / edge
    strip = Image.new("RGB", (len(picks) * edge, 3 * edge + 180), (16, 16, 16))
    for n, k in enumerate(picks):
        field = found.field(k, places).reshape(edge, edge)
        codes = np.asarray(np.rint(255 * field / found.peak), np.uint8)
        for row, picture in enumerate((raw[k], codes, after[k])):
            small = Image.fromarray(picture).resize((edge - 2, edge - 2), Image.Resampling.BOX)
            if row != 1:
                small = small.convert("RGB")
                across, down = numbers["spot"][k][1] * edge, numbers["spot"][k][0] * edge
                r = found.width * edge
                ImageDraw.Draw(small).ellipse(
                    (across - r, down - r, across + r, down + r), outline=(230, 120, 40), width=2
                )
            strip.paste(small, (n * edge, row * (edge + 60) + 60))
    peak, width = numbers["spot_peak"], numbers["spot_width"]
    frames = ", ".join(str(k + 1) for k in picks)
    words(strip, (16, 14), f"as received: frames {frames}; ringed where the spot was found")
    words(strip, (16, edge + 74), f"the spot's field: {peak:.2f} times the light, half of it "
          f"within {width:.3f} of the frame")  # fmt: skip
    words(
        strip,
        (16, 2 * edge + 134),
        "after deflicker and colour: each times one number",
    )
    strip.save(IMAGES / "restore_spot.jpg", quality=84)


def spots(raw: list[Codes], kind: Format) -> None:
    """The spot that lies on one place of all LCAM frames, in three of them, 16 times enlarged."""

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(raw[k]) for k in indices)

    clip = Clip([Fraction(k) for k in range(len(raw))], kind, lambda _: frozenset(), pull)
    params = defects.Defects()
    numbers = defects.STAGE.measure(clip, params)  # type: ignore[misc]
    print("defects of the LCAM:", numbers["pixels"])
    close = Image.new("RGB", (3 * 484 - 4, 2 * 484 - 4 + 44), (16, 16, 16))
    part = np.s_[301:331, 371:401]
    for n, k in enumerate((8, 15, 40)):
        filled = defects.apply([Frame(raw[k])], 0, params, numbers, k, kind).pixels
        codes = np.rint(np.asarray(filled) * 255).astype(np.uint8)
        # Each pair on one scale of its own: the ground here is even.
        low, high = np.percentile(codes[part], (1, 99))
        for row, picture in enumerate((raw[k], codes)):
            wide = (picture[part].astype(float) - low) / max(high - low, 40) * 160 + 50
            big = Image.fromarray(np.clip(wide, 0, 255).astype(np.uint8))
            close.paste(big.resize((480, 480), Image.Resampling.NEAREST), (484 * n, 484 * row))
    words(close, (16, 2 * 484 + 2), "LCAM frames 9, 16 and 41: as received, and after defects")
    close.save(IMAGES / "restore_spots.jpg", quality=85)


def curves(raw: list[Codes], numbers: dict[str, Any]) -> None:
    """Level of registered ground along the descent, as received and evened out."""
    small = [deflicker.small(Frame(f), Format(800, 800, "grey", "uint8", None, "raw")) for f in raw]
    steps = []
    found = [features(s, most=700) for s in small]
    for k in range(4, 69):
        link = match(found[k], found[k + 1])
        steps.append(deflicker.compare(small[k], small[k + 1], link.matrix) if link else 0.0)
    before = np.array(steps, float)
    logs = np.log(np.array(numbers["gains"]))
    left = before + np.diff(logs)[4:69]
    wide, high = 1600, 520
    plot = Image.new("RGB", (wide, high), (250, 250, 248))
    draw = ImageDraw.Draw(plot)
    font = ImageFont.truetype(SourceSansProSemibold, 22)

    def place(k: int, value: float) -> tuple[float, float]:
        return 90 + k * (wide - 130) / (len(before) - 1), 60 + (0.4 - value) * (high - 130) / 0.8

    for percent in (-40, -20, 0, 20, 40):
        y = place(0, percent / 100)[1]
        draw.line((90, y, wide - 40, y), fill=(210, 210, 205))
        draw.text((16, y - 14), f"{percent:+d} %", font=font, fill=(60, 60, 60))
    for values, ink, thick in ((before, (190, 60, 40), 3), (left, (20, 90, 150), 4)):
        draw.line([place(k, float(v)) for k, v in enumerate(values)], fill=ink, width=thick)
    for k in range(0, len(before), 8):
        draw.text((place(k, 0)[0] - 10, high - 52), str(k + 5), font=font, fill=(60, 60, 60))
    draw.text(
        (90, 16),
        "step from each LCAM frame to the next on the same ground:",
        font=font,
        fill=(30, 30, 30),
    )
    draw.text((690, 16), "as received", font=font, fill=(190, 60, 40))
    draw.text((830, 16), "after deflicker", font=font, fill=(20, 90, 150))
    plot.save(IMAGES / "restore_flicker.png", optimize=True)


def matched() -> None:
    """Three cameras of one room, as received and matched to the first by a mat and a shirt."""
    things = {
        "white": ((0.78, 0.55), (0.19, 0.42), (0.236, 0.375)),
        "ground": ((0.09, 0.83), (0.5, 0.92), (0.78, 0.51)),
        "mill": ((0.18, 0.578), (0.352, 0.636), (0.372, 0.65)),
        "wall": ((0.893, 0.188), (0.658, 0.202), (0.78, 0.173)),
    }
    lights: list[list[Any]] = []
    for n in (1, 2, 3):
        with av.open(str(DATA / "multicam" / f"cam0{n}.mp4")) as film:
            codes = [f.to_ndarray(format="rgb24") for f, _ in zip(film.decode(video=0), range(6))]  # noqa: B905
        lights.append([to_linear(np.ascontiguousarray(c), "bt709") for c in codes])
    after = [lights[0][0]]
    for n in (1, 2):
        both = {name: (at[n], at[0]) for name, at in things.items()}
        asked = match_stage.Match(
            to="one", ground=both["ground"], white=both["white"],
            check=(both["mill"], both["wall"]),
        )  # fmt: skip
        seen = [look(a, b, asked) for a, b in zip(lights[n], lights[0], strict=True)]
        found = fitted(seen, marked=True)
        print({k: v for k, v in found.items() if k != "matrix"})
        matrix = np.array(found["matrix"])
        after.append(np.clip(lights[n][0] @ matrix.T, 0, 1).astype(np.float32))
    size = (340, 600)
    sheet = Image.new("RGB", (6 * size[0] + 20, size[1]), (16, 16, 16))
    for n, picture in enumerate((*(own[0] for own in lights), *after)):
        small = Image.fromarray(shown(picture)).resize(size, Image.Resampling.BOX)
        sheet.paste(small, (n * size[0] + (20 if n > 2 else 0), 0))
    words(sheet, (16, 16), "as received")
    words(sheet, (3 * size[0] + 36, 16), "the second and third matched to the first")
    sheet.save(IMAGES / "restore_match.jpg", quality=82)


def main() -> int:
    """All pictures."""
    if not DATA.is_dir():
        print("needs the real data in ../shared/data", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    ddc()
    lcam()
    matched()
    for path in sorted(IMAGES.glob("restore_*")):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
