"""What an output will cost: rough figures, said as rough."""

from __future__ import annotations

import os

from descent.encode.profile import Profile, load_profile
from descent.plan.records import OutputPlan, Plan

# CPU seconds and bytes for a megapixel encoded, measured on photographs of the ground;
# a film of dust or sky needs less of both.
_ENCODE_S = {"libx264": 0.031, "libx265": 0.07, "prores_ks": 0.10, "ffv1": 0.02, "": 0.08}
_FASTER = {"ultrafast": 0.17, "superfast": 0.36, "veryfast": 0.42, "faster": 0.7, "fast": 0.8}
_BYTES = {"libx264": 25e3, "libx265": 20e3, "prores_ks": 440e3, "ffv1": 900e3, "": 3e6}
# CPU seconds for a megapixel read: through decoding alone, and through a restore chain.
_READ_S, _RESTORE_S = 0.012, 0.11


def estimate(plan: Plan, output: OutputPlan) -> tuple[float, float]:
    """About how long an output takes on this machine, in s, and its size, in bytes."""
    if output.timeline is None:
        return 1.0, 4.0 * output.rows * output.cols
    profile: Profile = load_profile(output.profile)
    megapixels = output.rows * output.cols * output.ticks / 1e6
    codec = profile.codec if profile.codec in _ENCODE_S else ""
    cpu_s = megapixels * _ENCODE_S[codec] * _FASTER.get(profile.preset or "", 1.0)
    for name in output.cameras:
        camera = plan.cameras[name]
        used = output.timeline.summary(name).used
        read = camera.source.rows * camera.source.cols * used / 1e6
        cpu_s += read * (_READ_S if camera.planes else _RESTORE_S)
    return cpu_s / (os.cpu_count() or 1), megapixels * _BYTES[codec]
