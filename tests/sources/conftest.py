"""Frames and clips that the tests of this room make for themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

MakeClip = Callable[..., Path]


def _ramp(number: int, rows: int = 96, cols: int = 128) -> NDArray[np.uint8]:
    """Luma (rows, cols) that carries `number` as sixteen bars, black or white."""
    bits = [(number >> (15 - i)) & 1 for i in range(16)]
    bars = np.repeat(np.array(bits, np.uint8) * 180 + 40, cols // 16)
    return np.tile(bars, (rows, 1))


@pytest.fixture(scope="session")
def number_in() -> Callable[[NDArray[Any]], int]:
    """A function that reads the number of a `make_clip` frame from its luma (rows, cols)."""

    def read(luma: NDArray[Any]) -> int:
        rows, cols = luma.shape
        means = luma.reshape(rows, 16, cols // 16).mean(axis=(0, 2))
        return int("".join("1" if m > 128 else "0" for m in means), 2)

    return read


@pytest.fixture
def write_png(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a PNG of `pixels`, or a small grey one."""

    def write(name: str, pixels: NDArray[Any] | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((6, 8), 90, np.uint8) if pixels is None else pixels
        stored = picture[..., [2, 1, 0, 3][: picture.shape[2]]] if picture.ndim == 3 else picture
        ok, data = cv2.imencode(".png", stored)
        assert ok
        path.write_bytes(data.tobytes())
        return path

    return write


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """A function that writes a clip whose frames carry their own number."""

    def make(
        name: str = "clip.mp4",
        ticks: Sequence[int] = range(0, 3000, 100),
        *,
        codec: str = "libx264",
        time_base: Fraction = Fraction(1, 3000),
        gop: int = 12,
        b_frames: int = 2,
        pix_fmt: str = "yuv420p",
        tags: bool = True,
        turn: int = 0,
        first: int = 0,
        size: tuple[int, int] = (96, 128),
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=30)
            stream.height, stream.width = size
            stream.pix_fmt = pix_fmt
            stream.time_base = time_base
            context = stream.codec_context
            context.time_base = time_base
            context.gop_size = gop
            if codec == "libx264":
                context.max_b_frames = b_frames
                context.options = {"crf": "12", "preset": "fast", **(options or {})}
            elif options:
                context.options = options
            if tags:
                context.colorspace, context.color_range = 1, 1
                context.color_primaries = context.color_trc = 1
            if turn:
                stream.set_display_rotation(-turn)
            for number, tick in enumerate(ticks):
                luma = _ramp(first + number, *size)
                grey = np.full((size[0] // 2, size[1] // 2), 128, np.uint8)
                flat = np.concatenate([luma.ravel(), grey.ravel(), grey.ravel()])
                frame = av.VideoFrame.from_ndarray(
                    flat.reshape(size[0] * 3 // 2, size[1]), format="yuv420p"
                )
                frame.colorspace, frame.color_range = (1, 1) if tags else (2, 0)
                if pix_fmt != "yuv420p":
                    frame = frame.reformat(format=pix_fmt)
                frame.pts, frame.time_base = tick, time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make
