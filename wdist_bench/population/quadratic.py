"""Strongly convex quadratics for W_2: the potentials of an affine map, with closed conjugates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wdist_bench.problem import Samples

# Shares by which covariances are drawn towards the common one before a map is made of them. At 1
# the map is a translation; where rows are few, every eigenvalue of a covariance is far off.
_SHRINKAGES = (0.02, 0.2, 0.6)
# Directions without variance get this share of the mean one, so that the map can be inverted.
_RIDGE = 1e-6
# Columns of which covariances are made. Of more, `affine` sees the span of this many rows.
_MOST_COLUMNS, _SPANNING = 4096, 1000


@dataclass(frozen=True)
class Quadratic:
    """u(x) = |x|^2 - 2 phi(x) and v(y) = |y|^2 - 2 phi*(y), so u(x) + v(y) <= |x - y|^2.

    phi(x) = (x - m)^T A (x - m) / 2 + <k, x>, whose gradient k + A (x - m) maps m to k; its
    conjugate is phi*(y) = (y - k)^T A^-1 (y - k) / 2 + <m, y> - <m, k>. For every positive
    definite A, m and k the pair is admissible, and E u(x) + E v(y) <= W_2^2.

    Attributes:
        start: (d,) m.
        end: (d,) k.
        values: (d,) eigenvalues of A.
        axes: (d, d) its eigenvectors, as columns; None where A is diagonal.

    Source: Gelbrich 1990; the inequality of Fenchel and Young.
    """

    start: Float[np.ndarray, " d"]
    end: Float[np.ndarray, " d"]
    values: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "d d"] | None = None

    def at_x(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """u at points (n, d)."""
        turned = self._turned(x - self.start)
        squares = np.einsum("nd,nd->n", x, x)
        return np.asarray(squares - turned**2 @ self.values - 2 * x @ self.end)

    def at_y(self, y: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """v at points (m, d)."""
        turned = self._turned(y - self.end)
        squares = np.einsum("nd,nd->n", y, y)
        shift = 2 * (y @ self.start - self.start @ self.end)
        return np.asarray(squares - turned**2 @ (1 / self.values) - shift)

    def _turned(self, points: np.ndarray) -> np.ndarray:
        return points if self.axes is None else points @ self.axes


@dataclass(frozen=True)
class Projected:
    """A quadratic of projections, which are no further apart than the points.

    Attributes:
        basis: (d, k) orthonormal columns.
        inside: the quadratic of k coordinates.
    """

    basis: Float[np.ndarray, "d k"]
    inside: Quadratic

    def at_x(self, x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
        """u at points (n, d)."""
        return self.inside.at_x(x @ self.basis)

    def at_y(self, y: Float[np.ndarray, "m d"]) -> Float[np.ndarray, " m"]:
        """v at points (m, d)."""
        return self.inside.at_y(y @ self.basis)


def translation(rows: Samples) -> Quadratic:
    """A = I: |E x - E y|^2."""
    start, end = _means(rows)
    return Quadratic(start, end, np.ones(len(start)))


def dilation(rows: Samples) -> Quadratic:
    """A = s I with s^2 the ratio of the total variances."""
    start, end = _means(rows)
    first, second = (float(variances.sum()) for variances in _variances(rows))
    scale = np.sqrt(second / first) if first > 0 and second > 0 else 1.0
    return Quadratic(start, end, np.full(len(start), scale))


def stretching(rows: Samples) -> Quadratic:
    """A diagonal: the ratios of the standard deviations, variances shrunk by a fifth."""
    start, end = _means(rows)
    first, second = _shrunk(*_variances(rows), 0.2, 1.0)
    return Quadratic(start, end, np.sqrt(second / first))


def affine(share: float) -> Callable[[Samples], Quadratic | Projected]:
    """The optimal map of the Gaussians with the means and the shrunk covariances S and T.

    A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2. In many columns, that of projections to the span of the
    means and some rows.
    """

    def fit(rows: Samples) -> Quadratic | Projected:
        if rows.x.shape[1] <= _MOST_COLUMNS:
            return inside(rows)
        basis = _span(rows)
        return Projected(basis, inside(Samples(rows.x @ basis, rows.y @ basis, rows.a, rows.b)))

    def inside(rows: Samples) -> Quadratic:
        start, end = _means(rows)
        first, second = _shrunk(*_covariances(rows), share, np.eye(len(start)))
        root, inverse = _root(first, 0.5), _root(first, -0.5)
        matrix = inverse @ _root(root @ second @ root, 0.5) @ inverse
        values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
        floor = _RIDGE * float(np.abs(values).max())
        return Quadratic(start, end, np.maximum(values, floor), axes)

    return fit


QUADRATICS: dict[str, Callable[[Samples], Quadratic | Projected]] = {
    "translation": translation,
    "dilation": dilation,
    "stretching": stretching,
    **{f"affine {share:g}": affine(share) for share in _SHRINKAGES},
}
"""Fits, by name."""


def _means(rows: Samples) -> tuple[np.ndarray, np.ndarray]:
    return rows.a @ rows.x, rows.b @ rows.y


def _covariances(rows: Samples) -> tuple[np.ndarray, np.ndarray]:
    start, end = _means(rows)
    x, y = rows.x - start, rows.y - end
    return x.T @ (rows.a[:, None] * x), y.T @ (rows.b[:, None] * y)


def _variances(rows: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Their diagonals."""
    start, end = _means(rows)
    return rows.a @ (rows.x - start) ** 2, rows.b @ (rows.y - end) ** 2


def _shrunk(
    first: np.ndarray, second: np.ndarray, share: float, one: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Both covariances, or their diagonals, drawn towards their mean by that share, and positive
    definite; `one` is the identity.
    """
    common = (first + second) / 2
    trace = common.sum() if common.ndim == 1 else np.trace(common)
    common = common + _RIDGE * (float(trace) / len(common) or 1.0) * one
    return (1 - share) * first + share * common, (1 - share) * second + share * common


def _span(rows: Samples) -> np.ndarray:
    """An orthonormal basis (d, k) of the span of the means and the first rows of either side."""
    half = _SPANNING // 2
    spanning = np.concatenate([np.stack(_means(rows)), rows.x[:half], rows.y[:half]])
    return np.asarray(np.linalg.qr(spanning.T)[0])


def _root(matrix: np.ndarray, power: float) -> np.ndarray:
    """A power of a positive definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    least = np.finfo(float).eps * len(values) * float(values.max())
    return np.asarray((vectors * np.maximum(values, least) ** power) @ vectors.T)
