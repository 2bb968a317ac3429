"""Who comes closest on the tasks, and who cannot be told apart from that one.

The error of a run is relative and signed: value / truth - 1. Its size is |log(value / truth)|, the
same for a value that is too large and for one that is too small by the same factor: by |error| an
answer of 0, which is never more than 100 % off, would beat one of 2.1 times the truth. Sizes are
shown as exp(size) - 1, for small errors |error| again.

A budget carries some estimators further than others, and tasks are not equally hard, so any two
are compared on the runs that both have, by the means of their sizes there. These comparisons are
put together from the surest to the least sure, and one that contradicts those before it is left
out (ranked pairs, Tideman 1987, Social Choice and Welfare 4, 185-206). Comparisons of different
runs can go round in a circle: nobody in it is told apart then, and that of more runs comes first.
So nobody is before one that it is told apart from as worse, and where all have the same runs the
order is that of means.

Two estimators are equal where swapping their sizes in a run changes nothing, so pairs are told
apart by the signs of their differences, whole runs at once, with Holm's p-values over all pairs,
since the best was chosen by the same runs. That is exact at any number of runs, and says nothing
below six. Runs above `_BLOCKS` are added up in as many blocks, which have the same symmetry.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from wdist_bench.recommend.trials import FEWEST, Trial
from wdist_bench.results.rearrangements import least_of_flips, sign_flips
from wdist_bench.results.statistics import LEVEL, Interval, holm, t_interval

TRUSTED = 0.25
"""Size of error up to which an estimator comes close: a factor of 1.25."""
FAILURES = 0.1  # share of failed runs above which nobody is recommended
# As good as the best for practice: an excess of the mean size up to the larger of these.
_MARGIN, _MARGIN_SHARE = 0.01, 0.25
_NOTHING = 1e-9  # relative errors below this are rounding, and count as 0
_LEAST = 1e-3  # smaller ratios, 0 and negative ones among them, count as this one
_LARGEST = 700.0  # sizes whose exponential is within float64
_BLOCKS = 64  # of runs, whose signs are flipped


@dataclass(frozen=True)
class Standing:
    """One estimator on the tasks, and on the pair.

    Attributes:
        estimator: its label.
        runs: runs with a number.
        failed: runs without one, left out of the means.
        bias: mean signed relative error.
        error: its size, exp(mean |log(value / truth)|) - 1: 0.1 for a factor of 1.1 either way.
        interval: 95 % interval of the size over runs.
        worst_family: the kind of task on which it is largest.
        worst_error: its size there.
        seconds: mean seconds of a call that compiles nothing.
        compile_seconds: extra seconds of the first call.
        ranked: whether it had enough runs without failure.
        tied: whether the runs do not tell it from the first one and its error is about as small.
        told_apart: whether the runs that both have tell it from the first one, which is closer.
        value: its estimate for the pair; NaN where it was not asked or gave none.
        outside: whether that lies outside what is known of the pair.
    """

    estimator: str
    runs: int
    failed: int
    bias: float
    error: float
    interval: Interval
    worst_family: str
    worst_error: float
    seconds: float
    compile_seconds: float
    ranked: bool
    tied: bool = False
    told_apart: bool = False
    value: float = math.nan
    outside: bool = False


def standings(trials: list[Trial]) -> list[Standing]:
    """Every estimator, the best first; those with too few or failed runs last."""
    by_name: dict[str, list[Trial]] = {}
    for trial in trials:
        by_name.setdefault(trial.estimator, []).append(trial)
    rows = [_standing(name, own) for name, own in by_name.items()]
    rows.sort(key=lambda row: row.error if row.runs else math.inf)
    sizes = _by_run({row.estimator: by_name[row.estimator] for row in rows if row.ranked})
    compared = _compared(sizes)
    order = _order(list(sizes), compared)
    rows.sort(key=lambda row: order.index(row.estimator) if row.ranked else len(order))
    if not order:
        return rows
    apart = {pair.other for pair in compared if pair.apart and pair.closer == order[0]}
    tied = _tied(order[0], compared, sizes)
    return [
        replace(row, tied=row.estimator in tied, told_apart=row.estimator in apart) for row in rows
    ]


def size_of(trials: list[Trial]) -> tuple[float, Interval]:
    """Mean size of the errors, exp(mean |log(value / truth)|) - 1, with its 95 % interval, whose
    upper end is inf where it is beyond float64.
    """
    sizes = _sizes(trials)
    sizes = sizes[np.isfinite(sizes)]
    if not sizes.size:
        return math.nan, (math.nan, math.nan)
    low, high = t_interval(sizes)
    return _factor(sizes.mean()), (_factor(max(low, 0.0)), _factor(high))


def _factor(size: float) -> float:
    return math.inf if size > _LARGEST else math.expm1(size)


def counted(trials: list[Trial]) -> int:
    """Runs with an error, those that `size_of` is of."""
    return int(np.isfinite(_sizes(trials)).sum())


def failures(trials: list[Trial]) -> int:
    """Runs that failed; what the budget cut off did not."""
    return sum(trial.status not in ("ok", "timeout") for trial in trials)


def _errors(trials: list[Trial]) -> np.ndarray:
    """Value / truth - 1, (runs,); 0 within rounding; NaN where there is no value."""
    ratios = [trial.value / trial.truth if trial.truth > 0 else math.nan for trial in trials]
    errors = np.array(ratios) - 1
    return np.where(np.abs(errors) < _NOTHING, 0.0, errors)


def _sizes(trials: list[Trial]) -> np.ndarray:
    return np.asarray(np.abs(np.log(np.maximum(1 + _errors(trials), _LEAST))))


def _standing(name: str, own: list[Trial]) -> Standing:
    errors = _errors(own)
    found = errors[np.isfinite(errors)]
    families = dict.fromkeys(trial.family for trial in own)
    by_family = {name: size_of([t for t in own if t.family == name])[0] for name in families}
    worst = max(by_family, key=lambda name: np.nan_to_num(by_family[name], nan=-1.0))
    later = [trial.seconds for trial in own if not trial.first]
    seconds = float(np.mean(later or [own[0].seconds]))
    error, interval = size_of(own)
    failed = failures(own)
    return Standing(
        estimator=name,
        runs=found.size,
        failed=failed,
        bias=float(found.mean()) if found.size else math.nan,
        error=error,
        interval=interval,
        worst_family=worst,
        worst_error=by_family[worst],
        seconds=seconds,
        compile_seconds=max(0.0, own[0].seconds - seconds),
        ranked=found.size >= FEWEST and failed <= FAILURES * len(own),
    )


def _by_run(trials: dict[str, list[Trial]]) -> dict[str, np.ndarray]:
    """Size of each run of each estimator, (runs,) in their order; NaN where it has none."""
    count = 1 + max((trial.run for own in trials.values() for trial in own), default=0)
    found = {}
    for name, own in trials.items():
        sizes = _sizes(own)
        found[name] = np.full(count, np.nan)
        found[name][[trial.run for trial in own]] = np.where(np.isfinite(sizes), sizes, np.nan)
    return found


class _Comparison(NamedTuple):
    """Two estimators on the runs that both have.

    Attributes:
        closer: the one of the smaller mean size.
        other: the other one.
        gap: by how much its mean size is larger.
        p_value: of the signs of the gaps, of this pair alone.
        apart: whether they are told apart, among all pairs.
        runs: how many both have.
        circular: whether they would be told apart, if others did not say the opposite.
    """

    closer: str
    other: str
    gap: float
    p_value: float
    apart: bool
    runs: int
    circular: bool = False


def _compared(sizes: dict[str, np.ndarray]) -> list[_Comparison]:
    """All pairs that differ on their common runs, (runs,) sizes by estimator, the surest first."""
    pairs = list(itertools.combinations(sizes, 2))
    if not pairs:
        return []
    gaps = np.stack([sizes[other] - sizes[one] for one, other in pairs], axis=1)
    gaps[np.abs(gaps) < _NOTHING] = 0
    known = np.isfinite(gaps)
    means = np.where(known, gaps, 0).sum(0) / np.maximum(known.sum(0), 1)
    p_values, adjusted = _p_values(gaps)
    numbers = (means, p_values, adjusted < LEVEL, known.sum(0))
    found = [
        _Comparison(*((one, other) if mean > 0 else (other, one)), abs(mean), *rest)
        for (one, other), mean, *rest in zip(pairs, *(n.tolist() for n in numbers), strict=True)
        if mean != 0
    ]
    found = _without_circles(list(sizes), found)
    return sorted(
        found,
        key=lambda pair: (not pair.apart, -pair.runs * pair.circular, pair.p_value, -pair.gap),
    )


def _without_circles(names: list[str], compared: list[_Comparison]) -> list[_Comparison]:
    """Those that are told apart in a circle contradict one another: none of them is any more."""
    behind = {name: {name} for name in names}
    for pair in compared:
        if pair.apart:
            _put_behind(behind, pair)
    return [
        pair._replace(apart=False, circular=True)
        if pair.apart and pair.closer in behind[pair.other]
        else pair
        for pair in compared
    ]


def _put_behind(behind: dict[str, set[str]], pair: _Comparison) -> None:
    """The other one, and all behind it, are behind the closer one and all before that."""
    for before in behind.values():
        if pair.closer in before:
            before |= behind[pair.other]


def _order(names: list[str], compared: list[_Comparison]) -> list[str]:
    """Ranked pairs; `names` come in the order of their own means, which decides what is left."""
    behind = {name: {name} for name in names}
    for pair in compared:
        if pair.closer not in behind[pair.other]:
            _put_behind(behind, pair)
    return sorted(names, key=lambda name: -len(behind[name]))


def _tied(first: str, compared: list[_Comparison], sizes: dict[str, np.ndarray]) -> set[str]:
    """The first, and who is not told apart from it, nor would be but for a circle, and comes about
    as close on common runs.
    """
    far = set()
    for pair in compared:
        if pair.circular and first in (pair.closer, pair.other):
            far |= {pair.closer, pair.other}
        elif pair.closer == first:
            common = np.isfinite(sizes[first]) & np.isfinite(sizes[pair.other])
            margin = max(_MARGIN, _MARGIN_SHARE * float(sizes[first][common].mean()))
            if pair.apart or pair.gap > margin:
                far.add(pair.other)
    return sizes.keys() - (far - {first})


def _p_values(gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each column of (runs, pairs) differences, by the signs of whole runs, and Holm's over all.

    Pairs of so few common runs that nothing could tell them apart do not count among all.
    """
    known = np.isfinite(gaps)
    count = min(len(gaps), _BLOCKS)
    block = np.arange(len(gaps)) % count
    sums, there = np.zeros((count, gaps.shape[1])), np.zeros((count, gaps.shape[1]), bool)
    np.add.at(sums, block, np.where(known, gaps, 0))
    np.logical_or.at(there, block, known)
    p_values = sign_flips(np.where(there, sums, np.nan)).single
    least = np.array([least_of_flips(units) for units in there.sum(0).tolist()])
    return p_values, holm(np.where(least < LEVEL, p_values, np.nan))
