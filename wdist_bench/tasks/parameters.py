"""Parameters as given, made hashable: vectors to tuples, mappings to sorted pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from wdist_bench.registry import FrozenArray, freeze
from wdist_bench.tasks.vectors import check_vector
from wdist_bench.validation import check_name

Pairs = tuple[tuple[str, Any], ...]


def frozen_vector(value: Any, name: str, dim: int | None = None) -> float | tuple[float, ...]:
    """A checked vector parameter: a finite number, or a tuple of `dim` finite numbers."""
    frozen = freeze(value)
    if isinstance(frozen, FrozenArray):
        frozen = freeze(np.asarray(frozen).tolist())
    check_vector(frozen, name, dim)
    return frozen


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
