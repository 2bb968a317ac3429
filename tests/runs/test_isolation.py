"""Workers that hang, die or eat memory cost one record, and everything finished is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from waiting import PATIENCE, wait_for

from wdist_bench import estimators
from wdist_bench.results.journal import read_journal
from wdist_bench.runs import plugins, work
from wdist_bench.runs.isolation import WorkerError, Workers
from wdist_bench.runs.plugins import load_plugin, loaded_plugins

ADVERSARIES = """
title = "Adversaries"
n = [4]
runs = 2
eval_batches = 2
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "returns_nan"
[[estimators]]
name = "raises"
[[estimators]]
name = "allocates"
[[estimators]]
name = "nearest_neighbor"
"""
SLEEPER = """
title = "One sleeper"
[[experiments]]
name = "deed"
[experiments.sweep]
seconds = [600.0, 0.0]
"""


def done(out):
    return read_journal(out).cells


@pytest.mark.slow
def test_adversaries_give_three_statuses_and_the_sweep_ends(drive, deeds, tmp_path):
    out = tmp_path / "out"
    driver = drive(deeds(text=ADVERSARIES), out, "--memory-limit", 1.5)
    said, errors = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 1, errors
    records = {record["estimator"]: record for record in read_journal(out).planned()}
    statuses = {name: record["status"] for name, record in records.items()}
    assert statuses == {
        "returns_nan": "diverged", "raises": "error", "allocates": "out_of_memory",
        "nearest_neighbor": "ok",
    }  # fmt: skip
    assert "the limit is 1.5 GiB" in records["allocates"]["message"]
    assert records["nearest_neighbor"]["peak_memory"] > 50e6
    assert not records["nearest_neighbor"]["shared"]
    assert "[4/4] nearest_neighbor on gaussian_shift() W1 n=4: ok" in said
    table = pd.read_csv(out / "errors.csv")
    assert table["failed"].tolist() == [2, 2, 2, 0]
    report = (out / "errors.md").read_text()
    assert "(1 diverged, 1 error, 1 out_of_memory)" in report


def test_a_deadline_costs_one_record_and_the_sweep_goes_on(drive, deeds, tmp_path):
    """Of what takes ten minutes, and no time: little else is measured against the deadline."""
    out = tmp_path / "out"
    driver = drive(deeds(text=SLEEPER), out, "--timeout", 5)
    driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 1
    late, quick = read_journal(out).planned()
    assert (late["status"], quick["status"]) == ("timeout", "ok")
    assert "deadline of 5 s" in late["message"]
    assert late["stop_reason"] == "deadline"


@pytest.mark.parametrize("fresh", [True, False])
def test_a_cell_does_not_pay_for_the_start_of_its_worker(fresh):
    calls = []

    def call(function, arguments, timeout):
        calls.append((function, timeout))
        return {"status": "ok"}

    workers = Workers(timeout=5, plugins=())
    workers._try(SimpleNamespace(fresh=fresh, call=call), None)
    workers.close()
    assert calls == [(work.environment, 5)] * fresh + [(work.execute, 5)]


BAD = ("is_killed", "leaves", "leaves_quietly", "exits")
DEATHS = """
title = "Deaths"
[[experiments]]
name = "deed"
[experiments.sweep]
what = ["answers", "is_killed", "leaves", "leaves_quietly", "exits", "answers_too"]
seed = [1]
[[experiments]]
name = "deed"
seed = 2
"""


@pytest.mark.slow
def test_a_worker_that_dies_costs_one_record_each_time(drive, deeds, tmp_path):
    out = tmp_path / "out"
    suite = deeds(text=DEATHS)
    assert drive(suite, out).wait(timeout=PATIENCE) == 1
    records = {r["parameters"]["what"]: r for r in read_journal(out).cells.values()}
    assert [records[what]["status"] for what in BAD] == ["error"] * 4
    assert "SIGKILL" in records["is_killed"]["message"]
    assert "exit code 3" in records["leaves"]["message"]
    assert "exit code 0" in records["leaves_quietly"]["message"]
    assert "sys.exit(enough)" in records["exits"]["message"]
    assert [r["status"] for r in read_journal(out).planned()].count("ok") == 3
    answered = {key: r for key, r in done(out).items() if r["status"] == "ok"}
    again = drive(suite, tmp_path / "out", "--fail-fast")
    said = again.communicate(timeout=PATIENCE)[0]
    assert again.returncode == 1
    assert "leaves" not in said  # it stopped at the first failure
    assert {key: r for key, r in done(out).items() if r["status"] == "ok"} == answered


def test_a_worker_killed_between_two_cells_is_replaced(plugin):
    workers = Workers(plugins=(str(plugin),))
    try:
        workers.environment()
        slot = workers._every[0]
        first = slot._worker.pid
        os.kill(first, signal.SIGKILL)
        assert slot.call(os.getpid, (), None) != first
    finally:
        workers.close()


def test_a_process_imports_modules_of_others_and_names_what_is_in_none(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "of_others.py").write_text(
        "from wdist_bench import estimators\n"
        "estimators.registry._classes['of_others'] = estimators.factory('exact')\n"
    )
    (tmp_path / "leaves.py").write_text("import sys; sys.exit(1)\n")
    wanted = [plugins.Stranger("estimator", name, name) for name in ("of_others", "leaves")]
    wanted.append(plugins.Stranger("task", "of_a_cell", "__main__"))
    assert plugins.unknown(wanted) == {"leaves", "of_a_cell"}
    del estimators.registry._classes["of_others"]


NOTEBOOK = """
from dataclasses import dataclass
from pathlib import Path
import wdist_bench as wb

@wb.estimators.register
@dataclass(frozen=True)
class OfACell(wb.DirectEstimator):
    name, version, target, bound = "of_a_cell", 1, "batch", "none"

    def estimate(self, samples, cost):
        return wb.Estimate(2.0, 2.0, target="batch", bound="none")

Path("s.toml").write_text("".join('title = "t"; n = [8]; runs = 2; eval_batches = 2; '
    'tasks = [{name = "gaussian_shift"}]; estimators = [{name = "of_a_cell"}, {name = "exact"}]'
    .replace("; ", "\\n")))
print(wb.run_suite("s.toml", "out", progress=False).table["status"].tolist())
"""


@pytest.mark.slow
def test_an_estimator_that_a_notebook_defines_runs_in_its_process(tmp_path):
    """A text that is run with -c has no file, as a notebook."""
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout == "['ok', 'ok']\n"
    assert "of_a_cell: this session alone defines it" in done.stderr


def test_workers_that_cannot_start_are_one_clear_error(tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import os; os._exit(1)")
    workers = Workers(plugins=(str(broken),))
    try:
        with pytest.raises(WorkerError, match="ended at once; see what they wrote"):
            workers.environment()
    finally:
        workers.close()


def test_ctrl_c_gives_up_the_current_cell_and_says_how_to_go_on(drive, deeds, gate, tmp_path):
    out, suite = tmp_path / "out", deeds(what=["a", "b", "waits", "c", "d", "e"])
    driver = drive(suite, out)
    wait_for(lambda: len(done(out)) == 2)
    driver.send_signal(signal.SIGINT)
    said, errors = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 130, errors
    assert "every finished cell is kept; resume with the same command" in said
    assert "Traceback" not in errors
    kept = done(out)
    assert len(kept) == 2
    assert {record["status"] for record in kept.values()} == {"ok"}
    gate.touch()
    assert drive(suite, out).wait(timeout=PATIENCE) == 0
    assert len(done(out)) == 6
    assert all(done(out)[key] == record for key, record in kept.items())


@pytest.mark.slow
def test_two_drivers_share_the_work_of_one_folder(drive, deeds, gate, tmp_path):
    """The first is held at its first cell, which the second leaves for last."""
    out, suite = tmp_path / "out", deeds(what=["waits", *"abcdefghijklmno"])
    drivers = [drive(suite, out)]
    wait_for(lambda: read_journal(out).running())
    drivers.append(drive(suite, out))
    wait_for(lambda: len(done(out)) == 15)
    gate.touch()
    assert [driver.wait(timeout=PATIENCE) for driver in drivers] == [0, 0]
    journal = read_journal(out)
    assert len(journal.cells) == 16
    assert journal.warnings() == []
    lines = [line for path in out.glob("journal*") for line in path.read_text().splitlines()]
    runs = sum('"type": "cell"' in line for line in lines)
    assert runs <= 16 + 1  # the last one may be done twice
    assert any(record["shared"] for record in journal.cells.values())


@pytest.mark.slow
def test_jobs_share_the_machine_and_say_so(drive, deeds, tmp_path):
    out = tmp_path / "out"
    assert drive(deeds(4), out, "--jobs", 2).wait(timeout=PATIENCE) == 0
    assert all(record["shared"] for record in done(out).values())


def test_a_plugin_is_imported_once(tmp_path):
    path = tmp_path / "plugin_once.py"
    path.write_text("import builtins\nbuiltins.loads = getattr(builtins, 'loads', 0) + 1\n")
    import builtins

    load_plugin(path)
    load_plugin(path)
    assert builtins.loads == 1
    assert str(path.resolve()) in loaded_plugins()
    del builtins.loads


def test_a_plugin_that_another_one_imported_is_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_loaded", {})  # workers of other tests load what is in it
    monkeypatch.syspath_prepend(tmp_path)
    first, then = tmp_path / "plugin_first.py", tmp_path / "plugin_then.py"
    first.write_text("import builtins\nbuiltins.loads = getattr(builtins, 'loads', 0) + 1\n")
    then.write_text("import plugin_first\n")
    import builtins

    load_plugin(then)
    load_plugin(first)
    assert builtins.loads == 1
    assert {str(first.resolve()), str(then.resolve())} <= set(loaded_plugins())
    del builtins.loads


def test_a_plugin_that_failed_is_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_loaded", {})
    path = tmp_path / "plugin_mended.py"
    path.write_text("raise RuntimeError('not yet')\n")
    with pytest.raises(RuntimeError, match="not yet"):
        load_plugin(path)
    path.write_text("mended = 1\n# and longer\n")
    load_plugin(path)
    assert sys.modules["plugin_mended"].mended


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jobs": 0}, "jobs: expected a whole number >= 1, got 0"),
        ({"timeout": -5.0}, "timeout: expected a finite number > 0, got -5"),
        ({"memory_limit": 0}, "memory_limit: expected a whole number >= 1, got 0"),
    ],
    ids=str,
)
def test_no_jobs_no_time_and_no_memory_are_refused(wrong, said):
    from wdist_bench.runs.isolation import Workers

    with pytest.raises(ValueError, match=said):
        Workers(**wrong)


FULL = """
import resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no file-size limits")
def test_a_full_disk_ends_the_run_with_one_line_and_keeps_what_is_there(
    plugin, drive, deeds, tmp_path
):
    out, suite = tmp_path / "out", deeds(12)
    command = [sys.executable, "-m", "wdist_bench.cli", "--plugin", plugin, "run", suite]
    answer = subprocess.run(
        [sys.executable, "-c", FULL, *command, "--out", out],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"error: {out.resolve()}: expected to write a record")
    assert answer.stderr.count("\n") == 1
    before = done(out)
    assert 0 < len(before) < 12
    assert read_journal(out).warnings() == []
    assert drive(suite, out).wait(timeout=PATIENCE) == 0
    assert len(done(out)) == 12
    assert before.items() <= done(out).items()
