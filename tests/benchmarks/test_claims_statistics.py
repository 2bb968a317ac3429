"""The simulations of leaderboard and gate draw what they say, and see what is there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

CLAIMS = Path(__file__).parents[2] / "benchmarks" / "claims"


@pytest.fixture
def script(monkeypatch):
    """A script of the claims as a module."""
    monkeypatch.syspath_prepend(str(CLAIMS))

    def load(name):
        spec = importlib.util.spec_from_file_location(name, CLAIMS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_one_that_is_ten_times_as_good_is_told_apart_and_equals_are_not(script):
    simulation = script("leaderboard")
    law = simulation.LAWS["normal"]
    rng = np.random.default_rng(0)
    found = simulation.on_leaderboard(simulation.folder(rng, 4, 14, 4, law, 1.0, 0.0, 0.1))
    assert {("e0", f"e{k}") for k in range(1, 4)} <= set(found)
    assert not simulation.on_leaderboard(simulation.folder(rng, 4, 14, 4, law, 1.0))
    assert simulation.in_settings(simulation.folder(rng, 2, 3, 20, law, 0.0, 0.0, 0.01))


@pytest.mark.parametrize("paired", [True, False])
def test_the_gate_sees_one_cell_five_times_worse(script, tmp_path, paired):
    simulation = script("gate")
    law = script("leaderboard").LAWS["normal"]
    for name, worse in (("worse", {1: 5.0}), ("same", {})):
        where = tmp_path / name
        where.mkdir()
        found = simulation.flagged(where, [1], (4, 20), law, paired, worse, 0.0)
        assert found == (len(worse), 0)
