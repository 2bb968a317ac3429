"""The plan of a folder: the cells of the last suite in order, and what the suite says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any


def in_stretches(names: Iterable[str]) -> list[list[Any]]:
    """Each name with how often it comes in a row: the families of a million cells are a few."""
    return [[name, sum(1 for _ in same)] for name, same in groupby(names)]


def families(plan: Mapping[str, Any]) -> dict[str, str]:
    """The family of each cell, by key; of none where the plan is of an earlier version."""
    names = (name for name, count in plan.get("families", ()) for _ in range(count))
    return dict(zip(plan.get("keys", ()), names, strict=False))


def in_family(record: dict[str, Any], family: str | None) -> dict[str, Any]:
    """The record of a cell in the family that the suite names, where it does: not in that of when
    it ran.
    """
    same = not family or record.get("family", family) == family
    return record if same else record | {"family": family}
