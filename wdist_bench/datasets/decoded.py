"""Pixels that are costly to decode, decoded once into a file and mapped from there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wdist_bench.datasets.places import cache_folder, reason, usable_cache, warn_once

Chunks = Callable[[], Iterator[tuple[np.ndarray, bytes]]]
"""Decodes: blocks of rows, in order, each with what tells the files behind them from others."""

_FOLDER = "decoded"  # below the cache
_DIGEST = 64  # bytes of a SHA-256 in hexadecimal, which follow the pixels


class Decoded(NamedTuple):
    """Pixels (N, dim) uint8, and the SHA-256 of all that tells their files from others."""

    pixels: np.ndarray
    digest: str


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
    return folder / _FOLDER / f"{label}-{digest.hexdigest()[:16]}.npy"


def open_decoded(path: Path, shape: tuple[int, int]) -> Decoded | None:
    """The mapped pixels (N, dim), read-only; None where the file is absent or not whole."""
    if not path.is_file():
        return None
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
        if pixels.shape != shape or pixels.dtype != np.uint8:
            return None
        with path.open("rb") as file:
            file.seek(pixels.offset + pixels.size)
            digest = file.read(_DIGEST + 1).decode("ascii")
    except (OSError, ValueError, EOFError):
        return None
    return Decoded(pixels, digest) if re.fullmatch(f"[0-9a-f]{{{_DIGEST}}}", digest) else None


def decode_once(path: Path | None, shape: tuple[int, int], chunks: Chunks) -> Decoded:
    """Pixels (N, dim) uint8 from the decoded file, which is written first where it is not there.

    The file gets its name only when it is whole and on disk. A folder that cannot be written, or
    a full disk, costs the file and not the pixels: they are decoded in memory, and a warning
    says so.

    Args:
        path: from `decoded_path`.
        shape: (N, dim).
        chunks: called to decode. Its errors pass through, and none of them may be an OSError.
    """
    if path is not None:
        decoded = open_decoded(path, shape)
        if decoded is not None:
            return decoded
    if path is not None and usable_cache(_FOLDER) is not None:
        try:
            _write(path, shape, chunks)
        except OSError as error:
            warn_once(
                str(path),
                f"{path}: expected a place for the decoded images, got {reason(error)}; decoding "
                "in memory every time: set WDIST_BENCH_CACHE to a folder with "
                f"{shape[0] * shape[1]:,} bytes free",
            )
        else:
            decoded = open_decoded(path, shape)
            if decoded is not None:
                return decoded
    whole, digest = np.empty(shape, np.uint8), hashlib.sha256()
    start = 0
    for rows, files in chunks():
        whole[start : start + len(rows)] = rows
        digest.update(files)
        start += len(rows)
    return Decoded(whole, digest.hexdigest())


def _write(path: Path, shape: tuple[int, int], chunks: Chunks) -> None:
    """Written to a temporary name with plain writes (a full disk kills who writes a map)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(".part", path.stem, path.parent)
    digest = hashlib.sha256()
    try:
        with os.fdopen(handle, "wb") as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for rows, files in chunks():
                stream.write(np.ascontiguousarray(rows).data)
                digest.update(files)
            stream.write(digest.hexdigest().encode())
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
