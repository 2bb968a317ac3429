"""What an estimator is, in words: its docstring, its source and its claim."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

from wdist_bench import estimators
from wdist_bench.references.cite import cite, source

_CLAIMS = {
    "exact": "equal to {target}, up to the rounding that the answer states",
    "lower": "never above {target}",
    "upper": "never below {target}",
    "none": "no bound of {target}: it may lie on either side",
}
_TARGETS = {
    "batch": "the distance of the batch in hand",
    "population": "the distance of the two populations",
}
_IN_EXPECTATION = " in expectation over fresh samples"


@dataclass(frozen=True)
class Description:
    """An estimator for a reader of its row.

    Attributes:
        name: as registered.
        what: the first paragraph of its docstring, mostly a formula.
        more: the paragraphs behind it.
        claim: what its number is of its target, in words.
        source: the papers, and where it departs from them; empty where it says none.
        bibtex: what to cite.
    """

    name: str
    what: str
    more: tuple[str, ...]
    claim: str
    source: str
    bibtex: str


def described(name: str) -> Description | None:
    """The description of a registered estimator; None where its plug-in is not here."""
    if name not in estimators.names():
        return None
    factory = estimators.factory(name)
    text = inspect.getdoc(factory) or ""
    body = re.split(r"^(?:Attributes|Args|Source):", text, maxsplit=1, flags=re.MULTILINE)[0]
    first, *more = [part.strip("\n") for part in re.split(r"\n\s*\n", body.strip()) if part.strip()]
    return Description(
        name, first, tuple(more), claim(factory), source(text), cite(name).bibtex
    )  # fmt: skip


def claim(factory: Any) -> str:
    """What the number of an estimator is of its target, in words."""
    said = _CLAIMS[factory.bound].format(target=_TARGETS[factory.target])
    random = factory.target == "population" and factory.bound in ("lower", "upper")
    return said + (_IN_EXPECTATION if random else "")
