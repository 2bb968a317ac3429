"""Which estimator to trust on data like the user's, and what it says of the user's pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.elsewhere import explained
from wdist_bench.estimate import TARGETS, Estimator
from wdist_bench.recommend.caller import QUICK, Caller, is_quick
from wdist_bench.recommend.confirmation import Confirmation, Truths, batch_truths, relative
from wdist_bench.recommend.pair_answer import Known, PairAnswer, no_answer, pair_answer
from wdist_bench.recommend.ranking import TRUSTED, Choice, choose
from wdist_bench.recommend.recommendation import Errors, Recommendation
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
from wdist_bench.validation import (
    check_integer,
    check_name,
    check_number,
    check_one_or_two,
    check_pair,
    check_points,
    check_seed,
)

# Shares of the budget that are spent when a stage ends.
_MADE = 0.3
_RANKED = 0.65
_COVERAGE = 1 / 4  # of all estimators must have been tried where the caller named none
_SHORT = 60.0  # seconds of a budget below which strengths are set on fewer rows:
_SHORT_ROWS = 96  # costs below the 10,000 from which on BLAS starts threads


@explained
def recommend(
    x: Any,
    y: Any = None,
    p: float = 1,
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

    There are two questions, and mostly two answers. "population": how far apart are the populations
    that the rows come from? "batch": how far apart are these very rows? The exact solver answers
    the second by definition. In high dimension it is far off as an answer to the first, since two
    samples of one population are far apart already. People who compare data sets mostly mean the
    first, which is the default; the second is what matching, colour transfer or a loss on
    minibatches need. Both are ranked, `target` decides which one the headline and the pair's
    estimate are for.

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
    cost = Cost(check_one_or_two(p, "recommend"))
    check_name(target, TARGETS, "target")
    check_integer(runs, "runs", FEWEST)
    check_integer(rows, "rows", 4)
    check_seed(seed)
    x, y = (check_points(x, "x"), None) if y is None else check_pair(x, y)
    exact_value(x[:2], x[:2], cost)  # imports what is only imported at need
    clock, asked = Clock(budget), chosen(methods)
    with Caller() as call:
        contestants = chosen([YARDSTICK]) | asked
        if not all(map(is_quick, contestants.values())):
            call.start()  # its imports take a second or two, while the tasks are made here
        match_rows = MATCH_ROWS if budget >= _SHORT else _SHORT_ROWS
        tasks, scale, (n, m) = similar_tasks(
            x, y, cost, rows, seed, match_rows, lambda: clock.left(_MADE) < 0
        )
        trials = Trials(tasks, cost, n, m, seed, watch, call)
        known = None if y is None else Known.of(x, y, trials, clock)
        field = _run(trials, contestants, runs, clock) if tasks else Field({}, [], {}, {})
        session = _Session(
            x,
            y,
            target,
            asked,
            methods is not None,
            contestants,
            clock,
            trials,
            scale,
            known,
            field,
        )
        return session.recommendation()


@dataclass(frozen=True, eq=False)
class _Settled:
    """The choice for the question that was asked, after fresh runs and the call on the pair."""

    choice: Choice
    pair: PairAnswer | None = None
    confirmed: Errors | None = None
    half_size: Errors | None = None


@dataclass(frozen=True, eq=False)
class _Session:
    """One call of `recommend` whose ranking is done.

    Attributes:
        x: rows of mu.
        y: rows of nu, or None.
        target: the question that was asked.
        asked: the estimators to choose from, by label.
        named: whether the caller named them.
        contestants: these and the yardstick.
        clock: the budget.
        trials: makes the samples of each run.
        scale: the distance that the tasks were made for.
        known: what is certain of the pair; None without y.
        field: who ran, at what price, and all calls so far.
    """

    x: np.ndarray
    y: np.ndarray | None
    target: str
    asked: dict[str, Estimator]
    named: bool
    contestants: dict[str, Estimator]
    clock: Clock
    trials: Trials
    scale: Scale
    known: Known | None
    field: Field

    def recommendation(self) -> Recommendation:
        """Choose, confirm on fresh runs, answer for the pair, and say so."""
        kept, trials = self.field.trials, self.trials
        truths, prices = batch_truths(kept), _mean_prices(kept, self.field.prices)
        choices = self._choices(truths, prices)
        settled = self._settled(choices[self.target], truths, prices)
        choices[self.target] = settled.choice
        refused, tried = self._refused(), self._tried()
        missing = len(self.asked) - len(refused) - len(tried)
        sampling = relative("population", kept, truths, YARDSTICK, "ranking")
        return Recommendation(
            p=trials.cost.p,
            target=self.target,
            rows_x=len(self.x),
            rows_y=None if self.y is None else len(self.y),
            dim=self.x.shape[1],
            n=trials.n,
            m=trials.m,
            tasks=tuple((task.name, task.truth) for task in trials.tasks),
            scale=self.scale,
            population=choices["population"],
            batch=choices["batch"],
            sampling=Errors.of(sampling, trials.n, trials.m),
            coverage=_coverage(len(tried), missing, len(refused)),
            confirmed=settled.confirmed,
            half_size=settled.half_size,
            refused=refused,
            not_tried={k: v for k, v in self.field.not_tried.items() if k in self.asked},
            notes=tuple(trials.call.notes),
            pair=settled.pair,
            budget=self.clock.budget,
            seconds=self.clock.spent,
            seed=trials.seed,
            trials=tuple(kept),
        )

    def _refused(self) -> dict[str, str]:
        return {k: v for k, v in self.field.refused.items() if k in self.asked}

    def _tried(self) -> list[str]:
        field = self.field
        return [name for name in field.prices if name in self.asked and name not in field.not_tried]

    def _choices(self, truths: Truths, prices: dict[str, Price]) -> dict[str, Choice]:
        """The choice for each of the two questions, refused where nothing can be said."""
        names = [name for name in self.asked if name in prices]
        choices = {
            goal: _choice(goal, self.field.trials, truths, names, prices) for goal in TARGETS
        }
        why = "" if self.trials.tasks else _no_tasks(self.scale)
        if not why and not self.named:
            why = _uncovered(self.asked, self._tried(), self._refused())
        if why:
            choices = {goal: choice.refused(why) for goal, choice in choices.items()}
        if self.known is not None and (rare := too_rare(self.known.limits)):
            choices["population"] = choices["population"].refused(rare)
        return choices

    def _settled(self, choice: Choice, truths: Truths, prices: dict[str, Price]) -> _Settled:
        """The first candidate whose answer for the pair contradicts nothing that is known."""
        found = _Settled(choice)
        ruled_out: dict[str, str] = {}
        for name in choice.candidates() if choice.recommended else []:
            late = self.clock.left() < 0 and not is_quick(self.contestants[name])
            if found.pair is not None and late:
                continue
            found = self._candidate(
                found.choice.instead(name, dict(ruled_out)), name, truths, prices
            )
            if found.pair is None or found.pair.status != "refused":
                break
            ruled_out[name] = found.pair.message
        if found.pair is not None and found.pair.status == "refused":
            said = "; ".join(f"{name}: {message}" for name, message in ruled_out.items())
            choice = replace(found.choice, ruled_out=ruled_out).refused(said)
            found = replace(found, choice=choice)
        if self.known is not None and found.choice.recommended is None:
            return _Settled(found.choice, no_answer(self.known, found.choice.reason))
        return found

    def _candidate(
        self, choice: Choice, name: str, truths: Truths, prices: dict[str, Price]
    ) -> _Settled:
        """Fresh runs of one estimator, and what it says of the pair."""
        estimator, kept = self.contestants[name], self.field.trials
        yardstick = self.contestants[YARDSTICK]
        stage = Confirmation(self.target, estimator, yardstick, prices, name, self.clock)
        fresh, confirmed, half_size = stage.confirm(self.trials, kept)
        if confirmed:  # the runs that chose it flatter it
            choice = replace(choice, trusted=confirmed.error <= TRUSTED)
        if self.known is None or self.y is None:
            return _Settled(choice, None, confirmed, half_size)
        errors = fresh if confirmed else relative(self.target, kept, truths, name, "ranking")
        pair = pair_answer(
            self.x, self.y, estimator, prices[name], name, self.trials, errors, self.target,
            self.scale, self.known, self.clock,
        )  # fmt: skip
        return _Settled(choice, pair, confirmed, half_size)


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


def _coverage(tried: int, missing: int, refused: int) -> str:
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
        found = relative(target, trials, truths, name, "ranking")
        errors[name] = np.concatenate([found, np.full(count - found.size, np.nan)])
        # what the budget cut off did not fail
        failed[name] = sum(t.status not in ("ok", "timeout") for t in trials if t.estimator == name)
    quick = {name for name in names if name in QUICK}
    return choose(target, errors, failed, [families[run] for run in range(count)], prices, quick)
