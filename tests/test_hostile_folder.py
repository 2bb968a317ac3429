"""What an adversary's files can make the commands do: end in one line, or succeed, and no more."""

from __future__ import annotations

import base64
import os
import sys

import hostile_files as hostile
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and peak memory")

GIB = 1024  # MiB
COMMANDS = "\x1b\x9b\x07\x08\r\u202e\u2066"  # of a terminal, and what reorders text


def check_end(ended, codes=(0, 1, 2)):
    """It ended by itself, said nothing that commands a terminal, and stayed below 1 GiB."""
    said = ended.out.decode() + ended.err.decode()
    assert ended.code in codes, said[-2000:]
    assert "Traceback" not in said
    assert hostile.SECRET not in said
    assert not set(COMMANDS) & set(said)
    assert ended.peak < GIB
    if ended.code == 2:
        assert len(ended.err.decode().splitlines()) == 1, said[-2000:]


def check_folder(folder):
    """Nothing that lies elsewhere came in."""
    secret = (folder.parent / "outside" / "secret.png").read_bytes()
    assert any(folder.iterdir())
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 2**30:
            content = path.read_bytes()
            assert hostile.SECRET.encode() not in content, path
            assert base64.b64encode(secret) not in content, path
    assert not list(folder.glob(".*"))


@pytest.fixture
def folder(tmp_path):
    return hostile.hostile_folder(tmp_path)


@pytest.mark.slow
def test_report_writes_and_shows_nothing_that_lies_elsewhere(folder, tmp_path):
    before = hostile.state(tmp_path / "outside")
    ended = hostile.run(["report", str(folder)])
    check_end(ended, codes=[0])
    assert hostile.state(tmp_path / "outside") == before
    check_folder(folder)
    for name in ("errors.csv", "errors.md", "report.html", "comparisons.csv", "estimates.png"):
        assert (folder / name).is_file()
        assert not (folder / name).is_symlink()
    named = ended.err.decode()
    for name in ("environment.json", "notes.md", "pic.png", "pipe.md", "folder.md"):
        assert f"{name}: no plain file" in named
    assert "<script>alert" not in (folder / "report.html").read_text(encoding="utf-8")
    check_end(hostile.run(["status", str(folder)]), codes=[0])


def test_a_folder_in_place_of_a_table_costs_one_line_and_nothing_else(tmp_path):
    root = tmp_path / "a"
    folder = hostile.hostile_folder(root)
    (folder / "errors.md").unlink()
    (folder / "errors.md").mkdir()
    ended = hostile.run(["report", str(folder)])
    check_end(ended, codes=[2])
    assert "errors.md: expected to write this file, got Is a directory" in ended.err.decode()
    check_folder(folder)


READ = """
import sys
from wdist_bench.runs.suite import load_suite
from wdist_bench.datasets.tables import load_rows
from pathlib import Path
for path in sys.argv[1:]:
    try:
        load_suite(Path(path)) if path.endswith(".toml") else load_rows(path, "x")
        print(f"read {path!a}")
    except (ValueError, TypeError, OSError) as error:
        print(ascii(str(error)), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("make", [hostile.hostile_samples, hostile.hostile_suites])
def test_hostile_samples_and_suites_are_refused_in_one_line_within_a_gibibyte(make, tmp_path):
    paths = make(tmp_path / "made")
    ended = hostile.python("-c", READ, *map(str, paths.values()))
    assert ended.code == 0, ended.err.decode()[-2000:]
    lines = ended.out.decode().splitlines()
    assert len(lines) == len(paths)
    for name, line in zip(paths, lines, strict=True):
        assert "expected" in line, (name, line)
        assert "\\n" not in line.replace("\\\\n", ""), (name, line)
    assert ended.peak < GIB
    assert not os.path.exists("owned")


@pytest.mark.slow
def test_every_command_on_a_hostile_folder(folder, tmp_path):
    before = hostile.state(tmp_path / "outside")
    suite = tmp_path / "small.toml"
    suite.write_text(hostile.SUITE)
    commands = [["status"], ["compare", str(folder)], ["compare", "--json", str(folder)]]
    kinds = ("csv", "latex", "parquet", "pdf", "journal")
    commands += [["export", "--format", kind] for kind in kinds]
    commands += [["run", str(suite), "--timeout", "60", "--out"]]
    commands += [["merge", "--out", str(tmp_path / "merged")], ["report"]]
    for command in commands:
        check_end(hostile.run([*command, str(folder)]), codes=[0, 1])
    check_end(hostile.run(["merge", str(folder), "--out", str(folder)]), codes=[0, 1])
    assert hostile.state(tmp_path / "outside") == before
    check_folder(folder)
    check_folder(tmp_path / "merged")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["report", "status", "compare", "export", "merge"])
def test_what_has_the_name_of_a_journal_and_is_none(folder, tmp_path, command):
    hostile.hostile_journals(folder)
    before = hostile.state(tmp_path / "outside")
    more = {"compare": [str(folder)], "merge": ["--out", str(tmp_path / "merged")]}
    ended = hostile.run([command, str(folder), *more.get(command, [])])
    check_end(ended, codes=[0, 1])
    assert hostile.state(tmp_path / "outside") == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["report", "status"])
def test_a_compact_journal_that_unpacks_without_end(tmp_path, command):
    folder = hostile.compact_bomb(tmp_path / "results", mebibytes=2048)
    check_end(hostile.run([command, str(folder)]), codes=[2])


@pytest.mark.slow
def test_estimate_and_run_on_hostile_files(tmp_path):
    for path in hostile.hostile_samples(tmp_path / "samples").values():
        check_end(hostile.run(["estimate", str(path), str(path)]), codes=[2])
    for path in hostile.hostile_suites(tmp_path / "suites").values():
        check_end(hostile.run(["run", str(path), "--out", str(tmp_path / "out")]), codes=[2])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_no_stream_is_too_narrow(encoding, folder, tmp_path):
    np_file = tmp_path / "x\u0142\u202e\u4e2d.csv"
    np_file.write_text("\u4e2d,b\n1.5,2\n3.5,4\n5.5,7\n", encoding="utf-8")
    narrow = {"PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"}
    for command in (
        ["--help"], ["run", "--help"], ["list", "tasks"], ["report", str(folder)],
        ["estimate", str(np_file), str(np_file)], ["status", str(tmp_path / "\u4e2d")],
        ["data", "status"],
    ):  # fmt: skip
        ended = hostile.run(command, **narrow)
        assert ended.code in (0, 2), ended.err
        assert b"Traceback" not in ended.out + ended.err
