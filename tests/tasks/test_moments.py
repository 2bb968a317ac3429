"""Moments of norms against cubature, confluent hypergeometric functions and angles in the plane."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special

from wdist_bench import tasks
from wdist_bench.costs import Cost
from wdist_bench.tasks import distances, moments
from wdist_bench.tasks.convex_gradient import mean_power_sigmoid

POWERS = (1, 1.5, 2, 3, 7)
ORDER = {"l2": 2, "l1": 1, "linf": np.inf}
CENTER = np.array([0.3, -1.4])


@pytest.mark.parametrize("p", [*POWERS, 6.5])
@pytest.mark.parametrize("dim", [2, 20])
def test_normal_vectors_are_noncentral_chi(p, dim):
    """E |X - a|^p = (2 s^2)^(p/2) G((d + p)/2) / G(d/2) 1F1(-p/2; d/2; -|a|^2 / (2 s^2))."""
    a, std = np.linspace(-1, 2, dim), 1.3
    found = moments.product_moment(moments.normal(std), a, Cost(p))
    gamma = math.exp(math.lgamma((dim + p) / 2) - math.lgamma(dim / 2))
    bend = special.hyp1f1(-p / 2, dim / 2, -(a @ a) / (2 * std**2))
    assert found == pytest.approx((2 * std**2) ** (p / 2) * gamma * bend, rel=1e-11)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("norm", ORDER)
def test_a_square_by_cubature(p, norm):
    """Split where coordinates change sign; the diagonals, kinks of linf, cost some digits."""

    def height(y, x):
        return np.linalg.norm([x - CENTER[0], y - CENTER[1]], ORDER[norm]) ** p / 4

    parts = [
        integrate.dblquad(height, *ends, -1, 1, epsabs=1e-9, epsrel=1e-9)[0]
        for ends in ((-1, CENTER[0]), (CENTER[0], 1))
    ]
    found = moments.product_moment(moments.uniform(), CENTER, Cost(p, norm))
    assert found == pytest.approx(sum(parts), rel=1e-7)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("norm", ORDER)
def test_many_coordinates_by_their_own_laws(p, norm):
    """At the centre: P(max <= r) = r^d, moments of sums by characteristic exponents, or means."""
    rng, dim = np.random.default_rng(5), 12
    for law, points in (
        (moments.uniform(), rng.uniform(-1, 1, (200_000, dim))),
        (moments.normal(0.7), 0.7 * rng.normal(size=(200_000, dim))),
    ):
        sizes = np.linalg.norm(points - 0.2, ORDER[norm], axis=1) ** p
        found = moments.product_moment(law, np.full(dim, 0.2), Cost(p, norm))
        assert found == pytest.approx(sizes.mean(), abs=5 * sizes.std() / 200_000**0.5)
    if norm == "linf":
        whole = moments.product_moment(moments.uniform(), np.zeros(dim), Cost(p, norm))
        assert whole == pytest.approx(dim / (dim + p), rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_known_first_moments(dim):
    a = np.linspace(0.2, 1.7, dim)
    for norm, known in (
        ("l2", distances.cube_mean_l2(a)),
        ("l1", distances.cube_mean_abs(a).sum()),
    ):
        found = moments.product_moment(moments.uniform(), a, Cost(1, norm))
        assert found == pytest.approx(known, rel=1e-11)
    assert moments.ball_moment(a, Cost(1)) == pytest.approx(distances.ball_mean_l2(a), rel=1e-11)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("norm", ORDER)
def test_directions_in_the_plane_by_their_angle(p, norm):
    def height(angle):
        return np.linalg.norm([math.cos(angle), math.sin(angle)], ORDER[norm]) ** p

    wanted = integrate.quad(height, 0, math.pi / 4, epsrel=1e-12)[0] / (math.pi / 4)
    assert moments.direction_moment(2, Cost(p, norm)) == pytest.approx(wanted, rel=1e-10)
    ball = moments.ball_moment(np.zeros(2), Cost(p, norm))
    assert ball == pytest.approx(wanted * 2 / (2 + p), rel=1e-10)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("away", [0.4, 1.0, 2.5])
def test_a_disc_by_polar_cubature(p, away):
    def height(angle, r):
        return r * (r * r + away**2 - 2 * r * away * math.cos(angle)) ** (p / 2) * 2 / math.pi

    edges = sorted({0.0, min(away, 1.0), 1.0})
    wanted = sum(
        integrate.dblquad(height, low, high, 0, math.pi, epsabs=1e-10, epsrel=1e-10)[0]
        for low, high in pairwise(edges)
    )
    found = moments.ball_moment(np.array([0.6, 0.8]) * away, Cost(p))
    assert found == pytest.approx(wanted, rel=1e-7)


@pytest.mark.parametrize("p", [8, 16, 40, 100])
@pytest.mark.parametrize("norm", ORDER)
def test_high_powers_keep_their_digits(p, norm):
    """On a line all norms are one; in the plane |X| of a normal vector has moments in l2."""
    one = moments.product_moment(moments.normal(0.5, p), np.zeros(1), Cost(p, norm))
    assert one ** (1 / p) == pytest.approx(0.5 * moments.normal_length_mean(1, p), rel=1e-11)
    side = moments.product_moment(moments.uniform(), np.full(1, 3.0), Cost(p, norm))
    wanted = (4.0 ** (p + 1) - 2.0 ** (p + 1)) / (2 * (p + 1))
    assert side ** (1 / p) == pytest.approx(wanted ** (1 / p), rel=1e-11)
    if norm == "l2":
        plane = moments.product_moment(moments.normal(1.0, p), np.zeros(2), Cost(p))
        assert plane ** (1 / p) == pytest.approx(moments.normal_length_mean(2, p), rel=1e-11)


def test_what_has_no_formula_is_none():
    assert moments.ball_moment(CENTER, Cost(3, "l1")) is None
    assert moments.product_moment(moments.uniform(), CENTER, Cost(1, "cosine")) is None
    for norm in ("l2", "linf"):  # E |Z|^350 is above 1e308
        found = moments.product_moment(moments.normal(1.0, 350), np.zeros(1), Cost(350, norm))
        assert found is None
    assert moments.ball_moment(np.full(2, 1e100), Cost(7)) is None


@pytest.mark.parametrize("dim", [140, 400])
@pytest.mark.parametrize("away", [0.5, 0.999, 3.0])
def test_a_ball_of_many_dimensions_by_draws(dim, away):
    """Where scipy's hypergeometric function ends; the length and one coordinate are enough."""
    rng = np.random.default_rng(9)
    along = rng.normal(size=200_000)
    length = np.sqrt(along**2 + rng.chisquare(dim - 1, 200_000))
    radius = rng.uniform(size=200_000) ** (1 / dim)
    sizes = (radius**2 + away**2 - 2 * away * radius * along / length) ** 1.5
    found = moments.ball_moment(away * np.eye(1, dim)[0], Cost(3))
    assert found == pytest.approx(sizes.mean(), abs=5 * sizes.std() / 200_000**0.5)
    center = tuple((away * np.eye(1, dim)[0]).tolist())
    assert tasks.get("dilation", dim=dim, base="ball", center=center).truth(1) is not None


@pytest.mark.parametrize("p", [1.5, 3, 40])
def test_steep_sigmoids_take_few_points(p):
    """Both ways to sum them agree, and the steepest is a step."""
    gentle, steep = (mean_power_sigmoid(size, p) for size in (100.0, 100.0 + 1e-9))
    assert steep == pytest.approx(gentle, rel=1e-9)
    assert mean_power_sigmoid(1e9, p) == pytest.approx(0.5, rel=1e-6)
