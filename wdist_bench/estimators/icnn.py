"""Input-convex potentials with exact conjugates: a certified lower bound on W_2 of populations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax

from wdist_bench.estimators import register
from wdist_bench.estimators.brenier import BrenierEstimator, Parts
from wdist_bench.networks.convex import Convex, Mover
from wdist_bench.problem import Samples
from wdist_bench.solvers.conjugate import maximizers
from wdist_bench.validation import check_integer, check_number


@register
@dataclass(frozen=True, kw_only=True)
class Icnn(BrenierEstimator):
    """min over beta-strongly convex phi of E phi(x) + E phi*(y), with phi* solved for.

    W_2^2 >= E|x|^2 + E|y|^2 - 2 (E phi(x) + E phi*(y)), and for any u
    phi*(y) <= <u, y> - phi(u) + |y - grad phi(u)|^2 / (2 beta): with that on the right the dual
    value is a lower bound whatever phi and u are, of two samples when evaluated on them, and in
    expectation of their populations when evaluated on fresh ones. `value` is its root, W_2; where
    it is evaluated on arrays or by `wb.evaluate` it is summed in float64. `diagnostics["slack"]` is
    twice the mean of the last term, in units of W_2^2: the bound of the exact conjugate is higher
    by no more than that.

    u starts at a network that is fitted to the u of the steps before, and L-BFGS improves it, in
    training until the mean of |y - grad phi(u)|^2 is at `tolerance` of the variance. `map` is
    grad phi, `inverse_map` the u(y).

    Attributes:
        mover_width: of both hidden layers of the network that proposes u.
        tolerance: of the solver in training, |y - grad phi(u)|^2 over the dimension, in coordinates
            of unit variance. Where it is loose, phi learns to fool the solver.

    Source: Amos 2023 (arXiv 2210.12153) for amortised conjugates with L-BFGS; the coordinates of
    the Gaussians, the bound from above by strong convexity and all settings are ours.
    """

    name: ClassVar[str] = "icnn"
    version: ClassVar[int] = 1
    bound: ClassVar[str] = "lower"

    mover_width: int = 128
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer(self.mover_width, "mover_width", 1)
        check_number(self.tolerance, "tolerance", above=0)

    def parts(self, dim: int) -> Parts:
        """phi(x) - phi(u) at solved u, which the mover follows."""
        return Parts(
            self.start_network,
            lambda key, dim: Mover.start(key, dim, self.mover_width),
            _loss,
            solve=lambda phi, targets, start: maximizers(
                phi, targets, start, self.inner_steps, self.tolerance * dim
            ),
        )


def _loss(phi: Convex, mover: Mover, samples: Samples, images: jax.Array) -> jax.Array:
    """E phi(x) - E phi(u) for phi (Danskin) and E |mover(y) - u|^2 for the mover."""
    followed = ((mover(samples.y) - images) ** 2).sum(1).mean()
    return phi(samples.x).mean() - phi(images).mean() + followed
