"""The code of a plug-in, hashed: what is not in this project has no version that we can vouch for.

The code of a class is the package that its file lies in (every file of code below the outermost
folder with an `__init__.py`), or else the file alone; the same for the classes that it derives
from; and for every module that these files import, wherever the import stands, if that is the
user's own too: neither Python's nor an installed package's, or of the same distribution. It is
found by reading, not by running, so it does not depend on what was imported so far and is the same
in the driver and in every worker. Data files, and modules imported by a computed name, are not
seen.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import json
import os
import secrets
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from wdist_bench import costs, estimators, tasks

_OURS = Path(__file__).resolve().parents[1]
_PYTHON = Path(sysconfig.get_path("stdlib")).resolve()
_INSTALLED = {"site-packages", "dist-packages"}
_CODE = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)


def source(factory: Any, parameters: Mapping[str, Any]) -> str:
    """Hash of the plug-ins that a configuration rests on; empty where all is ours.

    Args:
        factory: its registered class.
        parameters: its parameters; the code of an estimator, a task or a cost that one of them
            names (the loss of a GAN, say) counts too.
    """
    named = [
        registry.factory(word)
        for registry in (estimators.registry, tasks.registry, costs.registry)
        for word in _words(parameters.values())
        if word in registry.names()
    ]
    digests = {source_digest(part) for part in (factory, *named)} - {""}
    return "-".join(sorted(digests))


def _words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _words(value.values())
        elif isinstance(value, (tuple, list)):
            yield from _words(value)


def named_by(cell: Any) -> set[str]:
    """Every text of a cell: the names of what it is made of are among them."""
    return {*_words(vars(cell).values())}


def code_behind(values: Iterable[Any]) -> dict[Path, str]:
    """Every file of the plug-ins that values name, and where it lies below a folder from which all
    of them can be imported.
    """
    begun: set[Path] = set()
    for name in {*_words(values)}:
        for registry in (estimators.registry, tasks.registry, costs.registry):
            if name in registry.names():
                begun |= _begin(registry.factory(name)) or set()
    return {file: place(file, sys.path) for file in _whole(begun)}


def place(file: Path, roots: Iterable[str] = ()) -> str:
    """A file's path below the nearest of the roots, or where the module or package begins that it
    belongs to.
    """
    top = _package(file) or file
    known = {Path(root).resolve() for root in roots} & {*top.parents}
    nearest = max(known, key=lambda root: len(root.parts), default=top.parent)
    return file.relative_to(nearest).as_posix()


@cache
def source_digest(factory: Any) -> str:
    """Hash of the code that a registered class consists of; empty where all of it is ours.

    A class that is in no file (of an interactive session) has a hash of its own, which no other
    class or session has: its cells are never kept from one to the next.
    """
    begin = _begin(factory)
    if begin is None:
        return secrets.token_hex(8)
    return _digest(_whole(begin)) if begin else ""


def _begin(factory: Any) -> set[Path] | None:
    """The files of a class and of those that it derives from which are not ours; None where one of
    them is in no file.
    """
    begin: set[Path] = set()
    for part in inspect.getmro(factory):
        at = getattr(sys.modules.get(part.__module__), "__file__", None)
        file = Path(at).resolve() if at else None
        if file is not None and file.is_file():
            begin |= {file} if _is_plugin(file) else set()
        elif part.__module__.partition(".")[0] not in sys.stdlib_module_names:
            return None
    return begin


def _whole(begin: set[Path]) -> dict[Path, str]:
    """Every file of the code that some files begin, with a name that says nothing of the place."""
    distributions = {name for file in begin for name in _distributions(file)}
    code: dict[Path, str] = {}
    waiting = list(begin)
    while waiting:
        file = waiting.pop()
        if file in code:
            continue
        unit = {file: file.name} | dict(_unit(file))
        code |= unit
        for found in {found for member in unit for found in _imported(member)} - code.keys():
            if _is_plugin(found) and _is_own(found, distributions):
                waiting.append(found)
    return code


def _unit(file: Path) -> Iterator[tuple[Path, str]]:
    """All code of the package that a file lies in, or the file alone."""
    top = _package(file)
    if top is None:
        yield file, file.name
        return
    for folder, below, names in os.walk(top):
        below[:] = [name for name in below if not name.startswith((".", "__pycache__"))]
        for name in names:
            if name.endswith(_CODE):
                path = Path(folder, name)
                yield path, path.relative_to(top.parent).as_posix()


def _package(file: Path) -> Path | None:
    """The outermost folder of the package that a file lies in."""
    top = None
    for folder in file.parents:
        if not (folder / "__init__.py").is_file():
            return top
        top = folder
    return top


def shadowed(file: Path) -> Iterator[tuple[Path, Path]]:
    """Modules beside a file that it imports, or that these do, beside the file of the user's from
    elsewhere that has their name and would be imported instead.
    """
    known: set[Path] = set()
    waiting = [file]
    while waiting:
        importer = waiting.pop()
        for name in dict.fromkeys(name for name, level in _named(importer) if not level):
            meant = _beside(file, 1, name)
            if meant is None or meant in known:
                continue
            known.add(meant)
            found = (_find(name, importer) or meant).resolve()
            if found == meant.resolve():
                waiting += [path for path, _ in _unit(found)]
            elif _is_plugin(found) and not _is_installed(found):
                yield meant, found


def _imported(file: Path) -> Iterator[Path]:
    """The files that the import statements of a file name."""
    for name, level in _named(file):
        found = _beside(file, level, name) if level else _find(name, file)
        if found is not None and found.is_file():
            yield found.resolve()


def _named(file: Path) -> Iterator[tuple[str, int]]:
    """What the import statements of a file name, and how many folders above it they begin; 0 where
    they do not say.
    """
    if file.suffix not in SOURCE_SUFFIXES:
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # a template, say
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names, level = [alias.name for alias in node.names], 0
        elif isinstance(node, ast.ImportFrom):
            base = [node.module] if node.module else []
            names = [*base, *(".".join([*base, alias.name]) for alias in node.names)]
            level = node.level
        else:
            continue
        yield from ((name, level) for name in names)


def _find(name: str, importer: Path) -> Path | None:
    """The file of a module, without importing it."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):  # a module that was not made by an import
        spec = None
    if spec is None:
        return _beside(importer, 1, name)
    if spec.has_location and spec.origin:
        return Path(spec.origin)
    places = list(spec.submodule_search_locations or ())  # a namespace package
    return next((found for place in places if (found := _below(Path(place), rest))), None)


def _beside(importer: Path, level: int, name: str) -> Path | None:
    """The file of a module of the folder that is `level` above a file."""
    return _below(importer.parents[min(level, len(importer.parents)) - 1], name.split("."))


def _below(folder: Path, parts: list[str]) -> Path | None:
    """The first module on a path of names."""
    for part in parts:
        for candidate in (folder / f"{part}.py", folder / part / "__init__.py"):
            if candidate.is_file():
                return candidate
        folder = folder / part
    return None


def _is_plugin(file: Path) -> bool:
    """Whether a file is neither ours nor Python's own."""
    return not file.is_relative_to(_OURS) and (
        _is_installed(file) or not file.is_relative_to(_PYTHON)
    )


def _is_own(file: Path, distributions: set[str]) -> bool:
    """Whether a file belongs to the user, or to one of the distributions."""
    return not _is_installed(file) or bool(distributions and distributions & _distributions(file))


def _is_installed(file: Path) -> bool:
    return not _INSTALLED.isdisjoint(file.parts)


def _distributions(file: Path) -> set[str]:
    """What installed a file."""
    if not _is_installed(file):
        return set()
    top = (_package(file) or file).name.partition(".")[0]
    return set(_installed().get(top, ()))


_installed = cache(packages_distributions)


def _digest(code: dict[Path, str]) -> str:
    content = [[name, hashlib.sha256(file.read_bytes()).hexdigest()] for file, name in code.items()]
    return hashlib.sha256(json.dumps(sorted(content)).encode()).hexdigest()[:16]
