"""How far apart the user's populations are, and which single estimator comes close on such data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.estimate import TARGETS, Estimate, Estimator
from wdist_bench.inputs.elsewhere import explained
from wdist_bench.recommend.caller import Caller, is_quick
from wdist_bench.recommend.likeness import exact_value
from wdist_bench.recommend.pair_answer import (
    batch_answer,
    is_outside,
    looked_at,
    population_answer,
    rough_distance,
)
from wdist_bench.recommend.ranking import (
    FAILURES,
    TRUSTED,
    Standing,
    counted,
    failures,
    size_of,
    standings,
)
from wdist_bench.recommend.recommendation import Choice, Recommendation
from wdist_bench.recommend.similar_tasks import Similar, check_bases, similar_tasks
from wdist_bench.recommend.trials import FEWEST, Clock, Trial, Trials, chosen
from wdist_bench.validation import (
    check_integer,
    check_name,
    check_number,
    check_one_or_two,
    check_pair,
    check_points,
    check_seed,
)

# Shares of the budget: that the interval's rows are chosen for, and those that are spent when it is
# cut off, when no further task is made, and when the runs that rank end; the rest is for calls on
# the pair and fresh runs of the best.
_INTERVAL, _CUT_OFF, _MADE, _RANKED = 0.3, 0.55, 0.65, 0.8
# Least share of the rows' distance that tasks are made for: relative errors at 0 say nothing.
_SMALLEST = 0.1
_MATCHED_ROWS = 256  # of a side, of that distance
_UNKNOWN = (math.nan, math.nan)


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
    """The distance of the pair, and who comes close to it on tasks made from the user's own rows.

    There are two questions, and mostly two answers. "population": how far apart are the populations
    that the rows come from? "batch": how far apart are these very rows? In high dimension the
    second is far above the first, since two samples of one population are far apart already.

    - The answer for the pair (`pair`) is `population_interval`: an interval with its level and a
      corrected point; for the batch the exact distance, or certified bounds of it.
    - The single estimator (`choice`) is found on tasks with known truth, made of the rows at the
      distance of that answer: translation, dilation, contamination, changed weights, funnels
      (p = 1) or a split (p = 2), changed frequencies where rows repeat themselves. Tasks whose
      samples do not look like the pair's are left out. Its own value for the pair is shown beside
      the interval; who lies outside it is said to, and is not recommended.

    Estimators are called as a user calls them: `wdist_bench.estimate` on two arrays, on the same
    arrays for all. Ground norm l2, equal weights, independent rows.

    Args:
        x: (n, d) rows of mu, n >= 8.
        y: (m, d) rows of nu, or None: then there is no answer for a pair, and estimators are
            compared at distances of a quarter of and of the whole spread of x.
        p: exponent of the cost, 1 or 2.
        target: "population" or "batch".
        budget: seconds of wall clock, all of it. No call is started that is likely to exceed it,
            and calls of critics, plug-ins and iterative solvers are cut off. Solvers of
            milliseconds are not: they have five runs whatever is left. The interval is computed of
            as many random rows as a third of the budget allows. Imports are not counted.
        runs: runs of each estimator where the budget allows, at least 5.
        methods: names or estimators, or a single one; None for all whose options have defaults.
        rows: the most rows of a side in a run. x and y have more: random ones are taken.
        seed: of all samples and initialisations.
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
    check_bases({"x": x} if y is None else {"x": x, "y": y})
    exact_value(x[:2], x[:2], cost)  # imports what is only imported at need
    clock, contestants = Clock(budget), chosen(methods)
    with Caller() as call:
        if not all(map(is_quick, contestants.values())):
            call.start()  # its imports take a second or two, while the interval is computed here
        pair = None if y is None else _Pair.of(x, y, target, cost, seed, call, clock)
        distance = None if pair is None else pair.distance(cost)
        similar = similar_tasks(x, y, cost, rows, seed, distance, lambda: clock.left(_MADE) < 0)
        trials = Trials(
            similar.tasks, target, cost, similar.n, similar.m, seed, clock, _RANKED, watch, call
        )
        trials.compete(contestants, runs)
        choice = _choose(contestants, trials, pair, runs, similar)
        return Recommendation(
            p=cost.p,
            target=target,
            rows_x=len(x),
            rows_y=None if y is None else len(y),
            dim=x.shape[1],
            pair=None if pair is None else pair.known,
            looked_x=0 if pair is None else len(pair.x),
            looked_y=0 if pair is None else len(pair.y),
            choice=choice,
            n=trials.n,
            m=trials.m,
            tasks=tuple((task.name, task.truth) for task in trials.tasks),
            unlike=similar.unlike,
            late=similar.late,
            refused=trials.refused,
            not_tried=trials.not_tried,
            notes=tuple(call.notes),
            budget=budget,
            seconds=clock.spent,
            seed=seed,
            trials=tuple(trials.kept),
        )


@dataclass(frozen=True, eq=False)
class _Pair:
    """The rows that are asked about, and what is known of their distance."""

    x: np.ndarray
    y: np.ndarray
    known: Estimate
    seed: int

    @classmethod
    def of(
        cls, x: np.ndarray, y: np.ndarray, target: str, cost: Cost, seed: int, call: Caller,
        clock: Clock,
    ) -> _Pair:  # fmt: skip
        """The certified distance of all rows, or the interval of as many as there is time for."""
        seconds, limit = _INTERVAL * clock.budget, clock.left(_CUT_OFF)
        if target == "batch":
            return cls(x, y, batch_answer(x, y, cost, seed, call, limit), seed)
        generator = np.random.default_rng([seed, 99])
        x, y = looked_at(x, seconds, generator), looked_at(y, seconds, generator)
        return cls(x, y, population_answer(x, y, cost, seed, call, limit), seed)

    def distance(self, cost: Cost) -> float:
        """What tasks are made for: the point, but no less than a share of the rows' distance."""
        generator = np.random.default_rng([self.seed, 98])
        # rows may come sorted, or class by class
        x, y = (generator.permutation(rows) for rows in (self.x, self.y))
        rows = exact_value(x[:_MATCHED_ROWS], y[:_MATCHED_ROWS], cost)
        known = self.known.status == "ok" and self.known.target == "population"
        # a few rows that are far out may fall into one half: no more than all rows are apart
        point = self.known.value if known else min(rough_distance(x, y, cost), rows)
        return max(point, _SMALLEST * rows)


def _choose(
    contestants: dict[str, Estimator],
    trials: Trials,
    pair: _Pair | None,
    runs: int,
    similar: Similar,
) -> Choice:
    """The best by its runs whose value for the pair contradicts nothing, and its error on fresh
    runs.
    """
    rows = standings(trials.kept)
    ranked = [row for row in rows if row.ranked]
    # of those as good as the best the solvers of milliseconds first: no noise of timings decides
    ranked.sort(
        key=lambda row: (not row.tied, row.tied and not is_quick(contestants[row.estimator]))
    )
    failed: dict[str, str] = {}
    if pair is not None:
        ranked, failed = _asked(ranked, contestants, trials, pair)
        values = {row.estimator: row for row in ranked}
        rows = [values.get(row.estimator, row) for row in rows]
        ranked = [row for row in ranked if _stands(row)]
    if not ranked:
        why = _no_task(similar) or _nobody_ranked(trials, rows) or _no_value(rows, failed)
        return Choice(None, math.nan, _UNKNOWN, 0, False, why, tuple(rows))
    best = ranked[0]
    fresh = trials.fresh(best.estimator, contestants[best.estimator], runs)
    lost, count = failures(fresh), counted(fresh)
    count = count if count >= FEWEST else 0
    error, interval = size_of(fresh) if count else (best.error, best.interval)
    checked = pair is None or _is_known(pair.known)
    trusted = checked and error <= TRUSTED and lost <= FAILURES * len(fresh)
    return Choice(best.estimator, error, interval, count, trusted, "", tuple(rows), lost)


def _asked(
    ranked: list[Standing], contestants: dict[str, Estimator], trials: Trials, pair: _Pair
) -> tuple[list[Standing], dict[str, str]]:
    """With the values for the pair of the solvers of milliseconds, and of others until one stands;
    NaN where there was no time. Who gave none by itself is told with its status.
    """
    found: list[Standing] = []
    failed: dict[str, str] = {}
    for row in ranked:
        estimator = contestants[row.estimator]
        left, quick = trials.clock.left(), is_quick(estimator)
        if not quick and (any(map(_stands, found)) or left < row.seconds):
            found.append(row)
            continue
        answer, _ = trials.call(pair.x, pair.y, estimator, trials.cost.p, trials.seed, left)
        outside = is_outside(answer.value, pair.known)
        found.append(replace(row, value=answer.value, outside=outside))
        if answer.status not in ("ok", "timeout"):
            failed[row.estimator] = answer.status
    return found, failed


def _is_known(known: Estimate) -> bool:
    """Whether there is an answer, or at least both ends, as of bounds that did not close."""
    return known.status == "ok" or (known.lower is not None and known.upper is not None)


def _stands(row: Standing) -> bool:
    """Whether it has a value for the pair that contradicts nothing."""
    return math.isfinite(row.value) and not row.outside


def _no_task(similar: Similar) -> str:
    """Why there is no task; empty where there are some."""
    if similar.tasks:
        return ""
    if similar.late and not similar.unlike:
        return "there was no time for tasks within the budget; raise it"
    return (
        "no task made of these rows looks like the pair, or has its distance; more rows may "
        "help, or equal units where the scales of x and y differ"
    )


def _nobody_ranked(trials: Trials, rows: list[Standing]) -> str:
    """Why nobody had enough runs; empty where some had."""
    if any(row.ranked for row in rows):
        return ""
    if trials.not_tried or any(trial.status == "timeout" for trial in trials.kept):
        return "none had enough runs without failure within the budget; raise it"
    if not rows:
        return f"none takes such data: {next(iter(trials.refused.values()))}"
    failed = {t.estimator: t.status for t in trials.kept if t.status != "ok"}
    return f"none had enough runs without failure{_told(failed)}"


def _no_value(rows: list[Standing], failed: dict[str, str]) -> str:
    """Why nobody has a value for the pair that stands."""
    outside = [row.estimator for row in rows if row.outside]
    if outside:
        return f"the value of each that was asked lies outside: {', '.join(outside)}"
    if len(failed) == sum(row.ranked for row in rows):
        return f"none answered for the pair{_told(failed)}"
    return "none answered for the pair within the budget; raise it"


def _told(failed: dict[str, str]) -> str:
    """Who failed by itself, and how: no budget helps."""
    names = ", ".join(f"{name} ({status})" for name, status in failed.items())
    return f": {names}; choose other methods" if failed else ""
