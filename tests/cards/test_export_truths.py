"""`wdist-bench export truths`, and who reads what it writes without JAX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wdist_bench import cards, tasks
from wdist_bench.cards import make
from wdist_bench.cards.entries import ENTRIES

ROOT = Path(__file__).parents[2]
LOADER = ROOT / "examples" / "read_truths.py"
ALONE = Path(__file__).parent / "numpy_alone.py"
SMALL = ("histogram-textbook-v1", "own_data-moved-v1", "weighted_points-plane-v1",
         "parallel_segments-example1-v1")  # fmt: skip
WITHOUT_JAX = """
import runpy, sys
for name in ("jax", "wdist_bench", "scipy", "ot", "pandas"):
    sys.modules[name] = None  # importing it fails
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def few(monkeypatch):
    """Four of the cards."""
    monkeypatch.setattr(make, "ENTRIES", [entry for entry in ENTRIES if entry.name in SMALL])


@pytest.fixture
def folder(tmp_path, few, command):
    """What the command writes for these."""
    assert command("export", "truths", "--out", tmp_path)[0] == 0
    return tmp_path


def test_it_writes_the_committed_cards_and_their_samples(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        name + ending for name in SMALL for ending in (".json", ".npz")
    )
    for name in SMALL:
        assert (folder / f"{name}.json").read_text("utf-8") == cards.read(name).text
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            facts = cards.read(name).samples["arrays"]
            assert {key: list(file[key].shape) for key in file.files} == {
                key: fact["shape"] for key, fact in facts.items()
            }


@pytest.mark.slow
def test_without_samples_and_anew(tmp_path, few, command):
    words = ("export", "truths", "--no-samples", "--compute", "--out", tmp_path)
    assert command(*words)[0] == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".json"}
    for name in SMALL:
        content = json.loads((tmp_path / f"{name}.json").read_text("utf-8"))
        assert content["definition"] == cards.read(name).definition


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("truths", "--format", "csv"), "--format: expected none with truths"),
        (("truths", "--dirty"), "--dirty: expected none with truths"),
        (("results", "--no-samples"), "--no-samples: expected none with a results folder"),
        (("results", "--compute"), "--compute: expected none with a results folder"),
    ],
)
def test_options_of_the_other_kind_are_refused(words, said, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    code, _, errors = command("export", *words)
    assert code == 2
    assert said in errors


def test_other_samples_end_with_an_exit_code(tmp_path, few, monkeypatch, command):
    monkeypatch.setattr(make, "arrays", lambda task: {
        key: 1.01 * values for key, values in true_arrays(task).items()
    })  # fmt: skip
    code, _, errors = command("export", "truths", "--out", tmp_path)
    assert code == 1
    assert "not as the card says: " in errors


true_arrays = make.arrays


def test_the_loader_reads_what_the_package_knows(folder, monkeypatch):
    assert len(LOADER.read_text("utf-8").splitlines()) <= 20
    monkeypatch.syspath_prepend(str(LOADER.parent))
    from read_truths import read, truth

    for name in SMALL:
        card, arrays = read(folder, name)
        task = tasks.get(card["task"], **card["parameters"])
        for key, values in make.arrays(task).items():
            np.testing.assert_array_equal(arrays[key], values)
        for p in (1, 2):
            known = task.truth(p)
            assert truth(card, name="l2", p=p) == (pytest.approx(known.value), known.stderr)
    with pytest.raises(ValueError, match="unpack"):
        truth(card, name="l2", p=17)


def test_three_truths_by_numpy_alone_where_jax_cannot_be_imported(folder):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_JAX, str(ALONE), str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 23
    blocked = subprocess.run(
        [sys.executable, "-c", WITHOUT_JAX, str(ROOT / "wdist_bench" / "truth.py")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "ModuleNotFoundError" in blocked.stderr


def test_the_page_shows_the_loader():
    page = (ROOT / "docs" / "truths.md").read_text("utf-8")
    assert f'```python title="read_truths.py"\n{LOADER.read_text("utf-8")}```' in page
