"""A process forked from one where JAX had run has its locks, but none of its threads."""

from __future__ import annotations

import os

_parents: list[int] = []


def _remember() -> None:
    """In the child of a fork: whether JAX had run before."""
    try:
        from jax._src.xla_bridge import backends_are_initialized
    except ImportError:  # not public: without it such a child hangs as it always has
        return
    if backends_are_initialized():
        _parents.append(os.getppid())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remember)


def check_not_forked() -> None:
    """Raise RuntimeError where JAX would hang for ever."""
    if _parents:
        raise RuntimeError(
            f"this process was forked from process {_parents[-1]} after JAX had run there, which "
            "would hang: start workers with multiprocessing.get_context('spawn'), or call exact, "
            "gaussian or nearest_neighbor, which do without JAX"
        )
