"""Draw the pictures of docs/time.md: `.venv/bin/python docs/draw_time.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from descent.clock.hearing import SPEED_M_S, fitted, listen
from descent.clock.joint import Tie
from descent.clock.motion import Turned, fit_motion, look
from descent.measure.plots import picture, picture_sound
from descent.simulate.optics import CAMERAS
from descent.simulate.trajectory import Trajectory
from descent.simulate.truth import spin
from tests.clock import hearing

IMAGES = Path(__file__).resolve().parent / "images"
SPAN_S = (870.0, 915.0)
OFF_S = 1.3
NOISE_RAD = 3e-4


def main() -> None:
    """Draw both."""
    flights()
    talk()


def flights() -> None:
    """Turns of two cameras of the synthetic landing, the end of one from another flight."""
    rng = np.random.default_rng(1)
    flight, other = Trajectory(1, 0.2), Trajectory(2, 0.2)
    turned = {}
    for name, rate, off_s in (("rdc", 30.0, 0.0), ("ddc", 12.0, OFF_S)):
        times = np.arange(*SPAN_S, 1 / rate)
        middles = (times[1:] + times[:-1]) / 2
        gone = SPAN_S[0] + 0.85 * (SPAN_S[1] - SPAN_S[0])
        by = np.array(
            [
                spin(other if name == "ddc" and t > gone else flight, CAMERAS[name], t) / rate
                for t in middles
            ]
        )
        by += rng.normal(size=by.shape) * NOISE_RAD
        turned[name] = Turned(times - SPAN_S[0] + off_s, by, np.full(len(by), NOISE_RAD))
    fit = fit_motion(turned["rdc"], turned["ddc"])
    tie = Tie("ground", "hover", fit, "motion")
    made = picture(tie, look(turned["rdc"], turned["ddc"], fit))
    made.save(IMAGES / "time_sync.png", optimize=True)


def talk() -> None:
    """One talk heard from near by and, in an echoing room, at the level of the noise."""
    source = hearing.speech(62, 1)
    pad = hearing.camera(source, hearing.Mic(), 2, start_s=2, length_s=50)
    far = hearing.camera(
        source, hearing.Mic(0, 0.8, 0.7), 3, start_s=7.3, length_s=40, drift=3e-5,
        late_s=30 / SPEED_M_S, own_start_s=10.0,
    )  # fmt: skip
    seen = listen(pad, far)
    tie = Tie("pad", "far", fitted(seen, -30 / SPEED_M_S, 3 / SPEED_M_S), "sound")
    picture_sound(tie, seen).save(IMAGES / "time_sound.png", optimize=True)


if __name__ == "__main__":
    main()
