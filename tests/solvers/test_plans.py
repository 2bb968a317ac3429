"""The plan of an answer has the marginals of its samples and the cost of its value."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb


def weights(rng, count, zeros=0):
    mass = rng.dirichlet(np.ones(count))
    mass[:zeros] = 0
    return mass / mass.sum()


def samples(kind, dim):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, dim)), rng.normal(size=(25, dim)) + 1
    return {
        "equal": (x, rng.normal(size=(40, dim)), None, None),
        "sizes": (x, y, None, None),
        "weights": (x, y, weights(rng, 40, zeros=5), weights(rng, 25)),
        "one side": (x, y, None, weights(rng, 25, zeros=3)),
        "ties": (x.round(), y.round(), None, weights(rng, 25)),
        "same": (x, x[::-1], None, None),
        "repeated": (np.repeat(x, 2, 0), x, None, None),
    }[kind]


KINDS = ("equal", "sizes", "weights", "one side", "ties", "same", "repeated")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("method", "dim"), [("exact", 3), ("one_dimensional", 1)])
@pytest.mark.parametrize("p", [1, 2])
def test_marginals_and_cost(kind, method, dim, p):
    x, y, a, b = samples(kind, dim)
    answer = wb.estimate(x, y, method, p, a=a, b=b)
    plan = answer.plan
    assert plan.shape == (len(x), len(y))
    assert (plan.data > 0).all()
    assert plan.nnz <= len(x) + len(y)
    a = np.full(len(x), 1 / len(x)) if a is None else a
    b = np.full(len(y), 1 / len(y)) if b is None else b
    np.testing.assert_allclose(plan.sum(axis=1), a, atol=1e-13)
    np.testing.assert_allclose(plan.sum(axis=0), b, atol=1e-13)
    costs = np.linalg.norm(x[:, None] - y[None], axis=2) ** p
    assert (plan.toarray() * costs).sum() == pytest.approx(answer.cost, rel=1e-9, abs=1e-12)


def test_both_methods_find_the_one_plan_of_a_convex_cost():
    x, y, a, b = samples("weights", 1)
    plans = [wb.estimate(x, y, method, 2, a=a, b=b).plan for method in ("exact", "one_dimensional")]
    np.testing.assert_allclose(plans[0].toarray(), plans[1].toarray(), atol=1e-12)


def test_answers_with_equal_plans_are_equal():
    x, y, _, _ = samples("sizes", 2)
    assert wb.estimate(x, y) == wb.estimate(x, y)
    assert wb.estimate(x, y) != wb.estimate(x, y, p=2)


def test_what_has_no_plan_has_none():
    x, y, _, _ = samples("sizes", 2)
    for method in ("nearest_neighbor", "sinkhorn", "bracket"):
        assert wb.estimate(x, y, method).plan is None
    circle = wb.estimate(x[:, :1], y[:, :1], "one_dimensional", cost=wb.costs.Torus(1, 6.0))
    assert circle.plan is None
