"""Lemma 4 and Theorem 3.3 along noise levels, with bounded noise."""

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
from wdist_bench.studies.example1.quadrature import jensen_shannon, uniform
from wdist_bench.studies.example1.segments import Example1, check_numbers, finished
from wdist_bench.tasks.noisy import Noisy
from wdist_bench.validation import check_number, check_seed

# Midpoints of the segment, and of the noise per coordinate, in the linear programme.
_HEIGHTS, _NOISE = 48, 8


@register
@dataclass(frozen=True, kw_only=True)
class Example1Bounds(Example1):
    """Both bounds for the segments with noise uniform on the square [-b, b]^2, b = sqrt(3) s.

    V = E||e||^2 = 2 s^2. The noisy segments fill rectangles; a ball around both has the diameter
    C = ||(|theta| + 2 b, 1 + 2 b)||. Their JSD is log 2 min(1, |theta| / (2 b)).

        Lemma 4:      W_1(X, X + e) <= sqrt(V)
        Theorem 3.3:  W_1(P_r, P_g) <= 2 sqrt(V) + 2 C sqrt(JSD(P_r+e || P_g+e))

    Records, per noise level: `moved`, W_1(X, X + e) of X = (0, U) by linear programming on midpoint
    grids, between `moved_lower`, b / 2 (the first coordinate alone), and `moved_upper`, E||e||;
    `lemma`, sqrt(V); `jsd`, by quadrature, and `jsd_closed_form`; `theorem`. `w1` is |theta|.
    Beside them `noisy_*`, the same two bounds of the task `noisy` (dim 1, uniform laws of base_std
    1 with noise s), whose W_1(X, X + e) is known by quantiles.

    Attributes:
        theta: distance of the segments.
        noise_stds: s.
        seed: not used, there is no chance here.

    Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), Lemma 4 and Theorem 3.3.
    """

    name: ClassVar[str] = "example1_bounds"
    version: ClassVar[int] = 1

    theta: float = 1.0
    noise_stds: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(self.theta, "theta")
        check_numbers(self.noise_stds, "noise_stds", above=0)
        check_seed(self.seed)

    def run(self) -> dict[str, Any]:
        """Both bounds and what they are held against, at every noise level."""
        start = time.perf_counter()
        levels = [self._level(float(std)) for std in self.noise_stds]
        seconds = round(time.perf_counter() - start, 4)
        columns = {name: pack(np.array([level[name] for level in levels])) for name in levels[0]}
        return finished(0, 1) | {"run_seconds": seconds, "w1": abs(float(self.theta))} | columns

    def _level(self, std: float) -> dict[str, float]:
        """Both bounds on W_1 and the true W_1, at one standard deviation of the noise."""
        half = math.sqrt(3) * std
        distance = abs(float(self.theta))
        variance = 2 * std**2
        diameter = math.hypot(distance + 2 * half, 1 + 2 * half)
        jsd = shifted_uniform_jsd(distance, half)
        task = Noisy(dim=1, base_std=1.0, noise_std=std, noise="uniform")
        truth = task.truth(1)
        assert truth is not None  # known in one dimension
        return {
            "moved": moved_distance(half),
            "moved_lower": half / 2,
            "moved_upper": half * (math.sqrt(2) + math.asinh(1)) / 3,
            "lemma": math.sqrt(variance),
            "jsd": jsd,
            "jsd_closed_form": math.log(2) * min(1.0, distance / (2 * half)),
            "diameter": diameter,
            "theorem": 2 * math.sqrt(variance) + 2 * diameter * math.sqrt(jsd),
            "noisy_w1": truth.value,
            "noisy_lemma": task.noise_bound,
            "noisy_theorem": task.theorem_3_3_bound,
        }


def shifted_uniform_jsd(distance: float, half_width: float) -> float:
    """JSD by quadrature of two uniform laws of one width, `distance` apart."""
    ends = [-half_width, half_width, distance - half_width, distance + half_width]
    return jensen_shannon(uniform(0.0, half_width), uniform(distance, half_width), ends)


def moved_distance(half_width: float) -> float:
    """W_1 of (0, U) and (0, U) + e, e uniform on a square, both on midpoint grids; NaN if the
    solver could not prove optimality.

    The grids are half a cell coarse: 1/96 of the segment, 1/16 of the square's edge.
    """
    heights = (np.arange(_HEIGHTS) + 0.5) / _HEIGHTS
    x = np.stack([np.zeros(_HEIGHTS), heights], axis=1)
    steps = half_width * (2 * (np.arange(_NOISE) + 0.5) / _NOISE - 1)
    noise = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    y = (x[:, None, :] + noise).reshape(-1, 2)
    solution = solve_exact(Cost().matrix(x, y))
    return solution.cost if solution.converged else math.nan
