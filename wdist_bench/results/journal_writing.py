"""Records on their way to the journal: whole lines of this process's own file, or a compact one."""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from wdist_bench.folders import write
from wdist_bench.results.journal import SCHEMA, Journal
from wdist_bench.results.journal_lines import Stored

_TOKEN = secrets.token_hex(3)  # two processes of one host may come to have the same id


class JournalError(OSError):
    """The journal cannot be written; what it held before is intact."""


def compacted(journal: Journal) -> bytes:
    """Every record that counts, compressed; the same bytes for the same records."""
    packer = zlib.compressobj(9, wbits=31)  # 31: in the frame of gzip, without a time
    lines = (json.dumps(record, default=_plain, allow_nan=False) for record in journal.records())
    parts = [packer.compress(f"{line}\n".encode()) for line in lines]
    return b"".join([*parts, packer.flush()])


def write_compact(journal: Journal, path: Path) -> None:
    """`compacted`, as a file."""
    write(path, compacted(journal))


def journal_name() -> str:
    """The file of this process."""
    host = "".join(c if c.isalnum() else "_" for c in socket.gethostname())
    return f"journal-{host}-{os.getpid()}-{_TOKEN}.jsonl"


def append(folder: Path, record: dict[str, Any], sync: bool = True) -> dict[str, Any]:
    """Add one record, whole, to this process's file: one write, then fsync; returns it as written.

    Args:
        folder: made where it does not exist.
        record: with `type` and `key`; `schema` and `written` are added where missing.
        sync: False for what may get lost with the machine.

    Raises:
        JournalError: the folder cannot be written, or the disk is full. The file is as before.
    """
    record = {"schema": SCHEMA, "written": round(time.time(), 6)} | record
    line = (json.dumps(record, default=_plain, allow_nan=False) + "\n").encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        descriptor = os.open(folder / journal_name(), flags, 0o644)
    except OSError as error:
        raise _not_writable(folder, error) from error
    try:
        _write_whole(descriptor, line, sync)
    except OSError as error:
        raise _not_writable(folder, error) from error
    finally:
        os.close(descriptor)
    return record


def _write_whole(descriptor: int, line: bytes, sync: bool) -> None:
    """The line, or nothing of it."""
    before = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if sync:
            os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def _not_writable(folder: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{folder}: expected to write a record to the journal, got {error.strerror!r}; free space "
        "or give a folder that can be written with --out; everything journaled so far is kept, and "
        "the same command goes on from there"
    )


def _plain(value: Any) -> Any:
    """Arrays from another journal, NumPy scalars, and whatever only has a name."""
    if isinstance(value, Stored):
        return value.load()
    return value.item() if isinstance(value, np.generic) else str(value)
