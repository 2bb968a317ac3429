"""Which orders of the generators agree: Kendall's tau between the numbers that rank them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import mean_interval
from wdist_bench.studies.generators.judging.controls import CONTROLS
from wdist_bench.studies.generators.judging.verdicts import is_memoriser
from wdist_bench.studies.generators.words import by_place, name_of

MEASURES = {"W1": ("w1", 1), "W2": ("w2", 1), "Frechet": ("frechet", 1),
            "precision": ("precision", -1), "recall": ("recall", -1)}  # fmt: skip
"""Heading -> field of the record, and 1 where less is better."""
_FEWEST = 4
"""Generators below which an order says nothing."""


def agreement(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a place and pair of measures: mean of tau-b over runs with its 95 % interval.

    Each run ranks the trained generators that have a number in it; memorisers have no rank.
    """
    rows = []
    for where, here in by_place(records).items():
        ranked = [r for r in here if name_of(r) not in CONTROLS and not is_memoriser(r)]
        if len(ranked) < _FEWEST:
            continue
        for first, second in itertools.combinations(MEASURES, 2):
            taus = tau_by_run(_scores(ranked, first), _scores(ranked, second))
            mean, low, high = mean_interval(taus)
            rows.append(
                {"rows": where, "ranking": first, "against": second, "generators": len(ranked),
                 "tau": mean, "low": max(low, -1.0), "high": min(high, 1.0)}
            )  # fmt: skip
    return rows


def _scores(records: list[dict[str, Any]], measure: str) -> np.ndarray:
    """(generators, runs that all have), less is better."""
    field, sign = MEASURES[measure]
    scores = [sign * unpack(record[field]) for record in records]
    return np.stack([found[: min(map(len, scores))] for found in scores])


def tau_by_run(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(runs,) Kendall's tau-b of two scores (generators, runs); NaN where it has no value."""
    from scipy.stats import kendalltau

    found = []
    for a, b in zip(first.T, second.T, strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        enough = both.sum() >= 2
        found.append(kendalltau(a[both], b[both]).statistic if enough else np.nan)
    return np.array(found, np.float64)
