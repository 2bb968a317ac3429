"""Theorem 3.2: Gaussian noise on both segments restores a gradient, by several routes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.experiment import register
from wdist_bench.results.journal import pack
from wdist_bench.studies.example1.quadrature import (
    derivative,
    jensen_shannon,
    kullback_leibler,
    normal,
    normal_edges,
    rule,
)
from wdist_bench.studies.example1.segments import Example1, check_numbers, finished
from wdist_bench.validation import check_seed

_STEPS = 100  # of differences, in a standard deviation
_HELD = 1e-13  # of a JSD, at most log 2, that rounding leaves to quadrature


@register
@dataclass(frozen=True, kw_only=True)
class Example1Noise(Example1):
    """What the optimal discriminator of the noisy laws gives to theta.

    N(0, s^2 I) is added to (0, U) and to (theta, U). The heights have one law, so the divergences
    are those of N(0, s^2) and N(theta, s^2): KL = theta^2 / (2 s^2), JSD by quadrature. D* is
    frozen at theta. Records, as lists over (thetas, noise_stds), gradients to theta of

    - E log(1 - D*(g(z))), g without noise: `theorem` is the right side of Theorem 3.2, integrals
      over both segments; `autodiff` goes through D*, formed from the densities in the plane;
      `closed_form` is (theta / s^2) sigmoid(-theta^2 / (2 s^2)), which both reduce to here;
    - E log(1 - D*(g(z) + e)): `noisy_autodiff`, and `twice_jsd`, 2 d JSD / d theta by central
      differences (Corollary 3.2);

    and `kl`, `kl_closed_form`, `jsd`.

    Attributes:
        thetas: distances of the segments, not 0.
        noise_stds: s.
        seed: not used, there is no chance here.

    Source: Arjovsky, Bottou 2017 (arXiv 1701.04862), Theorem 3.2 and Corollary 3.2.
    """

    name: ClassVar[str] = "example1_noise"
    version: ClassVar[int] = 1

    thetas: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0)
    noise_stds: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    seed: int = 0

    def __post_init__(self) -> None:
        check_numbers(self.thetas, "thetas")
        check_numbers(self.noise_stds, "noise_stds", above=0)
        check_seed(self.seed)

    def run(self) -> dict[str, Any]:
        """The generator's gradient by every route, at every theta and noise level."""
        start = time.perf_counter()
        grid = [[_point(theta, std) for std in self.noise_stds] for theta in self.thetas]
        seconds = round(time.perf_counter() - start, 4)
        names = grid[0][0]
        columns = {n: pack(np.array([[cell[n] for cell in row] for row in grid])) for n in names}
        return finished(0, 1) | {"run_seconds": seconds} | columns


def _point(theta: float, std: float) -> dict[str, float]:
    """The gradient by all routes at one theta and one standard deviation of the noise."""
    with jax.enable_x64(True):
        clean, noisy = (_through_discriminator(theta, std, noisy) for noisy in (False, True))
    edges = normal_edges((0.0, std), (theta, std))
    real = normal(0.0, std)

    def jsd(at: float) -> float:
        return jensen_shannon(normal(at, std), real, edges)

    return {
        "theorem": theorem_3_2(theta, std),
        "autodiff": clean,
        "closed_form": restored_gradient(theta, std),
        "noisy_autodiff": noisy,
        "twice_jsd": 2 * derivative(jsd, theta, std / _STEPS),
        "kl": kullback_leibler(normal(theta, std), real, edges),
        "kl_closed_form": theta**2 / (2 * std**2),
        "jsd": jsd(theta),
    }


def restored_gradient(theta: float, std: float) -> float:
    """(theta / s^2) sigmoid(-theta^2 / (2 s^2)): its sign is theta's, so descent shrinks theta."""
    return theta / std**2 / (1 + math.exp(min(theta**2 / (2 * std**2), 700.0)))


def rounding(stds: np.ndarray) -> np.ndarray:
    """What rounding may change in `twice_jsd` at these standard deviations."""
    return 2 * _HELD * _STEPS / stds


def theorem_3_2(theta: float, std: float) -> float:
    """E_z [a(z) int p_e(g(z) - y) grad ||g(z) - y||^2 dP_r(y) - b(z) (the same over P_g)].

    a = 1 / (2 s^2) / (p_r(g) + p_g(g)), b = a p_r(g) / p_g(g), p_r and p_g the noisy densities,
    here integrals of p_e over the segments by quadrature as well.
    """
    heights, weights = rule([0.0, 1.0], panels=max(8, math.ceil(2 / std)))
    coarse, coarse_weights = rule([0.0, 1.0], panels=2)

    def noise_density(difference: np.ndarray) -> np.ndarray:
        squares = (difference**2).sum(-1)
        return np.asarray(np.exp(-squares / (2 * std**2)) / (2 * math.pi * std**2))

    total = 0.0
    for height, weight in zip(coarse, coarse_weights, strict=True):
        integrals = []
        for place in (0.0, theta):
            y = np.stack([np.full_like(heights, place), heights], axis=1)
            difference = np.array([theta, height]) - y
            density = weights * noise_density(difference)
            # dg / dtheta = (1, 0), so only the first coordinate of the gradient acts
            integrals.append((density.sum(), float(density @ (2 * difference[:, 0]))))
        (real, towards_real), (generated, towards_generated) = integrals
        a = 1 / (2 * std**2) / (real + generated)
        total += weight * (a * towards_real - a * real / generated * towards_generated)
    return float(total)


def _through_discriminator(theta: float, std: float, noisy: bool) -> float:
    """d/dt E log(1 - D*(t + e_1, U + e_2)) at t = theta, D* frozen; e = 0 unless noisy."""
    heights, height_weights = rule([0.0, 1.0], panels=2)
    e, e_weights = rule([-10.0, 0.0, 10.0], panels=8) if noisy else (np.zeros(1), np.ones(1))
    if noisy:
        e_weights = e_weights * np.exp(-(e**2) / 2) / math.sqrt(2 * math.pi)
    # D* does not depend on the height, but it is formed from both coordinates and cancels itself
    return float(
        _frozen_gradient(
            jnp.asarray(theta, jnp.float64),
            jnp.asarray(std, jnp.float64),
            jnp.asarray(std * e, jnp.float64)[:, None],
            jnp.asarray(heights, jnp.float64),
            jnp.asarray(e_weights[:, None] * height_weights, jnp.float64),
        )
    )


@jax.jit
def _frozen_gradient(
    theta: jax.Array, std: jax.Array, shift: jax.Array, height: jax.Array, weight: jax.Array
) -> jax.Array:
    def log_density(place: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        """Noisy segment at `place`: normal in x, a difference of normal cdfs in y."""
        y = jnp.minimum(y, 1 - y)
        near, far = (jax.scipy.stats.norm.logcdf(v / std) for v in (y, y - 1))
        across = -(((x - place) / std) ** 2) / 2
        return across + near + jnp.log1p(-jnp.exp(far - near))

    def loss(moved: jax.Array) -> jax.Array:
        x, y = jnp.broadcast_arrays(moved + shift, height)
        logit = log_density(jnp.zeros_like(theta), x, y) - log_density(theta, x, y)
        return (weight * jax.nn.log_sigmoid(-logit)).sum()

    return jax.grad(loss)(theta)
