"""`wdist-bench recommend` as a user calls it."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

from wdist_bench import cli
from wdist_bench.results.journal import read_journal

CHEAP = ("--methods", "exact, gaussian,nearest_neighbor", "--runs", "6")


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["wdist-bench", "recommend", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    captured = capsys.readouterr()
    return stop.value.code or 0, captured.out, captured.err


@pytest.fixture
def files(tmp_path):
    """A .npy and a .csv file of plane normals 3 apart."""
    generator = np.random.default_rng(0)
    x, y = tmp_path / "x.npy", tmp_path / "y.csv"
    np.save(x, generator.normal(size=(60, 2)))
    np.savetxt(y, generator.normal(size=(50, 2)) + np.array([3, 0]), delimiter=",")
    return x, y


def test_it_answers_in_words_and_keeps_every_run(files, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    code, said, _ = call(monkeypatch, capsys, *files, *CHEAP, "--out", out)
    assert code == 0
    assert "**For the distance between the populations**" in said
    assert "**For the distance between the samples themselves**" in said
    assert said.startswith((out / "recommendation.md").read_text())
    table = pd.read_csv(out / "recommendation.csv")
    cells = read_journal(out).cells
    assert len(cells) == len(table) >= 18
    first = cells["recommend/ranking/0/exact"]
    assert (
        first["value"]
        == table.loc[(table["run"] == 0) & (table["estimator"] == "exact"), "value"][0]
    )
    data = json.loads((out / "recommendation.json").read_text())
    assert f"{data['pair']['estimator']}: W1 = {data['pair']['value']:.4g}**" in said
    assert 2.5 < data["pair"]["value"] < 3.5
    assert data["environment"]["packages"]["jax"]


def test_json_is_one_object_and_the_target_decides(files, monkeypatch, capsys):
    code, said, _ = call(monkeypatch, capsys, *files, *CHEAP, "--target", "batch", "--json")
    answer = json.loads(said)
    assert code == 0
    assert answer["target"] == "batch"
    assert answer["batch"]["recommended"] == answer["pair"]["estimator"] == "exact"


def test_one_file_gives_a_ranking(files, monkeypatch, capsys):
    code, said, _ = call(monkeypatch, capsys, files[1], *CHEAP, "--p", 2)
    assert code == 0
    assert "Your pair" not in said
    assert "W2" in said


def test_nobody_ranked_exits_with_1(files, monkeypatch, capsys):
    code, said, _ = call(monkeypatch, capsys, *files, "--methods", "one_dimensional")
    assert code == 1
    assert "no answer" in said
    assert "Refused: one_dimensional" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--methods", "exat"), "did you mean 'exact'"),
        (("--target", "all"), "target: expected one of"),
        (("--budget", "-1"), "budget: expected a finite number > 0"),
    ],
)
def test_mistakes_are_one_line_on_stderr(files, monkeypatch, capsys, options, expected):
    code, _, said = call(monkeypatch, capsys, *files, *options)
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert expected in said
