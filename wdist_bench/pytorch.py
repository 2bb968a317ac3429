"""`distance` for PyTorch: the same numbers as `wb.distance`, with autograd.

PyTorch is imported where this module is, and nowhere else in the package.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp

from wdist_bench import distance as of_arrays
from wdist_bench.costs import Cost
from wdist_bench.distance import _ground
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.given import check_estimator
from wdist_bench.inputs.device import arrays_of_device
from wdist_bench.solvers.machine.forks import check_not_forked

try:
    import torch
    from torch.autograd.function import once_differentiable
except ImportError as missing:
    raise ImportError(
        "wdist_bench.pytorch: expected PyTorch, found none; install it with: pip install torch"
    ) from missing


def distance(
    x: torch.Tensor,
    y: torch.Tensor,
    a: torch.Tensor | None = None,
    b: torch.Tensor | None = None,
    p: float | None = None,
    method: str | Estimator = "exact",
    cost: Cost | str | None = None,
) -> torch.Tensor:
    """W_p between two weighted samples, a scalar tensor on the device and in the dtype of x.

    As `wb.distance`, whose arguments and errors these are: derivatives in x, y, a and b, once.
    Memory is shared with JAX where both use the device, else copied. Half precision is computed in
    float32; float64 is kept whatever JAX's setting.
    """
    check_not_forked()  # a program that is compiled already would not
    tensors = (x, y, a, b)
    for name, tensor in zip("xyab", tensors, strict=True):
        if tensor is not None and not isinstance(tensor, torch.Tensor):
            raise TypeError(
                f"{name}: expected a tensor, got {type(tensor).__name__}; wrap it in torch.tensor, "
                "or call wb.distance for arrays"
            )
        if tensor is not None and tensor.is_complex():
            raise TypeError(
                f"{name}: expected real numbers, got {tensor.dtype}; stack real and imaginary "
                "parts as two coordinates"
            )
    check_estimator(method, {})
    return _Distance.apply(method, _ground(cost, p), *tensors)


class _Distance(torch.autograd.Function):
    """Value and derivatives in one program; the backward pass only scales them."""

    @staticmethod
    def forward(ctx: Any, method: str | Estimator, cost: Cost, *tensors: Any) -> Any:
        wide = any(tensor is not None and tensor.dtype == torch.float64 for tensor in tensors)
        needed = tuple(k for k in range(4) if ctx.needs_input_grad[2 + k])
        with jax.enable_x64(wide):
            x, y, a, b = (_array(tensor, wide) for tensor in tensors)
            arrays = arrays_of_device(x, y, a, b, may_move=cost.moves)
            value, slopes = _program(method, cost, needed)(*arrays)
        found = [None] * 4
        for k, slope in zip(needed, slopes, strict=True):
            found[k] = _tensor(slope, tensors[k])
        ctx.save_for_backward(*found)
        return _tensor(value, tensors[0])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        slopes = [None if s is None else s * upstream.to(s) for s in ctx.saved_tensors]
        return None, None, *slopes


@cache
def _program(method: str | Estimator, cost: Cost, needed: tuple[int, ...]) -> Any:
    """(x, y, a, b) -> the distance and its derivatives in those that are needed."""

    def value(x: Any, y: Any, a: Any, b: Any) -> jax.Array:
        return of_arrays(x, y, a, b, method=method, cost=cost)

    if needed:
        return jax.jit(jax.value_and_grad(value, needed))
    return jax.jit(lambda *arrays: (value(*arrays), ()))


def _array(tensor: torch.Tensor | None, wide: bool) -> Any:
    """Of JAX; whole numbers that float32 may round as an array of the host."""
    if tensor is None:
        return None
    if not (wide or tensor.is_floating_point()):
        return tensor.detach().cpu().numpy()
    tensor = tensor.detach().to(torch.float64 if wide else torch.float32).contiguous()
    try:
        return jnp.from_dlpack(tensor)
    except (RuntimeError, ValueError, TypeError):  # a device that this JAX does not have
        return jnp.asarray(tensor.cpu().numpy())


def _tensor(array: jax.Array, like: torch.Tensor) -> torch.Tensor:
    return torch.from_dlpack(array).to(
        like.device, like.dtype if like.is_floating_point() else None
    )
