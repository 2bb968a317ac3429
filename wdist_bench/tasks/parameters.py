"""Parameters as given, checked and made hashable: vectors to tuples, mappings to sorted pairs.

A vector is a number for every coordinate, or one number per coordinate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from wdist_bench.registry import FrozenArray, freeze
from wdist_bench.validation import check_name, check_number

Pairs = tuple[tuple[str, Any], ...]


def frozen_vector(value: Any, name: str, dim: int | None = None) -> float | tuple[float, ...]:
    """A checked vector parameter: a finite number, or a tuple of `dim` finite numbers."""
    frozen = freeze(value)
    if isinstance(frozen, FrozenArray):
        frozen = freeze(np.asarray(frozen).tolist())
    check_vector(frozen, name, dim)
    return frozen


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


def frozen_pairs(value: Any, name: str) -> Pairs:
    """A mapping, or the sorted pairs that `freeze` makes of one, as sorted pairs."""
    try:
        return freeze(dict(value if isinstance(value, Mapping) else tuple(value)))
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: expected a mapping from names to values, got {value!r}; "
            'write {"name": value, ...}'
        ) from None


def check_keys(pairs: Pairs, known: Iterable[str], name: str) -> None:
    """Every name among frozen pairs is a known one."""
    choices = list(known)
    for key, _ in pairs:
        check_name(key, choices, f"parameter of {name}")
