"""Whether an answer about a pair may be printed: it contradicts nothing that is known of the pair.

Known for the samples themselves: a certified interval for their distance. Known for the
populations: the limits of `pair_limits.py`. One function decides, and words, table, figure and JSON
show its verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wdist_bench.recommend.pair_limits import Limits
from wdist_bench.results.statistics import Interval

_ROUNDING = 1e-5  # of a value: critics and Sinkhorn compute in float32
_FEWEST_CARRIERS = 4.0  # rows; of fewer, samples often have none
_FLUCTUATION = 2.0  # standard deviations of the pair's own distance that a range allows for
_UNKNOWN: Interval = (math.nan, math.nan)


@dataclass(frozen=True)
class Verdict:
    """On a value and a range.

    Attributes:
        likely: the range that may be shown; (nan, nan) where there is none.
        refusal: why nothing may be shown; empty where the answer stands.
    """

    likely: Interval
    refusal: str = ""


def judge_batch(value: float, likely: Interval, batch: Interval) -> Verdict:
    """On an answer for the distance of the samples, from a certified interval for it."""
    low, high = batch
    slack = _ROUNDING * abs(value)
    if value < low - slack or value > high + slack:
        return _refused(
            f"its value {value:.4g} lies outside the certified {_words(batch)} of the same rows"
        )
    if math.isfinite(high) and high - low <= slack:
        return Verdict(_UNKNOWN)  # certified: nothing is left to be likely
    both = max(likely[0], low), min(likely[1], high)
    if math.isnan(likely[0]) or not math.isfinite(high):
        return Verdict(likely if math.isnan(likely[0]) else both)
    if not both[0] < both[1]:
        return _refused(
            f"its range {_words(likely)} lies outside the certified {_words(batch)} of the same "
            "rows"
        )
    return Verdict(both)


def judge_population(value: float, likely: Interval, center: float, limits: Limits) -> Verdict:
    """On an answer for the distance of the populations.

    The range is widened to what the pair's own distance fluctuates by, which the tasks need not
    share, and cut at the limits.

    Args:
        value: the estimate.
        likely: the range from the errors on the tasks.
        center: the estimate corrected for its typical error there.
        limits: for the populations.
    """
    low, high = limits.interval
    slack = _ROUNDING * abs(value)
    if value < low - slack:
        return _refused(
            f"its value {value:.4g} contradicts the pair: 1-Lipschitz functions on rows apart show "
            f"that the populations are at least {low:.4g} apart"
        )
    if value > high + slack:
        return _refused(
            f"its value {value:.4g} contradicts the pair: the exact distance of the samples with "
            f"its fluctuation shows that the populations are at most {high:.4g} apart"
        )
    if math.isnan(likely[0]) or math.isnan(likely[1]):
        return Verdict(_UNKNOWN)
    wide = _widened(likely, center, limits.sd / limits.value if limits.value > 0 else 0.0)
    both = max(wide[0], low), min(wide[1], high)
    if not both[0] < both[1]:
        return _refused(
            f"its range {_words(wide)} contradicts the pair, whose populations are "
            f"{_words(limits.interval)} apart"
        )
    if both == (0.0, math.inf):
        return _refused("its errors on the tasks leave every distance open, and so does the pair")
    return Verdict(both)


def too_rare(limits: Limits) -> str:
    """Why no answer for the populations can be given, whoever gives it; empty where one can."""
    if not limits.carried_by < _FEWEST_CARRIERS:  # NaN: the samples coincide
        return ""
    return (
        f"the cost of the optimal plan is carried by about {limits.carried_by:.1f} rows; so rare a "
        "mass may be missing in such samples, or much larger than they show"
    )


def _widened(likely: Interval, center: float, relative: float) -> Interval:
    """With center exp(+- 2 sd), sd relative to the distance."""
    if not (math.isfinite(center) and math.isfinite(relative)):
        return likely
    factor = math.exp(min(_FLUCTUATION * relative, 50.0))
    return min(likely[0], center / factor), max(likely[1], center * factor)


def _refused(why: str) -> Verdict:
    return Verdict(_UNKNOWN, why)


def _words(ends: Interval) -> str:
    low, high = ends
    if math.isinf(high):
        return f"at least {low:.4g}"
    return f"{low:.4g} to {high:.4g}" if high > low else f"{low:.4g}"
