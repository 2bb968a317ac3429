"""Theorem 2.5: the -log D gradient is that of KL - 2 JSD, by three routes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.experiment import register
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.results.journal import pack
from wdist_bench.studies.example1.quadrature import (
    STEP,
    Density,
    derivative,
    jensen_shannon,
    kullback_leibler,
    normal,
    normal_edges,
    rule,
)
from wdist_bench.studies.example1.segments import Example1, check_numbers, finished
from wdist_bench.validation import check_integer, check_name, check_number, check_seed

REALS = ("gaussian", "mixture", "smoothed_segment")
_SMOOTHING = 0.25  # of the segment [0, 1]


@register
@dataclass(frozen=True, kw_only=True)
class Example1Identity(Example1):
    """Gradients that the optimal discriminator D* at (theta, scale) gives a Gaussian generator.

    The generator is g(z) = theta + scale z on a line, z ~ N(0, 1), with law P_g; P_r is N(0, 1),
    N(-1, 1/4) / 2 + N(1, 1/4) / 2, or a unit segment with N(0, 1/16) added. D* = p_r / (p_r + p_g)
    is frozen at the generator that it is optimal for. With gradients in (theta, scale):

        E -grad log D*(g(z))      = grad [KL(P_g || P_r) - 2 JSD(P_g || P_r)]     (Theorem 2.5)
        E  grad log(1 - D*(g(z))) = 2 grad JSD(P_g || P_r)

    Records, per theta, as pairs (theta, scale): `autodiff`, the left side, differentiated through
    D* and g and integrated over z by quadrature; `quadrature`, the right side, central differences
    of divergences integrated over x; `simulated`, per run, the left side on `samples` draws of z.
    `saturating` and `twice_jsd` are the two sides of the second line, `kl` and `jsd` the parts of
    the first.

    Attributes:
        real: "gaussian", "mixture" or "smoothed_segment".
        thetas: means of the generator.
        scale: its standard deviation, above 0.002. Differences have steps of a thousandth of it.
        samples: draws of z in a run.
        runs: independent simulations.
        seed: their seed.

    Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), Theorem 2.5 and equation 2.
    """

    name: ClassVar[str] = "example1_identity"
    version: ClassVar[int] = 1

    real: str = "gaussian"
    thetas: tuple[float, ...] = (-2.0, -1.0, -0.5, 0.25, 1.0, 2.0)
    scale: float = 1.0
    samples: int = 20_000
    runs: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.real, REALS, "real")
        check_numbers(self.thetas, "thetas")
        check_number(self.scale, "scale", above=2 * STEP)
        check_integer(self.samples, "samples", 2)
        check_integer(self.runs, "runs", 2)
        check_seed(self.seed)

    def run(self) -> dict[str, Any]:
        """Both sides of the identity at every theta, each by a route of its own."""
        start = time.perf_counter()
        with jax.enable_x64(True):
            keys = run_keys(self.seed, self.runs)
            left = [generator_gradients(self.real, t, self.scale, keys, self.samples)
                    for t in self.thetas]  # fmt: skip
        kl, jsd = (
            np.array([divergence_gradient(which, self.real, t, self.scale) for t in self.thetas])
            for which in (kullback_leibler, jensen_shannon)
        )
        seconds = round(time.perf_counter() - start, 4)
        return finished(0, self.runs) | {
            "run_seconds": seconds,
            "kl": pack(kl),
            "jsd": pack(jsd),
            "quadrature": pack(kl - 2 * jsd),
            "twice_jsd": pack(2 * jsd),
            "autodiff": pack(np.array([row["non_saturating"] for row in left])),
            "saturating": pack(np.array([row["saturating"] for row in left])),
            "simulated": pack(np.array([row["simulated"] for row in left])),
        }


def divergence_gradient(
    divergence: Callable[[Density, Density, list[float]], float],
    real: str,
    theta: float,
    scale: float,
) -> tuple[float, float]:
    """Gradient in (theta, scale) of divergence(P_g, P_r), central differences of quadrature."""
    law = _host_density(real)
    edges = normal_edges((theta, scale), (0.0, 1.0), (1.0, _SMOOTHING))

    def at(mean: float, std: float) -> float:
        return divergence(normal(mean, std), law, edges)

    step = STEP * scale
    by_mean = derivative(lambda mean: at(mean, scale), theta, step)
    return by_mean, derivative(lambda std: at(theta, std), scale, step)


def generator_gradients(
    real: str, theta: float, scale: float, keys: jax.Array, samples: int
) -> dict[str, np.ndarray]:
    """Gradients of both generator losses through D* frozen at (theta, scale); needs x64."""
    points, weights = rule([-12.0, 0.0, 12.0])
    weights = weights * np.exp(-(points**2) / 2) / math.sqrt(2 * math.pi)
    at = jnp.asarray([theta, scale], jnp.float64)
    exact = _through_discriminator(real, at, jnp.asarray(points), jnp.asarray(weights))
    equal = jnp.full(samples, 1 / samples, jnp.float64)
    draws = [jax.random.normal(key, (samples,), jnp.float64) for key in keys]
    simulated = [np.asarray(_through_discriminator(real, at, z, equal)[0]) for z in draws]
    return {
        "non_saturating": np.asarray(exact[0]),
        "saturating": np.asarray(exact[1]),
        "simulated": np.array(simulated),
    }


@partial(jax.jit, static_argnames="real")
def _through_discriminator(
    real: str, at: jax.Array, z: jax.Array, weights: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Weighted means over z of grad(-log D*(g(z))) and of grad log(1 - D*(g(z)))."""

    def logit(x: jax.Array) -> jax.Array:
        theta, scale = at  # frozen: not what is differentiated
        log_generated = -(((x - theta) / scale) ** 2) / 2 - jnp.log(scale)
        return _log_real(real, x) - log_generated + math.log(2 * math.pi) / 2

    def loss(parameters: jax.Array, sign: int) -> jax.Array:
        theta, scale = parameters
        return sign * (weights * jax.nn.log_sigmoid(-sign * logit(theta + scale * z))).sum()

    gradient = jax.grad(loss)
    return gradient(at, -1), gradient(at, 1)


def _log_real(real: str, x: jax.Array) -> jax.Array:
    """Log-density of the real population at points (n, 2), shape (n,); traced."""
    constant = math.log(2 * math.pi) / 2
    if real == "gaussian":
        return -(x**2) / 2 - constant
    if real == "mixture":
        both = jnp.logaddexp(-2 * (x - 1) ** 2, -2 * (x + 1) ** 2)
        return both - constant  # log 2 for the halves and log 1/2 of the std cancel
    x = jnp.minimum(x, 1 - x)  # symmetric about 1/2: stay where the cdfs do not cancel
    near = jax.scipy.stats.norm.logcdf(x / _SMOOTHING)
    far = jax.scipy.stats.norm.logcdf((x - 1) / _SMOOTHING)
    return near + jnp.log1p(-jnp.exp(far - near))


def _host_density(real: str) -> Density:
    """The same law by NumPy and SciPy."""
    if real == "gaussian":
        return normal(0.0, 1.0)
    if real == "mixture":
        left, right = normal(-1.0, 0.5), normal(1.0, 0.5)
        return lambda x: np.logaddexp(left(x), right(x)) - math.log(2)

    def smoothed(x: np.ndarray) -> np.ndarray:
        from scipy.special import log_ndtr

        x = np.minimum(x, 1 - x)
        near, far = log_ndtr(x / _SMOOTHING), log_ndtr((x - 1) / _SMOOTHING)
        return np.asarray(near + np.log1p(-np.exp(far - near)))

    return smoothed
