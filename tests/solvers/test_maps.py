"""Maps of batch solutions beyond their rows, each against another route."""

from __future__ import annotations

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.solvers.maps import LinearMap, nearest


def _rows(seed, n=60, dim=3, offset=0.0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(dim, dim))
    return offset + rng.normal(size=(n, dim)), offset + 2 + rng.normal(size=(n - 10, dim)) @ mix


def _weights(seed, n):
    found = np.random.default_rng(seed).uniform(size=n)
    found[::5] = 0
    return found / found.sum()


def test_the_exact_map_at_a_row_is_the_barycentre_of_its_plan():
    x, y = _rows(0)
    a, b = _weights(1, len(x)), _weights(2, len(y))
    answer = wb.estimate(x, y, p=2, a=a, b=b)
    plan = answer.plan.toarray()
    for rows, image, mass in (
        (x, answer.map(x), plan @ y / np.where(a > 0, a, 1)[:, None]),
        (y, answer.inverse_map(y), plan.T @ x / np.where(b > 0, b, 1)[:, None]),
    ):
        held = a > 0 if rows is x else b > 0
        np.testing.assert_allclose(image[held], mass[held], atol=1e-10)


def test_the_exact_map_of_its_rows_searches_nothing(monkeypatch):
    """All products of 10^5 rows took a minute, for what a dictionary holds."""
    x, y = _rows(0)
    answer = wb.estimate(x, y, p=2)
    monkeypatch.delattr("wdist_bench.solvers.maps._highest")
    assert answer.map(x).shape == x.shape


def test_between_rows_the_exact_map_is_the_gradient_of_its_convex_potential():
    """Differences of max_j <x, y_j> - (|y_j|^2 - psi_j) / 2, whose value is (|x|^2 - phi(x)) / 2
    at the rows.
    """
    x, y = _rows(3)
    answer = wb.estimate(x, y, p=2)
    phi, psi = answer.potentials

    def convex(points):
        return (points @ y.T - ((y**2).sum(1) - psi) / 2).max(1)

    np.testing.assert_allclose(convex(x), ((x**2).sum(1) - phi) / 2, atol=1e-9)
    points = np.random.default_rng(4).normal(size=(40, 3))
    steps = 1e-7 * np.eye(3)
    slopes = [(convex(points + s) - convex(points - s)) / 2e-7 for s in steps]
    np.testing.assert_allclose(answer.map(points), np.stack(slopes, 1), atol=1e-6)


def test_points_without_mass_are_no_images():
    x, y = _rows(17)
    b = _weights(18, len(y))
    answer = wb.estimate(x, y, p=2, b=b)
    points = np.random.default_rng(19).normal(size=(200, 3))
    far = np.array([np.abs(y[b > 0] - image).max(1).min() for image in answer.map(points)])
    assert (far == 0).all()


def test_equal_rows_have_one_image():
    """The barycentre over all of them, whatever the order in which the plan serves them."""
    x = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 0.0]])
    y = np.array([[1.0, 1.0], [1.0, -1.0], [6.0, 0.0]])
    answer = wb.estimate(x, y, p=2)
    np.testing.assert_allclose(answer.map(x), [[1, 0], [1, 0], [6, 0]], atol=1e-12)


def test_the_entropic_maps_are_those_of_pot():
    """POT's plan at the rows; beyond them, the map of POT's potentials."""
    ot = pytest.importorskip("ot")
    x, y = _rows(5)
    a, b = _weights(6, len(x)), np.full(len(y), 1 / len(y))
    options = {"epsilon": 0.5, "epsilon_unit": "cost", "threshold": 1e-9}
    answer = wb.estimate(x, y, "sinkhorn", p=2, a=a, b=b, **options)
    held = a > 0
    cost = ot.dist(x[held], y)
    plan, log = ot.sinkhorn(
        a[held], b, cost, 0.5, "sinkhorn_log", numItermax=20000, stopThr=1e-12, log=True
    )
    by_rows, by_columns = plan / plan.sum(1, keepdims=True), plan / plan.sum(0)
    np.testing.assert_allclose(answer.map(x[held]), by_rows @ y, atol=1e-5)
    np.testing.assert_allclose(answer.inverse_map(y), by_columns.T @ x[held], atol=1e-5)
    points = np.random.default_rng(7).normal(size=(20, 3))
    weights = np.exp(log["log_v"][None] - ot.dist(points, y) / 0.5)
    expected = weights @ y / weights.sum(1, keepdims=True)
    np.testing.assert_allclose(answer.map(points), expected, atol=1e-5)


def test_entropic_maps_of_points_far_from_zero_keep_their_digits():
    x, y = _rows(8)
    near = wb.estimate(x, y, "sinkhorn", p=2)
    far = wb.estimate(x + 1e6, y + 1e6, "sinkhorn", p=2)
    np.testing.assert_allclose(far.map(x + 1e6) - 1e6, near.map(x), atol=1e-6)
    np.testing.assert_allclose(far.inverse_map(y + 1e6) - 1e6, near.inverse_map(y), atol=1e-6)


def test_the_linear_map_is_that_of_pot_and_carries_the_moments():
    ot = pytest.importorskip("ot")
    x, y = _rows(9, n=200)
    answer = wb.estimate(x, y, "gaussian", p=2)
    matrix, shift = ot.gaussian.empirical_bures_wasserstein_mapping(x, y, reg=0)
    points = np.random.default_rng(10).normal(size=(5, 3))
    np.testing.assert_allclose(answer.map(points), points @ matrix + shift, atol=1e-9)
    weights = _weights(11, len(x)), _weights(12, len(y))
    answer = wb.estimate(x, y, "gaussian", p=2, a=weights[0], b=weights[1])
    image = answer.map(x)
    assert answer.cost == pytest.approx(weights[0] @ ((image - x) ** 2).sum(1))
    np.testing.assert_allclose(weights[0] @ image, weights[1] @ y, atol=1e-10)
    of_image, of_y = (
        np.cov(p.T, aweights=w, ddof=0) for p, w in zip((image, y), weights, strict=True)
    )
    np.testing.assert_allclose(of_image, of_y, atol=1e-9)
    np.testing.assert_allclose(answer.inverse_map(image), x, atol=1e-8)


def test_the_linear_map_of_fewer_rows_than_dimensions_stays_in_their_span():
    x, y = _rows(13, n=16, dim=30)
    image = LinearMap(x, y)(x)
    assert np.isfinite(image).all()
    np.testing.assert_allclose(image.mean(0), y.mean(0), atol=1e-9)
    span = np.linalg.svd(x - x.mean(0))[2][15:]  # what x has no spread along
    np.testing.assert_allclose((image - image.mean(0)) @ span.T, 0, atol=1e-8)


def test_the_linear_map_of_few_rows_is_that_of_their_span(monkeypatch):
    """Repeated rows have the same moments, and are as many as their columns."""
    x, y = _rows(21, n=16, dim=60)
    points = np.random.default_rng(22).normal(size=(5, 60))
    wanted = LinearMap(np.tile(y, (3, 1)), np.tile(x, (3, 1)))(points)
    real, sizes = np.linalg.eigh, []
    monkeypatch.setattr(np.linalg, "eigh", lambda c: sizes.append(len(c)) or real(c))
    np.testing.assert_allclose(LinearMap(y, x)(points), wanted, atol=1e-8)
    assert max(sizes) <= len(x) + len(y)


def test_on_a_line_the_map_is_increasing_and_that_of_quantiles():
    rng = np.random.default_rng(14)
    x, y = rng.normal(size=(50, 1)), rng.gamma(2.0, size=(50, 1))
    answer = wb.estimate(x, y, "one_dimensional", p=2)
    np.testing.assert_allclose(np.sort(answer.map(x)[:, 0]), np.sort(y[:, 0]), atol=1e-12)
    grid = np.linspace(-5, 5, 400)[:, None]
    assert (np.diff(answer.map(grid)[:, 0]) >= 0).all()
    order = np.argsort(x[:, 0])
    between = (x[order[3]] + x[order[4]]) / 2
    expected = (np.sort(y[:, 0])[3] + np.sort(y[:, 0])[4]) / 2
    assert answer.map(between[None])[0, 0] == pytest.approx(expected)
    exact = wb.estimate(x, y, "exact", p=2)
    np.testing.assert_allclose(exact.map(x), answer.map(x), atol=1e-9)


@pytest.mark.parametrize("dim", [2, 40])
def test_nearest_rows_by_all_distances(dim):
    rng = np.random.default_rng(dim)
    rows, points = 1e4 + rng.normal(size=(300, dim)), 1e4 + rng.normal(size=(500, dim))
    expected = ((points[:, None] - rows) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(nearest(rows, points), expected)
    answer = wb.estimate(points, rows, "nearest_neighbor", p=2)
    np.testing.assert_array_equal(answer.map(points), rows[expected])
    moved = ((rows - answer.inverse_map(rows)) ** 2).sum(1).mean()
    assert answer.cost == pytest.approx(moved)


def test_nearest_rows_beside_one_far_off():
    """About the mean of the rows products were rounded by more than the others differ by."""
    rng = np.random.default_rng(20)
    rows, points = rng.normal(size=(60, 20)), rng.normal(size=(50, 20))
    rows[7] = 1e12
    expected = ((points[:, None] - rows) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(nearest(rows, points), expected)


@pytest.mark.parametrize("far", [1e10, 1e18])
def test_the_exact_map_beside_a_far_row_keeps_the_digits_of_the_others(far):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 2))
    y = x + 0.1 * rng.normal(size=(60, 2)) + [3, 0]
    x[0] = y[0] = [far, 0]
    answer = wb.estimate(x, y, "exact", p=2)
    points = x[1:] + 0.01 * rng.normal(size=(59, 2))
    scores = ((points[:, None] - y) ** 2).sum(2) - answer.potentials.psi
    np.testing.assert_array_equal(answer.map(points), y[scores.argmin(1)])
    images = y[answer.plan.toarray().argmax(1)]  # each row goes to one
    np.testing.assert_allclose(answer.map(x), images, rtol=1e-12)
    np.testing.assert_allclose(answer.inverse_map(images), x, rtol=1e-12)


@pytest.mark.parametrize("method", ["exact", "sinkhorn", "gaussian", "nearest_neighbor"])
def test_maps_belong_to_p_2_and_l2_and_to_points_of_their_dimension(method):
    x, y = _rows(15)
    if method != "gaussian":
        assert wb.estimate(x, y, method, p=2, norm="l1").map is None
    assert wb.estimate(x, y, method, p=1).map is None
    with pytest.raises(ValueError, match=r"points: expected shape \(n, 3\).*got \(4, 2\)"):
        wb.estimate(x, y, method, p=2).map(np.zeros((4, 2)))


def test_equal_samples_stay_where_they_are():
    x = _rows(16)[0]
    for method in ("exact", "gaussian", "nearest_neighbor"):
        np.testing.assert_allclose(wb.estimate(x, x[::-1], method, p=2).map(x), x, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-90, 1e90])
def test_the_linear_map_at_any_scale(unit):
    x, y = _rows(17)
    wanted = LinearMap(x, y)(x)
    np.testing.assert_allclose(LinearMap(x * unit, y * unit)(x * unit) / unit, wanted, atol=1e-9)
    np.testing.assert_allclose(LinearMap(x * unit, y)(x * unit), wanted, atol=1e-9)


def test_maps_are_asked_about_points_alone():
    x, y = _rows(18)
    wide = np.random.default_rng(0).normal(size=(2, 9, 15))
    maps = [wb.estimate(x, y, method, p=2).map for method in ("exact", "gaussian", "baseline_map")]
    maps += [wb.estimate(*wide, "nearest_neighbor", p=2).map]
    for transport, dim in zip(maps, (3, 3, 3, 15), strict=True):
        with pytest.raises(ValueError, match="points: expected finite numbers, got NaN"):
            transport(np.full((1, dim), np.nan))
        with pytest.raises(ValueError, match="points: expected no missing values"):
            transport(np.ma.masked_equal(np.zeros((1, dim)), 0))
        assert transport(np.empty((0, dim))).shape == (0, dim)
    trained = wb.estimate(x, y, "c_transform", 2, steps=1, batch_size=4)
    with pytest.raises(ValueError, match=r"points: expected shape \(n, 3\).*got \(2, 1\)"):
        trained.map(np.zeros((2, 1)))
