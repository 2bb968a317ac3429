"""The permutation test has its level, and the same statistic by every way to compute it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.population.permuted import _TOGETHER, Pool, statistics
from wdist_bench.problem import Samples


def pair(seed, n=25, m=18, dim=1):
    g = np.random.default_rng(seed)
    return g.normal(size=(n, dim)), g.normal(size=(m, dim)) + 0.3


@pytest.mark.parametrize("weights", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("method", ["exact", "one_dimensional", "nearest_neighbor"])
def test_permutations_together_are_refits_one_by_one(monkeypatch, method, p, weights):
    x, y = pair(0)
    a = np.random.default_rng(1).dirichlet(np.ones(len(x))) if weights else None
    together = wb.two_sample_test(x, y, method, p, a=a, permutations=20)
    monkeypatch.setattr("wdist_bench.population.permuted._TOGETHER", {})
    single = wb.two_sample_test(x, y, method, p, a=a, permutations=20)
    np.testing.assert_allclose(together.null, single.null, rtol=1e-9)
    assert together.pvalue == single.pvalue
    assert together.statistic == pytest.approx(wb.estimate(x, y, method, p, a=a).value)


@pytest.mark.parametrize("method", ["exact", "one_dimensional", "nearest_neighbor"])
@pytest.mark.parametrize("cost", [wb.costs.Torus(2, 3.0), wb.Cost(3, "l1")], ids=str)
def test_other_costs_together_are_refits_one_by_one(monkeypatch, method, cost):
    x, y = pair(0)
    together = wb.two_sample_test(x, y, method, cost=cost, permutations=10)
    monkeypatch.setattr("wdist_bench.population.permuted._TOGETHER", {})
    single = wb.two_sample_test(x, y, method, cost=cost, permutations=10)
    np.testing.assert_allclose(together.null, single.null, rtol=1e-9)


def test_sinkhorn_divergences_together_are_those_of_the_estimator():
    # in "cost" units the temperature is the same for every parting
    x, y = pair(0, dim=2)
    method = wb.estimators.get("sinkhorn_divergence", epsilon=0.2, epsilon_unit="cost")
    found = wb.two_sample_test(x, y, method, permutations=5)
    pool = Pool.of(Samples(x, y).weighted())
    for order, value in zip(list(pool.orders(5, 0))[1:], found.null, strict=True):
        first, second = (pool.points[places] for places in pool.parts(order))
        assert value == pytest.approx(wb.estimate(first, second, method).value, rel=1e-4)


def climb(x, y):
    """Uphill costs three times as much as downhill."""
    gap = x[:, None, 0] - y[None, :, 0]
    return np.where(gap > 0, gap, -3 * gap)


@pytest.mark.parametrize("sides", ["one", "both"])
def test_costs_that_are_not_symmetric_are_taken_from_x_to_y(sides):
    x, y = pair(0, 60, 20)
    method = wb.estimators.get("nearest_neighbor", sides=sides)
    for first, second in ((3 * x, y + 5), (y + 5, 3 * x)):
        found = wb.two_sample_test(first, second, method, cost=climb, permutations=3)
        assert found.statistic == pytest.approx(
            wb.estimate(first, second, method, cost=climb).value
        )


@pytest.mark.parametrize("method", ["exact", "one_dimensional", "nearest_neighbor"])
def test_partings_are_the_same_however_many_are_held_at_once(monkeypatch, method):
    x, y = pair(0)
    at_once = wb.two_sample_test(x, y, method, permutations=20)
    monkeypatch.setattr("wdist_bench.population.permuted._AT_ONCE", 8 * len(x) + 8 * len(y))
    in_parts = wb.two_sample_test(x, y, method, permutations=20)
    np.testing.assert_allclose(in_parts.null, at_once.null, rtol=1e-12)
    assert in_parts.pvalue == at_once.pvalue


def test_the_memory_of_a_line_does_not_grow_with_the_partings():
    x, y = pair(0, 3000, 3000)
    tracemalloc.start()
    wb.two_sample_test(x, y, "one_dimensional", permutations=499)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6e7  # all at once took 1.2e8


def test_every_method_that_shares_work_is_registered():
    assert {kind.name for kind in _TOGETHER} == {
        "exact", "one_dimensional", "nearest_neighbor", "sinkhorn_divergence",
    }  # fmt: skip


def test_the_level_is_that_of_a_permutation_test():
    # mu = nu, 400 repetitions at 10 %: standard error 1.5 %
    pvalues = []
    for seed in range(400):
        g = np.random.default_rng(seed)
        x, y = g.exponential(size=(20, 1)), g.exponential(size=(15, 1))
        pvalues.append(wb.two_sample_test(x, y, "one_dimensional", permutations=99).pvalue)
    assert 0.055 <= np.mean(np.array(pvalues) <= 0.1) <= 0.145


def test_ties_make_the_pvalue_larger():
    coins = np.r_[np.zeros(10), np.ones(10)][:, None]
    found = wb.two_sample_test(coins, coins, permutations=99)
    assert found.statistic == 0
    assert found.pvalue == 1


def test_samples_that_differ_get_the_smallest_pvalue():
    g = np.random.default_rng(0)
    x, y = g.normal(size=(30, 4)), g.normal(size=(30, 4)) + 2
    found = wb.two_sample_test(x, y, permutations=99)
    assert (found.pvalue, found.status, found.permutations) == (0.01, "ok", 99)
    assert found.excess > 1


def uneven():
    """Fixed weights of 50 and 20 rows, two of the latter with nine tenths of the mass."""
    a = np.linspace(1, 9, 50)
    return a / a.sum(), np.r_[0.45, 0.45, np.full(18, 0.1 / 18)]


@pytest.mark.slow
@pytest.mark.parametrize("flipped", [False, True], ids=["x, y", "y, x"])
def test_fixed_uneven_weights_have_the_level(flipped):
    # mu = nu: P(p <= 0.05) = 5 of 100 ranks, exactly; of 400 repetitions more than 35, or fewer
    # than 8, have binomial probabilities of 6e-4 each
    a, b = uneven()[::-1] if flipped else uneven()
    rejected = 0
    for seed in range(400):
        g = np.random.default_rng([seed, 8])
        x, y = g.normal(size=(len(a), 1)), g.normal(size=(len(b), 1))
        found = wb.two_sample_test(x, y, "one_dimensional", a=a, b=b, permutations=99, seed=seed)
        rejected += found.pvalue <= 0.05 + 1e-12
    assert 8 <= rejected <= 35


@pytest.mark.parametrize(
    "method", ["exact", "one_dimensional", "nearest_neighbor", "sinkhorn_divergence"]
)
def test_weights_stay_at_their_places(method):
    # a plain loop: the rows are dealt out in another order, the weights are given as they were
    a, b = uneven()
    x, y = pair(3, len(a), len(b))
    estimator = wb.estimators.get(method)
    if method == "sinkhorn_divergence":
        estimator = wb.estimators.get(method, epsilon=0.3, epsilon_unit="cost")
    found = wb.two_sample_test(x, y, estimator, a=a, b=b, permutations=4, seed=5)
    pooled = np.concatenate([x, y])
    orders = Pool.of(Samples(x, y, a, b).weighted()).orders(4, 5)
    loop = [
        wb.estimate(pooled[order[: len(a)]], pooled[order[len(a) :]], estimator, a=a, b=b).value
        for order in orders
    ]
    accuracy = 1e-4 if method == "sinkhorn_divergence" else 1e-9  # its runs stop at a threshold
    np.testing.assert_allclose([found.statistic, *found.null], loop, rtol=accuracy)


@pytest.mark.parametrize("method", ["exact", "nearest_neighbor", "sinkhorn_divergence"])
def test_pairs_that_do_not_fit_in_memory_are_a_status(leave_free, method):
    leave_free(10_000)
    found = wb.two_sample_test(*pair(0), method, permutations=5)
    assert found.status == "out_of_memory"
    assert "43 x 43 points" in found.message
    assert "bracket" in found.message
    assert np.isnan(found.pvalue)
    assert wb.two_sample_test(*pair(0), "one_dimensional", permutations=5).status == "ok"


def test_a_method_that_gives_no_number_gives_no_pvalue():
    x, y = pair(0)
    failing = wb.estimators.get("exact", max_iterations=1)
    found = wb.two_sample_test(x, y, failing, permutations=5)
    assert found.status == "not_converged"
    assert np.isnan(found.pvalue)
    one = wb.estimators.get("sinkhorn", epsilon=1e-4, max_iterations=10)
    assert wb.two_sample_test(x, y, one, permutations=5).status == "not_converged"


def test_bad_input_says_what_was_expected():
    x, y = pair(0, dim=2)
    with pytest.raises(ValueError, match="permutations: expected a whole number >= 1"):
        wb.two_sample_test(x, y, permutations=0)
    with pytest.raises(ValueError, match="one_dimensional: expected points on a line"):
        wb.two_sample_test(x, y, "one_dimensional")
    with pytest.raises(ValueError, match="expected p = 1"):
        wb.two_sample_test(x, y, "funnel", p=2)


@pytest.mark.parametrize("method", ["exact", "bracket", "sinkhorn"])
def test_a_matrix_of_costs_is_refused(method):
    # by position every parting had the same matrix, and a p-value of 1
    x, y = pair(0)
    with pytest.raises(ValueError, match=r"cost: expected a cost of points.* got a matrix"):
        wb.two_sample_test(x, y, method, cost=np.abs(x - y.T), permutations=5)


def test_a_parting_without_a_number_on_a_circle_gives_no_pvalue():
    # the value is not known to so many digits; the null was cut short without a word
    x, y = pair(0, 20, 20)
    circle = wb.costs.get("torus", period=1e10)
    weights = np.repeat([0.075, 0.025], 10)
    found = wb.two_sample_test(x, y, "one_dimensional", cost=circle, a=weights, permutations=5)
    assert found.status == "not_converged"
    assert np.isnan(found.pvalue)


def test_the_first_statistic_is_that_of_the_samples():
    x, y = pair(0)
    pool = Pool.of(Samples(x, y).weighted())
    exact = wb.estimators.get("exact")
    found = statistics(pool, wb.Cost(2), exact, 3, 0)
    assert found.values[0] == pytest.approx(wb.estimate(x, y, p=2).value)
    assert len(found.values) == 4
