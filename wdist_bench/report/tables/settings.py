"""The names of cells: what tells variants of an estimator apart, and settings."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

SETTING = ["task", "task_parameters", "p", "norm", "n", "protocol"]
"""Columns that say on which samples a row was measured: a task at one cost and size."""

IDENTITY = (*SETTING, "seed")
"""What makes a setting: every estimator there sees the same samples."""


def task_label(row: pd.Series | Mapping[str, Any]) -> str:
    """What distinguishes a task in a heading or a panel title."""
    options = (json.loads(row["task_options"]) if pd.notna(row["task_options"]) else None) or {}
    shown = row["dataset"] or ", ".join(f"{name} {value}" for name, value in options.items())
    name = row["task"] + (f" ({shown})" if shown else "")
    where = "" if pd.isna(row["dim"]) or "dim" in options else f", dim {int(row['dim'])}"
    norm = "" if row["norm"] == "l2" else f", {row['norm']} norm"
    how = "" if row["protocol"] == "stream" else f", {row['protocol']}"
    return f"{name}{where}, W{row['p']:g}{norm}, n = {row['n']}{how}"


def names(records: list[dict[str, Any]]) -> pd.DataFrame:
    """The `variant`, `setting` and `setting_label` of each record (`tables.labelled_table`)."""
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
    named = told_apart(variants(records), list(shown["setting"]), records)
    return pd.DataFrame({"variant": named, "setting": shown["setting"], "setting_label": labels})


def variants_of_all(
    folders: list[list[dict[str, Any]]], settings: list[list[int]]
) -> list[list[str]]:
    """The variant of each record of several folders, named together.

    A folder by itself says of an estimator what varies there, so a name of one may stand for other
    options in the next.

    Args:
        folders: the records of each, as far as `named` keeps them.
        settings: the settings of these, numbered in each folder.
    """
    places: dict[tuple[int, int], int] = {}
    numbers = [
        places.setdefault((folder, setting), len(places))
        for folder, inside in enumerate(settings)
        for setting in inside
    ]
    records = list(itertools.chain(*folders))
    found = iter(told_apart(variants(records), numbers, records))
    return [list(itertools.islice(found, len(inside))) for inside in folders]


def named(record: dict[str, Any]) -> dict[str, Any]:
    """What names and tells variants apart, without the numbers of a record."""
    needed = ("estimator", "estimator_options", "estimator_parameters", "n", *_BESIDE)
    return {name: record.get(name) for name in needed}


def spelled_out(folders: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """The records with the options that any of the same parameters was given: what is one's option
    may be another's default.
    """
    given: dict[str, dict[str, Any]] = {}
    keys = [[configuration(record) for record in inside] for inside in folders]
    for key, record in zip(itertools.chain(*keys), itertools.chain(*folders), strict=True):
        given.setdefault(key, {}).update(record["estimator_options"])
    return [
        [record | {"estimator_options": given[key]} for key, record in zip(*both, strict=True)]
        for both in zip(keys, folders, strict=True)
    ]


def configuration(record: dict[str, Any]) -> str:
    """The estimator of a record with all of its options: what is one's may be another's default."""
    chosen = record["estimator_parameters"] or record["estimator_options"]
    return json.dumps([record["estimator"], chosen], sort_keys=True)


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


_BESIDE = {
    "estimator_version": "version", "estimator_source": "code", "task_version": "task version",
    "numerics": "numerics", "backend": "backend", "runs": "runs", "eval_batches": "batches",
}  # fmt: skip
"""What may differ between records of one variant in one setting, in merged folders say."""


def told_apart(
    variants: list[str], settings: Sequence[Hashable], records: list[dict[str, Any]]
) -> list[str]:
    """The variants, with what tells the rows apart that one has in one setting."""
    rows: dict[tuple[str, Hashable], list[dict[str, Any]]] = {}
    for variant, setting, record in zip(variants, settings, records, strict=True):
        rows.setdefault((variant, setting), []).append(record)
    vary: dict[str, set[str]] = {}
    for (variant, _), same in rows.items():
        if len(same) > 1:
            differ = {name for name in _BESIDE if len({str(r.get(name)) for r in same}) > 1}
            vary.setdefault(variant, set()).update(differ)
    return [
        _with(variant, [f"{said} {r.get(name)}" for name, said in _BESIDE.items()
                        if name in vary.get(variant, ())])
        for variant, r in zip(variants, records, strict=True)
    ]  # fmt: skip


def _with(variant: str, more: list[str]) -> str:
    """A variant with more beside its options."""
    if not more:
        return variant
    head, between = (variant[:-1], ", ") if variant.endswith(")") else (variant, " (")
    return f"{head}{between}{', '.join(more)})"


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
