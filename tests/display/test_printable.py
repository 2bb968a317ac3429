"""Text from elsewhere: what it commands is shown, what it says stays."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wdist_bench.display.printable import one_line, printable, whole_characters


@given(st.text())
def test_no_character_commands_a_terminal_or_reorders_text(text):
    hidden = {unicodedata.category(c) for c in printable(text)} & {"Cc", "Cs", "Zl", "Zp"}
    assert not hidden
    assert unicodedata.bidirectional("\u202e") == "RLO"
    marks = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not {unicodedata.bidirectional(c) for c in printable(text)} & marks
    assert len(one_line(text).splitlines()) <= 1
    printable(text).encode()


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "\u00e9\u4e2d\u05d0\u0627",
        "5\u00a0%",
        "\u0645\u06cc\u200c\u062e",
        "\U0001f469\u200d\U0001f52c",
    ],
)  # fmt: skip
def test_words_of_any_script_stay(text):
    assert printable(text) == text


def test_escapes_are_written_as_in_python():
    assert printable("\x1b[2J\x9b\u202e\ud800\r\n") == r"\x1b[2J\x9b\u202e\ud800\r\n"
    assert printable("a\nb\t", keep="\n") == "a\nb\\t"
    assert one_line("a \n\n\t b\u2028c\x85d") == "a b c d"


@given(
    st.recursive(
        st.text() | st.integers(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)
    )
)
def test_lone_surrogates_of_json_are_replaced_and_nothing_else(value):
    for ascii_only in (True, False):
        line = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        found = whole_characters(line)
        assert len(found) == len(line)
        text = json.dumps(json.loads(found), ensure_ascii=False)
        text.encode()  # no surrogate is left
        clean = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
        assert text == clean.decode("utf-16", "replace")


def test_backslashes_that_escape_nothing_are_left():
    for text in (r"\ud800", r"\\ud800", "\\\ud800", "\ud83d\ude00", "\ud800\ud83d\ude00"):
        expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert json.loads(whole_characters(json.dumps(text).encode())) == expected
