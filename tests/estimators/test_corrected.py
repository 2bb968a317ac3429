"""Corrected estimators: where their claim is exact, by hand, by POT and by simulation."""

from __future__ import annotations

import math

import numpy as np
import ot
import pytest

import wdist_bench as wb
from wdist_bench.solvers.debiased.extrapolation import Nested, limit
from wdist_bench.solvers.debiased.influence import Statistic

CORRECTED = ("centered", "extrapolated", "richardson_sinkhorn", "smoothed")


def mean_and_error(values):
    return np.mean(values), np.std(values, ddof=1) / math.sqrt(len(values))


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["U_x", "U_y"])
@pytest.mark.parametrize(("n", "m"), [(12, 12), (9, 20), (20, 7)])
def test_u_has_no_bias_for_a_law_and_its_translation(variant, n, m):
    """E W_2^2(mu', nu) = |v|^2 + E W_2^2(mu', mu), so E U = |v|^2, here 0 and 4."""
    for shift in (0.0, 2.0):
        costs = []
        for seed in range(300):
            rng = np.random.default_rng(seed)
            x, y = rng.exponential(size=(n, 3)), rng.exponential(size=(m, 3))
            y[:, 0] += shift
            answer = wb.estimate(x, y, "centered", 2, variant=variant, splits=1, seed=seed)
            costs.append(answer.diagnostics["signed_cost"])
        found, error = mean_and_error(costs)
        assert abs(found - shift**2) < 4 * error
        assert error < 0.3


def test_centring_at_a_point_takes_nothing_off_and_v_is_the_larger():
    """x is one point: W_2^2 = E |y|^2 whatever the parts, and parts of x are at distance 0."""
    y = np.random.default_rng(0).normal(size=(40, 2)) + 1
    at_point = wb.estimate(np.zeros((40, 2)), y, "centered", 2)
    assert at_point.cost == pytest.approx((y**2).sum(1).mean(), rel=1e-12)
    assert at_point.diagnostics["U_x"] == at_point.cost > at_point.diagnostics["U_y"]
    lower = wb.estimate(np.zeros((40, 2)), y, "centered", 2, variant="L")
    assert lower.cost == pytest.approx(at_point.cost)


def test_l_is_the_signed_square_of_the_difference_of_distances():
    x, y = np.random.default_rng(1).normal(size=(2, 30, 4))
    for seed in range(6):
        found = wb.estimate(x, y, "centered", 2, variant="L", seed=seed)
        length = math.sqrt(found.diagnostics["across"]) - math.sqrt(found.diagnostics["within"])
        signed = math.copysign(length**2, length)
        assert found.diagnostics["signed_cost"] == pytest.approx(signed)
        assert found.cost == max(signed, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "p", "most"),
    [("centered", 2, 1.5), ("extrapolated", 1, 3), ("extrapolated", 2, 3), ("smoothed", 1, 1.5),
     ("smoothed", 2, 1.5)],
)  # fmt: skip
def test_errors_are_not_smaller_than_those_of_repetitions(method, p, most):
    costs, errors = [], []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 3)) + 1
        found = wb.estimate(x, y, method, p, seed=seed).diagnostics
        costs.append(found["signed_cost"])
        errors.append(found["signed_cost_stderr"])
    assert 0.8 < np.mean(errors) / np.std(costs, ddof=1) < most


@pytest.mark.parametrize("exponent", [0.3, 0.7, 1.0])
def test_the_limit_of_an_exact_law_is_found(exponent):
    nothing = np.zeros(2)
    growth = 2.0 ** (exponent * np.arange(4))
    squares = [Statistic(value, nothing, nothing) for value in 3 + 0.5 * growth]
    found = limit(Nested(squares, 0.0), 0.2, 1.0)
    assert (found.square.value, found.exponent) == pytest.approx((3, exponent), abs=1e-3)
    fixed = limit(Nested(squares, 0.0), exponent, exponent)
    assert (fixed.square.value, fixed.excess) == pytest.approx((3, 0.5), abs=1e-9)


@pytest.mark.slow
def test_extrapolation_takes_off_the_leading_order():
    """Two samples of U[0, 1]: E W_2^2 = 1 / (3 (n + 1)), of order 1 / n and then 1 / n^2."""
    plug_in, extrapolated = [], []
    for seed in range(600):
        x, y = np.random.default_rng(seed).random((2, 32, 1))
        plug_in.append(wb.estimate(x, y, "one_dimensional", 2).cost)
        found = wb.estimate(x, y, "extrapolated", 2, levels=2, seed=seed)
        extrapolated.append(found.diagnostics["signed_cost"])
    found, error = mean_and_error(plug_in)
    assert abs(found - 1 / 99) < 4 * error
    found, error = mean_and_error(extrapolated)
    assert abs(found) < 0.1 * (1 / 99) + 4 * error
    assert error < 0.05 / 99 * 10


def test_extrapolation_of_a_population_without_noise_is_the_population():
    """Each row many times: parts have nearly the same distance, and nothing is taken off."""
    x, y = np.zeros((64, 2)), np.full((64, 2), 3.0)
    for p in (1, 2, 3):
        assert wb.estimate(x, y, "extrapolated", p).value == pytest.approx(math.sqrt(18), rel=1e-9)


def entropic(a, b, epsilon):
    """OT_eps of N(0, a^2) and N(0, b^2), cost |x - y|^2, relative to the product of both.

    With d = sqrt(16 a^2 b^2 / eps^2 + 1): a^2 + b^2 - eps / 2 (d - 1 - log((1 + d) / 2)).
    Source: Janati, Muzellec, Peyre, Cuturi 2020 (arXiv 2006.02572), theorem 1.
    """
    d = math.sqrt(16 * a**2 * b**2 / epsilon**2 + 1)
    return a**2 + b**2 - epsilon / 2 * (d - 1 - math.log((1 + d) / 2))


def test_richardson_takes_off_the_second_order_in_epsilon():
    """N(0, 1) and N(0, 4), W_2 = 1, as 800 quantiles: R by the closed form, whose error is of order
    eps^4 where that of the divergence is of order eps^2.
    """

    def divergence(epsilon):
        own = (entropic(1, 1, epsilon) + entropic(2, 2, epsilon)) / 2
        return entropic(1, 2, epsilon) - own

    def richardson(epsilon):
        return 2 * divergence(epsilon) - divergence(math.sqrt(2) * epsilon)

    assert (divergence(0.2) - 1) / (divergence(0.1) - 1) == pytest.approx(4, rel=0.1)
    assert (richardson(0.2) - 1) / (richardson(0.1) - 1) == pytest.approx(16, rel=0.2)
    from scipy.stats import norm

    x = norm.ppf((np.arange(800) + 0.5) / 800)[:, None]
    answer = wb.estimate(x, 2 * x, "richardson_sinkhorn", 2, epsilon=0.1)
    found = answer.diagnostics
    epsilon = found["epsilon"]
    assert found["at_epsilon"] == pytest.approx(divergence(epsilon), abs=0.01)
    assert found["signed_cost"] == pytest.approx(richardson(epsilon), abs=0.01)
    extrapolated = 2 * found["at_epsilon"] - found["at_higher_epsilon"]
    assert found["signed_cost"] == pytest.approx(extrapolated)
    fine = wb.estimate(x, 2 * x, "exact", 2).cost
    assert abs(answer.cost - fine) < 0.2 * abs(found["at_epsilon"] - fine)


@pytest.mark.slow
def test_richardson_errors_are_those_of_repetitions():
    costs, errors = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(60, 2)), 1 + rng.normal(size=(60, 2))
        found = wb.estimate(x, y, "richardson_sinkhorn", 2).diagnostics
        costs.append(found["signed_cost"])
        errors.append(found["signed_cost_stderr"])
    assert 0.8 < np.mean(errors) / np.std(costs, ddof=1) < 1.25


def test_smoothed_reads_the_blurred_gaussians():
    """N(0, 1) and N(0, 9) after noise of 2: W_2 = sqrt(13) - sqrt(5), not 2."""
    x, y = np.random.default_rng(0).normal(size=(2, 1500, 1)) * np.array([[[1]], [[3]]])
    found = wb.estimate(x, y, "smoothed", 2, sigma=2.0, sigma_unit="distance", copies=1)
    assert found.value == pytest.approx(math.sqrt(13) - math.sqrt(5), abs=4 * found.stderr + 0.05)
    assert abs(found.value - 2) > 0.2
    assert "noise of 2 " in found.message


def test_smoothing_by_a_share_follows_the_size_of_the_data():
    x, y = np.random.default_rng(0).normal(size=(2, 60, 2))
    one, ten = (wb.estimate(k * x, k * y + k, "smoothed", 1) for k in (1, 10))
    assert ten.value == pytest.approx(10 * one.value)
    assert ten.diagnostics["sigma"] == pytest.approx(10 * one.diagnostics["sigma"])


@pytest.mark.parametrize("p", [1, 2, 3])
def test_max_sliced_is_w_for_a_translation_and_never_above_it(p):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 5))
    shift = np.array([1.0, -2, 0, 0, 2])
    found = wb.estimate(x, x + shift, "max_sliced", p)
    assert found.value == pytest.approx(3, rel=1e-6)
    y = rng.normal(size=(70, 5)) * np.array([1, 3, 1, 1, 0.2])
    found = wb.estimate(x, y, "max_sliced", p)
    assert found.value <= wb.estimate(x, y, "exact", p).value
    drawn = ot.max_sliced_wasserstein_distance(x, y, n_projections=2000, p=p, seed=0)
    assert found.value >= drawn * (1 - 1e-9)
    assert found.lower == found.value


def test_max_sliced_errors_are_those_of_repetitions():
    values, errors = [], []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(80, 3)), rng.normal(size=(80, 3)) + np.array([3, 0, 0])
        found = wb.estimate(x, y, "max_sliced", 1, seed=seed)
        values.append(found.value)
        errors.append(found.stderr)
    assert 0.75 < np.mean(errors) / np.std(values, ddof=1) < 1.3


def test_subspace_robust_is_w_in_all_dimensions_and_rises_with_them():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(25, 4)) * [2, 1, 1, 0.5] + 1
    exact = wb.estimate(x, y, "exact", 2).value
    found = [wb.estimate(x, y, "subspace_robust", 2, dims=k) for k in (1, 2, 3, 4, 9)]
    values = [one.value for one in found]
    assert values == sorted(values)
    assert values[3:] == pytest.approx([exact, exact])
    for one in found:
        assert one.value <= one.diagnostics["ceiling"] * (1 + 1e-12)
        assert one.value >= 0.97 * one.diagnostics["ceiling"]
    sliced = wb.estimate(x, y, "max_sliced", 2).value
    assert sliced <= found[0].diagnostics["ceiling"]


def test_subspace_robust_against_a_search_over_all_matrices():
    """In the plane, Omega of trace 1 is [[t, s], [s, 1 - t]] with s^2 <= t (1 - t)."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=(6, 2)) * [3, 0.5]
    best = 0.0
    for t in np.linspace(0, 1, 41):
        for share in np.linspace(-1, 1, 41):
            s = share * math.sqrt(t * (1 - t))
            omega = np.array([[t, s], [s, 1 - t]])
            gaps = x[:, None] - y
            costs = np.einsum("ijk,kl,ijl->ij", gaps, omega, gaps)
            best = max(best, float(ot.emd2([], [], costs)))
    found = wb.estimate(x, y, "subspace_robust", 2, dims=1, max_iterations=200)
    assert math.sqrt(best) <= found.diagnostics["ceiling"] * (1 + 1e-9)
    assert found.value == pytest.approx(math.sqrt(best), rel=0.01)


def test_a_move_within_a_plane_is_seen_whole_by_two_dimensions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6))
    y = x.copy()
    y[:, :2] = 3 * x[:, :2]
    found = wb.estimate(x, y, "subspace_robust", 2)
    assert found.value == pytest.approx(wb.estimate(x, y, "exact", 2).value, rel=0.02)


@pytest.mark.parametrize("method", CORRECTED)
def test_corrected_estimates_speak_of_populations_and_bound_nothing(method):
    x, y = np.random.default_rng(0).normal(size=(2, 40, 2))
    found = wb.estimate(x, y + 1, method, 2)
    assert (found.target, found.bound, found.status) == ("population", "none", "ok")
    assert found.interval is found.lower is found.upper is None
    assert 0 < found.stderr < 1
    assert found.value == math.sqrt(max(found.diagnostics["signed_cost"], 0))


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("centered", {"p": 1}, "centered: expected norm l2 at p = 2"),
        ("centered", {"p": 2, "norm": "l1"}, "centered: expected norm l2 at p = 2"),
        ("richardson_sinkhorn", {"p": 1}, "richardson_sinkhorn: expected norm l2 at p = 2"),
        ("subspace_robust", {"p": 1}, "subspace_robust: expected norm l2 at p = 2"),
        ("max_sliced", {"norm": "l1"}, "max_sliced: expected norm l2"),
        ("extrapolated", {"cost": "cosine"}, "extrapolated: expected a norm"),
        ("smoothed", {"cost": "cosine"}, "smoothed: expected a norm"),
        ("centered", {"p": 2, "variant": "W"}, "variant"),
        ("smoothed", {"sigma": 0}, "sigma: expected"),
        ("smoothed", {"p": 2, "sigma": 1e200}, "sigma: expected noise whose d.2 float64 holds"),
        ("extrapolated", {"exponent": 600.0}, "exponent: expected at most 40"),
        ("richardson_sinkhorn", {"epsilon": 1e6}, "threshold: expected at most 2e-08 at epsilon"),
    ],
)
def test_what_has_no_meaning_is_refused_in_one_sentence(method, options, words):
    x, y = np.random.default_rng(0).normal(size=(2, 10, 2)) + 3
    with pytest.raises(ValueError, match=words) as refusal:
        wb.estimate(x, y, method, **options)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("method", "least"), [(name, 4 if name == "centered" else 2) for name in CORRECTED]
)
def test_too_few_rows_tell_nothing_of_a_bias_or_its_error(method, least):
    x, y = np.random.default_rng(0).normal(size=(2, least, 2))
    words = f"expected {least} rows of each side at least, got {least - 1} and {least}"
    with pytest.raises(ValueError, match=words):
        wb.estimate(x[1:], y, method, 2)
    assert wb.estimate(x, y + 2, method, 2).stderr > 0


@pytest.mark.parametrize(
    ("method", "p", "power"),
    [("centered", 2, 300), ("extrapolated", 1, -560), ("extrapolated", 2, 300),
     ("richardson_sinkhorn", 2, -300), ("smoothed", 1, -560), ("max_sliced", 1, -560),
     ("max_sliced", 2, -300), ("subspace_robust", 2, 300)],
)  # fmt: skip
def test_answers_scale_where_squares_of_costs_leave_float64(method, p, power):
    x, y = np.random.default_rng(2).normal(size=(2, 12, 2))
    at_one = wb.estimate(x, y + 2, method, p)
    found = wb.estimate(np.ldexp(x, power), np.ldexp(y + 2, power), method, p)
    for one, other in ((at_one.value, found.value), (at_one.stderr, found.stderr)):
        assert math.ldexp(other, -power) == pytest.approx(one, rel=1e-6)
        assert one > 0


def test_the_error_of_a_sliced_distance_that_rounding_hides_is_one_of_distance():
    x = np.array([[0.0, 0.0], [1e9, 3e9]])
    y = x + np.array([[1e-7, 0], [0, 0]])
    one, four = (wb.estimate(s * x, s * y, "sliced", 2) for s in (1, 4))
    assert one.value == four.value == 0
    assert four.stderr / one.stderr == pytest.approx(4)


def test_a_negative_estimate_is_in_units_of_cost_at_every_p():
    x, y = np.random.default_rng(3).normal(size=(2, 24, 6))
    for p in (1, 3):
        one, four = (
            wb.estimate(s * x, s * y, "extrapolated", p).diagnostics["signed_cost"] for s in (1, 4)
        )
        assert four == pytest.approx(4**p * one)
        assert one < 0


def test_the_ceiling_of_the_subspace_of_close_samples_keeps_its_digits():
    """Second moments of x and y, the displacements' between them, cancelled to 0 below 1e-8."""
    for seed in range(6):
        x = np.random.default_rng(seed).normal(size=(50, 3))
        answer = wb.estimate(x, x + np.array([1e-9, 0, 0]), "subspace_robust", 2, dims=1)
        assert answer.diagnostics["ceiling"] == pytest.approx(1e-9, rel=1e-6)
        assert answer.value <= answer.diagnostics["ceiling"] * (1 + 1e-9)
