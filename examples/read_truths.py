"""Truth cards and their samples by NumPy alone: what `wdist-bench export truths` wrote."""

import json
from pathlib import Path

import numpy as np


def read(folder, name):
    """The card of that name, and its arrays: x, y, and weights a, b of finite populations."""
    card = json.loads(Path(folder, f"{name}.json").read_text("utf-8"))
    with np.load(Path(folder, card["samples"]["file"])) as file:
        return card, {key: file[key] for key in file.files}


def truth(card, **cost):
    """W_p for a ground cost, say name="l2" and p=1, and its standard error."""
    (known,) = (known for known in card["truths"] if known["cost"] == cost)
    return known["value"], known["stderr"]
