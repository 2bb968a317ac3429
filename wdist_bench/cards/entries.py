"""Which parameter sets have a truth card, for which costs, and by which second route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wdist_bench import tasks
from wdist_bench.cards.routes import draws, grids, line, moments, plans
from wdist_bench.costs import Cosine, Cost, Mahalanobis, Sphere, Torus
from wdist_bench.tasks.base import Task

Route = Callable[[Any, Cost], tuple[float, float]]
"""(task, cost) -> (W_p, absolute tolerance)."""

POWERS = (1, 1.5, 2, 3, 7)
NORMS = ("l2", "l1", "linf")
_DIGITS = "CC BY 4.0 (images: Alpaydin and Kaynak, UCI Machine Learning Repository)"
_DIGITS_CITED = (
    "Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine Learning "
    "Repository, doi 10.24432/C50P49",
)
_PATCHES = "CC BY 2.0 (photographs: danielbuechele and vultilion, flickr.com)"
_EARTH = 6371.0088


@dataclass(frozen=True)
class Entry:
    """A parameter set of a task.

    Attributes:
        task: the registered name.
        label: what is special about the set, for its name.
        routes: ground costs with a second route to the truth of each.
        parameters: of the task; others have their defaults, which the card spells out.
        version: raised whenever a truth, or a parameter, changes: the card then has a new name.
        exact: whether samples are made without rounding, so that their bytes are always the same.
        licence: of the samples.
        cited: what else to cite.
    """

    task: str
    label: str
    routes: tuple[tuple[Cost, Route], ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    exact: bool = False
    licence: str = "Apache-2.0"
    cited: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the card."""
        return f"{self.task}-{self.label}-v{self.version}"

    def build(self) -> Task:
        """The task."""
        return tasks.get(self.task, **self.parameters)


def _by(
    route: Route, norms: tuple[str, ...] = NORMS, powers: tuple[float, ...] = POWERS
) -> tuple[tuple[Cost, Route], ...]:
    """One route for several norms and powers."""
    return tuple((Cost(p, norm), route) for norm in norms for p in powers)


def _along(
    route: Route, make: Callable[[float], Cost], powers: tuple[float, ...] = POWERS
) -> tuple[tuple[Cost, Route], ...]:
    """One route for a cost with parameters, at several powers."""
    return tuple((make(p), route) for p in powers)


def _torus(period: Any) -> Callable[[float], Cost]:
    return lambda p: Torus(period, p)


_PRECISION = ((2.0, 0.6), (0.6, 0.5))
_LINE = {"mean_x": 1.0, "cov_x": 4.0, "mean_y": -0.5, "cov_y": 0.25}
_MOVED = {
    "mean_x": (0.0, 1.0, 2.0),
    "cov_x": ((2.0, 0.5, 0.0), (0.5, 1.0, -0.3), (0.0, -0.3, 0.5)),
    "mean_y": (0.5, 1.0, -1.0),
    "cov_y": ((2.0, 0.5, 0.0), (0.5, 1.0, -0.3), (0.0, -0.3, 0.5)),
}
_SKEWED = {
    "x": "gamma",
    "x_params": {"a": 0.4, "scale": 2.0},
    "y": "lognorm",
    "y_params": {"s": 0.7},
}
_CAUCHY = {"x": "cauchy", "x_params": {"loc": -1.0}, "y": "cauchy", "y_params": {"loc": 0.5}}
_BALL = {"dim": 10, "x": {"law": "ball", "radius": 3.0}, "y": {"law": "sphere", "radius": 1.0}}
_SHELLS = {
    "dim": 3,
    "x": {"law": "gaussian", "std": 1.0},
    "y": {"law": "ball", "radius": 2.5},
}
_TURNED = {
    "dim": 3,
    "period": 24.0,
    "x": {"law": "arc", "center": 0.1, "width": 0.2},
    "y": {"law": "arc", "center": 0.35, "width": 0.2},
}
_BENT = {
    "x": {"law": "von_mises", "center": 0.3, "concentration": 2.0},
    "y": {"law": "arc", "center": 0.9, "width": 0.4},
}
_DEGREES = {
    "positions": (0.0, 90.0, 350.0),
    "weights_x": (2.0, 1.0, 1.0),
    "weights_y": (1.0, 1.0, 2.0),
}
_PLACES = {  # latitude and longitude of some cities
    "x": ((51.507, -0.128), (48.857, 2.352), (41.902, 12.496), (30.044, 31.236)),
    "y": (
        (35.69, 139.692),
        (-33.869, 151.209),
        (40.713, -74.006),
        (55.756, 37.617),
        (-34.6, -58.4),
    ),
    "a": (0.4, 0.3, 0.2, 0.1),
    "b": (0.2, 0.2, 0.2, 0.2, 0.2),
}
_BOX = {
    "x": ((0.1, 3.9), (1.2, 0.3), (2.9, 2.2), (3.7, 3.6), (2.0, 0.1)),
    "y": ((3.8, 0.2), (0.4, 1.1), (2.1, 3.0)),
    "b": (0.5, 0.2, 0.3),
}
_DIGITS_SET: dict[str, Any] = {"licence": _DIGITS, "cited": _DIGITS_CITED}

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "gaussian_shift", "plane",
        (*_by(plans.shuffled_translation),
         *_along(plans.shuffled_translation, lambda p: Mahalanobis(_PRECISION, p))),
    ),
    *(
        Entry("gaussian_shift", f"dim{dim}", _by(plans.shuffled_translation),
              {"dim": dim, "shift": shift})
        for dim, shift in ((10, 0.8944271909999159), (16, 0.7071067811865476), (128, 0.25))
    ),
    Entry("parallel_segments", "example1", _by(plans.shuffled_segments)),
    Entry("gaussians", "plane", _by(moments.trace_formula, ("l2",), (2,))),
    Entry(
        "gaussians", "line",
        (*_by(line.normal_cdfs, ("l2",), (1,)), *_by(line.normal_quantiles, ("l2",), POWERS[1:])),
        _LINE,
    ),
    Entry("gaussians", "moved", _by(plans.length_of_shift), _MOVED),
    *(
        Entry(
            "spiked_gaussian", label,
            (*_by(line.spike_cdfs, NORMS, (1,)), *_by(moments.spike_trace_formula, ("l2",), (2,)),
             *_by(line.spike_quantiles, NORMS, (1.5, 3, 7))),
            parameters,
        )
        for label, parameters in (("plane", {}), ("dim10", {"dim": 10, "spike": 16.0}))
    ),
    *(
        Entry(
            "one_dimensional", label,
            (*_by(line.scipy_cdfs, ("l2",), (1,)), *_by(line.gaussian_levels, ("l2",), powers)),
            parameters,
        )
        for label, parameters, powers in (
            ("laplace", {}, POWERS[1:]), ("skewed", _SKEWED, (1.5, 2, 3)),
        )
    ),
    Entry("one_dimensional", "cauchy", _by(line.scipy_cdfs, ("l2",), (1,)), _CAUCHY),
    *(
        Entry("radial", label, _by(line.monotone_radius, ("l2",)), parameters)
        for label, parameters in (("plane", {}), ("ball10", _BALL), ("space", _SHELLS))
    ),
    Entry("concentric_spheres", "plane", _by(moments.round_the_circle)),
    Entry("concentric_spheres", "dim10", _by(plans.shuffled_spheres, ("l2",)), {"dim": 10}),
    Entry("point_mass", "plane", _by(moments.plane_point)),
    Entry("point_mass", "dim10", _by(moments.confluent_point, ("l2",)),
          {"at": (0.5,) * 10, "std": 2.0}),
    Entry("dilation", "square", _by(moments.plane_dilation)),
    Entry(
        "dilation", "gaussian3",
        (*_by(moments.confluent_dilation, ("l2",)),
         *_by(draws.mean_displacement, NORMS[1:], (1, 1.5, 2, 3))),
        {"dim": 3, "base": "gaussian", "factor": 3.0, "center": (1.0, -2.0, 0.0)},
    ),
    Entry(
        "dilation", "ball4",
        (*_by(moments.ball_in_polar_coordinates, ("l2",)),
         *_by(draws.mean_displacement, NORMS[1:])),
        {"dim": 4, "base": "ball", "factor": 0.5},
    ),
    Entry(
        "clusters", "plane",
        (*_by(plans.weighted_balls, ("l2", "l1")),
         *_by(plans.weighted_balls, ("linf",), POWERS[:-1])),
    ),
    Entry(
        "weighted_points", "plane", (*_by(plans.points_programme),
                                     *_along(plans.points_programme, _torus((2.5, 3.5)))),
        exact=True,
    ),
    Entry(
        "weighted_points", "places",
        _along(plans.points_programme, lambda p: Sphere(p, _EARTH)), _PLACES, exact=True,
    ),
    Entry(
        "weighted_points", "box", _along(plans.points_programme, _torus(4.0)), _BOX, exact=True,
    ),
    *(
        Entry("pictures", kind,
              ((Cost(1, "l1"), grids.picture_flow), (Cost(2), grids.picture_by_axes)),
              {"kind": kind, "size": 32 if kind == "shapes" else 16}, exact=True,
              licence=_PATCHES if kind == "photographs" else "Apache-2.0")
        for kind in ("noise", "shapes", "blobs", "photographs")
    ),
    Entry(
        "histogram", "textbook",
        (*_by(line.histogram_scipy, ("l2",), (1,)),
         *_by(plans.histogram_programme, ("l2",), POWERS[1:]),
         *_along(plans.histogram_programme, _torus(4.0))),
        exact=True,
    ),
    Entry(
        "histogram", "degrees",
        (*_by(line.histogram_scipy, ("l2",), (1,)),
         *_along(plans.histogram_programme, _torus(360.0))),
        _DEGREES, exact=True,
    ),
    Entry(
        "periodic", "circle",
        (*_along(line.binned_on_the_circle, _torus(360.0)),
         *_by(line.binned_on_the_line, ("l2",))),
    ),
    Entry("periodic", "torus2", _along(line.binned_on_the_circle, _torus(360.0), (2,)), {"dim": 2}),
    Entry("periodic", "turned3", _along(plans.torus_programme, _torus(24.0)), _TURNED),
    Entry(
        "great_circle", "rotated",
        (*_along(plans.great_circle_programme, Sphere),
         *_along(plans.great_circle_programme, Cosine),
         *_along(plans.great_circle_programme, lambda p: Sphere(p, _EARTH))),
    ),
    Entry("great_circle", "bent", _along(plans.great_circle_programme, Sphere), _BENT),
    Entry("reweighted_mixture", "plane", _by(line.mixture_cdfs, NORMS, (1,))),
    Entry("reweighted_mixture", "points", _by(plans.two_points, ("l2",)), {"dim": 1, "std": 0.0}),
    Entry(
        "convex_gradient", "plane",
        (*_by(moments.sigmoid_integral, ("l2",)), *_by(draws.mean_displacement, NORMS[1:], (1,))),
    ),
    Entry(
        "noisy", "gaussian",
        (*_by(line.noise_radii, ("l2",)), *_by(line.noise_coordinates, ("l1",), (1,)),
         *_by(draws.mean_displacement, ("linf",), (1, 2))),
    ),
    Entry("noisy", "uniform", _by(line.uniform_coordinates, ("l2",)),
          {"dim": 1, "noise": "uniform"}),
    *(
        Entry("funnels", f"dim{dim}", _by(draws.followed_rays, ("l2",), (1,)),
              {"dim": dim, "width": 16, "seed": 0})
        for dim in (2, 8)
    ),
    *(
        Entry("convex_pairs", f"dim{dim}", _by(draws.drawn_to_places, ("l2",), (2,)),
              {"dim": dim, "seed": 0})
        for dim in (2, 8, 32, 128)
    ),
    Entry("image_batches", "digits", _by(draws.energy_distance, ("l2",), (1, 2)), **_DIGITS_SET),
    Entry("image_batches", "patches", _by(draws.energy_distance, ("l2",), (1, 2)),
          {"dataset": "patches"}, licence=_PATCHES),
    Entry("translated_images", "digits", _by(plans.plan_of_pairs), **_DIGITS_SET),
    Entry("translated_images", "slightly", _by(plans.plan_of_pairs), {"shift": 0.1},
          **_DIGITS_SET),
    Entry("blurred_images", "digits", _by(plans.blurred_by_scipy, ("l2",), (2,)), **_DIGITS_SET),
    Entry("funnel_images", "digits", _by(plans.all_images, ("l2",), (1,)), **_DIGITS_SET),
    Entry("own_data", "moved", _by(plans.all_rows, NORMS, (1, 2)), exact=True, **_DIGITS_SET),
    Entry("own_data", "shrunk", _by(plans.all_rows, NORMS, (1, 2)), {"transform": "dilate"},
          **_DIGITS_SET),
    Entry("own_data", "funnels", _by(plans.all_rows, ("l2",), (1,)), {"transform": "funnels"},
          **_DIGITS_SET),
)  # fmt: skip
"""One a card, in the order of the registry."""
