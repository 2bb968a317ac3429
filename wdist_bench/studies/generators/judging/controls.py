"""Generators that learn nothing, whose verdict is known: they test the verdict."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wdist_bench.studies.generators.judging.judge import Split

Rows = tuple[np.ndarray, np.ndarray | None]
"""(n, d) rows and their (n,) labels, None without."""


def memoriser(real: Split, generator: np.random.Generator, n: int) -> Rows:
    """Training rows, drawn with replacement: as near as real rows, and nothing new."""
    chosen = generator.integers(0, len(real.training), n)
    labels = real.training_labels
    return real.training[chosen], None if labels is None else labels[chosen]


def mean_image(real: Split, generator: np.random.Generator, n: int) -> Rows:
    """The mean m of the training rows, n times: W_p of the populations is (E|x - m|^p)^(1/p)."""
    return np.repeat(real.training.mean(0, keepdims=True), n, axis=0), None


def held_out(real: Split, generator: np.random.Generator, n: int) -> Rows:
    """Real rows that were not trained on: the best generator there is."""
    return real.other[:n], None if real.other_labels is None else real.other_labels[:n]


CONTROLS: dict[str, Callable[[Split, np.random.Generator, int], Rows]] = {
    "held_out": held_out,
    "memoriser": memoriser,
    "mean_image": mean_image,
}
