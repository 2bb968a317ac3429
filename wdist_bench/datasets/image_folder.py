"""A folder of images as points."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def read_image_folder(folder: Path, parameter: str) -> np.ndarray:
    """(n, dim) pixels in [-1, 1], one flattened image a row, in the order of the file names.

    All images must have one size and one mode (grey or colour).

    Raises:
        ValueError: no images, images of different shapes, or a file that is no image.
        ImportError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{parameter}: expected Pillow to read images, got no such package; install it with: "
            "pip install 'wdist-bench[bench]'"
        ) from error
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise ValueError(
            f"{parameter}: expected images ({', '.join(SUFFIXES)}) in {folder}, got none; "
            "name the folder that holds them"
        )
    images: list[np.ndarray] = []
    for path in paths:
        try:
            with Image.open(path) as image:
                mode = image if image.mode in ("L", "RGB") else image.convert("RGB")
                pixels = np.asarray(mode, np.uint8)
        except OSError as error:
            raise ValueError(
                f"{parameter}: expected an image, got {path} ({error}); repair or remove it"
            ) from error
        if images and pixels.shape != images[0].shape:
            raise ValueError(
                f"{parameter}: expected images of one shape, got {images[0].shape} in "
                f"{paths[0].name} and {pixels.shape} in {path.name}; resize them first"
            )
        images.append(pixels)
    return np.stack(images).reshape(len(images), -1) * (2 / 255) - 1
