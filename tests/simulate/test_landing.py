"""The synthetic landing as files: bytes, names, stamps, headers, and what is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from descent.errors import DescentError, TimeUnknown
from descent.simulate import EVENTS, landing
from descent.simulate.landing import Windows
from descent.sources.names import parse

SPANS: Windows = {
    "puc1": [("canopy_full + 1s", "canopy_full + 1.1s")],
    "ddc": [("touchdown - 6s", "touchdown - 5.4s")],
    "ruc": [("touchdown - 6s", "touchdown - 5.8s")],
    "rdc": [("heat_shield + 1s", "heat_shield + 1.2s"), (860, 860.2)],
}
SMALL = Fraction(1, 16)


def truth_of(path: Path) -> dict[str, Any]:
    """truth.json, read."""
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    found = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few frames of each camera under archive names, with sharp ones."""
    folder = tmp_path_factory.mktemp("landing")
    landing(folder, scale=SMALL, windows=SPANS, truth_frames=True)
    return folder


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by the preset of least disturbances, named as the public feed does."""
    folder = tmp_path_factory.mktemp("flight")
    landing(folder, scale=SMALL, windows=SPANS, flight=True, names="public_feed")
    return folder


def test_same_seed_same_bytes(made: Path, tmp_path: Path) -> None:
    """A seed gives the same bytes with two workers as with one; another seed others."""
    landing(tmp_path / "two", scale=SMALL, windows=SPANS, truth_frames=True, workers=2)
    assert files_of(tmp_path / "two") == files_of(made)
    landing(tmp_path / "other", scale=SMALL, windows={"rdc": SPANS["rdc"]}, seed=2)
    assert not set(files_of(tmp_path / "other").values()) & set(files_of(made).values())


def test_models_built_twice_are_drawn_alike(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that build a model at the same time draw what one that is kept draws, ropes too."""
    for name in ("scene.rover", "stage.stage"):
        model = import_module("descent.simulate." + name.split(".")[0])
        kept = getattr(model, name.split(".")[1])
        monkeypatch.setattr(model, kept.__name__, kept.__wrapped__)
    windows = {name: SPANS[name] for name in ("ddc", "ruc")}
    landing(tmp_path / "anew", scale=SMALL, windows=windows)
    anew = {k: v for k, v in files_of(tmp_path / "anew").items() if k.endswith(".png")}
    assert len(anew) > 8
    assert anew.items() <= files_of(made).items()


def test_names_carry_the_stamp_of_the_camera_clock(made: Path) -> None:
    """An archive name is a full Mars 2020 name whose time is what the camera's clock read."""
    truth = truth_of(made / "truth.json")
    for camera in truth["cameras"].values():
        clock = camera["clock"]
        for frame in camera["frames"]:
            name = parse(Path(frame["file"]).name)
            assert name is not None
            assert name.complete
            assert (name.sol, name.instrument) == (0, camera["instrument"])
            assert name.frame_number == frame["frame"]
            assert name.sclk == Fraction(frame["stamp"])
            since = frame["start_s"] - clock["zero_s"]
            reads = frame["start_s"] + clock["offset_s"] + clock["drift_ppm"] * 1e-6 * since
            off = float(Fraction(frame["stamp"]) - truth["sclk_zero_s"]) - reads
            assert abs(off) <= 3 * clock["jitter_s"] + 0.0005 + 1e-6


def test_feed_names_carry_the_time_of_the_product(flown: Path) -> None:
    """A public feed name tells of days after the landing and not which frame it is."""
    for camera in truth_of(flown / "truth.json")["cameras"].values():
        names = [parse(Path(f["file"]).name) for f in camera["frames"]]
        assert all(n is not None and 1 <= n.sol <= 4 for n in names)
        assert len({n.sclk for n in names if n is not None}) == len(names)
        assert len({n.frame_number for n in names if n is not None}) == 1
        for name in names:
            assert name is not None
            assert name.sclk is not None
            assert name.sclk > 666952000 + 3600


def test_plain_names_hold_the_frame_number(tmp_path: Path) -> None:
    """Plain names are the camera and the frame number, no time."""
    spans: Windows = {"rdc": [(860, 860.1)]}
    truth = truth_of(landing(tmp_path, scale=SMALL, windows=spans, names="plain"))
    for frame in truth["cameras"]["rdc"]["frames"]:
        assert frame["file"] == f"rdc/rdc_{frame['frame']:06}.png"


def test_header_pixels_count_frames(made: Path) -> None:
    """The first 48 pixels of row 0 are twelve big-endian words with the frame's number."""
    for camera in truth_of(made / "truth.json")["cameras"].values():
        for frame in camera["frames"]:
            picture = cv2.imread(str(made / frame["file"]), cv2.IMREAD_UNCHANGED)
            assert picture is not None
            assert picture.shape == (camera["rows"], camera["cols"])
            assert picture.dtype == np.uint8
            words = picture[0, :48].view(">u4")
            assert words[6] == frame["frame"]
            assert picture[0, [4, 8, 12, 16, 20, 28]].tolist() == [130, 130, 128, 130, 128, 131]


def test_stretch_is_the_one_told(flown: Path) -> None:
    """Flight frames are stretched one by one, their codes those of gain and offset told."""
    gains = set()
    for camera in truth_of(flown / "truth.json")["cameras"].values():
        for frame in camera["frames"]:
            gain, offset = frame["stretch"]["gain"], frame["stretch"]["offset"]
            gains.add(gain)
            picture = cv2.imread(str(flown / frame["file"]), cv2.IMREAD_UNCHANGED)
            assert picture is not None
            codes = np.clip(np.floor((np.arange(256) - offset) * gain + 0.5), 0, 254)
            assert set(np.unique(picture)) <= set(codes.astype(int).tolist())
    assert len(gains) > 5


def test_sharp_frames_are_what_was_blurred(made: Path) -> None:
    """Each sharp frame is the scene in camera counts: the raw frame's means agree with it."""
    for camera in truth_of(made / "truth.json")["cameras"].values():
        for frame in camera["frames"][:2]:
            raw = cv2.imread(str(made / frame["file"]), cv2.IMREAD_UNCHANGED)
            still = cv2.imread(str(made / "truth" / frame["file"]), cv2.IMREAD_UNCHANGED)
            assert raw is not None
            assert still is not None
            assert still.dtype == np.uint16
            for plane, (y, x) in ((2, (0, 0)), (1, (0, 1)), (0, (1, 1))):
                mean = float(raw[2:][y::2, x::2].mean())
                assert mean == pytest.approx(float(still[2:, :, plane].mean()) / 257, abs=2.0)


def test_pairs_tell_what_ties_them(made: Path) -> None:
    """What two cameras can both observe follows the flight: ground, then each other."""
    truth = truth_of(made / "truth.json")
    ties = {(tuple(p["cameras"]), p["observable"]) for p in truth["pairs"]}
    assert (("ruc", "ddc"), "mutual_motion") in ties
    assert all(low < high for low, high in ((p["from_s"], p["to_s"]) for p in truth["pairs"]))
    assert truth["events"]["touchdown"] == EVENTS["touchdown"] == 937.701


def test_other_frames_are_not_mixed_in(tmp_path: Path) -> None:
    """A folder with frames of another landing is refused, and stays as it was."""
    spans: Windows = {"rdc": [(860, 860.1)]}
    landing(tmp_path, scale=SMALL, windows=spans)
    before = files_of(tmp_path)
    with pytest.raises(DescentError, match="does not make"):
        landing(tmp_path, scale=SMALL, windows=spans, names="plain")
    assert files_of(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "kind", "hint"),
    [
        ({"cameras": ("rdx",)}, DescentError, "rdc"),
        ({"start": "touchdwn - 2s"}, TimeUnknown, "touchdown"),
        ({"scale": 5}, DescentError, "1/64 to 2"),
        ({"scale": "half"}, DescentError, "1/64 to 2"),
        ({"start": "touchdown + 900s"}, DescentError, "choose from"),
    ],
)
def test_refusals_say_what_to_write(
    tmp_path: Path, words: dict[str, Any], kind: type[DescentError], hint: str
) -> None:
    """An unknown camera, time or size is refused with the cure, before anything is written."""
    with pytest.raises(kind) as caught:
        landing(tmp_path, **{"scale": SMALL, **words})
    assert hint in str(caught.value)
    assert not list(tmp_path.iterdir())
