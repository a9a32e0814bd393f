"""Deblur by a network: tiles that do not show, nothing run unasked, each change owned up to."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from descent.errors import FormatError
from descent.model import GENERATIVE, Format, Frame
from descent.restore.deblur import STAGE, Deblur
from descent.restore.motion import luma
from descent.restore.network import changed, network_of, told
from descent.stages import run_stage
from descent.tools.files import sha256

needs_runtime = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None,
    reason="onnxruntime is not installed: pip install 'descent[network]'",
)
Shape = tuple[int | str, ...]
ANY: Shape = (1, 3, "rows", "cols")
BLUR = np.full((3, 3), 1 / 9)
SHARPEN = np.array([[0, -0.1, 0], [-0.1, 1.4, -0.1], [0, -0.1, 0]])


def number(value: int) -> bytes:
    """A protobuf varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def part(field: int, value: int | str | bytes) -> bytes:
    """A protobuf field: a number, or bytes with their length."""
    if isinstance(value, int):
        return number(field << 3) + number(value)
    held = value.encode() if isinstance(value, str) else value
    return number(field << 3 | 2) + number(len(held)) + held


def end(name: str, shape: Shape, kind: int = 1) -> bytes:
    """An ONNX ValueInfo: a named tensor of `kind` (1: float, 11: double)."""
    sides = b"".join(part(1, part(2 if isinstance(s, str) else 1, s)) for s in shape)
    return part(1, name) + part(2, part(1, part(1, kind) + part(2, sides)))


def model(
    path: Path,
    kernel: NDArray[Any] | None = None,
    into: Shape = ANY,
    out: Shape | None = None,
    *,
    kind: int = 1,
) -> Path:
    """Write an ONNX model: identity, or each channel convolved with a 3 x 3 kernel."""
    if kernel is None:
        node, weights = part(1, "x") + part(2, "y") + part(4, "Identity"), b""
    else:
        channels = int(into[1])
        values = np.repeat(kernel[None, None], channels, axis=0).astype("<f4")
        sides = b"".join(part(1, n) for n in values.shape)
        weights = part(5, sides + part(2, 1) + part(8, "w") + part(9, values.tobytes()))
        pads = part(1, "pads") + b"".join(part(8, 1) for _ in range(4)) + part(20, 7)
        group = part(1, "group") + part(3, channels) + part(20, 2)
        node = part(1, "x") + part(1, "w") + part(2, "y") + part(4, "Conv")
        node += part(5, pads) + part(5, group)
    graph = part(1, node) + part(2, "g") + weights
    graph += part(11, end("x", into, kind)) + part(12, end("y", out or into, kind))
    path.write_bytes(part(1, 8) + part(7, graph) + part(8, part(2, 13)))
    return path


def picture(rows: int, cols: int, channels: int = 3) -> NDArray[np.float32]:
    """Noise between 0.2 and 0.7; grey where `channels` is 1."""
    shape = (rows, cols) if channels == 1 else (rows, cols, channels)
    return np.random.default_rng(1).uniform(0.2, 0.7, shape).astype(np.float32)


def run(pixels: NDArray[np.float32], params: Deblur) -> Frame:
    """A picture of linear light through the stage."""
    kind: Any = "grey" if pixels.ndim == 2 else "rgb"
    form = Format(pixels.shape[0], pixels.shape[1], kind, "float32", None, "linear", 1.0)
    STAGE.gives(form, params)
    return STAGE.apply([Frame(pixels)], 0, params, None, 0, form)


def network(path: Path, **more: Any) -> Deblur:
    """The parameters that name a model."""
    return Deblur(method="network", model=str(path), **more)


@needs_runtime
@pytest.mark.parametrize("size", [(1, 1), (7, 90), (64, 64), (150, 333)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("into", [ANY, (1, 1, "rows", "cols"), (1, 3, 96, 128)])
def test_identity_gives_the_picture_back(
    tmp_path: Path, size: tuple[int, int], channels: int, into: Shape
) -> None:
    """A network that changes nothing changes nothing, at any size, and owns up to nothing."""
    pixels = picture(*size, channels)
    out = run(pixels, network(model(tmp_path / "m.onnx", into=into), tile=64, overlap=32))
    assert isinstance(out.pixels, np.ndarray)
    assert float(np.abs(out.pixels - pixels).max()) <= 1e-6
    assert out.flags is None


@needs_runtime
@pytest.mark.parametrize("kernel", [BLUR, SHARPEN], ids=["blur", "sharpen"])
@pytest.mark.parametrize("coding", ["linear", "srgb"])
def test_tiles_do_not_show(tmp_path: Path, kernel: NDArray[Any], coding: str) -> None:
    """Many tiles give what one does, and what changed is flagged generative."""
    pixels, path = picture(200, 330), model(tmp_path / "m.onnx", kernel)
    whole = {"overlap": 16, "coding": coding, "guard": "none"}
    many = run(pixels, network(path, tile=64, **whole))
    one = run(pixels, network(path, tile=512, **whole))
    assert isinstance(many.pixels, np.ndarray)
    np.testing.assert_allclose(many.pixels, np.asarray(one.pixels), atol=2e-6)
    assert many.flags is not None
    owned = (many.flags & GENERATIVE) > 0
    assert np.array_equal(owned, (many.pixels != pixels).any(axis=2))
    assert owned.mean() > 0.99


@needs_runtime
def test_a_convolution_is_itself(tmp_path: Path) -> None:
    """What the network adds is what its kernel adds, to the edge as in a mirror."""
    import cv2

    pixels = picture(100, 150)
    found = network_of(network(model(tmp_path / "m.onnx", BLUR)))
    wanted = cv2.filter2D(pixels, -1, BLUR, borderType=cv2.BORDER_REFLECT) - pixels
    np.testing.assert_allclose(changed(found, pixels, 64, 16), wanted, atol=2e-6)


@needs_runtime
@pytest.mark.parametrize("pair", [(1, 3), (3, 1)])
def test_grey_and_colour_go_through_either(tmp_path: Path, pair: tuple[int, int]) -> None:
    """A network of one channel sharpens colour, and one of three grey."""
    channels, into = pair
    path = model(tmp_path / "m.onnx", BLUR, (1, into, "rows", "cols"))
    pixels = picture(80, 80, channels)
    out = run(pixels, network(path))
    assert isinstance(out.pixels, np.ndarray)
    assert float(luma(out.pixels).std()) < 0.6 * float(luma(pixels).std())


@needs_runtime
def test_runs_agree_to_the_bit(tmp_path: Path) -> None:
    """The same model makes the same pixels again."""
    params = network(model(tmp_path / "m.onnx", SHARPEN), tile=64, overlap=16, guard="none")
    first, second = (np.asarray(run(picture(90, 130), params).pixels) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@needs_runtime
@pytest.mark.parametrize(
    ("into", "out", "kind", "text"),
    [
        ((1, 4, "r", "c"), None, 1, "1 x 4 x any x any"),
        ((1, 3, "r", "c"), None, 11, "double"),
        ((2, 3, "r", "c"), None, 1, "2 x 3"),
        ((3, "r", "c"), None, 1, "3 x any x any"),
        ((1, 3, 64, 64), None, 1, "overlap of 64 px in tiles of 64"),
    ],
)
def test_models_that_do_not_fit_are_refused(
    tmp_path: Path, into: Shape, out: Shape | None, kind: int, text: str
) -> None:
    """An error says what the model takes, and what is taken."""
    with pytest.raises(FormatError, match=text):
        run(picture(70, 70), network(model(tmp_path / "m.onnx", None, into, out, kind=kind)))


@needs_runtime
@pytest.mark.parametrize(("gain", "text"), [(9.0, "0 to 1 is full scale"), (np.nan, "not numbers")])
def test_what_is_no_picture_stops_it(tmp_path: Path, gain: float, text: str) -> None:
    """Pixels far from 0 to 1, or not numbers, are an error that names camera and frame."""
    from tests.restore.test_deblur import clip_of

    path = model(tmp_path / "m.onnx", np.full((3, 3), gain))
    params = network(path).model_dump(mode="json")
    clip = run_stage(clip_of([picture(70, 70)]), "deblur", params, None, lambda i: f"rdc: {i}.png")
    with pytest.raises(FormatError, match=text) as caught:
        list(clip.pull([0]))
    assert caught.value.where == "rdc: 0.png"


@needs_runtime
def test_no_model_of_onnx(tmp_path: Path) -> None:
    """A file that is something else is refused, with the cure."""
    path = tmp_path / "m.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(FormatError, match="is no model that onnxruntime"):
        network_of(network(path))


@needs_runtime
def test_what_is_told_owns_up(tmp_path: Path) -> None:
    """The measurement, which the manifest shows, holds the word, the name and the digest."""
    path = model(tmp_path / "m.onnx")
    found = told(network(path), 2)
    assert "network m.onnx" in found["generative"]
    assert found["model_sha256"] == sha256(path)
    assert found["restored"] == 2
    assert set(STAGE.per_frame) <= set(found)


def test_without_onnxruntime_the_cure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is not installed, the error says what to install."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(FormatError, match=r"descent\[network\]"):
        network_of(network(model(tmp_path / "m.onnx", SHARPEN, (1, 1, "r", "c"))))


def test_missing_and_changed_files_are_refused(tmp_path: Path) -> None:
    """A model that is not there, not named or not the planned one is an error."""
    with pytest.raises(FormatError, match="no model that can be read"):
        run(picture(8, 8), network(tmp_path / "none.onnx"))
    with pytest.raises(FormatError, match="needs one"):
        run(picture(8, 8), Deblur(method="network"))
    with pytest.raises(FormatError, match="changed after"):
        run(picture(8, 8), network(model(tmp_path / "m.onnx"), model_sha256="0" * 64))


def test_nothing_runs_unasked(tmp_path: Path) -> None:
    """A model without the method is refused, not run."""
    with pytest.raises(FormatError, match="takes no model"):
        run(picture(8, 8), Deblur(model=str(tmp_path / "m.onnx")))


def sharp(rows: int, cols: int) -> NDArray[np.float32]:
    """Patches of even light with sharp edges, in three colours."""
    patches = np.random.default_rng(2).uniform(0.1, 0.6, (rows // 8 + 1, cols // 8 + 1))
    grey = np.kron(patches, np.ones((8, 8)))[:rows, :cols]
    return np.ascontiguousarray(grey[..., None] * (1.0, 0.8, 0.6), np.float32)


def soft(pixels: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """The picture blurred a little, as a lens does, with a camera's noise."""
    import cv2

    noise = np.random.default_rng(seed).normal(0, 0.003, pixels.shape)
    kernel = np.array([[0, 1, 0], [1, 10, 1], [0, 1, 0]]) / 14
    return np.asarray(cv2.filter2D(pixels, -1, kernel) + noise, np.float32).clip(0, 1)


GAIN = np.array([[0, 0, 0], [0, 0.9, 0], [0, 0, 0]])
MOVE = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0]])
HARSH = np.array([[0, -0.5, 0], [-0.5, 3, -0.5], [0, -0.5, 0]])
HELPS = np.array([[0, -0.1, 0], [-0.1, 1.4, -0.1], [0, -0.1, 0]])


@needs_runtime
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kernel", [BLUR, GAIN, MOVE, HARSH], ids=["blur", "gain", "move", "harsh"])
def test_a_network_that_harms_changes_nothing(
    tmp_path: Path, kernel: NDArray[Any], channels: int
) -> None:
    """One that softens, darkens, moves or oversharpens is kept out, to the bit, and it is said."""
    path = model(tmp_path / "m.onnx", kernel, (1, channels, "rows", "cols"))
    taken = soft(sharp(300, 520))
    out = run(taken, network(path, coding="linear"))
    assert np.array_equal(np.asarray(out.pixels), taken)
    assert out.flags is None
    assert out.notes["deblur"] == {"restored": False}


@needs_runtime
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_that_helps_is_taken(tmp_path: Path, channels: int) -> None:
    """One that undoes the blur is taken whole, and the picture is nearer to the sharp one."""
    path = model(tmp_path / "m.onnx", HELPS, (1, channels, "rows", "cols"))
    truth = sharp(300, 520)
    taken = soft(truth)
    out = run(taken, network(path, coding="linear"))
    made = np.asarray(out.pixels)
    assert out.notes["deblur"]["generative"] > 0.99
    assert np.mean((made - truth) ** 2) < 0.7 * np.mean((taken - truth) ** 2)


@needs_runtime
def test_harm_in_one_tile_keeps_that_tile(tmp_path: Path) -> None:
    """Where a network harms part of a picture, that part is kept and the rest is taken."""
    path = model(tmp_path / "m.onnx", HELPS)
    taken = soft(sharp(256, 768))
    # There it makes more of what is already sharp.
    taken[:, 530:] = np.random.default_rng(3).choice([0.1, 0.5], (256, 238, 1))
    out = run(taken, network(path, coding="linear"))
    assert out.flags is not None
    owned = (out.flags & GENERATIVE) > 0
    assert owned[:, :480].mean() > 0.99
    assert not owned[:, 540:].any()
    assert np.array_equal(np.asarray(out.pixels)[:, 540:], taken[:, 540:])


@needs_runtime
def test_a_tile_does_not_flicker(tmp_path: Path) -> None:
    """What one frame of a film must not take fades in its neighbours, and the count is told."""
    from tests.restore.test_deblur import clip_of

    pictures = [soft(sharp(256, 256), seed) for seed in range(7)]
    pictures[3] = np.repeat(
        np.random.default_rng(3).choice([0.1, 0.5], (256, 256, 1)), 3, axis=2
    ).astype(np.float32)
    params = network(model(tmp_path / "m.onnx", HELPS), coding="linear")
    assert STAGE.measure is not None
    found = STAGE.measure(clip_of(pictures), params)
    shares = [0.0 if s is None else s[0] for s in found["shares"]]
    assert shares[3] == 0
    assert shares[0] == shares[6] == 1
    assert 0.6 < shares[2] < 0.9
    assert (found["restored"], found["kept"]) == (6, 1)


def test_only_a_network_may_go_unguarded() -> None:
    """No other method is run without the guard."""
    with pytest.raises(FormatError, match="always guarded"):
        run(picture(80, 80), Deblur(guard="none"))
