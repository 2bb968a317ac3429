"""A small classifier, trained here: features for Frechet distances, classes of generated rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from wdist_bench import estimators
from wdist_bench.costs import Cost
from wdist_bench.estimate import DirectEstimator
from wdist_bench.problem import Samples
from wdist_bench.studies.generators.pool import Pool
from wdist_bench.studies.generators.training.generator import linear

FEATURES = 32
_HIDDEN, _STEPS, _BATCH, _MOST = 128, 1500, 128, 8000


class Network(nnx.Module):
    """logits = W_3 h, h = relu(W_2 relu(W_1 x)), biases left out: the features are h."""

    def __init__(self, dim: int, classes: int, rngs: nnx.Rngs) -> None:
        self.first, self.second = linear(dim, _HIDDEN, rngs), linear(_HIDDEN, FEATURES, rngs)
        self.last = linear(FEATURES, classes, rngs)

    def features(self, rows: jax.Array) -> jax.Array:
        """(n, 32) of rows (n, dim)."""
        return jax.nn.relu(self.second(jax.nn.relu(self.first(rows))))

    def __call__(self, rows: jax.Array) -> jax.Array:
        """(n, classes) logits of rows (n, dim)."""
        return self.last(self.features(rows))


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network.

    Attributes:
        graph: of the network.
        params: of the network.
        classes: labels' own names.
        accuracy: share of rows told right that it was not trained on.
    """

    graph: Any
    params: Any
    classes: tuple[int, ...]
    accuracy: float

    def features(self, rows: np.ndarray) -> np.ndarray:
        """(n, 32) float64 features of rows (n, dim)."""
        network = nnx.merge(self.graph, self.params)
        return np.asarray(network.features(jnp.asarray(rows, jnp.float32)), np.float64)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """(n,) labels, by their own names, that it gives rows (n, dim)."""
        network = nnx.merge(self.graph, self.params)
        places = np.asarray(network(jnp.asarray(rows, jnp.float32)).argmax(1))
        return np.asarray(self.classes)[places]


@lru_cache(maxsize=4)
def classifier(dataset: str, seed: int = 0) -> Classifier | None:
    """Trained on half of at most 8,000 rows of all classes, Adam at 1e-3; None without labels.

    One a data set, whatever the runs: all generators and the floors are seen by the same eyes.
    """
    rows = Pool(dataset, (), _MOST, seed).rows()
    if rows.labels is None:
        return None
    order = np.random.default_rng([seed, 43]).permutation(len(rows.points))
    half = len(order) // 2
    points, labels = rows.points[order], np.asarray(rows.labels, np.int32)[order]
    network = Network(points.shape[1], len(rows.classes), nnx.Rngs(seed))
    graph, start = nnx.split(network)
    params = _fitted(graph, start, jnp.asarray(points[:half]), jnp.asarray(labels[:half]), seed)
    trained = Classifier(graph, params, rows.classes, float("nan"))
    told = trained.labels(points[half:]) == np.asarray(rows.classes)[labels[half:]]
    return replace(trained, accuracy=float(told.mean()))


def _fitted(graph: Any, start: Any, points: jax.Array, labels: jax.Array, seed: int) -> Any:
    rule = optax.adam(1e-3)

    def loss(params: Any, chosen: jax.Array) -> jax.Array:
        logits = nnx.merge(graph, params)(points[chosen])
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels[chosen]).mean()

    def step(index: jax.Array, carry: Any) -> Any:
        params, state = carry
        key = jax.random.fold_in(jax.random.key(seed), index)
        chosen = jax.random.randint(key, (_BATCH,), 0, len(points), jnp.int32)
        updates, state = rule.update(jax.grad(loss)(params, chosen), state, params)
        return optax.apply_updates(params, updates), state

    fit = jax.jit(lambda start: jax.lax.fori_loop(0, _STEPS, step, (start, rule.init(start)))[0])
    return fit(start)


def frechet(x: np.ndarray, y: np.ndarray) -> float:
    """W2 of the Gaussians with the moments of two sets of features: the Frechet distance's root.

    Source: Heusel et al. 2017 (arXiv 1706.08500), who report its square, in Inception's features.
    """
    gaussian = cast(DirectEstimator, estimators.get("gaussian"))
    return float(gaussian.estimate(Samples(x, y), Cost(p=2)).value)
