"""The example notebooks: their cells run, and print and draw what the committed outputs show."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
import types

import pytest
from markdown_pages import ROOT
from plugin_state import without_plugins
from shown_output import difference

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
SHARE = 0.05
LARGEST = 100_000
"""Bytes of a notebook with its pictures."""


def cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(cell, kind):
    """The committed outputs of a cell that hold this kind of data."""
    return [o for o in cell["outputs"] if kind in o.get("data", {})]


def printed(cell):
    streams = [o for o in cell["outputs"] if o["output_type"] == "stream"]
    assert all(stream["name"] == "stdout" for stream in streams)  # no warnings
    return "".join("".join(stream["text"]) for stream in streams)


def run(source, namespace):
    """As a notebook does: what was printed, the last expression, the number of figures."""
    import matplotlib.pyplot as plt

    tree = ast.parse(source)
    last = None
    if isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(tree, "cell", "exec"), namespace)
        value = None if last is None else eval(compile(last, "cell", "eval"), namespace)
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    figures = len(plt.get_fignums())
    plt.close("all")
    return out.getvalue(), value, figures


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_does_what_it_shows(path, tmp_path, monkeypatch):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")  # those of other tests
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    module = types.ModuleType(f"notebook_{path.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # dataclasses look there
    with without_plugins():
        for number, cell in enumerate(cells(notebook)):
            text, value, figures = run("".join(cell["source"]), vars(module))
            wrong = difference(printed(cell), text, SHARE)
            assert not wrong, f"{path.name}, code cell {number}: {wrong}"
            assert figures == len(shown(cell, "image/png"))
            tables = shown(cell, "text/html")
            assert (value is not None) == bool(tables)
            if tables:
                names = {line.split("</th>")[0] for line in value._repr_html_().split("<th>")[1:]}
                was = "".join(tables[0]["data"]["text/html"])
                assert names == {line.split("</th>")[0] for line in was.split("<th>")[1:]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_has_no_machine_in_it(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    assert "/root/" not in text
    assert "Traceback" not in text
    assert all(
        cell["outputs"] or "import" in "".join(cell["source"]) for cell in cells(json.loads(text))
    )
