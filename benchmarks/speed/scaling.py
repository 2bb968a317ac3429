"""Seconds and memory against runs, batch, dimension, points and devices, with fitted exponents.

Every point is a process of its own. Critic cells are the protocol "stream" on two normal laws;
their seconds are those of the run, compilation apart. Devices are simulated: XLA splits the host
into so many, which cannot be faster than its cores. A curve's exponent is the slope of
log seconds against log size over its three largest sizes.

Run: python benchmarks/speed/scaling.py [--only exact]
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from fresh import in_fresh_process
from problems import gaussians
from tables import with_earlier
from timing import hardware

STEPS = 200
EVAL_BATCHES = 20
# What a critic cell has where it is not varied.
CELL = {"runs": 8, "batch": 64, "dim": 2, "devices": 1}
CRITICS = ("weight_clipping", "c_transform")
SOLVERS = ("exact", "bracket")


@dataclass(frozen=True)
class Curve:
    """One quantity varied, the rest as it is."""

    subject: str
    axis: str
    sizes: tuple[int, ...]
    rest: tuple[tuple[str, int], ...] = ()

    @property
    def name(self) -> str:
        """Subject, axis and what is fixed."""
        rest = ", ".join(f"{key} {value}" for key, value in self.rest)
        return f"{self.subject}, {self.axis}" + (f" ({rest})" if rest else "")


CURVES = (
    *(Curve(name, "runs", (1, 4, 16, 64)) for name in CRITICS),
    *(Curve(name, "batch", (32, 128, 512)) for name in CRITICS),
    *(Curve(name, "dim", (2, 32, 512)) for name in CRITICS),
    *(Curve(name, "devices", (1, 2, 4)) for name in CRITICS),
    *(Curve(name, "n", (256, 1024, 2048, 4096), (("dim", 2),)) for name in SOLVERS),
    *(Curve(name, "n", (256, 1024, 2048, 4096), (("dim", 16),)) for name in SOLVERS),
    *(Curve(name, "dim", (2, 32, 512), (("n", 1024),)) for name in SOLVERS),
)


def critic_cell(name: str, runs: int, batch: int, dim: int, devices: int) -> dict[str, Any]:
    """One cell of the protocol."""
    import jax

    import wdist_bench as wb
    from wdist_bench.protocol.stream import Stream, run_stream

    assert jax.local_device_count() == devices
    task = wb.tasks.get("gaussian_shift", dim=dim, shift=2 / dim**0.5)
    estimator = wb.estimators.get(name, steps=STEPS, batch_size=batch)
    stream = Stream(batch, runs, EVAL_BATCHES)
    found = run_stream(task, estimator, wb.Cost(), stream)
    assert set(found.statuses) == {"ok"}
    return {"seconds": found.run_seconds, "compile_seconds": found.compile_seconds}


def solver(name: str, n: int, dim: int) -> dict[str, Any]:
    """The second call on two batches of normals: the first one compiles."""
    import wdist_bench as wb

    x, y = gaussians(n, dim)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        answer = wb.estimate(x, y, name)
        seconds.append(time.perf_counter() - start)
    assert answer.status == "ok"
    return {"seconds": seconds[1], "compile_seconds": max(0.0, seconds[0] - seconds[1])}


def point(curve: Curve, size: int) -> dict[str, Any]:
    """One measurement."""
    settings = dict(curve.rest) | {curve.axis: size}
    if curve.subject not in CRITICS:
        return in_fresh_process("scaling", "solver", curve.subject, settings["n"], settings["dim"])
    cell = CELL | settings
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={cell['devices']}"}
    arguments = [cell[key] for key in ("runs", "batch", "dim", "devices")]
    return in_fresh_process("scaling", "critic_cell", curve.subject, *arguments, environment=flags)


def exponent(sizes: list[int], values: list[float]) -> float:
    """Slope of log value against log size, over the three largest sizes."""
    return float(np.polyfit(np.log(sizes[-3:]), np.log(values[-3:]), 1)[0])


def measure(curve: Curve) -> pd.DataFrame:
    """All points of a curve with its exponents."""
    table = pd.DataFrame([{"size": size} | point(curve, size) for size in curve.sizes])
    table.insert(0, "curve", curve.name)
    for column in ("seconds", "peak_mib"):
        table[f"{column}_exponent"] = exponent(list(curve.sizes), list(table[column]))
    return table


def chosen(only: str) -> list[Curve]:
    """The curves with this text in their name."""
    found = [curve for curve in CURVES if only in curve.name]
    if not found:
        names = "; ".join(curve.name for curve in CURVES)
        raise typer.BadParameter(f"expected a part of one of {names}, got {only!r}")
    return found


def draw(table: pd.DataFrame, path: Path) -> None:
    """Seconds above, memory below, one panel an axis."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullLocator

    from wdist_bench.report.palette import looks

    axes_of = table["curve"].str.extract(r", (\w+)")[0]
    names = list(dict.fromkeys(axes_of))
    figure, panels = plt.subplots(
        2, len(names), figsize=(3.6 * len(names), 6.4), squeeze=False, layout="constrained"
    )
    for column, axis in enumerate(names):
        groups = table[axes_of == axis].groupby("curve", sort=False)
        styles = looks((curve, curve.split(", ")[0]) for curve, _ in groups)
        for curve, part in groups:
            for row, value in enumerate(("seconds", "peak_mib")):
                slope = part[f"{value}_exponent"].iloc[0]
                label = f"{curve.replace(f', {axis}', '')}: {slope:.2f}"
                look = styles[curve]
                style = {"color": look.color, "marker": look.marker, "ms": 4, "label": label}
                panels[row, column].loglog(part["size"], part[value], **style)
        for row, value in enumerate(("seconds", "MiB")):
            panel, sizes = panels[row, column], sorted(set(table["size"][axes_of == axis]))
            panel.set(xlabel=axis, ylabel=value)
            panel.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
            panel.xaxis.set_minor_locator(NullLocator())
            panel.spines[["top", "right"]].set_visible(False)
            panel.legend(fontsize=7, frameon=False)
    figure.supxlabel("behind the names: exponents over the three largest sizes", fontsize=9)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(
    only: Annotated[
        str, typer.Option(help="Only curves with this in their name; others are kept.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Measure the curves."""
    where = hardware()
    parts = []
    for curve in chosen(only):
        parts.append(measure(curve))
        print(parts[-1].to_string(index=False), flush=True)
        write(parts, where, out)


def write(parts: list[pd.DataFrame], where: str, out: Path) -> None:
    """The tables and the figure so far."""
    out.mkdir(parents=True, exist_ok=True)
    order = {"curve": [curve.name for curve in CURVES]}
    table = with_earlier(pd.concat(parts), out / "scaling.csv", ["curve"], order)
    table.to_csv(out / "scaling.csv", index=False, float_format="%.4g")
    draw(table, out / "scaling.png")
    (out / "scaling.md").write_text(
        "# Scaling\n\n"
        f"{where}. Critic cells: two normal laws, {STEPS} steps, {EVAL_BATCHES} evaluation "
        f"batches, {CELL['runs']} runs, batch {CELL['batch']}, dim {CELL['dim']}, one device where "
        "not varied; devices are simulated on the same cores. Solvers: one call. `seconds` without "
        "compilation, `peak_mib` beyond the imports, a process of its own each. Exponents: slope "
        "of the logarithms over the three largest sizes.\n\n"
        + table.to_markdown(index=False, floatfmt=".3g")
        + "\n\n![seconds and memory](scaling.png)\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
