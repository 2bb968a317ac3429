"""A recommendation as words, one table, every run as CSV, JSON, and a figure."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd

from wdist_bench.folders import write
from wdist_bench.recommend.figure import write_figure
from wdist_bench.recommend.phrases import (
    Plain,
    between,
    cost,
    first_call,
    interval,
    names,
    number,
    percent,
    seconds,
    sentence,
    short,
    signed,
    size,
    spent,
    standing,
)
from wdist_bench.report.escaping import cell, csv, inline

_QUESTIONS = {
    "population": "the distance between the populations",
    "batch": "the distance between the samples themselves",
}
_COLUMNS = ["stage", "run", "estimator", "task", "n", "m", "value", "truth", "status", "message",
            "seconds", "first"]  # fmt: skip
_AGAINST = {"population": "populations", "batch": "samples"}


def write_recommendation(folder: Path, answer: Plain) -> list[Path]:
    """Write recommendation.md, .csv, .json and .png; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    text, table, data = (folder / f"recommendation.{kind}" for kind in ("md", "csv", "json"))
    write(text, markdown(answer))
    write(table, csv(run_table(answer), None))
    write(data, json.dumps(answer, indent=1) + "\n")
    caption = f"{size(answer)}, W{answer['p']}"
    path = folder / "recommendation.png"
    return [text, table, data, write_figure(answer, run_table(answer), _QUESTIONS, caption, path)]


def run_table(answer: Plain) -> pd.DataFrame:
    """One row per call, with both truths and both relative errors."""
    runs = pd.DataFrame(answer["trials"], columns=_COLUMNS)
    exact = runs[runs["estimator"] == "exact"].set_index(["stage", "run"])["value"]
    exact = exact[~exact.index.duplicated()]
    places = pd.MultiIndex.from_frame(runs[["stage", "run"]])
    runs["truth_batch"] = exact.reindex(places).to_numpy(float)
    runs = runs.rename(columns={"truth": "truth_population"})
    for target in _QUESTIONS:
        truth = runs[f"truth_{target}"].astype(float)
        runs[f"error_{target}"] = runs["value"].astype(float) / truth - 1
    return runs


def markdown(answer: Plain) -> str:
    """The answer in words, the table, and how it was found."""
    target = answer["target"]
    other = "batch" if target == "population" else "population"
    lines = ["# Which estimator to trust on data like yours", ""]
    lines += [f"**{sentence(inline(answer['coverage']))}** {_data(answer)}", ""]
    lines += [_headline(answer, target), "", _headline(answer, other), ""]
    if answer["pair"]:
        lines += ["## Your pair", "", *_pair(answer), ""]
    lines += ["## All estimators", "", _table(answer), "", *_left(answer), ""]
    lines += ["## How this was found", "", *_method(answer)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _data(answer: Plain) -> str:
    size = f"x: {answer['rows_x']} rows"
    if answer["rows_y"] is not None:
        size += f", y: {answer['rows_y']} rows"
    return f"{size}, dim {answer['dim']}; W{answer['p']} with the Euclidean distance."


def _headline(answer: Plain, target: str) -> str:
    """The recommendation for one question."""
    choice = answer[target]
    start = f"**For {_QUESTIONS[target]}**, on data like yours ({size(answer)}):"
    if not choice["recommended"]:
        return f"{start} **no answer**: {inline(choice['reason'])}."
    row = standing(choice, choice["recommended"])
    if target == "batch" and row["error"] == 0:
        said = f"{start} **{row['estimator']}**, which has no error by definition"
        return f"{said}; {cost(row)}. {_runner_up(choice)}"
    if not choice["trusted"]:
        return " ".join([f"{start} **trust none of them.**", *_distrust(answer, choice, target)])
    said = f"{start} **{row['estimator']}**. Expected error over tasks of the families below at "
    said += f"this distance: {_errors(answer, choice, target)}; "
    said += f"{cost(row)}. {_others(choice)}"
    return said + (f" {_sampling(answer)}" if target == "population" else "")


def _distrust(answer: Plain, choice: Plain, target: str) -> list[str]:
    """Why nothing is recommended, and what would help as far as it was measured."""
    row = standing(choice, choice["recommended"])
    said = [
        f"The least wrong{_left_over(choice)} is {row['estimator']} with an error of "
        f"{_errors(answer, choice, target)}."
    ]
    if target == "population":
        said.append(_sampling(answer))
    half, fresh = answer["half_size"], answer["confirmed"]
    if target == answer["target"] and half and fresh:
        falls = half["error_interval"][0] > fresh["error_interval"][1]
        change = f"from {percent(half['error'])} to {percent(fresh['error'])}"
        rows = f"from {half['n']} to {fresh['n']} rows a side"
        said.append(
            f"More rows help: {rows} its error fell {change} in size."
            if falls
            else f"Whether more rows help is not clear: {rows} its error went {change} in size."
        )
    return said


def _left_over(choice: Plain) -> str:
    out = list(choice["ruled_out"])
    return f" of those that do not contradict your pair, as {names(out)} would," if out else ""


def _errors(answer: Plain, choice: Plain, target: str) -> str:
    """Signed error and its size: from the fresh runs where there are any."""
    fresh = answer["confirmed"] if target == answer["target"] else None
    found = fresh or standing(choice, choice["recommended"])
    where = f"{found['runs']} fresh runs" if fresh else f"{found['runs']} runs"
    return (
        f"{signed(found['bias'], found['bias_interval'])} on average and "
        f"{percent(found['error'])} in size over {where}"
    )


def _others(choice: Plain) -> str:
    """What else is as good, and why this one; and who comes next."""
    name, best = choice["recommended"], choice["best"]
    equals = [other for other in choice["equals"] if other != name]
    if choice["ruled_out"]:
        out = list(choice["ruled_out"])
        does = "contradicts" if len(out) == 1 else "contradict"
        return f"Smaller errors, but the answer for your pair {does} it: {names(out)}."
    said = []
    if equals and name == best:
        said.append(f"As good, and hardly faster: {names(equals)}.")
    elif equals:
        smallest = percent(standing(choice, best)["error"])
        said.append(
            f"It cannot be told apart from {names(equals)} and takes least time or trouble "
            f"({best} had the smallest error, {smallest} in size)."
        )
    worse = [row for row in choice["standings"] if row["behind"] and _is_worse(choice, row)]
    if worse:
        row = worse[0]
        apart = row["p_holm"] is not None and row["p_holm"] < 0.05
        doubt = "" if apart else ", though these runs do not tell it apart"
        said.append(f"Next: {row['estimator']}, {percent(row['error'])} in size{doubt}.")
    return " ".join(said)


def _is_worse(choice: Plain, row: Plain) -> bool:
    return row["estimator"] not in choice["equals"]


def _runner_up(choice: Plain) -> str:
    """Who else has no error, who comes next, and who does at less cost."""
    first = standing(choice, choice["recommended"])
    rows = [row for row in choice["standings"] if row is not first and row["error"] is not None]
    same = [row["estimator"] for row in rows if row["error"] == 0]
    said = [f"Without error as well: {names(same)}."] if same else []
    others = [row for row in rows if 0 < row["error"] < 1]  # up to a factor of 2
    if not others:
        return " ".join(said)
    near = min(others, key=lambda row: row["error"])
    next_one = f"Nearest to it: {near['estimator']}, {percent(near['error'])} off ({cost(near)})"
    cheap = [row for row in others if first_call(row) < first_call(first)]
    if not cheap:
        return " ".join([*said, f"{next_one}; none that ran is faster."])
    best = min(cheap, key=lambda row: row["error"])
    if best is near:
        return " ".join([*said, f"{next_one}, and faster."])
    faster = f"of the faster ones {best['estimator']}, {percent(best['error'])} off."
    return " ".join([*said, f"{next_one}; {faster}"])


def _sampling(answer: Plain) -> str:
    """How far the exact distance of samples is from that of the populations."""
    found = answer["sampling"]
    low, high = found["bias_interval"]
    if low is None or low <= 0 or found["bias"] < 0.01:
        return ""
    return (
        f"The exact distance of two such samples is {signed(found['bias'], [low, high])} off that "
        "of their populations: "
        "at this size it answers the other question."
    )


def _pair(answer: Plain) -> list[str]:
    pair, scale = answer["pair"], answer["scale"]
    name = f"W{answer['p']}"
    rows = f"{pair['n']} and {pair['m']} rows"
    refused = pair["status"] == "refused"
    if refused:
        lines = [f"- **No answer**: {inline(pair['message'])}."]
    elif pair["value"] is None:
        lines = [f"- {pair['estimator']} gave no number on {rows}: {inline(pair['message'])}"]
    else:
        lines = [f"- **{pair['estimator']}: {name} = {number(pair['value'])}** on {rows}, "
                 f"{seconds(pair['seconds'])}."]  # fmt: skip
    if not refused:
        if (pair["n"], pair["m"]) != (answer["rows_x"], answer["rows_y"]):
            lines[0] += (
                " All rows would have exceeded the budget or the memory; these are random ones."
            )
        if pair["interval"]:
            lines.append(f"- Its own 95 % interval: {interval(pair['interval'])}.")
        lines += _likely(answer)
    low, high = pair["batch"]
    about = f"these {pair['batch_n']} and {pair['batch_m']} rows"
    value = number(low) if low == high else between(low, high)
    lines.append(f"- Distance of {about} themselves, certified by {pair['batch_by']}: {value}.")
    if answer["target"] == "population" and pair["limits"][0] is not None:
        lines.append(
            f"- Whatever an estimator says, the populations are {between(*pair['limits'])} apart, "
            "each end at 97.5 %, from independent rows (1-Lipschitz functions on rows that did not "
            "choose them; the exact distance of samples and its fluctuation)."
        )
    if answer["target"] == "population" and not scale["told_apart"]:
        lines.append(
            f"- **Not told apart from zero**: samples of {scale['n']} and {scale['m']} rows are "
            f"{number(scale['pair'])} apart, and two samples of one population "
            f"{number(scale['null'])}, up to {number(scale['floor'])} by chance. The errors "
            "above are those for the smallest distances that would show."
        )
    return lines


def _likely(answer: Plain) -> list[str]:
    """The empirical interval."""
    pair = answer["pair"]
    low, high = pair["likely"]
    if low is None:
        certified = answer["target"] == "batch" and pair["batch"][0] == pair["batch"][1]
        why = "the certified distance leaves nothing open" if certified else "too few runs"
        return [f"- No interval from the similar tasks: {why}."]
    return [
        f"- Likely {_QUESTIONS[answer['target']].removeprefix('the ')}: **{between(low, high)}**. "
        "Empirical: its "
        f"estimate at the size of the tasks ({number(pair['subset_value'])}, mean of "
        f"{pair['subsets']} subsets) over 1 + error, for the errors that 95 % of runs on similar "
        f"tasks have ({pair['likely_runs']} runs, {pair['likely_how']}); at least as wide as what "
        "your pair's own distance fluctuates by, and within what is known of it. It holds in so "
        "far as your pair behaves like the tasks."
    ]


def _table(answer: Plain) -> str:
    """One row per estimator, both targets."""
    target = answer["target"]
    order = [row["estimator"] for row in answer[target]["standings"]]
    rows = [_row(answer, name) for name in order]
    if not rows:
        return "No estimator ran."
    return (
        pd.DataFrame(rows)
        .map(cell)
        .to_markdown(index=False, disable_numparse=True, stralign="right")
    )


def _row(answer: Plain, name: str) -> dict[str, str]:
    cells = {"estimator": name}
    for target, against in _AGAINST.items():
        row = standing(answer[target], name)
        cells[f"error against {against}"] = signed(row["bias"], row["bias_interval"])
        cells[f"in size ({against})"] = percent(row["error"])
        if target == "population":
            worst = f"{percent(row['worst_error'])} ({row['worst_family']})"
            cells["worst map"] = worst if row["runs"] else ""
    cells["runs"] = str(row["runs"])
    cells["failed"] = str(row["failed"])
    cells["s a call"] = short(row["seconds"])
    cells["s to compile"] = short(row["compile_seconds"])
    cells["verdict"] = _verdict(answer[answer["target"]], name)
    return cells


def _verdict(choice: Plain, name: str) -> str:
    row = standing(choice, name)
    if not choice["recommended"]:
        return "no answer"
    if name == choice["recommended"]:
        return "recommended" if choice["trusted"] else "least wrong"
    if name in choice["ruled_out"]:
        return "ruled out"
    if name in choice["equals"]:
        return "as good"
    if row["behind"] is None:
        return "not ranked"
    level = row["p_holm"]
    if level is None or level >= 0.05:
        return "worse, not told apart"
    return "worse (p < 1e-4)" if level < 1e-4 else f"worse (p = {level:.1g})"


def _left(answer: Plain) -> list[str]:
    lines = [
        f"- Not tried: {name} needs at least {max(1, math.ceil(seconds))} s more; raise --budget "
        "or name it alone with --methods."
        for name, seconds in answer["not_tried"].items()
    ]
    lines += [
        f"- Ruled out: {inline(name)}: {inline(why)}."
        for name, why in answer[answer["target"]]["ruled_out"].items()
        if answer[answer["target"]]["recommended"]
    ]
    lines += [f"- Refused: {inline(message)}" for message in answer["refused"].values()]
    return lines + [f"- {inline(note)}." for note in answer["notes"]]


def _method(answer: Plain) -> list[str]:
    scale, tasks = answer["scale"], answer["tasks"]
    if not tasks:
        return [spent(answer)]
    truths = [truth for _, truth in tasks]
    bases = " and ".join(dict.fromkeys(name.split()[1] for name, _ in tasks))
    maps = ", ".join(dict.fromkeys(name.split()[0] for name, _ in tasks))
    lines = [
        f"- Tasks: rows of {bases} against other rows of the same file, moved by maps with a known "
        f"distance, or drawn with other frequencies ({maps}). A run has {answer['n']} and "
        f"{answer['m']} rows a side, since its two "
        "samples share no row; an estimator sees each run's samples once, the same for all.",
        _made_for(scale, truths),
    ]
    if scale["left_out"]:
        lines.append(f"- Left out, cannot be brought there: {', '.join(scale['left_out'])}.")
    if scale["unlike"]:
        lines.append(
            f"- Left out, samples do not look like those of your pair: "
            f"{', '.join(scale['unlike'])}. Compared are the cost of nearest neighbours over the "
            "exact distance, and how evenly rows carry the cost of the optimal plan."
        )
    lines += [
        "- Errors are relative to the known distance: mean over runs with its 95 % interval "
        "(Student's t), and size, exp(mean |log(estimate / truth)|) - 1: 14 % is a factor of 1.14 "
        "either way. Runs are random splits of your rows; the intervals do not "
        "know how other rows would differ. Verdicts compare sizes run by run, p-values are Holm's "
        "over all pairs. Failed runs are left out of the means beside them.",
        "- An estimator is trusted where its error is at most 25 % in size. Of those not told "
        "apart from the best and within 1 point or a quarter of it, a solver of milliseconds is "
        "recommended where there is one, else the fastest, if it saves half of the time and 0.1 s.",
        spent(answer),
    ]
    return lines


def _made_for(scale: Plain, truths: list[float]) -> str:
    between = f"between {number(min(truths))} and {number(max(truths))}"
    if scale["pair"] is None:
        return (
            f"- Their distances: a quarter of and the whole spread of x, {number(scale['spread'])}"
            f" (mean distance to the mean): {between}."
        )
    size = f"{scale['n']} and {scale['m']} rows"
    wanted = "your pair's" if scale["told_apart"] else "the smallest that would show"
    doubt = ", or what that may be within its error" if scale["told_apart"] else ""
    goal = scale["pair"] if scale["told_apart"] else scale["floor"]
    return (
        f"- Maps are as strong as makes the exact distance of samples ({size}) {wanted}, "
        f"{number(goal)}{doubt}; their populations are {between} apart, two samples of one "
        f"population {number(scale['null'])}."
    )
