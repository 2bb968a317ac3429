"""Critics trained in PyTorch by the protocol of ours, as its users would write it.

Same networks, initial law, minibatches, steps and update rules; x and y go through the network in
one pass, nothing is read back before the end, evaluation runs in inference mode. Two ways:

- `train`: eager autograd and torch.optim, the runs one after the other (what people do).
- `train_pure`: one step as a pure function of weights, moments and data, for one run or, by
  torch.func.vmap, for all runs at once; under torch.compile or not.

Nothing here imports JAX, so that a process of its own can hold it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_EPSILON = 1e-8  # of both update rules
_TRUNCATED_SD = 0.87962566  # standard deviation of a normal cut at two standard deviations

Critic = Callable[[Tensor], Tensor]
Weights = tuple[Tensor, ...]


@dataclass(frozen=True)
class Training:
    """One training in plain numbers.

    Attributes:
        method: "weight_clipping", "gradient_penalty" or "c_transform".
        widths: of all layers, the dimension first and 1 last; of the MLP.
        channels: of a flattened square image; then the critic is that of DCGAN, 0 for the MLP.
        batch_size: points of each measure in a minibatch, n.
        steps: minibatches to train on.
        eval_batches: fresh minibatches that the frozen critic is evaluated on.
        optimizer: "adam" or "rmsprop".
        learning_rate: its step size.
        beta1: decay of Adam's first moment.
        beta2: decay of the second moment of either.
        initial: "standard" (LeCun normal, biases 0) or "torch" (the law of nn.Linear).
        clip: weights are clipped to [-clip, clip] after each step; 0 for not at all.
        clip_biases: whether biases are clipped as well.
        penalty_weight: lambda of the gradient penalty; 0 for none.
    """

    method: str
    widths: tuple[int, ...]
    batch_size: int
    steps: int
    eval_batches: int
    optimizer: str
    learning_rate: float
    beta1: float
    beta2: float
    initial: str
    clip: float = 0.0
    clip_biases: bool = True
    penalty_weight: float = 0.0
    channels: int = 0


class Source(ABC):
    """Where minibatches come from; `runs` is () for one training or (count,) for several."""

    @abstractmethod
    def draw(self, step: int, runs: tuple[int, ...], n: int) -> Tensor:
        """(*runs, 2 n, dim): n points of mu, then n of nu."""

    def mixture(self, step: int, runs: tuple[int, ...], n: int) -> Tensor:
        """(*runs, n, 1): the t of the penalty's points t x + (1 - t) y."""
        return torch.rand(*runs, n, 1)


class Gaussians(Source):
    """N(v/2, I) against N(-v/2, I).

    Args:
        half_shift: (dim,) v/2.
    """

    def __init__(self, half_shift: np.ndarray) -> None:
        half = torch.as_tensor(half_shift, dtype=torch.float32)
        self.shifts = torch.stack([half, -half])[:, None]

    def draw(self, step: int, runs: tuple[int, ...], n: int) -> Tensor:
        """Fresh normals."""
        noise = torch.randn(*runs, 2, n, self.shifts.shape[-1])
        return (noise + self.shifts).flatten(-3, -2)


class ImageRows(Source):
    """2 n different images a minibatch, from one shuffled order after the other.

    A minibatch has the law of ours; across minibatches an image comes back only with the next
    order, which is what a DataLoader does and cheaper than a permutation a minibatch.

    Args:
        images: (N, dim) pixels in [-1, 1].
    """

    def __init__(self, images: np.ndarray) -> None:
        self.images = torch.tensor(images, dtype=torch.float32)
        self.orders: dict[tuple[int, ...], tuple[Tensor, int]] = {}

    def draw(self, step: int, runs: tuple[int, ...], n: int) -> Tensor:
        """The next 2 n rows of the order."""
        count = len(self.images)
        order, start = self.orders.get(runs, (torch.empty(0), count))
        if start + 2 * n > count:
            order = torch.rand(*runs, count).argsort(-1) if runs else torch.randperm(count)
            start = 0
        self.orders[runs] = order, start + 2 * n
        return self.images[order[..., start : start + 2 * n]]


class Drawn(Source):
    """Minibatches drawn beforehand; run r begins at another of them.

    Args:
        pool: (count, 2 n, dim) minibatches, used in turn.
    """

    def __init__(self, pool: np.ndarray) -> None:
        self.pool = torch.tensor(pool, dtype=torch.float32)

    def draw(self, step: int, runs: tuple[int, ...], n: int) -> Tensor:
        """Minibatch number step + 7 r."""
        ahead = 7 * torch.arange(runs[0]) if runs else 0
        return self.pool[(step + ahead) % len(self.pool)]


def build(training: Training) -> nn.Sequential:
    """A fresh network: linear layers with ReLU between them, or DCGAN's critic."""
    if training.channels:
        return _build_dcgan(training)
    layers: list[nn.Module] = []
    for a, b in pairwise(training.widths):
        layer = nn.Linear(a, b)
        if training.initial == "standard":
            sd = a**-0.5 / _TRUNCATED_SD
            nn.init.trunc_normal_(layer.weight, std=sd, a=-2 * sd, b=2 * sd)
            nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _build_dcgan(training: Training) -> nn.Sequential:
    """4 x 4 convolutions of stride 2 with 64, 128, ... channels to a side of 4, then one value."""
    channels, width = training.channels, 64
    side = _side(training.widths[0], channels)
    layers: list[nn.Module] = [Pixels(channels)]
    while side > 4:
        layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels, width, side = width, 2 * width, side // 2
    layers += [Rows(), nn.Linear(side**2 * channels, 1)]
    if training.initial == "standard":
        for layer in layers:
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


class Pixels(nn.Module):
    """Points (n, dim), channels last, as images (n, channels, side, side)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, points: Tensor) -> Tensor:
        """A view: in memory channels stay last, which PyTorch's convolutions prefer."""
        side = _side(points.shape[-1], self.channels)
        return points.reshape(-1, side, side, self.channels).permute(0, 3, 1, 2)


class Rows(nn.Module):
    """Images (n, channels, side, side) as rows (n, dim), channels last."""

    def forward(self, images: Tensor) -> Tensor:
        """One row an image."""
        return images.permute(0, 2, 3, 1).flatten(1)


def _side(dim: int, channels: int) -> int:
    side = math.isqrt(dim // channels)
    assert channels * side**2 == dim, (dim, channels)
    assert side & (side - 1) == 0, f"{side} is no power of 2: PyTorch would pad another way"
    return side


def _optimizer(training: Training, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The fastest on CPU of what torch.optim has: fused Adam; RMSprop is as fast in any form."""
    if training.optimizer == "adam":
        betas = (training.beta1, training.beta2)
        return torch.optim.Adam(parameters, training.learning_rate, betas, _EPSILON, fused=True)
    return torch.optim.RMSprop(parameters, training.learning_rate, training.beta2, _EPSILON)


def dual_value(critic: Critic, points: Tensor, training: Training, cost: Tensor | None) -> Tensor:
    """The number that training ascends, penalty left out; `cost` as of `costs`."""
    n = training.batch_size
    if cost is None:
        values = critic(points)
        return values[:n].mean() - values[n:].mean()
    phi = critic(points[:n])
    psi = (cost - phi[:, None]).min(0).values
    return phi.mean() + psi.mean()


def costs(points: Tensor, training: Training) -> Tensor | None:
    """(..., n, n) distances for the c-transform, None for the other methods."""
    if training.method != "c_transform":
        return None
    n = training.batch_size
    return torch.cdist(points[..., :n, :], points[..., n:, :])


def train(
    training: Training, source: Source, network: nn.Sequential | None = None
) -> tuple[Tensor, Tensor]:
    """One eager training: (steps,) values along it and (eval_batches,) after it."""
    network = build(training) if network is None else network
    parameters = list(network.parameters())
    clipped = [p for p in parameters if training.clip and (training.clip_biases or p.ndim > 1)]
    optimizer = _optimizer(training, parameters)
    n = training.batch_size
    history = torch.empty(training.steps)

    def critic(points: Tensor) -> Tensor:
        return network(points)[:, 0]

    for step in range(training.steps):
        points = source.draw(step, (), n)
        value = dual_value(critic, points, training, costs(points, training))
        loss = -value
        if training.penalty_weight:
            loss = loss + _penalty(critic, points, source.mixture(step, (), n), training)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for parameter in clipped:
                parameter.clamp_(-training.clip, training.clip)
        history[step] = value.detach()
    return history, _evaluate(critic, source, training)


def _penalty(critic: Critic, points: Tensor, t: Tensor, training: Training) -> Tensor:
    """lambda mean (|grad f(z)| - 1)^2 at z = t x + (1 - t) y."""
    n = training.batch_size
    between = torch.lerp(points[n:], points[:n], t).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return training.penalty_weight * (torch.linalg.vector_norm(slopes, dim=1) - 1).square().mean()


@torch.inference_mode()
def _evaluate(critic: Critic, source: Source, training: Training) -> Tensor:
    values = torch.empty(training.eval_batches)
    for batch in range(training.eval_batches):
        points = source.draw(training.steps + batch, (), training.batch_size)
        values[batch] = dual_value(critic, points, training, costs(points, training))
    return values


def apply(weights: Weights, points: Tensor) -> Tensor:
    """f at points (n, dim), for the weights and biases of `build` in their order."""
    convolutions = weights[0].ndim == 4
    if convolutions:
        points = Pixels(weights[0].shape[1])(points)
    for layer in range(0, len(weights), 2):
        weight, bias = weights[layer], weights[layer + 1]
        if layer:
            points = nn.functional.leaky_relu(points, 0.2 if convolutions else 0.0)
        if weight.ndim == 4:
            points = nn.functional.conv2d(points, weight, bias, 2, 1)
        else:
            rows = Rows()(points) if convolutions else points
            points = nn.functional.linear(rows, weight, bias)
    return points[:, 0]


def pure_step(training: Training) -> Callable[..., tuple[Weights, Weights, Weights, Tensor]]:
    """(weights, first, second, count, points, extra) -> the same after one step, and the value.

    `first` and `second` are the moments, `count` the number of the step from 1 on as a tensor,
    `extra` the t of the penalty or the costs of the c-transform.
    """

    def loss(weights: Weights, points: Tensor, extra: Tensor | None) -> tuple[Tensor, Tensor]:
        critic = partial(apply, weights)
        cost = extra if training.method == "c_transform" else None
        value = dual_value(critic, points, training, cost)
        if not training.penalty_weight:
            return -value, value
        n = training.batch_size
        between = torch.lerp(points[n:], points[:n], extra)
        slopes = torch.func.grad(lambda z: critic(z).sum())(between)
        excess = (torch.linalg.vector_norm(slopes, dim=1) - 1).square().mean()
        return training.penalty_weight * excess - value, value

    gradient = torch.func.grad(loss, has_aux=True)
    adam = training.optimizer == "adam"
    beta1, beta2 = training.beta1, training.beta2

    def update(weight: Tensor, g: Tensor, m: Tensor, v: Tensor, count: Tensor) -> Any:
        v = beta2 * v + (1 - beta2) * g * g
        if adam:
            m = beta1 * m + (1 - beta1) * g
            root = torch.sqrt(v / (1 - beta2**count)) + _EPSILON
            weight = weight - training.learning_rate * (m / (1 - beta1**count)) / root
        else:
            weight = weight - training.learning_rate * g / (torch.sqrt(v) + _EPSILON)
        if training.clip and (training.clip_biases or weight.ndim > 1):
            weight = weight.clamp(-training.clip, training.clip)
        return weight, m, v

    def step(
        weights: Weights, first: Weights, second: Weights, count: Tensor, points: Tensor,
        extra: Tensor | None,
    ) -> tuple[Weights, Weights, Weights, Tensor]:  # fmt: skip
        gradients, value = gradient(weights, points, extra)
        moved = [
            update(*leaves, count) for leaves in zip(weights, gradients, first, second, strict=True)
        ]
        weights, first, second = zip(*moved, strict=True)
        return weights, first, second, value

    return step


def train_pure(
    training: Training, source: Source, weights: Weights, runs: tuple[int, ...] = (),
    compiled: bool = True,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The same by `pure_step`: (*runs, steps) and (*runs, eval_batches) values.

    Args:
        training: what to train.
        source: its minibatches.
        weights: the initial ones, with a leading axis of runs where there are several.
        runs: () for one, (count,) for several at once.
        compiled: whether torch.compile sees the step.
    """
    step, value_of = _programs(training, bool(runs), compiled)
    n = training.batch_size
    first = second = tuple(torch.zeros_like(weight) for weight in weights)
    history, values = [], []
    with torch.no_grad():
        for number in range(training.steps):
            points = source.draw(number, runs, n)
            mixed = source.mixture(number, runs, n) if training.penalty_weight else None
            extra = costs(points, training) if mixed is None else mixed
            count = torch.tensor(number + 1.0)
            weights, first, second, value = step(weights, first, second, count, points, extra)
            history.append(value)
        for number in range(training.steps, training.steps + training.eval_batches):
            points = source.draw(number, runs, n)
            values.append(value_of(weights, points, costs(points, training)))
    return torch.stack(history, -1), torch.stack(values, -1)


@cache
def _programs(
    training: Training, batched: bool, compiled: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The step and the evaluation of one minibatch, for one run or for several."""
    step = pure_step(training)

    def value_of(weights: Weights, points: Tensor, cost: Tensor | None) -> Tensor:
        return dual_value(partial(apply, weights), points, training, cost)

    if batched:
        cost_axis = 0 if training.method == "c_transform" else None
        extra_axis = 0 if training.penalty_weight else cost_axis
        step = torch.func.vmap(step, in_dims=(0, 0, 0, None, 0, extra_axis))
        value_of = torch.func.vmap(value_of, in_dims=(0, 0, cost_axis))
    if compiled:
        step = torch.compile(step, fullgraph=True, dynamic=False)
        value_of = torch.compile(value_of, fullgraph=True, dynamic=False)
    return step, value_of


def initial_weights(training: Training, runs: tuple[int, ...] = ()) -> Weights:
    """Fresh weights and biases, with a leading axis of runs where there are several."""
    networks = [build(training) for _ in range(runs[0] if runs else 1)]
    leaves = zip(*(network.parameters() for network in networks), strict=True)
    stacked = tuple(torch.stack([leaf.detach() for leaf in row]) for row in leaves)
    return stacked if runs else tuple(leaf[0] for leaf in stacked)
