"""OTT-JAX: Sinkhorn and what is built on it (Cuturi et al. 2022), in float32 as it comes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

import wdist_bench as wb
from wdist_bench_peers.peer import L2, SQUARED, Found, Peer, require_assignment


class _Ott(Peer):
    module: ClassVar[str] = "ott"
    package: ClassVar[str] = "ott-jax"
    bound: ClassVar[str] = "none"
    costs: ClassVar[tuple[tuple[str, float], ...]] = L2

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """W_p^p, from a compiled program."""
        value, steps = _run(self, *_on_device(samples), int(cost.p))
        return Found(float(value), int(steps))

    def program(self, x: Any, y: Any, a: Any, b: Any, p: int) -> tuple[Any, Any]:
        """(W_p^p, iterations) of arrays on the device."""
        raise NotImplementedError


@partial(jax.jit, static_argnums=(0, 5))
def _run(solver: _Ott, x: Any, y: Any, a: Any, b: Any, p: int) -> tuple[Any, Any]:
    return solver.program(x, y, a, b, p)


@dataclass(frozen=True, kw_only=True)
class Sinkhorn(_Ott):
    """`ott.solvers.linear.solve`: the cost <P, c> of the entropic plan, `primal_cost`.

    Attributes:
        epsilon: temperature as a share of the mean cost; None for OTT's own default, .05 times the
            standard deviation of the costs.
    """

    name: ClassVar[str] = "ott_sinkhorn"

    epsilon: float | None = None

    def program(self, x: Any, y: Any, a: Any, b: Any, p: int) -> tuple[Any, Any]:
        """<P, c>."""
        from ott.solvers import linear

        found = linear.solve(_cloud(x, y, p, self.epsilon), a, b)
        return found.primal_cost, found.n_iters


@dataclass(frozen=True, kw_only=True)
class SinkhornDivergence(_Ott):
    """`ott.tools.sinkhorn_divergence`, in units of W_p^p.

    Attributes:
        epsilon: temperature as a share of the mean cost; None for OTT's own default.
    """

    name: ClassVar[str] = "ott_sinkhorn_divergence"

    epsilon: float | None = None

    def program(self, x: Any, y: Any, a: Any, b: Any, p: int) -> tuple[Any, Any]:
        """The divergence."""
        from ott.geometry import pointcloud
        from ott.tools.sinkhorn_divergence import sinkhorn_divergence

        value, _ = sinkhorn_divergence(
            pointcloud.PointCloud, x, y, a=a, b=b, cost_fn=_cost(p), **_temperature(self.epsilon)
        )
        return value, 0


@dataclass(frozen=True, kw_only=True)
class LowRank(_Ott):
    """`ott.solvers.linear.solve(rank=...)`: the cost of a plan of low rank (Scetbon et al. 2021).

    Attributes:
        rank: of the plan (OTT has no default).
    """

    name: ClassVar[str] = "ott_lowrank_sinkhorn"

    rank: int = 50

    def program(self, x: Any, y: Any, a: Any, b: Any, p: int) -> tuple[Any, Any]:
        """<P, c>."""
        from ott.solvers import linear

        rank = min(self.rank, len(x), len(y))
        found = linear.solve(_cloud(x, y, p), a, b, rank=rank)
        return found.primal_cost, (found.errors > -1).sum()


@dataclass(frozen=True, kw_only=True)
class Progressive(_Ott):
    """`ott.tools.progot.ProgOT`: entropic steps along the way (Kassraie et al. 2024), the cost of
    its last plan. It moves points along gradients of the cost, which l2 at p = 1 has not.

    Attributes:
        num_steps: of the linear schedule (OTT has no default).
    """

    name: ClassVar[str] = "ott_progressive"
    costs: ClassVar[tuple[tuple[str, float], ...]] = SQUARED

    num_steps: int = 8

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """<P, c> of the last plan; the solver compiles itself."""
        from ott.geometry import pointcloud
        from ott.problems.linear import linear_problem
        from ott.tools import progot

        x, y, a, b = _on_device(samples)
        cloud = pointcloud.PointCloud(x, y)
        solver = progot.ProgOT(progot.get_alpha_schedule("lin", num_steps=self.num_steps))
        found = solver(linear_problem.LinearProblem(cloud, a, b))
        plan = found.get_output(self.num_steps - 1).matrix
        return Found(float((plan * cloud.cost_matrix).sum()))


@dataclass(frozen=True, kw_only=True)
class Hungarian(_Ott):
    """`ott.tools.unreg.hungarian`: the assignment, by optax's Hungarian algorithm, in float32."""

    name: ClassVar[str] = "ott_hungarian"
    bound: ClassVar[str] = "exact"

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """Mean cost of the best assignment."""
        require_assignment(self.name, samples)
        return super().solve(samples, cost)

    def program(self, x: Any, y: Any, a: Any, b: Any, p: int) -> tuple[Any, Any]:
        """Mean cost of the best assignment."""
        from ott.tools import unreg

        value, _ = unreg.hungarian(_cloud(x, y, p))
        return value, 0


def _temperature(epsilon: float | None) -> dict[str, Any]:
    return {} if epsilon is None else {"epsilon": epsilon, "relative_epsilon": "mean"}


def _cost(p: int) -> Any:
    from ott.geometry import costs

    return costs.Euclidean() if p == 1 else costs.SqEuclidean()


def _cloud(x: Any, y: Any, p: int, epsilon: float | None = None) -> Any:
    from ott.geometry import pointcloud

    return pointcloud.PointCloud(x, y, cost_fn=_cost(p), **_temperature(epsilon))


def _on_device(samples: wb.Samples) -> list[jax.Array]:
    parts = (samples.x, samples.y, samples.a, samples.b)
    return [jnp.asarray(part, jnp.float32) for part in parts]
