"""Compiled programs of the benchmark's processes: kept on disk, counted, dropped in time."""

from __future__ import annotations

import gc
import glob
import hashlib
import platform
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax

from wdist_bench.datasets.places import usable_cache, warn_once
from wdist_bench.results.environment import processor

_COMPILING = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
_MIN_SECONDS = 0.3  # programs that compile faster are not worth a file
_CROWDED = 0.5  # of the memory maps that the system allows: time to drop programs


def use_cache() -> None:
    """Keep compiled programs in the user's cache folder and take them from there.

    The folder is one per processor and version of jaxlib: programs are machine code, and home
    folders are shared between machines. Where it cannot be used, a line says so and programs are
    compiled every time. Sets jax's global flags, so only processes that the benchmark started for
    itself call this.
    """
    count()
    machine = f"{platform.machine()} {processor()} {jax.version.__version__}"
    folder = usable_cache("jax", hashlib.sha256(machine.encode()).hexdigest()[:12])
    if folder is None:
        return
    _attend(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _MIN_SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


_TROUBLE = (
    r"Error (?P<what>reading|writing) persistent compilation cache entry for "
    r"'(?P<program>.*?)': (?P<why>.*)"
)


def _attend(folder: Path) -> None:
    """Say once what jax says, in two lines, of every program that it cannot take or keep.

    A file that was cut off (a worker killed while it wrote) is removed: jax leaves it there for
    ever, and compiles its program again in every process.
    """
    otherwise = warnings.showwarning

    def show(message: Warning | str, *place: Any, **more: Any) -> None:
        trouble = re.match(_TROUBLE, str(message))
        if trouble is None:
            otherwise(message, *place, **more)
        elif trouble["what"] == "writing":
            _not_kept(folder, trouble["why"])
        else:
            _broken(folder, trouble["program"], trouble["why"])

    warnings.showwarning = show
    warnings.filterwarnings("always", _TROUBLE)


def _not_kept(folder: Path, why: str) -> None:
    warn_once(
        "cache",
        f"cache: expected a folder that can be written, got {folder} ({why}); going on without: "
        "free space, or name another one with WDIST_BENCH_CACHE",
    )


def _broken(folder: Path, program: str, why: str) -> None:
    """Remove what is kept under the name of a program."""
    kept = list(folder.glob(f"{glob.escape(program)}-*"))
    for file in kept:
        with suppress(OSError):
            file.unlink()
    if not kept:  # it is not the program that is broken
        _not_kept(folder, why)
        return
    warn_once(
        "compiled programs",
        f"cache: expected whole compiled programs in {folder}, got a broken one ({program}: {why});"
        " it is removed and compiled again",
    )


def make_room() -> None:
    """Drop this process's compiled programs where their memory maps near the system's limit.

    XLA maps a program into memory in many pieces: a trained critic took 390, so that 170 of
    different shapes reach Linux's usual 65,530 a process, after which nothing compiles any more.
    """
    try:
        limit = int(Path("/proc/sys/vm/max_map_count").read_text(encoding="ascii"))
        with Path("/proc/self/maps").open("rb") as maps:
            used = sum(1 for _ in maps)
    except OSError:  # systems without such a limit
        return
    if used > _CROWDED * limit:
        jax.clear_caches()
        gc.collect()


@dataclass(frozen=True)
class Count:
    """Programs of this process so far, since the first look.

    Attributes:
        taken: taken from the cache.
        timed: compiled under `timed_program`, that is, those whose seconds are reported.
        timed_taken: of these, taken from the cache.
    """

    taken: int = 0
    timed: int = 0
    timed_taken: int = 0

    def cached_since(self, before: Count) -> bool:
        """Whether reported compile seconds are those of taking a program from the cache.

        Where no program was timed (an experiment times its own), whether any program was taken.
        """
        if self.timed > before.timed:
            return self.timed_taken > before.timed_taken
        return self.taken > before.taken


_count = Count()
_listening = False


def count() -> Count:
    """What there was so far; counting begins with the first call."""
    global _listening
    if not _listening:
        _listening = True
        jax.monitoring.register_event_listener(_listen)
    return _count


@contextmanager
def timed_program() -> Iterator[None]:
    """Around the compilation of a program whose compile seconds are reported."""
    global _count
    before = count().taken
    yield
    taken = _count.taken > before
    _count = replace(_count, timed=_count.timed + 1, timed_taken=_count.timed_taken + taken)


def _listen(event: str, **_: object) -> None:
    global _count
    if event == "/jax/compilation_cache/cache_hits":
        _count = replace(_count, taken=_count.taken + 1)


@dataclass
class Compiling:
    """When jax said that it traced, lowered or compiled, as disjoint (start, end)."""

    spans: list[tuple[float, float]] = field(default_factory=list)

    def add(self, start: float, end: float) -> None:
        """A span that ends now; it may hold earlier ones, since tracing nests."""
        while self.spans and self.spans[-1][1] > start:
            start = min(start, self.spans.pop()[0])
        self.spans.append((start, end))

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum(end - start for start, end in self.spans)


@contextmanager
def compiling() -> Iterator[Compiling]:
    """Adds up what is traced and compiled inside, in this process."""
    found = Compiling()

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event in _COMPILING:
            now = time.perf_counter()
            found.add(now - duration_secs, now)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
