"""The fine part of tying two cameras by rotation: one motion, seen through both clocks.

The motion is a spline in a's time, fitted to the turns of both cameras at once while b's
offset, rate and axes are adjusted (variable projection; what Kalibr does with poses).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from descent.clock.spline import Grid, Normal, Rows, differences

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Turns:
    """A camera's turns: from `t0` to `t1` (n,), by `by` (n, 3) rad.

    `weight` (n,) is how much each counts beside the others, 0 for those that were not seen.
    """

    t0: Floats
    t1: Floats
    by: Floats
    weight: Floats

    @classmethod
    def of(cls, times: Floats, by: Floats, who: str, noise: Floats | None = None) -> Turns:
        """From frame stamps (n + 1,) that rise and the turns (n, 3) between them.

        `noise` (n,) is each turn's standard deviation, infinite where it was not seen.
        """
        if times.ndim != 1 or by.ndim != 2 or by.shape != (len(times) - 1, 3):
            raise ValueError(
                f"times_{who} is {times.shape} and turns_{who} {by.shape}: "
                "n times need n - 1 turns of three components"
            )
        if not (np.isfinite(times).all() and np.isfinite(by).all()):
            raise ValueError(f"times_{who} and turns_{who} must be finite")
        if not (np.diff(times) > 0).all():
            raise ValueError(f"times_{who} must rise")
        weight = np.ones(len(by)) if noise is None else _weights(noise, len(by), who)
        return cls(times[:-1].copy(), times[1:].copy(), by * (weight > 0)[:, None], weight)

    @property
    def step_s(self) -> float:
        """The usual time between frames."""
        return float(np.median(self.t1 - self.t0))

    def angle(self, t: Floats) -> Floats:
        """The turned angle (k, 3) at times, along straight lines between frames."""
        times = np.concatenate([self.t0[:1], self.t1])
        total = np.concatenate([np.zeros((1, 3)), np.cumsum(self.by, axis=0)])
        return np.stack([np.interp(t, times, total[:, k]) for k in range(3)], axis=1)


def _weights(noise: Floats, count: int, who: str) -> Floats:
    """Weights (n,) from standard deviations: nothing counts more than a few times the usual."""
    if noise.shape != (count,) or np.isnan(noise).any() or (noise < 0).any():
        raise ValueError(f"noise_{who} must be {count} standard deviations, not {noise.shape}")
    seen = np.isfinite(noise)
    usual = float(np.median(noise[seen])) if seen.any() else 1.0
    share = np.maximum(usual, 1e-12) / np.maximum(noise, max(0.5 * usual, 1e-12))
    weights: Floats = np.where(seen, np.maximum(share**2, 1e-3), 0.0)
    return weights


@dataclass(slots=True)
class State:
    """What is adjusted: a's time is b's plus `offset[segment] + drift * (t - centre)`."""

    offset: Floats  # (segments,)
    drift: float
    axes: Floats  # (3, 3), b's turns times it are in a's axes
    centre: float

    def at(self, t: Floats, segment: Ints) -> Floats:
        """Clock a's time of b's."""
        out: Floats = t + self.offset[segment] + self.drift * (t - self.centre)
        return out


@dataclass(slots=True)
class Adjusted:
    """The answer of `adjust`: state, covariance of (offsets, drift), residuals in rad."""

    state: State
    covariance: Floats
    sigma_a: float
    sigma_b: float
    used: int
    error_b: Floats  # (n, 3)
    pull: Floats  # (n,) how each turn of b would move the offset ...
    hold: Floats  # (n,) ... and how firmly: their sums' ratio is a stretch's own offset


def bandwidth(turns: Turns) -> float:
    """The frequency, Hz, above which the turns hold noise alone."""
    step = turns.step_s
    grid = np.arange(turns.t0[0], turns.t1[-1], step)
    rate = np.diff(turns.angle(grid), axis=0) / step
    if len(rate) < 32:
        return 0.4 / step
    window = np.hanning(len(rate))[:, None]
    power = (np.abs(np.fft.rfft((rate - rate.mean(axis=0)) * window, axis=0)) ** 2).sum(axis=1)
    frequency = np.fft.rfftfreq(len(rate), step)
    wide = max(3, len(power) // 64)
    smooth = np.convolve(power, np.ones(wide) / wide, mode="same")
    # The straight lines between frames take power off the highest quarter: look below it.
    quiet = smooth[(frequency > 0.3 / step) & (frequency < 0.4 / step)]
    loud = np.nonzero(smooth > 4 * float(np.median(quiet)))[0] if len(quiet) else np.array([0])
    top = float(frequency[loud[-1]]) if len(loud) else 0.0
    return float(np.clip(1.05 * top, 0.5, 0.4 / step))


def adjust(
    a: Turns, b: Turns, state: State, segment: Ints, band_hz: float, memory_s: float = 0.0
) -> Adjusted:
    """Adjust offsets, drift and axes until both cameras felt one motion.

    `segment` (n of b,) numbers the piece of each turn of b, -1 for turns to leave out.
    Errors within `memory_s` of each other are not taken as independent.
    """
    step = max(1 / (4.5 * band_hz), 0.8 * min(a.step_s, b.step_s))
    weight_a, weight_b = np.ones(len(a.t0)), np.ones(len(b.t0))
    sigma_a = sigma_b = 1.0
    covariance = np.eye(len(state.offset) + 1)
    start = state.offset.copy()
    probes = np.sign(np.random.default_rng(1).normal(size=(len(a.t0) + len(b.t0), 6)))
    for turn in range(10):
        segments = np.clip(segment, 0, None)
        s0, s1 = state.at(b.t0, segments), state.at(b.t1, segments)
        first = min(a.t0[0], float(s0.min())) - step
        last = max(a.t1[-1], float(s1.max())) + step
        grid = Grid(first, step, int((last - first) / step) + 5)
        reach = 6 * max(a.step_s, b.step_s) + 4 * step
        good_a = ((a.t1 - a.t0) < reach) & (a.weight > 0)
        inside = (s0 >= a.t0[0]) & (s1 <= a.t1[-1])
        good_b = (s1 - s0 < reach) & (segment >= 0) & inside & (b.weight > 0)
        rows_a = differences(grid, a.t0, _reached(a.t0, a.t1, good_a))
        rows_b = differences(grid, s0, _reached(s0, s1, good_b))
        wa = weight_a * good_a * a.weight / sigma_a**2
        wb = weight_b * good_b * b.weight / sigma_b**2
        seen = b.by @ state.axes
        normal = Normal(grid, [(rows_a, wa), (rows_b, wb)], 1e-4)
        right = rows_a.transposed(wa[:, None] * a.by, grid.count)
        right += rows_b.transposed(wb[:, None] * seen, grid.count)
        motion = normal.solve(right)
        error_a = rows_a.times(motion) - a.by
        error_b = rows_b.times(motion) - seen
        slopes = _slopes(grid, _smooth(motion, step, band_hz), s0, s1)
        jacobian = _jacobian(slopes, seen, b, state, segments)
        covariance, move, influence = _move(
            normal,
            grid,
            (rows_a, wa, error_a),
            (rows_b, wb, error_b),
            jacobian,
            (int(memory_s / a.step_s), int(memory_s / b.step_s)),
        )
        state = _moved(state, move)
        # Further than a swing of the motion is another answer, not a finer one.
        swing = 0.5 / band_hz
        state.offset = np.clip(state.offset, start - swing, start + swing)
        free_a = _freedom(normal, grid, rows_a, wa, probes[: len(a.t0)])
        free_b = _freedom(normal, grid, rows_b, wb, probes[len(a.t0) :])
        sigma_a, weight_a = _spread(error_a * np.sqrt(a.weight)[:, None], good_a, free_a)
        sigma_b, weight_b = _spread(error_b * np.sqrt(b.weight)[:, None], good_b, free_b)
        sure = np.sqrt(np.diag(covariance)[: len(start)])
        if turn > 3 and bool((np.abs(move[: len(start)]) < 0.005 * sure).all()):
            break
    count = len(state.offset) + 1
    own = jacobian[: count - 1].sum(axis=0)
    through = influence[: count - 1].sum(axis=0)
    return Adjusted(
        state, covariance[:count, :count], sigma_a, sigma_b, int(good_b.sum()), error_b,
        -(through * error_b).sum(axis=1), (through * own).sum(axis=1),
    )  # fmt: skip


def _reached(t0: Floats, t1: Floats, good: Bools) -> Floats:
    """The ends of turns, those that do not count cut to the longest that does."""
    longest = float((t1 - t0)[good].max()) if good.any() else 0.0
    out: Floats = np.clip(t1, t0, t0 + longest)
    return out


def _smooth(motion: Floats, step: float, band_hz: float) -> Floats:
    """The motion without what lies above its band, which is noise.

    How the errors move with the clock is taken from it: noise in there would correlate with
    the errors themselves and make the answer look surer than it is.
    """
    count = len(motion)
    ramp = np.linspace(0, 1, count)[:, None]
    line = motion[:1] + (motion[-1:] - motion[:1]) * ramp
    # Mirrored with a sign, the ends go on smoothly.
    bent = motion - line
    around = np.concatenate([bent, -bent[-2:0:-1]])
    power = np.fft.rfft(around, axis=0)
    frequency = np.fft.rfftfreq(len(around), step)
    power *= np.clip((1.15 * band_hz - frequency) / (0.15 * band_hz), 0, 1)[:, None]
    out: Floats = np.fft.irfft(power, len(around), axis=0)[:count] + line
    return out


def _slopes(grid: Grid, motion: Floats, s0: Floats, s1: Floats) -> tuple[Floats, Floats]:
    out = []
    for t in (s0, s1):
        first, _, slope, _ = grid.basis(t)
        out.append(np.einsum("nw,nwk->nk", slope, motion[first[:, None] + np.arange(4)]))
    return out[0], out[1]


def _jacobian(
    slopes: tuple[Floats, Floats], seen: Floats, b: Turns, state: State, segments: Ints
) -> Floats:
    """How b's errors (n, 3) move with each parameter: (parameters, n, 3)."""
    rate0, rate1 = slopes
    count = len(state.offset)
    out = np.zeros((count + 4, len(b.t0), 3))
    for g in range(count):
        out[g][segments == g] = (rate1 - rate0)[segments == g]
    late0, late1 = (b.t0 - state.centre)[:, None], (b.t1 - state.centre)[:, None]
    out[count] = rate1 * late1 - rate0 * late0
    for axis in range(3):
        unit = np.zeros(3)
        unit[axis] = 1.0
        out[count + 1 + axis] = -np.cross(unit, seen)
    return out


Part = tuple[Rows, Floats, Floats]


def _move(
    normal: Normal,
    grid: Grid,
    part_a: Part,
    part_b: Part,
    jacobian: Floats,
    memory: tuple[int, int],
) -> tuple[Floats, Floats, Floats]:
    """One Gauss-Newton step with the motion projected out, and its sandwich covariance."""
    rows_a, wa, error_a = part_a
    rows_b, wb, error_b = part_b
    count = len(jacobian)
    info, score = np.zeros((count, count)), np.zeros(count)
    stacked = np.concatenate(
        [rows_b.transposed(wb[:, None] * jacobian[p], grid.count) for p in range(count)], axis=1
    )
    taken = normal.solve(stacked)
    through_a, through_b = rows_a.times(taken), rows_b.times(taken)
    influence_a = np.zeros((count, *error_a.shape))
    influence_b = np.zeros((count, *error_b.shape))
    for p in range(count):
        influence_a[p] = -wa[:, None] * through_a[:, 3 * p : 3 * p + 3]
        influence_b[p] = wb[:, None] * (jacobian[p] - through_b[:, 3 * p : 3 * p + 3])
    for p in range(count):
        score[p] = np.sum(influence_b[p] * error_b) + np.sum(influence_a[p] * error_a)
        for q in range(count):
            info[p, q] = np.sum(influence_b[p] * jacobian[q])
    # A trace on the diagonal: without motion about an axis nothing tells that axis.
    info = (info + info.T) / 2
    info += np.diag(1e-9 * np.abs(np.diag(info)) + 1e-300)
    move = np.asarray(-np.linalg.solve(info, score), dtype=np.float64)
    meat = _long_run(influence_a, error_a, memory[0]) + _long_run(influence_b, error_b, memory[1])
    inverse = np.linalg.inv(info)
    covariance: Floats = inverse @ meat @ inverse
    return covariance, move, influence_b


def _freedom(normal: Normal, grid: Grid, rows: Rows, w: Floats, probes: Floats) -> float:
    """The share of a camera's noise that the fitted motion leaves in its errors.

    The trace of what the fit takes up, by random signs (Hutchinson): without it the camera
    that is followed closest would be believed ever more.
    """
    root = np.sqrt(w)[:, None]
    back = rows.times(normal.solve(rows.transposed(root * probes, grid.count)))
    taken = float(np.sum(probes * root * back)) / int(probes.shape[1])
    count = float(np.count_nonzero(w))
    return max(0.02, 1 - taken / max(count, 1.0))


def _long_run(influence: Floats, error: Floats, memory: int) -> Floats:
    """Covariance of the scores, neighbours' covariance included (Newey and West's).

    A frame exposed late lengthens one turn and shortens the next: counting turns as
    independent would overstate that error.
    """
    scores = np.einsum("pnk,nk->pn", influence, error)
    total: Floats = scores @ scores.T
    lags = min(max(2, memory), max(2, scores.shape[1] // 4))
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        cross = scores[:, lag:] @ scores[:, :-lag].T
        total = total + weight * (cross + cross.T)
    return total


def _moved(state: State, move: Floats) -> State:
    count = len(state.offset)
    turn = np.clip(move[count + 1 :], -0.3, 0.3)
    angle = float(np.linalg.norm(turn))
    axes = state.axes
    if angle > 0:
        x, y, z = turn / angle
        K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        R = np.eye(3) + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K
        axes = axes @ R.T
    return replace(
        state,
        offset=state.offset + np.clip(move[:count], -0.05, 0.05),
        drift=float(np.clip(state.drift + move[count], -2e-3, 2e-3)),
        axes=axes,
    )


def _spread(error: Floats, good: Bools, free: float) -> tuple[float, Floats]:
    """The noise's robust spread a component, and Huber weights of the rows."""
    size = np.sqrt((error**2).mean(axis=1))
    spread = float(np.median(size[good])) / 0.8879 if good.any() else 1.0
    spread = max(spread, 1e-12)
    weights = np.minimum(1.0, 3.0 * spread / np.maximum(size, 1e-30))
    return spread / float(np.sqrt(free)), weights
