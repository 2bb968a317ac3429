"""Suites of ours are found by name, files by their path."""

from __future__ import annotations

from pathlib import Path

import pytest

from wdist_bench.runs.shipped import find_suite, shipped


def test_every_suite_of_ours_has_a_name():
    assert {"quick", "mallasto", "w1_pairs", "gan"} <= set(shipped())
    assert find_suite(Path("quick")) == shipped()["quick"]


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick").write_text("title = 'mine'")
    assert find_suite(Path("quick")) == Path("quick")


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(FileNotFoundError, match="did you mean 'mallasto'"):
        find_suite(Path("malasto"))
