"""A plug-in with the experiment `nap`, for measurements of the runner itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wdist_bench.experiment import Experiment, register


@register
@dataclass(frozen=True, kw_only=True)
class Nap(Experiment):
    """Sleeps for a while and returns random numbers."""

    name: ClassVar[str] = "nap"
    version: ClassVar[int] = 1

    seed: int = 0
    seconds: float = 0.0
    numbers: int = 0

    def run(self) -> dict[str, Any]:
        """The numbers."""
        time.sleep(self.seconds)
        values = np.random.default_rng(self.seed).normal(size=self.numbers)
        return {"status": "ok", "message": "", "runs": 1, "failed": 0, "compile_seconds": 0.0,
                "run_seconds": self.seconds, "values": values.tolist()}  # fmt: skip
