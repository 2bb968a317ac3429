"""In which environments the cells of a folder were measured: all of them, not the last run's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from wdist_bench.estimate import NOT_RUN
from wdist_bench.report.text import wording
from wdist_bench.results.differences import differing, facts, listed
from wdist_bench.results.journal import Journal

_PLACES = 4  # environments that a sentence names
_MAIN = ("package jax", "git")  # what it says of the only one that is recorded


@dataclass(frozen=True)
class Place:
    """An environment and what was measured there.

    Attributes:
        key: the digest that records name it by.
        cells: how many of the cells shown were measured there.
        description: versions, hardware and revision as `describe_environment` gives them; empty
            where no journal has them.
    """

    key: str
    cells: int
    description: dict[str, Any]


def places(journal: Journal, last: dict[str, Any]) -> list[Place]:
    """The environments of the last suite's cells that ran, the one with the most cells first.

    Args:
        journal: of a results folder.
        last: its `environment.json`, which is of the last run and not of every cell: it stands in
            where the journal describes no environment at all, as those of early versions.
    """
    ran = (record for record in journal.planned() if record.get("status") not in NOT_RUN)
    counts = Counter(str(record.get("environment", "")) for record in ran)
    if not counts or (len(counts) == 1 and not journal.environments):
        return [Place(*next(iter(counts.items()), ("", 0)), last)]
    return [Place(key, cells, _described(journal, key)) for key, cells in counts.most_common()]


def _described(journal: Journal, key: str) -> dict[str, Any]:
    found = journal.environments.get(key, {}).get("environment")
    return found if isinstance(found, dict) else {}


def mixture(found: list[Place]) -> str:
    """One sentence that says how cells of several environments differ; empty where there is one."""
    if len(found) < 2:
        return ""
    described = [facts(place.description) for place in found]
    names = differing(described) if sum(map(bool, described)) > 1 else list(_MAIN)
    total = sum(place.cells for place in found)
    said = [
        f"{place.cells} {_with(given, names)}"
        for place, given in zip(found, described, strict=True)
    ]
    more = len(said) - _PLACES
    if more > 0:
        rest = sum(place.cells for place in found[_PLACES:])
        said = [*said[:_PLACES], f"{rest} in {more} more environments"]
    first, *others = said
    count, _, how = first.partition(" ")
    return f"{count} of {total} cells were measured {how}; {'; '.join(others)}."


def _with(given: dict[str, str], names: list[str]) -> str:
    if not given:
        return "in an environment that is not recorded"
    own = [given[name] for name in names if name in given]
    if not own:
        return "in another environment"
    return f"with {wording.listed(own)}"


def hardware(found: list[Place]) -> str:
    """Where cells ran, one line."""
    counts: Counter[str] = Counter()
    for place in found:
        counts[_hardware(place.description)] += place.cells
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{place} ({cells} cells)" for place, cells in counts.most_common())


def _hardware(description: dict[str, Any]) -> str:
    if not description:
        return "not recorded"
    devices = listed(description.get("devices"))
    place = f"{description.get('cpu')}, {description.get('cores')} cores"
    return f"{place}, {description.get('backend')} ({devices})"
