"""Quantile transport and sliced distances against SciPy, POT, the simplex and hand-worked cases."""

import jax
import numpy as np
import ot
import pytest
from scipy.stats import wasserstein_distance

from wdist_bench.costs import Cost
from wdist_bench.problem import Samples
from wdist_bench.solvers.circle import circle_cost
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.solvers.one_dimensional import line_cost, line_cost_and_rounding
from wdist_bench.solvers.plans import monotone
from wdist_bench.solvers.sliced import directions, sliced_costs


def problem(seed, n, m, ties=False):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 1)), rng.normal(size=(m, 1)) * 2 + 1
    if ties:
        x, y = np.round(x), np.round(y)
    a, b = rng.random(n), rng.random(m)
    a[: n // 4] = 0
    return x, y, a / a.sum(), b / b.sum()


def test_the_histogram_worked_by_hand():
    """P = 3,2,1,4 against Q = 1,2,4,3 at 0..3: excess 2, 2, -1 crosses the three gaps, |.| is 5."""
    at = np.arange(4.0)[:, None]
    found = line_cost(at, at, np.array([3, 2, 1, 4]) / 10, np.array([1, 2, 4, 3]) / 10, 1)
    assert found == pytest.approx([0.5], rel=1e-14)


def test_two_masses_worked_by_hand():
    """3/4 at 0 and 1/4 at 4 to a half each at 1 and 2: 1/2 moves by 1, 1/4 by 2 and 1/4 by -2."""
    x, y = np.array([[0.0], [4.0]]), np.array([[2.0], [1.0]])
    a = np.array([0.75, 0.25])
    assert line_cost(x, y, a, None, 1) == pytest.approx([1.5], rel=1e-14)
    assert line_cost(x, y, a, None, 2) == pytest.approx([2.5], rel=1e-14)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 9), (40, 40), (40, 61)])
def test_three_other_routes_agree(n, m, ties):
    for seed in range(5):
        x, y, a, b = problem(seed, n, m, ties)
        one, two = (float(line_cost(x, y, a, b, p)[0]) for p in (1, 2))
        u, v = x[:, 0], y[:, 0]
        assert one == pytest.approx(wasserstein_distance(u, v, a, b), rel=1e-10)
        assert two == pytest.approx(ot.lp.emd2_1d(u, v, a, b, p=2), rel=1e-10)
        for p, found in ((1, one), (2, two)):
            assert found == pytest.approx(solve_exact(Cost(p).matrix(x, y), a, b).cost, rel=1e-9)


@pytest.mark.parametrize("p", [1, 2])
def test_equal_weights_given_or_left_out_agree(p):
    x, y, _, _ = problem(3, 50, 50)
    even = np.full(50, 1 / 50)
    assert line_cost(x, y, even, even, p) == pytest.approx(line_cost(x, y, None, None, p))


def test_a_million_points_take_sorting_time():
    """A translation by 2 of a million points; an n x m method could not hold them."""
    x = np.random.default_rng(0).normal(size=(10**6, 1))
    assert line_cost(x, x[::-1] + 2, None, None, 2) == pytest.approx([4.0], rel=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.3])
def test_levels_of_many_weights_do_not_drift(share):
    """A share at 0 moves to 1, the rest at 10^6 to 10^6 + 1: W_1 is 1. Plain sums of 10^5 weights
    are off by 10^-12, and took that mass over the whole way.
    """
    n, far = 100_000, 1e6
    first = round(share * n)
    x, y = np.repeat([0.0, far], [first, n - first]), np.array([1.0, far + 1])
    a, b = np.full(n, 1 / n), np.array([share, 1 - share])
    on_line = line_cost_and_rounding(x[:, None], y[:, None], a, b, 1)
    for cost, rounding in (map(float, map(np.squeeze, on_line)), circle_cost(x, y, a, b, 4e6, 1)):
        assert cost - rounding <= 1 + 1e-9
        assert cost + rounding >= 1 - 1e-9
    plan = monotone(Samples(x[:, None], y[:, None], a, b)).toarray()
    assert plan[first:, 0].sum() <= 1e-15


@pytest.mark.parametrize("p", [1, 2])
def test_sliced_costs_are_those_of_pot_for_the_same_directions(p):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(41, 4)) + 1
    a, b = rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(41))
    theta = directions(jax.random.key(0), 64, 4)
    np.testing.assert_allclose(np.linalg.norm(theta, axis=0), 1, rtol=1e-12)
    wanted = ot.sliced_wasserstein_distance(x, y, a, b, projections=theta, p=p)
    found = sliced_costs(x, y, a, b, p, theta).mean() ** (1 / p)
    assert found == pytest.approx(wanted, rel=1e-9)
