"""Optimal maps of tasks, at parameters that the rules of conformance do not look at."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

import wdist_bench as wb

GAUSSIANS = {"mean_x": [1.0, 2.0], "cov_x": [[2.0, 0.9], [0.9, 1.0]],
             "mean_y": [-3.0, 0.5], "cov_y": [[1.0, -0.7], [-0.7, 3.0]]}  # fmt: skip
BALL = {"law": "ball", "radius": 2.0}
CASES = [
    ("gaussians", GAUSSIANS),
    ("gaussians", GAUSSIANS | {"mean_x": [1e7, 2.0], "mean_y": [1e7, 1.0]}),
    ("gaussian_shift", {"dim": 5, "shift": -1.5}),
    ("dilation", {"dim": 3, "base": "ball", "factor": 0.3, "center": 4.0}),
    ("convex_gradient", {"direction": (3.0, -1.0, 0.5), "strength": 2.0}),
    ("radial", {"dim": 4, "x": BALL, "y": {"law": "gaussian", "std": 0.5}}),
    ("one_dimensional", {"x": "gamma", "x_params": {"a": 2.0}, "y": "laplace"}),
    ("own_data", {"transform": "dilate", "factor": 2.5}),
    ("convex_pairs", {"dim": 3, "seed": 1}),
]


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_maps_carry_optimal_pairs_both_ways(name, parameters):
    """Pairs come from the task's float32 sampler, maps from its formula in float64."""
    task = wb.tasks.get(name, **parameters)
    x, y = (np.asarray(v, np.float64) for v in task.pairs(jax.random.key(3), 300, 2))
    size = np.linalg.norm(y - y.mean(0), axis=1).max()
    for found, wanted in ((task.map(x, 2), y), (task.inverse_map(y, 2), x)):
        assert found.dtype == np.float64
        gap = np.linalg.norm(found - wanted, axis=1)
        assert np.quantile(gap, 0.98) < 3e-5 * size


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_maps_at_p_2_are_monotone(name, parameters):
    """<T x - T x', x - x'> >= 0: what gradients of convex functions do, and no other optimal map
    of a density (Brenier).
    """
    task = wb.tasks.get(name, **parameters)
    x = np.asarray(task.sample(jax.random.key(4), 60)[0], np.float64)
    image = task.map(x, 2)
    x, image = x - x.mean(0), image - image.mean(0)
    products = ((image[:, None] - image) * (x[:, None] - x)).sum(-1)
    assert products.min() > -1e-9 * np.abs(products).max()


def test_ends_of_a_support_go_to_where_samples_end():
    """float32 samples are rounded onto them, and the other law may have no end."""
    ends, inner = np.array([[7.0], [8.0]]), np.array([[7.25], [7.75]])
    task = wb.tasks.get(
        "one_dimensional", x="uniform", x_params={"loc": 7.0}, y="norm", y_params={}
    )
    far = stats.norm.isf(2.0**-34)
    np.testing.assert_allclose(task.map(ends, 2), [[-far], [far]], rtol=1e-12)
    assert (task.map(inner, 2) == stats.norm.ppf([[0.25], [0.75]])).all()
    back = wb.tasks.get(
        "one_dimensional", x="norm", x_params={}, y="uniform", y_params={"loc": 7.0}
    )
    np.testing.assert_allclose(back.inverse_map(ends, 2), [[-far], [far]], rtol=1e-12)
    assert back.map(np.array([[40.0]]), 2) == 8.0
    sphere = {"x": {"law": "ball", "radius": 2.0}, "y": {"law": "gaussian", "std": 1.0}}
    image = wb.tasks.get("radial", dim=2, **sphere).map(np.array([[2.0, 0.0]]), 2)
    np.testing.assert_allclose(image, [[stats.chi(2).isf(2.0**-34), 0.0]], rtol=1e-6)


def test_what_has_no_map_has_none():
    sphere = {"law": "sphere", "radius": 1.0}
    onto = wb.tasks.get("radial", x=sphere, y=BALL)
    assert onto.map(np.ones((1, 2)), 2) is None
    assert onto.inverse_map(np.ones((1, 2)), 2) is not None
    for law in ({"law": "sphere", "radius": 0.0}, {"law": "gaussian", "std": 0.0}):
        spread = wb.tasks.get("radial", x=law, y=sphere)
        assert spread.map(np.zeros((1, 2)), 2) is None
        assert (spread.inverse_map(np.ones((1, 2)), 2) == 0).all()
    flat = wb.tasks.get("gaussians", cov_x=[[1.0, 0.0], [0.0, 0.0]])
    assert flat.map(np.ones((1, 2)), 2) is None
    assert wb.tasks.get("funnels").map(np.ones((1, 2)), 2) is None
    assert wb.tasks.get("dilation", factor=0.0).inverse_map(np.ones((1, 2)), 2) is None
