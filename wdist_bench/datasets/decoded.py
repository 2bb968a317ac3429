"""Pixels that are costly to decode, decoded once into a file and mapped from there."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from wdist_bench.datasets.places import cache_folder

_LOG = logging.getLogger(__name__)

Chunks = Callable[[], Iterator[np.ndarray]]


def decoded_path(
    label: str, inputs: Iterable[tuple[str, int, int]], parameters: str
) -> Path | None:
    """The file for these inputs and parameters; None where there is no cache folder.

    Args:
        label: start of the file's name.
        inputs: name, size in bytes and time of change of every input file.
        parameters: how the inputs are processed.
    """
    folder = cache_folder()
    if folder is None:
        return None
    digest = hashlib.sha256(parameters.encode())
    for entry in inputs:
        digest.update(repr(entry).encode())
    return folder / "decoded" / f"{label}-{digest.hexdigest()[:16]}.npy"


def open_decoded(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """The mapped pixels (N, dim), read-only; None where the file is absent or not whole."""
    if not path.is_file():
        return None
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def decode_once(path: Path | None, shape: tuple[int, int], chunks: Chunks) -> np.ndarray:
    """Pixels (N, dim) uint8 from the decoded file, which is written first where it is not there.

    The file gets its name only when it is whole and on disk. A folder that cannot be written, or
    a full disk, costs the file and not the pixels: they are decoded in memory, and a warning
    says so.

    Args:
        path: from `decoded_path`.
        shape: (N, dim).
        chunks: called to decode; yields blocks of rows, in order. Its errors pass through, and
            none of them may be an OSError.
    """
    if path is not None:
        pixels = open_decoded(path, shape)
        if pixels is not None:
            return pixels
        try:
            _write(path, shape, chunks)
        except OSError as error:
            _LOG.warning(
                "%s: expected a place for the decoded images, got %s; decoding in memory every "
                "time: set WDIST_BENCH_CACHE to a folder with %s bytes free",
                path, error.strerror or error, f"{shape[0] * shape[1]:,}",
            )  # fmt: skip
        else:
            pixels = open_decoded(path, shape)
            if pixels is not None:
                return pixels
    whole = np.empty(shape, np.uint8)
    start = 0
    for rows in chunks():
        whole[start : start + len(rows)] = rows
        start += len(rows)
    return whole


def _write(path: Path, shape: tuple[int, int], chunks: Chunks) -> None:
    """Written to a temporary name with plain writes (a full disk kills who writes a map)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(".part", path.stem, path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for rows in chunks():
                stream.write(np.ascontiguousarray(rows).data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
