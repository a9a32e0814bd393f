"""What the commands that need no film print, to people and to programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from descent.cli import descent
from descent.cli.doctor import Item, examine
from descent.config import schema
from descent.stages import STAGES


def cli(*words: object) -> Result:
    """Run one command line."""
    return CliRunner().invoke(descent, [str(word) for word in words])


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small synthetic landing, made by the command itself."""
    folder = tmp_path_factory.mktemp("landing") / "frames"
    words = ["--scale", "1/16", "--every", "40", "--workers", "1", "--json"]
    made = cli("simulate", folder, *words)
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert Path(told["truth"]).is_file()
    assert {name: len(list((folder / name).glob("*.png"))) for name in told["frames"]} == told[
        "frames"
    ]
    assert json.loads(made.stderr.splitlines()[-1])["event"] == "done"
    return folder


def test_simulate_takes_a_range_and_cameras(tmp_path: Path) -> None:
    """A stretch of one camera is made, and nothing else."""
    span = "touchdown - 1s..touchdown"
    words = ["--scale", "1/16", "--every", "4", "--workers", "1", "--quiet"]
    made = cli("simulate", tmp_path / "f", "--camera", "ddc", "--range", span, *words)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith(f"Frames in {tmp_path / 'f'}: ddc 3. The truth is in ")
    assert not made.stderr


def test_simulate_refuses_what_is_not_there(tmp_path: Path) -> None:
    """A camera that does not exist is answered with those that do."""
    refused = cli("simulate", tmp_path / "f", "--camera", "dcc")
    assert refused.exit_code == 1
    assert "ddc" in refused.stderr


def test_check_says_that_nothing_is_wrong(frames: Path, root: Path) -> None:
    """A whole config is summed up in a line, and as data with every file it read."""
    config = root / "configs" / "releases" / "demo.yaml"
    words = [config, "--set", f"folder={frames}"]
    text = cli("check", *words)
    assert text.exit_code == 0, text.output
    assert "nothing is wrong with it: 4 cameras, 2 cuts, 3 outputs." in text.stdout
    data = json.loads(cli("check", *words, "--json").stdout)
    assert data["problems"] == []
    assert data["files"][0] == str(config)


def test_check_prints_every_default(tmp_path: Path, frames: Path, root: Path) -> None:
    """The config with its defaults written out is itself a config, and says the same."""
    config = root / "configs" / "releases" / "demo.yaml"
    whole = cli("check", config, "--set", f"folder={frames}", "--defaults")
    assert whole.exit_code == 0, whole.output
    again = tmp_path / "whole.yaml"
    again.write_text(whole.stdout, encoding="utf-8")
    assert cli("check", again, "--defaults").stdout == whole.stdout


def test_check_says_all_problems_at_their_places(tmp_path: Path) -> None:
    """Exit code 2, a line for each problem with file, line and column, and their number."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("schema: 1\ntitel: A landing\ncameras: {}\n", encoding="utf-8")
    told = cli("check", bad)
    assert told.exit_code == 2
    assert f"{bad}:2:1: titel: " in told.stderr
    assert "title" in told.stderr
    assert told.stderr.splitlines()[-1].endswith("problems.")
    problems = json.loads(cli("check", bad, "--json").stdout)["error"]["problems"]
    assert len(problems) == len(told.stderr.splitlines()) - 1


def test_check_needs_a_file(tmp_path: Path) -> None:
    """A config that is not there is a wrong command line."""
    assert cli("check", tmp_path / "none.yaml").exit_code == 2


@pytest.mark.parametrize("kind", ["release", "camera", "events"])
def test_schema_prints_what_the_models_say(kind: str, tmp_path: Path) -> None:
    """To stdout or to a file: the schema of each kind of file."""
    printed = cli("schema", "--of", kind)
    assert json.loads(printed.stdout) == schema(kind)  # type: ignore[arg-type]
    assert cli("schema", "--of", kind, "--out", tmp_path / "s.json").exit_code == 0
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == schema(kind)  # type: ignore[arg-type]


def test_stages_shows_the_table() -> None:
    """Every stage in its order, each parameter with its default and what it does."""
    shown = json.loads(cli("stages", "--json").stdout)
    assert [stage["name"] for stage in shown] == list(STAGES)
    untold = [
        f"{stage['name']}.{param['name']}"
        for stage in shown
        for param in stage["params"]
        if not param["about"]
    ]
    assert not untold, "a parameter without a description"
    text = cli("stages", "debayer").stdout
    assert text.startswith("debayer@")
    assert "levels" not in text.split()[0]
    wrong = cli("stages", "colur")
    assert wrong.exit_code == 2
    assert "did you mean colour?" in wrong.stderr


def test_doctor_finds_this_installation_fit() -> None:
    """Where the tests run, nothing is missing; every group is looked at."""
    told = cli("doctor", "--json")
    data = json.loads(told.stdout)
    assert data["fit"], [item for item in data["items"] if item["state"] == "lack"]
    assert told.exit_code == 0
    groups = {"python", "packages", "extras", "encoders", "ffmpeg", "fonts", "configs", "machine"}
    assert {item["group"] for item in data["items"]} == groups
    assert cli("doctor").stdout.endswith("Nothing that a render needs is missing.\n")


def test_doctor_names_the_cure_for_each_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that does not import is a lack with its cure, and the exit code says so."""

    def absent(name: str) -> object:
        raise ImportError("libGL.so.1: cannot open shared object file", name=name)

    monkeypatch.setattr("descent.cli.doctor.import_module", absent)
    items = {item.name: item for item in examine() if item.group == "packages"}
    assert items["opencv-python"].state == "lack"
    assert "headless" in items["opencv-python"].do
    assert "make setup" in items["scipy"].do
    told = cli("doctor")
    assert told.exit_code == 1
    assert "missing that a render needs." in told.stdout


def test_doctor_survives_its_own_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that fails is reported as such, and the others go on."""

    def fail() -> list[Item]:
        raise OSError("no such device")

    monkeypatch.setattr("descent.cli.doctor._fonts", fail)
    items = list(examine())
    assert [item.name for item in items if item.state == "lack"] == ["fail"]
    assert "machine" in {item.group for item in items}


@pytest.fixture
def worked(tmp_path: Path) -> Path:
    """A folder in which a render left chunks beside its film."""
    for name in ("film.mp4", ".descent/chunks/ab.mp4", ".descent/digests.json", "sub/.descent/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 1000)
    return tmp_path


def test_clean_removes_what_a_render_can_make_again(worked: Path) -> None:
    """Chunks go, films stay; a dry run touches nothing; twice is no error."""
    dry = json.loads(cli("clean", worked, "--dry-run", "--json").stdout)
    assert not dry["removed"]
    assert sorted(folder["bytes"] for folder in dry["folders"]) == [1000, 2000]
    assert (worked / ".descent").is_dir()
    assert cli("clean", worked).stdout.count("Removed") == 2
    assert sorted(path.name for path in worked.iterdir()) == ["film.mp4", "sub"]
    assert "nothing to remove" in cli("clean", worked).stdout


def test_clean_does_not_follow_links(
    worked: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link to another folder leads to nothing being removed there."""
    other = tmp_path_factory.mktemp("other")
    (worked / "link").symlink_to(worked / "sub", target_is_directory=True)
    (other / "link").symlink_to(worked, target_is_directory=True)
    assert "nothing to remove" in cli("clean", other).stdout
    assert (worked / ".descent").is_dir()
