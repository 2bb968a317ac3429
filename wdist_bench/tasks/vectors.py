"""Parameters that are a number for every coordinate, or one number per coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np

from wdist_bench.validation import check_number


def check_vector(value: Any, name: str, dim: int | None = None) -> None:
    """A finite number, or a tuple of finite numbers (`dim` of them where that is known)."""
    if not isinstance(value, tuple):
        check_number(value, name)
        return
    for component in value:
        check_number(component, name)
    if not value or (dim is not None and len(value) != dim):
        raise ValueError(
            f"{name}: expected {dim or 'some'} components, one per coordinate, got {len(value)}; "
            "give that many, or one number for all"
        )


def as_vector(value: Any, dim: int) -> np.ndarray:
    """The checked parameter as float64 of shape (dim,)."""
    return np.broadcast_to(np.asarray(value, np.float64), (dim,))
