"""First configs from folders of frames and clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from descent.config import load, new
from descent.errors import SourceError


def _frames(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("L", (16, 12)).save(folder / name)


def _clip(path: Path, frames: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for value in range(frames):
            picture = np.full((32, 32, 3), value, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))


def _loads(text: str, folder: Path) -> None:
    (folder / "release.yaml").write_text(text, encoding="utf-8")
    load(folder / "release.yaml")


def test_archive_frames_become_known_cameras(tmp_path: Path) -> None:
    """Mars 2020 names of the landing bring their camera files, events and a cut by their clock."""
    for folder, code, clocks in (("ddc", "ES", (920, 921)), ("any", "EU", (920, 922))):
        names = [f"{code}F_0000_0666952{c}_000FDR_N00000{c}EDLC00000_0000LUJ01.png" for c in clocks]
        _frames(tmp_path / folder, *names)
    text = new(tmp_path)
    _loads(text, tmp_path)
    assert "kind: mars2020/ddc" in text
    assert "kind: mars2020/ruc" in text
    assert "events: mars2020" in text
    assert (
        "{from: sclk:666952920, to: sclk:666952922 + 1s, show: {side_by_side: [any, ddc]}}" in text
    )


def test_names_of_products_made_later_become_a_question(tmp_path: Path) -> None:
    """A landing frame whose clock is its making gets no times, and the anchor as the cure."""
    _frames(tmp_path, "ESF_0001_0667022261_840FDR_N0010052EDLC00001_0010LUJ01.png")
    text = new(tmp_path)
    _loads(text, tmp_path)
    assert "times: {none: yes}" in text
    assert "# ? times: {order: name, rate: 12, anchor: {file: ESF_0001_" in text


def test_numbered_frames_ask_for_their_rate(tmp_path: Path) -> None:
    """Frames with numbers get a pattern for them, as a question, and stills meanwhile."""
    _frames(tmp_path / "left eye", *(f"frame_{n:04}.png" for n in range(5)))
    text = new(tmp_path)
    _loads(text, tmp_path)
    assert "  left_eye:  # 5 frames, 16 x 12 px" in text
    assert '# ? times: {index: "frame_{index}.png", rate: 30, start: T+0s}' in text
    assert "still: left_eye" in text


def test_clips_become_cameras_tied_by_a_mark(tmp_path: Path) -> None:
    """Each recording is a camera, its chapters joined; their common moment is a question."""
    for name in ("GX010119.MP4", "GX020119.MP4", "drone.mp4"):
        _clip(tmp_path / name, 10)
    text = new(tmp_path)
    _loads(text, tmp_path)
    assert "files: [GX010119.MP4, GX020119.MP4]" in text
    assert "start: {clip_0119: 0s, drone: 0s}" in text
    assert "to: start + 0.36s" in text


def test_names_that_could_break_yaml_are_quoted(tmp_path: Path) -> None:
    """Folders and files with spaces, brackets, quotes or YAML's own words load as they are."""
    for folder in ("yes", "a: b", "[x] #1", "it's", '"q"', "- dash", "été", "yes."):
        _frames(tmp_path / folder, "1.png", "2.png")
    text = new(tmp_path)
    _loads(text, tmp_path)
    assert text.count("2 frames") == 8


def test_nothing_to_make_a_film_of(tmp_path: Path) -> None:
    """A folder without pictures, or none at all, is refused with what to name instead."""
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match="holds no pictures or clips"):
        new(tmp_path)
    with pytest.raises(SourceError, match="is no folder"):
        new(tmp_path / "none")


def test_a_config_elsewhere_names_the_folder(tmp_path: Path) -> None:
    """A config written beside other files finds the frames by `folder`."""
    _frames(tmp_path / "in" / "a", "1.png")
    (tmp_path / "out").mkdir()
    text = new(tmp_path / "in", beside=tmp_path / "out")
    assert "folder: ../in" in text
    _loads(text, tmp_path / "out")


@pytest.mark.parametrize("name", ["multicam", "lcam", "edl_stills", "video", "pans", "."])
def test_real_folders_give_configs_that_load(name: str, shared_data: Path, tmp_path: Path) -> None:
    """Whatever real folder it is given, what comes out loads."""
    _loads(new(shared_data / name, beside=tmp_path), tmp_path)
