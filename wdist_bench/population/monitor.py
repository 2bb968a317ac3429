"""How far generated rows are from held-out ones, epoch after epoch, beside real rows."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.display.notebook import html_table
from wdist_bench.inputs.containers import Container, match_columns, unwrap
from wdist_bench.population.interval import check_level, given_cost, population_interval
from wdist_bench.population.words import MIN_ROWS
from wdist_bench.problem import Samples
from wdist_bench.validation import (
    check_integer,
    check_no_times,
    check_points,
    check_rows,
    check_same_dimension,
    check_seed,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reading:
    """What rows say, at one step.

    Attributes:
        step: of the training, as the caller counts; "floor" for real rows.
        distance: exact W_p of these rows and the held-out ones, NaN where it is not known.
        floor: the same of real rows, as many of them: what a perfect generator would read.
        value: point estimate of W_p between the populations, NaN unless `status` is "ok".
        lower: lower end of the interval for it, NaN where there is none; a refused interval may
            have one all the same.
        upper: upper end, NaN unless `status` is "ok".
        level: confidence of the interval, of this reading alone.
        status: "ok", or what went wrong: "diverged" where rows are not finite, or so far away
            that float64 does not hold the costs.
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
    def told_apart(self) -> bool | None:
        """Whether the lower end excludes 0: these rows are not of the held-out rows' population.

        None where there is no lower end, so that nobody can tell.
        """
        return None if math.isnan(self.lower) else self.lower > 0

    def __str__(self) -> str:
        if self.status != "ok":
            known = f"; populations at least {self.lower:.4g} at {100 * self.level:g} %"
            return f"{self.step}: {self.status}, {self.message}{known if self.told_apart else ''}"
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
        self, held_out: Container, real: np.ndarray, cost: Cost, level: float, seed: int
    ) -> None:
        self._named, self._held_out = held_out, held_out.values
        self._cost, self._level, self._seed = cost, level, seed
        self.history: list[Reading] = []
        self._floor = math.nan
        floor = self._read(real, "floor")
        if not math.isfinite(floor.distance):
            raise ValueError(
                "held_out and real: expected rows whose distance is a floor, got none, since of x "
                f"= real and y = held_out it is said: {floor.message}"
            )
        self._floor = floor.distance
        self.floor = replace(floor, floor=floor.distance)

    @property
    def rows(self) -> int:
        """Rows that a reading takes of either side."""
        return len(self._held_out)

    def __call__(self, generated: Any, step: Any = None) -> Reading:
        """The reading of generated rows, which joins the history.

        Args:
            generated: (n, d) independent rows of the generator, at least as many as a reading
                takes (`rows`); of more, a random part. NumPy, JAX or PyTorch, on any device, or
                a data frame: columns are matched to those of the held-out rows by name.
            step: what the reading is called in the history; the number of the call by default.

        Raises:
            ValueError, TypeError: no rows of those columns, or too few of them. Rows that are not
                finite raise nothing, so that a training loop goes on: `status` is "diverged".
        """
        step = len(self.history) if step is None else step
        points = drawn(_matched(generated, "generated", self._named), self.rows, "generated",
                       self._seed)  # fmt: skip
        if problem := self._diverged(points):
            reading = self._nothing(step, "diverged", problem)
        else:
            reading = self._read(points, step)
        self.history.append(reading)
        return reading

    def to_frame(self) -> pd.DataFrame:
        """The history: a row a call, a column a field of `Reading`, and `told_apart`."""
        import pandas as pd

        columns = [*Reading.__dataclass_fields__, "told_apart"]
        rows = [asdict(one) | {"told_apart": one.told_apart} for one in self.history]
        return pd.DataFrame(rows, columns=columns)

    def _diverged(self, points: np.ndarray) -> str:
        """Why there is no distance of such rows; empty where there is one."""
        if not np.isfinite(points).all():
            return "generated rows are NaN or inf"
        try:
            Samples(points, self._held_out).check_scale(self._cost)
        except ValueError as error:
            return str(error)
        return ""

    def _read(self, points: np.ndarray, step: Any) -> Reading:
        start = time.perf_counter()
        found = population_interval(
            points, self._held_out, cost=self._cost, level=self._level, seed=self._seed
        )
        seconds = time.perf_counter() - start
        distance = found.diagnostics.get("batch", math.nan)
        if found.status != "ok":
            lower = math.nan if found.lower is None else found.lower
            return self._nothing(step, found.status, found.message, distance, lower, seconds)
        lower, upper = found.interval or (math.nan, math.nan)
        return Reading(
            step, distance, self._floor, found.value, lower, upper, self._level,
            message=found.message, seconds=seconds,
        )  # fmt: skip

    def _nothing(
        self, step: Any, status: str, message: str, distance: float = math.nan,
        lower: float = math.nan, seconds: float = 0.0,
    ) -> Reading:  # fmt: skip
        """What is known where there is no interval."""
        nan = math.nan
        return Reading(
            step, distance, self._floor, nan, lower, nan, self._level, status, message, seconds
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
        held_out: (n, d) real rows that the generator is not trained on. Where they have column
            names, `real` and all generated rows that have names are matched to them by name.
        real: (m, d) other real rows for the floor, such as the training rows; None to part the
            held-out rows in two halves at random, one of which is for the floor. Their names
            stand where `held_out` has none.
        p: exponent of the cost, 1 (default) or 2.
        rows: most rows of either side that a reading takes, drawn once; fewer where there are.
        level: confidence of the interval of each reading.
        cost: a `Cost`, or the name of its norm; l2 by default.
        seed: of what is drawn.

    Raises:
        ValueError, TypeError: bad input, fewer than 20 rows for a reading, or rows of which there
            is no floor, such as held-out ones that are among the real ones.
    """
    ground, level = given_cost(p, cost), check_level(level)
    seed, most = check_seed(seed), check_integer(rows, "rows", MIN_ROWS)
    given = unwrap(_detached(held_out), "held_out")
    reference = check_points(given.values, "held_out")
    if real is None:
        order = np.random.default_rng([seed, 29]).permutation(len(reference))
        half = len(order) // 2
        reference, other = reference[order[:half]], reference[order[half : 2 * half]]
    else:
        named = unwrap(_detached(real), "real")
        other = check_points(_matched(real, "real", given), "real")
        given = given if given.columns else replace(given, columns=named.columns)
    count = min(most, len(reference), len(other))
    if count < MIN_ROWS:
        raise ValueError(
            f"held_out: expected {2 * MIN_ROWS} rows at least, or {MIN_ROWS} and as many of real, "
            f"got {count} for a reading; give more real rows"
        )
    kept = drawn(reference, count, "held_out", seed)
    _check_held_out(kept, other)
    return Monitor(
        Container(kept, given.columns), drawn(other, count, "real", seed), ground, level, seed
    )


def _matched(given: Any, name: str, like: Container) -> np.ndarray:
    """Rows (n, d), finite or not, with their columns in the order of those of the held-out ones."""
    names = "held_out", name
    found = match_columns(like, unwrap(_detached(given), name), names).values
    points = check_rows(check_no_times(found, name), name)
    check_same_dimension(like.values, points, names)
    return points


def _check_held_out(held_out: np.ndarray, real: np.ndarray) -> None:
    """Raise ValueError where half of the held-out rows are real ones, and no row is there twice:
    where rows repeat themselves (counts, one-hot) equal ones need not be the same.
    """
    distinct, others = ({row.tobytes() for row in rows + 0.0} for rows in (held_out, real))
    shared = len(distinct & others)
    repeated = len(distinct) < len(held_out) or len(others) < len(real)
    same = np.array_equal(held_out, real)
    if same or (not repeated and 2 * shared >= len(held_out)):
        raise ValueError(
            f"held_out and real: expected different rows, got {shared} of {len(held_out)} held-out "
            "rows among the real ones; keep rows back that the generator is not trained on, or "
            "leave real out"
        )


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
