"""A suite from file to table: kept cells, missing data, errors, reproducibility."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from wdist_bench.experiment import Experiment, register
from wdist_bench.report import write_report
from wdist_bench.report.results import Results
from wdist_bench.report.text.missing import shortcomings
from wdist_bench.results.journal import read_journal
from wdist_bench.results.progress import progress
from wdist_bench.runs.cell import thin
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.suite import load_suite

TIMES = ["compile_seconds", "run_seconds", "seconds", "peak_memory"]
SUITE = """
title = "Small"
n = [16]
steps = 20
runs = 3
eval_batches = 4

[[tasks]]
name = "gaussian_shift"

[[estimators]]
name = "exact"

[[estimators]]
name = "c_transform"

[[estimators]]
name = "weight_clipping"
"""


EXACT = """
title = "Smallest"
n = [4]
runs = 2
eval_batches = 2
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "exact"
"""


@pytest.fixture
def suite(tmp_path):
    def write(text=SUITE):
        path = tmp_path / "small.toml"
        path.write_text(text)
        return load_suite(path)

    return write


def kinds(events):
    return [event.kind for event in events if event.kind != "started"]


def test_a_rerun_keeps_finished_cells_and_the_same_table(suite, tmp_path):
    out = tmp_path / "out"
    assert kinds(run_suite(suite(), out)) == ["finished"] * 3
    write_report(out)
    first = (out / "errors.csv").read_bytes()
    assert kinds(run_suite(suite(), out)) == ["kept"] * 3
    write_report(out)
    assert (out / "errors.csv").read_bytes() == first


@pytest.mark.slow
def test_the_table_is_the_same_bit_for_bit_on_the_same_machine(suite, tmp_path):
    tables = []
    for name in ("a", "b"):
        list(run_suite(suite(), tmp_path / name))
        write_report(tmp_path / name)
        table = pd.read_csv(tmp_path / name / "errors.csv")
        tables.append(table.drop(columns=TIMES))
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.mark.slow
def test_what_a_suite_no_longer_names_leaves_the_table_and_new_cells_join_in_order(suite, tmp_path):
    list(run_suite(suite(), tmp_path / "out"))
    changed = SUITE.replace('"exact"', '"nearest_neighbor"')
    assert kinds(run_suite(suite(changed), tmp_path / "out")) == ["finished", "kept", "kept"]
    write_report(tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "errors.csv")
    assert list(table["estimator"]) == ["nearest_neighbor", "c_transform", "weight_clipping"]


def test_a_changed_parameter_is_another_cell(suite, tmp_path):
    keys = {cell.key("cpu") for cell in suite().cells}
    more_steps = {cell.key("cpu") for cell in suite(SUITE.replace("20", "21")).cells}
    assert len(keys - more_steps) == 2  # exact has no steps
    assert not keys & {cell.key("gpu") for cell in suite().cells}


def test_missing_data_is_named_and_tried_again(suite, tmp_path, monkeypatch):
    from wdist_bench import datasets

    monkeypatch.delenv("WDIST_BENCH_DATA", raising=False)
    monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "cache"))
    datasets.load.cache_clear()
    text = SUITE.replace('"gaussian_shift"', '"image_batches"\ndataset = "mnist"')
    out = tmp_path / "out"
    for _ in range(2):
        assert kinds(run_suite(suite(text), out)) == ["finished"] * 3
    write_report(out)
    assert "How to get it: mnist: expected t10k" in (out / "errors.md").read_text()
    table = pd.read_csv(out / "errors.csv")
    assert set(table["status"]) == {"skipped"}
    assert set(table["dataset"]) == {"mnist"}


def test_a_cell_that_raises_is_a_record_and_the_rest_runs(suite, tmp_path, monkeypatch):
    from wdist_bench.estimators.exact import Exact

    def fail(*_):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(Exact, "estimate", fail)
    list(run_suite(suite(), tmp_path / "out"))
    records = {r["estimator"]: r for r in read_journal(tmp_path / "out").cells.values()}
    assert records["exact"]["status"] == "error"
    assert "no such luck" in records["exact"]["message"]
    assert "Traceback" in records["exact"]["traceback"]
    assert records["c_transform"]["status"] == "ok"
    write_report(tmp_path / "out")
    assert "no such luck" in (tmp_path / "out" / "errors.md").read_text()
    table = pd.read_csv(tmp_path / "out" / "errors.csv")
    assert list(table["failed"]) == [3, 0, 0]


REFUSALS = """
title = "Refusals"
p = [1, 2]
norm = ["l2", "l1"]
n = [8]
runs = 2
eval_batches = 2
[[tasks]]
name = "gaussian_shift"
dim = 3
[[estimators]]
name = "one_dimensional"
[[estimators]]
name = "exact"
[[estimators]]
name = "weight_clipping"
steps = 2
[[estimators]]
name = "gaussian"
[[estimators]]
name = "nearest_neighbor"
max_dim = 2
[[estimators]]
name = "c_transform"
critic = "dcgan"
"""


def test_what_an_estimator_or_max_dim_refuses_is_a_row_with_the_reason(suite, tmp_path):
    out = tmp_path / "out"
    events = list(run_suite(suite(REFUSALS), out, fail_fast=True))
    ran = [event.cell.estimator for event in events if event.kind == "started"]
    assert Counter(ran) == {"exact": 4, "weight_clipping": 2, "gaussian": 3}
    write_report(out)
    table = pd.read_csv(out / "errors.csv")
    assert len(table) == 24
    refused = table[table["status"] == "refused"]
    reasons = dict(refused.groupby("estimator")["message"].first())
    assert Counter(refused["estimator"]) == {
        "one_dimensional": 4, "weight_clipping": 2, "gaussian": 1, "nearest_neighbor": 4,
        "c_transform": 4,
    }  # fmt: skip
    assert "expected points on a line, d = 1, got d = 3" in reasons["one_dimensional"]
    assert "expected p = 1, got p = 2" in reasons["weight_clipping"]
    assert "the suite's max_dim for it, got 3" in reasons["nearest_neighbor"]
    assert "expected flattened square images" in reasons["c_transform"]
    assert set(refused["runs"]) == set(refused["failed"]) == {0}
    assert refused["estimate"].isna().all()
    assert table.loc[table["status"] != "refused", "status"].eq("ok").all()
    written = (out / "errors.md").read_text()
    assert "| one_dimensional | " in " ".join(written.split())
    for name in ("errors.md", "report.html"):
        text = (out / name).read_text()
        assert all(reason.replace("'", "\\u0027") in text or reason in text
                   for reason in reasons.values())  # fmt: skip
    state = progress(read_journal(out))
    assert (state.failed, state.statuses) == (0, {"refused": 15, "ok": 9})
    size = len(read_journal(out).cells)
    assert kinds(run_suite(suite(REFUSALS), out, retry_failed=True)) == ["kept"] * 24
    assert len(read_journal(out).cells) == size


def test_an_estimator_is_asked_for_some_sizes_and_dimensions_alone(suite):
    text = """
title = "Some"
n = [8, 16]
[[tasks]]
name = "gaussian_shift"
dim = 2
[[tasks]]
name = "gaussian_shift"
dim = 3
[[estimators]]
name = "exact"
[[estimators]]
name = "gaussian"
only_n = [16]
[[estimators]]
name = "sliced"
only_dim = [3]
[[estimators]]
name = "nearest_neighbor"
only_n = [8]
only_dim = [2]
"""
    found = [(cell.estimator, cell.task_parameters["dim"], cell.n) for cell in suite(text).cells]
    assert found == [
        ("exact", 2, 8), ("nearest_neighbor", 2, 8), ("exact", 2, 16), ("gaussian", 2, 16),
        ("exact", 3, 8), ("sliced", 3, 8), ("exact", 3, 16), ("gaussian", 3, 16), ("sliced", 3, 16),
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"only_n: expected a list with at least one entry"):
        suite(text.replace("[16]", "[]"))


def test_a_cell_runs_when_it_is_no_longer_refused(suite, tmp_path):
    text = REFUSALS.replace("[1, 2]", "[1]").replace(', "l1"]', "]")
    list(run_suite(suite(text), tmp_path / "out"))
    raised = suite(text.replace("max_dim = 2", "max_dim = 3"))
    finished = [e.cell.estimator for e in run_suite(raised, tmp_path / "out") if e.kind != "kept"]
    assert finished == ["nearest_neighbor"] * 2  # started, finished
    back = list(run_suite(suite(text), tmp_path / "out"))
    assert {e.record["status"] for e in back if e.cell.estimator == "nearest_neighbor"} == {
        "refused"
    }
    assert set(kinds(back)) == {"kept"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("title", "titel"), "did you mean 'title'?"),
        (("runs = 3", "runs = 0"), "runs: expected a whole number >= 1, got 0; correct it"),
        (("runs = 3", "runs = true"), "runs: expected a whole number, got True; correct it"),
        (("n = [16]", "n = [0]"), "n.0: expected a whole number >= 1, got 0; correct it"),
        (("n = [16]", "n = [16, -1]"), "n.1: expected a whole number >= 1, got -1"),
        (("n = [16]", "n = []"), "n: expected a list with at least one entry, got []"),
        (("n = [16]", "n = 16"), "n: expected a list, got 16"),
        (("n = [16]", 'n = ["16"]'), "n.0: expected a whole number, got '16'"),
        (("n = [16]", "p = [0.5]"), "p: expected"),
        (("n = [16]", 'norm = "l2"'), "norm: expected a list, got 'l2'"),
        (('"exact"', '"exact"\nprofiles = []'), "estimators.0.profiles: expected a list with at"),
        (("n = [16]", "seed = -1"), "seed: expected a whole number >= 0, got -1"),
        (('"exact"', '"exact"\nmax_dim = 0'), "estimators.0.max_dim: expected a whole number >= 1"),
        (('"gaussian_shift"', '"gaussian_shift"\nn = [0]'), "tasks.0.n.0: expected a whole number"),
        (("[[tasks]]", "[tasks]"), "tasks: expected tables under [[tasks]], got {"),
        (("[[tasks]]\nname", "[[tasks]]\nnme"), "tasks.0.name: expected this key, got none"),
        (("n = [16]", "[profiles.gpu]\nm = [2]"), "key of profiles.gpu: expected one of n,"),
        (("n = [16]", "[profiles.tpu]\nn = [2]"), "expected one of 'cpu', 'gpu' or 'full'"),
        (('"exact"', '"exat"'), "did you mean 'exact'"),
        (('"gaussian_shift"', '"gaussian_shift"\ndim = 0'), "dim: expected a whole number >= 1"),
        (('"c_transform"', '"c_transform"\nlr = 1'), "parameter of estimator 'c_transform'"),
        (("[[tasks]]", "[[tasks"), "expected TOML, got a syntax error"),
    ],
)
def test_a_wrong_suite_fails_before_anything_runs(suite, change, expected):
    with pytest.raises(ValueError, match=r"small\.toml: ") as caught:
        suite(SUITE.replace(*change))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_thinned_history_has_the_means_of_its_stretches():
    history = np.arange(2 * 250, dtype=float).reshape(2, 250)
    steps, means = thin(history)
    assert len(steps) == 100
    assert steps[-1] == 250
    np.testing.assert_allclose(means[0, 0], history[0, : steps[0]].mean())
    np.testing.assert_allclose(means[1, -1], history[1, steps[-2] :].mean())
    assert thin(np.zeros((3, 0)))[0] == []


def test_a_task_whose_file_is_missing_is_skipped_by_name_and_the_rest_runs(suite, tmp_path):
    text = SUITE.replace('name = "gaussian_shift"', 'name = "funnels"\nfile = "nowhere/pair.npz"')
    text += '\n[[tasks]]\nname = "gaussian_shift"\n'
    list(run_suite(suite(text), tmp_path / "out"))
    records = read_journal(tmp_path / "out").planned()
    assert [r["status"] for r in records] == ["skipped"] * 3 + ["ok"] * 3
    assert "nowhere/pair.npz" in records[0]["message"]


MOODS = """
title = "Moods"
[[experiments]]
name = "moody"
[experiments.sweep]
status = ["ok", "diverged", "timeout", "skipped"]
"""


@register
@dataclass(frozen=True, kw_only=True)
class Moody(Experiment):
    """Returns the status that it is given."""

    name: ClassVar[str] = "moody"
    version: ClassVar[int] = 1

    status: str = "ok"
    seed: int = 0

    def run(self):
        return {"status": self.status, "message": "", "runs": 1, "failed": 0,
                "compile_seconds": 0.0, "run_seconds": 0.0}  # fmt: skip


def test_failures_are_kept_unless_they_are_to_be_tried_again(suite, tmp_path):
    out = tmp_path / "out"
    assert kinds(run_suite(suite(MOODS), out)) == ["finished"] * 4
    assert kinds(run_suite(suite(MOODS), out)) == ["kept"] * 3 + ["finished"]
    again = run_suite(suite(MOODS), out, retry_failed=True)
    assert kinds(again) == ["kept"] + ["finished"] * 3


def test_fail_fast_stops_after_the_first_failure(suite, tmp_path):
    events = list(run_suite(suite(MOODS), tmp_path / "out", fail_fast=True))
    assert [e.record["status"] for e in events if e.kind == "finished"] == ["ok", "diverged"]


def test_records_say_what_they_cost_and_where(suite, tmp_path):
    list(run_suite(suite(), tmp_path / "out"))
    journal = read_journal(tmp_path / "out")
    for record in journal.cells.values():
        assert record["seconds"] > 0
        assert 50e6 < record["peak_memory"] < 50e9
        assert (record["stop_reason"], record["shared"]) == ("completed", False)
        described = journal.environments[record["environment"]]["environment"]
        assert described["backend"] == record["backend"]
        assert described["packages"]["jax"]


def test_a_cell_whose_exact_values_are_lost_says_so_and_runs_again(suite, tmp_path):
    small, out = suite(EXACT), tmp_path / "out"
    list(run_suite(small, out))
    [path] = out.glob("journal*.jsonl")
    kept = [line for line in path.read_text().splitlines(True) if '"type": "truth"' not in line]
    path.unlink()
    (out / "journal-a.jsonl").write_text("".join(kept))
    found = Results(out)
    row = found.table.iloc[0]
    assert np.isfinite([row["estimate"], row["bias_population"]]).all()
    assert np.isnan([row["truth_batch"], row["bias_batch"], row["abs_error_batch"]]).all()
    [said] = shortcomings(found.journal, found.table["failed"])
    assert said.startswith("The exact batch values of 1 cell are lost")
    assert kinds(run_suite(small, out)) == ["finished"]
    found = Results(out)
    assert found.table["bias_batch"][0] == pytest.approx(0, abs=1e-9)
    assert shortcomings(found.journal, found.table["failed"]) == []


def test_a_folder_that_was_removed_is_filled_again(suite, tmp_path):
    small, out = suite(EXACT), tmp_path / "out"
    for _ in range(2):
        assert kinds(run_suite(small, out)) == ["finished"]
        journal = read_journal(out)
        assert (len(journal.cells), len(journal.truths)) == (1, 1)
        shutil.rmtree(out)


def test_a_cell_that_is_asked_for_twice_is_refused(suite, tmp_path):
    for text in (EXACT.replace("[4]", "[4, 4]"), EXACT + '[[estimators]]\nname = "exact"\n'):
        with pytest.raises(ValueError, match="small: expected every cell once, got exact on"):
            list(run_suite(suite(text), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
