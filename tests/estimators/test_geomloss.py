"""The Sinkhorn divergence beside GeomLoss, where it is installed: `make test-all` installs it."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("p", [1, 2])
def test_the_sinkhorn_divergence_is_that_of_geomloss(p, weighted):
    """Its cost is |x - y|^p / p and its temperature blur^p: ours are p times as large."""
    reason = "PyTorch or GeomLoss is not installed; they are optional"
    torch = pytest.importorskip("torch", reason=reason)
    geomloss = pytest.importorskip("geomloss", reason=reason)
    rng = np.random.default_rng(p)
    x, y = rng.normal(size=(30, 3)), 0.7 * rng.normal(size=(25, 3)) + 0.5
    a, b = (rng.dirichlet(np.full(len(points), 5.0)) for points in (x, y))
    weights = (a, b) if weighted else (np.full(30, 1 / 30), np.full(25, 1 / 25))
    blur = 0.4
    loss = geomloss.SamplesLoss("sinkhorn", p=p, blur=blur, scaling=0.995, backend="tensorized")
    theirs = loss(*map(torch.from_numpy, (weights[0], x, weights[1], y))).item()
    found = wb.estimate(
        x, y, "sinkhorn_divergence", p, a=weights[0], b=weights[1], epsilon=p * blur**p,
        epsilon_unit="cost", threshold=1e-8, max_iterations=100_000,
    )  # fmt: skip
    assert found.cost == pytest.approx(p * theirs, rel=1e-4)
