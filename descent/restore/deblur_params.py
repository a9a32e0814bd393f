"""What may be asked of deblur, and what it takes: each error says what to write instead."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from descent.errors import FormatError
from descent.model import Format
from descent.restore import light, network
from descent.restore.blind import LARGEST_PX
from descent.restore.params import Params

LONGEST_PX = 40.0  # of smear that is restored


class Deblur(Params):
    """What is known of the blur, and how much of it to undo."""

    FILES = {"model": ("model", "an ONNX file beside the config")}  # noqa: RUF012

    method: Literal["motion", "known", "blind", "burst", "network"] = Field(
        "motion",
        description="motion: from how the picture moves between frames; known: `smear` in all "
        "frames; blind: kernels from each frame by itself, place by place, some minutes a frame; "
        "burst: what neighbours show sharper, for shaken frames of a scene that hardly moves; "
        "network: `model`, which invents, and is owned up to as generative",
    )
    exposure_s: float | None = Field(
        None,
        gt=0,
        description="how long the shutter was open, where a label tells; it is checked against "
        "the pictures. Default: what they tell",
    )
    smear: tuple[float, float] | None = Field(
        None, description="with known: how far the picture moved right and down in an exposure, px"
    )
    size: int = Field(
        25,
        ge=3,
        le=LARGEST_PX,
        description="with blind: side of the square that holds the blur, odd, px; a larger one "
        "allows longer blur, takes longer and errs more",
    )
    frames: int = Field(
        2,
        ge=0,
        le=3,
        description="with motion and burst: neighbours on either side that fill in what a frame's "
        "own blur took away; a larger number restores more and takes longer, 0 uses each frame "
        "alone",
    )
    model: str | None = Field(
        None,
        description="with network: an ONNX file in the folder of the release, 1 x 3 or 1 x 1 x "
        "rows x columns of float in and out, 0 to 1",
    )
    model_sha256: str | None = Field(
        None, description="what it holds, written by the plan so that a changed one is seen"
    )
    coding: Literal["srgb", "linear"] = Field(
        "srgb",
        description="with network: the light it was trained on; srgb: pictures as they are seen, "
        "gamma-coded; linear: light itself",
    )
    tile: int = Field(
        512,
        ge=64,
        le=4096,
        multiple_of=64,
        description="with network: side of the tiles that a model of any size is handed, px; a "
        "larger one takes more memory and less time",
    )
    overlap: int = Field(
        64,
        ge=0,
        le=1024,
        multiple_of=4,
        description="with network: px that neighbouring tiles share; a network that reaches no "
        "further than a quarter of it shows no tiles, a larger one takes longer",
    )
    guard: Literal["auto", "none"] = Field(
        "auto",
        description="with network; auto: each frame goes through it twice, and tiles are kept "
        "as they were where no blur would lead from what it made back to what was seen; none: "
        "all that it makes is taken",
    )
    strength: float = Field(
        1.0, ge=0, le=1, description="share of the restored picture that is taken; 0 does nothing"
    )


def gives(format: Format, params: Deblur) -> Format:
    """Float32 linear light of the same shape."""
    after = light.linear_format(format, stage="deblur")
    if format.kind == "mosaic":
        raise FormatError(
            "deblur reads grey or RGB, and these pixels are a mosaic",
            do="debayer first: debayer: {}",
        )
    if params.method == "network":
        network.check(params)
    elif params.model is not None:
        raise FormatError("deblur without a network takes no model", do="write method: network")
    if params.method != "network" and params.guard == "none":
        raise FormatError(
            "deblur without a network is always guarded", do="write method: network, or no guard"
        )
    if params.method == "burst" and params.frames == 0:
        raise FormatError("a burst of one frame", do="write frames: 2")
    if params.method == "known" and params.smear is None:
        raise FormatError("deblur by method known needs a smear", do="write smear: [5.0, 0.0]")
    if params.method != "known" and params.smear is not None:
        raise FormatError("deblur measures the smear itself", do="write method: known, or no smear")
    if params.method == "blind" and params.size % 2 == 0:
        raise FormatError(f"a size of {params.size}", do="write an odd number of px")
    if params.method == "blind" and 2 * params.size > min(after.rows, after.cols):
        raise FormatError(
            f"a blur of {params.size} px in a picture of {after.cols} x {after.rows}",
            do="write a smaller size",
        )
    if params.smear is not None and not np.hypot(*params.smear) <= LONGEST_PX:
        raise FormatError(
            f"a smear of {np.hypot(*params.smear):.0f} px", do=f"write {LONGEST_PX:.0f} at most"
        )
    return after
