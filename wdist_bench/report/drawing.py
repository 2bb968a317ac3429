"""What figures have in common: panels, legends, files, and a registry with one function each."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wdist_bench.folders import write
from wdist_bench.report.figures import fitting
from wdist_bench.report.figures.fitting import fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METADATA: Any = {"Software": None}  # no version string: the same journal gives the same bytes
_PDF_METADATA: Any = {"Creator": None, "Producer": None, "CreationDate": None}
_WIDEST = 3  # panels side by side
_NARROWEST = 2.2  # inches of a panel in a paper
_FLATTEST, _TALLEST = 1.9, 2.9
_PANEL = 0.9  # of its column that a panel has for a legend, less what its axis takes
WIDTHS = {"one": 3.35, "two": 6.9}
"""Inches of a column, and of both, of a paper with two."""
TRUE_TYPE = 42  # of PDF fonts, which journals ask for
MOST_DOTS = 2e7
"""Dots of a figure, 4 bytes each."""

S = TypeVar("S")


@dataclass(frozen=True)
class Style:
    """How figures are written, whoever draws them.

    Attributes:
        kind: "pdf", whatever their files are named; as their names say where empty.
        dpi: dots per inch of a PNG.
        column: "one" or "two" columns of a paper; empty for a screen.
    """

    kind: str = ""
    dpi: int = 300
    column: str = ""


_STYLE: ContextVar[Style] = ContextVar("style", default=Style())  # noqa: B039


@contextmanager
def styled(style: Style) -> Iterator[None]:
    """All figures inside are written so."""
    token = _STYLE.set(style)
    try:
        yield
    finally:
        _STYLE.reset(token)


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

    def write(self, folder: Path, shown: S) -> list[Path]:
        """Write every figure that there is something to show in, as `styled` says."""
        import matplotlib as mpl

        mpl.use("Agg")
        drawn = ((name, draw(shown)) for name, draw in self._draw.items())
        return [save(figure, folder / f"{name}.png") for name, figure in drawn if figure]


def panels(count: int, width: float, height: float) -> tuple[Any, list[Axes]]:
    """A figure with so many panels of that size in inches, at most three side by side."""
    columns = min(count, _beside(max(_NARROWEST, 0.65 * width), _WIDEST))
    rows = -(-count // columns)
    figure, grid = grid_of(rows, columns, width * columns, height * rows)
    axes = list(grid.flat)
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def grid_of(rows: int, columns: int, width: float, height: float, **options: Any) -> Any:
    """A figure with its (rows, columns) axes, without the upper and right frame.

    In a paper fewer of them stand side by side, in the same order.
    """
    import matplotlib.pyplot as plt

    room = _beside(_NARROWEST, columns)
    beside = next(k for k in range(columns, 0, -1) if columns % k == 0 and k <= room)
    below = rows * columns // beside
    if _STYLE.get().column:
        panel = WIDTHS[_STYLE.get().column] / beside
        tall = height / rows * panel / (width / columns)
        tall = min(_TALLEST, max(_FLATTEST, tall))
        width, height = panel * beside, tall * below
    figure, axes = plt.subplots(
        below, beside, figsize=(width, height), squeeze=False, layout="constrained", **options
    )
    axes = axes.reshape(rows, columns)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _beside(width: float, on_screen: int) -> int:
    """How many panels of that width in inches stand side by side in a paper, or on a screen."""
    column = _STYLE.get().column
    return max(1, int(WIDTHS[column] / width)) if column else on_screen


def legend_above(figure: Any, handles: list[Any], labels: list[str], title: str = "") -> None:
    """One legend above all panels, in as many columns as there is room for.

    The figure grows by what the rows beyond the second take, so that panels keep their size.
    """
    width, height = figure.get_size_inches()

    def place(columns: int) -> Any:
        return figure.legend(
            handles, labels, title=title, loc="outside upper center", ncols=columns, frameon=False,
            fontsize=9,
        )  # fmt: skip

    columns = _fitted(place, len(labels), width * figure.dpi)
    rows = -(-len(labels) // columns)
    figure.set_size_inches(width, height + _LINE * max(0, rows - 2))


_LINE = 0.19  # inches, at 9 points
_OVER_TITLE = 2.6  # letters of the legend that a title takes, with its margins


def panel_legend(axis: Axes, **options: Any) -> None:
    """A legend of one panel, with no more columns than the panel has room for.

    Args:
        axis: the panel.
        options: of Matplotlib's legend; `above=True` puts it above the title of the panel.
    """
    if options.pop("above", False):
        over = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "borderaxespad": _OVER_TITLE}
        options |= over
    figure: Any = axis.figure
    spec = axis.get_subplotspec()
    beside = spec.get_gridspec().ncols if spec is not None else 1
    most = options.pop("ncols", 1)
    room = _PANEL * figure.get_size_inches()[0] * figure.dpi / beside
    _fitted(lambda columns: axis.legend(frameon=False, ncols=columns, **options), most, room)


def _fitted(place: Callable[[int], Any], most: int, room: float) -> int:
    """Place a legend in the most columns that are no wider than `room` pixels; how many."""
    share = fitting.SHARE if _STYLE.get().column else 1
    for columns in range(most, 1, -1):
        made = place(columns)
        if share * made.get_window_extent().width < 0.98 * room:
            return columns
        made.remove()
    fitting.narrowed(place(1), 0.98 * room, share)
    return 1


def save(figure: Any, path: Path) -> Path:
    """Write and close a figure, the same bytes for the same figure; returns the path.

    Letters of a PDF are TrueType fonts. A PNG has at most 256 colours, which charts do with, and a
    third of the bytes.
    """
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    style, content = _STYLE.get(), io.BytesIO()
    with warnings.catch_warnings(), mpl.rc_context({"pdf.fonttype": TRUE_TYPE}):
        # of characters that the font lacks, and labels too long
        warnings.filterwarnings("ignore", "Glyph |constrained_layout", UserWarning)
        fit(figure, bool(style.column))
        kind = style.kind or path.suffix[1:]
        metadata = _PDF_METADATA if kind == "pdf" else METADATA
        figure.savefig(content, format=kind, dpi=dots(figure), metadata=metadata)
    plt.close(figure)
    data = _small(content) if kind == "png" else content.getvalue()
    return write(path.with_suffix(f".{kind}"), data)


def _small(content: io.BytesIO) -> bytes:
    """The same picture in 256 colours, with its dots per inch."""
    from PIL import Image

    picture, packed = Image.open(content), io.BytesIO()
    few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(packed, format="png", optimize=True, dpi=picture.info.get("dpi", (300, 300)))
    return packed.getvalue()


def dots(figure: Any) -> float:
    """Dots per inch: fewer where a figure of very many panels would fill the memory."""
    width, height = figure.get_size_inches()
    return float(min(_STYLE.get().dpi, math.sqrt(MOST_DOTS / (width * height))))
