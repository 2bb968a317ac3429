"""Who comes closest on the tasks, and who cannot be told apart from that one.

The error of a run is relative and signed: value / truth - 1. Its size is |log(value / truth)|, the
same for a value that is too large and for one that is too small by the same factor: by |error| an
answer of 0, which is never more than 100 % off, would beat one of 2.1 times the truth. Sizes are
shown as exp(size) - 1, for small errors |error| again. Estimators are ranked by their mean size,
and the best is compared with the others run by run on the same samples. It was chosen by the same
runs, so p-values are Holm's over all pairs.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from wdist_bench.recommend.trials import FEWEST, Trial
from wdist_bench.results.statistics import LEVEL, Interval, holm, paired_difference, t_interval

TRUSTED = 0.25
"""Size of error up to which an estimator comes close: a factor of 1.25."""
FAILURES = 0.1  # share of failed runs above which nobody is recommended
# As good as the best for practice: an excess of the mean size up to the larger of these.
_MARGIN, _MARGIN_SHARE = 0.01, 0.25
_NOTHING = 1e-9  # relative errors below this are rounding, and count as 0
_LEAST = 1e-3  # smaller ratios, 0 and negative ones among them, count as this one
_LARGEST = 700.0  # sizes whose exponential is within float64


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
        tied: whether the runs do not tell it from the best one and its error is about as small.
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
    value: float = math.nan
    outside: bool = False


def standings(trials: list[Trial]) -> list[Standing]:
    """Every estimator, the best first; those with too few or failed runs last."""
    names = dict.fromkeys(trial.estimator for trial in trials)
    rows = [_standing(name, [t for t in trials if t.estimator == name]) for name in names]
    rows.sort(key=lambda row: (not row.ranked, row.error if row.runs else math.inf))
    tied = _tied([row for row in rows if row.ranked], trials)
    return [replace(row, tied=row.estimator in tied) for row in rows]


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


def _tied(ranked: list[Standing], trials: list[Trial]) -> set[str]:
    """The best and those that come as close, as far as the runs tell."""
    if not ranked:
        return set()
    count = 1 + max(trial.run for trial in trials)
    sizes = {row.estimator: np.full(count, np.nan) for row in ranked}
    for trial in trials:
        if trial.estimator in sizes:
            sizes[trial.estimator][trial.run] = _sizes([trial])[0]
    pairs = list(itertools.combinations(sizes, 2))
    gaps = [paired_difference(sizes[other], sizes[one]) for one, other in pairs]
    adjusted = holm([gap.p_value for gap in gaps])
    best = ranked[0].estimator
    margin = max(_MARGIN, _MARGIN_SHARE * math.log1p(ranked[0].error))
    return {best} | {
        other
        for (one, other), gap, p_value in zip(pairs, gaps, adjusted, strict=True)
        if one == best and p_value >= LEVEL and gap.mean <= margin
    }
