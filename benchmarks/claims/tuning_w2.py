"""Settings of the neural methods for p = 2, chosen under one budget on pairs that no table shows.

Every method trains with every setting of its grid on the same drawn `convex_pairs`, whose
dimensions and seeds no suite has, for the same number of steps. First the learning rate is chosen,
then, at that rate, one other option. The rule, written before any training: the setting of the
lowest geometric mean of L2-UVP over the pairs, but what stands first in a grid, the default before,
stays unless another is lower by a tenth; a run that fails counts as 10^4 %. One rule was added when
it was seen to be wanted: of `monge_gap` a best rate that is the largest is doubled, twice at most.
Last, on pairs that chose nothing, `icnn` shows what more steps bring, with the chosen setting and
the default before.

Run: python benchmarks/claims/tuning_w2.py [--only icnn]
Trainings that the table has are kept, so a run that was stopped goes on.
"""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import pandas as pd
import typer

import wdist_bench as wb
from wdist_bench.costs import L2
from wdist_bench.metrics import unexplained_variance
from wdist_bench.problem import Problem
from wdist_bench.report.drawing import grid_of, save
from wdist_bench.report.palette import NOTE, looks

FOLDER = Path(__file__).parents[2] / "results" / "claims"
COST = L2(2)
STEPS = 300
DIMS = (3, 24)
SEEDS, HELD_BACK = (100, 101), 102
ROWS = 4096  # optimal pairs that a map is held to
FAILED = 1e4  # per cent
KEPT = 0.9  # the share of the default's L2-UVP that another setting has to be below
CURVE = (500, 2000, 4000)  # steps of icnn on the pairs held back
COLUMNS = ("method", "options", "steps", "dim", "seed", "l2_uvp", "inverse_l2_uvp", "cpu_seconds")


class Grid(NamedTuple):
    """What is tried of a method.

    Attributes:
        rates: learning rates, the default before first.
        before: the defaults before of the other options, which trainings have unless they say
            otherwise.
        others: values of these, tried at the chosen rate.
        doublings: of the largest rate where it is the best, the most.
    """

    rates: tuple[float, ...]
    before: dict[str, Any]
    others: tuple[dict[str, Any], ...]
    doublings: int = 0


LOW = (0.01, 0.0025, 0.005, 0.02, 0.04)
GRIDS = {
    "icnn": Grid(
        (0.05, 0.0125, 0.025, 0.1, 0.2),
        {"hidden": (128, 128, 128), "beta2": 0.99},
        ({"hidden": (128, 128)}, {"beta2": 0.999}),
    ),
    "w2gn": Grid(LOW, {"cycle": 2.0}, ({"cycle": 5.0},)),
    "maximin": Grid(LOW, {"beta1": 0.9}, ({"beta1": 0.5},)),
    "monge_gap": Grid(LOW, {"epsilon": 0.05}, ({"epsilon": 0.02},), doublings=2),
}


def train(name: str, options: dict[str, Any], steps: int, dim: int, seed: int) -> dict[str, Any]:
    """One training on a drawn pair: L2-UVP of its map, and of the inverse where there is one."""
    task = wb.tasks.get("convex_pairs", dim=dim, seed=seed)
    estimator = wb.estimators.get(name, **GRIDS[name].before | options | {"steps": steps})
    keys = jax.random.split(jax.random.key(seed), 3)
    start = time.process_time()
    fitted = estimator.fit(keys[0], Problem.from_sampler(task.sampler(), COST, keys[1]))
    jax.block_until_ready(fitted.history)
    seconds = time.process_time() - start
    x, y = (np.asarray(rows) for rows in task.pairs(keys[2], ROWS, 2))
    back = fitted.inverse_map(y) if hasattr(fitted, "inverse_map") else None
    return {
        "method": name, "options": json.dumps(options), "steps": steps, "dim": dim, "seed": seed,
        "l2_uvp": unexplained_variance(fitted.map(x), y),
        "inverse_l2_uvp": None if back is None else unexplained_variance(back, x),
        "cpu_seconds": round(seconds, 2),
    }  # fmt: skip


class Book:
    """The trainings of a table, each computed once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            path.write_text(",".join(COLUMNS) + "\n")

    def table(self) -> pd.DataFrame:
        """All trainings so far."""
        return pd.read_csv(self.path)

    def ask(self, name: str, options: dict[str, Any], steps: int, seeds: Any) -> pd.DataFrame:
        """Those of one setting, on every dimension and the seeds."""
        for dim in DIMS:
            for seed in seeds:
                if self._found(name, options, steps, [dim], [seed]).empty:
                    row = train(name, options, steps, dim, seed)
                    with self.path.open("a", newline="") as file:
                        csv.DictWriter(file, COLUMNS).writerow(row)
                    print(row, flush=True)
        return self._found(name, options, steps, DIMS, seeds)

    def _found(self, name: str, options: dict[str, Any], steps: int, dims: Any, seeds: Any) -> Any:
        table = self.table()
        same = (table.method == name) & (table.options == json.dumps(options))
        return table[same & (table.steps == steps) & table.dim.isin(dims) & table.seed.isin(seeds)]


def score(rows: pd.DataFrame) -> float:
    """Geometric mean of L2-UVP in per cent."""
    return float(np.exp(np.log(rows.l2_uvp.fillna(FAILED).clip(upper=FAILED)).mean()))


def best(book: Book, name: str, settings: list[dict[str, Any]]) -> dict[str, Any]:
    """The setting that the rule takes; the first of the list is the default."""
    scores = [score(book.ask(name, setting, STEPS, SEEDS)) for setting in settings]
    lowest = int(np.argmin(scores))
    return settings[lowest if scores[lowest] < KEPT * scores[0] else 0]


def best_rate(book: Book, name: str) -> dict[str, Any]:
    """The same of learning rates, with larger ones where the largest is the best."""
    rates = list(GRIDS[name].rates)
    for _ in range(GRIDS[name].doublings + 1):
        chosen = best(book, name, [{"learning_rate": rate} for rate in rates])
        if chosen["learning_rate"] < max(rates):
            return chosen
        rates.append(2 * max(rates))
    return chosen


def tune(book: Book, name: str) -> dict[str, Any]:
    """The chosen setting: a learning rate, then one other option."""
    chosen = best_rate(book, name)
    return best(book, name, [chosen, *(chosen | other for other in GRIDS[name].others)])


def curves(book: Book) -> pd.DataFrame:
    """L2-UVP of `icnn` against steps on the pairs held back, as chosen and as it was."""
    before = {"learning_rate": GRIDS["icnn"].rates[0]}
    settings = [tune(book, "icnn"), before]
    found = [book.ask("icnn", options, steps, [HELD_BACK])
             for options in settings for steps in CURVE]  # fmt: skip
    shown = pd.concat(found).drop_duplicates(["options", "steps", "dim"])
    shown = shown.assign(setting=[_said(json.loads(text)) for text in shown.options])
    return shown.pivot_table(
        index=["setting", "steps"], columns="dim", values="l2_uvp", sort=False
    ).reset_index()


def summary(book: Book, names: list[str]) -> pd.DataFrame:
    """One row a setting: its score, that of each dimension, CPU seconds of one training."""
    rows = []
    for name in names:
        chosen = tune(book, name)
        table = book.table()
        tuned = table[(table.method == name) & (table.steps == STEPS) & table.seed.isin(SEEDS)]
        for options, part in tuned.groupby("options", sort=False):
            # The second pair of a dimension finds its program compiled.
            warm = part[part.seed == SEEDS[-1]]
            rows.append({
                "method": name, "setting": _said(json.loads(str(options))),
                "L2-UVP %": score(part),
                **{f"dim {dim}": score(part[part.dim == dim]) for dim in DIMS},
                "CPU s": warm.cpu_seconds.mean(),
                "chosen": "yes" if options == json.dumps(chosen) else "",
            })  # fmt: skip
    return pd.DataFrame(rows)


def _said(options: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in options.items())


def draw(book: Book, names: list[str]) -> Path:
    """L2-UVP against the learning rate over the default before, a line a method."""
    import matplotlib as mpl

    mpl.use("Agg")
    figure, axes = grid_of(1, 1, 5.5, 3.6)
    axis, shown = axes[0, 0], looks((name, name) for name in names)
    for name in names:
        known = book.table()
        asked = [json.loads(text) for text in known.options[known.method == name].unique()]
        rates = sorted(each["learning_rate"] for each in asked if len(each) == 1)
        settings = [{"learning_rate": rate} for rate in rates]
        values = [score(book.ask(name, options, STEPS, SEEDS)) for options in settings]
        look, relative = shown[name], np.array(rates) / GRIDS[name].rates[0]
        axis.plot(relative, values, label=name, marker=look.marker, **look.line)
    axis.set(xscale="log", yscale="log", xlabel="learning rate over the default before tuning",
             ylabel="L2-UVP, %")  # fmt: skip
    ticks = {0.25: "1/4", 0.5: "1/2"} | {each: str(each) for each in (1, 2, 4, 8, 16)}
    axis.set_xticks(list(ticks), labels=list(ticks.values()))
    axis.minorticks_off()
    axis.legend(frameon=False)
    note = f"geometric mean of {len(DIMS) * len(SEEDS)} drawn pairs, {STEPS} steps"
    axis.text(0, 1.02, note, transform=axis.transAxes, **NOTE)
    return save(figure, FOLDER / "tuning_w2.png")


def report(book: Book, names: list[str]) -> None:
    """Write the page and the figure."""
    table, spent = summary(book, names), book.table().cpu_seconds.sum() / 60
    text = (
        "# Settings of the neural methods for p = 2\n\n"
        f"Pairs `convex_pairs` of dimension {', '.join(map(str, DIMS))} and seeds "
        f"{' and '.join(map(str, SEEDS))}, which no suite has; {STEPS} steps a training, L2-UVP "
        f"of the forward map at {ROWS:,} optimal pairs. The rule was written before: a learning "
        "rate, then one other option, by the geometric mean over the pairs; what stands first of "
        f"a method, the default before, stays unless another is below {KEPT:g} of it. Where the "
        "best rate is the last of a grid, larger ones were not tried, but of monge_gap, in a rule "
        "that was added later. CPU seconds are those of the second pair of a dimension, which "
        "mostly found its program compiled, mean of the dimensions, on a busy machine. All "
        f"trainings here took {spent:.0f} minutes of CPU time. Written by "
        "`python benchmarks/claims/tuning_w2.py`; each training is a row of `tuning_w2.csv`.\n\n"
        + table.to_markdown(index=False, floatfmt=".3g")
        + f"\n\n![L2-UVP against the learning rate]({draw(book, names).name})\n"
    )
    if "icnn" in names:
        text += (
            "\n## What more steps bring\n\n"
            "`icnn` with its chosen setting and the one before, L2-UVP in per cent on pairs of "
            f"seed {HELD_BACK}, which chose nothing.\n\n"
            + curves(book).to_markdown(index=False, floatfmt=".3g")
            + "\n"
        )
    (FOLDER / "tuning_w2.md").write_text(text)
    print(text)


def main(only: Annotated[str, typer.Option(help="method, all where empty")] = "") -> None:
    """Train what the table lacks; write the page where all methods are there."""
    book = Book(FOLDER / "tuning_w2.csv")
    for name in [only] if only else GRIDS:
        print(name, tune(book, name), flush=True)
        if name == "icnn":
            curves(book)
    if not only:
        report(book, list(GRIDS))


if __name__ == "__main__":
    typer.run(main)
