"""W -> 0 exactly when the laws converge; JSD and KL do not move."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.experiment import register
from wdist_bench.results.journal import pack
from wdist_bench.solvers.exact import solve_exact
from wdist_bench.studies.example1.quadrature import jensen_shannon, normal, normal_edges
from wdist_bench.studies.example1.segments import Example1, check_numbers, finished
from wdist_bench.tasks.parallel_segments import ParallelSegments
from wdist_bench.validation import check_number, check_seed

_HEIGHTS = 64


@register
@dataclass(frozen=True, kw_only=True)
class Example1Convergence(Example1):
    """Distances of the two segments by their definitions, theta by theta.

    Records, per theta: `w1`, `jsd`, `kl` of the task's closed forms (null: infinite); `w1_program`,
    W_1 by linear programming on midpoints of the segments; `jsd_cells` and `kl_cells`, over
    (thetas, cells), the divergences of the masses that the laws give to vertical strips of a
    width: lower bounds for every width, equal to the divergence once the strips tell the segments
    apart; `jsd_noisy`, the JSD after N(0, noise_std^2 I) on both, which does move.

    Attributes:
        thetas: distances of the segments; 0 is the limit.
        cells: widths of the strips.
        noise_std: of the noise in `jsd_noisy`.
        seed: not used, there is no chance here.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), Example 1 and Theorem 2.
    """

    name: ClassVar[str] = "example1_convergence"
    version: ClassVar[int] = 1

    thetas: tuple[float, ...] = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0)
    cells: tuple[float, ...] = (1.0, 0.1, 0.01)
    noise_std: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        check_numbers(self.thetas, "thetas")
        check_numbers(self.cells, "cells", above=0)
        check_number(self.noise_std, "noise_std", above=0)
        check_seed(self.seed)

    def run(self) -> dict[str, Any]:
        """The distances, divergences and their limits at every theta."""
        start = time.perf_counter()
        tasks = [ParallelSegments(theta=float(theta)) for theta in self.thetas]
        truths = [task.truth(1) for task in tasks]
        strips = np.array([[strip_divergences(t, c) for c in self.cells] for t in self.thetas])
        real, std = normal(0.0, self.noise_std), self.noise_std
        noisy = [
            jensen_shannon(real, normal(t, std), normal_edges((0.0, std), (t, std)))
            for t in self.thetas
        ]
        return finished(0, 1) | {
            "w1": [truth.value for truth in truths if truth is not None],
            "jsd": [task.jsd for task in tasks],
            "kl": pack(np.array([task.kl for task in tasks])),
            "w1_program": pack(np.array([program_distance(t) for t in self.thetas])),
            "jsd_cells": pack(strips[:, :, 0]),
            "kl_cells": pack(strips[:, :, 1]),
            "jsd_noisy": pack(np.array(noisy)),
            "run_seconds": round(time.perf_counter() - start, 4),
        }


def program_distance(theta: float) -> float:
    """W_1 of midpoint grids of both segments by linear programming; NaN without a proof."""
    heights = (np.arange(_HEIGHTS) + 0.5) / _HEIGHTS
    x, y = (np.stack([np.full(_HEIGHTS, a), heights], axis=1) for a in (0.0, theta))
    solution = solve_exact(Cost().matrix(x, y))
    return solution.cost if solution.converged else math.nan


def strip_divergences(theta: float, width: float) -> tuple[float, float]:
    """JSD and KL (mu against nu) of the masses on strips [k width, (k + 1) width) x R, in nats."""
    strips = [math.floor(place / width) for place in (0.0, theta)]
    real, generated = (np.array([float(s == k) for k in sorted(set(strips))]) for s in strips)

    def kl(p: np.ndarray, q: np.ndarray) -> float:
        held = p > 0
        if (q[held] == 0).any():
            return math.inf
        return float(p[held] @ np.log(p[held] / q[held]))

    middle = (real + generated) / 2
    return (kl(real, middle) + kl(generated, middle)) / 2, kl(real, generated)
