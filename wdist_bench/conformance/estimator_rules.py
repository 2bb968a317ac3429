"""What every estimator must do, ours and others'."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from wdist_bench import tasks
from wdist_bench.calls import estimate
from wdist_bench.conformance.findings import COSTS, FLOAT_ERROR, is_plain_data, require
from wdist_bench.costs import Cost
from wdist_bench.estimate import BOUNDS, TARGETS, Estimate, Estimator
from wdist_bench.estimators.given import check_cost
from wdist_bench.protocol.evaluate import evaluate

_PROBLEMS = 20  # pairs of small samples that bounds are held against the exact solver on
_POPULATIONS = ("gaussian_shift", "radial", "image_batches")  # the last in 64 dimensions
_POPULATION_SAMPLES = 50_000


def _costs(estimator: Estimator) -> Iterator[Cost]:
    """The costs that the estimator does not refuse."""
    for p, norm in COSTS + ((3, "l2"),) * estimator.every_cost:
        try:
            check_cost(estimator, Cost(p, norm))
        except ValueError:
            continue
        yield Cost(p, norm)


def _problem(seed: int, estimator: Estimator) -> tuple[np.ndarray, np.ndarray]:
    """Two small samples, on a line where the estimator takes nothing else."""
    rng = np.random.default_rng(seed)
    dim = 1 if estimator.name == "one_dimensional" else 2
    x, y = rng.normal(size=(2, 12, dim))
    return x, y * rng.uniform(0.5, 2) + rng.normal(size=dim)


def _ask(estimator: Estimator, x: Any, y: Any, cost: Cost, **rest: Any) -> Estimate:
    answer = estimate(x, y, estimator, cost=cost, **rest)
    require(isinstance(answer, Estimate), f"expected an Estimate, got {type(answer).__name__}")
    return answer


def _declares_itself(estimator: Estimator) -> None:
    require(estimator.target in TARGETS, f"target is {estimator.target!r}, not one of {TARGETS}")
    require(estimator.bound in BOUNDS, f"bound is {estimator.bound!r}, not one of {BOUNDS}")
    require(isinstance(estimator.version, int), "version is not a whole number")
    require(any(_costs(estimator)), "refuses every cost")


def _answers(estimator: Estimator) -> None:
    for cost in _costs(estimator):
        x, y = _problem(2, estimator)
        answer = _ask(estimator, x, y[:9], cost)
        if answer.status != "ok":
            require(bool(answer.message), f"{answer.status} without a message")
            require(math.isnan(answer.value), f"{answer.status} with the value {answer.value}")
            continue
        require(math.isfinite(answer.value), f"value {answer.value} with status ok")
        root = cost.root(answer.cost)
        require(math.isclose(root, answer.value, rel_tol=1e-6), "value is not cost^(1/p)")
        if answer.potentials is not None:
            shapes = tuple(np.shape(part) for part in answer.potentials)
            require(shapes == ((12,), (9,)), f"potentials have shapes {shapes}, not (12,), (9,)")


def _repeats(estimator: Estimator) -> None:
    x, y = _problem(3, estimator)
    cost = next(_costs(estimator))
    first, again = (_ask(estimator, x, y, cost, seed=5).value for _ in range(2))
    require(first == again or first != first, f"the same seed gave {first} and {again}")


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
            require(close, f"{what} changes the value from {values[0]:.6g} to {value:.6g}")


def _keeps_its_batch_claims(estimator: Estimator) -> None:
    for seed in range(_PROBLEMS):
        x, y = _problem(seed, estimator)
        for cost in _costs(estimator):
            answer = _ask(estimator, x, y, cost, seed=seed)
            exact = estimate(x, y, "exact", cost=cost).value
            room = FLOAT_ERROR * (1 + exact)
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
                require(not broken or answer.status != "ok", text)


def _keeps_its_population_claim(estimator: Estimator) -> None:
    if estimator.target != "population" or estimator.bound not in ("lower", "upper"):
        return
    cost = next(_costs(estimator))
    for name in _POPULATIONS:
        truth = tasks.get(name).truth(cost)
        answer = evaluate(name, estimator, cost=cost, eval_samples=_POPULATION_SAMPLES)
        if truth is None or answer.status != "ok":
            continue
        gap = answer.value - truth.value
        beyond = gap if estimator.bound == "lower" else -gap
        text = f"{answer.value:.6g} is no {estimator.bound} bound of {truth.value:.6g} on {name}"
        require(beyond <= 4 * (answer.stderr or 0) + 1e-5, text)


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
                require("\n" not in str(refusal), f"{what}: the refusal has more than one line")
                continue
            exact = estimate(u, v, "exact", cost=cost, **rest).value
            room = 1e-4 * (1e-9 + exact + float(np.ptp(u, axis=0).max()))
            broken = answer.bound == "lower" and answer.value > exact + room
            broken |= answer.bound == "upper" and answer.value < exact - room
            broken |= answer.bound == "exact" and abs(answer.value - exact) > room
            text = f"{what}: {answer} against the exact {exact:.6g} at {cost}"
            require(answer.status != "ok" or not broken, text)


def _leaves_the_world_alone(estimator: Estimator) -> None:
    x, y = _problem(7, estimator)
    before = x.copy(), y.copy()
    flag, state = jax.config.read("jax_enable_x64"), np.random.get_state()  # noqa: NPY002
    np.random.seed(20_260_101)  # noqa: NPY002  (a state that no estimator would set)
    expected = _random_state()
    try:
        _ask(estimator, x, y, next(_costs(estimator)))
        require(_random_state() == expected, "changed NumPy's global random state")
    finally:
        np.random.set_state(state)  # noqa: NPY002
    require(jax.config.read("jax_enable_x64") == flag, "changed jax's 64-bit flag")
    require((x == before[0]).all() and (y == before[1]).all(), "changed its input")


def _random_state() -> tuple[bytes, int]:
    _, words, position, *_ = np.random.get_state()  # noqa: NPY002
    return np.asarray(words).tobytes(), int(position)


ESTIMATOR_RULES: dict[str, Callable[[Any], str | None]] = {
    "declares name, version, target and bound": _declares_itself,
    "is plain data: hashable, picklable, equal by value": is_plain_data,
    "answers with a finite value, or a status and a message": _answers,
    "gives the same value for the same seed": _repeats,
    "follows permutation, translation and scale where it is not random": _is_a_distance_of_sets,
    "keeps what it claims on batches": _keeps_its_batch_claims,
    "keeps what it claims of populations": _keeps_its_population_claim,
    "takes hard input or refuses it": _takes_hard_input_or_refuses,
    "changes neither its input nor global state": _leaves_the_world_alone,
}
