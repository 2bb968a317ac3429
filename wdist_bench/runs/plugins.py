"""Plug-in files: modules outside the package that register estimators, tasks or experiments."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from wdist_bench import costs, estimators, experiment, tasks
from wdist_bench.registry import Registry
from wdist_bench.runs.source import shadowed

_REGISTRIES: dict[str, Registry[Any]] = {
    registry.kind: registry
    for registry in (estimators.registry, tasks.registry, costs.registry, experiment.registry)
}
_loaded: dict[Path, None] = {}


def load_plugin(path: Path) -> None:
    """Import a Python file, once; processes that run cells of this one import it too.

    Its folder joins the places where modules are looked for, as the last of them, so that it can
    import files beside it.

    Raises:
        FileNotFoundError: no such file, or none of Python's.
        ValueError: another module has its name, or that of a file beside it which it imports.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise FileNotFoundError(f"--plugin: expected a Python file, got {str(path)!r}; check it")
    if path.resolve() in _loaded:
        return
    if other := _namesake(path):
        raise ValueError(
            f"--plugin: expected a file whose name no other module has, got {str(path)!r} beside "
            f"{other}; rename it"
        )
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.append(folder)
    for meant, found in shadowed(path.resolve()):
        name = meant.parent.name if meant.stem == "__init__" else meant.name
        raise ValueError(
            f"--plugin: expected files beside {str(path)!r} whose names no other module has, got "
            f"{name!r}, for which {str(found)!r} would be imported; rename one of them"
        )
    if path.stem not in sys.modules:  # where it is, another plug-in has imported this file
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # so that what it defines can be pickled
        try:
            spec.loader.exec_module(module)
        except BaseException:  # else the next call would take it for imported
            del sys.modules[path.stem]
            raise
    _loaded[path.resolve()] = None


def _namesake(path: Path) -> str:
    """Where another module of the file's name is, whose place it would take; empty if nowhere."""
    name = path.stem
    if name in sys.modules:
        place = getattr(sys.modules[name], "__file__", None) or "a module of Python"
    else:
        found = importlib.util.find_spec(name) if name.isidentifier() else None
        place = found.origin if found else None  # None for a mere folder, too
    return "" if place is None or Path(place).resolve() == path.resolve() else place


class Stranger(NamedTuple):
    """A class that is none of ours: what it is, its name, and the module that registers it."""

    kind: str
    name: str
    module: str


def strangers() -> tuple[Stranger, ...]:
    """Those that are registered in this process so far, in whatever way they came."""
    return tuple(
        Stranger(kind, name, factory.__module__)
        for kind, registry in _REGISTRIES.items()
        for name, factory in registry.known().items()
        if not factory.__module__.startswith("wdist_bench.")
    )


def unknown(wanted: Iterable[Stranger]) -> frozenset[str]:
    """Names of those that this process lacks once it has imported their modules: what a cell of a
    notebook defines is in no module.
    """
    for module in dict.fromkeys(stranger.module for stranger in wanted):
        with suppress(Exception, SystemExit):  # of a module that cannot be imported here
            importlib.import_module(module)
    return frozenset(s.name for s in wanted if s.name not in _REGISTRIES[s.kind].names())


def loaded_plugins() -> tuple[str, ...]:
    """The files imported so far, in order."""
    return tuple(map(str, _loaded))
