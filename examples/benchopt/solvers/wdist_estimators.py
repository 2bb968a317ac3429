"""The estimators of wdist_bench as solvers of benchopt, each by its name."""

from benchopt import BaseSolver

import wdist_bench as wb


class Solver(BaseSolver):
    """One call of `wb.estimate`. A failure is NaN there, and stays one here."""

    name = "wdist_bench"
    sampling_strategy = "run_once"
    parameters = {
        "estimator": [
            "exact", "bracket", "extrapolated", "gaussian", "nearest_neighbor", "sinkhorn",
            "sinkhorn_divergence", "sliced",
        ],
    }  # fmt: skip

    def set_objective(self, x, y, p):
        """Keep the samples."""
        self.samples, self.p = (x, y), p

    def skip(self, x, y, p):
        """An estimator that has no meaning for this problem says so itself."""
        try:
            wb.estimate(x[:16], y[:16], self.estimator, p=p)
        except ValueError as error:
            return True, str(error)
        return False, None

    def run(self, _):
        """The estimate of W_p."""
        self.value = wb.estimate(*self.samples, self.estimator, p=self.p).value

    def get_result(self):
        """One number."""
        return {"value": self.value}
