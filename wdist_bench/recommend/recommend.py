"""Which estimator to trust on data like the user's, and what it says of the user's pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import TARGETS, Estimator
from wdist_bench.recommend.caller import QUICK, Caller, is_quick
from wdist_bench.recommend.pair_answer import Known, PairAnswer, no_answer, pair_answer
from wdist_bench.recommend.ranking import (
    TRUSTED,
    Choice,
    choose,
    log_sizes,
    relative_errors,
    typical,
)
from wdist_bench.recommend.similar_tasks import MATCH_ROWS, Scale, similar_tasks
from wdist_bench.recommend.task_strengths import exact_value
from wdist_bench.recommend.trials import (
    FEWEST,
    YARDSTICK,
    Clock,
    Field,
    Price,
    Trial,
    Trials,
    chosen,
    enter,
    fill,
    spread,
)
from wdist_bench.recommend.verdict import too_rare
from wdist_bench.results.statistics import Interval, t_interval
from wdist_bench.validation import (
    check_integer,
    check_name,
    check_number,
    check_pair,
    check_points,
    check_seed,
)

# Shares of the budget that are spent when a stage ends.
_MADE = 0.3
_RANKED, _CONFIRMED, _HALVED = 0.65, 0.8, 0.86
_CONFIRMATION = 39  # fresh runs: their extremes are a 95 % interval
_HALF_SIZE = 12
_COVERAGE = 1 / 4  # of all estimators must have been tried where the caller named none
_SHORT = 60.0  # seconds of a budget below which strengths are set on fewer rows:
_SHORT_ROWS = 96  # costs below the 10,000 from which on BLAS starts threads


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


@dataclass(frozen=True)
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

    p: int
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

    def plain(self) -> dict[str, Any]:
        """All of it as data that JSON can hold; NaN and inf are null."""
        return _plain(asdict(self))


def recommend(
    x: Any,
    y: Any = None,
    p: int = 1,
    *,
    target: str = "population",
    budget: float = 120.0,
    runs: int = 30,
    methods: str | Estimator | Iterable[str | Estimator] | None = None,
    rows: int = 1000,
    seed: int = 0,
    watch: Callable[[Trial], None] = lambda trial: None,
) -> Recommendation:
    """Rank estimators of W_p on tasks with known truth made from the user's own rows.

    There are two questions, and mostly two answers. "population": how far apart are the laws that
    the rows come from? "batch": how far apart are these very rows? The exact solver answers the
    second by definition. In high dimension it is far off as an answer to the first, since two
    samples of one law are far apart already. People who compare data sets mostly mean the first,
    which is the default; the second is what matching, colour transfer or a loss on minibatches
    need. Both are ranked, `target` decides which one the headline and the pair's estimate are for.

    Estimators are called as a user calls them: `wdist_bench.estimate` on two arrays (protocol
    "fixed"), on the same arrays for all. Ground norm l2, equal weights, independent rows.

    Nothing is recommended, and `choice.reason` says why, where no family of tasks looks like the
    pair, where the budget did not reach all solvers of milliseconds and a quarter of all
    estimators (unless `methods` names them), where few rows carry the distance, and where
    every answer contradicts what is known of the pair: the certified interval for its samples, or
    the limits for its populations. That interval is shown all the same. An estimator whose answer
    does is ruled out (`choice.ruled_out`), and the next one is asked.

    Args:
        x: (n, d) rows of mu, n >= 8.
        y: (m, d) rows of nu, or None: then the estimators are ranked for distances of a quarter
            of and of the whole spread of x.
        p: exponent of the cost, 1 or 2.
        target: "population" or "batch".
        budget: seconds of wall clock. No call is started that is likely to exceed it. A call of a
            critic, a plug-in or an iterative solver that overruns is cut off; solvers of
            milliseconds are not, and are called for the certificate whatever is left, which takes
            up to two seconds more. Imports are not counted.
        runs: runs of each estimator where the budget allows, at least 5. Solvers of milliseconds
            always have them.
        methods: names or estimators, or a single one; None for all that are registered.
        rows: the most rows of a side in a run. x and y have more: random ones are taken.
        seed: of all samples and initialisations. A run is the same whatever the budget is, for
            budgets of at least 60 s and for those below, unless time is short even for the tasks.
        watch: told of every trial as soon as it is done.

    Returns:
        A Recommendation; values are W_p, errors are relative to the truth (0.1 for 10 %).

    Raises:
        ValueError, TypeError: bad input; the message says what was expected and the fix.
    """
    check_number(budget, "budget", above=0)
    cost = Cost(p)
    check_name(target, TARGETS, "target")
    check_integer(runs, "runs", FEWEST)
    check_integer(rows, "rows", 4)
    check_seed(seed)
    x, y = (check_points(x, "x"), None) if y is None else check_pair(x, y)
    exact_value(x[:2], x[:2], cost)  # imports what is only imported at need
    clock = Clock(budget)
    asked = chosen(methods)
    contestants = chosen([YARDSTICK]) | asked
    with Caller() as call:
        if not all(map(is_quick, contestants.values())):
            call.start()  # its imports take a second or two, while the tasks are made here
        match_rows = MATCH_ROWS if clock.budget >= _SHORT else _SHORT_ROWS
        tasks, scale, (n, m) = similar_tasks(
            x, y, cost, rows, seed, match_rows, lambda: clock.left(_MADE) < 0
        )
        trials = Trials(tasks, cost, n, m, seed, watch, call)
        known = None if y is None else Known.of(x, y, trials, clock)
        field = _run(trials, contestants, runs, clock) if tasks else Field({}, [], {}, {})
        kept = field.trials
        truths = _batch_truths(kept)
        prices = _mean_prices(kept, field.prices)
        refused = {k: v for k, v in field.refused.items() if k in asked}
        tried = [name for name in field.prices if name in asked and name not in field.not_tried]
        missing = len(asked) - len(refused) - len(tried)
        why = "" if tasks else _no_tasks(scale)
        if not why and methods is None:
            why = _uncovered(asked, tried, refused)
        choices = {
            goal: _choice(goal, kept, truths, [name for name in asked if name in prices], prices)
            for goal in TARGETS
        }
        if why:
            choices = {goal: choice.refused(why) for goal, choice in choices.items()}
        if known is not None and (rare := too_rare(known.limits)):
            choices["population"] = choices["population"].refused(rare)
        choice, pair = choices[target], None
        fresh, confirmed, half_size = np.zeros(0), None, None
        ruled_out: dict[str, str] = {}
        for name in choice.candidates() if choice.recommended else []:
            if pair is not None and clock.left() < 0 and not is_quick(contestants[name]):
                continue
            stage = _Stage(target, contestants[name], contestants[YARDSTICK], prices, name, clock)
            fresh, confirmed, half_size = stage.confirm(trials, kept)
            choice = choice.instead(name, dict(ruled_out))
            if confirmed:  # the runs that chose it flatter it
                choice = replace(choice, trusted=confirmed.error <= TRUSTED)
            if known is None or y is None:
                break
            errors = fresh if confirmed else _errors(target, kept, truths, name, "ranking")
            pair = pair_answer(
                x, y, contestants[name], prices[name], name, trials, errors, target, scale,
                known, clock,
            )  # fmt: skip
            if pair.status != "refused":
                break
            ruled_out[name] = pair.message
        if pair is not None and pair.status == "refused":
            said = "; ".join(f"{name}: {message}" for name, message in ruled_out.items())
            choice = replace(choice, ruled_out=ruled_out).refused(said)
        if known is not None and choice.recommended is None:
            pair = no_answer(known, choice.reason)
            confirmed = half_size = None
        choices[target] = choice
        return Recommendation(
            p=cost.p,
            target=target,
            rows_x=len(x),
            rows_y=None if y is None else len(y),
            dim=x.shape[1],
            n=n,
            m=m,
            tasks=tuple((task.name, task.truth) for task in tasks),
            scale=scale,
            population=choices["population"],
            batch=choices["batch"],
            sampling=Errors.of(_errors("population", kept, truths, YARDSTICK, "ranking"), n, m),
            coverage=_tried(len(tried), missing, len(refused)),
            confirmed=confirmed,
            half_size=half_size,
            refused=refused,
            not_tried={k: v for k, v in field.not_tried.items() if k in asked},
            notes=tuple(call.notes),
            pair=pair,
            budget=clock.budget,
            seconds=clock.spent,
            seed=seed,
            trials=tuple(kept),
        )


def _run(trials: Trials, contestants: dict[str, Estimator], runs: int, clock: Clock) -> Field:
    """All runs of the ranking; those with fewer than `FEWEST` runs are not tried."""
    field = enter(trials, contestants, runs, clock, _RANKED)
    had = {name: sum(t.estimator == name for t in field.trials) for name in field.prices}
    counts = spread(field.prices, had, runs, clock.left(_RANKED))
    kept = field.trials + fill(trials, contestants, had, counts, clock, _RANKED)
    for name, price in field.prices.items():
        if sum(t.estimator == name for t in kept) < FEWEST:
            field.not_tried[name] = price.compile + FEWEST * price.run
    return replace(field, trials=kept)


def _tried(tried: int, missing: int, refused: int) -> str:
    said = f"best of {tried} tried, {missing} not tried"
    return said + (f", {refused} that take no such data" if refused else "")


def _no_tasks(scale: Scale) -> str:
    """Why there is nothing to rank on."""
    said = [f"{', '.join(scale.left_out)} cannot be brought to its distance"] * bool(scale.left_out)
    said += [f"samples of {', '.join(scale.unlike)} look otherwise"] * bool(scale.unlike)
    which = "has the distance wanted" if scale.pair is None else "resembles the pair"
    return (
        f"no task made of these rows {which} ({'; '.join(said)}); what is certain is shown. "
        "More rows may help, or the same units where the scales of x and y differ"
    )


def _uncovered(asked: dict[str, Estimator], tried: list[str], refused: dict[str, str]) -> str:
    """Why those that were tried are too few to recommend one of all; empty where they are not."""
    able = [name for name in asked if name not in refused]
    if len(tried) < _COVERAGE * len(able):
        missing = "a quarter of them has to be"
    elif late := [name for name in able if is_quick(asked[name]) and name not in tried]:
        missing = f"{', '.join(late)} could not, which takes milliseconds on fewer rows"
    else:
        return ""
    return (
        f"only {len(tried)} of {len(able)} estimators could be tried within the budget; {missing}: "
        "raise it, or name some with methods"
    )


Truths = dict[tuple[str, int], float]


def _batch_truths(trials: list[Trial]) -> Truths:
    """The exact distance of each run's samples, by stage and run."""
    return {(t.stage, t.run): t.value for t in trials if t.estimator == YARDSTICK}


def _errors(target: str, trials: list[Trial], truths: Truths, name: str, stage: str) -> np.ndarray:
    """(runs,) signed relative errors of one estimator, by run; NaN where a run gave none."""
    own = [t for t in trials if t.estimator == name and t.stage == stage]
    errors = np.full(max((t.run + 1 for t in own), default=0), np.nan)
    for trial in own:
        truth = trial.truth
        if target == "batch":
            truth = truths.get((stage, trial.run), math.nan)
        errors[trial.run] = relative_errors(np.array(trial.value), np.array(truth))
    return errors


def _mean_prices(trials: list[Trial], prices: dict[str, Price]) -> dict[str, Price]:
    """Prices over all calls that compiled nothing."""
    found = {}
    for name, price in prices.items():
        later = [t.seconds for t in trials if t.estimator == name and not t.first]
        found[name] = Price(price.compile, float(np.mean(later)))
    return found


def _choice(
    target: str, trials: list[Trial], truths: Truths, names: list[str], prices: dict[str, Price]
) -> Choice:
    families = {t.run: t.family for t in trials if t.stage == "ranking"}
    count = max(families, default=-1) + 1
    errors, failed = {}, {}
    for name in names:
        found = _errors(target, trials, truths, name, "ranking")
        errors[name] = np.concatenate([found, np.full(count - found.size, np.nan)])
        # what the budget cut off did not fail
        failed[name] = sum(t.status not in ("ok", "timeout") for t in trials if t.estimator == name)
    quick = {name for name in names if name in QUICK}
    return choose(target, errors, failed, [families[run] for run in range(count)], prices, quick)


@dataclass(frozen=True, eq=False)
class _Stage:
    """Further runs of the recommended estimator, with the yardstick where the target needs it."""

    target: str
    estimator: Estimator
    yardstick: Estimator
    prices: dict[str, Price]
    name: str
    clock: Clock

    def confirm(
        self, trials: Trials, kept: list[Trial]
    ) -> tuple[np.ndarray, Errors | None, Errors | None]:
        """Errors of fresh runs, what they say, and the same at half of the rows."""
        n, m = trials.n, trials.m
        fresh = self.errors(trials, "confirmation", _CONFIRMATION, _CONFIRMED, kept)
        confirmed = Errors.of(fresh, n, m) if fresh.size >= FEWEST else None
        if min(n, m) < 8:
            return fresh, confirmed, None
        halves, wanted = replace(trials, n=n // 2, m=m // 2), max(_HALF_SIZE, len(trials.tasks))
        found = self.errors(halves, "half size", wanted, _HALVED, kept)
        # Fewer would have seen other tasks than the runs at full size.
        half_size = Errors.of(found, n // 2, m // 2) if found.size == wanted else None
        return fresh, confirmed, half_size

    def errors(
        self, trials: Trials, stage: str, count: int, share: float, kept: list[Trial]
    ) -> np.ndarray:
        """Signed relative errors of up to `count` runs, as long as time is left."""
        price = self.prices[self.name]
        with_yardstick = self.target == "batch" and self.name != YARDSTICK
        each = price.run + (self.prices[YARDSTICK].run if with_yardstick else 0)
        compiling = price.compile if stage == "half size" else 0.0
        if compiling + FEWEST * each > self.clock.left(share):
            return np.zeros(0)
        for run in range(count):
            left = self.clock.left(share)
            if each > left:
                break
            first = stage == "half size" and run == 0
            if with_yardstick:
                kept.append(trials.run(YARDSTICK, self.yardstick, run, left, stage))
            kept.append(trials.run(self.name, self.estimator, run, left, stage, first))
        return _errors(self.target, kept, _batch_truths(kept), self.name, stage)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
