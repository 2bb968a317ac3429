"""Sampling without replacement inside compiled programs."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy.stats import chisquare

from wdist_bench.tasks.image_batches import distinct_indices


@pytest.mark.parametrize(("total", "count"), [(10, 10), (10_000, 128), (1797, 1796), (1, 1)])
def test_indices_are_distinct_and_in_range(total, count):
    chosen = np.asarray(distinct_indices(jax.random.key(3), total, count))
    assert len(set(chosen.tolist())) == count
    assert chosen.min() >= 0
    assert chosen.max() < total


def test_every_ordered_choice_is_equally_likely():
    keys = jax.random.split(jax.random.key(0), 24_000)
    drawn = np.asarray(jax.vmap(lambda key: distinct_indices(key, 4, 2))(keys))
    counts = np.bincount(4 * drawn[:, 0] + drawn[:, 1], minlength=16)
    ordered = [4 * i + j for i in range(4) for j in range(4) if i != j]
    assert counts.sum() == counts[ordered].sum()
    assert chisquare(counts[ordered]).pvalue > 1e-3
