"""A certified interval around the distance of two samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.costs.l2 import power_of_two
from wdist_bench.costs.powers import scaled
from wdist_bench.estimate import (
    DirectEstimator,
    Estimate,
    Potentials,
    out_of_memory_is_a_status,
)
from wdist_bench.estimators import along_arcs, register
from wdist_bench.problem import Samples
from wdist_bench.solvers.bracket import HELD_ENTRIES, bracket, bracket_of_costs
from wdist_bench.solvers.bracket import Bracket as BracketArrays
from wdist_bench.solvers.certificate import Certificate, at_all_points, at_zero, certify
from wdist_bench.solvers.machine.forks import check_not_forked
from wdist_bench.solvers.machine.memory import INSTEAD_FOR_GIVEN, fits, require_matrix
from wdist_bench.solvers.sparse_exact import SparseSolution
from wdist_bench.validation import check_integer, check_number

_SMALLEST_SIZE = 32  # points that smaller samples are padded to, so that few programs are compiled
_BYTES_A_PAIR = 24  # where costs are held, their tiles and the plan in float32 included
_BYTES_A_GIVEN_PAIR = 40  # the same of a function's costs or a matrix, of up to 1.6 padded pairs
_SURELY_FREE = 2**24  # pairs that memory is not asked for
# Pairs from which arcs take less: .11 to .74 of the time at 2,400 points in 2 to 8 dimensions.
_MANY = 2**22
_HALF = 512  # power of two that keeps the sum of the largest float64 numbers finite


@register
@dataclass(frozen=True)
class Bracket(DirectEstimator):
    """[lower, upper] contains W_p of the batch: admissible potentials below, a feasible plan above.

    `value` is the upper end, so its claim is certified too. Inside, for p = 2 as well, the two
    ends are those of W_p^p and the gap is relative to the upper one; outside they are p-th roots.
    The ends are computed in float64 from `Cost.matrix`; what rounding can have done to them is
    taken off where it is more than 1e-9 of them. Memory is 24 bytes a pair up to 2^28
    pairs where so much is free, and linear in n + m beyond. Costs of a function or a matrix take 40
    bytes a pair, and the status is "out_of_memory" where these are not free. Any weights are
    allowed, and everything but the final certificate is one compiled program
    (`solvers.bracket.bracket`, which also runs under jit and vmap), for a few numbers of points.
    Problems of 2^22 pairs or more in up to 8 dimensions, and those whose costs cannot be held, are
    solved along few of their pairs instead, as by `exact`, until the gap is `rtol`; its log and its
    answer to an interrupt are the same.

    Attributes:
        rtol: relative gap to reach; 0 is reached where the two measures are one and the same.
            Otherwise the status is "not_converged" and the value NaN, with `lower` and `upper`
            still certified. About 1e-12 of the largest cost is what can be told apart.
        max_steps: Newton steps allowed.

    Source: Newton's method for entropic transport, Brauer, Clason, Lorenz, Wirth 2017 (arXiv
    1710.06635); rounding, Altschuler, Weed, Rigollet 2017 (arXiv 1705.09634). The certificate of
    both ends is ours.
    """

    name: ClassVar[str] = "bracket"
    version: ClassVar[int] = 6
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "upper"
    every_cost: ClassVar[bool] = True

    rtol: float = 1e-3
    max_steps: int = 2000

    def __post_init__(self) -> None:
        check_number(self.rtol, "rtol", above=0)
        check_integer(self.max_steps, "max_steps", 1)

    @out_of_memory_is_a_status
    def estimate(self, samples: Samples, cost: Cost) -> Estimate:
        """The interval [lower, upper] in units of W_p, and its upper end as the value."""
        samples.check_scale(cost)
        if samples.within_a_turn(cost).coincide(cost):
            return Estimate.zero(samples, bound="upper", diagnostics={"gap": 0.0})
        check_not_forked()
        kept = samples.with_mass()
        held = _all_held(kept)
        if along_arcs.possible(kept, cost) and (not held or along_arcs.prunes(kept, cost, _MANY)):
            sparse = along_arcs.solve(kept, cost, self.rtol, self.name)
            if sparse.converged or sparse.interrupted or not held:
                return self._of_arcs(sparse, samples, cost)
        unit, power = _at_unit_scale(kept) if cost.is_norm else (kept, 0)
        with jax.enable_x64(True):
            found = jax.tree.map(np.asarray, self._solve(unit, cost))
        # The solver's points were rounded to its box; the certificate is that of the points given.
        g = scaled(found.g[: len(kept.y)], cost.p, power)
        epsilon = float(scaled(found.epsilon, cost.p, power))
        bounds = certify(kept, cost, g, epsilon)
        if _next_to_zero(bounds, kept, cost) and along_arcs.possible(kept, cost):
            sparse = along_arcs.solve(kept, cost, self.rtol, self.name)
            if at_zero(kept, cost, sparse.upper):
                return self._of_arcs(sparse, samples, cost)
        potentials = at_all_points(bounds.phi, bounds.psi, samples, cost)
        gap = bounds.upper - bounds.lower
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "upper",
            "lower": cost.root(bounds.lower),
            "upper": cost.root(bounds.upper),
            "steps": int(found.newton),
            "potentials": Potentials(*potentials),
            "diagnostics": {
                "gap": gap,
                "epsilon": epsilon,
                "products": float(found.products),
                "rounded": bounds.error,
            },
        }
        if not (gap <= self.rtol * bounds.upper or at_zero(kept, cost, bounds.upper)):
            share = gap / bounds.upper
            return Estimate.failed(
                "not_converged",
                f"the relative gap is {share:.3g} after {found.newton} steps, wanted "
                f"{self.rtol:g}; raise max_steps or rtol, use exact, or remove outliers so far off "
                "that their costs leave the others no digits",
                **shared,
            )
        return Estimate(cost.root(bounds.upper), bounds.upper, **shared)

    def _of_arcs(self, found: SparseSolution, samples: Samples, cost: Cost) -> Estimate:
        """What `estimate` gives, from few of the pairs."""
        gap = found.upper - found.lower
        shared: dict[str, Any] = {
            "target": "batch",
            "bound": "upper",
            "lower": cost.root(found.lower),
            "upper": cost.root(found.upper),
            "potentials": Potentials(*at_all_points(found.phi, found.psi, samples, cost)),
            "diagnostics": {
                "gap": gap, "rounds": float(found.rounds), "arcs": float(found.arcs),
            },
        }  # fmt: skip
        near_zero = at_zero(samples, cost, found.upper) and not found.interrupted
        if not (found.converged or near_zero):
            status = "timeout" if found.interrupted else "not_converged"
            return Estimate.failed(
                status,
                f"the relative gap is {gap / found.upper:.3g} after round {found.rounds}, wanted "
                f"{self.rtol:g}; use [lower, upper], which is what is proved",
                **shared,
            )
        return Estimate(cost.root(found.upper), found.upper, **shared)

    def _solve(self, samples: Samples, cost: Cost) -> BracketArrays:
        """The compiled program, on padded points, or on costs that the host alone knows."""
        arrays = (*_padded(samples.x, samples.a), *_padded(samples.y, samples.b))
        x, a, y, b = (jnp.asarray(array, jnp.float64) for array in arrays)
        if cost.traceable:
            held = _held_entries(len(x) * len(y))
            return bracket(x, y, a, b, cost, self.rtol, self.max_steps, held_entries=held)
        n, m, dim = len(samples.x), len(samples.y), samples.x.shape[1]
        require_matrix(n, m, dim, _BYTES_A_GIVEN_PAIR, INSTEAD_FOR_GIVEN)
        costs = jnp.asarray(cost.matrix(arrays[0], arrays[2]), jnp.float64)
        return bracket_of_costs(costs, a, b, self.rtol, self.max_steps)


def _next_to_zero(bounds: Certificate, samples: Samples, cost: Cost) -> bool:
    """Whether the distance may be 0 within rounding, and the plan's own rounding hides that."""
    if cost.rounding(samples.x.shape[1]) == 0 or not at_zero(samples, cost, bounds.lower):
        return False
    return not at_zero(samples, cost, bounds.upper)


def _all_held(samples: Samples) -> bool:
    """Whether the costs of all pairs may be held."""
    pairs = len(samples.x) * len(samples.y)
    return pairs <= HELD_ENTRIES and (pairs <= _SURELY_FREE or fits(pairs * _BYTES_A_PAIR))


def _held_entries(pairs: int) -> int:
    """Costs that may be held at once: the solver's own number where so much memory is free."""
    if pairs <= _SURELY_FREE or pairs > HELD_ENTRIES or fits(pairs * _BYTES_A_PAIR):
        return HELD_ENTRIES
    return _SURELY_FREE


def _at_unit_scale(samples: Samples) -> tuple[Samples, int]:
    """The points in the box [-1, 1]^d over 2^power, so that tolerances mean the same for all."""
    x, y = (np.asarray(points, np.float64) for points in (samples.x, samples.y))
    center = np.ldexp(np.ldexp(x, -_HALF).mean(0), _HALF) if power_of_two(x) > 0 else x.mean(0)
    x, y = x - center, y - center
    power = int(np.frexp(max(np.abs(x).max(), np.abs(y).max()))[1])
    return Samples(np.ldexp(x, -power), np.ldexp(y, -power), samples.a, samples.b), power


def _padded(points: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights, filled up by points without mass to one of few sizes.

    So a program is compiled for each of these and not for each number of points. They are 32 and,
    from there on, four between a power of two and the next.
    """
    count = len(points)
    mass = np.full(count, 1 / count) if weights is None else weights
    step = max(2 ** (max(count - 1, 1).bit_length() - 3), 8)
    more = max(-(-count // step) * step, _SMALLEST_SIZE) - count
    return np.concatenate([points, np.repeat(points[:1], more, 0)]), np.append(mass, np.zeros(more))
