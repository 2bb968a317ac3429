"""`estimate` leaves out what a direct estimator does not need, and nothing else."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import wdist_bench as wb

X, Y = np.random.default_rng(0).normal(size=(2, 12, 1))


@dataclass(frozen=True)
class Picky(wb.DirectEstimator):
    """Refuses in `fit`."""

    name: ClassVar[str] = "picky"
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "none"

    def fit(self, key, problem):
        raise ValueError(f"no thanks, {problem.dim} dimensions")

    def estimate(self, samples, cost):
        return wb.Estimate(1.0, 1.0, target="batch", bound="none")


def test_direct_estimators_put_nothing_on_the_device(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("samples went to the device")

    monkeypatch.setattr(wb.Samples, "shifted", refuse)
    for name in ("exact", "nearest_neighbor", "gaussian"):
        assert wb.estimate(X, Y, name).status == "ok"
    with pytest.raises(AssertionError, match="went to the device"):
        wb.estimate(X, Y, "c_transform", steps=1)


def test_a_direct_estimator_with_a_fit_of_its_own_is_fitted():
    with pytest.raises(ValueError, match="no thanks, 1 dimensions"):
        wb.estimate(X, Y, Picky())


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_bad_seed_is_refused_where_none_is_used_too(seed):
    with pytest.raises(ValueError, match="seed: expected a whole number >= 0"):
        wb.estimate(X, Y, "exact", seed=seed)
