"""Estimators on the same samples, one call each, within a budget of wall-clock seconds.

Every estimator sees the runs 0, 1, 2 ... in this order, and run i is the same two arrays for all,
so any two are paired over the runs that both have. The first call of an estimator compiles; its
price is split by a second call into seconds to compile and seconds to run. Then the rest of the
budget is spread: all runs for the cheap, fewer for the dear, none for those that it cannot carry.
They enter in one order: quick solvers, other solvers, then critics by the points that they train
on; timings decide how far down the list a budget reaches, not who comes first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from wdist_bench import estimators
from wdist_bench.costs import Cost
from wdist_bench.estimate import Estimator
from wdist_bench.estimators.given import check_cost
from wdist_bench.recommend.caller import QUICK, Caller, is_quick
from wdist_bench.recommend.similar_tasks import SimilarTask

STAGES = ("ranking", "confirmation", "half size")
YARDSTICK = "exact"
"""The estimator whose value is the truth of the batch."""

FEWEST = 5  # runs that an estimator needs to be ranked
# Training on more points than this is tried out on a few of its steps first.
_LONG_TRAINING = 10 * 500 * 64
_PILOT_STEPS = 20
# Solvers of more costs than this are tried out on a quarter of the rows first.
_MANY_COSTS = 600**2
_PILOT_ROWS = 4
_CHEAP = 0.05  # share of the budget that all runs may take at once
AT_ONCE = 1.0  # seconds that those of quick solvers may take at once whatever the budget is
# Seconds that a first call is thought to take at least, before anyone of its kind was called: on
# two cores critics compile for one to three seconds, other solvers for half of that.
_FIRST_CALL = {True: 2.0, False: 1.0}


@dataclass(frozen=True)
class Trial:
    """One call of one estimator.

    Attributes:
        stage: "ranking", "confirmation" (fresh runs of the recommended one) or "half size".
        run: number of the run in its stage: the same samples for every estimator.
        estimator: its label.
        task: the task behind the samples.
        n: rows of mu.
        m: rows of nu.
        value: the estimate of W_p; NaN where it failed.
        truth: W_p of the two populations.
        status: "ok", or what went wrong.
        message: what happened.
        seconds: of this call.
        first: whether the call may have compiled.
    """

    stage: str
    run: int
    estimator: str
    task: str
    n: int
    m: int
    value: float
    truth: float
    status: str
    message: str
    seconds: float
    first: bool

    @property
    def family(self) -> str:
        """The family of the task, as in "dilate"."""
        return self.task.split()[0]


@dataclass(frozen=True)
class Price:
    """Seconds that a call of an estimator costs.

    Attributes:
        compile: seconds of the first call beyond those of a later one.
        run: seconds of a later call.
    """

    compile: float
    run: float


class Clock:
    """A budget of wall-clock seconds, running from its creation."""

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._start = time.perf_counter()

    @property
    def spent(self) -> float:
        """Seconds of wall clock since this object was made."""
        return time.perf_counter() - self._start

    def left(self, share: float = 1.0) -> float:
        """Seconds until that share of the budget is spent."""
        return share * self.budget - self.spent


@dataclass(frozen=True, eq=False)
class Trials:
    """Makes the samples of each run and calls estimators on them.

    Attributes:
        tasks: taken in turn, run by run.
        cost: ground cost.
        n: rows of mu.
        m: rows of nu.
        seed: of the samples, and of the estimators.
        watch: told of every trial as soon as it is done.
        call: calls the estimators.
    """

    tasks: list[SimilarTask]
    cost: Cost
    n: int
    m: int
    seed: int
    watch: Callable[[Trial], None]
    call: Caller

    def samples(self, stage: str, run: int) -> tuple[SimilarTask, np.ndarray, np.ndarray]:
        """The task of a run and its two samples."""
        task = self.tasks[run % len(self.tasks)]
        generator = np.random.default_rng([self.seed, 1 + STAGES.index(stage), run])
        return task, *task.draw(generator, self.n, self.m)

    def run(
        self,
        label: str,
        estimator: Estimator,
        run: int,
        limit: float,
        stage: str = "ranking",
        first: bool = False,
        refuse: bool = False,
    ) -> Trial:
        """One call, cut off after `limit` seconds; an exception is a failed trial that says which.

        Raises:
            ValueError, TypeError: with `refuse`: the estimator takes no such samples.
        """
        task, x, y = self.samples(stage, run)
        answer, seconds = self.call(
            x, y, estimator, self.cost.p, _seed(self.seed, stage, run), limit, refuse
        )
        trial = Trial(
            stage, run, label, task.name, self.n, self.m, answer.value, task.truth, answer.status,
            answer.message, seconds, first,
        )  # fmt: skip
        self.watch(trial)
        return trial

    def pilot(self, estimator: Estimator, seconds: float) -> Price | None:
        """What a call is likely to cost: a long training from a few of its steps, a solver on many
        rows from a quarter of them. None where it can be tried as it is.

        A second call tells compiling from running; it is left out where the first took `seconds`.
        """
        _, x, y = self.samples("ranking", 0)
        if is_long(estimator):
            short: Any = replace(estimator, steps=_PILOT_STEPS)  # type: ignore[type-var]
            factor = estimator.steps / _PILOT_STEPS
        elif not work(estimator) and self.n * self.m > _MANY_COSTS:
            x, y = x[: self.n // _PILOT_ROWS], y[: self.m // _PILOT_ROWS]
            short, factor = estimator, _PILOT_ROWS ** growth(estimator)
        else:
            return None
        _, first = self.call(x, y, short, self.cost.p, 0, seconds, refuse=True)
        if first >= seconds:
            return Price(0.0, factor * first)
        _, second = self.call(x, y, short, self.cost.p, 0, seconds)
        return Price(max(0.0, first - second), factor * second)


def work(estimator: Estimator) -> int:
    """Points that an estimator trains on; 0 for those that do not train."""
    return estimator.steps * estimator.batch_size


def is_long(estimator: Estimator) -> bool:
    """Whether its training is too long to be tried blindly."""
    return work(estimator) > _LONG_TRAINING


def growth(estimator: Estimator) -> int:
    """Exponent of n in the seconds of a solver: 3 for linear programming, else (at most) 2."""
    return 3 if estimator.name == YARDSTICK else 2


def label(estimator: Estimator) -> str:
    """The name, with the options that are not the default ones."""
    options = [
        f"{f.name}={getattr(estimator, f.name)!r}"
        for f in fields(estimator)  # type: ignore[arg-type]
        if f.init and getattr(estimator, f.name) != f.default
    ]
    return estimator.name + (f"({', '.join(options)})" if options else "")


def chosen(methods: Any) -> dict[str, Estimator]:
    """Estimators by label in the order in which they enter; None for all there are."""
    given = estimators.names() if methods is None else methods
    given = [given] if isinstance(given, (str, Estimator)) else given
    found = [estimators.get(m) if isinstance(m, str) else m for m in given]
    for method in found:
        if not isinstance(method, Estimator):
            raise TypeError(
                f"methods: expected names or Estimators, got {type(method).__name__}; "
                f"names are {', '.join(estimators.names())}"
            )
    if not found:
        raise ValueError("methods: expected at least one, got none; leave it out for all")
    return {label(method): method for method in sorted(found, key=_place)}


def _place(estimator: Estimator) -> tuple[int, int]:
    """Quick solvers in their order, other solvers, then critics by what they train on."""
    if is_quick(estimator):
        return -1, QUICK.index(estimator.name)
    return work(estimator), 0


@dataclass(frozen=True)
class Field:
    """Which estimators run on the tasks, at what price, and why the others do not.

    Attributes:
        prices: of those that run, by label.
        trials: theirs so far: all of cheap ones, two each of others, one where time ran out.
        refused: why an estimator cannot be asked, by label.
        not_tried: seconds that an estimator would need, by label.
    """

    prices: dict[str, Price]
    trials: list[Trial]
    refused: dict[str, str]
    not_tried: dict[str, float]


def enter(
    trials: Trials, contestants: dict[str, Estimator], runs: int, clock: Clock, share: float
) -> Field:
    """Try each estimator in their order, as long as what it is likely to need is left.

    What it needs is a first call and `FEWEST` runs. A long training and a solver on many rows are
    predicted by a pilot, a short training by the dearest so far, in proportion to the points that
    they train on. The cheap get all their runs at once, so that no dear one can starve them: a
    quick one whose `runs` take a second always does, whatever the budget is.
    """
    entered = Field({}, [], {}, {})
    dearest = 0.0  # seconds per point of training, compiling included
    for name, estimator in contestants.items():
        try:
            check_cost(estimator, trials.cost)
            least = _FIRST_CALL[work(estimator) > 0]
            likely = max(least, dearest * work(estimator))
            needed = 0 if is_long(estimator) else likely
            if not is_quick(estimator) and clock.left(share) < needed:
                entered.not_tried[name] = likely
                continue
            pilot = trials.pilot(estimator, max(clock.left(share), 0.0))
            if pilot and pilot.compile + FEWEST * pilot.run > clock.left(share):
                entered.not_tried[name] = max(least, pilot.compile + FEWEST * pilot.run)
                continue
            cold = trials.run(name, estimator, 0, clock.left(share), first=True, refuse=True)
        except (ValueError, TypeError) as refusal:
            entered.refused[name] = str(refusal)
            continue
        entered.trials.append(cold)
        if cold.status == "timeout" or (
            cold.seconds > clock.left(share) and not is_quick(estimator)
        ):
            entered.not_tried[name] = (FEWEST - 1) * max(cold.seconds, likely)
            continue
        warm = trials.run(name, estimator, 1, clock.left(share))
        entered.trials.append(warm)
        if warm.status == "timeout":
            entered.not_tried[name] = (FEWEST - 1) * max(warm.seconds, likely)
            continue
        price = Price(max(0.0, cold.seconds - warm.seconds), warm.seconds)
        entered.prices[name] = price
        count = runs if is_quick(estimator) else _at_once(runs, price, clock, share)
        end = clock.spent + max(AT_ONCE, _CHEAP * clock.budget)
        for run in range(2, count):
            if clock.spent > end:
                break
            entered.trials.append(trials.run(name, estimator, run, clock.left(share)))
        if work(estimator):
            dearest = max(dearest, (price.compile + 2 * price.run) / work(estimator))
    return entered


def _at_once(runs: int, price: Price, clock: Clock, share: float) -> int:
    """How many runs are likely to fit: all, the fewest, or the two that it had."""
    cheap = min(_CHEAP * clock.budget, clock.left(share))
    return next((count for count in (runs, FEWEST) if (count - 2) * price.run <= cheap), 2)


def spread(
    prices: dict[str, Price], had: dict[str, int], runs: int, seconds: float
) -> dict[str, int]:
    """Runs for each estimator, those that it had included: all for the cheap, fewer for the dear.

    The dearest whose `FEWEST` runs do not fit stay with what they had. The others share one cap on
    their seconds (water filling), so that all fit.
    """

    def needed(name: str, count: int) -> float:
        return (count - had[name]) * prices[name].run

    kept = sorted(prices, key=lambda name: prices[name].run)
    least = {name: max(FEWEST, had[name]) for name in kept}
    while kept and sum(needed(name, least[name]) for name in kept) > seconds:
        kept.pop()

    def counts(cap: float) -> dict[str, int]:
        fitting = {name: had[name] + int(cap / max(prices[name].run, 1e-9)) for name in kept}
        return {name: min(runs, max(least[name], count)) for name, count in fitting.items()}

    low, high = 0.0, max(seconds, 0.0)
    for _ in range(40):
        middle = (low + high) / 2
        total = sum(needed(*item) for item in counts(middle).items())
        low, high = (middle, high) if total <= seconds else (low, middle)
    return had | counts(low)


def fill(
    trials: Trials,
    contestants: dict[str, Estimator],
    had: dict[str, int],
    counts: dict[str, int],
    clock: Clock,
    share: float,
) -> list[Trial]:
    """The runs that are missing, round by round; none is started that would not end in time."""
    done: list[Trial] = []
    slowest: dict[str, float] = {}
    for run in range(max(counts.values(), default=0)):
        for name, count in counts.items():
            if not had[name] <= run < count or slowest.get(name, 0.0) > clock.left(share):
                continue
            trial = trials.run(name, contestants[name], run, clock.left(share))
            slowest[name] = max(slowest.get(name, 0.0), trial.seconds)
            done.append(trial)
    return done


def _seed(seed: int, stage: str, run: int) -> int:
    return int(np.random.default_rng([seed, 7 + STAGES.index(stage), run]).integers(2**31))
