"""What rules are made of: a finding each, and the first rule, which all plug-ins keep."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

FLOAT_ERROR = 1e-5  # relative; critics, pairs and potentials are float32
COSTS = tuple((p, norm) for p in (1, 2) for norm in ("l2", "l1"))


@dataclass(frozen=True)
class Finding:
    """One rule and whether it holds.

    Attributes:
        rule: what must hold.
        problem: what went wrong, empty where it holds.
        note: how far the check reaches, where that is not all of the rule; lines of text.
    """

    rule: str
    problem: str
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return not self.problem


class Broken(Exception):  # noqa: N818  (a verdict, not an error of the program)
    """A rule does not hold; the text says what was expected and what came."""


def require(condition: bool, problem: str) -> None:
    """Raise Broken with the sentence `problem` unless the condition holds."""
    if not condition:
        raise Broken(problem)


def is_plain_data(subject: Any) -> None:
    """Raise Broken unless an estimator or task survives pickling with its value and its hash."""
    require(pickle.loads(pickle.dumps(subject)) == subject, "not equal to itself after pickling")
    require(hash(subject) == hash(pickle.loads(pickle.dumps(subject))), "hash is not by value")
