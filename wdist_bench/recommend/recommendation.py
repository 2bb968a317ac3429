"""What `recommend` answers: the distance of the pair, and the estimators on tasks like it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from wdist_bench.display.printable import plain
from wdist_bench.estimate import Estimate
from wdist_bench.recommend.ranking import TRUSTED, Standing
from wdist_bench.recommend.trials import Trial
from wdist_bench.results.statistics import Interval

_PAIR = ("value", "lower", "upper", "level", "target", "status", "message", "diagnostics")

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Choice:
    """Which single estimator comes close, on data like the pair's.

    Attributes:
        recommended: its label; None where nobody can be named, and `reason` says why.
        error: size of its relative error, exp(mean |log(value / truth)|) - 1, on fresh runs that
            had no part in choosing it; on those that chose it where no time was left.
        interval: 95 % interval of that over runs.
        fresh: how many fresh runs gave a number; 0 where fewer than five did.
        trusted: whether the error is at most 25 %, no more than a tenth of the fresh runs failed,
            and where there is a pair, something is known that its value does not contradict.
        reason: why nobody is named.
        standings: all that ran, best first.
        fresh_failed: how many fresh runs failed, beside those.
    """

    recommended: str | None
    error: float
    interval: Interval
    fresh: int
    trusted: bool
    reason: str
    standings: tuple[Standing, ...]
    fresh_failed: int = 0

    def standing(self, estimator: str) -> Standing:
        """The standing of the estimator of that label."""
        return next(row for row in self.standings if row.estimator == estimator)


@dataclass(frozen=True, repr=False)
class Recommendation:
    """How far apart x and y are, and which single estimator comes close on data like them.

    Attributes:
        p: exponent of the cost.
        target: the question that was asked, "population" or "batch".
        rows_x: rows of x.
        rows_y: rows of y; None without it.
        dim: dimension.
        pair: the answer for the pair, an `Estimate`. Target "population": that of
            `population_interval`, with `lower` and `upper` at `level` and the corrected point
            `value`; status "refused" where nobody can tell, and `message` says why. Target
            "batch": the certified distance of the rows. None without y.
        looked_x: rows of x that it is computed from.
        looked_y: rows of y.
        choice: the single estimator.
        n: rows of a sample of mu in the tasks.
        m: rows of a sample of nu.
        tasks: name and true W_p of the populations of each task.
        unlike: families left out since their samples do not look like the pair's.
        late: families that there was no time for.
        refused: estimators that take no such data, and why.
        not_tried: estimators that the budget could not carry, and the seconds they need at least.
        notes: calls that could not be cut off at the end of the budget, and why.
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
    pair: Estimate | None
    looked_x: int
    looked_y: int
    choice: Choice
    n: int
    m: int
    tasks: tuple[tuple[str, float], ...]
    unlike: tuple[str, ...]
    late: tuple[str, ...]
    refused: dict[str, str]
    not_tried: dict[str, float]
    notes: tuple[str, ...]
    budget: float
    seconds: float
    seed: int
    trials: tuple[Trial, ...]

    def __repr__(self) -> str:
        """What was asked and what is said; `print` says all of it."""
        parts = [f"target={self.target!r}"]
        if self.pair is not None and self.pair.status == "ok":
            ends = self.pair.lower, self.pair.upper
            parts += [f"value={self.pair.value:.6g}", "interval=({:.6g}, {:.6g})".format(*ends)]
        return f"Recommendation({', '.join(parts)}, recommended={self.choice.recommended!r})"

    def __str__(self) -> str:
        """The answer on one screen of a terminal, 80 columns wide."""
        if not find_spec("rich"):
            return f"{self!r}; for all of it: pip install 'wdist-bench[bench]'"
        from wdist_bench.recommend.words import screen

        return screen(self.plain())

    def _repr_html_(self) -> str | None:
        """The same screen, for notebooks."""
        if not find_spec("rich"):
            return None
        from wdist_bench.recommend.words import html

        return html(self.plain())

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
        pair = None if self.pair is None else {name: getattr(self.pair, name) for name in _PAIR}
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        parts["choice"] = asdict(self.choice)
        parts["trials"] = [asdict(trial) for trial in self.trials]
        found: dict[str, Any] = plain(parts | {"pair": pair})
        return found
