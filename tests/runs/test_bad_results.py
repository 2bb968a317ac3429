"""What a cell returns or raises is one record of that cell; the sweep and the folder live on."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from waiting import PATIENCE

from wdist_bench.report import write_report
from wdist_bench.results.journal import read_journal
from wdist_bench.results.journal_writing import append
from wdist_bench.results.progress import progress
from wdist_bench.results.readable import check_record
from wdist_bench.results.record import ResultError, checked
from wdist_bench.runs.engine import InProcess
from wdist_bench.runs.experiment_cell import ExperimentCell
from wdist_bench.runs.plugins import load_plugin
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.suite import load_suite

TROUBLE = Path(__file__).parents[2] / "benchmarks" / "trouble.py"
load_plugin(TROUBLE)
BAD = sys.modules["trouble"].BAD
GOOD = sys.modules["trouble"].GOOD


@pytest.fixture
def suite(tmp_path):
    def write(*what, seed=0):
        path = tmp_path / "bad.toml"
        text = 'title = "Bad"\n[[experiments]]\nname = "trouble"\n'
        path.write_text(f"{text}seed = {seed}\n[experiments.sweep]\nwhat = {json.dumps(what)}\n")
        return path

    return write


def by_what(out):
    return {r["parameters"]["what"]: r for r in read_journal(out).planned()}


def test_every_bad_cell_is_an_error_record_and_the_others_are_kept(suite, tmp_path):
    out = tmp_path / "out"
    list(run_suite(load_suite(suite("answers", *BAD, "answers_too")), out))
    records = by_what(out)
    assert records.keys() == {"answers", *BAD, "answers_too"}
    assert {what for what, r in records.items() if r["status"] == "error"} == set(BAD)
    assert all(isinstance(r["message"], str) and "\n" not in r["message"] for r in records.values())
    assert read_journal(out).warnings() == []


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("none", "expected a dict of results, got None (NoneType)"),
        ("no_status", "status: expected one of ok, not_converged, diverged, skipped or error, got"),
        ("no_runs", "runs: expected a whole number >= 0, got none"),
        ("no_compile_seconds", "compile_seconds: expected finite seconds >= 0, got none"),
        ("unknown_status", "got 'fine' (str)"),
        ("nan", "results.value: expected a finite number, or None where there is none, got nan"),
        ("infinity", "results.value.1.a: expected a finite number"),
        ("tuple_key", "results.value: expected names that are text, got (1, 2) (tuple)"),
        ("circular", "at most 50 deep, got deeper or circular ones"),
        ("array", "results.value: expected plain data"),
        ("takes_key", "expected other names than those of the record, got ['key']"),
        ("takes_parameters", "expected other names than those of the record, got ['parameters']"),
        ("more_failed", "failed: expected at most as many as runs (1), got 2"),
    ],
)
def test_the_message_names_the_cell_what_was_expected_what_came_and_the_fix(what, expected):
    cell = ExperimentCell("trouble", {"what": what})
    with pytest.raises(ResultError) as caught:
        checked(cell.build().run(), cell.description("cpu"), cell.label)
    said = str(caught.value)
    assert said.startswith(f"trouble(what={what}): ")
    assert expected in said
    assert "correct what its `run` returns" in said


def test_good_results_stay_what_they_are():
    import numpy as np

    results = GOOD | {"value": np.float64(0.1), "list": (1, None, "a"), "of": {"a": np.int64(3)}}
    found = checked(results, {}, "cell")
    assert found == GOOD | {"value": 0.1, "list": [1, None, "a"], "of": {"a": 3}}


def test_an_exception_that_cannot_be_shown_says_so(suite, tmp_path):
    list(run_suite(load_suite(suite("mute")), tmp_path / "out"))
    record = by_what(tmp_path / "out")["mute"]
    assert record["message"].startswith("MuteError: its message cannot be shown")


def test_ctrl_c_still_stops_a_sweep_in_this_process_and_keeps_what_is_done(
    suite, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    experiment = sys.modules["trouble"].Trouble
    run = experiment.run

    def pressed(self):
        if self.what == "pressed":
            os.kill(os.getpid(), signal.SIGINT)
        return run(self)

    monkeypatch.setattr(experiment, "run", pressed)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            list(run_suite(load_suite(suite("answers", "pressed", "answers_too")), out))
    finally:
        signal.signal(signal.SIGINT, before)
    assert by_what(out).keys() == {"answers"}


class Watched(InProcess):
    """Counts how often it is closed."""

    closed = 0

    def close(self):
        self.closed += 1


def test_the_engine_is_closed_when_the_consumer_stops_or_raises(suite, tmp_path):
    engine = Watched()
    events = run_suite(load_suite(suite("answers", "nan")), tmp_path / "out", engine)
    next(events)
    events.close()
    assert engine.closed == 1

    class Broken(Watched):
        def submit(self, job):
            raise RuntimeError("broken")

    broken = Broken()
    with pytest.raises(RuntimeError, match="broken"):
        list(run_suite(load_suite(suite("answers")), tmp_path / "other", broken))
    assert broken.closed == 1


FORGOTTEN = """
import sys
from pathlib import Path
from wdist_bench.runs.isolation import Workers
from wdist_bench.runs.plugins import load_plugin
from wdist_bench.runs.runner import run_suite
from wdist_bench.runs.suite import load_suite
if __name__ == "__main__":
    load_plugin(Path(sys.argv[1]))
    events = run_suite(load_suite(Path(sys.argv[2])), Path(sys.argv[3]), Workers())
    next(events)  # a cell that takes a minute is under way
    raise RuntimeError("the consumer gave up")
"""


def test_a_driver_that_forgets_its_sweep_ends_at_once_with_its_workers(tmp_path):
    import subprocess

    script, path = tmp_path / "forgotten.py", tmp_path / "long.toml"
    script.write_text(FORGOTTEN)
    path.write_text('title = "Long"\n[[experiments]]\nname = "trouble"\nseconds = 600.0\n')
    answer = subprocess.run(
        [sys.executable, script, TROUBLE, path, tmp_path / "out"],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    assert "the consumer gave up" in answer.stderr


CELL = {"type": "cell", "key": "a", "status": "ok"}
PLAN = {"type": "plan", "title": "", "description": "", "keys": ["a"]}
WRONG = [
    "[1]", "3", "null", '"cell"', '{"type": "cell", "key": "a"}', '{"type": ["cell"]}',
    *(json.dumps(CELL | change) for change in (
        {"status": None}, {"status": 3}, {"key": ["a"]}, {"key": {}}, {"type": "other"},
        {"written": "now"}, {"written": float("nan")}, {"written": 10**400}, {"attempt": "1"},
        {"message": 3}, {"seconds": "1"}, {"run_seconds": None}, {"runs": "1"}, {"failed": []},
    )),
    *(json.dumps(PLAN | change) for change in (
        {"keys": 3}, {"keys": ["a", 3]}, {"keys": {"a": 1}}, {"title": None}, {"labels": 3},
    )),
    '{"type": "started", "key": "a", "host": "h", "pid": "1"}',
    '{"type": "started", "key": "a", "host": ["h"], "pid": 1}',
    '{"type": "truth", "key": "a", "costs": 1}',
    '{"type": "environment", "key": "a", "environment": 1}',
    '{"type": "cell", "key": "a", "status": "ok", "value": ' + "[" * 10**6 + "]" * 10**6 + "}",
]  # fmt: skip


def test_lines_with_wrong_types_are_named_and_cost_nothing_else(tmp_path):
    append(tmp_path, PLAN | {"keys": ["a", "b"]})
    lines = [
        line.replace("{", '{"schema": 1, ', 1) if line.startswith("{") else line for line in WRONG
    ]
    (tmp_path / "journal-wrong.jsonl").write_text("\n".join(lines) + "\n")
    append(tmp_path, CELL | {"key": "b", "message": ""})
    journal = read_journal(tmp_path)
    assert set(journal.cells) == {"b"}
    assert journal.unreadable == [f"journal-wrong.jsonl:{i}" for i in range(1, len(WRONG) + 1)]
    assert progress(journal).statuses == {"ok": 1}


def test_records_of_lost_cells_are_readable_and_in_the_report(suite, tmp_path):
    out = tmp_path / "out"
    list(run_suite(load_suite(suite("answers")), out))
    record = by_what(out)["answers"]
    measured = ("compile_seconds", "run_seconds", "seconds", "runs", "failed", "value", "written")
    lost = {name: value for name, value in record.items() if name not in measured}
    append(out, lost | {"status": "timeout", "message": "too late", "attempt": 2, "key": "lost"})
    plan = read_journal(out).plan
    append(out, plan | {"keys": [*plan["keys"], "lost"], "attempt": 2})
    check_record(read_journal(out).cells["lost"])
    assert any("too late" in path.read_text() for path in write_report(out))


def test_a_keyboard_interrupt_in_another_thread_is_the_cells_own(suite, tmp_path):
    def sweep():
        list(run_suite(load_suite(suite("keyboard_interrupt", "answers")), tmp_path / "out"))

    thread = threading.Thread(target=sweep)
    thread.start()
    thread.join()
    statuses = {what: r["status"] for what, r in by_what(tmp_path / "out").items()}
    assert statuses == {"keyboard_interrupt": "error", "answers": "ok"}
