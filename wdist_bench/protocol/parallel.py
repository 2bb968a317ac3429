"""All runs of a cell as one compiled program.

On accelerators the runs are a batch axis (`vmap`). On CPU that is slower: batched matrix products
lose the fused kernels. There one program maps over its share of the runs in sequence, and every
core executes it on another share. Measured on 2 cores (MNIST, 20 runs x 500 steps, seconds):
clipping 3.4 vmap, 2.1 map on two threads; penalty 6.2 and 3.9; c-transform 2.8 and 1.7.

With several local devices the runs are sharded over them, a mesh of one axis; where they do not
come out even, the last run is repeated and the copies are dropped. A run's numbers do not depend on
the number of devices but for float32 rounding (the compiler may fuse another way): estimates of
critics after a short training agree within 1e-5 of their size (`tests/protocol/test_parallel.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from wdist_bench.protocol.compilation import timed_program
from wdist_bench.solvers.matrix_free.pruned_c_transform import threads

OneRun = Callable[[jax.Array, Any], Any]

# On GPUs XLA by default tries several algorithms for each matrix product and keeps the one that was
# fastest that day, so that another process need not repeat the numbers (in two that were tried it
# did), and most of the compile time goes there (an H200, 20 runs x 500 steps on digits: 10.0 and
# 13.3 s for the c-transform and spectral normalisation, 3.9 and 4.1 s without; training takes .05 s
# either way).
_COMPILER_OPTIONS: dict[str, dict[str, str | bool]] = {
    "gpu": {"xla_gpu_deterministic_ops": True, "xla_gpu_exclude_nondeterministic_ops": True}
}


class Timed(NamedTuple):
    """A result with the seconds that it took to compile and to run."""

    result: Any
    compile_seconds: float
    run_seconds: float


def map_runs(one_run: OneRun, keys: jax.Array, operand: Any, x64: bool = False) -> Timed:
    """`one_run(key, operand)` for every key, stacked on the host along axis 0.

    Args:
        one_run: pure and traceable; returns a pytree of arrays.
        keys: (runs,) keys, one a run.
        operand: pytree shared by all runs.
        x64: whether the program is traced and executed with 64-bit types enabled.
    """
    batched = jax.lax.map if jax.default_backend() == "cpu" else _vmap

    def program(keys: jax.Array, operand: Any) -> Any:
        return batched(lambda key: one_run(key, operand), keys)

    devices = min(jax.local_device_count(), len(keys))
    if devices > 1:
        return _on_devices(program, keys, operand, x64, devices)
    return _on_threads(program, keys, operand, x64)


def _on_threads(program: OneRun, keys: jax.Array, operand: Any, x64: bool) -> Timed:
    """On one device: on CPU every core takes a share of the runs."""
    shares = share_count(len(keys)) if jax.default_backend() == "cpu" else 1
    parts = [keys[rows] for rows in np.split(np.arange(len(keys)), shares)]
    with jax.enable_x64(x64), timed_program():
        start = time.perf_counter()
        compiled = _compile(jax.jit(program).lower(parts[0], operand))
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


def _on_devices(program: OneRun, keys: jax.Array, operand: Any, x64: bool, devices: int) -> Timed:
    """Runs sharded over the local devices: each executes the same program on its share."""
    runs = len(keys)
    mesh = Mesh(np.array(jax.local_devices()[:devices]), ("runs",))
    along_runs, everywhere = PartitionSpec("runs"), PartitionSpec()
    sharded = jax.jit(
        jax.shard_map(
            program,
            mesh=mesh,
            in_specs=(along_runs, everywhere),
            out_specs=along_runs,
            check_vma=False,  # loops inside start from constants, which vary over no axis
        )
    )
    repeated = -runs % devices
    keys = jnp.concatenate([keys, jnp.repeat(keys[-1:], repeated)]) if repeated else keys
    with jax.enable_x64(x64):
        keys = jax.device_put(keys, NamedSharding(mesh, along_runs))
        operand = jax.device_put(operand, NamedSharding(mesh, everywhere))
        start = time.perf_counter()
        with timed_program():
            compiled = _compile(sharded.lower(keys, operand))
        compile_seconds = time.perf_counter() - start
        start = time.perf_counter()
        result = jax.tree.map(np.asarray, jax.block_until_ready(compiled(keys, operand)))
        run_seconds = time.perf_counter() - start
    return Timed(jax.tree.map(lambda leaf: leaf[:runs], result), compile_seconds, run_seconds)


def _compile(lowered: Any) -> Any:
    return lowered.compile(compiler_options=_COMPILER_OPTIONS.get(jax.default_backend()))


def _vmap(function: Callable[[jax.Array], Any], keys: jax.Array) -> Any:
    return jax.vmap(function)(keys)


def share_count(runs: int) -> int:
    """The most equal shares of the runs that the cores can take at once."""
    return max(share for share in range(1, min(threads(), runs) + 1) if runs % share == 0)


def run_keys(seed: int, runs: int) -> jax.Array:
    """(runs,) keys that depend on the seed and the number of the run alone."""
    root = jax.random.key(seed)
    return jax.vmap(lambda run: jax.random.fold_in(root, run))(jnp.arange(runs, dtype=jnp.uint32))
