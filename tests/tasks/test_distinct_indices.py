"""Sampling without replacement inside compiled programs."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy.stats import chisquare

from wdist_bench.tasks.image_batches import distinct_indices


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(("total", "count"), [(5, 4), (40, 40), (60, 40), (700, 600)])
def test_it_is_floyds_algorithm_one_draw_after_the_other(total, count):
    """Crowded totals, where chains of replaced draws are long."""

    def one_by_one(key):
        key_draw, key_order = jax.random.split(key)
        last = np.arange(total - count, total, dtype=np.int32)
        drawn = np.asarray(jax.random.randint(key_draw, (count,), 0, last + 1, np.int32))
        chosen: list[int] = []
        for value, spare in zip(drawn, last, strict=True):
            chosen.append(int(spare if value in chosen else value))
        return np.asarray(jax.random.permutation(key_order, np.array(chosen, np.int32)))

    drawn = jax.jit(distinct_indices, static_argnums=(1, 2))
    for key in jax.random.split(jax.random.key(5), 50):
        assert np.array_equal(drawn(key, total, count), one_by_one(key))
