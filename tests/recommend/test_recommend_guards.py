"""What `recommend` says never contradicts the pair, on data that its maps do not fit, too."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.recommend.caller import Caller
from wdist_bench.recommend.certificates import certificate, moment_bound
from wdist_bench.recommend.pair_limits import Limits, population_limits
from wdist_bench.recommend.ranking import choose
from wdist_bench.recommend.resemblance import alike, look
from wdist_bench.recommend.similar_tasks import similar_tasks
from wdist_bench.recommend.task_maps import Images
from wdist_bench.recommend.task_strengths import exact_value, first_passed
from wdist_bench.recommend.task_weights import FewPoints, Frequencies
from wdist_bench.recommend.trials import Price
from wdist_bench.recommend.verdict import judge_batch, judge_population, too_rare
from wdist_bench.tasks.transforms import Step

CHEAP = ("exact", "gaussian", "nearest_neighbor", "sliced")


def normals(seed, n, dim, shift=0.0):
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    rows[:, 0] += shift
    return rows


def categories(seed, n, weights):
    weights = np.array(weights, float) / np.sum(weights)
    return np.eye(len(weights))[np.random.default_rng(seed).choice(len(weights), n, p=weights)]


# --- the pairs of laws


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("before", "after"), [(math.inf, 0.9), (0.4, -0.2)])
def test_moving_what_lies_beyond_a_plane_is_optimal(p, before, after):
    # the LP knows nothing of the proof by projection
    rows = normals(0, 150, 3)
    direction = np.array([0.6, 0.8, 0.0])
    x, y = (Step(7.0, direction, offset).move(rows) for offset in (before, after))
    heights = rows @ direction
    share = ((heights >= after) & (heights < before)).mean()
    assert exact_value(x, y, Cost(p)) == pytest.approx(7.0 * share ** (1 / p), rel=1e-9)


def test_frequencies_have_the_distance_of_their_laws():
    # one-hot: W_p^p = 2^(p/2) times the total variation; samples come from those laws
    law = Frequencies(np.eye(3), np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5]))
    assert law.truth(1) == pytest.approx(math.sqrt(2) * 0.3)
    assert law.truth(2) == pytest.approx(math.sqrt(2 * 0.3))
    x, y = law.draw(np.random.default_rng(0), 20_000, 20_000)
    assert x.mean(0) == pytest.approx([0.5, 0.3, 0.2], abs=0.02)  # 5 standard errors
    assert y.mean(0) == pytest.approx([0.2, 0.3, 0.5], abs=0.02)


def test_few_points_are_those_that_repeat_themselves():
    coin = np.arange(40).reshape(-1, 1) % 2.0
    found = FewPoints.of({"x": coin, "y": coin[:30]})
    assert found.points.tolist() == [[0.0], [1.0]]
    assert found.weights["y"] == pytest.approx([0.5, 0.5])
    assert FewPoints.of({"x": normals(0, 40, 1)}) is None


def test_tasks_on_few_points_change_frequencies_and_none_moves_points():
    x, y = categories(0, 200, [4, 3, 1, 1, 1]), categories(1, 200, [1, 1, 1, 3, 4])
    tasks, scale, (n, m) = similar_tasks(x, y, Cost(1), 1000, 0, 96)
    assert {task.family for task in tasks} <= {"reweight", "tilt"}
    assert len(tasks) >= 3
    assert "translate of x" in scale.unlike
    support = {tuple(row) for row in np.eye(5)}
    for rows in tasks[0].draw(np.random.default_rng(0), n, m):
        assert {tuple(row) for row in rows} <= support


def test_samples_of_a_translation_do_not_look_like_changed_weights():
    far = np.random.default_rng(3).uniform(size=(80, 1)) < 0.5
    few = np.random.default_rng(4).uniform(size=(80, 1)) < 0.2
    base = normals(0, 80, 2)
    clusters = [look(base + 20 * far, normals(1, 80, 2) + 20 * few, Cost(1))]
    moved = [look(base, normals(1, 80, 2, 6.0), Cost(1))]
    assert alike(clusters, clusters)
    assert not alike(clusters, moved)
    assert clusters[0].near < 0.3 < moved[0].near


def test_strengths_are_found_by_interpolation():
    assert first_passed(lambda t: t**2, 2.0, (1.0, 2.0, 4.0)) == pytest.approx(2**0.5, rel=0.02)
    assert first_passed(lambda t: 5 - t, 2.0, (1.0, 4.0)) == pytest.approx(3.0)
    assert first_passed(lambda t: 0.5, 2.0, (1.0, 4.0)) is None


# --- what is known of the pair


@pytest.mark.parametrize("p", [1, 2])
def test_limits_of_populations_hold(p):
    # each end at 97.5 %: of 60, both missing 7 or more has a chance below 3e-5
    held = []
    for seed in range(30):
        coin = [
            (np.random.default_rng([seed, side]).uniform(size=(100, 1)) < share) * 1.0
            for side, share in enumerate((0.5, 0.8))
        ]
        for x, y, truth in (
            (*coin, 0.3 ** (1 / p)),
            (normals(seed, 80, 3), normals(1000 + seed, 60, 3, 1.0), 1.0),
        ):
            found = population_limits(x, y, Cost(p), seed)
            assert 0 <= found.lower <= found.upper
            held.append(found.lower <= truth <= found.upper)
    assert sum(held) > 53


def test_samples_that_coincide_say_nothing_of_what_is_rare():
    coin = np.arange(40).reshape(-1, 1) % 2.0
    found = population_limits(coin, coin[::-1], Cost(1), 0)
    assert (found.lower, found.upper) == (0.0, math.inf)
    assert math.isnan(found.carried_by)


def test_rows_that_carry_the_cost_are_counted():
    x, y = normals(0, 100, 2), normals(1, 100, 2)
    y[:3] += 500.0
    assert population_limits(x, y, Cost(1), 0).carried_by == pytest.approx(3, rel=0.2)
    assert population_limits(x, normals(1, 100, 2, 9.0), Cost(1), 0).carried_by > 90


@pytest.mark.parametrize("p", [1, 2])
def test_certificates_hold_the_exact_value_of_their_rows(p):
    x, y = normals(0, 60, 3), 2 * normals(1, 50, 3, 1.0)
    with Caller() as call:
        found = certificate(x, y, Cost(p), 0, call, 5.0)
    low, high = found.interval
    assert moment_bound(x, y, Cost(p)) <= low <= exact_value(x, y, Cost(p)) * (1 + 1e-9)
    assert exact_value(x, y, Cost(p)) <= high * (1 + 1e-9)
    assert (found.by, found.n, found.m) == ("exact", 60, 50)


LIMITS = Limits(1.0, 3.0, 2.0, 0.2, 50.0, 100)


@pytest.mark.parametrize(
    ("value", "likely", "limits", "said"),
    [
        (0.0, (0.0, 0.0), LIMITS, "contradicts the pair: 1-Lipschitz functions"),
        (4.0, (1.5, 2.5), LIMITS, "contradicts the pair: the exact distance"),
        (2.0, (0.1, 0.2), LIMITS, "its range"),
        (0.0, (0.0, math.inf), Limits(0.0, math.inf, 0.0, 0.0, math.nan, 9), "every distance open"),
    ],
)
def test_an_answer_that_contradicts_the_pair_is_refused(value, likely, limits, said):
    verdict = judge_population(value, likely, likely[1], limits)
    assert said in verdict.refusal
    assert np.isnan(verdict.likely).all()


def test_what_few_rows_carry_is_refused_whoever_answers():
    assert "carried by about 2.0 rows" in too_rare(Limits(1.0, 3.0, 2.0, 0.2, 2.0, 100))
    assert not too_rare(LIMITS)
    x, y = normals(0, 60, 2), normals(1, 60, 2)
    y[0] += 1000.0
    found = wb.recommend(x, y, budget=20, methods=CHEAP)
    assert found.choice.recommended is None
    assert "carried by about" in found.choice.reason
    assert "carried by about" in found.pair.message


def test_who_contradicts_the_pair_is_ruled_out_and_the_next_one_asked():
    # isotropic with equal means: W1 = .5 E|x|; the formula for means alone says next to nothing
    x, y = normals(1000, 120, 5), 1.5 * normals(2000, 100, 5)
    found = wb.recommend(x, y, budget=20, methods=CHEAP)
    for name in found.choice.ruled_out:
        assert "contradicts the pair" in found.choice.ruled_out[name]
        assert name != found.choice.recommended
    low, high = found.pair.likely
    assert low < 0.5 * 2.127692 < high


def test_a_range_is_widened_to_what_the_pair_fluctuates_by_and_cut_at_its_limits():
    # 2 standard deviations of 10 %
    kept = judge_population(2.0, (2.0, 2.0), 2.0, LIMITS).likely
    assert kept == pytest.approx((2 * math.exp(-0.2), 2 * math.exp(0.2)))
    assert judge_population(2.0, (0.0, math.inf), 2.0, LIMITS).likely == (1.0, 3.0)


def test_an_answer_for_the_batch_lies_in_the_certified_interval():
    assert "outside the certified" in judge_batch(0.0, (0.0, 0.1), (0.6, 0.7)).refusal
    assert "outside the certified" in judge_batch(0.65, (0.1, 0.2), (0.6, 0.7)).refusal
    assert judge_batch(0.65, (0.5, 0.68), (0.6, 0.7)).likely == (0.6, 0.68)
    certain = judge_batch(0.7, (0.7, 0.7), (0.7, 0.7))
    assert not certain.refusal
    assert np.isnan(certain.likely).all()  # never a range of width 0


# --- whole recommendations


@pytest.mark.parametrize(
    ("kind", "p"), [("coin", 1), ("one-hot", 2), ("lattice", 1), ("beside", 1), ("beside", 2)]
)
def test_data_that_share_their_support_are_answered_rightly_or_refused(kind, p):
    generator = np.random.default_rng([p, len(kind)])
    if kind == "coin":
        x, y = ((generator.uniform(size=(150, 1)) < share) * 1.0 for share in (0.45, 0.8))
        truth = 0.35 ** (1 / p)
    elif kind == "lattice":  # a coin beside a common independent factor
        draw = generator.integers
        coins = [(generator.uniform(size=(150, 1)) < share) * 1.0 for share in (0.3, 0.65)]
        x, y = (np.hstack([coin, draw(3, size=(150, 1))]) for coin in coins)
        truth = 0.35 ** (1 / p)
    else:
        x, y = categories(0, 150, [5, 3, 1, 1]), categories(1, 150, [1, 1, 3, 5])
        truth = math.sqrt(2) * 0.6 ** (1 / p)
        if kind == "beside":
            x, y = (np.hstack([rows, 0.2 * generator.normal(size=(150, 2))]) for rows in (x, y))
    found = wb.recommend(x, y, p, budget=20, methods=CHEAP)
    first, last = found.pair.batch
    assert first <= wb.estimate(x, y, p=p).value * (1 + 1e-9) <= last * (1 + 2e-9)
    assert found.choice.recommended != "nearest_neighbor"
    if found.choice.recommended is None:
        assert found.choice.reason
        assert math.isnan(found.pair.value)
    else:
        low, high = found.pair.likely
        assert low < truth < high
        assert found.pair.limits[0] <= low < high <= found.pair.limits[1]


def test_a_refusal_is_one_verdict_for_all_who_ask():
    x, y = categories(0, 100, [5, 3, 1, 1]), categories(1, 100, [1, 1, 3, 5])
    found = wb.recommend(x, y, budget=20, methods=["nearest_neighbor"])
    assert found.choice.recommended is None
    assert not found.choice.trusted
    assert found.pair.status == "refused"
    assert found.pair.message in found.choice.reason
    assert math.isnan(found.pair.value)
    assert np.isnan(found.pair.likely).all()
    rows = wb.recommend(x, y, budget=20, methods=["nearest_neighbor"], target="batch")
    assert rows.choice.recommended is None
    assert "outside the certified" in rows.choice.reason
    plain = found.plain()
    assert plain["population"]["recommended"] is None
    assert plain["pair"]["value"] is None


def test_a_pair_that_no_task_resembles_is_refused():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 1))
    found = wb.recommend(x, 1e6 * x + generator.normal(size=(60, 1)), budget=20, methods=CHEAP)
    if found.choice.recommended is None:
        assert found.choice.reason
    assert found.pair.batch[0] > 0


# --- coverage and budget


def test_solvers_of_milliseconds_always_have_their_runs():
    found = wb.recommend(normals(0, 60, 2), normals(1, 60, 2, 1.0), budget=0.5, methods=CHEAP)
    assert {row.estimator: row.runs for row in found.batch.standings} == dict.fromkeys(CHEAP, 30)
    assert found.coverage == "best of 4 tried, 0 not tried"


def test_of_all_estimators_too_few_are_no_choice(monkeypatch):
    # by module: the name `wdist_bench.recommend` is the function
    module = import_module("wdist_bench.recommend.recommend")
    monkeypatch.setattr(module, "_COVERAGE", 0.5)
    found = wb.recommend(normals(0, 40, 2), normals(1, 40, 2, 1.0), budget=0.5)
    assert found.choice.recommended is None
    assert "estimators could be tried within the budget" in found.choice.reason
    assert found.pair.batch[0] > 0  # what is certain is shown
    assert min(found.not_tried.values()) >= 1.0  # and nobody needs "about 0 s"


def test_a_solver_of_milliseconds_is_taken_before_an_equal_one():
    errors = {name: np.full(9, 0.05) for name in ("critic", "exact")}
    prices = {"critic": Price(0.0, 0.001), "exact": Price(0.0, 0.5)}
    found = choose("population", errors, dict.fromkeys(errors, 0), ["a"] * 9, prices, ("exact",))
    assert (found.best, found.recommended) == ("critic", "exact")


def test_a_call_that_overruns_is_cut_off():
    x, y = normals(0, 300, 20), normals(1, 300, 20)
    endless = wb.estimators.get("weight_clipping", steps=10**7)
    with Caller() as call:
        answer, _ = call(x, y, wb.estimators.get("bracket"), 1, 0, 120.0)
        assert answer.status == "ok"
        start = time.perf_counter()
        answer, seconds = call(x, y, endless, 1, 0, 1.0)
        assert time.perf_counter() - start < 5.0
        assert (answer.status, seconds >= 1.0) == ("timeout", True)
        assert "stopped after 1.0 s" in answer.message
        again, _ = call(x, y, wb.estimators.get("bracket"), 1, 0, 120.0)
        assert again.status == "ok"  # by a process in its place
        with pytest.raises(ValueError, match="expected p = 1"):
            call(x, y, endless, 2, 0, 60.0, refuse=True)


@dataclass(frozen=True)
class Local(wb.DirectEstimator):
    """Known to this process alone."""

    name: ClassVar[str] = "local"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "exact"

    def estimate(self, samples, cost):
        return wb.estimate(samples.x, samples.y, "exact", cost.p)


def test_what_cannot_travel_is_called_here_with_a_note(monkeypatch):
    monkeypatch.setattr(Local, "__module__", "nowhere")
    with Caller() as call:
        answer, _ = call(normals(0, 20, 2), normals(1, 20, 2), Local(), 1, 0, 60.0)
    assert answer.status == "ok"
    assert "local is not cut off" in call.notes[0]


def test_without_another_process_calls_are_made_here(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Caller() as call:
        answer, _ = call(
            normals(0, 20, 2), normals(1, 20, 2), wb.estimators.get("bracket"), 1, 0, 60.0
        )
    assert answer.status == "ok"
    assert "no process could be started" in call.notes[0]


def test_two_seeds_give_compatible_answers():
    x, y = normals(0, 120, 2), normals(1, 100, 2, 3.0)
    first, second = (
        wb.recommend(x, y, budget=20, runs=12, methods=CHEAP, seed=seed) for seed in (1, 2)
    )
    assert first.choice.recommended in second.choice.equals
    assert second.choice.recommended in first.choice.equals
    lows, highs = zip(first.pair.likely, second.pair.likely, strict=True)
    assert max(lows) < min(highs)


@pytest.mark.slow
def test_a_script_without_a_guard_can_call_it(tmp_path):
    # a spawned process would import the script and start again
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, wdist_bench as wb\n"
        "g = np.random.default_rng(0)\n"
        "x, y = g.normal(size=(40, 2)), g.normal(size=(40, 2)) + 1\n"
        "f = wb.recommend(x, y, budget=20, runs=5, methods=['exact', 'bracket'])\n"
        "print('said', f.coverage, f.notes)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "said best of 2 tried, 0 not tried ()\n", done.stderr


def test_images_of_disjoint_rows():
    rows = np.arange(20.0).reshape(-1, 1)
    x, y = Images(rows, rows + 100, lambda p: 100.0).draw(np.random.default_rng(0), 8, 8)
    assert not set(x.ravel()) & set(y.ravel() - 100)
