"""What every estimator and task must do, ours and others': the suite behind `wdist-bench check`."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from wdist_bench import estimators, tasks
from wdist_bench.bench.cell import parameters
from wdist_bench.bench.evaluate import estimate, evaluate
from wdist_bench.costs import Cost
from wdist_bench.estimate import BOUNDS, TARGETS, Estimate, Estimator
from wdist_bench.tasks import Task
from wdist_bench.truth import Truth
from wdist_bench.validation import check_name

# Critics are checked for what they claim, not for how well they train: short runs suffice.
_SHORT = {"steps": 30, "batch_size": 64, "centers": 32}
_FLOAT_ERROR = 1e-5  # relative; critics are float32
_PROBLEMS = 20


@dataclass(frozen=True)
class Finding:
    """One rule and whether it holds.

    Attributes:
        rule: what must hold.
        problem: what went wrong, empty where it holds.
    """

    rule: str
    problem: str

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return not self.problem


class Broken(Exception):  # noqa: N818  (a verdict, not an error of the program)
    """A rule does not hold."""


def check(name: str) -> list[Finding]:
    """Run the conformance suite on a registered estimator or task."""
    check_name(name, [*estimators.names(), *tasks.names()], "estimator or task")
    if name in estimators.names():
        options = {p: v for p, v in _SHORT.items() if p in _options(name)}
        return _findings(_ESTIMATOR_RULES, estimators.get(name, **options))
    return _findings(_TASK_RULES, tasks.get(name))


def _options(name: str) -> set[str]:
    return set(parameters(estimators.get(name)))


def _findings(rules: dict[str, Callable[[Any], None]], subject: Any) -> list[Finding]:
    findings = []
    for rule, test in rules.items():
        try:
            test(subject)
        except Broken as broken:
            findings.append(Finding(rule, str(broken)))
        except Exception as error:
            findings.append(Finding(rule, f"raised {type(error).__name__}: {error}"))
        else:
            findings.append(Finding(rule, ""))
    return findings


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise Broken(problem)


def _costs(estimator: Estimator) -> Iterator[Cost]:
    """The costs that the estimator does not refuse."""
    for p in (1, 2):
        for norm in ("l2", "l1"):
            try:
                estimator.check_cost(Cost(p, norm))
            except ValueError:
                continue
            yield Cost(p, norm)


def _problem(seed: int, estimator: Estimator, n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Two small samples, on a line where the estimator takes nothing else."""
    rng = np.random.default_rng(seed)
    dim = 1 if estimator.name == "one_dimensional" else 2
    x, y = rng.normal(size=(2, n, dim))
    return x, y * rng.uniform(0.5, 2) + rng.normal(size=dim)


def _ask(estimator: Estimator, x: Any, y: Any, cost: Cost, **rest: Any) -> Estimate:
    answer = estimate(x, y, estimator, cost.p, norm=cost.norm, **rest)
    _require(isinstance(answer, Estimate), f"expected an Estimate, got {type(answer).__name__}")
    return answer


def _is_plain_data(subject: Any) -> None:
    _require(pickle.loads(pickle.dumps(subject)) == subject, "not equal to itself after pickling")
    _require(hash(subject) == hash(pickle.loads(pickle.dumps(subject))), "hash is not by value")


def _declares_itself(estimator: Estimator) -> None:
    _require(estimator.target in TARGETS, f"target is {estimator.target!r}, not one of {TARGETS}")
    _require(estimator.bound in BOUNDS, f"bound is {estimator.bound!r}, not one of {BOUNDS}")
    _require(isinstance(estimator.version, int), "version is not a whole number")
    _require(any(_costs(estimator)), "refuses every cost")


def _answers(estimator: Estimator) -> None:
    for cost in _costs(estimator):
        x, y = _problem(2, estimator)
        answer = _ask(estimator, x, y[:9], cost)
        if answer.status != "ok":
            _require(bool(answer.message), f"{answer.status} without a message")
            _require(math.isnan(answer.value), f"{answer.status} with the value {answer.value}")
            continue
        _require(math.isfinite(answer.value), f"value {answer.value} with status ok")
        root = cost.root(answer.cost)
        _require(math.isclose(root, answer.value, rel_tol=1e-6), "value is not cost^(1/p)")
        if answer.potentials is not None:
            shapes = tuple(np.shape(part) for part in answer.potentials)
            _require(shapes == ((12,), (9,)), f"potentials have shapes {shapes}, not (12,), (9,)")


def _repeats(estimator: Estimator) -> None:
    x, y = _problem(3, estimator)
    cost = next(_costs(estimator))
    first, again = (_ask(estimator, x, y, cost, seed=5).value for _ in range(2))
    _require(first == again or first != first, f"the same seed gave {first} and {again}")


def _is_a_distance_of_sets(estimator: Estimator) -> None:
    """Only where the seed does not matter: a random method may change with the order of rows."""
    x, y = _problem(4, estimator)
    for cost in _costs(estimator):
        values = [_ask(estimator, x, y, cost, seed=seed).value for seed in (0, 1)]
        if values[0] != values[1]:
            return
        variants = {
            "the order of the points": (x[::-1], y[np.random.default_rng(0).permutation(12)], 1.0),
            "a common translation": (x + 3, y + 3, 1.0),
            "scaling by 10": (10 * x, 10 * y, 10.0),
        }
        for what, (u, v, factor) in variants.items():
            value = _ask(estimator, u, v, cost).value / factor
            close = math.isclose(value, values[0], rel_tol=1e-4, abs_tol=1e-6)
            _require(close, f"{what} changes the value from {values[0]:.6g} to {value:.6g}")


def _keeps_its_batch_claims(estimator: Estimator) -> None:
    for seed in range(_PROBLEMS):
        x, y = _problem(seed, estimator)
        for cost in _costs(estimator):
            answer = _ask(estimator, x, y, cost, seed=seed)
            exact = estimate(x, y, "exact", cost.p, norm=cost.norm).value
            room = _FLOAT_ERROR * (1 + exact)
            claims = {
                "lower": answer.bound == "lower" and answer.value > exact + room,
                "upper": answer.bound == "upper" and answer.value < exact - room,
                "exact": answer.bound == "exact" and abs(answer.value - exact) > room,
                "lower limit": answer.lower is not None and answer.lower > exact + room,
                "upper limit": answer.upper is not None and answer.upper < exact - room,
            }
            for claim, broken in claims.items():
                where = f"problem {seed} at {cost}"
                text = f"claims {claim}, gave {answer} against the exact {exact:.6g} on {where}"
                _require(not broken or answer.status != "ok", text)


def _keeps_its_population_claim(estimator: Estimator) -> None:
    if estimator.target != "population" or estimator.bound not in ("lower", "upper"):
        return
    for name in ("gaussian_shift", "radial", "image_batches"):
        truth = tasks.get(name).truth(1)
        answer = evaluate(name, estimator, eval_samples=50_000)
        if truth is None or answer.status != "ok":
            continue
        gap = answer.value - truth.value
        beyond = gap if estimator.bound == "lower" else -gap
        text = f"{answer.value:.6g} is no {estimator.bound} bound of {truth.value:.6g} on {name}"
        _require(beyond <= 4 * (answer.stderr or 0) + 1e-5, text)


def _takes_hard_input_or_refuses(estimator: Estimator) -> None:
    x, y = _problem(6, estimator)
    weights = np.r_[np.zeros(4), np.full(8, 1 / 8)]
    cases: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "one point each": (x[:1], y[:1], {}),
        "identical inputs": (x, x, {}),
        "duplicated points": (np.repeat(x[:3], 4, 0), y, {}),
        "an offset of 1e6": (x + 1e6, y + 1e6, {}),
        "a scale of 1e-6": (1e-6 * x, 1e-6 * y, {}),
        "weights with zeros": (x, y, {"a": weights}),
        "integers": (np.rint(9 * x).astype(int), np.rint(9 * y).astype(int), {}),
        "float32": (x.astype(np.float32), y.astype(np.float32), {}),
    }
    for what, (u, v, rest) in cases.items():
        for cost in _costs(estimator):
            try:
                answer = _ask(estimator, u, v, cost, **rest)
            except ValueError as refusal:
                _require("\n" not in str(refusal), f"{what}: the refusal has more than one line")
                continue
            exact = estimate(u, v, "exact", cost.p, norm=cost.norm, **rest).value
            room = 1e-4 * (1e-9 + exact + float(np.ptp(u, axis=0).max()))
            broken = answer.bound == "lower" and answer.value > exact + room
            broken |= answer.bound == "upper" and answer.value < exact - room
            broken |= answer.bound == "exact" and abs(answer.value - exact) > room
            text = f"{what}: {answer} against the exact {exact:.6g} at {cost}"
            _require(answer.status != "ok" or not broken, text)


def _leaves_the_world_alone(estimator: Estimator) -> None:
    x, y = _problem(7, estimator)
    before = x.copy(), y.copy()
    flag, state = jax.config.read("jax_enable_x64"), np.random.get_state()  # noqa: NPY002
    np.random.seed(20_260_101)  # noqa: NPY002  (a state that no estimator would set)
    expected = _random_state()
    try:
        _ask(estimator, x, y, next(_costs(estimator)))
        _require(_random_state() == expected, "changed NumPy's global random state")
    finally:
        np.random.set_state(state)  # noqa: NPY002
    _require(jax.config.read("jax_enable_x64") == flag, "changed jax's 64-bit flag")
    _require((x == before[0]).all() and (y == before[1]).all(), "changed its input")


def _random_state() -> tuple[bytes, int]:
    _, words, position, *_ = np.random.get_state()  # noqa: NPY002
    return np.asarray(words).tobytes(), int(position)


def _samples(task: Task) -> None:
    n = min(50, task.sampler().limit or 50)
    x, y = task.sample(jax.random.key(0), n)
    for points in (x, y):
        _require(points.shape == (n, task.dim), f"expected {(n, task.dim)}, got {points.shape}")
        _require(bool(np.isfinite(points).all()), "samples are not finite")
    again, _ = task.sample(jax.random.key(0), n)
    _require(bool((again == x).all()), "the same key gave other samples")
    other, _ = task.sample(jax.random.key(1), n)
    moved = bool((other != x).any()) or bool(np.ptp(np.asarray(x), axis=0).max() == 0)
    _require(moved, "another key gave the same samples")


def _knows_its_truth(task: Task) -> None:
    for p in (1, 2):
        for norm in ("l2", "l1"):
            truth = task.truth(p, norm)
            kind = truth is None or isinstance(truth, Truth)
            _require(kind, f"truth(p={p}) is a {type(truth).__name__}, not a Truth or None")


def _truth_is_below_the_batches(task: Task) -> None:
    """E W_p^p of two batches is at least W_p^p of the population (it is convex in the pair)."""
    limit = task.sampler().limit or 200
    for p in (1, 2):
        truth = task.truth(p)
        if truth is None:
            continue
        answer = evaluate(task, "exact", p, eval_batches=20, batch_size=min(100, limit))
        error = (answer.stderr or 0) * (1 if p == 1 else 2 * answer.value)
        room = 5 * error + 1e-6 * (1 + answer.cost) + 5 * truth.stderr
        text = f"W_{p} = {truth.value:.6g}, but batches are at {answer.value:.6g} on average"
        _require(truth.value**p <= answer.cost + room, text)


_ESTIMATOR_RULES: dict[str, Callable[[Any], None]] = {
    "declares name, version, target and bound": _declares_itself,
    "is plain data: hashable, picklable, equal by value": _is_plain_data,
    "answers with a finite value, or a status and a message": _answers,
    "gives the same value for the same seed": _repeats,
    "follows permutation, translation and scale where it is not random": _is_a_distance_of_sets,
    "keeps what it claims on batches": _keeps_its_batch_claims,
    "keeps what it claims of populations": _keeps_its_population_claim,
    "takes hard input or refuses it": _takes_hard_input_or_refuses,
    "changes neither its input nor global state": _leaves_the_world_alone,
}
_TASK_RULES: dict[str, Callable[[Any], None]] = {
    "is plain data: hashable, picklable, equal by value": _is_plain_data,
    "samples (n, dim) finite points, by key": _samples,
    "gives a Truth or None for every cost": _knows_its_truth,
    "has a truth that the batches confirm": _truth_is_below_the_batches,
}
