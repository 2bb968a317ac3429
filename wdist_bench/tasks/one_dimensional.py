"""Two populations on the line, any continuous ones that scipy.stats knows by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.problem import Sampler
from wdist_bench.pytrees import pytree
from wdist_bench.registry import freeze
from wdist_bench.tasks import register
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.origin import at_origin, far_origin
from wdist_bench.tasks.parameters import Pairs, check_keys, frozen_pairs
from wdist_bench.tasks.quantiles import TAIL, Quantile, QuantileTable, draw_levels, wasserstein
from wdist_bench.truth import Truth
from wdist_bench.validation import check_number

# Levels whose quantiles say where a law lies.
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@register
@dataclass(frozen=True)
class OneDimensional(Task):
    """mu = the law `x` against nu = the law `y`, on the line.

    W_p^p = int_0^1 |F^-1(u) - G^-1(u)|^p du, by quadrature to 1e-8 relative or better. Laws of
    equal name, shape and scale differ by a translation, whatever their tails. `truth` is None for
    p > 1 where the p-th moments are infinite (or resolve too slowly); a pair whose W_1 is
    infinite is refused.

    Samples are quantiles of uniform levels, read from a table by cubic interpolation: float32
    accuracy relative to the scale of the law, tails cut at a probability of 6e-11 on each side.

    Attributes:
        x: name of a continuous law in scipy.stats.
        y: likewise.
        x_params: its keywords: shapes, `loc` and `scale`.
        y_params: likewise.

    Source: Villani, Topics in Optimal Transportation, Theorem 2.18.
    """

    name: ClassVar[str] = "one_dimensional"
    reference: ClassVar[str] = "W_p^p = int |F^-1 - G^-1|^p du (Villani 2003, Theorem 2.18)"

    x: str = "norm"
    y: str = "laplace"
    x_params: Any = (("loc", 0.0), ("scale", 1.0))
    y_params: Any = ()

    def __post_init__(self) -> None:
        for side in ("x", "y"):
            pairs = frozen_pairs(getattr(self, f"{side}_params"), f"{side}_params")
            object.__setattr__(self, f"{side}_params", pairs)
            _law(getattr(self, side), pairs, side)
        if self.truth(1) is None:
            raise ValueError(
                f"one_dimensional: expected laws at a finite W_1, got {self.x!r} and {self.y!r} "
                "with infinite means (or tails too heavy to resolve); choose lighter tails"
            )

    @property
    def dim(self) -> int:
        """Dimension of the points, which are numbers: 1."""
        return 1

    def sampler(self) -> Sampler:
        """n independent points of mu and n of nu a draw, each of shape (n, dim)."""
        return _QuantileSampler(*self._tables())

    @property
    def origin(self) -> np.ndarray:
        """What samples are drawn relative to; zeros near zero."""
        return _origin(self.x, self.x_params, self.y, self.y_params)

    def _laws(self) -> tuple[Pairs, Pairs]:
        """The parameters of both populations relative to the origin."""
        origin = float(self.origin[0])
        x, y = (
            freeze(dict(pairs) | {"loc": float(dict(pairs).get("loc", 0.0)) - origin})
            if origin
            else pairs
            for pairs in (self.x_params, self.y_params)
        )
        return x, y

    def truth_for(self, cost: Cost) -> Truth | None:
        """The distance of the quantile functions; on the line all norms are |.| times a factor."""
        if not cost.is_norm:
            return None
        moved, unit = self._translation(), cost.length(np.ones(1))
        if moved is not None:
            reference = "translation: W_p(mu, mu + v) = |v|"
            return Truth(unit * abs(moved), 0.0, "closed-form", reference)
        x_params, y_params = self._laws()
        value = _distance(self.x, x_params, self.y, y_params, cost.p)
        return None if value is None else Truth(unit * value, 0.0, "quadrature", self.reference)

    def pairs_for(self, key: jax.Array, n: int, p: float) -> tuple[jax.Array, jax.Array] | None:
        """Both quantiles of one level: the monotone coupling, optimal for every p."""
        levels = draw_levels(key, n)
        x, y = self._tables()
        return at_origin((x(levels)[:, None], y(levels)[:, None]), self.origin)

    def map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """G^-1(F(x)), increasing and so optimal for every p."""
        return _monotone(self.x, self.x_params, self.y, self.y_params, points)

    def inverse_map_for(self, points: np.ndarray, p: float) -> np.ndarray | None:
        """F^-1(G(y))."""
        return _monotone(self.y, self.y_params, self.x, self.x_params, points)

    def _tables(self) -> tuple[QuantileTable, QuantileTable]:
        x_params, y_params = self._laws()
        nodes = _nodes(self.x, x_params), _nodes(self.y, y_params)
        x, y = (QuantileTable(jnp.asarray(values, jnp.float32)) for values in nodes)
        return x, y

    def _translation(self) -> float | None:
        """How far apart two populations are that differ in `loc` alone."""
        defaults = {"loc": 0.0, "scale": 1.0}
        x, y = ({**defaults, **dict(pairs)} for pairs in (self.x_params, self.y_params))
        moved = y.pop("loc") - x.pop("loc")
        return moved if self.x == self.y and x == y else None


def _law(name: Any, pairs: Pairs, side: str) -> Any:
    """The distribution of scipy.stats with these parameters; ValueError says what is wrong."""
    from scipy import stats

    law = getattr(stats, name, None) if isinstance(name, str) else None
    if isinstance(law, stats.rv_discrete):
        raise ValueError(
            f"{side}: expected a continuous law, got {name!r}, which is discrete; "
            "use the task 'histogram' or 'weighted_points' for masses at points"
        )
    if not isinstance(law, stats.rv_continuous):
        known = [key for key, item in vars(stats).items() if isinstance(item, stats.rv_continuous)]
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else "see the list in the docs of scipy.stats"
        raise ValueError(
            f"{side}: expected the name of a continuous law in scipy.stats, got {name!r}; {hint}"
        )
    shapes = [shape.strip() for shape in law.shapes.split(",")] if law.shapes else []
    check_keys(pairs, [*shapes, "loc", "scale"], f"{side} law {name!r}")
    given = {key: check_number(value, f"{side}_params {key!r}") for key, value in pairs}
    missing = [shape for shape in shapes if shape not in given]
    if missing:
        raise ValueError(
            f"{side}_params: expected {', '.join(shapes)} for {name!r}, got no {missing[0]!r}; "
            f'write {{"{missing[0]}": ...}}'
        )
    frozen = law(**given)
    if given.get("scale", 1.0) <= 0 or not np.isfinite(frozen.ppf(0.5)):
        raise ValueError(
            f"{side}_params: expected parameters in the domain of {name!r}, got {given}; "
            f"see scipy.stats.{name}"
        )
    return frozen


@lru_cache(maxsize=256)
def _origin(x: str, x_params: Pairs, y: str, y_params: Pairs) -> np.ndarray:
    laws = _law(x, x_params, "x"), _law(y, y_params, "y")
    return far_origin(np.concatenate([law.ppf(_LEVELS) for law in laws])[:, None])


def _quantile(name: str, pairs: Pairs) -> Quantile:
    law = _law(name, pairs, name)
    return Quantile(law.ppf, law.isf, law.cdf, law.sf)


def _monotone(x: str, x_params: Pairs, y: str, y_params: Pairs, points: np.ndarray) -> np.ndarray:
    """G^-1(F(x)) at points, by survival functions above the median, where these have digits.

    An end of the support, which float32 samples are rounded onto, goes to where samples of the
    other law end, not to infinity.
    """
    first, second = _law(x, x_params, "x"), _law(y, y_params, "y")
    levels = first.cdf(points), first.sf(points)
    ends = zip(first.support(), second.support(), strict=True)
    below, above = (
        np.maximum(level, TAIL) if np.isfinite(end) and np.isinf(image) else level
        for level, (end, image) in zip(levels, ends, strict=True)
    )
    images = np.where(below < 0.5, second.ppf(below), second.isf(above))
    return np.asarray(images, np.float64)


@lru_cache(maxsize=256)
def _distance(x: str, x_params: Pairs, y: str, y_params: Pairs, p: float) -> float | None:
    return wasserstein(_quantile(x, x_params), _quantile(y, y_params), p)


@lru_cache(maxsize=256)
def _nodes(name: str, pairs: Pairs) -> np.ndarray:
    return QuantileTable.nodes(_quantile(name, pairs))


@pytree
@dataclass(frozen=True)
class _QuantileSampler(Sampler):
    x: QuantileTable
    y: QuantileTable

    @property
    def dim(self) -> int:
        return 1

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        key_x, key_y = jax.random.split(key)
        x, y = self.x(draw_levels(key_x, n)), self.y(draw_levels(key_y, n))
        return x[:, None], y[:, None]
