"""A stranger's study joins the report by its class alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest

from wdist_bench import experiment
from wdist_bench.report import write_report
from wdist_bench.results.journal_writing import append

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


@pytest.fixture
def written(tmp_path):
    """The report of a run with two records of the named experiments."""

    def write(*names):
        keys = [f"k{i}" for i in range(len(names))]
        plan = {"type": "plan", "suite": "s", "profile": "cpu", "title": "S", "description": ""}
        append(tmp_path, plan | {"keys": keys, "labels": keys, "at_once": 1})
        for i, (key, name) in enumerate(zip(keys, names, strict=True)):
            append(tmp_path, {
                "type": "cell", "key": key, "experiment": name, "parameters": {"dim": i + 2},
                "status": "ok", "message": "", "runs": 1, "failed": 0, "compile_seconds": 0.0,
                "run_seconds": 1.0, "mean": 0.25 + i, "curve": [1.0, 2.0],
            })  # fmt: skip
        return {path.name for path in write_report(tmp_path)}

    return write


@pytest.fixture
def strangers():
    """Two experiments of one study with a table, a picture and a page of its own."""

    @dataclass(frozen=True)
    class First(experiment.Experiment):
        name, version, study = "stranger_first", 1, "stranger"
        seed: int = 0

        def run(self):
            raise NotImplementedError

        @classmethod
        def write(cls, folder, records):
            table = folder / "stranger.md"
            table.write_text(f"# Of a stranger\n\n{len(records)} records\n\n![A dot](dot.png)\n")
            (folder / "dot.png").write_bytes(PICTURE)
            return [table, folder / "dot.png"]

    @dataclass(frozen=True)
    class Second(First):
        name = "stranger_second"

    for factory in (First, Second):
        experiment.register(factory)
    yield
    for factory in (First, Second):
        del experiment.registry._classes[factory.name]


def test_a_study_writes_its_files_once_and_the_page_shows_them(written, strangers, tmp_path):
    assert {"stranger.md", "dot.png"} <= written("stranger_first", "stranger_second")
    assert "2 records" in (tmp_path / "stranger.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert "Of a stranger" in page
    assert page.count("data:image/png;base64,") == 1


def test_files_of_a_study_stay_where_its_plugin_is_not_here(written, strangers, tmp_path):
    written("stranger_first")
    known = dict(experiment.registry._classes)
    del experiment.registry._classes["stranger_first"]
    for _ in range(2):
        assert "stranger_first.md" in written("stranger_first")
        assert {"stranger.md", "dot.png"} <= {path.name for path in tmp_path.iterdir()}
    experiment.registry._classes.update(known)
    written("stranger_first")
    assert not (tmp_path / "stranger_first.md").exists()


def test_a_plain_table_takes_no_place_of_a_study_whose_plugin_is_not_here(written, tmp_path):
    @dataclass(frozen=True)
    class Own(experiment.Experiment):
        name, version = "stranger_own", 1
        seed: int = 0

        def run(self):
            raise NotImplementedError

        @classmethod
        def write(cls, folder, records):
            (folder / "stranger_own.md").write_text("# The finding of a week\n")
            return [folder / "stranger_own.md"]

    experiment.register(Own)
    written("stranger_own")
    del experiment.registry._classes["stranger_own"]
    for _ in range(2):
        assert "stranger_own.md" not in written("stranger_own")
        assert (tmp_path / "stranger_own.md").read_text() == "# The finding of a week\n"
        assert not (tmp_path / "stranger_own.csv").exists()
    assert "The finding of a week" in (tmp_path / "report.html").read_text()


def test_an_experiment_without_a_report_has_a_plain_table(written, tmp_path):
    assert {"nobody_s.csv", "nobody_s.md"} <= written("nobody_s", "nobody_s")
    table = pd.read_csv(tmp_path / "nobody_s.csv")
    assert table["dim"].tolist() == [2, 3]
    assert table["mean"].tolist() == [0.25, 1.25]
    assert "curve" not in table
    assert "nobody s" in (tmp_path / "report.html").read_text()
