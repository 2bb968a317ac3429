"""Report of Example 1: `example1.md` with verdicts first, tables as CSV, figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.text.escaping import csv
from wdist_bench.report.text.missing import study_shortcomings
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import finite, interval_columns, mean_of
from wdist_bench.studies.claims import table, verdict_table
from wdist_bench.studies.example1 import claims as example1_claims
from wdist_bench.studies.example1 import noise_figures  # noqa: F401  it registers its figures
from wdist_bench.studies.example1 import theorems as example1_theorems
from wdist_bench.studies.example1.figures import FIGURES
from wdist_bench.studies.example1.measures import (
    PLATEAU,
    Record,
    discriminator_rows,
    fit_rows,
    kappa_rows,
    of,
    thetas,
)

_LEGEND = f"""\
Segments (0, U) and (theta, U), U uniform on [0, 1]. Distances are in units of the data, divergences
in nats. Numbers in brackets are 95 % intervals over runs (Student's t); a run has its own data and
initial weights, the same at every theta.

- **kappa** of a critic: slope of the line value = kappa abs(theta) through the origin, per run.
  **R^2**: 1 - squared residuals / squares about the mean over theta, per run. **CV**: coefficient
  of variation over theta of the mean value / abs(theta). **Share of limit**: kappa over
  c^(L + 1) w^L, the largest slope along theta that L hidden layers of w units with weights in
  [-c, c] can have.
- **Plateau**: the minibatch value (mean over runs and over a twentieth of the training steps)
  changes by less than {PLATEAU:.0%} over the last quarter of training. `settled_runs` counts the
  runs that do so one by one: now and then a unit turns over late, in one step.
- **Gradients** are those that a loss gives to theta: d/dtheta of the critic's value, of
  E log(1 - D(theta, U)) (saturating) and of -E log D(theta, U) (the alternative).
- **Distance**: max over the generated segment of D + ||grad D||, how far D is from the perfect
  discriminator of Theorem 2.1, which is 0 there.
"""


def write_example1(folder: Path, records: list[Record]) -> list[Path]:
    """Write every table and figure from the records of the example1 experiments."""
    tables = {
        "kappa": fit_rows(records),
        "theta": kappa_rows(records),
        "jsd": discriminator_rows(records),
        "identity": _identity_rows(records),
        "instability": _instability_rows(records),
        "noise": _noise_rows(records),
        "descent": _descent_rows(records),
        "bounds": _bounds_rows(records),
        "convergence": _convergence_rows(records),
    }
    written = [_markdown(folder, records, tables)]
    for name, rows in tables.items():
        if rows:
            written.append(write(folder / f"example1_{name}.csv", csv(pd.DataFrame(rows))))
    return written + FIGURES.write(folder, records)


def _identity_rows(records: list[Record]) -> list[dict[str, Any]]:
    """One row per law, theta and parameter of the generator."""
    names = ("kl", "jsd", "quadrature", "autodiff", "twice_jsd", "saturating")
    rows = []
    for record in of(records, "identity"):
        simulated = unpack(record["simulated"])
        for i, theta in enumerate(thetas(record)):
            for k, parameter in enumerate(("theta", "scale")):
                rows.append(
                    {"real": record["parameters"]["real"], "theta": theta, "gradient_to": parameter}
                    | _at(record, names, i, k)
                    | interval_columns("simulated", simulated[i, :, k])
                )
    return rows


def _instability_rows(records: list[Record]) -> list[dict[str, Any]]:
    """One row per kind of noise and minibatch size."""
    rows = []
    for record in of(records, "instability"):
        p = record["parameters"]
        for i, size in enumerate(p["batch_sizes"]):
            row = {"noise": p["noise"], "batch_size": size}
            for name in ("hill", "scale"):
                unit = record["scale_of_law"] if name == "scale" else 1.0
                row |= interval_columns(name, unpack(record[name])[i] / unit)
            means, variances = unpack(record["mean"])[i], unpack(record["variance"])[i]
            row |= {
                "ks_smallest_p": float(unpack(record["ks"])[i].min()),
                "largest_mean_of_run": float(np.abs(means).max()),
                "smallest_variance_of_run": float(variances.min()),
                "largest_variance_of_run": float(variances.max()),
                "runs": record["runs"],
                "draws": p["draws"],
            }
            rows.append(row)
    return rows


def _noise_rows(records: list[Record]) -> list[dict[str, Any]]:
    """One row per theta and noise level."""
    names = ("theorem", "autodiff", "closed_form", "noisy_autodiff", "twice_jsd", "kl",
             "kl_closed_form", "jsd")  # fmt: skip
    return [
        {"theta": theta, "noise_std": std} | _at(record, names, i, j)
        for record in of(records, "noise")
        for i, theta in enumerate(thetas(record))
        for j, std in enumerate(record["parameters"]["noise_stds"])
    ]


def _at(record: Record, names: tuple[str, ...], *place: int) -> dict[str, float]:
    """The entries of arrays at one place."""
    return {name: float(unpack(record[name])[place]) for name in names}


def _descent_rows(records: list[Record]) -> list[dict[str, Any]]:
    """Rows of the table of descents: one for each loss and noise, over its runs."""
    rows = []
    for record in of(records, "descent"):
        p = record["parameters"]
        names = ("discriminator", "noise_start", "noise_end", "start", "steps", "learning_rate")
        rows.append(
            {name: p[name] for name in names}
            | interval_columns("final", np.abs(unpack(record["final"])))
            | {name: record[name] for name in ("runs", "failed")}
        )
    return rows


def _bounds_rows(records: list[Record]) -> list[dict[str, Any]]:
    """One row per theta and noise level."""
    names = ("moved_lower", "moved", "moved_upper", "lemma", "jsd", "jsd_closed_form", "diameter",
             "theorem", "noisy_w1", "noisy_lemma", "noisy_theorem")  # fmt: skip
    return [
        {"theta": record["parameters"]["theta"], "noise_std": std, "w1": record["w1"]}
        | _at(record, names, i)
        for record in of(records, "bounds")
        for i, std in enumerate(record["parameters"]["noise_stds"])
    ]


def _convergence_rows(records: list[Record]) -> list[dict[str, Any]]:
    """One row per theta, with the discriminators that were trained there."""
    trained: dict[tuple[int, float], float] = {}
    for record in of(records, "discriminator", noise_std=0.0):
        for theta, values in zip(thetas(record), unpack(record["jsd"]), strict=True):
            trained[record["parameters"]["steps"], float(theta)] = mean_of(finite(values))
    rows = []
    for record in of(records, "convergence"):
        nearest = min((theta for _, theta in trained if theta > 0), default=math.nan)
        steps = sorted({s for s, theta in trained if theta == nearest})
        for i, theta in enumerate(thetas(record)):
            rows.append(
                {
                    "theta": theta,
                    "w1": record["w1"][i],
                    "w1_program": record["w1_program"][i],
                    "jsd": record["jsd"][i],
                    "kl": math.inf if record["kl"][i] is None else record["kl"][i],
                    **{f"jsd_strips_{width:g}": float(unpack(record["jsd_cells"])[i, j])
                       for j, width in enumerate(record["parameters"]["cells"])},
                    "jsd_noisy": record["jsd_noisy"][i],
                    **{f"discriminator_{s}_steps": trained.get((s, float(theta)), math.nan)
                       for s in steps},
                }
            )  # fmt: skip
    return rows


_SECTIONS = (
    (
        "kappa",
        "Kappa by architecture and clip",
        "One line through the origin per run; `on_plateau` of `thetas` reached the plateau. "
        "Clipped biases bend the line: a unit relu(b - w x) with b = w = c is off beyond x = 1, "
        "so the pull weakens for abs(theta) > 1.",
        ("critic", "learning_rate", "kappa", "kappa_ci_low", "kappa_ci_high", "r2", "r2_ci_low",
         "kappa_smallest", "kappa_largest", "cv_over_theta", "share_of_limit", "largest_change",
         "on_plateau", "thetas", "settled_runs", "runs", "failed"),
    ),
    (
        "theta",
        "Kappa per theta",
        "`residual`: value / (the fitted kappa) - abs(theta). `sampled_value`: the same critics on "
        "fresh batches. `change`: of the plateau's criterion.",
        ("critic", "theta", "value", "sampled_value", "kappa", "kappa_ci_low", "kappa_ci_high",
         "residual", "gradient", "change", "plateau", "settled_runs", "runs"),
    ),
    (
        "jsd",
        "Discriminators: JSD estimate and gradients to theta",
        "JSD of the clean segments is log 2 = 0.6931 for theta != 0. Rows with one noise and theta "
        "are snapshots of one training.",
        ("noise_std", "steps", "theta", "jsd", "jsd_ci_low", "jsd_ci_high", "saturating",
         "saturating_sd", "non_saturating", "non_saturating_sd", "distance", "accuracy"),
    ),
    (
        "convergence",
        "The segments drawing together",
        "`w1_program`: linear programme on midpoints. `jsd_strips_h`: JSD of the masses on "
        "vertical strips of width h, a lower bound. `jsd_noisy`: after Gaussian noise on both.",
        None,
    ),
    (
        "identity",
        "Theorem 2.5: two sides of the -log D gradient",
        "`autodiff` and `quadrature` are the two sides, `saturating` and `twice_jsd` those of the "
        "saturating loss; `simulated` draws z.",
        None,
    ),
    (
        "instability",
        "Theorem 2.6: heavy tails",
        "`hill`: tail index of abs(gradient) (Cauchy: 1). `scale`: its median, in units of "
        "s_r / s_e, 1 by the theorem for every minibatch size.",
        None,
    ),
    (
        "noise",
        "Theorem 3.2: the gradient that noise restores",
        "`theorem`, `autodiff` and `closed_form` are one number by three routes; `noisy_autodiff` "
        "and `twice_jsd`, with noise on g as well, by two.",
        None,
    ),
    ("descent", "Theta descending", "`final`: abs(theta) at the end, mean over runs.", None),
    (
        "bounds",
        "Lemma 4 and Theorem 3.3 along noise levels",
        "`moved`: W1(X, X + e) of the segment, between its lower and upper bound; `lemma`: its "
        "bound sqrt(V). `theorem`: the bound on `w1`. `noisy_*`: a uniform law on a line against "
        "itself with noise, and its two bounds.",
        None,
    ),
)  # fmt: skip


def _markdown(folder: Path, records: list[Record], tables: dict[str, Any]) -> Path:
    """Write `example1.md`: verdicts first, then each table with the words that explain it."""
    lines = ["# Example 1 of the WGAN paper", "", _LEGEND]
    lines += study_shortcomings(records)
    checks = (*example1_claims.CHECKS, *example1_theorems.CHECKS)
    found = [claim for check in checks for claim in check(records)]
    lines += ["## Verdicts", "", *verdict_table(found)]
    for name, title, text, columns in _SECTIONS:
        if tables[name]:
            lines += [f"## {title}", "", text, "", *table(tables[name], columns)]
    return write(folder / "example1.md", "\n".join(lines).rstrip() + "\n")
