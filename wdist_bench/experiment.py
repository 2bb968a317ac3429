"""An experiment: what is no task x estimator cell, on the same suites, seeds and journal."""

from __future__ import annotations

import re
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from wdist_bench.interface import Plugin
from wdist_bench.registry import Registry

_TABLES = ("errors", "comparisons", "rates", "time_to_target")
"""Stems of the files of a report that a plain table of a study would replace."""


class Experiment(Plugin):
    """A frozen dataclass of plain parameters, one of them `seed`: implement `run`.

    Attributes:
        version: raised when the same parameters give other numbers.
        study: experiments with one study are reported together; the name by default.
    """

    required: ClassVar[tuple[str, ...]] = ("version",)

    version: ClassVar[int]
    study: ClassVar[str] = ""
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

    @classmethod
    def check_class(cls) -> None:
        """Its plain table has a file of its own."""
        name = cls.study or cls.name
        if re.sub(r"\W", "_", name).lower() in _TABLES:
            raise ValueError(
                f"experiment {cls.__name__}: expected another name, or `study`, than those of the "
                f"tables of a report ({', '.join(_TABLES)}), got {name!r}; rename it"
            )

    @classmethod
    def write(cls, folder: Path, records: list[dict[str, Any]]) -> list[Path]:
        """Write tables and figures into `folder` from the records of the study; returns the files.

        The page shows every Markdown file and picture. A study that writes nothing gets a plain
        table of its parameters and single numbers.
        """
        return []


registry: Registry[Experiment] = Registry(
    Experiment, "experiment", "wdist_bench.experiments", home="wdist_bench.studies"
)
names = registry.names
get = registry.get
register = registry.register
