"""What documents about a model are made of: immutable parts, and numbers as JSON can hold them. Pure."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict


def _plain(value: Any) -> Any:
    """NumPy becomes plain Python, and what JSON cannot hold (NaN, infinity) becomes None."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_plain)]
Vector = Annotated[tuple[float | None, ...], BeforeValidator(_plain)]
Matrix = Annotated[tuple[tuple[float | None, ...], ...], BeforeValidator(_plain)]


class Section(BaseModel):
    """Part of a document: immutable; what a later release added is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")
