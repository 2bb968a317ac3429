"""An estimator from outside the package: the distance of the means, a lower bound on W_p."""

from dataclasses import dataclass

import numpy as np

import wdist_bench as wb


@wb.estimators.register
@dataclass(frozen=True)
class MeanGap(wb.DirectEstimator):
    """||mean x - mean y|| <= W_p, by Jensen's inequality."""

    name = "mean_gap"
    version = 1
    target = "batch"
    bound = "lower"

    def estimate(self, samples: wb.Samples, cost: wb.Cost) -> wb.Estimate:
        """The bound on the batch value of W_p."""
        gap = np.average(samples.x, 0, samples.a) - np.average(samples.y, 0, samples.b)
        value = float(np.linalg.norm(gap, ord={"l1": 1, "l2": 2}[cost.norm]))
        return wb.Estimate(value, value**cost.p, target="batch", bound="lower", lower=value)
