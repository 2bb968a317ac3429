"""Compiled programs of the benchmark's processes: kept on disk, counted, dropped in time."""

from __future__ import annotations

import gc
import hashlib
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import jax

from wdist_bench.bench.environment import processor
from wdist_bench.datasets.places import cache_folder

_MIN_SECONDS = 0.3  # programs that compile faster are not worth a file
_CROWDED = 0.5  # of the memory maps that the system allows: time to drop programs


def use_cache() -> None:
    """Keep compiled programs in the user's cache folder and take them from there.

    The folder is one per processor and version of jaxlib: programs are machine code, and home
    folders are shared between machines. Sets jax's global flags, so only processes that the
    benchmark started for itself call this.
    """
    home = cache_folder()
    if home is None:
        return
    machine = f"{platform.machine()} {processor()} {jax.version.__version__}"
    folder = Path(home) / "jax" / hashlib.sha256(machine.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _MIN_SECONDS)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    count()


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
