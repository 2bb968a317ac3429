"""Statistics against scipy, by hand and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from wdist_bench.results import rearrangements
from wdist_bench.results.rearrangements import shuffles, sign_flips
from wdist_bench.results.statistics import (
    RESAMPLES,
    bca_interval,
    holm,
    paired_difference,
    summarize,
    t_interval,
)


def skewed(seed, n=20):
    return np.random.default_rng(seed).gamma(1.5, size=n)


def test_a_summary_by_hand():
    summary = summarize([1.0, 2.0, np.nan, 6.0], truth=2.0)
    assert (summary.runs, summary.failed, summary.mean) == (3, 1, 3.0)
    assert summary.sd == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert summary.bias == 1.0
    assert summary.rmse == pytest.approx(math.sqrt((1 + 0 + 16) / 3))


def test_a_truth_per_run_is_paired_with_its_run():
    summary = summarize([1.0, np.nan, 3.0], truth=np.array([1.0, 9.0, 2.0]))
    assert (summary.bias, summary.rmse) == (0.5, pytest.approx(math.sqrt(0.5)))


def test_nothing_but_failures_has_no_mean():
    summary = summarize([np.nan, np.inf])
    assert (summary.runs, summary.failed) == (0, 2)
    assert math.isnan(summary.mean)
    assert all(map(math.isnan, summary.interval + summary.bootstrap))


def test_without_a_truth_there_is_no_bias():
    assert math.isnan(summarize([1.0, 2.0]).bias)


def test_t_interval_is_scipys():
    values = skewed(0)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert t_interval(values, 0.9) == pytest.approx(tuple(expected), rel=1e-12)


def test_a_bca_interval_by_its_definition():
    values = skewed(0)
    n, random = values.size, np.random.default_rng(0)
    means = values[random.integers(0, n, (RESAMPLES, n))].mean(axis=1)
    shift = stats.norm.ppf((means < values.mean()).mean())
    pull = np.array([values.mean() - np.delete(values, i).mean() for i in range(n)])
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    z = shift + stats.norm.ppf([0.025, 0.975])
    ends = np.quantile(means, stats.norm.cdf(shift + z / (1 - acceleration * z)))
    assert bca_interval(values) == pytest.approx(tuple(ends), rel=1e-10)


def test_bca_interval_repeats_and_covers_degenerate_values():
    assert bca_interval(skewed(1)) == bca_interval(skewed(1))
    assert bca_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    assert all(map(math.isnan, bca_interval([1.0])))


LAWS = {
    # law: draw, mean, coverage of Student's t, of BCa (see the module's table)
    "normal": (lambda rng, shape: rng.normal(size=shape), 0.0, 0.948, 0.924),
    "exponential": (lambda rng, shape: rng.exponential(size=shape), 1.0, 0.918, 0.912),
    "log-normal": (lambda rng, shape: rng.lognormal(size=shape), math.exp(0.5), 0.864, 0.872),
}


def coverage(interval, samples, mean):
    ends = np.array([interval(sample) for sample in samples])
    return ((ends[:, 0] <= mean) & (mean <= ends[:, 1])).mean()


@pytest.mark.parametrize("law", LAWS)
def test_coverage_of_the_t_interval_at_20_runs(law):
    draw, mean, expected, _ = LAWS[law]
    found = coverage(t_interval, draw(np.random.default_rng(1), (4000, 20)), mean)
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / 4000)
    if law == "normal":
        assert 0.93 < found < 0.97


@pytest.mark.parametrize("law", LAWS)
def test_coverage_of_the_bca_interval_at_20_runs(law):
    draw, mean, _, expected = LAWS[law]
    samples = draw(np.random.default_rng(2), (1500, 20))
    found = coverage(lambda sample: bca_interval(sample, resamples=999), samples, mean)
    assert abs(found - expected) < 4 * math.sqrt(expected * (1 - expected) / 1500)


def test_paired_difference_is_scipys():
    first, second = skewed(3), skewed(4)
    found = paired_difference(first, second)
    expected = stats.ttest_rel(first, second)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-10)
    assert found.mean == pytest.approx(first.mean() - second.mean())


def test_pairing_sees_a_difference_that_is_small_beside_the_spread_of_runs():
    runs = 10 * skewed(5)
    better = runs - 0.1 + 0.05 * np.random.default_rng(6).normal(size=20)
    assert paired_difference(runs, better).p_value < 1e-4
    assert stats.ttest_ind(runs, better).pvalue > 0.5


def test_a_pair_with_a_failed_run_is_counted_and_left_out():
    found = paired_difference([1.0, np.nan, 3.0, 4.0], [0.0, 0.0, 1.0, np.nan])
    assert (found.runs, found.failed, found.mean) == (2, 2, 1.5)
    alone = paired_difference([1.0, np.nan], [0.0, 0.0])
    assert math.isnan(alone.p_value)


def test_equal_and_constantly_shifted_runs_have_definite_p_values():
    assert paired_difference([1.0, 2.0], [1.0, 2.0]).p_value == 1
    assert paired_difference([2.0, 3.0], [1.0, 2.0]).p_value == 0


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 is .04 .06 .06 .04; the running maximum ends at .06
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, np.nan, 0.9]), [1.0, np.nan, 1.0])
    assert holm([]).size == 0


def test_holm_keeps_the_family_wise_error_below_its_level():
    rng = np.random.default_rng(7)
    p_values = rng.uniform(size=(4000, 10))
    any_rejected = np.mean([holm(row).min() < 0.05 for row in p_values])
    assert any_rejected < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 4000)
    assert np.mean(p_values.min(axis=1) < 0.05) > 0.35  # what it protects from


@pytest.mark.parametrize("units", [2, 4, 9])
def test_sign_flips_of_one_column_are_scipys(units):
    gaps = np.random.default_rng(units).normal(0.5, size=units)
    expected = stats.permutation_test(
        (gaps,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flips(gaps[:, None]).single[0] == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 5), (6, 4)])
def test_shuffles_of_one_column_of_equal_sizes_are_scipys(sizes):
    rng = np.random.default_rng(sum(sizes))
    first, second = (rng.normal(i, size=size) for i, size in enumerate(sizes))
    pooled = np.concatenate([first, second]).mean()
    expected = stats.permutation_test(
        (second, first), lambda x, _: abs((x - pooled).sum()), n_resamples=np.inf,
        alternative="greater",
    )  # fmt: skip
    found = shuffles(first[:, None], second[:, None])
    assert found.single[0] == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("unit", [1e160, 1e-170])
def test_p_values_do_not_depend_on_the_unit(unit):
    """Squares of such gaps are infinite, or 0."""
    gaps = 0.1 + np.abs(np.random.default_rng(0).normal(size=(12, 2)))
    for test in (sign_flips, lambda here: shuffles(here[:6], 3 * here[6:])):
        np.testing.assert_array_equal(test(unit * gaps).single, test(gaps).single)


def test_randomized_p_values_of_nothing_and_of_equal_columns():
    nothing = sign_flips(np.full((3, 1), np.nan))
    assert np.isnan(nothing.single[0])
    assert np.isnan(nothing.adjusted[0])
    assert sign_flips(np.zeros((8, 1))).adjusted[0] == 1
    assert shuffles(np.ones((4, 1)), np.ones((4, 1))).adjusted[0] == 1
    assert np.isnan(shuffles(np.full((4, 1), np.nan), np.ones((4, 1))).single[0])
    assert sign_flips(np.ones((2, 1))).single[0] == 0.5  # two of one sign say nothing


@pytest.mark.parametrize("test", [sign_flips, lambda gaps: shuffles(gaps[::2], gaps[1::2])])
def test_adjusted_p_values_keep_the_level_of_the_family(test):
    """Columns that share their units, with heavy tails, scales apart, ties and gaps."""
    rng = np.random.default_rng(0)
    wrong = single = 0
    for _ in range(300):
        gaps = rng.standard_t(1.5, size=(12, 8)) * 10.0 ** np.arange(8) + rng.normal(size=(12, 1))
        gaps[:, 7] = rng.choice([-1.0, 1.0], 12)
        gaps[rng.random(gaps.shape) < 0.1] = np.nan
        found = test(gaps)
        wrong += (found.adjusted < 0.05).any()
        single += (found.single < 0.05).any()
    assert wrong <= 25  # 300 draws with 5 %: 26 or more have p = .006
    assert single > 45  # what no correction says


def test_signs_of_many_units_come_in_small_parts_and_start_with_what_was_seen():
    parts = list(rearrangements._many_signs(1000))
    assert sum(map(len, parts)) == rearrangements.FLIPS
    assert max(part.nbytes for part in parts) <= 2**24
    assert (parts[0][0] == 1).all()
    assert set(np.unique(parts[1])) == {-1.0, 1.0}
    means = np.concatenate([part[1:].mean(axis=1) for part in parts])
    assert abs(means.mean()) < 5 / np.sqrt(means.size * 1000)


@pytest.mark.parametrize("units", [64, 65, 500])
def test_sign_flips_of_many_units_give_the_p_value_of_a_normal_law(units):
    """By chance within 5 standard errors of 65,536 flips; the sum is normal to 1 in 100."""
    gaps = np.random.default_rng(units).normal(0, 1, (units, 1))
    gaps += 1.96 * np.sqrt((gaps**2).sum()) / units - gaps.mean()
    test = sign_flips(gaps)
    z = abs(gaps.sum()) / np.sqrt((gaps**2).sum())
    expected = 2 * stats.norm.sf(z)
    assert test.single[0] == pytest.approx(expected, abs=0.005)
    assert test.adjusted[0] == test.single[0]
