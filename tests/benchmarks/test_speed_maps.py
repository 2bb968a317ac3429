"""The comparison of the maximin solver compares one network, in PyTorch and in OTT-JAX."""

from __future__ import annotations

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "speed"))
import maps

ESTIMATOR = maps.solver(3)


def network_and_points(dim=3):
    """A network that is not at its start, where half of its weights count for nothing."""
    first = maps.starts(ESTIMATOR, dim)[0]
    leaves, form = jax.tree.flatten(first)
    rng = np.random.default_rng(0)
    moved = [leaf + 0.1 * rng.normal(size=leaf.shape).astype(np.float32) for leaf in leaves]
    return jax.tree.unflatten(form, moved), rng.normal(size=(20, dim)).astype(np.float32)


def test_pytorch_has_the_same_potential_and_map():
    torch = pytest.importorskip("torch")
    import torch_maps

    network, x = network_and_points()
    theirs = torch_maps.Potential(maps.arrays(network), network.strength)
    assert theirs(torch.tensor(x)).detach().numpy() == pytest.approx(
        np.asarray(network(jnp.asarray(x))), rel=1e-4
    )
    assert theirs.push(torch.tensor(x)).detach().numpy() == pytest.approx(
        np.asarray(network.gradient(jnp.asarray(x))), rel=1e-3, abs=1e-4
    )


@pytest.mark.filterwarnings("ignore:JAXopt:DeprecationWarning")
def test_ott_has_the_same_potential():
    pytest.importorskip("diffrax")
    network, x = network_and_points()
    theirs = maps.ott_potential(network)
    weights = theirs.init(jax.random.key(0), x)
    assert np.asarray(theirs.apply(weights, x)) == pytest.approx(
        np.asarray(network(jnp.asarray(x))), rel=1e-5
    )


def test_pytorch_trains_both_networks():
    torch = pytest.importorskip("torch")
    import torch_maps

    estimator, pool = ESTIMATOR, maps.pool_of(2, 16)
    first, second = map(maps.arrays, maps.starts(estimator, 2))
    phi, psi = (torch_maps.Potential(each, 0.01) for each in (first, second))
    rules = [torch.optim.Adam(each.parameters(), 0.01) for each in (phi, psi)]
    drawn = iter(torch.tensor(pool))
    for _ in range(2):  # the first leaves the map where it is, at the optimum of its start
        torch_maps._step(phi, psi, *rules, drawn, 2)
    for trained, start in ((phi, first), (psi, second)):
        assert not np.allclose(trained.outer[0].detach().numpy(), start["outer"][0])
    assert len(list(drawn)) == maps.POOL - 6
