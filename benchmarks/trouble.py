"""A plug-in with the experiment `trouble`: cells that return, raise, hold or start what they should
not, for benchmarks/torture.py and the tests of the runner.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wdist_bench.experiment import Experiment, register


class OwnError(BaseException):
    """Derives from BaseException alone."""


class MuteError(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise KeyboardInterrupt


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


class Opaque:
    """An object that is no plain data, and does not like to be looked at."""

    def __repr__(self) -> str:
        raise OwnError


def _circular() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


def _deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(400):
        value = [value]
    return value


GOOD = {"status": "ok", "message": "", "runs": 1, "failed": 0, "compile_seconds": 0.0,
        "run_seconds": 0.0}  # fmt: skip
INSTEAD: dict[str, Any] = {
    "none": lambda: None,
    "text": lambda: "ok",
    "an_array": lambda: np.zeros(3),
    "a_list": lambda: [GOOD],
} | {f"no_{name}": lambda name=name: {k: v for k, v in GOOD.items() if k != name} for name in GOOD}
"""What comes instead of results."""

BESIDE: dict[str, Any] = {
    "nan": lambda: {"value": math.nan},
    "infinity": lambda: {"value": [1.0, {"a": -math.inf}]},
    "numpy_nan": lambda: {"value": np.float32("nan")},
    "tuple_key": lambda: {"value": {(1, 2): 3}},
    "circular": lambda: {"value": _circular()},
    "deep": lambda: {"value": _deep()},
    "array": lambda: {"value": np.zeros(3)},
    "opaque": lambda: {"value": Opaque()},
    "bytes": lambda: {"value": b"1"},
    "unknown_status": lambda: {"status": "fine"},
    "refused": lambda: {"status": "refused"},
    "list_status": lambda: {"status": ["ok"]},
    "number_message": lambda: {"message": 3},
    "text_runs": lambda: {"runs": "1"},
    "negative_failed": lambda: {"failed": -1},
    "more_failed": lambda: {"failed": 2},
    "text_seconds": lambda: {"run_seconds": "1.0"},
    "negative_seconds": lambda: {"compile_seconds": -1.0},
    "flat_costs": lambda: {"costs": [1.0, 2.0]},
} | {
    f"takes_{name}": lambda name=name: {name: "x"}
    for name in ("key", "type", "schema", "written", "suite", "attempt", "experiment", "parameters",
                 "backend", "seconds", "shared", "task", "estimator")
}  # fmt: skip
"""What comes beside, or over, good results."""

RAISED: dict[str, Any] = {
    "keyboard_interrupt": KeyboardInterrupt,
    "generator_exit": GeneratorExit,
    "system_exit": SystemExit,
    "stop_iteration": StopIteration,
    "own": OwnError,
    "mute": MuteError,
    "locked": LockedError,
    "recursion": RecursionError,
}
"""What is raised."""

BAD = (*INSTEAD, *BESIDE, *RAISED)

_held: list[Any] = []  # for as long as the process lives


def _hold(megabytes: int) -> None:
    _held.append(np.ones((megabytes, 2**17)))
    time.sleep(0.5 if megabytes < 1000 else 600)  # what is over every limit waits to be stopped


def _hold_apart(megabytes: int) -> None:
    """Let a child hold it, for half a minute."""
    code = f"import time; held = bytearray(b'1' * {megabytes} * 2**20); time.sleep(30)"
    subprocess.Popen([sys.executable, "-c", code])
    time.sleep(30)


def _start_family() -> None:
    """A child, one with a session of its own, and one that init adopts; all stay for a minute."""
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    subprocess.Popen(sleep)
    subprocess.Popen(sleep, start_new_session=True)
    orphan = f"import subprocess; subprocess.Popen({sleep!r}, start_new_session=True)"
    subprocess.run([sys.executable, "-c", orphan], check=True)


@register
@dataclass(frozen=True, kw_only=True)
class Trouble(Experiment):
    """Does what it is asked for, and then returns a number that depends on the seed alone."""

    name: ClassVar[str] = "trouble"
    version: ClassVar[int] = 1

    what: str = "answers"
    seed: int = 0
    seconds: float = 0.0
    megabytes: int = 0

    def run(self) -> Any:
        """Good results, unless asked for others."""
        if self.what in ("holds", "holds_apart"):
            _hold(self.megabytes) if self.what == "holds" else _hold_apart(self.megabytes)
        if self.what == "starts_family":
            _start_family()
        if self.what == "stops":
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.what == "is_killed":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        if self.what in RAISED:
            raise RAISED[self.what]()
        if self.what in INSTEAD:
            return INSTEAD[self.what]()
        beside = BESIDE[self.what]() if self.what in BESIDE else {}
        return GOOD | {"value": float(np.random.default_rng(self.seed).normal())} | beside
