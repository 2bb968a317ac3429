"""A plug-in of estimators and experiments that misbehave; loaded by the tests of isolation."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import wdist_bench as wb
from wdist_bench.experiment import Experiment
from wdist_bench.experiment import register as register_experiment


@dataclass(frozen=True)
class Adversary(wb.DirectEstimator):
    """Misbehaves when asked."""

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1
    target: ClassVar[str] = "batch"
    bound: ClassVar[str] = "none"


class Allocates(Adversary):
    name = "allocates"

    def estimate(self, samples, cost):
        kept = []
        while True:
            kept.append(np.ones(2**20))  # 8 MiB
            time.sleep(0.001)


class Raises(Adversary):
    name = "raises"

    def estimate(self, samples, cost):
        raise RuntimeError("on purpose")


class ReturnsNan(Adversary):
    name = "returns_nan"

    def estimate(self, samples, cost):
        return wb.Estimate(float("nan"), float("nan"), target="batch", bound="none")


for _adversary in (Allocates, Raises, ReturnsNan):
    wb.estimators.register(_adversary)


@register_experiment
@dataclass(frozen=True, kw_only=True)
class Deed(Experiment):
    """Sleeps, or waits for the file DEEDS_GATE, or ends its process, or returns a number."""

    name: ClassVar[str] = "deed"
    version: ClassVar[int] = 1

    what: str = "answers"
    seconds: float = 0.0
    seed: int = 0

    def run(self) -> dict[str, Any]:
        time.sleep(self.seconds)
        while self.what == "waits" and not os.path.exists(os.environ["DEEDS_GATE"]):
            time.sleep(0.05)
        if self.what == "is_killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "leaves":
            os._exit(3)
        if self.what == "leaves_quietly":
            os._exit(0)
        if self.what == "exits":
            raise SystemExit("enough")
        value = float(np.random.default_rng(self.seed).normal())
        return {"status": "ok", "message": "", "runs": 1, "failed": 0, "compile_seconds": 0.0,
                "run_seconds": self.seconds, "value": value}  # fmt: skip
