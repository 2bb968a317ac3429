"""The number that an estimate is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from wdist_bench.validation import check_name, check_number

KINDS = ("closed-form", "quadrature", "monte-carlo", "exact-batch")


@dataclass(frozen=True)
class Truth:
    """A known Wasserstein distance W_p (the p-th root, not W_p^p).

    Attributes:
        value: W_p.
        stderr: standard error of `value`; 0 where it is exact.
        kind: "closed-form", "quadrature", "monte-carlo" or "exact-batch".
        reference: formula or source.
    """

    value: float
    stderr: float
    kind: str
    reference: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", check_number(self.value, "truth value", minimum=0))
        object.__setattr__(self, "stderr", check_number(self.stderr, "truth stderr", minimum=0))
        check_name(self.kind, KINDS, "kind of truth")
