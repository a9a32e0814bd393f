"""What every stage's parameters are: closed, frozen, and described field by field."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Parameters of a stage: unknown keys are errors, values never change.

    Checks, help, docs and the manifest all come from the fields and their descriptions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
