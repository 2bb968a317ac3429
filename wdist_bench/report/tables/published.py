"""Figures from the literature, shown beside ours where the protocol is theirs."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd


def published(record: dict[str, Any]) -> dict[str, float]:
    """What a paper says of a cell; empty where no paper ran it."""
    if record.get("protocol") != "stream":
        return {}
    return _mallasto_row(record) or _w1_benchmark_row(record) or _w2_benchmark_row(record)


_SPLITS = ("", "test", "crop108")
"""Nearest to the paper's images."""


def _mallasto_row(record: dict[str, Any]) -> dict[str, float]:
    """Mean and sd of |estimate - exact| over evaluation batches, Table 1 of arXiv 1910.03875.

    The paper's protocol: batches of one image set, W1, n = 64, 500 steps, an MLP critic with the
    method's defaults.
    """
    protocol = (record["task"], record["p"], record["norm"], record["n"], record.get("steps"))
    options = dict(record["estimator_options"])
    preset = options.pop("preset", "mallasto")
    if options.get("batch_size") == record["n"]:  # which the default follows
        del options["batch_size"]
    changed = set(options) - {"steps"}
    if protocol != ("image_batches", 1, "l2", 64, 500) or changed or preset != "mallasto":
        return {}
    place = (record["estimator"], record.get("dataset"))
    paper = _read("mallasto_table1.csv", "method", "dataset")
    split = record["task_parameters"].get("split", "")
    if split not in _SPLITS or place not in paper.index:
        return {}
    row = paper.loc[place]
    return {"paper_error": float(row["error_mean"]), "paper_sd": float(row["error_sd"])}


def _w1_benchmark_row(record: dict[str, Any]) -> dict[str, float]:
    """Estimate, cosine and L2 of a solver on a published pair, arXiv 2206.07767."""
    if (record["task"], record["p"], record["norm"]) != ("funnels", 1, "l2"):
        return {}
    paper = _read("w1_benchmark_published.csv", "digest", "estimator")
    place = (record["task_parameters"].get("digest"), record["estimator"])
    if place not in paper.index:
        return {}
    row = paper.loc[place]
    return {
        "paper_error": abs(float(row["estimate"]) - float(row["truth"])),
        "paper_estimate": float(row["estimate"]),
        "paper_gradient_cosine": float(row["cosine"]),
        "paper_gradient_l2": float(row["l2"]),
    }


def _w2_benchmark_row(record: dict[str, Any]) -> dict[str, float]:
    """L2-UVP of the nearest method's map on a published pair, arXiv 2106.01954, off the poster."""
    if (record["task"], record["p"], record["norm"]) != ("convex_pairs", 2, "l2"):
        return {}
    paper = _read("w2_benchmark_published.csv", "digest", "estimator")
    place = (record["task_parameters"].get("digest"), _w2_solver(record))
    return {"paper_l2_uvp": float(paper.loc[place, "l2_uvp"])} if place in paper.index else {}


def _w2_solver(record: dict[str, Any]) -> str:
    """The estimator, with the option that makes it another method of the paper."""
    name, options = record["estimator"], record["estimator_options"]
    if name == "baseline_map":
        return f"{name}:{options.get('map', 'identity')}"
    return f"{name}:reverse" if options.get("reverse") else str(name)


def sds_from_paper(error: float, paper_error: float, paper_sd: float) -> float:
    """(our error - the paper's) in units of the paper's sd over evaluation batches."""
    return (error - paper_error) / paper_sd if paper_sd else math.nan


@cache
def _read(name: str, *index: str) -> pd.DataFrame:
    """A table of the literature by the columns that tell its rows apart, those without left out."""
    with files("wdist_bench.report.tables").joinpath(name).open(encoding="utf-8") as file:
        table = pd.read_csv(file, comment="#")
    return table.dropna(subset=list(index)).set_index(list(index))
