"""A suite: tasks x estimators x sizes, in one TOML file, validated before anything runs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wdist_bench import estimators, tasks
from wdist_bench.bench.cell import Cell
from wdist_bench.costs import Cost
from wdist_bench.validation import check_name


class Entry(BaseModel):
    """A task or an estimator: its name; every other key is a parameter of it."""

    model_config = ConfigDict(extra="allow")

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys beside those of the suite's own vocabulary."""
        return dict(self.model_extra or {})


class TaskEntry(Entry):
    """A task; `p` and `n` override the suite's, `family` names its panel in figures."""

    family: str = ""
    p: list[int] | None = None
    n: list[int] | None = None


class Document(BaseModel):
    """The keys of a suite file."""

    model_config = ConfigDict(extra="forbid")

    title: str
    description: str = ""
    p: list[int] = [1]
    norm: list[str] = ["l2"]
    n: list[int] = Field([64], description="points of each measure in a batch")
    steps: int = Field(500, ge=1, description="training steps of critics")
    runs: int = Field(20, ge=1, description="independent runs")
    eval_batches: int = Field(100, ge=1, description="fresh batches a frozen estimator sees")
    seed: int = Field(0, ge=0)
    tasks: list[TaskEntry] = Field(min_length=1)
    estimators: list[Entry] = Field(min_length=1)


@dataclass(frozen=True)
class Suite:
    """A validated suite.

    Attributes:
        name: stem of the file, and of its results folder.
        title: one line.
        description: what it answers.
        cells: in the order of the file: task by task, estimator by estimator.
    """

    name: str
    title: str
    description: str
    cells: tuple[Cell, ...]


def load_suite(path: Path) -> Suite:
    """Read and validate a suite; raises ValueError that names the file and the key."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a suite file (.toml), got no such file")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        document = Document.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: expected TOML, got a syntax error: {error}; fix it") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = ", ".join(Document.model_fields)
        raise ValueError(
            f"{path}: {place}: {first['msg']}, got {str(first['input'])[:80]!r}; "
            f"the keys of a suite are {known}"
        ) from error
    try:
        return Suite(path.stem, document.title, document.description, tuple(_cells(document)))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _cells(document: Document) -> list[Cell]:
    cells = []
    for entry in document.tasks:
        tasks.get(entry.name, **entry.parameters)  # a bad parameter fails before anything runs
        for p in entry.p or document.p:
            for norm in document.norm:
                for n in entry.n or document.n:
                    cells += [
                        cell
                        for method in document.estimators
                        if (cell := _cell(document, entry, method, Cost(p, norm), n)) is not None
                    ]
    return cells


def _cell(document: Document, entry: TaskEntry, method: Entry, cost: Cost, n: int) -> Cell | None:
    """One cell, or None where the estimator has no meaning for the cost."""
    parameters = method.parameters
    factory = estimators.factory(method.name)
    options = {option.name for option in fields(factory)}  # type: ignore[arg-type]
    # A preset brings its paper's budget; otherwise the suite's holds for every critic.
    shared = {} if "preset" in parameters else {"steps": document.steps, "batch_size": n}
    parameters = {k: v for k, v in shared.items() if k in options} | parameters
    estimator = estimators.get(method.name, **parameters)
    try:
        estimator.check_cost(cost)
    except ValueError:
        return None
    return Cell(
        task=entry.name,
        task_parameters=entry.parameters,
        estimator=method.name,
        estimator_parameters=parameters,
        p=cost.p,
        norm=cost.norm,
        n=n,
        runs=document.runs,
        eval_batches=document.eval_batches,
        seed=document.seed,
        family=entry.family or entry.name,
    )


def check_suite_name(name: str, folder: Path) -> Path:
    """The file of a suite given by name or by path."""
    path = Path(name)
    if path.suffix == ".toml":
        return path
    known = sorted(file.stem for file in folder.glob("*.toml"))
    return folder / f"{check_name(name, known, 'suite')}.toml"
