"""Who comes closest, from runs made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from wdist_bench.recommend import ranking
from wdist_bench.recommend.ranking import size_of, standings
from wdist_bench.recommend.trials import Trial


def runs(estimator, errors, seconds=0.1, statuses=None):
    """One trial for each relative error, of truth 2; the first took 1 s longer."""
    return [
        Trial("ranking", run, estimator, f"{'abc'[run % 3]} x", 50, 50, 2 * (1 + error), 2.0,
              (statuses or {}).get(run, "ok"), "", seconds + (run == 0), run == 0)
        for run, error in enumerate(errors)
    ]  # fmt: skip


def test_the_best_comes_first_and_equals_are_tied():
    noise = np.random.default_rng(0).normal(size=(3, 30))
    trials = [
        *runs("far", -0.4 + 0.01 * noise[0]),
        *runs("good", 0.05 + 0.01 * noise[1]),
        *runs("as_good", 0.0505 + 0.01 * noise[2]),
    ]
    first, second, last = standings(trials)
    assert {row.estimator for row in (first, second)} == {"good", "as_good"}
    assert first.tied
    assert second.tied
    assert (last.estimator, last.tied) == ("far", False)
    assert last.bias == pytest.approx(-0.4, abs=0.01)
    assert last.error == pytest.approx(1 / 0.6 - 1, abs=0.02)  # a factor of 1.67
    assert last.seconds == pytest.approx(0.1)
    assert last.compile_seconds == pytest.approx(1.0)


def test_a_small_but_sure_difference_is_no_tie():
    errors = np.random.default_rng(0).normal(0.1, 0.02, 30)
    first, second = standings([*runs("one", errors), *runs("other", errors + 0.05)])
    assert (first.estimator, second.tied) == ("one", False)


FAMILY = np.where(np.arange(30) % 10 < 5, 0.0, 0.6)
"""Tasks made of y are hard for everybody, and only those who are quick get there."""


def test_who_had_the_easy_runs_alone_is_not_first_for_it():
    noise = 0.004 * np.random.default_rng(0).normal(size=(2, 30))
    quick, slow = 0.1 + FAMILY + noise[0], (0.2 + FAMILY + noise[1])[:5]
    found = standings([*runs("quick", quick), *runs("slow", slow)])
    assert found[0].error > found[1].error
    assert [(row.estimator, row.runs) for row in found] == [("quick", 30), ("slow", 5)]


def test_nobody_is_behind_one_that_is_told_apart_as_worse():
    """Also where the comparisons on other runs go round in a circle."""
    rng = np.random.default_rng(1)
    told, turned = 0, 0
    for _ in range(50):
        hard, counts = rng.gamma(0.3, size=14), rng.integers(5, 15, 5)
        sizes = {
            f"{k}": np.where(
                np.arange(14) < counts[k],
                hard * rng.uniform(0.7, 1.3) + 0.03 * rng.gamma(0.5, size=14), np.nan,
            ) for k in range(5)
        }  # fmt: skip
        compared = ranking._compared(sizes)
        order = ranking._order(list(sizes), compared)
        for pair in compared:
            behind = order.index(pair.closer) > order.index(pair.other)
            assert not (pair.apart and behind)
            told, turned = told + pair.apart, turned + behind
    assert told > 10
    assert turned > 0


def test_comparisons_that_go_round_tell_nobody_apart_and_most_runs_come_first():
    """C before B and B before A on runs 0 to 9, A before C on all that both have."""
    sizes = {"A": [0.5] * 10 + [0.1] * 10, "B": [0.45] * 10, "C": [0.3] * 10 + [1.1] * 10}
    own = {name: np.array(found + [np.nan] * (20 - len(found))) for name, found in sizes.items()}
    compared = ranking._compared(own)
    assert [(pair.closer, pair.other) for pair in compared] == [("A", "C"), ("C", "B"), ("B", "A")]
    assert max(pair.p_value for pair in compared) < 0.05 / 3  # each of them is sure
    assert not any(pair.apart for pair in compared)
    found = standings([t for name, s in sizes.items() for t in runs(name, np.expm1(s))])
    assert [(row.estimator, row.tied) for row in found] == [("A", True), ("C", False), ("B", False)]
    assert not any(row.told_apart for row in found)


def test_equal_gaps_in_five_runs_tell_nothing_apart():
    first, second = standings([*runs("one", [0.1] * 5), *runs("other", [0.105] * 5)])
    assert (first.estimator, second.tied, second.told_apart) == ("one", True, False)
    first, second = standings([*runs("one", [0.1] * 6), *runs("other", [0.105] * 6)])
    assert (first.estimator, second.tied, second.told_apart) == ("one", False, True)


def test_equals_are_told_apart_in_five_of_a_hundred_recommendations_at_most():
    """Whatever the law: errors are rarely large, and some estimators had fewer runs."""
    rng, told, reps = np.random.default_rng(2), 0, 1000
    for _ in range(reps):
        sizes = np.log1p(rng.pareto(0.5, size=(4, 11)) * rng.gamma(1, size=11))
        for own, count in zip(sizes, (11, 8, 7, 11), strict=True):
            own[count:] = np.nan
        told += any(pair.apart for pair in ranking._compared(dict(zip("abcd", sizes, strict=True))))
    assert 0 < told / reps < 0.05 + 3 * np.sqrt(0.05 * 0.95 / reps)


def test_many_runs_are_told_apart_in_blocks():
    errors = 0.1 + 0.05 * np.random.default_rng(3).normal(size=(2, 1000))
    first, second = standings([*runs("one", errors[0]), *runs("other", errors[1] + 0.02)])
    assert (first.estimator, second.told_apart) == ("one", True)


def test_an_answer_near_0_does_not_beat_one_that_is_too_large_by_less():
    trials = [*runs("zero", [-1.0] * 9), *runs("nothing", [-0.99] * 9), *runs("twice", [1.1] * 9)]
    found = standings(trials)
    assert [row.estimator for row in found] == ["twice", "nothing", "zero"]
    assert [row.error for row in found] == pytest.approx([1.1, 99.0, 999.0])


def test_an_interval_beyond_float64_ends_at_infinity():
    error, (low, high) = size_of(runs("plugin", [0.0, 1e60]))
    assert (error, low, high) == (pytest.approx(1e30), 0, np.inf)


def test_failures_and_too_few_runs_are_not_ranked():
    nan = float("nan")
    trials = [
        *runs("fails", [0.0] * 8 + [nan] * 2, statuses={8: "diverged", 9: "diverged"}),
        *runs("few", [0.0] * 4),
        *runs("cut off", [0.2] * 9 + [nan], statuses={9: "timeout"}),  # by the budget: no failure
        *runs("whole", [0.3] * 10),
    ]
    found = {row.estimator: row for row in standings(trials)}
    assert list(found)[:2] == ["cut off", "whole"]
    assert [name for name, row in found.items() if row.ranked] == ["cut off", "whole"]
    assert (found["fails"].failed, found["few"].runs, found["cut off"].failed) == (2, 4, 0)
    assert standings([]) == []


def test_the_family_where_it_is_worst_is_named():
    found = standings(runs("one", [0.1, 0.1, -0.5] * 4))[0]
    assert (found.worst_family, found.worst_error) == ("c", pytest.approx(1.0))


def test_the_interval_of_a_size_holds_it():
    # log errors of sd s: the mean size is s sqrt(2 / pi)
    held = []
    for seed in range(200):
        errors = np.expm1(0.2 * np.random.default_rng(seed).normal(size=30))
        low, high = size_of(runs("one", errors))[1]
        held.append(low <= np.expm1(0.2 * np.sqrt(2 / np.pi)) <= high)
    assert np.mean(held) > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 200)
