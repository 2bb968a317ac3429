"""`two_sample_test`: do two samples come from one population?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from wdist_bench.costs import Cost, Matrix, as_cost
from wdist_bench.display.notebook import html_table
from wdist_bench.estimate import STATUSES, Estimator, out_of_memory
from wdist_bench.estimators.given import check_cost, check_estimator
from wdist_bench.inputs.elsewhere import explained
from wdist_bench.population.permuted import Pool, statistics
from wdist_bench.problem import Samples
from wdist_bench.validation import check_integer, check_name, check_seed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Statistics that are equal but for rounding count as equal, which can only raise the p-value.
_ROUNDING = 1e-9
_SHOWN = ("statistic", "pvalue", "permutations", "excess", "status", "message")


@dataclass(frozen=True, eq=False)
class TestResult:
    """Answer of a permutation test.

    Attributes:
        statistic: the estimate of W_p between the two samples; NaN unless `status` is "ok".
        pvalue: (1 + how many permutations reach it) / (permutations + 1), NaN likewise.
        permutations: random ones, beside the samples as they are.
        status: "ok", or that of the estimate that gave no number.
        message: one sentence: what went wrong.
        null: (permutations,) the statistic of each.
    """

    __test__ = False  # no test class of pytest's

    statistic: float
    pvalue: float
    permutations: int
    status: str = "ok"
    message: str = ""
    null: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    def __post_init__(self) -> None:
        check_name(self.status, STATUSES, "status")

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        import pandas as pd

        return pd.DataFrame([{name: getattr(self, name) for name in _SHOWN}])

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the statistic among those of the permutations; returns matplotlib's axes."""
        from wdist_bench.display.plots import plot_test

        return plot_test(self.statistic, self.null, self.pvalue, axes)

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        said = [(name, getattr(self, name)) for name in _SHOWN]
        return html_table("Two-sample test", [(name, value) for name, value in said if value != ""])

    @property
    def excess(self) -> float:
        """Effect size: the statistic less its mean over permutations, in units of W_p."""
        return self.statistic - float(self.null.mean()) if self.null.size else math.nan


@explained
def two_sample_test(
    x: Any,
    y: Any,
    method: str | Estimator = "exact",
    p: float | None = None,
    cost: Cost | str | None = None,
    a: Any = None,
    b: Any = None,
    permutations: int = 999,
    seed: int = 0,
) -> TestResult:
    """Test mu = nu by a permutation test with an estimate of W_p as its statistic.

    The rows of both samples are pooled, parted again at random into as many as before, and the
    statistic is computed anew, `permutations` times. Under mu = nu every parting is as likely as
    the one that was seen, so P(pvalue <= t) <= t at every n, for every law and every method, and
    ties make it smaller, never larger. The rows must be independent of each other; rows that are
    paired or come in groups are not exchangeable.

    `exact` computes the costs of the pooled rows once. For `one_dimensional`, `nearest_neighbor`
    and `sinkhorn_divergence` (one temperature for all partings, a share of the mean pooled cost)
    all permutations run together; any other method is fitted once for each. Those that hold the
    costs of all pairs of pooled rows need memory for them: `status` is "out_of_memory" where there
    is not enough.

    Args:
        x: (n, d) independent rows.
        y: (m, d) independent rows.
        method: an estimator or its name.
        p: exponent of the cost, a real number >= 1; 1 by default, or that of `cost`.
        cost: a `Cost`, its name, or a function that gives the costs of all pairs; l2 by default.
        a: (n,) weights of x summing to one. They stay at their places while the rows are permuted,
            which has the level where they do not depend on the rows, such as weights fixed before
            these were drawn. For weights that do (importance weights, counts) no level is claimed.
        b: (m,) weights of y, likewise.
        permutations: 999 give p-values down to 0.001.
        seed: of the permutations, and of methods that are random.

    Source: Phipson and Smyth 2010, Permutation p-values should never be zero.
    """
    rows = Samples.checked(x, y, a, b)
    ground = as_cost(cost, p)
    if isinstance(ground, Matrix):
        raise ValueError(
            "cost: expected a cost of points, since rows are dealt out anew and costs within x and "
            "within y are needed too, got a matrix; pass a function of points"
        )
    estimator = check_estimator(method, {})
    check_cost(estimator, ground, rows.x.shape[1])
    for name, points in (("x", rows.x), ("y", rows.y)):
        ground.check_points(points, name)
    rows.check_scale(ground)
    check_integer(permutations, "permutations", 1)
    seed = check_seed(seed)
    try:
        found = statistics(Pool.of(rows.weighted()), ground, estimator, permutations, seed)
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        failed = out_of_memory(error, estimator)
        return TestResult(math.nan, math.nan, permutations, failed.status, failed.message)
    if found.status != "ok":
        return TestResult(math.nan, math.nan, permutations, found.status, found.message)
    statistic, null = float(found.values[0]), found.values[1:]
    reached = int(np.count_nonzero(null >= statistic - _ROUNDING * abs(statistic)))
    pvalue = (1 + reached) / (permutations + 1)
    return TestResult(statistic, pvalue, permutations, null=null)
