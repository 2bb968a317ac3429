"""Theorem 2.6: white noise on the discriminator makes the -log D gradient Cauchy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.experiment import register
from wdist_bench.protocol.parallel import map_runs, run_keys
from wdist_bench.results.journal import pack
from wdist_bench.studies.example1.segments import Example1, check_numbers, finished
from wdist_bench.validation import check_integer, check_name, check_number, check_seed

NOISES = ("value_and_gradient", "gradient_only")
_LEVELS = np.geomspace(0.1, 1000, 41)
# Hill's index is taken from the largest two percent.
_TAIL = 0.02


@register
@dataclass(frozen=True, kw_only=True)
class Example1Instability(Example1):
    """The gradient that a noisy discriminator gives to theta, mean over a minibatch.

    On the generated segment D* = 0 and grad D* = 0. The theorem perturbs both by independent white
    noises, D = D* - e and grad D = grad D* - r. With dg/dtheta = (1, 0) a minibatch of m points
    gives theta the gradient

        mean_i -d_theta log D(g(z_i)) = mean_i -(grad D)_1 / D = mean_i -r_i / e_i,

    the mean of m independent Cauchy variables of scale s_r / s_e, so again Cauchy of that same
    scale: no expectation, and a larger minibatch does not help. "gradient_only" is the control:
    D = s_e without noise, the gradient is N(0, (s_r / s_e)^2 / m).

    Records, per minibatch size and run: `scale`, the median of |gradient|; `hill`, Hill's tail
    index from the largest 2 % (1 for Cauchy); `ks`, the p-value of the Kolmogorov-Smirnov test
    against the theorem's law; `mean` and `variance` of all draws; `survival` over runs, the share
    of draws beyond `levels` times s_r / s_e.

    Attributes:
        noise: "value_and_gradient" (the theorem) or "gradient_only" (the control).
        batch_sizes: m.
        value_std: s_e.
        gradient_std: s_r.
        draws: minibatches in a run.
        runs: independent runs.
        seed: of all runs.

    Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), Theorem 2.6. Deviation: the theorem's process
    lets D be negative, where log D stands for the ratio in its derivative; so does this.
    """

    name: ClassVar[str] = "example1_instability"
    version: ClassVar[int] = 1

    noise: str = "value_and_gradient"
    batch_sizes: tuple[int, ...] = (1, 16, 256)
    value_std: float = 0.1
    gradient_std: float = 0.2
    draws: int = 20_000
    runs: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.noise, NOISES, "noise")
        check_numbers(self.batch_sizes, "batch_sizes")
        for size in self.batch_sizes:
            check_integer(size, "batch_sizes", 1)
        check_number(self.value_std, "value_std", above=0)
        check_number(self.gradient_std, "gradient_std", above=0)
        check_integer(self.draws, "draws", 1000)
        check_integer(self.runs, "runs", 2)
        check_seed(self.seed)

    @property
    def scale(self) -> float:
        """s_r / s_e, the scale of the theorem's law."""
        return self.gradient_std / self.value_std

    def run(self) -> dict[str, Any]:
        """Draw and measure every minibatch size."""
        measured: list[dict[str, Any]] = []
        seconds = np.zeros(2)
        for size in self.batch_sizes:
            timed = map_runs(partial(_gradients, self, size), run_keys(self.seed, self.runs), 0)
            measured.append(self._measure(np.asarray(timed.result, np.float64)))
            seconds += timed.compile_seconds, timed.run_seconds
        return finished(0, self.runs) | {
            "compile_seconds": round(seconds[0], 4),
            "run_seconds": round(seconds[1], 4),
            "scale_of_law": self.scale,
            "levels": pack(_LEVELS),
            **{name: pack(np.array([row[name] for row in measured])) for name in measured[0]},
        }

    def _measure(self, gradients: np.ndarray) -> dict[str, Any]:
        """(runs, draws) -> what is recorded."""
        from scipy.stats import cauchy, kstest

        law = cauchy(scale=self.scale)
        sizes = np.abs(gradients)
        return {
            "scale": np.median(sizes, axis=1),
            "hill": hill_index(sizes),
            "ks": np.array([kstest(run, law.cdf).pvalue for run in gradients]),
            "mean": gradients.mean(axis=1),
            "variance": gradients.var(axis=1, ddof=1),
            "survival": (sizes.ravel()[:, None] > _LEVELS * self.scale).mean(axis=0),
        }


def hill_index(sizes: np.ndarray) -> np.ndarray:
    """1 / mean log(X_(i) / X_(k+1)) over the k largest of each row, k = 2 % of its length.

    Source: Hill 1975, A simple general approach to inference about the tail of a distribution.
    """
    count = max(2, round(_TAIL * sizes.shape[1]))
    largest = np.sort(sizes, axis=1)[:, -count - 1 :]
    return np.asarray(1 / np.log(largest[:, 1:] / largest[:, :1]).mean(axis=1))


def _gradients(
    experiment: Example1Instability, size: int, key: jax.Array, operand: Any
) -> jax.Array:
    """(draws,) minibatch gradients of one run; traced."""

    def minibatch(draw: jax.Array) -> jax.Array:
        e, r = jax.random.normal(jax.random.fold_in(key, draw), (2, size), jnp.float32)
        slope = -experiment.gradient_std * r
        if experiment.noise == "gradient_only":
            return -(slope / experiment.value_std).mean()
        return -(slope / (-experiment.value_std * e)).mean()

    return jax.lax.map(minibatch, jnp.arange(experiment.draws, dtype=jnp.int32), batch_size=1000)
