"""The maximin solver in PyTorch, eager, as the authors of the W2 benchmark write it.

The network is ours (`wdist_bench.networks.convex.Convex`, unconstrained) from the same weights; the
order of steps is that of their notebook for MM: the map alone for some minibatches, then the
potential, all weights of the other frozen. Nothing here imports JAX, so that a process of its own
can hold it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

Weights = dict[str, list[np.ndarray]]


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        steps: of the potential.
        inner_steps: of the map before each.
        learning_rate: of Adam, for both.
        beta1: decay of its first moment.
        beta2: decay of its second moment.
        strength: beta of the network.
    """

    steps: int
    inner_steps: int
    learning_rate: float
    beta1: float
    beta2: float
    strength: float


class Potential(nn.Module):
    """phi of `wdist_bench.networks.convex`, see its formula.

    Args:
        weights: lists of arrays by the names of its fields.
        strength: beta.
    """

    def __init__(self, weights: Weights, strength: float) -> None:
        super().__init__()
        self.strength = strength
        for name, arrays in weights.items():
            tensors = [nn.Parameter(torch.tensor(array)) for array in arrays]
            setattr(self, name, nn.ParameterList(tensors))

    def forward(self, x: Tensor) -> Tensor:
        """phi at points (n, d), shape (n,)."""
        dim = x.shape[1]
        units = None
        for k, (w, v, b) in enumerate(zip(self.lines, self.squares, self.biases, strict=True)):
            q = x @ w / dim**0.5 + (x @ v).square() / dim + b
            if units is not None:
                q = units @ self.inner[k - 1] / units.shape[1] + q
            ramp = q.clamp(0, 1)
            units = ramp * (q - ramp / 2)
        assert units is not None
        (outer,), (stretch,), (tilt,) = self.outer, self.stretch, self.tilt
        curved = self.strength + (1 - self.strength) * stretch
        return x.square() @ curved / 2 + x @ tilt + dim * (units @ outer) / units.shape[1]

    def push(self, x: Tensor) -> Tensor:
        """grad phi at points (n, d), with a graph."""
        x = x.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(self(x).sum(), x, create_graph=True)
        return slopes


def train(plan: Plan, first: Weights, second: Weights, pool: np.ndarray) -> float:
    """Seconds of a training on minibatches drawn beforehand, (count, 2, n, d)."""
    phi, psi = (Potential(weights, plan.strength) for weights in (first, second))
    batches = torch.tensor(pool)
    start = time.perf_counter()
    ways = [
        torch.optim.Adam(each.parameters(), plan.learning_rate, (plan.beta1, plan.beta2))
        for each in (phi, psi)
    ]
    drawn = (batches[number % len(batches)] for number in count())
    for _ in range(plan.steps):
        _step(phi, psi, ways[0], ways[1], drawn, plan.inner_steps)
    return time.perf_counter() - start


def _step(
    phi: Potential,
    psi: Potential,
    potential_rule: torch.optim.Optimizer,
    map_rule: torch.optim.Optimizer,
    drawn: Iterator[Tensor],
    inner_steps: int,
) -> None:
    """The map alone, then the potential, each on minibatches of its own."""
    phi.requires_grad_(False)
    psi.requires_grad_(True)
    for _ in range(inner_steps):
        _, y = next(drawn)
        images = psi.push(y)
        loss = (phi(images) - (images * y).sum(1)).mean()
        map_rule.zero_grad()
        loss.backward()
        map_rule.step()
    phi.requires_grad_(True)
    psi.requires_grad_(False)
    x, y = next(drawn)
    images = psi.push(y).detach()
    loss = phi(x).mean() - phi(images).mean()
    potential_rule.zero_grad()
    loss.backward()
    potential_rule.step()


def start(threads: int) -> None:
    """Set up a process that holds PyTorch."""
    torch.set_num_threads(threads)
