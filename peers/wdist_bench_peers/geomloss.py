"""GeomLoss: the Sinkhorn divergence by annealing (Feydy et al. 2019), in PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import wdist_bench as wb
from wdist_bench_peers.peer import L2, Found, Peer


@dataclass(frozen=True, kw_only=True)
class Sinkhorn(Peer):
    """`geomloss.SamplesLoss("sinkhorn")`, whose cost is |x - y|^p / p: its loss times p.

    Attributes:
        blur: the temperature's p-th root, a length in the units of the data.
        scaling: ratio of one temperature's root to the next: higher is slower and more exact.
        debias: whether it is the divergence, or the entropic cost.
        backend: "auto" chooses by size; "tensorized" holds the matrix.
    """

    name: ClassVar[str] = "geomloss_sinkhorn"
    module: ClassVar[str] = "geomloss"
    package: ClassVar[str] = "geomloss"
    bound: ClassVar[str] = "none"
    costs: ClassVar[tuple[tuple[str, float], ...]] = L2

    blur: float = 0.05
    scaling: float = 0.5
    debias: bool = True
    backend: str = "auto"

    def solve(self, samples: wb.Samples, cost: wb.Cost) -> Found:
        """p times the loss."""
        import torch
        from geomloss import SamplesLoss

        loss = SamplesLoss(
            "sinkhorn", p=int(cost.p), blur=self.blur, scaling=self.scaling, debias=self.debias,
            backend=self.backend,
        )  # fmt: skip
        a, x, b, y = (
            torch.from_numpy(part.copy()) for part in (samples.a, samples.x, samples.b, samples.y)
        )
        return Found(int(cost.p) * float(loss(a, x, b, y)))
