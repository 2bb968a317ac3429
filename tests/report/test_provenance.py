"""Cells that were kept from another environment are shown as what they are."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from wdist_bench.report import write_report
from wdist_bench.report.compare import compare
from wdist_bench.report.provenance import hardware, mixture, places
from wdist_bench.report.text.closing import closing
from wdist_bench.results.journal import read_run

TRUTHS = np.ones((3, 2))


def environment(jax="0.12.0", **changes):
    return {
        "python": "3.12.1", "platform": "Linux", "packages": {"jax": jax, "numpy": "2.3.0"},
        "backend": "cpu", "devices": ["cpu"], "cpu": "New CPU", "cores": 2, "git": "abcdef0123",
        "git_dirty": False, "flags": {},
    } | changes  # fmt: skip


@pytest.fixture
def mixed(make_folder):
    """Two cells kept from jax 0.10.2; the last run, with 0.12.0, measured three."""
    folder = make_folder()
    folder.environments = {"old": environment("0.10.2"), "new": environment()}
    folder.environment = environment()
    for number in range(5):
        where = "old" if number < 2 else "new"
        folder.add(f"critic{number}", TRUTHS, TRUTHS, environment=where)
    folder.without_result("refuser", "refused", "no meaning", environment="new")
    return folder.write()


SAID = "3 of 5 cells were measured with jax 0.12.0; 2 with jax 0.10.2."


def test_every_page_says_where_its_cells_come_from(mixed):
    write_report(mixed)
    assert SAID in (mixed / "errors.md").read_text()
    assert SAID in (mixed / "report.html").read_text()
    assert closing(mixed).mixture == SAID


def test_each_cell_of_the_page_has_its_own_environment(mixed):
    write_report(mixed)
    page = (mixed / "report.html").read_text()
    data = json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    )
    versions = {
        place["key"]: (place["cells"], place["description"]["packages"]["jax"])
        for place in data["environments"]
    }
    assert versions == {"new": (3, "0.12.0"), "old": (2, "0.10.2")}


def test_a_folder_of_one_environment_says_nothing(make_folder):
    folder = make_folder()
    folder.environments = {"e": environment(), "unused": environment("0.9")}
    folder.add("critic", TRUTHS, TRUTHS)
    write_report(folder.write())
    assert "were measured" not in (folder.path / "errors.md").read_text()
    assert closing(folder.path).mixture == ""


def test_compare_names_the_hardware_of_the_cells_and_not_of_the_last_run(mixed, make_folder):
    other = make_folder("other")
    other.environments = {"e": environment(cpu="Old CPU")}
    other.environment = environment(cpu="Last CPU")  # of a run that kept all
    other.add("critic0", TRUTHS, TRUTHS)
    found = compare(other.write(), mixed)
    assert found.hardware[0] == "Old CPU, 2 cores, cpu (cpu)"
    assert found.hardware[1] == f"New CPU, 2 cores, cpu (cpu); {SAID}".rstrip(".")


def of(*described):
    """Places with one cell each, in this order."""
    from wdist_bench.results.journal import Journal

    keys = [str(number) for number in range(len(described))]
    cells = {key: {"status": "ok", "environment": key} for key in keys}
    known = {k: {"environment": d} for k, d in zip(keys, described, strict=True) if d}
    return places(Journal(cells=cells, environments=known, plan={"keys": keys}), {})


def test_what_differs_is_named_and_nothing_else():
    changes = {"cpu": "Other CPU", "backend": "gpu", "devices": ["H100"], "git": "9876543210"}
    found = of(environment(), environment(**changes))
    assert mixture(found) == (
        "1 of 2 cells were measured with backend cpu, devices cpu, New CPU, revision abcdef01; "
        "1 with backend gpu, devices H100, Other CPU, revision 98765432."
    )
    assert hardware(found) == (
        "New CPU, 2 cores, cpu (cpu) (1 cells), Other CPU, 2 cores, gpu (H100) (1 cells)"
    )


def test_an_environment_that_no_journal_describes_is_not_taken_for_the_last_run():
    assert mixture(of(environment(), None)) == (
        "1 of 2 cells were measured with jax 0.12.0, revision abcdef01; 1 in an environment that "
        "is not recorded."
    )


def test_many_environments_stay_one_sentence():
    said = mixture(of(*(environment(f"0.{number}") for number in range(30))))
    assert said.endswith("; 26 in 26 more environments.")
    assert len(said) < 200


@pytest.mark.parametrize(
    "description", [[], "text", {"packages": []}, {"devices": 3, "packages": {"jax": None}}, {}]
)
def test_a_description_may_hold_anything(description):
    assert "cells were measured" in mixture(of(environment(), description))
    assert hardware(of(description))


def test_early_journals_that_describe_nothing_are_shown_with_environment_json(make_folder):
    folder = make_folder()
    folder.add("critic", TRUTHS, TRUTHS)
    journal = read_run(folder.write())
    [place] = places(journal, folder.environment)
    assert (place.key, place.cells, place.description) == ("e", 1, folder.environment)
