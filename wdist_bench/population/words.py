"""What an interval for populations rests on, and why there is none, in one sentence each."""

from __future__ import annotations

import math

import numpy as np

from wdist_bench.inputs.distinct import distinct
from wdist_bench.population.lower import LEAST_FITTED, Below
from wdist_bench.population.upper import Above
from wdist_bench.problem import Samples

MIN_ROWS = 20
"""Effective rows of a side: eight fit and choose, twelve are averaged over."""
_CHANCE = 1e-6  # of a refusal of independent rows of few points


def refusal_before(rows: Samples, bounded: bool = False) -> str:
    """Why no interval can be given, from the rows as they are; empty where one may.

    On a bounded support few rows and equal rows leave a width, which is McDiarmid's.
    """
    return ("" if bounded else _too_little(rows)) or _shared(rows)


def _too_little(rows: Samples) -> str:
    counts = [1 / float(weights @ weights) for weights in (rows.a, rows.b)]
    if min(counts) < MIN_ROWS - 1e-9:
        return (
            f"x and y: expected {MIN_ROWS} rows of each side at least (1 / sum of squared weights "
            f"where there are weights), got {counts[0]:.4g} and {counts[1]:.4g}, too few for a "
            "limit of a mean; draw more rows"
        )
    if all((points == points[0]).all() for points in (rows.x, rows.y)):
        return (
            "all rows of x are equal and all rows of y, which leaves no width to an interval; if "
            "both populations are single points, wb.estimate is their distance"
        )
    return ""


def _shared(rows: Samples) -> str:
    if min(len(rows.x), len(rows.y)) < MIN_ROWS:  # so few rows of a discrete law may be equal
        return ""
    once = [_met_once(points) for points in (rows.x, rows.y)]
    shared = sum(map(len, once)) - len(distinct(np.concatenate(once))[0])
    fewest = min(map(len, once))
    if shared == 0 or 2 * shared < fewest:
        return ""
    without_ties = len(once[0]) == len(rows.x) and len(once[1]) == len(rows.y)
    if without_ties:
        said = "though no row repeats within a side"
    elif _by_chance(shared, fewest) < _CHANCE:
        said = f"of the {fewest} that come once on their side, more than chance lets"
    else:
        return ""
    return (
        f"x and y share {shared} rows {said}, so they are not independent samples, and no "
        "interval holds for them; draw both anew"
    )


def _met_once(points: np.ndarray) -> np.ndarray:
    """The rows that come once on their side."""
    different, _, counts = distinct(points)
    return different[counts == 1]


def _by_chance(shared: int, rows: int) -> float:
    """At most how likely it is that so many rows that come once do so on the other side too.

    A point that is met k times in the mean is met once with a probability of k exp(-k), which is
    1 / e at most, whatever the law.
    """
    from scipy.special import bdtrc

    return float(bdtrc(shared - 1, rows, math.exp(-1)))


def describe(low: Below | None, high: Above, reach: float | None, side: str) -> str:
    """What the ends that were asked for rest on."""
    ends = []
    if low is not None:
        ends.append(_below(low))
    if side != "lower":
        ends.append(
            f"above: the distance of all rows ({high.route}), which in the mean is larger than "
            "that of the populations, and the more so the higher the dimension"
        )
    trivial = "" if low is not None or side == "upper" else _NOTHING_BELOW
    found = [*([trivial] if trivial else []), *ends, *_kind(len(ends), reach)]
    if high.failure is not None:
        found.append(
            "value: what the function reads, since the distance of the rows has none: "
            f"{high.failure.message}"
        )
    return "; ".join(found)


_NOTHING_BELOW = f"below: 0, since fewer than {LEAST_FITTED} rows of a side choose no function"


def _below(low: Below) -> str:
    kept = min(len(low.kept.x), len(low.kept.y))
    kind = "1-Lipschitz" if low.power == 1 else "quadratic"
    return (
        f"below: the mean of a {kind} function ({low.name}) over {kept} rows of a side that did "
        "not choose it"
    )


def _kind(ends: int, reach: float | None) -> list[str]:
    """What kind of limit the ends are that are no trivial ones."""
    if ends == 0:
        return []
    both = ends == 2
    if reach is None:
        kind = "both are limits of means" if both else "it is a limit of a mean"
        return [f"{kind} for independent rows, and blind to mass that no row shows"]
    kind = "both are McDiarmid's bounds" if both else "it is McDiarmid's bound"
    return [f"{kind} for independent rows on a support of diameter {reach:g}"]
