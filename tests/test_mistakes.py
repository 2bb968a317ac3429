"""Typical mistakes and what is said of them: what came, what was expected, what to do now.

Each row: the mistake, what its message says came, and what it says to do. Read them aloud when you
change one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import wdist_bench as wb
from wdist_bench import datasets

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 2)), RNG.normal(size=(20, 2)) + 1
TABLE = pd.DataFrame(X, columns=["a", "b"]).assign(kind=["u", "v"] * 10, w=1.0)
EQUAL = [0.05] * 20

IN_PYTHON = [
    # names of other libraries
    (lambda: wb.estimate(X, Y, "emd"), "got 'emd'", "it is called 'exact' here"),
    (lambda: wb.estimate(X, Y, "wasserstein"), "got 'wasserstein'", "it is called 'exact' here"),
    (lambda: wb.estimate(X, Y, "wgan-gp"), "got 'wgan-gp'", "called 'gradient_penalty' here"),
    (lambda: wb.estimate(X, Y, "sinkhorn", reg=1), "got 'reg'", "epsilon=reg needs epsilon_unit"),
    (lambda: wb.estimate(X, Y, "gradient_penalty", n_iter=5), "got 'n_iter'", "called 'steps'"),
    (lambda: wb.estimate(X, Y, weights=EQUAL), "got 'weights'", "a= for x and b= for y"),
    (lambda: wb.estimate(X, Y, cost_matrix=X @ Y.T), "got 'cost_matrix'", "is the argument cost="),
    (lambda: wb.estimate(X, Y, metric="l1"), "got 'metric'", "the ground metric is norm="),
    (lambda: wb.estimate(X, Y, norm="euclidean"), "got 'euclidean'", "it is called 'l2' here"),
    (lambda: wb.estimate(X, Y, norm="cityblock"), "got 'cityblock'", "it is called 'l1' here"),
    (lambda: wb.estimate(X, Y, cost="sqeuclidean"), "got 'sqeuclidean'", "'l2' with p=2"),
    (lambda: wb.estimate(X, Y, device="gpu"), "got 'device'", "JAX_PLATFORMS=cpu or cuda"),
    (lambda: wb.emd(X, Y), "has no 'emd'", "call wb.estimate(x, y, 'exact')"),
    (lambda: wb.read_csv("x.csv"), "has no 'read_csv'", "wb.read_samples"),
    (lambda: wb.tasks.get("mnist"), "got 'mnist'", "'image_batches' with dataset='mnist'"),
    (lambda: wb.tasks.get("gaussian_shift", d=3), "got 'd'", "it is called 'dim' here"),
    (lambda: wb.tasks.get("gaussian_shift", mean=3), "got 'mean'", "it is called 'shift' here"),
    (lambda: wb.evaluate("gaussian_shift", "exact", n_runs=5), "got 'n_runs'", "called 'runs'"),
    (lambda: wb.population_interval(X, Y, confidence=0.9), "got 'confidence'", "called 'level'"),
    (lambda: wb.two_sample_test(X, Y, n_perm=9), "got 'n_perm'", "called 'permutations'"),
    (lambda: wb.recommend(X, Y, timeout=60), "got 'timeout'", "it is called 'budget' here"),
    # shapes, values, places
    (lambda: wb.estimate(X[:, 0], Y[:, 0]), "got shape (20,)", "use reshape(-1, 1)"),
    (lambda: wb.estimate(X, Y[:, :1]), "got 2 and 1", "points of the same space"),
    (lambda: wb.estimate(X * np.nan, Y), "NaN or inf in 20 of 20 points", "drop or repair"),
    (lambda: wb.estimate("x.csv", "y.csv"), "got the text or path 'x.csv'", "wb.read_samples"),
    (lambda: wb.estimate(X, Y, a=np.ones(20)), "got a sum of 20", "normalise with a / a.sum()"),
    (lambda: wb.estimate(X, Y, a=np.ones(3) / 3), "got shape (3,)", "None for equal weights"),
    (lambda: wb.estimate(X, Y, EQUAL, EQUAL), "got list", "passed by name"),
    (lambda: wb.estimate(X, Y, p=0.5), "got 0.5", "number >= 1"),
    (lambda: wb.estimate(X, Y, "gradient_penalty", p=2), "got p = 2", "use c_transform"),
    (lambda: wb.estimate(X, Y, "one_dimensional"), "got d = 2", "use exact, or project"),
    (lambda: wb.distance(X, Y, method="bracket"), "got bracket", "call wb.estimate(x, y, 'br"),
    (lambda: wb.evaluate(X, "exact"), "got ndarray", "use wb.estimate(x, y)"),
    (lambda: wb.population_interval(X, Y, level=95), "got 95", "write 0.95 for 95 %"),
    (lambda: wb.population_interval(X, Y, p=3), "got 3", "wb.estimate(x, y, p=3) takes any"),
    (lambda: wb.recommend(X, Y, budget="60s"), "got '60s'", "pass a number"),
    # files and groups
    (lambda: wb.read_samples(TABLE), "got neither", "add --by COLUMN (by=)"),
    (lambda: wb.read_samples(TABLE, by="knd"), "got 'knd'", "did you mean 'kind'?"),
    (lambda: wb.read_samples(TABLE, by="w"), "got 1: 1 (20 rows)", "or another column"),
    (lambda: wb.read_samples(TABLE, by="kind", groups=["u", "x"]), "got u, x", "there are u (10"),
    (lambda: wb.run_suite("quik"), "got 'quik'", "did you mean 'quick'"),
    (lambda: wb.load_results("nowhere"), "got none", "run a suite first"),
]


@pytest.mark.parametrize(("mistake", "came", "now"), IN_PYTHON, ids=lambda part: str(part)[:20])
def test_a_mistake_in_python_is_told_in_one_line(mistake, came, now):
    errors = (ValueError, TypeError, AttributeError, FileNotFoundError)
    with pytest.raises(errors) as caught:
        mistake()
    said = str(caught.value)
    assert came in said
    assert now in said.partition(came)[2] + said.partition("expected")[2]
    assert "\n" not in said
    assert "expected" in said or "has no" in said


SUITE = "title = 't'\n[[tasks]]\nname = 'gaussian_shift'\n{}[[estimators]]\nname = {}\n"
SUITES = {
    "emd.toml": SUITE.format("", "'emd'"),
    "dims.toml": SUITE.format("dims = 2\n", "'exact'"),
    "step.toml": "step = 5\n" + SUITE.format("", "'exact'"),
    "half.toml": "title = 't'\n[[tasks]]\nname = 'gaussian_shift'\n",
    "open.toml": "title = 't\n",
    "unquoted.toml": SUITE.format("", "exact"),
}
AT_THE_TERMINAL = [
    ("estimate x.csv", "got neither", "name the other file, or add --by COLUMN"),
    ("estimate x.csv other.csv", "got 'b' only in x and 'c' only in y", "--columns"),
    ("estimate t.csv x.csv", "got 'u' in row 2, column 3", "--columns a,b"),
    ("estimate x.csv nope.csv", "got 'nope.csv', which is not there", "check the path"),
    ("estimate x.csv x.csv --method emd", "got 'emd'", "it is called 'exact' here"),
    ("estimate x.csv x.csv --option steps", "got 'steps'", "write steps=500, say"),
    ("estimate x.csv x.csv --option seed=1", "got 'seed=1'", "which the command takes itself"),
    ("estimate x.csv x.csv --cost-option p=2", "got 'p=2'", "which the command takes itself"),
    ("estimate x.csv x.csv --as mass --columns a", "got it", "--columns: expected none with --as"),
    ("estimate x.csv --as mass --by a", "got it", "--by: expected none with --as mass"),
    ("estimate x.csv x.csv --as mass --standardize", "got it", "leave it out"),
    ("estimate x.csv x.csv --columns a,z", "got 'z'", "one of a, b"),
    ("estimate x.csv x.csv --norm manhattan", "got 'manhattan'", "it is called 'l1' here"),
    ("estimate t.csv --by a", "got 20: ", "choose two with --groups"),
    ("estimate t.csv --by kind --weights a --option a=[1]", "got 'a=[1]'", "takes itself"),
    ("estimate t.csv --by kind --weights b", "got a minimum of -", "choose another column"),
    ("estimate two.npz two.npz", "got the keys u, v", "name one, as in FILE.npz:u"),
    ("estimate a.png a.png", "got the picture 'a.png'", "say --as mass"),
    ("estimate notes.doc x.csv", "got 'notes.doc'", "convert it"),
    ("population x.csv x.csv --level 95", "got 95", "write 0.95 for 95 %"),
    ("run quik", "got 'quik'", "did you mean 'quick'"),
    ("run emd.toml", "got 'emd'", "it is called 'exact' here"),
    ("run dims.toml", "got 'dims'", "did you mean 'dim'?"),
    ("run step.toml", "got 'step'", "did you mean 'steps'?"),
    ("run half.toml", "got 1 tasks, 0 estimators", "add what is missing"),
    ("run open.toml", "got a syntax error", "fix it"),
    ("run unquoted.toml", "got a syntax error", "fix it"),
    ("run quick --profile gp", "got 'gp'", "did you mean 'gpu'?"),
    ("report nowhere", "got none", "run a suite first: wdist-bench run SUITE --out FOLDER"),
    ("data fetch minst", "got 'minst'", "did you mean 'mnist'?"),
    ("data fetch celeba", "got neither", "get img_align_celeba.zip from"),
    ("--plugin nope.py list", "got 'nope.py'", "check"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WDIST_BENCH_DATA", raising=False)
    monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "cache"))
    TABLE.drop(columns="w").to_csv("t.csv", index=False)
    TABLE[["a", "b"]].to_csv("x.csv", index=False)
    TABLE[["a", "b"]].rename(columns={"b": "c"}).to_csv("other.csv", index=False)
    np.savez("two.npz", u=X, v=Y)
    for name in ("a.png", "notes.doc"):
        (tmp_path / name).write_bytes(b"")
    for name, text in SUITES.items():
        (tmp_path / name).write_text(text)


@pytest.mark.parametrize(("words", "came", "now"), AT_THE_TERMINAL)
def test_a_mistake_at_the_terminal_is_told_in_one_line(folder, command, words, came, now):
    code, _, said = command(*words.split())
    assert code == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert came in said
    assert now in said
    assert "expected" in said


def test_data_that_are_not_here_cost_one_line(folder):
    datasets.load.cache_clear()  # where another test had them
    with pytest.raises(FileNotFoundError) as caught:
        wb.tasks.get("image_batches", dataset="mnist").sampler()
    said = str(caught.value)
    assert said.endswith("or run: wdist-bench data fetch mnist --split test")
    assert "\n" not in said
