"""Names to things: the registries of estimators and of tasks, open to plug-ins."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

import numpy as np

from wdist_bench.inputs.elsewhere import (
    argument_hint,
    cost_hint,
    method_hint,
    option_hint,
    task_hint,
)
from wdist_bench.interface import Plugin, check_plugin
from wdist_bench.validation import check_name

T = TypeVar("T", bound=Plugin)


class Registry(Generic[T]):
    """Frozen dataclasses by name. Plug-ins join through the entry-point group, or `register`.

    Ours register when their package is imported: `home` names it where nobody else does that.
    """

    def __init__(self, interface: type[Plugin], kind: str, group: str, home: str = "") -> None:
        self.interface = interface
        self.kind = kind
        self.group = group
        self.home = home
        self._classes: dict[str, type[T]] = {}
        self._plugins_loaded = False

    def register(self, factory: Any) -> Any:
        """Class decorator: register under the class attribute `name`.

        A class that is defined anew, as by running a cell of a notebook again, takes the place of
        its earlier self.

        Raises:
            TypeError, ValueError: the class lacks a part of the interface, or the name is taken.
        """
        check_plugin(factory, self.interface, self.kind)
        taken = self._classes.get(factory.name)
        if taken is not None and not _is_anew(taken, factory):
            raise ValueError(
                f"{self.kind}: {factory.name!r} is already registered by {taken!r}; choose another "
                "name"
            )
        self._classes[factory.name] = factory
        return factory

    def known(self) -> dict[str, type[T]]:
        """The classes that are registered so far, by name; looks for no others."""
        return dict(self._classes)

    def names(self) -> list[str]:
        """The registered names, ours first, in the order of registration."""
        self._load_plugins()
        return list(self._classes)

    def factory(self, name: str) -> type[T]:
        """The registered class of that name; ValueError names those there are."""
        known = self.names()
        check_name(name, known, self.kind, lambda: self._hint(name, known))
        return self._classes[name]

    def needed(self, name: str) -> list[str]:
        """The parameters of that name without a default: it is not built by name alone."""
        parameters = _signature(self.factory(name)).parameters.values()
        return [each.name for each in parameters if each.default is each.empty]

    def _hint(self, name: Any, known: list[str]) -> str:
        """What elsewhere has that name, "" where nothing is known to."""
        if self.kind == "estimator":
            return method_hint(name, known)
        return task_hint(name, known) if self.kind == "task" else cost_hint(name)

    def get(self, name: str, **parameters: Any) -> T:
        """Build by name; unknown names and parameters are named in the error.

        `preset` names settings out of the class's `presets`; parameters beside it override them.
        """
        factory = self.factory(name)
        signature = _signature(factory)
        known = [p for p in signature.parameters if p != "self"]
        if "preset" in parameters and "preset" not in known:
            preset = check_name(
                parameters.pop("preset"), factory.presets, f"preset of {self.kind} {name!r}"
            )
            parameters = dict(factory.presets[preset]) | parameters
        for parameter in parameters:
            elsewhere = option_hint if self.kind == "estimator" else argument_hint
            hint = partial(elsewhere, parameter, known)
            check_name(parameter, known, f"parameter of {self.kind} {name!r}", hint)
        try:
            signature.bind(**parameters)
        except TypeError as error:
            raise ValueError(
                f"{self.kind} {name!r}: expected parameters {signature}, "
                f"got {sorted(parameters)} ({error}); give what is missing"
            ) from None
        _refuse_lost_labels(parameters)
        return factory(**{key: freeze(value) for key, value in parameters.items()})

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        try:
            if self.home:
                import_module(self.home)
            for entry in entry_points(group=self.group):
                self._join(entry)
        except BaseException:  # else the next call would do without the rest, and say nothing
            self._plugins_loaded = False
            raise

    def _join(self, entry: EntryPoint) -> None:
        """Register what an entry point names.

        Raises:
            ImportError: it cannot be loaded, or is no plug-in of this kind.
        """
        try:
            self.register(entry.load())
        except Exception as error:
            raise ImportError(
                f"{self.group}: expected the entry point {entry.name!r} to give a plug-in, got "
                f"{type(error).__name__} from {entry.value}: {error}; correct or uninstall it"
            ) from error


def _is_anew(known: Any, factory: Any) -> bool:
    """Whether a class is the known one, or of the same place in a module of somebody else."""
    places = [(each.__module__, each.__qualname__) for each in (known, factory)]
    module, place = places[1]
    theirs = not module.startswith("wdist_bench.") and "<locals>" not in place
    return known is factory or (theirs and places[0] == places[1])


def _refuse_lost_labels(parameters: Mapping[str, Any]) -> None:
    """Parameters become plain tuples and arrays: what would be lost on the way is refused."""
    labelled = [key for key, value in parameters.items() if hasattr(value, "iloc")]
    if len(labelled) > 1:
        raise ValueError(
            f"{' and '.join(labelled)}: expected plain arrays, got pandas objects, whose names and "
            "labels are not matched in parameters; bring them to one order and pass .to_numpy()"
        )
    for key, value in parameters.items():
        if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
            raise ValueError(
                f"{key}: expected no missing values, got a masked array; drop those rows, "
                f"with numpy.ma.compress_rows({key})"
            )


@lru_cache(maxsize=1024)
def _signature(factory: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(factory)


# Arrays with more entries than this stay arrays: nested tuples take ten times their memory.
_TUPLE_ENTRIES = 4096


@dataclass(frozen=True)
class FrozenArray:
    """An array as a parameter: read-only, hashed and compared by content.

    Attributes:
        values: the array.
        digest: SHA-256 of its type, shape and bytes.
    """

    values: np.ndarray = field(compare=False, repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        values = np.array(self.values)
        values.setflags(write=False)
        content = f"{values.dtype.str}{values.shape}".encode() + values.tobytes()
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "digest", hashlib.sha256(content).hexdigest())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)

    def __repr__(self) -> str:
        return f"FrozenArray(shape={self.values.shape}, digest={self.digest[:12]})"


def freeze(value: Any) -> Any:
    """Hashable form of a parameter: lists and arrays to tuples (arrays of more than 4,096 entries
    to FrozenArray), mappings to sorted pairs.
    """
    if isinstance(value, FrozenArray):
        return value
    if isinstance(value, Mapping):
        return tuple(sorted((key, freeze(item)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(freeze(item) for item in value)
    if isinstance(value, np.generic) or (hasattr(value, "__array__") and np.ndim(value) == 0):
        return np.asarray(value).item()
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        large = array.size > _TUPLE_ENTRIES and array.dtype != object
        return FrozenArray(array) if large else freeze(array.tolist())
    return value
