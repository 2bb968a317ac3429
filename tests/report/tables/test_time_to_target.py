"""Seconds to a target, from records made by hand: rungs, shares, ratios, the figure."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from wdist_bench.report import write_report
from wdist_bench.report.figures.time_to_target import draw
from wdist_bench.report.results import Results
from wdist_bench.report.tables.time_to_target import _markdown, rungs, summary, time_to_target

EXACT = np.full((2, 1), 4.0)


def folder_of(make_folder, problems=4, protocol="fixed", failed=False, sharing=()):
    """`bracket` at three tolerances, errors of 5, .5 and .05 % in 1, 2 and 4 s; `sliced` 20 % off
    in .1 s; `exact` in 8 s, but on the first problem, where it is the fastest.
    """
    folder = make_folder()
    for k in range(problems):
        shared = {"task_parameters": {"dim": k + 1}, "dim": k + 1, "n": 64, "protocol": protocol,
                  "family": "laws"}  # fmt: skip
        for off, seconds in ((0.05, 1.0), (0.005, 2.0), (0.0005, 4.0)):
            options = {f"estimator_{kind}": {"rtol": off} for kind in ("options", "parameters")}
            folder.add("bracket", EXACT * (1 + off), EXACT, **shared, **options,
                       run_seconds=2 * seconds)  # fmt: skip
        folder.add("sliced", EXACT * 0.8, EXACT, **shared, run_seconds=0.2)
        values = np.where([[failed], [False]], math.nan, EXACT)
        folder.add("exact", values, EXACT, **shared, run_seconds=0.5 if k == 0 else 16.0)
        for record in folder.cells[-5:]:
            record["shared"] = (record["estimator"], k) in sharing
    return folder.write()


def test_the_first_rung_within_the_target_counts_with_its_own_seconds(make_folder):
    times = time_to_target(rungs(Results(folder_of(make_folder))))
    reached = times.set_index(["estimator", "problem", "target"])["seconds"].unstack("target")
    assert (reached.loc["bracket"][[0.1, 0.01, 0.001]] == [1.0, 2.0, 4.0]).all(axis=None)
    assert np.isinf(reached.loc["bracket"][0.0001]).all()
    assert np.isinf(reached.loc["sliced"]).all(axis=None)
    assert sorted(reached.loc["exact"][0.0001]) == [0.25, 8.0, 8.0, 8.0]


def test_versions_of_one_budget_are_no_ladder(make_folder):
    """In merged folders the first version that came close enough spoke for all."""

    def merged(budgets):
        folder = make_folder()
        for version, off in ((1, 0.2), (2, 0.005), (3, 0.0005)):
            for k in range(4):
                for tol in budgets:
                    given = {
                        f"estimator_{kind}": {"rtol": tol} for kind in ("options", "parameters")
                    }
                    folder.add("bracket", EXACT * (1 + tol * off), EXACT, task=f"task{k}",
                               protocol="fixed", estimator_version=version, **given)  # fmt: skip
        return rungs(Results(folder.write()))

    assert merged([1.0]) == []
    names = dict.fromkeys(rung.estimator for rung in merged([1.0, 0.1, 0.01]))
    assert list(names) == [f"bracket (version {version})" for version in (1, 2, 3)]


def test_shares_count_all_problems_and_ratios_the_fastest_of_each(make_folder):
    found = summary(time_to_target(rungs(Results(folder_of(make_folder)))))
    found = found.set_index(["estimator", "target"])
    bracket, exact = found.loc[("bracket", 0.01)], found.loc[("exact", 0.01)]
    assert (bracket["share"], bracket["median_seconds"]) == (1.0, 2.0)
    assert bracket["median_ratio"] == 1.0  # fastest on three problems of four, 8 on the other
    assert exact["median_ratio"] == 4.0
    assert found.loc[("sliced", 0.1)]["share"] == 0


def test_a_rung_with_a_failed_run_reaches_nothing(make_folder):
    times = time_to_target(rungs(Results(folder_of(make_folder, failed=True))))
    assert np.isinf(times.loc[times["estimator"] == "exact", "seconds"]).all()


def test_what_shared_the_machine_is_reached_without_seconds(make_folder):
    """It counted as not reached; a ladder whose first rung was shared had the seconds of a later
    one.
    """
    sharing = {("exact", 1), ("exact", 2), ("sliced", 0), *(("bracket", k) for k in range(4))}
    times = time_to_target(rungs(Results(folder_of(make_folder, sharing=sharing))))
    text = _markdown(summary(times))
    assert "| exact | 4: 4.1 s [1], 2 timed | 4: 4.1 s [1], 2 timed |" in text
    assert "| bracket | 4: no timing | 4: no timing | 4: no timing | 0 |" in text
    assert "Cells that shared the machine have no timing" in text
    alone = _markdown(summary(time_to_target(rungs(Results(folder_of(make_folder))))))
    assert "shared" not in alone
    draw(times)


def test_files_are_written_and_the_page_shows_them(make_folder):
    path = folder_of(make_folder)
    write_report(path)
    table = pd.read_csv(path / "time_to_target.csv")
    assert len(table) == 3 * 4 * 4
    text = (path / "time_to_target.md").read_text()
    assert "| bracket | 4: 1 s [1] | 4: 2 s [1] | 4: 4 s [1] | 0 |" in text
    assert (path / "time_to_target.png").stat().st_size > 10_000
    assert "Seconds to a target" in (path / "report.html").read_text()


@pytest.mark.parametrize("how", [{"problems": 3}, {"protocol": "stream"}])
def test_other_suites_have_none(make_folder, how):
    path = folder_of(make_folder, **how)
    write_report(path)
    assert not list(path.glob("time_to_target*"))
