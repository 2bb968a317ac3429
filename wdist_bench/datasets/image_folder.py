"""A folder of images as points."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wdist_bench.datasets.files import RefusedError, check_size

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
# Pillow's names of these; it reads others, EPS among them, which it hands to Ghostscript.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
_MOST_VALUES = 2**22
"""Numbers of one image: every one is a column with a name."""

_MOST_EXPANSION = 2000
"""Bytes in memory, eight a number, for one in the file: line drawings reach some hundreds."""

_ORIENTATION = 274  # EXIF's tag for how the picture is to be turned
_UPRIGHT = 1


@dataclass(frozen=True)
class _Kind:
    """What the numbers of a picture mean: names of its channels, and the value of full intensity.

    Attributes:
        channels: names of the channels; two kinds share a name only where they share a scale.
        maximum: full intensity, which is read as 1, with 0 as -1; None where numbers stay.
    """

    channels: tuple[str, ...]
    maximum: int | None


# Pillow's modes that are read, and as what; and its names for 16-bit greys.
_READ_AS = {
    "1": "L", "L": "L", "LA": "L", "P": "RGB", "PA": "RGB", "RGB": "RGB", "RGBA": "RGB", "F": "F",
}  # fmt: skip
_GREY16 = ("I;16", "I;16L", "I;16B", "I;16N")
_KINDS = {
    "L": _Kind(("grey",), 255),
    "RGB": _Kind(("red", "green", "blue"), 255),
    "I;16": _Kind(("grey16",), 65535),
    "F": _Kind(("float",), None),
}


def read_image_folder(folder: Path, parameter: str) -> pd.DataFrame:
    """(n, dim) pixels, one flattened image a row, in the order of the file names.

    8 bits: 2 v / 255 - 1, so from -1 to 1; 16-bit greys: 2 v / 65535 - 1; float greys as they are.
    1-bit images are greys of 0 and 255, palettes are looked up, EXIF's orientation is applied, and
    an alpha channel is dropped where every pixel is opaque. Columns are named by channel and pixel,
    as in "grey[0,3]", so two folders match only where size, channels and scale are the same.

    Raises:
        ValueError: no images, images of different kinds, a file that is no image, or one whose
            content would change on the way: pixels that are not opaque, several frames, 16 bits a
            channel in colour, CMYK and other colour spaces.
        ImportError: Pillow is not installed.
    """
    import pandas as pd

    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    for path in paths:
        _check_file(path, folder, parameter)
    if not paths:
        raise ValueError(
            f"{parameter}: expected images ({', '.join(SUFFIXES)}) in {folder}, got none; "
            "name the folder that holds them"
        )
    images: list[np.ndarray] = []
    modes: list[str] = []
    for path in paths:
        pixels, mode = _read_image(path, parameter, len(paths))
        images.append(pixels)
        modes.append(mode)
        if images[-1].shape != images[0].shape:
            raise ValueError(
                f"{parameter}: expected images of one shape, got {images[0].shape} in "
                f"{paths[0].name} and {images[-1].shape} in {path.name}; resize them first"
            )
        if modes[-1] != modes[0]:
            raise ValueError(
                f"{parameter}: expected images of one scale, got mode {modes[0]} in "
                f"{paths[0].name} and {modes[-1]} in {path.name}; convert them to one mode first"
            )
    kind = _KINDS[modes[0]]
    pixels = np.stack(images).reshape(len(images), -1)
    if kind.maximum is not None:
        pixels = pixels * (2 / kind.maximum) - 1
    height, width = images[0].shape[:2]
    columns = [
        f"{channel}[{row},{column}]"
        for row in range(height)
        for column in range(width)
        for channel in kind.channels
    ]
    return pd.DataFrame(pixels, columns=columns, copy=False)


def read_image(path: Path, parameter: str) -> np.ndarray:
    """Pixels (height, width) of a grey image, (height, width, 3) of a coloured one, as numbers of
    the file: from 0 to 255, to 65535 for 16-bit greys, or as they are for float greys.

    Raises:
        ValueError: no image, or one whose content would change on the way, as `read_image_folder`.
        ImportError: Pillow is not installed.
    """
    return _read_image(path, parameter, 1)[0]


def _read_image(path: Path, parameter: str, count: int) -> tuple[np.ndarray, str]:
    """Pixels and mode of one image out of `count`."""
    try:
        from PIL import ImageOps
    except ImportError as error:
        raise ImportError(
            f"{parameter}: expected Pillow to read images, got no such package; install it with: "
            "pip install 'wdist-bench[bench]'"
        ) from error
    try:
        with _opened(path) as image:
            complaint = _too_large(image, path, count) or _complaint(image)
            if not complaint:
                plain = _plain(image)
                if image.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT:
                    plain = ImageOps.exif_transpose(plain)
                mode = "I;16" if plain.mode.startswith("I") else plain.mode
                return np.asarray(plain), mode
    except RefusedError:
        raise
    except Exception as error:  # whatever Pillow stumbles on
        raise ValueError(
            f"{parameter}: expected an image, got {path} ({error}); repair or remove it"
        ) from error
    raise ValueError(f"{parameter}: expected {complaint.format(path)}")


def _check_file(path: Path, folder: Path, parameter: str) -> None:
    """Refuse what is no file, which may never end, and a link to somewhere else."""
    if not path.is_file():
        raise ValueError(
            f"{parameter}: expected an image, got {path}, which is a folder, a pipe, a device or a "
            "link to nothing; remove it"
        )
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(
            f"{parameter}: expected images in {folder}, got {path}, a link to a file elsewhere; "
            "copy the images into the folder (cp -L does)"
        )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An image whose pixels are not decoded yet; Pillow's word about their number is ours below."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path, formats=_FORMATS) as image:
            yield image


def _too_large(image: Any, path: Path, count: int) -> str:
    """A complaint as below about the size, which the file says before any pixel is decoded."""
    width, height = image.size
    values = width * height * (3 if _READ_AS.get(image.mode) == "RGB" else 1)
    if values > _MOST_VALUES:
        return (
            f"images of at most {_MOST_VALUES:,} numbers (pixels x channels), got {width} x "
            f"{height} pixels in {{}}; make it smaller"
        )
    packed = count * path.stat().st_size
    check_size(8 * values * count, packed, f"{count} images as {path}", _MOST_EXPANSION)
    return ""


def _complaint(image: Any) -> str:
    """What an image should have been, with a place for its path; "" where it can be read."""
    mode = image.mode
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        return f"images of one frame, got {frames} in {{}}; save each frame as a file of its own"
    grey16 = mode in _GREY16 or (mode == "I" and image.format == "PNG")
    if not grey16 and ";16" in repr(image.tile):  # Pillow would drop the lower byte
        return (
            "8 bits a channel, or unsigned 16-bit greys, got 16 bits in {}; convert it, "
            "or pass the pixels as an array"
        )
    if not grey16 and mode not in _READ_AS:
        return (
            f"greys of 8 or 16 bits, float greys or RGB, got the mode {mode} in {{}}; convert it, "
            "colours with the profile that they were made for"
        )
    if ("A" in mode or "transparency" in image.info) and (
        grey16 or np.asarray(image.convert("RGBA").getchannel("A")).min() < 255
    ):
        return (
            "opaque images, got transparent pixels in {}; flatten it onto a background first, "
            "with PIL.Image.alpha_composite"
        )
    return ""


def _plain(image: Any) -> Any:
    """The image in a mode of `_KINDS`, or in one of Pillow's other names for 16-bit greys."""
    mode = _READ_AS.get(image.mode, image.mode)
    return image.copy() if mode == image.mode else image.convert(mode)
