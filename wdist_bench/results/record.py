"""The results that a cell must give.

They come from code that may be anybody's, so they are checked where they arise, in the process that
ran the cell: a record that is written can be read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

_DEEPEST = 50  # lists in lists; readers of JSON give up at about a thousand

Count = Annotated[int, Field(ge=0, description="a whole number >= 0")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False, description="finite seconds >= 0")]
Text = Annotated[str, Field(description="text")]


class Results(BaseModel):
    """What running a cell gives, at least; whatever else is there is kept as it is."""

    model_config = ConfigDict(extra="allow", strict=True)

    status: Literal[
        "ok", "not_converged", "diverged", "skipped", "error", "timeout", "out_of_memory"
    ] = Field(description="one of ok, not_converged, diverged, skipped or error")
    message: Text
    runs: Count
    failed: Count
    compile_seconds: Seconds
    run_seconds: Seconds
    stop_reason: Text = ""
    costs: list[list[float | None]] | None = Field(
        None, min_length=1, description="a list with a list of numbers or None for each run"
    )


MEASURED = (
    "type", "key", "schema", "written", "suite", "environment", "started", "attempt", "tries",
    "lost_seconds", "shared", "seconds", "compile_cached", "peak_memory", "peak_device_memory",
)  # fmt: skip
"""Fields that the runner fills in, so that no cell may."""

_OF_ESTIMATES = ("task", "estimator", "truth_key")  # what tells a reader that it is no experiment


class ResultError(ValueError):
    """A cell gave results that make no record."""


def checked(results: Any, description: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Results as plain data, just as a reader of the journal will find them.

    Args:
        results: what running the cell gave.
        description: the fields of its record that are known before it runs.
        label: of the cell, for messages.

    Raises:
        ResultError: one line with the cell, what was expected, what came and what to do.
    """
    try:
        found = _plain(results)
        _check_names(found, description)
        given = Results.model_validate({"runs": description.get("runs")} | found)
        if given.failed > given.runs:
            said = f"failed: expected at most as many as runs ({given.runs}), got {given.failed}"
            raise ResultError(said)
    except ValidationError as error:
        raise ResultError(f"{label}: {_mistake(error)}") from None
    except ResultError as error:
        raise ResultError(f"{label}: {error}; correct what its `run` returns") from None
    return found


def _plain(results: Any) -> dict[str, Any]:
    """A copy through JSON; NumPy's scalars become Python's."""
    if not isinstance(results, dict):
        raise ResultError(f"expected a dict of results, got {_shown(results)}")
    try:
        found = json.loads(json.dumps(results, default=_scalar, allow_nan=False))
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise ResultError(_fault(results, "results", 0) or str(error)) from None
    if _depth(found) > _DEEPEST:
        raise ResultError(f"expected lists at most {_DEEPEST} deep, got deeper ones")
    return dict(found)


def _scalar(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _depth(value: Any) -> int:
    """Levels of lists and objects, counted no further than is allowed."""
    level = [value]
    for depth in range(_DEEPEST + 1):
        inner = [c for v in level for c in (v.values() if isinstance(v, dict) else v)]
        level = [child for child in inner if isinstance(child, dict | list)]
        if not level:
            return depth + 1
    return _DEEPEST + 1


def _fault(value: Any, place: str, depth: int) -> str:
    """The first thing in the results that JSON cannot hold, with its place; empty if none."""
    if depth > _DEEPEST:
        return f"{place[:80]}: expected lists at most {_DEEPEST} deep, got deeper or circular ones"
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                return f"{place}: expected names that are text, got {_shown(key)}"
            if fault := _fault(inner, f"{place}.{key}", depth + 1):
                return fault
        return ""
    if isinstance(value, list | tuple):
        faults = (_fault(v, f"{place}.{i}", depth + 1) for i, v in enumerate(value))
        return next(filter(None, faults), "")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return f"{place}: expected a finite number, or None where there is none, got {value}"
    if value is None or isinstance(value, str | bool | int | float):
        return ""
    return (
        f"{place}: expected plain data (numbers, text, lists, dicts), got {_shown(value)}; "
        "arrays have `.tolist()`, and `pack` of wdist_bench.results.journal"
    )


def _check_names(results: dict[str, Any], description: Mapping[str, Any]) -> None:
    """No result has the name of a field that says what ran, where or when."""
    taken = {*MEASURED, *description} - {"dataset"}  # a task knows its data set best
    if "experiment" in description:
        taken.update(_OF_ESTIMATES)
    clash = sorted(taken & results.keys() - Results.model_fields.keys())
    if clash:
        raise ResultError(f"results: expected other names than those of the record, got {clash}")


def _mistake(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][0])
    expected = Results.model_fields[name].description
    got = "none" if first["type"] == "missing" or name == "runs" else _shown(first["input"])
    return f"{name}: expected {expected}, got {got}; correct what its `run` returns"


def _shown(value: Any) -> str:
    """A value in an error: its type, and the value itself where it is short."""
    try:
        return f"{repr(value)[:60]} ({type(value).__name__})"
    except BaseException:  # a stranger's __repr__
        return type(value).__name__
