"""The update rules of the papers, by name."""

from __future__ import annotations

import optax

from wdist_bench.validation import check_name, check_number

NAMES = ("adam", "rmsprop")


def check_optimizer(name: str, learning_rate: float, beta1: float, beta2: float) -> None:
    """Raise on settings that `build_optimizer` has no meaning for."""
    check_name(name, NAMES, "optimizer")
    check_number(learning_rate, "learning_rate", above=0)
    for beta, label in ((beta1, "beta1"), (beta2, "beta2")):
        if check_number(beta, label, minimum=0) >= 1:
            raise ValueError(f"{label}: expected a number in [0, 1), got {beta}; lower it")
    if name == "rmsprop" and beta1 != 0:
        raise ValueError(
            f"beta1: expected 0 with rmsprop, got {beta1}; it averages the squares only, use adam"
        )


def build_optimizer(
    name: str, learning_rate: float, beta1: float, beta2: float
) -> optax.GradientTransformation:
    """Adam, or RMSprop with decay beta2, both with the constants of PyTorch."""
    if name == "adam":
        return optax.adam(learning_rate, b1=beta1, b2=beta2)
    return optax.rmsprop(learning_rate, decay=beta2, eps=1e-8, eps_in_sqrt=False)
