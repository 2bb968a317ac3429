"""A vanilla GAN discriminator on the segments: JSD estimate and the gradients it gives theta."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench import metrics
from wdist_bench.costs import Cost
from wdist_bench.estimators.critic import CriticEstimator, Parts
from wdist_bench.estimators.potential import Critic
from wdist_bench.experiment import register
from wdist_bench.problem import Problem, Samples
from wdist_bench.protocol.stream import Keys
from wdist_bench.results.journal import pack
from wdist_bench.studies.example1.segments import (
    Example1,
    check_numbers,
    failed_runs,
    finished,
    generated_points,
    noisy_segments,
    over_thetas,
    real_points,
)
from wdist_bench.validation import check_integer, check_number, check_seed

_COST = Cost()
_EVALUATION_POINTS = 2**14


@dataclass(frozen=True, kw_only=True)
class JensenShannonDiscriminator(CriticEstimator):
    """D = sigmoid(f), ascending log 2 + (E log D(x) + E log(1 - D(y))) / 2 <= JSD(mu, nu), in nats.

    The optimal value of E log D + E log(1 - D) is -2 log 2 + 2 JSD. No estimator of W: it only
    shares the critics' trainer. Adam at 1e-3 with betas (0.5, 0.999).

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), Theorem 1.
    """

    name: ClassVar[str] = "jensen_shannon_discriminator"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "population"
    bound: ClassVar[str] = "lower"

    learning_rate: float = 1e-3
    beta1: float = 0.5
    beta2: float = 0.999

    def parts(self) -> Parts:
        """The bound on the JSD above as a dual, trained by Adam."""
        return Parts(self.update_rule(), log_dual)


def log_dual(critic: Critic, samples: Samples, cost: Cost) -> tuple[jax.Array, jax.Array]:
    """phi = (log 2 + log D(x)) / 2 and psi = (log 2 + log(1 - D(y))) / 2, D = sigmoid(f)."""
    values = critic(jnp.concatenate([samples.x, samples.y]))
    real, generated = jnp.split(values, [samples.x.shape[0]])
    log_two = jnp.log(jnp.asarray(2, values.dtype))
    phi = (log_two + jax.nn.log_sigmoid(real)) / 2
    return phi, (log_two + jax.nn.log_sigmoid(-generated)) / 2


@register
@dataclass(frozen=True, kw_only=True)
class Example1Discriminator(Example1):
    """Discriminators between (0, U) and (theta, U), with or without Gaussian noise on both.

    The minibatches of a run do not depend on `steps`: entries that differ in `steps` alone are
    snapshots of one training.

    Records, per theta and run: `jsd` and `jsd_stderr` on 16,384 fresh points of each law;
    `jsd_on_segments` by midpoints of the clean segments; on the clean generated segment
    `saturating`, the gradient of E log(1 - D) to theta, `non_saturating`, that of -E log D, and
    `distance`, max of D + ||grad D||, the distance of D from the perfect D* = 0 of Theorem 2.1;
    `accuracy`, the share of the clean points on their right side.

    Attributes:
        hidden: widths of the hidden layers.
        learning_rate: of Adam, betas (0.5, 0.999).
        steps: training steps.
        noise_std: standard deviation per coordinate of the noise on both laws, 0 for none.
        thetas: distances of the segments.
        runs: independent runs, the same data keys at every theta.
        n: points of each law in a minibatch.
        seed: seed of all runs.

    Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), Theorems 2.1 to 2.4 and 3.2.
    """

    name: ClassVar[str] = "example1_discriminator"
    version: ClassVar[int] = 1

    hidden: tuple[int, ...] = (128, 128)
    learning_rate: float = 1e-3
    steps: int = 1000
    noise_std: float = 0.0
    thetas: tuple[float, ...] = (-2.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0)
    runs: int = 5
    n: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        check_numbers(self.thetas, "thetas")
        check_number(self.noise_std, "noise_std", minimum=0)
        check_integer(self.runs, "runs", 1)
        check_seed(self.seed)
        _ = self.estimator

    @property
    def estimator(self) -> JensenShannonDiscriminator:
        """The discriminator that these options describe, for the critics' trainer."""
        return JensenShannonDiscriminator(
            hidden=self.hidden,
            learning_rate=self.learning_rate,
            steps=self.steps,
            batch_size=self.n,
        )

    def run(self) -> dict[str, Any]:
        """Train and measure every (theta, run)."""
        timed = over_thetas(partial(_one_run, self), self.thetas, self.runs, self.seed)
        measured: dict[str, np.ndarray] = timed.result
        return finished(failed_runs(*measured.values()), self.runs, timed) | {
            name: pack(values) for name, values in measured.items()
        }


def _one_run(
    experiment: Example1Discriminator, key: jax.Array, theta: jax.Array
) -> dict[str, jax.Array]:
    """Everything that is recorded of one discriminator; traced."""
    keys = Keys.of(key)
    sampler = noisy_segments(theta, experiment.noise_std)
    fitted = experiment.estimator.fit(
        keys.estimator, Problem.from_sampler(sampler, _COST, keys.train)
    )
    fresh = Samples(*sampler.draw(keys.evaluation, _EVALUATION_POINTS))
    phi, psi = fitted.potentials(fresh, _COST)
    real, there = real_points(), generated_points(theta)
    logit_real, logit = fitted.critic(real), fitted.critic(there)
    slope = metrics.gradients(fitted.critic, there)
    d = jax.nn.sigmoid(logit)
    steepness = d * jax.nn.sigmoid(-logit) * jnp.linalg.norm(slope, axis=1)
    clean = fitted.potentials(Samples(real, there), _COST)
    return {
        "jsd": phi.mean() + psi.mean(),
        "jsd_stderr": jnp.sqrt((phi.var() + psi.var()) / _EVALUATION_POINTS),
        "jsd_on_segments": clean[0].mean() + clean[1].mean(),
        "saturating": -(d * slope[:, 0]).mean(),
        "non_saturating": -((1 - d) * slope[:, 0]).mean(),
        "distance": (d + steepness).max(),
        "accuracy": ((logit_real > 0).mean() + (logit < 0).mean()) / 2,
    }
