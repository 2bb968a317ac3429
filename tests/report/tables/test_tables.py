"""The numbers of the table, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wdist_bench.report import write_report
from wdist_bench.report.figures import suites
from wdist_bench.report.tables.errors import errors, labelled_table
from wdist_bench.report.tables.markdown import _seconds
from wdist_bench.report.text.closing import closing
from wdist_bench.report.text.verdicts import verdicts
from wdist_bench.results.journal import failed_runs, pack, read_journal, run_costs, unpack


def test_errors_of_two_runs_by_hand():
    costs = np.array([[1.0, 3.0], [5.0, 7.0]])
    truths = np.array([[2.0, 2.0], [4.0, 4.0]])
    row = errors(costs, truths, p=1, population=1.0)
    assert row["estimate"] == 4
    assert row["truth_batch"] == 3
    assert row["bias_batch"] == 1
    assert row["bias_population"] == 3
    assert row["finite_sample_bias"] == 2
    assert row["bias_population"] == row["bias_batch"] + row["finite_sample_bias"]
    assert row["abs_error_batch"] == (1 + 1 + 1 + 3) / 4
    assert row["abs_error_batch_sd"] == pytest.approx(1.0)
    assert row["estimate_sd"] == pytest.approx(np.sqrt(8))
    low, high = stats.t.interval(0.95, 1, loc=4, scale=np.sqrt(8) / np.sqrt(2))
    assert (row["estimate_ci_low"], row["estimate_ci_high"]) == pytest.approx((low, high))


def test_seconds_of_a_shared_machine_are_no_timing(make_folder):
    folder = make_folder()
    for name, off in (("a", 0.1), ("b", 0.2)):
        folder.add(name, [[1 + off]] * 2, [[1.0]] * 2, shared=name == "a")
    table = labelled_table(read_journal(folder.write()))
    assert list(table["seconds_per_run"].isna()) == [True, False]
    assert "; no timing)." in verdicts(table)[0]


def test_p_2_averages_costs_within_a_run_and_roots_over_runs():
    costs = np.array([[1.0, 7.0], [9.0, 9.0]])
    row = errors(costs, costs, p=2, population=0.0)
    assert row["estimate"] == (2 + 3) / 2
    assert row["abs_error_batch"] == 0


def test_a_failed_run_is_left_out_of_every_mean():
    costs = np.array([[1.0, np.nan], [5.0, 7.0], [5.0, 7.0]])
    truths = np.array([[0.0, 0.0], [4.0, 4.0], [4.0, 4.0]])
    row = errors(costs, truths, p=1, population=0.0)
    assert row["estimate"] == 6
    assert row["bias_batch"] == 2


def test_a_run_below_zero_beyond_noise_is_a_failed_one():
    """So it is in records that were written before this was a rule."""
    noise = np.random.default_rng(0).normal(size=20)
    record = {"costs": pack(np.stack([noise - 2, noise + 0.01 - noise.mean(), noise + 2]))}
    assert failed_runs(record) == 1
    kept = run_costs(record)
    assert np.isnan(kept[0]).all()
    np.testing.assert_allclose(kept[1:], unpack(record["costs"])[1:])
    assert failed_runs({"runs": 3, "failed": 2}) == 2
    assert failed_runs({"runs": 3}) == 3


def test_a_lower_bound_of_populations_below_zero_is_an_answer_at_p_2():
    """As `wb.evaluate` has it: it says no more than 0 does."""
    claim = {"costs": pack(np.full((2, 20), -1.0)), "bound": "lower", "target": "population"}
    assert failed_runs(claim | {"p": 2}) == 0
    assert failed_runs(claim | {"p": 1}) == 2
    assert failed_runs(claim | {"p": 2, "bound": "none"}) == 2


@pytest.mark.parametrize("claim", [{}, {"p": 2, "bound": "lower", "target": "population"}])
def test_a_run_that_its_record_calls_lost_stays_it(claim):
    """Three standard errors were the limit for any number of batches once, and for any claim."""
    noise = np.random.default_rng(0).normal(size=20)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    below = noise - 3.2 / np.sqrt(20)
    record = {"costs": pack(np.stack([below, below, noise]))} | claim
    assert failed_runs(record) == 0  # Student's limit is 3.45
    record["run_statuses"] = ["ok", "not_converged", "not_converged"]
    assert failed_runs(record) == 1
    assert np.isnan(run_costs(record)[1]).all()


def test_nothing_but_failures_gives_no_numbers():
    row = errors(np.full((2, 2), np.nan), np.ones((2, 2)), p=1, population=0.0)
    assert "estimate" not in row
    assert row["truth_batch"] == 1


def test_errors_have_rmse_and_bootstrap_interval():
    costs = np.array([[1.0, 3.0], [5.0, 7.0], [2.0, 2.0]])
    row = errors(costs, np.full((3, 2), 2.0), p=1, population=1.0)
    assert row["rmse_batch"] == pytest.approx(np.sqrt((0 + 16 + 0) / 3))
    assert row["rmse_population"] == pytest.approx(np.sqrt((1 + 25 + 1) / 3))
    assert 2 <= row["estimate_bca_low"] < row["estimate"] < row["estimate_bca_high"] <= 6


def test_seconds_that_are_no_timings_are_marked():
    assert _seconds(1.0, False, False) == "1.00"
    assert _seconds(1.0, True) == "1.00 (shared)"
    assert _seconds(1.0, True, True) == "1.00 (shared, cached)"
    assert _seconds(0.0, None, True) == "0.00"
    assert _seconds(float("nan"), True) == ""


def test_two_networks_of_one_method_are_told_apart(make_folder, monkeypatch):
    from matplotlib.figure import Figure

    shown = []
    legend = Figure.legend
    monkeypatch.setattr(
        Figure,
        "legend",
        lambda self, handles, labels, **rest: (
            shown.append((list(labels), [(h.get_color(), h.get_marker()) for h in handles]))
            or legend(self, handles, labels, **rest)
        ),
    )
    folder = make_folder()
    truths = np.full((3, 2), 2.0)
    for critic, value in (("mlp", 1.0), ("dcgan", 1.5)):
        options = {"critic": critic}
        costs = np.full((3, 2), value)
        folder.add("c_transform", costs, truths, critic=critic, estimator_options=options)
    write_report(folder.write())
    labels, marks = shown[0]
    assert labels[:2] == ["c_transform (critic mlp)", "c_transform (critic dcgan)"]
    assert marks[0] != marks[1]
    table = (folder.path / "errors.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("|")]
    assert [[part.strip() for part in row] for row in rows[2:]] == [
        ["c_transform (critic mlp)", ""], ["c_transform (critic dcgan)", "dcgan"]
    ]  # fmt: skip


def test_figures_say_which_protocol_a_setting_has():
    row = pd.Series({"task_options": "{}", "dataset": "", "dim": 2, "norm": "l2", "p": 1, "n": 8,
                     "task": "gaussian_shift"})  # fmt: skip
    usual, fixed = (
        suites._setting_label(pd.concat([row, pd.Series({"protocol": protocol})]))
        for protocol in ("stream", "fixed")
    )
    assert fixed == f"{usual}, fixed"


def test_a_task_may_call_anything_a_file_and_0_is_a_number(make_folder):
    """The report of a folder with a plug-in's list of files, or number of one, was not written."""
    folder = make_folder()
    for k, file in enumerate((["x.npy", "y.npy"], 3)):
        for name in "ab":
            given = {f"task_{kind}": {"file": file} for kind in ("options", "parameters")}
            folder.add(name, [[0.0]] * 2, [[0.0]] * 2, population=0.0, task=f"task{k}", **given)
    path = folder.write()
    write_report(path)
    assert "exact batch value 0 on average" in (path / "errors.md").read_text()


def test_arrays_of_optimal_pairs_say_nothing_of_populations(make_folder):
    """What depends on each other is no sample of two populations, so nothing is ranked by them."""
    truths = np.full((4, 1), 2.0)
    for protocol, known in (("matched", False), ("fixed", True)):
        folder = make_folder()
        for k, name in enumerate("ab"):
            folder.add(name, truths + 0.1 * k, truths, protocol=protocol)
        folder.write()
        table = labelled_table(read_journal(folder.path))
        for column in ("truth_population", "bias_population", "abs_error_population"):
            assert table[column].notna().all() == known
        assert table["bias_batch"].notna().all()
        said = closing(folder.path).headline
        assert ("distance of the two populations" in said) == known


def test_the_mean_of_certified_ends_is_of_every_run_with_a_number(make_folder):
    folder = make_folder()
    ends = {"lower": [0.5, 0.7, None], "upper": [2.0, None, None]}  # null: inf in the second run
    folder.add("a", [[1.0], [1.2], [np.nan]], [[1.0]] * 3, **ends)
    row = labelled_table(read_journal(folder.write())).iloc[0]
    assert row["lower"] == pytest.approx(0.6)
    assert np.isnan([row["upper"], row["width"]]).all()


def test_gradients_are_of_the_runs_with_a_number(make_folder):
    """One that is below 0 is none, and one of NaN empties no column."""
    folder = make_folder()
    for third, cosine in (([-1.0, -1.001, -0.999], -0.4), ([np.nan] * 3, None)):
        costs = [[0.9, 1.1, 1.0], [1.0, 1.1, 0.9], third]
        folder.add("gradient_penalty", costs, np.ones((3, 3)), gradient_cosine=[0.8, 0.6, cosine],
                   gradient_l2=[0.2, 0.2, None], n=64 + len(folder.cells))  # fmt: skip
    table = labelled_table(read_journal(folder.write()))
    assert table["failed"].tolist() == [1, 1]
    assert table["gradient_cosine"].tolist() == pytest.approx([0.7, 0.7])
    assert table["gradient_l2"].tolist() == pytest.approx([0.2, 0.2])


def test_small_units_are_no_zeros(make_folder):
    """2e-8 is 0 beside 1, and a distance in microns told in metres."""
    folder = make_folder()
    for task, unit in (("small", 1e-8), ("usual", 1.0)):
        for name, size in (("a", 3.0), ("b", 2 + 2e-8)):
            folder.add(name, np.array([[1.0, 1.01], [1.0, 0.99], [1.0, 1.0]]) * size * unit,
                       np.full((3, 2), 2 * unit), population=2 * unit, task=task)  # fmt: skip
    path = folder.write()
    write_report(path)
    text = (path / "errors.md").read_text()
    assert "Truth: population 2e-08 (closed-form); exact batch value 2e-08" in text
    assert "| 3e-08 [2.963e-08, 3.037e-08] |" in text
    assert "1e-08 +- 1.9e-10" in text  # on batches; three decimals would show 0.000
    small, usual = closing(path).tasks
    assert [row[3] for row in small.rows] == ["0", "+1e-08"]
    assert [row[3] for row in usual.rows] == ["0", "+1"]


def test_settings_of_two_seeds_have_sections_of_their_own(make_folder):
    folder = make_folder()
    for seed, truth in ((0, 1.0), (1, 2.0)):
        for name in "ab":
            folder.add(name, [[truth + 0.1], [truth]], [[truth]] * 2, seed=seed)
    path = folder.write()
    write_report(path)
    text = (path / "errors.md").read_text()
    heads = [line for line in text.splitlines() if line.startswith(("## ", "Parameters"))]
    assert [head[-6:] for head in heads[::2]] == ["seed 0", "seed 1"]
    assert "exact batch value 1 on average" in heads[1]
    assert "exact batch value 2 on average" in heads[3]
