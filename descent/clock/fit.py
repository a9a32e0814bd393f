"""One camera's clock on another's: straight pieces, how sure they are, and on what evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from descent.errors import SourceError

FIT_VERSION = "clockfit.1"
Floats = NDArray[np.float64]
When = TypeVar("When", float, Fraction, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Piece:
    """From `start_s` to `end_s` on clock b: a's time is `offset_s + rate * b's time`.

    All relative to the fit's epochs; both ends are times of frames.
    """

    start_s: float
    end_s: float
    offset_s: float
    rate: float

    def map(self, t: Any) -> Any:
        """Clock a's time, relative to the epochs."""
        return self.offset_s + self.rate * t


@dataclass(frozen=True, slots=True)
class ClockFit:
    """The clock of camera b told by that of camera a.

    `pieces` are relative to `epoch_a` and `epoch_b`, s, so that nothing is ill-conditioned on
    a clock of 6.7e8 s. `interval` is the 95 % half-width, s, of a mapped time within the
    common span; `residual` the RMS of what the evidence is off by, in its own unit;
    `margin` how many times better the best answer is than the next (larger is surer);
    `resolution` the half-width of the stamps themselves, s; `evidence` says what was used.
    """

    epoch_a: Fraction
    epoch_b: Fraction
    pieces: tuple[Piece, ...]
    interval: float
    residual: float
    margin: float
    resolution: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def offset(self) -> float:
        """Clock a minus clock b at the start of the first piece, s."""
        first = self.pieces[0]
        moved = first.map(first.start_s) - first.start_s
        return float(moved + float(self.epoch_a - self.epoch_b))

    @property
    def drift(self) -> float:
        """What a gains on b, s per s of b, in the first piece."""
        return self.pieces[0].rate - 1

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        """Where a clock jumped: (b's time, s; by how much a's time moves there, s)."""
        return tuple(
            (float(self.epoch_b) + q.start_s, float(q.map(q.start_s) - p.map(q.start_s)))
            for p, q in pairwise(self.pieces)
        )

    def map(self, t: When) -> When:
        """Times on b's clock as times on a's: floats, an array (n,), or an exact Fraction.

        Between two pieces, where b has no frame, times run evenly from the one's end to
        the next one's start, so that frames are never put out of order.
        """
        if isinstance(t, Fraction):
            return self.epoch_a + _exact_along(self._knots(), t - self.epoch_b)
        times = np.asarray(t, dtype=np.float64) - float(self.epoch_b)
        mapped = _along(self._knots(), times)
        out = mapped + float(self.epoch_a)
        return cast(When, float(out) if np.ndim(t) == 0 else out)

    def inverse(self, t: When) -> When:
        """Times on a's clock as times on b's; where a's clock went back, the first of them."""
        knots = self._knots_back()
        if isinstance(t, Fraction):
            return self.epoch_b + _exact_along(knots, t - self.epoch_a)
        times = np.asarray(t, dtype=np.float64) - float(self.epoch_a)
        out = _along(knots, times) + float(self.epoch_b)
        return cast(When, float(out) if np.ndim(t) == 0 else out)

    def _knots(self) -> list[tuple[float, float, float]]:
        """(b, a, slope from there on), rising in b; before the first its slope goes on."""
        knots = []
        for k, piece in enumerate(self.pieces):
            if k:
                before = self.pieces[k - 1]
                gap = piece.start_s - before.end_s
                rise = float(piece.map(piece.start_s) - before.map(before.end_s))
                knots.append((before.end_s, float(before.map(before.end_s)), rise / gap))
            knots.append((piece.start_s, float(piece.map(piece.start_s)), piece.rate))
        return knots

    def _knots_back(self) -> list[tuple[float, float, float]]:
        """(a, b, slope from there on), rising in a: what a clock tells twice counts once."""
        knots: list[tuple[float, float, float]] = []
        for k, piece in enumerate(self.pieces):
            at = float(piece.map(piece.start_s))
            start_s = piece.start_s
            if k:
                before = self.pieces[k - 1]
                last = float(before.map(before.end_s))
                if at > last:
                    knots.append((last, before.end_s, (start_s - before.end_s) / (at - last)))
                else:
                    at, start_s = last, (last - piece.offset_s) / piece.rate
            knots.append((at, start_s, 1 / piece.rate))
        return knots

    def to_json(self) -> str:
        """The fit as a small file that a person can read, keep and edit."""
        plain = {
            "version": FIT_VERSION,
            "epoch_a": str(self.epoch_a),
            "epoch_b": str(self.epoch_b),
            "pieces": [
                {"start_s": p.start_s, "end_s": p.end_s, "offset_s": p.offset_s, "rate": p.rate}
                for p in self.pieces
            ],
            "interval_s": self.interval,
            "residual": self.residual,
            "margin": self.margin,
            "resolution_s": self.resolution,
            "evidence": dict(self.evidence),
        }
        return json.dumps(plain, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ClockFit:
        """Read what `to_json` wrote; SourceError for anything else."""
        try:
            plain = json.loads(text)
            if plain["version"] != FIT_VERSION:
                raise ValueError(f"version {plain['version']}")
            pieces = tuple(
                Piece(*(float(p[key]) for key in ("start_s", "end_s", "offset_s", "rate")))
                for p in plain["pieces"]
            )
            ordered = all(p.end_s < q.start_s for p, q in pairwise(pieces)) and all(
                p.rate > 0 and p.start_s <= p.end_s for p in pieces
            )
            if not pieces or not ordered:
                raise ValueError("its pieces must rise")
            return cls(
                Fraction(plain["epoch_a"]), Fraction(plain["epoch_b"]), pieces,
                float(plain["interval_s"]), float(plain["residual"]), float(plain["margin"]),
                float(plain["resolution_s"]), plain["evidence"],
            )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f"is no clock fit: {error}", where=FIT_VERSION, do="measure it again"
            ) from None


def _along(knots: list[tuple[float, float, float]], t: Floats) -> Floats:
    xs = np.array([k[0] for k in knots])
    ys = np.array([k[1] for k in knots])
    slopes = np.array([k[2] for k in knots])
    at = np.clip(np.searchsorted(xs, t, side="right") - 1, 0, None)
    out: Floats = ys[at] + (t - xs[at]) * slopes[at]
    return out


def _exact_along(knots: list[tuple[float, float, float]], t: Fraction) -> Fraction:
    chosen = knots[0]
    for knot in knots:
        if Fraction(knot[0]) <= t:
            chosen = knot
    x, y, slope = (Fraction(v) for v in chosen)
    return y + (t - x) * slope
