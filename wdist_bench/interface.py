"""What interfaces for plug-ins are made of, and one sentence where a class lacks a part of one."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any, ClassVar


class _Declared:
    """Behind `declared`. On the class it is absent, or it would be the default of its fields."""

    def __init__(self, meaning: str, default: Any) -> None:
        self.meaning = meaning
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner.__name__, name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None and self.default is not MISSING:
            return self.default
        raise AttributeError(
            f"{owner.__name__}: expected the attribute `{self.name}` ({self.meaning}), which "
            f"{self.owner} declares, got none; make it a field, or set it in the class"
        )


ADDED = "added"
"""In the metadata of a field: it came when there were results already."""


def added(default: Any) -> Any:
    """A parameter that was added later: at its default, which changes nothing, it is left out of
    the keys of results, so that those made before keep theirs.
    """
    return field(default=default, metadata={ADDED: True})


def declared(meaning: str, default: Any = MISSING) -> Any:
    """An attribute of an interface, which a dataclass below may redeclare as a field.

    An object without it has the default; where there is none, reading it raises AttributeError in
    one sentence. A plain class attribute would not do: it would become the default of the field,
    and the fields after it would need one too.
    """
    return _Declared(meaning, default)


class Plugin(ABC):
    """What a registry holds: a frozen dataclass of plain parameters, under a name.

    Attributes:
        name: the registered name.
        presets: named settings of parameters, taken by `get(name, preset=...)`.
        required: what a class of this kind has to set beside its name.
    """

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    required: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def check_class(cls) -> None:
        """Raise ValueError or TypeError where what the class says of itself has no meaning."""


def check_plugin(factory: Any, interface: type[Plugin], kind: str) -> None:
    """Raise TypeError or ValueError, in one sentence, where a class cannot be registered."""
    if not isinstance(factory, type) or not issubclass(factory, interface):
        raise TypeError(
            f"{kind}: expected a class derived from {interface.__name__}, got {factory!r}; "
            "derive it"
        )
    who = f"{kind} {factory.__name__}"
    for part in ("name", *interface.required):
        if inspect.getattr_static(factory, part, None) in (None, ""):
            raise TypeError(f"{who}: expected a class with a `{part}`, got none; set it")
    if open_parts := sorted(factory.__abstractmethods__):
        raise TypeError(
            f"{who}: expected a method `{open_parts[0]}`, which its interface leaves open, got "
            "none; write it"
        )
    got = "" if is_dataclass(factory) and factory.__dataclass_params__.frozen else "a plain class"
    got = got or _ignored(factory)
    if got:
        raise TypeError(
            f"{who}: expected a frozen dataclass, got {got}; put @dataclass(frozen=True) between "
            "@register and it"
        )
    factory.check_class()


def _ignored(factory: Any) -> str:
    """A parameter that a class without a decorator of its own sets: its parent's fields are those
    that count. Empty where there is none.
    """
    inherited = {field.name for field in fields(factory)}
    noted = [noted for cls in factory.__mro__ for noted in inspect.get_annotations(cls).items()]
    of_classes = {name for name, kind in noted if "ClassVar" in str(kind)}
    for cls in factory.__mro__:
        if "__dataclass_params__" in vars(cls):
            break
        own = [name for name in inspect.get_annotations(cls) if name not in of_classes]
        for name in (*own, *inherited & vars(cls).keys()):
            return f"a class whose `{name}` is no parameter, since its parent alone is one"
    return ""
