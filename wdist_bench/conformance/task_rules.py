"""What every task must do, ours and others'."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from wdist_bench.conformance.findings import COSTS, FLOAT_ERROR, is_plain_data, require
from wdist_bench.conformance.truth_routes import (
    Limit,
    Routes,
    draw,
    draw_pairs,
    lipschitz_excess,
    potential,
    potential_gradient,
)
from wdist_bench.costs import Cosine, Cost, Mahalanobis, Sphere, Torus
from wdist_bench.tasks import Task
from wdist_bench.tasks.base import known_truth
from wdist_bench.truth import Truth

_ROWS, _BATCHES = 10_000, 400  # and batches that independence is judged by
_PAIRS = 20_000
_MORE = ((3, "l2"), (3, "l1"), (1, "linf"), (2, "linf"))  # costs beside COSTS
_DOUBLE = "mahalanobis of 4 I"  # distances twice those of l2
_WIDEST = 512  # columns up to which the matrix of that is made
_STEP = 0.001  # of differences of potentials, in units of the spread of the points
_NEAR = 0.9  # share of the truth that a route must reach to count as a check on its side
_FEW_DIFFER = 0.1  # standard deviation of ranks, .29 where all differ and .1 where 4 % do


def _samples(task: Task) -> None:
    n = min(50, task.sampler().limit or 50)
    drawn = [task.sample(jax.random.key(seed), n) for seed in (0, 0, 1, 2, 3)]
    for law, points, again, *others in zip("xy", *drawn, strict=True):
        require(points.shape == (n, task.dim), f"expected {(n, task.dim)}, got {points.shape}")
        require(bool(np.isfinite(points).all()), "samples are not finite")
        require(bool((again == points).all()), f"the same key gave another {law}")
        moved = any(bool((other != points).any()) for other in others)
        moved |= bool(np.ptp(np.asarray(points), axis=0).max() == 0)  # all its mass in one point
        require(moved, f"other keys gave the same {law}; draw it from the key")


def _draws_both_laws_independently(task: Task) -> None:
    """Batches of independent x and y are what E W_p^p(batch) >= W_p^p speaks of.

    Spearman's correlation, and that of distances from the median rank, between images of x_i and
    of y_i on the line, and between the means of whole batches (a batch of y may be made of the
    rows of x in another order); five standard errors for each of several hundred correlations
    would be too few, so six. And the rows of one batch are independent of one another.
    """
    _uncorrelated(*_images(*draw(task, jax.random.key(2), _ROWS)), "rows")
    limit = task.sampler().limit
    size = min(25, limit or 25)
    images = [_images(*draw(task, jax.random.key(1000 + batch), size)) for batch in range(_BATCHES)]
    x, y = (np.stack([image[law] for image in images]) for law in (0, 1))
    _uncorrelated(x.mean(1), y.mean(1), "means of batches")
    for law, batches in zip("xy", (x, y), strict=True):
        _independent_rows(batches, law, limit is not None)


def _independent_rows(batches: np.ndarray, law: str, without_repetition: bool) -> None:
    """n Var(mean of a batch) = Var(row), for ranks of images (batches, n, images) and how far these
    are from the middle, within six standard errors.

    Ranks are bounded, so the variance of a variance exists; where nearly all rows are equal, a
    few decide it, and nothing is said. Rows of finite data are drawn without repetition, which
    makes the first side smaller.
    """
    count, size, _ = batches.shape
    scores = _scores(batches.reshape(count * size, -1), least=_FEW_DIFFER)
    scores = scores.reshape(count, size, scores.shape[1])
    ratios = size * (scores.mean(1) ** 2).mean(0)
    room = 6 * np.sqrt((2 + (scores**4).mean((0, 1)) / size) / count)
    low, high = (ratios < 1 - room) & (not without_repetition), ratios > 1 + room
    worst = ratios[low | high]
    require(
        size < 2 or not worst.size,
        f"n times the variance of the mean of n rows of {law} is {worst.max(initial=0):.2g} times "
        "that of a row, expected 1; draw rows independently of one another",
    )


def _images(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first eight coordinates and the distance from the origin, (n, 9), or (n, 2) on a line."""
    first, second = (
        np.column_stack([points[:, :8], np.linalg.norm(points, axis=1)]) for points in (x, y)
    )
    return first, second


def _scores(values: np.ndarray, least: float = 1e-9) -> np.ndarray:
    """Ranks of each column of (n, k) values, and how far these are from the middle: of mean 0 and
    variance 1, without those whose standard deviation as shares of n is below `least`.
    """
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=0) / len(values) - 0.5
    ranks = np.concatenate([ranks, np.abs(ranks)], axis=1)
    ranks -= ranks.mean(0)
    spread = ranks.std(0)
    return ranks[:, spread > least] / spread[spread > least]


def _uncorrelated(x: np.ndarray, y: np.ndarray, what: str) -> None:
    correlation = np.abs(_scores(x).T @ _scores(y)) / len(x)
    largest = float(correlation.max(initial=0.0))
    require(
        largest * math.sqrt(len(x)) < 6,
        f"{what} of x and of y have a rank correlation of {largest:.2g}; draw both populations "
        "independently, from two keys",
    )


def _knows_its_truth(task: Task) -> None:
    """W grows with p, shrinks from l1 over l2 to linf by sqrt(d) at most each time, is shorter on a
    torus and twice as long under 4 I, and nowhere longer than the space: the torus and the sphere
    are so small that W_1 in l2 does not fit.
    """
    known = {(p, norm): task.truth(p, norm) for p, norm in (*COSTS, *_MORE)}
    plain, root = known.get((1, "l2")), math.sqrt(task.dim)
    size = plain.value if isinstance(plain, Truth) and plain.value > 0 else 1.0
    spaces = {  # and how far apart points can be there
        Torus(size / root): size / 2,
        Sphere(1, size / (2 * math.pi)): size / 2,
        Cosine(1): math.pi,
    }
    known |= _at_odd_costs(task, list(spaces))
    for (p, norm), truth in known.items():
        kind = truth is None or isinstance(truth, Truth)
        name = f"truth(p={p}, norm={norm!r})"
        require(kind, f"{name} is a {type(truth).__name__}, not a Truth or None")
        sampled = truth is None or truth.kind != "monte-carlo" or truth.stderr > 0
        require(sampled, f"{name} is of kind monte-carlo and has a standard error of 0")
    relations = [((1, "torus"), (1, "l2"), 1.0)]
    relations += [((1, _DOUBLE), (1, "l2"), 2.0), ((1, "l2"), (1, _DOUBLE), 0.5)]
    for norm in ("l2", "l1", "linf"):
        relations += [((p, norm), (p + 1, norm), 1.0) for p in (1, 2)]
    for p in (1, 2, 3):
        for short, long in (("linf", "l2"), ("l2", "l1")):
            relations += [((p, short), (p, long), 1.0), ((p, long), (p, short), root)]
    for small, large, factor in relations:
        one, two = known.get(small), known.get(large)
        if one is not None and two is not None:
            room = 5 * (one.stderr + factor * two.stderr) + 1e-6 * one.value
            text = (
                f"{_name(*small)} = {one.value:.6g} is above {factor:.6g} times "
                f"{_name(*large)} = {two.value:.6g}, which no pair of populations allows"
            )
            require(one.value <= factor * two.value + room, text)
    for cost, longest in spaces.items():
        within = known.get((1, cost.norm))
        if within is not None:
            text = f"W_1 = {within.value:.6g} at {cost}, where no points are further apart"
            room = 5 * within.stderr + 1e-6 * longest
            require(within.value <= longest + room, f"{text} than {longest:.6g}")


def _at_odd_costs(task: Task, costs: list[Cost]) -> dict[tuple[int, str], Truth | None]:
    """The truths at these costs and at 4 I, where such distances have a meaning for its points."""
    points = np.concatenate(draw(task, jax.random.key(16), 500))
    asked = {cost.norm: cost for cost in costs}
    if task.dim <= _WIDEST:
        asked[_DOUBLE] = Mahalanobis(4 * np.eye(task.dim))
    found = {}
    for name, cost in asked.items():
        try:
            cost.check_points(points, "points")
        except ValueError:
            continue
        found[1, name] = known_truth(task, cost)
    return found


def _name(p: float, norm: str) -> str:
    return f"W_{p} ({norm})"


def _truth_is_between_the_routes(task: Task) -> str:
    """Two-sided where routes from below and from above come near; the note says how near. At other
    costs from above alone: from below these are held by those of the rule before.
    """
    notes = []
    for p, norm in COSTS:
        truth, name = task.truth(p, norm), _name(p, norm)
        if truth is None:
            continue
        routes = Routes(task, Cost(p, norm))
        room = 5 * truth.stderr + 1e-6 * truth.value + routes.rounding
        above = _is_below_the_routes(truth, routes)
        below = routes.below(enough=_NEAR * truth.value)
        for limit in below[:1]:
            text = f"{name} = {truth.value:.6g}, but is at least {limit.value:.6g} ({limit.route})"
            require(truth.value >= limit.value - room, text)
        notes.append(f"{name}: {_reach(truth, below, above, routes)}")
    for p, norm in _MORE:
        truth = task.truth(p, norm)
        if truth is not None:
            _is_below_the_routes(truth, Routes(task, Cost(p, norm)))
    return "\n".join(notes) or "it has no truth at the costs that there are routes for"


def _is_below_the_routes(truth: Truth, routes: Routes) -> list[Limit]:
    """Raise Broken where a route from above is below the truth; returns those routes."""
    above, name = routes.above(), _name(routes.cost.p, routes.cost.norm)
    room = 5 * truth.stderr + 1e-6 * truth.value + routes.rounding
    for limit in above[:1]:
        text = f"{name} = {truth.value:.6g}, but is at most {limit.value:.6g} ({limit.route})"
        require(truth.value <= limit.value + room, text)
    return above


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
    """Pairs have the sampler's laws, cost the truth, and cannot be improved; potentials are theirs
    (E phi is the truth at p = 1), and gradients those of potentials.
    """
    for p in (1, 2):
        _gradient_fits(task, p)
        routes, truth = Routes(task, Cost(p)), task.truth(p)
        slope = 0.0 if truth is None else p * truth.value ** (p - 1)
        drawn = draw_pairs(task, jax.random.key(3), _PAIRS, p)
        if drawn is not None:
            fresh = draw(task, jax.random.key(4), _PAIRS)
            for which, pairs, points in zip("xy", drawn, fresh, strict=True):
                text = f"{which} of pairs(p={p}) does not follow the law that the sampler draws"
                require(_same_law(pairs, points, routes.rounding), text)
            if p == 2:
                _potential_is_of_pairs(task, *(points[:500] for points in drawn))
        if drawn is not None and routes.pairs is not None:
            mean, stderr, gain = routes.pairs
            text = f"another coupling of 500 of pairs(p={p}) saves {100 * gain:.2g} % of their cost"
            require(gain < 1e-4, text)
            if truth is not None:
                room = 5 * math.hypot(stderr, slope * truth.stderr)
                room += FLOAT_ERROR * mean + slope * routes.rounding + routes.rounding**p
                text = (
                    f"pairs(p={p}) cost {mean:.6g} +- {stderr:.2g} on average, and the truth's "
                    f"W_{p}^{p} is {truth.value**p:.6g} +- {slope * truth.stderr:.2g}"
                )
                require(abs(mean - truth.value**p) <= room, text)
    excess = lipschitz_excess(task)
    if math.isnan(excess):
        return
    text = f"potential(p=1) rises {1 + excess:.4g} times as fast as the distance, at most 1 allowed"
    require(excess <= 1e-3, text)
    routes, truth = Routes(task, Cost(1)), task.truth(1)
    if truth is None or not routes.has_errors:
        return
    mean, stderr = routes.dual or (math.nan, math.nan)
    room = 5 * math.hypot(stderr, truth.stderr) + routes.rounding + 10 * FLOAT_ERROR * truth.value
    text = (
        f"E phi(x) - E phi(y) of potential(p=1) is {mean:.6g} +- {stderr:.2g}, and the truth is "
        f"{truth.value:.6g} +- {truth.stderr:.2g}"
    )
    require(abs(mean - truth.value) <= room, text)


def _gradient_fits(task: Task, p: int) -> None:
    """phi(x + u) - phi(x - u) = 2 <grad phi(x), u> for short steps u in random directions, at the
    points where gradients of critics are compared with it; half may lie near a kink.
    """
    points = draw(task, jax.random.key(16), 500)[1 if p == 1 else 0]
    gradient = potential_gradient(task, points, p)
    size = float(np.median(np.linalg.norm(points - np.median(points, axis=0), axis=1)))
    if gradient is None or size == 0:
        return
    name, shape = f"potential_gradient(p={p})", gradient.shape
    require(shape == points.shape, f"{name}: expected shape {points.shape}, got {shape}")
    steps = np.random.default_rng(0).normal(size=shape)
    steps *= _STEP * size / np.linalg.norm(steps, axis=1, keepdims=True)
    values = potential(task, np.concatenate([points + steps, points - steps]), p)
    if values is None:
        return
    rise = values[: len(points)] - values[len(points) :]
    slopes = np.linalg.norm(gradient, axis=1)
    room = FLOAT_ERROR * (np.median(np.abs(values)) + slopes * np.linalg.norm(points, axis=1))
    room += 0.1 * _STEP * size * slopes / math.sqrt(task.dim)  # of what is usual
    other = ~(np.abs(rise - 2 * (gradient * steps).sum(1)) <= room)
    missed = float((other & np.isfinite(rise)).mean())
    text = f"{name} is not that of potential, which rises otherwise at {100 * missed:.3g} % of rows"
    require(missed <= 0.5, text)


def _potential_is_of_pairs(task: Task, x: np.ndarray, y: np.ndarray) -> None:
    """phi(x_i) + psi(y_j) <= |x_i - y_j|^2 of optimal pairs, with psi from equality at i = j."""
    phi, costs = potential(task, x, 2), Cost(2).matrix(x, y)
    if phi is None:
        return
    excess = float((phi[:, None] - phi + np.diagonal(costs) - costs).max())
    largest = float(costs.max())
    room = np.abs(phi).max() + largest + 2 * math.sqrt(largest) * np.abs(x).max()
    text = f"potential(p=2) does not fit pairs: phi(x) + psi(y) is above |x - y|^2 by {excess:.4g}"
    require(excess <= FLOAT_ERROR * room, text)


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


def _maps_carry_pairs(task: Task) -> None:
    """T(x) = y and T^-1(y) = x of optimal pairs, and T^-1(T(x)) = x; x - grad phi / 2 is a map too.

    Pairs are float32, and a map may be steep or have jumps: one pair in a hundred may miss.
    """
    for p in (1, 2):
        pairs = draw_pairs(task, jax.random.key(5), _PAIRS, p)
        if pairs is None:
            continue
        x, y = (np.asarray(points, np.float64) for points in pairs)
        forward, back = task.map(x, p), task.inverse_map(y, p)
        known = [("map", forward, y), ("inverse_map", back, x)]
        if p == 2 and (gradient := potential_gradient(task, x, p)) is not None:
            known.append(("x - 1/2 potential_gradient", x - gradient / 2, y))
        for name, images, wanted in known:
            if images is not None:
                _carries(f"{name}(p={p})", images, wanted)
        returned = None if forward is None else task.inverse_map(forward, p)
        if returned is not None:
            _carries(f"inverse_map after map (p={p})", returned, x)


def _carries(name: str, images: np.ndarray, wanted: np.ndarray) -> None:
    shape = np.shape(images)
    require(shape == wanted.shape, f"{name}: expected points of shape {wanted.shape}, got {shape}")
    gap = np.linalg.norm(images - wanted, axis=1)
    size = float(np.median(np.linalg.norm(wanted - np.median(wanted, axis=0), axis=1)))
    room = 1e-4 * size + 8 * FLOAT_ERROR * float(np.abs(wanted).max())
    missed = float((~(gap <= room)).mean())
    require(
        missed <= 0.01,
        f"{name} misses {100 * missed:.3g} % of the task's own pairs by more than {room:.2g}; "
        "take the map that they were drawn by, or leave it out",
    )


TASK_RULES: dict[str, Callable[[Any], str | None]] = {
    "is plain data: hashable, picklable, equal by value": is_plain_data,
    "samples (n, dim) finite points, by key": _samples,
    "gives a Truth or None for every cost": _knows_its_truth,
    "draws both populations independently": _draws_both_laws_independently,
    "has a truth between what other routes allow": _truth_is_between_the_routes,
    "has pairs and a potential that fit its truth": _pairs_and_potential_fit,
    "has maps that carry its pairs": _maps_carry_pairs,
}
