"""The layers of docs/design.md, read off the imports."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import wdist_bench
from wdist_bench import experiment
from wdist_bench.estimate import Fitted
from wdist_bench.interface import Plugin
from wdist_bench.tasks.transforms import Transform

PACKAGE = Path(wdist_bench.__file__).parent
NOUNS = {"costs", "problem", "estimate", "truth", "experiment", "inputs", "display", "folders",
         "interface", "pytrees", "validation", "registry", "extras"}  # fmt: skip
NUMERICS = {"networks", "solvers", "datasets", "metrics"}
PLUGINS = NOUNS | NUMERICS | {"results", "tasks", "estimators"}
MAY_IMPORT = {
    **dict.fromkeys(NOUNS, NOUNS),
    **dict.fromkeys(NUMERICS, NOUNS | NUMERICS),
    "results": NOUNS | {"results"},
    "tasks": NOUNS | NUMERICS | {"tasks"},
    "estimators": NOUNS | NUMERICS | {"estimators"},
    "measures": NOUNS | NUMERICS,
    "cards": PLUGINS | {"cards"},
    "calls": PLUGINS,
    "distance": PLUGINS,
    "protocol": PLUGINS | {"calls", "protocol"},
    "population": PLUGINS | {"calls", "protocol", "population"},
    "runs": PLUGINS | {"protocol", "cards", "runs"},
    "conformance": PLUGINS | {"calls", "protocol", "runs", "conformance"},
    "references": PLUGINS | {"runs.shipped", "references"},
    "report": NOUNS | {"metrics", "results", "references", "report"},
    "recommend": PLUGINS
    | {"calls", "protocol", "runs.plugins", "report", "population", "recommend"},
    "submit": PLUGINS | {"protocol", "runs", "conformance", "report", "submit"},
    "studies": PLUGINS | {"population", "protocol", "runs", "report", "studies"},
}
HEAVY = ("ot", "ott", "pandas", "scipy.special", "scipy.stats", "sklearn", "matplotlib", "typer",
         "pydantic", "PIL", "pooch", "requests")  # fmt: skip


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(name, part):
    """Whether an import of the package stays within what a layer may import."""
    return name == part or name.startswith(f"{part}.")


FILES = [p for p in sorted(PACKAGE.rglob("*.py"))
         if p.relative_to(PACKAGE).parts[0].removesuffix(".py") in MAY_IMPORT]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_layer_imports_only_what_is_below_it(path):
    parts = path.relative_to(PACKAGE).parts
    layer = parts[0] if len(parts) > 1 else path.stem
    for name in imports(path):
        if not name.startswith("wdist_bench."):
            continue
        target = name.removeprefix("wdist_bench.")
        if "." not in target and (PACKAGE / target).is_dir():
            continue  # the next entry names what is taken from the room
        allowed = any(own(target, part) for part in MAY_IMPORT[layer])
        assert allowed, f"{path.name} imports {target}"


def test_importing_the_library_loads_nothing_heavy():
    code = f"import sys, wdist_bench; print([m for m in {HEAVY} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_citing_needs_docstrings_and_no_extra():
    """Experiments are looked at too, without what runs and draws them."""
    code = (
        "import sys; from wdist_bench import extras; "
        "sys.modules |= dict.fromkeys(extras._BENCH); "
        "import wdist_bench; print(wdist_bench.cite('exact').keys[0])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (answer.stdout, answer.stderr) == ("wdist_bench\n", "")


REGISTRIES = {"tasks", "estimators", "cards/truths"}  # one file an entry


def test_a_room_has_at_most_twenty_files():
    rooms = {path.parent for path in PACKAGE.rglob("*") if path.suffix not in ("", ".pyc")}
    sizes = {
        room.relative_to(PACKAGE).as_posix(): sum(path.is_file() for path in room.iterdir())
        for room in rooms
    }
    assert {room: n for room, n in sizes.items() if n > 20}.keys() == REGISTRIES


def below(interface):
    for cls in interface.__subclasses__():
        yield cls
        yield from below(cls)


def test_a_class_is_an_interface_or_is_never_subclassed():
    wdist_bench.estimators.names()
    experiment.names()
    interfaces = (Plugin, Fitted, wdist_bench.Sampler, Transform)
    every = {cls for interface in interfaces for cls in below(interface)}
    # a test may define one under the name of a module of ours
    ours = {cls for cls in every if cls.__module__.startswith("wdist_bench.")
            and vars(sys.modules[cls.__module__]).get(cls.__name__) is cls}  # fmt: skip
    assert len(ours) > 60
    based_on = {base for cls in ours for base in cls.__bases__ if base in ours}
    # what is no dataclass no registry takes: a task draws by one of two methods
    final = {cls for cls in based_on if not inspect.isabstract(cls) and is_dataclass(cls)}
    assert {cls.__name__ for cls in final} == set()
