"""Programs are those of the class whose arrays they are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import tasks
from wdist_bench.problem import Problem
from wdist_bench.pytrees import jit_by_class, pytree

CLASSES = 50  # of as many fields: by jax alone some eight of them run the program of another


def sampler(number, register):
    """A class of samplers of x = y = their number."""

    def draw(self, key, n):
        return (jnp.full((n, 1), number) + 0 * self.zero,) * 2

    parts = {"__annotations__": {"zero": Any}, "dim": 1, "draw": draw}
    return register(dataclass(frozen=True)(type("Made", (wb.Sampler,), parts)))


@pytest.mark.parametrize("register", [pytree, jax.tree_util.register_dataclass])
def test_samplers_of_as_many_arrays_are_drawn_by_their_own_program(register):
    def drawn(number):
        own = sampler(number, register)(jnp.float32(0))

        @dataclass(frozen=True)
        class Task(wb.Task):
            name = "made"
            reference = ""

            def sampler(self):
                return own

            def truth(self, p=1, norm="l2"):
                return None

        return float(Task().sample(jax.random.key(0), 1)[0][0, 0])

    assert [drawn(number) for number in range(CLASSES)] == list(range(CLASSES))


def test_what_ours_hold_is_told_apart_whoever_registered_it():
    @jit_by_class()
    def first(problem):
        return problem.sampler.draw(None, 1)[0][0, 0]

    register = jax.tree_util.register_dataclass
    made = [sampler(number, register)(jnp.float32(0)) for number in range(CLASSES)]
    key, cost = jax.random.key(0), wb.Cost(1)
    values = [float(first(Problem(one, key, np.zeros(1), 1.0, cost))) for one in made]
    assert values == list(range(CLASSES))


def test_structures_of_ours_are_those_of_their_class():
    kinds = ("point_mass", "convex_gradient", "noisy")
    structures = [jax.tree.structure(tasks.get(name).sampler()) for name in kinds]
    assert len(set(structures)) == len(kinds)
    assert all(a != b for a in structures for b in structures if a is not b)


@pytree
@dataclass(frozen=True)
class Scaled:
    factor: Any
    parts: Any
    power: int = field(default=1, metadata={"static": True})


def test_static_fields_are_constants_and_the_rest_are_children():
    one = Scaled(jnp.float32(2), {"a": jnp.ones(3)}, 3)
    leaves, structure = jax.tree.flatten(one)
    assert [leaf.shape for leaf in leaves] == [(), (3,)]
    assert jax.tree.unflatten(structure, leaves).power == 3
    assert structure != jax.tree.structure(Scaled(jnp.float32(2), {"a": jnp.ones(3)}, 4))
    assert structure == jax.tree.structure(jax.tree.map(jnp.zeros_like, one))
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(one)]
    assert paths == [".factor", ".parts['a']"]
