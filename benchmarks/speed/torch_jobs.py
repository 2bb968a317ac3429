"""PyTorch's side of the comparison, in processes of its own.

An idle thread pool spins for a while before it sleeps, so two libraries that take turns in one
process can slow each other down. In processes of their own the one that waits for its next call
sleeps. Where PyTorch finds a GPU it trains there, with TF32 in matrix products as JAX's default has
it; set XLA_PYTHON_CLIENT_PREALLOCATE=false then, so that JAX leaves it memory.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

WAYS = {
    "eager": "eager, one run after the other, all cores",
    "eager_per_core": "eager, one process a core, one thread each, each a share of the runs",
    "compile": "torch.compile of one step, one run after the other, all cores",
    "vmap": "torch.func.vmap over the runs, eager, all cores",
    "vmap_compile": "torch.func.vmap over the runs under torch.compile, all cores",
}
INSTALLED = importlib.util.find_spec("torch") is not None

_job: Any = None


class TorchSide:
    """Processes that hold PyTorch: one with all cores, and one a core.

    Args:
        cores: how many cores there are.
    """

    def __init__(self, cores: int) -> None:
        context = multiprocessing.get_context("spawn")
        threads = [cores] + [1] * cores
        self._whole, *self._shares = (
            ProcessPoolExecutor(1, context, _start, (count,)) for count in threads
        )

    def __enter__(self) -> TorchSide:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._whole, *self._shares):
            pool.shutdown()

    def describe(self) -> str:
        """Version and threads."""
        return self._whole.submit(_describe).result()

    def ways(self) -> list[str]:
        """Those that make sense here: on a GPU a process a core would only wait for the others."""
        return [way for way in WAYS if way != "eager_per_core" or "threads" in self.describe()]

    def prepare(
        self, training: dict[str, Any], source: tuple[str, np.ndarray], ways: list[str]
    ) -> None:
        """Give the processes of these ways, which start now if they have not, training and data."""
        shares = self._shares if "eager_per_core" in ways else []
        for given in [pool.submit(_prepare, training, source) for pool in (self._whole, *shares)]:
            given.result()

    def seconds(self, way: str, runs: int) -> float:
        """Of `runs` trainings with their evaluations.

        Raises:
            RuntimeError: PyTorch could not do it this way.
        """
        if way != "eager_per_core":
            return self._whole.submit(_seconds, way, runs).result()
        shares = [len(part) for part in np.array_split(range(runs), len(self._shares))]
        start = time.perf_counter()
        busy = [
            pool.submit(_seconds, "eager", share)
            for pool, share in zip(self._shares, shares, strict=True)
        ]
        for share in busy:
            share.result()
        return time.perf_counter() - start


def _start(threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # a first call compiles
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if torch.cuda.is_available():
        torch.set_default_device("cuda")
        torch.set_float32_matmul_precision("high")


def _describe() -> str:
    import torch

    if torch.cuda.is_available():
        return f"torch {torch.__version__} on {torch.cuda.get_device_name()}"
    return f"torch {torch.__version__} with {torch.get_num_threads()} threads"


def _prepare(training: dict[str, Any], source: tuple[str, np.ndarray]) -> None:
    global _job
    import torch
    import torch_critics

    torch.compiler.reset()  # it gives up on a function that it compiled eight times
    kind, array = source
    sources = {
        "gaussians": torch_critics.Gaussians,
        "images": torch_critics.ImageRows,
        "drawn": torch_critics.Drawn,
    }
    _job = torch_critics.Training(**training), sources[kind](array)


def _seconds(way: str, runs: int) -> float:
    import torch
    import torch_critics

    training, source = _job
    start = time.perf_counter()
    try:
        if way == "eager":
            for _ in range(runs):
                torch_critics.train(training, source)
        elif way == "compile":
            for _ in range(runs):
                weights = torch_critics.initial_weights(training)
                torch_critics.train_pure(training, source, weights)
        else:
            weights = torch_critics.initial_weights(training, (runs,))
            compiled = way == "vmap_compile"
            torch_critics.train_pure(training, source, weights, (runs,), compiled)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
    except (RuntimeError, NotImplementedError) as error:
        # Some of PyTorch's own exceptions cannot be sent to another process.
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
        raise RuntimeError(reason) from None
    return time.perf_counter() - start
