"""Tasks with formulas: bad input, limits, couplings, and laws of the samples."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wdist_bench import tasks
from wdist_bench.costs import Cost

BAD = [
    ("gaussians", {"cov_x": [[1, 2], [2, 1]]}, "cov_x: expected a positive semi-definite matrix"),
    ("gaussians", {"cov_y": [[1, 0.5], [0, 1]]}, "cov_y: expected a symmetric matrix"),
    ("gaussians", {"cov_x": [[1, 0, 0], [0, 1, 0]]}, r"cov_x: expected shape \(2, 2\), got"),
    ("gaussians", {"cov_x": [[1, 0], [0]]}, "cov_x: expected a 2 x 2 matrix of numbers"),
    ("gaussians", {"cov_x": [[1, 0], [0, math.nan]]}, "cov_x: expected finite numbers"),
    ("gaussians", {"mean_x": [0.0], "cov_x": [[1.0]]}, "mean_y: expected 1 components"),
    ("gaussians", {"mean_x": []}, "mean_x: expected some components"),
    ("one_dimensional", {"x": "nrom"}, "got 'nrom'; did you mean 'norm'"),
    ("one_dimensional", {"y": "poisson"}, "y: expected a continuous law, got 'poisson'"),
    ("one_dimensional", {"x": "skew"}, "x: expected the name of a continuous law"),
    ("one_dimensional", {"x": "gamma", "x_params": {}}, "got no 'a'"),
    ("one_dimensional", {"y_params": {"sclae": 2}}, "did you mean 'scale'"),
    ("one_dimensional", {"y_params": {"scale": 0}}, "in the domain of 'laplace'"),
    ("one_dimensional", {"x": "beta", "x_params": {"a": -1, "b": 1}}, "in the domain of 'beta'"),
    ("one_dimensional", {"x_params": {"loc": math.inf}}, "x_params 'loc': expected a finite"),
    ("one_dimensional", {"x_params": 3}, "x_params: expected a mapping"),
    ("one_dimensional", {"x": "cauchy"}, "expected laws at a finite W_1, got 'cauchy'"),
    ("one_dimensional", {"y": "pareto", "y_params": {"b": 0.9}}, "laws at a finite W_1"),
    ("radial", {"x": {"law": "cube"}}, "law of x: expected one of gaussian, sphere, ball"),
    ("radial", {"y": {"law": "ball", "std": 1}}, "parameter of y law 'ball'"),
    ("radial", {"y": {"law": "sphere", "radius": -1}}, "radius of y: expected a finite number >="),
    ("radial", {"dim": 0}, "dim: expected a whole number >= 1"),
    ("dilation", {"factor": -0.5}, "factor: expected a finite number >= 0"),
    ("dilation", {"base": "bal"}, "did you mean 'ball'"),
    ("dilation", {"center": [0, 1, 2]}, "center: expected 2 components"),
    ("point_mass", {"std": -1}, "std: expected a finite number >= 0"),
    ("point_mass", {"at": [0, math.nan]}, "at: expected a finite number"),
    ("concentric_spheres", {"radius_x": -1}, "radius_x: expected a finite number >= 0"),
    ("concentric_spheres", {"radius_y": -1}, "radius_y: expected a finite number >= 0"),
    ("parallel_segments", {"dim": 1}, "dim: expected a whole number >= 2"),
    ("parallel_segments", {"theta": math.inf}, "theta: expected a finite number"),
    ("spiked_gaussian", {"spike": -1}, "spike: expected a finite number >= 0"),
    ("convex_gradient", {"strength": -1}, "strength: expected a finite number >= 0"),
    ("convex_gradient", {"direction": ["a"]}, "direction: expected a finite number"),
    ("reweighted_mixture", {"weights_x": [0.5, 0.6]}, "weights_x: expected weights that sum to 1"),
    ("reweighted_mixture", {"weights_y": [1.0]}, r"weights_y: expected one weight per point"),
    ("reweighted_mixture", {"weights_y": [1.5, -0.5]}, "weights_y: expected non-negative"),
    ("reweighted_mixture", {"separation": -1}, "separation: expected a finite number >= 0"),
]


@pytest.mark.parametrize(("name", "parameters", "expected"), BAD)
def test_bad_parameters_are_named_in_one_line(name, parameters, expected):
    with pytest.raises(ValueError, match=expected) as error:
        tasks.get(name, **parameters)
    assert "\n" not in str(error.value)
    assert ";" in str(error.value), "the error says how to fix it"


@pytest.mark.parametrize(
    ("name", "parameters", "unknown"),
    [
        ("gaussians", {}, [(1, "l2"), (1, "l1"), (2, "l1")]),
        ("one_dimensional", {"x": "t", "x_params": {"df": 1.9}}, [(2, "l2")]),
        ("radial", {}, [(1, "l1"), (2, "l1")]),
        ("dilation", {"base": "ball", "center": 1.0}, [(2, "l1")]),
        ("convex_gradient", {}, [(2, "l1")]),
        ("reweighted_mixture", {}, [(2, "l2"), (2, "l1")]),
    ],
)
def test_what_is_not_known_is_none(name, parameters, unknown):
    task = tasks.get(name, **parameters)
    for p in (1, 2):
        for norm in ("l2", "l1"):
            assert (task.truth(p, norm) is None) == ((p, norm) in unknown) or task.dim == 1
    for p, norm in unknown:
        assert task.truth(p, norm) is None


_SAME = {"x": {"law": "ball", "radius": 2.0}, "y": {"law": "ball", "radius": 2.0}}
_ALIKE = {"mean_y": (0.0, 0.0), "cov_y": ((1.0, 0.5), (0.5, 2.0))}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gaussians", _ALIKE),
        ("gaussians", {**_ALIKE, "cov_x": ((1.0, 1.0), (1.0, 1.0)), "cov_y": np.ones((2, 2))}),
        ("one_dimensional", {"x": "cauchy", "x_params": {}, "y": "cauchy"}),
        ("one_dimensional", {"x": "expon", "x_params": {}, "y": "gamma", "y_params": {"a": 1}}),
        ("radial", _SAME),
        ("dilation", {"factor": 1.0, "center": 5.0}),
        ("point_mass", {"at": (0.0, 0.0), "std": 0.0}),
        ("concentric_spheres", {"radius_y": 1.0}),
        ("parallel_segments", {"theta": 0.0}),
        ("spiked_gaussian", {"spike": 1.0}),
        ("convex_gradient", {"strength": 0.0}),
        ("convex_gradient", {"direction": (0.0, 0.0)}),
        ("reweighted_mixture", {"weights_x": (0.2, 0.8)}),
        ("reweighted_mixture", {"separation": 0.0}),
    ],
)
def test_equal_measures_are_at_distance_zero(name, parameters):
    task = tasks.get(name, **parameters)
    assert [task.truth(p).value for p in (1, 2)] == [0, 0]


def test_nearly_equal_gaussians_keep_their_digits():
    """The trace formula would lose all of them: 1e-10 squared is below rounding."""
    cov = np.array([[2.0, 0.7], [0.7, 1.0]])
    nearly = cov * (1 + 1e-10) ** 2
    task = tasks.get("gaussians", mean_x=[0, 0], cov_x=cov, mean_y=[0, 0], cov_y=nearly)
    assert task.truth(2).value == pytest.approx(1e-10 * math.sqrt(3), rel=1e-4)
    spike = tasks.get("spiked_gaussian", spike=1 + 2e-12)
    assert spike.truth(2).value == pytest.approx(1e-12, rel=1e-3)


@pytest.mark.parametrize("more", [1e-6, 1e-9])
def test_nearly_equal_laws_on_the_line_keep_their_digits(more):
    """Their quantiles differ by little more than rounding, on which no two rules agree."""
    task = tasks.get("one_dimensional", x="norm", y="norm", y_params={"scale": 1 + more})
    for p, mean in ((1, math.sqrt(2 / math.pi)), (2, 1.0)):
        assert task.truth(p).value == pytest.approx(more * mean, rel=1e-6, abs=0)


def test_divergences_do_not_see_how_far_the_segments_are():
    for theta in (-1e-6, 0.5, 100.0):
        task = tasks.get("parallel_segments", theta=theta)
        assert (task.jsd, task.kl) == (math.log(2), math.inf)
        assert task.truth(1).value == abs(theta)
    same = tasks.get("parallel_segments", theta=0.0)
    assert (same.jsd, same.kl) == (0.0, 0.0)


# Pairs, potentials and gradients.

COUPLED = [
    ("gaussian_shift", {"dim": 3, "shift": (1.0, -2.0, 0.5), "scale": 0.7}),
    ("gaussians", {}),
    ("gaussians", {"cov_y": ((1.0, 0.5), (0.5, 2.0))}),
    ("gaussians", {"mean_x": 1.0, "cov_x": 4.0, "mean_y": 2.0, "cov_y": 0.25}),
    ("gaussians", {"mean_x": 1.0, "cov_x": 1.0, "mean_y": 2.0, "cov_y": 9.0}),
    ("gaussians", {"cov_x": ((1.0, 1.0), (1.0, 1.0))}),
    ("one_dimensional", {}),
    ("one_dimensional", {"x": "expon", "y": "gumbel_l", "x_params": {}}),
    ("radial", {"dim": 3}),
    ("radial", {"dim": 1, "y": {"law": "ball", "radius": 3.0}}),
    ("dilation", {"dim": 3, "center": (0.5, 1.0, 0.0)}),
    ("dilation", {"base": "gaussian", "factor": 0.3}),
    ("dilation", {"base": "ball", "factor": 0.0}),
    ("point_mass", {}),
    ("concentric_spheres", {"dim": 3, "radius_y": 0.25}),
    ("concentric_spheres", {"radius_x": 0.0}),
    ("parallel_segments", {"theta": -0.5, "dim": 3}),
    ("spiked_gaussian", {"dim": 3}),
    ("spiked_gaussian", {"spike": 0.0}),
    ("convex_gradient", {"direction": (1.0, -2.0), "strength": 2.0}),
    ("reweighted_mixture", {}),
    ("reweighted_mixture", {"weights_x": (0.0, 1.0), "separation": 1.0}),
    ("noisy", {"dim": 3, "noise_std": 2.0}),
    ("translated_images", {}),
    ("blurred_images", {}),
    ("weighted_points", {}),
    ("own_data", {}),
    ("own_data", {"transform": "dilate", "center": 1.0}),
    ("own_data", {"transform": "dilate", "factor": 2.5}),
    ("own_data", {"transform": "funnels", "width": 4}),
    ("funnels", {"dim": 3}),
]


def points_of(drawn):
    return [np.asarray(points, float) for points in drawn]


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("name", "parameters"), COUPLED)
def test_pairs_have_the_marginals_of_samples(name, parameters, p):
    """Means of coordinates, and of products of the first eight, within 5 standard errors."""
    task = tasks.get(name, **parameters)
    n = min(4000, task.sampler().limit or 4000)
    coupled = task.pairs(jax.random.key(6), n, p)
    assert (coupled is None) == (task.truth(p) is None)
    if coupled is None:
        return
    for ours, theirs in zip(
        points_of(task.sample(jax.random.key(5), n)), points_of(coupled), strict=True
    ):
        products = [(a[:, :8, None] * a[:, None, :8]).reshape(n, -1) for a in (ours, theirs)]
        for one, two in ((ours, theirs), products):
            stderr = np.hypot(one.std(0), two.std(0)) / math.sqrt(n)
            assert (np.abs(one.mean(0) - two.mean(0)) <= 5 * stderr + 1e-5).all()


FLAT = ({"cov_x": ((1.0, 1.0), (1.0, 1.0))}, {"radius_x": 0.0}, {"spike": 0.0})


def has_no_potential(name, parameters, p):
    """Laws that are given by quantiles; and at p = 2 a mu without a density, or a point as nu."""
    if name in ("one_dimensional", "radial"):
        return True
    return p == 2 and (name == "point_mass" or parameters in FLAT)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("name", "parameters"), COUPLED)
def test_pairs_and_potentials_close_the_duality_gap(name, parameters, p):
    """phi(x) - phi(x') + c(x', y) - c(x, y) >= 0: no other partner is better than one's own."""
    task = tasks.get(name, **parameters)
    coupled = task.pairs(jax.random.key(7), 300, p)
    if coupled is None:
        assert task.potential(jnp.zeros((1, task.dim)), p) is None
        return
    x, y = points_of(coupled)
    phi = task.potential(coupled[0], p)
    assert (phi is None) == has_no_potential(name, parameters, p)
    if phi is None:
        return
    assert phi.shape == (300,)
    costs = Cost(p).matrix(x, y)
    psi = np.diagonal(costs) - np.asarray(phi, float)
    slack = 1e-5 * (1 + np.abs(psi).max() + costs.max())
    assert (np.asarray(phi, float)[:, None] + psi - costs).max() <= slack
    if p == 1:
        np.testing.assert_allclose(-psi, task.potential(coupled[1], 1), atol=slack)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(
    ("name", "parameters"), [case for case in COUPLED if case[0] != "weighted_points"]
)
def test_gradients_are_those_of_the_potential(name, parameters, p):
    task = tasks.get(name, **parameters)
    x = np.random.default_rng(8).uniform(-2, 2, (50, task.dim)).astype(np.float32)
    gradient = task.potential_gradient(x, p)
    if gradient is None:
        assert task.potential(x, p) is None
        return
    assert gradient.shape == x.shape
    step = np.float32(1 / 64)
    for axis in range(task.dim):
        move = step * np.eye(1, task.dim, axis, dtype=np.float32)
        up, down = (np.asarray(task.potential(x + s * move, p), float) for s in (1, -1))
        error = np.abs((up - down) / (2 * step) - np.asarray(gradient, float)[:, axis])
        # Kinks of a W_1 potential lie within a step of a few points.
        assert np.quantile(error, 0.8) < 5e-3


# Laws of the samples.

LAWS = [
    ("norm", {"loc": 3.0, "scale": 2.0}),
    ("laplace", {}),
    ("uniform", {"loc": -1.0}),
    ("expon", {}),
    ("t", {"df": 2.5}),
    ("beta", {"a": 0.3, "b": 0.6}),
    ("gamma", {"a": 0.2}),
    ("pareto", {"b": 3.0}),
    ("gumbel_r", {}),
]


@pytest.mark.parametrize(("law", "parameters"), LAWS)
def test_samples_follow_the_law_of_scipy(law, parameters):
    """Kolmogorov-Smirnov, and the rarest samples of 200,000, for both sides."""
    from scipy import stats

    exact = getattr(stats, law)(**parameters)
    task = tasks.get("one_dimensional", x=law, x_params=parameters, y=law, y_params=parameters)
    for points in points_of(task.sample(jax.random.key(9), 200_000)):
        assert stats.kstest(points[:, 0], exact.cdf).pvalue > 1e-4
        # The number of samples beyond a far quantile is Poisson of mean 20.
        low, high = exact.ppf(1e-4), exact.isf(1e-4)
        for beyond in ((points < low).sum(), (points > high).sum()):
            assert 1e-5 < stats.poisson.cdf(beyond, 20) < 1 - 1e-5


@pytest.mark.parametrize(("law", "parameters"), LAWS)
def test_quantile_tables_are_exact_to_float32(law, parameters):
    from scipy import stats

    from wdist_bench.tasks.quantiles import Quantile, QuantileTable, draw_levels

    exact = getattr(stats, law)(**parameters)
    table = QuantileTable(jnp.asarray(QuantileTable.nodes(Quantile(exact.ppf, exact.isf))))
    levels = draw_levels(jax.random.key(10), 20_000)
    depth = 1 + np.asarray(levels.octave, float) + np.asarray(levels.fraction, float)
    wanted = np.where(levels.upper, exact.isf(2.0**-depth), exact.ppf(2.0**-depth))
    scale = np.abs(wanted) + exact.ppf(0.75) - exact.ppf(0.25) + np.abs(exact.median())
    assert (np.abs(np.asarray(table(levels)) - wanted) / scale).max() < 2e-6


@pytest.mark.parametrize(
    ("name", "parameters", "laws"),
    [
        ("dilation", {"dim": 3, "base": "ball", "factor": 2.0}, (("powerlaw", 3, 1), None)),
        ("dilation", {"dim": 5, "base": "gaussian", "factor": 3.0}, (("chi", 5, 1), ("chi", 5, 3))),
        (
            "radial",
            {"dim": 4, "x": {"law": "ball", "radius": 2.0}, "y": {"law": "gaussian", "std": 0.5}},
            (("powerlaw", 4, 2.0), ("chi", 4, 0.5)),
        ),
        ("point_mass", {"at": (1.0, 2.0), "std": 3.0}, (None, ("chi", 2, 3.0))),
    ],
)
def test_radii_of_samples_follow_their_law(name, parameters, laws):
    from scipy import stats

    task = tasks.get(name, **parameters)
    for points, law in zip(points_of(task.sample(jax.random.key(11), 20_000)), laws, strict=True):
        if law is not None:
            kind, dim, scale = law
            exact = getattr(stats, kind)(dim, scale=scale)
            radii = np.linalg.norm(points, axis=1)
            assert stats.kstest(radii, exact.cdf).pvalue > 1e-4
            # Every direction is as likely as its opposite, and coordinates are not correlated.
            mean, spread = points.mean(0), points.std(0)
            assert (np.abs(mean) < 5 * spread / math.sqrt(20_000)).all()
            corners = np.corrcoef(points.T) - np.eye(task.dim)
            assert np.abs(corners).max() < 5 / math.sqrt(20_000)


@pytest.mark.parametrize("law", ["gaussian", "sphere", "ball"])
def test_isotropic_laws_of_one_dimension_lie_on_both_sides(law):
    task = tasks.get("radial", dim=1, x={"law": law})
    x = points_of(task.sample(jax.random.key(12), 4000))[0]
    assert abs((x > 0).mean() - 0.5) < 5 * 0.5 / math.sqrt(4000)


def test_mixture_weights_are_those_of_the_samples():
    task = tasks.get("reweighted_mixture", separation=100.0, weights_x=(0.3, 0.7))
    x, y = points_of(task.sample(jax.random.key(13), 10_000))
    for points, second in ((x, 0.7), (y, 0.8)):
        share = (points[:, 0] > 50).mean()
        assert abs(share - second) < 5 * math.sqrt(second * (1 - second) / 10_000)


def test_gaussian_samples_have_the_covariances_given():
    cov_x, cov_y = ((1.0, 0.8), (0.8, 2.0)), ((1.0, -1.0), (-1.0, 1.0))
    task = tasks.get("gaussians", mean_x=(5, 0), cov_x=cov_x, cov_y=cov_y)
    for points, mean, cov in zip(
        points_of(task.sample(jax.random.key(14), 40_000)),
        (task.mean_x, task.mean_y),
        (cov_x, cov_y),
        strict=True,
    ):
        assert np.abs(points.mean(0) - mean).max() < 5 * math.sqrt(2 / 40_000)
        assert np.abs(np.cov(points.T) - cov).max() < 5 * math.sqrt(2 * 4 / 40_000)


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("gaussians", {}, {"mean_y": (4.0, 4.0), "cov_y": ((1.0, 0.0), (0.0, 1.0))}),
        ("one_dimensional", {}, {"x": "t", "x_params": {"df": 5.0}}),
        ("radial", {}, {"x": {"law": "ball"}, "y": {"law": "gaussian", "std": 3.0}}),
        ("dilation", {}, {"factor": 0.1, "center": (1.0, 2.0)}),
        ("point_mass", {}, {"at": (0.0, 1.0), "std": 2.0}),
        ("concentric_spheres", {}, {"radius_x": 9.0}),
        ("parallel_segments", {}, {"theta": -3.0}),
        ("spiked_gaussian", {}, {"spike": 0.5}),
        ("convex_gradient", {}, {"direction": (0.0, 3.0), "strength": 0.1}),
        ("reweighted_mixture", {}, {"separation": 1.0, "std": 3.0, "weights_x": (1.0, 0.0)}),
    ],
)
def test_tasks_of_equal_shape_share_one_compilation(name, one, two):
    """Parameters are leaves of the sampler, so a sweep over them compiles once."""
    traces = []

    @jax.jit
    def program(sampler, key):
        traces.append(name)
        return sampler.draw(key, 4)

    first, second = (
        program(tasks.get(name, **params).sampler(), jax.random.key(0)) for params in (one, two)
    )
    assert len(traces) == 1
    assert not np.array_equal(np.hstack(first), np.hstack(second))
