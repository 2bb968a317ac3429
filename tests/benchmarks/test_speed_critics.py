"""The comparison with PyTorch compares the same thing, and counts what it says it counts."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "speed"))
import critics
import critics_report
import matmul
import timing
from timing import OtherWork, alternate_reported

import wdist_bench as wb
from wdist_bench import networks
from wdist_bench.costs import Cost
from wdist_bench.problem import Samples

COST = Cost(1)
STEPS = 20
TWO_DIMENSIONS = critics.Setting(
    "test", "gaussian_shift", {"dim": 2}, "mallasto", STEPS, 2, 2, 3, 1
)
HIGHER = critics.Setting("test", "gaussian_shift", {"dim": 20}, "w1_benchmark", STEPS, 2, 2, 3, 1)
IMAGES = critics.Setting(
    "test", "image_batches", {"dataset": "digits"}, "mallasto", STEPS, 2, 2, 3, 1, critic="dcgan"
)


def mixed(shape):
    """Stands for the uniform t of the penalty: another one for every point."""
    return np.linspace(0.05, 0.95, shape[0], dtype=np.float32)[:, None]


def drawn(setting, estimator):
    """A problem whose minibatches are drawn beforehand, as many as the training takes."""
    task = setting.make_task()
    count = setting.steps + setting.eval_batches
    pool = [task.sample(jax.random.key(k), estimator.batch_size) for k in range(count)]
    return critics.DrawnProblem.of(jnp.asarray(pool, jnp.float32), 0)


def initial_parameters(estimator, key, problem):
    """The weights that training starts from: those after one step that moves nothing."""
    still = {"steps": 1, "learning_rate": 1e-30}
    if estimator.name == "weight_clipping":
        still["clip"] = 1e9
    options = {"preset": "w1_benchmark"} if estimator.hidden == "auto" else {}
    options["critic"] = estimator.critic
    fitted = wb.estimators.get(estimator.name, **options, **still).fit(key, problem)
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(fitted.params)]
    biases = [x for x in leaves if x.ndim == 1]
    # Ours end with the outputs of a layer, PyTorch's begin with them.
    kernels = [x.transpose(3, 2, 0, 1) if x.ndim == 4 else x.T for x in leaves if x.ndim > 1]
    assert len(biases) == len(kernels) == (2 if estimator.critic == "dcgan" else 3)
    if estimator.critic == "dcgan":  # "last" comes before "layers"
        biases, kernels = biases[::-1], kernels[::-1]
    return [x for kernel, bias in zip(kernels, biases, strict=True) for x in (kernel, bias)]


@pytest.mark.parametrize(
    "setting", [TWO_DIMENSIONS, HIGHER, IMAGES], ids=["mallasto", "w1_benchmark", "dcgan"]
)
@pytest.mark.parametrize("method", critics.METHODS)
def test_both_libraries_train_the_same_thing(setting, method, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is optional")
    import torch_critics

    estimator = setting.estimator(method)
    uniform, of_the_penalty = jax.random.uniform, (estimator.batch_size, 1)
    monkeypatch.setattr(
        jax.random,
        "uniform",
        lambda key, shape=(), *args, **options: (
            mixed(shape) if shape == of_the_penalty else uniform(key, shape, *args, **options)
        ),
    )
    problem, key = drawn(setting, estimator), jax.random.key(3)
    fitted = estimator.fit(key, problem)
    batches = [problem.minibatch(k, estimator.batch_size) for k in range(STEPS, STEPS + 3)]
    after = np.array([fitted.batch_cost(Samples(b.x, b.y), COST) for b in batches])

    class Source(torch_critics.Drawn):
        def mixture(self, step, runs, n):
            return torch.from_numpy(mixed((n, 1))).expand(*runs, n, 1)

        def draw(self, step, runs, n):
            return self.pool[step].expand(*runs, -1, -1)

    pool = np.asarray(problem.sampler.pool)
    source = Source(pool.reshape(len(pool), -1, pool.shape[-1]))
    dim = problem.dim
    training = torch_critics.Training(**critics.training_of(setting, estimator, dim))
    weights = [torch.from_numpy(x.copy()) for x in initial_parameters(estimator, key, problem)]
    network = torch_critics.build(training)
    with torch.no_grad():
        for parameter, weight in zip(network.parameters(), weights, strict=True):
            parameter.copy_(weight)
    two = tuple(torch.stack([weight, weight]) for weight in weights)
    ways = {
        "eager": torch_critics.train(training, source, network),
        "pure": torch_critics.train_pure(training, source, tuple(weights), compiled=False),
        "vmap": torch_critics.train_pure(training, source, two, (2,), compiled=False),
    }
    scale = np.abs(fitted.history).max()
    for way, (history, values) in ways.items():
        if way == "vmap":
            assert history.shape == (2, STEPS)
            history, values = history[1], values[1]
        # On equal laws two means of the same size cancel, and with them digits.
        digits = 5e-4 if setting is IMAGES else 2e-5
        tolerance = {"rtol": 2e-5, "atol": digits * scale, "err_msg": way}
        np.testing.assert_allclose(history.numpy(), fitted.history, **tolerance)
        np.testing.assert_allclose(values.numpy(), after, **tolerance)
    # Training moves the curve by far more than the tolerance, so agreement says something.
    assert np.ptp(fitted.history) > 1e-2 * scale


@pytest.mark.parametrize("method", critics.METHODS)
def test_ours_trains_on_minibatches_that_were_drawn_beforehand(method):
    compiling, running = critics.ours_drawn(HIGHER, HIGHER.estimator(method))
    assert compiling > 0
    assert running > 0


def test_pytorch_draws_the_same_laws():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; it is optional")
    import torch_critics

    torch.manual_seed(0)
    points = torch_critics.Gaussians(np.array([1.0, 2.0])).draw(0, (5,), 4000)
    assert points.shape == (5, 8000, 2)
    within = 5 / np.sqrt(5 * 4000)  # five standard errors
    for half, sign in ((points[:, :4000], 1), (points[:, 4000:], -1)):
        np.testing.assert_allclose(half.mean((0, 1)), [sign, 2 * sign], atol=within)
        np.testing.assert_allclose(half.reshape(-1, 2).var(0), [1, 1], atol=2 * within)

    rows = np.arange(50, dtype=np.float32)[:, None]
    for runs in ((), (3,)):
        source = torch_critics.ImageRows(rows)
        minibatches = [source.draw(step, runs, 5)[..., 0] for step in range(10)]
        for order in (minibatches[:5], minibatches[5:]):  # 5 minibatches of 10 are all 50 images
            for run in torch.cat(order, -1).reshape(-1, 50):
                assert sorted(run.tolist()) == rows[:, 0].tolist()
        assert not torch.equal(minibatches[0], minibatches[5])


def compiled_operations(function, *arguments):
    return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]


@pytest.mark.parametrize("widths", [(784, 128, 128, 1), (128, 256, 256, 1)])
def test_the_forward_count_is_that_of_the_compiler(widths):
    from flax import nnx

    dim, *hidden, _ = widths
    graph, params = nnx.split(networks.build("mlp", dim, tuple(hidden), jax.random.key(0)))
    points = jnp.ones((128, dim))
    counted = compiled_operations(lambda p, z: nnx.merge(graph, p)(z), params, points)
    expected = matmul.operations(matmul.forward_products(widths, 128))
    # What the compiler counts besides are biases and ReLU, less than 2 %.
    assert expected <= counted < 1.02 * expected


@pytest.mark.parametrize("method", critics.METHODS)
def test_the_count_of_a_step_is_that_of_the_compiler(method):
    from flax import nnx

    estimator = wb.estimators.get(method, preset="mallasto")
    n, dim = estimator.batch_size, 784
    parts, widths = estimator.parts(), (dim, *estimator.widths(dim), 1)
    graph, params = nnx.split(networks.build("mlp", dim, widths[1:-1], jax.random.key(0)))

    def loss(params, samples, key):
        critic = nnx.merge(graph, params)
        phi, psi = parts.dual(critic, samples, COST)
        penalty = parts.penalty(critic, samples, COST, key) if parts.penalty else 0
        return penalty - phi.mean() - psi.mean()

    samples = Samples(jnp.ones((n, dim)), jnp.zeros((n, dim)))
    counted = compiled_operations(jax.grad(loss), params, samples, jax.random.key(0))
    expected = matmul.operations(matmul.step_products(method, widths, n))
    assert expected == pytest.approx(counted, rel=0.05)


def test_a_product_counts_and_stores_what_it_says():
    product = matmul.Product(3, 5, 7, "tn")
    left, right = (np.ones(shape) for shape in product.factors())
    assert (left.T @ right).shape == (3, 7)
    assert product.operations == 2 * 3 * 5 * 7
    left, right = (np.ones(shape) for shape in matmul.Product(3, 5, 7, "nt").factors())
    assert (left @ right.T).shape == (3, 7)


def test_rounds_alternate_and_only_warm_ones_count():
    order = []

    def call(name):
        order.append(name)
        return float(len(order))

    calls = {name: lambda name=name: call(name) for name in "ab"}
    assert alternate_reported(calls, 2) == {"a": [3.0, 5.0], "b": [4.0, 6.0]}
    assert order == ["a", "b"] * 3
    assert alternate_reported(calls, 1, warm_up=False) == {"a": [7.0], "b": [8.0]}


def test_own_work_is_not_that_of_others(monkeypatch):
    # In one second of two cores the machine did 1.5 seconds of work, 0.9 of them our own.
    clock = iter([10.0, 11.0])
    busy = iter([(100.0, 20.0), (101.5, 20.9)])
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(timing, "os", SimpleNamespace(cpu_count=lambda: 2))
    monkeypatch.setattr(timing, "_busy_seconds", lambda: next(busy))
    with OtherWork() as others:
        pass
    assert others.share == pytest.approx((1.5 - 0.9) / 2)


def test_own_work_counts_for_the_machine_and_for_us():
    machine, own = timing._busy_seconds()
    start = time.process_time()
    while time.process_time() < start + 0.5:
        pass
    machine_after, own_after = timing._busy_seconds()
    # The system counts in ticks of a hundredth of a second; neither bound depends on the load.
    assert own_after - own >= 0.45
    assert machine_after - machine >= 0.45


def test_a_cell_that_is_measured_again_replaces_its_rows_alone(tmp_path):
    path = tmp_path / "critics.csv"
    for setting, method, seconds in [
        ("mnist", "c_transform", 1.0), ("gaussians_2d", "c_transform", 2.0),
        ("mnist", "weight_clipping", 3.0), ("mnist", "c_transform", 4.0),
    ]:  # fmt: skip
        ways = [{"way": way, "seconds": seconds} for way in ("ours", "eager")]
        critics.save(path, [{"setting": setting, "method": method} | way for way in ways], "here")
    table = pd.read_csv(path)
    assert table["seconds"].tolist() == [2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    assert table["way"].tolist() == ["ours", "eager"] * 3


def test_the_report_says_what_was_not_reached_and_what_not_measured(tmp_path):
    shared = {"setting": "mnist", "method": "c_transform", "goal": 3, "dim": 784, "batch": 64,
              "steps": 500, "runs": 20, "repeats": 5, "runs_timed": 20, "seconds_spread": 0.1,
              "ratio_spread": 0.1, "hardware": "a machine"}  # fmt: skip
    rows = [
        shared | {"way": "ours", "seconds": 2.0, "ratio": 1.0, "first_seconds": 3.0},
        shared | {"way": "eager", "seconds": 5.0, "ratio": 2.5, "first_seconds": 6.0},
        shared | {"way": "vmap", "skipped": "no kernel"},
        {"setting": "gaussians_2d", "skipped": "no plane", "hardware": "a machine"},
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "critics.csv", index=False)
    text, figure = critics_report.write_report(tmp_path)
    words = text.read_text(encoding="utf-8")
    goals = next(line for line in words.splitlines() if line.startswith("| MNIST"))
    assert [cell.strip() for cell in goals.split("|")[3:8]] == [
        "2.00 +- 0.10", "5.00 +- 0.10", "2.5 +- 0.1", "3", "no",
    ]  # fmt: skip
    assert "Not measured: mnist c_transform vmap. no kernel" in words
    assert "Not measured: gaussians_2d. no plane" in words
    assert figure.stat().st_size > 10_000
