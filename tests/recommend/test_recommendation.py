"""Recommendations as words, table and figure, from answers made by hand."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from wdist_bench.recommend.words import markdown, run_table, write_recommendation


def standing(name, bias, error, behind=0.0, p_holm=None, seconds=1.0, compile_seconds=0.0, runs=18):
    return {
        "estimator": name, "runs": runs, "failed": 0, "bias": bias,
        "bias_interval": [bias - 0.01, bias + 0.01], "error": error,
        "error_interval": [error - 0.01, error + 0.01], "worst_family": "funnels",
        "worst_error": 2 * error, "seconds": seconds, "compile_seconds": compile_seconds,
        "behind": behind, "behind_interval": [behind, behind], "p_holm": p_holm,
    }  # fmt: skip


def errors(n, runs, bias, error):
    return {
        "n": n, "m": n, "runs": runs, "bias": bias, "bias_interval": [bias - 0.01, bias + 0.01],
        "error": error, "error_interval": [error - 0.01, error + 0.01],
    }  # fmt: skip


def trial(run, estimator, value, truth, stage="ranking"):
    return {
        "stage": stage, "run": run, "estimator": estimator,
        "task": ["translate x", "dilate x"][run], "n": 50, "m": 50, "value": value,
        "truth": truth, "status": "ok", "message": "",
        "seconds": 0.1, "first": False,
    }  # fmt: skip


ANSWER = {
    "p": 1, "target": "population", "rows_x": 100, "rows_y": 120, "dim": 7, "n": 50, "m": 50,
    "tasks": [["translate x", 2.0], ["dilate x", 2.5]],
    "scale": {"pair": 3.0, "null": 1.0, "floor": 1.2, "told_apart": True, "spread": 4.0, "n": 50,
              "m": 50, "left_out": [], "unlike": ["tear of x"]},
    "population": {
        "target": "population", "best": "critic", "equals": ["critic", "twin"],
        "recommended": "critic", "trusted": True, "reason": "", "ruled_out": {},
        "standings": [
            standing("critic", -0.03, 0.04, compile_seconds=2.0),
            standing("twin", -0.02, 0.041, 0.001, 0.8),
            standing("exact", 0.4, 0.4, 0.36, 1e-6, seconds=0.02),
        ],
    },
    "batch": {
        "target": "batch", "best": "exact", "equals": ["exact"], "recommended": "exact",
        "trusted": True, "reason": "", "ruled_out": {},
        "standings": [
            standing("exact", 0.0, 0.0, seconds=0.02),
            standing("critic", -0.3, 0.3, 0.3, 1e-9), standing("twin", -0.31, 0.31, 0.31, 1e-9),
        ],
    },
    "sampling": errors(50, 18, 0.4, 0.4), "confirmed": errors(50, 39, -0.035, 0.045),
    "coverage": "best of 3 tried, 1 not tried, 1 that take no such data", "notes": [],
    "half_size": None, "refused": {"line": "line: expected d = 1, got d = 7; use exact"},
    "not_tried": {"funnel": 312.4},
    "pair": {
        "estimator": "critic", "value": 2.2, "n": 100, "m": 120, "interval": None, "lower": None,
        "upper": None, "status": "ok", "message": "", "seconds": 1.5, "subset_value": 2.3,
        "subsets": 20, "likely": [2.1, 2.6], "likely_runs": 39, "likely_how": "order statistics",
        "limits": [1.5, 3.3], "carried_by": 60.0, "batch": [2.9, 2.95],
        "batch_by": "bracket", "batch_n": 100, "batch_m": 120,
    },
    "budget": 120.0, "seconds": 80.0, "seed": 0,
    "trials": [
        trial(0, "exact", 3.0, 2.0), trial(0, "critic", 1.9, 2.0), trial(0, "twin", 1.8, 2.0),
        trial(1, "exact", 3.2, 2.5), trial(1, "critic", 2.4, 2.5), trial(1, "twin", None, 2.5),
    ],
}  # fmt: skip


def changed(**parts):
    answer = copy.deepcopy(ANSWER)
    for name, value in parts.items():
        known = isinstance(value, dict) and answer[name]
        answer[name] = answer[name] | value if known else value
    return answer


def test_the_headline_names_the_estimator_its_error_and_its_cost():
    said = markdown(ANSWER)
    assert (
        "**For the distance between the populations**, on data like yours (50 rows a side, dim 7): "
        "**critic**. Expected error over tasks of the families below at this distance: -3.5 % "
        "[-4.5, -2.5] on average and 4.5 % in size over 39 fresh runs; 1 s a call and 2 s "
        "to compile the first. As good, and hardly faster: twin. Next: "
        "exact, 40 % in size."
    ) in said
    assert (
        "The exact distance of two such samples is +40 % [39, 41] off that of their populations"
        in said
    )
    assert "**exact**, which has no error by definition; 0.02 s a call." in said
    assert "Nearest to it: critic, 30 % off (1 s a call" in said
    assert "none that ran is faster" in said


def test_the_pair_has_its_value_and_both_intervals():
    said = markdown(ANSWER)
    assert "**critic: W1 = 2.2** on 100 and 120 rows, 1.5 s." in said
    assert "**between 2.1 and 2.6**. Empirical" in said
    assert "certified by bracket: between 2.9 and 2.95." in said
    assert "Not told apart from zero" not in said
    close = markdown(changed(scale={"told_apart": False}))
    assert "**Not told apart from zero**" in close
    certain = markdown(changed(target="batch", pair={"likely": [None, None], "batch": [2.9, 2.9]}))
    assert "the certified distance leaves nothing open" in certain
    open_end = markdown(changed(pair={"likely": [2.1, None]}))
    assert "**above 2.1**" in open_end
    part = markdown(changed(pair={"n": 80}))
    assert "All rows would have exceeded the budget" in part
    failed = markdown(changed(pair={"value": None, "message": "it diverged"}))
    assert "critic gave no number on 100 and 120 rows: it diverged" in failed


def test_without_a_pair_there_is_a_ranking_alone():
    said = markdown(changed(pair=None, rows_y=None, scale={"pair": None}))
    assert "## Your pair" not in said
    assert "a quarter of and the whole spread of x, 4 " in said


def test_nothing_is_dropped_silently():
    said = markdown(ANSWER)
    assert "Not tried: funnel needs at least 313 s more" in said
    assert "Refused: line: expected d = 1" in said
    assert said.count("| ") > 3
    for name in ("critic", "twin", "exact"):
        assert f" {name} |" in said


@pytest.mark.parametrize(
    ("small", "large", "said"),
    [(0.9, 0.5, "More rows help: from 25 to 50"), (0.5, 0.5, "more rows help is not clear")],
)
def test_when_nobody_is_to_be_trusted_it_says_so_and_what_would_help(small, large, said):
    answer = changed(
        population={"trusted": False},
        confirmed=errors(50, 39, large, large),
        half_size=errors(25, 12, small, small),
    )
    text = markdown(answer)
    assert "**trust none of them.** The least wrong is critic with an error of +50 %" in text
    assert said in text
    assert "least wrong |" in text
    assert "recommended |" not in text
    no_promise = markdown(changed(population={"trusted": False}))
    assert "More rows" not in no_promise


def test_an_empty_ranking_is_no_answer():
    nobody = {"best": None, "recommended": None, "equals": [], "trusted": False, "reason": "why"}
    said = markdown(changed(population=nobody, pair=None))
    assert "**no answer**: why." in said


def test_a_refusal_shows_no_value_but_what_is_certain(tmp_path):
    # one verdict: headline, pair, table and figure
    refused = {"recommended": None, "trusted": False, "reason": "critic: it contradicts the pair"}
    pair = {"status": "refused", "message": "it contradicts the pair", "value": None,
            "likely": [None, None]}  # fmt: skip
    answer = changed(population=refused, pair=pair)
    said = markdown(answer)
    assert "**no answer**: critic: it contradicts the pair." in said
    assert "- **No answer**: it contradicts the pair." in said
    assert "certified by bracket: between 2.9 and 2.95." in said
    assert "the populations are between 1.5 and 3.3 apart" in said
    assert "W1 = " not in said
    assert "Likely" not in said
    assert "recommended |" not in said.split("## All estimators")[1].split("## How")[0]
    assert len(write_recommendation(tmp_path, answer)) == 4


def test_who_contradicts_the_pair_is_named():
    out = {"recommended": "exact", "trusted": False, "ruled_out": {"critic": "too low"}}
    said = markdown(changed(population=out))
    assert "of those that do not contradict your pair, as critic would, is exact" in said
    assert "- Ruled out: critic: too low." in said
    assert "ruled out |" in said
    kept = markdown(changed(population=out | {"trusted": True}))
    assert "Smaller errors, but the answer for your pair contradicts it: critic." in kept


def test_nothing_that_ran_is_still_a_page(tmp_path):
    nobody = {"best": None, "recommended": None, "equals": [], "trusted": False, "standings": [],
              "reason": "no task resembles the pair"}  # fmt: skip
    answer = changed(population=nobody, batch=nobody, pair=None) | {"tasks": [], "trials": []}
    assert "no task resembles the pair" in write_recommendation(tmp_path, answer)[0].read_text()


def test_it_says_first_how_many_were_tried():
    lines = markdown(ANSWER).splitlines()
    assert lines[2].startswith("**Best of 3 tried, 1 not tried, 1 that take no such data.**")
    unknown = markdown(ANSWER | {"not_tried": {"funnel": 0.2}})
    assert "needs at least 1 s more" in unknown  # never "about 0 s"


def test_every_run_has_both_errors():
    table = run_table(ANSWER).set_index(["run", "estimator"])
    assert table.loc[(0, "critic"), "error_population"] == pytest.approx(1.9 / 2 - 1)
    assert table.loc[(0, "critic"), "error_batch"] == pytest.approx(1.9 / 3 - 1)
    assert table.loc[(1, "exact"), "error_batch"] == 0
    assert np.isnan(table.loc[(1, "twin"), "error_batch"])
    assert len(table) == len(ANSWER["trials"])


def test_the_folder_holds_words_runs_data_and_a_figure(tmp_path):
    paths = write_recommendation(tmp_path / "new", ANSWER)
    assert [path.name for path in paths] == [
        "recommendation.md", "recommendation.csv", "recommendation.json", "recommendation.png",
    ]  # fmt: skip
    assert json.loads(paths[2].read_text()) == ANSWER
    assert paths[0].read_text() == markdown(ANSWER)
    first = paths[3].read_bytes()
    assert len(first) > 20_000
    assert write_recommendation(tmp_path / "again", ANSWER)[3].read_bytes() == first
