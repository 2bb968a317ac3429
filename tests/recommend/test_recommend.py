"""Whole recommendations where the answer is known."""

from __future__ import annotations

import math
import types
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.recommend import caller, pair_answer, recommendation
from wdist_bench.recommend import trials as trials_module
from wdist_bench.recommend.pair_answer import is_outside, looked_at
from wdist_bench.recommend.trials import label
from wdist_bench.recommend.words import write_recommendation

CHEAP = ("exact", "gaussian", "nearest_neighbor", "sliced")


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    """What `test_caller.py` calls elsewhere is called here, without a start of three seconds."""
    monkeypatch.setattr(caller.Caller, "start", lambda self: None)
    monkeypatch.setattr(caller.Caller, "_outside", lambda self, call, limit: None)


def normals(seed, n, dim, shift=0.0):
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    rows[:, 0] += shift
    return rows


def test_the_pair_has_the_population_interval_and_who_contradicts_it_is_not_recommended():
    x, y = normals(0, 120, 5), normals(1, 100, 5, 2.0)
    found = wb.recommend(x, y, methods=CHEAP, runs=8, seed=3)
    known = wb.population_interval(x, y, seed=3)
    assert (found.pair.value, found.pair.interval) == (known.value, known.interval)
    for row in found.choice.standings:
        alone = wb.estimate(x, y, row.estimator, seed=3)
        assert row.value == pytest.approx(alone.value)
        assert row.outside == (not known.lower <= alone.value <= known.upper)
    assert found.choice.standing("sliced").outside  # an average of shorter distances
    assert not found.choice.standing(found.choice.recommended).outside
    low, high = min(t for _, t in found.tasks), max(t for _, t in found.tasks)
    assert known.value * 0.89 < low <= high < known.value * 1.05


def test_nobody_is_recommended_where_all_contradict_the_interval():
    x, y = normals(0, 100, 5), normals(1, 100, 5, 2.0)
    found = wb.recommend(x, y, methods=["sliced"], runs=5)
    assert found.choice.recommended is None
    assert not found.choice.trusted
    assert "lies outside: sliced" in found.choice.reason
    assert found.pair.status == "ok"
    assert "I cannot tell. The value of each that was asked lies outside: sliced" in str(found)


def test_a_refused_interval_is_an_answer_and_its_reason_is_said():
    few = wb.recommend(normals(0, 15, 2), normals(1, 60, 2, 1.0), methods=CHEAP, runs=5)
    assert few.pair.status == "refused"
    assert math.isnan(few.pair.value)
    assert "expected 20 rows of each side at least" in str(few).replace("\n", " ")
    assert not few.choice.trusted  # nothing to hold its value against
    heavy = np.random.default_rng(0).pareto(0.6, size=(200, 1))
    found = wb.recommend(heavy, 1 + 2 * heavy[::-1], p=2, methods=CHEAP, runs=5)
    assert found.pair.status == "refused"
    assert found.plain()["pair"]["value"] is None


def test_the_batch_is_certified_and_the_exact_solver_has_no_error():
    x, y = normals(7, 100, 2), normals(8, 100, 2, 1.0)
    found = wb.recommend(x, y, methods=CHEAP, target="batch", runs=6)
    assert found.pair == wb.estimate(x, y)
    assert (found.pair.lower, found.pair.upper) == (found.pair.value, found.pair.value)
    assert found.choice.recommended == "exact"
    assert found.choice.error == 0
    assert {row.estimator for row in found.choice.standings if row.outside} == set(CHEAP[1:])


def test_bounds_of_the_batch_that_did_not_close_are_said_and_held_against(monkeypatch):
    monkeypatch.setattr(pair_answer, "MOST_COSTS", 100)  # `bracket` answers
    x, y = normals(0, 60, 2), normals(1, 60, 2, 0.5)
    x[0], y[0] = [1e12, 0.0], [1e12, 1.0]
    found = wb.recommend(x, y, methods=["exact", "gaussian"], runs=5, target="batch")
    known = found.pair
    assert (known.status, known.level) == ("not_converged", None)
    assert 0 < known.lower < known.upper
    ends = f"In [{known.lower:.4g}, {known.upper:.4g}] (certified)."
    assert ends in " ".join(str(found).split())
    assert "(certified)" in found._repr_html_()
    assert found.choice.standing("gaussian").outside


@pytest.mark.parametrize("order", ["sorted", "classes"])
def test_the_order_of_the_rows_decides_nothing(order):
    def found(x, y):
        methods = ["exact", "one_dimensional"]
        return wb.recommend(x, y, methods=methods, target="batch", runs=5, rows=100)

    x, y = normals(0, 600, 1), normals(1, 600, 1, 1.0)
    free = found(x, y)
    if order == "sorted":
        told = found(np.sort(x, axis=0), np.sort(y, axis=0))
    else:
        told = found(*(np.concatenate([r[r[:, 0] > 1], r[r[:, 0] <= 1]]) for r in (x, y)))
    assert {name for name, _ in told.tasks} >= {"translate x", "translate y"}
    assert told.choice.recommended == free.choice.recommended is not None
    truths = [np.mean([truth for _, truth in one.tasks]) for one in (free, told)]
    # of 256 rows: two means of differences, 0.09 standard error each
    assert truths[0] == pytest.approx(truths[1], abs=0.45)


@pytest.mark.parametrize("seed", range(3))
def test_a_row_far_out_on_both_sides_takes_no_task_there(seed):
    x, y = normals(0, 60, 2), normals(1, 60, 2, 0.5)
    x[0] = y[0] = [1e8, 0.0]
    found = wb.recommend(x, y, methods=["exact"], runs=5, target="batch", seed=seed)
    assert all(truth <= 1.1 * found.pair.value for _, truth in found.tasks)


def test_in_high_dimension_the_rows_are_further_apart_than_their_populations():
    found = wb.recommend(normals(9, 50, 50), normals(10, 50, 50, 4.0), methods=CHEAP, runs=6)
    assert found.choice.standing("exact").bias > 0.4
    assert found.choice.recommended != "exact"
    assert found.pair.value < 0.7 * wb.estimate(normals(9, 50, 50), normals(10, 50, 50, 4.0)).value


def test_a_huge_epsilon_loses():
    blurred = wb.estimators.get("sinkhorn", epsilon=10.0)
    found = wb.recommend(
        normals(7, 60, 2), normals(8, 60, 2, 0.5), p=2, methods=["exact", blurred], runs=6
    )
    row = found.choice.standing("sinkhorn(epsilon=10.0)")
    assert found.choice.standings[0].estimator == "exact"
    assert row.bias > 0.1
    assert not row.tied


def test_what_takes_no_such_data_is_named():
    line = wb.recommend(normals(0, 60, 1), methods=["exact", "one_dimensional"], runs=5)
    assert [row.tied for row in line.choice.standings] == [True, True]
    plane = wb.recommend(normals(0, 60, 2), methods=["exact", "one_dimensional"], p=2, runs=5)
    assert "expected points on a line" in plane.refused["one_dimensional"]
    assert plane.pair is None
    assert "Not for such data: one_dimensional." in str(plane)


def test_a_seed_fixes_every_run_and_more_runs_change_none():
    def values(seed, runs):
        found = wb.recommend(
            normals(7, 60, 3), normals(8, 50, 3, 1), p=2, methods=CHEAP[:3], runs=runs, seed=seed
        )
        ranking = [t for t in found.trials if t.stage == "ranking"]
        return {(t.estimator, t.run): t.value for t in ranking}

    first = values(0, 6)
    assert first == values(0, 6)
    assert first.items() <= values(0, 8).items()
    assert not first.items() & values(1, 6).items()


def test_a_failing_estimator_is_counted_not_dropped():
    failing = wb.estimators.get("sinkhorn", epsilon=1e-3, max_iterations=10)
    found = wb.recommend(
        normals(7, 60, 2), normals(8, 60, 2, 1.0), p=2, methods=["exact", failing], runs=6
    )
    row = found.choice.standings[-1]
    assert (row.estimator.startswith("sinkhorn"), row.runs, row.failed) == (True, 0, 6)
    assert not row.ranked


def test_where_no_budget_helps_none_is_asked_for():
    x, y = normals(7, 40, 2), normals(8, 40, 2, 1.0)

    def why(method, **options):
        Failing.calls[0] = 0
        found = wb.recommend(x, y, methods=[method], target="batch", runs=5, **options)
        assert found.choice.recommended is None
        return found.choice.reason

    assert why("exact", budget=1e-6) == "there was no time for tasks within the budget; raise it"
    assert why("one_dimensional").startswith("none takes such data: ")
    name = label(Failing(0))
    failed = f"{name} (diverged); choose other methods"
    assert why(Failing(0)) == f"none had enough runs without failure: {failed}"
    failed = f"{label(Failing(5))} (diverged); choose other methods"
    assert why(Failing(5)) == f"none answered for the pair: {failed}"


def test_every_call_is_told_to_the_watcher_and_the_error_is_of_fresh_runs():
    seen = []
    found = wb.recommend(normals(7, 40, 2), methods=["exact"], runs=5, watch=seen.append)
    assert tuple(seen) == found.trials
    fresh = [t.value / t.truth for t in seen if t.stage == "fresh"]
    assert found.choice.fresh == len(fresh) == 5
    assert found.choice.error == pytest.approx(np.exp(np.abs(np.log(fresh)).mean()) - 1)
    assert not {t.value for t in seen if t.stage == "fresh"} & {
        t.value for t in seen if t.stage == "ranking"
    }


@dataclass(frozen=True)
class Failing(wb.DirectEstimator):
    """The exact value; fails `from_call` on, every `every`-th time."""

    name: ClassVar[str] = "failing"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"
    calls: ClassVar[list[int]] = [0]

    from_call: int = 5
    every: int = 1

    def estimate(self, samples, cost):
        self.calls[0] += 1
        if self.calls[0] > self.from_call and self.calls[0] % self.every == 0:
            return wb.Estimate.failed("diverged", "no", target=self.target, bound=self.bound)
        return wb.estimate(samples.x, samples.y, "exact", cost.p)


@pytest.mark.parametrize(("every", "fresh", "failed"), [(1, 0, 10), (2, 5, 5), (100, 10, 0)])
def test_fresh_runs_that_fail_are_said_and_are_no_runs(tmp_path, every, fresh, failed):
    Failing.calls[0] = 0
    method = Failing(10, every)
    found = wb.recommend(normals(7, 60, 2), methods=[method], target="batch", runs=10, budget=100)
    choice = found.choice
    assert (choice.fresh, choice.fresh_failed) == (fresh, failed)
    assert choice.recommended == label(method)
    assert choice.error == 0
    assert choice.trusted == (failed == 0)
    words = " ".join(str(found).split())
    assert (f"{failed} fresh runs of it failed." in words) == (failed > 0)
    assert ("It fails too often. The closest is" in words) == (failed > 0)
    assert (f"over {fresh} fresh runs" in words) == (fresh > 0)
    assert write_recommendation(tmp_path, found.plain())[1].read_text() == str(found)


def test_without_rich_it_is_one_line_that_says_what_to_install(monkeypatch):
    found = wb.recommend(normals(7, 20, 2), methods=["exact"], runs=5)
    assert found._repr_html_().startswith("<pre")
    monkeypatch.setattr(recommendation, "find_spec", lambda name: None)
    assert str(found) == f"{found!r}; for all of it: pip install 'wdist-bench[bench]'"
    assert found._repr_html_() is None  # a notebook falls back to the line


# --- the budget


@dataclass(frozen=True)
class Sleeper(wb.DirectEstimator):
    """The exact value, `seconds` later by a clock that only these move."""

    name: ClassVar[str] = "sleeper"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"
    now: ClassVar[list[float]] = [0.0]

    seconds: float = 1.0

    def estimate(self, samples, cost):
        self.now[0] += self.seconds
        return wb.estimate(samples.x, samples.y, "exact", cost.p)


@pytest.fixture
def sleepers(monkeypatch):
    """The trials' clock stands still but for sleepers."""
    Sleeper.now[0] = 0.0
    clock = types.SimpleNamespace(perf_counter=lambda: Sleeper.now[0])
    monkeypatch.setattr(trials_module, "time", clock)
    monkeypatch.setattr(caller, "time", clock)
    return Sleeper.now


@pytest.mark.parametrize(
    ("budget", "quick_runs", "slow_runs"), [(10.0, 10, None), (40.0, 18, 7), (100.0, 18, 18)]
)
def test_the_budget_is_kept_and_what_does_not_fit_is_named(sleepers, budget, quick_runs, slow_runs):
    quick, slow = Sleeper(0.1), Sleeper(4.0)
    found = wb.recommend(
        normals(0, 40, 2), normals(1, 40, 2, 3), budget=budget, runs=18, methods=[quick, slow]
    )
    assert found.seconds == pytest.approx(sleepers[0])
    assert sleepers[0] <= budget + 4.0  # at most the call that was begun
    rows = {row.estimator: row for row in found.choice.standings}
    assert rows[label(quick)].runs == quick_runs
    assert rows[label(quick)].seconds == pytest.approx(0.1)
    if slow_runs:
        assert rows[label(slow)].runs == slow_runs
    else:
        assert found.not_tried[label(slow)] >= 4.0
        assert not (label(slow) in rows and rows[label(slow)].ranked)


def test_a_spent_budget_ends_the_runs_however_many_were_asked_for(sleepers, monkeypatch):
    asked = []
    had = trials_module.Trials._had
    monkeypatch.setattr(
        trials_module.Trials, "_had", lambda self, name: asked.append(name) or had(self, name)
    )
    found = wb.recommend(
        normals(0, 40, 2), normals(1, 40, 2, 3), budget=40.0, runs=20_000,
        methods=[Sleeper(0.1), Sleeper(4.0)],
    )  # fmt: skip
    assert sorted(row.runs for row in found.choice.standings)[0] == 7
    assert len(asked) < 2_000


def test_two_estimators_of_one_label_are_refused():
    """The second took the place of the first."""
    other = type("Sleeper", (Sleeper,), {"name": "exact"})
    with pytest.raises(ValueError, match=r"expected other names for other .* called exact; give"):
        wb.recommend(normals(0, 20, 2), methods=["exact", other()], runs=5)


def test_rows_beyond_what_the_budget_allows_are_left_out_at_random():
    rows = np.arange(10_000.0).reshape(-1, 1)
    kept = looked_at(rows, 3.0, np.random.default_rng(0))
    assert 1000 < len(kept) < 2000
    assert abs(kept.mean() - 5000) < 5 * 2887 / np.sqrt(len(kept))
    assert len(looked_at(rows, 1e-3, np.random.default_rng(0))) == 400
    assert len(looked_at(rows[:300], 1e-3, np.random.default_rng(0))) == 300


def test_a_value_within_rounding_of_a_bound_is_not_outside():
    known = wb.estimate([[0.0], [1.0]], [[2.0], [5.0]])
    assert not is_outside(3.0 * (1 + 1e-6), known)
    assert is_outside(3.01, known)
    assert not is_outside(math.nan, known)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": np.array([[np.nan, 0.0]] * 20)}, "x: expected finite numbers"),
        ({"x": np.ones((1, 2))}, "x: expected at least 8 rows, got 1"),
        ({"x": np.ones((20, 2))}, "x: expected rows that differ"),
        ({"y": np.ones((20, 3))}, "x and y: expected equal dimensions"),
        ({"methods": ["exat"]}, "did you mean 'exact'"),
        ({"methods": []}, "methods: expected at least one"),
        ({"methods": [3]}, "methods: expected names or Estimators, got int"),
        ({"target": "samples"}, "target: expected one of batch, population"),
        ({"budget": 0}, "budget: expected a finite number > 0"),
        ({"runs": 4}, "runs: expected a whole number >= 5"),
        ({"p": 3}, "p: expected 1 or 2"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(change, said):
    arguments = {"x": normals(0, 20, 2), "y": normals(1, 20, 2), "methods": ["exact"]} | change
    with pytest.raises((ValueError, TypeError)) as caught:
        wb.recommend(arguments.pop("x"), arguments.pop("y"), **arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
