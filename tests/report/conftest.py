"""Results folders made by hand: every number of their records is known."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from wdist_bench.results.journal import SCHEMA, pack

ENVIRONMENT = {
    "python": "3.11.7", "platform": "Linux", "packages": {"wdist-bench": "0.1.0"},
    "backend": "cpu", "devices": ["cpu"], "cpu": "Test CPU", "cores": 2, "git": "abc",
    "git_dirty": False, "flags": {},
}  # fmt: skip


class Folder:
    """Collects records and writes them as a results folder."""

    def __init__(self, path):
        self.path = path
        self.cells, self.truths, self.environments = [], {}, {}
        self.environment = dict(ENVIRONMENT)

    def add(self, estimator, costs, truths, task="gaussian_shift", population=1.0, **changes):
        """A cell from (runs, batches) costs and truths; `changes` replace fields of its record."""
        costs, truths = np.asarray(costs, float), np.asarray(truths, float)
        truth_key = hashlib.sha256(truths.tobytes()).hexdigest()[:16]
        self.truths[truth_key] = {"type": "truth", "key": truth_key, "costs": pack(truths)}
        failed = int((~np.isfinite(costs).all(axis=1)).sum())
        truth = {"value": population, "stderr": 0.0, "kind": "closed-form", "reference": "by hand"}
        record = {
            "type": "cell", "task": task, "task_parameters": {"dim": 2}, "task_options": {},
            "estimator": estimator, "estimator_parameters": {}, "estimator_options": {},
            "estimator_version": 1, "p": 1, "norm": "l2", "n": 64, "runs": len(costs),
            "eval_batches": costs.shape[1], "seed": 0, "protocol": "stream", "dtype": "float32",
            "backend": "cpu", "family": task, "dataset": "", "suite": "made", "environment": "e",
            "started": "2026-01-01T00:00:00Z", "dim": 2, "target": "batch", "bound": "none",
            "steps": 100, "critic": "", "status": "diverged" if failed else "ok", "message": "",
            "failed": failed, "costs": pack(costs), "truth_key": truth_key, "compile_seconds": 1.0,
            "run_seconds": 2.0, "history_steps": [], "history": [],
            "truth_population": None if population is None else truth,
        }  # fmt: skip
        return self.keep(record | changes)

    def without_result(self, estimator, status, message, **changes):
        """A cell that was skipped or raised."""
        self.add(estimator, [[1.0]], [[1.0]], status=status, message=message, **changes)
        for name in ("costs", "failed", "truth_key", "truth_population", "dim", "target", "bound",
                     "steps", "critic", "history", "history_steps", "compile_seconds",
                     "run_seconds"):  # fmt: skip
            del self.cells[-1][name]

    def keep(self, record):
        record["key"] = f"cell{len(self.cells)}"
        self.cells.append(record)
        return record

    def _described(self):
        return [
            {"type": "environment", "key": key, "environment": description}
            for key, description in self.environments.items()
        ]

    def write(self, planned=None):
        keys = [record["key"] for record in self.cells] + [f"unrun{i}" for i in range(planned or 0)]
        plan = {"type": "plan", "suite": "made", "title": "Made by hand",
                "description": "Numbers known.", "keys": keys}  # fmt: skip
        lines = [
            {"schema": SCHEMA} | r
            for r in (plan, *self.truths.values(), *self._described(), *self.cells)
        ]
        self.path.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (self.path / "journal.jsonl").write_text(text, encoding="utf-8")
        (self.path / "environment.json").write_text(json.dumps(self.environment), encoding="utf-8")
        return self.path


@pytest.fixture(scope="session")
def make_folder(tmp_path_factory):
    """Results folders, each in a place of its own."""
    return lambda name="results": Folder(tmp_path_factory.mktemp(name))
