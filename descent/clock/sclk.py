"""Spacecraft clocks: what a counter on board reads, and what TAI that was."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from descent.clock.utc import tai_to_utc
from descent.errors import DescentError, SourceError, TimeUnknown

TT_MINUS_TAI = Fraction(32184, 1000)


class Correlation(NamedTuple):
    """From reading `sclk_s` on, at which it was `tai_s`, a clock second takes `rate` s."""

    sclk_s: Fraction
    tai_s: Fraction
    rate: Fraction


@dataclass(frozen=True, slots=True)
class Local:
    """Where the spacecraft's local solar time is counted, and from which sol.

    `longitude_east_deg` on Mars; `sol_zero` the Mars sol date, rounded down, of its sol 0.
    """

    longitude_east_deg: Fraction
    sol_zero: int


@dataclass(frozen=True, slots=True)
class SclkClock:
    """A spacecraft clock as straight pieces, exact in both directions.

    `pieces` rise in both clocks; readings from `start_s` to before `end_s` are known,
    others raise TimeUnknown. `error_s` is the half-width of what a converted time can be
    off by (a larger one is believed less). Where a kernel's neighbouring pieces overlap (by
    less than 0.1 us) a time is not let past the next piece's start, so order is kept.
    """

    name: str
    pieces: tuple[Correlation, ...]
    start_s: Fraction
    end_s: Fraction
    error_s: Fraction = Fraction(0)
    source: str = ""
    local: Local | None = None

    def __post_init__(self) -> None:
        rising = all(
            a.sclk_s < b.sclk_s and a.tai_s < b.tai_s
            for a, b in zip(self.pieces, self.pieces[1:], strict=False)
        )
        if not self.pieces or not rising or any(p.rate <= 0 for p in self.pieces):
            raise SourceError(
                "the records of a spacecraft clock must rise", where=self.name,
                do="give them in order, each with a later reading and a later time",
            )  # fmt: skip

    def tai(self, sclk_s: Fraction) -> Fraction:
        """The `tai_s` at which the clock read `sclk_s`; TimeUnknown outside its records."""
        if not self.start_s <= sclk_s < self.end_s:
            raise TimeUnknown(
                f"SCLK {_short(sclk_s)} lies outside what is known of the clock, "
                f"{_short(self.start_s)} to {_short(self.end_s)}",
                where=self.name, do="name SPICE kernels or a clock file that cover it",
            )  # fmt: skip
        return self._tai(sclk_s)

    def _tai(self, sclk_s: Fraction) -> Fraction:
        index = max(0, bisect_right(self.pieces, sclk_s, key=lambda p: p.sclk_s) - 1)
        piece = self.pieces[index]
        tai_s = piece.tai_s + (sclk_s - piece.sclk_s) * piece.rate
        if index + 1 < len(self.pieces):
            return min(tai_s, self.pieces[index + 1].tai_s)
        return tai_s

    def reader(self) -> Callable[[Fraction], Fraction]:
        """`tai` for many readings: quick while neighbours lie on one piece of the clock."""
        low = high = self.start_s
        piece = self.pieces[0]
        ceiling: Fraction | None = None

        def tai(sclk_s: Fraction) -> Fraction:
            nonlocal low, high, piece, ceiling
            if not low <= sclk_s < high:
                self.tai(sclk_s)  # raises where the clock is not known
                index = max(0, bisect_right(self.pieces, sclk_s, key=lambda p: p.sclk_s) - 1)
                piece = self.pieces[index]
                after = self.pieces[index + 1] if index + 1 < len(self.pieces) else None
                low = max(self.start_s, piece.sclk_s) if index else self.start_s
                high = self.end_s if after is None else min(self.end_s, after.sclk_s)
                ceiling = None if after is None else after.tai_s
            tai_s = piece.tai_s + (sclk_s - piece.sclk_s) * piece.rate
            return tai_s if ceiling is None else min(tai_s, ceiling)

        return tai

    def sclk(self, tai_s: Fraction) -> Fraction:
        """What the clock read at `tai_s`; TimeUnknown outside its records."""
        if not self._tai(self.start_s) <= tai_s < self._tai(self.end_s):
            first, last = (tai_to_utc(self._tai(s), 0) for s in (self.start_s, self.end_s))
            raise TimeUnknown(
                f"{tai_to_utc(tai_s, 3)} lies outside what is known of the clock, "
                f"{first} to {last}",
                where=self.name, do="name SPICE kernels or a clock file that cover it",
            )  # fmt: skip
        index = max(0, bisect_right(self.pieces, tai_s, key=lambda p: p.tai_s) - 1)
        piece = self.pieces[index]
        sclk_s = piece.sclk_s + (tai_s - piece.tai_s) / piece.rate
        if index + 1 < len(self.pieces):
            return min(sclk_s, self.pieces[index + 1].sclk_s)
        return sclk_s

    @classmethod
    def load(cls, path: Path) -> SclkClock:
        """The clock in a file of `configs/clocks/`; SourceError where it is not one."""
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        from descent.clock.expression import parse_duration

        try:
            raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
            local = raw.get("local")
            pieces = tuple(
                Correlation(
                    Fraction(str(r["sclk"])),
                    Fraction(str(r["tt"])) - TT_MINUS_TAI,
                    Fraction(str(r["rate"])),
                )
                for r in raw["records"]
            )
            return cls(
                name=str(raw["title"]),
                pieces=pieces,
                start_s=pieces[0].sclk_s,
                end_s=Fraction(str(raw["until"])),
                error_s=parse_duration(raw["error"]),
                source=str(raw["source"]),
                local=local
                and Local(Fraction(str(local["longitude_east_deg"])), int(local["sol_zero"])),
            )
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}", where=str(path)) from None
        except (YAMLError, KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise SourceError(
                f"is no clock file ({type(error).__name__}: {error})", where=str(path),
                do="write title, source, error, until and records of sclk, tt and rate, "
                "as configs/clocks/mars2020.yaml does",
            ) from None  # fmt: skip

    @classmethod
    def from_anchors(
        cls,
        pairs: Sequence[tuple[Fraction, Fraction]],
        *,
        resolution_s: Fraction,
        name: str = "anchored clock",
        largest_rate_error: Fraction = Fraction(1, 1000),
    ) -> SclkClock:
        """A clock from two or more moments read on both clocks, `(sclk_s, tai_s)`.

        A straight line by least squares. `error_s` is the largest residual, or what the
        resolution of the pairs allows at the end of the range, whichever is larger; the
        range reaches half the pairs' span beyond them. TimeUnknown where the pairs give no
        rate, or one further than `largest_rate_error` from 1 (a larger one believes worse
        clocks, such as a mistyped digit).
        """
        points = sorted(set(pairs))
        if len({s for s, _ in points}) < 2:
            raise TimeUnknown(
                "one moment gives an offset, not a clock", where=name,
                do="give two or more pairs of clock reading and UTC, far apart",
            )  # fmt: skip
        count = len(points)
        mid_s = sum((s for s, _ in points), Fraction(0)) / count
        mid_t = sum((t for _, t in points), Fraction(0)) / count
        spread = sum(((s - mid_s) ** 2 for s, _ in points), Fraction(0))
        rate = sum(((s - mid_s) * (t - mid_t) for s, t in points), Fraction(0)) / spread
        if abs(rate - 1) > largest_rate_error:
            raise TimeUnknown(
                f"the pairs say that a clock second lasts {float(rate):.6g} s", where=name,
                do="look for a mistyped reading, or for a clock that was reset in between",
            )  # fmt: skip
        residual = max(abs(mid_t + (s - mid_s) * rate - t) for s, t in points)
        first, last = points[0][0], points[-1][0]
        half = (last - first) / 2
        # Both ends off by the resolution, opposite ways, reach twice that half a span beyond.
        error = max(residual, 2 * resolution_s) + resolution_s
        piece = Correlation(first - half, mid_t + (first - half - mid_s) * rate, rate)
        return cls(
            name=name, pieces=(piece,), start_s=first - half, end_s=last + half,
            error_s=error, source=f"{count} anchor pairs, residual {float(residual):.3g} s",
        )  # fmt: skip

    @classmethod
    def from_kernels(
        cls,
        kernels: Sequence[Path],
        *,
        spacecraft: int = -168,
        until_s: Fraction | None = None,
        error_s: Fraction = Fraction(1, 1000),
    ) -> SclkClock:
        """The clock in SPICE kernels (an SCLK kernel, and leap seconds where it needs them).

        SPICE reads the files; what it read is turned into the exact pieces used here, so
        that a render's arithmetic never depends on the kernel pool. Readings before the
        first record, and past `until_s` (default: 30 days after the last record), are
        unknown. Needs the extra `spice`.
        """
        name = ", ".join(path.name for path in kernels)
        try:
            import spiceypy
        except ImportError:
            raise DescentError(
                "SPICE kernels need spiceypy", where=name, do="run pip install 'descent[spice]'"
            ) from None
        for path in kernels:
            if not path.is_file():
                raise SourceError("there is no such kernel", where=str(path))
        pieces = _kernel_pieces(spiceypy, kernels, spacecraft, name)
        last = pieces[-1].sclk_s + 30 * 86400
        return cls(
            name=name, pieces=pieces, start_s=pieces[0].sclk_s,
            end_s=last if until_s is None else until_s, error_s=error_s, source=name,
        )  # fmt: skip

    def placed(self, local: Local) -> SclkClock:
        """The clock with a place whose local solar time can be shown."""
        return replace(self, local=local)


def _short(seconds: Fraction) -> str:
    return f"{float(seconds):.3f}".rstrip("0").rstrip(".")


def _as_written(value: float) -> Fraction:
    """The decimal a kernel holds: SPICE's own reader may be off by the last bit."""
    return Fraction(f"{float(value):.14e}")


def _kernel_pieces(
    spice: Any, kernels: Sequence[Path], spacecraft: int, name: str
) -> tuple[Correlation, ...]:
    """The correlation records that SPICE holds after loading `kernels`, then unloaded."""
    tag = f"_{-spacecraft}"
    loaded: list[str] = []
    try:
        for path in kernels:
            spice.furnsh(str(path))
            loaded.append(str(path))
        count, kind = spice.dtpool(f"SCLK01_COEFFICIENTS{tag}")
        values = spice.gdpool(f"SCLK01_COEFFICIENTS{tag}", 0, count)
        moduli = spice.gdpool(f"SCLK01_MODULI{tag}", 0, 10)
        starts = spice.gdpool(f"SCLK_PARTITION_START{tag}", 0, 10)
        system = int(spice.gdpool(f"SCLK01_TIME_SYSTEM{tag}", 0, 1)[0])
        if len(starts) != 1 or kind != "N":
            raise SourceError(
                "the clock has several partitions: its readings repeat", where=name,
                do="name the clock file of one partition",
            )  # fmt: skip
        ticks = Fraction(1)
        for modulus in moduli[1:]:
            ticks *= int(modulus)
        pieces = []
        for at, parallel, rate in zip(values[::3], values[1::3], values[2::3], strict=True):
            if system == 2:  # Terrestrial Time, written with a few decimals: exact as text
                tai_s = _as_written(parallel) - TT_MINUS_TAI
            else:  # TDB: SPICE's own conversion, good to the 0.1 us of a double
                tai_s = Fraction(repr(round(spice.unitim(float(parallel), "TDB", "TAI"), 7)))
            pieces.append(Correlation(_as_written(at) / ticks, tai_s, _as_written(rate)))
        return tuple(pieces)
    except spice.utils.exceptions.SpiceyError as error:
        line = str(error).strip().splitlines()
        raise SourceError(
            f"SPICE cannot read a clock of spacecraft {spacecraft} there: "
            f"{getattr(error, 'short', '') or (line[-1] if line else 'unknown')}",
            where=name, do="name an SCLK kernel (.tsc) of that spacecraft",
        ) from None  # fmt: skip
    finally:
        for kernel in reversed(loaded):
            spice.unload(kernel)
