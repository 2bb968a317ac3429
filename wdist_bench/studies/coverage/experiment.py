"""How often one method's interval holds the distance of one pair of laws."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from wdist_bench.experiment import Experiment, register
from wdist_bench.population.interval import check_level
from wdist_bench.results.journal import pack
from wdist_bench.studies.coverage.laws import pairs
from wdist_bench.studies.coverage.methods import METHODS
from wdist_bench.validation import check_integer, check_name, check_p, check_seed

# Relative rounding that an end may have: sums of equal coins carry 1e-9 of their value.
ROUNDING = 1e-9


@register
@dataclass(frozen=True, kw_only=True)
class Coverage(Experiment):
    """Repeat: n fresh rows of each law, the method's interval for W_p of the populations.

    Every method sees the same rows at the same seed. Records, per repetition: `lower`, `upper`,
    `value` (NaN where refused); `held`, how many intervals hold the truth; `refused`, and the
    first `reason`.

    Attributes:
        law: name of the pair, a key of `laws.pairs()`.
        method: "ours", "naive", "bootstrap" or "subsampling".
        n: rows of each law.
        p: exponent of the cost.
        repetitions: independent samples.
        level: stated confidence.
        seed: of all of them.
    """

    name: ClassVar[str] = "coverage"
    version: ClassVar[int] = 4

    law: str
    method: str = "ours"
    n: int = 100
    p: int = 1
    repetitions: int = 100
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        check_name(self.law, pairs(), "law")
        check_name(self.method, METHODS, "method")
        check_integer(self.n, "n", 2)
        check_integer(self.repetitions, "repetitions", 1)
        check_level(self.level)
        check_seed(self.seed)
        known = pairs()[self.law].ps
        if check_p(self.p) not in known:
            raise ValueError(
                f"p: expected one of {known}, for which the distance of {self.law!r} "
                f"is known, got {self.p}; sweep over those"
            )

    def run(self) -> dict[str, Any]:
        """The intervals of all repetitions and how many hold the truth."""
        laws = pairs()[self.law]
        truth = laws.truth(self.p)
        place = [*pairs()].index(self.law)
        found, seconds = [], 0.0
        for repetition in range(self.repetitions):
            generator = np.random.default_rng([self.seed, place, self.n, repetition])
            x, y = laws.x(generator, self.n), laws.y(generator, self.n)
            start = time.perf_counter()
            found.append(METHODS[self.method](x, y, self.p, self.level, repetition))
            seconds += time.perf_counter() - start
        room = ROUNDING * truth
        reasons = [answer.reason for answer in found if answer.reason]
        columns = {
            name: pack(np.array([getattr(answer, name) for answer in found]))
            for name in ("lower", "upper", "value")
        }
        return {
            "status": "ok",
            "message": "",
            "runs": self.repetitions,
            "failed": 0,  # a refusal is an answer, counted as `refused`
            "compile_seconds": 0.0,
            "run_seconds": round(seconds, 4),
            "truth": truth,
            "held": sum(bool(a.lower <= truth + room and a.upper >= truth - room) for a in found),
            "refused": len(reasons),
            "reason": reasons[0] if reasons else "",
        } | columns

    @classmethod
    def write(cls, folder: Path, records: list[dict[str, Any]]) -> list[Path]:
        """`coverage.md` and `coverage.csv`."""
        from wdist_bench.studies.coverage.report import write_coverage

        return write_coverage(folder, records)
