"""What figures have in common: panels, legends, files, and a registry with one function each."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wdist_bench.folders import write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METADATA: Any = {"Software": None}  # no version string: the same journal gives the same bytes
_PDF_METADATA: Any = {"Creator": None, "Producer": None, "CreationDate": None}
_WIDEST = 3  # panels side by side
MOST_DOTS = 5e7
"""Dots of a figure, 4 bytes each."""

S = TypeVar("S")


class FigureSet(Generic[S]):
    """Figures by the name of their file, each one function from what it shows.

    The function returns a Matplotlib figure, or None where there is nothing to show.
    """

    def __init__(self) -> None:
        self._draw: dict[str, Callable[[S], Any]] = {}

    def __call__(self, name: str) -> Callable[[Callable[[S], Any]], Callable[[S], Any]]:
        """Decorator: the figure of that name."""

        def add(draw: Callable[[S], Any]) -> Callable[[S], Any]:
            self._draw[name] = draw
            return draw

        return add

    @property
    def names(self) -> tuple[str, ...]:
        """Of the files, without their ending."""
        return tuple(self._draw)

    def write(self, folder: Path, shown: S, kind: str = "png") -> list[Path]:
        """Write every figure that there is something to show in; `kind` is "png" or "pdf"."""
        import matplotlib as mpl

        mpl.use("Agg")
        drawn = ((name, draw(shown)) for name, draw in self._draw.items())
        return [save(figure, folder / f"{name}.{kind}") for name, figure in drawn if figure]


def panels(count: int, width: float, height: float) -> tuple[Any, list[Axes]]:
    """A figure with so many panels of that size in inches, at most three side by side."""
    columns = min(count, _WIDEST)
    rows = -(-count // columns)
    figure, grid = grid_of(rows, columns, width * columns, height * rows)
    axes = list(grid.flat)
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def grid_of(rows: int, columns: int, width: float, height: float, **options: Any) -> Any:
    """A figure with its (rows, columns) axes, without the upper and right frame."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **options
    )
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def legend_above(figure: Any, handles: list[Any], labels: list[str], title: str = "") -> None:
    """One legend above all panels, in as many columns as there is room for.

    The figure grows by what the rows beyond the second take, so that panels keep their size.
    """
    width, height = figure.get_size_inches()
    wanted = next((k for k in range(len(labels), 1, -1) if _width(labels, k) < width), 1)
    rows = -(-len(labels) // wanted)
    columns = -(-len(labels) // rows)
    figure.set_size_inches(width, height + _LINE * max(0, rows - 2))
    figure.legend(
        handles, labels, title=title, loc="outside upper center", ncols=columns, frameon=False,
        fontsize=9,
    )  # fmt: skip


_LINE, _LETTER, _HANDLE = 0.19, 0.075, 0.6  # inches, at 9 points


def _width(labels: list[str], columns: int) -> float:
    """Inches of a legend, whose columns are filled one after the other."""
    rows = -(-len(labels) // columns)
    parts = [labels[start : start + rows] for start in range(0, len(labels), rows)]
    return sum(_HANDLE + _LETTER * max(map(len, part)) for part in parts)


def save(figure: Any, path: Path) -> Path:
    """Write and close a figure, the same bytes for the same figure; returns the path."""
    import matplotlib.pyplot as plt

    kind, content = path.suffix[1:], io.BytesIO()
    with warnings.catch_warnings():  # of characters that the font lacks, and labels too long
        warnings.filterwarnings("ignore", "Glyph |constrained_layout", UserWarning)
        metadata = _PDF_METADATA if kind == "pdf" else METADATA
        figure.savefig(content, format=kind, dpi=dots(figure), metadata=metadata)
    plt.close(figure)
    return write(path, content.getvalue())


def dots(figure: Any) -> float:
    """Dots per inch: fewer where a figure of very many panels would fill the memory."""
    width, height = figure.get_size_inches()
    return float(min(150, math.sqrt(MOST_DOTS / (width * height))))
