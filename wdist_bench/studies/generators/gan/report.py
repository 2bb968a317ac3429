"""Report of the GAN suite: `gan.md` with verdicts first, `gan.csv`, sample grids and curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.text.escaping import csv
from wdist_bench.report.text.missing import LOST, study_shortcomings
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import finite, interval_columns, mean_interval, sd_of
from wdist_bench.studies.claims import FAILS, HOLDS, Claim, comparisons, table, verdict_table
from wdist_bench.studies.generators.claims import text, tracks
from wdist_bench.studies.generators.gan.claims import (
    ACCEPTABLE,
    GOOD,
    RULES,
    STANDARD,
    are_averages,
    decide,
    is_within,
    label,
    log_misfit,
    misfit_text,
    ratios,
    relative_error,
)
from wdist_bench.studies.generators.gan.figures import (
    slug,
    write_curves,
    write_grid,
    write_overview,
    write_robustness,
)
from wdist_bench.studies.generators.words import by_place, place, setting

_MOST_DRAWN = 24  # losses in a figure; the tables have all


def write_gan(folder: Path, records: list[dict[str, Any]]) -> list[Path]:
    """Write every table and figure of the GAN suite from its records."""
    import matplotlib as mpl

    mpl.use("Agg")
    done = [record for record in records if "w1" in record]
    asked = [record for record in records if "w1" in record or record["status"] in LOST]
    losses = [record for record in asked if record["parameters"].get("group") == "losses"]
    varied = [record for record in done if record["parameters"]["group"] == "robustness"]
    written = [_write_csv(folder, done)] if done else []
    here_done = {where: [r for r in here if "w1" in r] for where, here in by_place(losses).items()}
    sections = {where: here for where, here in here_done.items() if here}
    for where, here in sections.items():
        drawn = here[:_MOST_DRAWN]
        written += [
            write_overview(drawn, folder / f"gan_overview_{slug(where)}.png"),
            write_curves(drawn, folder / f"gan_curves_{slug(where)}.png"),
        ]
        written += [
            write_grid(r, folder / f"gan_samples_{slug(where)}_{slug(r['parameters']['loss'])}.png")
            for r in here
        ]
    if varied:
        written.append(write_robustness(varied, settings(varied), folder / "gan_robustness.png"))
    return [_write_markdown(folder, records, decide(losses), sections, varied), *written]


def settings(records: list[dict[str, Any]]) -> list[str]:
    """What each record varies: "2 x 100", "2 x 100, batch normalisation" and so on.

    A loss that appears at several learning rates is marked where it has the papers' own.
    """
    rates: dict[str, set[float]] = {}
    for record in records:
        p = record["parameters"]
        rates.setdefault(p["loss"], set()).add(p["rate"])
    return [_setting(r, len(rates[r["parameters"]["loss"]]) > 1) for r in records]


def _setting(record: dict[str, Any], several_rates: bool) -> str:
    papers = several_rates and record["parameters"]["rate"] == 1
    return setting(record) + (", papers' learning rates" if papers else "")


def _write_csv(folder: Path, records: list[dict[str, Any]]) -> Path:
    """`gan.csv`: one row a cell, means over runs with the ends of their intervals."""
    rows = []
    for record in records:
        p = record["parameters"]
        row = {
            "group": p["group"],
            "images": place(record),
            **{name: p[name] for name in ("loss", "steps", "batch_norm", "rate", "runs", "seed")},
            "hidden": "-".join(map(str, p["hidden"])),
            "failed": record["failed"],
            "points": record["points"],
            "k": record["k"],
            "classes": len(record["known_classes"]),
        }
        for name, values in _numbers(record).items():
            row |= interval_columns(name, values) | {f"{name}_sd": sd_of(finite(values))}
        row |= {name: record[name] for name in ("compile_seconds", "run_seconds")}
        rows.append(row)
    return write(folder / "gan.csv", csv(pd.DataFrame(rows)))


def _numbers(record: dict[str, Any]) -> dict[str, np.ndarray]:
    """Every per-run number of a record."""
    three = ratios(record)
    numbers = {
        "w1": unpack(record["w1"]),
        "floor": unpack(record["floor"]),
        "w1_centres": unpack(record["w1_centres"]),
        "log_misfit": log_misfit(record),
        **{f"ratio_{name}": values for name, values in three.items()},
        "rank_correlation": unpack(record["rank_correlation"]),
        "loss": unpack(record["values"]).mean(1),
        "exact_batch": unpack(record["exact"]).mean(1),
    }
    if record["parameters"]["loss"] not in STANDARD:  # a divergence in nats estimates no W1
        numbers["relative_error"] = relative_error(record)
    if "covered" in record:
        numbers["covered"] = unpack(record["covered"])
    return numbers


def _write_markdown(
    folder: Path,
    records: list[dict[str, Any]],
    claims: list[Claim],
    sections: dict[str, list[dict[str, Any]]],
    varied: list[dict[str, Any]],
) -> Path:
    lines = ["# GAN losses", "", *study_shortcomings(records)]
    lines += ["## Verdicts", ""]
    lines += verdict_table(claims)
    lines += ["### Rules", "", RULES, "", "### Every comparison", ""]
    lines += comparisons(claims)
    for where, here in sections.items():
        lines += _section(where, here)
    if varied:
        lines += [f"## Architecture: {place(varied[0])}", "", "![](gan_robustness.png)", ""]
        lines += [_sizes(varied), ""]
        labels = settings(varied)
        lines += table([{"varied": a} | _row(r) for a, r in zip(labels, varied, strict=True)])
    return write(folder / "gan.md", "\n".join(lines).rstrip() + "\n")


def _section(where: str, records: list[dict[str, Any]]) -> list[str]:
    name = slug(where)
    grids = ", ".join(
        f"[{r['parameters']['loss']}](gan_samples_{name}_{slug(r['parameters']['loss'])}.png)"
        for r in records
    )
    return [
        f"## {where}",
        "",
        f"![samples](gan_overview_{name}.png)",
        "",
        f"![loss and exact W1](gan_curves_{name}.png)",
        "",
        f"64 samples each: {grids}.",
        "",
        _sizes(records),
        "",
        *table([_row(record) for record in records]),
    ]


def _sizes(records: list[dict[str, Any]]) -> str:
    """The sizes that the records share, and what real images and averages get."""
    first, p = records[0], records[0]["parameters"]
    floor, averages = unpack(first["floor"]), unpack(first["w1_centres"])
    return (
        f"{first['images']} images, half of them held out. {p['runs']} runs of {p['steps']} "
        f"generator steps, {p['critic_steps']} critic steps each, batches of {p['batch_size']}, "
        f"{p['latent']}-dimensional noise. Exact W1 on {first['points']} images of each kind "
        f"({first['points_watched']} along training). Real against real: {floor.mean():.3f} "
        f"(sd {sd_of(floor):.2g}). The {first['k']} k-means centres of the training images, "
        f"weighted, are at {averages.mean():.3f} (sd {sd_of(averages):.2g}): by W1 alone averages "
        f"{'beat' if averages.mean() < floor.mean() else 'do not beat'} real images."
    )


def _row(record: dict[str, Any]) -> dict[str, str]:
    """One line of a section's table."""
    numbers = _numbers(record)
    p = record["parameters"]
    row = {
        "loss": label(record),
        "rate": f"{p['rate']:g}",
        "exact W1": text(numbers["w1"]),
        "W1 / floor": text(numbers["ratio_w1"]),
        "centre": text(numbers["ratio_centre"]),
        "averages?": _answer(are_averages(record)),
        "diversity": text(numbers["ratio_diversity"]),
        "misfit": misfit_text(record),
        "good": _answer(is_within(record, GOOD)),
        "acceptable": _answer(is_within(record, ACCEPTABLE)),
    }
    if record["known_classes"]:
        mean, *_ = mean_interval(numbers["covered"])
        row["classes"] = f"{mean:.3g} of {len(record['known_classes'])}"
    return row | {
        "loss at the end": text(numbers["loss"]),
        "exact W1 of these batches": text(numbers["exact_batch"]),
        "relative error": text(numbers["relative_error"]) if "relative_error" in numbers else "",
        "Spearman": text(numbers["rank_correlation"]),
        "tracks": _answer(tracks(record)),
        "failed": f"{record['failed']} of {p['runs']}",
        "run s": f"{record['run_seconds']:.1f}",
    }


def _answer(verdict: str) -> str:
    return {HOLDS: "yes", FAILS: "no"}.get(verdict, verdict)
