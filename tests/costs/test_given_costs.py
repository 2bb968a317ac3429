"""What may be passed as `cost`, what of it is refused, and who refuses what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from every_cost import PRECISION, cost_of, points_of
from scipy.spatial.distance import cdist

import wdist_bench as wb
from wdist_bench import costs, estimators
from wdist_bench.cards.routes.programmes import transport_cost
from wdist_bench.estimators.given import takers

X, Y = np.random.default_rng(1).normal(size=(2, 6, 2))
ANY = ("exact", "bracket", "sinkhorn", "nearest_neighbor")


def test_names_functions_matrices_and_costs_agree():
    wanted = wb.estimate(X, Y, p=3, norm="l1").value
    matrix = cdist(X, Y, "cityblock") ** 3
    for cost in ("l1", lambda x, y: cdist(x, y, "cityblock") ** 3, matrix, matrix.tolist()):
        assert wb.estimate(X, Y, p=3, cost=cost).value == pytest.approx(wanted, rel=1e-12)
    assert wb.estimate(X, Y, cost=wb.Cost(3, "l1")).value == wanted
    assert wb.estimate(X, Y, p=3, norm="l1", cost=wb.Cost(3, "l1")).value == wanted


@pytest.mark.parametrize("method", ANY)
def test_solvers_of_batches_take_functions_and_matrices(method):
    """Weights of zero included, whose potentials come from the transposed costs."""
    a, b = np.array([0.5, 0.2, 0.3, 0, 0, 0]), np.array([0, 0.1, 0.2, 0.3, 0.4, 0])
    lopsided = np.abs(X @ [[1.0, 0.2], [3.0, 1.0]] @ Y.T)  # c(x, y) is not c(y, x)
    exact = transport_cost(lopsided, a, b)
    for cost in (lopsided, lambda x, y: np.abs(x @ [[1.0, 0.2], [3.0, 1.0]] @ y.T)):
        answer = wb.estimate(X, Y, method, cost=cost, a=a, b=b)
        assert answer.status == "ok", answer.message
        if answer.lower is not None:
            assert answer.lower <= exact * (1 + 1e-9)
        if answer.upper is not None:
            assert answer.upper >= exact * (1 - 1e-9)
        if answer.potentials is not None:
            phi, psi = answer.potentials
            assert (phi[:, None] + psi[None, :] <= lopsided + 1e-9).all()


def test_nearest_neighbours_of_a_matrix_on_both_sides():
    matrix = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 9.0]])
    one = wb.estimate(None, None, "nearest_neighbor", cost=matrix)
    both = wb.estimate(None, None, "nearest_neighbor", cost=matrix, sides="both")
    assert one.value == pytest.approx((1 + 3 + 2) / 3)
    assert both.value == pytest.approx(max(2, (1 + 3) / 2))


def test_a_matrix_needs_no_points():
    words, others = ["kitten", "sitting", "cat"], ["mitten", "sit"]
    matrix = np.array([[1.0, 4.0], [3.0, 4.0], [5.0, 3.0]])
    value = wb.estimate(words, others, cost=matrix).value
    assert value == pytest.approx(transport_cost(matrix, np.full(3, 1 / 3), np.full(2, 1 / 2)))
    assert wb.estimate(None, None, cost=matrix).value == value
    with pytest.raises(ValueError, match="x: expected 3 entries"):
        wb.estimate(words[:2], others, cost=matrix)
    ragged = [["kitten", "sitting"], ["cat"], []]  # documents of unequal length
    assert wb.estimate(ragged, others, cost=matrix).value == value


def test_equal_points_at_a_positive_cost_are_not_at_distance_zero():
    assert wb.estimate(X, X, cost=lambda x, y: cdist(x, y) + 1).value == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 2, "cost": wb.Cost(1)}, "p: expected none beside a cost"),
        ({"norm": "l1", "cost": wb.Cost(1)}, "norm: expected none beside a cost"),
        ({"norm": "l1", "cost": "l2"}, "beside norm 'l1'"),
        ({"norm": "l1", "cost": np.ones((6, 6))}, "norm: expected none beside a cost"),
        ({"cost": wb.Cost}, "make one"),
        ({"cost": "l3"}, "norm: expected one of l2, l1, linf"),
        ({"norm": "linfty"}, "did you mean 'linf'"),
        ({"p": 0.5}, "p: expected a finite number >= 1, got 0.5"),
        ({"p": np.nan}, "p: expected a finite number >= 1"),
        ({"p": np.inf}, "p: expected a finite number >= 1"),
        ({"p": True}, "p: expected a finite number >= 1"),
        ({"p": "2"}, "p: expected a finite number >= 1"),
        ({"cost": np.ones((6, 5))}, "y: expected 5 entries"),
        ({"cost": np.ones(6)}, "cost matrix: expected shape"),
        ({"cost": np.full((6, 6), np.nan)}, "cost matrix: expected finite costs >= 0, got NaN"),
        ({"cost": np.full((6, 6), np.inf)}, "cost matrix: expected finite costs >= 0, got NaN"),
        ({"cost": -np.ones((6, 6))}, "got a negative one"),
        ({"cost": [["a"]]}, "cost matrix"),
        ({"cost": np.ma.masked_equal(np.eye(6), 0)}, "cost matrix: expected no missing values"),
        (
            {"cost": lambda x, y: np.ma.masked_equal(np.eye(6), 0)},
            r"cost function: expected no missing values, got masked ones in 6 of 6 rows; fill them",
        ),
        ({"cost": lambda x, y: np.ones(3)}, r"cost function: expected an array of 6 x 6 costs"),
        ({"cost": lambda x, y: -np.ones((6, 6))}, "cost function: .*negative"),
        ({"cost": "torus"}, "period"),
    ],
)
def test_bad_costs_are_told_so(options, message):
    with pytest.raises(ValueError, match=message):
        wb.estimate(X, Y, **options)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("torus", {"period": 0}, "period: expected a finite number > 0"),
        ("torus", {"period": np.inf}, "period: expected a finite number > 0"),
        ("torus", {"period": [1.0, np.nan]}, "period: expected a finite number > 0"),
        ("sphere", {"radius": -1}, "radius: expected a finite number > 0"),
        ("mahalanobis", {"precision": [[1.0, 2.0], [2.0, 1.0]]}, "positive definite"),
        ("mahalanobis", {"precision": [[1.0, 2.0], [0.0, 1.0]]}, "symmetric"),
        ("mahalanobis", {"precision": [1.0, 2.0]}, r"expected a finite \(d, d\) matrix"),
        ("l2", {"p": 0.9}, "p: expected a finite number >= 1"),
        ("l2", {"p": 1001}, "p: expected an exponent of at most 1000, got 1001"),
    ],
)
def test_bad_parameters_are_told_so(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        costs.get(name, **parameters)


@pytest.mark.parametrize(
    ("cost", "x", "message"),
    [
        ("sphere", [[91.0, 0.0]], "latitudes from -90 to 90"),
        ("sphere", [[1.0, 1.0, 1.0]], "expected unit vectors"),
        ("sphere", [[1.0]], "expected two columns"),
        ("cosine", [[1.0, 0.0], [0.0, 0.0]], "got zero in row 1"),
        (costs.Torus((1.0, 2.0, 3.0)), [[1.0, 0.0]], "period: expected one for each of the 2"),
        (costs.Mahalanobis(PRECISION), [[1.0]], "precision: expected one row for each of the 1"),
    ],
)
@pytest.mark.parametrize("method", ["exact", "nearest_neighbor", "c_transform"])
def test_points_without_a_meaning_are_told_so(cost, x, message, method):
    with pytest.raises(ValueError, match=message):
        wb.estimate(x, x, method, cost=cost)


OTHERS = {
    "linf": wb.Cost(3, "linf"),
    "torus": cost_of("torus", 1),
    "sphere": cost_of("sphere", 2),
    "function": cdist,
}


@pytest.mark.parametrize("case", OTHERS)
@pytest.mark.parametrize("method", estimators.names())
def test_every_estimator_answers_for_a_cost_or_names_who_does(case, method):
    """A refusal is one line and names an estimator that takes the cost; an answer respects it."""
    cost = OTHERS[case]
    name = getattr(cost, "norm", "l2")
    rng = np.random.default_rng(0)
    x, y = points_of(name, rng, 6), points_of(name, rng, 6)
    options = {"steps": 2} if estimators.get(method).steps else {}
    try:
        answer = wb.estimate(x, y, method, cost=cost, **options)
    except ValueError as error:
        text = str(error)
        assert text.startswith(f"{method}: expected")
        assert "\n" not in text
        assert "exact" in text.split(";")[-1] + text.split("use")[-1]
        assert method not in ANY
        return
    exact = wb.estimate(x, y, cost=cost).value
    if answer.bound == "lower" and answer.status == "ok":
        assert answer.value <= exact * (1 + 1e-9)
    if answer.bound in ("upper", "exact") and answer.status == "ok":
        assert answer.value >= exact * (1 - 1e-9)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 7])
def test_projections_of_numbers_lose_nothing(p):
    """On the line every direction is 1 or -1, so the sliced distance is the distance."""
    x, y = X[:, :1], Y[:4, :1]
    wanted = wb.estimate(x, y, p=p).value
    assert wb.estimate(x, y, "one_dimensional", p=p).value == pytest.approx(wanted, rel=1e-12)
    answer = wb.estimate(x, y, "sliced", p=p)
    assert answer.value == pytest.approx(wanted, rel=1e-9)
    assert answer.stderr == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("method", ANY)
def test_powers_that_float64_does_not_hold_are_told_so(method):
    with pytest.raises(ValueError, match=r"expected distances d whose power d\^200 float64 holds"):
        wb.estimate([[0.0]], [[0.01]], method, cost=costs.Torus(1, 200))
    with pytest.raises(ValueError, match=r"expected distances d whose power d\^7 float64 holds"):
        wb.estimate([[0.0]], [[1e60]], method, p=7)


@pytest.mark.parametrize("p", [1.5, 3])
def test_what_rests_on_formulas_for_1_and_2_refuses_others(p):
    for call in (
        lambda: wb.recommend(X, Y, p=p),
        lambda: wb.population_interval("gaussian_shift", p=p),
        lambda: wb.population_interval(X, Y, p=p),
    ):
        with pytest.raises(ValueError, match="p: expected 1 or 2 for"):
            call()


def test_an_estimator_of_a_stranger_is_not_given_what_it_may_not_know(monkeypatch):
    @dataclass(frozen=True)
    class Naive(wb.DirectEstimator):
        """Knows p = 1, and takes all else for p = 2."""

        name: ClassVar[str] = "naive"
        version: ClassVar[int] = 1
        target: ClassVar[str] = "batch"
        bound: ClassVar[str] = "none"

        def estimate(self, samples, cost):
            power = 1 if cost.p == 1 else 2
            total = float((np.abs(samples.x - samples.y) ** power).mean())
            return wb.Estimate(total, total, target="batch", bound="none")

    assert wb.estimate(X, Y, Naive(), p=2).status == "ok"
    with pytest.raises(ValueError, match=r"naive: expected norm l2 or l1 at p = 1 or 2.*use exact"):
        wb.estimate(X, Y, Naive(), p=3)
    # Registered, it is no name among those that take the cost, nor does it ask for that list again.
    classes = wb.estimators.registry._classes
    monkeypatch.setattr(wb.estimators.registry, "_classes", classes | {"naive": Naive})
    with pytest.raises(ValueError, match="naive: expected norm l2 or l1") as refusal:
        wb.estimate(X, Y, "naive", p=3)
    assert "naive" not in str(refusal.value).split("use ")[1]
    with pytest.raises(ValueError, match=r"sliced: expected norm l2.*use exact"):
        wb.estimate(X, Y, "sliced", cost="linf")


def test_a_new_cost_is_one_class():
    @dataclass(frozen=True)
    class Discrete(wb.Cost):
        """1 where points differ."""

        name: ClassVar[str] = "discrete"
        p: float = 1

        def distance(self, x, y, xp):
            return (x != y).any(-1).astype(x.dtype)

    x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[0.0], [1.0], [7.0], [8.0]])
    for method in ANY:
        answer = wb.estimate(x, y, method, cost=Discrete(2))
        assert answer.value == pytest.approx(0.5**0.5, rel=2e-3)  # half of the mass stays


def test_a_class_without_a_distance_is_told_so():
    @dataclass(frozen=True)
    class Empty(wb.Cost):
        """Nothing."""

        name: ClassVar[str] = "empty"
        p: float = 1

    with pytest.raises(TypeError, match="expected a method `distance`"):
        costs.register(Empty)
    with pytest.raises(TypeError, match=r"abstract method '?distance"):
        Empty()


def test_a_norm_whose_slopes_cannot_be_measured_is_told_what_to_write():
    @dataclass(frozen=True)
    class Twice(wb.Cost):
        """Twice the largest coordinate."""

        name: ClassVar[str] = "twice"
        is_norm: ClassVar[bool] = True
        p: float = 1

        def distance(self, x, y, xp):
            return 2 * xp.abs(x - y).max(-1)

    with pytest.raises(TypeError, match="expected a method `dual_norm`, since `is_norm` is True"):
        wb.estimate(X, Y, "gradient_penalty", cost=Twice(), steps=1, batch_size=2)


def test_costs_are_values():
    """Equal ones are equal and hash alike, so that no program is compiled twice."""
    assert wb.Cost(2.0, "l1") == wb.Cost(2, "l1") == costs.L1(2)
    assert hash(costs.Torus([1, 2])) == hash(costs.Torus((1.0, 2.0)))
    assert costs.Torus(np.ones(4097)) == costs.Torus((1.0,) * 4097)
    assert costs.Mahalanobis(PRECISION) == costs.Mahalanobis(PRECISION.tolist())
    assert wb.Cost(1) != wb.Cost(1, "l1")
    assert type(wb.Cost(3.0).p) is int
    assert costs.names()[:3] == ["l2", "l1", "linf"]


def test_the_page_says_who_takes_which():
    """The table of docs/costs.md, row by row, against what the estimators refuse."""
    page = (Path(__file__).parents[2] / "docs" / "costs.md").read_text("utf-8")
    table = page.split("## Who takes which")[1].split("\n\n")[0]
    said = {}
    for row in table.splitlines()[3:]:
        named, powers, takes = (cell.strip() for cell in row.strip("|").split("|"))
        listed = set(re.findall(r"`(\w+)`", takes))
        taken = set(estimators.names()) - listed if takes.startswith("all") else listed
        for name in re.findall(r"\w+", named):
            for p in {"1": (1,), "2": (2,), "other": (1.5, 3), "any": (1, 1.5, 2, 3)}.get(
                powers, (1, 1.5, 2, 3) if name == "torus" else (1.5, 2, 3)
            ):
                said[name, p] = taken
    built = {
        "function": lambda p: costs.Pairwise(cdist, p),
        "matrix": lambda p: costs.Matrix(X**2, p),
    }
    for (name, p), taken in said.items():
        cost = built.get(name, lambda p, name=name: cost_of(name, p))(p)
        assert set(takers(cost)) == taken, (name, p)
    assert {name for name, _ in said} == {*costs.names(), *built}


def test_a_function_may_look_at_all_points():
    """Costs over their own maximum, which certificates and blocks of neighbours took in parts."""
    rng = np.random.default_rng(0)
    x = np.vstack([10 * rng.normal(size=(953, 2)), 0.1 * rng.normal(size=(147, 2))])
    y = rng.normal(size=(1000, 2))
    a = np.append(np.full(1099, 1 / 1099), 0)

    def share(x, y):
        costs = cdist(x, y)
        return costs / costs.max()

    wanted = cdist(x, y) / cdist(x[:-1], y).max()  # what has no mass has no say
    for method in ("nearest_neighbor", "sinkhorn"):
        found = wb.estimate(x, y, method, cost=share, a=a)
        assert found.value == wb.estimate(None, None, method, cost=wanted, a=a).value
    few = np.ones((3, 4))
    assert wb.estimate(x[:3], y[:4], "bracket", cost=lambda x, y: few).value == pytest.approx(1)


@dataclass(frozen=True)
class Energy(wb.DirectEstimator):
    """Costs between the samples, and less those within them; or those to the mean of y."""

    name: ClassVar[str] = "energy"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "none"
    every_cost: ClassVar[bool] = True

    to_mean: bool = False

    def estimate(self, samples, cost):
        x, y = samples.x, samples.y
        found = cost.matrix(x, y.mean(0)[None] if self.to_mean else y).mean()
        if not self.to_mean:
            found -= (cost.matrix(x, x).mean() + cost.matrix(y, y).mean()) / 2
        return wb.Estimate(found, found, target="batch", bound="none")


@pytest.mark.parametrize("to_mean", [False, True])
def test_a_plug_in_may_ask_a_function_what_it_likes(to_mean):
    """It was given numbers of rows for points: a mean of them was another row."""
    method = Energy(to_mean)
    right = wb.estimate(X, Y, method).value
    assert wb.estimate(X, Y, method, cost=cdist).value == pytest.approx(right, rel=1e-12)
    with pytest.raises(ValueError, match="cost matrix: expected a row and a column"):
        wb.estimate(X, Y, method, cost=cdist(X, Y))


@dataclass(frozen=True)
class Uphill(wb.Cost):
    """Three times as dear upwards as downwards."""

    name: ClassVar[str] = "uphill"
    symmetric: ClassVar[bool] = False
    p: float = 1

    def distance(self, x, y, xp):
        gap = y - x
        return (xp.maximum(-gap, 0) + 3 * xp.maximum(gap, 0)).sum(-1)


@pytest.mark.parametrize("n", [40, 1100])
def test_a_cost_that_is_not_symmetric_is_taken_the_right_way_round(n):
    """In tiles of the device, in blocks of the host, and from the other side."""
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=(2, n, 17)).astype(np.float32) + np.float32([[[0]], [[3]]])
    for x, y in ((low, high), (high, low)):
        costs = Uphill().matrix(x, y)
        for sides in ("one", "both"):
            method = estimators.get("nearest_neighbor", sides=sides)
            wanted = costs.min(0).mean()
            wanted = max(wanted, costs.min(1).mean()) if sides == "both" else wanted
            assert wb.estimate(x, y, method, cost=Uphill()).value == pytest.approx(wanted)
            found = wb.distance(x, y, method=method, cost=Uphill())
            assert found == pytest.approx(wanted, rel=1e-4)
