"""A cell: one estimator on one task at one size. It travels as plain names and parameters."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from wdist_bench import costs, estimators, tasks
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.interface import ADDED
from wdist_bench.protocol.answers import Measured
from wdist_bench.protocol.protocols import PROTOCOLS
from wdist_bench.protocol.stream import Stream
from wdist_bench.results.journal import pack
from wdist_bench.runs.source import source
from wdist_bench.tasks import Task
from wdist_bench.tasks.rows import Rows

HISTORY_POINTS = 100

NUMERICS = 1
"""Version of what estimators and tasks share: costs, solvers, networks, the critics' trainer."""

Add = Callable[[dict[str, Any]], Any]
"""Adds a record to the journal."""


@dataclass(frozen=True)
class Cell:
    """Everything that determines the numbers of a cell, beside code versions and the backend."""

    task: str
    task_parameters: dict[str, Any]
    estimator: str
    estimator_parameters: dict[str, Any]
    p: float = 1
    norm: str = "l2"
    n: int = 64
    runs: int = 20
    eval_batches: int = 100
    seed: int = 0
    protocol: str = "stream"
    family: str = ""
    refusal: str = ""  # why it is not to be run; it is then another cell than one that runs

    def __post_init__(self) -> None:
        """Sizes as plain integers: NumPy's would be written another way, and give another key."""
        object.__setattr__(self, "p", self.cost.p)
        for name, value in asdict(self.stream).items():
            object.__setattr__(self, name, value)

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
        """The sizes and seeds; where both arrays are given once there is one batch."""
        batches = 1 if PROTOCOLS[self.protocol].one_batch else self.eval_batches
        return Stream(self.n, self.runs, batches, self.seed)

    def identity(self, backend: str) -> dict[str, Any]:
        """What determines the numbers, with every default spelled out."""
        estimator = self.build_estimator()
        settings = asdict(self)
        del settings["family"]  # only groups rows of a table
        if not self.refusal:
            del settings["refusal"]
        for kind, code in (
            ("task", source(tasks.factory(self.task), self.task_parameters)),
            ("estimator", source(type(estimator), parameters(estimator))),
            ("cost", source(costs.factory(self.norm), {})),
        ):
            if code:  # a plug-in's; our own have versions
                settings[f"{kind}_source"] = code
        try:
            task = self.build_task()
            task_parameters = parameters(task)
            if task.version > 1:  # keys are older than versions of tasks
                settings["task_version"] = task.version
            if data := task.data_digest:  # other images than keys mean that say nothing of them
                settings["data"] = data
            origin = task.origin
            if origin is not None and origin.any() and self.cost.moves:  # drawn relative to it
                settings["origin"] = origin.tolist()
            in_program = self.protocol == "stream" and estimator.traced
            if in_program and task.of_rows and _on_two_scales(task):
                settings["estimator_evaluated"] = "float64"  # once in float32; truths never were
        except FileNotFoundError:  # its file is not here: it will be skipped, and tried again
            task_parameters = self.task_parameters
        own = parameters(estimator)
        own.pop("standardize", None)  # of arrays: a stream is trained on as it comes
        return settings | {
            "task_parameters": task_parameters,
            "estimator_parameters": own,
            "estimator_version": estimator.version,
            "dtype": "float32",
            "backend": backend,
            **numerics(),
        }

    def key(self, backend: str) -> str:
        """Hash of the identity: a changed default, version or plug-in gives another key."""
        return digest(self.identity(backend))

    @property
    def label(self) -> str:
        """One line for people."""
        options = ", ".join(f"{k}={v}" for k, v in self.task_parameters.items())
        return f"{self.estimator} on {self.task}({options}) W{self.p} n={self.n}"

    def description(self, backend: str) -> dict[str, Any]:
        """The fields of a record that are known before it runs."""
        estimator = self.build_estimator()
        described = self.identity(backend) | {
            "family": self.family,
            "target": "batch" if self._trains_on_batch(estimator) else estimator.target,
            "bound": estimator.bound,
            "steps": estimator.steps,
            "critic": estimator.network,
            "estimator_options": self.estimator_parameters,
            "task_options": self.task_parameters,
            "dataset": str(self.task_parameters.get("dataset", "")),
        }
        return dict(in_words(described))

    def _trains_on_batch(self, estimator: Estimator) -> bool:
        """Whether it is trained on the very rows that it is evaluated on, so speaks of these."""
        return PROTOCOLS[self.protocol].one_batch and estimator.steps > 0

    def truth_key(self, backend: str) -> str:
        """Hash of what determines the batch truths: the data and the cost, no estimator."""
        identity = self.identity(backend)
        return digest({k: v for k, v in identity.items() if not k.startswith("estimator")})

    def refused(self) -> dict[str, Any]:
        """The fields of a record of a cell that is not to be run."""
        record = {
            "status": "refused",
            "message": self.refusal,
            "stop_reason": "refused",
            "runs": 0,
            "failed": 0,
        }
        with suppress(FileNotFoundError):  # its data are not here
            task = self.build_task()
            record |= {"dim": task.dim, "dataset": task.dataset}
        return record

    def run(self, truths: dict[str, dict[str, Any]], add: Add) -> dict[str, Any]:
        """The fields of a record that running it gives.

        Args:
            truths: journaled batch truths by key; one that is missing is computed and added.
            add: journals the record of a new batch truth.
        """
        task, estimator = self.build_task(), self.build_estimator()
        truth = task.truth(self.p, self.norm)
        key = self.truth_key(jax.default_backend())
        if key not in truths:
            exact = PROTOCOLS[self.protocol].truths(task, self.cost, self.stream)
            truths[key] = {"type": "truth", "key": key, "costs": pack(exact)}
            add(truths[key])
        run = PROTOCOLS[self.protocol].run
        return {
            "dim": task.dim,
            "dataset": task.dataset,
            **summarize(run(task, estimator, self.cost, self.stream), self.p),
            "truth_key": key,
            "truth_population": None if truth is None else vars(truth),
        }


def recorded(record: dict[str, Any]) -> Cell:
    """The cell of a record."""
    names = ("p", "norm", "n", "runs", "eval_batches", "seed", "protocol", "family")
    return Cell(
        record["task"], _recorded(record, "task", tasks),
        record["estimator"], _recorded(record, "estimator", estimators),
        **{name: record[name] for name in names},
    )  # fmt: skip


def _recorded(record: dict[str, Any], kind: str, known: Any) -> dict[str, Any]:
    """What was given of a task or estimator, words as numbers but for parameters that are text."""
    name, given = record[kind], record[f"{kind}_options"]
    declared = fields(known.factory(name)) if name in known.names() else ()
    texts = {field.name for field in declared if "str" in str(field.type)}
    return {key: value if key in texts else _in_numbers(value) for key, value in given.items()}


@lru_cache(maxsize=16)
def _on_two_scales(task: Task) -> bool:
    """Whether float32 loses the distances of its rows, so that the host evaluates."""
    sampler = task.sampler()
    return isinstance(sampler, Rows) and sampler.on_two_scales


def summarize(result: Measured, p: float) -> dict[str, Any]:
    """The fields of a record that come from the runs.

    `lower` and `upper` bound the p-th root of a run's mean cost, `stderr` is the mean of its
    answers' own standard errors.
    """
    bad = [status for status in result.statuses if status != "ok"]
    steps, history = thin(result.history)
    return {
        "status": Counter(bad).most_common(1)[0][0] if bad else "ok",
        "message": next((message for message in result.messages if message), ""),
        "failed": len(bad),
        "run_statuses": result.statuses,
        "costs": pack(result.costs),
        "history_steps": steps,
        "history": pack(history),
        "compile_seconds": round(result.compile_seconds, 4),
        "run_seconds": round(result.run_seconds, 4),
        **{name: pack(values) for name, values in result.agreement.items()},
        **{
            name: pack((getattr(result, name) ** p).mean(axis=1) ** (1 / p))
            for name in ("lower", "upper")
            if getattr(result, name).size
        },
        **({"stderr": pack(result.stderr.mean(axis=1))} if result.stderr.size else {}),
        "diagnostics": {name: pack(values) for name, values in result.diagnostics.items()},
    }


def numerics() -> dict[str, int]:
    """The version of the shared numerics in an identity; none while it is 1, as keys are older."""
    return {"numerics": NUMERICS} if NUMERICS > 1 else {}


def thin(history: np.ndarray) -> tuple[list[int], np.ndarray]:
    """(runs, steps) as means over at most 100 equal stretches, with the last step of each."""
    steps = history.shape[1]
    points = min(steps, HISTORY_POINTS)
    edges = np.linspace(0, steps, points + 1).astype(int)
    stretches = list(itertools.pairwise(edges))
    means = np.array([history[:, a:b].mean(axis=1) for a, b in stretches])
    return [int(b) for _, b in stretches], means.reshape(points, len(history)).T


def parameters(configuration: Any) -> dict[str, Any]:
    """All parameters of a frozen dataclass that make it what it is, defaults included.

    Fields left out of comparison (a path, say, beside the digest of its content) are left out, and
    parameters that were added later (`interface.added`), at their defaults.
    """
    values = {f.name: getattr(configuration, f.name) for f in fields(configuration) if f.compare}
    for f in fields(configuration):
        if f.metadata.get(ADDED) and values.get(f.name) == f.default:
            del values[f.name]
    return values


def in_words(value: Any) -> Any:
    """Parameters as a record has them: JSON has no form for inf and NaN, which become text."""
    if isinstance(value, dict):
        return {name: in_words(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [in_words(part) for part in value]
    endless = isinstance(value, float | np.floating) and not np.isfinite(value)
    return str(float(value)) if endless else value


def _in_numbers(value: Any) -> Any:
    """The same the other way."""
    if isinstance(value, dict):
        return {name: _in_numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_in_numbers(part) for part in value]
    return float(value) if value in ("inf", "-inf", "nan") else value


def digest(content: dict[str, Any]) -> str:
    """A short stable hash of plain data."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
