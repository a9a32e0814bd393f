"""Deblur: what moved while the shutter was open, put back as far as the pictures allow."""

from __future__ import annotations

from descent.restore.accumulate import accumulate
from descent.restore.blind import estimate_kernel
from descent.restore.deconvolve import deconvolve

__all__ = ["accumulate", "deconvolve", "estimate_kernel"]
