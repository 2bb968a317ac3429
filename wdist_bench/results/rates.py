"""How fast errors fall: slopes on logarithmic axes, with intervals over runs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wdist_bench.results.statistics import t_interval


class Slope(NamedTuple):
    """Of log error against log size; NaN where it is not known.

    Attributes:
        value: the slope.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


def root_mean_square(errors: Float[np.ndarray, "runs k"]) -> Float[np.ndarray, " k"]:
    """Over runs, of each column."""
    return np.asarray(np.sqrt((errors**2).mean(axis=0)))


def slope(sizes: Float[np.ndarray, " k"], errors: Float[np.ndarray, "runs k"]) -> Slope:
    """Least squares of log RMSE on log size, over at least two sizes.

    The interval is Student's t with the jackknife's standard error, a run with its errors at all
    sizes being one unit: (R - 1) times that of the mean of b_r, the slopes without run r. NaN with
    fewer than three runs, and where the errors are 0 at some size in all runs but one.
    """
    value = _fitted(sizes, errors)
    runs = len(errors)
    if runs < 3 or not math.isfinite(value):
        return Slope(value, math.nan, math.nan)
    without = np.array([_fitted(sizes, np.delete(errors, run, axis=0)) for run in range(runs)])
    low, high = t_interval(value + (runs - 1) * (without - without.mean()))
    return Slope(value, low, high)


def _fitted(sizes: np.ndarray, errors: np.ndarray) -> float:
    found = root_mean_square(errors)
    if not (found > 0).all():
        return math.nan
    moved = np.log(sizes) - np.log(sizes).mean()
    return float(moved @ np.log(found) / (moved @ moved))


def plug_in_rate(dim: int, truth: float) -> float:
    """The slope of |W_p(batch) - W_p| against n that theory has for laws with all moments, and with
    a density on a connected set of that dimension: of a sphere that is one less than of the space.

    -min(1/2, 1/d) at mu = nu (Fournier and Guillin 2015, but for a logarithm at d = 2), and
    -min(1/2, 2/d) for laws that are apart (Chizat et al. 2020, for p = 2; Hundrieser, Staudt and
    Munk 2024 for other sets), at p = 1 where no part of the mass has to stay. NaN for equal laws
    on points, whose slope is -1 / (2p).
    """
    if dim == 0:
        return math.nan if truth == 0 else -0.5
    return -min(0.5, (1 if truth == 0 else 2) / dim)
