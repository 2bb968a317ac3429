"""The command line as a user calls it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import wdist_bench as wb
from wdist_bench.cli.population import _sentence, _verdict
from wdist_bench.datasets.two_samples import TwoSamples

SUITE = """
title = "Tiny"
n = [8]
steps = 5
runs = 2
eval_batches = 2
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "c_transform"
"""
CONTRACT = (
    "task,dataset,dim,estimator,critic,p,norm,n,protocol,steps,runs,failed,truth_batch,"
    "truth_population,estimate,estimate_ci_low,estimate_ci_high,bias_batch,bias_population,"
    "abs_error_batch,abs_error_batch_sd,compile_seconds,run_seconds,paper_error,paper_sd"
)


def test_run_writes_table_figure_and_environment(tmp_path, command):
    suite, out = tmp_path / "tiny.toml", tmp_path / "out"
    suite.write_text(SUITE)
    code, said, _ = command("run", suite, "--out", out)
    assert code == 0
    assert "[1/1] c_transform on gaussian_shift() W1 n=8: ok" in said
    journals = {path.name for path in out.glob("journal-*.jsonl")}
    assert len(journals) == 2  # the driver's and the worker's
    assert {path.name for path in out.iterdir()} - journals == {
        "environment.json", "errors.csv", "errors.md", "figure2.png",
        "estimates.png", "report.html", "report.json",
    }  # fmt: skip
    assert (out / "errors.csv").read_text().startswith(CONTRACT)
    assert (out / "figure2.png").stat().st_size > 20_000
    again, said, _ = command("run", suite, "--out", out)
    assert again == 0
    assert "kept from an earlier run" in said


def test_what_a_report_lacks_is_said_before_anything_runs(tmp_path, monkeypatch, command):
    suite, out = tmp_path / "tiny.toml", tmp_path / "out"
    suite.write_text(SUITE)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    fix = "pip install 'wdist-bench[bench]'"
    code, _, complaint = command("run", suite, "--out", out)
    assert (code, fix in complaint, out.exists()) == (2, True, False)
    with pytest.raises(ModuleNotFoundError, match=re.escape(fix)):
        wb.run_suite(suite, out)
    with pytest.raises(ModuleNotFoundError, match=re.escape(fix)):
        wb.estimate([[0.0]], [[1.0]]).plot()
    monkeypatch.setattr("wdist_bench.cli.app", lambda: __import__("matplotlib.pyplot"))
    assert fix in command("compare")[2]


@pytest.mark.slow
def test_a_run_ends_with_errors_a_sentence_and_the_page(tmp_path, monkeypatch, command):
    suite, folder = tmp_path / "tiny.toml", Path("results", "local", "tiny")
    more = ("one_dimensional", "exact", "sinkhorn", "gaussian", "bracket", "nearest_neighbor")
    added = "".join(f'[[estimators]]\nname = "{name}"\n' for name in more)
    suite.write_text(SUITE.replace('[[estimators]]\nname = "c_transform"\n', added))
    monkeypatch.chdir(tmp_path)
    code, said, _ = command("run", suite)
    assert code == 0  # a refusal is no failure
    table = pd.read_csv(folder / "errors.csv")
    best = table.dropna(subset="estimate").sort_values("abs_error_batch", kind="stable")
    shown = said[said.index("gaussian_shift, dim 2, W1, n = 8") :].splitlines()
    assert [line.split()[0] for line in shown[2:7]] == list(best["estimator"])
    assert [line.split()[0] for line in shown[2:8]].count("and") == 1  # six rows: one is cut
    assert "refused (1 cell): one_dimensional: expected points on a line" in said
    assert "and 1 more (1 refused)" in shown
    assert shown[-1] == f"page: {folder / 'report.html'}"
    assert shown[-2].startswith("For the distance of the two populations, ")
    assert command("report", folder)[1].endswith("\n".join(shown) + "\n")
    _, said, _ = command("status", folder)
    assert "done     6 (1 refused, 5 ok)\nfailed   0\n" in said


@pytest.mark.slow
def test_a_failed_run_gives_a_nonzero_exit_code(tmp_path, command):
    suite = tmp_path / "tiny.toml"
    suite.write_text(SUITE + "learning_rate = 1e30\n")
    code, said, _ = command("run", suite, "--out", tmp_path / "out")
    assert "--retry-failed" not in said
    assert code == 1
    assert "diverged" in said
    table = pd.read_csv(tmp_path / "out" / "errors.csv")
    assert table["failed"].tolist() == [2]
    assert table["estimate"].isna().all()
    code, said, _ = command("run", suite, "--out", tmp_path / "out")
    assert code == 1
    assert "W1 n=8: diverged, kept from an earlier run (--retry-failed tries it again)" in said
    assert "1 diverged kept from an earlier run; to try them again, run the suite with" in said
    _, said, _ = command("status", tmp_path / "out")
    assert "failed   1 (1 diverged kept by the next run; to try them again, run the suite" in said


@pytest.mark.parametrize("what", ["tasks", "truths", "estimators", "datasets", "suites"])
def test_list_names_everything(command, what):
    from wdist_bench import cards, datasets
    from wdist_bench.runs.shipped import shipped

    code, said, _ = command("list", what)
    assert code == 0
    names = {"tasks": wb.tasks.names, "truths": cards.names, "estimators": wb.estimators.names,
             "datasets": datasets.names, "suites": shipped}[what]()  # fmt: skip
    for name in names:
        assert name in said


def test_a_task_with_a_parameter_to_name_is_listed_among_the_others(command, monkeypatch):
    @dataclass(frozen=True)
    class NeedsSize(wb.tasks.factory("gaussian_shift")):
        name = "needs_size"
        size: float = field(kw_only=True)

    monkeypatch.setitem(wb.tasks.registry._classes, "needs_size", NeedsSize)
    code, said, _ = command("list", "tasks")
    assert code == 0
    assert "needs: size" in next(line for line in said.splitlines() if "needs_size" in line)


def test_mistakes_are_one_line_on_stderr(tmp_path, command):
    code, _, said = command("run", tmp_path / "none.toml")
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    code, _, said = command("report", tmp_path)
    assert code == 2
    assert "run a suite first" in said


def test_estimate_reads_files_and_prints_json(tmp_path, command):
    x, y = tmp_path / "x.npy", tmp_path / "y.csv"
    np.save(x, np.zeros((3, 2)))
    y.write_text("3,4\n3,4\n3,4\n")
    code, said, _ = command("estimate", x, y, "--json")
    answer = json.loads(said)
    assert code == 0
    assert answer["value"] == 5
    assert (answer["bound"], answer["status"]) == ("exact", "ok")
    code, said, _ = command("estimate", x, y, "--p", 2)
    assert code == 0
    assert "value     5\n" in said
    options = ("--method", "c_transform", "--option", "steps=2", "--option", "hidden=[4]")
    assert command("estimate", x, y, *options)[0] == 0


def test_estimate_reads_a_folder_of_images(tmp_path, command):
    from PIL import Image

    for name, level in (("a", 0), ("b", 255)):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 4), level).save(tmp_path / name / "0.png")
    folders = tmp_path / "a", tmp_path / "b"
    _, said, _ = command("estimate", *folders, "--json")
    assert json.loads(said)["value"] == 8  # 16 pixels that differ by 2
    Image.new("L", (4, 5), 0).save(tmp_path / "a" / "1.png")
    code, _, said = command("estimate", *folders)
    assert code == 2
    assert "expected images of one shape, got (4, 4) in 0.png and (5, 4) in 1.png" in said


def test_estimate_without_a_number_exits_with_1_and_null(tmp_path, command):
    x = tmp_path / "x.npy"
    np.save(x, np.random.default_rng(0).normal(size=(60, 2)))
    y = tmp_path / "y.npy"
    np.save(y, np.random.default_rng(1).normal(size=(60, 2)))
    arguments = ("estimate", x, y, "--json", "--option", "max_iterations=1")
    code, said, _ = command(*arguments)
    assert code == 1
    assert json.loads(said)["value"] is None
    assert json.loads(said)["status"] == "not_converged"


def test_status_and_merge_say_what_a_folder_holds(tmp_path, command):
    suite, out, merged = tmp_path / "tiny.toml", tmp_path / "out", tmp_path / "merged"
    suite.write_text(SUITE.replace("c_transform", "nearest_neighbor"))
    assert command("run", suite, "--out", out)[0] == 0
    code, said, _ = command("status", out)
    assert code == 0
    assert said == "Tiny: 1 cells\ndone     1 (1 ok)\nfailed   0\nrunning  0\nleft     0\n"
    code, said, _ = command("merge", out, "--out", merged)
    assert code == 0
    assert said.startswith(f"{merged}: 1 of 1 cells\n")
    assert (merged / "errors.csv").read_bytes() == (out / "errors.csv").read_bytes()
    (out / "journal-torn.jsonl").write_text("{\n")
    assert f"warning: {out}: Unreadable" in command("merge", out, "--out", merged)[2]
    code, _, said = command("status", tmp_path)
    assert code == 2
    assert "run a suite first" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--scheduler", "tcp://nowhere:1"), "expected --engine dask beside them, got local"),
        (
            ("--engine", "dask", "--resource", "GPU"),
            "expected NAME=AMOUNT, got 'GPU'",
        ),
    ],
)
def test_engine_options_that_do_not_fit_are_refused(tmp_path, command, options, expected):
    suite = tmp_path / "tiny.toml"
    suite.write_text(SUITE)
    code, _, said = command("run", suite, "--out", tmp_path / "out", *options)
    assert code == 2
    assert expected in said


def test_estimate_says_how_the_files_were_read(tmp_path, command):
    rows = np.random.default_rng(0).normal(size=(20, 8))
    frame = pd.DataFrame(rows, columns=list("abcdefgh"))
    x, y, z = tmp_path / "x.csv", tmp_path / "y.csv", tmp_path / "z.npy"
    frame.to_csv(x)
    frame[list("hgfedcba")].to_csv(y, index=False)
    np.save(z, rows)
    code, said, _ = command("estimate", x, y)
    assert code == 0
    assert said.splitlines()[:4] == [
        "x         20 x 8: a, b, c, d, e, ..., h",
        "y         20 x 8: h, g, f, e, d, ..., a",
        "scaling   none",
        "value     0",
    ]
    assert "found     W1 of the 20 rows of x and the 20 of y is 0\n" in said
    code, said, _ = command("estimate", x, z, "--json")
    assert json.loads(said)["y"] == "20 x 8, columns without names"
    assert json.loads(said)["value"] == 0
    frame.rename(columns={"h": "i"}).to_csv(y, index=False)
    code, said, error = command("estimate", x, y)
    assert code == 2
    assert "20 x 8" in said
    assert error.startswith("error: x and y: expected the same columns, got 'h' only in x and 'i'")


def test_two_groups_of_one_file_in_other_units(tmp_path, command):
    rng = np.random.default_rng(0)
    path = tmp_path / "t.csv"
    frame = pd.DataFrame(
        {"age": rng.normal(50, 5, 60), "income": rng.normal(4e4, 1e4, 60), "w": [1, 2, 3] * 20}
    )
    frame["kind"] = ["ill", "well"] * 30
    frame.loc[frame["kind"] == "ill", "age"] += 10
    frame.to_csv(path, index=False, sep=";")
    options = ("--by", "kind", "--weights", "w", "--columns", "age,income")
    code, said, warned = command("estimate", path, *options)
    assert code == 0
    assert "x         30 x 2: age, income, kind = ill\n" in said
    assert "weights   w\n" in said
    assert "found     W1 of the 30 rows with kind ill and the 30 with well is " in said
    assert warned.startswith("warning: column 'income' makes ")
    code, said, warned = command("population", path, *options, "--standardize", "--json")
    answer = json.loads(said)
    assert (code, warned) == (0, "")
    assert answer["scaling"] == "each column over its standard deviation in all 60 rows"
    assert (answer["n"], answer["m"], answer["d"]) == (30, 30, 2)
    assert (answer["columns"], answer["groups"]) == (["age", "income"], ["ill", "well"])
    assert answer["scales"][1] == pytest.approx(1e4, rel=0.3)
    assert answer["found"].startswith("with 95 % confidence W1 of the populations behind the 30")
    assert answer["found"].endswith("were they equal)")
    frame["kind"] = ["ill", "well", "odd"] * 20
    frame.to_csv(path, index=False)
    code, _, said = command("estimate", path, *options)
    assert code == 2
    assert "got 3: ill (20 rows), odd (20 rows), well (20 rows); choose two with --groups" in said
    assert command("estimate", path, *options, "--groups", "odd,ill")[0] == 0


@pytest.mark.parametrize("name", ["estimate", "recommend"])
def test_a_first_line_that_is_unclear_is_settled_by_an_option(tmp_path, command, name):
    x, y = tmp_path / "x.csv", tmp_path / "y.csv"
    x.write_text("0,1\n" + "5,7\n3,9\n" * 4)
    y.write_text("0,1\n" + "5,7\n3,8\n" * 4)
    assert "--header or --no-header" in command(name, x, y)[2]
    if name == "estimate":
        for option, said in (("--header", "8 x 2: 0, 1"), ("--no-header", "9 x 2, columns")):
            assert said in command(name, x, y, option)[1]


@pytest.mark.parametrize(
    "options",
    [
        ("--timeout", "nan"), ("--timeout", "inf"), ("--memory-limit", "nan"), ("--jobs", "1.5"),
        ("--jobs", "0"), ("--engine", "dask", "--resource", "GPU=nan"),
        ("--engine", "dask", "--resource", "GPU=0"), ("--engine", "dask", "--resource", "GPU=-1"),
    ],
)  # fmt: skip
def test_numbers_of_a_run_are_checked_before_anything_starts(tmp_path, command, options):
    (tmp_path / "tiny.toml").write_text(SUITE)
    out = tmp_path / "out"
    code, _, errors = command("run", tmp_path / "tiny.toml", "--out", out, *options)
    assert code == 2
    assert options[-2] in errors
    assert not out.exists()


@pytest.mark.parametrize("options", [("--level", "nan"), ("--level", "0"), ("--min-effect", "-1")])
def test_levels_of_a_comparison_are_checked(tmp_path, command, options):
    code, _, errors = command("compare", tmp_path, tmp_path, *options)
    assert code == 2
    assert errors.startswith(f"error: {options[0].strip('-').replace('-', '_')}: expected")


@pytest.mark.parametrize("seed", ["-1", "4294967296"])
def test_seeds_that_would_wrap_are_refused_by_commands(tmp_path, command, seed):
    np.save(tmp_path / "x.npy", np.ones((30, 2)))
    for words in (("estimate", tmp_path / "x.npy"), ("recommend",)):
        code, _, errors = command(*words, tmp_path / "x.npy", "--seed", seed)
        assert code == 2
        assert errors.startswith("error: seed: expected a whole number")
        assert errors.count("\n") == 1


@pytest.mark.slow
def test_the_demonstration_needs_nothing_and_says_what_is_known(command):
    code, said, _ = command("demo", "--n", 64)
    assert code == 0
    assert "truth 2.8284" in said
    exact = next(line for line in said.splitlines() if line.startswith("exact "))
    assert 2.4 < float(exact.split()[1]) < 3.4


def test_version_and_short_help(command):
    assert command("--version")[:2] == (0, "wdist-bench 0.1.0\n")
    code, said, _ = command("run", "-h")
    assert code == 0
    assert "--profile" in said


def test_no_populations_may_be_one_that_an_interval_keeps_apart():
    apart = wb.Estimate(1.0, 1.0, target="population", bound="none", lower=0.4, upper=2.0)
    assert _verdict(apart, 0.2, 199) == "the test does not tell them apart"
    assert _verdict(replace(apart, lower=0.0), 0.2, 199) == "they may be one"
    assert _verdict(apart, 0.05, 19) == "they differ"


def test_a_lower_end_of_zero_says_nothing_from_below():
    nothing = wb.Estimate(0.3, 0.3, target="population", bound="none", lower=0.0, upper=np.inf,
                          level=0.95)  # fmt: skip
    rows = TwoSamples(np.zeros((2, 1)), np.ones((2, 1)), None, None)
    said = _sentence(nothing, "W1", 0.6, 199, rows)
    assert "do not bound W1" in said
    assert "above 0" not in said
    some = _sentence(replace(nothing, lower=0.1), "W1", None, 199, rows)
    assert "lies above 0.1" in some


def test_population_prints_an_interval_and_a_test(tmp_path, command):
    rng = np.random.default_rng(0)
    x, y = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, rng.normal(size=(80, 2)))
    np.save(y, rng.normal(size=(60, 2)) + 2)
    options = ("--permutations", 49, "--level", 0.9)
    code, said, _ = command("population", x, y, *options, "--json")
    answer = json.loads(said)
    assert code == 0
    assert answer["lower"] < 2 * 2**0.5 < answer["upper"]
    assert (answer["level"], answer["status"], answer["pvalue"]) == (0.9, "ok", 0.02)
    code, said, _ = command("population", x, y, "--side", "lower")
    assert "lower " in said
    code, said, _ = command("population", x, y, "--permutations", 10)
    assert "10 permutations cannot tell whether they differ, 19 can (p = 0.091" in said
    np.save(y, rng.normal(size=(5, 2)))
    code, said, _ = command("population", x, y, "--permutations", 0)
    assert code == 1
    assert "refused" in said
