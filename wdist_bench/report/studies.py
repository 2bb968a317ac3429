"""What studies write from the records of their experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wdist_bench import experiment
from wdist_bench.report.text.escaping import words
from wdist_bench.results.journal import Journal


def _in_words(record: dict[str, Any]) -> dict[str, Any]:
    """An experiment's record whose parameters and status are plain words and numbers.

    They stand in headings, links, labels of figures and names of files; none of ours has any
    other character.
    """
    return record | {name: words(record[name]) for name in ("parameters", "status")}


def write_experiments(folder: Path, journal: Journal) -> list[Path]:
    """What each study writes from the records of its experiments, else a plain table of them."""
    from wdist_bench.report.tables.plain import write_plain

    studies: dict[str, list[dict[str, Any]]] = {}
    for record in journal.planned():
        if "experiment" in record:
            study = _written_by(record["experiment"])[0] or record["experiment"]
            studies.setdefault(study, []).append(_in_words(record))
    files: list[Path] = []
    for study, records in studies.items():
        written_by = _written_by(records[0]["experiment"])[1]
        written = written_by(folder, records) if written_by else []
        files += written or write_plain(folder, study, records)
    return files


def lacks_plugins(journal: Journal) -> bool:
    """Whether an experiment is of a plug-in that is not here, whose study may have files."""
    asked = {r["experiment"] for r in journal.planned() if "experiment" in r}
    return not asked.issubset(experiment.names())


def _written_by(name: str) -> tuple[str, Any]:
    """The study of an experiment and its writer; ("", None) where its plug-in is not here."""
    if name not in experiment.names():
        return "", None
    known: Any = experiment.registry.factory(name)
    return known.study, known.write
