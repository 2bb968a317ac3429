"""Lists in a suite's task or estimator: values of a parameter to try in turn, or one value."""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

from wdist_bench.interface import Plugin

_ONE = (int, float, str, bool, type(None))


def takes_one_value(factory: type[Plugin], parameter: str) -> bool:
    """Whether a parameter is declared as a number, a word or a flag, or None beside these.

    Then a list can only mean several values. What is declared as a tuple or as anything, or in a
    way that cannot be read, may be a list itself.
    """
    try:
        declared = get_type_hints(factory).get(parameter, Any)
    except (NameError, TypeError, AttributeError):  # of a plug-in, in words that Python cannot find
        return False
    kinds = get_args(declared) if get_origin(declared) in (Union, types.UnionType) else (declared,)
    return all(kind in _ONE for kind in kinds)


def swept(
    factory: type[Plugin], given: dict[str, Any], sweep: dict[str, list[Any]], kind: str = "task"
) -> dict[str, list]:
    """The parameters that have several values, with these.

    Args:
        factory: of the task or estimator.
        given: its parameters as the suite has them.
        sweep: lists that are meant as values to try, whatever the parameter is declared as.
        kind: what errors call it.

    Raises:
        ValueError: a parameter in both, or an empty list.
    """
    if twice := sorted(set(given) & set(sweep)):
        raise ValueError(
            f"{twice[0]} of {kind} {factory.name!r}: expected it as a parameter or under sweep, "
            "got both; leave one out"
        )
    lists = {k: v for k, v in given.items() if isinstance(v, list) and takes_one_value(factory, k)}
    for name, values in lists.items():
        if not values:
            raise ValueError(
                f"{name} of {kind} {factory.name!r}: expected a value, or a list with at least "
                f"one, got []; add one, or leave {name} out"
            )
    return lists | sweep


def settings(given: dict[str, Any], several: dict[str, list]) -> Iterator[dict[str, Any]]:
    """Every combination of values, the last parameter running fastest."""
    for values in itertools.product(*several.values()):
        yield given | dict(zip(several, values, strict=True))
