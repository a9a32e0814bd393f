"""Each camera's own clock: offset, drift, jitter, dropped frames, and the stamps it writes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from zlib import crc32

import numpy as np

from descent.simulate.optics import Camera
from descent.simulate.trajectory import SCLK_ZERO


@dataclass(frozen=True)
class Disturbance:
    """How rough the ride and the data are; every larger value makes later work harder.

    `swing` rad/s under the parachute; `offset_s`, `drift_ppm` the most a clock is off;
    `jitter_s` the spread of its stamps; `drops` the share of frames lost; `read_noise_e`
    in electrons; `blur_px` None for fixed exposures, else the least and the most that a
    frame's subject may smear at full size; `stretch` whether each frame is stretched by
    itself.
    """

    swing: float
    offset_s: float
    drift_ppm: float
    jitter_s: float
    drops: float
    read_noise_e: float
    blur_px: tuple[float, float] | None
    stretch: bool


CALM = Disturbance(0.11, 0.03, 20.0, 0.0003, 0.005, 14.0, None, False)
FLIGHT = Disturbance(0.20, 2.0, 100.0, 0.0005, 0.02, 24.0, (3.0, 12.0), True)


def stream(seed: int, camera: str, frame: int, what: str) -> np.random.Generator:
    """The random numbers of one thing of one frame, the same on any worker."""
    return np.random.default_rng([seed, crc32(camera.encode()), frame, crc32(what.encode())])


@dataclass(frozen=True)
class CameraClock:
    """A camera's clock: it reads t + offset_s + drift_ppm * 1e-6 * (t - zero) at SCLK t."""

    camera: Camera
    seed: int
    offset_s: float
    drift_ppm: float
    jitter_s: float
    drops: float
    zero: float

    @property
    def _rate(self) -> float:
        return 1 + self.drift_ppm * 1e-6

    def reads(self, t: float) -> float:
        """What the clock shows at `t`, both SCLK - 666952000 s; without jitter."""
        return t + self.offset_s + self.drift_ppm * 1e-6 * (t - self.zero)

    def opens(self, frame: int) -> float:
        """When frame `frame` starts to be exposed: an even beat of this clock."""
        first = self.camera.starts
        return first + float(frame / self.camera.rate) / self._rate

    def frames(self, start: float, end: float) -> range:
        """The frames that start within [start, end) and the camera's run."""
        start, end = max(start, self.camera.starts), min(end, self.camera.ends)
        beat = float(self.camera.rate) * self._rate
        first = int(np.ceil((start - self.camera.starts) * beat - 1e-9))
        last = int(np.ceil((end - self.camera.starts) * beat - 1e-9))
        return range(max(0, first), max(0, first, last))

    def dropped(self, frame: int) -> bool:
        """Whether the frame was lost on its way; its number is used up all the same."""
        return bool(stream(self.seed, self.camera.name, frame, "drop").random() < self.drops)

    def stamp(self, frame: int) -> Fraction:
        """What the clock stamps on the frame when its exposure starts, SCLK in s, to 1 ms."""
        wobble = float(stream(self.seed, self.camera.name, frame, "jitter").standard_normal())
        wobble = self.jitter_s * min(3.0, max(-3.0, wobble))
        read = SCLK_ZERO * 1000 + round((self.reads(self.opens(frame)) + wobble) * 1000)
        return Fraction(read, 1000)


def make_clock(camera: Camera, seed: int, rough: Disturbance) -> CameraClock:
    """The clock of a camera for a seed: off by between a tenth of the most and the most."""
    rng = stream(seed, camera.name, 0, "clock")
    share, slope = rng.uniform(0.1, 1.0, 2) * rng.choice((-1.0, 1.0), 2)
    return CameraClock(
        camera, seed, round(float(share) * rough.offset_s, 6),
        round(float(slope) * rough.drift_ppm, 3), rough.jitter_s, rough.drops, camera.starts,
    )  # fmt: skip
