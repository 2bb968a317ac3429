"""The cache is a convenience: without one, everything goes on after one warning."""

from __future__ import annotations

import errno
import os
import tempfile

import pytest

from wdist_bench.datasets import places


def in_the_way(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "file"))
    return tmp_path / "file"


def below_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    return tmp_path / "file"


def nobodys_home(tmp_path, monkeypatch):
    monkeypatch.setenv("WDIST_BENCH_CACHE", "~nobody-of-that-name/cache")
    return "no home folder"


def no_home(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch")
    monkeypatch.delenv("WDIST_BENCH_CACHE", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: f"~/.cache/{name}")  # as it is without one
    return "no home folder"


def failing(code):
    def spoil(tmp_path, monkeypatch):
        def refuse(**_):
            raise OSError(code, os.strerror(code))

        monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
        return os.strerror(code)

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [in_the_way, below_a_file, nobodys_home, no_home,
     *(failing(code) for code in (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES))],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_said_once_on_one_line(
    spoil, tmp_path, monkeypatch, caplog
):
    expected = spoil(tmp_path, monkeypatch)
    for _ in range(3):
        assert places.usable_cache("jax", "0123") is None
    assert len(caplog.records) == 1
    line = caplog.records[0].getMessage()
    assert str(expected) in line
    assert "WDIST_BENCH_CACHE" in line
    assert "going on without" in line
    assert "\n" not in line


def test_a_process_says_nothing_that_the_one_that_started_it_has_said(
    tmp_path, monkeypatch, caplog
):
    in_the_way(tmp_path, monkeypatch)
    places.usable_cache()
    heard = places.said()
    places._said.clear()
    places.heard(heard)
    assert places.usable_cache() is None
    assert len(caplog.records) == 1


def test_a_folder_is_made_and_left_as_it_was(cache):
    assert places.usable_cache("jax", "0123") == cache / "jax" / "0123"
    assert list((cache / "jax" / "0123").iterdir()) == []
