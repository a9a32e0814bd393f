"""The only room with processes: jobs by key, retries, resume, and a two-step Ctrl-C."""

from __future__ import annotations

from descent.work.fingerprint import fingerprint
from descent.work.run import Failure, Outcome, Progress, checkpoint, fitting_workers, run

__all__ = ["Failure", "Outcome", "Progress", "checkpoint", "fingerprint", "fitting_workers", "run"]
