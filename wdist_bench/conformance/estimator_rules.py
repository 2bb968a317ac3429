"""What every estimator must do, ours and others'."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from itertools import islice
from typing import Any

import jax
import numpy as np

from wdist_bench import tasks
from wdist_bench.calls import estimate
from wdist_bench.conformance.findings import FLOAT_ERROR, is_plain_data, require
from wdist_bench.conformance.problems import (
    Kind,
    costs,
    in_another_dimension,
    kinds,
    of_samples,
    other_costs,
    takes,
)
from wdist_bench.costs import Cost
from wdist_bench.costs.powers import root_slope
from wdist_bench.estimate import BOUNDS, TARGETS, DirectEstimator, Estimate, Estimator, Fitted
from wdist_bench.estimators.given import ask, fit, traced_cost
from wdist_bench.problem import Problem, Samples
from wdist_bench.protocol.evaluate import evaluate
from wdist_bench.tasks import Task

_PROBLEMS = 20  # pairs of small samples that bounds are held against the exact solver on
_POPULATIONS = ("gaussian_shift", "radial", "image_batches")  # the last in 64 dimensions
_POPULATION_SAMPLES = 50_000
_TRAINED = 1000  # steps after which claims are looked at again, where the class has as many
_ONE_PROGRAM = 1e-3  # share of W_p^p by which float32 inside a program may differ from the host


def _fitted(estimator: Estimator, samples: Samples, cost: Cost) -> tuple[Fitted, Problem]:
    """What `estimate` fits to two samples, and the coordinates that it is fitted in."""
    data_key, own_key = jax.random.split(jax.random.key(0))
    problem = Problem.from_samples(samples, cost, data_key, estimator.standardize)
    return fit(estimator, own_key, problem), problem


def _trained(estimator: Estimator) -> Estimator | None:
    """The estimator after more of its own steps, None where it has no more.

    What starts at 0 keeps a lower bound that it does not have until it is trained.
    """
    own = {field.name: field.default for field in fields(estimator)}.get("steps")  # type: ignore[arg-type]
    steps = min(own, _TRAINED) if isinstance(own, int) else 0
    return replace(estimator, steps=steps) if steps > estimator.steps else None  # type: ignore[type-var]


def _ask(estimator: Estimator, x: Any, y: Any, cost: Cost, **rest: Any) -> Estimate:
    answer = estimate(x, y, estimator, cost=cost, **rest)
    require(isinstance(answer, Estimate), f"expected an Estimate, got {type(answer).__name__}")
    return answer


def _declares_itself(estimator: Estimator) -> None:
    require(estimator.target in TARGETS, f"target is {estimator.target!r}, not one of {TARGETS}")
    require(estimator.bound in BOUNDS, f"bound is {estimator.bound!r}, not one of {BOUNDS}")
    require(isinstance(estimator.version, int), "version is not a whole number")
    require(any(costs(estimator, next(kinds(estimator)).dim)), "refuses every cost")


@partial(of_samples, says=True)
def _answers(estimator: Estimator, kind: Kind) -> str:
    """Of 12 points against 9, or as many where the estimator takes no others."""
    note, (x, y), fewer = "", kind.problem(2), kind.fewer
    for cost in costs(estimator, kind.dim):
        try:
            answer = _ask(estimator, x, y[:fewer], cost)
        except ValueError as refusal:
            note = f"it refuses {len(x)} points against {fewer}: {refusal}"
            fewer = len(y)
            answer = _ask(estimator, x, y, cost)
        if answer.status != "ok":
            require(bool(answer.message), f"{answer.status} without a message")
            require(math.isnan(answer.value), f"{answer.status} with the value {answer.value}")
            continue
        require(math.isfinite(answer.value), f"value {answer.value} with status ok")
        root = cost.root(answer.cost)
        require(math.isclose(root, answer.value, rel_tol=1e-6), "value is not cost^(1/p)")
        if answer.potentials is not None:
            shapes, wanted = tuple(map(np.shape, answer.potentials)), ((len(x),), (fewer,))
            require(shapes == wanted, f"potentials have shapes {shapes}, not {wanted}")
    return note


@of_samples
def _repeats(estimator: Estimator, kind: Kind) -> None:
    x, y = kind.problem(3)
    cost = next(costs(estimator, kind.dim))
    first, again = (_ask(estimator, x, y, cost, seed=5).value for _ in range(2))
    require(first == again or first != first, f"the same seed gave {first} and {again}")


@of_samples
def _is_a_distance_of_sets(estimator: Estimator, kind: Kind) -> str:
    """Only where the seed does not matter: a random method may change with the order of rows. Who
    is not exact may have a length of its own (a temperature, say), but no other power of lengths.
    """
    x, y = kind.problem(4)
    order, note = np.random.default_rng(0).permutation(kind.rows), ""
    for cost in costs(estimator, kind.dim):
        values = [_ask(estimator, x, y, cost, seed=seed).value for seed in (0, 1)]
        if values[0] != values[1]:
            return note
        variants = {"the order of the points": (x[::-1], y[order], 1.0)}
        if cost.is_norm:
            variants |= {
                "a common translation": (x + 3, y + 3, 1.0),
                "scaling by 10": (10 * x, 10 * y, 10.0),
            }
        for what, (u, v, factor) in variants.items():
            try:
                value = _ask(estimator, u, v, cost).value / factor
            except ValueError as refusal:
                if not kind.positive:
                    raise
                note = f"it refuses {what}: {refusal}"
                continue
            powers = np.array([0, -1, -0.5, 1, 2])  # the first is right
            close = np.isclose(value, factor**powers * values[0], rtol=1e-4, atol=1e-6)
            text = f"{what} changes the value from {values[0]:.6g} to {value:.6g}"
            may = factor > 1 and estimator.bound != "exact" and not close.any()
            require(may or bool(close[0]), text)
            note = note if close[0] else f"{text} at {cost}: it has a length of its own"
    return note


@of_samples
def _keeps_its_batch_claims(estimator: Estimator, kind: Kind) -> None:
    others = [] if estimator.bound == "none" else other_costs(estimator, kind.dim)
    misses: dict[Cost, list[tuple[bool, float]]] = defaultdict(list)
    for seed in range(_PROBLEMS):
        for cost in dict.fromkeys([*costs(estimator, kind.dim), *others * (seed < 2)]):
            missed = _holds_claims(estimator, kind, seed, cost)
            if missed is not None:
                misses[cost].append(missed)
    for cost, found in misses.items():
        _misses_no_more_than_its_level(found, cost)
    in_another_dimension(
        estimator, kind, lambda other, cost: _holds_claims(estimator, other, 0, cost)
    )
    if (late := _trained(estimator)) is not None and estimator.bound != "none":
        for seed in range(2):
            _holds_claims(late, kind, seed, next(costs(late, kind.dim)))


def _holds_claims(
    estimator: Estimator, kind: Kind, seed: int, cost: Cost
) -> tuple[bool, float] | None:
    """Raise Broken where a claim on one problem does not hold; odd ones have uneven weights, and
    every other even one fewer rows of y, as in the rule for answers.

    Returns:
        Whether ends that hold with a level miss the exact value, and that level; None where there
        are none.
    """
    x, y = kind.problem(seed)
    weights = kind.weights(seed) if seed % 2 else {}
    y = y[: kind.fewer] if seed % 4 == 2 else y
    try:
        answer = _ask(estimator, x, y, cost, seed=seed, **weights)
    except ValueError:
        if weights or len(y) < len(x):  # refused, which the rules for these look at
            return None
        raise
    if answer.status != "ok" and answer.lower is None and answer.upper is None:
        return None
    exact = estimate(x, y, "exact", cost=cost, **weights).value
    room = FLOAT_ERROR * (1 + exact)
    ends = {
        "lower limit": answer.lower is not None and answer.lower > exact + room,
        "upper limit": answer.upper is not None and answer.upper < exact - room,
    }
    claim = _broken_claim(estimator, answer, exact, room)
    of_rows = answer.target == "batch"  # ends of populations may miss a batch
    if of_rows and answer.level is None:
        claim = claim or next((end for end, broken in ends.items() if broken), "")
    where = f"problem {seed} of {len(x)} x {len(y)} points in {kind.dim} columns at {cost}"
    text = f"claims {claim}, gave {answer} against the exact {exact:.6g} on {where}"
    require(not claim, text)
    return (any(ends.values()), answer.level) if of_rows and answer.level is not None else None


def _broken_claim(estimator: Estimator, answer: Estimate, exact: float, room: float) -> str:
    """What the answer, or where it speaks of batches the class, claims of a batch and is not so."""
    claimed = {answer.bound} if answer.target == "batch" else set()
    if estimator.target == "batch":  # tables print what the class says
        claimed.add(estimator.bound)
    beyond = answer.value - exact
    broken = {"exact": abs(beyond) > room, "lower": beyond > room, "upper": beyond < -room}
    return next((claim for claim, wrong in broken.items() if wrong and claim in claimed), "")


def _misses_no_more_than_its_level(found: list[tuple[bool, float]], cost: Cost) -> None:
    """Ends with a level may miss now and then: one right estimator in 10^6 misses so often."""
    from scipy.stats import binom

    missed, level = sum(miss for miss, _ in found), min(level for _, level in found)
    chance = float(binom.sf(missed - 1, len(found), 1 - level))
    text = f"its ends at level {level:g} miss {missed} of {len(found)} exact values at {cost}"
    require(chance > 1e-6, text)


@of_samples
def _keeps_its_population_claim(estimator: Estimator, kind: Kind) -> None:
    if estimator.target != "population" or estimator.bound == "none":
        return
    populations = _populations(estimator, kind)
    for task in populations:
        _holds_of_population(estimator, task, next(costs(estimator, task.dim)))
    task = _without_a_gap(estimator, kind)
    for cost in islice(costs(estimator, task.dim), 1, None):
        _holds_of_population(estimator, task, cost)
    if (late := _trained(estimator)) is not None:
        _holds_of_population(late, populations[0], next(costs(late, populations[0].dim)))


def _populations(estimator: Estimator, kind: Kind) -> list[Task]:
    """The tasks of a dimension that the estimator takes, or one made for it."""
    if kind.positive:
        x, y = kind.problem(0)
        return [tasks.get("weighted_points", x=x, y=y)]
    found = [tasks.get(name) for name in _POPULATIONS]
    found = [task for task in found if takes(estimator, task.dim)]
    return found or [tasks.get("gaussian_shift", dim=kind.dim)]


def _without_a_gap(estimator: Estimator, kind: Kind) -> Task:
    """What is biased upwards is no lower bound of equal populations."""
    gap = estimator.bound == "upper"
    if kind.positive:
        x, y = kind.problem(0)
        return tasks.get("weighted_points", x=x, y=y if gap else x)
    return tasks.get("gaussian_shift", dim=kind.dim, shift=float(gap))


def _holds_of_population(estimator: Estimator, task: Task, cost: Cost) -> None:
    """Within four standard errors of W_p^p, which means are taken of: near 0 roots have none."""
    truth = task.truth(cost)
    if truth is None:
        return
    answer = evaluate(task, estimator, cost=cost, eval_samples=_POPULATION_SAMPLES)
    if answer.status != "ok":
        return
    exact, stderr = truth.value**cost.p, answer.stderr or 0
    if math.isfinite(stderr):
        stderr /= root_slope(answer.value, cost.p)
    gap = answer.cost - exact
    beyond = {"lower": gap, "upper": -gap}.get(estimator.bound, abs(gap))
    said = "not" if estimator.bound == "exact" else f"no {estimator.bound} bound of"
    text = f"{answer.value:.6g} is {said} {truth.value:.6g} on {task.name}"
    after = f" after {estimator.steps} steps" * bool(estimator.steps)
    require(beyond <= 4 * stderr + FLOAT_ERROR * (1 + exact), f"{text}{after} at {cost}")


@of_samples
def _is_the_same_inside_programs(estimator: Estimator, kind: Kind) -> None:
    """Suites and `wb.distance` ask `batch_cost` alone, of weighted samples that of direct ones."""
    if not estimator.traced:
        return
    for cost in costs(estimator, kind.dim):
        _is_the_same_inside(estimator, kind, cost)
        if isinstance(estimator, DirectEstimator):
            with suppress(ValueError):  # refused, as in the rule for hard input
                _is_the_same_inside(estimator, kind, cost, kind.weights(8))
    in_another_dimension(estimator, kind, partial(_is_the_same_inside, estimator))


def _is_the_same_inside(
    estimator: Estimator, kind: Kind, cost: Cost, weights: dict[str, Any] | None = None
) -> None:
    x, y = kind.problem(8)
    samples = Samples.checked(x, y, **weights or {})
    fitted, problem = _fitted(estimator, samples, cost)
    answer = ask(estimator, fitted, samples, cost)
    if answer.status != "ok":
        return
    total = _inside(estimator, fitted, problem, samples)
    room = _ONE_PROGRAM * (abs(answer.cost) + estimate(x, y, cost=cost).cost)
    text = (
        f"batch_cost of {'weighted ' * bool(weights)}samples is {total:.6g} inside a program at "
        f"{cost}, and the cost of the answer {answer.cost:.6g}; both are estimates of W_p^p"
    )
    require(abs(total - answer.cost) <= room, text)


def _inside(estimator: Estimator, fitted: Any, problem: Problem, samples: Samples) -> float:
    """`batch_cost`, asked in the coordinates that were fitted in, in units of W_p^p."""
    center, unit, cost = np.asarray(problem.center), float(problem.unit), problem.cost
    length = float(getattr(fitted, "length", 1.0))  # what it divided distances by
    if isinstance(estimator, DirectEstimator):  # fits nothing, and is asked in the user's
        center, unit, length = np.zeros_like(center), 1.0, 1.0
    within = cost.scaled(1 / length) or cost
    program = jax.jit(partial(traced_cost, estimator, fitted, cost=within))
    return (unit * length) ** cost.p * float(program(samples.shifted(center, unit=unit)))


@of_samples
def _takes_hard_input_or_refuses(estimator: Estimator, kind: Kind) -> None:
    x, y = kind.problem(6)
    weights, none, taken = kind.weights(6), kind.rows // 3, False
    weights["a"] = np.r_[np.zeros(none), np.full(kind.rows - none, 1 / (kind.rows - none))]
    cases: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "one point each": (x[:1], y[:1], {}),
        "identical inputs": (x, x, {}),
        "duplicated points": (np.resize(x[:3], x.shape), y, {}),
        "an offset of 1e6": (x + 1e6, y + 1e6, {}),
        "a scale of 1e-6": (1e-6 * x, 1e-6 * y, {}),
        "weights with zeros": (x, y, weights),
        "integers": (np.rint(9 * x).astype(int), np.rint(9 * y).astype(int), {}),
        "float32": (x.astype(np.float32), y.astype(np.float32), {}),
    }
    for what, (u, v, rest) in cases.items():
        for cost in costs(estimator, kind.dim):
            try:
                answer = _ask(estimator, u, v, cost, **rest)
            except ValueError as refusal:
                require("\n" not in str(refusal), f"{what}: the refusal has more than one line")
                continue
            taken = True
            exact = estimate(u, v, "exact", cost=cost, **rest).value
            room = 1e-4 * (1e-9 + exact + float(np.ptp(u, axis=0).max()))
            broken = _broken_claim(estimator, answer, exact, room)
            text = f"{what}: {answer} against the exact {exact:.6g} at {cost}"
            require(answer.status != "ok" or not broken, text)
    if not taken:  # maybe none of these, and nothing like it
        _ask(estimator, x, y, next(costs(estimator, kind.dim)))


@of_samples
def _leaves_the_world_alone(estimator: Estimator, kind: Kind) -> None:
    flag, state = jax.config.read("jax_enable_x64"), np.random.get_state()  # noqa: NPY002
    np.random.seed(20_260_101)  # noqa: NPY002  (a state that no estimator would set)
    expected = _random_state()
    try:
        _leaves_samples_alone(estimator, kind, {})
        with suppress(ValueError):  # refused
            _leaves_samples_alone(estimator, kind, kind.weights(7))
        require(_random_state() == expected, "changed NumPy's global random state")
    finally:
        np.random.set_state(state)  # noqa: NPY002
    require(jax.config.read("jax_enable_x64") == flag, "changed jax's 64-bit flag")


def _leaves_samples_alone(estimator: Estimator, kind: Kind, weights: dict[str, Any]) -> None:
    """Asked with samples of our own, since `estimate` copies what it is given."""
    samples = Samples.checked(*kind.problem(7), **weights)
    cost = next(costs(estimator, kind.dim))
    before = copy.deepcopy(samples)
    fitted, _ = _fitted(estimator, samples, cost)
    ask(estimator, fitted, samples, cost)
    same = map(np.array_equal, vars(before).values(), vars(samples).values())
    require(all(same), "changed its input")


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
    "gives the same inside compiled programs, where it is traced": _is_the_same_inside_programs,
    "takes hard input or refuses it": _takes_hard_input_or_refuses,
    "changes neither its input nor global state": _leaves_the_world_alone,
}
