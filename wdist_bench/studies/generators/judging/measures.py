"""How good generated images are: exact distances, averages, classes, diversity. On the host.

Images are rows in [-1, 1]; distances are Euclidean, W1 in the same units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wdist_bench.costs import Cost
from wdist_bench.solvers.exact import solve_exact

_COST = Cost(p=1)
# A class counts as covered when it gets this share of what an even split would give it.
COVERED = 0.2


class Centres(NamedTuple):
    """k-means of the training images.

    Attributes:
        points: (k, dim) centres.
        weights: (k,) share of the training images that each centre is nearest to.
        reference: mean distance of held-out real images to their nearest centre.
    """

    points: np.ndarray
    weights: np.ndarray
    reference: float


def exact_distance(x: np.ndarray, y: np.ndarray, a: np.ndarray | None = None) -> float:
    """Exact W1 of two sample sets in float64, x with weights a; NaN where an image is not finite.

    Raises:
        RuntimeError: the exact solver did not converge.
    """
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    solution = solve_exact(_COST.matrix(x, y), a)
    if not solution.converged:
        raise RuntimeError(f"exact W1 of images: {solution.message}")
    return solution.cost


def centre_count(images: int) -> int:
    """k: 64, the batch size of the papers, but at least 8 training images a centre."""
    return max(1, min(64, images // 8))


def fit_centres(training: np.ndarray, held_out: np.ndarray, seed: int) -> Centres:
    """Lloyd's k-means on the training images, one k-means++ start."""
    from sklearn.cluster import KMeans

    k = centre_count(len(training))
    fitted = KMeans(k, n_init=1, random_state=seed).fit(training.astype(np.float64))
    weights = np.bincount(fitted.labels_, minlength=k) / len(training)
    points = fitted.cluster_centers_
    return Centres(points, weights, float(nearest(held_out, points).mean()))


def nearest(images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n,) distance of each image to the nearest of the points."""
    return _COST.matrix(images, points).min(1)


def diversity(images: np.ndarray) -> float:
    """Mean distance between two different images of the set."""
    n = len(images)
    return float(_COST.matrix(images, images).sum() / (n * (n - 1)))


def class_shares(images: np.ndarray, known: np.ndarray, labels: np.ndarray) -> dict[int, float]:
    """Share of the images in each class, by the label of the nearest known image."""
    found = labels[_COST.matrix(images, known).argmin(1)]
    return {int(c): float((found == c).mean()) for c in np.unique(labels)}


def classes_covered(shares: dict[int, float], classes: tuple[int, ...]) -> int:
    """How many of the classes get at least a fifth of an even share."""
    return sum(shares.get(c, 0.0) >= COVERED / len(classes) for c in classes)


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's correlation; NaN where either is constant or not finite."""
    from scipy.stats import rankdata

    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    x, y = rankdata(x), rankdata(y)
    if x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])
