"""Some numbers of every estimator and task of ours, as committed and as computed now.

`python tests/conformance/golden.py` writes golden.json again, for what has a new version.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

import wdist_bench as wb
from wdist_bench.conformance.problems import costs, kinds
from wdist_bench.conformance.rules import short
from wdist_bench.runs.cell import NUMERICS

FILE = Path(__file__).with_name("golden.json")
ROWS = 50


def golden() -> dict[str, Any]:
    """What is committed: by kind and name a `version` and `numbers`."""
    return json.loads(FILE.read_text())


def of_estimator(name: str) -> dict[str, Any]:
    """Its answer at the first cost that it takes, as conformance asks it: value and ends."""
    estimator = short(wb.estimators.get(name))
    kind = next(kinds(estimator))
    cost = next(costs(estimator, kind.dim))
    answer = wb.estimate(*kind.problem(3), estimator, cost=cost, seed=5)
    ends = [end for end in (answer.lower, answer.upper) if end is not None]
    return {"version": estimator.version, "numbers": [answer.value, *ends]}


def of_task(name: str) -> dict[str, Any]:
    """Means of a sample, and what is true at p = 1 and 2 in the norm that it is made for."""
    task = wb.tasks.get(name)
    x, y = task.sample(jax.random.key(0), min(ROWS, task.sampler().limit or ROWS))
    norm = "sphere" if name == "great_circle" else "l2"
    truths = [task.truth(p, norm) for p in (1, 2)]
    means = (float(np.asarray(points, np.float64).mean()) for points in (x, y))
    numbers = [*means, *(t.value for t in truths if t is not None)]
    return {"version": task.version, "numbers": numbers}


def main() -> None:
    """Write the numbers of what is new here or has another version than the committed ones."""
    known = golden() if FILE.exists() else {"numerics": 0}
    again = known["numerics"] != NUMERICS
    for kind, registry, numbers in (
        ("estimators", wb.estimators, of_estimator),
        ("tasks", wb.tasks, of_task),
    ):
        entries = known.get(kind, {})
        for name in registry.names():
            version = registry.factory(name).version
            if again or entries.get(name, {}).get("version") != version:
                entries[name] = numbers(name)
        known[kind] = {name: entries[name] for name in registry.names()}
    known["numerics"] = NUMERICS
    FILE.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
