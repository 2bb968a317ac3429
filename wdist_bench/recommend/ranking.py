"""Who comes closest on the tasks, and who cannot be told apart from that one.

The error of a run is relative and signed: value / truth - 1. Its size is |log(value / truth)|, the
same for a value that is too large and for one that is too small by the same factor: by |error| an
answer of 0, which is never more than 100 % off, would beat one of 2.1 times the truth. Sizes are
shown as exp(size) - 1, for small errors |error| again.

A budget carries some estimators further than others, and tasks are not equally hard, so any two
are compared on the runs that both have. The order is by how many others are closer by their mean
size there, then by the mean of all own runs; who is told apart as worse is never before the other.
Where all have the same runs this is the order of mean sizes.

Two estimators are equal where swapping their sizes in a run changes nothing, so pairs are told
apart by the signs of their differences, whole runs at once, with Holm's p-values over all pairs,
since the best was chosen by the same runs. That is exact at any number of runs, and says nothing
below six. Runs above `_BLOCKS` are added up in as many blocks, which have the same symmetry.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

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
    gaps = _Gaps.of(sizes)
    order = gaps.order(list(sizes))
    places = {name: place for place, name in enumerate(order)}
    rows.sort(key=lambda row: places.get(row.estimator, len(places)))
    told_apart, tied = gaps.beside(order[0], sizes) if order else (set(), set())
    return [
        replace(row, tied=row.estimator in tied, told_apart=row.estimator in told_apart)
        for row in rows
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
        found[name] = np.full(count, np.nan)
        found[name][[trial.run for trial in own]] = _sizes(own)
    return found


@dataclass(frozen=True)
class _Gaps:
    """Differences of sizes on the runs that two estimators have, both ways.

    Attributes:
        means: mean of the second's size less the first's, by pair; NaN without a common run.
        apart: the pairs that the runs tell apart, the closer one first.
    """

    means: dict[tuple[str, str], float]
    apart: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, sizes: dict[str, np.ndarray]) -> _Gaps:
        """Of all pairs, (runs,) sizes by estimator."""
        pairs = list(itertools.combinations(sizes, 2))
        if not pairs:
            return cls({}, frozenset())
        gaps = np.stack([sizes[other] - sizes[one] for one, other in pairs], axis=1)
        known = np.isfinite(gaps)
        with np.errstate(invalid="ignore"):
            means = np.where(known, gaps, 0).sum(0) / known.sum(0)
        adjusted = holm(_p_values(gaps))
        both, apart = {}, set()
        for (one, other), mean, p_value in zip(pairs, means.tolist(), adjusted, strict=True):
            both[one, other], both[other, one] = mean, -mean
            if p_value < LEVEL:
                apart.add((one, other) if mean > 0 else (other, one))
        return cls(both, frozenset(apart))

    def order(self, names: list[str]) -> list[str]:
        """The closest first; `names` in the order of their own mean sizes, which decides ties."""
        losses = {
            name: sum(self.means[name, other] < 0 for other in names if other != name)
            for name in names
        }
        left, found = sorted(names, key=lambda name: losses[name]), []
        while left:
            behind = {worse for better, worse in self.apart if better not in found}
            free = [name for name in left if name not in behind]
            # All may be behind one another, where each pair has other runs.
            found.append((free or left)[0])
            left.remove(found[-1])
        return found

    def beside(self, first: str, sizes: dict[str, np.ndarray]) -> tuple[set[str], set[str]]:
        """Who is told apart from the first, and who is not and comes about as close, with itself.

        About as close is by the runs that both have.
        """
        apart = {worse for better, worse in self.apart if better == first}
        tied = {first}
        for other in sizes.keys() - apart - {first}:
            common = np.isfinite(sizes[first]) & np.isfinite(sizes[other])
            margin = max(_MARGIN, _MARGIN_SHARE * float(sizes[first][common].mean()))
            if self.means[first, other] <= margin:
                tied.add(other)
        return apart, tied


def _p_values(gaps: np.ndarray) -> np.ndarray:
    """Of each column of (runs, pairs) differences, by the signs of whole runs; NaN where so few
    runs could tell nothing apart, so that they do not count among the pairs.
    """
    known = np.isfinite(gaps)
    count = min(len(gaps), _BLOCKS)
    blocks = np.zeros((count, gaps.shape[1]))
    np.add.at(blocks, np.arange(len(gaps)) % count, np.where(known, gaps, 0))
    there = np.zeros(blocks.shape, bool)
    np.logical_or.at(there, np.arange(len(gaps)) % count, known)
    p_values = sign_flips(np.where(there, blocks, np.nan)).single
    least = np.array([least_of_flips(units) for units in there.sum(0).tolist()])
    return np.where(least < LEVEL, p_values, np.nan)
