"""The commands that come after a render, and those that look at single frames."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from descent.cli import descent
from descent.sources.stills import read_still

CONFIG = """\
schema: 1
title: Bars
credit: Nobody, CC0-1.0
epoch: 2021-02-18T20:43:00Z
events: {contact: 2021-02-18T20:43:01Z}
cameras:
  bar:
    files: bar/
    times: {rate: 10, start: 2021-02-18T20:43:00Z}
    pattern: RGGB
    transfer: raw
    restore: {deflicker: {}, debayer: {}}
cuts:
  all: [{from: contact - 1s, to: contact - 0.2s, show: {full: bar}}]
outputs:
  film: {cut: all, size: 160x120, rate: 10, text: none}
"""


def cli(*words: object) -> Result:
    """Run one command line."""
    return CliRunner().invoke(descent, [str(word) for word in words])


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, its frames and its release."""
    folder = tmp_path_factory.mktemp("after")
    (folder / "bar").mkdir()
    made = np.random.default_rng(7)
    ground = cv2.GaussianBlur(made.integers(0, 256, (120, 160), np.uint8), (0, 0), 2)
    ground = cv2.normalize(ground, None, 30, 200, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    for k in range(10):
        cv2.imwrite(str(folder / "bar" / f"bar_{k}.png"), np.roll(ground, 2 * k, axis=1))
    (folder / "bars.yaml").write_text(CONFIG, encoding="utf-8")
    words = ["--out", folder / "out" / "bars", "--workers", 1, "--quiet"]
    made_release = cli("render", folder / "bars.yaml", *words)
    assert made_release.exit_code == 0, made_release.output
    return folder


def test_verify_says_what_it_checked(here: Path) -> None:
    """A whole release exits with 0 and one line a file; programs get the same as data."""
    text = cli("verify", here / "out" / "bars", "--quiet")
    assert text.exit_code == 0
    assert "ok   film.mp4: checksum, 8 frames, 160 x 120 px" in text.stdout
    data = json.loads(cli("verify", here / "out" / "bars", "--full", "--json").stdout)
    assert data["good"] is True
    assert "every picture decoded" in data["files"][0]["checked"]


def test_verify_fails_where_something_changed(here: Path, tmp_path: Path) -> None:
    """Exit code 1 and the file by name."""
    folder = Path(shutil.copytree(here / "out" / "bars", tmp_path / "bars"))
    (folder / "poster.jpg").write_bytes(b"no poster")
    text = cli("verify", folder, "--quiet")
    assert text.exit_code == 1
    assert "BAD  poster.jpg: has changed" in text.stdout
    assert cli("verify", tmp_path, "--quiet").exit_code == 1


def test_explain_answers_in_words_and_data(here: Path) -> None:
    """By film time and by mission time the same frame, its file and its stages."""
    film = here / "out" / "bars" / "film.mp4"
    text = cli("explain", film, "--at", "0.35")
    assert text.exit_code == 0, text.output
    assert "film.mp4 · at 0.300 s (frame 3) · 20:43:00.300 UTC" in text.stdout
    assert "exposed: bar_3.png" in text.stdout
    assert "restored: deflicker@2 > debayer@1" in text.stdout
    data = json.loads(cli("explain", film, "--utc", "20:43:00.3", "--json").stdout)
    assert [shown["tick"] for shown in data["shown"]] == [3]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "--at 12.5"),
        (["--at", "1", "--utc", "contact"], 2, "write one of them"),
        (["--at", "later"], 2, "no duration"),
        (["--at", "9"], 1, "it runs from 0 up to 0.8 s"),
        (["--utc", "contakt"], 2, "did you mean contact?"),
    ],
)
def test_explain_refuses_what_is_no_moment(
    here: Path, words: list[str], code: int, says: str
) -> None:
    """A moment that cannot be is answered with one that can."""
    refused = cli("explain", here / "out" / "bars" / "film.mp4", *words)
    assert refused.exit_code == code
    assert says in refused.stderr


def test_a_still_is_the_release_s_frame(here: Path, tmp_path: Path) -> None:
    """The nearest frame, full size; measurements of the render are used, not made again."""
    store = here / "out" / ".descent"
    before = {p: p.stat().st_mtime_ns for p in (store / "measured").glob("*")}
    assert before
    words = ["--camera", "bar", "--at", "contact - 0.52s", "--set", f"folder={here}"]
    out = tmp_path / "a.tif"
    made = cli("still", here / "bars.yaml", *words, "--store", store, "--out", out, "--json")
    assert made.exit_code == 0, made.output
    data = json.loads(made.stdout)
    assert (data["source"], data["rows"], data["cols"], data["bits"]) == ("bar_5.png", 120, 160, 16)
    assert {p: p.stat().st_mtime_ns for p in (store / "measured").glob("*")} == before
    again = cli("still", here / "bars.yaml", *words, "--store", store, "--out", out)
    assert again.stdout.strip().endswith("a.tif: bar_5.png, 160 x 120 px, 16-bit TIFF, 0.1 MB")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--camera", "baz", "--at", "contact"], 2, "did you mean bar?"),
        (["--camera", "bar", "--at", "contakt"], 2, "did you mean contact?"),
        (["--camera", "bar", "--at", "yesterday noon"], 2, "--at"),
        (["--camera", "bar", "--frame", "x.png"], 2, "name one of its files"),
        (["--camera", "bar", "--frame", "a", "--at", "contact"], 2, "write one of them"),
        (["--camera", "bar", "--frame", "bar_1.png", "--out", "a.gif"], 2, "write .png"),
        (
            ["--camera", "bar", "--frame", "bar_1.png", "--out", "a.png", "--format", "tiff"],
            2,
            "is no tiff",
        ),
    ],
)
def test_still_refuses_what_is_not_there(
    here: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    says: str,
) -> None:
    """Cameras, moments, files and formats that do not exist are named, with the cure."""
    monkeypatch.chdir(tmp_path)
    refused = cli("still", here / "bars.yaml", *words, "--store", tmp_path / "store")
    assert refused.exit_code == code, refused.output
    assert says in refused.stderr


def test_a_still_never_overwrites_a_frame(here: Path, tmp_path: Path) -> None:
    """An output that is one of the inputs is refused before anything is read."""
    frame = here / "bar" / "bar_1.png"
    before = frame.read_bytes()
    words = ["--camera", "bar", "--frame", "bar_1.png", "--store", tmp_path]
    refused = cli("still", here / "bars.yaml", *words, "--out", frame)
    assert refused.exit_code == 1
    assert "never overwrites an input" in refused.stderr
    assert frame.read_bytes() == before


def test_look_shows_a_stage(here: Path, tmp_path: Path) -> None:
    """A stage's picture, alone or beside what it was handed; a mosaic as it is."""
    words = ["look", here / "bars.yaml", "--camera", "bar", "--frame", "bar_2.png"]
    out = tmp_path / "a.png"
    made = cli(*words, "--after", "source", "--out", out)
    assert made.exit_code == 0, made.output
    assert np.array_equal(read_still(out).pixels, read_still(here / "bar" / "bar_2.png").pixels)
    store = ["--store", here / "out" / ".descent"]
    both = cli(*words, "--after", "debayer", "--before-after", "--out", out, *store)
    assert both.exit_code == 0, both.output
    assert "before (deflicker) and after debayer, 328 x 120 px" in both.stdout
    wrong = cli(*words, "--after", "debaye", "--out", out)
    assert wrong.exit_code == 2
    assert "did you mean debayer?" in wrong.stderr


def test_sheet_draws_many(here: Path, tmp_path: Path) -> None:
    """So many frames as asked, of the stretch asked for, with their facts as data."""
    out = tmp_path / "sheet.png"
    words = ["sheet", here / "bars.yaml", "--out", out, "--json"]
    made = cli(*words, "--count", "4", "--range", "contact - 0.75s..contact - 0.2s")
    assert made.exit_code == 0, made.output
    frames = json.loads(made.stdout)["frames"]
    assert [f["lines"][0] for f in frames] == ["bar_3.png", "bar_4.png", "bar_6.png", "bar_7.png"]
    assert read_still(out).pixels.shape[1] == 1920
    twice = cli("sheet", here / "bars.yaml", "--count", "4", "--every", "2")
    assert twice.exit_code == 2
