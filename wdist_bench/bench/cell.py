"""A cell: one estimator on one task at one size. It travels as plain names and parameters."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from wdist_bench import estimators, tasks
from wdist_bench.bench.protocol import Stream
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.tasks import Task


@dataclass(frozen=True)
class Cell:
    """Everything that determines the numbers of a cell, beside code versions and the backend."""

    task: str
    task_parameters: dict[str, Any]
    estimator: str
    estimator_parameters: dict[str, Any]
    p: int = 1
    norm: str = "l2"
    n: int = 64
    runs: int = 20
    eval_batches: int = 100
    seed: int = 0
    protocol: str = "stream"
    family: str = ""

    def build_task(self) -> Task:
        """The task, rebuilt from name and parameters."""
        return tasks.get(self.task, **self.task_parameters)

    def build_estimator(self) -> Estimator:
        """The estimator, rebuilt from name and parameters."""
        return estimators.get(self.estimator, **self.estimator_parameters)

    @property
    def cost(self) -> Cost:
        """The ground cost."""
        return Cost(self.p, self.norm)

    @property
    def stream(self) -> Stream:
        """The sizes and seeds."""
        return Stream(self.n, self.runs, self.eval_batches, self.seed)

    def identity(self, backend: str) -> dict[str, Any]:
        """What determines the numbers, with every default spelled out."""
        estimator = self.build_estimator()
        settings = asdict(self)
        del settings["family"]  # only groups rows of a table
        return settings | {
            "task_parameters": parameters(self.build_task()),
            "estimator_parameters": parameters(estimator),
            "estimator_version": estimator.version,
            "dtype": "float32",
            "backend": backend,
        }

    def key(self, backend: str) -> str:
        """Hash of the identity: a changed default or version gives another key."""
        return digest(self.identity(backend))

    def truth_key(self, backend: str) -> str:
        """Hash of what determines the batch truths: the data and the cost, no estimator."""
        identity = self.identity(backend)
        return digest({k: v for k, v in identity.items() if not k.startswith("estimator")})


def parameters(configuration: Any) -> dict[str, Any]:
    """All parameters of a frozen dataclass that make it what it is, defaults included.

    Fields left out of comparison (a path, say, beside the digest of its content) are left out.
    """
    return {f.name: getattr(configuration, f.name) for f in fields(configuration) if f.compare}


def digest(content: dict[str, Any]) -> str:
    """A short stable hash of plain data."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
