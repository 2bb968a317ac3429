"""Laws far from zero, where float32 has no digits, so that draws are relative to an origin; and
laws whose powers of distances float64 does not hold.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.protocol.stream import Stream, batch_truths, run_stream
from wdist_bench.runs.cell import Cell
from wdist_bench.tasks.origin import far_origin

OFFSETS = (pytest.param(1e8, marks=pytest.mark.slow), 1.7e9)
ROWS = np.random.default_rng(0).integers(-64, 64, (60, 2)) / 32
Build = Callable[..., wb.Task]


def gaussians(o: float, s: float = 1.0) -> wb.Task:
    return wb.tasks.get(
        "gaussians",
        mean_x=(o, 3 * o),
        cov_x=((s * s, 0.0), (0.0, 4 * s * s)),
        mean_y=(o + 2 * s, 3 * o),
        cov_y=((s * s, 0.0), (0.0, s * s)),
    )


def laws(o: float, s: float = 1.0) -> wb.Task:
    return wb.tasks.get(
        "one_dimensional",
        x="norm",
        y="expon",
        x_params={"loc": o, "scale": s},
        y_params={"loc": o, "scale": s},
    )


def clusters(o: float, s: float = 1.0, radius: float = 0.5) -> wb.Task:
    centers, moves = ((-6, 0), (6, 0), (0, 9)), ((1, 1), (-1, 2), (0, -2))
    return wb.tasks.get(
        "clusters",
        centers=np.multiply(centers, s) + np.array([o, -o]),
        moves=np.multiply(moves, s),
        radius=radius * s,
    )


def histogram(o: float, s: float = 1.0) -> wb.Task:
    return wb.tasks.get("histogram", positions=o + s * np.arange(4.0))


def weighted_points(o: float, s: float = 1.0) -> wb.Task:
    x, y = ((0, 0), (1, 0), (0, 2)), ((3, 0), (1, 1), (0, -1), (2, 2))
    return wb.tasks.get("weighted_points", x=o + np.multiply(x, s), y=o + np.multiply(y, s))


def own(transform: str, **parameters: Any) -> Build:
    def build(o: float, s: float = 1.0) -> wb.Task:
        rows = o + s * ROWS
        own = {"shift": parameters["shift"] * s} if "shift" in parameters else parameters
        return wb.tasks.get("own_data", samples=rows, transform=transform, **own)

    return build


TASKS: dict[str, Build] = {
    "gaussians": gaussians,
    "one_dimensional": laws,
    "clusters": clusters,
    "histogram": histogram,
    "weighted_points": weighted_points,
    "own translate": own("translate", shift=0.75),
    "own dilate": own("dilate", factor=1.5),
    "own funnels": own("funnels", width=4),
}
everywhere = pytest.mark.parametrize("build", TASKS.values(), ids=TASKS.keys())


@pytest.mark.slow
@everywhere
@pytest.mark.parametrize("offset", OFFSETS)
def test_a_far_law_is_the_near_one_moved(build: Build, offset: float) -> None:
    """Samples, optimal pairs and truths at an offset are those without it, moved by it."""
    near, far = build(0.0), build(offset)
    moved = near.origin
    assert not moved.any()
    key = jax.random.key(3)
    here, there = near.sample(key, 50), far.sample(key, 50)
    shift = np.median(there[0], axis=0) - np.median(here[0], axis=0)
    assert np.allclose(np.abs(shift), np.abs(np.rint(shift / offset) * offset), rtol=1e-12)
    for one, other in zip(here, there, strict=True):
        assert np.asarray(other).dtype == np.float64
        assert np.allclose(np.asarray(other) - shift, np.asarray(one), atol=3e-6)
    for p in (1, 2):
        truth = near.truth(p)
        if truth is None:
            continue
        assert far.truth(p).value == pytest.approx(truth.value, rel=1e-6)
        if (pairs := far.pairs(key, 50, p)) is not None:
            for one, other in zip(near.pairs(key, 50, p), pairs, strict=True):
                assert np.allclose(np.asarray(other) - shift, np.asarray(one), atol=3e-6)


PLACES = [(1e8, 1.0), (1e4, 1e-6), (1.0, 1e6)]
BOUNDS = [
    *((build, *PLACES[0], "nearest_neighbor") for build in TASKS.values()),
    *(
        pytest.param(build, *place, "nearest_neighbor", marks=pytest.mark.slow)
        for build in TASKS.values()
        for place in PLACES[1:]
    ),
    *((build, 1.7e9, 1e-6, "nearest_neighbor") for build in (gaussians, laws)),
    *((build, 1e8, 1.0, "c_transform") for build in (gaussians, weighted_points)),
    pytest.param(clusters, 1e8, 1.0, "c_transform", marks=pytest.mark.slow),
    (gaussians, 1.7e9, 1e-6, "double_c_transform"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("build", "offset", "scale", "name"), BOUNDS)
def test_lower_bounds_hold_in_suites(build: Build, offset: float, scale: float, name: str) -> None:
    """In float32 without an origin, up to 45 % of the batches were above their exact value."""
    task, cost = build(offset, scale), Cost()
    stream = Stream(n=48, runs=1, eval_batches=20, seed=1)
    exact = batch_truths(task, cost, stream)
    assert (exact > 0).all()
    options = {} if name == "nearest_neighbor" else {"steps": 20}
    result = run_stream(task, wb.estimators.get(name, **options), cost, stream)
    # float32 rounds a coordinate by 6e-8 of the extent, which is a few exact values
    assert (result.costs <= exact * (1 + 1e-5)).all()


@pytest.mark.parametrize(
    "build", [pytest.param(clusters, marks=pytest.mark.slow), laws, TASKS["own translate"]]
)
@pytest.mark.parametrize(("offset", "scale"), [(1.7e9, 10.0)])
def test_population_bounds_hold(build: Build, offset: float, scale: float) -> None:
    """A critic's lower bound was 2 to 7 times the truth."""
    task = build(offset, scale)
    critic = wb.estimators.get("group_sort", steps=200)
    answer = wb.evaluate(task, critic, eval_samples=20_000)
    truth = task.truth().value
    assert answer.value <= truth + 4 * answer.stderr
    assert answer.value > 0.3 * truth


@pytest.mark.slow
def test_gradients_are_compared_where_the_data_lie() -> None:
    near, far = (
        wb.evaluate(gaussians(o), wb.estimators.get("c_transform", steps=300), 2, eval_batches=2)
        for o in (0.0, 1e8)
    )
    for name in ("gradient_cosine", "gradient_l2"):
        # not equal: the origin of the far one is the middle, from where the same network starts
        assert far.diagnostics[name] == pytest.approx(near.diagnostics[name], rel=0.3)
    assert far.diagnostics["gradient_cosine"] > 0.8


def test_near_laws_keep_their_bits() -> None:
    for build in TASKS.values():
        assert not build(0.0).origin.any()
        assert "origin" not in Cell("gaussians", {}, "exact", {}).identity("cpu")
    for points in ([[0.0]], [[5.0], [6.0]], [[7.9, 0.0], [8.1, 1.0]]):
        assert far_origin(points).shape == (len(points[0]),)
    assert not far_origin([[7.0], [9.0]]).any()
    assert far_origin([[9.0], [11.0]]) == 10.0
    # a few rows elsewhere, at 0 say, do not hide that the rest is far
    rows = np.r_[1e8 + np.arange(20.0), 0.0][:, None]
    assert far_origin(rows)[0] > 9e7


def on_the_line(s: float) -> wb.Task:
    return wb.tasks.get("gaussians", mean_x=0.0, cov_x=s * s, mean_y=s, cov_y=4 * s * s)


def rings(s: float) -> wb.Task:
    x, y = {"law": "gaussian", "std": s}, {"law": "sphere", "radius": 2 * s}
    return wb.tasks.get("radial", x=x, y=y)


SCALED: dict[str, Callable[[float], wb.Task]] = {
    "gaussians": on_the_line,
    "radial": rings,
    "one_dimensional": lambda s: laws(0.0, s),
    "clusters": lambda s: clusters(0.0, s, 0.1),
    "histogram": lambda s: histogram(0.0, s),
    "own dilate": lambda s: TASKS["own dilate"](0.0, s),
    "point_mass": lambda s: wb.tasks.get("point_mass", at=(3 * s, 4 * s), std=s),
    "noisy": lambda s: wb.tasks.get("noisy", dim=1, base_std=s, noise_std=s, noise="uniform"),
}


@pytest.mark.parametrize("build", SCALED.values(), ids=SCALED.keys())
def test_truths_do_not_depend_on_the_unit(build: Callable[[float], wb.Task]) -> None:
    """Also where d^12 is below or above all of float64's numbers: 0 was no distance of these."""
    near = build(1.0).truth(12).value
    for scale in (1e-30, 1e30):
        assert build(scale).truth(12).value == pytest.approx(scale * near, rel=1e-9, abs=0)


def test_little_and_much_noise_is_a_share_of_the_spread() -> None:
    """Also where float64 does not hold its variance: t^2 was 0 or infinite."""
    near = wb.tasks.get("noisy", dim=1).truth().value
    for scale in (1e-170, 1e160):
        far = wb.tasks.get("noisy", dim=1, base_std=scale, noise_std=scale).truth().value
        assert far == pytest.approx(scale * near, rel=1e-12, abs=0)


OF_LENGTHS: dict[str, Callable[[float], wb.Task]] = {
    "concentric_spheres": lambda s: wb.tasks.get("concentric_spheres", radius_x=s, radius_y=2 * s),
    "noisy": lambda s: wb.tasks.get("noisy", base_std=s, noise_std=s),
    "point_mass": SCALED["point_mass"],
}


@pytest.mark.parametrize("build", OF_LENGTHS.values(), ids=OF_LENGTHS.keys())
def test_potentials_do_not_depend_on_the_unit(build: Callable[[float], wb.Task]) -> None:
    """Also where float32 does not hold squares of lengths; a length of 0 has no direction."""
    points = np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 0.0]], np.float32)
    near = build(1.0)
    for scale in (1e-25, 1e25):
        task, moved = build(scale), np.float32(scale) * points
        found = np.asarray(task.potential(moved), np.float64) / scale
        np.testing.assert_allclose(found, near.potential(points), rtol=1e-5)
        slopes = task.potential_gradient(moved), near.potential_gradient(points)
        np.testing.assert_allclose(*slopes, rtol=1e-5)


def test_a_programme_without_costs_is_none() -> None:
    """Neither its value nor its pairs and potential, which are as wrong."""
    tiny = weighted_points(0.0, 1e-30)
    near = weighted_points(0.0).truth(2).value
    assert tiny.truth(2).value == pytest.approx(1e-30 * near, rel=1e-9, abs=0)
    assert tiny.truth(12) is None
    assert tiny.pairs(jax.random.key(0), 3, 12) is None
    assert tiny.potential(np.zeros((1, 2)), 12) is None


@pytest.mark.parametrize("p", [1, 2])
def test_potentials_keep_their_digits_far_from_zero(p: int) -> None:
    """In float32 they are differences from the mean: |x|^2 = 1e14 has none left there."""
    cov = ((1.0, 0.0), (0.0, 1.0))
    near, far = (
        wb.tasks.get("gaussians", mean_x=(o, 0.0), cov_x=cov, mean_y=(o + 0.125, 0.0), cov_y=cov)
        for o in (0.0, 1e7)
    )
    x = np.arange(8.0).reshape(4, 2) / 8
    assert np.allclose(far.potential(x + np.array([1e7, 0.0]), p), near.potential(x, p), atol=1e-6)


@pytest.mark.parametrize("more", [1e-6, 1e-8, 2.3e-16, 4.5e-16])
def test_potentials_of_nearly_equal_variances_rise(more: float) -> None:
    """The point that the map leaves alone is the further away the nearer they are."""
    task = wb.tasks.get("gaussians", mean_x=0.0, cov_x=1.0, mean_y=1.0, cov_y=1 + more)
    low, high = np.asarray(task.potential(np.array([[0.0], [0.25]]), 1), np.float64)
    assert high - low == pytest.approx(-0.25, rel=1e-6)
    assert task.truth(3).value == pytest.approx(1.0, rel=1e-6)


TWO_SCALES = [
    (
        "clusters",
        {"centers": [[0.0], [1e8]], "moves": [[0.0], [1.0]], "radius": 0, "weights": None},
    ),
    ("histogram", {"positions": (0, 1e8, 1e8 + 1), "weights_x": (1, 1, 0), "weights_y": (1, 0, 1)}),
    ("weighted_points", {"x": [[0.0], [1e8]], "y": [[0.0], [1e8 + 1]]}),
]


@pytest.mark.parametrize(("name", "parameters"), TWO_SCALES)
def test_pairs_and_potentials_on_two_scales_have_the_truth(name, parameters) -> None:
    """No origin serves both places, so that float32 has no digits for what moves by 1 at 1e8."""
    task = wb.tasks.get(name, **parameters)
    x, y = (np.asarray(part, np.float64) for part in task.pairs(jax.random.key(0), 400))
    assert np.abs(x - y).mean() == pytest.approx(task.truth(1).value, abs=0.15)
    drawn = np.asarray(task.sample(jax.random.key(1), 60)[1], np.float64)
    assert set(drawn.ravel()) == {0.0, 1e8 + 1}
    ends = np.array([[0.0], [1e8]]), np.array([[0.0], [1e8 + 1]])
    if name == "weighted_points":
        phi, psi = (np.asarray(task.potential(end, 1), np.float64).mean() for end in ends)
        assert phi - psi == pytest.approx(0.5)


@pytest.mark.parametrize("p", [1, 1.5, 2])
def test_potentials_of_dilations_keep_their_digits_beside_a_far_centre(p: float) -> None:
    """Near it they are p |v|^(p - 1) times the way along a translation by v = (1 - s)(a - x)."""
    task = wb.tasks.get("dilation", dim=2, center=(1e9, 0.0), factor=1 + 1e-9)
    x = np.array([[0.0, 0.0], [0.25, 3.0], [-1.0, 0.5]])
    found = np.asarray(task.potential(x, p), np.float64)
    np.testing.assert_allclose(found, p * x[:, 0], rtol=1e-6, atol=1e-7)
    near = wb.tasks.get("dilation", dim=2, center=(1.5, -2.0), factor=0.5)
    found = np.asarray(near.potential(np.r_[x, [[1.5, -2.0]]], p), np.float64)
    length = np.linalg.norm(np.r_[x, [[1.5, -2.0]]] - [1.5, -2.0], axis=1) ** p
    np.testing.assert_allclose(found, 0.5 ** (p - 1) * (length - 2.5**p), rtol=1e-6, atol=1e-6)
