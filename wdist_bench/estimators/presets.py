"""What the critics of one paper have in common; each estimator's `presets` add its own."""

from __future__ import annotations

from typing import Any

MALLASTO: dict[str, Any] = {
    "steps": 500,
    "batch_size": 64,
    "critic": "mlp",
    "hidden": (128, 128),
    "activation": "relu",
    "standardize": False,
}
"""Mallasto, Montufar, Gerolin 2019 (arXiv 1910.03875), Table 1."""

W1_BENCHMARK: dict[str, Any] = {
    "batch_size": 1024,
    "critic": "mlp",
    "hidden": "auto",
    "activation": "relu",
    "initial": "torch",
    "optimizer": "adam",
    "learning_rate": 2e-4,
    "beta1": 0.9,
    "beta2": 0.999,
    "standardize": False,
}
"""Korotin, Kolesov, Burnaev 2022 (arXiv 2206.07767), the continuous pairs.

Steps are those of the authors' notebook at dim 16.
"""

W2_BENCHMARK: dict[str, Any] = {
    "steps": 50_000,
    "batch_size": 1024,
    "hidden": "published",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "beta1": 0.9,
    "beta2": 0.999,
    "inner_steps": 15,
    "strong_convexity": 1e-4,
    "start": "identity",
    "standardize": False,
}
"""Korotin et al. 2021 (arXiv 2106.01954), from the authors' notebooks."""
