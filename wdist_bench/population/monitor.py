"""How far generated rows are from held-out ones, epoch after epoch, beside real rows."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.display.notebook import html_table
from wdist_bench.inputs.containers import unwrap
from wdist_bench.population.given import given_cost
from wdist_bench.population.interval import check_level, population_interval
from wdist_bench.population.words import MIN_ROWS
from wdist_bench.validation import check_integer, check_points, check_same_dimension, check_seed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reading:
    """What rows say, at one step.

    Attributes:
        step: of the training, as the caller counts; "floor" for real rows.
        distance: exact W_p of these rows and the held-out ones, NaN unless `status` is "ok".
        floor: the same of real rows, as many of them: what a perfect generator would read.
        value: point estimate of W_p between the populations.
        lower: lower end of the interval for it.
        upper: upper end.
        level: confidence of the interval, of this reading alone.
        status: "ok", or what went wrong: "diverged" where rows are not finite.
        message: one sentence.
        seconds: what the reading took.
    """

    step: Any
    distance: float
    floor: float
    value: float
    lower: float
    upper: float
    level: float
    status: str = "ok"
    message: str = ""
    seconds: float = field(default=0.0, compare=False)

    @property
    def told_apart(self) -> bool:
        """Whether the interval excludes 0: these rows are not of the held-out rows' population."""
        return self.lower > 0

    def __str__(self) -> str:
        if self.status != "ok":
            return f"{self.step}: {self.status}, {self.message}"
        return (
            f"{self.step}: rows {self.distance:.4g} (real rows {self.floor:.4g}), populations "
            f"{self.value:.4g} in [{self.lower:.4g}, {self.upper:.4g}] at {100 * self.level:g} %"
        )

    def _repr_html_(self) -> str:
        """A table, for notebooks."""
        return html_table("Reading", list(asdict(self).items()))


class Monitor:
    """Call it with generated rows at every epoch; made by `wdist_bench.monitor`.

    Attributes:
        floor: the reading of real rows.
        history: all readings of generated rows, in the order of the calls.
    """

    def __init__(
        self, held_out: np.ndarray, real: np.ndarray, cost: Cost, level: float, seed: int
    ) -> None:
        self._held_out, self._cost, self._level, self._seed = held_out, cost, level, seed
        self.history: list[Reading] = []
        self._floor = math.nan
        self.floor = self._read(real, "floor")
        self._floor = self.floor.distance

    @property
    def rows(self) -> int:
        """Rows that a reading takes of either side."""
        return len(self._held_out)

    def __call__(self, generated: Any, step: Any = None) -> Reading:
        """The reading of generated rows, which joins the history.

        Args:
            generated: (n, d) independent rows of the generator, at least as many as a reading
                takes (`rows`); of more, a random part. NumPy, JAX or PyTorch, on any device.
            step: what the reading is called in the history; the number of the call by default.

        Raises:
            ValueError, TypeError: no rows of that dimension, or too few of them. Rows that are not
                finite raise nothing, so that a training loop goes on: `status` is "diverged".
        """
        step = len(self.history) if step is None else step
        points = unwrap(_detached(generated), "generated").values
        if not np.isfinite(np.asarray(points, np.float64)).all():
            reading = self._nothing(step, "diverged", "generated rows are NaN or inf")
        else:
            reading = self._read(self._taken(points), step)
        self.history.append(reading)
        return reading

    def to_frame(self) -> pd.DataFrame:
        """The history: a row a call, a column a field of `Reading`, and `told_apart`."""
        import pandas as pd

        columns = [*Reading.__dataclass_fields__, "told_apart"]
        rows = [asdict(one) | {"told_apart": one.told_apart} for one in self.history]
        return pd.DataFrame(rows, columns=columns)

    def _taken(self, points: np.ndarray) -> np.ndarray:
        points = check_points(points, "generated")
        check_same_dimension(points, self._held_out)
        return drawn(points, self.rows, "generated", self._seed)

    def _read(self, points: np.ndarray, step: Any) -> Reading:
        start = time.perf_counter()
        found = population_interval(
            points, self._held_out, cost=self._cost, level=self._level, seed=self._seed
        )
        seconds = time.perf_counter() - start
        distance = found.diagnostics.get("batch", math.nan)
        if found.status != "ok":
            return self._nothing(step, found.status, found.message, distance, seconds)
        lower, upper = found.interval or (math.nan, math.nan)
        return Reading(
            step, distance, self._floor if step != "floor" else distance, found.value, lower, upper,
            self._level, message=found.message, seconds=seconds,
        )  # fmt: skip

    def _nothing(
        self, step: Any, status: str, message: str, distance: float = math.nan, seconds: float = 0.0
    ) -> Reading:
        nan = math.nan
        return Reading(
            step, distance, self._floor, nan, nan, nan, self._level, status, message, seconds
        )


def monitor(
    held_out: Any,
    real: Any = None,
    p: int | None = None,
    *,
    rows: int = 500,
    level: float = 0.95,
    cost: Cost | str | None = None,
    seed: int = 0,
) -> Monitor:
    """Watch a generator while it is trained: how far its rows are from held-out real ones.

    Each reading has the exact W_p of the rows, which is never 0, beside the *floor*, the same
    number for real rows, and `population_interval` of the populations. The floor is computed once.
    500 rows in dimension 64 take about half a second a reading on two cores.

    The interval of a reading holds with its level for a generator that never saw the held-out rows
    and for this reading alone: all readings share these rows, so the least of many epochs is too
    small, and a choice among epochs by it needs rows of its own.

    Args:
        held_out: (n, d) real rows that the generator is not trained on.
        real: (m, d) other real rows for the floor, such as the training rows; None to part the
            held-out rows in two halves at random, one of which is for the floor.
        p: exponent of the cost, 1 (default) or 2.
        rows: most rows of either side that a reading takes, drawn once; fewer where there are.
        level: confidence of the interval of each reading.
        cost: a `Cost`, or the name of its norm; l2 by default.
        seed: of what is drawn.

    Raises:
        ValueError, TypeError: bad input, or fewer than 20 rows for a reading.
    """
    ground, level = given_cost(p, cost), check_level(level)
    seed, most = check_seed(seed), check_integer(rows, "rows", MIN_ROWS)
    reference = check_points(_detached(held_out), "held_out")
    if real is None:
        order = np.random.default_rng([seed, 29]).permutation(len(reference))
        half = len(order) // 2
        reference, other = reference[order[:half]], reference[order[half : 2 * half]]
    else:
        other = check_points(_detached(real), "real")
        check_same_dimension(other, reference)
    count = min(most, len(reference), len(other))
    if count < MIN_ROWS:
        raise ValueError(
            f"held_out: expected {2 * MIN_ROWS} rows at least, or {MIN_ROWS} and as many of real, "
            f"got {count} for a reading; give more real rows"
        )
    return Monitor(
        drawn(reference, count, "held_out", seed), drawn(other, count, "real", seed), ground,
        level, seed,
    )  # fmt: skip


def drawn(points: np.ndarray, count: int, name: str, seed: int) -> np.ndarray:
    """That many rows at random; all in their order where there are no more."""
    if len(points) < count:
        raise ValueError(
            f"{name}: expected {count} rows at least, as many as the floor is computed of, got "
            f"{len(points)}; generate more, or make the monitor with rows={len(points)}"
        )
    if len(points) == count:
        return points
    return points[np.random.default_rng([seed, 31]).choice(len(points), count, replace=False)]


def _detached(rows: Any) -> Any:
    """A PyTorch tensor on the host and without its graph; anything else as it is."""
    if hasattr(rows, "detach") and hasattr(rows, "cpu"):
        return rows.detach().cpu().double().numpy()
    return rows
