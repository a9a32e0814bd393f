"""Camera models of NASA's rovers: CAHV, CAHVOR and CAHVORE vectors, checked before belief.

Source: Yakimovsky and Cunningham 1978 (CAHV); Gennery, "Generalized camera calibration including
fish-eye lenses", IJCV 2006 (CAHVORE).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Vector = tuple[float, float, float]
KINDS = {"CAHV": "CAHV", "CAHVOR": "CAHVOR", "CAHVORE": "CAHVORE"}
_SCRAMBLED = "VARCOH"
_UNIT_OFF = 1e-3
_FEWEST_PX, _MOST_PX = 10.0, 1e6


class ModelError(ValueError):
    """Why a camera model is not believed."""


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A camera by its vectors: centre `c` in m, axis `a`, and image plane `h`, `v` in px.

    `o` is the optical axis, `r` and `e` the radial and entrance terms of CAHVOR and CAHVORE,
    else None; `mtype` and `mparm` the fish-eye kind of a CAHVORE (2: fish-eye).
    `focal_px` are the focal lengths along columns and rows, `centre_px` where the axis meets
    the picture (x, y).
    """

    kind: str
    c: Vector
    a: Vector
    h: Vector
    v: Vector
    o: Vector | None = None
    r: Vector | None = None
    e: Vector | None = None
    mtype: float | None = None
    mparm: float | None = None

    @property
    def focal_px(self) -> tuple[float, float]:
        """Focal lengths, px, across and down."""
        return _length(_cross(self.a, self.h)), _length(_cross(self.a, self.v))

    @property
    def centre_px(self) -> tuple[float, float]:
        """Where the axis meets the picture, px as x, y."""
        return _dot(self.a, self.h), _dot(self.a, self.v)


def model(
    kind: str,
    vectors: Mapping[str, Sequence[float]],
    *,
    mtype: float | None = None,
    mparm: float | None = None,
) -> CameraModel:
    """The model of these vectors by letter (C, A, H ...); ModelError where they are no camera's.

    Axes must be of length 1 and focal lengths between 10 and a million px.
    """
    letters = KINDS.get(kind.upper())
    if letters is None:
        raise ModelError(f"a {kind} model is not known")
    missing = [letter for letter in letters if len(vectors.get(letter, ())) != 3]
    if missing:
        raise ModelError(f"its {kind} model lacks {', '.join(missing)}")
    read = {
        letter.lower(): (float(x), float(y), float(z))
        for letter in letters
        for x, y, z in [vectors[letter]]
    }
    if not all(math.isfinite(value) for vector in read.values() for value in vector):
        raise ModelError(f"its {kind} model holds what is no number")
    made = CameraModel(kind.upper(), mtype=mtype, mparm=mparm, **read)
    for letter in ("a", "o"):
        vector = read.get(letter)
        if vector is not None and abs(_length(vector) - 1) > _UNIT_OFF:
            raise ModelError(f"its |{letter.upper()}| is {_length(vector):.4g}, not 1")
    for axis, focal in zip("HV", made.focal_px, strict=True):
        if not _FEWEST_PX <= focal <= _MOST_PX:
            raise ModelError(f"its focal length by {axis} is {focal:.4g} px")
    return made


def from_list(
    kind: str, vectors: Sequence[Sequence[float]], rest: Sequence[float] = ()
) -> CameraModel:
    """The model of vectors in the order of its letters; ModelError where they are no camera's.

    In February 2021 the public feed wrote CAHVOR as V;A;R;C;O;H. That order is taken where
    the letters' own order makes no camera and it does: H and V are some hundred px long, C
    and R are not, so that no list can be both.
    """
    letters = KINDS.get(kind.upper(), "")
    try:
        return model(kind, dict(zip(letters, vectors, strict=False)), **_fish(rest))
    except ModelError as wrong:
        if len(vectors) == len(_SCRAMBLED) == len(letters):
            try:
                return model(kind, dict(zip(_SCRAMBLED, vectors, strict=True)))
            except ModelError:
                pass
        raise wrong


def _fish(rest: Sequence[float]) -> dict[str, float]:
    return dict(zip(("mtype", "mparm"), rest, strict=False))


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _length(a: Vector) -> float:
    return math.sqrt(_dot(a, a))
