"""Field: what a camera does to every frame goes, what the scene does stays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from descent.clip import Clip
from descent.config.models import Camera
from descent.errors import FormatError, HostileInput
from descent.model import REPAIRED, Format, Frame
from descent.plan.cameras import plan_stages
from descent.plan.records import StagePlan
from descent.restore.field import STAGE, Field

Picture = NDArray[np.float32]
GREY = Format(240, 320, "grey", "float32", None, "linear", 1.0)


def ground(rows: int = 700, cols: int = 800) -> Picture:
    """Ground with detail at all scales, 0.1 to 0.7."""
    rng = np.random.default_rng(5)
    out = np.zeros((rows, cols), np.float32)
    for octave in range(7):
        layer = rng.standard_normal((4 << octave, 5 << octave)).astype(np.float32)
        out += cv2.resize(layer, (cols, rows), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return np.asarray(np.clip(0.4 + 0.07 * out, 0.1, 0.7), np.float32)


def flight(count: int = 18) -> list[Picture]:
    """Views (240, 320) that wander over the ground, changing direction, with noise."""
    whole, rng = ground(), np.random.default_rng(8)
    frames = []
    for k in range(count):
        y, x = int(180 + 150 * np.sin(0.37 * k)), int(220 + 190 * np.cos(0.23 * k))
        view = whole[y : y + 240, x : x + 320]
        frames.append(np.asarray(view + rng.normal(0, 0.003, view.shape), np.float32))
    return frames


def lens() -> Picture:
    """A vignette that takes a third of the corners' light, off centre."""
    y, x = np.mgrid[:240, :320].astype(np.float32)
    far = ((x - 170) ** 2 + (y - 110) ** 2) / (160**2 + 120**2)
    return np.asarray(1 - 0.33 * far, np.float32)


def clip_of(frames: list[Picture]) -> Clip:
    """A linear clip of those frames."""

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(frames[k]) for k in indices)

    return Clip([Fraction(k) for k in range(len(frames))], GREY, lambda _: frozenset(), pull)


def measured(frames: list[Picture], params: Field | None = None) -> dict[str, object]:
    """What the stage finds in those frames."""
    assert STAGE.measure is not None
    numbers = dict(STAGE.measure(clip_of(frames), params or Field()))
    json.dumps(numbers)  # plain numbers, or it cannot become a file
    return numbers


def restored(frame: Picture, numbers: dict[str, object], params: Field | None = None) -> Frame:
    """A frame after the stage."""
    return STAGE.apply([Frame(frame)], 0, params or Field(), numbers, 0, GREY)


def test_the_vignette_goes() -> None:
    """A third of the light lost in the corners comes back to 2.5 % of the true ground."""
    views = flight()
    numbers = measured([v * lens() for v in views])
    assert numbers["pattern"]
    made = np.asarray(restored(views[7] * lens(), numbers).pixels)
    ratio = cv2.blur(made, (31, 31)) / cv2.blur(views[7], (31, 31))
    assert float(np.std(ratio / ratio.mean())) < 0.025
    before = cv2.blur(views[7] * lens(), (31, 31)) / cv2.blur(views[7], (31, 31))
    assert float(np.std(before / before.mean())) > 0.06


def test_where_there_is_none_nothing_is_divided() -> None:
    """A clean lens stays clean, within 1 %."""
    views = flight()
    made = np.asarray(restored(views[7], measured(views)).pixels)
    assert float(np.abs(made / views[7] - 1).max()) < 0.01


def test_light_of_the_scene_is_not_learnt() -> None:
    """Brightness that leans one way in the first half and another in the second is real."""
    x = np.exp(np.linspace(-0.4, 0.4, 320, dtype=np.float32))
    views = [v * (x if k < 9 else x[::-1]) for k, v in enumerate(flight())]
    assert measured(views, Field(marks="none"))["pattern"] == []


def test_a_scene_that_stands_tells_nothing() -> None:
    """Without motion lens and scene cannot be told apart, and nothing is done."""
    still = flight(1)[0] * lens()
    numbers = measured([still] * 16)
    assert numbers["pattern"] == []
    assert numbers["marks"] == []
    np.testing.assert_array_equal(np.asarray(restored(still, numbers).pixels), still)


def test_dust_is_found_divided_and_flagged() -> None:
    """Two soft specks are where they were put, fade to a third, and are flagged `REPAIRED`."""
    y, x = np.mgrid[:240, :320].astype(np.float32)
    veil = np.ones((240, 320), np.float32)
    for row, col, depth in ((60, 90, 0.2), (170, 240, 0.12)):
        veil -= depth * np.exp(-((y - row) ** 2 + (x - col) ** 2) / (2 * 3.5**2))
    views = flight(60)
    numbers = measured([v * veil for v in views], Field(vignette="none"))
    assert len(numbers["marks"]) == 2  # type: ignore[arg-type]
    made = restored(views[3] * veil, numbers, Field(vignette="none"))
    for row, col in ((60, 90), (170, 240)):
        spot = (slice(row - 3, row + 4), slice(col - 3, col + 4))
        error = float(np.asarray(made.pixels)[spot].mean() / views[3][spot].mean() - 1)
        assert abs(error) < 0.05
        assert made.flags is not None
        assert (made.flags[spot] & REPAIRED).all()
    assert made.flags is not None
    assert (made.flags > 0).mean() < 0.02


def test_a_part_of_the_craft_is_no_mark() -> None:
    """A thing that stands in the picture and lets nothing through is left as it is."""
    views = [v.copy() for v in flight(40)]
    for view in views:
        view[100:112, 150:164] = 0.25
    assert measured(views, Field(vignette="none"))["marks"] == []


@pytest.mark.parametrize("kind", ["grey", "mosaic", "rgb"])
def test_a_flat_from_a_file(tmp_path: Path, kind: str) -> None:
    """A calibration picture is divided out, each colour by its own mean."""
    shade = lens() if kind != "rgb" else np.repeat(lens()[..., None], 3, axis=2)
    tint = np.ones_like(shade)
    if kind == "rgb":
        tint *= np.array([0.9, 0.7, 0.4], np.float32)
    elif kind == "mosaic":
        tint[::2, ::2], tint[1::2, 1::2] = 0.8, 0.4
    path = tmp_path / "flat.png"
    codes = np.rint(shade * tint * 60000).astype(np.uint16)
    cv2.imwrite(str(path), codes if kind != "rgb" else codes[..., ::-1])
    cfa = "RGGB" if kind == "mosaic" else None
    form = Format(240, 320, kind, "float32", cfa, "linear", 1.0)  # type: ignore[arg-type]
    frame = Frame(np.asarray(0.4 * shade, np.float32))
    made = np.asarray(STAGE.apply([frame], 0, Field(flat=str(path)), None, 0, form).pixels)
    assert float(np.ptp(made)) < 1e-3


def test_a_flat_of_another_size_is_refused(tmp_path: Path) -> None:
    """The error names the file and both sizes; one that is no picture is refused too."""
    path = tmp_path / "flat.png"
    cv2.imwrite(str(path), np.full((10, 12), 200, np.uint8))
    with pytest.raises(FormatError, match="12 x 10"):
        STAGE.apply([Frame(flight(1)[0])], 0, Field(flat=str(path)), None, 0, GREY)
    with pytest.raises(FormatError, match="no picture"):
        STAGE.apply([Frame(flight(1)[0])], 0, Field(flat=str(tmp_path)), None, 0, GREY)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_films_stay(value: float) -> None:
    """Black, constant and white films come back as they were."""
    frame = np.full((240, 320), value, np.float32)
    np.testing.assert_array_equal(np.asarray(restored(frame, measured([frame] * 14)).pixels), frame)


def test_an_empty_clip_measures_nothing() -> None:
    """No frames, no pattern, no crash."""
    assert measured([])["pattern"] == []


def test_a_flat_is_read_from_the_release_only(tmp_path: Path) -> None:
    """The plan writes its name and digest; one from outside or replaced is refused."""
    release = tmp_path / "release"
    release.mkdir()
    for place in (release, tmp_path):
        cv2.imwrite(str(place / "flat.png"), np.full((240, 320), 200, np.uint8))

    def planned(flat: str) -> StagePlan:
        camera = Camera.model_validate({"files": "x", "restore": {"field": {"flat": flat}}})
        config: Any = None
        return plan_stages("up", camera, config, GREY, (), release)[0][0]

    plan = planned("flat.png")
    assert plan.params["flat"] == "flat.png"
    params = {**plan.params, **plan.paths}
    assert params["flat"] == str((release / "flat.png").resolve())
    with pytest.raises(HostileInput):
        planned("../flat.png")
    with pytest.raises(FormatError, match="calibration"):
        planned("none.png")
    cv2.imwrite(str(release / "flat.png"), np.full((240, 320), 190, np.uint8))
    with pytest.raises(FormatError, match="changed"):
        STAGE.apply([Frame(flight(1)[0])], 0, Field.model_validate(params), None, 0, GREY)
