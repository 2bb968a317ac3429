"""What the answer of a critic bounds, and what its diagnostics hold against it."""

from __future__ import annotations

from typing import Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.problem import Samples

# Share of the value by which a critic may break its constraint before its answer says so.
_STEEP = 0.05
_FLAT = 0.5  # of the slope 1 that an optimal critic has between the samples


def batch_bound(estimator: Estimator) -> str:
    """What the number means on a batch: batch duals keep their claim, and a potential that is
    admissible everywhere bounds the batch value as it bounds the population's.
    """
    kept = estimator.target == "batch" or estimator.bound == "lower"
    return estimator.bound if kept else "none"


def last_tenth(history: np.ndarray) -> float:
    """Mean of the last tenth of the training steps, at least one."""
    return float(history[-max(1, len(history) // 10) :].mean())


def divergence_message(history: np.ndarray) -> str:
    """When training went wrong and what to do."""
    bad = np.flatnonzero(~np.isfinite(history))
    when = f"at step {bad[0]}" if bad.size else "on the evaluation samples"
    return f"the critic returned NaN or inf {when}; lower the learning rate or rescale the data"


def doubt(estimator: Any, value: float, cost: Cost, diagnostics: dict[str, float]) -> str:
    """One sentence where the diagnostics of an answer contradict its value, else nothing.

    Args:
        estimator: whose answer it is.
        value: the answer, W_p.
        cost: ground cost.
        diagnostics: `mean_gap` in units of W_p, `max_gradient_between` and
            `max_gradient_on_data` without a unit at p = 1 (for norms alone),
            `admissibility_violation` in units of W_p^p.
    """
    gap, excess = diagnostics["mean_gap"], diagnostics["admissibility_violation"]
    slope = max(diagnostics.get(f"max_gradient_{where}", 0.0) for where in ("between", "on_data"))
    if value < (1 - _STEEP) * gap:
        flat = ""
        if cost.p == 1 and 0 < slope < _FLAT:
            flat = (
                f"the critic's slopes reach {slope:.2g} where an optimal one has 1, and the value "
                f"over that slope is {value / slope:.4g}; "
            )
        return (
            f"too small: the means are {gap:.4g} apart, and W is at least that; "
            f"{flat}train longer or with a higher learning rate"
        )
    if batch_bound(estimator) == "none" and cost.p == 1 and excess > _STEEP * abs(value):
        return (
            f"no bound, and it may be too large: phi(x) + psi(y) exceeds the cost by up to "
            f"{excess:.3g}, and slopes reach {slope:.2f} where 1 is admissible"
        )
    return ""


def mean_gap(samples: Samples, cost: Cost) -> float:
    """||mean x - mean y|| in the norm of the cost, which W_p of the samples cannot be below; 0
    where the cost is no norm.
    """
    if not cost.is_norm:
        return 0.0
    means = [
        np.average(np.asarray(points, np.float64), axis=0, weights=weights)
        for points, weights in ((samples.x, samples.a), (samples.y, samples.b))
    ]
    return float(cost.to(1).matched(*means))
