"""The direct estimators: what each number bounds, by another route; traps; refusals."""

import itertools
import tracemalloc
from contextlib import suppress

import jax
import numpy as np
import ot
import pytest

import wdist_bench as wb
from wdist_bench.costs import Cost
from wdist_bench.problem import Problem, Samples
from wdist_bench.runs.cell import parameters
from wdist_bench.solvers.gaussian import mean_shift, moments_rounding

DIRECT = [
    name
    for name in wb.estimators.names()
    if "steps" not in parameters(wb.estimators.get(name))
    and wb.estimators.registry.factory(name).target == "batch"
]
EXACT, LOWER, UPPER = (
    [name for name in DIRECT if wb.estimators.registry.factory(name).bound == bound]
    for bound in ("exact", "lower", "upper")
)


def takers(d, p):
    """The direct estimators of batches that take points of that dimension at that exponent."""
    for name in DIRECT:
        estimator = wb.estimators.get(name)
        with suppress(ValueError):
            estimator.check_dim(d)
            estimator.check_cost(Cost(p))
            yield name


def test_nobody_refuses_costs_and_dimensions_that_have_a_meaning():
    """So that no test of all who take them passes for want of one."""
    everywhere = {"exact", "bracket", "sinkhorn", "sinkhorn_divergence", "nearest_neighbor",
                  "gaussian", "sliced"}  # fmt: skip
    for d, p in itertools.product((1, 20), (1, 2)):
        assert {*everywhere, *["one_dimensional"] * (d == 1)} <= set(takers(d, p)), (d, p)


def pair(n=40, d=2, seed=0, shift=0.5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + shift


def uneven(n, seed, zeros):
    mass = np.random.default_rng(seed).random(n)
    mass[:zeros] = 0
    return mass / mass.sum()


def measures(case, d):
    """Samples (x, y, a, b) that break careless solvers; few shapes, for few compilations."""
    x, y = pair(40, d)
    even = None
    return {
        "plain": (x, y, even, even),
        "offset": (x + 1e6, y + 1e6, even, even),
        "small": (x * 1e-6, y * 1e-6, even, even),
        "duplicates": (np.repeat(x[:8], 5, 0), np.repeat(y[:4], 10, 0), even, even),
        "weights": (x, y, uneven(40, 1, 15), uneven(40, 2, 5)),
        "rounded": (x, y, uneven(40, 1, 15) * (1 + 1e-7), uneven(40, 2, 5) * (1 - 1e-7)),
        "float32": (x.astype(np.float32), y.astype(np.float32), even, even),
        "integers": (np.round(x * 5).astype(int), np.round(y * 5).astype(np.int8), even, even),
        "one point": (x[:1], y[:1], even, even),
    }[case]


CASES = ("plain", "offset", "small", "duplicates", "weights", "rounded", "float32", "integers")
CASES = (*CASES, "one point")


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [1, 20])
@pytest.mark.parametrize("case", CASES)
def test_every_claim_holds_against_the_simplex(case, d, p):
    x, y, a, b = measures(case, d)
    exact = wb.estimate(x, y, p=p, a=a, b=b).value
    for name in takers(d, p):
        found = wb.estimate(x, y, name, p, a=a, b=b)
        assert found.status == "ok", (name, found.message)
        if name in LOWER:
            assert found.bound == "lower"
            assert 0 < found.value <= exact * (1 + 1e-9), name
        if name in UPPER:
            assert found.bound == "upper"
            assert exact * (1 - 1e-9) <= found.value, name
        if name in EXACT:
            assert found.value == pytest.approx(exact, rel=1e-9), name
        if found.lower is not None:
            assert found.lower <= exact * (1 + 1e-9), name
        if found.upper is not None:
            assert found.upper >= exact * (1 - 1e-9), name
        if case == "one point" and name not in ("sliced", "gaussian", "baseline_map"):
            assert found.value == pytest.approx(float(np.linalg.norm(x - y)), rel=1e-9), name


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("d", [1, 20])
def test_equal_samples_are_at_distance_zero(d, p):
    x, _ = pair(40, d)
    x = x + 3
    for name in takers(d, p):
        found = wb.estimate(x, x[::-1], name, p)
        assert found.status == "ok"
        if name == "sinkhorn":  # the entropy blurs the plan: an upper bound with a zero below
            assert found.lower == 0
            continue
        assert found.value == 0, name


def test_translations_are_read_exactly_by_moments():
    """W_p of a translation is |v|; so are both plug-ins, with singular covariances too."""
    rng = np.random.default_rng(0)
    shift = np.arange(1.0, 7.0)
    for n in (3, 50):
        x = rng.normal(size=(n, 6))
        for p in (1, 2):
            found = wb.estimate(x, x + shift, "gaussian", p).value
            assert found == pytest.approx(np.linalg.norm(shift), rel=1e-12)
    assert wb.estimate(x, x + shift, "gaussian", 1, norm="l1").value == pytest.approx(21)


@pytest.mark.parametrize("d", [1, 3, 60])
def test_the_bures_part_is_that_of_eigenvalues_and_of_pot(d):
    """The trace of (A^1/2 B A^1/2)^1/2 sums the roots of the eigenvalues of A B.

    With 40 points at d = 60 both covariances are singular: POT returns NaN there.
    """
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, d)), rng.normal(size=(40, d)) @ rng.normal(size=(d, d)) + 1
    a = uneven(40, 3, 4)
    mean, cov = a @ x, np.cov(x.T, aweights=a, bias=True).reshape(d, d)
    other, spread = y.mean(0), np.cov(y.T, bias=True).reshape(d, d)
    found = wb.estimate(x, y, "gaussian", 2, a=a)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(cov @ spread).real, 0)).sum()
    wanted = ((mean - other) ** 2).sum() + np.trace(cov) + np.trace(spread) - 2 * roots
    assert found.cost == pytest.approx(wanted, rel=1e-5)
    if d < 40:
        pot = ot.gaussian.bures_wasserstein_distance(mean, other, cov, spread)
        assert found.value == pytest.approx(float(pot), rel=1e-8)


def test_the_gaussian_plug_in_takes_many_columns_without_a_matrix_of_them():
    x, y = np.random.default_rng(3).normal(size=(2, 5, 4000))
    tracemalloc.start()
    try:
        assert wb.estimate(x, y, "gaussian", 1).status == "ok"
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20  # the identity has 128 MB
    finally:
        tracemalloc.stop()


def test_means_of_many_equal_rows_are_off_by_no_more_than_their_room():
    """Rows added one after the other drift: by 6e-13 here, where sqrt(n) units are 2.5e-13."""
    x = np.array([[0.0, 0.0], [0.1, 0.1]])
    y = np.repeat(x, 500_000, axis=0)
    found = np.linalg.norm(mean_shift(x, y, None, None))
    assert found <= moments_rounding(0.0, x, y, None, None, 1)


def test_the_gaussian_plug_in_is_consistent_for_gaussians():
    """N(0, 1) and N(0, 9): W_2 = 2, within 5 standard errors, sqrt(10 / 2n) = .007."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(10**5, 1)), 3 * rng.normal(size=(10**5, 1))
    assert wb.estimate(x, y, "gaussian", 2).value == pytest.approx(2, abs=0.035)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("epsilon", [0.5, 0.05, 0.01])
def test_sinkhorn_is_above_by_at_most_its_entropy(p, epsilon):
    """<P, c> - W_p^p <= eps log min(n, m), plus what rounding moves times the largest cost."""
    x, y = pair()
    found = wb.estimate(x, y, "sinkhorn", p, epsilon=epsilon, epsilon_unit="cost")
    exact = wb.estimate(x, y, "exact", p)
    slack = found.diagnostics["rounded"] * Cost(p).matrix(x, y).max()
    assert 0 <= found.cost - exact.cost <= epsilon * np.log(40) + slack
    assert found.lower <= exact.value <= found.upper == found.value


@pytest.mark.parametrize("p", [1, 2])
def test_sinkhorn_and_its_divergence_are_those_of_pot(p):
    """POT's entropic problem has the same minimiser; OT_eps adds eps KL(P | a b^T) to <P, c>."""
    x, y = pair()
    epsilon, even = 0.3, np.full(40, 1 / 40)

    def entropic(u, v):
        matrix = Cost(p).matrix(u, v)
        plan = ot.sinkhorn(even, even, matrix, epsilon, method="sinkhorn_log", stopThr=1e-13)
        kl = (plan * np.log(np.maximum(plan * 1600, 1e-300))).sum()
        return (plan * matrix).sum(), (plan * matrix).sum() + epsilon * kl

    options = {"epsilon": epsilon, "epsilon_unit": "cost", "threshold": 1e-10}
    transport, cross = entropic(x, y)
    assert wb.estimate(x, y, "sinkhorn", p, **options).cost == pytest.approx(transport, rel=1e-7)
    wanted = cross - entropic(x, x)[1] / 2 - entropic(y, y)[1] / 2
    found = wb.estimate(x, y, "sinkhorn_divergence", p, **options)
    assert found.cost == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ["sinkhorn", "sinkhorn_divergence"])
def test_sinkhorn_without_its_iterations_is_no_number(name):
    x, y = pair()
    found = wb.estimate(x, y, name, epsilon=1e-4, max_iterations=20)
    assert found.status == "not_converged"
    assert np.isnan(found.value)
    assert "max_iterations" in found.message


def test_a_small_epsilon_finds_the_exact_value():
    x, y = pair()
    exact = wb.estimate(x, y).value
    found = wb.estimate(x, y, "sinkhorn", epsilon=2e-3, threshold=1e-4, max_iterations=100_000)
    assert found.value == pytest.approx(exact, rel=5e-3)


def test_the_sliced_distance_of_a_translation_is_smaller_by_the_root_of_d():
    """SW_2 = |v| / sqrt(d), within 4 of its own standard errors; and it says it is not W."""
    x, _ = pair(30, 10)
    found = wb.estimate(x, x + 1, "sliced", 2, n_projections=2000)
    assert abs(found.value - 1) < 4 * found.stderr
    assert found.stderr < 0.05
    assert "SW_p" in found.message
    assert found.interval is None  # it would hold SW_2, not W_2 of the batch that it stands beside


def test_sliced_standard_errors_are_those_of_repeated_directions():
    x, y = pair(30, 5)
    runs = [wb.estimate(x, y, "sliced", 2, seed=seed, n_projections=50) for seed in range(60)]
    spread = np.std([run.value for run in runs], ddof=1)
    claimed = np.mean([run.stderr for run in runs])
    assert 0.7 < claimed / spread < 1.4  # 60 runs know a standard deviation to 9 %
    assert wb.estimate(x, y, "sliced", 2, seed=3, n_projections=50).value == runs[3].value


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("p", [1, 2])
def test_nearest_neighbors_from_one_side_and_from_both(p, norm):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(7, 3))
    a, b = uneven(30, 5, 10), uneven(7, 6, 2)
    matrix = Cost(p, norm).matrix(x, y)
    forward = b @ matrix[a > 0].min(0)
    backward = a @ matrix[:, b > 0].min(1)
    options = {"p": p, "norm": norm, "a": a, "b": b}
    one = wb.estimate(x, y, "nearest_neighbor", **options)
    both = wb.estimate(x, y, "nearest_neighbor", sides="both", **options)
    assert one.cost == pytest.approx(forward, rel=1e-12)
    assert both.cost == pytest.approx(max(forward, backward), rel=1e-12)
    assert backward > forward  # else this test could not tell them apart
    assert both.value <= wb.estimate(x, y, "exact", **options).value


@pytest.mark.parametrize("sides", ["one", "both"])
def test_nearest_neighbors_inside_jit_are_those_outside(sides):
    x, y = pair()
    estimator = wb.estimators.get("nearest_neighbor", sides=sides)
    samples = Samples(x.astype(np.float32), y.astype(np.float32))
    inside = jax.jit(lambda s: estimator.batch_cost(s, Cost(1)))(samples)
    outside = estimator.estimate(Samples.checked(samples.x, samples.y), Cost(1)).cost
    assert float(inside) == pytest.approx(outside, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("one_dimensional", {}, "expected points on a line"),
        ("sliced", {"norm": "l1"}, "expected norm l2"),
        ("gaussian", {"norm": "l1", "p": 2}, "expected norm l2"),
        ("sinkhorn", {"epsilon": 0}, "epsilon: expected"),
        ("sinkhorn", {"epsilon_unit": "furlong"}, "epsilon_unit: expected"),
        ("sliced", {"n_projections": 1}, "n_projections: expected"),
        ("nearest_neighbor", {"sides": "left"}, "sides: expected"),
        ("bracket", {"rtol": 0}, "rtol: expected"),
        ("bracket", {"max_steps": 0}, "max_steps: expected"),
    ],
)
def test_what_has_no_meaning_is_refused(name, options, text):
    x, y = pair()
    with pytest.raises(ValueError, match=text):
        wb.estimate(x, y, name, **options)


def test_more_than_one_dimension_is_refused_by_both_calls():
    samples = Samples.checked(*pair())
    estimator = wb.estimators.get("one_dimensional")
    with pytest.raises(ValueError, match="d = 2"):
        estimator.estimate(samples, Cost(1))
    with pytest.raises(ValueError, match="d = 2"):
        estimator.fit(jax.random.key(0), Problem.from_samples(samples, Cost(1), jax.random.key(1)))
