"""Truth cards made anew, by both routes, and written with their samples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.cards.card import UNIT, Card, Known, read, write
from wdist_bench.cards.checks import CHECKS, Pair
from wdist_bench.cards.entries import ENTRIES, Entry, Route
from wdist_bench.cards.samples import arrays, describe, differences, write_arrays
from wdist_bench.costs import Cost
from wdist_bench.registry import FrozenArray
from wdist_bench.tasks.base import Task


def make(entry: Entry) -> Card:
    """The card of an entry; ArithmeticError where it fails a check."""
    task = entry.build()
    known, truths = [], []
    for cost, route in entry.routes:
        pair = _both(task, cost, route)
        known.append(pair)
        truths.append(_known(pair, route))
    for name, passes in CHECKS.items():
        if not passes(task, known):
            raise ArithmeticError(f"truth card {entry.name}: it fails the check {name!r}: {known}")
    return Card(
        name=entry.name,
        task=entry.task,
        task_version=task.version,
        parameters=_parameters(task),
        dim=task.dim,
        target="population",
        unit=UNIT,
        definition=_definition(task),
        licence=entry.licence,
        citation=_citation(task, entry),
        checks=tuple(CHECKS),
        samples=describe(entry.name, task, entry.exact),
        truths=tuple(truths),
    )


def _both(task: Task, cost: Cost, route: Route) -> Pair:
    truth = task.truth(cost)
    if truth is None:
        raise ValueError(f"{task.name}: expected a truth for {cost}, got None; leave it out")
    value, tolerance = route(task, cost)
    return cost, truth, float(value), float(tolerance)


def _known(pair: Pair, route: Callable[..., Any]) -> Known:
    cost, truth, value, tolerance = pair
    said = " ".join((inspect.getdoc(route) or "").split("\n\n")[0].split())
    return Known(
        cost={"name": cost.norm, **_parameters(cost)},
        value=truth.value,
        stderr=truth.stderr,
        kind=truth.kind,
        route=truth.reference,
        second_value=value,
        second_tolerance=tolerance,
        second_route=said,
    )


def _parameters(thing: Any) -> dict[str, Any]:
    """The parameters of a frozen dataclass as plain data, without those that are not set."""
    given = {field.name: getattr(thing, field.name) for field in fields(thing) if field.init}
    return {name: _plain(value) for name, value in given.items() if value not in (None, "")}


def _plain(value: Any) -> Any:
    """Lists, and mappings where pairs of a name and a value were made of one."""
    if isinstance(value, FrozenArray):
        return value.values.tolist()
    if not isinstance(value, tuple):
        return value
    pairs = [item for item in value if isinstance(item, tuple) and len(item) == 2]
    if len(pairs) == len(value) and all(isinstance(name, str) for name, _ in pairs):
        return {name: _plain(item) for name, item in pairs}
    return [_plain(item) for item in value]


def _definition(task: Task) -> str:
    """The description of the task: both populations, the truth, every parameter."""
    text = inspect.getdoc(type(task)) or ""
    return re.split(r"\n\n(?:Raises|Source):", text)[0]


def _citation(task: Task, entry: Entry) -> str:
    text = inspect.getdoc(type(task)) or ""
    source = re.search(r"\n\nSource: (.*?)(?:\n\n|$)", text, re.S)
    cited = [" ".join(source.group(1).split()).rstrip(".")] if source else [task.reference]
    return "; ".join([*cited, *entry.cited, f"wdist_bench, truth card {entry.name}"])


def export(
    folder: Path, samples: bool = True, compute: bool = False
) -> Iterator[tuple[Path, list[str]]]:
    """Write every card, with its samples; each file with what of it is not as the card says.

    Args:
        folder: where to.
        samples: whether to draw and write the .npz too.
        compute: make the cards by both routes, in some minutes, instead of copying those that are
            committed.
    """
    for entry in ENTRIES:
        card = make(entry) if compute else read(entry.name)
        yield write(card, folder), []
        if samples:
            found: dict[str, np.ndarray] = arrays(entry.build())
            yield write_arrays(card, found, folder), differences(card, found)
