"""Truths by NumPy alone, from a folder that `wdist-bench export truths` wrote.

A program of its own: python tests/cards/numpy_alone.py FOLDER, in an environment without JAX.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from read_truths import read, truth

NORMS = {"l2": 2, "l1": 1, "linf": np.inf}
POWERS = (1, 1.5, 2, 3, 7)


def on_the_line(x, y, a, b, p):
    """W_p by sorting: the monotone coupling pairs quantiles of equal level."""
    (x, a), (y, b) = ((z[o := np.argsort(z)], m[o]) for z, m in ((x[:, 0], a), (y[:, 0], b)))
    of_x, of_y = np.cumsum(a), np.cumsum(b)
    ends = np.unique(np.concatenate([of_x, of_y]).round(14))
    middle = ends - np.diff(ends, prepend=0) / 2
    gap = x[np.searchsorted(of_x, middle)] - y[np.searchsorted(of_y, middle)]
    return (np.diff(ends, prepend=0) @ np.abs(gap) ** p) ** (1 / p)


def of_a_translation(x, y, order):
    """The distance of the means, which is W_p where all points move by one vector."""
    return np.linalg.norm(x.mean(0) - y.mean(0), order)


def assignment(cost):
    """The least sum of one entry in each row and column of a square matrix (Hungarian method)."""
    n = len(cost)
    u, v, row_of = np.zeros(n + 1), np.zeros(n + 1), np.full(n + 1, n)  # column n: of no row yet
    for i in range(n):
        row_of[n], j = i, n
        least, before, used = np.full(n, np.inf), np.full(n, n), np.zeros(n + 1, bool)
        while row_of[j] < n:
            used[j] = True
            slack = cost[row_of[j]] - u[row_of[j]] - v[:n]
            nearer = ~used[:n] & (slack < least)
            least[nearer], before[nearer] = slack[nearer], j
            following = int(np.where(used[:n], np.inf, least).argmin())
            step = least[following]
            u[row_of[used]] += step
            v[used] -= step
            least[~used[:n]] -= step
            j = following
        while j < n:
            row_of[j], j = row_of[before[j]], before[j]
    return cost[row_of[:n], np.arange(n)].sum()


def of_equal_parts(cost, a, b, parts=20):
    """min <P, cost> for weights that are whole numbers of parts, as an assignment of these."""
    rows, columns = (np.repeat(np.arange(len(w)), np.rint(w * parts).astype(int)) for w in (a, b))
    return assignment(cost[np.ix_(rows, columns)]) / parts


def values(folder):
    """(card, cost, W_p computed here, W_p of the card) for three cards."""
    card, z = read(folder, "histogram-textbook-v1")
    for p in POWERS:
        found = on_the_line(z["x"], z["y"], z["a"], z["b"], p)
        yield card["name"], f"l2, p = {p}", found, truth(card, name="l2", p=p)[0]
    card, z = read(folder, "own_data-moved-v1")
    for norm, order in NORMS.items():
        found = of_a_translation(z["x"], z["y"], order)
        yield card["name"], f"{norm}, p = 2", found, truth(card, name=norm, p=2)[0]
    card, z = read(folder, "weighted_points-plane-v1")
    for norm, order in NORMS.items():
        for p in POWERS:
            cost = np.linalg.norm(z["x"][:, None] - z["y"], order, axis=-1) ** p
            found = of_equal_parts(cost, z["a"], z["b"]) ** (1 / p)
            yield card["name"], f"{norm}, p = {p}", found, truth(card, name=norm, p=p)[0]


if __name__ == "__main__":
    for name, cost, found, known in values(sys.argv[1]):
        print(f"{name}, {cost}: {found:.12g} here, {known:.12g} on the card")
        if abs(found - known) > 1e-9 * known:
            sys.exit("they differ")
    if any(sys.modules.get(name) for name in ("jax", "wdist_bench", "scipy")):
        sys.exit("expected NumPy alone, got more")
