"""What a plan knows by headers alone is what a look at the pixels finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from click.testing import CliRunner
from numpy.typing import NDArray

from descent.cli import descent
from descent.sources import png, stills, video
from descent.sources.examine import examine
from descent.sources.listing import list_camera

ROWS, COLS = 48, 64
RNG = np.random.default_rng(11)


def noise(*shape: int, dtype: type = np.uint8) -> NDArray[Any]:
    """Pixels in which no two channels are equal."""
    return RNG.integers(0, np.iinfo(dtype).max, (ROWS, COLS, *shape), dtype=dtype)


def lying(path: Path, pixels: NDArray[Any]) -> None:
    """A JPEG whose Exif tag asks for a quarter turn."""
    from PIL import Image

    tags = Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(pixels).save(path, exif=tags)


def palette(path: Path, pixels: NDArray[Any]) -> None:
    """A PNG of indexed colours."""
    from PIL import Image

    Image.fromarray(pixels).quantize(16).save(path)


FILES: dict[str, Callable[[Path], object]] = {
    "grey.png": lambda p: cv2.imwrite(str(p), noise()),
    "colour.png": lambda p: cv2.imwrite(str(p), noise(3)),
    "wide.png": lambda p: cv2.imwrite(str(p), noise(dtype=np.uint16)),
    "clear.png": lambda p: cv2.imwrite(str(p), noise(4)),
    "few.png": lambda p: palette(p, noise(3)),
    "grey.jpg": lambda p: cv2.imwrite(str(p), noise()),
    "colour.jpg": lambda p: cv2.imwrite(str(p), noise(3)),
    "lying.jpg": lambda p: lying(p, noise(3)),
    "colour.tif": lambda p: tifffile.imwrite(p, noise(3)),
    "wide.tif": lambda p: tifffile.imwrite(p, noise(dtype=np.uint16)),
}


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, whatever would decode a still or a clip fails the test."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a pixel was read")

    def seal() -> None:
        for module, name in ((stills, "_read"), (png, "decode"), (png, "bands")):
            monkeypatch.setattr(module, name, refuse)
        monkeypatch.setattr(video.Decoder, "at", refuse)
        monkeypatch.setattr(cv2, "imdecode", refuse)

    return seal


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("pattern", [None, "RGGB"])
def test_a_header_tells_what_pixels_do(
    name: str, pattern: str | None, tmp_path: Path, sealed: Callable[[], None]
) -> None:
    """A header's size, kind and depth are the picture's; a pattern makes three channels one."""
    FILES[name](tmp_path / name)
    shots = list_camera("pad", [name], tmp_path).shots
    want = examine(shots, pattern=pattern)
    sealed()
    got = examine(shots, pattern=pattern, look=False)
    if pattern and want.format.kind == "rgb":
        assert (got.format.kind, got.format.cfa) == ("mosaic", pattern)
        assert [f.code for f in got.findings][:1] == ["not_looked"]
        assert (got.format.rows, got.format.cols) == (want.format.rows, want.format.cols)
        assert got.format.dtype == want.format.dtype
    else:
        assert got.format == want.format
    assert ("alpha" in {f.code for f in got.findings}) == (name == "clear.png")


@pytest.mark.parametrize(
    ("how", "turn"),
    [
        ({}, 0),
        ({}, 90),
        ({"tags": False}, 180),
        ({"codec": "ffv1", "name": "p.mkv"}, 0),
        ({"codec": "mjpeg", "pix_fmt": "yuvj420p", "name": "p.mov"}, 0),
        ({"codec": "prores_ks", "pix_fmt": "yuv422p10le", "name": "p.mov"}, 270),
    ],
)
def test_a_clips_headers_tell_what_a_frame_does(
    how: dict[str, Any],
    turn: int,
    tmp_path: Path,
    make_clip: Callable[..., Path],
    sealed: Callable[[], None],
) -> None:
    """Size after its turn, samples, tags and all that is said of a clip need no frame."""
    name = make_clip(turn=turn, **how).name
    shots = list_camera("pad", [name], tmp_path).shots
    want = examine(shots)
    sealed()
    assert examine(shots, look=False) == want


def test_a_plan_says_what_it_takes_on_trust(tmp_path: Path, sealed: Callable[[], None]) -> None:
    """With a pattern and three channels a plan decodes nothing and says so; --look looks."""
    (tmp_path / "pad").mkdir()
    single = noise()
    for k in range(4):
        cv2.imwrite(str(tmp_path / "pad" / f"f_{k}.png"), cv2.merge([single] * 3))
    (tmp_path / "release.yaml").write_text(
        "schema: 1\ntitle: T\ncredit: Nobody, CC0-1.0\nzero: start\ncameras:\n"
        "  pad: {files: pad/, pattern: RGGB, restore: {debayer: {}},\n"
        "        times: {index: 'f_{index}.png', rate: 4, start: start}}\n"
        "cuts: {main: [{from: start, to: start + 1s, show: {full: pad}}]}\n"
        "outputs: {film: {cut: main, size: 64x48, rate: 4, text: none}}\n",
        "utf-8",
    )

    def planned(*words: str) -> tuple[dict[str, Any], set[str]]:
        done = CliRunner().invoke(
            descent, ["plan", str(tmp_path / "release.yaml"), "--json", *words]
        )
        assert done.exit_code == 0, done.output
        body = json.loads(done.stdout)
        return body, {finding["code"] for finding in body["findings"]}

    looked, codes = planned("--look")
    assert "equal_channels" in codes
    assert "not_looked" not in codes
    sealed()
    plain, codes = planned()
    assert "not_looked" in codes
    assert "equal_channels" not in codes
    for body in (looked, plain):
        del body["findings"], body["digest"], body["cameras"]["pad"]["findings"]
    assert plain == looked
