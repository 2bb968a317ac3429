"""Numbers and lists as text: one way for every table, figure and sentence."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

ZERO = 5e-7
"""Distances and errors nearer to 0 are shown as 0, in units of their `scale_of`: float32 holds no
more of them."""


def missing(value: Any) -> bool:
    """Whether a number is not there: None or NaN."""
    return value is None or value != value


def scale_of(row: Any) -> float:
    """The largest distance of a row of the error table, 1 at most: a number is small beside it."""
    names = ("truth_population", "truth_batch", "estimate")
    sizes = [abs(float(row[name])) for name in names if not missing(row[name])]
    return min(max(sizes, default=1.0), 1.0) or 1.0


def number(value: float | None, digits: int = 4, scale: float = 1.0) -> str:
    """A distance or an error: so many digits, "0" near 0, nothing where it is missing."""
    if value is None or missing(value):
        return ""
    return "0" if abs(value) < ZERO * scale else f"{value:.{digits}g}"


def signed(value: float | None, digits: int = 4, scale: float = 1.0) -> str:
    """The same with its sign, a plus too."""
    text = number(value, digits, scale)
    return text if text in ("", "0") or text.startswith("-") else f"+{text}"


def ends(low: float, high: float, scale: float = 1.0) -> str:
    """An interval in brackets."""
    return f"[{number(low, scale=scale)}, {number(high, scale=scale)}]"


_FEW = 1e-3  # three decimals show nothing of distances below


def error_on_batches(row: Any) -> str:
    """Mean and sd of the errors of a row of the error table, three decimals where they suffice."""
    form = ".3f" if scale_of(row) > _FEW else ".3g"
    return plus_minus(row["abs_error_batch"], row["abs_error_batch_sd"], form)


def plus_minus(value: float, sd: float, form: str = ".3f", sd_form: str = "") -> str:
    """A mean and its standard deviation, which may be missing."""
    if missing(value):
        return ""
    behind = "" if missing(sd) else f" +- {sd:{sd_form or form}}"
    return f"{value:{form}}{behind}"


def shown(value: Any) -> str:
    """What a table of any values shows: four digits, words as they are, nothing for missing."""
    if value is None or missing(value):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def p_value(value: float) -> str:
    """A p-value with two digits, down to 1e-4."""
    return "p < 1e-4" if value < 1e-4 else f"p = {value:.2g}"


def percent(share: float, sign: bool = False) -> str:
    """A share in words: two digits, never "0 %" of something."""
    value = 100 * share
    digits = 0 if abs(value) >= 10 else 1 if abs(value) >= 1 else 2
    return f"{value:{'+' if sign else ''}.{digits}f}\u00a0%"


def seconds(value: float) -> str:
    """A time with its unit."""
    if math.isnan(value):
        return "time not known"
    size, unit = (value, "s") if value >= 1 else (1000 * value, "ms")
    return f"{float(f'{size:.2g}'):g}\u00a0{unit}"


def count(many: int, noun: str) -> str:
    """So many of a noun."""
    return f"{many} {noun}{'' if many == 1 else 's'}"


def listed(said: list[str], most: int = 6) -> str:
    """The first few, and how many more there are."""
    more = len(said) - most
    return ", ".join(said[:most]) + (f" and {more} more" if more > 0 else "")


def tally(names: list[str]) -> str:
    """Names as a list, each once with how often it is there."""
    counts = Counter(names)  # in the order in which they come
    return listed([f"{name} ({many})" if many > 1 else name for name, many in counts.items()])
