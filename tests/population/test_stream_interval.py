"""The interval for two populations that can be sampled holds the truth, or is refused."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.population import stream as module
from wdist_bench.population.upper import Above
from wdist_bench.protocol.tails import Tails, hill_index, skewness

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "claims"))
import population_stream as claims

CRITIC = {"p": 1, "critic": wb.estimators.get("group_sort", steps=300)}


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("gaussian_shift", CRITIC),
        pytest.param("parallel_segments", CRITIC, marks=pytest.mark.slow),
        ("gaussians", {"p": 2}),
    ],
)
def test_it_holds_the_known_distance(task, options):
    # 95 % confidence with a fixed seed: the upper ends are loose by the finite-sample bias
    answer = wb.population_interval(task, n=256, eval_batches=10, **options)
    truth = wb.tasks.get(task).truth(options["p"]).value
    assert answer.status == "ok"
    assert answer.lower <= truth <= answer.upper
    assert answer.lower <= answer.value <= answer.upper
    assert abs(answer.value - truth) < 0.1 * truth
    assert answer.upper < 1.25 * truth
    assert answer.lower > 0.9 * truth or options["p"] == 2
    assert ("pass critic='icnn'" in answer.message) == (options["p"] == 2)


def test_a_critic_that_bounds_nothing_is_refused():
    critic = wb.estimators.get("weight_clipping", steps=5)
    with pytest.raises(ValueError, match="expected a lower bound of the population"):
        wb.population_interval("gaussian_shift", critic=critic, n=16, eval_batches=2)


@dataclass(frozen=True)
class FirstMean(wb.DirectEstimator):
    """E x_1 - E y_1 <= W_1: a 1-Lipschitz function, asked batch by batch."""

    name: ClassVar[str] = "first_mean"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "lower"

    def estimate(self, samples, cost):
        value = float(samples.x[:, 0].mean() - samples.y[:, 0].mean())
        return wb.Estimate(value, value, target="population", bound="lower")


@pytest.fixture
def few_draws(monkeypatch):
    """Tails are looked for in few draws."""
    shape = Tails(draws=1000, index=math.inf, skewness=1.0, size=1.0)
    monkeypatch.setattr(module, "tails", lambda *_: shape)


def test_a_critic_without_a_potential_has_students_limit_over_batches(few_draws):
    answer = wb.population_interval("gaussian_shift", critic=FirstMean(), n=64, eval_batches=4)
    mean = wb.evaluate("gaussian_shift", FirstMean())
    # Student's quantile with 99 degrees, and its correction for a mean of skewness 1 / sqrt(100)
    doubt = 1.984217 + 0.1 * (1 + 2 * 1.984217**2) / 6
    assert answer.lower == pytest.approx(mean.value - doubt * mean.stderr, rel=1e-5)
    assert answer.lower < 2 * 2**0.5 < answer.upper
    assert answer.message == (
        "below: the mean of first_mean over 100 fresh batches; "
        "above: the mean exact distance of 4 batches of 64"
    )
    assert answer.diagnostics["ties"] == 0


def test_the_ends_stay_where_the_rows_of_the_value_have_no_distance(few_draws, monkeypatch):
    """A lower end that holds came without the status ok."""
    lost = wb.Estimate.failed("out_of_memory", "too large", target="batch", bound="exact")
    failed = Above("exact", math.nan, None, math.inf, None, lost)
    monkeypatch.setattr(module, "above", lambda *_: failed)
    answer = wb.population_interval("gaussian_shift", critic=FirstMean(), side="lower", n=64)
    assert answer.status == "ok"
    assert 0 < answer.lower < answer.value < 2 * 2**0.5
    assert "too large" in answer.message
    nothing = wb.population_interval("gaussian_shift", p=2, side="lower", n=64)
    assert (nothing.status, nothing.message) == ("out_of_memory", "too large")


@pytest.mark.parametrize(
    ("law", "words"),
    [
        ("Pareto 1.7, scaled", "tail index of 1."),
        ("Pareto 2.6, scaled", "tail index of 2."),
        ("log-normal 1.4, scaled", "tail index of"),
        ("Pareto 3.5, scaled, p = 2", "tail index of 1."),
        ("2e-3 at 1e3", "too rare for 10 batches of 64"),
        ("3e-5 at 1e4", "tail index of"),
        ("1e-4 at 1e3 alone, p = 2", "too rare"),
        ("equal points", "all 10 batches have the same cost 0"),
    ],
)
def test_no_normal_limit_in_sight_is_a_refusal_in_words(law, words):
    # Before, these gave an upper end below the distance in up to 62 % of seeds, or [0, 0].
    answer = wb.population_interval(
        claims.LawTask(law),
        p=claims.LAWS[law].p,
        n=64,
        eval_batches=10,
        **({"critic": CRITIC["critic"]}),
    )
    assert answer.status == "refused"
    assert words in answer.message
    assert math.isnan(answer.value)
    assert answer.interval is None


@pytest.mark.parametrize(
    "law",
    [
        pytest.param("normal in the plane, scaled, p = 2", marks=pytest.mark.slow),
        "coins 0.5 and 0.6, p = 2",
    ],
)
def test_a_part_of_the_simulation(law):
    # At 2.5 % more than one miss of 6 has a probability of 0.9 %; the seeds are fixed.
    counts = claims.simulate(law, 6, first_seed=1000, n=64, eval_batches=10)
    assert counts["answers"] == 6
    assert counts["misses_below"] <= 1
    assert counts["misses_above"] == 0


def test_ends_that_contradict_each_other_are_refused(monkeypatch):
    def inverted(task, estimator, *arguments, **options):
        if estimator == "exact":
            return replace(batches, interval=(0.8, 1.2))
        return replace(critic, interval=(5.0, 6.0), stderr=0.2)

    batches = wb.Estimate(
        1.0, 1.0, target="batch", bound="exact", stderr=0.1, diagnostics={"eval_batches": 20.0}
    )
    critic = wb.Estimate(
        5.5, 5.5, target="population", bound="lower", diagnostics={"eval_samples": 1e5}
    )
    monkeypatch.setattr(module, "evaluate", inverted)
    answer = wb.population_interval("gaussian_shift", n=16, eval_batches=20)
    assert answer.status == "refused"
    assert "is not below the upper end" in answer.message
    assert answer.interval is None


def test_coordinates_without_digits_widen_the_interval():
    far = {"loc": 1e8}
    task = wb.tasks.get(
        "one_dimensional", x="norm", y="norm", x_params=far, y_params={"loc": 1e8 + 1}
    )
    answer = wb.population_interval(task, p=2, n=64, eval_batches=10)
    assert answer.status != "ok" or 0 <= answer.lower <= 1 <= answer.upper


@pytest.mark.slow
def test_at_p_2_a_convex_potential_gives_the_lower_end():
    task = wb.tasks.get("convex_gradient", direction=(2.0, -1.0), strength=1.5)
    critic = wb.estimators.get("icnn", steps=200, batch_size=256)
    answer = wb.population_interval(task, p=2, n=64, eval_batches=10, critic=critic)
    truth = task.truth(2).value
    assert 0.9 * truth < answer.lower < truth < answer.upper


def test_the_tail_index_is_that_of_the_law():
    rng = np.random.default_rng(0)
    for index in (1.5, 3.0):  # standard error 7 %
        assert hill_index(rng.pareto(index, 2**18) + 1) == pytest.approx(index, rel=0.3)
    assert hill_index(np.abs(rng.normal(size=2**18))) > 6
    assert hill_index(np.ones(1000)) == math.inf
    assert hill_index(np.zeros(1000)) == math.inf
    assert hill_index(np.r_[np.zeros(10**5), np.ones(20)]) == 0


def test_the_skewness_is_that_of_the_law():
    rng = np.random.default_rng(0)
    assert skewness(rng.exponential(size=2**18)) == pytest.approx(2, rel=0.1)
    # Coins: (1 - 2 e) / sqrt(e (1 - e)), whatever they are worth.
    for worth in (1e-9, 1.0, 1e200):
        coins = worth * (np.arange(10**4) < 10)
        assert skewness(coins) == pytest.approx(0.998 / math.sqrt(0.001 * 0.999))
    assert skewness(np.full(1000, 0.1)) == 0


def test_the_number_of_points_that_would_do_is_named():
    rare = Tails(draws=2**20, index=math.inf, skewness=100.0, size=1.0)
    assert "raise n times eval_batches to 250,000" in rare.problem(20_480, "20 batches of 1024")
    assert rare.problem(250_000, "any") == ""
