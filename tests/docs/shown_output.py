"""Whether the output that a page shows is the output that its code has."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_STATED = re.compile(r"within (\d+(?:\.\d+)?) %")
ANY = "..."
"""A line of its own stands for any lines, inside a line for any text."""


def tolerance(title: str) -> float:
    """The share that a block's title allows numbers to differ by: 'numbers within 5 %'."""
    stated = _STATED.search(title)
    return float(stated.group(1)) / 100 if stated else 0.0


def difference(shown: str, real: str, share: float) -> str:
    """What differs, in words; empty where nothing does."""
    expected, got = shown.rstrip().splitlines(), real.rstrip().splitlines()
    while expected:
        line = expected.pop(0)
        if line.strip() == ANY:
            if not expected:
                return ""
            while got and not _same(expected[0], got[0], share):
                got.pop(0)
            continue
        if not got:
            return f"the page shows {line!r}, the code printed nothing more"
        printed = got.pop(0)
        if not _same(line, printed, share):
            return f"the page shows {line!r}, the code printed {printed!r}"
    return f"the code also printed {got[0]!r}" if got else ""


def _same(shown: str, real: str, share: float) -> bool:
    if not share and ANY not in shown:
        return shown.rstrip() == real.rstrip()
    parts = [re.escape(_blank(part)) for part in shown.rstrip().split(ANY)]
    if not re.fullmatch(".*".join(parts), _blank(real.rstrip())):
        return False
    if ANY in shown:
        return True
    pairs = zip(_NUMBER.findall(shown), _NUMBER.findall(real), strict=True)
    return all(_close(a, b, share) for a, b in pairs)


def _blank(text: str) -> str:
    """The text with every number replaced, and runs of spaces by one: numbers change widths."""
    return re.sub(r"\s+", " ", _NUMBER.sub("#", text))


def _close(shown: str, real: str, share: float) -> bool:
    """Within the share, or one unit of the last digit shown; whole numbers are equal."""
    if not {".", "e"} & {*shown, *real}:
        return int(shown) == int(real)
    unit = 10.0 ** -len(shown.partition(".")[2])
    return abs(float(shown) - float(real)) <= max(share * abs(float(shown)), 1.01 * unit)
