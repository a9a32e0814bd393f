"""What a camera heard, and where in another's sound it may lie: onsets alike at some offsets.

Onsets are what noises, rooms and microphones change least: a band of sound that grows louder
does so everywhere. They find a few offsets to try; which of them it is, and to what part of a
millisecond, `descent.clock.phat` says from the waves themselves.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE_HZ = 16_000
"""Samples a second that sound is compared at: speech, bangs and engines lie well below half."""

HOP_S = 0.01  # between two values of the onsets
FRAME = 512  # samples that a value is taken from
BANDS_HZ = (150.0, 7000.0)
BANDS = 12
BLOCK_S = 40.0  # stretches that are looked for as one: a clock's drift blurs longer ones
MOST_BLOCKS = 24
LEAST_S = 2.0  # of sound that both must have
OVERLAP_S = 4.0  # of a longer block that must lie within the other sound
DRIFT = 2e-4  # two clocks of sound run off from each other by less
CANDIDATES = 10
APART_S = 0.06  # offsets nearer than this are one answer: onsets tell no more
QUIET = 4.0  # of 32768: what is never louder is silent
_PASS_S = 60.0  # read at once, so that memory does not grow with the length


@dataclass(frozen=True, slots=True)
class Take:
    """A stretch of sound without a break: int16 `samples` (n,), which may lie in a file.

    `sound_s` and `own_s` (k,) tie seconds into it to the camera's own time, s; beyond them
    both run on alike.
    """

    samples: NDArray[np.int16]
    sound_s: Floats
    own_s: Floats

    def own(self, sound_s: Floats | float) -> Floats:
        """The camera's own time, s, of seconds into the sound."""
        return _along(np.asarray(sound_s, np.float64), self.sound_s, self.own_s)

    def sound(self, own_s: Floats | float) -> Floats:
        """Seconds into the sound at the camera's own time, s."""
        return _along(np.asarray(own_s, np.float64), self.own_s, self.sound_s)

    @property
    def length_s(self) -> float:
        """How long it sounds, s."""
        return len(self.samples) / RATE_HZ

    @property
    def span(self) -> tuple[float, float]:
        """From when to when it sounds, s of the camera's own time."""
        ends = self.own(np.array([0.0, self.length_s]))
        return float(ends[0]), float(ends[1])


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a camera heard, in order of its own time."""

    takes: tuple[Take, ...]

    @property
    def seconds(self) -> float:
        """How much there is, s."""
        return sum(take.length_s for take in self.takes)

    @property
    def span(self) -> tuple[float, float]:
        """From when to when, s of its own time."""
        return self.takes[0].span[0], self.takes[-1].span[1]

    def at(self, start_s: float, length: int) -> tuple[NDArray[np.float32], float] | None:
        """`length` samples from own time `start_s` on, and how late, s, the first one is.

        None where no take holds them all.
        """
        for take in self.takes:
            exact = float(take.sound(start_s)) * RATE_HZ
            first = int(np.floor(exact + 0.5))
            if first >= 0 and first + length <= len(take.samples):
                samples = take.samples[first : first + length].astype(np.float32)
                _let_go(take.samples)
                return samples / np.float32(32768), (first - exact) / RATE_HZ
        return None

    def between(self, start_s: float, end_s: float) -> Heard | None:
        """What was heard between two of its own times; None where that is nothing."""
        parts = []
        for take in self.takes:
            ends = take.sound(np.array([start_s, end_s])) * RATE_HZ
            first, last = (int(end) for end in np.rint(np.clip(ends, 0, len(take.samples))))
            if last > first:
                sound_s = take.sound_s - first / RATE_HZ
                parts.append(Take(take.samples[first:last], sound_s, take.own_s))
        return Heard(tuple(parts)) if parts else None

    def backwards(self) -> Heard:
        """The same run backwards: as loud and as lively, and never what was heard."""
        turned = []
        for take in reversed(self.takes):
            length_s = take.length_s
            turned.append(
                Take(take.samples[::-1], length_s - take.sound_s[::-1], -take.own_s[::-1])
            )
        middle = sum(self.span)
        return Heard(tuple(Take(t.samples, t.sound_s, t.own_s + middle) for t in turned))


@dataclass(frozen=True, slots=True)
class Onsets:
    """How suddenly each band grew louder: `values` (n, bands), `HOP_S` apart from `start_s`."""

    start_s: float
    values: NDArray[np.float32]

    @classmethod
    def of(cls, heard: Heard) -> Onsets:
        """The onsets of all takes on one even grid of the camera's own time; 0 between them."""
        start_s, end_s = heard.span
        count = max(1, int((end_s - start_s) / HOP_S) + 1)
        values = np.zeros((count, BANDS), np.float32)
        grid = start_s + HOP_S * np.arange(count)
        for take in heard.takes:
            found = _rises(take)
            at = take.own(np.arange(len(found)) * np.float64(HOP_S) + FRAME / 2 / RATE_HZ)
            if not len(at):
                continue
            inside = (grid >= at[0]) & (grid <= at[-1])
            for band in range(BANDS):
                values[inside, band] = np.interp(grid[inside], at, found[:, band])
        return cls(start_s, values)


@dataclass(frozen=True, slots=True)
class Offset:
    """Clock a less clock b, s, at b's time `at_s`; `drift` more each s; how alike, in sigmas."""

    lag_s: float
    at_s: float
    drift: float
    score: float


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike onsets are at every offset, for drawing: `lags` (n,) s, `score` (n,) sigmas."""

    lags: Floats
    score: Floats
    offsets: tuple[Offset, ...]


def is_silent(heard: Heard) -> bool:
    """Whether there is nothing to hear: no second of it rises above a few steps of 16 bits."""
    for take in heard.takes:
        for block in _passes(take):
            if float(np.sqrt(np.mean(block.astype(np.float64) ** 2))) > QUIET:
                return False
    return True


def alike(a: Onsets, b: Onsets, most_s: float = float("inf")) -> Alike:
    """The offsets at which the onsets of b are most like those of a, the best first.

    b is taken in blocks of up to 40 s; each is held against all of a, and what they say is
    added up along a clock that drifts by up to 200 ppm. `most_s` is how far apart the clocks
    can be at most.
    """
    swapped = len(b.values) > len(a.values)
    long, short = (b, a) if swapped else (a, b)
    number = int(np.clip(len(short.values) * HOP_S // (BLOCK_S / 2), 1, MOST_BLOCKS))
    size = min(int(BLOCK_S / HOP_S), len(short.values) // number)
    firsts = np.linspace(0, len(short.values) - size, number).astype(int)
    blocks = [(first, short.values[first : first + size]) for first in firsts]
    base = len(short.values)  # a lag of 0 steps stands at this place
    scores = np.empty((number, len(long.values) + base), np.float32)
    for row, (first, block) in zip(scores, blocks, strict=True):
        row[:] = _against(long.values, block, first, base)
    middle = (firsts.mean() + size / 2) * HOP_S
    apart = (firsts + size / 2) * HOP_S - middle
    half = max(float(np.abs(apart).max()), 1e-9)
    steps = int(np.ceil(DRIFT * half / HOP_S))
    drifts = np.linspace(-DRIFT, DRIFT, 2 * steps + 1) if steps else np.zeros(1)
    valid = np.isfinite(scores)
    scores[~valid] = 0.0
    best = np.full(scores.shape[1], -np.inf)
    which = np.zeros(scores.shape[1], np.int64)
    for k, drift in enumerate(drifts):
        total, count = np.zeros(len(best)), np.zeros(len(best))
        for row, there, off_s in zip(scores, valid, apart, strict=True):
            shift = round(drift * off_s / HOP_S)
            total += np.roll(row, -shift)
            count += np.roll(there, -shift)
        score = np.where(count > 0, total / np.sqrt(np.maximum(count, 1)), -np.inf)
        better = score > best
        best[better], which[better] = score[better], k
    lags: Floats = np.arange(len(best), dtype=np.float64) - base
    lags = lags * HOP_S + (long.start_s - short.start_s)
    best[np.abs(lags) > most_s] = -np.inf
    left = best.copy()
    offsets = []
    at_s = short.start_s + middle
    for _ in range(CANDIDATES):
        k = int(np.argmax(left))
        if not np.isfinite(left[k]):
            break
        lag, drift = float(lags[k]), float(drifts[which[k]])
        own_s = at_s + lag if swapped else at_s
        sign = -1 if swapped else 1
        offsets.append(Offset(sign * lag, own_s, sign * drift, float(left[k])))
        left[np.abs(lags - lags[k]) < APART_S] = -np.inf
    if swapped:
        lags, best = -lags[::-1], best[::-1]
    return Alike(lags, np.where(np.isfinite(best), best, 0.0), tuple(offsets))


def _against(
    long: NDArray[np.float32], block: NDArray[np.float32], first: int, base: int
) -> NDArray[np.float32]:
    """How alike a block is to what lies `lag` further on, in sigmas, for every lag.

    (len(long) + base,), lag 0 at place `base`; NaN where too little of it is there.
    """
    import scipy.fft

    n, m = len(long), len(block)
    size = scipy.fft.next_fast_len(n + m, real=True)
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    for band in range(block.shape[1]):
        spectrum += scipy.fft.rfft(long[:, band], size) * np.conj(
            scipy.fft.rfft(block[:, band], size)
        )
    # Place p of the whole correlation: the block begins at sample p - (m - 1) of `long`.
    both = np.roll(scipy.fft.irfft(spectrum, size), m - 1)[: n + m - 1]
    power = np.concatenate([[0.0], np.cumsum((long.astype(np.float64) ** 2).sum(axis=1))])
    begin = np.arange(-(m - 1), n)
    low, high = np.clip(begin, 0, n), np.clip(begin + m, 0, n)
    energy = power[high] - power[low]
    usual = power[-1] / n
    least = min(m, max(int(LEAST_S / HOP_S), min(m // 2, int(OVERLAP_S / HOP_S))))
    size_of_b = float((block.astype(np.float64) ** 2).sum())
    if usual <= 0 or size_of_b <= 0:
        return np.full(n + base, np.nan, np.float32)
    near = both / np.sqrt(np.maximum(energy, 0.25 * usual * m) * size_of_b)
    near[high - low < least] = np.nan
    out = np.full(n + base, np.nan)
    places = begin - first + base
    fits = (places >= 0) & (places < len(out))
    out[places[fits]] = near[fits]
    seen = out[np.isfinite(out)]
    if len(seen) < 8:
        return np.full(n + base, np.nan, np.float32)
    spread = 1.4826 * float(np.median(np.abs(seen - np.median(seen))))
    return np.asarray((out - float(np.median(seen))) / max(spread, 1e-6), np.float32)


def _passes(take: Take) -> Iterator[NDArray[np.int16]]:
    size = int(_PASS_S * RATE_HZ)
    for first in range(0, len(take.samples), size):
        yield take.samples[first : first + size]
        _let_go(take.samples)


def _let_go(samples: NDArray[np.int16]) -> None:
    """Give back the pages of a file that were read: they are read again where they are asked for.

    They would count as this process's memory, and grow with the length of the sound.
    """
    pages = getattr(samples, "_mmap", None)
    if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)


def _rises(take: Take) -> NDArray[np.float32]:
    """How suddenly each band grew louder every `HOP_S` of a take (n, bands)."""
    import scipy.fft

    hop = int(HOP_S * RATE_HZ)
    count = max(0, (len(take.samples) - FRAME) // hop + 1)
    if count < 3:
        return np.zeros((0, BANDS), np.float32)
    window = np.hanning(FRAME).astype(np.float32)
    edges = np.geomspace(*BANDS_HZ, BANDS + 1) / (RATE_HZ / FRAME)
    cuts = np.round(edges).astype(int)
    loud = np.empty((count, BANDS), np.float32)
    step = int(_PASS_S / HOP_S)
    for first in range(0, count, step):
        last = min(first + step, count)
        part = take.samples[first * hop : (last - 1) * hop + FRAME].astype(np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(part, FRAME)[::hop]
        power = np.abs(scipy.fft.rfft(frames * window, axis=1)) ** 2
        loud[first:last] = np.add.reduceat(power[:, : cuts[-1]], cuts[:-1], axis=1)
        del part, frames, power
        _let_go(take.samples)
    # Below the usual loudness of a band nothing counts: that is its noise.
    quiet = np.maximum(np.median(loud, axis=0), FRAME * QUIET**2)
    # A band at a time, so that an hour needs no more than its onsets twice.
    out = loud
    for band in range(BANDS):
        level = np.log(loud[:, band] + quiet[band])
        rise = np.zeros_like(level)
        rise[1:-1] = np.maximum(level[2:] - level[:-2], 0)
        rise -= _smooth(rise, round(1.0 / HOP_S))
        out[:, band] = np.clip(rise / np.maximum(rise.std(), 1e-3), -3, 3)
    return out


def _smooth(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """The mean of `width` neighbours (n,), fewer at the ends."""
    total = np.concatenate([np.zeros(1), np.cumsum(values, dtype=np.float64)])
    at = np.arange(len(values))
    low, high = np.maximum(at - width // 2, 0), np.minimum(at + width // 2 + 1, len(values))
    return np.asarray((total[high] - total[low]) / (high - low), np.float32)


def _along(t: Floats, x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> Floats:
    """The straight pieces through (x, y), run on at either end."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(x) < 2:
        return np.asarray(t - x[0] + y[0], np.float64)
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    inside = np.interp(t, x, y)
    below, above = y[0] + (t - x[0]) * slope, y[-1] + (t - x[-1]) * slope
    out: Floats = np.where(t < x[0], below, np.where(t > x[-1], above, inside))
    return out
