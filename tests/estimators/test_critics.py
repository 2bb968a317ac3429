"""Critics: what they return, what they bound, which settings they take."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp

import wdist_bench as wb
from wdist_bench.estimators.critic import CriticEstimator
from wdist_bench.estimators.double_c_transform import ascended, larger_dual
from wdist_bench.estimators.gradient_penalty import undo_overshoot
from wdist_bench.estimators.potential import dual_value
from wdist_bench.problem import Problem, Samples
from wdist_bench.solvers.soft_c_transform import soft_c_transform

CRITICS = [
    name for name in wb.estimators.names() if isinstance(wb.estimators.get(name), CriticEstimator)
]
SMALL = {"steps": 20, "batch_size": 8, "hidden": (8,)}
TASK = wb.tasks.get("gaussian_shift")


def problem_of(seed, n=12, m=9):
    """Two small samples of a random law, scale and distance."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    return x, rng.uniform(0.2, 3) * y + rng.normal(size=2) * rng.choice([0.1, 1, 10])


@pytest.mark.parametrize(
    ("name", "p", "norm", "problems"),
    [
        ("c_transform", 1, "l2", 200),
        ("c_transform", 2, "l2", 40),
        ("double_c_transform", 1, "l2", 200),
        ("double_c_transform", 1, "l1", 40),
    ],
)
def test_batch_c_transforms_never_exceed_the_exact_value(name, p, norm, problems):
    # a large step size: critics far from 1-Lipschitz, which must not matter
    estimator = wb.estimators.get(name, **SMALL, learning_rate=0.03)
    shares = []
    for seed in range(problems):
        x, y = problem_of(seed)
        answer = wb.estimate(x, y, estimator, p, norm=norm, seed=seed)
        exact = wb.estimate(x, y, p=p, norm=norm).value
        assert answer.bound == "lower"
        assert answer.value <= exact * (1 + 1e-5)
        shares.append(answer.value / exact)
    assert np.median(shares) > 0.3  # bounds that say something


def test_the_soft_c_transform_exceeds_the_exact_value_by_at_most_eps_log_n():
    epsilon = 2.0
    estimator = wb.estimators.get("soft_c_transform", **SMALL, epsilon=epsilon)
    excess = []
    for seed in range(40):
        x, y = problem_of(seed)
        answer = wb.estimate(x, y, estimator, seed=seed)
        assert answer.bound == "none"
        assert answer.lower is None
        excess.append(answer.value - wb.estimate(x, y).value)
    assert 0 < max(excess) <= epsilon * np.log(12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("sizes", [(6, 5), (1100, 1000)])
def test_the_soft_c_transform_is_the_log_sum_and_tends_to_the_minimum(p, sizes):
    cost = wb.Cost(p)
    x, y = problem_of(0, *sizes)
    phi = np.random.default_rng(1).normal(size=len(x))
    a = np.random.default_rng(2).dirichlet(np.ones(len(x)))
    a[0] = 0
    a /= a.sum()
    matrix = cost.matrix(x, y)
    with jax.enable_x64(True):
        arrays = [jnp.asarray(part) for part in (phi, x, y, a)]
        soft = soft_c_transform(*arrays, cost, 0.5)
        hard = soft_c_transform(*arrays, cost, 1e-6)
    expected = -0.5 * logsumexp((phi[:, None] - matrix) / 0.5, axis=0, b=a[:, None])
    np.testing.assert_allclose(soft, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(hard, (matrix - phi[:, None])[1:].min(0), atol=2e-5)


@pytest.mark.parametrize(
    ("slope", "case"), [(0.5, "L1"), (3.0, "L2"), (-3.0, "L2"), (1.2, "L3"), (-1.5, "L3")]
)
def test_the_double_c_transform_ascends_and_reports_by_its_rule(slope, case):
    x, y = problem_of(3)
    critic = lambda points: slope * points[:, 0]  # noqa: E731
    samples, cost = Samples(jnp.asarray(x), jnp.asarray(y)), wb.Cost()
    fx, fy, matrix = slope * x[:, 0], slope * y[:, 0], cost.matrix(x, y)
    first = fx.mean() - fy.mean()
    second = fx.mean() + (matrix - fx[:, None]).min(0).mean()
    third = (matrix + fy).min(1).mean() - fy.mean()
    chosen = ("L2", second) if second < first else ("L3", third) if third < first else ("L1", first)
    assert chosen[0] == case
    assert ascended(critic, samples, cost) == pytest.approx(chosen[1], rel=1e-5, abs=1e-5)
    phi, psi = larger_dual(critic, samples, cost)
    reported = dual_value(phi, psi, samples)
    assert reported == pytest.approx(max(second, third), rel=1e-5, abs=1e-5)
    assert (phi[:, None] + psi[None, :] - matrix).max() <= 1e-5


def test_undoing_the_overshoot_agrees_with_the_penalised_problem():
    # f on a grid from 0 to W, free otherwise; x sits at W, y at 0
    cells, distance, weight = 20, 4.0, 10.0
    width = distance / cells

    def loss(f):
        slopes = np.diff(f) / width
        return -(f[-1] - f[0]) + weight * ((np.abs(slopes) - 1) ** 2).mean()

    found = minimize(loss, np.linspace(0, 1, cells + 1), method="L-BFGS-B")
    dual = found.x[-1] - found.x[0]
    assert dual == pytest.approx(distance + distance**2 / (2 * weight), rel=1e-3)
    assert -found.fun == pytest.approx(distance + distance**2 / (4 * weight), rel=1e-3)
    assert undo_overshoot(dual, weight) == pytest.approx(distance, rel=1e-3)
    assert undo_overshoot(-dual, weight) == -undo_overshoot(dual, weight)
    assert undo_overshoot(0.0, weight) == 0


@pytest.mark.parametrize("name", ["gradient_penalty", "lipschitz_penalty"])
def test_penalties_overshoot_between_two_point_masses_as_computed(name):
    samples, cost = Samples.checked(np.full((4, 1), 4.0), np.zeros((4, 1))), wb.Cost()
    estimator = wb.estimators.get(name, steps=800, hidden=(32,), learning_rate=2e-3)
    problem = Problem.from_samples(samples, cost, jax.random.key(1))
    plain = estimator.fit(jax.random.key(0), problem)
    correcting = replace(plain, estimator=replace(estimator, correct=True))
    answers = [fitted.estimate(samples, cost) for fitted in (plain, correcting)]
    assert answers[0].value == pytest.approx(4 + 4**2 / 20, rel=0.03)
    assert answers[1].value == pytest.approx(4, rel=0.03)
    for answer in answers:
        assert answer.diagnostics["uncorrected"] == answers[0].value
        assert answer.diagnostics["corrected"] == answers[1].value
    np.testing.assert_array_equal(answers[0].potentials.phi, answers[1].potentials.phi)


def test_every_reported_number_is_corrected_where_asked_for():
    plain = wb.estimators.get("gradient_penalty", steps=5, hidden=(4,))
    problem = Problem.from_sampler(TASK.sampler(), wb.Cost(), jax.random.key(1))
    samples = problem.minibatch(9, 6)
    both = [e.fit(jax.random.key(0), problem) for e in (plain, replace(plain, correct=True))]
    np.testing.assert_allclose(both[1].history, undo_overshoot(both[0].history, 10.0), rtol=1e-5)
    costs = [float(fitted.batch_cost(samples, wb.Cost())) for fitted in both]
    assert costs[1] == pytest.approx(undo_overshoot(costs[0], 10.0), rel=1e-5)
    assert abs(costs[1]) < abs(costs[0])
    assert both[0].corrections(4.8)["corrected"] == pytest.approx(4)
    assert both[0].corrected(4.8) == 4.8
    with pytest.raises(ValueError, match=r"correct: expected a penalty_weight > 0"):
        replace(plain, penalty_weight=0.0, correct=True)


@pytest.mark.parametrize("clip_biases", [True, False])
def test_weight_clipping_stays_in_its_box_and_below_its_constant(clip_biases):
    estimator = wb.estimators.get(
        "weight_clipping", steps=200, learning_rate=1e-2, clip_biases=clip_biases
    )
    fitted = estimator.fit(
        jax.random.key(0), Problem.from_sampler(TASK.sampler(), wb.Cost(), jax.random.key(1))
    )
    largest = {1: 0.0, 2: 0.0}
    for leaf in jax.tree.leaves(fitted.params):
        largest[leaf.ndim] = max(largest[leaf.ndim], float(jnp.abs(leaf).max()))
    assert largest[2] <= 0.01 + 1e-9
    assert (largest[1] <= 0.01 + 1e-9) == clip_biases
    # at most 0.01^3 sqrt(128 d) 128 sqrt(128) = 0.02317 times the distance 2 sqrt(2)
    samples = Samples(*TASK.sample(jax.random.key(2), 20_000))
    phi, psi = (np.asarray(part, np.float64) for part in fitted.potentials(samples, wb.Cost()))
    stderr = np.sqrt((phi.var() + psi.var()) / 20_000)
    assert 0.005 < phi.mean() + psi.mean() <= 0.0655 + 3 * stderr


@pytest.mark.parametrize("name", ["gradient_penalty", "c_transform"])
def test_diagnostics_are_what_they_say(name):
    x, y = problem_of(1)
    key = jax.random.key(0)
    estimator = wb.estimators.get(name, steps=30, batch_size=8, hidden=(8,))
    samples = Samples.checked(x, y)
    fitted = estimator.fit(key, Problem.from_samples(samples, wb.Cost(), jax.random.key(1)))
    answer = fitted.estimate(samples, wb.Cost())
    found = answer.diagnostics
    points = np.concatenate([x, y])
    # slopes by finite differences of the potential
    step = 1e-3
    slopes = np.stack(
        [
            (fitted.potential(points + step * e) - fitted.potential(points - step * e)) / (2 * step)
            for e in np.eye(2)
        ],
        axis=1,
    )
    np.testing.assert_allclose(fitted.gradient(points), slopes, atol=0.02)
    steepest = np.linalg.norm(fitted.gradient(points), axis=1).max()
    assert found["max_gradient_on_data"] == pytest.approx(steepest, rel=1e-5)
    assert 0 < found["max_gradient_between"] < 2 * steepest
    phi, psi = answer.potentials
    excess = (phi[:, None] + psi[None, :] - wb.Cost().matrix(x, y)).max()
    assert found["admissibility_violation"] == pytest.approx(excess, abs=1e-9)
    assert found["history_last"] == pytest.approx(answer.history[-3:].mean(), rel=1e-6)
    if name == "c_transform":
        assert excess <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", CRITICS)
def test_hard_input_is_answered(name):
    estimator = wb.estimators.get(name, **SMALL)
    x, y = problem_of(0, 8, 8)
    equal, first = np.full(8, 1 / 8), np.eye(8)[0]

    def ask(x, y, weights=equal):
        answer = wb.estimate(x, y, estimator, a=weights, b=weights)
        exact = wb.estimate(x, y, a=weights, b=weights).value
        assert answer.status == "ok"
        assert answer.bound == "none" or answer.value <= exact * (1 + 1e-5) + 1e-6
        return answer.value

    # RMSprop and Adam turn the rounding of a gradient that vanishes into whole steps
    assert ask(x + 1e6, y + 1e6) == pytest.approx(ask(x, y), rel=0.05, abs=1e-3)
    assert abs(ask(x, x)) < 0.5
    ask(1e-6 * x, 1e-6 * y)
    ask(np.repeat(x[:2], 4, 0), y)
    rounded = np.rint(x).astype(int), np.rint(y).astype(np.float32)
    assert ask(*rounded) == ask(*(part.astype(float) for part in rounded))
    value = ask(x, y, first)
    if "c_transform" in name:
        # one point each: phi(x) + c(x, y) - phi(x), exact for every critic
        assert value == pytest.approx(np.linalg.norm(x[0] - y[0]), rel=1e-6)


def test_training_that_blows_up_is_diverged():
    x, y = problem_of(0)
    answer = wb.estimate(x, y, wb.estimators.get("spectral_norm", **SMALL, learning_rate=1e30))
    assert answer.status == "diverged"
    assert np.isnan(answer.value)
    assert "lower the learning rate" in answer.message


@pytest.mark.parametrize("name", CRITICS)
def test_training_is_float32_inside_a_64_bit_program(name):
    estimator = wb.estimators.get(name, **SMALL)
    with jax.enable_x64(True):
        problem = Problem.from_sampler(TASK.sampler(), wb.Cost(), jax.random.key(1))
        fitted = jax.eval_shape(lambda key: estimator.fit(key, problem), jax.random.key(0))
    assert {leaf.dtype for leaf in jax.tree.leaves((fitted.params, fitted.history))} == {
        np.dtype("float32")
    }


def test_a_64_bit_program_trains_a_float32_critic():
    with jax.enable_x64(True):
        problem = Problem.from_sampler(TASK.sampler(), wb.Cost(), jax.random.key(1))
        fitted = wb.estimators.get("group_sort", **SMALL).fit(jax.random.key(0), problem)
    assert fitted.history.dtype == np.float32
    assert np.isfinite(fitted.history).all()
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(fitted.params))


def test_presets_are_the_papers_settings():
    for name in ("weight_clipping", "gradient_penalty", "c_transform"):
        paper = wb.estimators.get(name, preset="mallasto")
        assert not paper.standardize  # the papers train on the data as they are
        assert paper == wb.estimators.get(name, standardize=False)
    clipping = wb.estimators.get("weight_clipping", preset="w1_benchmark")
    assert (clipping.optimizer, clipping.learning_rate, clipping.batch_size) == ("adam", 2e-4, 1024)
    assert (clipping.clip, clipping.clip_biases, clipping.beta1) == (0.04, False, 0.0)
    assert clipping.widths(2) == (128, 128)
    assert clipping.widths(100) == (200, 200)
    own = wb.estimators.get("lipschitz_penalty", preset="w1_benchmark", steps=7, hidden=[3])
    assert (own.steps, own.hidden, own.penalty_weight) == (7, (3,), 10.0)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        (
            "weight_clipping",
            {"preset": "malasto"},
            r"preset of estimator 'weight_clipping': expected one of mallasto, w1_benchmark.*mean",
        ),
        ("exact", {"preset": "mallasto"}, r"preset of estimator 'exact': expected one of \(none\)"),
        ("c_transform", {"optimizer": "sgd"}, r"optimizer: expected one of adam, rmsprop"),
        ("c_transform", {"beta1": 0.5}, r"beta1: expected 0 with rmsprop, got 0.5"),
        ("gradient_penalty", {"beta2": 1.0}, r"beta2: expected a number in \[0, 1\), got 1"),
        ("soft_c_transform", {"epsilon": 0}, r"epsilon: expected a finite number > 0, got 0"),
        ("spectral_norm", {"power_iterations": 0}, r"power_iterations: expected .* >= 1, got 0"),
        ("lipschitz_penalty", {"penalty_weight": -1}, r"penalty_weight: expected .* >= 0, got -1"),
        ("c_transform", {"activation": "tanh"}, r"activation: expected one of relu, group_sort"),
    ],
)
def test_bad_settings_get_one_line(name, options, expected):
    with pytest.raises(ValueError, match=expected) as caught:
        wb.estimators.get(name, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", [n for n in CRITICS if n not in ("c_transform", "soft_c_transform")]
)
def test_p_2_is_refused_where_the_dual_holds_for_w1_only(name):
    x, y = problem_of(0)
    with pytest.raises(ValueError, match=rf"{name}: expected p = 1, got p = 2.*c_transform"):
        wb.estimate(x, y, name, p=2)
