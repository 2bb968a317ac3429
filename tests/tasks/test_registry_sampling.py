"""What every registered task promises beside the rules of `wdist_bench.conformance`."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

from wdist_bench import tasks

NAMES = tasks.names()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_sampler_gives_the_same_under_jit_and_vmap(name):
    sampler = tasks.get(name).sampler()
    keys = jax.random.split(jax.random.key(3), 3)
    with jax.enable_x64(sampler.x64):
        alone = [sampler.draw(key, 16) for key in keys]
        compiled = jax.jit(lambda s, k: s.draw(k, 16))(sampler, keys[1])
        mapped = jax.vmap(lambda k: sampler.draw(k, 16))(keys)
        for side in range(2):
            expected = np.stack([np.asarray(one[side]) for one in alone])
            tolerance = 1e-5 * (1 + np.abs(expected).max())
            np.testing.assert_allclose(compiled[side], expected[1], rtol=0, atol=tolerance)
            np.testing.assert_allclose(mapped[side], expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_default_parameters_say_where_the_truth_is_known(name):
    task = tasks.get(name)
    known = [task.truth(p, norm) for p in (1, 2) for norm in ("l2", "l1", "sphere")]
    assert any(truth is not None for truth in known)
    for p in (1, 2):
        pairs = task.pairs(jax.random.key(4), 8, p)
        assert pairs is None or task.truth(p) is not None, "pairs are known where the truth is"
    for truth in known:
        assert truth is None or (math.isfinite(truth.value) and truth.reference)
