"""Table and figure of `critics.py`, from its CSV alone."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch_jobs import WAYS

from wdist_bench.report.palette import BLUE, GREEN, PINK, RED, SKY

TITLES = {
    "gaussians_2d": "Gaussians in the plane",
    "mnist": "MNIST",
    "w1_pairs_16": "W1 pairs, D = 16",
    "w1_pairs_128": "W1 pairs, D = 128",
    "dcgan": "DCGAN, 32 x 32 colour",
}
LABELS = {
    "ours": "ours",
    "eager": "eager",
    "eager_per_core": "eager, one process a core",
    "compile": "torch.compile",
    "vmap": "vmap over the runs",
    "vmap_compile": "vmap and torch.compile",
}
COLORS = dict(zip(("eager", "compile", "vmap", "vmap_compile", "eager_per_core"),
                  (BLUE, RED, GREEN, PINK, SKY), strict=True))  # fmt: skip


def write_report(folder: Path) -> list[Path]:
    """critics.md and critics.png beside critics.csv."""
    table = pd.read_csv(folder / "critics.csv")
    text, figure = folder / "critics.md", folder / "critics.png"
    text.write_text(_text(table), encoding="utf-8")
    _figure(table[table["ratio"].notna()], figure)
    return [text, figure]


def _text(table: pd.DataFrame) -> str:
    measured = table[table["seconds"].notna()]
    cells = list(measured.groupby(["setting", "method"], sort=False))
    parts = [
        "# Critic training beside PyTorch",
        f"{_machines(measured['hardware'])}. Medians of the rounds in the last table, calls "
        "alternating, half the distance of the quartiles behind +-. Seconds are those of all runs, "
        "training and evaluation, compilation apart; a ratio is PyTorch's seconds over ours in the "
        "same round. Each library has processes of its own. The last table also says which share "
        "of the cores other programs took meanwhile, where it was recorded: PyTorch's threads wait "
        "for each other and lose more to such company than ours, so its numbers with a wide spread "
        "are too high.",
        pd.DataFrame([_goal_row(*cell) for cell in cells]).to_markdown(index=False),
        "Ratios of the other ways to train the same in PyTorch:",
        pd.DataFrame([_ways_row(*cell) for cell in cells]).to_markdown(index=False),
        "\n".join(f"- {LABELS[way]}: {words}." for way, words in WAYS.items()),
        "Seconds of a first call, compilation included:",
        pd.DataFrame([_first_row(*cell) for cell in cells]).to_markdown(index=False),
        "What was trained:",
        pd.DataFrame([_settings_row(*cell) for cell in cells]).to_markdown(index=False),
        _sampling(measured),
        _skipped(table),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _machines(hardware: pd.Series) -> str:
    """The machine, with the loads it had when the measurements began."""
    parts = hardware.str.extract(r"^(.*), load ([0-9.]+)(.*)$")
    machines = (parts[0] + parts[2]).fillna(hardware).unique()
    loads = parts[1].astype(float)
    busy = "" if loads.isna().all() else f", load {loads.min():.1f} to {loads.max():.1f} before"
    return "; ".join(machines) + busy


def _goal_row(cell: tuple[str, str], rows: pd.DataFrame) -> dict[str, Any]:
    """Ours against eager PyTorch."""
    ours, eager = _way(rows, "ours"), _way(rows, "eager")
    return _named(cell) | {
        "ours, s": _spread(ours, "seconds", 2),
        "eager, s": _spread(eager, "seconds", 2),
        "eager / ours": _spread(eager, "ratio", 1),
        "goal": f"{eager['goal']:g}",
        "reached": "yes" if eager["ratio"] >= eager["goal"] else "no",
    }


def _spread(row: Any, name: str, digits: int) -> str:
    """A median with its spread, where there was more than one round."""
    behind = f" +- {row[name + '_spread']:.{digits}f}" if row["repeats"] > 1 else ""
    return f"{row[name]:.{digits}f}" + behind


def _ways_row(cell: tuple[str, str], rows: pd.DataFrame) -> dict[str, Any]:
    return _named(cell) | {
        LABELS[way]: _spread(_way(rows, way), "ratio", 1) if way in set(rows["way"]) else ""
        for way in WAYS
        if way != "eager"
    }


def _first_row(cell: tuple[str, str], rows: pd.DataFrame) -> dict[str, Any]:
    return _named(cell) | {
        LABELS[way]: f"{_way(rows, way)['first_seconds']:.1f}" if way in set(rows["way"]) else ""
        for way in ("ours", *WAYS)
    }


def _settings_row(cell: tuple[str, str], rows: pd.DataFrame) -> dict[str, Any]:
    row = rows.iloc[0]
    eager = _way(rows, "eager")
    return _named(cell) | {
        "dim": int(row["dim"]),
        "batch": int(row["batch"]),
        "steps": int(row["steps"]),
        "runs": int(row["runs"]),
        "runs timed one after the other": int(eager["runs_timed"]),
        "rounds": int(row["repeats"]),
        "other programs": "" if pd.isna(row.get("others")) else f"{row['others']:.0%}",
    }


def _sampling(measured: pd.DataFrame) -> str:
    """What ours takes when it draws the minibatches itself."""
    rows = measured[measured["way"] == "ours_sampling"]
    if rows.empty:
        return ""
    listed = ", ".join(
        f"{TITLES[row['setting']]} {row['method']} {row['ratio']:.2f}" for _, row in rows.iterrows()
    )
    return (
        "On the W1 pairs both sides train on minibatches drawn beforehand. With its sampler inside "
        f"ours takes this many times as long: {listed}."
    )


def _skipped(table: pd.DataFrame) -> str:
    """One line for each thing that was not measured, with its reason."""
    rows = table[table["skipped"].notna()].astype(object).fillna("")
    return "\n".join(
        f"- Not measured: {row['setting']} {row['method']} {row['way']}".rstrip()
        + f". {row['skipped']}"
        for _, row in rows.iterrows()
    )


def _named(cell: tuple[str, str]) -> dict[str, Any]:
    return {"setting": TITLES[cell[0]], "method": cell[1]}


def _way(rows: pd.DataFrame, way: str) -> Any:
    return rows[rows["way"] == way].iloc[0]


def _figure(table: pd.DataFrame, path: Path) -> None:
    """Bars of PyTorch's seconds over ours, a panel a setting, the goals as lines."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    settings = list(table.groupby("setting", sort=False))
    figure, grid = plt.subplots(
        1, len(settings), figsize=(max(3.3 * len(settings) + 0.6, 5.5), 4.0), squeeze=False,
        sharey=True, layout="constrained",
    )  # fmt: skip
    for axis, (setting, rows) in zip(grid.flat, settings, strict=True):
        _panel(axis, rows, [way for way in WAYS if (table["way"] == way).any()])
        axis.set_title(TITLES[str(setting)], fontsize=11)
    grid[0, 0].set_ylabel("PyTorch's seconds over ours", fontsize=9)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=2 * len(settings), frameon=False,
        fontsize=9,
    )  # fmt: skip
    said = (
        "bar: median over rounds; whisker: half the distance of the quartiles to either side; "
        "above 1 ours is faster"
    )
    figure.supxlabel(
        textwrap.fill(said, 60 * len(settings)),
        fontsize=8.5,
        color="0.3",
    )
    figure.savefig(path, dpi=150, metadata={"Software": None})
    plt.close(figure)


def _panel(axis: Any, rows: pd.DataFrame, ways: list[str]) -> None:
    methods = list(dict.fromkeys(rows["method"]))
    width = 0.8 / len(ways)
    for place, way in enumerate(ways):
        shown = rows[rows["way"] == way]
        columns = np.array([methods.index(method) for method in shown["method"]], float)
        axis.bar(
            columns + (place - (len(ways) - 1) / 2) * width, shown["ratio"] - 1, width, bottom=1,
            yerr=shown["ratio_spread"].where(shown["repeats"] > 1), color=COLORS[way],
            label=LABELS[way], error_kw={"lw": 1, "capsize": 1.5},
        )  # fmt: skip
    axis.axhline(1, color="black", lw=1)
    axis.axhline(rows["goal"].iloc[0], color="0.45", ls="--", lw=1.2, label="goal against eager")
    axis.set_yscale("log")
    ticks = (0.5, 1, 2, 3, 5, 8, 12, 20, 50, 100, 200, 400)
    ticks = [tick for tick in ticks if tick <= max(20.0, 1.2 * rows["ratio"].max())]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_xticks(range(len(methods)), [name.replace("_", "\n") for name in methods], fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
