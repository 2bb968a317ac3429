"""Plug-in files: modules outside the package that register estimators, tasks or experiments."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_loaded: dict[Path, None] = {}


def load_plugin(path: Path) -> None:
    """Import a Python file, once; processes that run cells of this one import it too."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise FileNotFoundError(f"--plugin: expected a Python file, got {str(path)!r}; check it")
    if path.resolve() in _loaded:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what it defines can be pickled
    spec.loader.exec_module(module)
    _loaded[path.resolve()] = None


def loaded_plugins() -> tuple[str, ...]:
    """The files imported so far, in order."""
    return tuple(map(str, _loaded))
