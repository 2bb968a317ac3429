"""A training step of the maximin solver beside PyTorch and OTT-JAX's neural dual, same networks.

`maximin` of this package, the loop of the W2 benchmark's notebook in PyTorch, and `W2NeuralDual` of
OTT-JAX with the network of ours, the objective in place of its inner solver and the same number of
inner steps: potential and map from the same weights, minibatches drawn beforehand, Adam. PyTorch
has a process of its own, so that no idle thread pool spins beside the others; calls alternate, the
first ones, compilation included, are reported apart.

Run: .venv-peers/bin/python benchmarks/speed/maps.py [--repeats 5 --steps 50]
What is not installed (PyTorch, OTT-JAX's extra `neural`) is left out, and the table says so.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from critics import DrawnProblem, Pool
from timing import OtherWork, alternate_reported, hardware, median_and_spread

import wdist_bench as wb
from wdist_bench.costs import L2
from wdist_bench.estimators.maximin import Maximin
from wdist_bench.networks.convex import Convex
from wdist_bench.protocol.parallel import share_count

COST = L2(2)
POOL = 24  # minibatches drawn beforehand, used in turn
DIMS = (2, 32, 128)
FIELDS = ("lines", "squares", "biases", "inner", "outer", "stretch", "tilt")
ABSENT = {
    "pytorch": ("torch", "PyTorch is not installed"),
    "ott-jax": ("diffrax", "the extra neural of ott-jax is not installed"),
}


def solver(steps: int) -> Maximin:
    """Ours, without the frame of the moments that the others do not have."""
    return wb.estimators.get(
        "maximin", steps=steps, batch_size=512, start="identity", schedule="constant"
    )


def pool_of(dim: int, rows: int) -> np.ndarray:
    """(POOL, 2, rows, dim) minibatches of a drawn pair."""
    task = wb.tasks.get("convex_pairs", dim=dim, seed=100)
    drawn = [task.sample(jax.random.key(number), rows) for number in range(POOL)]
    return np.asarray(drawn, np.float32)


def ours(estimator: Maximin, pool: np.ndarray) -> float:
    """Seconds of a training."""
    zero = jnp.zeros((), jnp.int32)
    problem = DrawnProblem(Pool(jnp.asarray(pool)), zero, jnp.zeros(pool.shape[-1]), 1.0, COST)
    start = time.perf_counter()
    jax.block_until_ready(estimator.fit(jax.random.key(0), problem).history)
    return time.perf_counter() - start


def arrays(network: Convex) -> dict[str, list[np.ndarray]]:
    """The weights of a network as lists by the names of its fields."""
    found = ((name, getattr(network, name)) for name in FIELDS)
    return {
        name: [np.asarray(one) for one in (part if isinstance(part, tuple) else (part,))]
        for name, part in found
    }


def starts(estimator: Maximin, dim: int) -> tuple[Convex, Convex]:
    """Potential and map before training."""
    keys = jax.random.split(jax.random.key(0))
    first, second = (estimator.start_network(key, dim, constrained=False) for key in keys)
    return first, second


def pytorch(process: ProcessPoolExecutor, estimator: Maximin, pool: np.ndarray) -> float:
    """Seconds of a training in a process of its own."""
    import torch_maps

    plan = torch_maps.Plan(
        estimator.steps, estimator.inner_steps, estimator.learning_rate, estimator.beta1,
        estimator.beta2, estimator.strong_convexity,
    )  # fmt: skip
    first, second = map(arrays, starts(estimator, pool.shape[-1]))
    return process.submit(torch_maps.train, plan, first, second, pool).result()


def ott_potential(network: Convex) -> Any:
    """The network as OTT takes it, a module of flax with these weights at the start."""
    from ott.neural.networks.potentials import BasePotential

    leaves, form = jax.tree.flatten(network)

    class Ours(BasePotential):
        """phi; its parameters are the leaves of the network."""

        @property
        def is_potential(self) -> bool:
            return True

        def setup(self) -> None:
            self.leaves = [
                self.param(f"leaf{number}", lambda _, value=value: value)
                for number, value in enumerate(leaves)
            ]

        def __call__(self, x: jax.Array) -> jax.Array:
            values = jax.tree.unflatten(form, self.leaves)(jnp.atleast_2d(x))
            return values if x.ndim == 2 else values[0]

    return Ours()


def ott_solver(estimator: Maximin, dim: int) -> Any:
    """W2NeuralDual that does what ours does."""
    import optax
    from ott.neural.methods.neuraldual import W2NeuralDual

    def rule() -> optax.GradientTransformation:
        return optax.adam(estimator.learning_rate, estimator.beta1, estimator.beta2)

    first, second = map(ott_potential, starts(estimator, dim))
    return W2NeuralDual(
        dim, first, second, rule(), rule(), num_train_iters=estimator.steps,
        num_inner_iters=estimator.inner_steps, back_and_forth=False, parallel_updates=False,
        valid_freq=estimator.steps + 1, conjugate_solver=None, amortization_loss="objective",
    )  # fmt: skip


def ott(made: Any, pool: np.ndarray) -> float:
    """Seconds of a training, going on from the last; its steps stay compiled."""
    batches = jnp.asarray(pool)

    def side(number: int) -> Iterator[jax.Array]:
        return (batches[k % POOL, number] for k in count())

    start = time.perf_counter()
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        made(side(0), side(1), side(0), side(1))
    jax.block_until_ready(made.state_f.params)
    return time.perf_counter() - start


def missing() -> dict[str, str]:
    """Why a library is not there, by its name."""
    return {
        name: reason
        for name, (module, reason) in ABSENT.items()
        if importlib.util.find_spec(module) is None
    }


def rows_of(
    dim: int, steps: int, repeats: int, process: ProcessPoolExecutor
) -> list[dict[str, Any]]:
    """One row a library: milliseconds of a step of the potential with its inner steps."""
    estimator = solver(steps)
    pool = pool_of(dim, estimator.batch_size)
    absent = missing()
    calls: dict[str, Callable[[], float]] = {"ours": partial(ours, estimator, pool)}
    if "pytorch" not in absent:
        calls["pytorch"] = partial(pytorch, process, estimator, pool)
    if "ott-jax" not in absent:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calls["ott-jax"] = partial(ott, ott_solver(estimator, dim), pool)
    first = {name: call() for name, call in calls.items()}
    with OtherWork() as others:
        seconds = alternate_reported(calls, repeats, warm_up=False)
    rows = []
    for name, taken in seconds.items():
        ratios = [theirs / own for theirs, own in zip(taken, seconds["ours"], strict=True)]
        middle, spread = median_and_spread([1e3 * each / steps for each in taken])
        ratio, ratio_spread = median_and_spread(ratios)
        rows.append({
            "dim": dim, "library": name, "ms a step": middle, "+-": spread, "over ours": ratio,
            "ratio +-": ratio_spread, "first s": first[name], "steps": steps, "rounds": repeats,
            "others": others.share,
        })  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def write(table: pd.DataFrame, machine: str, out: Path) -> None:
    """maps.csv and maps.md."""
    table.to_csv(out / "maps.csv", index=False, float_format="%.4g")
    estimator = solver(1)
    absent = "".join(f" {reason[0].upper()}{reason[1:]}." for reason in missing().values())
    text = (
        "# A step of the maximin solver beside PyTorch and OTT-JAX\n\n"
        f"{machine}. One step of the potential with {estimator.inner_steps} of the map before it, "
        f"minibatches of {estimator.batch_size} rows drawn beforehand, networks with layers "
        f"{estimator.hidden}, the same in all libraries. Medians of rounds in which the calls "
        "alternate, half the distance of the quartiles behind +-; a ratio is that of one round; "
        "first s is a first training, compilation included; others is the share of the cores that "
        "other programs took, PyTorch's process included. PyTorch runs eagerly, OTT-JAX its own "
        "loop with `conjugate_solver=None` and the objective as loss of the map."
        f"{absent} Written by `python benchmarks/speed/maps.py`.\n\n"
    )
    (out / "maps.md").write_text(text + table.to_markdown(index=False, floatfmt=".3g") + "\n")


def main(
    repeats: Annotated[int, typer.Option(help="Timed rounds.")] = 5,
    steps: Annotated[int, typer.Option(help="Of one training.")] = 50,
    dim: Annotated[list[int] | None, typer.Option(help="Dimensions.")] = None,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Time the three against each other."""
    out.mkdir(parents=True, exist_ok=True)
    machine, context = hardware(), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _start, (share_count(10**6),)) as process:
        rows = [row for each in dim or DIMS for row in rows_of(each, steps, repeats, process)]
    write(pd.DataFrame(rows), machine, out)


def _start(threads: int) -> None:
    if "pytorch" not in missing():
        import torch_maps

        torch_maps.start(threads)


if __name__ == "__main__":
    typer.run(main)
