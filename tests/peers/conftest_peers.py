"""The package of other libraries' solvers, imported from its folder."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECLARED = tomllib.loads((ROOT / "peers" / "pyproject.toml").read_text("utf-8"))["project"]
ENTRIES = DECLARED["entry-points"]["wdist_bench.estimators"]
sys.path.append(str(ROOT / "peers"))


def peer_class(name):
    module, kind = ENTRIES[name].split(":")
    return getattr(importlib.import_module(module), kind)


@pytest.fixture
def peer():
    """Name and options -> the peer; skips where its library is not installed."""

    def build(name, **options):
        factory = peer_class(name)
        pytest.importorskip(factory.module)
        return factory(**options)

    return build
