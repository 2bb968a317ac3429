"""The committed truth cards are what the package computes, and keep what their names mean."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import jsonschema
import numpy as np
import pytest

from wdist_bench import cards, costs, tasks
from wdist_bench.cards import card as files
from wdist_bench.cards import make
from wdist_bench.cards.card import SCHEMA
from wdist_bench.cards.checks import CHECKS
from wdist_bench.cards.entries import ENTRIES
from wdist_bench.cards.samples import differences
from wdist_bench.runs.shipped import shipped
from wdist_bench.runs.suite import load_suite

BY_NAME = {entry.name: entry for entry in ENTRIES}
EVERY = pytest.mark.parametrize("name", BY_NAME)
DOWNLOADED = ("mnist", "cifar10", "celeba")
SCHEMA_OF_CARDS = json.loads(SCHEMA.read_text("utf-8"))


def cost_of(known):
    """The ground cost that a truth on a card is for."""
    given = dict(known.cost)
    return costs.get(given.pop("name"), **given)


def test_every_entry_is_a_card_and_every_card_an_entry():
    assert cards.names() == sorted(BY_NAME)
    assert len(BY_NAME) == len(ENTRIES)


def test_every_task_of_ours_has_a_card():
    ours = {name for name in tasks.names() if tasks.factory(name).__module__.startswith("wdist_")}
    assert ours == {entry.task for entry in ENTRIES}


def test_every_task_of_the_suites_that_needs_no_download_has_a_card():
    built = {entry.build() for entry in ENTRIES}
    for suite, path in shipped().items():
        if suite in ("rates", "peers", "large_n", "w2_peers"):  # laws in many dimensions; plug-ins
            continue
        for cell in load_suite(path, "cpu").cells:
            given = getattr(cell, "task_parameters", {"file": ""})
            if "file" not in given and given.get("dataset") not in DOWNLOADED:
                assert cell.build_task() in built, (path.name, cell.task, given)


@EVERY
def test_a_card_says_what_the_package_computes(name):
    card = cards.read(name)
    task = tasks.get(card.task, **card.parameters)
    assert task == BY_NAME[name].build()
    assert card.task_version == task.version
    assert [cost_of(known) for known in card.truths] == [cost for cost, _ in BY_NAME[name].routes]
    for known in card.truths:
        truth = task.truth(cost_of(known))
        # A mean over draws has the rounding of its programs, float32 at times.
        near = 1e-9 if truth.stderr == 0 else 1e-6
        assert truth.value == pytest.approx(known.value, rel=near, abs=1e-12), known.label
        assert truth.stderr == pytest.approx(known.stderr, rel=1e-6)
        assert (truth.kind, truth.reference) == (known.kind, known.route)
        room = known.second_tolerance
        assert abs(known.value - known.second_value) <= room, known.label


@pytest.mark.slow
@EVERY
def test_a_card_is_made_again_by_both_routes(name):
    """Every word of it, and every number of the second route within what that may be off by."""
    card, new = cards.read(name), make.make(BY_NAME[name])
    assert files.change(card, new) == ""
    for field in ("task_version", "definition", "licence", "citation", "checks"):
        assert getattr(card, field) == getattr(new, field), field
    for one, other in zip(card.truths, new.truths, strict=True):
        assert one.second_route == other.second_route
        allowed = one.second_tolerance + other.second_tolerance
        assert abs(one.second_value - other.second_value) <= allowed
    assert differences(card, make.arrays(BY_NAME[name].build())) == []


@EVERY
def test_a_card_keeps_the_schema(name):
    content = json.loads((files.FOLDER / f"{name}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(SCHEMA_OF_CARDS).validate(content)
    assert content == json.loads(cards.read(name).text)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"target": "sample"},
        {"unit": "W_p^p"},
        {"truths": []},
        {"dim": 0},
        {"licence": None},
        {"name": "Plane v1"},
        {"more": 1},
    ],
)
def test_the_schema_tells_what_is_wrong(spoilt):
    content = asdict(cards.read("gaussians-plane-v1"))
    content = json.loads(json.dumps(content)) | spoilt
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA_OF_CARDS)


@pytest.mark.parametrize("field", ["parameters", "dim", "target", "value", "cost"])
def test_a_name_cannot_get_another_meaning(field, tmp_path):
    """Beside a file, and beside the committed card alone."""
    card = cards.read("gaussian_shift-plane-v1")
    first = card.truths[0]
    changed = {
        "parameters": {"parameters": card.parameters | {"shift": 3.0}},
        "dim": {"dim": 3},
        "target": {"target": "batch"},
        "value": {"truths": (replace(first, value=2.83), *card.truths[1:])},
        "cost": {"truths": card.truths[1:]},
    }[field]
    with pytest.raises(ValueError, match="a name keeps its meaning"):
        files.write(replace(card, **changed), tmp_path)
    assert list(tmp_path.iterdir()) == []
    files.write(card, tmp_path)
    files.write(replace(card, licence="CC0", checks=card.checks[:1]), tmp_path)  # words may change
    assert files.load(tmp_path / f"{card.name}.json").licence == "CC0"


def test_truths_may_be_added_and_known_better():
    card = cards.read("funnels-dim2-v1")
    (known,) = card.truths
    sharper = replace(known, value=known.value + known.stderr, stderr=known.stderr / 4)
    more = replace(known, cost={"name": "l2", "p": 2})
    assert files.change(card, replace(card, truths=(sharper, more))) == ""
    moved = replace(known, value=known.value + 8 * known.stderr)
    assert "truth (l2, p = 1" in files.change(card, replace(card, truths=(moved,)))


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_fails_where_a_truth_is_wrong(check):
    """One of three truths is spoilt, in the direction that the check looks at."""
    entry = next(e for e in ENTRIES if e.name == "gaussian_shift-plane-v1")
    task = entry.build()
    pairs = [(cost, task.truth(cost)) for cost, _ in entry.routes]
    good = [(cost, truth, truth.value, 1e-9) for cost, truth in pairs if cost.p < 3]
    assert CHECKS[check](task, good)
    wrong = []
    for cost, truth, value, room in good:
        factor = 1.5 if (cost.p, cost.norm) == (1, "l2") else 1.0
        wrong.append((cost, replace(truth, value=factor * truth.value), value, room))
    assert not CHECKS[check](task, wrong)


def test_a_card_that_fails_a_check_is_not_made(monkeypatch):
    entry = BY_NAME["gaussians-plane-v1"]
    off = replace(entry, routes=((entry.routes[0][0], lambda task, cost: (9.0, 0.1)),))
    with pytest.raises(ArithmeticError, match="fails the check 'second route'"):
        make.make(off)
    none = replace(entry, routes=((costs.Torus(1.0), entry.routes[0][1]),))
    with pytest.raises(ValueError, match="expected a truth for Torus"):
        make.make(none)


def test_samples_that_are_others_are_told():
    name = "weighted_points-plane-v1"
    card, found = cards.read(name), make.arrays(BY_NAME[name].build())
    assert differences(card, found) == []
    found["x"] = found["x"] + 1e-12
    (said,) = differences(card, found)
    assert "sha256 of x in weighted_points-plane-v1.npz" in said
    drawn = cards.read("parallel_segments-example1-v1")
    x = make.arrays(BY_NAME[drawn.name].build())
    assert differences(drawn, x | {"y": np.nextafter(x["y"], np.float32(9))}) == []
    assert len(differences(drawn, x | {"y": x["y"] + np.float32(0.01)})) == 1


def test_the_table_names_every_card():
    header, rows = cards.table()
    assert [row[0] for row in rows] == cards.names()
    assert all(len(row) == len(header) for row in rows)
    page = cards.markdown()
    for name in cards.names():
        assert f"\n### {name}\n" in f"\n{page}"
