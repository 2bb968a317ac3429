"""The curse of dimension as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.report.drawing import grid_of, legend_above
from wdist_bench.report.palette import NOTE, Look, looks
from wdist_bench.report.tables.rates import Law
from wdist_bench.report.text.escaping import label
from wdist_bench.results.rates import root_mean_square

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_NEAR = 0.07  # of the height of a panel: labels nearer than this would touch


def draw(found: list[Law]) -> Any:
    """A row for each family; for each exponent a panel over n and one over the dimension."""
    families, exponents = (list(dict.fromkeys(getattr(law, name) for law in found))
                           for name in ("family", "p"))  # fmt: skip
    styles = looks(pair for law in found for pair in law.estimators.items())
    columns = 2 * len(exponents)
    figure, axes = grid_of(len(families), columns, 3.3 * columns, 2.7 * len(families))
    for axis in axes.flat:
        axis.set_visible(False)
    for law in found:
        row, column = families.index(law.family), 2 * exponents.index(law.p)
        over_n, over_dim = axes[row, column], axes[row, column + 1]
        _over_n(over_n, law, styles)
        _over_dim(over_dim, law, styles)
        limits = [*over_n.get_ylim(), *over_dim.get_ylim()]
        for axis in (over_n, over_dim):
            axis.set_visible(True)
            axis.set_ylim(min(limits), max(limits))
        _name_dims(over_n, law)
    handles = [axes[0, 0].plot([], [], marker=s.marker, **s.line)[0] for s in styles.values()]
    handles.append(axes[0, 0].plot([], [], color="0.75", lw=1)[0])
    names = [*map(label, styles), "exact in the other dimensions"]
    legend_above(figure, handles, names)
    figure.supxlabel(
        "mark: root mean square over runs of |estimate - distance of the populations|; "
        "dotted: slope -1/2, the rate of a mean",
        **NOTE,
    )
    return figure


def _over_n(axis: Axes, law: Law, styles: dict[str, Look]) -> None:
    """Every variant at one dimension, and the plug-in at all others in grey."""
    for _, sizes, errors in _others(law):
        if errors.any():
            axis.plot(sizes, _shown(errors), color="0.75", lw=1, zorder=1)
    _lines(axis, {variant: law.over_n(variant, law.dim) for variant in law.estimators}, styles)
    low, high = axis.get_xlim()
    bottom, top = axis.get_ylim()
    sizes = np.array([low, high])
    axis.plot(sizes, top * (sizes / low) ** -0.5, color="0.4", ls=":", lw=1)
    axis.set(xlim=(low, high), ylim=(bottom, top), xlabel="points of each sample, n")
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.set_title(f"{label(law.family)}, dim {law.dim}", fontsize=9.5)
    axis.set_ylabel(f"error of $W_{{{law.p:g}}}$", fontsize=9)


def _others(law: Law) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Dimension, sizes and errors of the grey lines: the plug-in at the other dimensions."""
    exact = [variant for variant, name in law.estimators.items() if name == "exact"]
    for dim in sorted({dim for _, dim, _ in law.errors} - {law.dim}):
        for variant in exact:
            sizes, errors = law.over_n(variant, dim)
            if len(sizes) > 1:
                yield dim, sizes, errors


def _name_dims(axis: Axes, law: Law) -> None:
    """Name the dimension at the end of each grey line; lines that end together share a label."""
    ends = []
    for dim, sizes, errors in _others(law):
        error = float(root_mean_square(errors)[-1])
        if error > 0:  # which has a place on a logarithmic axis
            ends.append((error, float(sizes[-1]), dim))
    low, high = axis.get_ylim()
    groups: list[list[tuple[float, float, int]]] = []
    for end in sorted(ends):
        near = groups and math.log(end[0] / groups[-1][-1][0]) < _NEAR * math.log(high / low)
        groups[-1].append(end) if near else groups.append([end])
    for group in groups:
        named = ", ".join(str(dim) for dim in sorted({dim for *_, dim in group}))
        error = math.exp(float(np.mean([math.log(error) for error, *_ in group])))
        axis.annotate(
            named, (group[0][1], error), xytext=(2, 0), textcoords="offset points", fontsize=6.5,
            color="0.4", va="center",
        )  # fmt: skip


def _over_dim(axis: Axes, law: Law, styles: dict[str, Look]) -> None:
    """Every variant at one number of points."""
    _lines(axis, {variant: law.over_dim(variant, law.n) for variant in law.estimators}, styles)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.set_xlabel("dimension")
    known = sorted(law.truths.values())
    ends = " to ".join(dict.fromkeys(f"{value:.3g}" for value in (known[0], known[-1])))
    axis.set_title(f"n = {law.n}, distance {ends}", fontsize=9.5)


def _lines(
    axis: Axes, series: dict[str, tuple[np.ndarray, np.ndarray]], styles: dict[str, Look]
) -> None:
    axis.set(xscale="log", yscale="log")
    for variant, (sizes, errors) in series.items():
        if len(sizes):
            look = styles[variant]
            axis.plot(sizes, _shown(errors), marker=look.marker, **look.line, ms=4, lw=1.3)


def _shown(errors: np.ndarray) -> np.ndarray:
    """(runs, k) -> root mean squares, NaN where there is no error: 0 has no place on the axis."""
    found = root_mean_square(errors)
    return np.where(found > 0, found, np.nan)
