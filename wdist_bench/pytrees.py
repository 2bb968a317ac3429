"""Dataclasses as pytrees that compiled programs take whole, and are told apart by.

Structures that `jax.tree_util.register_dataclass` makes are not told apart by their class (jaxlib
0.10 to 0.12): they are equal where their numbers of fields are, and only their hashes differ, of
which tables of programs compare seven bits before they ask whether two are equal. Of eighty classes
that hold one number each, jax 0.10.2 ran 13 and, in another process, 16 by the program of another
one; jax 0.12.0 none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, TypeVar

import jax

_Class = TypeVar("_Class", bound=type)


def pytree(kind: _Class) -> _Class:
    """Register a frozen dataclass as a pytree, for compiled programs to take: a class decorator.

    Fields are children, in their order; those of `field(metadata={"static": True})` are constants
    of a program and need a hash. The class belongs to the structure, and so do the classes of
    fields, whoever registered them.
    """
    static = [field.name for field in fields(kind) if field.metadata.get("static")]
    data = [field.name for field in fields(kind) if field.name not in static]
    keys = [jax.tree_util.GetAttrKey(name) for name in data]

    def flatten(tree: Any) -> tuple[list[Any], tuple[Any, ...]]:
        children = [getattr(tree, name) for name in data]
        kinds = [type(child) if _is_node(child) else None for child in children]
        return children, (*(getattr(tree, name) for name in static), *kinds)

    def flatten_with_keys(tree: Any) -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
        children, rest = flatten(tree)
        return list(zip(keys, children, strict=True)), rest

    def unflatten(rest: tuple[Any, ...], children: Any) -> Any:
        return kind(
            **dict(zip(data, children, strict=True)), **dict(zip(static, rest, strict=False))
        )

    jax.tree_util.register_pytree_with_keys(kind, flatten_with_keys, unflatten, flatten)
    return kind


def _is_node(value: Any) -> bool:
    """Whether it is a registered dataclass: what JAX puts in the place of arrays may be one too."""
    return is_dataclass(value) and not jax.tree_util.all_leaves([value])


def jit_by_class(*static: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`jax.jit` by the names of static arguments, for functions of samplers and potentials that
    others wrote: each class of an argument has programs of its own.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        bind = inspect.signature(function).bind

        def of_classes(kinds: Any, constants: Any, traced: dict[str, Any]) -> Any:
            return function(**traced, **dict(constants))

        of_classes.__name__ = function.__name__  # which profiles show
        program = jax.jit(of_classes, static_argnums=(0, 1))

        @wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            given = bind(*args, **named).arguments
            constants = tuple((name, given.pop(name)) for name in static if name in given)
            kinds = tuple(type(value) for value in given.values() if _is_node(value))
            return program(kinds, constants, given)

        return call

    return decorate
