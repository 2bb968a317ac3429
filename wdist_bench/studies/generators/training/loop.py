"""The one training loop: steps, and looks at them in between, as one compiled program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from wdist_bench.problem import Samples

Draw = Callable[[jax.Array], jax.Array]
"""A minibatch of real rows from a key."""


class Keys(NamedTuple):
    """The independent streams of one run. The data do not depend on the generator."""

    critic: jax.Array
    generator: jax.Array
    steps: jax.Array
    evaluation: jax.Array

    @classmethod
    def of(cls, key: jax.Array) -> Keys:
        """The streams of a run's key."""
        return cls(*(jax.random.fold_in(key, 1 + i) for i in range(len(cls._fields))))


class Step(NamedTuple):
    """What one step of a training gives.

    Attributes:
        state: of the training, after it.
        value: of the loss that is reported.
        gradient: of the generator's loss in its parameters.
    """

    state: Any
    value: jax.Array
    gradient: Any


class Process(NamedTuple):
    """A training that has begun: the parts that the loop calls.

    Attributes:
        state: before the first step.
        step: (state, key, draw) -> `Step`.
        parameters: state -> what the generator's `generate` takes.
        value: (state, samples) -> what the critic says of data x and generated y; None where the
            method has no critic.
    """

    state: Any
    step: Callable[[Any, jax.Array, Draw], Step]
    parameters: Callable[[Any], Any]
    value: Callable[[Any, Samples], jax.Array] | None


def loop(
    step: Callable[[Any, jax.Array], tuple[Any, Any]],
    look: Callable[[Any], Any],
    state: Any,
    key: jax.Array,
    stops: tuple[int, ...],
) -> tuple[Any, Any, Any]:
    """Step to the last of `stops`. Pure and traceable.

    Args:
        step: (state, key of the step) -> (state, numbers to keep).
        look: state -> what is kept of it at each stop.
        state: before the first step.
        key: of all steps.
        stops: numbers of steps, increasing.

    Returns:
        The last state; the numbers of every step, (steps, ...) each; the looks, (stops, ...) each.
    """
    shapes = jax.eval_shape(lambda *given: step(*given)[1], state, key)
    history = jax.tree.map(lambda one: jnp.zeros((stops[-1], *one.shape), one.dtype), shapes)

    def advance(index: jax.Array, carry: Any) -> Any:
        state, history = carry
        state, seen = step(state, jax.random.fold_in(key, index))
        return state, jax.tree.map(lambda all_, one: all_.at[index].set(one), history, seen)

    def reach(carry: Any, bounds: jax.Array) -> Any:
        carry = jax.lax.fori_loop(bounds[0], bounds[1], advance, carry)
        return carry, look(carry[0])

    ends = jnp.asarray(stops, jnp.int32)
    starts = jnp.concatenate([jnp.zeros(1, jnp.int32), ends[:-1]])
    (state, history), looks = jax.lax.scan(
        reach, (state, history), jnp.stack([starts, ends], axis=1)
    )
    return state, history, looks
