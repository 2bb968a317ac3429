"""How often `wdist-bench compare` says that something changed where nothing did, and where it did.

Each line draws pairs of results folders, one method on both sides with fresh training noise, on the
same samples (paired) or on others, and counts the pairs in which any cell is flagged, better or
worse, beside the Clopper-Pearson band (95 %); no share may be above 5 % by the band that holds for
all lines at once. The other lines make the errors of one cell, or of all, larger by a factor and
count the pairs that fail.

    python benchmarks/claims/gate.py --pairs 200 --out results/claims/gate.csv
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from leaderboard import LAWS, Law, judge, line

from wdist_bench.report.compare import compare
from wdist_bench.results.journal import COMPACT, Journal, pack
from wdist_bench.results.journal_writing import write_compact

SHAPES = ((2, 20), (24, 20), (24, 10), (24, 3))  # cells, runs


def folder(
    path: Path,
    data: np.random.Generator,
    training: np.random.Generator,
    shape: tuple[int, int],
    law: Law,
    worse: dict[int, float],
    failing: float,
) -> Path:
    """Write a journal of cells at scales of their own; every third has equal laws."""
    cells, truths = {}, {}
    count, runs = shape
    for c in range(count):
        scale = 10.0 ** (c % 5)
        truth = scale * (10 + data.normal(size=(runs, 1)))
        noise = scale * law(training, (runs, 1)) * worse.get(c, 1.0)
        costs = (0.0 if c % 3 == 0 else 10 * scale) + noise
        costs[training.random((runs, 1)) < failing] = np.nan
        key = f"truth{c}-{truth[0, 0]}"
        truths[key] = {"type": "truth", "key": key, "schema": 1, "costs": pack(truth)}
        cells[str(c)] = {
            "type": "cell", "key": str(c), "schema": 1, "task": f"task{c}", "task_parameters": {},
            "task_options": {}, "estimator": "e", "estimator_parameters": {},
            "estimator_options": {}, "p": 1, "norm": "l2", "n": 64, "runs": runs, "seed": 0,
            "eval_batches": 1, "protocol": "stream", "family": "", "dataset": "", "dim": 2,
            "critic": "",
            "target": "population", "bound": "none", "status": "ok", "message": "", "steps": 0,
            "failed": int(np.isnan(costs).sum()), "costs": pack(costs), "run_seconds": 1.0,
            "compile_seconds": 0.0, "truth_key": key,
            "truth_population": {
                "value": 0.0 if c % 3 == 0 else 10 * scale, "stderr": 0.0, "kind": "closed-form",
                "reference": "",
            },
        }  # fmt: skip
    plan = {"type": "plan", "schema": 1, "title": "", "description": "", "keys": list(cells)}
    path.mkdir()
    write_compact(Journal(cells=cells, truths=truths, plan=plan), path / COMPACT)
    return path


def flagged(
    where: Path,
    seed: list[int],
    shape: tuple[int, int],
    law: Law,
    paired: bool,
    worse: dict[int, float],
    failing: float,
) -> tuple[int, int]:
    """Cells that a comparison calls worse, and better."""
    data, training = np.random.default_rng([*seed, 0]), np.random.default_rng([*seed, 1])
    a = folder(where / "a", data, training, shape, law, {}, failing)
    if paired:
        data = np.random.default_rng([*seed, 0])
    found = compare(a, folder(where / "b", data, training, shape, law, worse, failing))
    return len(found.verdict("regression")), len(found.verdict("improvement"))


def main() -> None:
    """Simulate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("results/claims/gate.csv"))
    options = parser.parse_args()
    rows = []
    for shape in SHAPES:
        cells, runs = shape
        changes = [("equal", {}, law) for law in LAWS]
        for factor in (2.0, 5.0, 1000.0):
            changes.append((f"one cell {factor:g} times worse", {0: factor}, "normal"))
            everything = dict.fromkeys(range(cells), factor)
            changes.append((f"all cells {factor:g} times worse", everything, "normal"))
        for what, worse, law in changes:
            for paired in (True, False):
                count = 0
                for i in range(options.pairs):
                    with tempfile.TemporaryDirectory() as where:
                        seed = [i, cells, runs, len(rows)]
                        failing = 0.05 if what == "equal" else 0.0
                        found = flagged(Path(where), seed, shape, LAWS[law], paired, worse, failing)
                    count += bool(found[0] if worse else sum(found))
                rows.append(
                    line("gate", what, count, options.pairs, cells=cells, runs=runs, law=law)
                    | {"paired": paired}
                )
    table = pd.DataFrame(rows).rename(columns={"told_apart": "flagged", "tables": "pairs"})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out, index=False, lineterminator="\n")
    print(table.to_string(index=False))
    judge(table[table["what"] == "equal"], "flagged", "pairs")


if __name__ == "__main__":
    main()
