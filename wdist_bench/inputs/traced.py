"""What stands for numbers inside a compiled program, where the host cannot read them."""

from __future__ import annotations

from typing import Any

import jax


def refuse_traced(given: Any, name: str) -> None:
    """Raise TypeError where it is, or holds, an array that is being traced."""
    if any(isinstance(part, jax.core.Tracer) for part in jax.tree.leaves(given)):
        raise TypeError(
            f"{name}: expected numbers, got an array that jit, grad or vmap traces; call "
            "wb.distance inside of these, or this outside"
        )
