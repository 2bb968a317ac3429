"""What the registries hold, as tables for people."""

from __future__ import annotations

import inspect
from pathlib import Path

from wdist_bench import cards, costs, datasets, estimators, tasks
from wdist_bench.runs.shipped import shipped
from wdist_bench.runs.suite import load_suite
from wdist_bench.tasks import Task

Rows = list[list[str]]


def catalogue(kind: str) -> tuple[list[str], Rows]:
    """Header and rows for "tasks", "truths", "estimators", "costs", "datasets" or "suites"."""
    tables = {
        "tasks": _tasks, "truths": cards.table, "estimators": _estimators, "costs": _costs,
        "datasets": _datasets, "suites": _suites,
    }  # fmt: skip
    return tables[kind]()


def _costs() -> tuple[list[str], Rows]:
    rows = []
    for name in costs.names():
        factory = costs.factory(name)
        said = (inspect.getdoc(factory) or "").split("\n\n")[0].replace("\n", " ")
        rows.append([name, ", ".join(inspect.signature(factory).parameters), said])
    return ["name", "parameters", "what it is"], rows


def _estimators() -> tuple[list[str], Rows]:
    rows = []
    for name in estimators.names():
        factory = estimators.factory(name)
        said = inspect.getdoc(factory) or ""
        row = (name, factory.version, factory.target, factory.bound, said.split("\n")[0])
        rows.append([str(entry) for entry in row])
    return ["name", "version", "target", "bound", "what it computes"], rows


def _tasks() -> tuple[list[str], Rows]:
    rows = []
    for name in tasks.names():
        known = [card for card in map(cards.read, cards.names()) if card.task == name]
        dim, truths = _dim_and_truths(name, known)
        rows.append([name, dim, truths, str(len(known)), tasks.factory(name).reference])
    return ["name", "dim", "truths known, over its cards", "cards", "reference"], rows


def _dim_and_truths(name: str, known: list[cards.Card]) -> tuple[str, str]:
    """Of a task at its defaults, or what it needs instead."""
    if needed := tasks.registry.needed(name):
        return "?", f"needs: {', '.join(needed)}"
    try:
        task = tasks.get(name)
        return _dim(task), cards.known_for(known) if known else _without_card(task)
    except (OSError, ValueError) as error:
        return "?", str(error)


def _without_card(task: Task) -> str:
    """The powers at which a plug-in's truth is known in l2, of 1 and 2."""
    powers = [str(p) for p in (1, 2) if task.truth(p) is not None]
    return f"l2: {', '.join(powers)}" if powers else "nothing"


def _dim(task: Task) -> str:
    try:
        return str(task.dim)
    except datasets.DatasetNotFoundError:
        return "?"


def _datasets() -> tuple[list[str], Rows]:
    rows = []
    for name in datasets.names():
        for split in datasets.splits(name):
            try:
                found = datasets.find(name, split)
                state = f"{found.count} images of {' x '.join(map(str, found.shape))}"
            except (OSError, ValueError) as error:
                state = str(error)
            rows.append([name, split, state])
    return ["name", "split", "state"], rows


def _suites() -> tuple[list[str], Rows]:
    rows = [_suite(name, path) for name, path in shipped().items()]
    return ["name", "cells", "what it answers"], rows


def _suite(name: str, path: Path) -> list[str]:
    """Its row; "?" cells where it asks for a plug-in that is not installed."""
    try:
        suite = load_suite(path)
    except ValueError as lacking:
        return [name, "?", str(lacking).rpartition("; ")[2]]
    return [suite.name, str(len(suite.cells)), suite.title]
