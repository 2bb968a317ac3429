"""The pages name everything that is public, and say of it what the code says."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import pytest
from markdown_pages import ROOT

import wdist_bench as wb
from wdist_bench.results import columns
from wdist_bench.runs import suite

REFERENCE = ROOT / "docs" / "reference"
OURS = "wdist_bench."


def documented(page):
    """The objects whose docstrings a page shows."""
    return set(re.findall(r"^::: (\S+)", (REFERENCE / page).read_text("utf-8"), re.M))


def path(thing):
    return f"{thing.__module__}.{thing.__qualname__}"


def own(registry):
    """What the package registers: a plug-in that is installed has pages of its own."""
    found = {name: registry.registry.factory(name) for name in registry.names()}
    return {name: thing for name, thing in found.items() if thing.__module__.startswith(OURS)}


@pytest.mark.parametrize("kind", ["estimators", "tasks", "costs", "experiments"])
def test_the_reference_asks_for_everything_registered(kind):
    text = (REFERENCE / f"{kind}.md").read_text("utf-8")
    assert f"<!-- all registered {kind} come here -->" in text


def test_every_public_name_is_in_the_reference():
    shown = documented("library.md")
    for name in wb.__all__:
        thing = getattr(wb, name)
        if inspect.ismodule(thing):
            assert f"`wb.{name}`" in (REFERENCE / "library.md").read_text("utf-8")
        else:
            assert path(thing) in shown, name


def test_what_the_reference_names_exists():
    for page in REFERENCE.glob("*.md"):
        for name in documented(page.name):
            module, _, thing = name.rpartition(".")
            assert hasattr(import_module(module), thing), name


def rows(page, header):
    """The cells of the table under a header line."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    body = text.partition(f"\n{header}\n")[2].splitlines()[1:]
    for line in body:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_of_estimators_is_the_registry():
    table = rows("concepts.md", "| estimator | target | bound | what the number is |")
    said = {name.strip("`"): (target, bound) for name, target, bound, _ in table}
    assert said == {name: (e.target, e.bound) for name, e in own(wb.estimators).items()}


def test_the_keys_of_suites_are_explained():
    table = rows("suites.md", "| key | of | is |")
    said = {key for cells in table for key in re.findall(r"`(\w+)`", cells[0])}
    entries = (suite.Document, suite.TaskEntry, suite.EstimatorEntry, suite.ExperimentEntry)
    known = {key for entry in entries for key in entry.model_fields} - {"name"}
    assert said == known | {"preset"}


def test_the_columns_of_the_error_table_are_those_of_the_list():
    assert columns.markdown() in (ROOT / "docs" / "suites.md").read_text("utf-8")
