"""What tests of several folders share: types checked, room for programs, headless Chromium."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import sys
import tomllib
from collections import Counter
from importlib.metadata import distributions, requires
from pathlib import Path

import hypothesis
import jax
import pytest
from jaxtyping import install_import_hook

# Shapes and types of these are checked as their functions are called, or traced: before they are
# imported below.
# What refuses bad input itself is left out, since its tests give it just that.
PACKAGE = Path(__file__).parents[1] / "wdist_bench"
SOLVERS = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
    for file in (PACKAGE / "solvers").rglob("[a-z]*.py")
}
CHECKED = [
    *(f"wdist_bench.{part}" for part in ("problem", "estimate", "networks")),
    *(f"wdist_bench.{name}" for name in sorted(SOLVERS)
      if name not in ("solvers.differentiable", "solvers.exact", "solvers.proofs.rounding")),
]  # fmt: skip
if importlib.util.find_spec("beartype"):
    install_import_hook(CHECKED, "beartype.beartype")

from wdist_bench import estimators, registry  # noqa: E402
from wdist_bench.protocol import compilation  # noqa: E402
from wdist_bench.solvers.machine import memory  # noqa: E402

registry.entry_points = lambda group: ()  # ours alone, whatever plug-ins the machine has

BROWSER = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars")  # fmt: skip


hypothesis.settings.register_profile("repeated", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explored", deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeated")  # no clock and no chance fails a change


@pytest.fixture
def peers_registered(monkeypatch):
    """The plug-ins of the folder peers/, as if it were installed: {name: class}."""
    folder = Path(__file__).parents[1] / "peers"
    declared = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    monkeypatch.syspath_prepend(folder)
    found = {}
    for name, place in declared["entry-points"]["wdist_bench.estimators"].items():
        module, kind = place.split(":")
        found[name] = getattr(importlib.import_module(module), kind)
        monkeypatch.setitem(estimators.registry._classes, name, found[name])
    return found


@pytest.fixture
def leave_free(monkeypatch):
    """Call it with a number of bytes: no more are free from now on, for small problems too."""

    def leave(free):
        monkeypatch.setattr(memory, "_SURELY_FREE", 0)
        monkeypatch.setattr(memory, "available", lambda: free)

    return leave


@pytest.fixture
def command(monkeypatch, capsys):
    """The command line, in this process: its exit code, what it printed, its complaints."""
    from wdist_bench import cli

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["wdist-bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err

    return call


def pytest_report_header():
    """What is installed of all that is declared, so that a log tells what it tested."""
    declared = {re.match(r"[\w-]+", line)[0].lower() for line in requires("wdist-bench")}
    here = {one.name.lower(): one.version for one in distributions()}
    here.pop("wdist-bench")
    said = ", ".join(f"{name} {here[name]}" for name in sorted(here.keys() & declared))
    return said if "beartype" in here else f"{said}; types are not checked: install beartype"


def pytest_terminal_summary(terminalreporter):
    """How many tests were skipped for what reason: what nobody runs rots."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[-1].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"skipped {count}: {reason}")


@pytest.fixture(autouse=True, scope="module")
def _room():
    """A process of tests compiles more programs than a worker does in most sweeps."""
    yield
    compilation.make_room()


@pytest.fixture
def float32_products():
    """Where accelerators would round factors to TF32: for comparisons of two programs."""
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(scope="session")
def chrome():
    if not (BROWSER and DRIVER):
        pytest.skip("no browser: install Debian's chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=webdriver.ChromeService(DRIVER), options=options)
    yield driver
    driver.quit()
