"""Few points of many coordinates, in the space that they span."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def in_their_span(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]
) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "m k"], Float[np.ndarray, "d k"] | None]:
    """The points in an orthonormal basis of n + m vectors, and it as columns, where d > n + m; else
    the points as they are and None.

    Distances, and projections on directions of the span, are those of the points themselves; a
    direction beyond it tells nothing apart. Matrices of second moments are (n + m)^2 then.
    """
    if x.shape[1] <= len(x) + len(y):
        return x, y, None
    basis, coordinates = np.linalg.qr(np.concatenate([x, y]).T)
    return coordinates.T[: len(x)], coordinates.T[len(x) :], basis
