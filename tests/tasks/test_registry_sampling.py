"""What every registered task promises about its samples and its optimal pairs."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

from wdist_bench import tasks
from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact

N = 400
NAMES = tasks.names()


def count(task):
    """Points to draw: N, or as many as a finite data set gives."""
    return min(N, task.sampler().limit or N)


def draw(task, key, n):
    return [np.asarray(points) for points in task.sample(jax.random.key(key), n)]


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_shape_and_are_decided_by_the_key(name):
    task = tasks.get(name)
    n = count(task)
    first, again, other = draw(task, 1, n), draw(task, 1, n), draw(task, 2, n)
    for side in range(2):
        assert first[side].shape == (n, task.dim)
        assert np.isfinite(first[side]).all()
        np.testing.assert_array_equal(first[side], again[side])
    assert not np.array_equal(np.hstack(first), np.hstack(other))


@pytest.mark.parametrize("name", NAMES)
def test_the_two_samples_of_a_draw_are_independent(name):
    """The mean of <x_i - E x, y_i - E y> is 0 within 5 standard errors."""
    task = tasks.get(name)
    n = count(task)
    products = []
    for key in range(10):
        x, y = (points.astype(float) for points in draw(task, key, n))
        products.append(((x - x.mean(0)) * (y - y.mean(0))).sum(1) * n / (n - 1))
    products = np.concatenate(products)
    assert abs(products.mean()) <= 5 * products.std() / math.sqrt(len(products)) + 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_a_sampler_gives_the_same_under_jit_and_vmap(name):
    sampler = tasks.get(name).sampler()
    keys = jax.random.split(jax.random.key(3), 3)
    with jax.enable_x64(sampler.x64):
        alone = [sampler.draw(key, 16) for key in keys]
        compiled = jax.jit(lambda s, k: s.draw(k, 16))(sampler, keys[1])
        mapped = jax.vmap(lambda k: sampler.draw(k, 16))(keys)
        for side in range(2):
            expected = np.stack([np.asarray(one[side]) for one in alone])
            tolerance = 1e-5 * (1 + np.abs(expected).max())
            np.testing.assert_allclose(compiled[side], expected[1], rtol=0, atol=tolerance)
            np.testing.assert_allclose(mapped[side], expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_no_plan_beats_the_optimal_pairs(name, p):
    """The simplex on the pairs, put in another order, finds their mean displacement."""
    task = tasks.get(name)
    pairs = task.pairs(jax.random.key(4), min(200, count(task)), p)
    if pairs is None:
        return
    assert task.truth(p) is not None, "pairs are known where the truth is"
    x, y = (np.asarray(points, float) for points in pairs)
    displacement = np.linalg.norm(x - y, axis=1) ** p
    order = np.random.default_rng(5).permutation(len(y))
    solution = solve_exact(Cost(p).matrix(x, y[order]))
    assert solution.converged
    # Rounding of float32 coordinates, seen through the cost.
    slack = 4e-6 * np.abs(np.hstack([x, y])).max() * math.sqrt(task.dim)
    assert solution.cost == pytest.approx(displacement.mean(), rel=1e-6, abs=slack**p + 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_default_parameters_say_where_the_truth_is_known(name):
    task = tasks.get(name)
    known = [task.truth(p, norm) for p in (1, 2) for norm in ("l2", "l1")]
    assert any(truth is not None for truth in known)
    for truth in known:
        assert truth is None or (math.isfinite(truth.value) and truth.reference)


@pytest.mark.parametrize("name", NAMES)
def test_the_two_norms_bound_each_other(name):
    """||v||_2 <= ||v||_1 <= sqrt(dim) ||v||_2, and W_1 <= W_2, hold for the truths too."""
    task = tasks.get(name)
    value = {(p, norm): task.truth(p, norm) for p in (1, 2) for norm in ("l2", "l1")}
    value = {key: truth.value for key, truth in value.items() if truth and truth.stderr == 0}
    slack = 1 + 1e-9
    for p in (1, 2):
        if (p, "l2") in value and (p, "l1") in value:
            assert value[p, "l2"] <= value[p, "l1"] * slack
            assert value[p, "l1"] <= math.sqrt(task.dim) * value[p, "l2"] * slack
    for norm in ("l2", "l1"):
        if (1, norm) in value and (2, norm) in value:
            assert value[1, norm] <= value[2, norm] * slack
