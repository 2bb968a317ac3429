"""Text in figures: none under another, none beyond the edge, all of it legible at its width."""

from __future__ import annotations

import itertools
import re
import textwrap
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

LEAST = 1.5
"""Inches that a panel is high, whatever its labels, titles and legends take."""
SMALLEST = 6.5
"""Points: what a reader of a printed page can still read."""

SHARE = 0.82
"""Text in a column of a paper, of that on a screen."""
_TOUCH = 0.5  # pixels that two texts may share
_FORMULA = re.compile(r"\$[^$]*\$")


def fit(figure: Any, printed: bool = False) -> None:
    """Make room for every text: lines are wrapped, labels of ticks turned.

    Args:
        figure: of Matplotlib, finished but for this.
        printed: whether it is a column of a paper, with smaller letters.
    """
    if printed:
        from matplotlib.text import Text

        for text in dict.fromkeys(figure.findobj(Text)):
            text.set_fontsize(max(SMALLEST + 0.5, SHARE * float(text.get_fontsize())))
    if figure.get_layout_engine() is None:
        return  # whoever placed everything by hand knows where it is
    settled = _lay_out(figure)
    if _wrap(figure) or printed:  # the layout takes two rounds to settle
        settled = _lay_out(figure)
    if _turn(figure):
        settled = _lay_out(figure)
    if _heighten(figure, settled) and _wrap(figure):
        _lay_out(figure)


def _lay_out(figure: Any) -> bool:
    """Whether the layout has room for what stands around the panels; else it is left as it was."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure.draw_without_rendering()
    return not any("constrained_layout" in str(one.message) for one in said)


def _meet(first: Bbox, second: Bbox) -> bool:
    wide = min(first.x1, second.x1) - max(first.x0, second.x0)
    high = min(first.y1, second.y1) - max(first.y0, second.y0)
    return wide > _TOUCH and high > _TOUCH


def _wrap(figure: Any) -> bool:
    """Titles and notes that are wider than their place, in lines; whether there were any."""
    found = False
    for text, room in _headings(figure):
        lines = text.get_text().split("\n")
        upright = text.get_rotation() == 90
        width = text.get_window_extent().height if upright else text.get_window_extent().width
        if width <= room:
            continue
        most = max(12, int(max(map(_length, lines)) * room / width))
        wrapped = [part for line in lines for part in _lines(line, most)]
        text.set_text("\n".join(wrapped))
        found = True
    return found


def _headings(figure: Any) -> Iterator[tuple[Text, float]]:
    """Texts that may take several lines, with the pixels that they may be wide."""
    for name in ("_suptitle", "_supxlabel"):
        text = getattr(figure, name, None)
        if text is not None:
            yield text, 0.98 * figure.bbox.width
    for axes in figure.axes:
        if axes.get_visible():
            spec = axes.get_subplotspec()
            columns = spec.get_gridspec().ncols if spec is not None else 1
            room = figure.bbox.width / columns
            yield axes.title, 0.85 * room
            yield axes.xaxis.label, 0.96 * room
            yield axes.yaxis.label, max(axes.bbox.height, LEAST * figure.dpi)


def narrowed(legend: Any, room: float, share: float) -> None:
    """Wrap the words of a legend of one column that is wider than its room, in pixels."""
    width = share * legend.get_window_extent().width
    texts = [text for text in legend.get_texts() if width > room]
    most = max((_length(text.get_text()) for text in texts), default=0) * 0.9 * room / width
    for text in texts:
        if _length(text.get_text()) > most:
            text.set_text("\n".join(_lines(text.get_text(), max(12, int(most)))))


def _length(line: str) -> int:
    """Letters that are seen, about: a formula has fewer than its source."""
    return len(_FORMULA.sub(lambda match: match[0][: max(1, len(match[0]) // 2)], line))


def _lines(line: str, most: int) -> list[str]:
    """One line in several, no formula broken."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        return f"\x00{len(held) - 1:0>3}"

    parts = textwrap.wrap(_FORMULA.sub(hold, line), most, break_long_words=False) or [""]
    return [re.sub("\x00(\\d{3})", lambda m: held[int(m[1])], part) for part in parts]


def _turn(figure: Any) -> bool:
    """Turn the labels of lower ticks where one lies on its neighbour, all panels at once.

    Where upright ones have no room either they become smaller, then every second one is left out.
    Whether anything had to be done.
    """
    crowded = [axes for axes in figure.axes if axes.get_visible() and _crowded(axes)]
    found = bool(crowded)
    for ease in (_upright, _smallest, _every_second, _every_second):
        if not crowded:
            break
        for axes in crowded:
            ease(axes)
        _lay_out(figure)
        crowded = [axes for axes in crowded if _crowded(axes)]
    return found


def _heighten(figure: Any, settled: bool) -> bool:
    """A figure so high that no panel is lower than `LEAST`, whatever stands around it.

    Whether it had to grow. `settled` says whether the last layout had room.
    """
    panels = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    grown = False
    for _ in range(8):  # what stands around them moves with the panels
        lowest = min(panels, key=lambda axes: axes.bbox.height, default=None)
        share = lowest.bbox.height / figure.dpi if lowest is not None and settled else 0.0
        if lowest is None or share > 0.98 * LEAST:
            return grown
        spec = lowest.get_subplotspec()
        rows = spec.get_gridspec().nrows if spec is not None else 1
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + rows * (LEAST - share))
        _lay_out(figure)
        settled, grown = _lay_out(figure), True
    return grown


def _upright(axes: Axes) -> None:
    texts = [label.get_text() for label in axes.get_xticklabels()]
    if any("\n" in text for text in texts):
        axes.set_xticks(axes.get_xticks(), [text.replace("\n", " ") for text in texts])
    axes.tick_params("x", rotation=90)


def _smallest(axes: Axes) -> None:
    axes.tick_params("x", labelsize=SMALLEST)


def _every_second(axes: Axes) -> None:
    shown = [label for label in axes.get_xticklabels() if label.get_text()]
    for label in shown[1::2]:
        label.set_text("")
    axes.set_xticks(axes.get_xticks(), [label.get_text() for label in axes.get_xticklabels()])


def _crowded(axes: Axes) -> bool:
    """Whether a label of the lower ticks lies on the next one."""
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    return any(_meet(*pair) for pair in itertools.pairwise(boxes))
