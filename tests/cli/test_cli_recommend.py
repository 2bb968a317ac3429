"""`wdist-bench recommend` as a user calls it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

CHEAP = ("--methods", "exact, gaussian,nearest_neighbor", "--runs", "6")


@pytest.fixture
def files(tmp_path):
    """A .npy and a .csv file of plane normals 3 apart."""
    generator = np.random.default_rng(0)
    x, y = tmp_path / "x.npy", tmp_path / "y.csv"
    np.save(x, generator.normal(size=(60, 2)))
    np.savetxt(y, generator.normal(size=(50, 2)) + np.array([3, 0]), delimiter=",")
    return x, y


def test_it_answers_on_one_screen_and_keeps_every_run(files, tmp_path, command):
    out = tmp_path / "out"
    code, said, _ = command("recommend", *files, *CHEAP, "--out", out)
    assert code == 0
    shown = [line.rstrip() for line in said.split("wrote")[0].rstrip().splitlines()]
    assert shown == (out / "recommendation.txt").read_text().splitlines()
    assert max(map(len, shown)) <= 80
    data = json.loads((out / "recommendation.json").read_text())
    table = pd.read_csv(out / "recommendation.csv")
    assert len(table) == len(data["trials"]) >= 18
    pair = data["pair"]
    assert 0 < pair["lower"] < 3 < pair["upper"]  # plane normals 3 apart
    assert f"best guess {pair['value']:.4g}." in said
    assert data["environment"]["packages"]["jax"]


def test_json_is_one_object_and_the_target_decides(files, command):
    code, said, _ = command("recommend", *files, *CHEAP, "--target", "batch", "--json")
    answer = json.loads(said)
    assert code == 0
    assert answer["target"] == answer["pair"]["target"] == "batch"
    assert answer["choice"]["recommended"] == "exact"
    assert answer["pair"]["lower"] == answer["pair"]["value"] == answer["pair"]["upper"]


def test_one_file_gives_a_ranking(files, command):
    code, said, _ = command("recommend", files[1], *CHEAP, "--p", 2)
    assert code == 0
    assert "How far apart" not in said
    assert "Which single estimator" in said


def test_one_file_with_both_keys_is_a_pair(tmp_path, command):
    x, y = np.random.default_rng(0).normal(size=(2, 40, 1))
    np.savez(tmp_path / "pair.npz", x=x, y=y + 3)
    asked = ("--methods", "one_dimensional", "--runs", "5", "--budget", "2", "--json")
    code, said, _ = command("recommend", tmp_path / "pair.npz", *asked)
    assert code == 0
    assert json.loads(said)["pair"]["lower"] > 1


def test_an_interval_is_an_answer_and_nothing_at_all_exits_with_1(files, command):
    code, said, _ = command("recommend", *files, "--methods", "one_dimensional")
    assert code == 0
    assert "W1 between" in said
    assert "Not for such data: one_dimensional" in said
    code, said, _ = command("recommend", files[0], "--methods", "one_dimensional")
    assert code == 1
    assert "I cannot tell." in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--methods", "exat"), "did you mean 'exact'"),
        (("--target", "all"), "target: expected one of"),
        (("--budget", "-1"), "budget: expected a finite number > 0"),
    ],
)
def test_mistakes_are_one_line_on_stderr(files, command, options, expected):
    code, _, said = command("recommend", *files, *options)
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert expected in said


def test_two_groups_of_one_file_are_the_files_of_each(tmp_path, command):
    generator = np.random.default_rng(1)
    table = pd.DataFrame(generator.normal(size=(120, 2)), columns=["u", "v"])
    table["v"] *= 1000
    table["group"] = ["a", "b"] * 60
    table["comment"] = "none"
    table.to_csv(tmp_path / "all.csv", sep=";", index=False)
    scaled = table[["u", "v"]] / table[["u", "v"]].std(ddof=0)
    for group in ("a", "b"):
        scaled[table["group"] == group].to_csv(tmp_path / f"{group}.csv", index=False)
    asked = ("--by", "group", "--columns", "u,v", "--standardize", *CHEAP, "--json")
    code, said, _ = command("recommend", tmp_path / "all.csv", *asked)
    assert code == 0
    parts = tmp_path / "a.csv", tmp_path / "b.csv"
    _, wanted, _ = command("recommend", *parts, *CHEAP, "--json")
    one, other = json.loads(said)["pair"], json.loads(wanted)["pair"]
    assert one["lower"] == pytest.approx(other["lower"], rel=1e-9)
    assert one["value"] == pytest.approx(other["value"], rel=1e-9)
    _, _, warned = command("recommend", tmp_path / "all.csv", *asked[:4], *CHEAP)
    assert "column 'v' makes" in warned
