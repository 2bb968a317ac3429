"""What a Wasserstein distance must satisfy whatever the ground cost, on random weighted samples."""

from __future__ import annotations

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from every_cost import (
    NAMES,
    NORMS,
    POWERS,
    cost_of,
    distances_of,
    on_the_sphere,
    points_of,
    unit_vectors,
    weighted_problem,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import wdist_bench as wb
from wdist_bench import costs
from wdist_bench.estimators import along_arcs
from wdist_bench.problem import Samples

COMPILED = pytest.mark.parametrize(("name", "p"), [(name, p) for name in NAMES for p in (1.5, 3)])
EVERY = pytest.mark.parametrize(("name", "p"), [(name, p) for name in NAMES for p in POWERS])


def distance(x, y, cost, a=None, b=None):
    answer = wb.estimate(x, y, cost=cost, a=a, b=b)
    assert answer.status == "ok", answer.message
    return answer.value


def moved_by(*shift):
    """The translation by a vector."""
    return lambda points: points + np.array(shift)


def symmetries(name, rng):
    """Maps of points that keep every distance of the cost."""
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    plane, _ = np.linalg.qr(rng.normal(size=(2, 2)))
    return {
        "cosine": [lambda x: x @ plane, lambda x: x * np.linspace(0.1, 9, len(x))[:, None]],
        "sphere": [
            lambda x: x + np.array([0, 123.4]),
            lambda x: x * [-1, 1],
            lambda x: x + np.array([0, 720]),
        ],
        "unit_vectors": [lambda x: x @ turn],
        "torus": [
            moved_by(0.7, -3.1),
            lambda x: x + np.array([2.0, -15.0]),
            lambda x: -x,
        ],
        "l2": [moved_by(0.7, -3.1), lambda x: x @ plane],
    }.get(name, [moved_by(0.7, -3.1), lambda x: -x])


SIXTEENTHS = st.integers(-80, 80).map(lambda k: k / 16)
"""Coordinates on a lattice, so that points coincide and distances tie, from -5 to 5."""
FEW = settings(max_examples=15, deadline=None)


def on_lattice(name):
    """Points that the cost is meant for, (n, 2) or (n, 3), n from 1 to 5."""
    point = st.tuples(SIXTEENTHS, SIXTEENTHS)
    if name == "sphere":
        point = st.tuples(SIXTEENTHS.map(lambda t: 18 * t), SIXTEENTHS.map(lambda t: 50 * t))
    if name == "unit_vectors":
        point = st.tuples(SIXTEENTHS, SIXTEENTHS, SIXTEENTHS)
    if name in ("cosine", "unit_vectors"):
        point = point.filter(any)
    points = st.lists(point, min_size=1, max_size=5).map(np.array)
    return points.map(unit_vectors) if name == "unit_vectors" else points


def weighed(name):
    """Points with weights in whole parts, some of them 0."""

    def weights(points):
        parts = st.lists(st.integers(0, 4), min_size=len(points), max_size=len(points)).filter(any)
        return parts.map(lambda found: (points, np.array(found) / sum(found)))

    return on_lattice(name).flatmap(weights)


def largest(cost, *clouds):
    """The largest distance among all points."""
    points = np.concatenate(clouds)
    return max(float(cost.to(1).matrix(points, points).max()), 1e-300)


def rounding(*clouds):
    """How far apart rounding may put points that coincide: of angles, or of their coordinates."""
    return 1e-14 * max(1, *(abs(points).max() for points in clouds))


@EVERY
def test_symmetries_of_the_space_change_nothing(name, p):
    cost = cost_of(name, p)

    @FEW
    @given(weighed(name), weighed(name), st.integers(0, 99))
    def holds(mu, nu, seed):
        (x, a), (y, b) = mu, nu
        wanted, scale = distance(x, y, cost, a, b), largest(cost, x, y)
        floor = max(1e-11 * scale**p, rounding(x, y) ** p)
        close = pytest.approx(wanted**p, rel=1e-9, abs=floor)
        for move in symmetries(name, np.random.default_rng(seed)):
            assert distance(move(x), move(y), cost, a, b) ** p == close
        assert distance(y, x, cost, b, a) ** p == close

    holds()


@EVERY
def test_triangle_inequality_and_zero(name, p):
    cost = cost_of(name, p)

    @FEW
    @given(weighed(name), weighed(name), weighed(name))
    def holds(mu, nu, rho):
        (x, a), (y, b), (z, c) = mu, nu, rho
        direct, scale = distance(x, z, cost, a, c), largest(cost, x, y, z)
        way = distance(x, y, cost, a, b) + distance(y, z, cost, b, c)
        floor = max((1e-13 * scale**p) ** (1 / p), rounding(x, y, z))
        assert direct <= way * (1 + 1e-9) + floor
        assert distance(x, x[::-1], cost, a, a[::-1]) == 0

    holds()


@EVERY
def test_laws_that_differ_are_apart(name, p):
    rng = np.random.default_rng(3)
    x, z = points_of(name, rng, 6), points_of(name, rng, 7)
    assert distance(x, z, cost_of(name, p)) > 0


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("p", POWERS)
def test_homogeneity(name, p):
    cost = cost_of(name, p)

    @FEW
    @given(weighed(name), weighed(name), st.floats(1e-3, 1e6))
    def holds(mu, nu, factor):
        (x, a), (y, b) = mu, nu
        wanted, scale = distance(x, y, cost, a, b), largest(cost, x, y)
        moved = distance(factor * x, factor * y, cost, a, b) / factor
        floor = max(1e-11 * scale**p, rounding(x, y) ** p)
        assert moved**p == pytest.approx(wanted**p, rel=1e-9, abs=floor)

    holds()


@pytest.mark.parametrize(("name", "factor"), [("torus", 3.7), ("sphere", 6371.0088)])
@pytest.mark.parametrize("p", POWERS)
def test_homogeneity_in_the_size_of_the_space(name, factor, p):
    """A box that grows with its points, and a radius."""
    x, y, a, b = weighted_problem(name, 5)
    cost = cost_of(name, p)
    wanted = distance(x, y, cost, a, b)
    larger = {
        "torus": lambda: distance(factor * x, factor * y, costs.Torus((2 * factor, 5 * factor), p),
                                  a, b),
        "sphere": lambda: distance(x, y, costs.Sphere(p, factor), a, b),
    }[name]()  # fmt: skip
    assert larger == pytest.approx(factor * wanted, rel=1e-9)


@EVERY
def test_larger_powers_give_larger_distances(name, p):
    x, y, a, b = weighted_problem(name, 8)
    assert distance(x, y, cost_of(name, p), a, b) <= distance(
        x, y, cost_of(name, p + 0.5), a, b
    ) * (1 + 1e-12)


@COMPILED
def test_bounds_hold_the_exact_value(name, p):
    """`bracket`, Sinkhorn's plan and the nearest neighbours, each on its own side."""
    rng = np.random.default_rng(p == 7)
    x, y = points_of(name, rng, 20), points_of(name, rng, 15)
    a, b = rng.dirichlet(np.ones(20)), rng.dirichlet(np.ones(15))
    cost = cost_of(name, p)
    exact = distance(x, y, cost, a, b)
    held = wb.estimate(x, y, "bracket", cost=cost, a=a, b=b, rtol=1e-2)
    assert held.status == "ok", held.message
    assert held.lower * (1 - 1e-9) <= exact <= held.upper * (1 + 1e-9)
    for sides in ("one", "both"):
        near = wb.estimate(x, y, "nearest_neighbor", cost=cost, a=a, b=b, sides=sides)
        assert near.value <= exact * (1 + 1e-12)
    above = wb.estimate(x, y, "sinkhorn", cost=cost, a=a, b=b)
    assert above.lower * (1 - 1e-9) <= exact <= above.upper * (1 + 1e-9)


@EVERY
def test_potentials_are_admissible_and_reach_the_value(name, p):
    x, y, a, b = weighted_problem(name, 2)
    answer = wb.estimate(x, y, cost=cost_of(name, p), a=a, b=b)
    phi, psi = answer.potentials
    matrix = distances_of(name, x, y) ** p
    assert (phi[:, None] + psi[None, :] <= matrix + 1e-8 * matrix.max()).all()
    assert a @ phi + b @ psi == pytest.approx(answer.cost, rel=1e-7, abs=1e-9 * matrix.max())


@COMPILED
def test_the_device_computes_what_the_host_does(name, p):
    rng = np.random.default_rng(4)
    x, y = points_of(name, rng, 12), points_of(name, rng, 12)
    cost, wanted = cost_of(name, p), distances_of(name, x, y) ** p
    with jax.enable_x64(True):
        u, v = jnp.asarray(x), jnp.asarray(y)
        close = {"rtol": 1e-8, "atol": 1e-12}
        np.testing.assert_allclose(cost.pairwise(u, v), wanted, **close)
        np.testing.assert_allclose(cost.between(u, v), np.diag(wanted), **close)
        rows = cost.by_coordinates(u.T[:, :, None], v.T[:, None, :])
        np.testing.assert_allclose(rows, wanted, **close)
        base = cost.from_base(cost.base.pairwise(u, v))
        np.testing.assert_allclose(base, wanted, **close)
        np.testing.assert_allclose(cost.matched(x, y), np.diag(wanted), **close)
        slope = jax.grad(lambda z: cost.between(z, u).sum())(u)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", ["linf", "torus", "sphere", "mahalanobis", "cosine"])
def test_nearest_neighbours_of_many_points(name):
    """Beyond one tile, where trees and blocks of neighbours take over."""
    rng = np.random.default_rng(6)
    x, y = points_of(name, rng, 1100), points_of(name, rng, 700)
    cost = cost_of(name, 1.5)
    wanted = cost.root(distances_of(name, x, y).min(0).__pow__(1.5).mean())
    assert wb.estimate(x, y, "nearest_neighbor", cost=cost).value == pytest.approx(wanted, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linf", "torus", "unit_vectors", "cosine", "mahalanobis"])
@pytest.mark.parametrize("method", ["c_transform", "soft_c_transform"])
def test_critics_train_on_every_distance(name, method):
    """One measure is a part of the space and the other all of it, so that there is something to
    gain.
    """
    rng = np.random.default_rng(9)
    x, y = points_of(name, rng, 40), points_of(name, rng, 30)
    x = x[x[:, 0] > 0]
    cost = cost_of(name, 1.5)
    options = {"epsilon": 1e-2} if method == "soft_c_transform" else {"learning_rate": 1e-2}
    answer = wb.estimate(x, y, method, cost=cost, steps=200, hidden=(16,), **options)
    assert answer.status == "ok", answer.message
    exact = distance(x, y, cost)
    assert answer.value > 0.1 * exact
    if method == "c_transform":
        assert answer.value <= exact * (1 + 1e-9)


def test_angles_go_the_shorter_way_round():
    for method in ("exact", "one_dimensional", "bracket"):
        answer = wb.estimate([[359.0], [1.0]], [[0.0]], method, cost=costs.Torus(360))
        assert answer.value == pytest.approx(1, rel=1e-12)


def test_haversine_has_all_digits_everywhere():
    """Against angles of unit vectors, next to poles, antipodes and across the date line."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(-90, 90, 400), rng.uniform(-180, 180, 400)], axis=1)
    opposite = np.stack([-x[:, 0], x[:, 1] + 180], axis=1)
    others = [
        x[::-1],
        np.clip(x + 1e-6 * rng.normal(size=x.shape), [-90, -999], [90, 999]),
        np.clip(opposite + 1e-6 * rng.normal(size=x.shape), [-90, -999], [90, 999]),
        x * [0, 1] + np.array([90, 0]),
        x + np.array([0, 360]),
    ]
    for y in others:
        u, v = on_the_sphere(x), on_the_sphere(y)
        wanted = np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), (u * v).sum(1))
        assert np.abs(wb.Cost(1, "sphere").matched(x, y) - wanted).max() < 1e-9
    earth = costs.Sphere(radius=6371.0088)
    assert earth.matched(np.array([0.0, 0.0]), np.array([90.0, 12.0])) == pytest.approx(
        6371.0088 * np.pi / 2
    )
    assert earth.matched(np.array([10.0, 179.5]), np.array([10.0, -180.5])) == 0


def test_tiny_distances_on_the_sphere_keep_their_digits():
    """A millionth of a degree along a meridian, where chords of unit vectors lose half of them."""
    x, y = np.array([[51.0, 7.0]]), np.array([[51.0 + 1e-6, 7.0]])
    assert wb.Cost(1, "sphere").matrix(x, y)[0, 0] == pytest.approx(np.radians(1e-6), rel=1e-8)


def test_places_about_a_pole_keep_their_digits_in_single_precision():
    x, y = jnp.float32([[90 - 2**-7, 0]]), jnp.float32([[90 - 2**-7, 180]])
    found = wb.Cost(1, "sphere").between(x, y)
    assert float(found[0]) == pytest.approx(np.radians(2**-6), rel=1e-6)


def off(found, truth):
    """Whether both ends miss the truth, which they are said to hold within 1e-9."""
    return found.lower > truth * (1 + 1e-8) or found.upper < truth * (1 - 1e-8)


@pytest.mark.parametrize(
    ("cost", "x", "y", "truth"),
    [
        (costs.Torus(0.1), (0.0,), (1e7 + 0.01,), Fraction(1e7 + 0.01) - 10**8 * Fraction(0.1)),
        (costs.Torus(360), (-1e-10,), (359.9999999998,),
         Fraction(359.9999999998) + Fraction(1e-10) - 360),
        (wb.Cost(1, "sphere"), (48.857, 2.0), (48.857 + 1e-8, 2.0),
         Fraction(48.857 + 1e-8) - Fraction(48.857)),
        (wb.Cost(1, "sphere"), (0.0, 179.99999999), (0.0, -179.99999996),
         360 - Fraction(179.99999999) - Fraction(179.99999996)),
        (wb.Cost(1, "sphere"), (89.9999999, 0.0), (89.9999999, 180.0),
         180 - 2 * Fraction(89.9999999)),
        (wb.Cost(1, "sphere"), (-89.99999999, 10.0), (-89.99999999, 190.0),
         180 - 2 * Fraction(89.99999999)),
        (wb.Cost(1, "cosine"), (3.0, 0.3), (3.0, 0.3 + 1e-10),
         3 * (Fraction(0.3 + 1e-10) - Fraction(0.3)) / (9 + Fraction(0.3) ** 2)),
    ],
)  # fmt: skip
def test_ends_hold_distances_far_below_the_size_of_the_space(cost, x, y, truth):
    truth = abs(float(truth)) * (math.pi / 180 if cost.norm == "sphere" else 1)
    assert not off(wb.estimate([x], [y], cost=cost), truth)
    near = wb.estimate([x], [y], "nearest_neighbor", cost=cost)
    assert near.lower <= truth * (1 + 1e-8)
    if len(x) == 1:
        assert not off(wb.estimate([x], [y], "one_dimensional", cost=cost), truth)


@pytest.mark.parametrize("p", [1, 2])
def test_angles_of_vectors_that_differ_in_length_alone_are_0(p):
    """Raw rows against normalised ones: what is left is rounding, and the answer no failure."""
    cost = wb.Cost(p, "cosine")
    exact, bracket = (wb.estimators.get(name) for name in ("exact", "bracket"))
    x = np.random.default_rng(0).normal(size=(20, 3))
    for y in (2 * x[::-1], x / np.linalg.norm(x, axis=1, keepdims=True)):
        samples = Samples(x, y)
        few = along_arcs.solve(samples, cost, 1e-9, "exact")
        of_arcs = [each._of_arcs(few, samples, cost) for each in (exact, bracket)]
        whole = [wb.estimate(x, y, each, cost=cost) for each in (exact, bracket)[:p]]
        for answer in (*whole, *of_arcs):
            assert (answer.status, answer.lower) == ("ok", 0)
            assert answer.value <= answer.upper < 1e-14


def test_places_that_whole_turns_bring_together_but_for_rounding_are_one():
    answer = wb.estimate([[0.1]], [[360.1]], "one_dimensional", cost=costs.Torus(360))
    assert (answer.status, answer.lower) == ("ok", 0)
    assert answer.value <= answer.upper < 1e-11
    degrees, mass = np.array([[-180.0], [-90], [0], [30]]), np.array([0.1, 0.2, 0.3, 0.4])
    for method in ("one_dimensional", "exact", "bracket"):
        answer = wb.estimate(degrees, degrees % 360, method, cost=costs.Torus(360), a=mass, b=mass)
        assert (answer.status, answer.value, answer.upper) == ("ok", 0, 0)
        if answer.plan is not None:
            np.testing.assert_allclose(answer.plan.toarray(), np.diag(mass), atol=1e-15)


@pytest.mark.parametrize("p", [1, 2])
def test_mahalanobis_distances_of_close_points_keep_their_digits(p):
    cost = costs.Mahalanobis([[2.0, 0.5], [0.5, 1.0]], p)
    x = np.random.default_rng(0).uniform(size=(50, 2))
    y = x + 1e-10
    truth = cost.root(float(cost.matched(x, y).mean()))  # from differences
    assert not off(wb.estimate(x, y, cost=cost), truth)
    assert wb.estimate(x, y, "nearest_neighbor", cost=cost).lower <= truth * (1 + 1e-8)


def test_a_cost_is_not_made_anew_for_each_axis(monkeypatch):
    """Eigenvalues, factor and inverse of the matrix, of which there were as many as columns."""
    rng = np.random.default_rng(0)
    x, y = np.float32(rng.normal(size=(2, 9, 30)))
    made, settle = [], costs.Mahalanobis.settle
    monkeypatch.setattr(costs.Mahalanobis, "settle", lambda self: made.append(1) or settle(self))
    cost = costs.Mahalanobis(np.eye(30) + 0.1, 1)
    wb.distance(x, y, method="nearest_neighbor", cost=cost)
    wb.estimate(x, y, "gaussian", cost=cost)
    assert len(made) == 1
    assert cost.lengths_of_axes(30) == pytest.approx(np.full(30, 1.1**0.5))
    base = wb.Cost.lengths_of_axes(cost, 30)
    np.testing.assert_allclose(cost.lengths_of_axes(30), base, rtol=1e-14)
