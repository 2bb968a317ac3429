"""Kappa of the clipped critic on the segments, over theta."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench import metrics
from wdist_bench.costs import Cost
from wdist_bench.estimators.weight_clipping import WeightClipping
from wdist_bench.experiment import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.protocol.stream import Keys
from wdist_bench.results.journal import pack
from wdist_bench.runs.cell import thin
from wdist_bench.studies.example1.segments import (
    Example1,
    check_numbers,
    failed_runs,
    finished,
    generated_points,
    over_thetas,
    real_points,
    segments,
)
from wdist_bench.validation import check_integer, check_seed

_COST = Cost()
BEFORE, LAST = slice(70, 75), slice(95, 100)
"""Hundredths of training: the twentieth that ends where the last quarter begins, and the last."""


@register
@dataclass(frozen=True, kw_only=True)
class Example1Critic(Example1):
    """Weight-clipped critics on parallel segments: value / |theta| is their kappa.

    For a network f with hidden widths w_1 ... w_L and all weights in [-c, c], every slope of f
    along the first axis is at most `slope_limit` = c^(L + 1) w_1 ... w_L, so kappa is as well.
    Clipped biases bend the line: a unit relu(b - w x) with b = w = c is off beyond x = 1.

    Records, per theta and run: `values`, E f(0, U) - E f(theta, U) by midpoints; `sampled` and
    `sampled_stderr`, the same on fresh batches as in the protocol; `gradients`, -E d_1 f(theta, U),
    what the critic's loss gives to theta; `changes`, the relative change of the minibatch value
    over the last quarter of training. `history` is the mean over the runs with a number throughout.

    Attributes:
        hidden: widths of the hidden layers.
        clip: c.
        clip_biases: whether biases are clipped as well; the slope limit holds either way.
        learning_rate: of RMSprop.
        initial: law of the initial weights, "standard" or "torch".
        steps: training steps, at least 100.
        thetas: distances of the segments, of either sign.
        runs: independent runs, the same data keys at every theta.
        n: points of each segment in a batch.
        eval_batches: fresh batches that the frozen critic is evaluated on.
        seed: seed of all runs.

    Source: Arjovsky, Chintala, Bottou 2017 (arXiv 1701.07875), Example 1 and Algorithm 1.
    """

    name: ClassVar[str] = "example1_critic"
    version: ClassVar[int] = 1

    hidden: tuple[int, ...] = (128, 128)
    clip: float = 0.01
    clip_biases: bool = True
    learning_rate: float = 5e-5
    initial: str = "standard"
    steps: int = 10_000
    thetas: tuple[float, ...] = (-2.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0)
    runs: int = 5
    n: int = 64
    eval_batches: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        check_numbers(self.thetas, "thetas")
        for option, minimum in (("steps", 100), ("runs", 1), ("n", 1), ("eval_batches", 2)):
            check_integer(getattr(self, option), option, minimum)
        check_seed(self.seed)
        _ = self.estimator

    @property
    def estimator(self) -> WeightClipping:
        """The library's weight-clipped critic with these options."""
        return WeightClipping(
            hidden=self.hidden,
            clip=self.clip,
            clip_biases=self.clip_biases,
            learning_rate=self.learning_rate,
            initial=self.initial,
            steps=self.steps,
            batch_size=self.n,
        )

    @property
    def slope_limit(self) -> float:
        """c^(L + 1) w_1 ... w_L: sum over all paths of the product of the weights' bounds."""
        return self.clip ** (len(self.hidden) + 1) * math.prod(self.hidden)

    def run(self) -> dict[str, Any]:
        """Train and measure every (theta, run)."""
        timed = over_thetas(partial(_one_run, self), self.thetas, self.runs, self.seed)
        values, batches, gradients, history = timed.result
        count = len(self.thetas)
        steps, thinned = thin(history.reshape(-1, self.steps))
        thinned = thinned.reshape(count, self.runs, -1).astype(np.float64)
        last = thinned[:, :, LAST].mean(-1)
        return finished(failed_runs(values, batches, history), self.runs, timed) | {
            "slope_limit": self.slope_limit,
            "values": pack(values),
            "sampled": pack(batches.mean(-1)),
            "sampled_stderr": pack(batches.std(-1, ddof=1) / math.sqrt(self.eval_batches)),
            "gradients": pack(gradients),
            "changes": pack(last / thinned[:, :, BEFORE].mean(-1) - 1),
            "history_steps": steps,
            "history": pack(_mean_history(thinned)),
        }


def _mean_history(history: np.ndarray) -> np.ndarray:
    """(thetas, runs, points) -> means over the runs without a NaN; NaN where there is none."""
    lost = ~np.isfinite(history).all(axis=2, keepdims=True)
    kept = np.ma.array(history, mask=np.broadcast_to(lost, history.shape))
    return np.asarray(kept.mean(axis=1).filled(np.nan))


def _one_run(
    experiment: Example1Critic, key: jax.Array, theta: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Population value, values of fresh batches, gradient to theta, minibatch values; traced."""
    keys, sampler = Keys.of(key), segments(theta)
    fitted = experiment.estimator.fit(
        keys.estimator, Problem.from_sampler(sampler, _COST, keys.train)
    )
    there = generated_points(theta)

    def evaluate(batch: jax.Array) -> jax.Array:
        samples = Samples(*sampler.draw(jax.random.fold_in(keys.evaluation, batch), experiment.n))
        return fitted.batch_cost(samples, _COST)

    value = fitted.critic(real_points()).mean() - fitted.critic(there).mean()
    batches = jax.lax.map(evaluate, jnp.arange(experiment.eval_batches, dtype=jnp.int32))
    gradient = -metrics.gradients(fitted.critic, there)[:, 0].mean()
    return value, batches, gradient, fitted.history
