"""What a cell costs on top of its own time, from the first thousand cells to the last.

    python benchmarks/overhead.py                 # 1,000 trivial cells, local and on Dask
    python benchmarks/overhead.py --cells 10000 --engine local

Prints milliseconds of wall time per cell less the cells' own seconds, the mean of each thousand
records in the order in which they were written. Starting the workers is not in it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from wdist_bench.results.journal import read_journal

BLOCK = 1000  # cells of a mean

SUITE = """
title = "Overhead"
[[experiments]]
name = "nap"
[experiments.sweep]
seed = {seeds}
"""


def overhead(home: Path, cells: int, engine: str) -> list[float]:
    """Seconds per cell on top of its own, of each thousand cells."""
    suite, out = home / "overhead.toml", home / engine
    suite.write_text(SUITE.format(seeds=list(range(cells))))
    plugin = str(Path(__file__).with_name("nap.py"))
    command = [sys.executable, "-m", "wdist_bench.cli", "--plugin", plugin, "run", str(suite)]
    command += ["--out", str(out), "--engine", engine]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    records = read_journal(out).planned()
    assert len(records) == cells, f"expected {cells} records, got {len(records)}"
    found = np.array(sorted((record["written"], record["seconds"]) for record in records))
    gaps = np.diff(found[:, 0]) - found[1:, 1]
    return [float(part.mean()) for part in np.array_split(gaps, max(1, cells // BLOCK))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--engine", choices=("local", "dask"), action="append")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for engine in chosen.engine or ("local", "dask"):
            means = [1000 * mean for mean in overhead(Path(place), chosen.cells, engine)]
            print(f"{engine}: {np.mean(means):.1f} ms per cell, {chosen.cells} cells", flush=True)
            if len(means) > 1:
                print(f"  by thousand: {', '.join(f'{mean:.1f}' for mean in means)}")
                print(f"  last to first: {means[-1] / means[0]:.2f}", flush=True)


if __name__ == "__main__":
    main()
