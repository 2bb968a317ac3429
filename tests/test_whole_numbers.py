"""Every number that anybody can pass: what is no whole number, no flag or no finite one is refused.

The parameters are read from the registries, so a new estimator, task or experiment is in here.
"""

from __future__ import annotations

import dataclasses
import typing

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import estimators, experiment, tasks
from wdist_bench.protocol.stream import Stream
from wdist_bench.runs.cell import Cell
from wdist_bench.runs.suite import load_suite

REGISTRIES = {"estimator": estimators.registry, "task": tasks.registry, "exp": experiment.registry}
NO_INTEGER = (True, np.True_, -1, 1.5, float("nan"), "3", 2**70, (1.5,), (True,))
NO_NUMBER = (True, np.True_, float("nan"), float("inf"), "3")
NO_FLAG = (0, 1.0, "false", "no")
# What a parameter takes part in, where that is not the default.
BESIDE = {
    ("gan", None): {"loss": "non_saturating"},
    ("generator", None): {"generator": "non_saturating"},
    **{("own_data", name): {"transform": "funnels"} for name in ("width", "seed", "power")},
    ("own_data", "factor"): {"transform": "dilate"},
}


def bad_values(hint):
    """What a parameter of this type must refuse; nothing for words and arrays."""
    kinds = {hint, *typing.get_args(hint)}
    if bool in kinds:
        return NO_FLAG
    if float in kinds:
        return NO_NUMBER
    return NO_INTEGER if int in kinds else ()


def parameters():
    for registry in REGISTRIES.values():
        for name in registry.names():
            factory = registry.factory(name)
            if not factory.__module__.startswith("wdist_bench."):
                continue
            hints = typing.get_type_hints(factory)
            for field in dataclasses.fields(factory):
                bad = bad_values(hints[field.name]) if field.init else ()
                if bad:
                    yield pytest.param(registry, name, field.name, bad, id=f"{name}-{field.name}")


@pytest.mark.parametrize(("registry", "name", "parameter", "bad"), list(parameters()))
def test_every_registered_number_and_flag_is_checked(registry, name, parameter, bad):
    beside = BESIDE.get((name, None), {}) | BESIDE.get((name, parameter), {})
    for value in bad:
        with pytest.raises((ValueError, TypeError), match=r"expected .*got ") as caught:
            registry.get(name, **beside | {parameter: value})
        assert parameter in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["n", "runs", "eval_batches", "seed"])
@pytest.mark.parametrize("bad", [True, np.True_, -1, 1.0, "64", 2**70])
def test_sizes_of_the_protocol_and_of_cells_are_checked(name, bad):
    with pytest.raises(ValueError, match=f"{name}: expected a whole number"):
        Stream(**{name: bad})
    with pytest.raises(ValueError, match=f"{name}: expected a whole number"):
        Cell("gaussian_shift", {}, "exact", {}, **{name: bad})


@pytest.mark.parametrize("name", ["n", "runs", "eval_batches"])
def test_nothing_has_a_size_of_zero(name):
    with pytest.raises(ValueError, match=f"{name}: expected a whole number >= 1, got 0"):
        Stream(**{name: 0})


@pytest.mark.parametrize("bad", [True, np.True_, 0, 0.9, "1"])
def test_the_exponent_of_a_cell_is_checked(bad):
    with pytest.raises(ValueError, match="p: expected a finite number >= 1"):
        Cell("gaussian_shift", {}, "exact", {}, p=bad)


def test_numbers_of_numpy_are_numbers_and_give_the_same_key():
    sizes = {"n": 16, "runs": 2, "eval_batches": 3, "seed": 1, "p": 2}
    plain = Cell("gaussian_shift", {"dim": 2}, "sliced", {"n_projections": 8}, **sizes)
    numpys = Cell(
        "gaussian_shift",
        {"dim": np.int32(2)},
        "sliced",
        {"n_projections": np.uint8(8)},
        **{name: np.int64(value) for name, value in sizes.items()},
    )
    assert numpys.key("cpu") == plain.key("cpu")
    assert wb.tasks.get("gaussian_shift", scale=np.float32(0.5)).scale == 0.5


def test_jax_takes_larger_seeds_for_smaller_ones():
    """Why they are refused: two names for one stream."""
    assert jax.random.key(0) == jax.random.key(2**32)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**32 + 5, 1.0, True, "0", None])
def test_seeds_that_would_wrap_are_refused_wherever_one_enters(seed):
    rows = np.arange(12.0).reshape(6, 2)
    calls = (
        lambda: wb.estimate(rows, rows, seed=seed),
        lambda: wb.evaluate("gaussian_shift", "exact", seed=seed),
        lambda: wb.population_interval("gaussian_shift", seed=seed),
        lambda: wb.recommend(rows, seed=seed),
        lambda: Stream(seed=seed),
    )
    for call in calls:
        with pytest.raises(ValueError, match="seed: expected a whole number"):
            call()


def test_the_largest_seed_is_one():
    assert Stream(seed=2**32 - 1).seed == 4294967295
    assert Stream(seed=np.uint32(2**32 - 1)).seed == 4294967295


SUITE = """
title = "One cell"
{key} = {value}
[[tasks]]
name = "gaussian_shift"
[[estimators]]
name = "exact"
"""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key in ("steps", "runs", "eval_batches", "seed")
          for value in ("true", "-1", "1.0", '"64"', "99999999999999999999", "nan")),
        *(("n", value)
          for value in ("[]", "[true]", "[-1]", "[0]", "[1.0]", '["64"]', "64", "[99999999999]")),
        *(("p", value)
          for value in ("[]", "[true]", "[-1]", "[0]", "[0.9]", '["64"]', "64", "[nan]", "[inf]")),
        ("steps", "0"), ("runs", "0"), ("eval_batches", "0"), ("seed", "4294967296"),
    ],
)  # fmt: skip
def test_numbers_of_a_suite_are_checked(tmp_path, key, value):
    path = tmp_path / "suite.toml"
    path.write_text(SUITE.format(key=key, value=value))
    with pytest.raises(ValueError, match=rf"suite\.toml: .*{key}") as caught:
        load_suite(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [{"n": True}, {"n": 0}, {"eval_batches": 1}, {"eval_batches": 2.5}]
)
def test_sizes_of_a_bracket_are_checked(arguments):
    with pytest.raises(ValueError, match="expected a whole number"):
        wb.population_interval("gaussian_shift", **arguments)
