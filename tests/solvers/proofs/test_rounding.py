"""Bounds beside far points and at any scale hold for real numbers, computed by fractions."""

import itertools
import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.problem import Samples
from wdist_bench.solvers.certificate import certify
from wdist_bench.solvers.exact import solve_exact

METHODS = ("exact", "bracket", "sinkhorn", "nearest_neighbor", "gaussian", "sliced")


def true_cost(u, v, p, norm):
    """c(u, v) of float points, to 60 digits."""
    gaps = [Fraction(float(s)) - Fraction(float(t)) for s, t in zip(u, v, strict=True)]
    if norm == "l1":
        return sum(map(abs, gaps)) ** p
    squared = sum(gap * gap for gap in gaps)
    if p == 2:
        return squared
    with localcontext() as context:
        context.prec = 60
        root = (Decimal(squared.numerator) / Decimal(squared.denominator)).sqrt()
        return Fraction(root)


def true_distance(x, y, p, norm="l2"):
    """W_p of equal numbers of points of equal weight: the best permutation."""
    costs = [[true_cost(u, v, p, norm) for v in y] for u in x]
    n = len(x)
    best = min(sum(costs[i][j] for i, j in enumerate(s)) for s in itertools.permutations(range(n)))
    with localcontext() as context:
        context.prec = 60
        mean = Decimal((best / n).numerator) / Decimal((best / n).denominator)
        return float(mean if p == 1 else mean.sqrt())


def far_pair(seed, far, n=5, d=2):
    """Ordinary points and, in both samples, one far off."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 1
    x[-1], y[-1] = far, far
    y[-1, -1] += 50 * rng.normal() * (seed % 2)
    return x, y


@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("far", [9999.0, 1e6, 999999999.0, 1e9, 1e12])
def test_no_bound_crosses_the_truth_beside_a_far_pair(far, p, norm):
    for seed in range(4):
        x, y = far_pair(seed, far)
        truth = true_distance(x, y, p, norm)
        for method in METHODS:
            if norm == "l1" and (method == "sliced" or (method == "gaussian" and p == 2)):
                continue
            found = wb.estimate(x, y, method, p, norm=norm)
            assert found.lower <= truth * (1 + 1e-9), method
            assert found.upper is None or found.upper >= truth * (1 - 1e-9), method
            if method == "exact":
                assert found.value == pytest.approx(truth, rel=1e-9)
            if method == "bracket" and found.status == "ok":
                assert found.lower**p >= (1 - 1.001e-3) * found.upper**p
            if method == "bracket" and found.status != "ok":
                assert found.status == "not_converged"
                assert math.isnan(found.value)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("far", [999999999.0, 1e12])
def test_a_sentinel_row_in_both_samples(far, p):
    """The others' distance is known from them alone: the sentinels are at the same place."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 3)), rng.normal(size=(100, 3)) + 0.5
    truth = (wb.estimate(x, y, p=p).cost * 100 / 101) ** (1 / p)
    x, y = (np.vstack([points, np.full((1, 3), far)]) for points in (x, y))
    exact = wb.estimate(x, y, "exact", p)
    assert exact.value == exact.lower == exact.upper == pytest.approx(truth, rel=1e-9)
    assert exact.diagnostics["dual"] == pytest.approx(exact.cost, rel=1e-9)
    assert np.abs(exact.potentials.phi).max() < Cost(p).matrix(x, y).max()
    found = wb.estimate(x, y, "bracket", p)
    assert found.lower <= truth <= found.upper
    assert found.status == "not_converged" or found.value <= truth * (1 + 1e-3)


@pytest.mark.parametrize("p", [1, 2])
def test_a_far_point_of_tiny_mass(p):
    """1e-12 of mass at 1e9 in x alone: it has to be moved, and is most of W_2."""
    rng = np.random.default_rng(1)
    x, y = np.vstack([rng.normal(size=(20, 2)), [[1e9, 0]]]), rng.normal(size=(20, 2))
    a = np.append(np.full(20, (1 - 1e-12) / 20), 1e-12)
    answers = {m: wb.estimate(x, y, m, p, a=a) for m in ("exact", "bracket", "sinkhorn")}
    exact = answers["exact"]
    assert exact.status == "ok"
    for method, found in answers.items():
        assert found.lower <= exact.value * (1 + 1e-9), method
        assert found.upper >= exact.value * (1 - 1e-9), method
    found = answers["bracket"]
    assert found.status == "not_converged" or found.value <= exact.value * (1 + 1e-3)


@pytest.mark.parametrize("p", [1, 2])
def test_two_samples_a_little_apart_are_not_called_close_to_an_upper_end_of_rounding(p):
    """W is 1e-9 of the points' size: a gap of the largest cost's rounding is no gap of W_2^2."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 2))
    y = (x + 1e-9 * rng.normal(size=x.shape))[::-1]
    exact = wb.estimate(x, y, "exact", p)
    assert exact.value == pytest.approx(np.mean(
        np.linalg.norm(x - y[::-1], axis=1) ** p) ** (1 / p), rel=1e-6)  # fmt: skip
    found = wb.estimate(x, y, "bracket", p)
    assert found.lower <= exact.value <= found.upper
    assert found.status == "not_converged" or found.value <= exact.value * (1 + 1e-3)


def test_two_clusters_far_apart_keep_their_digits_in_many_dimensions():
    """Centring on a mean between two clusters rounds both; distances within are not its affair."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(12, 20)), rng.normal(size=(12, 20))
    x[3:] += 1e9
    y[3:] += 1e9
    direct = np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))
    np.testing.assert_allclose(Cost(1).matrix(x, y), direct, rtol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
def test_a_certificate_of_any_potential_beside_far_points(p):
    rng = np.random.default_rng(4)
    for seed in range(10):
        x, y = far_pair(seed, 1e9)
        truth = true_distance(x, y, p) ** p
        g = rng.normal(size=5) * 10.0 ** rng.integers(-3, 18)
        for eps in (1e-3, 1.0, 1e6, 1e15):
            found = certify(Samples(x, y), Cost(p), g, eps)
            assert 0 <= found.lower <= truth * (1 + 1e-9)
            assert found.upper >= truth * (1 - 1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("p", [1, 2])
def test_on_the_line_far_points_of_one_mass_meet_each_other(p, weighted):
    """Sums of weights differ by rounding: times the square of 1e9 that was 8 times the truth."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(49, 1)), rng.normal(size=(98, 1)) + 1
    x[-1], y[-2:] = 1e9, 1e9
    a = np.append(rng.dirichlet(np.ones(48)) * 48 / 49, 1 / 49) if weighted else None
    near_a = None if a is None else a[:-1] / a[:-1].sum()
    truth = (wb.estimate(x[:-1], y[:-2], "exact", p, a=near_a).cost * 48 / 49) ** (1 / p)
    found = wb.estimate(x, y, "one_dimensional", p, a=a)
    assert found.lower <= truth * (1 + 1e-9)
    assert found.upper >= truth * (1 - 1e-9)
    if found.status == "ok":
        assert found.value == pytest.approx(truth, rel=1e-6)
    else:
        assert weighted
        assert "far off" in found.message


@pytest.mark.parametrize("n", [6, 800])
def test_a_sentinel_whose_square_overflows_does_not_make_the_others_coincide(n):
    """Both samples have it; at its scale the squares of all other distances are 0."""
    rng = np.random.default_rng(9)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) + 1
    nearest = wb.estimate(x, y, "nearest_neighbor").value * n / (n + 1)
    x, y = (np.vstack([points, [[1e200, 1e200]]]) for points in (x, y))
    found = wb.estimate(x, y, "nearest_neighbor")
    assert found.value == pytest.approx(nearest, rel=1e-12)
    if n == 6:
        truth = true_distance(x, y, 1)
        exact = wb.estimate(x, y, "exact")
        assert exact.lower <= truth * (1 + 1e-9)
        assert exact.upper >= truth * (1 - 1e-9)
        assert exact.status == "not_converged" or exact.value == pytest.approx(truth, rel=1e-6)


SCALES = [1e-300, 1e-200, 1e-160, 1e-100, 1e100, 1e154, 1e200, 1e300]


@pytest.mark.parametrize("d", [1, 3, 20])
@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("scale", SCALES)
def test_any_scale_is_answered_or_refused(scale, p, d):
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(20, d)), rng.normal(size=(20, d)) + 1
    for method in (*METHODS, "sinkhorn_divergence", *(["one_dimensional"] if d == 1 else [])):
        if method == "bracket" and d != 3:
            continue  # one program is enough
        if p == 2 and not 1e-150 < scale < 1e150:
            with pytest.raises(ValueError, match="another unit"):
                wb.estimate(x * scale, y * scale, method, p)
            continue
        plain, found = (wb.estimate(x * by, y * by, method, p) for by in (1, scale))
        assert found.status == "ok", (method, found)
        assert found.value == pytest.approx(plain.value * scale, rel=1e-6, abs=0), method


@pytest.mark.parametrize("p", [1, 2])
def test_the_smallest_and_the_largest_floats_are_no_wrong_number(p):
    for small in (5e-324, 1e-310):
        for method in METHODS:
            with pytest.raises(ValueError, match="another unit"):
                wb.estimate([[0.0, 0.0]], [[small, 0.0]], method, p)
    with pytest.raises(ValueError, match="another unit"):
        wb.estimate([[-1.7e308]], [[1.7e308]], "exact", p)


def same(case):
    rng = np.random.default_rng(7)
    x = rng.normal(size=(40, 3)) * 7 + 3
    a = rng.dirichlet(np.ones(40))
    order = rng.permutation(40)
    return {
        "permuted": (x, x[order], None, None),
        "weighted": (x, x[order], a, a[order]),
        "doubled": (x, np.repeat(x, 2, 0)[rng.permutation(80)], None, None),
        "split": (np.vstack([x, x]), x, np.append(a / 3, 2 * a / 3), a),
        "zeros": (x * 0.0, -x[:3] * 0.0, None, None),
        "massless": (np.vstack([x, [[1e9] * 3]]), x, np.append(np.full(40, 1 / 40), 0), None),
        "one": (x[:1], np.repeat(x[:1], 9, 0), None, None),
        "line": (x[:, :1], x[order, :1], a, a[order]),
        "far": (np.vstack([x, [[1e9] * 3]]), np.vstack([[[1e9] * 3], x]), None, None),
    }[case]


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(
    "case", ["permuted", "weighted", "doubled", "split", "zeros", "massless", "one", "line", "far"]
)
def test_one_measure_listed_in_two_ways_is_at_distance_0(case, p):
    x, y, a, b = same(case)
    for method in (
        *METHODS,
        "sinkhorn_divergence",
        *(["one_dimensional"] if case == "line" else []),
    ):
        found = wb.estimate(x, y, method, p, a=a, b=b)
        assert found.status == "ok", method
        if method == "sinkhorn":  # the cost of a blurred plan; its lower end is 0
            assert found.lower == 0
            continue
        assert found.value == found.cost == 0, method
        assert found.lower in (0, None), method


def test_masses_that_are_none_are_refused():
    matrix = np.array([[0.0, 1.0], [1.0, 0.0]])
    even = np.full(2, 0.5)
    for a, b in (
        ([1.0, 1.0], even), (even, [0.5, 0.25]), ([np.nan, 1.0], even), ([1.5, -0.5], even),
        ([np.inf, 0.0], even), ([0.0, 0.0], even), ([1.0], even), (even, np.full(3, 1 / 3)),
        ([[0.5, 0.5]], even),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="expected"):
            solve_exact(matrix, np.array(a), np.array(b))
    with pytest.raises(ValueError, match="cost matrix: expected shape"):
        solve_exact(np.zeros(3))
    rounded = solve_exact(matrix, even * (1 + 1e-7), even)
    assert rounded.converged
    assert rounded.cost == 0


@pytest.mark.parametrize("method", ["exact", "one_dimensional"])
def test_powers_below_float64_are_not_proved_to_be_0(method):
    """(1e-4)^100 is 0 in float64, and so are costs on the way to the optimal plan."""
    x = np.linspace(0, 1, 12)[:, None]
    answer = wb.estimate(x, x + 1e-4, method, 100)
    assert answer.lower <= 1e-4 <= answer.upper
    assert answer.status == "not_converged"
    assert "use a smaller p" in answer.message


def test_distances_that_are_0_are_no_lost_powers():
    answers = [
        wb.estimate([[0.0, 0.0]], [[1.0, 2.0]], method, cost=wb.costs.Torus(1.0, 3))
        for method in ("exact", "sinkhorn")
    ]
    assert [(answer.value, answer.upper) for answer in answers] == [(0, 0)] * 2


def test_mahalanobis_distances_in_a_tiny_or_a_huge_unit():
    """What float64 holds is known of the distances, not of the coordinates."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 2)), rng.normal(size=(9, 2)) + 1
    with pytest.raises(ValueError, match=r"power d\^4 float64 holds, got distances up to"):
        wb.estimate(x, y, cost=wb.costs.Mahalanobis(1e-200 * np.eye(2), 4))
    at_one, far_off, near = (
        wb.estimate(x * unit, y * unit, cost=wb.costs.Mahalanobis(np.eye(2) / unit**2, 3)).value
        for unit in (1.0, 1e140, 1e-120)
    )
    assert far_off == pytest.approx(at_one)
    assert near == pytest.approx(at_one)
    for unit in (1e8, 1e14):  # what rounding takes off is in the unit of the distance too
        cost = wb.costs.Mahalanobis(np.eye(2) / unit**2)
        answer = wb.estimate(x * unit, y * unit, "gaussian", cost=cost)
        wanted = wb.estimate(x, y, "gaussian", cost=wb.costs.Mahalanobis(np.eye(2))).value
        assert answer.value == pytest.approx(wanted)


@pytest.mark.parametrize("scale", [1e-170, 1e160])
def test_what_is_trained_is_refused_where_costs_are_lost_too(scale):
    x, y = np.random.default_rng(0).normal(size=(2, 9, 2))
    for method in ("soft_c_transform", "monge_gap"):
        with pytest.raises(ValueError, match="points: expected distances d whose power"):
            wb.estimate(x * scale, y * scale, method, 2, steps=1, batch_size=4)


def test_weights_that_have_no_digits_leave_a_certificate_its_own():
    """A softmax has weights of 1e-320, whose parts along a row of the plan are rounded to none."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(50, 2)) + 1
    a = np.exp(rng.uniform(-744, 0, size=200))
    a /= a.sum()
    found, wanted = (
        wb.estimate(x, y, "sinkhorn", a=weights) for weights in (a, np.where(a < 1e-290, 0, a))
    )
    assert 0 < a[a > 0].min() < 1e-310
    assert found.value == pytest.approx(wanted.value)


def test_a_certified_critic_stays_below_where_products_of_coordinates_lose_digits():
    """On a device 20 coordinates are multiplied: 1e-9 apart read as 1e-8."""
    x = np.random.default_rng(0).normal(size=(12, 20))
    y = x[::-1] + 1e-9
    answer = wb.estimate(x, y, "c_transform", steps=1, batch_size=4)
    assert answer.lower <= wb.estimate(x, y).upper * (1 + 1e-6)


@pytest.mark.parametrize(
    ("method", "p", "apart"), [("c_transform", 1, 1e-15), ("subspace_robust", 2, 1e-12)]
)
def test_certified_ends_hold_where_coordinates_are_rounded(method, p, apart):
    """Of coordinates about a centre, of their images, and of the sum of the potentials."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(100, 2))
        y = x + apart * rng.normal(size=x.shape)
        plan = (np.linalg.norm(x - y, axis=1) ** p).mean()
        options = {"steps": 1} if method == "c_transform" else {}
        answer = wb.estimate(x, y[rng.permutation(100)], method, p, seed=seed, **options)
        assert answer.lower <= plan ** (1 / p) * (1 + 1e-9)


def test_ordinary_certified_ends_are_what_was_computed():
    x, y = np.random.default_rng(0).normal(size=(2, 30, 2))
    for method, p in (("c_transform", 1), ("subspace_robust", 2)):
        options = {"steps": 30} if method == "c_transform" else {}
        answer = wb.estimate(x, y + 1, method, p, **options)
        assert answer.lower == answer.value > 0
