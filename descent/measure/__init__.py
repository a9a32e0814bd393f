"""What looks once: stages that measure a whole camera, and clocks from what cameras show."""

from __future__ import annotations

from descent.measure.match import target_of
from descent.measure.stages import (
    MEASURE_VERSION,
    Measured,
    look,
    looks,
    measure_camera,
    measures,
)

__all__ = [
    "MEASURE_VERSION",
    "Measured",
    "look",
    "looks",
    "measure_camera",
    "measures",
    "target_of",
]
