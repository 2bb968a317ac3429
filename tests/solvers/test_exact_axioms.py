"""What every distance between measures obeys, asked of the exact solver on random measures.

Triangles and other units are asked of it for every cost in tests/costs/test_properties.py.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.solvers.c_transform import c_transform

many = settings(max_examples=80, deadline=None)
ps = st.sampled_from([1, 2])
norms = st.sampled_from(["l2", "l1"])
coordinates = st.one_of(
    st.integers(-3, 3).map(float),  # ties and coincident points
    st.floats(-50, 50, allow_nan=False, width=32),
)


@st.composite
def measures(draw, dim):
    """Points (n, dim) with weights: equal, uneven, with zeros, tiny, or off 1 by rounding."""
    n = draw(st.integers(1, 7))
    points = draw(
        st.lists(st.lists(coordinates, min_size=dim, max_size=dim), min_size=n, max_size=n)
    )
    kind = draw(st.sampled_from(["equal", "uneven", "zeros", "tiny"]))
    mass = (
        np.ones(n)
        if kind == "equal"
        else np.array(draw(st.lists(st.floats(0.05, 1), min_size=n, max_size=n)))
    )
    if kind in ("zeros", "tiny") and n > 1:
        mass[draw(st.integers(0, n - 1))] = 0.0 if kind == "zeros" else 1e-13
    weights = mass / mass.sum() * (1 + draw(st.sampled_from([0.0, 3e-8, -3e-8])))
    return np.array(points), weights


@st.composite
def several(draw, count):
    dim = draw(st.integers(1, 3))
    return [draw(measures(dim)) for _ in range(count)]


def distance(mu, nu, p, norm="l2"):
    estimate = wb.estimate(mu[0], nu[0], p=p, norm=norm, a=mu[1], b=nu[1])
    # The simplex takes flows near 1e-14 for none: its certificate may fail then, which is said.
    least = min(weights[weights > 0].min() for _, weights in (mu, nu))
    assume(estimate.status == "ok" or least > 1e-12)
    assert estimate.status == "ok", estimate.message
    return estimate


def span(*clouds):
    """Largest cost scale of an example, for tolerances."""
    return 1 + 2 * max(np.abs(points).max() for points, _ in clouds) * clouds[0][0].shape[1]


@many
@given(several(2), ps, norms)
def test_non_negative_symmetric_and_certified(clouds, p, norm):
    mu, nu = clouds
    there, back = distance(mu, nu, p, norm), distance(nu, mu, p, norm)
    scale = span(*clouds) ** p
    assert there.value >= 0
    assert abs(there.cost - back.cost) <= 1e-9 * scale
    assert abs(there.diagnostics["gap"]) <= 1e-9 * scale
    assert there.diagnostics["violation"] <= 1e-9 * scale


@many
@given(several(1), ps, norms, st.randoms(use_true_random=False))
def test_zero_exactly_between_equal_measures(clouds, p, norm, random):
    points, weights = clouds[0]
    order = list(range(len(points)))
    random.shuffle(order)
    # One point split into two halves is still the same measure.
    split = (np.concatenate([points[order], points[:1]]), np.append(weights[order], 0.0))
    split[1][order.index(0)] = split[1][-1] = weights[0] / 2
    assert distance(clouds[0], split, p, norm).cost <= 1e-12 * span(*clouds) ** p


@many
@given(several(2), ps)
def test_positive_between_different_means(clouds, p):
    """Jensen: W_p >= ||mean - mean||, so 0 is not returned for measures that differ."""
    mu, nu = clouds
    gap = np.linalg.norm(mu[1] @ mu[0] / mu[1].sum() - nu[1] @ nu[0] / nu[1].sum())
    assert distance(mu, nu, p).value >= gap - 1e-7 * span(*clouds)


@many
@given(several(4), ps, st.floats(0.01, 0.99))
def test_cost_is_jointly_convex(clouds, p, share):
    """W_p^p of two mixtures is at most the mixture of the W_p^p."""

    def mix(one, two):
        points = np.concatenate([one[0], two[0]])
        weights = np.concatenate(
            [share * one[1] / one[1].sum(), (1 - share) * two[1] / two[1].sum()]
        )
        return points, weights

    mu, nu, rho, tau = clouds
    apart = share * distance(mu, nu, p).cost + (1 - share) * distance(rho, tau, p).cost
    assert distance(mix(mu, rho), mix(nu, tau), p).cost <= apart + 1e-9 * span(*clouds) ** p


@many
@given(measures(1), measures(1))
def test_on_a_line_p1_is_the_area_between_the_cdfs(mu, nu):
    expected = wasserstein_distance(mu[0][:, 0], nu[0][:, 0], mu[1], nu[1])
    assert distance(mu, nu, 1).value == pytest.approx(expected, abs=1e-7 * span(mu, nu))


@many
@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=20), ps)
def test_on_a_line_equal_weights_match_in_order(rows, p):
    x, y = np.array(rows).T
    expected = np.mean(np.abs(np.sort(x) - np.sort(y)) ** p)
    cost = wb.estimate(x[:, None], y[:, None], p=p).cost
    assert cost == pytest.approx(expected, abs=1e-9 * (1 + np.abs(rows).max() * 2) ** p)


@many
@given(several(1), ps, norms, st.lists(coordinates, min_size=3, max_size=3))
def test_translation_is_exact(clouds, p, norm, shift):
    points, weights = clouds[0]
    v = np.array(shift)[: points.shape[1]]
    length = np.linalg.norm(v, 1 if norm == "l1" else 2)
    value = distance(clouds[0], (points + v, weights), p, norm).value
    assert value == pytest.approx(length, rel=1e-9, abs=1e-7 * span(clouds[0]))


@many
@given(several(2), ps, st.sampled_from([1e3, 1e6]))
def test_moving_both_measures_changes_nothing(clouds, p, offset):
    """float32 costs would cancel at this offset."""
    mu, nu = clouds
    moved = distance((mu[0] + offset, mu[1]), (nu[0] + offset, nu[1]), p).cost
    assert moved == pytest.approx(distance(mu, nu, p).cost, abs=1e-8 * span(*clouds) ** p)


@many
@given(several(2), ps)
def test_points_without_mass_do_not_count(clouds, p):
    mu, nu = clouds
    far = (np.concatenate([mu[0], mu[0][:1] + 1e3]), np.append(mu[1], 0.0))
    expected = distance(mu, nu, p).cost
    assert distance(far, nu, p).cost == pytest.approx(expected, rel=1e-9, abs=1e-8 * 1e3**p)


@many
@given(st.sampled_from([1, 3]), st.integers(0, 2**32 - 1), norms)
def test_c_transform_of_a_lipschitz_function_is_its_negative(dim, seed, norm):
    """For p = 1 and phi 1-Lipschitz, phi^c = -phi wherever x includes y; and never above it.

    Source: Mallasto, Montufar, Gerolin 2019, Proposition 2.
    """
    generator = np.random.default_rng(seed)
    cost = Cost(1, norm)
    x, y, anchors = (generator.uniform(-50, 50, (n, dim)) for n in (9, 5, 4))
    heights = generator.uniform(-20, 20, 4)

    def phi(points):
        return (cost.matrix(points, anchors) + heights).min(1)

    both = np.concatenate([x, y])
    with jax.enable_x64(True):
        at = [jnp.asarray(v, jnp.float64) for v in (phi(both), both, y, phi(x), x)]
        on_both = np.asarray(c_transform(at[0], at[1], at[2], cost))
        on_x = np.asarray(c_transform(at[3], at[4], at[2], cost))
    np.testing.assert_allclose(on_both, -phi(y), atol=1e-10)
    assert (on_x >= -phi(y) - 1e-10).all()
