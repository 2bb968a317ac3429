"""Recommendations where the answer is known, and the parts that they rest on."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.recommend import caller
from wdist_bench.recommend import trials as trials_module
from wdist_bench.recommend.ranking import choose, corrected, prediction_interval
from wdist_bench.recommend.similar_tasks import similar_tasks, task_sizes
from wdist_bench.recommend.task_maps import disjoint
from wdist_bench.recommend.task_strengths import exact_value
from wdist_bench.recommend.trials import FEWEST, Price, label, spread
from wdist_bench.tasks.transforms import Split

CHEAP = ("exact", "gaussian", "nearest_neighbor", "sliced")


def normals(seed, n, dim, shift=0.0, scale=1.0):
    rows = scale * np.random.default_rng(seed).normal(size=(n, dim))
    rows[:, 0] += shift
    return rows


# --- the tasks


@pytest.mark.parametrize("p", [1, 2])
def test_pushing_halves_apart_is_optimal(p):
    # the LP knows nothing of the proof by projection
    rows = normals(0, 60, 3)
    split = Split(0.7, np.array([0.6, 0.8, 0.0]), 0.1)
    moved = split.move(rows)
    assert np.linalg.norm(moved - rows, axis=1) == pytest.approx(0.7)
    assert exact_value(rows, moved, Cost(p)) == pytest.approx(0.7, rel=1e-9)
    assert split.distance(rows, Cost(p)) == 0.7


MADE = {
    1: {"translate x": (1.4758854240677441, 228.22443634473106),
        "dilate y": (1.5238771260939883, 139.27853075370018),
        "tear x": (1.0729391309123992, 367.56300507729),
        "weights y": (0.49791268893580665, 569.7869763659291),
        "funnels x": (1.2953874609575007, 165.19279817459073)},
    2: {"dilate x": (1.1929527060925096, 318.2876300933772),
        "split y": (0.834186539803196, 363.9491296338679)},
}  # fmt: skip
"""Truth, and sum of x + sum of y^2, of the first task of a family; from revision fc85517."""


@pytest.mark.parametrize("p", MADE)
def test_a_seed_makes_the_tasks_that_it_always_made(p):
    x, y = normals(0, 80, 3), 0.8 + 1.3 * np.random.default_rng(1).normal(size=(70, 3))
    tasks, _, sizes = similar_tasks(x, y, Cost(p), 60, 4)
    first = {task.name: task for task in reversed(tasks)}
    for name, expected in MADE[p].items():
        x, y = first[name].draw(np.random.default_rng(7), *sizes)
        found = first[name].truth, float(x.sum() + (y**2).sum())
        assert found == pytest.approx(expected, rel=1e-12)


def test_disjoint_halves_are_as_far_apart_as_independent_samples():
    # and rows drawn with replacement are not: that is why the tasks do not draw so
    generator = np.random.default_rng(1)
    halves, independent, redrawn = [], [], []
    for _ in range(40):
        rows = generator.normal(size=(60, 20))
        first, second = disjoint(generator, 60, 30, 30)
        assert not set(first) & set(second)
        halves.append(exact_value(rows[first], rows[second], Cost()))
        fresh = generator.normal(size=(2, 30, 20))
        independent.append(exact_value(*fresh, Cost()))
        again = generator.integers(0, 60, (2, 60))
        redrawn.append(exact_value(rows[again[0]], rows[again[1]], Cost()))
    gap = np.mean(halves) - np.mean(independent)
    error = np.hypot(np.std(halves), np.std(independent)) / np.sqrt(40)
    assert abs(gap) < 4 * error
    assert np.mean(redrawn) < 0.7 * np.mean(independent)


@pytest.mark.parametrize(
    ("n", "m", "rows", "expected"),
    [
        (100, 100, 1000, (50, 50, ("x", "y"))),
        (5000, 5000, 1000, (1000, 1000, ("x", "y"))),
        (120, 60, 1000, (40, 20, ("x", "y"))),
        (2000, 40, 5000, (1960, 39, ("x",))),  # y alone could give one row of 40
        (2000, 40, 100, (100, 40, ("x",))),
        (10**6, 500, 1000, (1000, 500, ("x",))),
    ],
)
def test_sizes_keep_the_proportion_and_fit_into_the_bases(n, m, rows, expected):
    size_n, size_m, bases = task_sizes(n, m, rows)
    assert (size_n, size_m, bases) == expected
    for name in bases:
        assert size_n + size_m <= {"x": n, "y": m}[name]


@pytest.mark.parametrize("p", [1, 2])
def test_tasks_look_like_the_pair_and_know_their_distance(p):
    x, y = normals(2, 160, 4), normals(3, 200, 4, shift=2.0)
    tasks, scale, (n, m) = similar_tasks(x, y, Cost(p), 1000, 0)
    assert {task.family for task in tasks} >= {"translate", "tear", "weights"}
    assert not {task.family for task in tasks} & {"tilt", "reweight"}  # no two rows are equal
    assert {task.base for task in tasks} == {"x", "y"}
    assert scale.told_apart
    generator = np.random.default_rng(0)
    for task in tasks:
        # the truth, from the coupling (row, image) that the map makes: the LP on it
        some = slice(0, 80)
        rows, images = task.pair.rows, task.pair.images
        moved = exact_value(rows[some], images[some], Cost(p))
        lengths = np.linalg.norm(rows - images, axis=1)
        assert moved == pytest.approx(np.mean(lengths[some] ** p) ** (1 / p), rel=1e-6)
        assert task.truth == pytest.approx(np.mean(lengths**p) ** (1 / p), rel=1e-9)
        # what can be seen of it agrees with the pair, within the doubt about both
        values = [exact_value(*task.draw(generator, n, m), Cost(p)) for _ in range(12)]
        assert abs(np.mean(values) - scale.pair) < 5 * np.std(values)
    families = list(dict.fromkeys(task.family for task in tasks))
    assert [task.family for task in tasks[: len(families)]] == families
    assert {task.base for task in tasks[:6]} == {"x", "y"}


def test_without_a_pair_the_sizes_are_shares_of_the_spread():
    x = normals(4, 80, 3)
    tasks, scale, size = similar_tasks(x, None, Cost(), 1000, 0)
    spread_of_x = np.linalg.norm(x - x.mean(0), axis=1).mean()
    assert scale.spread == pytest.approx(spread_of_x)
    assert size == (40, 40)
    assert len(tasks) == 10  # five families at both sizes
    for share, some in ((0.25, tasks[:5]), (1.0, tasks[5:])):
        assert [task.truth / spread_of_x for task in some] == pytest.approx([share] * 5, rel=0.07)


def test_equal_laws_are_not_told_apart():
    tasks, scale, _ = similar_tasks(normals(5, 100, 10), normals(6, 100, 10), Cost(), 1000, 0)
    assert not scale.told_apart
    assert scale.null < scale.floor
    assert min(task.truth for task in tasks) > 0


# --- the statistics


def test_the_best_is_chosen_and_the_faster_of_equals_recommended():
    noise = np.random.default_rng(0).normal(size=(4, 30))
    errors = {
        "good": 0.05 + 0.01 * noise[0],
        "as_good_and_faster": 0.0505 + 0.01 * noise[1],
        "as_good_and_slow": 0.051 + 0.01 * noise[2],
        "bad_and_fastest": -0.4 + 0.01 * noise[3],
    }
    prices = dict(
        zip(errors, (Price(0, 1.0), Price(0, 0.1), Price(3, 1.0), Price(0, 0.01)), strict=True)
    )
    found = choose("batch", errors, dict.fromkeys(errors, 0), ["a", "b", "c"] * 10, prices)
    assert set(found.equals) == {"good", "as_good_and_faster", "as_good_and_slow"}
    assert found.recommended == "as_good_and_faster"
    assert found.trusted
    last = found.standings[-1]
    assert last.estimator == "bad_and_fastest"
    assert last.bias == pytest.approx(-0.4, abs=0.01)
    assert last.error == pytest.approx(1 / 0.6 - 1, abs=0.02)  # a factor of 1.67
    assert last.p_holm < 1e-10


def test_an_answer_near_0_does_not_beat_one_that_is_too_large_by_less():
    errors = {"twice": np.full(10, 1.1), "nothing": np.full(10, -0.99), "zero": np.full(10, -1.0)}
    prices = dict.fromkeys(errors, Price(0.0, 1.0))
    found = choose("population", errors, dict.fromkeys(errors, 0), ["a"] * 10, prices)
    assert [row.estimator for row in found.standings] == ["twice", "nothing", "zero"]
    assert [row.error for row in found.standings] == pytest.approx([1.1, 99.0, 999.0])
    assert not found.trusted


def test_failures_and_too_few_runs_are_not_recommended():
    errors = {
        "fails": np.r_[np.zeros(8), [np.nan] * 2],
        "few": np.r_[np.zeros(4), [np.nan] * 6],
        "whole": np.full(10, 0.3),
    }
    failed = {"fails": 2, "few": 0, "whole": 0}
    prices = dict.fromkeys(errors, Price(0.0, 1.0))
    found = choose("batch", errors, failed, ["a"] * 10, prices)
    assert found.best == found.recommended == "whole"
    assert not found.trusted  # 30 % off
    assert (found.standing("fails").failed, found.standing("few").runs) == (2, 4)
    nobody = choose("batch", {"few": errors["few"]}, failed, ["a"] * 10, prices)
    assert (nobody.best, nobody.recommended, nobody.trusted) == (None, None, False)
    assert "no estimator had enough runs" in nobody.reason


@pytest.mark.parametrize("runs", [8, 39, 100])
def test_prediction_intervals_hold_the_next_run_in_95_percent(runs):
    generator = np.random.default_rng(runs)
    held = []
    for _ in range(3000):
        ratios = np.exp(0.3 + 0.2 * generator.normal(size=runs + 1))
        (low, high), _ = prediction_interval(ratios[:-1] - 1)
        held.append(low <= ratios[-1] - 1 <= high)
    assert abs(np.mean(held) - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 3000) + 0.01


def test_the_interval_is_value_over_one_plus_error():
    assert corrected(3.0, (-0.25, 0.5)) == pytest.approx((2.0, 4.0))
    assert corrected(3.0, (-1.0, 0.5)) == (2.0, np.inf)  # 0 whatever the truth: no upper end
    assert corrected(0.0, (-1.0, -1.0)) == (0.0, np.inf)  # 0 always: it says nothing
    assert np.isnan(corrected(np.nan, (-0.25, 0.5))).all()


# --- the budget


def test_runs_are_spread_so_that_they_fit():
    prices = {"cheap": Price(0, 0.01), "dear": Price(0, 1.0), "dearest": Price(0, 10.0)}
    had = dict.fromkeys(prices, 2)
    assert spread(prices, had, 20, 1e4) == {"cheap": 20, "dear": 20, "dearest": 20}
    some = spread(prices, had, 20, 45.0)
    assert some["cheap"] == 20
    assert some["dearest"] >= FEWEST
    assert sum((count - 2) * prices[name].run for name, count in some.items()) <= 45.0
    assert spread(prices, had, 20, 10.0) == {"cheap": 20, "dear": 11, "dearest": 2}
    assert spread(prices, had, 20, 0.0) == {"cheap": 2, "dear": 2, "dearest": 2}
    assert spread(prices, had | {"cheap": 5}, 20, 0.0)["cheap"] == 5


@dataclass(frozen=True)
class Sleeper(wb.DirectEstimator):
    """The exact value, `seconds` later by a clock that only these move."""

    name: ClassVar[str] = "sleeper"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"
    now: ClassVar[list[float]] = [0.0]

    seconds: float = 1.0
    steps: int = 1
    batch_size: int = 1

    def estimate(self, samples, cost):
        self.now[0] += self.seconds * self.steps
        return wb.estimate(samples.x, samples.y, "exact", cost.p)


@pytest.fixture
def sleepers(monkeypatch):
    """The trials' clock stands still but for sleepers."""
    Sleeper.now[0] = 0.0
    clock = types.SimpleNamespace(perf_counter=lambda: Sleeper.now[0])
    monkeypatch.setattr(trials_module, "time", clock)
    monkeypatch.setattr(caller, "time", clock)
    monkeypatch.setattr(caller.Caller, "_outside", lambda self, call, limit: None)
    return Sleeper.now


@pytest.mark.parametrize(
    ("budget", "quick_runs", "slow_runs"), [(10.0, 5, None), (40.0, 18, 5), (100.0, 18, 14)]
)
def test_the_budget_is_kept_and_what_does_not_fit_is_named(sleepers, budget, quick_runs, slow_runs):
    long = Sleeper(0.1, steps=10_000, batch_size=1000)
    methods = {"quick": Sleeper(0.1), "slow": Sleeper(4.0), "long": long}
    labels = {name: label(method) for name, method in methods.items()}
    found = wb.recommend(
        normals(0, 40, 2), normals(1, 40, 2, 3), budget=budget, runs=18, methods=methods.values()
    )
    assert found.seconds == pytest.approx(sleepers[0])
    assert sleepers[0] <= budget + 4.0  # at most the call that was begun
    ranked = {row.estimator: row for row in found.population.standings}
    assert set(ranked) | set(found.not_tried) == set(labels.values())
    # 5 runs of 10,000 steps, told from 20 of them
    assert found.not_tried[labels["long"]] == pytest.approx(FEWEST * 1000)
    assert ranked[labels["quick"]].runs == quick_runs
    assert ranked[labels["quick"]].seconds == pytest.approx(0.1)
    if slow_runs:
        assert ranked[labels["slow"]].runs == slow_runs
    else:
        assert found.not_tried[labels["slow"]] == pytest.approx((FEWEST - 1) * 4.0)


# --- whole recommendations


def test_in_the_plane_the_exact_value_is_best_for_the_batch():
    found = wb.recommend(normals(7, 200, 2), normals(8, 200, 2, 1.0), methods=CHEAP, target="batch")
    assert len(repr(found)) < 100  # a notebook prints it
    assert "## All estimators" in str(found) == found._repr_markdown_()
    assert found.batch.best == found.batch.recommended == "exact"
    assert found.batch.standing("exact").error == 0
    assert found.batch.trusted
    assert {row.estimator for row in found.batch.standings} == set(CHEAP)
    pair = found.pair
    assert pair.value == wb.estimate(normals(7, 200, 2), normals(8, 200, 2, 1.0)).value
    assert pair.batch == (pair.value, pair.value)
    assert (pair.n, pair.m) == (200, 200)


def test_weight_clipping_is_never_recommended():
    clipping = wb.estimators.get("weight_clipping", steps=50)
    found = wb.recommend(normals(7, 40, 2), methods=["exact", clipping], runs=6)
    for choice in (found.population, found.batch):
        row = choice.standing("weight_clipping(steps=50)")
        assert row.bias < -0.9
        assert choice.recommended == choice.best == "exact"
        assert row.p_holm < 0.05


def test_a_huge_epsilon_loses():
    blurred = wb.estimators.get("sinkhorn", epsilon=10.0)
    found = wb.recommend(
        normals(7, 80, 2), normals(8, 80, 2, 0.5), p=2, methods=["exact", blurred], runs=8
    )
    assert found.population.best == found.batch.best == "exact"
    row = found.batch.standing("sinkhorn(epsilon=10.0)")
    assert row.bias > 0.1
    assert row.p_holm < 0.05


def test_in_high_dimension_the_exact_value_is_far_above_the_populations():
    found = wb.recommend(normals(9, 50, 50), normals(10, 50, 50, 4.0), methods=CHEAP)
    exact = found.population.standing("exact")
    assert exact.bias > 0.5
    assert exact.bias_interval[0] > 0.3
    assert found.sampling.bias == exact.bias
    assert found.batch.recommended == "exact"


def test_the_line_has_its_own_solver_and_the_plane_refuses_it():
    line = wb.recommend(
        normals(0, 60, 1), normals(1, 60, 1, 2), methods=["exact", "one_dimensional"]
    )
    assert set(line.batch.equals) == {"exact", "one_dimensional"}
    plane = wb.recommend(normals(0, 60, 2), methods=["exact", "one_dimensional", "gaussian"], p=1)
    assert "expected points on a line" in plane.refused["one_dimensional"]
    assert plane.pair is None
    squared = wb.recommend(normals(0, 60, 2), p=2, methods=["exact", "gradient_penalty"], runs=5)
    assert "expected p = 1" in squared.refused["gradient_penalty"]


def test_a_seed_fixes_every_run_and_another_changes_them():
    def values(seed, runs):
        found = wb.recommend(
            normals(7, 60, 3), normals(8, 50, 3, 1), p=2, methods=CHEAP[:3], runs=runs, seed=seed
        )
        ranking = [t for t in found.trials if t.stage == "ranking"]
        return {(t.estimator, t.run): t.value for t in ranking}, found.pair.likely

    (first, likely), (again, likely_again) = values(0, 8), values(0, 8)
    assert first == again
    assert likely == likely_again
    longer, _ = values(0, 12)
    assert first.items() <= longer.items()  # more runs change none
    assert not first.items() & values(1, 8)[0].items()


def test_a_failing_estimator_is_counted_not_dropped():
    found = wb.recommend(
        normals(7, 60, 2),
        normals(8, 60, 2, 1.0),
        p=2,
        methods=["exact", wb.estimators.get("sinkhorn", epsilon=1e-3, max_iterations=10)],
        runs=6,
    )
    row = found.population.standings[-1]
    assert (row.estimator.startswith("sinkhorn"), row.runs, row.failed) == (True, 0, 6)


def test_every_call_is_told_to_the_watcher():
    seen = []
    found = wb.recommend(normals(7, 40, 2), methods=["exact"], runs=5, watch=seen.append)
    assert tuple(seen) == found.trials
    assert {trial.stage for trial in seen} == {"ranking", "confirmation", "half size"}


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dim", "shift", "scale", "p", "truth"),
    [
        (1, 0.5, 1.0, 1, 0.5),
        (2, 1.0, 1.0, 1, 1.0),
        (8, 2.0, 1.0, 1, 2.0),
        (8, 2.0, 1.0, 2, 2.0),
        # N(0, I) and N(shift, s^2 I): W2^2 = shift^2 + dim (s - 1)^2
        (5, 1.0, 1.5, 2, float(np.sqrt(1 + 5 * 0.25))),
        # isotropic with equal means: W1 = |s - 1| E|x|, E of the chi law with 5 degrees of freedom
        (5, 0.0, 1.5, 1, 0.5 * 2.127692),
    ],
)
def test_the_empirical_interval_holds_known_distances(dim, shift, scale, p, truth):
    held = []
    for repeat in range(40):
        found = wb.recommend(
            normals(1000 + repeat, 120, dim),
            normals(2000 + repeat, 100, dim, shift, scale),
            p,
            methods=CHEAP,
            seed=repeat,
        )
        low, high = found.pair.likely
        held.append(low <= truth <= high)
    # at 95 %, fewer than 33 of 40 have a chance of 0.1 %
    assert sum(held) >= 33
