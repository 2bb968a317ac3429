"""One colour and one marker for each estimator, whatever stands beside it."""

from __future__ import annotations

import itertools

import wdist_bench as wb
from wdist_bench.report.palette import looks, place


def test_every_estimator_of_ours_has_a_look_of_its_own_that_no_stranger_can_have():
    places = [place(name) for name in wb.estimators.names()]
    assert len(set(places)) == len(places)
    assert max(places) < 32 <= place("a stranger's")
    found = looks((name, name) for name in wb.estimators.names())
    assert len({(look.color, look.marker) for look in found.values()}) == len(places)


def test_a_look_does_not_depend_on_the_suite():
    names = ["funnel", "a stranger's", "exact"]
    for order in itertools.permutations(names):
        for name, look in looks((name, name) for name in order).items():
            assert look == looks([(name, name)])[name]


def test_variants_share_the_colour_and_differ_in_marker_and_dashes():
    labels = ["funnel (steps 5)", "funnel (steps 10)", "funnel"]
    found = list(looks((label, "funnel") for label in labels).values())
    assert found[0] == looks([("funnel", "funnel")])["funnel"]
    assert len({look.color for look in found}) == 1
    assert len({look.marker for look in found}) == len({str(look.dashes) for look in found}) == 3
    assert len(looks((str(i), "funnel") for i in range(40))) == 40


def test_strangers_of_one_look_are_told_apart():
    names = [f"stranger{i}" for i in range(200)]
    one, other = next(
        pair for pair in itertools.combinations(names, 2) if place(pair[0]) == place(pair[1])
    )
    first, second = looks([(one, one), (other, other)]).values()
    assert first.color == second.color
    assert first.marker != second.marker
