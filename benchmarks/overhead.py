"""What a cell costs on top of its own time: 1,000 trivial cells, local and on Dask.

    python benchmarks/overhead.py

Prints milliseconds per cell from the first record to the last, less the cells' own seconds.
Starting the workers is not in it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from wdist_bench.bench.journal import read_journal

SUITE = """
title = "Overhead"
[[experiments]]
name = "nap"
[experiments.sweep]
seed = {seeds}
"""


def overhead(home: Path, cells: int, engine: str) -> float:
    """Seconds per cell on top of its own."""
    suite, out = home / "overhead.toml", home / engine
    suite.write_text(SUITE.format(seeds=list(range(cells))))
    plugin = str(Path(__file__).with_name("nap.py"))
    command = [sys.executable, "-m", "wdist_bench.cli", "--plugin", plugin, "run", str(suite)]
    command += ["--out", str(out), "--engine", engine]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    records = read_journal(out).planned()
    assert len(records) == cells, f"expected {cells} records, got {len(records)}"
    written = sorted(record["written"] for record in records)
    own = sum(record["seconds"] for record in records[1:])
    return (written[-1] - written[0] - own) / (cells - 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", type=int, default=1000)
    cells = parser.parse_args().cells
    with tempfile.TemporaryDirectory() as place:
        for engine in ("local", "dask"):
            seconds = overhead(Path(place), cells, engine)
            print(f"{engine}: {1000 * seconds:.1f} ms per cell, {cells} cells", flush=True)


if __name__ == "__main__":
    main()
