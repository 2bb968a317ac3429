"""`wdist-bench compare`: finds what changed, and no change where there is none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from wdist_bench.report.compare import compare
from wdist_bench.report.comparing.two_samples import paired, welch
from wdist_bench.results.rearrangements import FLIPS
from wdist_bench.submit.checks import Submission, _repeated

RUNS, BATCHES = 20, 10


def suite(folder, seed, bias=0.0, own_seed=None, cells=4, noise=0.02):
    """Cells of unbiased estimates with noise in every run: of samples, and of training.

    `seed` makes the samples, `own_seed` (default the same) the training; `bias` is the share by
    which the first cell reads too much.
    """
    data = np.random.default_rng(seed)
    training = np.random.default_rng((seed if own_seed is None else own_seed) + 10**6)
    for i in range(cells):
        level = 1.0 + i
        truths = np.round(level * (1 + data.normal(size=(RUNS, BATCHES)) / 20), 6)
        factor = 1 + noise * training.normal(size=(RUNS, 1)) + (bias if i == 0 else 0)
        folder.add("critic", truths * factor, truths, task=f"task{i}", seed=seed)
    return folder.write()


@pytest.fixture
def two(make_folder):
    """Two folders with one cell each: its costs before and after, of the same truths."""

    def write(before, after, truths, **changes):
        folders = make_folder("a"), make_folder("b")
        for folder, costs in zip(folders, (before, after), strict=True):
            folder.add("critic", costs, truths, **changes)
        return [folder.write() for folder in folders]

    return write


def flagged(found):
    return {
        change.setting.split(",")[0] for change in found.changes if change.verdict != "unchanged"
    }


@pytest.mark.parametrize("paired", [True, False])
def test_a_bias_of_5_percent_is_found_and_nothing_else(make_folder, paired):
    rates = {"found": 0, "wrong": 0}
    for i in range(25):
        before = suite(make_folder(f"a{i}"), i)
        after = suite(make_folder(f"b{i}"), i if paired else i + 1000, 0.05, own_seed=i + 500)
        found = compare(before, after)
        assert {change.paired for change in found.changes} == {paired}
        worse = {change.setting.split(",")[0] for change in found.verdict("regression")}
        rates["found"] += "task0" in worse
        rates["wrong"] += bool(flagged(found) - {"task0"})
    assert rates["found"] >= 24
    assert rates["wrong"] <= 4  # at most 5 % of 25 are expected; 5 would have p < 0.01


def test_two_runs_of_one_thing_with_other_seeds_are_not_flagged(make_folder):
    wrong = 0
    for i in range(60):
        before, after = suite(make_folder(f"a{i}"), i), suite(make_folder(f"b{i}"), i + 1000)
        wrong += bool(flagged(compare(before, after)))
    # 60 draws with 5 %: 9 or more have p = .003. With 10 % it mostly passes too: for the level see
    # results/claims
    assert wrong <= 8


def test_pairing_finds_what_unpaired_runs_hide(make_folder):
    """Errors of the same training noise: the gap is the same in every run."""
    before = suite(make_folder("a"), 0, noise=0.3)
    same = compare(before, suite(make_folder("b"), 0, 0.0, noise=0.3))
    assert flagged(same) == set()
    assert {change.difference for change in same.changes} == {0.0}
    folder = make_folder("c")
    for record in json.loads(json.dumps(_cells_of(before))):
        costs = np.asarray(record["costs"], float)
        truths = np.asarray(_truths_of(before)[record["truth_key"]], float)
        folder.add("critic", costs + 0.03 * np.sign(costs - truths), truths, task=record["task"])
    worse = compare(before, folder.write())
    assert all(change.paired for change in worse.changes)
    assert flagged(worse) == {f"task{i}" for i in range(4)}
    assert worse.changes[0].difference == pytest.approx(0.03, rel=1e-6)


def _cells_of(folder):
    return [record for record in _lines(folder) if record["type"] == "cell"]


def _truths_of(folder):
    return {r["key"]: r["costs"] for r in _lines(folder) if r["type"] == "truth"}


def _lines(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_pairs_are_the_runs_that_both_have():
    first = np.array([1.0, 2.0, 4.0, np.nan, 9.0])
    second = np.array([1.5, 3.0, 4.0, 5.0])
    found = paired(first, second)
    expected = stats.ttest_rel(second[:3], first[:3])
    assert found.difference == pytest.approx(0.5)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert found.effect == pytest.approx(0.5 / np.std([0.5, 1.0, 0.0], ddof=1))
    assert np.isnan(paired(first, np.zeros(0)).difference)


def test_welch_agrees_with_scipy():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=9), generator.normal(0.5, 3, size=14)
    found = welch(first, np.append(second, np.nan))
    expected = stats.ttest_ind(second, first, equal_var=False)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))


def test_an_error_that_shrinks_is_an_improvement(make_folder):
    found = compare(suite(make_folder("a"), 0, 0.2), suite(make_folder("b"), 0))
    assert [change.setting.split(",")[0] for change in found.verdict("improvement")] == ["task0"]
    assert found.verdict("regression") == []


def test_a_claim_on_the_population_is_held_against_the_population(two):
    truths = np.full((RUNS, BATCHES), 1.3)
    noise = np.random.default_rng(0).normal(size=(RUNS, 1)) / 100 + 0 * truths
    # b hits the batches and misses the laws
    change = compare(*two(1.0 + noise, 1.3 + noise, truths, target="population")).changes[0]
    assert (change.against, change.verdict) == ("population", "regression")
    assert change.relative == pytest.approx(0.3, abs=0.01)


def test_runs_that_fail_and_cells_that_raise_are_regressions(make_folder):
    truths = np.ones((RUNS, 2))
    broken = truths.copy()
    broken[:10] = np.nan
    before, after = make_folder("a"), make_folder("b")
    for task in ("fails", "raises", "stays"):
        before.add("critic", truths, truths, task=task)
    after.add("critic", broken, truths, task="fails")
    lost = {"task": "raises", "runs": RUNS, "eval_batches": 2}
    after.without_result("critic", "error", "ValueError: no", **lost)
    after.add("critic", truths, truths, task="stays")
    found = compare(before.write(), after.write())
    assert [change.verdict for change in found.changes] == ["regression"] * 2 + ["unchanged"]
    assert "more runs fail: 0 of 20 before, 10 of 20 now" in found.changes[0].message
    assert "no number any more: ValueError: no" in found.changes[1].message


def test_a_change_too_small_to_matter_does_not_count(two):
    truths = np.ones((RUNS, 2))
    folders = two(1.01 * truths, 1.0105 * truths, truths)
    assert flagged(compare(*folders)) == set()
    assert flagged(compare(*folders, min_effect=1e-4)) == {"gaussian_shift"}


def test_speed_is_the_geometric_mean_of_ratios_with_the_hardware_named(make_folder):
    truths = np.ones((RUNS, 2))
    folders = []
    for name, times in (("a", (1.0, 1.0)), ("b", (2.0, 8.0))):
        folder = make_folder(name)
        folder.environment["cpu"] = f"cpu {name}"
        for i, seconds in enumerate(times):
            folder.add("critic", truths, truths, task=f"t{i}", run_seconds=seconds)
        folders.append(folder.write())
    found = compare(*folders)
    assert found.speed == pytest.approx(4)
    assert [place.split(",")[0] for place in found.hardware] == ["cpu a", "cpu b"]


def test_cells_of_one_folder_are_listed_and_none_in_common_is_an_error(make_folder):
    truths = np.ones((RUNS, 2))
    a, b, c = make_folder("a"), make_folder("b"), make_folder("c")
    a.add("critic", truths, truths)
    a.add("gone", truths, truths)
    b.add("critic", truths, truths)
    b.add("new", truths, truths)
    c.add("new", truths, truths, task="other")
    found = compare(a.write(), b.write())
    assert found.only_a == ("gone on gaussian_shift, dim 2, W1, n = 64",)
    assert found.only_b == ("new on gaussian_shift, dim 2, W1, n = 64",)
    with pytest.raises(ValueError, match="expected folders that share a cell"):
        compare(a.path, c.write())


def test_the_command_exits_with_1_on_a_regression_alone(make_folder, command):
    good, bad = suite(make_folder("a"), 0), suite(make_folder("b"), 0, 0.1)
    code, said, _ = command("compare", good, bad)
    assert code == 1
    assert "regression: critic on task0" in said
    assert "4 cells (4 paired by run): 1 worse, 0 better, 3 unchanged within noise" in said
    assert "both on Test CPU, 2 cores, cpu (cpu)" in said
    code, said, _ = command("compare", bad, good, "--json")
    assert code == 0
    answer = json.loads(said)
    assert answer["regressions"] == 0
    assert answer["changes"][0]["verdict"] == "improvement"


@pytest.mark.parametrize("target", ["population", "batch"])
def test_equal_laws_are_compared_in_units_of_the_batch_value(two, target):
    """Their distance of 0 is no unit: a number 1000 times as far from it passed in silence."""
    noise = np.random.default_rng(0).normal(size=(RUNS, BATCHES))
    truths = np.full((RUNS, BATCHES), 4.0)
    before, after = (
        factor * (1 + 0.1 * noise) if target == "population" else truths + 1e4 * factor
        for factor in (1e-6, 1e-3)
    )
    folders = two(before, after, truths, population=0.0, target=target)
    [change] = compare(*folders).changes
    assert (change.verdict, change.against, change.unit) == ("regression", target, "batch value")
    assert change.relative == pytest.approx((change.errors[1] - change.errors[0]) / 4)
    same = compare(folders[0], folders[0])
    assert [c.verdict for c in same.changes] == ["unchanged"]


@pytest.mark.parametrize("population", [1.0, 0.0, None])
@pytest.mark.parametrize("runs", [1, 2, 3])
def test_few_runs_that_all_fail_do_not_pass(two, runs, population):
    truths = np.ones((runs, 2))
    claim = {"population": population, "target": "population"}
    [change] = compare(*two(truths, np.nan * truths, truths, **claim)).changes
    assert change.verdict == "regression"
    assert change.failed == (0, runs)


def test_a_flaky_cell_that_fails_everywhere_by_chance_is_not_testable(two):
    truths = np.ones((2, 2))
    half = truths.copy()
    half[0] = np.nan
    [change] = compare(*two(half, np.nan * truths, truths)).changes
    assert change.verdict == "not testable"
    assert "every run failed, and 1 of those before" in change.message


def test_few_runs_are_not_tested_and_a_disaster_is_seen(two):
    truths = np.ones((3, 2))
    noise = 1e-3 * (1 + np.random.default_rng(0).random((3, 1)))
    verdicts = {}
    for factor in (1, 3, 1000):
        folders = two(truths + noise, truths + factor * noise[::-1], truths)
        [change] = compare(*folders).changes
        verdicts[factor] = change.verdict
    assert verdicts == {1: "not testable", 3: "not testable", 1000: "regression"}


def test_errors_of_two_values_are_no_change(two):
    """A t test of two equal pairs has no spread and a p-value of 0."""
    truths = np.ones((2, 2))
    [change] = compare(*two(truths, truths + 0.5, truths)).changes
    assert change.verdict == "not testable"


def test_two_timings_have_no_interval(make_folder, command):
    truths = np.ones((RUNS, 2))
    folders = []
    for name, times in (("a", (1.0, 1.0)), ("b", (1e-4, 1e4))):
        folder = make_folder(name)
        for i, seconds in enumerate(times):
            folder.add("critic", truths, truths, task=f"t{i}", run_seconds=seconds)
        folders.append(folder.write())
    found = compare(*folders)
    assert found.speed == pytest.approx(1)
    assert np.isnan(found.speed_interval).all()
    _, said, _ = command("compare", *folders)
    assert "speed: 1.00 times the seconds a run; both on" in said


def test_a_cell_that_is_refused_now_is_a_regression_and_in_both_no_cell(make_folder):
    truths = np.ones((RUNS, 2))
    before, after = make_folder("a"), make_folder("b")

    def refuse(folder, task):  # as `Cell.refused` does: nothing ran
        folder.without_result("critic", "refused", "p is 1", task=task, eval_batches=2)
        folder.cells[-1] |= {"runs": 0, "failed": 0}

    for folder in (before, after):
        folder.add("critic", truths, truths, task="stays")
        refuse(folder, "never")
    before.add("critic", truths, truths, task="gone")
    refuse(after, "gone")
    found = compare(before.write(), after.write())
    assert [change.verdict for change in found.changes] == ["unchanged", "regression"]
    assert "p is 1" in found.changes[1].message
    assert found.changes[0].p_value == 1
    back = compare(after.path, before.path)
    assert [change.verdict for change in back.changes] == ["unchanged", "improvement"]


def test_a_level_below_that_of_any_sample_of_signs_is_not_testable(two):
    truths = np.ones((RUNS, 2))
    off = 1 + np.arange(RUNS)[:, None] / 100
    paths = two(truths + 0.1 * off, truths + 0.3 * off, truths)
    assert compare(*paths).changes[0].verdict == "regression"
    [change] = compare(*paths, level=1e-5).changes
    assert (change.verdict, change.least_p) == ("not testable", FLIPS**-1)


def test_submit_names_cells_of_too_few_runs_for_a_test(make_folder, tmp_path):
    def written(folder, *errors):
        for i, error in enumerate(errors):
            folder.add("known", [[1 + error], [1 + 1.1 * error]], [[1.0]] * 2, task=f"task{i}")
        return folder.write()

    ours, mine = make_folder(), make_folder()
    ours.path = tmp_path / "committed" / "ours"
    written(ours, 0.02, 0.02)
    said = _repeated(Submission(written(mine, 0.02, 1.5), tmp_path / "committed"))
    assert said.startswith("1 cells agree with the committed ones; 1 have other errors and cannot ")
    assert "known on task1" in said
    assert "(0.021 there, 1.575 here)" in said
