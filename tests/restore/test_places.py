"""Kernels found place by place in one frame: laid about their middle, kept, and of use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from descent.clip import Clip
from descent.model import Format, Frame
from descent.restore.deblur import STAGE, Deblur
from descent.restore.places import centred, laid_out, listed
from descent.tools.colour import linear_to_rgb


def test_blind_kernels_survive_being_written_down() -> None:
    """Kernels as plain numbers come back the same to a ten-thousandth, about their middle."""
    raw = np.zeros((13, 13), np.float32)
    cv2.line(raw, (5, 4), (11, 8), 1.0, 1, cv2.LINE_AA)
    kernel = centred(raw / raw.sum())
    down, across = (np.arange(n) - n // 2 for n in kernel.shape)
    assert abs(float(kernel.sum(axis=1) @ down)) < 0.1
    assert abs(float(kernel.sum(axis=0) @ across)) < 0.1
    back = laid_out(listed([kernel, None]))
    assert back[1] is None
    assert back[0] is not None
    np.testing.assert_allclose(back[0], kernel, atol=2e-4)


def test_a_real_shaken_picture_gains(shared_data: Path) -> None:
    """Part of a real blurred photograph is nearer to its sharp twin, by PSNR and by SSIM."""
    part = np.s_[240:500, 640:1180]
    pair = [
        np.ascontiguousarray(np.asarray(cv2.imread(str(p)))[part][..., ::-1])
        for p in sorted((shared_data / "deblur" / "gopro").glob("Flower_*.png"))
    ]
    form = Format(260, 540, "rgb", "uint8", None, "bt709", 255.0)

    def pull(indices: Iterable[int | None]) -> Iterator[Frame | None]:
        return (None if k is None else Frame(pair[0]) for k in indices)

    params = Deblur(method="blind")
    STAGE.gives(form, params)
    clip = Clip([Fraction(0)], form, lambda _: frozenset(), pull)
    measured = STAGE.measure(clip, params)  # type: ignore[misc]
    out = STAGE.apply([Frame(pair[0])], 0, params, measured, 0, form).pixels
    made = linear_to_rgb(np.ascontiguousarray(out), "bt709")
    signal: Any = peak_signal_noise_ratio
    alike: Any = structural_similarity
    assert signal(pair[1], made) > signal(pair[1], pair[0]) + 0.1
    before, after = (alike(pair[1], p, channel_axis=2) for p in (pair[0], made))
    assert after > before + 0.005
