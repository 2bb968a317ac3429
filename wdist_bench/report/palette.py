"""One colour and one marker for each estimator, the same in every figure, page and suite."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Okabe and Ito's palette, told apart by colour-blind readers."""
BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY = COLORS
NOTE: dict[str, Any] = {"fontsize": 8.5, "color": "0.3"}
"""How a figure's foot says what its lines and bars are."""

_MARKERS = {
    "o": "circle", "s": "square", "D": "diamond", "^": "triangle-up", "P": "cross", "X": "x",
    "*": "star", "v": "triangle-down", "h": "hexagon",
}  # fmt: skip
"""Matplotlib's name -> Plotly's. As many as colours and one, so that pairs repeat after 72."""
MARKERS = tuple(_MARKERS)

_DASHES = {"-": "solid", (0, (5, 1.5)): "dash", ":": "dot"}

_PLACES = {
    "weight_clipping": 0, "gradient_penalty": 1, "c_transform": 2, "soft_c_transform": 3,
    "funnel": 4, "lipschitz_penalty": 5, "group_sort": 6, "spectral_norm": 7,
    "double_c_transform": 8, "sinkhorn": 9, "sinkhorn_divergence": 10, "sliced": 11, "bracket": 12,
    "nearest_neighbor": 13, "exact": 14, "gaussian": 15, "one_dimensional": 16,
    "centered": 17, "smoothed": 18, "extrapolated": 19, "max_sliced": 20, "subspace_robust": 23,
    "richardson_sinkhorn": 24, "saturating": 21, "non_saturating": 22, "icnn": 25,
    "maximin": 26, "w2gn": 27, "monge_gap": 28, "baseline_map": 31,
}  # fmt: skip
"""Numbers of looks. Those that mostly stand in one figure have other colours: they differ mod 8."""
_ROOM = 32  # places kept for ours: a new one changes none of a stranger's


@dataclass(frozen=True)
class Look:
    """How an estimator is drawn.

    Attributes:
        color: of its marks and lines.
        marker: as Matplotlib names it.
        dashes: of its lines, as Matplotlib takes them.
    """

    color: str
    marker: str
    dashes: Any

    @property
    def line(self) -> dict[str, Any]:
        """For Matplotlib's lines."""
        return {"color": self.color, "ls": self.dashes}

    @property
    def mark(self) -> dict[str, Any]:
        """For Matplotlib's marks without lines."""
        return {"color": self.color, "marker": self.marker, "ls": "none"}

    @property
    def plotly(self) -> list[str]:
        """Colour, symbol and dash as Plotly names them; black is the page's ink."""
        color = "ink" if self.color == BLACK else self.color
        return [color, _MARKERS[self.marker], _DASHES[self.dashes]]


def place(estimator: str) -> int:
    """The number of an estimator's look; a stranger's follows from its name alone."""
    other = _ROOM + zlib.crc32(estimator.encode("utf-8", "replace")) % (72 - _ROOM)
    return _PLACES.get(estimator, other)


def looks(labels: Iterable[tuple[str, str]]) -> dict[str, Look]:
    """Label -> look, from (label, estimator) in the order of the figure.

    All labels of one estimator have its colour, and the first its marker and dashes. The others
    have the next ones; so has a stranger whose colour and marker are taken.
    """
    found: dict[str, Look] = {}
    seen: Counter[str] = Counter()
    for label, estimator in dict(labels).items():
        number, turn = place(estimator), seen[estimator]
        color = COLORS[number % len(COLORS)]
        taken = {look.marker for look in found.values() if look.color == color}
        order = [MARKERS[(number + k) % len(MARKERS)] for k in range(len(MARKERS))]
        marker = next((m for m in order if m not in taken), order[turn % len(order)])
        dashes = list(_DASHES)[(number // len(COLORS) + turn) % len(_DASHES)]
        found[label] = Look(color, marker, dashes)
        seen[estimator] += 1
    return found
