"""What `compare` makes of sampled truths, of other batches and runs, and of a shared machine."""

from __future__ import annotations

import numpy as np
import pytest

from wdist_bench.report.compare import NothingSharedError, compare

RUNS = 20


def truth(value, stderr=0.003):
    return {"value": value, "stderr": stderr, "kind": "monte-carlo", "reference": ""}


def near(level, seed=0):
    return level + 1e-5 * np.random.default_rng(seed).normal(size=(RUNS, 1))


@pytest.mark.parametrize("runs", [RUNS, 2])
@pytest.mark.parametrize("known", [(1.0, 1.0), (1.002, 1.002), (0.998, 1.002)])
def test_a_change_within_the_error_of_the_distance_has_no_direction(make_folder, known, runs):
    """One estimate moved from 1.002 to 1: worse or better, by one standard error of the truth."""
    paths = []
    for level, value in zip((1.002, 1.0), known, strict=True):
        folder = make_folder()
        sampled = truth(value)
        folder.add("funnel", near(level)[:runs], np.ones((runs, 1)), target="population",
                   truth_population=sampled)  # fmt: skip
        paths.append(folder.write())
    [change] = compare(*paths).changes
    assert change.verdict == "not testable"
    seen = runs == RUNS or known == (1.002, 1.002)  # there 100 times worse than any before
    assert ("standard error of 0.003" in change.message) == seen


def test_a_change_beyond_the_error_of_the_distance_is_one(make_folder):
    paths = []
    for level in (1.002, 1.03):
        folder = make_folder()
        for sampled in (truth(1.0), truth(1.0, 0.0)):
            folder.add("funnel", near(level), np.ones((RUNS, 1)), target="population",
                       truth_population=sampled, task=f"task{sampled['stderr']}")  # fmt: skip
        paths.append(folder.write())
    sampled, exact = compare(*paths).changes
    assert sampled.verdict == exact.verdict == "regression"
    assert sampled.difference == pytest.approx(exact.difference)


def test_cells_of_other_numbers_of_batches_are_other_cells(make_folder):
    """An unbiased estimate is nearer with more batches: an improvement, and back a regression."""
    rng = np.random.default_rng(0)
    paths = []
    for batches in (5, 100):
        folder = make_folder()
        costs = 1 + 0.1 * rng.normal(size=(RUNS, batches))
        folder.add("centered", costs, np.ones_like(costs), target="population")
        paths.append(folder.write())
    with pytest.raises(NothingSharedError, match="evaluation batches"):
        compare(*paths)
    more = make_folder()
    more.add("centered", costs, np.ones_like(costs), target="population")
    more.add("centered", costs[:, :5], np.ones((RUNS, 5)), target="population")
    found = compare(paths[0], more.write())
    assert len(found.changes) == 1
    assert [name.endswith("100 batches") for name in found.only_b] == [True]


def test_runs_of_one_seed_are_paired_however_many_follow(make_folder):
    """The gap is a tenth of the noise of the samples, which both saw."""
    rng = np.random.default_rng(0)
    truths = 1 + rng.random((2 * RUNS, 2))
    errors = 0.3 * rng.random((2 * RUNS, 1))
    paths = []
    for runs, gap in ((RUNS, 0.0), (2 * RUNS, 0.03)):
        folder = make_folder()
        folder.add("critic", (truths + errors + gap)[:runs], truths[:runs])
        paths.append(folder.write())
    [change] = compare(*paths).changes
    assert (change.paired, change.verdict) == (True, "regression")
    assert change.difference == pytest.approx(0.03)
    other = make_folder()
    other.add("critic", truths + errors, truths[::-1], seed=1)
    assert not compare(paths[0], other.write()).changes[0].paired


def test_seconds_of_a_shared_machine_are_no_speed(make_folder):
    paths = []
    for shared in (False, True):
        folder = make_folder()
        for i in range(7):
            folder.add("e", np.ones((4, 1)), np.ones((4, 1)), task=f"task{i}",
                       run_seconds=2.0 * (1 + shared), shared=shared and i < 6)  # fmt: skip
        paths.append(folder.write())
    found = compare(*paths)
    assert found.speed == pytest.approx(2)
    assert found.speed_in_words == "2.00 times the seconds a run"
    folder.cells[-1]["shared"] = True
    found = compare(paths[0], folder.write())
    assert np.isnan(found.speed)
    assert "no cell was timed alone on the machine in both" in found.speed_in_words
    assert "over 7 cells" in compare(paths[0], paths[0]).speed_in_words


@pytest.mark.parametrize("level", [5, 1])
def test_a_level_in_percent_is_refused(tmp_path, level):
    with pytest.raises(ValueError, match=f"expected a share below 1, got {level}; write 0.05"):
        compare(tmp_path, tmp_path, level=level)


def lost_runs(make_folder, seed, lost):
    """One cell whose runs are lost where `lost` says."""
    folder, runs = make_folder(), len(lost)
    truths = 1 + np.random.default_rng(seed).random((100, 1))[:runs]
    folder.add("critic", np.where(np.array(lost)[:, None], np.nan, truths), truths, seed=seed)
    return folder.write()


@pytest.mark.parametrize(("paired", "said"), [(False, "12 of 100"), (True, "0 of 20")])
def test_failures_have_the_direction_of_what_was_tested(make_folder, paired, said):
    """Ten of 20 runs are more than 12 of 100; of pairs those count that both have."""
    many = lost_runs(make_folder, 0, [40 <= run < 52 for run in range(100)])
    few = lost_runs(make_folder, int(not paired), [run < 10 for run in range(20)])
    [worse], [better] = compare(many, few).changes, compare(few, many).changes
    assert worse.paired == better.paired == paired
    assert (worse.verdict, better.verdict) == ("regression", "improvement")
    assert worse.message == f"more runs fail: {said} before, 10 of 20 now"


def test_one_run_far_off_is_no_improvement(make_folder):
    """It has no interval, but a direction: the orders of 101 runs tell."""
    folders = make_folder(), make_folder()
    folders[0].add("critic", near(1.0)[[0] * 100], np.ones((100, 1)))
    folders[1].add("critic", [[5.0]], [[1.0]], seed=1)
    [change] = compare(*(folder.write() for folder in folders)).changes
    assert (change.verdict, change.difference > 3) == ("regression", True)


@pytest.mark.parametrize(("worse", "verdict"), [(2, "not testable"), (3, "regression")])
def test_more_than_half_of_few_runs_need_no_test(make_folder, worse, verdict):
    folders = make_folder(), make_folder()
    for folder, errors in zip(
        folders, ([0.01] * 4, [9] * worse + [0.01] * (4 - worse)), strict=True
    ):
        folder.add("critic", 1 + np.array(errors)[:, None], np.ones((4, 1)))
    [change] = compare(*(folder.write() for folder in folders)).changes
    assert change.verdict == verdict
    assert ("more than half of the runs are 100 times" in change.message) == (worse == 3)
