"""Paired comparisons from a journal, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from wdist_bench.report.comparing.comparisons import comparison_table, sentences
from wdist_bench.report.tables.errors import labelled_table
from wdist_bench.results.journal import Journal, pack, read_journal
from wdist_bench.results.rearrangements import FLIPS

RUNS, BATCHES = 12, 3


def journal(gaps, **rest):
    """Estimators whose batch values are off by their gaps, (runs,) each, from truths of 5."""
    truths = 5 + np.random.default_rng(0).normal(size=(RUNS, BATCHES))
    cells = {}
    for name, gap in gaps.items():
        cells[name] = {
            "type": "cell", "key": name, "status": "ok", "task": "t", "task_parameters": {},
            "p": 1, "norm": "l2", "n": 64, "estimator": name, "estimator_options": {"steps": 5},
            "target": "batch", "bound": "lower", "truth_key": "truth",
            "truth_population": {"value": 5.0}, "costs": pack(truths - np.array(gap)[:, None]),
        } | rest.get(name, {})  # fmt: skip
    return Journal(
        cells=cells,
        truths={"truth": {"costs": pack(truths)}},
        plan={"keys": list(cells)},
    )


@pytest.fixture
def gaps():
    rng = np.random.default_rng(1)
    runs = 0.3 * rng.random(RUNS)
    return {
        "far": 2 + runs,
        "near": 1 + runs + 0.01 * rng.random(RUNS),
        "next": 1.005 + runs + 0.01 * rng.random(RUNS),
    }


def test_the_best_is_compared_with_each_other_one_on_the_same_runs(gaps):
    table = comparison_table(journal(gaps))
    rows = table[table["against"] == "batch"].set_index("other")
    means = {name: gap.mean() for name, gap in gaps.items()}
    best = min(means, key=means.get)
    assert set(rows["best"]) == {best}
    assert set(rows.index) == set(gaps) - {best}
    for name, row in rows.iterrows():
        expected = stats.ttest_rel(gaps[name], gaps[best])
        assert row["difference"] == pytest.approx(means[name] - means[best], rel=1e-6)
        interval = expected.confidence_interval(0.95)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(interval), rel=1e-4)


def test_p_values_are_adjusted_for_all_pairs_of_the_task(gaps):
    table = comparison_table(journal(gaps))
    rows = table[table["against"] == "batch"].set_index("other")
    for name, row in rows.iterrows():
        difference = gaps[name] - gaps[row["best"]]
        expected = stats.permutation_test(
            (difference,), np.mean, permutation_type="samples", n_resamples=np.inf
        ).pvalue
        assert row["p_value"] == pytest.approx(expected)
        assert row["p_adjusted"] == pytest.approx(min(1, 3 * expected))
        assert row["told_apart"] == (row["p_adjusted"] < 0.05)
        assert row["least_p"] == 3 * 2.0 ** (1 - RUNS)


def many(rng, settings, estimators=4, runs=12):
    """Equal estimators in every setting, on shared samples, at scales of their own."""
    cells, truths = {}, {}
    for s in range(settings):
        truth = 5 + rng.normal(size=(runs, 1))
        truths[f"truth{s}"] = {"costs": pack(truth)}
        for k in range(estimators):
            noise = 10.0**s * rng.standard_t(2, size=(runs, 1))
            cells[f"{s}/{k}"] = {
                "type": "cell", "key": f"{s}/{k}", "status": "ok", "task": f"t{s}",
                "task_parameters": {}, "p": 1, "norm": "l2", "n": 64, "estimator": f"e{k}",
                "estimator_options": {}, "target": "batch", "bound": "none",
                "truth_key": f"truth{s}", "truth_population": None, "costs": pack(truth + noise),
            }  # fmt: skip
    return Journal(cells=cells, truths=truths, plan={"keys": list(cells)})


def test_equal_estimators_are_told_apart_in_at_most_5_percent_of_folders():
    """The best is chosen in each of six settings; Holm within each said so in one of four folders.

    So gross an error is caught, 10 % mostly not: the level is that of results/claims.
    """
    rng = np.random.default_rng(0)
    wrong = sum(comparison_table(many(rng, 6))["told_apart"].any() for _ in range(100))
    assert wrong <= 11  # 100 draws with 5 %: 12 or more have p = .004


def test_two_runs_are_too_few_to_tell_and_say_so(gaps):
    table = comparison_table(journal(gaps))
    assert table["told_apart"].any()
    source = journal(gaps)
    for record in source.cells.values():
        record["costs"] = record["costs"][:2]
    source.truths["truth"]["costs"] = source.truths["truth"]["costs"][:2]
    table = comparison_table(source)
    assert not table["told_apart"].any()
    assert "2 common runs are too few to tell" in sentences(table.to_dict("records"))[0]


def test_the_population_error_is_of_the_estimate_of_the_run(gaps):
    table = comparison_table(journal(gaps))
    row = table[(table["against"] == "population") & (table["other"] == "far")].iloc[0]
    source = journal(gaps)
    costs = np.array(source.cells["far"]["costs"])
    assert row["other_error"] == pytest.approx(np.abs(costs.mean(axis=1) - 5).mean())


def test_the_exact_value_of_a_batch_does_not_compete_with_itself(gaps):
    exact = {"bound": "exact"}
    table = comparison_table(journal(gaps | {"exact": np.zeros(RUNS)}, exact=exact))
    assert "exact" not in set(table[table["against"] == "batch"]["best"])
    population = table[table["against"] == "population"]
    assert "exact" in set(population["best"]) | set(population["other"])


def test_equal_laws_are_not_ranked_against_their_distance_0(gaps):
    """A critic that always says 0 would win there."""
    source = journal(gaps)
    for record in source.cells.values():
        record["truth_population"]["value"] = 0.0
    table = comparison_table(source)
    assert set(table["against"]) == {"batch"}
    assert len(table) == 2


def test_failed_runs_are_left_out_in_pairs_and_counted(gaps):
    gaps["far"][:2] = np.nan
    table = comparison_table(journal(gaps))
    row = table[(table["against"] == "batch") & (table["other"] == "far")].iloc[0]
    assert (row["runs"], row["failed"]) == (RUNS - 2, 2)


def test_who_is_closer_on_common_runs_is_not_behind_the_closest(monkeypatch):
    """A loses to B, B to C and C to A on the runs that two have, by more than noise."""
    monkeypatch.setattr(f"{__name__}.RUNS", 30)
    noise = 1 + 0.001 * np.random.default_rng(0).random(30)
    parts = {"A": (1.0, None, 1.0), "B": (0.9, 2.0, None), "C": (None, 1.9, 1.1)}
    errors = {
        name: noise * np.repeat([np.nan if part is None else part for part in three], 10)
        for name, three in parts.items()
    }
    rows = comparison_table(journal(errors)).query("against == 'batch'").to_dict("records")
    [ahead] = [row for row in rows if row["difference"] < 0]
    assert (ahead["best"], ahead["other"], ahead["told_apart"]) == ("A", "B", False)
    assert ahead["p_adjusted"] < 0.05
    assert "behind it C by 0.1 [" in sentences(rows)[0]
    assert "; closer on common runs B by 0.1 [" in sentences(rows)[0]


def test_an_estimator_with_fewer_runs_is_compared_on_those(gaps):
    source = journal(gaps)
    source.cells["far"]["costs"] = source.cells["far"]["costs"][:5]
    source.cells["far"]["truth_key"] = "fewer"
    source.truths["fewer"] = {"costs": source.truths["truth"]["costs"][:5]}
    table = comparison_table(source)
    row = table[(table["against"] == "batch") & (table["other"] == "far")].iloc[0]
    assert (row["runs"], row["failed"]) == (5, 0)
    assert row["difference"] == pytest.approx((gaps["far"] - gaps[row["best"]])[:5].mean())


@pytest.mark.parametrize("without", ["failed", "never run"])
def test_who_lacks_the_hard_runs_is_not_closest_for_it(gaps, without):
    """By the mean over its own runs it came first, and the paired difference was below 0."""
    hard = np.where(np.arange(RUNS) < RUNS // 2, 1.0, 10.0)
    source = journal({"whole": hard, "part": 1.1 * hard})
    kept = source.cells["part"]["costs"]
    if without == "failed":
        kept[RUNS // 2 :] = [[None] * BATCHES] * (RUNS - RUNS // 2)
    else:
        source.cells["part"]["costs"] = kept[: RUNS // 2]
        source.cells["part"]["truth_key"] = "fewer"
        source.truths["fewer"] = {"costs": source.truths["truth"]["costs"][: RUNS // 2]}
    table = comparison_table(source)
    row = table[table["against"] == "batch"].iloc[0]
    assert row["best"] == "whole"
    assert row["difference"] == pytest.approx(0.1)
    said = sentences(table.to_dict("records"))[0]
    assert ("without 6 failed runs" in said) == (without == "failed")


def test_no_p_value_is_below_what_so_many_flips_can_give():
    rng = np.random.default_rng(4)
    table = comparison_table(many(rng, 1, runs=30))
    assert set(table["least_p"]) == {6 / FLIPS}
    assert (table["p_adjusted"] >= table["least_p"]).all()
    assert set(comparison_table(many(rng, 1, runs=2))["least_p"]) == {1.0}


def test_one_estimator_alone_gives_no_comparison(gaps):
    assert comparison_table(journal({"far": gaps["far"]})).empty


def test_the_sentence_says_who_cannot_be_told_apart():
    rng = np.random.default_rng(3)
    gaps = {"a": 1 + 0.1 * rng.normal(size=RUNS), "b": 1 + 0.1 * rng.normal(size=RUNS)}
    table = comparison_table(journal(gaps))
    said = sentences(table[table["against"] == "batch"].to_dict("records"))[0]
    best = table.iloc[0]["best"]
    assert said.startswith(f"Closest to the batch truth, paired by run: **{best}**")
    assert "not told apart" in said
    clear = comparison_table(journal({"a": gaps["a"], "b": 3 + gaps["a"]}))
    said = sentences(clear[clear["against"] == "batch"].to_dict("records"))[0]
    assert "b by 3 [3, 3] (p = 0.00049)" in said  # 2^-11: all 12 of one sign


def test_settings_have_one_number_in_all_tables(make_folder):
    """A setting whose data are not here has a number too."""
    folder = make_folder()
    folder.without_result("a", "skipped", "mnist: expected files, got none", n=8)
    for name, off in (("a", 0.1), ("b", 0.2)):
        folder.add(name, [[1 + off], [1.1 + off]], [[1.0]] * 2)
    found = read_journal(folder.write())
    assert set(comparison_table(found)["setting"]) == {labelled_table(found)["setting"].iloc[-1]}


@pytest.mark.parametrize(("stderr", "told"), [(0.0, True), (1e-4, True), (0.003, False)])
def test_who_is_closer_within_the_error_of_the_truth_is_not_told_apart(stderr, told):
    """At 1.002 `a` was the closest, told apart; with the truth one standard error lower, `b`."""
    rng = np.random.default_rng(0)
    source = journal({name: np.zeros(RUNS) for name in "ab"})
    for name, level in (("a", 1.002), ("b", 1.0)):
        known = {"value": 1.002, "stderr": stderr}
        runs = level + 1e-4 * rng.normal(size=(RUNS, 1))
        source.cells[name] |= {"truth_population": known, "costs": pack(runs)}
    source.truths["truth"]["costs"] = pack(np.ones((RUNS, 1)))
    [row] = comparison_table(source).query("against == 'population'").to_dict("records")
    assert (row["best"], row["told_apart"]) == ("a", told)
    assert row["p_adjusted"] == (2.0 ** (1 - RUNS) if told else 1)
