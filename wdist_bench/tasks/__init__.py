"""The registry of tasks: `names()`, `get(name, **parameters)`, `register`."""

from __future__ import annotations

from wdist_bench.registry import Registry
from wdist_bench.tasks.base import Task

registry: Registry[Task] = Registry(Task, "task", "wdist_bench.tasks")
names = registry.names
get = registry.get
factory = registry.factory
register = registry.register

from wdist_bench.tasks import (  # noqa: E402  (they register themselves above)
    gaussian_shift,
    gaussians,
    one_dimensional,
    radial,
    periodic,
    great_circle,
    dilation,
    point_mass,
    concentric_spheres,
    parallel_segments,
    spiked_gaussian,
    convex_gradient,
    reweighted_mixture,
    image_batches,
    translated_images,
    blurred_images,
    funnel_images,
    clusters,
    histogram,
    weighted_points,
    pictures,
    noisy,
    funnels,
    convex_pairs,
    own_data,
)
