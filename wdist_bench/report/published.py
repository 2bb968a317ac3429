"""Figures from the literature, shown beside ours where the protocol is theirs."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd


@cache
def _mallasto() -> pd.DataFrame:
    """Table 1 of Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875)."""
    with files("wdist_bench.report").joinpath("mallasto_table1.csv").open() as file:
        return pd.read_csv(file, comment="#").set_index(["method", "dataset"])


def published_error(record: dict[str, Any]) -> tuple[float, float]:
    """Mean and sd of the published error for a cell run by the paper's protocol, else NaN.

    The paper's protocol: batches of one image set, W1, n = 64, 500 steps, an MLP critic with the
    method's defaults.
    """
    paper = _mallasto()
    place = (record["estimator"], record.get("dataset"))
    protocol = (record["task"], record["p"], record["norm"], record["n"], record.get("steps"))
    changed = set(record["estimator_options"]) - {"steps", "batch_size"}
    if protocol != ("image_batches", 1, "l2", 64, 500) or changed or place not in paper.index:
        return np.nan, np.nan
    row = paper.loc[place]
    return float(row["error_mean"]), float(row["error_sd"])
