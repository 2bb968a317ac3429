"""A suite: tasks x estimators x sizes, and experiments, in one TOML file, validated first.

An entry with `profiles` belongs to those profiles only; `[profiles.NAME]` overrides the sizes.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wdist_bench import costs, estimators, experiment, tasks
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.given import check_cost
from wdist_bench.protocol.protocols import PROTOCOLS
from wdist_bench.registry import Registry
from wdist_bench.runs.cell import Cell
from wdist_bench.runs.experiment_cell import ExperimentCell
from wdist_bench.runs.sweeps import settings, swept
from wdist_bench.validation import SEEDS, check_name

Profile = Literal["cpu", "gpu", "full"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
"""Budgets: minutes on two cores, an accelerator, or the papers' own whatever it takes."""

_MOST_BYTES = 2**24
_MOST_CELLS = 1_000_000
Count = Annotated[int, Field(strict=True, ge=1, lt=2**31)]
Counts = Annotated[list[Count], Field(min_length=1)]
Sweep = dict[str, Annotated[list[Any], Field(min_length=1)]]
Exponents = Annotated[list[Annotated[float, Field(strict=True)]], Field(min_length=1)]


class Entry(BaseModel):
    """A task, an estimator or an experiment: its name; every other key is a parameter of it."""

    model_config = ConfigDict(extra="allow")

    name: str
    profiles: tuple[Profile, ...] = Field(PROFILES, min_length=1)

    @property
    def parameters(self) -> dict[str, Any]:
        """The keys beside those of the suite's own vocabulary."""
        return dict(self.model_extra or {})


class TaskEntry(Entry):
    """A task; `p` and `n` override the suite's, `family` names its panel in figures.

    A list for a parameter that takes one value is a sweep, and so is any list under `sweep`: one
    task each, the product of all.
    """

    family: str = ""
    sweep: Sweep = {}
    p: Exponents | None = None
    n: Counts | None = None

    def swept(self) -> dict[str, list[Any]]:
        """The parameters that have several values."""
        return swept(tasks.factory(self.name), self.parameters, self.sweep)


class EstimatorEntry(Entry):
    """An estimator; `runs` overrides the suite's, `max_dim` refuses tasks of higher dimension, and
    `only_n` and `only_dim` leave it out of all other sizes and dimensions. Lists are sweeps, as
    those of a task.
    """

    sweep: Sweep = {}
    runs: Count | None = None
    max_dim: Count | None = None
    only_n: Counts | None = None
    only_dim: Counts | None = None

    def swept(self) -> dict[str, list[Any]]:
        """The options that have several values."""
        return swept(estimators.factory(self.name), self.parameters, self.sweep, "estimator")

    def runs_at(self, n: int, dim: int | None) -> bool:
        """Whether it is asked for n points of that dimension, None where that is not known."""
        if self.only_n is not None and n not in self.only_n:
            return False
        return self.only_dim is None or dim is None or dim in self.only_dim


class ExperimentEntry(Entry):
    """An experiment; lists under `sweep` are a product, one cell each."""

    sweep: Sweep = {}


class Sizes(BaseModel):
    """What a profile may override."""

    model_config = ConfigDict(extra="forbid")

    n: Counts | None = None
    steps: Count | None = None
    runs: Count | None = None
    eval_batches: Count | None = None


class Document(BaseModel):
    """The keys of a suite file."""

    model_config = ConfigDict(extra="forbid")

    title: str
    description: str = ""
    p: Exponents = [1]
    norm: list[str] = Field(["l2"], min_length=1)
    protocol: list[Literal[*PROTOCOLS]] = Field(["stream"], min_length=1)  # type: ignore[valid-type]
    n: Counts = Field([64], description="points of each measure in a batch")
    steps: Count = Field(500, description="training steps of critics")
    runs: Count = Field(20, description="independent runs")
    eval_batches: Count = Field(100, description="fresh batches a frozen estimator sees")
    seed: int = Field(0, ge=0, lt=SEEDS, strict=True)
    tasks: list[TaskEntry] = []
    estimators: list[EstimatorEntry] = []
    experiments: list[ExperimentEntry] = []
    profiles: dict[Profile, Sizes] = {}

    @model_validator(mode="after")
    def _something_to_run(self) -> Document:
        if bool(self.tasks) != bool(self.estimators) or not (self.tasks or self.experiments):
            raise ValueError(
                f"expected tasks and estimators, or experiments, got {len(self.tasks)} tasks, "
                f"{len(self.estimators)} estimators and {len(self.experiments)} experiments; "
                "add what is missing"
            )
        return self

    def of(self, profile: Profile) -> Document:
        """The document with the sizes and the entries of a profile. Plug-ins of other entries may
        be on other machines alone.
        """
        sizes = self.profiles.get(profile, Sizes()).model_dump(exclude_none=True)
        entries = {
            kind: [entry for entry in getattr(self, kind) if profile in entry.profiles]
            for kind in ("tasks", "estimators", "experiments")
        }
        return self.model_copy(update=sizes | entries)


@dataclass(frozen=True)
class Suite:
    """A validated suite.

    Attributes:
        name: stem of the file, and of its results folder.
        title: one line.
        description: what it answers.
        cells: in the order of the file: task by task, estimator by estimator, then experiments;
            those that an estimator or `max_dim` refuses are among them and say why.
        profile: the budget: "cpu", "gpu" or "full".
    """

    name: str
    title: str
    description: str
    cells: tuple[Cell | ExperimentCell, ...]
    profile: str = "cpu"


def load_suite(path: Path, profile: str = "cpu") -> Suite:
    """Read and validate a suite; raises ValueError that names the file and the key."""
    budget = cast(Profile, check_name(profile, PROFILES, "profile"))
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a suite file (.toml), got no such file")
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(
            f"{path}: expected a suite of at most {_MOST_BYTES:,} bytes, got "
            f"{path.stat().st_size:,}; is this a suite?"
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        document = Document.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: expected TOML, got a syntax error: {error}; fix it") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected text in UTF-8, got {error}; save it so") from error
    except ValidationError as error:
        raise ValueError(f"{path}: {_mistake(error)}") from error
    except RecursionError:
        raise ValueError(
            f"{path}: expected tables in lists in tables at most, got deeper nesting; unfold it"
        ) from None
    except ValueError as error:  # a whole number of more than 4,300 digits, say
        raise ValueError(f"{path}: expected TOML, got {error}; correct it") from error
    try:
        asked = document.of(budget)
        _check_names(asked)
        _check_number(asked)
        cells: tuple[Cell | ExperimentCell, ...] = (*_cells(asked), *_experiments(asked))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not cells:
        raise ValueError(
            f"{path}: expected something to run in profile {profile!r}, got nothing; "
            "give another profile"
        )
    return Suite(path.stem, document.title, document.description, cells, profile)


def _check_names(document: Document) -> None:
    """Refuse names that nobody has registered, and what an entry cannot say."""
    kinds = (
        (tasks.registry, document.tasks),
        (estimators.registry, document.estimators),
        (experiment.registry, document.experiments),
    )
    for registry, entries in kinds:
        for entry in entries:
            _check_entry(entry, registry)
    for norm in document.norm:
        needed = set(costs.registry.needed(norm)) - {"p"} if norm in costs.names() else ()
        if needed:
            raise ValueError(
                f"norm: expected costs that a name tells, got {norm!r}, which needs "
                f"{', '.join(sorted(needed))}; call wb.evaluate(..., cost=wb.costs.get({norm!r}, "
                "...)), or register a cost that has them"
            )


def _check_entry(entry: Entry, registry: Registry[Any]) -> None:
    try:
        factory = registry.factory(entry.name)
    except ValueError as error:
        said = str(error).removesuffix("?")
        raise ValueError(
            f"{said}, or load the plug-in that has it, with wdist-bench --plugin FILE or by import"
        ) from None
    own = entry.model_fields_set & type(entry).model_fields.keys() - {"name", "sweep"}
    for key in sorted(own & {option.name for option in fields(factory)}):
        raise ValueError(
            f"{key} of {entry.name!r}: expected a key of the suite, or a parameter of "
            f"{registry.kind} {entry.name!r}, got one that may be either; give the parameter as "
            f"sweep = {{{key} = [{getattr(entry, key)!r}]}}, and leave {key} of the suite to others"
        )


def _check_number(document: Document) -> None:
    """Refuse a suite of more cells than any folder can hold, before they are made."""
    pairs = sum(
        len(e.n or document.n) * len(e.p or document.p) * math.prod(map(len, e.swept().values()))
        for e in document.tasks
    )
    methods = sum(math.prod(map(len, e.swept().values())) for e in document.estimators)
    cells = pairs * len(document.norm) * len(document.protocol) * methods
    cells += sum(math.prod(map(len, entry.sweep.values())) for entry in document.experiments)
    if cells > _MOST_CELLS:
        raise ValueError(f"expected at most {_MOST_CELLS:,} cells, got {cells:,}; split the suite")


def _mistake(error: ValidationError) -> str:
    """The first mistake of a suite, as a sentence: where, what was expected, what came."""
    mistakes = error.errors()
    unknown = [mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"]
    first = (unknown or mistakes)[0]  # a key that is not known explains one that is missing
    kind, context = first["type"], first.get("ctx", {})
    place = ".".join(map(str, first["loc"]))
    if kind == "value_error":  # of our own validators
        return str(context["error"])
    if kind == "missing":
        return f"{place}: expected this key, got none; add it"
    if kind == "extra_forbidden":
        *table, key = map(str, first["loc"])
        known = Sizes.model_fields if table else Document.model_fields
        try:
            check_name(key, known, f"key of {'.'.join(table) or 'a suite'}")
        except ValueError as wrong:
            return str(wrong)
    expected = {
        "greater_than_equal": f"a whole number >= {context.get('ge')}",
        "less_than": f"a whole number < {context.get('lt')}",
        "too_short": "a list with at least one entry",
        "int_type": "a whole number",
        "string_type": "text",
        "list_type": "a list",
        "dict_type": "a table",
        "model_type": "a table",
        "tuple_type": "a list",
        "literal_error": f"one of {context.get('expected')}",
    }.get(kind, first["msg"])
    if place in ("tasks", "estimators", "experiments"):
        expected = f"tables under [[{place}]]"
    return f"{place}: expected {expected}, got {repr(first['input'])[:80]}; correct it"


def _experiments(document: Document) -> list[ExperimentCell]:
    """Every point of every sweep."""
    cells = []
    for entry in document.experiments:
        fixed = {"seed": document.seed} | entry.parameters
        for parameters in settings(fixed, entry.sweep):
            experiment.get(entry.name, **parameters)  # a bad parameter fails before anything runs
            cells.append(ExperimentCell(entry.name, parameters))
    return cells


def _cells(document: Document) -> list[Cell]:
    cells = []
    for entry in document.tasks:
        for parameters in settings(entry.parameters, entry.swept()):
            task = dim = None
            with suppress(FileNotFoundError):  # missing data are named in the results
                task = tasks.get(entry.name, **parameters)  # a bad parameter fails first
                dim = task.dim
            for how in _ways(document, entry):
                here = [method for method in document.estimators if method.runs_at(how[-1], dim)]
                refusal = "" if task is None else PROTOCOLS[how[1]].refuses(task, how[0])
                cells += [
                    _cell(document, entry, parameters, method, options, how, dim, refusal)
                    for method in here
                    for options in settings(method.parameters, method.swept())
                ]
    return cells


def _ways(document: Document, entry: TaskEntry) -> Iterator[tuple[Cost, str, int]]:
    """Every cost, protocol and number of points that a task is run with."""
    for p in entry.p or document.p:
        for norm in document.norm:
            for protocol in document.protocol:
                for n in entry.n or document.n:
                    yield Cost(p, norm), protocol, n


def _cell(
    document: Document,
    entry: TaskEntry,
    task_parameters: dict[str, Any],
    method: EstimatorEntry,
    parameters: dict[str, Any],
    how: tuple[Cost, str, int],
    dim: int | None,
    refusal: str,
) -> Cell:
    cost, protocol, n = how
    factory = estimators.factory(method.name)
    options = {option.name for option in fields(factory)}  # type: ignore[arg-type]
    # A preset brings its paper's budget; otherwise the suite's holds for every critic.
    shared = {} if "preset" in parameters else {"steps": document.steps, "batch_size": n}
    parameters = {k: v for k, v in shared.items() if k in options} | parameters
    estimator = estimators.get(method.name, **parameters)
    return Cell(
        task=entry.name,
        task_parameters=task_parameters,
        estimator=method.name,
        estimator_parameters=parameters,
        p=cost.p,
        norm=cost.norm,
        n=n,
        runs=method.runs or document.runs,
        eval_batches=1 if PROTOCOLS[protocol].one_batch else document.eval_batches,
        seed=document.seed,
        protocol=protocol,
        family=entry.family or entry.name,
        refusal=refusal or _refusal(estimator, method, cost, dim),
    )


def _refusal(estimator: Estimator, method: EstimatorEntry, cost: Cost, dim: int | None) -> str:
    """Why an estimator does not run on a task (`dim` None where it is not known); mostly empty."""
    try:
        check_cost(estimator, cost, dim)
    except (ValueError, NotImplementedError) as error:
        return str(error) or f"{method.name}: has no meaning for W{cost.p} with norm {cost.norm}"
    if dim is not None and method.max_dim is not None and dim > method.max_dim:
        return (
            f"{method.name}: expected points of dimension {method.max_dim} at most, the suite's "
            f"max_dim for it, got {dim}; raise max_dim to run it"
        )
    return ""
