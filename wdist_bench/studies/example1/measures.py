"""What the Example 1 records say about kappa and the losses: records -> rows of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import interval_columns

Record = dict[str, Any]

PLATEAU = 0.02
"""A critic is on a plateau where its value changes by less over the last quarter of training."""

_BEFORE, _LAST = slice(70, 75), slice(95, 100)  # hundredths of the training


def of(records: list[Record], name: str, **options: Any) -> list[Record]:
    """The finished records of one experiment, with the given parameters."""
    return [
        r
        for r in records
        if r["experiment"] == f"example1_{name}"
        and r["status"] not in ("error", "skipped")
        and all(r["parameters"][key] == value for key, value in options.items())
    ]


def thetas(record: Record) -> np.ndarray:
    """(thetas,) signed distances theta between the two segments."""
    return np.array(record["parameters"]["thetas"], np.float64)


@dataclass(frozen=True)
class KappaFit:
    """The line value = kappa |theta| of one architecture and clip.

    Attributes:
        kappa: (runs,) slope of the line through the origin, per run.
        r2: (runs,) 1 - sum of squared residuals / sum of squares about the mean over theta.
        ratios: (thetas, runs) value / |theta|, NaN at theta = 0.
        cv: coefficient of variation over theta != 0 of the mean ratio.
        change: (thetas,) relative change over the last quarter of training of the mean over runs
            of the minibatch value, NaN at theta = 0.
        settled_runs: (thetas,) runs that by themselves change by less than 2 %, NaN at theta = 0.
    """

    kappa: np.ndarray
    r2: np.ndarray
    ratios: np.ndarray
    cv: float
    change: np.ndarray
    settled_runs: np.ndarray

    @property
    def plateau(self) -> np.ndarray:
        """(thetas,) whether |change| < 2 %."""
        return np.abs(self.change) < PLATEAU


def fit_line(record: Record) -> KappaFit:
    """Per run over theta, so that runs stay the unit."""
    distance = np.abs(thetas(record))[:, None]
    values = unpack(record["values"])
    kappa = (distance * values).sum(0) / (distance**2).sum()
    residuals = ((values - kappa * distance) ** 2).sum(0)
    r2 = 1 - residuals / ((values - values.mean(0)) ** 2).sum(0)
    apart = distance > 0
    ratios = np.where(apart, values, np.nan) / np.where(apart, distance, 1)
    means = ratios[apart[:, 0]].mean(1)
    cv = float(means.std(ddof=1) / means.mean()) if len(means) > 1 else math.nan
    history, away = unpack(record["history"]), apart[:, 0]
    before = np.where(away, history[:, _BEFORE].mean(1), np.nan)
    settled = (np.abs(unpack(record["changes"])) < PLATEAU).sum(1)
    change = history[:, _LAST].mean(1) / before - 1
    return KappaFit(kappa, r2, ratios, cv, change, np.where(away, settled, np.nan))


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
    """The critics with the most thetas, of these the longest trained: one per initial law, say."""
    critics = of(records, "critic")

    def rank(record: Record) -> tuple[int, int]:
        return len(record["parameters"]["thetas"]), record["parameters"]["steps"]

    best = max(map(rank, critics), default=None)
    return [record for record in critics if rank(record) == best]


def snapshots(records: list[Record]) -> list[Record]:
    """The discriminators without noise on the widest sweep of theta, by steps."""
    clean = of(records, "discriminator", noise_std=0.0)
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
        kappa = float(np.nanmean(fit.kappa))
        for i, theta in enumerate(thetas(record)):
            row = {"critic": architecture(record), "theta": theta, "w1": abs(theta)}
            for name, numbers in (
                ("value", values[i]),
                ("kappa", fit.ratios[i]),
                ("gradient", unpack(record["gradients"])[i]),
            ):
                row |= interval_columns(name, numbers)
            row["residual"] = row["value"] / kappa - abs(theta)
            row["sampled_value"] = float(np.nanmean(unpack(record["sampled"])[i]))
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
        means = np.nanmean(fit.ratios[thetas(record) != 0], axis=1)
        row = {
            "critic": architecture(record),
            **{name: p[name] for name in ("clip", "learning_rate", "steps")},
            "depth": len(p["hidden"]),
            "width": max(p["hidden"]),
        }
        for name, numbers in (("kappa", fit.kappa), ("r2", fit.r2)):
            row |= interval_columns(name, numbers)
        row |= {
            "kappa_sd_over_runs": float(np.nanstd(fit.kappa, ddof=1)),
            "kappa_smallest": float(means.min()),
            "kappa_largest": float(means.max()),
            "cv_over_theta": fit.cv,
            "slope_limit": record["slope_limit"],
            "share_of_limit": float(np.nanmean(fit.kappa)) / record["slope_limit"],
            "largest_change": float(np.nanmax(np.abs(fit.change))),
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
                row[f"{name}_sd"] = float(np.nanstd(numbers, ddof=1))
            row["jsd_on_segments"] = float(np.nanmean(unpack(record["jsd_on_segments"])[i]))
            row["accuracy"] = float(np.nanmean(unpack(record["accuracy"])[i]))
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
