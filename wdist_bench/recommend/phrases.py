"""Numbers and names as a recommendation words them."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]
"""What `Recommendation.plain()` gives: NaN and inf are None."""

_MOST = 998  # relative sizes of error from here on are "a factor of 1000 or more"


def standing(choice: Plain, name: str) -> Plain:
    """The row of one estimator in a choice."""
    found: Plain = next(row for row in choice["standings"] if row["estimator"] == name)
    return found


def size(answer: Plain) -> str:
    """Rows and dimension of the tasks' samples, in words."""
    n, m = answer["n"], answer["m"]
    rows = f"{n} rows a side" if n == m else f"{n} and {m} rows"
    return f"{rows}, dim {answer['dim']}"


def first_call(row: Plain) -> float:
    """Seconds of a first call, compiling included."""
    return float(row["seconds"] + row["compile_seconds"])


def cost(row: Plain) -> str:
    """What a call costs in seconds, and compiling where it shows, in words."""
    said = f"{seconds(row['seconds'])} a call"
    if row["compile_seconds"] >= 0.05:
        said += f" and {seconds(row['compile_seconds'])} to compile the first"
    return said


def spent(answer: Plain) -> str:
    """The line that says the seed and the seconds of the budget."""
    seconds, budget = answer["seconds"], answer["budget"]
    return f"- Seed {answer['seed']}; {seconds:.3g} s of {budget:g} s."


def sentence(said: str) -> str:
    """A phrase as a sentence."""
    return f"{said[:1].upper()}{said[1:]}."


def seconds(seconds: float) -> str:
    """Seconds with two digits and their unit."""
    return f"{seconds:.2g} s" if seconds >= 0.001 else "under 1 ms"


def short(seconds: float) -> str:
    """Seconds with two digits, for a column whose heading has the unit."""
    return f"{seconds:.2g}" if seconds >= 0.001 else "< 0.001"


def names(names: list[str]) -> str:
    """Names as a list in words."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def number(value: float | None) -> str:
    """A distance with four digits; None is unknown."""
    return "unknown" if value is None else f"{value:.4g}"


def between(low: float, high: float | None) -> str:
    """Ends of an interval in words; None for no upper end."""
    if high is None:
        return f"above {number(low)}"
    return f"between {number(low)} and {number(high)}"


def interval(ends: list[float]) -> str:
    """An interval in brackets."""
    return f"[{number(ends[0])}, {number(ends[1])}]"


def percent(share: float | None) -> str:
    """A relative size of error: in percent below 1, as a factor from there on."""
    if share is None:
        return ""
    if share >= _MOST:
        return "factor 1000 or more"
    if share >= 1:
        return f"factor {digits(1 + share)}"
    return "0" if share == 0 else f"{digits(100 * share)} %"


def signed(share: float | None, interval: list[float | None]) -> str:
    """A signed relative error in percent with its interval."""
    if share is None:
        return ""
    if share == 0 and interval[0] in (0, None):
        return "0"
    sign = "+" if share > 0 else ""
    said = f"{sign}{digits(100 * share)} %"
    if interval[0] is None or interval[1] is None:
        return said
    return f"{said} [{digits(100 * interval[0])}, {digits(100 * interval[1])}]"


def digits(value: float) -> str:
    """Two digits, whole numbers from 10 on."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
