"""What the Example 1 records say about kappa and the losses: records -> rows of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from wdist_bench.report.text.missing import NO_NUMBERS
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import finite, interval_columns, mean_of, sd_of
from wdist_bench.studies.example1.critic import BEFORE, LAST

Record = dict[str, Any]

PLATEAU = 0.02
"""A critic is on a plateau where its value changes by less over the last quarter of training."""


def of(records: list[Record], name: str, **options: Any) -> list[Record]:
    """The records of one experiment that have numbers, with the given parameters."""
    return [
        r
        for r in records
        if r["experiment"] == f"example1_{name}"
        and r["status"] not in NO_NUMBERS
        and all(r["parameters"][key] == value for key, value in options.items())
    ]


def thetas(record: Record) -> np.ndarray:
    """(thetas,) signed distances theta between the two segments."""
    return np.array(record["parameters"]["thetas"], np.float64)


def over_runs(values: np.ndarray) -> np.ndarray:
    """(rows, runs) -> means over the runs that gave a number; NaN where none did."""
    return np.array([mean_of(finite(row)) for row in values])


def largest(values: np.ndarray) -> float:
    """Of those that are numbers; NaN where none is."""
    found = finite(values)
    return float(found.max()) if found.size else math.nan


def variation(values: np.ndarray) -> float:
    """The coefficient of variation; NaN below two values."""
    mean = mean_of(values)
    return sd_of(values) / mean if mean else math.nan


@dataclass(frozen=True)
class KappaFit:
    """The line value = kappa |theta| of one architecture and clip.

    Attributes:
        kappa: (runs,) slope of the line through the origin, per run.
        r2: (runs,) 1 - sum of squared residuals / sum of squares about the mean over theta.
        ratios: (thetas, runs) value / |theta|, NaN at theta = 0.
        means: (thetas,) mean ratio over the runs with a number at every theta.
        cv: coefficient of variation of it over theta != 0.
        change: (thetas,) relative change over the last quarter of training of the mean over runs
            of the minibatch value, NaN at theta = 0.
        settled_runs: (thetas,) runs that by themselves change by less than 2 %, NaN at theta = 0.
    """

    kappa: np.ndarray
    r2: np.ndarray
    ratios: np.ndarray
    means: np.ndarray
    cv: float
    change: np.ndarray
    settled_runs: np.ndarray

    @property
    def plateau(self) -> np.ndarray:
        """(thetas,) whether |change| < 2 %."""
        return np.abs(self.change) < PLATEAU


def fit_line(record: Record) -> KappaFit:
    """Per run over theta, so that runs stay the unit. One or no theta but 0 gives NaN."""
    distance = np.abs(thetas(record))[:, None]
    values = unpack(record["values"])
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = (distance * values).sum(0) / (distance**2).sum()
        residuals = ((values - kappa * distance) ** 2).sum(0)
        r2 = 1 - residuals / ((values - values.mean(0)) ** 2).sum(0)
    apart = distance > 0
    ratios = np.where(apart, values, np.nan) / np.where(apart, distance, 1)
    history, away = unpack(record["history"]), apart[:, 0]
    means = over_runs(ratios[:, np.isfinite(values).all(axis=0)])
    before = np.where(away, history[:, BEFORE].mean(1), np.nan)
    settled = (np.abs(unpack(record["changes"])) < PLATEAU).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = history[:, LAST].mean(1) / before - 1
    cv = variation(means[away])
    return KappaFit(kappa, r2, ratios, means, cv, change, np.where(away, settled, np.nan))


def shape(record: Record) -> str:
    """The hidden layers in words, as in "2 x 128"."""
    widths = record["parameters"]["hidden"]
    even = len(set(widths)) == 1
    return f"{len(widths)}x{widths[0]}" if even else "-".join(map(str, widths))


def architecture(record: Record) -> str:
    """Layers x width, clip and steps, and what is not as usual."""
    p = record["parameters"]
    law = "" if p["initial"] == "standard" else f", {p['initial']} initial"
    biases = "" if p["clip_biases"] else ", free biases"
    return f"{shape(record)}, clip {p['clip']:g}, {p['steps']:,} steps{law}{biases}"


def widest(records: list[Record]) -> list[Record]:
    """The critics with the most thetas, of these the longest trained: one per initial law, say.

    Theta = 0 alone says nothing of kappa.
    """
    critics = [record for record in of(records, "critic") if thetas(record).any()]

    def rank(record: Record) -> tuple[int, int]:
        return len(record["parameters"]["thetas"]), record["parameters"]["steps"]

    best = max(map(rank, critics), default=None)
    return [record for record in critics if rank(record) == best]


def snapshots(records: list[Record]) -> list[Record]:
    """The discriminators without noise on the widest sweep of theta, by steps; not at 0 alone."""
    clean = [r for r in of(records, "discriminator", noise_std=0.0) if thetas(r).any()]
    if not clean:
        return []
    sweeps = {tuple(r["parameters"]["thetas"]) for r in clean}
    most = max(sweeps, key=lambda sweep: (max(sweep), len(sweep)))
    same = [r for r in clean if tuple(r["parameters"]["thetas"]) == most]
    return sorted(same, key=lambda r: r["parameters"]["steps"])


def kappa_rows(records: list[Record]) -> list[dict[str, Any]]:
    """Rows of the table of kappa: one for each critic and theta."""
    rows = []
    for record in of(records, "critic"):
        fit, values = fit_line(record), unpack(record["values"])
        kappa = mean_of(finite(fit.kappa))
        for i, theta in enumerate(thetas(record)):
            row = {"critic": architecture(record), "theta": theta, "w1": abs(theta)}
            for name, numbers in (
                ("value", values[i]),
                ("kappa", fit.ratios[i]),
                ("gradient", unpack(record["gradients"])[i]),
            ):
                row |= interval_columns(name, numbers)
            row["residual"] = row["value"] / kappa - abs(theta) if kappa else math.nan
            row["sampled_value"] = mean_of(finite(unpack(record["sampled"])[i]))
            row |= {"change": float(fit.change[i]), "settled_runs": float(fit.settled_runs[i])}
            row["plateau"] = ("yes" if fit.plateau[i] else "no") if theta else ""
            row |= {"runs": record["runs"], "failed": record["failed"]}
            rows.append(row)
    return rows


def fit_rows(records: list[Record]) -> list[dict[str, Any]]:
    """Rows of the table of fitted lines: one a critic, with its kappa and the rest of the fit."""
    rows = []
    for record in of(records, "critic"):
        fit, p = fit_line(record), record["parameters"]
        row = {
            "critic": architecture(record),
            **{name: p[name] for name in ("clip", "learning_rate", "steps")},
            "depth": len(p["hidden"]),
            "width": max(p["hidden"], default=0),
        }
        for name, numbers in (("kappa", fit.kappa), ("r2", fit.r2)):
            row |= interval_columns(name, numbers)
        row |= {
            "kappa_sd_over_runs": sd_of(finite(fit.kappa)),
            "kappa_smallest": -largest(-fit.means),
            "kappa_largest": largest(fit.means),
            "cv_over_theta": fit.cv,
            "slope_limit": record["slope_limit"],
            "share_of_limit": mean_of(finite(fit.kappa)) / record["slope_limit"],
            "largest_change": largest(np.abs(fit.change)),
            "thetas": int(np.isfinite(fit.change).sum()),
            "on_plateau": int(fit.plateau.sum()),
            "settled_runs": int(np.nansum(fit.settled_runs)),
            **{name: record[name] for name in ("runs", "failed", "compile_seconds", "run_seconds")},
        }
        rows.append(row)
    return rows


def discriminator_rows(records: list[Record]) -> list[dict[str, Any]]:
    """One row per discriminator and theta."""
    rows = []
    for record in of(records, "discriminator"):
        p = record["parameters"]
        for i, theta in enumerate(thetas(record)):
            row = {"noise_std": p["noise_std"], "steps": p["steps"], "theta": theta}
            for name in ("jsd", "saturating", "non_saturating", "distance"):
                numbers = unpack(record[name])[i]
                row |= interval_columns(name, numbers)
                row[f"{name}_sd"] = sd_of(finite(numbers))
            for name in ("jsd_on_segments", "accuracy"):
                row[name] = mean_of(finite(unpack(record[name])[i]))
            row |= {"runs": record["runs"], "failed": record["failed"]}
            rows.append(row)
    return rows


def vanishing_bound(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """(thetas != 0, runs) |gradient of E log(1 - D)| and Theorem 2.4's bound on it.

    The bound is M e / (1 - e) with M = |dg / dtheta| = 1 and e = `distance`, taken on the generated
    segment, which is all that the proof uses; infinite for e >= 1, where the theorem is silent.
    """
    apart = thetas(record) != 0
    e = unpack(record["distance"])[apart]
    bound = np.where(e < 1, e / np.maximum(1 - e, 1e-300), np.inf)
    return np.abs(unpack(record["saturating"])[apart]), bound
