"""An experiment: what is no task x estimator cell, on the same suites, seeds and journal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from wdist_bench.registry import Registry
from wdist_bench.runs.cell import Add, digest, parameters
from wdist_bench.runs.source import source


class Experiment(ABC):
    """A frozen dataclass of plain parameters, one of them `seed`: implement `run`.

    Attributes:
        name: the registered name.
        version: raised when the same parameters give other numbers.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    seed: int

    @property
    def data_digest(self) -> str:
        """A digest of the data behind it that its parameters do not tell; mostly empty."""
        return ""

    @abstractmethod
    def run(self) -> dict[str, Any]:
        """The results as plain data that JSON can hold.

        With at least `status`, `message`, `runs`, `failed`, `compile_seconds`, `run_seconds`.
        """


registry: Registry[Experiment] = Registry(
    "experiment", "wdist_bench.experiments", home="wdist_bench.studies"
)
names = registry.names
get = registry.get
register = registry.register


@dataclass(frozen=True)
class ExperimentCell:
    """One experiment at one point of its sweep. It travels as name and parameters."""

    experiment: str
    parameters: dict[str, Any]

    def build(self) -> Experiment:
        """The experiment, rebuilt."""
        return get(self.experiment, **self.parameters)

    def identity(self, backend: str) -> dict[str, Any]:
        """What determines the numbers, with every default spelled out."""
        built = self.build()
        code = source(type(built), parameters(built))
        try:
            data = built.data_digest
        except FileNotFoundError:  # not here: it will be skipped, and tried again
            data = ""
        return {
            "experiment": self.experiment,
            "version": built.version,
            "parameters": parameters(built),
            "backend": backend,
            **({"source": code} if code else {}),  # a plug-in's; our own have versions
            **({"data": data} if data else {}),
        }

    def key(self, backend: str) -> str:
        """Hash of the identity."""
        return digest(self.identity(backend))

    @property
    def label(self) -> str:
        """One line for people."""
        options = ", ".join(f"{k}={v}" for k, v in self.parameters.items())
        return f"{self.experiment}({options})"

    def description(self, backend: str) -> dict[str, Any]:
        """The fields of a record that are known before it runs."""
        return self.identity(backend)

    def run(self, truths: dict[str, dict[str, Any]], add: Add) -> dict[str, Any]:
        """The fields of a record that running it gives; batch truths are not used."""
        return self.build().run()
