"""What the eight experiments share: the segments with a traced theta, one program over all runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from wdist_bench.experiment import Experiment
from wdist_bench.problem import Sampler
from wdist_bench.protocol.parallel import Timed, map_runs, run_keys
from wdist_bench.pytrees import pytree
from wdist_bench.tasks.parallel_segments import ParallelSegments
from wdist_bench.validation import check_number

HEIGHTS = 512


class Example1(Experiment):
    """An experiment of the study; all of them are reported in `example1.md`."""

    study: ClassVar[str] = "example1"

    @classmethod
    def write(cls, folder: Path, records: list[dict[str, Any]]) -> list[Path]:
        """Tables, verdicts and figures of all experiments of the study."""
        from wdist_bench.studies.example1.report import write_example1

        return write_example1(folder, records)


def segments(theta: jax.Array) -> Sampler:
    """The sampler of `parallel_segments` at a theta that may be traced."""
    unit = ParallelSegments(theta=1.0).sampler()
    return jax.tree.map(lambda move: move * theta, unit)  # its one leaf is the translation


def noisy_segments(theta: jax.Array, noise_std: jax.Array | float) -> Sampler:
    """Both segments with independent N(0, noise_std^2 I) added to every point."""
    return _Noisy(segments(theta), jnp.asarray(noise_std, jnp.float32))


def real_points() -> jax.Array:
    """(HEIGHTS, 2) midpoints of equal pieces of the segment at 0: an average is an integral."""
    heights = (jnp.arange(HEIGHTS, dtype=jnp.float32) + 0.5) / HEIGHTS
    return jnp.stack([jnp.zeros_like(heights), heights], axis=1)


def generated_points(theta: jax.Array) -> jax.Array:
    """The same points moved by (theta, 0)."""
    return real_points() + jnp.stack([theta, jnp.zeros_like(theta)])


def over_thetas(
    one_run: Callable[[jax.Array, jax.Array], Any], thetas: tuple[float, ...], runs: int, seed: int
) -> Timed:
    """`one_run(run_key, theta)` for every theta and run, stacked as (thetas, runs, ...).

    One compiled program. A run has the same key at every theta, so thetas are paired by run.
    """
    operand = run_keys(seed, runs), jnp.asarray(thetas, jnp.float32)

    def one_cell(cell: jax.Array, operand: tuple[jax.Array, jax.Array]) -> Any:
        keys, places = operand
        return one_run(keys[cell % runs], places[cell // runs])

    cells = jnp.arange(len(thetas) * runs, dtype=jnp.int32)
    timed = map_runs(one_cell, cells, operand)
    shape = len(thetas), runs
    result = jax.tree.map(lambda leaf: leaf.reshape(shape + leaf.shape[1:]), timed.result)
    return timed._replace(result=result)


def check_numbers(values: tuple[float, ...], name: str, *, above: float | None = None) -> None:
    """Raise ValueError where there is no number, or one that is not finite."""
    if not isinstance(values, tuple) or not values:
        raise ValueError(f"{name}: expected a tuple of numbers, got {values!r}; write (0.5, 1.0)")
    for value in values:
        check_number(value, name, above=above)


def finished(failed: int, runs: int, timed: Timed | None = None) -> dict[str, Any]:
    """The fields that every record has.

    Args:
        failed: runs in which any number was not finite.
        runs: independent runs.
        timed: what was compiled, None for host arithmetic.
    """
    return {
        "status": "diverged" if failed else "ok",
        "message": f"{failed} of {runs} runs met NaN or inf; lower learning_rate" if failed else "",
        "runs": runs,
        "failed": failed,
        "compile_seconds": round(timed.compile_seconds, 4) if timed else 0.0,
        "run_seconds": round(timed.run_seconds, 4) if timed else 0.0,
    }


def failed_runs(*values: np.ndarray) -> int:
    """Runs (axis 1) in which any number of any theta is not finite."""
    bad = [~np.isfinite(v).all(axis=tuple(a for a in range(v.ndim) if a != 1)) for v in values]
    return int(np.any(bad, axis=0).sum())


@pytree
@dataclass(frozen=True)
class _Noisy(Sampler):
    base: Sampler
    std: jax.Array

    @property
    def dim(self) -> int:
        return self.base.dim

    def draw(self, key: jax.Array, n: int) -> tuple[jax.Array, jax.Array]:
        points, noise = jax.random.split(key)
        x, y = self.base.draw(points, n)
        e, f = jax.random.normal(noise, (2, *x.shape), jnp.float32)
        return x + self.std * e, y + self.std * f
