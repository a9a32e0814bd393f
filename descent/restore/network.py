"""A network that somebody brings as ONNX: run tile by tile, and owned up to pixel by pixel.

What it adds was learnt from other pictures and not seen by this camera. So it runs only where
a config names it, every pixel that it changed is flagged `GENERATIVE`, and the SHA-256 of the
model's file is part of what decides the pixels. One thread and fixed options of onnxruntime,
on the CPU: the same pixels from run to run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from descent.clip import Clip
from descent.errors import FormatError
from descent.model import GENERATIVE, Format, Frame
from descent.restore import guard, light
from descent.restore.motion import luma
from descent.restore.network_guard import judged
from descent.restore.network_tiles import laid
from descent.restore.unblur import counts, recolour, spread
from descent.restore.window import plane_of
from descent.tools.colour import to_linear
from descent.tools.files import sha256

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BEYOND = 0.25  # of full scale that a network may overshoot; more means another scale than 0 to 1
_TAKEN = "descent takes one input and one output, float32, 1 x 3 or 1 x 1 x rows x columns"
_INSTALL = "install it: pip install 'descent[network]'"


class Asked(Protocol):
    """The parameters of deblur that a network is run by."""

    @property
    def model(self) -> str | None:
        """The ONNX file."""

    @property
    def model_sha256(self) -> str | None:
        """What the plan saw in it, or None where there was no plan."""

    @property
    def coding(self) -> Literal["srgb", "linear"]:
        """The light that the network was trained on."""

    @property
    def tile(self) -> int:
        """Side of the tiles that a model of any size is handed, px."""

    @property
    def overlap(self) -> int:
        """What neighbouring tiles share, px."""

    @property
    def strength(self) -> float:
        """Share of the change that is taken."""

    @property
    def guard(self) -> Literal["auto", "none"]:
        """Whether tiles that the network harms are kept as they were."""


@dataclass(frozen=True)
class Network:
    """A model that was loaded and found fit: `rows` and `cols` are None where it takes any."""

    session: Any
    path: str
    digest: str
    channels: int
    rows: int | None
    cols: int | None

    def run(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        """What it makes of a part (channels, rows, cols); refuses all but a picture back."""
        feed = {self.session.get_inputs()[0].name: np.ascontiguousarray(part[None])}
        size = f"{part.shape[2]} x {part.shape[1]}"
        try:
            (made,) = self.session.run(None, feed)
        except Exception as error:  # onnxruntime's own kinds share no base
            raise FormatError(
                f"the network {Path(self.path).name} failed on a tile of {size}: {_line(error)}",
                do="write another tile, or export the model with a fixed size",
            ) from None
        if made.shape != (1, *part.shape):
            raise FormatError(
                f"the network {Path(self.path).name} made {_sizes(made.shape)} of "
                f"{_sizes((1, *part.shape))}",
                do="hand over one that gives back a picture as large as it was handed",
            )
        low, high = float(made.min()), float(made.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise FormatError(
                f"the network {Path(self.path).name} made pixels that are not numbers",
                do="hand over another model, or leave it out: deblur: {}",
            )
        if low < -_BEYOND or high > 1 + _BEYOND:
            raise FormatError(
                f"the network {Path(self.path).name} made pixels of {low:.4g} to {high:.4g}, where "
                "0 to 1 is full scale",
                do="export it with its scaling inside, so that it takes and gives 0 to 1",
            )
        return np.asarray(made[0], np.float32)


def check(params: Asked) -> None:
    """Load the model and see that these parameters fit it; raises `FormatError` with the cure."""
    found = network_of(params)
    smallest = min(found.rows or params.tile, found.cols or params.tile)
    if 2 * params.overlap > smallest:
        raise FormatError(
            f"an overlap of {params.overlap} px in tiles of {smallest} px",
            do=f"write {smallest // 8 * 4} at most",
        )


def network_of(params: Asked) -> Network:
    """The network that `params` name, kept from frame to frame.

    Raises `FormatError` where no model is named, it is not there or not what the plan saw,
    onnxruntime is not installed, or the model takes or gives anything but a picture.
    """
    if not params.model:
        raise FormatError(
            "deblur by a network needs one", do="write model: NAME.onnx, a file beside the config"
        )
    try:
        digest = params.model_sha256 or sha256(Path(params.model))
    except OSError:
        raise _unread(params.model) from None
    return _load(params.model, digest)


def _unread(path: str) -> FormatError:
    return FormatError(
        "is no model that can be read", where=path, do="name an ONNX file beside the config"
    )


@lru_cache(maxsize=2)
def _load(path: str, digest: str) -> Network:
    """A model's file as a network; it is read once, so that what is hashed is what runs."""
    try:
        held = Path(path).read_bytes()
    except OSError:
        raise _unread(path) from None
    if hashlib.sha256(held).hexdigest() != digest:
        raise FormatError("changed after it was planned with", where=path, do="run again")
    try:
        import onnxruntime
    except ImportError:
        raise FormatError(
            "deblur by a network needs onnxruntime, which is not installed", do=_INSTALL
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # Beyond this level the layout of sums follows the processor.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(held, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds share no base
        raise FormatError(
            f"is no model that onnxruntime {onnxruntime.__version__} runs: {_line(error)}",
            where=path,
            do="export it as one ONNX file with its weights inside",
        ) from None
    return _fit(session, path, digest)


def _fit(session: Any, path: str, digest: str) -> Network:
    """The session as a network, if a picture goes in and one like it comes out."""
    takes, gives = session.get_inputs(), session.get_outputs()
    found = f"it takes {_said(takes)} and gives {_said(gives)}"
    if len(takes) != 1 or len(gives) != 1:
        raise FormatError(f"{found}; {_TAKEN}", where=path, do="export it so")
    for end in (takes[0], gives[0]):
        shape = end.shape
        fits = end.type == "tensor(float)" and len(shape) == 4
        if not (fits and (shape[0] == 1 or _free(shape[0])) and shape[1] in (1, 3)):
            raise FormatError(f"{found}; {_TAKEN}", where=path, do="export it so")
    into, out = takes[0].shape, gives[0].shape
    alike = (_free(a) or _free(b) or a == b for a, b in zip(into, out, strict=True))
    if not all(alike):
        raise FormatError(f"{found}; {_TAKEN}, both of one size", where=path, do="export it so")
    rows, cols = (None if _free(side) else int(side) for side in into[2:])
    return Network(session, path, digest, int(into[1]), rows, cols)


def _free(side: Any) -> bool:
    """Whether a side of a shape is left open: a name or nothing in place of a number."""
    return not isinstance(side, int) or side < 1


def _said(ends: Any) -> str:
    told = [f"{end.name}: {end.type.removeprefix('tensor')} {_sizes(end.shape)}" for end in ends]
    return ", ".join(told) or "nothing"


def _sizes(shape: Any) -> str:
    return " x ".join("any" if _free(side) else str(side) for side in shape) or "one number"


def _line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__


def looked(clip: Clip, params: Asked, step: Callable[[], None]) -> dict[str, Any]:
    """What deblur's `measure` gives where a network runs: how much of each tile does good.

    Each frame goes through the network once, and what it did is judged; shares are evened
    out over neighbours, so that no tile flickers. Unguarded, nothing is looked at.
    """
    shares: list[NDArray[np.float64] | None] = [None] * len(clip)
    if params.guard == "none" or params.strength == 0:
        return told(params, len(clip))
    for i, frame in enumerate(clip.pull(range(len(clip)))):
        if frame is not None:
            shares[i] = _shares(frame, params, clip.format)
        step()
    even = guard.steady(shares, clip.breaks)
    takes = [None if s is None or not s.any() else s for s in even]
    taken = [s for s in takes if s is not None]
    return told(params, len(clip)) | {
        "shares": [None if s is None else [round(float(v), 3) for v in s.ravel()] for s in takes],
        "restored": len(taken),
        "kept": len(takes) - len(taken),
        "share": round(float(np.mean([s.mean() for s in taken])), 3) if taken else 0.0,
    }


def _shares(frame: Frame, params: Asked, format: Format) -> NDArray[np.float64]:
    """How much of each tile (down, across) of what the network makes of a frame does good."""
    pixels = light.linear_frame(frame, format).pixels
    assert isinstance(pixels, np.ndarray)
    made, _ = _made(np.asarray(pixels, np.float32), params, np.float32(1))
    return judged(pixels, made, plane_of(frame, format)[1])


def told(params: Asked, count: int) -> dict[str, Any]:
    """The same where all that the network makes is taken."""
    found = network_of(params)
    none: list[None] = [None] * count
    name = Path(found.path).name
    return {
        "exposure": "not asked for",
        "generative": f"pixels were made by the network {name}, not seen by the camera",
        "model": name,
        "model_sha256": found.digest,
        "restored": count if params.strength > 0 else 0,
        "kept": 0 if params.strength > 0 else count,
        "smears": none,
        "shares": none,
        "noise": [0.0] * count,
        "maps": none,
        "kernels": none,
    }


def restored(frame: Frame, params: Asked, share: list[float] | None, format: Format) -> Frame:
    """The frame, linear light, as the network makes it; what it changed is `GENERATIVE`.

    `share` is how much of each tile is taken, row by row; None: of none. Pixels that are left,
    or that the network hands back, stay as they were, to the bit. Grey goes through a network
    of three colours as three alike; of a network of one, colours follow brightness. Raises
    `FormatError` for what is not a number or far from 0 to 1.
    """
    if params.strength == 0 or (share is None and params.guard == "auto"):
        light.note(frame, "deblur", restored=False)
        return frame
    assert isinstance(frame.pixels, np.ndarray)
    pixels = np.asarray(frame.pixels, np.float32)
    take: Any = np.float32(params.strength)
    if params.guard == "auto":
        size = format.rows, format.cols
        take = take * spread(np.asarray(share, np.float64).reshape(counts(size)), size)
    made, touched = _made(pixels, params, take)
    out = Frame(made, frame.flags, frame.warp, frame.notes)
    if touched.any():
        out.flags = light.flagged(out)
        out.flags[touched] |= GENERATIVE
    light.note(out, "deblur", restored=True, generative=round(float(touched.mean()), 3))
    return out


def alone(frame: Frame, params: Asked, format: Format) -> list[float] | None:
    """The shares of a frame's tiles where nobody looked at the whole camera."""
    if params.guard == "none" or params.strength == 0:
        return None
    shares = _shares(frame, params, format)
    return [float(v) for v in shares.ravel()] if shares.any() else None


def _made(
    pixels: NDArray[np.float32], params: Asked, take: Any
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What the network makes of pixels, `take` (one, or a plane) of it, and where it did."""
    found = network_of(params)
    seen = pixels if found.channels == 3 and pixels.ndim == 3 else luma(pixels)
    coded = _coded(seen) if params.coding == "srgb" else seen
    change = changed(found, coded, params.tile, params.overlap)
    change *= take[..., None] if np.ndim(take) and change.ndim == 3 else take
    made = coded + change
    made = _decoded(made) if params.coding == "srgb" else np.clip(made, 0, 1)
    made = np.where(change != 0, made, seen)
    if pixels.ndim == 3 and seen.ndim == 2:
        made = np.where((change != 0)[..., None], recolour(pixels, seen, made), pixels)
    own = made != pixels
    return np.asarray(made, np.float32), own.any(axis=2) if own.ndim == 3 else own


def changed(
    found: Network, picture: NDArray[np.float32], tile: int, overlap: int
) -> NDArray[np.float32]:
    """What the network adds to a picture (rows, cols) or (rows, cols, 3), of the same shape.

    The picture is continued as in a mirror by a quarter of `overlap`, and cut into tiles that
    share `overlap` px or more: of these the outer quarters are dropped and the middle half
    fades from tile to tile. `tile` is their side where the network takes any; a picture that
    is smaller is continued up to a multiple of 64 px. Exactly zero where the network gives
    back what it was handed.
    """
    planes = picture[None] if picture.ndim == 2 else np.moveaxis(picture, 2, 0)
    rows, cols = planes.shape[1:]
    margin = overlap // 4
    down = laid(rows + 2 * margin, found.rows, tile, overlap)
    across = laid(cols + 2 * margin, found.cols, tile, overlap)
    after = [max(n + margin, lay.end - margin) - n for n, lay in ((rows, down), (cols, across))]
    whole = np.pad(planes, ((0, 0), (margin, after[0]), (margin, after[1])), mode="symmetric")
    total, weights = np.zeros_like(whole), np.zeros(whole.shape[1:], np.float32)
    for top, fade_down in down:
        for left, fade_across in across:
            here = np.s_[top : top + down.size, left : left + across.size]
            part = whole[:, here[0], here[1]]
            fed = np.repeat(part, 3, axis=0) if found.channels > len(part) else part
            new = found.run(fed) - fed
            if len(new) > len(part):
                new = luma(np.ascontiguousarray(np.moveaxis(new, 0, 2)))[None]
            weight = fade_down[:, None] * fade_across
            total[:, here[0], here[1]] += weight * new
            weights[here] += weight
    inner = np.s_[margin : margin + rows, margin : margin + cols]
    out = total[:, inner[0], inner[1]] / weights[inner]
    return np.ascontiguousarray(out[0] if picture.ndim == 2 else np.moveaxis(out, 0, 2))


@lru_cache(maxsize=1)
def _knots() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Light and sRGB signal at 65,536 places, between which both are taken as straight."""
    codes = np.arange(1 << 16)
    return to_linear(codes.astype(np.uint16), "srgb").astype(np.float64), codes / 65535


def _coded(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    lights, signals = _knots()
    return np.interp(linear, lights, signals).astype(np.float32)


def _decoded(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    lights, signals = _knots()
    return np.interp(signal, signals, lights).astype(np.float32)
