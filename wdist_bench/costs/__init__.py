"""Ground costs c(x, y) = d(x, y)^p: `Cost(p, norm)`, `names()`, `get(name, **parameters)`."""

from wdist_bench.costs.base import Cost, factory, get, names, register, registry
from wdist_bench.costs.l2 import L2  # isort: skip  (the order is that of `names`)
from wdist_bench.costs.l1 import L1  # isort: skip
from wdist_bench.costs.linf import LInf  # isort: skip
from wdist_bench.costs.mahalanobis import Mahalanobis  # isort: skip
from wdist_bench.costs.cosine import Cosine  # isort: skip
from wdist_bench.costs.torus import Torus  # isort: skip
from wdist_bench.costs.sphere import Sphere  # isort: skip
from wdist_bench.costs.given import Matrix, Pairwise, as_cost

__all__ = [
    "Cosine",
    "Cost",
    "L1",
    "L2",
    "LInf",
    "Mahalanobis",
    "Matrix",
    "Pairwise",
    "Sphere",
    "Torus",
    "as_cost",
    "factory",
    "get",
    "names",
    "register",
    "registry",
]
