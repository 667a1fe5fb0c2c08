"""Base of every config section: unknown keys are refused, values are frozen, bounds are part of the types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
CountOrZero = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A part of the config. Field descriptions become the config reference in docs/."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, validate_default=True)
