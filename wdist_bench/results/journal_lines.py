"""From a line of a journal to its record, in bounded memory.

Most of a line are arrays of numbers, 32 bytes a number once they are Python lists. They stay where
they are, and are parsed when somebody asks for them; what counts cells needs none at all. Those
among parameters say what a cell is: they are compared and shown, and come as lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from sys import intern
from typing import Any, Protocol, overload

import numpy as np

MAX_LINE = 2**26
"""Bytes of a line; the plan of a million cells takes fewer. A longer line is no record."""

_MAX_PARTS = 2**22
"""Strings, lists and objects that a line may hold beside its arrays, some 100 bytes each."""

_LONG = 400  # bytes of an array that is worth another visit to the file
_GIVEN = ("parameters", "task_parameters", "task_options", "estimator_parameters",
          "estimator_options")  # fmt: skip
_ARRAY = re.compile(rb'": ?\[')
_NUMBERS = b"0123456789+-.eE,[] nul"  # null stands for NaN
_PLACE = "stored at"

Record = dict[str, Any]
Keep = Callable[[int, bytes], int]
"""(place in the line, array as text) -> place in the source."""


class Source(Hashable, Protocol):
    """Where arrays are."""

    def read(self, start: int, length: int) -> bytes:
        """Bytes of an array."""

    def __str__(self) -> str:
        """Its name, for messages."""

    def __hash__(self) -> int:
        """One for each source."""


class Stored(Sequence[Any]):
    """An array of a record that is still in its file: a list, parsed when it is used."""

    __slots__ = ("_length", "_source", "_start")

    def __init__(self, source: Source, start: int, length: int) -> None:
        self._source, self._start, self._length = source, start, length

    def text(self) -> bytes:
        """The array as it is written."""
        return self._source.read(self._start, self._length)

    def load(self) -> list[Any]:
        """The list.

        Raises:
            ValueError: the file does not hold an array there.
        """
        try:
            return list(json.loads(self.text()))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{self._source}: expected an array of numbers at byte {self._start}, got "
                f"something else ({error}); remove the file, and run its cells again"
            ) from error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if dtype == np.float64:
            return np.array(_floats(self._source, self._start, self._length))
        return np.array(self.load(), dtype)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.load()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.load())

    def __len__(self) -> int:
        return len(self.load())

    def __bool__(self) -> bool:
        return True  # it is long

    def __eq__(self, other: object) -> bool:
        return self.load() == (other.load() if isinstance(other, Stored) else other)

    def __reduce__(self) -> Any:
        return list, (self.load(),)  # another machine may not see the file


@lru_cache(maxsize=16)
def _floats(source: Source, start: int, length: int) -> np.ndarray:
    """The array as numbers; the truths of a setting are asked for by each of its cells."""
    return np.array(Stored(source, start, length).load(), np.float64)


class Parser:
    """Reads the lines of one source.

    Args:
        source: where arrays can be found again.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._words: dict[str, str] = {}  # equal strings once, in all records
        self._arrays: dict[bytes, list[Any]] = {}  # and equal arrays of parameters
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)

    def record(self, line: bytes, keep: Keep) -> Record:
        """The record of a line, its long arrays `Stored` but for those of parameters.

        Raises:
            ValueError: it is no JSON object, or too large for one.
            RecursionError: it is too deep.
        """
        head = without_arrays(line, keep)
        record = _checked(self._decoder.decode(_text(head)))
        return record | {name: self._plain(record[name]) for name in _GIVEN if name in record}

    def _plain(self, value: Any) -> Any:
        """Parameters as they were given."""
        if isinstance(value, dict):
            return {name: self._plain(part) for name, part in value.items()}
        if isinstance(value, Stored):
            text = value.text()
            if text not in self._arrays:
                _text(text)
                self._arrays[text] = value.load()
            return self._arrays[text]
        return [self._plain(part) for part in value] if isinstance(value, list) else value

    def _object(self, pairs: list[tuple[str, Any]]) -> Any:
        if len(pairs) == 1 and pairs[0][0] == _PLACE:
            return Stored(self._source, *pairs[0][1])
        words = self._words
        return {
            intern(name): words.setdefault(value, value) if type(value) is str else value
            for name, value in pairs
        }


def without_arrays(line: bytes, keep: Keep) -> bytes:
    """The line with a place instead of each long array of numbers."""
    if len(line) < _LONG:
        return line
    if _PLACE.encode() in line:
        raise ValueError("a place in another file")
    parts, done, found = [], 0, _ARRAY.search(line)
    while found:
        start = found.end() - 1
        end = line.find(b'"', start)  # of the next name: numbers have no quotes
        array = line[start : end if end > 0 else None].rstrip(b", }\r\n")
        if len(array) >= _LONG and _numbers(array):
            place = f'{{"{_PLACE}": [{keep(start, array)}, {len(array)}]}}'
            parts += [line[done:start], place.encode()]
            done = start + len(array)
        found = _ARRAY.search(line, end) if end > 0 else None
    return b"".join([*parts, line[done:]]) if parts else line


def _numbers(array: bytes) -> bool:
    """Whether it can be a whole array of numbers; what is torn or overwritten is none."""
    if array.translate(None, _NUMBERS) or b"[[[[" in array:
        return False
    return array.count(b"[") == array.count(b"]")


def _text(head: bytes) -> str:
    """What is to be parsed.

    Raises:
        ValueError: it is too large.
    """
    parts = sum(map(head.count, (b",", b"[", b"{"))) if len(head) > _MAX_PARTS else 0
    if parts > _MAX_PARTS:
        raise ValueError(f"{parts} parts")
    return head.decode()


def _checked(record: Any) -> Record:
    if not isinstance(record, dict):
        raise ValueError("no object")
    return record


_OF_CELLS = ("schema", "type", "key", "status", "attempt", "written", "seconds")
_NAMES = {name.encode(): name for name in _OF_CELLS}
_OPTIONAL = {name: f'"{name}": '.encode() for name in ("attempt", "written", "seconds")}
_CELL = b'"type": "cell"'
_STATE = re.compile(
    rf'"({"|".join(_OF_CELLS)})": (?:"([^"\\\x00]*)"|([-+.\deE]+))(?=[,}}])'.encode()
)


def state(line: bytes, keep: Keep | None = None) -> Record:
    """`type`, `key`, `status`, `written` and `seconds` of a cell, as far as it has them.

    Five times as fast as parsing the line. Other records are whole but for their long arrays,
    which are not kept.

    Raises:
        ValueError: it is no JSON object, or too large for one.
        RecursionError: it is too deep.
    """
    head = line if len(line) < _BIG else without_arrays(line, _nowhere)
    if _CELL in head and (found := _cell_state(head)):
        return found
    record = _checked(_loads(_text(head)))
    if record["type"] == "truth":
        return record | {"costs": []}
    if record["type"] != "cell":
        return record
    return {name: record[name] for name in _OF_CELLS if name in record}


def _cell_state(head: bytes) -> Record | None:
    """The state of a cell by its names alone; None where one is there twice, or the line torn."""
    found = _STATE.findall(head)
    state = {
        _NAMES[name]: _number(number) if number else intern(text.decode())
        for name, text, number in found
    }
    needed = "schema" in state and "key" in state and "status" in state
    if not (needed and _is_plain(head)) or len(state) < len(found) or state.get("type") != "cell":
        return None
    own = all(_outside(head, text) for name, text in _OPTIONAL.items() if name in state)
    return state if own else None


def _is_plain(head: bytes) -> bool:
    """Whether a line is whole, every brace in it opens or closes an object, and no list is open."""
    objects = 1 + head.count(b'": {')
    return (
        head.startswith(b"{")
        and head.endswith(b"}\n")
        and b"\\" not in head
        and b"\x00" not in head
        and head.count(b"{") == head.count(b"}") == objects
        and head.count(b"[") == head.count(b"]")
    )


_loads = json.JSONDecoder().decode


def _nowhere(start: int, array: bytes) -> int:
    return start


_BIG = 2**13  # bytes of a line that is worth looking for arrays


def _outside(head: bytes, name: bytes) -> bool:
    """Whether a name is of the record itself, not of an object in it."""
    at = head.find(name)
    return head.count(b"{", 0, at) - head.count(b"}", 0, at) == 1


def _number(text: bytes) -> float | int:
    return int(text) if text.isdigit() else float(text)
