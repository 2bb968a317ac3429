"""The measures of generated images, each against a second route."""

from __future__ import annotations

import jax
import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist, pdist
from scipy.stats import spearmanr

from wdist_bench.protocol.parallel import run_keys
from wdist_bench.studies.generators.data import Restriction, real_side
from wdist_bench.studies.generators.judging import measures
from wdist_bench.studies.generators.training.gan_training import order_of

ZEROS = Restriction("digits", classes=(0,))


def test_the_floor_is_what_pot_says_of_two_disjoint_sets_of_real_images():
    pixels = ZEROS.pixels()
    images = pixels / 8 - 1
    for run in range(2):
        order = np.asarray(order_of(run_keys(3, 4)[run], len(pixels)))
        training, held_out = images[order[:89]], images[order[89:]]
        assert not set(order[:89]) & set(order[89:])
        real = real_side(ZEROS, 3, 4, run, 80, 40)
        np.testing.assert_allclose(real.held_out, held_out[:80], atol=1e-6)
        weights = np.full(80, 1 / 80)
        by_pot = ot.emd2(weights, weights, cdist(training[:80], held_out[:80]))
        assert real.floor == pytest.approx(by_pot, rel=1e-6)
        assert real.diversity == pytest.approx(pdist(held_out[:80]).mean(), rel=1e-6)
        nearest = cdist(held_out[:80], real.centres.points).min(1).mean()
        assert real.centres.reference == pytest.approx(nearest, rel=1e-6)


def test_averages_beat_real_images_in_w1_and_the_centre_ratio_tells():
    # Nine of ten of the noisy copies of 8 points are held back: W1 likes the 8 points better.
    rng = np.random.default_rng(0)
    truth = 4 * rng.normal(size=(8, 60))
    copies = truth[rng.integers(8, size=1200)] + rng.normal(size=(1200, 60))
    training, held_out = copies[:600], copies[600:]
    centres = measures.fit_centres(training, held_out, 0)
    floor = measures.exact_distance(training, held_out)
    assert measures.exact_distance(centres.points, held_out, centres.weights) < 0.95 * floor
    assert measures.nearest(centres.points, centres.points).max() < 1e-6
    ratio = measures.nearest(training, centres.points).mean() / centres.reference
    assert ratio == pytest.approx(1, abs=0.15)


def test_classes_are_found_and_counted():
    known, labels = Restriction("digits").known()
    shares = measures.class_shares(known[:500], known, labels)
    counts = np.bincount(labels[:500], minlength=10) / 500
    np.testing.assert_allclose([shares[c] for c in range(10)], counts)
    collapsed = {0: 0.92, 1: 0.08, 2: 0.0}
    assert measures.classes_covered(collapsed, (0, 1)) == 1  # 0.08 < 0.2 / 2
    assert measures.classes_covered(collapsed, (0,)) == 1
    assert measures.classes_covered({0: 0.9, 1: 0.1}, (0, 1)) == 2


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(1)
    x = rng.normal(size=12).round(1)  # with ties
    y = x + rng.normal(size=12)
    assert measures.rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert np.isnan(measures.rank_correlation(np.ones(4), y[:4]))


def test_images_that_are_not_finite_have_no_distance():
    x = np.zeros((3, 2))
    assert np.isnan(measures.exact_distance(np.full((3, 2), np.nan), x))


def test_a_restriction_keeps_its_classes_alone():
    labels = Restriction("digits").labels()
    assert len(Restriction("digits", classes=(3, 8)).pixels()) == np.isin(labels, (3, 8)).sum()
    assert Restriction("digits").known_classes() == tuple(range(10))
    with pytest.raises(ValueError, match=r"classes: expected labels out of .*, got \[11\]"):
        Restriction("digits", classes=(11,)).pixels()


def test_the_split_is_a_permutation_that_depends_on_the_run():
    keys = run_keys(0, 2)
    orders = [np.asarray(order_of(key, 50)) for key in keys]
    assert all((np.sort(order) == np.arange(50)).all() for order in orders)
    assert (orders[0] != orders[1]).any()
    assert jax.numpy.array_equal(order_of(keys[0], 50), orders[0])
