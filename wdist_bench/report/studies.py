"""What studies write from the records of their experiments, else one table of what these say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from wdist_bench import experiment
from wdist_bench.folders import is_plain, read_plain, write
from wdist_bench.report.text.escaping import cell, csv, inline, words
from wdist_bench.report.text.wording import shown
from wdist_bench.results.journal import Journal

_ENDS = ("status", "message", "failed", "runs", "compile_seconds", "run_seconds")
_PLAIN = "The plug-in of this experiment was not here: its records as they are."
_MOST = 2**24  # bytes of such a text


def _in_words(record: dict[str, Any]) -> dict[str, Any]:
    """An experiment's record whose parameters and status are plain words and numbers.

    They stand in headings, links, labels of figures and names of files; none of ours has any
    other character.
    """
    return record | {name: words(record[name]) for name in ("parameters", "status")}


def write_experiments(folder: Path, journal: Journal) -> list[Path]:
    """What each study writes from the records of its experiments, else a plain table of them; none
    in place of what a study wrote whose plug-in is not here.
    """
    studies: dict[str, list[dict[str, Any]]] = {}
    for record in journal.planned():
        if "experiment" in record:
            study = _written_by(record["experiment"])[0] or record["experiment"]
            studies.setdefault(study, []).append(_in_words(record))
    files: list[Path] = []
    for study, records in studies.items():
        written_by = _written_by(records[0]["experiment"])[1]
        if written_by:
            files += written_by(folder, records) or _write_plain(folder, study, records)
        elif not _of_its_study(folder, study):
            files += _write_plain(folder, study, records, f"\n{_PLAIN}\n")
    return files


def _of_its_study(folder: Path, name: str) -> bool:
    """Whether a file is there that a plain table would replace, and is none."""
    text, table = _places(folder, name)
    if not is_plain(text):
        return is_plain(table)
    return not (read_plain(text, _MOST) or b"").rstrip().endswith(_PLAIN.encode())


def _places(folder: Path, name: str) -> tuple[Path, Path]:
    """Of a plain table: its text and its numbers."""
    stem = re.sub(r"\W", "_", name)[:60]  # a name may come from anybody's journal
    return folder / f"{stem}.md", folder / f"{stem}.csv"


def _write_plain(
    folder: Path, name: str, records: list[dict[str, Any]], note: str = ""
) -> list[Path]:
    """`NAME.csv` and `NAME.md`: a row a record, its parameters, single numbers, and how it ended.

    Lists (a value per run, a history) stay in the journal.
    """
    import pandas as pd
    from tabulate import tabulate

    own = [key for record in records for key, value in record.items() if _is_number(value)]
    known = {*_ENDS, "version", "schema", "written", "seconds", "peak_memory", "key"}
    numbers = [key for key in dict.fromkeys(own) if key not in known]
    rows = [
        record["parameters"] | {key: record.get(key) for key in (*numbers, *_ENDS)}
        for record in records
    ]
    table = pd.DataFrame(rows)
    body = [[cell(shown(value)) for value in row] for row in table.itertuples(index=False)]
    text = tabulate(body, [cell(str(c)) for c in table.columns], "pipe", disable_numparse=True)
    of_text, of_numbers = _places(folder, name)
    return [
        write(of_numbers, csv(table)),
        write(of_text, f"# {inline(name.replace('_', ' '))}\n\n{text}\n{note}"),
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


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
