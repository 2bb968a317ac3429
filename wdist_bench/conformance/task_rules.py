"""What every task must do, ours and others'."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from wdist_bench.conformance.findings import COSTS, FLOAT_ERROR, is_plain_data, require
from wdist_bench.conformance.truth_routes import Limit, Routes, draw, draw_pairs, lipschitz_excess
from wdist_bench.costs import Cost
from wdist_bench.tasks import Task
from wdist_bench.truth import Truth

_ROWS, _BATCHES = 10_000, 400  # and batches that independence is judged by
_PAIRS = 20_000
_NEAR = 0.9  # share of the truth that a route must reach to count as a check on its side


def _samples(task: Task) -> None:
    n = min(50, task.sampler().limit or 50)
    x, y = task.sample(jax.random.key(0), n)
    for points in (x, y):
        require(points.shape == (n, task.dim), f"expected {(n, task.dim)}, got {points.shape}")
        require(bool(np.isfinite(points).all()), "samples are not finite")
    again, _ = task.sample(jax.random.key(0), n)
    require(bool((again == x).all()), "the same key gave other samples")
    other, _ = task.sample(jax.random.key(1), n)
    moved = bool((other != x).any()) or bool(np.ptp(np.asarray(x), axis=0).max() == 0)
    require(moved, "another key gave the same samples")


def _draws_both_laws_independently(task: Task) -> None:
    """Batches of independent x and y are what E W_p^p(batch) >= W_p^p speaks of.

    Spearman's correlation, and that of distances from the median rank, between images of x_i and
    of y_i on the line, and between the means of whole batches (a batch of y may be made of the
    rows of x in another order); five standard errors for each of several hundred correlations
    would be too few, so six.
    """
    _uncorrelated(*_images(*draw(task, jax.random.key(2), _ROWS)), "rows")
    size = min(25, task.sampler().limit or 25)
    images = [_images(*draw(task, jax.random.key(1000 + batch), size)) for batch in range(_BATCHES)]
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
    require(
        largest * math.sqrt(len(x)) < 6,
        f"{what} of x and of y have a rank correlation of {largest:.2g}; draw both populations "
        "independently, from two keys",
    )


def _knows_its_truth(task: Task) -> None:
    known: dict[tuple[int, str], Truth] = {}
    for p, norm in COSTS:
        truth = task.truth(p, norm)
        kind = truth is None or isinstance(truth, Truth)
        require(kind, f"truth(p={p}) is a {type(truth).__name__}, not a Truth or None")
        if truth is None:
            continue
        known[p, norm] = truth
        sampled = truth.kind != "monte-carlo" or truth.stderr > 0
        require(sampled, f"truth(p={p}) is of kind monte-carlo and has a standard error of 0")
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
                f"{_name(*large)} = {two.value:.6g}, which no pair of populations allows"
            )
            require(one.value <= factor * two.value + room, text)


def _name(p: float, norm: str) -> str:
    return f"W_{p} ({norm})"


def _truth_is_between_the_routes(task: Task) -> str:
    """Two-sided where routes from below and from above come near; the note says how near."""
    notes = []
    for p, norm in COSTS:
        truth, name = task.truth(p, norm), _name(p, norm)
        if truth is None:
            continue
        routes = Routes(task, Cost(p, norm))
        room = 5 * truth.stderr + 1e-6 * truth.value + routes.rounding
        above, below = routes.above(), routes.below(enough=_NEAR * truth.value)
        for limit in above[:1]:
            text = f"{name} = {truth.value:.6g}, but is at most {limit.value:.6g} ({limit.route})"
            require(truth.value <= limit.value + room, text)
        for limit in below[:1]:
            text = f"{name} = {truth.value:.6g}, but is at least {limit.value:.6g} ({limit.route})"
            require(truth.value >= limit.value - room, text)
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
        drawn = draw_pairs(task, jax.random.key(3), _PAIRS, p)
        if drawn is not None:
            fresh = draw(task, jax.random.key(4), _PAIRS)
            for which, pairs, points in zip("xy", drawn, fresh, strict=True):
                text = f"{which} of pairs(p={p}) does not follow the law that the sampler draws"
                require(_same_law(pairs, points, routes.rounding), text)
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
    """T(x) = y and T^-1(y) = x of optimal pairs, and T^-1(T(x)) = x.

    Pairs are float32, and a map may be steep or have jumps: one pair in a hundred may miss.
    """
    for p in (1, 2):
        pairs = draw_pairs(task, jax.random.key(5), _PAIRS, p)
        if pairs is None:
            continue
        x, y = (np.asarray(points, np.float64) for points in pairs)
        forward, back = task.map(x, p), task.inverse_map(y, p)
        for name, images, wanted in (("map", forward, y), ("inverse_map", back, x)):
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
