"""Stills: the restored frame itself, with its words in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.config import load
from descent.errors import FormatError
from descent.plan import Plan, make
from descent.prepare import Prepared, prepare
from descent.render.look import before_after, look, sharpness, spread, thumbs, unmeasured
from descent.render.stills import _marks, still
from descent.sources.stills import read_still
from descent.tools.pictures import Label, save

TITLE = 'Bars <and> "dunes" & Ω'
HEAD = f"""\
schema: 1
title: '{TITLE}'
credit: {{pictures: Nobody & Sons, processing: A. Maker, licence: CC-BY-4.0}}
epoch: 2021-02-18T20:43:00Z
events: {{contact: 2021-02-18T20:43:01Z}}
"""
CAMERAS = """\
cameras:
  plain: {files: plain/, times: {rate: 10, start: 2021-02-18T20:43:00Z}}
  odd: {files: odd/, times: {rate: 10, start: 2021-02-18T20:43:00Z}}
  raw:
    files: raw/
    times: {rate: 10, start: 2021-02-18T20:43:00Z}
    pattern: RGGB
    transfer: raw
    restore: {debayer: {}, colour: {gains: [1.2, 1.0, 1.4]}}
outputs:
  plain: {still: plain, at: contact - 0.5s, alt: A bar, caption: "Two\\nlines & <more>"}
  odd: {still: odd, at: contact - 0.5s}
  raw: {still: raw, at: contact - 0.46s}
  card: {still: {side_by_side: [plain, raw]}, at: contact - 0.46s, size: 320x180}
  clean: {still: {side_by_side: [plain, raw]}, at: contact - 0.5s, size: 320x180, text: none}
"""
Make = Callable[..., tuple[Plan, Prepared]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of three cameras and their config."""
    folder = tmp_path_factory.mktemp("stills")
    made = np.random.default_rng(5)
    for name, shape in (("plain", (72, 96, 3)), ("odd", (71, 95, 3)), ("raw", (72, 96))):
        (folder / name).mkdir()
        for k in range(6):
            smooth = cv2.GaussianBlur(made.integers(0, 256, shape, np.uint8), (0, 0), 3)
            frame = cv2.normalize(smooth, None, 20, 220, cv2.NORM_MINMAX)  # type: ignore[call-overload]
            cv2.imwrite(str(folder / name / f"{name}_{k}.png"), frame)
    (folder / "stills.yaml").write_text(HEAD + CAMERAS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def ready(folder: Path) -> tuple[Plan, Prepared]:
    """The plan of all stills, and what they need."""
    plan = make(load(folder / "stills.yaml"))
    return plan, prepare(plan, plan, folder / "store", workers=1)


def one(ready: tuple[Plan, Prepared], name: str, path: Path) -> dict[str, object]:
    """Make one still; its record."""
    plan, prepared = ready
    output = next(o for o in plan.outputs if o.name == name)
    return dict(still(plan, output, prepared.cast, path).record)


def stored(folder: Path, name: str, k: int) -> NDArray[Any]:
    """A frame as it is stored, RGB."""
    return read_still(folder / name / f"{name}_{k}.png").pixels


@pytest.mark.parametrize("name", ["plain", "odd"])
def test_without_stages_the_pixels_are_those_stored(
    ready: tuple[Plan, Prepared], folder: Path, tmp_path: Path, name: str
) -> None:
    """A camera without stages gives its decoded frame sample by sample, odd sizes too."""
    record = one(ready, name, tmp_path / "a.png")
    want = stored(folder, name, 5)
    assert np.array_equal(read_still(tmp_path / "a.png").pixels, want)
    assert (record["rows"], record["cols"], record["bits"]) == (*want.shape[:2], 8)
    one(ready, name, tmp_path / "a.tif")
    deep = read_still(tmp_path / "a.tif").pixels
    assert deep.dtype == np.uint16
    assert np.array_equal(deep, want.astype(np.uint16) * 257)


def test_restored_light_keeps_16_bits(ready: tuple[Plan, Prepared], tmp_path: Path) -> None:
    """A TIFF of a restored frame holds finer steps than the PNG, which is it rounded."""
    one(ready, "raw", tmp_path / "a.png")
    one(ready, "raw", tmp_path / "a.tif")
    coarse = read_still(tmp_path / "a.png").pixels.astype(int)
    fine = read_still(tmp_path / "a.tif").pixels
    assert fine.dtype == np.uint16
    assert len(np.unique(fine)) > 4 * len(np.unique(coarse))
    assert np.abs(fine / 257 - coarse).max() <= 0.51


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_the_words_lie_in_the_file(
    ready: tuple[Plan, Prepared], tmp_path: Path, suffix: str
) -> None:
    """Title, caption, alternative text, credit, licence and time are XMP that parses."""
    path = tmp_path / f"a{suffix}"
    one(ready, "plain", path)
    data = path.read_bytes()
    start, end = data.index(b"<x:xmpmeta"), data.index(b"</x:xmpmeta>") + 12
    packet = ElementTree.fromstring(data[start:end])  # noqa: S314 - written a line above
    words = {node.tag.split("}")[1]: "".join(node.itertext()) for node in packet[0][0]}
    assert words["title"] == TITLE
    assert words["description"] == "Two\nlines & <more>"
    assert words["AltTextAccessibility"] == "A bar"
    assert words["Credit"] == "Pictures: Nobody & Sons · Processing: A. Maker · CC-BY-4.0"
    assert words["UsageTerms"] == "CC-BY-4.0"
    assert words["DateTimeOriginal"] == "2021-02-18T20:43:00.500000Z"
    assert words["source"] == "plain_5.png"
    assert b"stills" not in data, "no folder of the maker's gets in"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_the_same_bytes_each_time(
    ready: tuple[Plan, Prepared], tmp_path: Path, suffix: str
) -> None:
    """Neither a date nor a name of the file is in it."""
    one(ready, "raw", tmp_path / f"a{suffix}")
    one(ready, "raw", tmp_path / f"b{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_a_card_shows_its_cameras_and_words(ready: tuple[Plan, Prepared], tmp_path: Path) -> None:
    """Several cameras are composed; words are drawn only where asked; colours stay."""
    plan, _ = ready
    one(ready, "card", tmp_path / "card.png")
    one(ready, "clean", tmp_path / "clean.png")
    card, clean = (read_still(tmp_path / f"{n}.png").pixels for n in ("card", "clean"))
    assert card.shape == clean.shape == (180, 320, 3)
    assert not np.array_equal(card, clean)
    output = next(o for o in plan.outputs if o.name == "clean")
    assert output.still is not None
    for tile in output.still.layout.tiles:
        dest = tile.dest
        seen = clean[dest.top : dest.bottom, dest.left : dest.right].mean((0, 1))
        one(ready, tile.camera, tmp_path / "alone.png")
        want = read_still(tmp_path / "alone.png").pixels.mean((0, 1))
        assert np.abs(seen - want).max() < 1.5, "a tile has the colours of its still"
    outside = clean[:4]
    assert outside.max() == 0


def test_a_frame_from_another_moment_is_marked(ready: tuple[Plan, Prepared]) -> None:
    """A frame 0.04 s off is not marked, one 0.5 s off is; so is magnification."""
    plan, _ = ready
    output = next(o for o in plan.outputs if o.name == "card")
    assert _marks(plan, output) == {"plain": ["×1.7"], "raw": ["×1.7"]}
    assert output.still is not None
    late = replace(output, still=replace(output.still, frames={"plain": 0, "raw": 5}))
    assert _marks(plan, late) == {"plain": ["0.5 s earlier", "×1.7"], "raw": ["×1.7"]}


def test_a_look_is_the_frame_after_a_stage(ready: tuple[Plan, Prepared], folder: Path) -> None:
    """The source of a mosaic is its counts, grey; the last stage is the still."""
    _, prepared = ready
    cast = prepared.cast["raw"]
    source, _ = look(cast, 5, "source")
    assert np.array_equal(source, stored(folder, "raw", 5))
    after, _ = look(cast, 5, "colour")
    assert after.shape == (72, 96, 3)
    both, before = before_after(cast, 5, "colour")
    assert before == "debayer"
    assert both.shape == (72, 2 * 96 + 8, 3)
    assert np.array_equal(both[:, -96:], after)
    with pytest.raises(FormatError, match="did you mean colour"):
        look(cast, 5, "color")
    with pytest.raises(FormatError, match="nothing comes before"):
        before_after(cast, 5, "source")


def test_thumbs_tell_file_time_and_sharpness(
    ready: tuple[Plan, Prepared], folder: Path, tmp_path: Path
) -> None:
    """Each has its file, its time and how sharp it is; a broken file is said to be broken."""
    plan, _ = ready
    made = thumbs(plan.cameras["raw"], [0, 3], plan.clocks)
    assert [t.lines[0] for t in made] == ["raw_0.png", "raw_3.png"]
    assert made[1].lines[1] == "20:43:00.300 UTC"
    assert made[1].lines[2].startswith("sharpness ")
    broken = tmp_path / "raw_0.png"
    broken.write_bytes((folder / "raw" / "raw_0.png").read_bytes()[:2000])
    camera = plan.cameras["raw"]
    shots = (replace(camera.shots[0], path=broken), *camera.shots[1:])
    (thumb,) = thumbs(replace(camera, shots=shots), [0], plan.clocks)
    assert thumb.mark == "damaged"
    assert thumb.picture is None
    assert unmeasured(camera).measured == {}


def test_blur_is_less_sharp() -> None:
    """Sharpness falls with blur and does not change with brightness."""
    picture = np.random.default_rng(1).integers(0, 200, (64, 64), np.uint8)
    blurred = cv2.GaussianBlur(picture, (0, 0), 2)
    assert sharpness(blurred) < sharpness(picture) / 2
    assert sharpness(picture // 2) == pytest.approx(sharpness(picture), rel=0.03)


def test_frames_are_spread_from_first_to_last() -> None:
    """A count reaches both ends; a step keeps to it; more than there are gives all."""
    assert spread(100, wanted=3) == [0, 50, 99] or spread(100, wanted=3) == [0, 49, 99]
    assert spread(10, every=4) == [0, 4, 8]
    assert spread(3, wanted=9) == [0, 1, 2]
    assert spread(5, wanted=1) == [0]


def test_words_that_no_file_can_hold_are_refused() -> None:
    """Control characters and endless captions are errors, not broken files."""
    with pytest.raises(FormatError, match="no file can carry"):
        Label(title="a\x07b").xmp()
    with pytest.raises(FormatError, match="shorten"):
        Label(caption="x" * 70_000).xmp()


def test_depths_that_a_format_lacks_are_refused(tmp_path: Path) -> None:
    """16 bits go into TIFF alone."""
    with pytest.raises(FormatError, match=r"write \.tif"):
        save(tmp_path / "a.png", np.zeros((4, 4), np.uint16), "png")
