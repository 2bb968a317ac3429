"""Files of somebody's folder: what is written lands there whole, what is read lies there itself."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path

import pytest

import wdist_bench
from wdist_bench.folders import ignored, is_plain, plain_files, read_plain, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "out").symlink_to("kept")
    (tmp_path / "dangling").symlink_to("new")
    assert write(tmp_path / "out", "written") == tmp_path / "out"
    write(tmp_path / "dangling", b"written")
    assert (tmp_path / "kept").read_text() == "kept"
    assert not (tmp_path / "new").exists()
    for name in ("out", "dangling"):
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_text() == "written"


def test_a_pipe_is_replaced_without_waiting_and_another_name_of_a_file_keeps_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "kept").write_text("kept")
    os.link(tmp_path / "kept", tmp_path / "same")
    for name in ("pipe", "same"):
        write(tmp_path / name, "written")
    assert (tmp_path / "kept").read_text() == "kept"
    assert (tmp_path / "pipe").read_text() == "written"


def test_a_new_file_has_the_modes_of_any_other(tmp_path):
    (tmp_path / "plain").write_text("")
    assert write(tmp_path / "ours", "").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_cannot_be_written_leaves_everything_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"folder: expected to write this file, got Is a directory"):
        write(tmp_path / "folder", "x")
    (tmp_path / "file").write_text("before")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"file: expected to write .* No space left .*; move away"):
        write(tmp_path / "file", "after")
    assert (tmp_path / "file").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_text_that_utf8_has_no_bytes_for_is_written_as_its_escape(tmp_path):
    assert write(tmp_path / "x", "a\ud800\udcff\u00e9").read_bytes() == b"a\\ud800\\udcff\xc3\xa9"


def test_only_plain_files_are_read_and_the_others_are_named(tmp_path):
    (tmp_path / "a.md").write_text("text")
    (tmp_path / "link.md").symlink_to("a.md")
    (tmp_path / "loop.md").symlink_to("loop.md")
    (tmp_path / "zeros.md").symlink_to("/dev/zero")
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "b.txt").write_text("text")
    assert plain_files(tmp_path, "*.md") == [tmp_path / "a.md"]
    others = ["folder.md", "link.md", "loop.md", "pipe.md", "zeros.md"]
    assert ignored(tmp_path, ["*.md"]) == others
    for name in others:
        assert read_plain(tmp_path / name, 100) is None
        assert not is_plain(tmp_path / name)
    assert read_plain(tmp_path / "a.md", 4) == b"text"
    assert read_plain(tmp_path / "a.md", 3) is None
    assert read_plain(tmp_path / "none", 3) is None
    assert plain_files(tmp_path / "none", "*") == []


def test_what_becomes_a_link_after_the_check_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("secret")
    monkeypatch.setattr("wdist_bench.folders.is_plain", lambda path: True)
    assert read_plain(tmp_path / "link", 100) is None


def test_every_writer_of_a_results_folder_writes_through_one_function():
    package = Path(wdist_bench.__file__).parent
    plain = r"\.write_(?:text|bytes)\(|savefig\(path|copyfile"
    writes = re.compile(plain + r"|to_(?:csv|parquet)\((?!None|index)")
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] not in ("report", "results", "runs", "studies"):
            continue
        found = writes.findall(path.read_text(encoding="utf-8"))
        assert not found or path.name == "memory.py", path  # memory.py tells the kernel something
