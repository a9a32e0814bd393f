"""Debayer: quality on real photographs, four patterns, borders, bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from descent.errors import FormatError
from descent.model import SATURATED, Format, Frame
from descent.restore.debayer import PHASES, STAGE, Debayer, debayer
from descent.tools import tiles

Picture = NDArray[np.float32]


def mosaic(picture: Picture, pattern: str = "RGGB") -> Picture:
    """What a sensor of that pattern would have kept of an RGB picture."""
    row, col = PHASES[pattern]
    out = picture[..., 1].copy()
    out[row::2, col::2] = picture[row::2, col::2, 0]
    out[1 - row :: 2, 1 - col :: 2] = picture[1 - row :: 2, 1 - col :: 2, 2]
    return out


def smooth(rows: int = 48, cols: int = 40) -> Picture:
    """A picture of slow slopes in three colours."""
    y, x = np.mgrid[:rows, :cols].astype(np.float32)
    planes = (x / (4 * cols), 0.2 + y / (8 * rows), 0.4 + 0.1 * (x + y) / (rows + cols))
    return np.stack(planes, -1).astype(np.float32)


def cpsnr(made: Picture, truth: Picture) -> float:
    """Peak signal-to-noise ratio over three channels in dB, 8 px off each border, 8-bit codes."""
    error = (np.rint(made * 255) - np.rint(truth * 255))[8:-8, 8:-8]
    return float(10 * np.log10(255**2 / np.mean(error.astype(np.float64) ** 2)))


@pytest.mark.parametrize(("folder", "least"), [("kodak", 39.2), ("mcmaster", 34.3)])
def test_quality_on_real_photographs(shared_data: Path, folder: str, least: float) -> None:
    """The one method passes the floor of both sets."""
    scores = []
    for path in sorted((shared_data / folder).iterdir()):
        truth = np.asarray(Image.open(path).convert("RGB"), np.float32) / np.float32(255)
        scores.append(cpsnr(debayer(mosaic(truth)), truth))
    assert np.mean(scores) >= least


@pytest.mark.parametrize("method", ["best", "fast"])
@pytest.mark.parametrize("pattern", list(PHASES))
def test_every_pattern_gives_the_same_picture(pattern: str, method: str) -> None:
    """Each of the four patterns brings a smooth picture back; borders included."""
    truth = smooth()
    made = debayer(mosaic(truth, pattern), pattern=pattern, method=method)
    np.testing.assert_allclose(made[8:-8, 8:-8], truth[8:-8, 8:-8], atol=2e-3)
    np.testing.assert_allclose(made, truth, atol=0.02)


@pytest.mark.parametrize("method", ["best", "fast"])
def test_what_was_measured_is_kept(method: str) -> None:
    """Every pixel keeps its own colour to the bit."""
    raw = np.random.default_rng(2).random((21, 34), dtype=np.float32)
    made = debayer(raw, pattern="GRBG", method=method)
    np.testing.assert_array_equal(mosaic(made, "GRBG"), raw)


@pytest.mark.parametrize("method", ["best", "fast"])
@pytest.mark.parametrize(("top", "left", "pattern"), [(32, 24, "RGGB"), (33, 25, "BGGR")])
def test_a_crop_keeps_its_phase(method: str, top: int, left: int, pattern: str) -> None:
    """Debayering a crop with its own pattern is the crop of the whole, away from borders."""
    raw = np.random.default_rng(3).random((120, 110), dtype=np.float32)
    whole = debayer(raw, method=method)[top:, left:]
    crop = debayer(raw[top:, left:], pattern=pattern, method=method)
    np.testing.assert_allclose(crop[24:-24, 24:-24], whole[24:-24, 24:-24], atol=1e-6)


@pytest.mark.parametrize("method", ["best", "fast"])
def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """One thread or several: the same bytes."""
    raw = np.random.default_rng(4).random((300, 64), dtype=np.float32)
    made = []
    for count in (1, 2, 3):
        monkeypatch.setattr(tiles, "_limit", [count])
        made.append(debayer(raw, method=method).tobytes())
    assert made[0] == made[1] == made[2]


def test_gains_spare_an_unbalanced_mosaic() -> None:
    """Told the neutral gains, a mosaic with weak colours comes out as the balanced one does."""
    raw = np.random.default_rng(5).random((64, 64), dtype=np.float32) * np.float32(0.5)
    weak = mosaic(np.stack([raw * np.float32(0.5), raw, raw * np.float32(0.25)], -1))
    made = debayer(weak, gains=(2.0, 1.0, 4.0)) * np.array([2, 1, 4], np.float32)
    np.testing.assert_allclose(made, debayer(mosaic(np.stack([raw] * 3, -1))), atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 40), st.integers(2, 40), st.sampled_from(list(PHASES)),
    st.sampled_from(["best", "fast"]), st.sampled_from(["uint8", "uint16", "float32"]),
    st.sampled_from(["black", "white", "grey", "hot row", "noise"]),
)  # fmt: skip
def test_any_shape_and_content_gives_a_picture(
    rows: int, cols: int, pattern: str, method: str, dtype: str, content: str
) -> None:
    """Never NaN, always 0 to 1, constant in gives constant out."""
    full = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    level = {"black": 0.0, "white": 1.0, "grey": 0.5}.get(content, 0.2)
    raw = np.full((rows, cols), level * full)
    if content == "hot row":
        raw[rows // 2] = full
    if content == "noise":
        raw = np.random.default_rng(rows).random((rows, cols)) * full
    made = debayer(raw.astype(dtype), pattern=pattern, method=method)
    assert made.shape == (rows, cols, 3)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert made.min() >= 0
    assert made.max() <= 1
    if content in {"black", "white", "grey"}:
        np.testing.assert_allclose(made, made[0, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        (np.zeros((1, 1)), {}),
        (np.zeros((1, 8)), {}),
        (np.zeros((8, 8, 3)), {}),
        (np.zeros((8, 8)), {"pattern": "RGBG"}),
        (np.zeros((8, 8)), {"method": "magic"}),
        (np.zeros((8, 8)), {"gains": (1.0, 0.0, 1.0)}),
        (np.full((8, 8), np.nan), {}),
        (np.full((8, 8), np.inf), {}),
        (np.zeros((8, 8), np.int64), {}),
    ],
)
def test_bad_input_is_refused(raw: NDArray[np.float64], options: dict[str, object]) -> None:
    """One pixel, RGB, wrong pattern, method or gains, NaN, infinity: errors with a cure."""
    with pytest.raises(FormatError, match=" - "):
        debayer(raw, **options)  # type: ignore[arg-type]


def test_flags_spread_to_borrowers() -> None:
    """Pixels that borrowed from a clipped one are flagged too, and no colour rings there."""
    raw = np.full((20, 20), 0.3, np.float32)
    raw[8:13, 8:13] = 1.0
    flags = np.where(raw == 1, SATURATED, 0).astype(np.uint8)
    kind = Format(20, 20, "mosaic", "float32", "RGGB", "linear", 1.0)
    out = STAGE.apply([Frame(raw, flags)], 0, Debayer(), None, 0, kind)
    assert out.flags is not None
    assert out.flags[7, 7] & SATURATED
    assert not out.flags[5, 5]
    pixels = np.asarray(out.pixels)
    assert pixels[10, 10].min() == 1.0
    assert pixels.min() >= 0.3 - 1e-3


@pytest.mark.parametrize(
    "format",
    [
        Format(8, 8, "rgb"),
        Format(8, 8, "mosaic", cfa=None),
        Format(8, 8, "mosaic", cfa="XXXX"),
        Format(1, 8, "mosaic", cfa="RGGB"),
    ],
)
def test_formats_that_cannot_be_debayered(format: Format) -> None:
    """RGB, a mosaic without a known pattern, and a single row are refused when planning."""
    with pytest.raises(FormatError, match=" - "):
        STAGE.gives(format, Debayer())


def test_the_format_after() -> None:
    """RGB of the same size, in linear light, with no pattern left."""
    after = STAGE.gives(Format(8, 10, "mosaic", cfa="BGGR", transfer="raw"), Debayer())
    assert (after.rows, after.cols, after.kind, after.cfa) == (8, 10, "rgb", None)
