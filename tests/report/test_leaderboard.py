"""Ranks and verdicts, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from wdist_bench.bench.journal import read_journal
from wdist_bench.report.leaderboard import leaderboard, not_told_apart, ranks
from wdist_bench.report.settings import labelled_table
from wdist_bench.report.verdicts import shortcomings, verdicts

NONE = [[np.nan], [np.nan]]


def table_of(folder):
    return labelled_table(read_journal(folder.write()))


def three_tasks(folder):
    """Errors near .1, far .5; lost has a number in one task of three."""
    for i, level in enumerate((1.0, 2.0, 3.0)):
        truths = [[level], [level]]
        for name, off in (("exact", 0.0), ("near", 0.1), ("far", 0.5), ("lost", 0.2)):
            costs = NONE if name == "lost" and i else np.asarray(truths) + off
            folder.add(name, costs, truths, task=f"task{i}", population=level)
    return folder


def test_ranks_are_within_a_setting_and_a_cell_without_a_number_is_last(make_folder):
    table = table_of(three_tasks(make_folder()))
    found = {s.variant: s for s in leaderboard(table, "population")}
    assert found["exact"].rank == 1
    assert found["near"].rank == 2
    assert found["far"].rank == pytest.approx((4 + 3 + 3) / 3)
    assert found["lost"].rank == pytest.approx((3 + 4 + 4) / 3)
    half = stats.t.ppf(0.975, 2) * np.std([4, 3, 3], ddof=1) / np.sqrt(3)
    assert found["far"].interval == pytest.approx((10 / 3 - half, 10 / 3 + half))
    assert (found["lost"].failed, found["lost"].runs) == (4, 6)
    assert found["near"].relative_error == pytest.approx(0.1 / 2)  # of .1/1, .1/2, .1/3


def test_the_solver_that_defines_the_batch_truth_is_not_ranked_against_it(make_folder):
    table = table_of(three_tasks(make_folder()))
    board = leaderboard(table, "batch")
    assert board[0].variant == "near"
    assert "exact" not in {s.variant for s in board}


def test_equal_laws_are_not_ranked_against_their_distance(make_folder):
    folder = make_folder()
    for task, population in (("null", 0.0), ("apart", 1.0)):
        for name, value in (("says_zero", 0.01), ("measures", 1.05)):
            folder.add(name, [[value]] * 2, [[1.0]] * 2, task=task, population=population)
    table = table_of(folder)
    board = leaderboard(table, "population")
    assert [(s.variant, s.settings) for s in board] == [("measures", 1), ("says_zero", 1)]
    assert [s.settings for s in leaderboard(table, "batch")] == [2, 2]
    assert any("In 1 setting the two laws are the same" in said for said in verdicts(table))


def test_a_filter_by_bound_ranks_the_rest_among_themselves(make_folder):
    folder = make_folder()
    for name, bound, off in (("a", "lower", 0.3), ("b", "none", 0.2), ("c", "lower", 0.1)):
        folder.add(name, [[1 + off]] * 2, [[1.0]] * 2, bound=bound)
    table = table_of(folder)
    assert [(s.variant, s.rank) for s in leaderboard(table, "batch", "lower")] == [
        ("c", 1),
        ("a", 2),
    ]
    assert leaderboard(table, "batch", "upper") == []


def test_different_samples_are_different_settings(make_folder):
    folder = make_folder()
    for seed in (0, 1):
        for name, off in (("a", 0.1), ("b", 0.2)):
            folder.add(name, [[1 + off]] * 2, [[1.0]] * 2, seed=seed)
    table = table_of(folder)
    assert list(ranks(table, "batch")["rank"]) == [1, 2, 1, 2]
    assert table["setting_label"].nunique() == 2


def test_told_apart_only_beyond_noise(make_folder):
    folder = make_folder()
    for i in range(6):
        close = 0.05 if i < 2 else 0.15  # behind on average, and not beyond noise
        for name, off in (("first", 0.1), ("close", close), ("far", 0.5)):
            folder.add(name, [[1 + off]] * 2, [[1.0]] * 2, task=f"task{i}")
    assert not_told_apart(table_of(folder), "batch", "first") == ["close"]


def test_variants_carry_the_options_that_vary_and_no_others(make_folder):
    folder = make_folder()
    for steps in (10, 100):
        options = {"steps": steps, "batch_size": 64}
        folder.add("critic", [[1.1]] * 2, [[1.0]] * 2, estimator_options=options)
    folder.add("other", [[1.1]] * 2, [[1.0]] * 2, estimator_options={"steps": 5})
    assert list(table_of(folder)["variant"]) == ["critic (steps 10)", "critic (steps 100)", "other"]


def test_what_is_missing_is_counted(make_folder):
    folder = three_tasks(make_folder())
    folder.add("half", [[1.0], [np.nan]], [[1.0]] * 2)
    folder.without_result("raised", "error", "ValueError: no")
    folder.without_result("absent", "skipped", "put cifar10 there", dataset="cifar10")
    journal = read_journal(folder.write(planned=2))
    said = shortcomings(journal, labelled_table(journal))
    assert said[0] == "3 of 17 cells failed, without a number: lost (2), raised."
    assert said[1] == "1 cell lost some runs (1 in all): half."
    assert said[2] == "1 data set missing: cifar10 (1 cell not run)."
    assert said[3] == "How to get it: put cifar10 there"
    assert said[4] == "2 cells not run yet; run the suite again."


def test_a_complete_folder_has_no_shortcomings(make_folder):
    folder = make_folder()
    folder.add("a", [[1.0]] * 2, [[1.0]] * 2)
    journal = read_journal(folder.write())
    assert shortcomings(journal, labelled_table(journal)) == []


def test_verdicts_name_the_best_a_broken_bound_and_what_is_no_distance(make_folder):
    folder = make_folder()
    for i in range(5):
        for name, off, bound in (
            ("good", 0.01, "none"),
            ("liar", 0.1, "lower"),
            ("tiny", -0.9, "lower"),
        ):
            folder.add(name, [[1 + off]] * 3, [[1.0]] * 3, task=f"task{i}", bound=bound)
    said = " ".join(verdicts(table_of(folder)))
    assert "For the exact value of the batches, **good** comes closest (mean rank 1.0 of 3" in said
    assert "Every other one ranks lower beyond noise." in said
    assert "5 of 10 claimed bounds were broken beyond noise: liar (5)." in said
    assert "Do not read as a distance (median error against their own target): tiny (90" in said
