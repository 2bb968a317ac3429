"""Which rows of the error table are comparable, and what tells variants of an estimator apart."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd

from wdist_bench.report.tables import error_table, task_label
from wdist_bench.results.journal import Journal

IDENTITY = ("task", "task_parameters", "p", "norm", "n", "protocol", "seed")
"""What makes a setting: every estimator there sees the same samples."""


def labelled_table(journal: Journal, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """The error table with what a page needs beside it.

    `table` is the journal's `error_table` where it is there already; it is left as it is.

    Added columns: `variant`, the estimator with the options in which it occurs more than once;
    `setting`, a number shared by the rows of one task at one cost and size (same samples);
    `setting_label`, its name; `seconds_per_run`, run seconds per run; `relative_batch` and
    `relative_population`, the errors of one run (`abs_error_batch`, `abs_error_population`) over
    the true distance; `relative_bias`, |bias_population| over it; and from the records `seed`,
    `key`, `started`, `environment`, `backend`, `estimator_version`, `truth_reference`.
    """
    records = [record for record in journal.planned() if "estimator" in record]
    table = error_table(journal) if table is None else table.copy()
    for name in ("seed", "key", "started", "environment", "backend", "estimator_version"):
        table[name] = [record.get(name) for record in records]
    table["truth_reference"] = [(r.get("truth_population") or {}).get("reference") for r in records]
    for name, values in names(records).items():
        table[name] = list(values)
    number = ["failed", "runs", "run_seconds", "abs_error_batch", "abs_error_population",
              "bias_population", "truth_batch", "truth_population"]  # fmt: skip
    table = table.assign(**{name: pd.to_numeric(table[name]) for name in number})
    table["seconds_per_run"] = table["run_seconds"] / table["runs"]
    table["relative_batch"] = table["abs_error_batch"] / _positive(table["truth_batch"])
    distance = _positive(table["truth_population"])
    table["relative_population"] = table["abs_error_population"] / distance
    table["relative_bias"] = table["bias_population"].abs() / distance
    return table


def _positive(truth: pd.Series) -> pd.Series:
    """Truths that an error can be relative to; NaN at zero."""
    return truth.where(truth > 1e-9)


def names(records: list[dict[str, Any]]) -> pd.DataFrame:
    """The `variant`, `setting` and `setting_label` of each record, as in `labelled_table`."""
    columns = dict.fromkeys((*IDENTITY, "task_options", "dataset", "dim"))
    shown = pd.DataFrame(
        [{name: r.get(name) for name in columns} for r in records], columns=[*columns]
    )
    for name in ("task_parameters", "task_options"):
        shown[name] = [
            json.dumps(value, sort_keys=name == "task_parameters") for value in shown[name]
        ]
    shown["setting"] = shown.groupby(list(IDENTITY), sort=False, dropna=False).ngroup()
    labels = _setting_labels(shown)
    return pd.DataFrame(
        {"variant": variants(records), "setting": shown["setting"], "setting_label": labels}
    )


def variants(records: list[dict[str, Any]]) -> list[str]:
    """The estimator of each record, with the options that vary between the cells of one name.

    A number that follows the suite's n, as a batch size does by default, makes no other estimator:
    it is the option "n".
    """
    chosen: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        chosen.setdefault(record["estimator"], []).append(record)
    options = {name: _options(same) for name, same in chosen.items()}
    vary = {name: _varying(found) for name, found in options.items()}
    in_turn = {name: iter(found) for name, found in options.items()}
    labels = []
    for record in records:
        name = record["estimator"]
        own = next(in_turn[name])
        said = [f"{key} {own[key]}" for key in vary[name] if key in own]
        labels.append(f"{name} ({', '.join(said)})" if said else name)
    return labels


def _options(same: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The options of each record of one estimator, "n" for a number that is n there and is given
    at no other n.
    """
    sizes = {record["n"] for record in same}
    given: dict[tuple[str, float], set[int]] = {}  # option and number -> the n's it is given at
    for record in same:
        for key, value in record["estimator_options"].items():
            if isinstance(value, int | float):
                given.setdefault((key, value), set()).add(record["n"])

    def follows(key: str, value: Any, n: int) -> bool:
        return len(sizes) > 1 and value == n and given[key, value] == {n}

    return [
        {
            key: "n" if follows(key, value, record["n"]) else value
            for key, value in record["estimator_options"].items()
        }
        for record in same
    ]


def _varying(options: list[dict[str, Any]]) -> list[str]:
    """Keys that have several values, being absent one of them."""
    keys = sorted({key for option in options for key in option})
    return [key for key in keys if len({json.dumps(option.get(key)) for option in options}) > 1]


def _setting_labels(table: pd.DataFrame) -> list[str]:
    """Names of settings; the task's parameters where two have one name."""
    shown = ("task", "dataset", "task_options", "dim", "p", "norm", "n", "protocol")
    named: dict[tuple[Any, ...], str] = {}
    rows = list(zip(*(table[name] for name in shown), strict=True))
    for row in rows:
        if row not in named:
            named[row] = _shortened(task_label(dict(zip(shown, row, strict=True))))
    labels = [named[row] for row in rows]
    owners: dict[str, set[int]] = {}
    for label, setting in zip(labels, table["setting"], strict=True):
        owners.setdefault(label, set()).add(setting)
    return [
        f"{label}, {parameters}, seed {seed}" if len(owners[label]) > 1 else label
        for label, parameters, seed in zip(
            labels, table["task_parameters"], table["seed"], strict=True
        )
    ]


_DIGITS = re.compile(r"\d+\.\d{4,}")
_FILE = re.compile(r"\bfile (?:[^,)]*/)?([^,)/]+?)(?:\.\w+)?(?=[,)])")


def _shortened(label: str) -> str:
    """A label without a file's folder and ending, and with four digits of its numbers."""
    label = _FILE.sub(r"\1", label)
    return _DIGITS.sub(lambda number: f"{float(number[0]):.4g}", label)
