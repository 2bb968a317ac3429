"""Frozen samples of a task: what lies beside its truth card as .npz."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from wdist_bench.cards.card import Card
from wdist_bench.tasks.base import Task
from wdist_bench.tasks.convex_pairs import ConvexPairs
from wdist_bench.tasks.funnel_images import FunnelImages
from wdist_bench.tasks.funnels import Funnels
from wdist_bench.tasks.rows import Rows

KEY = 20_260_101
"""Of all draws, far from the small seeds that runs are given."""
_ROWS, _FEWEST, _ENTRIES = 20_000, 200, 140_000  # about 20 MB in all
_CLOSE = 1e-5  # of a standard deviation: rounding on another machine


def arrays(task: Task) -> dict[str, np.ndarray]:
    """x, y and weights a, b of a finite population as a whole; independent rows x and y of others.

    Funnels have their `centers` and `bias` beside them, and drawn convex pairs all their numbers,
    which their definition needs.
    """
    sampler = task.sampler()
    if isinstance(sampler, Rows):
        return _population(sampler, task.origin)
    count = min(_ROWS, max(_FEWEST, _ENTRIES // task.dim), sampler.limit or _ROWS)
    x, y = task.sample(jax.random.key(KEY), count)
    found = {"x": np.asarray(x), "y": np.asarray(y)}
    if isinstance(task, Funnels | FunnelImages):
        rays = task.rays if isinstance(task, Funnels) else task.rays()
        found |= {"centers": rays.centers, "bias": rays.bias}
    if isinstance(task, ConvexPairs):
        function = vars(task.pair.function)
        # Matrices one below the other: arrays of a card have one or two axes.
        found |= {"centers": task.pair.centers, "maps": task.pair.maps.reshape(-1, task.dim)}
        found |= {name: np.atleast_1d(values) for name, values in function.items()}
    return found


def _population(sampler: Rows, origin: np.ndarray | None) -> dict[str, np.ndarray]:
    held = sampler.resampler.samples
    found = {}
    for side, weights in (("x", "a"), ("y", "b")):
        points = np.asarray(getattr(held, side), np.float64)
        found[side] = points if origin is None else points + origin
        mass = getattr(held, weights)
        equal = np.full(len(points), 1 / len(points))
        found[weights] = equal if mass is None else np.asarray(mass, np.float64)
    return found


def describe(name: str, task: Task, exact: bool) -> dict[str, Any]:
    """The entry `samples` of a card; `exact` where no rounding enters the arrays."""
    finite = isinstance(task.sampler(), Rows)
    how = (
        "both populations as a whole: points x, y and their weights a, b"
        if finite
        else f"independent rows of both: task.sample(jax.random.key({KEY}), n) of wdist_bench"
    )
    found = {key: _facts(array, exact) for key, array in arrays(task).items()}
    return {"file": f"{name}.npz", "drawn": how, "finite": finite, "arrays": found}


def _facts(array: np.ndarray, exact: bool) -> dict[str, Any]:
    facts: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    facts |= {name: float(getattr(array, name)(dtype=np.float64)) for name in ("mean", "std")}
    content = array.astype(array.dtype.newbyteorder("<"), order="C").tobytes()
    return facts | ({"sha256": hashlib.sha256(content).hexdigest()} if exact else {})


def differences(card: Card, found: dict[str, np.ndarray]) -> list[str]:
    """What of some arrays is not as the card says, in words."""
    wrong = []
    for name, facts in card.samples["arrays"].items():
        new = _facts(found[name], "sha256" in facts)
        room = _CLOSE * (facts["std"] + abs(facts["mean"]))
        for key, value in facts.items():
            near = key in ("mean", "std") and abs(new[key] - value) <= room
            if not near and new[key] != value:
                wrong.append(f"{key} of {name} in {card.samples['file']}: {new[key]} for {value}")
    return wrong


def write_arrays(card: Card, found: dict[str, np.ndarray], folder: Path) -> Path:
    """Write the arrays beside the card."""
    path = folder / str(card.samples["file"])
    arrays: dict[str, Any] = dict(found)  # numpy 2.0 takes allow_pickle= for one more
    np.savez_compressed(path, **arrays)
    return path
