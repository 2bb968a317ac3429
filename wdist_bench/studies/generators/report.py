"""Report of the study: `generators.md` with verdicts first, `generators.csv`, figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wdist_bench.folders import write
from wdist_bench.report.text.escaping import csv
from wdist_bench.report.text.missing import LOST, study_shortcomings
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import interval_columns, mean_interval
from wdist_bench.studies.claims import comparisons, table, verdict_table
from wdist_bench.studies.generators.claims import RULES, decide, text, tracks, varied
from wdist_bench.studies.generators.figures import FIGURES
from wdist_bench.studies.generators.judging.controls import CONTROLS
from wdist_bench.studies.generators.judging.rankings import agreement
from wdist_bench.studies.generators.judging.verdicts import fault, is_memoriser, told_apart, verdict
from wdist_bench.studies.generators.words import by_place, label, name_of, place

Record = dict[str, Any]

READING = """\
Each generator learns from half of the rows and is held against rows of the other half. Nobody is
judged by one number: a memoriser has the W1 of real rows, averages have less.

- **W1, W2**: exact, of the generated and the held-out rows; **floor**: the same for as many
  training rows, what a perfect generator gets. **Population**: means over runs of the ends of the
  95 % intervals for the distance of the two laws; **told apart**: runs whose interval excludes 0.
- **Frechet**: W2 of Gaussians with the moments of 32 features of a classifier trained here.
- **precision**: generated rows within reach of held-out ones; **recall**: the other way round.
- **copies**: share of rows that are a training row, and that share among held-out rows.
- **seconds**: of training, one run on one core; **draw**: of 1,000 rows; "(shared)" marks what is
  no timing, since another cell ran on the machine.
"""

FIGURE_WORDS = {
    "generators_seconds": "W1 to the held-out rows against seconds of training, all generators",
    "generators_samples": "First rows of the first run, as they come",
    "generators_mixture": "First rows of the first run on the mixture, as they come",
    "generators_classes": "W1 by class of the conditional generator, beside real rows",
    "generators_architectures": "Fault at each size and rate",
}


def write_generators(folder: Path, records: list[Record]) -> list[Path]:
    """Write every table and figure of the study from its records."""
    done = [record for record in records if "w1" in record]
    compared = [r for r in done if r["parameters"]["group"] == "comparison"]
    figures = FIGURES.write(folder, done)
    tables = [write(folder / "generators.csv", csv(pd.DataFrame(map(_numbers, done))))]
    drawn = [path.stem for path in figures]
    lines = ["# Generators", "", READING, *study_shortcomings(records)]
    lines += ["## Which work", "", *table(_overview(compared)), *_pictures(drawn)]
    claims = decide([r for r in records if "w1" in r or r["status"] in LOST])
    lines += ["## Claims", "", *verdict_table(claims), "### Rules", "", RULES, ""]
    lines += ["## Which rankings agree", "", *_agreement(compared)]
    for where, here in by_place(compared).items():
        lines += [f"## {where}", "", _sizes(here), "", *table(_rows(here))]
        lines += table(_more(here))
    lines += ["## Every comparison", "", *comparisons(claims)]
    page = write(folder / "generators.md", "\n".join(lines).rstrip() + "\n")
    return [page, *(tables if done else []), *figures]


def _pictures(drawn: list[str]) -> list[str]:
    """The figures with what they show, one below the other."""
    return [line for name in drawn for line in (f"![{FIGURE_WORDS[name]}]({name}.png)", "")]


def _overview(records: list[Record]) -> list[dict[str, str]]:
    """A row a generator, a column a set of rows: the verdict and the fault."""
    places = by_place(records)
    cells = {
        (label(r), where): f"{verdict(r)} ({_mean(fault(r))})"
        for where, here in places.items()
        for r in here
    }
    names = dict.fromkeys(map(label, records))
    return [
        {"generator": name} | {where: cells.get((name, where), "not run") for where in places}
        for name in names
    ]


def _sizes(records: list[Record]) -> str:
    """What the records of one set of rows share."""
    first = next((r for r in records if name_of(r) not in CONTROLS), records[0])
    p, w1 = first["parameters"], unpack(first["w1_real"])
    told = "" if first["accuracy"] is None else (
        f" The classifier tells {first['accuracy']:.1%} of rows that it has not seen right."
    )  # fmt: skip
    layers = " x ".join(map(str, p["hidden"])) or "none"
    return (
        f"{first['rows']} rows, half of them held out. {p['runs']} runs of {p['steps']} steps with "
        f"{p['critic_steps'] + 1} updates each, batches of {p['batch_size']}, hidden layers "
        f"{layers}. All numbers on {first['points']} rows of each kind "
        f"({first['points_watched']} along training). Real against real W1: {text(w1)}; mean "
        f"distance between two real rows: {_mean(unpack(first['spread']))}.{told}"
    )


def _rows(records: list[Record]) -> list[dict[str, str]]:
    """The table of one set of rows."""
    found = []
    order = {name: rank for rank, name in enumerate(_ranked(records), 1)}
    for r in records:
        row = {"generator": label(r), "verdict": f"**{verdict(r)}**", "fault": text(fault(r)),
               "rank by W1": str(order.get(name_of(r), ""))}  # fmt: skip
        for p in (1, 2):
            row[f"W{p}"] = _mean(unpack(r[f"w{p}"]))
            row[f"floor {p}"] = _mean(unpack(r[f"w{p}_real"]))
            ends = (_mean(unpack(r[f"w{p}_{end}"])) for end in ("lower", "upper"))
            row[f"population W{p}"] = f"[{', '.join(ends)}]"
        row["told apart"] = f"{told_apart(r)} of {r['runs']}"
        found.append(row)
    return found


def _ranked(records: list[Record]) -> list[str]:
    """Trained generators that are no memorisers, the nearest first."""
    ranked = [r for r in records if name_of(r) not in CONTROLS and not is_memoriser(r)]
    finite = [r for r in ranked if np.isfinite(unpack(r["w1"])).any()]
    return [name_of(r) for r in sorted(finite, key=lambda r: mean_interval(unpack(r["w1"]))[0])]


def _more(records: list[Record]) -> list[dict[str, str]]:
    """What the other measures say, and what it took."""
    found = []
    for r in records:
        row = {"generator": label(r)}
        for heading in ("frechet", "precision", "recall", "nearest", "copied"):
            ours, real = unpack(r[heading]), unpack(r[f"{heading}_real"])
            row[_HEADINGS.get(heading, heading)] = f"{_mean(ours)} (real {_mean(real)})"
        for heading, name in (("modes", "modes"), ("weights W1", "weights_w1"),
                              ("classes", "covered"), ("label right", "labels_right")):  # fmt: skip
            if any(name in other for other in records):
                row[heading] = _mean(unpack(r[name])) if name in r else ""
        trained = name_of(r) not in CONTROLS
        row["loss follows W1"] = (
            f"{tracks(r)}, {_mean(unpack(r['rank_correlation']))}" if trained else ""
        )
        shared = " (shared)" if r.get("shared") else ""
        row["seconds"] = f"{r['train_seconds']:.2g}{shared}" if trained else ""
        row["draw"] = f"{r['draw_seconds']:.2g}{shared}" if trained else ""
        row["parameters"] = f"{r['weights']:,}" if trained else ""
        row["failed"] = f"{r['failed']} of {r['runs']}"
        found.append(row)
    return found


_HEADINGS = {"nearest": "distance to training rows", "copied": "copies", "frechet": "Frechet"}


def _agreement(records: list[Record]) -> list[str]:
    """Kendall's tau between what ranks the trained generators."""
    return [
        "Kendall's tau-b between the orders that two measures give the trained generators, mean "
        "over runs with its 95 % interval: 1 is one order, 0 none, -1 the opposite.",
        "",
        *table(
            [
                {key: row[key] for key in ("rows", "ranking", "against", "generators")}
                | {"tau": f"{row['tau']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"}
                for row in agreement(records)
            ]
        ),
    ]


def _mean(values: np.ndarray) -> str:
    mean = mean_interval(values)[0]
    return "no number" if math.isnan(mean) else f"{mean:.3g}"


_SINGLE = (
    "w1", "w1_real", "w1_lower", "w1_upper", "w2", "w2_real", "w2_lower", "w2_upper", "frechet",
    "frechet_real", "precision", "precision_real", "recall", "recall_real", "nearest",
    "nearest_real", "copied", "copied_real", "spread", "modes", "on_modes", "weights_w1",
    "weights_w1_real", "covered", "labels_right", "rank_correlation", "steadiness", "turning",
)  # fmt: skip


def _numbers(record: Record) -> dict[str, Any]:
    """`generators.csv`: one row a cell, means over runs with the ends of their intervals."""
    p = record["parameters"]
    row: dict[str, Any] = {
        "group": p["group"], "rows": place(record), "generator": p["generator"],
        "setting": varied(record), "steps": p["steps"], "runs": p["runs"], "seed": p["seed"],
        "failed": record["failed"], "points": record["points"], "verdict": verdict(record),
        "told_apart": told_apart(record),
    }  # fmt: skip
    row |= interval_columns("fault", fault(record))
    for name in _SINGLE:
        if name in record:
            row |= interval_columns(name, unpack(record[name]))
    names = ("train_seconds", "draw_seconds", "weights", "compile_seconds", "run_seconds",
             "measure_seconds")  # fmt: skip
    return row | {name: record[name] for name in names}
