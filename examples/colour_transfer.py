"""Colour transfer: a photograph in the colours of another, by the maps of four estimators.

A pixel is a point in the cube of red, green and blue. A map from the colours of one picture to
those of the other, learned on a few hundred pixels of each, is applied to every pixel of the first.

    python examples/colour_transfer.py colour_transfer.jpg

needs the two photographs that ship with scikit-learn (china.jpg and flower.jpg), and Pillow.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import wdist_bench as wb

ROWS = 1000
"""Pixels of each picture that maps are learned on, and as many others that they are judged on."""
EVERY = 2  # pixels of a side of which one is shown
METHODS = {
    "exact": {},
    "sinkhorn": {"epsilon": 0.01},
    "gaussian": {},
    "c_transform": {"steps": 1000, "batch_size": 256, "learning_rate": 1e-3},
}


def photographs(every: int = EVERY) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures of scikit-learn, (height, width, 3) in [0, 1]."""
    from sklearn.datasets import load_sample_images

    first, second = (picture[::every, ::every] / 255 for picture in load_sample_images().images)
    return first, second


def colours(picture: np.ndarray, rows: int, seed: int) -> np.ndarray:
    """Some pixels as points, (rows, 3)."""
    pixels = picture.reshape(-1, 3)
    return np.random.default_rng(seed).choice(pixels, rows, replace=False)


def transfer(
    source: np.ndarray, target: np.ndarray, method: str, rows: int = ROWS, **options: object
) -> tuple[np.ndarray, float]:
    """The source in the colours of the target, and W_2 of its new colours to those of the target,
    exact on pixels that the map has not seen.
    """
    answer = wb.estimate(colours(source, rows, 0), colours(target, rows, 1), method, p=2, **options)
    if answer.map is None:
        raise ValueError(f"{method}: expected an estimator with a map, got none; use exact")
    moved = answer.map(source.reshape(-1, 3)).clip(0, 1).reshape(source.shape)
    left = wb.estimate(colours(moved, rows, 2), colours(target, rows, 3), p=2)
    return moved, left.value


def picture(every: int = EVERY, rows: int = ROWS) -> Figure:
    """Both photographs and the four transfers."""
    source, target = photographs(every)
    before = wb.estimate(colours(source, rows, 2), colours(target, rows, 3), p=2).value
    figure, axes = plt.subplots(2, 3, figsize=(9, 4.4), layout="constrained")
    shown = [(f"source, {before:.3f} from the target", source), ("target", target)]
    for method, options in METHODS.items():
        moved, left = transfer(source, target, method, rows, **options)
        shown.append((f"{method}: {left:.3f} left", moved))
    for axis, (title, image) in zip(axes.T.flat, shown, strict=True):
        axis.imshow(image)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    return figure


if __name__ == "__main__":
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "colour_transfer.jpg")
    picture().savefig(out, dpi=110, pil_kwargs={"quality": 85})
    print(f"{out}: the distance that is left is W_2 of colours in [0, 1]^3")
