"""What an interval for populations rests on, and why there is none, in one sentence each."""

from __future__ import annotations

import numpy as np

from wdist_bench.population.lower import Below
from wdist_bench.population.upper import Above
from wdist_bench.problem import Samples

MIN_ROWS = 20
"""Effective rows of a side: eight fit and choose, twelve are averaged over."""


def refusal_before(rows: Samples) -> str:
    """Why no interval can be given, from the rows as they are; empty where one may."""
    counts = [1 / float(weights @ weights) for weights in (rows.a, rows.b)]
    if min(counts) < MIN_ROWS - 1e-9:
        return (
            f"x and y: expected {MIN_ROWS} rows of each side at least (1 / sum of squared weights "
            f"where there are weights), got {counts[0]:.4g} and {counts[1]:.4g}, too few for a "
            "limit of a mean; draw more rows"
        )
    distinct = [np.unique(points, axis=0) for points in (rows.x, rows.y)]
    if len(distinct[0]) == len(distinct[1]) == 1:
        return (
            "all rows of x are equal and all rows of y, which leaves no width to an interval; if "
            "both populations are single points, wb.estimate is their distance"
        )
    shared = sum(map(len, distinct)) - len(np.unique(np.concatenate(distinct), axis=0))
    without_ties = len(distinct[0]) == len(rows.x) and len(distinct[1]) == len(rows.y)
    if without_ties and 2 * shared >= min(len(rows.x), len(rows.y)):
        return (
            f"x and y share {shared} rows though no row repeats within a side, so they are not "
            "independent samples, and no interval holds for them; draw both anew"
        )
    return ""


def describe(low: Below | None, high: Above, reach: float | None) -> str:
    """What the ends rest on."""
    found = []
    if low is not None:
        kept = min(len(low.kept.x), len(low.kept.y))
        kind = "1-Lipschitz" if low.power == 1 else "quadratic"
        found.append(
            f"below: the mean of a {kind} function ({low.name}) over {kept} rows of a side that "
            "did not choose it"
        )
    found.append(
        f"above: the distance of all rows ({high.route}), which in the mean is larger than that "
        "of the populations, and the more so the higher the dimension"
    )
    rest = (
        "both are limits of means for independent rows, and blind to mass that no row shows"
        if reach is None
        else f"both are McDiarmid's bounds for independent rows on a support of diameter {reach:g}"
    )
    return "; ".join([*found, rest])
