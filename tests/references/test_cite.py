"""What is to be cited: every name has an answer, every number of a paper is known, and is true."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import wdist_bench as wb
from wdist_bench import experiment
from wdist_bench.references.bibliography import bibliography, named_in, plain
from wdist_bench.references.cite import OURS, source
from wdist_bench.references.described import described
from wdist_bench.runs.shipped import shipped

REGISTRIES = (wb.estimators.registry, wb.tasks.registry, wb.costs.registry, experiment.registry)
NAMES = [name for registry in REGISTRIES for name in registry.names()]
ENTRY = re.compile(r"@(\w+)\{([^,\s]+),")


@pytest.mark.parametrize("name", sorted({*NAMES, *shipped()}))
def test_every_name_has_an_answer_that_begins_with_this_suite(name):
    found = wb.cite(name)
    keys = [key for _, key in ENTRY.findall(found.bibtex)]
    assert keys == list(found.keys)
    assert keys[0] == OURS
    assert found.bibtex.count("{") == found.bibtex.count("}")


def numbers(text):
    return set(re.findall(r"\barXiv\s+(\d{4}\.\d{4,5})", " ".join(text.split())))


@pytest.mark.parametrize("name", sorted({*NAMES}))
def test_every_arxiv_number_of_a_source_is_in_the_bibliography(name):
    known = {entry.fields.get("eprint") for entry in bibliography().values()}
    for registry in REGISTRIES:
        if name in registry.names() and registry.factory(name).__module__.startswith("wdist_bench"):
            assert numbers(source(inspect.getdoc(registry.factory(name)) or "")) <= known


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("exact", {"bonneel2011", "flamary2021"}),
        ("sinkhorn", {"cuturi2013", "altschuler2017", "cuturi2022"}),
        ("nearest_neighbor", set()),
        ("gaussians", {"dowson1982", "gelbrich1990"}),
        ("convex_gradient", {"brenier1991"}),
        ("quick", {"mallasto2019", "gulrajani2017", "arjovsky2017wgan", "bonneel2011",
                   "flamary2021"}),
    ],
)  # fmt: skip
def test_the_papers_are_those_of_the_sources(name, keys):
    assert set(wb.cite(name).keys) - {OURS} == keys


def test_an_object_and_a_plugin_of_its_own_are_cited():
    assert wb.cite(wb.estimators.get("exact")).keys == wb.cite("exact").keys

    @wb.estimators.register
    @dataclass(frozen=True)
    class Cited(wb.DirectEstimator):
        """Zero, by decree."""

        name = "cited_for_a_test"
        version = 1
        target = "batch"
        bound = "lower"
        bibtex = "@misc{decree2026,\n  author = {Nobody}, year = {2026}\n}"

        def estimate(self, samples, cost):
            return wb.Estimate(0.0, 0.0, target="batch", bound="lower")

    try:
        found = wb.cite("cited_for_a_test")
        assert found.keys == (OURS, "decree2026")
        assert "Nobody" in found.bibtex
        assert described("cited_for_a_test").what == "Zero, by decree."
    finally:
        del wb.estimators.registry._classes["cited_for_a_test"]


def test_an_unknown_name_says_what_is_meant():
    with pytest.raises(ValueError, match="did you mean 'gaussian'"):
        wb.cite("gausian")


def test_two_papers_of_one_year_are_told_apart_by_their_numbers():
    assert [e.key for e in named_in("Arjovsky, Bottou 2017 (arXiv 1701.04862)")] == [
        "arjovsky2017towards"
    ]
    assert named_in("Dowson and Landau, J. Multivariate\nAnalysis 12, 1982")[0].key == "dowson1982"
    assert named_in("Dowson said so; it was 1982") == []


def test_entries_are_whole_and_accents_readable():
    text = Path(inspect.getfile(wb)).parent.joinpath("references/references.bib").read_text()
    assert len(bibliography()) == text.count("\n@") + 1
    for entry in bibliography().values():
        assert {"author", "title", "year"} <= entry.fields.keys()
        assert re.fullmatch(r"\d{4}", entry.fields["year"])
        assert "{" not in entry.line
        assert "\\" not in entry.line
    assert (
        plain(r"S{\'e}journ{\'e}, Fran{\c{c}}ois, L{\'e}na{\"i}c") == "Séjourné, François, Lénaïc"
    )


@pytest.mark.parametrize("name", wb.estimators.names())
def test_the_claim_in_words_is_that_of_the_class(name):
    found, factory = described(name), wb.estimators.factory(name)
    word = {"exact": "equal to", "lower": "never above", "upper": "never below", "none": "no bound"}
    assert found.claim.startswith(word[factory.bound])
    assert ("batch" in found.claim) is (factory.target == "batch")
    assert found.what
    assert "Attributes:" not in " ".join(found.more)
