"""All runs of a cell as one compiled program.

On accelerators the runs are a batch axis (`vmap`). On CPU that is slower: batched matrix products
lose the fused kernels. There one program maps over its share of the runs in sequence, and every
core executes it on another share. Measured on 2 cores (MNIST, 20 runs x 500 steps, seconds):
clipping 3.4 vmap, 2.1 map on two threads; penalty 6.2 and 3.9; c-transform 2.8 and 1.7.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Timed(NamedTuple):
    """A result with the seconds that it took to compile and to run."""

    result: Any
    compile_seconds: float
    run_seconds: float


def map_runs(
    one_run: Callable[[jax.Array, Any], Any], keys: jax.Array, operand: Any, x64: bool = False
) -> Timed:
    """`one_run(key, operand)` for every key, stacked on the host along axis 0.

    Args:
        one_run: pure and traceable; returns a pytree of arrays.
        keys: (runs,) keys, one a run.
        operand: pytree shared by all runs.
        x64: whether the program is traced and executed with 64-bit types enabled.
    """
    on_cpu = jax.default_backend() == "cpu"
    shares = share_count(len(keys)) if on_cpu else 1
    batched = jax.lax.map if on_cpu else _vmap

    def program(keys: jax.Array, operand: Any) -> Any:
        return batched(lambda key: one_run(key, operand), keys)

    parts = [keys[rows] for rows in np.split(np.arange(len(keys)), shares)]
    with jax.enable_x64(x64):
        start = time.perf_counter()
        compiled = jax.jit(program).lower(parts[0], operand).compile()
        compile_seconds = time.perf_counter() - start

    def execute(part: jax.Array) -> Any:
        with jax.enable_x64(x64):
            return jax.tree.map(np.asarray, jax.block_until_ready(compiled(part, operand)))

    start = time.perf_counter()
    with ThreadPoolExecutor(shares) as pool:
        results = list(pool.map(execute, parts))
    run_seconds = time.perf_counter() - start
    stacked = jax.tree.map(lambda *leaves: np.concatenate(leaves), *results)
    return Timed(stacked, compile_seconds, run_seconds)


def _vmap(function: Callable[[jax.Array], Any], keys: jax.Array) -> Any:
    return jax.vmap(function)(keys)


def share_count(runs: int) -> int:
    """The most equal shares of the runs that the cores can take at once."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(share for share in range(1, min(cores, runs) + 1) if runs % share == 0)


def run_keys(seed: int, runs: int) -> jax.Array:
    """(runs,) keys that depend on the seed and the number of the run alone."""
    root = jax.random.key(seed)
    return jax.vmap(lambda run: jax.random.fold_in(root, run))(jnp.arange(runs, dtype=jnp.uint32))
