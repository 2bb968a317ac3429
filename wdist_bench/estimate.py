"""The answer of an estimator, and the two interfaces that produce it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from wdist_bench.costs import Cost
from wdist_bench.display.notebook import html_table
from wdist_bench.interface import Plugin, declared
from wdist_bench.problem import Problem, Samples
from wdist_bench.validation import check_name

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TARGETS = ("batch", "population")
BOUNDS = ("exact", "lower", "upper", "none")
NOT_RUN = ("skipped", "refused")
"""Statuses of cells that nothing ran for: data that is not here, and what has no meaning."""

_NO_CELLS = ("potentials", "history", "diagnostics", "plan", "runs", "map", "inverse_map")
"""Fields that make no cell of a data frame."""

STATUSES = ("ok", "not_converged", "diverged", "timeout", "out_of_memory", "error", *NOT_RUN)


Map = Callable[[Any], np.ndarray]
"""A map of points (n, d) to points (n, d), both in the user's coordinates, in float64."""


class Potentials(NamedTuple):
    """Dual potentials at the samples: phi of shape (n,) at x, psi of shape (m,) at y."""

    phi: Float[np.ndarray, " n"]
    psi: Float[np.ndarray, " m"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Potentials) and _equal(tuple(self), tuple(other))

    def __ne__(self, other: object) -> bool:
        return not self == other


@dataclass(frozen=True, eq=False)
class Estimate:
    """What an estimator says about W_p(mu, nu).

    Two are equal where all fields are: arrays entry by entry, and NaN equals NaN. They are not
    hashable, since they hold arrays.

    Attributes:
        value: the estimate of W_p (the p-th root, no factor 1/2); NaN unless `status` is "ok".
        cost: the estimate of E[c] = W_p^p.
        target: "batch" (the distance of the given samples) or "population".
        bound: what `value` is of the target: "exact", "lower", "upper" or "none".
        stderr: statistical standard error of `value`, where there is one.
        interval: 95 % confidence interval for the target, where there is one: of a number that is
            a bound or neither, `stderr` is the noise, and no interval about it holds the target.
        lower: lower bound, where the method gives one: certified where `level` is None.
        upper: upper bound, likewise.
        level: confidence with which `lower` and `upper` hold the target; None where they are
            certified.
        status: "ok", or what went wrong.
        message: one sentence: what happened and what to do.
        steps: steps of the solver or of training.
        potentials: dual potentials at the samples, where there are any.
        plan: (n, m) optimal transport plan, a scipy.sparse.csr_array with row sums a and column
            sums b; of `exact`, and of `one_dimensional` on a line. None elsewhere: entropic plans
            have no zeros, and bounds come without one.
        history: the estimate along training, shape (steps,), each entry from the fresh minibatch
            of its step before the update.
        diagnostics: named numbers (primal, dual, gap ...).
        truth: distance of the populations, which `wb.evaluate` knows of most tasks; None elsewhere.
        runs: (runs,) value of each run of `wb.evaluate`, where there were several.
        map: the estimate of the optimal map T of mu to nu, a function of points (n, d), on the
            whole space; None where the method has none. Equality leaves it out.
        inverse_map: the same of the map of nu to mu.
    """

    value: float
    cost: float
    target: str
    bound: str
    stderr: float | None = None
    interval: tuple[float, float] | None = None
    lower: float | None = None
    upper: float | None = None
    level: float | None = None
    status: str = "ok"
    message: str = ""
    steps: int = 0
    potentials: Potentials | None = field(default=None, repr=False)
    history: Float[np.ndarray, " steps"] | None = field(default=None, repr=False)
    diagnostics: dict[str, float] = field(default_factory=dict, repr=False)
    plan: Any = field(default=None, repr=False)
    truth: float | None = None
    runs: Float[np.ndarray, " runs"] | None = field(default=None, repr=False)
    map: Map | None = field(default=None, repr=False, compare=False)
    inverse_map: Map | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_name(self.target, TARGETS, "target")
        check_name(self.bound, BOUNDS, "bound")
        check_name(self.status, STATUSES, "status")
        if self.status == "ok" and not math.isfinite(self.value):
            object.__setattr__(self, "status", "diverged")
            object.__setattr__(self, "message", self.message or "the estimator returned NaN or inf")
        if self.status != "ok":
            object.__setattr__(self, "value", math.nan)
            object.__setattr__(self, "cost", math.nan)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        compared = [f.name for f in fields(self) if f.compare]
        return all(_equal(getattr(self, name), getattr(other, name)) for name in compared)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Only what says something: fields left at None, 0 or "" are not shown."""
        text = ", ".join(f"{name}={_short(value)}" for name, value in self._said())
        return f"Estimate({text})"

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks."""
        return html_table("Estimate", self._said())

    def _said(self) -> list[tuple[str, Any]]:
        shown = [(f.name, getattr(self, f.name)) for f in fields(self) if f.repr]
        shown.append(("error", self.error))
        kept = ("value", "truth", "error")  # 0 says something of these
        return [
            (name, value)
            for name, value in shown
            if value not in (None, "", 0) or (name in kept and value is not None)
        ]

    @property
    def error(self) -> float | None:
        """value - truth, in units of W_p, where the truth is known; None elsewhere.

        Of a batch estimator it holds too how far batches are above their populations.
        """
        return None if self.truth is None else self.value - self.truth

    def __float__(self) -> float:
        """The value; NaN where the status is not "ok"."""
        return float(self.value)

    def numbers(self) -> Estimate:
        """The answer without its arrays and functions, small and fit to be sent elsewhere."""
        return replace(self, potentials=None, history=None, plan=None, map=None, inverse_map=None)

    def to_frame(self) -> pd.DataFrame:
        """One row: every field that is a number or a word, and the diagnostics of other names."""
        import pandas as pd

        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NO_CELLS}
        row["error"] = self.error
        return pd.DataFrame([row | self.diagnostics | row])

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the value with its bounds or interval, the truth, each run, the history.

        Args:
            axes: where to draw; by default the current axes of matplotlib, as `pyplot` does.

        Returns:
            The axes. With a history, the estimate along training (W_p over steps); without one,
            a line of W_p.
        """
        from wdist_bench.display.plots import plot_estimate

        return plot_estimate(self, axes)

    @classmethod
    def failed(cls, status: str, message: str, *, target: str, bound: str, **rest: Any) -> Estimate:
        """An estimate that is no number."""
        return cls(
            math.nan, math.nan, target=target, bound=bound, status=status, message=message, **rest
        )

    @classmethod
    def zero(cls, samples: Samples, *, bound: str, **rest: Any) -> Estimate:
        """That of a batch whose two measures are one and the same, where no rounding is needed."""
        nothing = Potentials(np.zeros(len(samples.x)), np.zeros(len(samples.y)))
        upper = None if bound == "lower" else 0.0
        return cls(
            0.0, 0.0, target="batch", bound=bound, lower=0.0, upper=upper, potentials=nothing,
            **rest,
        )  # fmt: skip


def _equal(one: Any, other: Any) -> bool:
    """Equality by content of numbers, words, arrays, and of what is made of them."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if hasattr(one, "toarray") and hasattr(other, "toarray"):  # sparse
        return one.shape == other.shape and (one != other).nnz == 0
    if hasattr(one, "__array__") or hasattr(other, "__array__"):
        left, right = np.asarray(one), np.asarray(other)
        floats = left.dtype.kind in "fc" and right.dtype.kind in "fc"
        return bool(np.array_equal(left, right, equal_nan=floats))
    return bool(one == other)


def _short(value: Any) -> str:
    """Numbers with six digits, the rest as it is."""
    if isinstance(value, tuple):
        return "(" + ", ".join(_short(part) for part in value) + ")"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


class Fitted(ABC):
    """An estimator after `fit`: frozen, ready to be evaluated on samples.

    Attributes:
        history: (steps,) the estimate of W_p^p on each step's minibatch before its update; empty
            where nothing is trained.
    """

    history: Any = declared("(steps,) the estimate along training", default=())

    @abstractmethod
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The estimate on given samples (n points of mu, m of nu, with weights)."""


class TracedFitted(Fitted):
    """A fitted estimator that also evaluates inside a compiled program."""

    @abstractmethod
    def batch_cost(self, samples: Samples, cost: Cost) -> Float[Array, ""]:
        """Scalar estimate of W_p^p on the samples; NaN where it failed. Pure and traceable."""

    def transport(self, points: Float[Array, "n d"]) -> Float[Array, "n d"] | None:
        """T at points of mu, where it was fitted for p = 2 in l2; None where it has no map.

        Points and images are in the coordinates that it was fitted in. Pure and traceable.
        """
        return None

    def inverse_transport(self, points: Float[Array, "m d"]) -> Float[Array, "m d"] | None:
        """The map of nu to mu at points of nu; None where it has none. Otherwise as `transport`."""
        return None


class Estimator(Plugin):
    """A frozen, hashable configuration. Implementations are frozen dataclasses.

    Attributes:
        version: raised whenever the same parameters would give another number.
        target: "batch" or "population": what `value` speaks of when the estimator sees a stream.
        bound: what `value` is of that target: "exact", "lower", "upper" or "none".
        every_cost: whether it looks at a ground cost through its methods and attributes alone, so
            that any may be given to it that its `check_cost` does not refuse; others are given
            norms l2 and l1 at p = 1 and 2 only.
        traced: whether `fit` and the `batch_cost` of what it returns run inside `jax.jit`.
        baseline: whether it is there to be beaten: `recommend` tries it only where it is named.
        steps: training steps; 0 where nothing is trained.
        batch_size: points of each measure in a minibatch, and in a batch that it is evaluated on.
        standardize: whether samples given as arrays are brought to unit size for `fit`
            (`Problem.unit`), so that learning rates mean the same for all data.
        network: name of the architecture that tables show; empty where there is none.
    """

    required: ClassVar[tuple[str, ...]] = ("version", "target", "bound")

    version: ClassVar[int]
    target: ClassVar[str]
    bound: ClassVar[str]
    every_cost: ClassVar[bool] = False
    traced: ClassVar[bool] = False
    baseline: ClassVar[bool] = False

    steps: int = declared("training steps", default=0)
    batch_size: int = declared("points of each measure in a minibatch", default=64)
    standardize: bool = declared("whether arrays are brought to unit size", default=False)
    network: str = declared("name of the architecture", default="")

    @classmethod
    def check_class(cls) -> None:
        """Target and bound are words of the library, and a traced solver has `batch_cost`."""
        check_name(cls.target, TARGETS, f"target of {cls.name}")
        check_name(cls.bound, BOUNDS, f"bound of {cls.name}")
        if cls.traced and issubclass(cls, DirectEstimator) and not issubclass(cls, TracedFitted):
            raise TypeError(
                f"{cls.name}: expected a method `batch_cost`, since `traced` is True, got none; "
                "derive it from wb.TracedFitted too and write it, or leave `traced` out"
            )

    @abstractmethod
    def fit(self, key: jax.Array, problem: Problem) -> Fitted:
        """Fit to a problem. `key` is for the estimator's own randomness, never for data."""

    def check_cost(self, cost: Cost) -> None:
        """Raise ValueError where this estimator has no meaning for that cost."""

    def check_dim(self, dim: int) -> None:
        """Raise ValueError where this estimator takes no points of that dimension."""


class DirectEstimator(Estimator, Fitted):
    """A solver that fits nothing: implement `estimate`."""

    def fit(self, key: jax.Array, problem: Problem) -> Fitted:
        """The estimator itself, since there is nothing to fit."""
        return self


def out_of_memory_is_a_status(
    estimate: Callable[[Any, Samples, Cost], Estimate],
) -> Callable[[Any, Samples, Cost], Estimate]:
    """An `estimate` method that answers "out_of_memory" where memory ran out."""

    @wraps(estimate)
    def answer(self: Any, samples: Samples, cost: Cost) -> Estimate:
        try:
            return estimate(self, samples, cost)
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            return out_of_memory(error, self)

    return answer


def out_of_memory(error: Exception, estimator: Estimator) -> Estimate:
    """The answer of an estimator whose memory ran out; raises any other error again."""
    text = str(error).split("\n", 1)[0]
    if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in text:
        raise error
    return Estimate.failed("out_of_memory", text, target=estimator.target, bound=estimator.bound)
