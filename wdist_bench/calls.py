"""`estimate`: the distance of two samples that are given as arrays."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from wdist_bench.costs import Cost, Matrix, Pairwise, as_cost
from wdist_bench.estimate import DirectEstimator, Estimate, Estimator, Fitted, Map, out_of_memory
from wdist_bench.estimators.given import ask, check_cost, check_estimator, fit
from wdist_bench.problem import Problem, Samples
from wdist_bench.results.statistics import is_negative, negative_message, vacuous
from wdist_bench.solvers.machine.forks import check_not_forked
from wdist_bench.solvers.machine.memory import fits
from wdist_bench.validation import check_columns, check_samples, check_seed

# Of what a function of points returns, of its copy that was checked, of the costs kept, and what
# the solvers that hold all pairs take beside them.
_BYTES_A_PAIR = 75


def estimate(
    x: Any,
    y: Any,
    method: str | Estimator = "exact",
    p: float | None = None,
    *,
    norm: str | None = None,
    cost: Any = None,
    a: Any = None,
    b: Any = None,
    seed: int = 0,
    **options: Any,
) -> Estimate:
    """Estimate W_p between two samples.

    Args:
        x: (n, d) points of mu, one a row: NumPy, JAX, a data frame, or anything with `__array__`.
        y: (m, d) points of nu. Columns are matched by name where both have names, by position
            where one has none. Dates and durations must be of one kind and are counted in the
            finer unit of the two, which `message` names.
        method: name of an estimator (`wdist_bench.estimators.names()`), or an estimator.
        p: exponent of the cost d(x, y)^p, a real number >= 1; None for 1, or for that of `cost`.
        norm: name of a registered cost (`wdist_bench.costs.names()`), say "l2", "l1" or "linf";
            None for "l2", or for that of `cost`.
        cost: a ground cost, instead of p and norm: a `wdist_bench.Cost`, the name of one, or for
            solvers of batches a function that gives the (n, m) costs of arrays x and y, or these
            costs themselves. Costs of a function or a matrix are c_ij = d_ij^p: `value` is the p-th
            root of their mean under the best plan. Our solvers ask a function once, for all pairs,
            where these fit into memory, else for parts of the rows. Beside a matrix x and y may be
            None, or anything that has n and m entries.
        a: (n,) weights of x summing to one; None for equal weights. A Series is matched to the
            rows of x by its index.
        b: (m,) weights of y.
        seed: of initialisation and minibatches, for methods that are random.
        **options: of the estimator, for example `steps=500`.

    Returns:
        An Estimate whose `value` is W_p (the p-th root, no factor 1/2). Critics draw minibatches
        from the samples and are evaluated on all of them. A failure has `status` other than
        "ok" and value NaN. Where x and y look like two pictures or two histograms, `message` says
        how to pass those.

    Raises:
        ValueError, TypeError: bad input; the message states what was expected and the fix.
    """
    estimator = check_estimator(method, options)
    cost = as_cost(cost, p, norm)
    if isinstance(cost, Matrix):
        x, y = _numbered(x, cost.rows, "x"), _numbered(y, cost.columns, "y")
    checked = check_samples(x, y, a, b)
    samples = Samples(checked.x, checked.y, checked.a, checked.b)
    check_cost(estimator, cost, None if isinstance(cost, Matrix) else samples.x.shape[1])
    for name, points in (("x", samples.x), ("y", samples.y)):
        cost.check_points(points, name)
    if isinstance(cost, Pairwise) and type(estimator).__module__.startswith("wdist_bench."):
        samples, cost = _asked_once(samples, cost)
    seed = check_seed(seed)
    if isinstance(estimator, DirectEstimator) and type(estimator).fit is DirectEstimator.fit:
        answer = ask(estimator, estimator, samples, cost)  # needs no key, and no data on the device
    else:
        check_not_forked()
        try:
            fitted = _fitted(estimator, samples, cost, seed)
            answer = _signed(ask(estimator, fitted, samples, cost), estimator, cost)
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            answer = out_of_memory(error, estimator)
    return _remarked(_named(answer, checked.columns), checked.remark)


@dataclass(frozen=True, eq=False)
class NamedMap:
    """A map of points whose columns have names: those of a data frame are matched by name.

    Attributes:
        map: of points in the order of these columns.
        columns: their names.
    """

    map: Map
    columns: tuple[str, ...]

    def __call__(self, points: Any) -> np.ndarray:
        """The map at points (k, d)."""
        return self.map(check_columns(points, self.columns))


def _named(answer: Estimate, columns: tuple[str, ...] | None) -> Estimate:
    """The answer with maps that know the names of the columns."""
    if columns is None:
        return answer
    maps = {"map": answer.map, "inverse_map": answer.inverse_map}
    named: dict[str, Any] = {
        name: NamedMap(one, columns) for name, one in maps.items() if one is not None
    }
    return replace(answer, **named)


def _asked_once(samples: Samples, cost: Pairwise) -> tuple[Samples, Cost]:
    """The costs of a function, and the numbers of the points, where there is memory for all pairs.

    Our solvers look at parts of the rows, in which costs over their own maximum, say, are others;
    what a plug-in asks about (pairs within x, means of rows) is not known. Rows without mass are
    asked about apart, since they have no say in the others.
    """
    x, y = samples.x, samples.y
    if not fits(len(x) * len(y) * _BYTES_A_PAIR):
        return samples, cost
    costs = np.empty((len(x), len(y)))
    for i, j in itertools.product(_parts(x, samples.a), _parts(y, samples.b)):
        costs[np.ix_(i, j)] = cost.matrix(x[i], y[j])
    held = Matrix(costs, cost.p)
    return Samples(held.rows, held.columns, samples.a, samples.b), held


def _parts(points: np.ndarray, weights: np.ndarray | None) -> list[np.ndarray]:
    """Places of the points with mass, and of those without, where there are any."""
    mass = np.ones(len(points)) if weights is None else weights
    return [part for part in map(np.flatnonzero, (mass > 0, mass == 0)) if part.size]


def _numbered(points: Any, numbers: np.ndarray, name: str) -> Any:
    """The points of a matrix of costs, with the row labels that came with them."""
    if points is None:
        return numbers
    count = _entries(points)
    if count != len(numbers):
        raise ValueError(
            f"{name}: expected {len(numbers)} entries, as the matrix of costs has (rows are x, "
            f"columns y), got {'no sequence' if count is None else count}; pass None, or what the "
            "costs are between"
        )
    if not hasattr(points, "iloc"):
        return numbers
    import pandas as pd

    return pd.DataFrame(numbers, index=points.index)


def _entries(points: Any) -> int | None:
    """How many there are, of whatever kind; None for no sequence."""
    if isinstance(points, (str, bytes)):
        return None
    if hasattr(points, "shape"):
        return points.shape[0] if points.shape else None
    return len(points) if hasattr(points, "__len__") else None


def _fitted(estimator: Estimator, samples: Samples, cost: Cost, seed: int) -> Fitted:
    data_key, own_key = jax.random.split(jax.random.key(seed))
    problem = Problem.from_samples(samples, cost, data_key, estimator.standardize)
    return fit(estimator, own_key, problem)


def _signed(answer: Estimate, estimator: Estimator, cost: Cost) -> Estimate:
    """A dual value below 0 by more than 3 of its standard errors is no answer, unless it may be.
    At p > 1 what is left below 0 reads 0, as its root does, and `signed_dual` keeps it.
    """
    dual, error = answer.cost, answer.diagnostics.get("dual_stderr")
    if error is None:
        return answer
    if is_negative(dual, error) and not vacuous(cost.p, answer.bound, estimator.target):
        message = negative_message(dual, error)
        return replace(answer, status="not_converged", message=message, lower=None)
    if cost.p > 1 and dual < 0:
        return replace(answer, cost=0.0, diagnostics=answer.diagnostics | {"signed_dual": dual})
    return answer


def _remarked(answer: Estimate, remark: str) -> Estimate:
    """The answer with a remark on how its input was read added to its message."""
    if not remark:
        return answer
    return replace(answer, message=f"{answer.message}; {remark}" if answer.message else remark)
