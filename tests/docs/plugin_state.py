"""The registries as a fresh process has them, for code that registers under a page's names."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from wdist_bench import costs, estimators, experiment, tasks
from wdist_bench.runs import plugins

for _registry in (estimators, tasks, costs, experiment):
    _registry.names()  # entry points register once, and stay
_TABLES = (
    estimators.registry._classes, tasks.registry._classes, costs.registry._classes,
    experiment.registry._classes, plugins._loaded,
)  # fmt: skip
_FRESH = tuple(dict(table) for table in _TABLES)


@contextlib.contextmanager
def without_plugins() -> Iterator[None]:
    """Start from what the package registers; afterwards everything is as it was before."""
    before = tuple(dict(table) for table in _TABLES)
    names = [path.stem for path in before[-1]]
    modules = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    places = list(sys.path)
    _set(_FRESH)
    try:
        yield
    finally:
        for path in plugins._loaded:
            sys.modules.pop(path.stem, None)
        _set(before)
        sys.path[:] = places
        sys.modules.update(modules)


def _set(contents: tuple[dict, ...]) -> None:
    for table, entries in zip(_TABLES, contents, strict=True):
        table.clear()
        table.update(entries)
