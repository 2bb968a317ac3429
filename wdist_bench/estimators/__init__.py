"""The registry of estimators: `names()`, `get(name, **parameters)`, `register`."""

from __future__ import annotations

from wdist_bench.estimate import Estimator
from wdist_bench.registry import Registry

registry: Registry[Estimator] = Registry(Estimator, "estimator", "wdist_bench.estimators")
names = registry.names
get = registry.get
factory = registry.factory
register = registry.register

from wdist_bench.estimators import (  # noqa: E402  (they register themselves above)
    exact,
    one_dimensional,
    gaussian,
    sinkhorn,
    sliced,
    nearest_neighbor,
    weight_clipping,
    gradient_penalty,
    lipschitz_penalty,
    spectral_norm,
    group_sort,
    c_transform,
    soft_c_transform,
    double_c_transform,
    funnel,
    bracket,
    icnn,
    maximin,
    w2gn,
    monge_gap,
    centered,
    extrapolated,
    richardson_sinkhorn,
    smoothed,
    max_sliced,
    subspace_robust,
    baseline_map,
)
