"""Tables for papers: leaderboards, errors by task and by setting, and what studies report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from wdist_bench.display.printable import one_line
from wdist_bench.estimate import NOT_RUN
from wdist_bench.folders import write
from wdist_bench.report.comparing.leaderboard import (
    TRUTHS,
    Standing,
    claims_the_batch,
    leaderboard,
)
from wdist_bench.report.results import Results
from wdist_bench.report.studies import write_experiments
from wdist_bench.report.text.wording import number, p_value, percent, scale_of, signed

TIE = r"$^{=}$"
"""Marks who is not told apart from the best, by the rule of leaderboards and comparisons."""

_NOTE = (
    "% Needs \\usepackage{booktabs}. Distances are W_p in the units of the data.\n"
    "% Bold: the closest; = : not told apart from it (leaderboards: sign flips of whole\n"
    "% tasks, Holm; one setting: sign flips of whole runs, max-T over settings; level 5 %).\n"
)
_AGAINST = {"population": "the distance of the populations", "batch": "the value of the batches"}
_WIDEST = 7  # columns of a table of a study that are numbers of a page, not of a file


def write_latex(out: Path, results: Results) -> list[Path]:
    """`summary.tex`, `errors.tex`, a file for each report of a study, and a whole document."""
    files: list[Path] = []
    if len(results.labelled):
        shown = results.labelled[results.labelled["status"] != "skipped"]
        blocks = [_tabular(rows) for _, rows in shown.groupby("setting", sort=False)]
        files += [
            write(out / "summary.tex", _NOTE + "\n".join(_summary(results))),
            write(out / "errors.tex", _NOTE + "\n".join(blocks)),
        ]
    files += _reports(out, results)
    title = escape(results.journal.plan["title"])
    inputs = "".join(f"\\input{{{path.name}}}\n" for path in files)
    document = write(
        out / "errors_document.tex",
        "\\documentclass{article}\n\\usepackage[margin=2cm]{geometry}\n\\usepackage{booktabs}\n"
        f"\\usepackage{{graphicx}}\n\\extrafloats{{500}}\n\\begin{{document}}\n\\section*{{{title}}}\n"
        f"{inputs}\\end{{document}}\n",
    )
    return [*files, document]


def _summary(results: Results) -> list[str]:
    tables = []
    for truth in TRUTHS:
        standings = [s for s in leaderboard(results.labelled, truth) if s.tasks]
        if standings:
            tables += [_board(truth, standings), _by_task(results, truth)]
    return tables


def _board(truth: str, standings: list[Standing]) -> str:
    """The leaderboard against one truth."""
    first = standings[0]
    lines = [
        [
            _marked(escape(s.variant), s is first, not s.apart),
            _share(s.relative_error), _share(s.relative_bias), f"${s.rank:.1f}$",
            "" if pd.isna(s.p_value) else f"${p_value(s.p_value)}$",
            f"{s.failed} of {s.runs}", _math(s.seconds, 2),
        ]
        for s in standings
    ]  # fmt: skip
    caption = (
        f"Error of a run against {_AGAINST[truth]}, over the distance, median over settings; "
        f"mean rank over {first.tasks} tasks."
    )
    heads = ["estimator", "error", "bias", "rank", "behind the first", "failed", "s / run"]
    return table("l" + "r" * 6, heads, lines, caption)


def _by_task(results: Results, truth: str) -> str:
    """The error of a run by setting, estimators side by side."""
    rows = results.labelled
    rows = rows[~rows["status"].isin(NOT_RUN) & rows[f"relative_{truth}"].notna()]
    if truth == "batch":
        rows = rows[~claims_the_batch(rows)]
    variants = list(dict.fromkeys(rows["variant"]))
    apart = results.compared
    apart = apart[apart["against"] == truth]
    closest = dict(zip(apart["setting"], apart["best_variant"], strict=True))
    apart = apart[apart["told_apart"].astype(bool)]
    behind = set(zip(apart["setting"], apart["other_variant"], strict=True))
    lines = []
    for setting, here in rows.groupby("setting", sort=False):
        errors = dict(zip(here["variant"], here[f"relative_{truth}"], strict=True))
        known = closest.get(setting)
        best = known if known in errors else min(errors, key=errors.__getitem__)
        cells = [
            _marked(_share(errors[v]), v == best, (setting, v) not in behind)
            if v in errors
            else "--"
            for v in variants
        ]
        lines.append([escape(here["setting_label"].iloc[0]), *cells])
    heads = ["task", *(rf"\rotatebox{{90}}{{{escape(v)}}}" for v in variants)]
    caption = f"Error of a run against {_AGAINST[truth]}, over the distance, by setting."
    return r"% and \usepackage{graphicx}" + "\n" + table(
        "l" + "r" * len(variants), heads, lines, caption
    )  # fmt: skip


def _marked(text: str, best: bool, tied: bool) -> str:
    if best:
        return rf"\textbf{{{text}}}"
    return text + (TIE if tied else "")


def _share(value: float) -> str:
    return "" if pd.isna(value) else percent(value).replace("\u00a0%", r"\,\%")


def table(columns: str, heads: list[str], lines: list[list[str]], caption: str) -> str:
    """A booktabs table."""
    return "\n".join(
        [
            r"\begin{table}[!htbp]",
            r"\centering\small\setlength{\tabcolsep}{4pt}",
            rf"\caption{{{escape(caption)}}}",
            rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"\toprule",
            " & ".join(heads) + r" \\",
            r"\midrule",
            *(" & ".join(line) + r" \\" for line in lines),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _reports(out: Path, results: Results) -> list[Path]:
    """The tables of every report that a study writes."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    with TemporaryDirectory() as place:
        made = write_experiments(Path(place), results.journal)
        texts = {p.stem: p.read_text(encoding="utf-8") for p in made if p.suffix == ".md"}
    files = []
    for name, text in texts.items():
        blocks = _tables(parser.parse(text))
        if blocks:
            files.append(write(out / f"{name}.tex", _NOTE + "\n".join(blocks)))
    return files


def _tables(tokens: list[Any]) -> list[str]:
    """Every table of a Markdown text, under the heading that it stands below."""
    heading, found = "", []
    rows: list[list[str]] = []
    for token, inside in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open":
            heading = inside.content
        elif token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(_inline(inside))
        elif token.type == "table_close" and rows:
            wide = len(rows[0]) > _WIDEST
            columns = "l" + "r" * (len(rows[0]) - 1)
            block = table(columns, rows[0], rows[1:], heading)
            found.append(block.replace(r"\small", r"\scriptsize") if wide else block)
    return found


def _inline(token: Any) -> str:
    """A cell: its text escaped, what is strong in bold, links as their words."""
    parts = []
    for child in token.children or ():
        if child.type == "strong_open":
            parts.append(r"\textbf{")
        elif child.type == "strong_close":
            parts.append("}")
        else:
            parts.append(escape(child.content).removeprefix("{}"))
    return "".join(parts).strip()


_HEADS = [
    r"estimator", r"estimate", r"95\,\% interval", r"against batch", r"against populations",
    r"$|$error$|$ on batches", r"failed", r"s / run",
]  # fmt: skip


def _tabular(rows: pd.DataFrame) -> str:
    """One setting."""
    first = rows.sort_values("status", key=lambda s: s.isin(NOT_RUN), kind="stable").iloc[0]
    truths = [
        f"{words} {number(first[name], scale=scale_of(first))}"
        for words, name in (
            ("distance of the populations", "truth_population"),
            ("mean exact value of the batches", "truth_batch"),
        )
        if pd.notna(first[name])
    ]
    caption = f"{first['setting_label']}: {'; '.join(truths) or 'truth not known'}."
    return table("lrrrrrrr", _HEADS, [_cells(row) for _, row in rows.iterrows()], caption)


def _cells(row: pd.Series) -> list[str]:
    interval, scale = "", scale_of(row)
    if pd.notna(row["estimate_ci_low"]):
        low, high = (_math(row[f"estimate_ci_{end}"], scale=scale) for end in ("low", "high"))
        interval = f"[{low}, {high}]"
    error = _math(row["abs_error_batch"], 3, scale=scale)
    if error and pd.notna(row["abs_error_batch_sd"]):
        error += rf" $\pm$ {_math(row['abs_error_batch_sd'], 2, scale=scale)}"
    refused = row["status"] == "refused"
    return [
        escape(row["variant"]),
        _math(row["estimate"], scale=scale) or "--",
        interval,
        _math(row["bias_batch"], 3, signed, scale),
        _math(row["bias_population"], 3, signed, scale),
        error,
        "refused" if refused else f"{int(row['failed'])} of {int(row['runs'])}",
        _math(row["seconds_per_run"], 2),
    ]


def _math(
    value: float, digits: int = 4, shown: Callable[..., str] = number, scale: float = 1.0
) -> str:
    """A number in math mode, powers of ten as such."""
    text = shown(value, digits, scale)
    if not text:
        return ""
    mantissa, power, exponent = text.partition("e")
    return rf"${mantissa} \cdot 10^{{{int(exponent)}}}$" if power else f"${text}$"


_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    **{character: "\\" + character for character in "&%$#_{}"},
}  # fmt: skip


def escape(text: Any) -> str:
    """Text for LaTeX; what is not ASCII becomes a question mark, as old engines have no letters.

    At the start of a cell, "[" and "*" would be read as options of the line above.
    """
    plain = one_line(str(text)).encode("ascii", "replace").decode().replace('"', "''")
    start = "{}" if plain.startswith(("[", "*")) else ""
    return start + "".join(_SPECIAL.get(character, character) for character in plain)
