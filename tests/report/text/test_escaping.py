"""Text of a journal stays text, whatever it holds."""

from __future__ import annotations

import csv as csv_module
import io
import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import hostile_files as hostile
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from wdist_bench.display.printable import one_line
from wdist_bench.report import page, write_report
from wdist_bench.report.export import export
from wdist_bench.report.tables.latex import escape
from wdist_bench.report.text.escaping import cell, code, csv, inline, label, paragraphs, words
from wdist_bench.results.journal import read_run

MARKS = st.text(st.sampled_from("ab1 _*`~<>[]()!#&;:|\\-+=.$'\"\n\t\r\x1b\u202e/x"), max_size=24)
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def inner(tokens):
    """The tokens within the lines of a document."""
    return [child for token in tokens for child in token.children or ()]


@given(MARKS)
def test_text_in_a_line_of_markdown_is_read_back_as_it_was(text):
    tokens = PARSER.parse(f"- x{inline(text)}x")
    assert [t.type for t in tokens if t.content] == ["inline"]
    assert {child.type for child in inner(tokens)} <= {"text", "text_special"}
    assert "".join(child.content for child in inner(tokens)) == f"x{one_line(text)}x"


@given(MARKS)
def test_text_in_a_table_keeps_to_its_cell(text):
    tokens = PARSER.parse(f"| a | b |\n|---|---|\n| x{cell(text)}x | y |")
    bodies = [t for t in tokens if t.type == "inline"]
    assert [t.content for t in bodies[:2]] == ["a", "b"]
    assert len(bodies) == 4
    assert {child.type for child in inner(tokens)} <= {"text", "text_special"}


@given(st.one_of(MARKS, st.lists(MARKS).map("\n".join)))
def test_a_description_has_paragraphs_and_nothing_else(text):
    tokens = PARSER.parse(f"above\n\n{paragraphs(text)}\n\nbelow")
    assert {t.type for t in tokens} <= {"paragraph_open", "inline", "paragraph_close"}
    kinds = {child.type for child in inner(tokens)}
    assert kinds <= {"text", "text_special", "softbreak", "hardbreak"}


@given(MARKS)
def test_a_code_span_ends_where_it_should(text):
    tokens = PARSER.parse(f"a {code(f'x{text}x')} b")
    assert [child.type for child in inner(tokens)] == ["text", "code_inline", "text"]


@given(st.text(st.sampled_from("$\\{}_^a \n\ud800\x1b"), max_size=20))
def test_no_label_is_a_formula(text):
    figure = Figure()
    figure.text(0.5, 0.5, f"{label(text)}, $W_1$")
    figure.text(0.5, 0.5, label(text))
    figure.savefig(io.BytesIO(), format="svg")  # a formula that is none raises


@pytest.mark.parametrize("start", [*"=+-@\t\uff1d", "\n="])
def test_no_text_of_a_csv_file_is_a_formula_and_every_number_is_left(start):
    table = pd.DataFrame(
        {"a": [f"{start}1+1", "b"], "n": [-1.5, 2], "=m": [-3, 4], "o": [None, -2]}
    )
    rows = list(csv_module.reader(io.StringIO(csv(table))))
    assert rows[0] == ["a", "n", "'=m", "o"]
    assert rows[1] == [f"'{start}1+1", "-1.5", "-3", ""]
    assert [float(cell) for cell in rows[2][1:]] == [2, 4, -2]
    assert table.columns.tolist() == ["a", "n", "=m", "o"]


def test_a_table_without_such_text_is_written_as_pandas_writes_it():
    table = pd.DataFrame({
        "a": ["x", "y,z"], "mixed": [1, None], "flag": [True, None], "n": [1 / 3, np.nan],
    })  # fmt: skip
    table["mixed"] = table["mixed"].astype(object)
    plain = table.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    assert csv(table) == plain


def test_latex_text_is_one_line_and_no_option_of_the_row_above():
    assert escape("[x] & \\input{y}\n\nz") == (r"{}[x] \& \textbackslash{}input\{y\} z")
    assert escape("*") == "{}*"
    assert escape("a [1]") == "a [1]"


def test_words_keep_names_of_files_in_their_folder():
    assert words({"loss": "../../x", "n": [1, "$a"]}) == {"loss": "..?..?x", "n": [1, "?a"]}


@pytest.fixture
def folder(tmp_path):
    return hostile.hostile_folder(tmp_path)


@pytest.mark.slow
def test_no_heading_link_or_tag_of_a_journal_is_one_of_its_reports(folder):
    write_report(folder)
    journal = read_run(folder)
    settings = {r["task"] for r in journal.planned() if "estimator" in r}
    tokens = PARSER.parse((folder / "errors.md").read_text(encoding="utf-8"))
    headings = [t for t in tokens if t.type == "heading_open"]
    assert [t.tag for t in headings].count("h1") == 1
    assert {t.tag for t in headings} == {"h1", "h2"}
    assert settings
    for name in ("errors.md", "gan.md", "example1.md"):
        tokens = PARSER.parse((folder / name).read_text(encoding="utf-8"))
        assert "html_block" not in {t.type for t in tokens}
        kinds = {child.type for child in inner(tokens)}
        assert not kinds & {"html_inline", "link_open", "image"}


@pytest.mark.slow
def test_every_export_of_a_hostile_journal_is_written(folder):
    for kind in ("csv", "latex", "parquet", "pdf", "journal"):
        for path in export(folder, kind):
            assert path.stat().st_size
            assert not path.is_symlink()
    cells = csv_module.reader(io.StringIO((folder / "errors.csv").read_text(encoding="utf-8")))
    for text in (text for row in cells for text in row):
        assert not text.startswith(("=", "@", "+"))
        assert text.isprintable() or "\n" in text


TEMPLATES = Path(page.__file__).parent / "templates"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="no node, which runs the scripts of the page")
def test_a_name_is_no_markup_and_no_template_in_the_figures_of_the_page():
    given = json.dumps([text.replace("\ud800", "").replace("\udfff", "") for text in hostile.TEXTS])
    code = (TEMPLATES / "format.js").read_text(encoding="utf-8")
    code += f"console.log(JSON.stringify({given}.map(asText)))"
    ended = subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True)
    for text, shown in zip(json.loads(given), json.loads(ended.stdout), strict=True):
        assert not set("<>%") & set(shown)
        assert unescape(shown) == text  # Plotly turns such entities into characters, as HTML does


def test_every_name_in_a_figure_of_the_page_is_made_text():
    code = (TEMPLATES / "charts.js").read_text(encoding="utf-8")
    raw = (
        r"\bname: (?:row\.)?variant",
        r"\btext: list\.map\(\(r\) => r\.",
        r"\$\{(?:r\.|row\.)?variant\}",
        r"text\.push\(point",
    )
    for pattern in raw:
        assert not re.findall(pattern, code), pattern
