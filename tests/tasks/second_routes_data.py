"""Another way to the truth of every discrete, noisy, funnel, image and own-data task."""

from __future__ import annotations

from typing import Any

import numpy as np
from second_route import Check

from wdist_bench.cards.routes import draws, grids, line, plans


def _blob(count: int, dim: int) -> tuple[tuple[float, ...], ...]:
    blob = np.random.default_rng(16).standard_normal((count, dim)) ** 3
    return tuple(map(tuple, blob.tolist()))


_LINE: dict[str, Any] = {
    "positions": (2.5, -1.0, 0.0, 7.0, 0.5),
    "weights_x": (0.2, 0.0, 0.3, 0.1, 0.4),
    "weights_y": (0.0, 0.5, 0.1, 0.4, 0.0),
}
_CLOUDS: dict[str, Any] = {"x": _blob(9, 3), "y": _blob(13, 3), "a": None, "b": None}
_SPARSE: dict[str, Any] = {
    "x": ((0.0,), (1.0,), (5.0,)),
    "y": ((0.5,), (4.0,)),
    "a": (0.0, 1e-9, 1 - 1e-9),
    "b": (1 / 3, 2 / 3),
}
_TIGHT: dict[str, Any] = {
    "centers": ((0.0,), (3.0,), (6.0,)),
    "radius": 0.25,
    "moves": ((0.9,), (0.9,), (-0.9,)),
    "weights": None,
}

SECOND_ROUTES: dict[str, list[Check]] = {
    "image_batches": [Check({}, p, "l2", draws.energy_distance) for p in (1, 2)],
    "translated_images": [
        Check({}, 1, "l2", plans.plan_of_pairs),
        Check({"shift": -0.25}, 2, "l2", plans.plan_of_pairs),
        Check({"shift": tuple(np.linspace(-1, 1, 64).tolist())}, 1, "l1", plans.plan_of_pairs),
    ],
    "blurred_images": [Check({"passes": k}, 2, "l2", plans.blurred_by_scipy) for k in (1, 2, 5)],
    "clusters": [
        *(Check({}, p, "l2", plans.weighted_balls) for p in (1, 2)),
        *(Check(_TIGHT, p, "l2", plans.weighted_balls) for p in (1, 2)),
    ],
    "histogram": [
        Check({}, 1, "l2", line.histogram_scipy),
        Check({}, 2, "l2", plans.histogram_programme),
        Check(_LINE, 1, "l1", line.histogram_scipy),
        Check(_LINE, 1, "l2", plans.histogram_programme),
        Check(_LINE, 2, "l2", plans.histogram_programme),
    ],
    "pictures": [
        Check({"kind": kind, "size": 12}, p, norm, route)
        for kind in ("noise", "shapes", "blobs", "photographs")
        for p, norm, route in ((1, "l1", grids.picture_flow), (2, "l2", grids.picture_by_axes))
    ],
    "weighted_points": [
        Check(params, p, norm, plans.points_programme)
        for params in ({}, _CLOUDS, _SPARSE)
        for p in (1, 2)
        for norm in ("l2", "l1")
    ],
    "noisy": [
        *(Check({}, p, "l2", line.noise_radii) for p in (1, 2)),
        Check({"dim": 10, "base_std": 2.0, "noise_std": 0.5}, 1, "l2", line.noise_radii),
        Check({"dim": 10, "base_std": 0.5, "noise_std": 2.0}, 2, "l2", line.noise_radii),
        Check({"dim": 3}, 1, "l1", line.noise_coordinates),
        *(Check({"dim": 1, "noise": "uniform"}, p, "l2", line.uniform_coordinates) for p in (1, 2)),
        Check({"dim": 3, "noise": "uniform", "noise_std": 0.3}, 1, "l1", line.uniform_coordinates),
        Check({"dim": 5, "noise": "uniform", "noise_std": 2.5}, 2, "l2", line.uniform_coordinates),
    ],
    "funnels": [
        Check({}, 1, "l2", draws.followed_rays),
        Check({"dim": 2, "width": 64, "seed": 3}, 1, "l2", draws.followed_rays),
        Check({"dim": 8, "width": 4, "power": 3.0}, 1, "l2", draws.followed_rays),
    ],
    "funnel_images": [
        Check({}, 1, "l2", plans.all_images),
        Check({"width": 3, "seed": 2, "power": 2.0}, 1, "l2", plans.all_images),
    ],
    "convex_pairs": [
        Check({}, 2, "l2", draws.drawn_to_places),
        Check({"dim": 1, "seed": 2}, 2, "l2", draws.drawn_to_places),
        Check({"dim": 16, "seed": 5}, 2, "l2", draws.drawn_to_places),
    ],
    "own_data": [
        Check({"samples": _blob(200, 5)}, 1, "l2", plans.all_rows),
        Check({"samples": _blob(200, 2), "shift": (3.0, -4.0)}, 2, "l1", plans.all_rows),
        *(
            Check({"samples": _blob(200, 3), "transform": "dilate"}, p, norm, plans.all_rows)
            for p in (1, 2)
            for norm in ("l2", "l1")
        ),
        Check(
            {"samples": _blob(200, 2), "transform": "dilate", "factor": 3.0, "center": (1.0, 9.0)},
            1,
            "l2",
            plans.all_rows,
        ),
        Check({"samples": _blob(300, 2), "transform": "funnels"}, 1, "l2", plans.all_rows),
        Check({"transform": "funnels", "width": 4, "power": 2.0}, 1, "l2", plans.all_rows),
    ],
}
