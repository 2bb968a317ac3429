"""Which estimator the runs speak for, which cannot be told apart from it, and how far it is off.

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
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from wdist_bench.recommend.trials import FEWEST, Price
from wdist_bench.results.statistics import Interval, holm, paired_difference, t_interval

TRUSTED = 0.25
"""Size of error above which no number is recommended: a factor of 1.25."""
LEVEL = 0.05
_FAILURES = 0.1  # share of failed runs above which an estimator is not recommended
# As good as the best for practice: an excess of the mean size up to the larger of these.
_MARGIN, _MARGIN_SHARE = 0.01, 0.25
_SAVING = 0.1  # seconds a call that another estimator must save to be recommended instead
_NOTHING = 1e-9  # relative errors below this are rounding, and count as 0
_LEAST = 1e-3  # smaller ratios, 0 and negative ones among them, count as this one
_FULL = 39  # runs whose extremes enclose the next one in 95 % of cases: (39 - 1) / (39 + 1)


@dataclass(frozen=True)
class Standing:
    """One estimator against one truth.

    Attributes:
        estimator: its label.
        runs: runs with a number and a truth.
        failed: runs without a number, left out of the means.
        bias: mean signed relative error.
        bias_interval: its 95 % interval over runs.
        error: its size, exp(mean |log(value / truth)|) - 1: 0.1 for a factor of 1.1 either way.
        error_interval: its 95 % interval over runs.
        worst_family: the map on which it is largest.
        worst_error: its size there.
        seconds: mean seconds of a call that compiles nothing.
        compile_seconds: extra seconds of the first call.
        behind: mean excess of |log(value / truth)| over the best one's, paired by run; 0 for the
            best.
        behind_interval: its 95 % interval, not adjusted.
        p_holm: of the paired t test against the best, Holm's over all pairs; NaN for the best.
    """

    estimator: str
    runs: int
    failed: int
    bias: float
    bias_interval: Interval
    error: float
    error_interval: Interval
    worst_family: str
    worst_error: float
    seconds: float
    compile_seconds: float
    behind: float = math.nan
    behind_interval: Interval = (math.nan, math.nan)
    p_holm: float = math.nan


@dataclass(frozen=True)
class Choice:
    """The answer for one target.

    Attributes:
        target: "population" or "batch".
        standings: all estimators that ran, best first; those with too few or failed runs last.
        best: smallest error; None where nobody could be ranked.
        equals: those not told apart from the best and within the margin of it, the best included.
        recommended: the best of the solvers of milliseconds among these; else the fastest, or the
            best itself where that saves less than half of the time of its first call, or less
            than 0.1 s. None where nothing is recommended.
        trusted: whether its error is at most 25 % in size.
        reason: why nothing is recommended.
        ruled_out: whose answer for the pair contradicts what is known of it, and how.
    """

    target: str
    standings: tuple[Standing, ...]
    best: str | None
    equals: tuple[str, ...]
    recommended: str | None
    trusted: bool
    reason: str = ""
    ruled_out: dict[str, str] = field(default_factory=dict)

    def standing(self, estimator: str) -> Standing:
        """The standing of the estimator of that label."""
        return next(row for row in self.standings if row.estimator == estimator)

    def candidates(self) -> list[str]:
        """Whom to ask about the pair: the recommended one, then the others by their errors."""
        ranked = [row.estimator for row in self.standings if math.isfinite(row.behind)]
        first = [self.recommended] if self.recommended else []
        return first + [name for name in ranked if name != self.recommended]

    def instead(self, name: str, ruled_out: dict[str, str]) -> Choice:
        """The same runs, with another one recommended since those before it are ruled out."""
        trusted = self.standing(name).error <= TRUSTED
        return replace(self, recommended=name, trusted=trusted, ruled_out=ruled_out)

    def refused(self, reason: str) -> Choice:
        """The same runs, of which nothing is recommended."""
        return replace(self, recommended=None, trusted=False, reason=reason)


def relative_errors(values: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Value / truth - 1, (runs,); 0 within rounding; NaN where either is not known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(truths > 0, values / truths - 1, np.nan)
    return np.where(np.abs(errors) < _NOTHING, 0.0, errors)


def log_sizes(errors: np.ndarray) -> np.ndarray:
    """|log(1 + error)|, ratios below a thousandth counted as a thousandth; NaN stays."""
    return np.abs(np.log(np.maximum(1 + errors, _LEAST)))


def typical(sizes: np.ndarray) -> tuple[float, Interval]:
    """exp(mean) - 1 with its 95 % interval over runs, not below 0; NaN where there are none."""
    if not sizes.size:
        return math.nan, (math.nan, math.nan)
    low, high = t_interval(sizes)
    return math.expm1(sizes.mean()), (math.expm1(max(low, 0.0)), math.expm1(high))


def choose(
    target: str,
    errors: dict[str, np.ndarray],
    failed: dict[str, int],
    families: list[str],
    seconds: dict[str, Price],
    quick: Collection[str] = (),
) -> Choice:
    """Rank by size of error, compare with the best, and recommend.

    Args:
        target: which truth the errors are against.
        errors: (runs,) signed relative errors by label; NaN where there is none.
        failed: failed runs by label.
        families: (runs,) the map of each run.
        seconds: price of each.
        quick: those of milliseconds; where some are as good as the best, the best of them is
            recommended, so that no noise of timings decides.
    """
    rows = {
        name: _standing(name, found, failed[name], families, seconds[name])
        for name, found in errors.items()
    }
    ranked = sorted((n for n in rows if _eligible(rows[n])), key=lambda n: rows[n].error)
    others = sorted(
        (n for n in rows if n not in ranked),
        key=lambda n: rows[n].error if rows[n].runs else math.inf,
    )
    if not ranked:
        why = "no estimator had enough runs without failure"
        return Choice(target, tuple(rows[n] for n in others), None, (), None, False, why)
    best = ranked[0]
    rows |= _behind(rows, ranked, errors)
    equals = tuple(n for n in ranked if n == best or _equal(rows[n], rows[best]))
    quickest = min(equals, key=lambda n: _first_call(rows[n]))
    slow = _first_call(rows[best])
    worth_it = _first_call(rows[quickest]) < min(slow / 2, slow - _SAVING)
    recommended = quickest if worth_it else best
    recommended = next((name for name in equals if name in quick), recommended)
    standings = tuple(rows[n] for n in (*ranked, *others))
    trusted = rows[recommended].error <= TRUSTED
    return Choice(target, standings, best, equals, recommended, trusted)


def _standing(
    name: str, errors: np.ndarray, failed: int, families: list[str], price: Price
) -> Standing:
    known = np.isfinite(errors)
    found, size = errors[known], log_sizes(errors[known])
    of = np.array(families)[known]
    by_family = {str(family): typical(size[of == family])[0] for family in dict.fromkeys(of)}
    worst = max(by_family, key=lambda family: by_family[family], default="")
    return Standing(
        estimator=name,
        runs=int(known.sum()),
        failed=failed,
        bias=float(found.mean()) if found.size else math.nan,
        bias_interval=t_interval(found),
        error=typical(size)[0],
        error_interval=typical(size)[1],
        worst_family=worst,
        worst_error=by_family.get(worst, math.nan),
        seconds=price.run,
        compile_seconds=price.compile,
    )


def _eligible(row: Standing) -> bool:
    return row.runs >= FEWEST and row.failed <= _FAILURES * (row.runs + row.failed)


def _first_call(row: Standing) -> float:
    return row.seconds + row.compile_seconds


def _equal(row: Standing, best: Standing) -> bool:
    margin = max(_MARGIN, _MARGIN_SHARE * math.log1p(best.error))
    return row.p_holm >= LEVEL and row.behind <= margin


def _behind(
    rows: dict[str, Standing], ranked: list[str], errors: dict[str, np.ndarray]
) -> dict[str, Standing]:
    """The ranked rows with their distance to the best."""
    pairs = list(itertools.combinations(ranked, 2))
    differences = [paired_difference(log_sizes(errors[b]), log_sizes(errors[a])) for a, b in pairs]
    adjusted = holm([difference.p_value for difference in differences])
    found = {ranked[0]: replace(rows[ranked[0]], behind=0.0)}
    for (a, b), difference, p_holm in zip(pairs, differences, adjusted, strict=True):
        if a == ranked[0]:
            found[b] = replace(
                rows[b],
                behind=difference.mean,
                behind_interval=difference.interval,
                p_holm=float(p_holm),
            )
    return found


def prediction_interval(errors: np.ndarray) -> tuple[Interval, str]:
    """An interval that holds the relative error of one more such run in 95 % of cases, and how.

    With at least 39 runs the order statistics of rank k = floor(0.025 (runs + 1)) from both ends,
    valid whatever the law (Wilks 1941). With fewer, Student's prediction interval for
    log(1 + error): mean +- t sd sqrt(1 + 1 / runs), or for the error itself where some estimate
    was 0 or negative. (nan, nan) below two runs.
    """
    from scipy.special import stdtrit

    errors = np.sort(errors[np.isfinite(errors)])
    if errors.size >= _FULL:
        rank = int(0.025 * (errors.size + 1))
        return (float(errors[rank - 1]), float(errors[-rank])), "order statistics"
    if errors.size < 2:
        return (math.nan, math.nan), "too few runs"
    logs = bool((errors > -1).all())
    values = np.log1p(errors) if logs else errors
    half = float(stdtrit(values.size - 1, 0.975)) * values.std(ddof=1)
    half *= math.sqrt(1 + 1 / values.size)
    low, high = values.mean() - half, values.mean() + half
    if logs:
        low, high = math.expm1(low), math.expm1(high)
    return (float(low), float(high)), "Student's prediction interval"


def corrected(value: float, errors: Interval) -> Interval:
    """The truths that a value with such a relative error can come from: value / (1 + error).

    The upper end is inf where an estimate of 0 is possible whatever the truth; the lower one is 0
    where only that is.
    """
    low, high = errors
    if not (math.isfinite(value) and math.isfinite(low)):
        return math.nan, math.nan
    above = value / (1 + low) if low > -1 else math.inf
    return (max(value, 0.0) / (1 + high) if high > -1 else 0.0), above
