"""The interval of a trimmed sliced distance: its pieces by a fine grid, its level by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

import wdist_bench as wb
from wdist_bench.solvers.projections.sliced_interval import trimmed_interval


def by_grid(x, y, p, trim, width_x, width_y, count=200_001):
    """The three integrals by the midpoint rule, with NumPy's inverse of the empirical cdf."""
    u = trim + (1 - 2 * trim) * (np.arange(count) + 0.5) / count

    def quantile(points, level):
        inside = np.quantile(points, np.clip(level, 0, 1), method="inverted_cdf")
        return np.where(level <= 0, -np.inf, np.where(level >= 1, np.inf, inside))

    low_x, high_x = quantile(x, u - width_x), quantile(x, u + width_x)
    low_y, high_y = quantile(y, u - width_y), quantile(y, u + width_y)
    apart = np.maximum(np.maximum(low_x - high_y, low_y - high_x), 0)
    return (
        np.mean(np.abs(quantile(x, u) - quantile(y, u)) ** p),
        np.mean(apart**p),
        np.mean(np.maximum(high_x - low_y, high_y - low_x) ** p),
    )


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("trim", [0.0, 0.3])
def test_the_pieces_are_those_of_a_fine_grid(p, trim):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(37, 1)), 2 + rng.normal(size=(53, 1))
    found = trimmed_interval(x, y, p, np.ones((1, 1)), trim, 0.9)
    wide = math.log(2 / 0.05) / 2
    wanted = by_grid(x[:, 0], y[:, 0], p, trim, math.sqrt(wide / 37), math.sqrt(wide / 53))
    assert (found.value, found.lower, found.upper) == pytest.approx(wanted, rel=1e-3)
    assert math.isinf(found.upper) == (trim == 0)


def truth(moved, trim, p):
    """Of N(0, 1) and N(moved, 4) on the line, by the midpoint rule."""
    u = trim + (1 - 2 * trim) * (np.arange(100_000) + 0.5) / 100_000
    return float(np.mean(np.abs(moved + norm.ppf(u)) ** p)) ** (1 / p)


@pytest.mark.parametrize("moved", [0.0, 2.0])
def test_the_interval_holds_its_own_target_and_is_none_of_w(moved):
    """Along 3 directions in the plane, 200 repetitions, 80 %: held in 160 at least would be the
    level; the bound of the binomial at 1e-3 is 140. A band that is too narrow by a third fails.
    """
    held, held_w, narrow = 0, 0, 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(300, 2)), 2 * rng.normal(size=(300, 2)) + [moved, 0]
        answer = wb.estimate(x, y, "sliced", 2, n_projections=3, trim=0.2, level=0.8, seed=seed)
        found = answer.diagnostics
        along = _directions(seed)
        costs = [truth(moved * u, 0.2, 2) ** 2 for u in along[0]]
        target = math.sqrt(np.mean(costs))
        held += found["sliced_lower"] <= target <= found["sliced_upper"]
        held_w += found["sliced_lower"] <= math.hypot(moved, math.sqrt(2)) <= found["sliced_upper"]
        narrow += found["sliced_upper"] < 2 * target + 1
        assert answer.interval is None
        assert found["sliced_lower"] <= found["sliced_trimmed"] <= found["sliced_upper"]
    assert held >= 140
    assert narrow == 200
    if moved:
        assert held_w < 100


def _directions(seed):
    import jax

    from wdist_bench.solvers.sliced import directions

    _, own = jax.random.split(jax.random.key(seed))
    return directions(own, 3, 2)


def test_too_few_rows_leave_the_upper_end_open_and_say_how_many_would_do():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 2000, 2))
    few = wb.estimate(x[:30], y[:30], "sliced", trim=0.1).diagnostics
    assert few["sliced_upper"] == math.inf
    n = int(few["sliced_rows"])
    assert wb.estimate(x[:n], y[:n], "sliced", trim=0.1).diagnostics["sliced_upper"] < math.inf
    fewer = wb.estimate(x[: n - 1], y[: n - 1], "sliced", trim=0.1).diagnostics
    assert fewer["sliced_upper"] == math.inf


@pytest.mark.parametrize("trim", [0.5, -0.1, 1])
def test_a_trim_that_leaves_nothing_is_refused(trim):
    with pytest.raises(ValueError, match="trim: expected"):
        wb.estimators.get("sliced", trim=trim)


def test_weights_have_no_band():
    x = np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match="trim: expected rows without weights"):
        wb.estimate(x, x + 1, "sliced", a=[0.2, 0.3, 0.5], trim=0.1)
