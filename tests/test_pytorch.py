"""`wdist_bench.pytorch.distance` is `wb.distance` with PyTorch's autograd."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.solvers.machine import forks

torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is optional")

METHODS = {"exact": 3, "one_dimensional": 1, "sliced": 3, "nearest_neighbor": 3,
           "sinkhorn_divergence": 3}  # fmt: skip


@pytest.fixture(scope="module")
def distance():
    from wdist_bench.pytorch import distance

    return distance


def problem(method):
    rng = np.random.default_rng(0)
    dim = METHODS[method]
    return (rng.normal(size=(8, dim)), rng.normal(size=(6, dim)) + 1,
            rng.dirichlet(np.full(8, 3.0)), rng.dirichlet(np.full(6, 3.0)))  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("p", [1, 2])
def test_value_and_derivatives_are_those_of_jax(distance, method, p):
    arrays = problem(method)
    with jax.enable_x64(True):
        expected, slopes = jax.value_and_grad(
            lambda *arrays: wb.distance(*arrays, p=p, method=method), argnums=(0, 1, 2, 3)
        )(*map(jnp.asarray, arrays))
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    found = distance(*tensors, p=p, method=method)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(float(expected), rel=1e-12)
    (2 * found).backward()
    for tensor, slope in zip(tensors, slopes, strict=True):
        np.testing.assert_allclose(tensor.grad, 2 * np.asarray(slope), rtol=1e-9, atol=1e-12)


def test_autograd_agrees_with_finite_differences(distance):
    tensors = [torch.tensor(array, requires_grad=True) for array in problem("exact")[:2]]
    assert torch.autograd.gradcheck(lambda x, y: distance(x, y, p=2), tensors, atol=1e-6)


def test_only_what_needs_a_derivative_gets_one(distance):
    x, y = (torch.tensor(array, dtype=torch.float32) for array in problem("exact")[:2])
    assert not distance(x, y).requires_grad
    y.requires_grad_()
    distance(x, y).backward()
    assert x.grad is None
    assert y.grad.dtype == torch.float32


def test_half_precision_and_integers_are_taken(distance):
    x, y = (torch.tensor(array, dtype=torch.bfloat16) for array in problem("exact")[:2])
    assert distance(x, y).dtype == torch.bfloat16
    assert float(distance(torch.tensor([[0], [1]]), torch.tensor([[2], [5]]))) == pytest.approx(3)
    nanoseconds = torch.tensor([[10**15], [10**15 + 10]])  # float32 takes them for one number
    assert float(distance(nanoseconds, nanoseconds + 3)) == 3


@pytest.mark.parametrize("method", METHODS)
def test_a_generator_is_trained(distance, method):
    """Points pulled by the gradient come close to the data."""
    torch.manual_seed(0)
    dim = min(METHODS[method], 2)
    data = torch.randn(64, dim) + 3
    scale, shift = torch.ones(dim, requires_grad=True), torch.zeros(dim, requires_grad=True)
    optimizer = torch.optim.Adam([scale, shift], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        moved = scale * torch.randn(64, dim) + shift
        distance(moved, data, p=2, method=method).backward()
        optimizer.step()
    with torch.no_grad():
        noise = torch.randn(64, dim)
        first, last = (
            float(distance(points, data, p=2, method=method))
            for points in (noise, scale * noise + shift)
        )
    assert last < 0.5 * first
    if method != "nearest_neighbor":  # which is least where each datum has a point near it
        assert shift.detach().numpy() == pytest.approx(data.mean(0).numpy(), abs=0.5)


def test_errors_are_those_of_jax(distance, monkeypatch):
    x = torch.zeros(2, 2)
    with pytest.raises(ValueError, match=r"cost: expected one that runs inside .*, got a matrix"):
        distance(x, x, cost=np.ones((2, 2)))
    with pytest.raises(TypeError, match="method: expected a name or an Estimator, got list"):
        distance(x, x, method=["exact"])
    distance(x, x)  # is compiled now
    monkeypatch.setattr(forks, "_parents", [1])
    with pytest.raises(RuntimeError, match="forked from process 1 after JAX had run"):
        distance(x, x)


def test_arrays_are_refused(distance):
    with pytest.raises(TypeError, match="expected a tensor, got ndarray"):
        distance(np.zeros((2, 2)), torch.zeros(2, 2))


def test_complex_numbers_are_refused(distance):
    with pytest.raises(TypeError, match=r"x: expected real numbers, got torch\.complex64; stack"):
        distance(torch.zeros(2, 1, dtype=torch.complex64), torch.zeros(2, 1))
