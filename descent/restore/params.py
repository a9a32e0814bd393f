"""What every stage's parameters are: closed, frozen, and described field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Parameters of a stage: unknown keys are errors, values never change.

    Checks, help, docs and the manifest all come from the fields and their descriptions.
    `FILES` are those that name a file which decides pixels: what it is, and what to name. The
    plan fills in the `_sha256` of each, which is part of every key.
    """

    FILES: ClassVar[Mapping[str, tuple[str, str]]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
