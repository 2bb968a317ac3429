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
from wdist_bench.calls import estimate
from wdist_bench.conformance.truth_routes import Limit, Routes, draw, draw_pairs, lipschitz_excess
from wdist_bench.costs import Cost
from wdist_bench.estimate import BOUNDS, TARGETS, Estimate, Estimator
from wdist_bench.protocol.evaluate import evaluate
from wdist_bench.runs.cell import parameters
from wdist_bench.tasks import Task
from wdist_bench.truth import Truth
from wdist_bench.validation import check_name

# Critics are checked for what they claim, not for how well they train: short runs suffice.
_SHORT = {"steps": 30, "batch_size": 64, "centers": 32}
_FLOAT_ERROR = 1e-5  # relative; critics are float32
_PROBLEMS = 20
_COSTS = tuple((p, norm) for p in (1, 2) for norm in ("l2", "l1"))
_NEAR = 0.9  # share of the truth that a route must reach to count as a check on its side


@dataclass(frozen=True)
class Finding:
    """One rule and whether it holds.

    Attributes:
        rule: what must hold.
        problem: what went wrong, empty where it holds.
        note: how far the check reaches, where that is not all of the rule; lines of text.
    """

    rule: str
    problem: str
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return not self.problem


class Broken(Exception):  # noqa: N818  (a verdict, not an error of the program)
    """A rule does not hold; the text says what was expected and what came."""


def check(name: str) -> list[Finding]:
    """Run the conformance suite on a registered estimator or task, or both of that name."""
    check_name(name, [*estimators.names(), *tasks.names()], "estimator or task")
    findings = []
    if name in estimators.names():
        options = {p: v for p, v in _SHORT.items() if p in _options(name)}
        findings += _findings(_ESTIMATOR_RULES, estimators.get(name, **options))
    if name in tasks.names():
        findings += _findings(_TASK_RULES, tasks.get(name))
    return findings


def _options(name: str) -> set[str]:
    return set(parameters(estimators.get(name)))


def _findings(rules: dict[str, Callable[[Any], str | None]], subject: Any) -> list[Finding]:
    findings = []
    for rule, test in rules.items():
        try:
            note = test(subject)
        except Broken as broken:
            findings.append(Finding(rule, str(broken)))
        except Exception as error:
            findings.append(Finding(rule, f"raised {type(error).__name__}: {error}"))
        else:
            findings.append(Finding(rule, "", note or ""))
    return findings


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise Broken(problem)


def _costs(estimator: Estimator) -> Iterator[Cost]:
    """The costs that the estimator does not refuse."""
    for p, norm in _COSTS:
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


def _draws_both_laws_independently(task: Task) -> None:
    """Batches of independent x and y are what E W_p^p(batch) >= W_p^p speaks of.

    Spearman's correlation, and that of distances from the median rank, between images of x_i and
    of y_i on the line, and between the means of whole batches (a batch of y may be made of the
    rows of x in another order); five standard errors for each of several hundred correlations
    would be too few, so six.
    """
    _uncorrelated(*_images(*draw(task, jax.random.key(2), 10_000)), "rows")
    size = min(25, task.sampler().limit or 25)
    images = [_images(*draw(task, jax.random.key(1000 + batch), size)) for batch in range(400)]
    x, y = (np.stack([image[law].mean(0) for image in images]) for law in (0, 1))
    _uncorrelated(x, y, "means of batches")


def _images(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first eight coordinates and the distance from the origin, (n, 9), or (n, 2) on a line."""
    first, second = (
        np.column_stack([points[:, :8], np.linalg.norm(points, axis=1)]) for points in (x, y)
    )
    return first, second


def _uncorrelated(x: np.ndarray, y: np.ndarray, what: str) -> None:
    from scipy.stats import rankdata

    def scores(values: np.ndarray) -> np.ndarray:
        ranks = rankdata(values, axis=0) / len(values) - 0.5
        ranks = np.concatenate([ranks, np.abs(ranks)], axis=1)
        ranks -= ranks.mean(0)
        spread = ranks.std(0)
        return ranks[:, spread > 1e-9] / spread[spread > 1e-9]

    correlation = np.abs(scores(x).T @ scores(y)) / len(x)
    largest = float(correlation.max(initial=0.0))
    _require(
        largest * math.sqrt(len(x)) < 6,
        f"{what} of x and of y have a rank correlation of {largest:.2g}; draw both laws "
        "independently, from two keys",
    )


def _knows_its_truth(task: Task) -> None:
    known: dict[tuple[int, str], Truth] = {}
    for p, norm in _COSTS:
        truth = task.truth(p, norm)
        kind = truth is None or isinstance(truth, Truth)
        _require(kind, f"truth(p={p}) is a {type(truth).__name__}, not a Truth or None")
        if truth is None:
            continue
        known[p, norm] = truth
        sampled = truth.kind != "monte-carlo" or truth.stderr > 0
        _require(sampled, f"truth(p={p}) is of kind monte-carlo and has a standard error of 0")
    # W_1 <= W_2, and ||.||_2 <= ||.||_1 <= sqrt(d) ||.||_2.
    root = math.sqrt(task.dim)
    relations = [((1, norm), (2, norm), 1.0) for norm in ("l2", "l1")]
    for p in (1, 2):
        relations += [((p, "l2"), (p, "l1"), 1.0), ((p, "l1"), (p, "l2"), root)]
    for small, large, factor in relations:
        if small in known and large in known:
            one, two = known[small], known[large]
            room = 5 * (one.stderr + factor * two.stderr) + 1e-6 * one.value
            text = (
                f"{_name(*small)} = {one.value:.6g} is above {factor:.6g} times "
                f"{_name(*large)} = {two.value:.6g}, which no pair of laws allows"
            )
            _require(one.value <= factor * two.value + room, text)


def _name(p: int, norm: str) -> str:
    return f"W_{p} ({norm})"


def _truth_is_between_the_routes(task: Task) -> str:
    """Two-sided where routes from below and from above come near; the note says how near."""
    notes = []
    for p, norm in _COSTS:
        truth, name = task.truth(p, norm), _name(p, norm)
        if truth is None:
            continue
        routes = Routes(task, Cost(p, norm))
        room = 5 * truth.stderr + 1e-6 * (1 + truth.value) + routes.rounding
        above, below = routes.above(), routes.below(enough=_NEAR * truth.value)
        for limit in above[:1]:
            text = f"{name} = {truth.value:.6g}, but is at most {limit.value:.6g} ({limit.route})"
            _require(truth.value <= limit.value + room, text)
        for limit in below[:1]:
            text = f"{name} = {truth.value:.6g}, but is at least {limit.value:.6g} ({limit.route})"
            _require(truth.value >= limit.value - room, text)
        notes.append(f"{name}: {_reach(truth, below, above, routes)}")
    return "\n".join(notes)


def _reach(truth: Truth, below: list[Limit], above: list[Limit], routes: Routes) -> str:
    """How near the routes come to the truth, in words."""
    if truth.value == 0:
        return "no route from below is above 0, and none from above can confirm a truth of 0"
    low, high = max(below[0].value, 0.0) / truth.value, math.inf
    wide = ""
    if 5 * truth.stderr > (1 - _NEAR) * truth.value:
        share = 100 * truth.stderr / truth.value
        wide = f"; its own standard error, {share:.2g} % of it, hides errors five times as large"
    if above:
        high = above[0].value / truth.value
        from_above = f"{100 * high:.4g} %, {above[0].route}"
    else:
        index = f"{routes.shape.index:.2g}"
        from_above = f"none, since costs with a tail index of {index} have no standard error"
    if low >= _NEAR and high <= 1 / _NEAR:
        return f"other routes leave {100 * low:.3g} % to {100 * high:.4g} % of it{wide}"
    from_below = f"{100 * low:.3g} %, {below[0].route}"
    parts = []
    if low < _NEAR:
        parts.append(f"no route from below reaches within 10 % of the truth ({from_below})")
    if high > 1 / _NEAR:
        parts.append(f"no route from above reaches within 10 % of the truth ({from_above})")
    if len(parts) == 2:
        return f"{' and '.join(parts)}: only a grosser error would show{wide}"
    if low < _NEAR and routes.pairs is not None and routes.pairs.gain == 0:
        wide += "; its own pairs cost as much, and exchanges among 500 of them save nothing"
    side = "above" if low < _NEAR else "below"
    return f"{parts[0]}: checked from {side} only{wide}"


def _pairs_and_potential_fit(task: Task) -> None:
    """Pairs have the sampler's laws, cost the truth, and cannot be improved; E phi is the truth."""
    for p in (1, 2):
        routes, truth = Routes(task, Cost(p)), task.truth(p)
        slope = 0.0 if truth is None else p * truth.value ** (p - 1)
        drawn = draw_pairs(task, jax.random.key(3), 20_000, p)
        if drawn is not None:
            fresh = draw(task, jax.random.key(4), 20_000)
            for which, pairs, points in zip("xy", drawn, fresh, strict=True):
                text = f"{which} of pairs(p={p}) does not follow the law that the sampler draws"
                _require(_same_law(pairs, points, routes.rounding), text)
        if drawn is not None and routes.pairs is not None:
            mean, stderr, gain = routes.pairs
            text = f"another coupling of 500 of pairs(p={p}) saves {100 * gain:.2g} % of their cost"
            _require(gain < 1e-4, text)
            if truth is not None:
                room = 5 * math.hypot(stderr, slope * truth.stderr)
                room += _FLOAT_ERROR * mean + slope * routes.rounding + routes.rounding**p
                text = (
                    f"pairs(p={p}) cost {mean:.6g} +- {stderr:.2g} on average, and the truth's "
                    f"W_{p}^{p} is {truth.value**p:.6g} +- {slope * truth.stderr:.2g}"
                )
                _require(abs(mean - truth.value**p) <= room, text)
    excess = lipschitz_excess(task)
    if math.isnan(excess):
        return
    text = f"potential(p=1) rises {1 + excess:.4g} times as fast as the distance, at most 1 allowed"
    _require(excess <= 1e-3, text)
    routes, truth = Routes(task, Cost(1)), task.truth(1)
    if truth is None or not routes.has_errors:
        return
    mean, stderr = routes.dual or (math.nan, math.nan)
    room = 5 * math.hypot(stderr, truth.stderr) + routes.rounding + 10 * _FLOAT_ERROR * truth.value
    text = (
        f"E phi(x) - E phi(y) of potential(p=1) is {mean:.6g} +- {stderr:.2g}, and the truth is "
        f"{truth.value:.6g} +- {truth.stderr:.2g}"
    )
    _require(abs(mean - truth.value) <= room, text)


def _same_law(one: np.ndarray, two: np.ndarray, rounding: float) -> bool:
    """Means of waves cos(k f) and sin(k f) agree within six standard errors, for images f of
    the points on the line and wave lengths of the order of their spread. They are smooth, so that
    rounding of atoms does not matter.
    """
    u, v = _images(one, two)
    spread = np.concatenate([u, v]).std(0)
    u, v = ((image - u.mean(0))[:, spread > rounding] for image in (u, v))
    spread = spread[spread > rounding]
    for k in (0.5, 1, 2):
        for wave in (np.cos, np.sin):
            a, b = wave(k * u / spread), wave(k * v / spread)
            error = np.sqrt(a.var(0) / len(a) + b.var(0) / len(b))
            if (np.abs(a.mean(0) - b.mean(0)) > 6 * error + 1e-4).any():
                return False
    return bool((np.abs(one.mean(0) - two.mean(0)) <= rounding).all()) if not spread.size else True


_ESTIMATOR_RULES: dict[str, Callable[[Any], str | None]] = {
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
_TASK_RULES: dict[str, Callable[[Any], str | None]] = {
    "is plain data: hashable, picklable, equal by value": _is_plain_data,
    "samples (n, dim) finite points, by key": _samples,
    "gives a Truth or None for every cost": _knows_its_truth,
    "draws both laws independently": _draws_both_laws_independently,
    "has a truth between what other routes allow": _truth_is_between_the_routes,
    "has pairs and a potential that fit its truth": _pairs_and_potential_fit,
}
