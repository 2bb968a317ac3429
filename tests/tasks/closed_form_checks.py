"""Which second route holds which parameters of every task that has a formula."""

from __future__ import annotations

from typing import Any

import numpy as np
from further_routes import (
    box_integral,
    cube_by_tensor_rule,
    dual_on_samples,
    folded_coordinates,
    projected_quantiles,
    signed_cdfs,
)
from second_route import Check

from wdist_bench.cards.routes import draws, line, moments, plans


def _covariance(dim: int, seed: int, rank: int | None = None) -> tuple[tuple[float, ...], ...]:
    factor = np.random.default_rng(seed).standard_normal((dim, rank or dim))
    matrix = factor @ factor.T
    return tuple(map(tuple, ((matrix + matrix.T) / 2).tolist()))


_FIVE: dict[str, Any] = {
    "mean_x": (0.0, 1.0, 2.0, 3.0, 4.0),
    "cov_x": _covariance(5, 1),
    "mean_y": (0.5, 1.0, 1.0, 3.0, 4.0),
    "cov_y": _covariance(5, 2),
}
_SINGULAR = {**_FIVE, "cov_x": _covariance(5, 3, rank=2), "cov_y": _covariance(5, 4, rank=3)}
_MOVED = {**_FIVE, "cov_y": _FIVE["cov_x"]}
_FAR = {**_MOVED, "mean_y": (10.0, -10.0, 0.0, 0.0, 5.0)}
_LINE: dict[str, Any] = {
    "mean_x": (1.0,),
    "cov_x": ((4.0,),),
    "mean_y": (-0.5,),
    "cov_y": ((0.25,),),
}
_STUDENT = {"x": "t", "x_params": {"df": 3.0}, "y": "norm", "y_params": {"loc": 0.2}}
_SKEWED = {
    "x": "gamma",
    "x_params": {"a": 0.4, "scale": 2.0},
    "y": "lognorm",
    "y_params": {"s": 0.7},
}
_BOUNDED = {
    "x": "beta",
    "x_params": {"a": 2.0, "b": 0.5},
    "y": "arcsine",
    "y_params": {"scale": 2.0},
}
_SCALED = {
    "x": "lognorm",
    "x_params": {"s": 1.0},
    "y": "lognorm",
    "y_params": {"s": 1.0, "scale": 3.0},
}
_HEAVY = {
    "x": "cauchy",
    "x_params": {"loc": -1.0},
    "y": "cauchy",
    "y_params": {"loc": 0.5},
}
# The quantiles of scipy 1.17 for this law are 1e204 at probabilities below 1e-20.
_CLIFF = {"x": "invgauss", "x_params": {"mu": 0.15}, "y": "norm", "y_params": {}}
_ARRIVALS = {"x": "expon", "x_params": {}, "y": "expon", "y_params": {"scale": 0.25}}


def _isotropic(dim: int, x: tuple[str, float], y: tuple[str, float]) -> dict[str, Any]:
    size = {"gaussian": "std", "sphere": "radius", "ball": "radius"}
    laws = ({"law": law, size[law]: value} for law, value in (x, y))
    return dict(zip(("dim", "x", "y"), (dim, *laws), strict=True))


def _each(routes: dict[Any, tuple[int, str]], *params: dict[str, Any]) -> list[Check]:
    return [Check(each, p, norm, route) for each in params for route, (p, norm) in routes.items()]


_TWO_ARCS = {
    "period": 24.0,
    "x": {"law": "arc", "center": 0.9, "width": 0.5},
    "y": {"law": "arc", "center": 0.2, "width": 0.1},
}
_BENT = {"x": {"law": "von_mises", "center": 0.3}, "y": {"law": "arc", "width": 0.4}}

SECOND_ROUTES: dict[str, list[Check]] = {
    "periodic": [
        Check({}, 1, "l2", line.binned_on_the_line),
        Check({}, 2, "l2", line.binned_on_the_line),
        Check({"dim": 3}, 1, "l1", line.binned_on_the_line),
        Check({"dim": 3}, 2, "l2", line.binned_on_the_line),
        Check(_TWO_ARCS, 2, "l1", line.binned_on_the_line),
    ],
    # Turned arcs along a tilted circle, and laws of another shape; test_truths_of_other_costs has
    # more of both.
    "great_circle": [
        *(
            Check(params, p, norm, plans.great_circle_programme)
            for params in ({}, _BENT)
            for p in (1, 2)
            for norm in ("sphere", "cosine")
        ),
    ],
    "gaussian_shift": [
        *(
            Check(params, p, norm, plans.shuffled_translation)
            for params in ({}, {"dim": 7, "shift": 0.3, "scale": 2.0}, {"shift": (3.0, -4.0)})
            for p in (1, 2)
            for norm in ("l2", "l1")
        ),
    ],
    "gaussians": [
        *_each({moments.trace_formula: (2, "l2")}, {}, _FIVE, _LINE, _SINGULAR),
        *(Check(params, 2, "l2", draws.mean_displacement) for params in (_FIVE, _SINGULAR)),
        *_each({line.normal_cdfs: (1, "l2")}, _LINE, {**_LINE, "mean_y": (1.0,)}),
        *(Check(_MOVED, p, norm, plans.length_of_shift) for p in (1, 2) for norm in ("l2", "l1")),
        *(Check(params, 1, "l2", dual_on_samples) for params in (_LINE, _FAR)),
    ],
    "one_dimensional": [
        *(
            Check(each, 1, "l2", line.scipy_cdfs)
            for each in ({}, _STUDENT, _SKEWED, _SCALED, _ARRIVALS, _HEAVY, _CLIFF)
        ),
        *(
            Check(each, 2, "l2", line.gaussian_levels)
            for each in ({}, _SKEWED, _SCALED, _ARRIVALS, _CLIFF)
        ),
        Check(_BOUNDED, 1, "l1", line.gaussian_levels),
        Check({}, 1, "l2", draws.mean_displacement),
    ],
    "radial": [
        *(
            Check(each, p, "l2", line.monotone_radius)
            for each in (
                _isotropic(2, ("gaussian", 1.0), ("sphere", 2.0)),
                _isotropic(1, ("sphere", 0.5), ("gaussian", 2.0)),
                _isotropic(10, ("ball", 3.0), ("sphere", 1.0)),
                _isotropic(128, ("gaussian", 1.0), ("sphere", 11.0)),
                _isotropic(3, ("gaussian", 1.0), ("ball", 2.5)),
                _isotropic(20, ("gaussian", 0.5), ("ball", 4.0)),
            )
            for p in (1, 2)
        ),
        Check(_isotropic(1, ("gaussian", 1.5), ("ball", 2.0)), 1, "l1", signed_cdfs),
        Check(_isotropic(4, ("gaussian", 1.0), ("gaussian", 3.0)), 1, "l2", line.monotone_radius),
        *(
            Check(_isotropic(6, ("ball", 2.0), ("gaussian", 1.5)), p, "l2", draws.mean_displacement)
            for p in (1, 2)
        ),
    ],
    "dilation": [
        *_each(
            {moments.confluent_dilation: (1, "l2")},
            {"base": "gaussian", "factor": 0.0, "dim": 1, "center": 0.5},
            {"base": "gaussian", "factor": 3.0, "dim": 3, "center": (1.0, -2.0, 0.0)},
            {"base": "gaussian", "factor": 0.5, "dim": 128, "center": 1.0},
        ),
        *(Check({"dim": dim, "factor": 0.25}, 1, "l2", box_integral) for dim in (2, 3)),
        *(
            Check({"dim": 3, "factor": 3.0, "center": 2.5}, p, norm, cube_by_tensor_rule)
            for p in (1, 2)
            for norm in ("l2", "l1")
        ),
        *_each(
            {moments.ball_in_polar_coordinates: (1, "l2")},
            {"base": "ball", "dim": 2, "factor": 0.0, "center": (0.3, 0.4)},
            {"base": "ball", "dim": 3, "factor": 2.0, "center": (0.0, 0.0, 3.0)},
            {"base": "ball", "dim": 10, "factor": 2.0, "center": 0.1},
        ),
        *(
            Check({"base": base, "dim": dim, "center": center}, p, norm, draws.mean_displacement)
            for base, dim, center in (("cube", 5, 0.7), ("gaussian", 2, 0.0), ("ball", 4, 0.0))
            for p in (1, 2)
            for norm in ("l2", "l1")
        ),
        Check({"base": "cube", "dim": 64}, 1, "l2", draws.mean_displacement),
        Check(
            {"base": "ball", "dim": 3, "center": (0.5, 0.0, 2.0)}, 1, "l1", draws.mean_displacement
        ),
        Check({"base": "ball", "dim": 3, "factor": 0.1}, 1, "l2", dual_on_samples),
    ],
    "point_mass": [
        *_each(
            {moments.confluent_point: (1, "l2"), folded_coordinates: (1, "l1")},
            {},
            {"at": (0.5,) * 10, "std": 2.0},
            {"at": (30.0, 0.0, -40.0), "std": 0.5},
            {"at": (1.0,) * 500, "std": 3.0},
        ),
        Check({"at": (0.0,) * 3, "std": 2.0}, 1, "l2", moments.confluent_point),
        *(Check({}, p, norm, draws.mean_displacement) for p in (1, 2) for norm in ("l2", "l1")),
        Check({"at": (0.3, 0.4)}, 1, "l2", dual_on_samples),
    ],
    "concentric_spheres": [
        *(
            Check(params, p, "l2", plans.shuffled_spheres)
            for params in ({}, {"dim": 10, "radius_x": 3.0, "radius_y": 0.0}, {"dim": 1})
            for p in (1, 2)
        ),
        *(Check({"radius_x": 4.0}, p, "l1", moments.round_the_circle) for p in (1, 2)),
        *(Check({"dim": 8}, p, "l1", draws.mean_displacement) for p in (1, 2)),
        Check({"dim": 3, "radius_x": 5.0}, 1, "l2", dual_on_samples),
    ],
    "parallel_segments": [
        *(
            Check(params, p, norm, plans.shuffled_segments)
            for params in ({}, {"theta": -0.1, "dim": 3}, {"theta": 0.0})
            for p in (1, 2)
            for norm in ("l2", "l1")
        ),
        Check({"theta": -2.0}, 1, "l2", dual_on_samples),
    ],
    "spiked_gaussian": [
        *_each(
            {moments.spike_trace_formula: (2, "l2"), line.spike_cdfs: (1, "l2")},
            {},
            {"dim": 30, "spike": 25.0},
            {"dim": 1, "spike": 0.25},
        ),
        Check({"dim": 3, "spike": 0.09}, 1, "l1", line.spike_cdfs),
        Check({"dim": 3, "spike": 100.0}, 1, "l2", dual_on_samples),
        *(Check({"spike": 9.0}, p, "l2", draws.mean_displacement) for p in (1, 2)),
    ],
    "convex_gradient": [
        *(
            Check(params, p, "l2", moments.sigmoid_integral)
            for params in (
                {},
                {"direction": (3.0, 0.0, -4.0), "strength": 0.5},
                {"direction": (0.01, 0.02), "strength": 100.0},
                {"direction": (40.0,), "strength": 2.0},
            )
            for p in (1, 2)
        ),
        *(Check({"strength": 3.0}, p, "l2", projected_quantiles) for p in (1, 2)),
        Check({"strength": 3.0}, 1, "l2", dual_on_samples),
        Check({"direction": (1.0, -2.0, 0.5)}, 1, "l1", draws.mean_displacement),
    ],
    "reweighted_mixture": [
        *_each(
            {line.mixture_cdfs: (1, "l2")},
            {},
            {"separation": 0.5, "std": 2.0, "weights_x": (0.9, 0.1), "weights_y": (0.3, 0.7)},
            {"dim": 10, "separation": 10.0, "weights_x": (0.0, 1.0), "weights_y": (0.25, 0.75)},
        ),
        Check({"dim": 3}, 1, "l1", line.mixture_cdfs),
        Check({"dim": 2, "weights_x": (1.0, 0.0)}, 1, "l2", dual_on_samples),
        *(Check({"dim": 1, "std": 0.0}, p, "l2", plans.two_points) for p in (1, 2)),
    ],
    # The truths of these are Monte-Carlo means: other draws, in greater number.
    "funnels": [Check({"dim": 2, "width": 64, "seed": 3}, 1, "l2", draws.mean_displacement)],
    "convex_pairs": [Check({"dim": 4, "seed": 3}, 2, "l2", draws.mean_displacement)],
}
