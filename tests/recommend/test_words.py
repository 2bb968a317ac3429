"""Recommendations as a screen, a page and files, from answers made by hand."""

from __future__ import annotations

import copy
import json
import re
from html import unescape

import pytest

from wdist_bench.recommend.words import HEIGHT, WIDTH, html, screen, write_recommendation


def standing(name, bias, error, value=None, outside=False, tied=False, seconds=1.0, ranked=True):
    return {
        "estimator": name, "runs": 18, "failed": 0, "bias": bias, "error": error,
        "interval": [error * 0.9, error * 1.1], "worst_family": "contaminate",
        "worst_error": 2 * error, "seconds": seconds, "compile_seconds": 2.0, "ranked": ranked,
        "tied": tied, "told_apart": not tied, "value": value, "outside": outside,
    }  # fmt: skip


def trial(run, estimator, value):
    return {
        "stage": "ranking", "run": run, "estimator": estimator,
        "task": ["translate x", "dilate x"][run % 2], "n": 50, "m": 50, "value": value,
        "truth": 2.0, "status": "ok", "message": "", "seconds": 0.1, "first": False,
    }  # fmt: skip


ANSWER = {
    "p": 1, "target": "population", "rows_x": 100, "rows_y": 120, "dim": 7, "n": 50, "m": 50,
    "looked_x": 100, "looked_y": 120,
    "pair": {
        "value": 2.2, "lower": 1.5, "upper": 3.3, "level": 0.95, "target": "population",
        "status": "ok", "message": "what it rests on", "diagnostics": {"batch": 2.9},
    },
    "choice": {
        "recommended": "critic", "error": 0.045, "interval": [0.035, 0.055], "fresh": 30,
        "trusted": True, "reason": "",
        "standings": [
            standing("critic", -0.03, 0.04, 2.3, tied=True),
            standing("twin", -0.02, 0.041, tied=True),
            standing("exact", 0.4, 0.4, 2.9, seconds=0.02),
            standing("nothing", -0.99, 99.0, 0.1, outside=True),
            standing("rare", 0.0, 0.0, ranked=False),
        ],
    },
    "tasks": [["translate x", 2.19], ["dilate x", 2.21]], "unlike": ["contaminate of x"],
    "late": ["funnels of x"], "refused": {"line": "line: expected d = 1, got d = 7; use exact"},
    "not_tried": {"funnel": 312.4}, "notes": [], "budget": 120.0, "seconds": 80.0, "seed": 0,
    "trials": [trial(0, "exact", 3.0), trial(0, "critic", 1.9), trial(1, "exact", None)],
}  # fmt: skip


FAR = [
    standing("critic", 0.5, 0.49, 2.3, tied=True),
    standing("twin", 0.6, 0.6, tied=True),
    standing("rare", 0.0, 0.0, ranked=False),
]


def changed(**parts):
    answer = copy.deepcopy(ANSWER)
    for name, value in parts.items():
        known = isinstance(value, dict) and answer[name]
        answer[name] = answer[name] | value if known else value
    return answer


def said(answer):
    return " ".join(screen(answer).split())


def test_the_pair_comes_first_then_the_single_estimator_and_what_it_costs():
    words = said(ANSWER)
    assert words.startswith(
        "How far apart are the populations? "
        "W1 between 1.5 and 3.3 (95 %), best guess 2.2. The rows themselves are 2.9 apart"
    )
    assert (
        "critic: typically 4.5 % off [3.5 %, 5.5 %] over 30 fresh runs; 1 s a call, the first 3 s. "
        "Not told apart from it: twin." in words
    )
    assert "Outside the interval for your pair (!): nothing." in words
    assert "s a call your pair" in words
    assert re.search(r"nothing +x 100 +-99 % +contaminate x 199 +1 +0.1 !", words)
    assert "rare" not in words.split("estimators tried")[0]  # not ranked


def test_nothing_is_dropped_silently():
    words = said(ANSWER)
    assert "Unlike your pair: contaminate of x. No time for tasks: funnels of x." in words
    assert "Not tried: funnel. Not for such data: line." in words
    assert "(100 and 80 of them, for the budget)" in said(changed(looked_y=80))
    many = changed(rows_x=5000, looked_x=3000)
    assert "(3000 and 120 of them, 3,000 at most)" in said(many)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"pair": {"lower": 0.0}}, "W1 between 0 and 3.3 (95 %), best guess 2.2. Not told apart"),
        (
            {
                "pair": {
                    "status": "refused",
                    "message": "too few rows; draw more",
                    "value": None,
                    "upper": None,
                },
            },
            "I cannot tell. Too few rows; draw more. At least 1.5 (95 %).",
        ),
        (
            {
                "target": "batch",
                "pair": {"status": "not_converged", "message": "gap", "value": None, "level": None},
            },
            "How far apart are these rows? I cannot tell. Gap. In [1.5, 3.3] (certified).",
        ),
        (
            {
                "pair": {
                    "status": "not_converged",
                    "message": "gap",
                    "value": None,
                    "level": None,
                    "upper": None,
                },
            },
            "I cannot tell. Gap. At least 1.5 (certified).",
        ),
        (
            {"pair": {"status": "refused", "message": "w", "value": None, "lower": None}},
            "I cannot tell. W. In [0, 3.3] (95 %).",
        ),
        (
            {
                "pair": {
                    "status": "refused",
                    "message": "why",
                    "value": None,
                    "lower": None,
                    "upper": None,
                },
            },
            "I cannot tell. Why. Which",
        ),
        ({"choice": {"recommended": None, "reason": "why"}}, "I cannot tell. Why."),
        (
            {"choice": {"trusted": False, "error": 0.5, "standings": FAR}},
            "None within 25 %. The closest is critic, 50 % off",
        ),
        (
            {
                "choice": {"trusted": False, "error": 0.04},
                "pair": {"status": "refused", "value": None, "upper": None},
            },
            "No interval to hold it against. The closest is critic",
        ),
        (
            {"choice": {"trusted": False, "fresh": 20, "fresh_failed": 10}},
            "It fails too often. Named is critic, 4.5 % off [3.5 %, 5.5 %] over 20 fresh runs; 1 s "
            "a call, the first 3 s. 10 fresh runs of it failed.",
        ),
        (
            {"choice": {"trusted": False, "fresh": 0, "error": None, "interval": [None, None]}},
            "No error is known. Named is critic, by what nobody knows off over the 18 runs",
        ),
        (
            {"target": "batch", "pair": {"value": 2.9, "lower": 2.9, "upper": 2.9}},
            "How far apart are these rows? W1 = 2.9, certified: in [2.9, 2.9].",
        ),
    ],
)
def test_what_is_known_and_what_is_not_is_said(parts, words):
    assert words in said(changed(**parts))


CLOSE = [standing("slow", 0.2, 0.22, tied=True), standing("quick", 0.3, 0.3, 2.0, tied=True)]


def test_who_is_closer_in_the_table_is_not_denied():
    choice = {"recommended": "quick", "trusted": False, "error": 0.27, "standings": CLOSE}
    words = said(changed(choice=choice))
    assert "Within 25 % on the runs that rank: slow. Named is quick, 27 % off" in words
    assert "Not told apart from slow, the first of the ranking: quick." in words
    assert "None within" not in words
    assert "closest is" not in words


def test_equals_are_those_that_were_compared_with_the_one_that_is_named():
    third = standing("third", 0.2, 0.21, tied=True)
    choice = {"recommended": "quick", "standings": [*CLOSE, third]}
    assert "Not told apart from slow, the first of the ranking: quick, third." in said(
        changed(choice=choice)
    )
    choice = {"recommended": "slow", "standings": [*CLOSE, third]}
    assert "Not told apart from it: quick, third." in said(changed(choice=choice))


def test_without_a_pair_there_is_only_the_single_estimator():
    words = said(changed(pair=None, rows_y=None))
    assert "How far apart" not in words
    assert "s a call your pair" not in words  # the column of its values
    assert "x 100 rows, dim 7" in words


def test_errors_of_other_runs_say_of_how_many():
    assert "runs" not in screen(ANSWER).split("estimator ")[1].splitlines()[0]
    rows = [standing("critic", 0.1, 0.1, 2.3), standing("exact", 0.2, 0.2) | {"runs": 5}]
    words = said(changed(choice={"standings": rows}))
    assert "estimator runs error bias" in words
    assert "critic 18 10 %" in words
    assert "exact 5 20 %" in words


LONG = "critic(" + ", ".join(f"option_{i}={i}" for i in range(40)) + ")"
CROWD = [standing(f"{LONG}{i}", 0.1, 0.1 + i, 2.0, tied=True, outside=i > 0) for i in range(20)]


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        changed(choice={"standings": CROWD, "recommended": f"{LONG}0"}),
        changed(
            pair={"status": "refused", "message": "word " * 200, "value": None},
            choice={"standings": CROWD, "recommended": None, "reason": "word " * 200},
            not_tried={f"{LONG}{i}": 1.0 for i in range(30)},
            unlike=[f"translate of {i}" for i in range(30)],
            refused={f"{LONG}{i}": "" for i in range(30)},
            notes=["word " * 200],
        ),
    ],
)
def test_it_fits_one_screen_whatever_there_is_to_say(answer):
    lines = screen(answer).splitlines()
    assert max(map(len, lines)) <= WIDTH == 80
    assert len(lines) <= HEIGHT == 24


def test_what_estimators_are_called_commands_no_terminal_and_no_page():
    name = "\x1b[31m<script>[bold]"
    answer = changed(choice={"standings": [standing(name, 0.1, 0.1, 2.0)], "recommended": name})
    assert "\x1b" not in screen(answer)
    assert "[bold]" in screen(answer)
    assert "<script>" not in html(answer)


def test_the_page_says_what_the_terminal_says():
    page = unescape(re.sub(r"<[^>]+>", "", html(ANSWER)))
    assert page.split() == screen(ANSWER).split()


def test_the_folder_holds_the_page_runs_data_and_a_figure(tmp_path):
    paths = write_recommendation(tmp_path / "new", ANSWER)
    assert [path.suffix for path in paths] == [".html", ".txt", ".csv", ".json", ".png"]
    assert html(ANSWER) in paths[0].read_text()
    assert paths[1].read_text() == screen(ANSWER)
    assert len(paths[2].read_text().splitlines()) == 1 + len(ANSWER["trials"])
    assert json.loads(paths[3].read_text()) == ANSWER
    first = paths[4].read_bytes()
    assert len(first) > 15_000
    assert write_recommendation(tmp_path / "again", ANSWER)[4].read_bytes() == first


def test_bounds_that_did_not_close_are_a_page_and_files(tmp_path):
    pair = {"status": "not_converged", "message": "gap", "value": None, "level": None}
    answer = changed(target="batch", pair=pair)
    write_recommendation(tmp_path, answer)
    for name in ("recommendation.html", "recommendation.txt"):
        assert "In [1.5, 3.3] (certified)." in unescape((tmp_path / name).read_text())


def test_nothing_that_ran_is_still_a_page(tmp_path):
    nobody = {"recommended": None, "trusted": False, "standings": [], "reason": "no task"}
    answer = changed(choice=nobody, pair=None, tasks=[], trials=[])
    assert "I cannot tell. No task." in write_recommendation(tmp_path, answer)[1].read_text()
