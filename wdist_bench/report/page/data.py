"""The data of the page: every cell once, as compact plain values that JSON can hold."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.costs.powers import roots
from wdist_bench.folders import read_plain
from wdist_bench.references.described import described
from wdist_bench.report.comparing.leaderboard import TRUTHS, leaderboard
from wdist_bench.report.palette import BLUE, ORANGE, RED, looks
from wdist_bench.report.provenance import places
from wdist_bench.results.columns import COLUMNS, COUNT, NUMBER, WORD
from wdist_bench.results.journal import Journal, unpack

_PAGE = [column for column in COLUMNS if column.page]
NUMBERS = (
    *(column.name for column in _PAGE if column.kind in (NUMBER, COUNT)),
    "seed", "estimator_version", "relative_batch", "relative_population", "relative_bias",
    "seconds_per_run",
)  # fmt: skip
WORDS = (
    *(column.name for column in _PAGE if column.kind == WORD),
    "variant", "setting_label", "truth_reference", "environment", "backend", "key", "started",
)  # fmt: skip
_UNITS = {"W": "units of the data", "s": "seconds"}
_MOST = 2**20  # bytes of an environment.json
_KINDS = {"packages": dict, "flags": dict, "devices": list}  # of values in it
_CURVE_NUMBERS = 150_000
"""Numbers that all training curves may hold together: the page stays below 8 MB."""

_ROW = 450
"""Bytes that a row takes at least, once there are too many of them."""

STANDINGS = 200
"""Estimators that a leaderboard shows."""

_EXPERIMENTS = 150_000
"""Characters that the cells of experiments may take."""


def fitting_data(
    folder: Path, journal: Journal, table: pd.DataFrame, compared: pd.DataFrame, room: int
) -> tuple[str, pd.DataFrame]:
    """`page_data` as text of at most `room` bytes, and the rows that it is of.

    Where not all have room, whole settings are kept in the order of the suite: whatever they hold,
    so what is shown says no more for any estimator than what is left out.
    """
    whole = {
        "leaderboards": _leaderboards(table),
        "behind": _behind(compared),
        "estimators": descriptions(table),
    }
    shown = first_settings(table, room // _ROW)
    while True:
        data = page_data(folder, journal, shown) | whole
        if len(text := embedded(data)) <= room or shown.empty:
            return text, shown
        shown = first_settings(
            shown, min(int(0.95 * len(shown) * room / len(text)), len(shown) - 1)
        )


def first_settings(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """The first settings that have at most so many rows together; of one that has more, a part."""
    if len(table) <= rows:
        return table
    sizes = table.groupby("setting", sort=False).size().cumsum()
    whole = table[table["setting"].isin(sizes.index[sizes <= rows])]
    return whole if len(whole) else table.head(rows)


def embedded(data: dict[str, Any]) -> str:
    """JSON that can stand inside a script element, whatever its strings hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def page_data(folder: Path, journal: Journal, table: pd.DataFrame) -> dict[str, Any]:
    """What the scripts of the page read.

    `columns` names what each of `cells` holds; a word is an index into `words`. A curve is
    [steps, means, sds] over runs, or null. What is of the whole table comes beside it:
    `leaderboards`, one list of standings for each "truth/bound"; `behind`, the variants that are
    told apart from the closest one, by truth and setting; `estimators`, what each one is.
    """
    words: dict[str, int] = {"": 0}
    numbers = [[short(value) for value in pd.to_numeric(table[name])] for name in NUMBERS]
    named = [[_index(words, value) for value in table[name]] for name in WORDS]
    columns = [*NUMBERS, *WORDS, "setting"]
    cells = zip(*numbers, *named, [int(s) for s in table["setting"]], strict=True)
    return {
        "columns": columns,
        "headings": {c.name: [c.heading, _UNITS.get(c.unit, c.unit), c.says] for c in _PAGE},
        "count_numbers": len(NUMBERS),
        "cells": [list(cell) for cell in cells],
        "words": list(words),
        "looks": _looks(table),
        "colors": {"BLUE": BLUE, "RED": RED, "ORANGE": ORANGE},
        "curves": _curves([journal.cells[key] for key in table["key"]]),
        "environments": environments(folder, journal),
    }


def _looks(table: pd.DataFrame) -> dict[str, list[str]]:
    """[colour, symbol, dash] of each variant, as Plotly names them."""
    found = looks(zip(table["variant"], table["estimator"], strict=True))
    return {variant: look.plotly for variant, look in found.items()}


def experiment_cells(journal: Journal) -> tuple[list[dict[str, str]], int]:
    """One line for each of the first records of experiments, and how many there are in all."""
    records = [record for record in journal.planned() if "experiment" in record]
    shown: list[dict[str, str]] = []
    size = 0
    for line in map(_experiment_cell, records):
        size += 200 + sum(map(len, line.values()))  # 200: its markup
        if size > _EXPERIMENTS:
            break
        shown.append(line)
    return shown, len(records)


def _experiment_cell(record: dict[str, Any]) -> dict[str, str]:
    shared = " (shared)" if record.get("shared") and "run_seconds" in record else ""
    return {
        "experiment": record["experiment"],
        "parameters": ", ".join(f"{k} {v}" for k, v in record["parameters"].items()),
        "status": record["status"],
        "message": record["message"],
        "failed": f"{record['failed']} of {record['runs']}" if "failed" in record else "",
        "compile_seconds": _hundredths(record.get("compile_seconds")),
        "run_seconds": _hundredths(record.get("run_seconds")) + shared,
    }


def environment(folder: Path) -> dict[str, Any]:
    """`environment.json`: versions and hardware of the last run; empty where there is none."""
    content = read_plain(folder / "environment.json", _MOST)
    try:
        found = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    kept = found.items() if isinstance(found, dict) else ()
    return {k: _described(v) for k, v in kept if isinstance(v, _KINDS.get(k, object))}


def _described(value: Any) -> Any:
    """A description of the kinds that `describe_environment` gives, whatever a file holds."""
    if isinstance(value, dict):
        return {name: str(part) for name, part in value.items()}
    if isinstance(value, list):
        return [str(part) for part in value]
    return value if isinstance(value, bool | int | None) else str(value)


def environments(folder: Path, journal: Journal) -> list[dict[str, Any]]:
    """Where the cells of the page were measured, and how many of them."""
    return [asdict(place) for place in places(journal, environment(folder))]


def short(value: Any, digits: int = 6) -> float | int | None:
    """Six digits, whole numbers as such; what is not finite as null."""
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else float(f"{number:.{digits}g}")


def _hundredths(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _index(words: dict[str, int], value: Any) -> int:
    text = "" if value is None or value != value else str(value)
    return words.setdefault(text, len(words))


def _leaderboards(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    bounds = ["", *dict.fromkeys(table["bound"].dropna())]
    return {
        f"{truth}/{bound}": standings(table, truth, bound)[:STANDINGS]
        for truth in TRUTHS
        for bound in bounds
    }


def _behind(compared: pd.DataFrame) -> dict[str, dict[str, list[str]]]:
    """Variants told apart from the closest one of their setting: {truth: {setting: variants}}."""
    found: dict[str, dict[str, list[str]]] = {truth: {} for truth in TRUTHS}
    if len(compared):
        apart = compared[compared["told_apart"]]
        for truth, setting, other in zip(
            apart["against"], apart["setting"], apart["other_variant"], strict=True
        ):
            found[truth].setdefault(str(setting), []).append(other)
    return found


def descriptions(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What each estimator is, its source and its claim; of a plug-in that is not here nothing."""
    named = {str(name): described(str(name)) for name in table["estimator"].unique()}
    return {name: asdict(found) for name, found in named.items() if found is not None}


def standings(table: pd.DataFrame, truth: str, bound: str = "") -> list[dict[str, Any]]:
    """The leaderboard, its numbers with six digits."""
    return [
        {k: short(v) if isinstance(v, float) else v for k, v in asdict(standing).items()}
        for standing in leaderboard(table, truth, bound)
    ]


def _curves(records: list[dict[str, Any]]) -> list[Any]:
    """The estimate along training of each record, mean and sd over runs, thinned alike."""
    trained = sum(bool(record.get("history_steps")) for record in records)
    points = max(10, min(60, _CURVE_NUMBERS // (3 * max(trained, 1))))
    return [_curve(record, points) for record in records]


def _curve(record: dict[str, Any], points: int) -> list[list[float | int | None]] | None:
    if not record.get("history_steps"):
        return None
    steps = record["history_steps"][:]
    kept = np.unique(np.linspace(0, len(steps) - 1, points).round().astype(int))
    runs = np.ma.masked_invalid(roots(unpack(record["history"]), record["p"])[:, kept])
    mean = runs.mean(axis=0).filled(np.nan)
    sd = np.ma.filled(runs.std(axis=0, ddof=min(1, len(runs) - 1)), np.nan)
    return [
        [steps[i] for i in kept],
        [short(value, 4) for value in mean],
        [short(value, 3) for value in sd],
    ]
