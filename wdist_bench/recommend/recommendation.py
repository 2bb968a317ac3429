"""What `recommend` answers: the ranking, the errors it rests on, and the estimate of the pair."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.recommend.pair_answer import PairAnswer
from wdist_bench.recommend.ranking import TRUSTED, Choice, log_sizes, typical
from wdist_bench.recommend.similar_tasks import Scale
from wdist_bench.recommend.trials import Trial
from wdist_bench.results.statistics import Interval, t_interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Errors:
    """Relative errors of one estimator on further runs, against one truth.

    Attributes:
        n: rows of mu.
        m: rows of nu.
        runs: runs with a number.
        bias: mean signed relative error, with its 95 % interval over runs.
        bias_interval: see there.
        error: its size, exp(mean |log(value / truth)|) - 1, with its 95 % interval over runs.
        error_interval: see there.
    """

    n: int
    m: int
    runs: int
    bias: float
    bias_interval: Interval
    error: float
    error_interval: Interval

    @classmethod
    def of(cls, errors: np.ndarray, n: int, m: int) -> Errors:
        """From (runs,) signed relative errors; NaN is left out."""
        found = errors[np.isfinite(errors)]
        bias = float(found.mean()) if found.size else math.nan
        return cls(n, m, found.size, bias, t_interval(found), *typical(log_sizes(found)))


@dataclass(frozen=True, repr=False)
class Recommendation:
    """Which estimator to trust on data like x (and y).

    Attributes:
        p: exponent of the cost.
        target: the question that was asked, "population" or "batch".
        rows_x: rows of x.
        rows_y: rows of y; None without it.
        dim: dimension.
        n: rows of a sample of mu in the tasks.
        m: rows of a sample of nu.
        tasks: name and true W_p of each task.
        scale: the distance that they were made for.
        population: the answer for the distance of the two populations.
        batch: the answer for the exact distance of the samples.
        sampling: error of the exact distance of samples against the populations: how far the two
            questions are apart.
        coverage: how many estimators the choice is among, in words.
        confirmed: error of the recommended one on fresh runs, which had no part in choosing it;
            None where there was no time.
        half_size: the same at half of the rows; None where there was no time.
        refused: estimators that cannot be asked, and why.
        not_tried: estimators that the budget could not carry, and the seconds they would need.
        notes: calls that could not be cut off at the end of the budget, and why.
        pair: the estimate of the user's pair, or the refusal of one; None without y.
        budget: seconds that were given.
        seconds: seconds that it took.
        seed: of everything random.
        trials: every call on the tasks.
    """

    p: float
    target: str
    rows_x: int
    rows_y: int | None
    dim: int
    n: int
    m: int
    tasks: tuple[tuple[str, float], ...]
    scale: Scale
    population: Choice
    batch: Choice
    sampling: Errors
    coverage: str
    confirmed: Errors | None
    half_size: Errors | None
    refused: dict[str, str]
    not_tried: dict[str, float]
    notes: tuple[str, ...]
    pair: PairAnswer | None
    budget: float
    seconds: float
    seed: int
    trials: tuple[Trial, ...]

    @property
    def choice(self) -> Choice:
        """The answer to the question that was asked."""
        return self.population if self.target == "population" else self.batch

    def __repr__(self) -> str:
        """What was asked and who is recommended; `print` says all of it."""
        found = f"target={self.target!r}, recommended={self.choice.recommended!r}"
        value = None if self.pair is None else self.pair.value
        return f"Recommendation({found}{'' if value is None else f', value={value:.6g}'})"

    def __str__(self) -> str:
        """The answer in words, the table, and how it was found, as Markdown."""
        from wdist_bench.recommend.words import markdown

        return markdown(self.plain())

    def _repr_markdown_(self) -> str:
        """The same, for notebooks."""
        return str(self)

    def to_frame(self) -> pd.DataFrame:
        """The standings of the estimators, one a row, best first."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.choice.standings])

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw how far off each estimator is, with 95 % intervals; returns matplotlib's axes."""
        from wdist_bench.recommend.plots import plot_choice

        return plot_choice(self.choice, TRUSTED, axes)

    def plain(self) -> dict[str, Any]:
        """All of it as data that JSON can hold; NaN and inf are null."""
        return _plain(asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
