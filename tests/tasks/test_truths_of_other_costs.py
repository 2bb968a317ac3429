"""Truths beyond p = 1 and 2 in l2 and l1, each against a second route."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy import integrate, stats

import wdist_bench as wb
from wdist_bench import costs, tasks
from wdist_bench.cards.routes.line import bins
from wdist_bench.cards.routes.plans import great_circle_programme, torus_programme
from wdist_bench.cards.routes.programmes import transport_cost
from wdist_bench.solvers.circle import circle_cost
from wdist_bench.solvers.exact import solve_exact

POWERS = (1, 1.5, 2, 3, 7)
ORDER = {"l2": 2, "l1": 1, "linf": np.inf}
COUPLED = {  # whose pairs are optimal for every p
    "gaussian_shift": {"dim": 3, "shift": (1.0, -2.0, 0.5)},
    "gaussians": {"mean_x": 0.5, "cov_x": ((4.0,),), "mean_y": 0.0, "cov_y": ((1.0,),)},
    "one_dimensional": {"x": "norm", "y": "logistic"},
    "radial": {"dim": 3},
    "dilation": {"dim": 3, "base": "cube", "factor": 0.4, "center": 0.3},
    "point_mass": {"at": (1.0, 0.2, -0.4)},
    "concentric_spheres": {},
    "parallel_segments": {},
    "spiked_gaussian": {"spike": 4.0},
    "convex_gradient": {"direction": (0.0, 1.5)},
    "reweighted_mixture": {},
    "clusters": {},
    "histogram": {},
    "weighted_points": {},
    "noisy": {"noise": "gaussian", "dim": 3},
    "own_data": {"samples": np.random.default_rng(0).normal(size=(40, 3)), "transform": "dilate"},
}
CENTRED_BALL = {"dim": 4, "base": "ball", "factor": 3.0}
KNOWN_IN_ALL = ("gaussian_shift", "dilation", "point_mass", "concentric_spheres", "histogram",
                "weighted_points", "parallel_segments", "spiked_gaussian", "own_data",
                "noisy", "one_dimensional", "gaussians")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", COUPLED)
@pytest.mark.parametrize("norm", ORDER)
@pytest.mark.parametrize("p", [1, 1.5, 3])
def test_the_mean_cost_of_the_optimal_pairs(name, norm, p):
    """Pairs say nothing of weighted points and mixtures in other norms, whose plan is another."""
    task = tasks.get(name, **COUPLED[name])
    truth = task.truth(p, norm)
    assert truth is not None or name not in KNOWN_IN_ALL
    if truth is None or (name == "weighted_points" and norm != "l2"):
        return
    count = 200_000
    x, y = (np.asarray(z, np.float64) for z in task.pairs(jax.random.key(3), count, p))
    paid = np.linalg.norm(x - y, ORDER[norm], axis=1) ** p
    error = 5 * paid.std() / math.sqrt(count) + 2e-5 * paid.mean()
    assert truth.value**p == pytest.approx(paid.mean(), abs=error)


@pytest.mark.slow
@pytest.mark.parametrize("name", COUPLED)
@pytest.mark.parametrize("norm", ORDER)
@pytest.mark.parametrize("p", [1.5, 3])
def test_no_cheaper_plan_of_the_pairs_is_found(name, norm, p):
    """An optimal coupling is optimal for any of its points: the simplex cannot improve on it."""
    task = tasks.get(name, **COUPLED[name])
    if task.truth(p, norm) is None or (name == "weighted_points" and norm != "l2"):
        pytest.skip("no truth, or pairs of another norm")
    x, y = (np.asarray(z, np.float64) for z in task.pairs(jax.random.key(4), 150, p))
    matrix = wb.Cost(p, norm).matrix(x, y)
    paid = np.diagonal(matrix).mean()
    assert solve_exact(matrix).cost >= paid * (1 - 1e-5)


@pytest.mark.parametrize("p", POWERS)
def test_laws_on_the_line_by_adaptive_quadrature(p):
    task = tasks.get("one_dimensional", x="norm", y="uniform", y_params={"loc": 1.0})

    def height(u):
        return abs(stats.norm.ppf(u) - (1 + u)) ** p

    edges = (0, 1e-9, 1e-4, 0.02, 0.5, 0.98, 1 - 1e-4, 1 - 1e-9, 1)
    parts = [integrate.quad(height, *ends, epsrel=1e-10, limit=400)[0] for ends in pairwise(edges)]
    assert task.truth(p).value ** p == pytest.approx(sum(parts), rel=1e-6)
    scaled = task.truth(costs.Mahalanobis([[9.0]], p))
    assert scaled.value == pytest.approx(3 * task.truth(p).value)


@pytest.mark.parametrize("p", POWERS)
def test_sigmoids_and_uniform_noise_by_quadrature(p):
    task = tasks.get("convex_gradient", direction=(0.0, 2.0), strength=0.7)

    def moved(z):
        return (2 * 0.7 * 2 / (1 + math.exp(-2 * z))) ** p * stats.norm.pdf(z)

    wanted = integrate.quad(moved, -12, 12, epsrel=1e-11, limit=300)[0]
    assert task.truth(p).value ** p == pytest.approx(wanted, rel=1e-9)
    noisy = tasks.get("noisy", noise="uniform", dim=1, base_std=1.0, noise_std=0.4)
    a, b = math.sqrt(3), 0.4 * math.sqrt(3)
    law = stats.trapezoid(b / (a + b), a / (a + b), loc=-(a + b), scale=2 * (a + b))

    def spread(u):
        return 2 * abs(a * (2 * u - 1) - law.ppf(u)) ** p

    wanted = integrate.quad(spread, 0.5, 1, epsrel=1e-10, limit=400, points=[law.cdf(a - b)])[0]
    assert noisy.truth(p).value ** p == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("norm", ORDER)
def test_a_centred_ball_and_translations_of_data(p, norm):
    rng = np.random.default_rng(1)
    task = tasks.get("dilation", **CENTRED_BALL)
    points = rng.normal(size=(300_000, 4))
    points *= (rng.uniform(size=(300_000, 1)) ** 0.25) / np.linalg.norm(points, axis=1)[:, None]
    paid = (2 * np.linalg.norm(points, ORDER[norm], axis=1)) ** p
    error = 5 * paid.std() / math.sqrt(300_000)
    assert task.truth(p, norm).value ** p == pytest.approx(paid.mean(), abs=error)
    rows, shift = rng.normal(size=(30, 3)), (1.0, -2.0, 0.5)
    moved = tasks.get("own_data", samples=rows, transform="translate", shift=shift).truth(p, norm)
    assert moved.value == pytest.approx(np.linalg.norm(shift, ORDER[norm]), rel=1e-12)
    matrix = wb.Cost(p, norm).matrix(rows, rows + shift)
    assert solve_exact(matrix).cost == pytest.approx(moved.value**p, rel=1e-9)


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("period", [12.0, 5.0, 2 * math.pi])
def test_histograms_on_a_line_and_on_a_circle_by_highs(p, period):
    rng = np.random.default_rng(int(period))
    positions = rng.uniform(-10, 20, 8)
    x, y = rng.multinomial(20, np.full(8, 1 / 8), size=2)
    task = tasks.get("histogram", positions=positions, weights_x=x, weights_y=y)
    gaps = np.abs(positions[:, None] - positions[None, :])
    around = np.minimum(gaps % period, period - gaps % period)
    for cost, distance in ((wb.Cost(p), gaps), (costs.Torus(period, p), around)):
        wanted = transport_cost(distance**p, x / 20, y / 20)
        assert task.truth(cost).value ** p == pytest.approx(wanted, rel=1e-6)


LAWS = [
    {},
    {"x": {"law": "von_mises", "center": 0.2}, "y": {"law": "von_mises", "concentration": 30.0}},
    {"period": 24.0, "x": {"law": "arc", "center": 0.9, "width": 0.5}, "y": {"law": "arc"}},
    {"x": {"law": "arc", "width": 1.0}, "y": {"law": "von_mises", "concentration": 0.3}},
]


@pytest.mark.slow
@pytest.mark.parametrize("p", [1, 1.5, 7])
@pytest.mark.parametrize("law", LAWS)
def test_laws_on_a_circle_by_bins(p, law):
    """20,000 bins with masses by scipy's cdfs; and two turned copies of a law, or of their sum."""
    task = tasks.get("periodic", **law)
    places, a, b = bins(task)
    (x, a), (y, b) = ((places[mass > 0], mass[mass > 0]) for mass in (a, b))
    cost = costs.Torus(task.period, p)
    found = circle_cost(x, y, a / a.sum(), b / b.sum(), task.period, p)[0] ** (1 / p)
    truth = task.truth(cost)
    assert truth.value == pytest.approx(found, abs=task.period / 20_000)
    assert task.truth(costs.Torus(task.period + 1, p)) is None


@pytest.mark.slow
@pytest.mark.parametrize("p", [1, 2, 7])
def test_a_turned_law_moves_by_the_turn(p):
    """Within half of the circle and by less than a quarter; uniform on all of it not at all."""
    for law, size in (("arc", {"width": 0.3}), ("von_mises", {"concentration": 150.0})):
        x, y = ({"law": law, "center": c} | size for c in (0.95, 0.07))
        task = tasks.get("periodic", period=360.0, x=x, y=y)
        assert task.truth(costs.Torus(360, p)).value == pytest.approx(0.12 * 360, rel=1e-6)
    whole = {"law": "arc", "width": 1.0}
    task = tasks.get("periodic", x=whole | {"center": 0.2}, y=whole)
    assert task.truth(costs.Torus(360, p)).value == pytest.approx(0, abs=1e-3)


def test_independent_coordinates_on_a_torus_by_samples():
    """p = 2 adds up over the coordinates; the exact value of batches is above, and comes near."""
    task = tasks.get("periodic", dim=2)
    cost = costs.Torus((360.0, 360.0), 2)
    answer = wb.evaluate(task, "exact", cost=cost, batch_size=400, eval_batches=10)
    truth = task.truth(cost).value
    assert truth * 0.995 <= answer.value <= 1.03 * truth
    assert task.truth(costs.Torus(360, 1)) is None


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_turned_arcs_on_a_torus_by_linear_programme(p, dim):
    """Every way round is longer than the translation; one more step and there is no such truth."""
    arcs = [{"law": "arc", "center": c, "width": 0.2} for c in (0.9, 0.15, 0.3)]
    task = tasks.get("periodic", dim=dim, period=24.0, x=arcs[0], y=arcs[1])
    cost = costs.Torus(24.0, p)
    value, room = torus_programme(task, cost)
    truth = task.truth(cost)
    assert truth.kind == "closed-form"
    assert truth.value == pytest.approx(0.25 * 24 * math.sqrt(dim), rel=1e-12)
    assert truth.value == pytest.approx(value, abs=room)
    far = tasks.get("periodic", dim=dim, period=24.0, x=arcs[0], y=arcs[2]).truth(cost)
    assert (far is None) == (dim > 1 and p != 2)
    assert far is None or far.kind == "quadrature"
    same = tasks.get("periodic", dim=dim).y
    assert tasks.get("periodic", dim=dim, x=same, y=same).truth(costs.Torus(360.0, p)).value == 0


def test_nearly_equal_laws_on_a_circle_have_their_digits_or_no_truth():
    """A constant that was added under the integral hid them at p = 10, where that is 1e-50."""
    law = {"law": "von_mises", "center": 0.5, "concentration": 4.0}
    near = tasks.get("periodic", period=1.0, x=law, y=law | {"center": 0.5 + 1e-7})
    assert near.truth(10).value == pytest.approx(1e-7, rel=0.01, abs=0)
    narrow = law | {"concentration": 20.0, "center": 0.0}
    near = tasks.get("periodic", period=1.0, x=narrow, y=narrow | {"center": 1e-9})
    assert near.truth(7) is None


@pytest.mark.parametrize("name", ["periodic", "great_circle"])
def test_samples_of_laws_on_a_circle_have_their_tails(name):
    """Beyond a quantile of scipy lie as many of 100,000 as it says, within 5 standard errors."""
    n, concentration = 100_000, 200.0
    law = {"law": "von_mises", "center": 0.5, "concentration": concentration}
    task = tasks.get(name, x=law, y={"law": "arc", "center": 0.5, "width": 0.3})
    x, y = (np.asarray(points, np.float64) for points in task.sample(jax.random.key(1), n))
    if name == "periodic":
        x, y = (places[:, 0] / task.period for places in (x, y))
    else:
        east, north = task.on_circle(np.array([0.0, 0.25]))
        x, y = (np.arctan2(z @ north, z @ east) / (2 * math.pi) % 1 for z in (x, y))
    exact = stats.vonmises(concentration, scale=1 / (2 * math.pi)), stats.uniform(-0.15, 0.3)
    for places, one in zip((x, y), exact, strict=True):
        for tail in (0.25, 1e-2, 1e-3, 1e-4, 1e-12):
            end = one.ppf(tail) - 1e-7 * (tail < 1e-3)  # places are float32
            for beyond in ((places - 0.5 < end).sum(), (places - 0.5 > -end).sum()):
                assert abs(beyond - n * tail) <= 5 * math.sqrt(n * tail) + n * 1e-6


@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("pole", [(0.0, 0.0, 1.0), (1.0, -2.0, 0.5)])
def test_rotations_along_a_great_circle_by_linear_programme(p, pole):
    arcs = [{"law": "arc", "center": c, "width": 0.3} for c in (0.95, 0.1)]
    task = tasks.get("great_circle", x=arcs[0], y=arcs[1], pole=pole)
    for cost, radius in ((costs.Sphere(p, 2.5), 2.5), (costs.Cosine(p), 1.0)):
        truth = task.truth(cost)
        assert truth.kind == "closed-form"
        assert truth.value == pytest.approx(radius * 2 * math.pi * 0.15, rel=1e-12)
        assert truth.value == pytest.approx(great_circle_programme(task, cost)[0], rel=1e-9)
    assert task.truth(p) is None


@pytest.mark.slow
@pytest.mark.parametrize("p", POWERS)
@pytest.mark.parametrize("law", LAWS)
def test_laws_on_a_great_circle_are_those_of_a_circle(p, law):
    """The same truth as on a circle of length 2 pi, and the linear programme of 600 shares."""
    x, y = (law.get(side, dict(getattr(tasks.get("periodic"), side))) for side in "xy")
    task = tasks.get("great_circle", x=x, y=y)
    circle = tasks.get("periodic", period=2 * math.pi, x=x, y=y)
    truth = task.truth(p, "sphere")
    assert truth.value == pytest.approx(circle.truth(costs.Torus(2 * math.pi, p)).value, rel=1e-9)
    value, room = great_circle_programme(task, wb.Cost(p, "sphere"))
    assert truth.value == pytest.approx(value, abs=room)


def test_samples_of_a_great_circle_lie_on_it():
    task = tasks.get("great_circle", pole=(3.0, 4.0, 0.0))
    x, y = (np.asarray(z, np.float64) for z in task.sample(jax.random.key(0), 4000))
    for points, center in ((x, 0.0), (y, 0.125)):
        assert np.abs(np.linalg.norm(points, axis=1) - 1).max() < 1e-6
        assert np.abs(points @ [0.6, 0.8, 0.0]).max() < 1e-6
        away = wb.Cost(1, "sphere").matched(points, task.on_circle(np.array([center])))
        assert away.max() <= 2 * math.pi * 0.1 + 1e-5
        assert away.mean() == pytest.approx(math.pi * 0.1, rel=0.05)  # uniform on the arc
    with pytest.raises(ValueError, match="pole: expected a vector other than zero"):
        tasks.get("great_circle", pole=(0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="pole: expected 3 components"):
        tasks.get("great_circle", pole=(0.0, 1.0))


def test_points_without_weights_have_equal_ones():
    points, others = [[0.0], [1.0], [5.0]], [[2.0], [3.0]]
    task = tasks.get("weighted_points", x=points, y=others)
    assert task.truth(2).value == pytest.approx(wb.estimate(points, others, p=2).value)
    assert tasks.get("weighted_points").a == (0.5, 0.25, 0.25)  # the example keeps its own
    one = tasks.get("weighted_points", y=[[1.0, 1.0]])
    assert one.a == (0.5, 0.25, 0.25)
    assert one.b is None


@pytest.mark.parametrize("name", tasks.names())
def test_no_task_takes_another_power_for_2(name):
    """Truths rise with p, and distances of another kind have none but by linear programme."""
    task = tasks.get(name)
    truths = [task.truth(p) for p in (1, 2, 3)]
    values = [truth.value for truth in truths if truth is not None]
    assert values == sorted(values)
    for other in (wb.Cost(1, "cosine"), costs.Torus(2.0)):
        assert name in (
            "weighted_points",
            "pictures",
            "image_batches",
            "histogram",
            "great_circle",
        ) or (task.truth(other) is None)


@pytest.mark.parametrize("p", [0.5, math.nan, "two"])
@pytest.mark.parametrize("name", tasks.names())
def test_a_bad_power_is_told_so(name, p):
    task = tasks.get(name)
    points = np.zeros((2, task.dim), np.float32)
    for call in (
        lambda: task.truth(p),
        lambda: task.pairs(jax.random.key(0), 2, p),
        lambda: task.potential(points, p),
        lambda: task.potential_gradient(points, p),
    ):
        with pytest.raises(ValueError, match="p: expected a finite number >= 1"):
            call()


@pytest.mark.parametrize("name", tasks.names())
def test_bad_norms_sizes_and_dimensions_are_told_so(name):
    task = tasks.get(name)
    with pytest.raises(ValueError, match="norm: expected one of l2, l1, linf"):
        task.truth(1, "l3")
    with pytest.raises(ValueError, match="n: expected a whole number >= 1"):
        task.pairs(jax.random.key(0), 0)
    other = task.dim + 1
    with pytest.raises(ValueError, match=f"precision: expected one row for each of the {task.dim}"):
        task.truth(costs.Mahalanobis(np.eye(other)))
    with pytest.raises(ValueError, match=f"period: expected one for each of the {task.dim}"):
        task.truth(costs.Torus((1.0,) * other))


def test_p_and_cost_are_checked_in_one_place():
    """`Task.truth`, `pairs` and `potential` look at them; what tasks implement comes after."""
    for path in Path(tasks.__file__).parent.glob("*.py"):
        text = path.read_text("utf-8")
        assert path.name == "base.py" or not re.search(r"check_p\b|cost\.check_points", text), path
