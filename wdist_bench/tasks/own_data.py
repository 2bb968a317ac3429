"""Any sample array as a task: its rows against their image under a map with a known distance."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.datasets.tables import digits_as_rows, load_rows
from wdist_bench.problem import Sampler
from wdist_bench.registry import FrozenArray
from wdist_bench.tasks import register
from wdist_bench.tasks.origin import at_origin, far_origin, from_origin
from wdist_bench.tasks.parameters import as_vector, frozen_vector
from wdist_bench.tasks.rows import Rows
from wdist_bench.tasks.transforms import AlongRays, Dilate, MappedTask, Transform, Translate
from wdist_bench.truth import Truth
from wdist_bench.validation import check_integer, check_name, check_number, check_seed

# Parameters of each transform with their defaults.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "translate": {"shift": 1.0},
    "dilate": {"factor": 0.5, "center": None},
    "funnels": {"width": 16, "seed": 0, "power": 8.0},
}


@register
@dataclass(frozen=True)
class OwnData(MappedTask):
    """mu = the rows with equal weights, nu = its image under a map T; samples are
    independent rows, with replacement, so the population truth is an exact sum over all rows.

    - "translate": T(x) = x + v, W_p = ||v||.
    - "dilate": T(x) = a + s (x - a), W_p = |1 - s| (mean ||x - a||^p)^(1/p).
    - "funnels": along the rays of random funnels around the rows (`AlongRays.around`);
      W_1 = mean ||x - T x||, l2 only.

    Attributes:
        samples: (n, dim) array, or path of an .npy, .npz (one array, or the key "samples"), .csv,
            .tsv or .parquet file or of an image folder; None for the digits of scikit-learn. Tasks
            are equal where the rows and the map are.
        transform: "translate", "dilate" or "funnels".
        shift: v, a number for every coordinate or a vector; 1 (translate).
        factor: s >= 0; 0.5 (dilate).
        center: a, a number for every coordinate or a vector; None for the mean (dilate).
        width: number of funnels; 16 (funnels).
        seed: of centers and biases; 0 (funnels).
        power: exponent of T, >= 1; 8 (funnels).
        digest: SHA-256 of the rows.

    Raises:
        FileNotFoundError: no such file.
        ValueError, TypeError: rows that are no finite table, or parameters of another transform.
    """

    name: ClassVar[str] = "own_data"
    reference: ClassVar[str] = "exact sum over the rows: translation, dilation or funnel rays"
    of_rows: ClassVar[bool] = True

    samples: Any = field(default=None, compare=False)
    transform: str = "translate"
    shift: float | tuple[float, ...] | None = None
    factor: float | None = None
    center: float | tuple[float, ...] | None = None
    width: int | None = None
    seed: int | None = None
    power: float | None = None
    digest: str = field(init=False, repr=False)
    rows: FrozenArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_name(self.transform, _DEFAULTS, "transform")
        self._settle_parameters()
        given = self.samples is not None
        rows = FrozenArray(load_rows(self.samples, "samples") if given else digits_as_rows())
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "digest", rows.digest)
        if given and not isinstance(self.samples, str):
            object.__setattr__(self, "samples", rows)
        dim = rows.values.shape[1]
        if self.transform == "translate":
            object.__setattr__(self, "shift", frozen_vector(self.shift, "shift", dim))
        elif self.transform == "dilate":
            check_number(self.factor, "factor", minimum=0)
            if self.center is not None:
                object.__setattr__(self, "center", frozen_vector(self.center, "center", dim))
        else:
            check_integer(self.width, "width", 1)
            check_seed(self.seed)
            check_number(self.power, "power", minimum=1)
            if not np.ptp(rows.values, axis=0).any():
                raise ValueError(
                    "samples: expected rows that differ, got equal ones, which have no box for "
                    "funnels; use transform='translate'"
                )

    def _settle_parameters(self) -> None:
        """Fill in the defaults of the transform; refuse the parameters of the others."""
        own = _DEFAULTS[self.transform]
        for defaults in _DEFAULTS.values():
            for parameter in defaults:
                value = getattr(self, parameter)
                if parameter not in own and value is not None:
                    raise ValueError(
                        f"{parameter}: expected none with transform {self.transform!r}, got "
                        f"{value!r}; it takes {', '.join(own)}"
                    )
                value = own.get(parameter) if value is None else value
                object.__setattr__(self, parameter, value)

    def sampler(self) -> Sampler:
        """Independent rows, and images of other independent rows, in float64."""
        return Rows.of(_rows(self), _moved(self))

    @property
    def origin(self) -> np.ndarray:
        """What samples are drawn relative to; zeros near zero."""
        return _origin(self)

    def truth_for(self, cost: Cost) -> Truth | None:
        """The distance between the rows and their images; None for funnels but W_1 in l2."""
        transform = _transform(self)
        value = transform.distance(_rows(self), cost)
        return None if value is None else Truth(value, 0.0, "closed-form", transform.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Rows with their images, in float64; None where T is not known to be optimal."""
        if p != 1 and self.transform == "funnels":
            return None
        chosen = np.asarray(jax.random.randint(key, (n,), 0, len(self.rows.values), jnp.int32))
        with jax.enable_x64(True):
            pairs = jnp.asarray(_rows(self)[chosen]), jnp.asarray(_moved(self)[chosen])
        return at_origin(pairs, _origin(self))

    def optimal_map(self) -> Transform:
        """The map that `transform` names, in coordinates relative to the origin."""
        return _transform(self)


@lru_cache(maxsize=16)
def _origin(task: OwnData) -> np.ndarray:
    return far_origin(task.rows.values)


@lru_cache(maxsize=4)
def _rows(task: OwnData) -> np.ndarray:
    """The rows relative to the origin, as is everything below."""
    return from_origin(task.rows.values, _origin(task))


@lru_cache(maxsize=16)
def _transform(task: OwnData) -> Transform:
    rows = _rows(task)
    dim = rows.shape[1]
    if task.transform == "translate":
        return Translate(as_vector(task.shift, dim))
    if task.transform == "dilate":
        center = (
            rows.mean(0) if task.center is None else as_vector(task.center, dim) - _origin(task)
        )
        return Dilate(check_number(task.factor, "factor"), center)
    seed, width = check_seed(task.seed), check_integer(task.width, "width", 1)
    return AlongRays.around(rows, width, seed, check_number(task.power, "power"))


@lru_cache(maxsize=4)
def _moved(task: OwnData) -> np.ndarray:
    return _transform(task).move(_rows(task))
