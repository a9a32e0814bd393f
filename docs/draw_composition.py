"""Draw the pictures of composition.md: `python docs/draw_composition.py`, from a seed."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from descent.compose.canvas import Card, Composer, TileInput, still
from descent.compose.chart import Bar, Lane, coverage_svg
from descent.compose.geometry import Slot
from descent.compose.instruments import Instruments, Texts, magnified
from descent.compose.layouts import LAYOUTS
from descent.compose.sheet import Thumb, sheet
from descent.model import Frame
from descent.simulate import landing

IMAGES = Path(__file__).parent / "images"
TITLES = {
    "puc1": "Parachute up-look camera", "rdc": "Rover down-look camera",
    "ddc": "Descent-stage down-look camera", "ruc": "Rover up-look camera",
}  # fmt: skip
CREDIT = "Pictures: synthetic landing · Processing: descent · CC0"
LOWERED = ("rover_lowered + 3s", "rover_lowered + 3.1s", "2021-02-18 20:43:35.4 UTC")
SHIELD = ("heat_shield + 4s", "heat_shield + 4.1s", "2021-02-18 20:41:17.3 UTC")


def frames(cameras: tuple[str, ...], moment: tuple[str, str, str]) -> dict[str, NDArray[Any]]:
    """One sharp picture of each camera of the synthetic landing, linear light."""
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        truth = landing(
            folder, scale=Fraction(1, 2), truth_frames=True, cameras=cameras,
            start=moment[0], end=moment[1],
        )  # fmt: skip
        for camera in cameras:
            first = sorted((truth.parent / "truth" / camera).glob("*.png"))[0]
            deep = cv2.imread(str(first), cv2.IMREAD_UNCHANGED)
            assert deep is not None
            light = deep[..., ::-1].astype(np.float32) / 65535
            # White by eye: what is white in the picture, where something is.
            over = (0, 1) if camera != "rdc" else None
            out[camera] = light / np.quantile(light, 0.997, axis=over).astype(np.float32)
    return out


def compose(
    name: str, layout_name: str, cameras: tuple[str, ...], pictures: dict[str, NDArray[Any]],
    size: tuple[int, int], *, clock: str, event: str, note: str = "", missing: str = "",
) -> None:  # fmt: skip
    """One composed picture as a PNG."""
    slots = [Slot(c, *pictures[c].shape[:2]) for c in cameras]
    layout = LAYOUTS[layout_name](slots, *size, "fit", 4)
    titles = {c: TITLES[c] for c in cameras}
    on = Instruments(layout, Texts(titles, clock, note, CREDIT, (event,)))
    inputs = {c: TileInput(c, Frame(pictures[c])) for c in cameras}
    marks = {t.camera: [magnified(t.magnification)] for t in layout.tiles if t.magnification > 1.5}
    if missing:
        card = Card(TITLES[missing], "no picture for 1.2 s", "next at 20:43:36.6 UTC")
        inputs[missing] = TileInput("missing", None, card)
    words = on.words(
        clock=clock, note=note, event=event, marks=marks, untitled=frozenset({missing})
    )
    write(name, still(Composer(layout).picture(inputs, words)))


def write(name: str, rgb: NDArray[Any]) -> None:
    """A PNG of a palette where that keeps it small."""
    from PIL import Image

    picture = Image.fromarray(rgb)
    picture.quantize(192, method=Image.Quantize.MEDIANCUT).save(IMAGES / name, optimize=True)


def main() -> None:
    """All pictures of the page."""
    IMAGES.mkdir(exist_ok=True)
    three, hd, late = ("ddc", "ruc", "rdc"), (540, 960), LOWERED[2]
    seen, early = frames(three, LOWERED), frames(("rdc", "puc1"), SHIELD)
    lowered = "The rover is lowered"
    compose("composition-main.png", "main", three, seen, hd, clock=late, event=lowered)
    compose(
        "composition-grid.png", "grid", three, seen, hd,
        clock=late, event=lowered, note="1/4 speed", missing="ruc",
    )  # fmt: skip
    compose(
        "composition-inset.png", "inset", ("rdc", "puc1"), early, hd,
        clock=SHIELD[2], event="Heat shield leaves", note="replay",
    )  # fmt: skip
    upright = (960, 540)
    compose("composition-vertical.png", "main", three, seen, upright, clock=late, event=lowered)
    thumbs = [Thumb(coded(seen[c]), (f"{c}_0001.png", "20:43:35.4 UTC")) for c in seen]
    write("composition-sheet.png", sheet(thumbs, across=4, width_px=1200, title="One of each"))
    lanes = [
        Lane(TITLES["puc1"], (Bar(-180, -150), Bar(-178, -156, "used")), "2,340 frames, 75/s"),
        Lane(TITLES["rdc"], (Bar(-156, 8), Bar(-156, -18, "used"), Bar(-70, -66, "gap"))),
        Lane(TITLES["ddc"], (Bar(-70, 2), Bar(-18, 2, "used")), "1,985 frames, 12/s"),
    ]
    events = [("heat shield leaves", -155), ("backshell leaves", -61), ("touchdown", 0)]
    text = coverage_svg(lanes, events, start_s=-185, end_s=12, title="What each camera covers")
    (IMAGES / "composition-coverage.svg").write_text(text, encoding="utf-8")


def coded(light: NDArray[Any]) -> NDArray[Any]:
    """Linear light as 8-bit BT.709."""
    from descent.tools.colour import linear_to_rgb

    return linear_to_rgb(light.astype(np.float32), "bt709")


if __name__ == "__main__":
    main()
