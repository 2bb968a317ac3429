"""The checks of code blocks would notice what they are there for."""

from __future__ import annotations

import pytest
from markdown_pages import Block
from page_session import PageSession
from shell_commands import check, commands
from shown_output import difference, tolerance


@pytest.mark.parametrize(
    ("shown", "real", "share", "same"),
    [
        ("a 1.00", "a 1.00", 0, True),
        ("a 1.00", "a 1.01", 0, False),
        ("a 1.00", "a 1.04", 0.05, True),
        ("a 1.00", "a 1.06", 0.05, False),
        ("a 1.00", "b 1.00", 0.05, False),
        ("a 0.01", "a 0.02", 0.05, True),  # one unit of the last digit shown
        ("a 10.0", "a  9.9", 0.05, True),  # another width
        ("a\n...\nc", "a\nb\nb\nc", 0, True),
        ("a\n...\nc", "a\nb\nb", 0, False),
        ("a\n...", "a\nb", 0, True),
        ("ok, ...", "ok, 3 s", 0, True),
        ("ok, ...", "bad, 3 s", 0, False),
        ("a", "a\nb", 0, False),
        ("a\nb", "a", 0, False),
        ("5 of 200", "5 of 201", 0.05, False),  # counts are exact
    ],
)
def test_output_is_compared(shown, real, share, same):
    assert (difference(shown, real, share) == "") is same


def test_the_tolerance_is_the_one_that_the_page_states():
    assert tolerance("Output, numbers within 2.5 %") == 0.025
    assert tolerance("Output") == 0


def check_all(text):
    for words in commands(text):
        check(words)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("wdist-bench runn suite.toml", "No such command 'runn'"),
        ("wdist-bench run suite.toml --jobz 2", "No such option: --jobz"),
        ("wdist-bench run benchmarks/none.toml", "no such file: benchmarks/none.toml"),
        ("wdist-bench list tasks|estimators|nothing", "'nothing' is not one of"),
        ("wdist-bench data fetch", "Missing (argument|parameter)"),
        ("make everything", "the Makefile has no 'everything'"),
        ("make bench SUITE=none", "no suite 'none'"),
        ("make bench SWEET=quick", "the Makefile has no 'SWEET'"),
        ("pip install 'wdist-bench[nothing]'", "no extra 'nothing'"),
        ("export WDIST_BENCH_NOTHING=1", "does not read WDIST_BENCH_NOTHING"),
        ("dask worker tcp://HOST:8786 --nothing", "No such option '--nothing'"),
        ("rm -rf results", "no test knows the program 'rm'"),
        ("make test && make everything", "the Makefile has no 'everything'"),
    ],
)
def test_a_command_that_does_not_exist_is_refused(line, complaint):
    with pytest.raises(Exception, match=complaint):  # click's own errors are no AssertionErrors
        check_all(line)


def test_commands_that_exist_pass():
    text = """
wdist-bench --plugin a.py run benchmarks/quick.toml --out x \\
    --jobs 2     # a comment
wdist-bench list tasks|estimators
wdist-bench data fetch mnist --split test; make bench SUITE=quick PROFILE=cpu && make test
WDIST_BENCH_DATA=/data wdist-bench run --help
"""
    assert len(list(commands(text))) == 7
    check_all(text)


def _block(language, content, title=""):
    return Block("page.md", 1, language, title, content)


def run_page(blocks, folder):
    session = PageSession("page.md", folder)
    for block in blocks:
        session.run(_block(*block))
    session.finish()


@pytest.mark.parametrize(
    ("blocks", "complaint"),
    [
        ([("", "x")], "name its language"),
        ([("python", "print(1)"), ("text", "2")], "shows '2', the code printed '1'"),
        ([("python", "print(1)"), ("python", "print(2)")], "the output before it is not shown"),
        ([("python", "print(1)")], "does not show what its code printed"),
        ([("text", "2")], "no code before it"),
        ([("console", "$ wdist-bench list nothing\n")], "is not one of"),
        ([("console", "$ wdist-bench report nothing\n")], "exit code 2"),
        ([("console", "$ echo a\nb\n")], "shows 'b'"),
        ([("sh", "$ make test")], "prompts belong"),
        ([("toml", "title = 'x'")], "expected tasks and estimators"),
        ([("python", "1 +")], "invalid syntax"),
    ],
)
def test_a_page_that_is_wrong_fails(blocks, complaint, tmp_path):
    with pytest.raises((AssertionError, ValueError, SyntaxError), match=complaint):
        run_page(blocks, tmp_path)


def test_blocks_share_names_and_files(tmp_path):
    blocks = [
        ("python", "a = 1"),
        ("python", "print(a + 1)", "b.py"),
        ("text", "2"),
        ("console", "$ sed -n 1p b.py | sed s,1,2,\nprint(a + 2)\n"),
        ("python", "raise SystemExit", "Not run by the tests: it ends the program"),
    ]
    run_page(blocks, tmp_path)
