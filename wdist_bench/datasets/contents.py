"""Which images the files of a set hold: the published ones, or others, by digest."""

from __future__ import annotations

import hashlib

import numpy as np


def md5(content: bytes) -> str:
    """For files whose publisher gives no other checksum; it tells files apart, and no more."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    """The hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def pixels_digest(pixels: np.ndarray, labels: np.ndarray) -> str:
    """Of images that a package ships: their pixels and classes."""
    return sha256(pixels.tobytes() + labels.tobytes())


def check_known(found: str, known: tuple[str, ...], source: str, fetch: str) -> str:
    """The digest of a file's content, which must be one of those that are known.

    Args:
        found: digest of what came out of the file, whatever it was compressed with.
        known: digests of what may come out.
        source: the file, for messages.
        fetch: how to get the right one.

    Raises:
        ValueError: other content.
    """
    if found not in known:
        raise ValueError(
            f"{source}: expected the published content (checksum {known[0][:16]}...), got other "
            f"content ({found[:16]}...); get the published file with: {fetch}, or pass your own "
            "images as samples of the task own_data"
        )
    return found
