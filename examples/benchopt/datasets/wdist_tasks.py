"""The tasks of wdist_bench as data sets of benchopt: samples, and the distance of their laws."""

import jax
import numpy as np
from benchopt import BaseDataset

import wdist_bench as wb

SIZED = {"gaussian_shift": {}, "spiked_gaussian": {}, "concentric_spheres": {}, "radial": {}}


class Dataset(BaseDataset):
    """A task by its name, in a dimension, seen through n points of each law."""

    name = "wdist_task"
    parameters = {
        "task": list(SIZED),
        "dim": [2, 16],
        "n": [256],
        "p": [1],
        "seed": [0],
    }

    def get_data(self):
        """Draw samples; the truth comes from the task, the exact value from the solver."""
        task = wb.tasks.get(self.task, dim=self.dim, **SIZED[self.task])
        x, y = task.sample(jax.random.key(self.seed), self.n)
        x, y = np.asarray(x), np.asarray(y)
        return {
            "x": x,
            "y": y,
            "p": self.p,
            "truth": task.truth(self.p).value,
            "batch": wb.estimate(x, y, "exact", p=self.p).value,
        }
