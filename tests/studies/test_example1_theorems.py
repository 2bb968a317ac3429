"""Theorems 2.5 to 3.3: what one side says against the other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wdist_bench.experiment import get
from wdist_bench.results.journal import unpack
from wdist_bench.results.statistics import t_interval
from wdist_bench.studies.example1.identity import REALS, divergence_gradient
from wdist_bench.studies.example1.instability import hill_index
from wdist_bench.studies.example1.noise import restored_gradient, theorem_3_2
from wdist_bench.studies.example1.quadrature import kullback_leibler
from wdist_bench.studies.example1.theorems import _noise


def test_the_gradient_of_kl_is_the_textbook_one_for_normal_laws():
    found = divergence_gradient(kullback_leibler, "gaussian", 0.7, 1.3)
    assert found == pytest.approx((0.7, 1.3 - 1 / 1.3), abs=1e-9)


@pytest.mark.parametrize("real", REALS)
def test_minus_log_d_descends_kl_minus_twice_jsd(real):
    record = get("example1_identity", real=real, thetas=(-0.8, 0.6), scale=0.9, runs=8).run()
    right, left = unpack(record["quadrature"]), unpack(record["autodiff"])
    np.testing.assert_allclose(left, right, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(
        unpack(record["saturating"]), unpack(record["twice_jsd"]), rtol=1e-7, atol=1e-9
    )
    # neither KL alone nor JSD alone would do
    assert np.abs(left - unpack(record["kl"])).max() > 0.1
    simulated = unpack(record["simulated"])
    error = simulated.std(axis=1, ddof=1) / math.sqrt(8)
    assert (np.abs(simulated.mean(axis=1) - right) < 6 * error).all()


def test_the_identity_holds_at_every_scale():
    """Steps of 1e-3, whatever the scale, made Theorem 2.5 fail."""
    options = {"thetas": (0.25,), "samples": 200, "runs": 2}
    record = get("example1_identity", scale=0.01, **options).run()
    right, left = unpack(record["quadrature"]), unpack(record["autodiff"])
    np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-7)


def test_hill_finds_the_index_of_exact_pareto_quantiles():
    ranks = np.arange(1, 20_001) / 20_000
    sizes = np.stack([ranks ** (-1 / index) for index in (1.0, 3.0)])
    np.testing.assert_allclose(hill_index(sizes), [1.0, 3.0], rtol=0.02)


def test_white_noise_makes_the_gradient_cauchy_whatever_the_minibatch():
    record = get("example1_instability", batch_sizes=(1, 64), draws=10_000, runs=10).run()
    for hill, scale in zip(unpack(record["hill"]), unpack(record["scale"]), strict=True):
        low, high = t_interval(hill)
        assert low - 0.1 < 1 < high + 0.1
        # the median of |Cauchy| is its scale; its standard error is pi / (2 sqrt(n)) scales
        error = math.pi / (2 * math.sqrt(10_000 * 10))
        assert scale.mean() / record["scale_of_law"] == pytest.approx(1, abs=5 * error)
    beyond = unpack(record["survival"])[:, -1]
    assert (beyond > 0).all()  # beyond 1000 scales, where a normal law never is


def test_noise_on_the_gradient_alone_averages_out():
    record = get("example1_instability", noise="gradient_only", batch_sizes=(1, 64),
                 draws=5_000, runs=4).run()  # fmt: skip
    small, large = unpack(record["variance"]).mean(axis=1)
    assert small == pytest.approx(record["scale_of_law"] ** 2, rel=0.1)
    assert large == pytest.approx(small / 64, rel=0.1)
    assert unpack(record["hill"]).min() > 3
    assert unpack(record["ks"]).max() < 1e-6


@pytest.mark.parametrize(("theta", "std"), [(0.5, 0.3), (-1.0, 0.7), (2.0, 2.0)])
def test_theorem_3_2_is_its_closed_form_and_points_to_zero(theta, std):
    expected = restored_gradient(theta, std)
    assert theorem_3_2(theta, std) == pytest.approx(expected, rel=1e-9)
    assert np.sign(expected) == np.sign(theta)  # descent shrinks |theta|


def test_the_discriminator_gives_what_theorem_and_corollary_say():
    record = get("example1_noise", thetas=(0.5, 2.0), noise_stds=(0.3, 1.0)).run()
    columns = {name: unpack(value) for name, value in record.items() if isinstance(value, list)}
    np.testing.assert_allclose(columns["autodiff"], columns["theorem"], rtol=1e-7)
    np.testing.assert_allclose(columns["noisy_autodiff"], columns["twice_jsd"], rtol=1e-6)
    np.testing.assert_allclose(columns["kl"], columns["kl_closed_form"], rtol=1e-9)
    assert (columns["jsd"] < math.log(2)).all()


@pytest.mark.parametrize(
    ("places", "stds", "verdict"),
    [
        ((0.5, 2.0), (0.03, 0.3), "holds"),
        ((2.0,), (0.03, 0.3), "holds"),
        ((2.0,), (0.03,), "undecided"),
    ],
)
def test_rounding_of_differences_makes_no_corollary_false(places, stds, verdict):
    """Where theta is many standard deviations, the JSD is log 2 within rounding, and its slope is
    that of the rounding.
    """
    experiment = get("example1_noise", thetas=places, noise_stds=stds)
    record = {"experiment": "example1_noise", "parameters": vars(experiment)} | experiment.run()
    theorem, corollary = _noise([record])
    assert (theorem.verdict, corollary.verdict) == ("holds", verdict)
    assert ("below rounding" in corollary.numbers) == (0.03 in stds)
    other = record | {"noisy_autodiff": (-unpack(record["noisy_autodiff"])).tolist()}
    assert _noise([other])[1].verdict == ("does not hold" if verdict == "holds" else verdict)


def test_without_much_noise_the_gradient_vanishes():
    assert restored_gradient(2.0, 1.0) > 0.1
    assert 0 <= restored_gradient(2.0, 0.05) < 1e-200


@pytest.mark.parametrize("theta", [0.2, -2.0])
def test_both_bounds_hold_at_every_noise_level(theta):
    record = get("example1_bounds", theta=theta, noise_stds=(0.01, 0.3, 3.0)).run()
    column = {name: unpack(value) for name, value in record.items() if isinstance(value, list)}
    assert record["w1"] == abs(theta)
    assert (column["moved"] <= column["lemma"]).all()
    assert (record["w1"] <= column["theorem"]).all()
    assert (column["noisy_w1"] <= column["noisy_lemma"]).all()
    np.testing.assert_allclose(column["jsd"], column["jsd_closed_form"], atol=1e-9)


def test_as_the_segments_meet_w1_goes_to_zero_and_jsd_stays():
    record = get("example1_convergence", thetas=(1.0, 0.1, 0.02, 0.0), cells=(0.01,)).run()
    np.testing.assert_allclose(record["w1_program"], [1, 0.1, 0.02, 0], atol=1e-9)
    np.testing.assert_allclose(
        unpack(record["jsd_cells"])[:, 0], [math.log(2)] * 3 + [0], atol=1e-9
    )
    assert record["kl"] == [None, None, None, 0]
    noisy = record["jsd_noisy"]
    assert noisy == sorted(noisy, reverse=True)
    assert noisy[-1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("identity", {"real": "cauchy"}, "real: expected one of"),
        ("instability", {"batch_sizes": (0,)}, "batch_sizes: expected a whole number >= 1"),
        ("noise", {"noise_stds": (0.0,)}, "noise_stds: expected a finite number > 0"),
        ("convergence", {"thetas": ()}, "thetas: expected a tuple of numbers"),
    ],
)
def test_wrong_parameters_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        get(f"example1_{name}", **options)
