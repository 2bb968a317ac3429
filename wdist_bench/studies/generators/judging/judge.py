"""The numbers of a verdict: generated rows beside held-out rows, training rows and the floor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from wdist_bench.population.monitor import Monitor, monitor
from wdist_bench.protocol.parallel import run_keys
from wdist_bench.studies.generators import mixture
from wdist_bench.studies.generators.judging import measures
from wdist_bench.studies.generators.judging.features import Classifier, classifier, frechet
from wdist_bench.studies.generators.judging.neighbours import (
    Copies,
    Likeness,
    copies,
    precision_recall,
)
from wdist_bench.studies.generators.pool import MIXTURE, Pool
from wdist_bench.studies.generators.training.gan_training import order_of

PS = (1, 2)
LEAST_ROWS = 20
"""Rows of a class below which it has no number."""
NOBODY = float("nan")


@dataclass(frozen=True, eq=False)
class Split:
    """The real rows of one run, and what they say without any generator.

    Attributes:
        dataset: their name.
        training: (m, d) rows that generators learn from.
        training_labels: (m,) by their own names, or None.
        held_out: (n, d) rows that everybody is compared with.
        held_out_labels: (n,), or None.
        other: (n, d) more held-out rows, the control.
        other_labels: (n,), or None.
        classes: names of the labels.
        monitors: of W_p by p; their floors are of training rows.
        spread: mean distance between two held-out rows.
        watched_floor: exact W1 of as many training and held-out rows as snapshots have.
    """

    dataset: str
    training: np.ndarray
    training_labels: np.ndarray | None
    held_out: np.ndarray
    held_out_labels: np.ndarray | None
    other: np.ndarray
    other_labels: np.ndarray | None
    classes: tuple[int, ...]
    monitors: dict[int, Monitor]
    likeness: Likeness
    copies: Copies
    spread: float
    watched_floor: float

    @property
    def eyes(self) -> Classifier | None:
        """The classifier of the data set."""
        return classifier(self.dataset)

    def seen(self, rows: np.ndarray) -> float:
        """The Frechet distance of rows to the held-out rows, NaN without a classifier."""
        eyes = self.eyes
        return (
            NOBODY if eyes is None else frechet(eyes.features(rows), eyes.features(self.held_out))
        )


@lru_cache(maxsize=32)
def split(pool: Pool, seed: int, runs: int, run: int, n: int, watched: int) -> Split:
    """The real rows of run `run`: the same for every generator, so made once a process.

    n is at most a quarter of the rows, for two sets of held-out rows.
    """
    rows = pool.rows()
    points = np.asarray(rows.points, np.float64)
    order = np.asarray(jax.jit(order_of, static_argnums=1)(run_keys(seed, runs)[run], len(points)))
    half = len(order) // 2
    parts = order[:half], order[half : half + n], order[half + n : half + 2 * n]
    named = None if rows.labels is None else np.asarray(rows.classes)[rows.labels]
    training, held_out, other = (points[part] for part in parts)
    labels = [None if named is None else named[part] for part in parts]
    monitors = {p: monitor(held_out, training[:n], p=p, rows=n, seed=seed) for p in PS}
    floor = measures.exact_distance(training[:watched], held_out[:watched])
    return Split(
        pool.dataset, training, labels[0], held_out, labels[1], other, labels[2], rows.classes,
        monitors, precision_recall(held_out, training[:n]), copies(other, training),
        measures.diversity(held_out), floor,
    )  # fmt: skip


def judged(
    rows: np.ndarray, labels: np.ndarray | None, real: Split, nothing: bool = False
) -> dict[str, Any]:
    """Every number of generated rows (n, d), plain floats and arrays.

    Args:
        rows: generated ones, as many as were held out.
        labels: (n,) that the generator says they have, by their own names; None for none.
        real: what they are compared with.
        nothing: the rows are not finite: all numbers are NaN.
    """
    found = _judged(real.training[: len(real.held_out)] if nothing else rows, labels, real)
    if nothing:
        generated = {name: np.full(np.shape(value), NOBODY) for name, value in found.items()}
        of_real = {n: v for n, v in found.items() if n.endswith("_real") or n == "spread"}
        found = generated | of_real
    return {name: np.asarray(value, np.float64) for name, value in found.items()}


def _judged(rows: np.ndarray, labels: np.ndarray | None, real: Split) -> dict[str, Any]:
    found: dict[str, Any] = {"spread": real.spread}
    for p in PS:
        found |= _distance(rows, real.monitors[p], p)
    return found | {
        "frechet": real.seen(rows),
        "frechet_real": real.seen(real.training[: len(real.held_out)]),
        **_beside(precision_recall(real.held_out, rows), real.likeness),
        **_beside(copies(rows, real.training), real.copies),
        **_classes(rows, labels, real),
        **(_modes(rows, real) if real.dataset == MIXTURE else {}),
    }


def _distance(rows: np.ndarray, watch: Monitor, p: int) -> dict[str, float]:
    reading, floor = watch(rows), watch.floor
    name = f"w{p}"
    return {
        name: reading.distance,
        f"{name}_value": reading.value,
        f"{name}_lower": reading.lower,
        f"{name}_upper": reading.upper,
        f"{name}_real": floor.distance,
        f"{name}_lower_real": floor.lower,
        f"{name}_upper_real": floor.upper,
    }


def _modes(rows: np.ndarray, real: Split) -> dict[str, float]:
    return _beside(mixture.modes_of(rows), mixture.modes_of(real.training[: len(rows)]))


def _beside(ours: Any, theirs: Any) -> dict[str, float]:
    """The fields of a measure of generated rows, each with that of real rows after it."""
    found: dict[str, float] = {}
    for name, value in ours._asdict().items():
        found |= {name: value, f"{name}_real": getattr(theirs, name)}
    return found


def _classes(rows: np.ndarray, labels: np.ndarray | None, real: Split) -> dict[str, Any]:
    """Shares of the classes as the classifier tells them; W1 by class where there are labels."""
    eyes = real.eyes
    if eyes is None or real.held_out_labels is None:
        return {}
    told, true = eyes.labels(rows), real.held_out_labels
    shares = {int(c): float((told == c).mean()) for c in real.classes}
    found: dict[str, Any] = {
        "covered": measures.classes_covered(shares, real.classes),
        "covered_real": len(real.classes),
        "class_shares": np.array(list(shares.values())),
        "class_shares_real": np.array([(true == c).mean() for c in real.classes]),
    }
    if labels is None:
        return found
    return found | {
        "labels_right": float((told == labels).mean()),
        "labels_right_real": float((eyes.labels(real.held_out) == true).mean()),
        **_by_class(rows, labels, real),
    }


def _by_class(rows: np.ndarray, labels: Any, real: Split) -> dict[str, np.ndarray]:
    """(classes,) exact W1 to the held-out rows of a class: of generated and of training rows.

    Of all three as many rows as there are of the fewest; NaN below 20.
    """
    ours, floors = [], []
    for label in real.classes:
        three = (
            rows[labels == label],
            real.training[real.training_labels == label],
            real.held_out[real.held_out_labels == label],
        )
        n = min(map(len, three))
        generated, training, held_out = (part[:n] for part in three)
        enough = n >= LEAST_ROWS
        ours.append(measures.exact_distance(generated, held_out) if enough else NOBODY)
        floors.append(measures.exact_distance(training, held_out) if enough else NOBODY)
    return {"class_w1": np.array(ours), "class_w1_real": np.array(floors)}
