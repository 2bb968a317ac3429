"""A recommendation on one screen of a terminal, as a page, and as files.

One layout, made with rich, is text of 80 columns, colour in a terminal, and HTML.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from wdist_bench.display.printable import one_line
from wdist_bench.folders import write
from wdist_bench.recommend.figure import write_figure
from wdist_bench.recommend.pair_answer import MOST_ROWS
from wdist_bench.recommend.ranking import TRUSTED
from wdist_bench.report.text.escaping import csv
from wdist_bench.report.text.wording import count, listed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDTH, HEIGHT = 80, 24
_NOTHING = 1e-4  # smaller relative errors are shown as 0
_FEWEST_ROWS = 2  # of the table, whatever else there is to say
_LONGEST = 230  # characters of a reason or a message: three lines
_LONGEST_LEFT, _LONGEST_NOTE = 150, 70  # of what was left out, and of a note
_LONGEST_NAME = 24
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="margin: 2em auto; width: fit-content; max-width: 95%">{body}
<img src="recommendation.png" alt="Errors on the tasks, and values for the pair"
style="max-width: 60em; width: 100%">
</body></html>
"""
_HTML = (
    '<pre style="font-family: monospace; line-height: 1.25; color: inherit; white-space: pre">'
    "{code}</pre>"
)

Plain = dict[str, Any]
"""What `Recommendation.plain()` gives: NaN and inf are None."""


def screen(answer: Plain) -> str:
    """The answer as text of 80 columns."""
    from rich.console import Console

    file = io.StringIO()
    show(Console(file=file, width=WIDTH, highlight=False, no_color=True), answer)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def html(answer: Plain) -> str:
    """The same screen as HTML."""
    from rich.console import Console

    console = Console(
        file=io.StringIO(), width=WIDTH, highlight=False, record=True, force_terminal=True
    )
    show(console, answer)
    return console.export_html(inline_styles=True, code_format=_HTML)


def show(console: Console, answer: Plain) -> None:
    """Print the answer: the pair, the single estimator, a table, and what it rests on."""
    console.width = min(console.width, WIDTH)
    above, below = _above(answer), _foot(answer)
    taken = sum(len(line.wrap(console, console.width)) for line in [*above, *below])
    for line in above:
        console.print(line)
    if any(row["ranked"] for row in answer["choice"]["standings"]):
        console.print(_table(answer, max(HEIGHT - taken - 2, _FEWEST_ROWS), console.width))
    for line in below:
        console.print(line)


def write_recommendation(folder: Path, answer: Plain) -> list[Path]:
    """Write recommendation.html, .txt, .csv, .json and .png; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    title = f"Recommendation, W{answer['p']}"
    runs = pd.DataFrame(answer["trials"])
    return [
        write(folder / "recommendation.html", _PAGE.format(title=title, body=html(answer))),
        write(folder / "recommendation.txt", screen(answer)),
        write(folder / "recommendation.csv", csv(runs, None)),
        write(folder / "recommendation.json", json.dumps(answer, indent=1) + "\n"),
        write_figure(answer, folder / "recommendation.png"),
    ]


def _line(text: str, style: str = "") -> Text:
    """Words with nothing in them that commands a terminal."""
    from rich.text import Text

    return Text(one_line(text), style=style)


def _above(answer: Plain) -> list[Text]:
    """What is said before the table."""
    lines = [*_pair(answer), _line("")] if answer["pair"] else []
    return [*lines, _line("Which single estimator comes close on such data?", "bold"),
            *map(_line, _choice(answer))]  # fmt: skip


def _pair(answer: Plain) -> list[Text]:
    rows = {"population": "the populations", "batch": "these rows"}[answer["target"]]
    return [_line(f"How far apart are {rows}?", "bold"), *map(_line, _known(answer))]


def _level(pair: Plain) -> str:
    """How sure the ends are; without a level they are certified."""
    return "certified" if pair["level"] is None else f"{100 * pair['level']:g} %"


def _ends(pair: Plain) -> str:
    """The ends that are known though there is no value."""
    lower, upper = pair["lower"], pair["upper"]
    if upper is not None:
        return f" In [{number(lower or 0)}, {number(upper)}] ({_level(pair)})."
    return f" At least {number(lower)} ({_level(pair)})." if lower else ""


def _known(answer: Plain) -> list[str]:
    pair = answer["pair"]
    name = f"W{answer['p']}"
    if pair["status"] != "ok":
        return [f"I cannot tell. {_short(pair['message'])}{_ends(pair)}"]
    if answer["target"] == "batch":
        return [
            f"{name} = {number(pair['value'])}, certified: in "
            f"[{number(pair['lower'])}, {number(pair['upper'])}]."
        ]
    said = [
        f"{name} between {number(pair['lower'])} and {number(pair['upper'])} "
        f"({_level(pair)}), best guess {number(pair['value'])}."
        + " Not told apart from zero."
        * (pair["lower"] == 0)
    ]
    rows = f"The rows themselves are {number(pair['diagnostics']['batch'])} apart"
    looked = answer["looked_x"], answer["looked_y"]
    if looked != (answer["rows_x"], answer["rows_y"]):
        why = "for the budget" if max(looked) < MOST_ROWS else f"{MOST_ROWS:,} at most"
        rows += f" ({looked[0]} and {looked[1]} of them, {why})"
    said.append(f"{rows}; for independent rows, blind to mass that no row shows.")
    return said


def _choice(answer: Plain) -> list[str]:
    choice = answer["choice"]
    name = choice["recommended"]
    if name is None:
        return [f"I cannot tell. {_short(choice['reason'])}"]
    row = next(row for row in choice["standings"] if row["estimator"] == name)
    runs = f"{choice['fresh']} fresh runs" if choice["fresh"] else f"the {row['runs']} runs"
    found = f"{percent(choice['error']) or 'by what nobody knows'} off"
    found += f"{_band(choice['interval'])} over {runs}"
    cost = f"{seconds(row['seconds'])} a call"
    if row["compile_seconds"] >= 0.05:
        cost += f", the first {seconds(row['seconds'] + row['compile_seconds'])}"
    if choice["trusted"]:
        said = [f"{_name(name)}: typically {found}; {cost}."]
    else:
        said = [f"{_doubt(answer)} {_rank(choice)} {_name(name)}, {found}; {cost}."]
    if failed := choice.get("fresh_failed", 0):
        said.append(f"{count(failed, 'fresh run')} of it failed.")
    said += _equals(choice, row)
    outside = [other["estimator"] for other in choice["standings"] if other["outside"]]
    if outside:
        kind = "interval" if answer["target"] == "population" else "certified bounds"
        said.append(f"Outside the {kind} for your pair (!): {_few(outside)}.")
    return said


def _doubt(answer: Plain) -> str:
    """Why the error of the recommended one is not enough: only what is true of all in the table."""
    choice = answer["choice"]
    if choice["error"] is None:
        return "No error is known."
    if choice["error"] > TRUSTED:
        close = [row["estimator"] for row in _ranked(choice) if row["error"] <= TRUSTED]
        return (
            f"Within 25 % on the runs that rank: {_few(close)}." if close else "None within 25 %."
        )
    pair = answer["pair"]
    ends = pair and (pair["lower"], pair["upper"])
    if not pair or pair["status"] == "ok" or None not in ends:
        return "It fails too often."
    kind = "interval" if answer["target"] == "population" else "certified bounds"
    return f"No {kind} to hold it against."


def _rank(choice: Plain) -> str:
    """What may be said of the recommended one beside the others in the table."""
    first, *others = _ranked(choice)
    best = first["estimator"] == choice["recommended"] and choice["error"] is not None
    if best and all(choice["error"] <= row["error"] for row in others):
        return "The closest is"
    return "Named is"


def _equals(choice: Plain, row: Plain) -> list[str]:
    """Who is not told apart, and from whom: all are compared with the first of the ranking."""
    name, first = row["estimator"], _ranked(choice)[0]["estimator"]
    same = [other["estimator"] for other in _ranked(choice) if not other["told_apart"]]
    same = [other for other in same if other != first]
    if not same or row["told_apart"]:
        return []
    if name == first:
        return [f"Not told apart from it: {_few(same)}."]
    return [f"Not told apart from {_name(first)}, the first of the ranking: {_few(same)}."]


def _ranked(choice: Plain) -> list[Plain]:
    return [row for row in choice["standings"] if row["ranked"]]


def _table(answer: Plain, most: int, width: int) -> Table:
    """The first few estimators, and the recommended one wherever it stands."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, width=width)
    table.add_column("estimator", no_wrap=True, overflow="ellipsis", ratio=1)
    paired = answer["pair"] is not None
    name = answer["choice"]["recommended"]
    ranked = _ranked(answer["choice"])
    uneven = len({row["runs"] for row in ranked}) > 1  # errors are of other runs then
    heads = ["runs"] * uneven + ["error", "bias", "worst on", "s a call"] + ["your pair"] * paired
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    first = [row for row in ranked if row["estimator"] != name]
    kept = {row["estimator"] for row in first[: most - 1]} | {name}
    shown = [row for row in ranked if row["estimator"] in kept]
    for row in shown:
        cells = [
            row["estimator"], *[str(row["runs"])] * uneven,
            percent(row["error"]), percent(row["bias"], sign=True),
            f"{row['worst_family']} {percent(row['worst_error'])}", _short_seconds(row["seconds"]),
        ]  # fmt: skip
        if paired:
            value = "" if row["value"] is None else number(row["value"])
            cells.append(f"{value} !" if row["outside"] else f"{value}  ")
        table.add_row(*map(_line, cells), style="bold" if row["estimator"] == name else "")
    return table


def _foot(answer: Plain) -> list[Text]:
    """What it rests on, and what was left out."""
    return [_line(said, "dim") for said in (*_tasks(answer), *_left_out(answer), _spent(answer))]


def _tasks(answer: Plain) -> list[str]:
    families = dict.fromkeys(name.split()[0] for name, _ in answer["tasks"])
    if not answer["tasks"]:
        return []
    n, m = answer["n"], answer["m"]
    rows = f"{n} rows a side" if n == m else f"{n} and {m} rows"
    truths = [truth for _, truth in answer["tasks"]]
    ends = dict.fromkeys(number(truth) for truth in (min(truths), max(truths)))
    about = "" if answer["target"] == "population" else " of the samples"
    return [
        f"Tasks: your own rows ({listed(list(families))}); {rows}, populations "
        f"{' to '.join(ends)} apart; errors are relative to that{about}."
    ]


def _left_out(answer: Plain) -> list[str]:
    left = {
        "unlike your pair": answer["unlike"],
        "no time for tasks": answer["late"],
        "not tried": list(answer["not_tried"]),
        "not for such data": list(answer["refused"]),
    }
    words = [f"{what}: {_few(list(which))}" for what, which in left.items() if which]
    said = [_short(". ".join(part[:1].upper() + part[1:] for part in words), _LONGEST_LEFT)]
    return said * bool(words) + [_short(note, _LONGEST_NOTE) for note in answer["notes"][:1]]


def _spent(answer: Plain) -> str:
    tried = sum(row["ranked"] for row in answer["choice"]["standings"])
    rows = f"x {answer['rows_x']}" + (f", y {answer['rows_y']}" if answer["rows_y"] else "")
    return (
        f"{count(tried, 'estimator')} tried; {rows} rows, dim {answer['dim']}, l2; seed "
        f"{answer['seed']}; {answer['seconds']:.3g} s of {answer['budget']:g} s."
    )


def _name(label: str) -> str:
    return label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 3]}..."


def _few(names: list[str]) -> str:
    """Three names, and how many more there are."""
    return listed(list(map(_name, names)), 3)


def _short(text: str, most: int = _LONGEST) -> str:
    """A phrase that begins with a capital and ends with a stop, cut where it is too long."""
    text = text.rstrip(".")
    text = text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} ..."
    return f"{text[:1].upper()}{text[1:]}" + "." * (not text.endswith("."))


def number(value: float | None) -> str:
    """A distance with four digits; None is unknown, or no end at all."""
    return "inf" if value is None else f"{value:.4g}"


def percent(share: float | None, sign: bool = False) -> str:
    """A relative error: in percent below 1, as a factor from there on."""
    if share is None:
        return ""
    if abs(share) >= 1:
        return "> x 1000" if share >= 998 else f"x {_digits(1 + share)}" if share > 0 else "-100 %"
    return (
        "0"
        if abs(share) < _NOTHING
        else f"{'+' if sign and share > 0 else ''}{_digits(100 * share)} %"
    )


def seconds(value: float) -> str:
    """Seconds with two digits and their unit."""
    return f"{value:.2g} s" if value >= 0.001 else "under 1 ms"


def _short_seconds(value: float) -> str:
    return f"{value:.2g}" if value >= 0.001 else "< 0.001"


def _band(ends: list[float | None]) -> str:
    if ends[0] is None or ends[1] is None or ends[1] < _NOTHING:
        return ""
    return f" [{percent(ends[0])}, {percent(ends[1])}]"


def _digits(value: float) -> str:
    """Two digits, whole numbers from 10 on."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
