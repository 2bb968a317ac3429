"""The objective: how far a number is from the distance of two populations, and of the batch."""

from benchopt import BaseObjective


class Objective(BaseObjective):
    """Relative errors of W_p. What a solver returns is one number, so every solver runs once."""

    name = "Wasserstein distance"
    min_benchopt_version = "1.6"
    sampling_strategy = "run_once"

    def set_data(self, x, y, p, truth, batch):
        """Samples, exponent, the distance of the populations, the exact value of the samples."""
        self.x, self.y, self.p, self.truth, self.batch = x, y, p, truth, batch

    def get_objective(self):
        """What a solver may see: no truth."""
        return {"x": self.x, "y": self.y, "p": self.p}

    def evaluate_result(self, value):
        """The error against the populations is the one that curves show."""
        return {
            "value": abs(value - self.truth) / self.truth,
            "error_batch": abs(value - self.batch) / self.batch,
            "estimate": value,
        }

    def get_one_result(self):
        """A result of the right shape, for benchopt's own tests."""
        return {"value": self.truth}
