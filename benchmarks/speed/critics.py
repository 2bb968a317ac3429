"""Critic training beside PyTorch: same networks, batches, steps, update rules and runs.

Ours is one compiled program that every core executes on its share of the runs
(`protocol/parallel.py`) and the seconds are those of training and evaluating all of them. PyTorch's
are those of the same (`torch_jobs.WAYS` names the ways), each in processes of its own, so that no
idle thread pool spins beside the other library. Calls alternate; what a first call takes,
compilation included, is reported apart. Where `torch_runs` is smaller than `runs`, the ways that
train one run after the other are timed on that many and scaled.

Planar Gaussians, MNIST and, with the critic of DCGAN, 32 x 32 colour patches go through the whole
protocol, sampling included. On the W1 pairs, whose
sampler PyTorch does not have, both sides train on minibatches drawn beforehand; the seconds of ours
with sampling inside are a row of their own.

Run: python benchmarks/speed/critics.py [--only gaussians_2d] [--method c_transform] [--repeats 5]
PyTorch is optional: pip install torch==2.13.0. Without it there is nothing to compare with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import typer

sys.path.insert(0, str(Path(__file__).parent))
from critics_report import write_report
from timing import OtherWork, alternate_reported, hardware, median_and_spread
from torch_jobs import INSTALLED, WAYS, TorchSide

import wdist_bench as wb
from wdist_bench import datasets
from wdist_bench.costs import Cost
from wdist_bench.estimators.critic import CriticEstimator
from wdist_bench.networks.dcgan import image_shape
from wdist_bench.problem import Problem, Sampler, Samples
from wdist_bench.protocol.parallel import map_runs, run_keys, share_count
from wdist_bench.protocol.stream import Stream, run_stream

METHODS = ("weight_clipping", "gradient_penalty", "c_transform")
COST = Cost(1)
POOL = 64  # minibatches drawn beforehand, used in turn


@dataclass(frozen=True)
class Setting:
    """What is trained.

    Attributes:
        name: of the setting in the tables.
        task: name of the task.
        options: its options.
        preset: whose settings the estimators have.
        steps: minibatches of one training.
        runs: trainings.
        torch_runs: how many of them PyTorch does where it takes one after the other.
        eval_batches: minibatches that a frozen critic is evaluated on.
        goal: how many times faster than eager PyTorch ours should be.
        drawn: whether the minibatches are drawn beforehand.
        critic: the network.
    """

    name: str
    task: str
    options: dict[str, Any] = field(hash=False)
    preset: str
    steps: int
    runs: int
    torch_runs: int
    eval_batches: int
    goal: float
    drawn: bool = False
    critic: str = "mlp"

    def estimator(self, method: str) -> CriticEstimator:
        """The estimator with the steps and the network of the setting."""
        options = {"steps": self.steps, "critic": self.critic}
        return wb.estimators.get(method, preset=self.preset, **options)

    def make_task(self) -> wb.tasks.Task:
        """The task."""
        return wb.tasks.get(self.task, **self.options)


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("gaussians_2d", "gaussian_shift", {"dim": 2}, "mallasto", 500, 20, 20, 100, 8),
        Setting("mnist", "image_batches", {"dataset": "mnist"}, "mallasto", 500, 20, 4, 100, 3),
        Setting("w1_pairs_16", "funnels", {"dim": 16}, "w1_benchmark", 300, 4, 2, 32, 5, True),
        Setting("w1_pairs_128", "funnels", {"dim": 128}, "w1_benchmark", 60, 4, 2, 8, 1.5, True),
        Setting(
            "dcgan",
            "image_batches",
            {"dataset": "patches"},
            "mallasto",
            20,
            4,
            2,
            8,
            1,
            critic="dcgan",
        ),
    )
}


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pool(Sampler):
    """Minibatches drawn beforehand.

    Attributes:
        pool: (count, 2, n, dim) of them.
    """

    pool: jax.Array

    @property
    def dim(self) -> int:
        """Dimension of the points."""
        return self.pool.shape[-1]

    def draw(self, key: Any, n: int) -> Samples:
        """Minibatch number `key`, an integer here; they are used in turn."""
        return Samples(*self.pool[key % self.pool.shape[0]])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DrawnProblem(Problem):
    """A problem whose minibatches are drawn beforehand; `key` is the number of the first one, so
    that a run begins at one of its own.
    """

    @classmethod
    def of(cls, pool: jax.Array, first: Any) -> DrawnProblem:
        """From (count, 2, n, dim) minibatches, beginning with number `first`."""
        return cls(Pool(pool), first, jnp.zeros(pool.shape[-1]), 1.0, COST)

    def minibatch(self, step: Any, n: int) -> Samples:
        """Minibatch number first + step."""
        return self.sampler.draw(self.key + step, n)


@cache
def pool_of(setting: Setting, batch_size: int) -> np.ndarray:
    """(POOL, 2, n, dim) minibatches of the task in float32."""
    task = setting.make_task()
    batches = [task.sample(jax.random.key(number), batch_size) for number in range(POOL)]
    return np.asarray(batches, np.float32)


def ours(setting: Setting, estimator: CriticEstimator) -> tuple[float, float]:
    """Seconds of compiling, and of training and evaluating all runs, sampling included."""
    stream = Stream(estimator.batch_size, setting.runs, setting.eval_batches)
    result = run_stream(setting.make_task(), estimator, COST, stream)
    assert result.statuses == ["ok"] * setting.runs, result.messages
    return result.compile_seconds, result.run_seconds


def ours_drawn(setting: Setting, estimator: CriticEstimator) -> tuple[float, float]:
    """The same on minibatches drawn beforehand."""

    def one_run(key: jax.Array, pool: jax.Array) -> tuple[jax.Array, jax.Array]:
        first = jax.random.randint(key, (), 0, POOL, jnp.int32)
        problem = DrawnProblem.of(pool, first)
        fitted: Any = estimator.fit(key, problem)

        def evaluate(batch: jax.Array) -> jax.Array:
            fresh = problem.minibatch(estimator.steps + batch, estimator.batch_size)
            return fitted.batch_cost(fresh, COST)

        costs = jax.lax.map(evaluate, jnp.arange(setting.eval_batches, dtype=jnp.int32))
        return costs, fitted.history

    pool = jnp.asarray(pool_of(setting, estimator.batch_size))
    timed = map_runs(one_run, run_keys(0, setting.runs), pool)
    assert np.isfinite(timed.result[0]).all()
    return timed.compile_seconds, timed.run_seconds


def training_of(setting: Setting, estimator: CriticEstimator, dim: int) -> dict[str, Any]:
    """The fields of `torch_critics.Training`."""
    options = asdict(estimator)
    shared = ("batch_size", "steps", "optimizer", "learning_rate", "beta1", "beta2", "initial")
    own = ("clip", "clip_biases", "penalty_weight")
    channels = image_shape(dim)[2] if setting.critic == "dcgan" else 0
    return (
        {"method": estimator.name, "widths": (dim, *estimator.widths(dim), 1)}
        | {"eval_batches": setting.eval_batches, "channels": channels}
        | {name: options[name] for name in shared}
        | {name: options[name] for name in own if name in options}
    )


def source_of(setting: Setting, estimator: CriticEstimator) -> tuple[str, np.ndarray]:
    """The data for PyTorch: the kind of a source of `torch_critics`, and its array."""
    task: Any = setting.make_task()
    if setting.drawn:
        pool = pool_of(setting, estimator.batch_size)
        return "drawn", pool.reshape(POOL, -1, pool.shape[-1])
    if setting.task == "gaussian_shift":
        return "gaussians", task.vector() / 2
    images = datasets.load(task.dataset, task.split)
    pixels = images.pixels.astype(np.float32) * (2 / images.maximum) - 1
    return "images", pixels


def calls_of(
    setting: Setting, estimator: CriticEstimator, torch_side: TorchSide, ways: list[str]
) -> tuple[dict[str, Callable[[], float]], dict[str, float], dict[str, str]]:
    """A call for each way that works, the seconds of its first call, and why others do not."""
    calls: dict[str, Callable[[], float]] = {}
    first: dict[str, float] = {}
    reasons: dict[str, str] = {}
    sides = {"ours": partial(ours_drawn if setting.drawn else ours, setting, estimator)}
    if setting.drawn:
        sides["ours_sampling"] = partial(ours, setting, estimator)
    for name, side in sides.items():
        first[name] = sum(side())
        calls[name] = lambda side=side: side()[1]
    for way in ways:
        runs = setting.runs if way in ("vmap", "vmap_compile") else setting.torch_runs
        call = partial(torch_side.seconds, way, runs)
        try:
            first[way] = call()
        except RuntimeError as error:
            reasons[way] = str(error)
            continue
        calls[way] = lambda call=call, runs=runs: call() * setting.runs / runs
    return calls, first, reasons


def rows_of(
    setting: Setting, method: str, torch_side: TorchSide, repeats: int, ways: list[str]
) -> list[dict[str, Any]]:
    """One row for each way of training by one method."""
    estimator = setting.estimator(method)
    dim = setting.make_task().dim
    training = training_of(setting, estimator, dim)
    torch_side.prepare(training, source_of(setting, estimator), ways)
    calls, first, reasons = calls_of(setting, estimator, torch_side, ways)
    with OtherWork() as others:
        seconds = alternate_reported(calls, repeats, warm_up=False)
    rows = []
    for way in ("ours", "ours_sampling", *WAYS):
        row = {"setting": setting.name, "method": method, "way": way, "goal": setting.goal}
        row |= {"dim": dim, "batch": estimator.batch_size, "steps": setting.steps}
        row |= {
            "others": others.share,
            "runs": setting.runs,
            "repeats": repeats,
            "skipped": reasons.get(way, ""),
        }
        sequential = way in ("eager", "eager_per_core", "compile")
        row["runs_timed"] = setting.torch_runs if sequential else setting.runs
        if way in seconds:
            ratios = [
                theirs / own for theirs, own in zip(seconds[way], seconds["ours"], strict=True)
            ]
            row["seconds"], row["seconds_spread"] = median_and_spread(seconds[way])
            row["ratio"], row["ratio_spread"] = median_and_spread(ratios)
            untimed = 1 - row["runs_timed"] / setting.runs
            row["first_seconds"] = first[way] + untimed * row["seconds"]
        if way in seconds or way in reasons:
            rows.append(row)
            print(row, flush=True)
    return rows


def missing(setting: Setting) -> str:
    """Why a setting cannot be measured here; empty where it can."""
    try:
        setting.make_task().sampler()
    except FileNotFoundError as error:
        return str(error)
    return ""


def save(path: Path, rows: list[dict[str, Any]], machine: str) -> None:
    """Put the rows into the file in place of what they measure again, settings in order."""
    table = pd.DataFrame(rows).assign(hardware=machine)
    cell = ["setting", "method"]
    if path.exists():
        before = pd.read_csv(path)
        again = before.set_index(cell).index.isin(table.set_index(cell).index)
        table = pd.concat([before[~again], table])
    places = {name: place for place, name in enumerate((*SETTINGS, *METHODS))}
    table = table.sort_values(cell, key=lambda names: names.map(places), kind="stable")
    table.to_csv(path, index=False, float_format="%.4g")


def main(
    repeats: Annotated[int, typer.Option(help="Timed rounds.")] = 5,
    only: Annotated[list[str] | None, typer.Option(help="Settings; rows of others stay.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Methods; rows of others stay.")] = None,
    way: Annotated[list[str] | None, typer.Option(help="PyTorch's ways; default all.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Of one training; default the setting's.")
    ] = None,
    torch_runs: Annotated[
        int | None, typer.Option(help="That PyTorch does one after the other, at most.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Results folder.")] = Path("results/speed"),
) -> None:
    """Time critic training against PyTorch."""
    if not INSTALLED:
        raise SystemExit("critics: expected PyTorch, found none; call pip install torch==2.13.0")
    out.mkdir(parents=True, exist_ok=True)
    with TorchSide(share_count(10**6)) as torch_side:
        for setting in [SETTINGS[name] for name in only or SETTINGS]:
            fewer = min(torch_runs or setting.torch_runs, setting.torch_runs)
            setting = replace(setting, steps=steps or setting.steps, torch_runs=fewer)
            reason = missing(setting)
            for name in method or METHODS:
                machine = f"{hardware()}, {torch_side.describe()}"
                if reason:
                    rows = [{"setting": setting.name, "method": name, "skipped": reason}]
                else:
                    rows = rows_of(setting, name, torch_side, repeats, way or torch_side.ways())
                save(out / "critics.csv", rows, machine)
    write_report(out)


if __name__ == "__main__":
    typer.run(main)
