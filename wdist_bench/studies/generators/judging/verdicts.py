"""What a record says of its generator: the fault, the verdict, and how its loss behaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from wdist_bench.results.journal import unpack
from wdist_bench.studies.claims import FAILS, HOLDS, UNDECIDED, below, conjunction, in_every_run

GOOD, ACCEPTABLE = 0.2, 0.4
"""Faults up to which a generator works, and nearly works."""
COPIER = 0.5
"""Share of copies beyond those among held-out rows from which a generator is named a memoriser."""

WORKS, NEARLY, NOT, COPIES, OPEN = "works", "nearly", "does not work", "memoriser", "undecided"
BROKEN = "no finite run"


def fault(record: dict[str, Any]) -> np.ndarray:
    """(runs,) the largest of three faults, 0 for rows like real ones, NaN where a run failed.

    - 2 |W1 - floor| / spread: exact W1 of the rows against that of as many real rows, in units of
      half the mean distance between two real rows; below the floor is a fault too, of averages;
    - 1 - precision / that of real rows; 1 - recall / that of real rows.
    """
    distance = 2 * np.abs(_of(record, "w1") - _of(record, "w1_real")) / _of(record, "spread")
    precision = 1 - _of(record, "precision") / _of(record, "precision_real")
    recall = 1 - _of(record, "recall") / _of(record, "recall_real")
    return np.maximum(np.stack([distance, precision, recall]).max(0), 0.0)


def _of(record: dict[str, Any], name: str) -> np.ndarray:
    return unpack(record[name])


def is_within(record: dict[str, Any], most: float) -> str:
    """Whether the fault is at most so large and every class and mode is covered."""
    if record["failed"] == record["runs"]:
        return FAILS
    verdict = conjunction([below(fault(record), most), covers(record)])
    return UNDECIDED if record["failed"] and verdict == HOLDS else verdict


def covers(record: dict[str, Any]) -> str:
    """Whether every run covers all classes; on the mixture, whether it finds all modes."""
    found = [_whole(record, name) for name in ("modes", "covered") if name in record][:1]
    if record["failed"] and HOLDS in found:
        return UNDECIDED
    return conjunction(found or [HOLDS])


def _whole(record: dict[str, Any], name: str) -> str:
    most = len(record["known_classes"])
    return in_every_run(_of(record, name) >= most)


def copied(record: dict[str, Any]) -> np.ndarray:
    """(runs,) share of copies of training rows beyond that among held-out rows, of what is left."""
    ours, real = _of(record, "copied"), _of(record, "copied_real")
    return (ours - real) / np.maximum(1 - real, 1e-9)


def is_memoriser(record: dict[str, Any]) -> bool:
    """Whether most rows of every finite run are training rows."""
    shares = copied(record)
    found = shares[np.isfinite(shares)]
    return bool(found.size and (found >= COPIER).all())


def verdict(record: dict[str, Any]) -> str:
    """One word for a generator; a memoriser has no other, however near its rows are."""
    if record["failed"] == record["runs"]:
        return BROKEN
    if is_memoriser(record):
        return COPIES
    if is_within(record, GOOD) == HOLDS:
        return WORKS
    return {HOLDS: NEARLY, FAILS: NOT}.get(is_within(record, ACCEPTABLE), OPEN)


def told_apart(record: dict[str, Any]) -> int:
    """In how many runs the population interval of W_1 excludes 0."""
    lower = _of(record, "w1_lower")
    return int((lower[np.isfinite(lower)] > 0).sum())


def seconds_along(record: dict[str, Any]) -> np.ndarray:
    """(snapshots,) seconds of training of one run on one core, at each of them."""
    share = np.asarray(record["snapshots"]) / record["parameters"]["steps"]
    return np.asarray(record["train_seconds"] * share)


def at_seconds(record: dict[str, Any], seconds: float) -> np.ndarray:
    """(runs,) exact W1 at the last snapshot within those seconds; the untrained one's before."""
    place = int((seconds_along(record) <= seconds * (1 + 1e-9)).sum())
    return _of(record, "w1_along")[:, place]
