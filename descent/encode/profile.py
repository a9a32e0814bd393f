"""Encode profiles: one YAML file each, read into one frozen model."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from descent.errors import ConfigError, Problem
from descent.tools.files import config_root
from descent.tools.text import did_you_mean, some

Use = Literal["web", "broadcast", "editors", "archive"]
USES: tuple[Use, ...] = ("web", "broadcast", "editors", "archive")

# How a picture's samples are laid out: rows and columns of luma a chroma sample covers.
SUBSAMPLING = {"420": (2, 2), "422": (1, 2), "444": (1, 1), "rgb": (1, 1)}


class Audio(BaseModel):
    """How the sound track is packed; `bit_rate` in bits/s, larger is better and bigger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codec: Literal["aac", "pcm_s24le", "flac"]
    bit_rate: int | None = Field(None, ge=32_000, le=1_000_000)


class Profile(BaseModel):
    """What an encoder is told, and what its file must then be found to be.

    `crf` is the quality of x264 and x265 (smaller is better and bigger); `preset` how long
    they search; `gop_s` seconds between pictures that a player can jump to. `threads` is
    fixed, since an encoder's bytes depend on it; `threading` says whether they share a frame
    (x264 then takes a quarter less memory than with a frame each, at the same size and
    quality) or take one each. `from_pixels` is the smallest picture for
    which `for` prefers this profile to a smaller one of the same use.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    title: str
    kind: Literal["video", "frames"] = "video"
    uses: Annotated[
        tuple[Use, ...], BeforeValidator(lambda v: [v] if isinstance(v, str) else v or ())
    ] = Field((), alias="for")
    from_pixels: int = Field(0, ge=0)
    container: Literal["mp4", "mov", "mkv", "png", "tiff"]
    codec: str = ""
    chroma: Literal["420", "422", "444", "rgb"]
    depth: Literal[8, 10, 16]
    lossless: bool = False
    crf: float | None = Field(None, ge=0, le=51)
    bit_rate: int | None = Field(None, gt=0)
    preset: str | None = None
    options: dict[str, str] = {}
    tag: str | None = Field(None, min_length=4, max_length=4)
    threads: int = Field(2, ge=1, le=16)
    threading: Literal["slices", "frames"] = "slices"
    gop_s: float | None = Field(None, gt=0)
    gop_frames: int | None = Field(None, gt=0)
    faststart: bool = False
    audio: Audio | None = None

    @model_validator(mode="after")
    def _whole(self) -> Profile:
        pictures = self.container in {"png", "tiff"}
        if (self.kind == "frames") != pictures:
            raise ValueError("kind frames goes with container png or tiff, and no other does")
        if self.kind == "frames" and (self.chroma, self.depth) != ("rgb", 16):
            raise ValueError("numbered pictures are 16-bit RGB - write chroma: rgb, depth: 16")
        if self.kind == "video" and (not self.codec or self.chroma == "rgb" or self.depth == 16):
            raise ValueError("a video needs a codec, chroma 420, 422 or 444, and depth 8 or 10")
        if self.faststart and self.container not in {"mp4", "mov"}:
            raise ValueError("faststart goes with container mp4 or mov")
        return self

    @property
    def pixel_format(self) -> str:
        """The libav name of the samples, such as yuv420p10le."""
        if self.kind == "frames":
            return "rgb48le"
        return f"yuv{self.chroma}p" + ("" if self.depth == 8 else f"{self.depth}le")

    @property
    def extension(self) -> str:
        """The suffix of a finished file, dot included."""
        return f".{self.container}"

    @property
    def subsampling(self) -> tuple[int, int]:
        """Rows and columns of luma that one chroma sample covers."""
        return SUBSAMPLING[self.chroma]

    def gop(self, rate: Fraction) -> int | None:
        """Frames between pictures that a player can jump to, at `rate` frames/s."""
        if self.gop_frames is not None or self.gop_s is None:
            return self.gop_frames
        return max(1, round(Fraction(str(self.gop_s)) * rate))


def profile_names() -> tuple[str, ...]:
    """The names of all shipped profiles."""
    return tuple(sorted(p.stem for p in _folder().glob("*.yaml")))


def load_profile(name: str | Path) -> Profile:
    """The profile of a shipped name, or of a YAML file of one's own.

    A file may say `extends: NAME` and change only what it likes. Raises `ConfigError`
    with every problem and the nearest name that exists.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        return _read(path.resolve(), ())
    return _shipped(str(name))


def profile_for(use: str, *, rows: int = 1080, cols: int = 1920) -> Profile:
    """The profile that `for: use` means for pictures of `rows` x `cols` px."""
    if use not in USES:
        do = did_you_mean(use, USES) or f"write one of {some(USES)}"
        raise ConfigError([Problem("for", "for", f"{use!r} is no use", do)])
    fit = [p for n in profile_names() if use in (p := _shipped(n)).uses]
    fit = [p for p in fit if rows * cols >= p.from_pixels]
    return max(fit, key=lambda p: p.from_pixels)


def _folder() -> Path:
    return config_root() / "profiles"


@cache
def _shipped(name: str) -> Profile:
    if name not in profile_names():
        known = profile_names()
        do = did_you_mean(name, known) or f"write one of {some(known)}"
        raise ConfigError([Problem("profile", "profile", f"there is no profile {name!r}", do)])
    return _read(_folder() / f"{name}.yaml", ())


def _read(path: Path, seen: tuple[str, ...]) -> Profile:
    values = _values(path, seen)
    try:
        return Profile.model_validate({"name": path.stem, **values})
    except ValidationError as error:
        problems = []
        for e in error.errors():
            key = ".".join(str(k) for k in e["loc"]) or "profile"
            known = [*Profile.model_fields, "for", "extends"]
            hint = did_you_mean(str(e["loc"][-1]), known) if e["type"] == "extra_forbidden" else ""
            problems.append(Problem(str(path), key, e["msg"], hint))
        raise ConfigError(problems) from error


def _values(path: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    try:
        read = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), "profile", what, "check the path")]) from error
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        what = error.problem if isinstance(error, MarkedYAMLError) else str(error)
        raise ConfigError([Problem(where, "profile", f"is not YAML: {what}")]) from error
    if not isinstance(read, Mapping):
        raise ConfigError([Problem(str(path), "profile", "is no map", "write key: value lines")])
    values = dict(read)
    base = values.pop("extends", None)
    if base is None:
        return values
    if base in seen or base == path.stem or base not in profile_names():
        do = did_you_mean(str(base), profile_names()) or f"write one of {some(profile_names())}"
        what = f"cannot extend {base!r}"
        raise ConfigError([Problem(str(path), "extends", what, do)])
    inherited = _values(_folder() / f"{base}.yaml", (*seen, path.stem))
    for key in ("for", "from_pixels"):  # what a profile is for is its own to say
        inherited.pop(key, None)
    return {**inherited, **values}
