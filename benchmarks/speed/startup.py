"""Start-up: imports, first calls, sizes never seen, compilation, a run that is cached.

Imports and first calls are those of fresh processes, alternating. The suite below runs twice with
an empty cache folder of its own and then with what that holds; `benchmarks/quick.toml` runs twice
into one folder, as `make bench` does: the second time it finds every cell.

Run: python benchmarks/speed/startup.py [--repeats 7] [--no-quick]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from fresh import in_fresh_process
from timing import alternate_reported, hardware, median_and_spread

IMPORTS = {
    "jax": "import jax",
    "jax, flax, optax": "import jax, flax, optax",
    "jax, flax.nnx, optax": "import jax, flax.nnx, optax",
    "wdist_bench": "import wdist_bench",
    "wdist_bench.cli": "import wdist_bench.cli",
}
SIZES = ((50, 60), (90, 70), (110, 130), (150, 210), (230, 170), (300, 350), (420, 390), (510, 640),
         (760, 700), (880, 990))  # fmt: skip
FIRST_CALLS = ("exact", "nearest_neighbor", "c_transform", "sinkhorn", "bracket")
SUITE = """
title = "Compilation"
steps = 100
runs = 2
eval_batches = 10
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "weight_clipping"
[[estimators]]
name = "gradient_penalty"
[[estimators]]
name = "c_transform"
[[estimators]]
name = "spectral_norm"
[[estimators]]
name = "group_sort"
"""
ROOT = Path(__file__).parents[2]


def import_seconds(statement: str) -> float:
    """Seconds of an import in a fresh process, the interpreter's own start not counted."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def first_call(method: str) -> dict[str, Any]:
    """Seconds of the first and of the second call on 256 points in the plane."""
    import wdist_bench as wb

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(256, 2)), rng.normal(size=(256, 2)) + 0.5
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        wb.estimate(x, y, method)
        seconds.append(time.perf_counter() - start)
    return {"first": seconds[0], "second": seconds[1]}


def new_sizes(method: str) -> dict[str, Any]:
    """Seconds of calls on sizes never seen, after one of another size, and of the same again."""
    import wdist_bench as wb

    rng = np.random.default_rng(0)
    seconds = []
    for n, m in ((40, 30), *SIZES):
        x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3)) + 0.5
        both = []
        for _ in range(2):
            start = time.perf_counter()
            wb.estimate(x, y, method)
            both.append(time.perf_counter() - start)
        seconds.append(both)
    never, again = np.array(seconds[1:]).T
    return {"never seen, median": float(np.median(never)), "never seen, largest": never.max(),
            "again, largest": again.max()}  # fmt: skip


def run_suite(suite: Path, out: Path, cache: Path) -> float:
    """Seconds of `wdist-bench run`, from the start of the process to its end."""
    command = [sys.executable, "-m", "wdist_bench.cli", "run", str(suite), "--out", str(out)]
    start = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"WDIST_BENCH_CACHE": str(cache)},
    )
    return time.perf_counter() - start


def compile_seconds(home: Path) -> pd.DataFrame:
    """Compile seconds of each cell with an empty cache, and with a full one."""
    suite, cache = home / "suite.toml", home / "cache"
    suite.write_text(SUITE, encoding="utf-8")
    columns = {}
    for name in ("empty cache", "full cache"):
        out = home / name.replace(" ", "_")
        run_suite(suite, out, cache)
        table = pd.read_csv(out / "errors.csv").set_index("estimator")
        columns[name] = table["compile_seconds"]
    return pd.DataFrame(columns).reset_index()


def quick_twice(home: Path) -> pd.DataFrame:
    """Seconds of the quick suite, and of the same command again."""
    suite = ROOT / "benchmarks" / "quick.toml"
    seconds = [run_suite(suite, home / "quick", home / "cache") for _ in range(2)]
    runs = ["first", "second, every cell finished"]
    return pd.DataFrame({"run": runs, "seconds": seconds})


def imports(repeats: int) -> pd.DataFrame:
    """Median seconds of each import, and how many times those of jax, flax and optax."""
    calls = {name: lambda code=code: import_seconds(code) for name, code in IMPORTS.items()}
    seconds = alternate_reported(calls, repeats)
    alone = np.array(seconds["jax, flax, optax"])
    rows = []
    for name, times in seconds.items():
        middle, spread = median_and_spread(times)
        ratio = float(np.median(np.array(times) / alone))
        rows.append({"import": name, "seconds": middle, "spread": spread, "ratio": ratio})
    return pd.DataFrame(rows)


def first_calls(repeats: int) -> pd.DataFrame:
    """Median seconds of first and second calls."""
    rows = []
    for method in FIRST_CALLS:
        found = [in_fresh_process("startup", "first_call", method) for _ in range(repeats)]
        middles = {key: float(np.median([f[key] for f in found])) for key in ("first", "second")}
        rows.append({"estimator": method} | middles)
    return pd.DataFrame(rows)


def sizes_never_seen(repeats: int) -> pd.DataFrame:
    """Medians over fresh processes of the seconds that new sizes take."""
    rows = []
    for method in ("bracket", "sinkhorn"):
        runs = [in_fresh_process("startup", "new_sizes", method) for _ in range(repeats)]
        rows.append({"estimator": method} | pd.DataFrame(runs).median().to_dict())
    return pd.DataFrame(rows)


def main(
    repeats: Annotated[int, typer.Option(help="Fresh processes per import.")] = 7,
    quick: Annotated[bool, typer.Option(help="Run the quick suite twice, about a minute.")] = True,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Time imports, first calls, compilation and a cached run."""
    where = hardware()
    parts = {}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        measurements = {
            "Imports": partial(imports, repeats),
            "First calls": partial(first_calls, 3),
            "Sizes never seen": partial(sizes_never_seen, 3),
            "Compile seconds of a cell": partial(compile_seconds, home),
        }
        if quick:
            measurements["The quick suite"] = partial(quick_twice, home)
        for name, measurement in measurements.items():
            parts[name] = measurement()
            print(parts[name].to_string(index=False), flush=True)
            write(parts, where, repeats, out)


def write(parts: dict[str, pd.DataFrame], where: str, repeats: int, out: Path) -> None:
    """The tables so far."""
    out.mkdir(parents=True, exist_ok=True)
    long = [table.rename(columns={table.columns[0]: "what"}).melt("what", var_name="measure")
            .assign(part=name) for name, table in parts.items()]  # fmt: skip
    pd.concat(long)[["part", "what", "measure", "value"]].to_csv(
        out / "startup.csv", index=False, float_format="%.4g"
    )
    text = "\n\n".join(
        f"## {name}\n\n{table.to_markdown(index=False, floatfmt='.3g')}"
        for name, table in parts.items()
    )
    (out / "startup.md").write_text(
        "# Start-up\n\n"
        f"{where}. Imports: medians of {repeats} fresh processes, alternating, the interpreter's "
        "own start not counted; `ratio` to jax, flax and optax. First calls: `wb.estimate` on 256 "
        "points in the plane with default options in a fresh process (critics train), after the "
        "imports of wdist_bench and POT and without a cache of compiled programs. Sizes never "
        f"seen: calls on {len(SIZES)} pairs of sizes from 50 to 990 points in space after one on "
        "40 and 30 points, medians of 3 fresh processes. Compile seconds: "
        "`wdist-bench run` of five critics on two normal laws, with a cache folder that is empty "
        "and one that the first run filled; programs that compile within 0.3 s are not kept. The "
        "quick suite: `wdist-bench run benchmarks/quick.toml` twice into one folder, the whole "
        "process.\n\n" + text + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
