"""Every shipped config and both examples, loaded, planned and rendered small."""

from __future__ import annotations

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from . import standins
from .conftest import command, contents, manifest, render
from .numbered import mars_name, write_png
from .standins import SHIELD, TOUCHDOWN

ROOT = Path(__file__).resolve().parents[2]
RELEASES = ROOT / "configs" / "releases"
EXAMPLES = ROOT / "tests" / "config" / "examples"
SMALL = {
    "demo": ("landing", "side_by_side"),
    "lcam": ("lcam_4k", "raw_and_restored"),
    "multicam": ("grid",),
    "perseverance": ("landing_4k", "side_by_side", "clean"),
    "rocket": ("film_hd", "phone"),
    "sneak_peek": (),
}
LONG = dict.fromkeys(
    ("landing", "landing_4k", "side_by_side", "clean"), 3
)  # frames a second instead
SIZES = {"phone": "180x320"}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated cameras, and the lander's under the archive's names."""
    folder = standins.simulated(tmp_path_factory.mktemp("landing") / "frames")
    standins.lcam(folder / "lcam", [SHIELD + 2 * k for k in range(40)], archive=True)
    return folder


def small(*outputs: str) -> list[str]:
    """What makes outputs small."""
    words = []
    for name in outputs:
        words += ["--set", f"outputs.{name}.size={SIZES.get(name, '320x180')}"]
        if name in LONG:
            words += ["--set", f"outputs.{name}.rate={LONG[name]}"]
    return words


def rendered(config: Path, out: Path, *words: object) -> dict[str, object]:
    """A config checked, planned, rendered and verified; returns the manifest."""
    chosen = [w for w in words if w != "--range" and ".." not in str(w)]
    assert command("check", config, *chosen).code == 0
    plan = command("plan", config, *words)
    assert plan.code == 0, plan.data
    made = render(config, out, *words)
    assert made.code == 0, (made.data.get("error"), made.said)
    checked = command("verify", out)
    assert checked.code == 0, checked.data
    body = manifest(out)
    assert set(plan.data["outputs"]) == set(body["outputs"])
    for name, output in body["outputs"].items():
        assert output["frames"] == plan.data["outputs"][name]["ticks"]
    return body


def states(body: dict[str, object], output: str, camera: str) -> set[str]:
    """The states that a camera has in an output."""
    records = body["outputs"][output]["records"]  # type: ignore[index]
    return {r["show"][camera][0] for r in records if camera in r["show"]}


def test_every_config_is_here() -> None:
    """A config that is added is rendered by this module, too."""
    assert {path.stem for path in RELEASES.glob("*.yaml")} == set(SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo", "perseverance"])
def test_landing_configs(landing: Path, tmp_path: Path, name: str) -> None:
    """The landing from simulated frames, by the archive's names; one worker and two agree."""
    words = ["--set", f"folder={landing}", *small(*SMALL[name])]
    body = rendered(RELEASES / f"{name}.yaml", tmp_path / "out", *words)
    film = SMALL[name][0]
    assert "exposed" in states(body, film, "hover")
    assert "exposed" in states(body, film, "chute")
    assert "missing" in states(body, film, "ground")
    if name == "demo":  # restored, measured, composed and joined
        alone = tmp_path / "alone" / "out"
        assert render(RELEASES / "demo.yaml", alone, *words, workers=2).code == 0
        assert contents(alone) == contents(tmp_path / "out")


@pytest.mark.slow
def test_the_first_example(landing: Path, tmp_path: Path) -> None:
    """The landing as the design writes it: clips and folders, a table, sound, skipped frames."""
    folder = tmp_path / "mars"
    folder.mkdir()
    for name in ("ddc", "ruc"):
        (folder / name).symlink_to(landing / name, target_is_directory=True)
    for k in range(36):
        name = mars_name("ED", TOUCHDOWN - 1 + Fraction(k, 30), k)
        write_png(folder / "rdc_lossless" / name, 2, k, colour=True)
    sclk = "0666952760_070"
    standins.clip(folder / "puc1" / f"EAF_0000_{sclk}ECV_N0000000EDLC00000_0000LUJ01.mp4", 60, 75)
    sclk = f"{int(TOUCHDOWN) - 2:010d}_000"
    standins.clip(folder / "rdc" / f"EDF_0000_{sclk}ECV_N0000000EDLC00000_0000LUJ01.mp4", 30, 30)
    standins.lcam(folder / "lcam", [SHIELD + 3 * k for k in range(12)])
    (folder / "lcam" / "frames.csv").rename(folder / "frames.csv")
    with wave.open(str(folder / "control_room.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 60 * 8))
    words = ["--set", f"folder={folder}", *small("landing_4k", "side_by_side", "clean")]
    body = rendered(EXAMPLES / "perseverance.yaml", tmp_path / "out", *words)
    for camera in ("chute", "ground", "lander", "hover", "up"):
        assert "exposed" in states(body, "landing_4k", camera)
    assert body["outputs"]["landing_4k"]["sound"] is True  # type: ignore[index]


@pytest.mark.slow
def test_the_second_example(tmp_path: Path) -> None:
    """A rocket from three cameras without UTC: chapters, marks, a camera's own sound."""
    folder = tmp_path / "flight"
    standins.clip(folder / "pad" / "GX010119.MP4", 300, 5, sound=True)
    standins.clip(folder / "pad" / "GX020119.MP4", 410, 5, sound=True)
    standins.clip(folder / "onboard" / "GX010007.MP4", 600, 5)
    standins.clip(folder / "drone" / "DJI_0042.MP4", 900, 5)
    words = ["--set", f"folder={folder}", "--set", "outputs.film_4k.size=320x180",
             "--set", "outputs.phone.size=180x320", "--set", "outputs.film_4k.rate=10",
             "--set", "outputs.phone.rate=10"]  # fmt: skip
    body = rendered(EXAMPLES / "rocket.yaml", tmp_path / "out", *words)
    for camera in ("pad", "onboard", "drone"):
        assert states(body, "film_4k", camera) >= {"exposed"}
    assert body["outputs"]["film_4k"]["sound"] is True  # type: ignore[index]
    # 5 s, then 3.9 s four times as slow, 14.3 s and 11 s.
    assert body["outputs"]["film_4k"]["frames"] == 50 + 156 + 143 + 110  # type: ignore[index]


def lcam_stand_in(folder: Path) -> None:
    """87 frames as the lander's came: every 3.4 s, then about one a second."""
    times = [Fraction("666952774")]
    while len(times) < 87:
        times.append(times[-1] + Fraction(34 if len(times) < 20 else 11, 10))
    standins.lcam(folder, times)


def clips_stand_in(folder: Path) -> None:
    """Four clips of 100 frames, tall as a telephone's."""
    for k in range(4):
        standins.clip(folder / f"cam{k + 1:02d}.mp4", 100, 60, size=(96, 64))


def stills_stand_in(folder: Path) -> None:
    """Three stills."""
    standins.stills(folder)


REAL: dict[str, tuple[str, Callable[[Path], None]]] = {
    "lcam": ("lcam", lcam_stand_in),
    "multicam": ("multicam", clips_stand_in),
    "rocket": ("multicam", clips_stand_in),
    "sneak_peek": ("edl_stills", stills_stand_in),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_configs_of_real_material_on_stand_ins(tmp_path: Path, name: str) -> None:
    """Each works on made-up files of the names that it expects."""
    folder, make = tmp_path / "in", REAL[name][1]
    make(folder)
    words = ["--set", f"folder={folder}", *small(*SMALL[name])]
    for output in SMALL[name]:
        if name == "lcam":
            words += ["--set", f"outputs.{output}.rate=2"]
    if name == "sneak_peek":
        words += ["--set", "outputs.card.size=640x360"]
    rendered(RELEASES / f"{name}.yaml", tmp_path / "out", *words)


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_configs_of_real_material(shared_data: Path, tmp_path: Path, name: str) -> None:
    """Each works on the real files, a short stretch of it."""
    words = ["--set", f"folder={shared_data / REAL[name][0]}", *small(*SMALL[name])]
    if name == "lcam":
        words += ["--range", "touchdown - 12s..touchdown - 11s"]
    if name == "rocket":
        words += ["--range", "kick - 0.1s..kick + 0.1s"]
    if name == "multicam":
        words += ["--range", "start..start + 0.3s"]
    body = rendered(RELEASES / f"{name}.yaml", tmp_path / "out", *words)
    assert body["outputs"]
