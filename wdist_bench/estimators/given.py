"""An estimator that a caller gave, by name or as it is, and what it returns: ours or a stranger's.

Everything that calls an estimator calls it through these functions. What lacks a part of the
interface is told so in one sentence, where it is first needed.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

import jax
import numpy as np

from wdist_bench import estimators
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimate, Estimator, Fitted, TracedFitted
from wdist_bench.estimators.potential import FittedPotential
from wdist_bench.problem import Problem, Samples


def check_estimator(method: str | Estimator, options: dict[str, Any]) -> Estimator:
    """The estimator; raises TypeError where something else came, or options beside an object."""
    if isinstance(method, str):
        return estimators.get(method, **options)
    if not isinstance(method, Estimator):
        fix = f"names are {', '.join(estimators.names())}"
        if isinstance(method, type) and issubclass(method, Estimator):
            fix = f"make one, as in method={method.__name__}()"
        elif np.ndim(method) == 1:
            fix = "weights are passed by name, as in wb.estimate(x, y, a=weights_x, b=weights_y)"
        raise TypeError(
            f"method: expected a name or an Estimator, got {type(method).__name__}; {fix}"
        )
    if options:
        raise TypeError(
            f"options: expected none beside an Estimator object, got {sorted(options)}; "
            "set them when building it"
        )
    return method


def check_cost(estimator: Estimator, cost: Cost, dim: int | None = None) -> None:
    """Raise ValueError, in a sentence that names who takes it, where the estimator has no meaning
    for the cost, or takes no points of that dimension; None where points have none.
    """
    if not _says_it_takes(estimator, cost):
        raise ValueError(
            f"{estimator.name}: expected norm l2 or l1 at p = 1 or 2, the only costs that it says "
            f"it takes, got norm {cost.norm} at p = {cost.p:g}; use {', '.join(takers(cost))}"
        )
    estimator.check_cost(cost)
    if dim is not None:
        estimator.check_dim(dim)


def _says_it_takes(estimator: Estimator, cost: Cost) -> bool:
    plain = cost.norm in ("l2", "l1") and cost.p in (1, 2)
    return plain or estimator.every_cost


def takers(cost: Cost) -> list[str]:
    """Names of the estimators that take this cost."""
    found = []
    for name in estimators.names():
        with suppress(ValueError, TypeError):
            estimator = estimators.get(name)
            estimator.check_cost(cost)
            found += [name] if _says_it_takes(estimator, cost) else []
    return found


def fit(estimator: Estimator, key: jax.Array, problem: Problem) -> Fitted:
    """`estimator.fit`; raises TypeError where what it returns lacks a part that it needs."""
    fitted = estimator.fit(key, problem)
    if lacking := _lacking(estimator, fitted):
        raise TypeError(f"{estimator.name}: expected {lacking}")
    return fitted


def _lacking(estimator: Estimator, fitted: Any) -> str:
    kind = type(fitted).__name__
    if not isinstance(fitted, Fitted):
        return (
            f"a Fitted from `fit`, got {kind}; derive it from wb.Fitted, or from "
            "wb.FittedPotential where it has a critic"
        )
    if estimator.traced and not isinstance(fitted, TracedFitted):
        return (
            f"`batch_cost` of what `fit` returns, since `traced` is True, got {kind} without it; "
            "derive it from wb.TracedFitted, or leave `traced` out"
        )
    plain = not is_dataclass(fitted) or jax.tree_util.all_leaves([fitted])
    if isinstance(fitted, FittedPotential) and plain:
        return (
            f"a pytree dataclass from `fit`, since compiled programs take a potential, got {kind}; "
            "put @wb.pytree and @dataclass(frozen=True) on it"
        )
    if not (isinstance(fitted, FittedPotential) and estimator.standardize):
        return ""
    if "unit" not in {field.name for field in fields(fitted)}:  # type: ignore[arg-type]
        return (
            f"the field `unit` in what `fit` returns, since `standardize` is True, got {kind} "
            "without it; give it `problem.unit`, or leave `standardize` out"
        )
    return ""


def ask(estimator: Estimator, fitted: Fitted, samples: Samples, cost: Cost) -> Estimate:
    """`fitted.estimate`; raises TypeError where it returns something else than an Estimate."""
    answer = fitted.estimate(samples, cost)
    if not isinstance(answer, Estimate):
        raise TypeError(
            f"{estimator.name}: expected an Estimate from `estimate`, got {type(answer).__name__}; "
            "return wb.Estimate(value, cost, target=..., bound=...)"
        )
    return answer


def traced_cost(
    estimator: Estimator, fitted: TracedFitted, samples: Samples, cost: Cost
) -> jax.Array:
    """`fitted.batch_cost` inside a program; raises TypeError where it is no scalar."""
    value = fitted.batch_cost(samples, cost)
    if np.shape(value):
        raise TypeError(
            f"{estimator.name}: expected a scalar from `batch_cost`, got shape {np.shape(value)}; "
            "return the sum over the samples"
        )
    return value
