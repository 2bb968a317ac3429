"""A task x estimator record as a reader takes it: named, with the exact values of its batches."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wdist_bench.costs.powers import roots
from wdist_bench.report.tables.settings import names
from wdist_bench.results.journal import Journal, failed_runs, run_costs, unpack

_IDENTITY = (
    "task", "task_parameters", "p", "norm", "n", "eval_batches", "protocol", "estimator",
    "estimator_options",
)  # fmt: skip
SAMPLED = (-2.0, 2.0)
"""Standard errors from a sampled distance at which what is told apart by it must be so too."""
_DEPENDENT = "matched"  # the protocol whose arrays are the ends of optimal pairs


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell of a suite.

    Attributes:
        record: as the journal has it. What is declared, once, are the columns of tables; a record
            keeps whatever else its version wrote, so it stays plain data.
        truth: the record of its batch truths; None where they are not known.
        variant: the estimator, with the options that tell it apart.
        setting: the number of its task at one cost, size, protocol and seed.
        label: that setting in words.
    """

    record: dict[str, Any]
    truth: dict[str, Any] | None = None
    variant: str = ""
    setting: int = 0
    label: str = ""

    @cached_property
    def identity(self) -> str:
        """What was asked, but for the seed: the same cell in another folder has the same."""
        return json.dumps([self.record[name] for name in _IDENTITY], sort_keys=True)

    @property
    def costs(self) -> np.ndarray | None:
        """(runs, eval_batches) W_p^p, NaN in a run without a number; None where nothing ran.

        Made anew each time, since all of a large folder have no room in memory.
        """
        return run_costs(self.record) if self.record.get("costs") else None

    @property
    def truths(self) -> np.ndarray | None:
        """(runs, eval_batches) exact W_p^p of the batches; None where they are not known."""
        return None if self.truth is None else unpack(self.truth["costs"])

    @property
    def distance(self) -> dict[str, Any]:
        """What is known of the distance of the two populations; nothing where a run's arrays were
        not drawn independently, since no number of theirs is about populations.
        """
        independent = self.record.get("protocol") != _DEPENDENT
        return (self.record.get("truth_population") or {}) if independent else {}

    @property
    def population(self) -> float:
        """Distance of the two populations; NaN where it is not known."""
        return float(self.distance.get("value", math.nan))

    @property
    def sampled(self) -> bool:
        """Whether that distance is itself known up to an error alone."""
        return bool((self.distance.get("stderr") or 0) > 0)

    @property
    def failed(self) -> int:
        """Runs that gave no number."""
        return failed_runs(self.record)

    def root(self, cost: np.ndarray) -> np.ndarray:
        """W_p from W_p^p; a negative lower bound on a cost gives 0 for p > 1."""
        return roots(cost, self.record["p"])

    def errors(self, against: str, off: float = 0.0) -> np.ndarray:
        """(runs,) errors, NaN where a run gave no number; empty where nothing ran or is known.

        Against "batch" the mean over the evaluation batches of |W_p - exact W_p|; against
        "population" |W_p of the run - distance of the populations|, taken `off` standard errors of
        its own from what is known of it.
        """
        costs, truths = self.costs, self.truths if against == "batch" else None
        if costs is None:
            return np.zeros(0)
        if against == "population":
            if math.isnan(self.population):
                return np.zeros(0)
            truth = max(0.0, self.population + off * self.distance.get("stderr", 0.0))
            runs: np.ndarray = np.abs(self.root(costs.mean(axis=1)) - truth)
            return runs
        if truths is None:
            return np.zeros(0)
        gaps: np.ndarray = np.abs(self.root(costs) - self.root(truths)).mean(axis=1)
        return gaps


def cells(journal: Journal) -> list[Cell]:
    """Those of the last suite, in its order, as far as there are records."""
    records = [record for record in journal.planned() if "estimator" in record]
    named = names(records)
    return [
        Cell(record, journal.truths.get(record.get("truth_key", "")), str(variant), int(number),
             str(label))
        for record, variant, number, label in zip(
            records, named["variant"], named["setting"], named["setting_label"], strict=True
        )
    ]  # fmt: skip
