"""The study of Example 1: eight experiments with one report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from wdist_bench.experiment import Experiment


class Example1(Experiment):
    """An experiment of the study; all of them are reported in `example1.md`."""

    study: ClassVar[str] = "example1"

    @classmethod
    def write(cls, folder: Path, records: list[dict[str, Any]]) -> list[Path]:
        """Tables, verdicts and figures of all experiments of the study."""
        from wdist_bench.studies.example1.report import write_example1

        return write_example1(folder, records)
