"""A cell of a suite that is one experiment at one point of its sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wdist_bench.experiment import Experiment, get
from wdist_bench.runs.cell import Add, digest, in_words, numerics, parameters
from wdist_bench.runs.source import source


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
            **numerics(),
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
        return dict(in_words(self.identity(backend)))

    def run(self, truths: dict[str, dict[str, Any]], add: Add) -> dict[str, Any]:
        """The fields of a record that running it gives; batch truths are not used."""
        return self.build().run()
