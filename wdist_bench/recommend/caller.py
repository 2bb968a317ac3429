"""Calls of estimators that can be cut off: in a process beside this one, which is ended when it
overruns and replaced.

The solvers that are known to be quick on few rows are called in this process. All others, critics
and third parties' plug-ins among them, are called in the other one: a fresh interpreter, which
never imports the caller's script, so that scripts without `if __name__ == "__main__"` work. What
cannot travel there (an estimator that a script defines, say) is called here, and a note says so.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from wdist_bench.calls import estimate
from wdist_bench.estimate import Estimate, Estimator
from wdist_bench.runs.plugins import load_plugin, loaded_plugins

QUICK = ("one_dimensional", "gaussian", "nearest_neighbor", "sliced", "exact")
"""Solvers of milliseconds on some hundred rows, in the order in which they are called."""

MOST_COSTS = 1500**2
"""Pairs of rows up to which they are quick: half a second of linear programming."""

_SERVE = (
    "import sys; sys.path[:] = {path!r}; from wdist_bench.recommend.caller import serve; serve()"
)


def is_quick(estimator: Estimator) -> bool:
    """Whether it is one of ours that takes milliseconds."""
    return estimator.name in QUICK and type(estimator).__module__.startswith("wdist_bench.")


class Answered(NamedTuple):
    """An answer, its seconds, and the exception by which an estimator refuses such samples."""

    answer: Estimate
    seconds: float
    refusal: Exception | None = None


class Caller:
    """Calls estimators, those that may overrun in a process of their own.

    Attributes:
        notes: what could not be called there, and why.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._broken = False

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def start(self) -> None:
        """Start the process, which takes its seconds to import while others work here."""
        if self._process is not None or self._broken:
            return
        environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # an interrupt is for this process, which ends that one
            )
        except OSError as error:
            self._broken = True
            self._note(f"calls are not cut off: no process could be started ({error})")

    def __call__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        estimator: Estimator,
        p: float,
        seed: int,
        limit: float,
        refuse: bool = False,
    ) -> tuple[Estimate, float]:
        """An answer and its seconds. An exception is a failed answer that says which.

        Args:
            x: (n, d) rows.
            y: (m, d) rows.
            estimator: whom to call.
            p: exponent.
            seed: of the estimator.
            limit: seconds after which a call in the other process is ended: status "timeout".
            refuse: raise what the estimator says of such samples.

        Raises:
            ValueError, TypeError: with `refuse`.
        """
        call = x, y, estimator, p, seed
        quick = is_quick(estimator) and len(x) * len(y) <= MOST_COSTS
        found = None if quick else self._outside(call, max(limit, 0.0))
        answer, seconds, refusal = found or answered(*call)
        if refuse and refusal is not None:
            raise refusal
        return answer, seconds

    def _outside(self, call: tuple[Any, ...], limit: float) -> Answered | None:
        """The answer of the process beside this one; None where it cannot be called there."""
        estimator = call[2]
        try:
            sent = pickle.dumps(call)
        except Exception as error:  # pickle raises what it likes
            self._note(f"{estimator.name} is not cut off: it cannot be sent ({error})")
            return None
        self.start()
        if self._process is None:
            return None
        late = threading.Event()
        start = time.perf_counter()

        def end(process: subprocess.Popen[bytes] = self._process) -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit, end)
        timer.start()
        try:
            reply = self._exchange(self._process, sent)
        except (OSError, EOFError, pickle.UnpicklingError):
            started = self._ready
            self._end()
            if late.is_set():
                message = f"stopped after {limit:.1f} s, when its part of the budget was spent"
                return Answered(_failed("timeout", message), time.perf_counter() - start)
            if not started:
                self._broken = True
                self._note("calls are not cut off: the process for them ended at its start")
                return None
            message = "its process ended; it may have run out of memory"
            return Answered(_failed("error", message), time.perf_counter() - start)
        finally:
            timer.cancel()
        if late.is_set():  # it was ended just after it had answered
            self._end()
        if isinstance(reply, str):
            self._note(f"{estimator.name} is not cut off: {reply}")
            return None
        return Answered(*reply)

    def _exchange(self, process: subprocess.Popen[bytes], sent: bytes) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        if not self._ready:
            pickle.load(process.stdout)
            self._ready = True
            process.stdin.write(pickle.dumps(loaded_plugins()))
        process.stdin.write(pickle.dumps(sent))
        process.stdin.flush()
        return pickle.load(process.stdout)

    def _end(self) -> None:
        process, self._process, self._ready = self._process, None, False
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what could not be sent is lost
                if pipe is not None:
                    pipe.close()

    def _note(self, said: str) -> None:
        if said not in self.notes:
            self.notes.append(said)


def answered(x: np.ndarray, y: np.ndarray, estimator: Estimator, p: float, seed: int) -> Answered:
    """An answer in this process."""
    start = time.perf_counter()
    refusal = None
    try:
        answer = estimate(x, y, estimator, p, seed=seed)
    except Exception as error:  # a plug-in may raise anything
        answer = _failed("error", f"{type(error).__name__}: {error}")
        refusal = error if isinstance(error, (ValueError, TypeError)) else None
    return Answered(answer, time.perf_counter() - start, refusal)


def serve() -> None:
    """The other process: answers calls until its input ends."""
    from wdist_bench.protocol.compilation import use_cache

    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a plug-in prints is no reply
    use_cache()
    _reply(replies, "ready")
    with suppress(EOFError):
        for plugin in pickle.load(requests):
            load_plugin(Path(plugin))
        while True:
            _reply(replies, _served(pickle.load(requests)))


def _served(sent: bytes) -> Any:
    """Answer, seconds and refusal; or why the call is unknown here."""
    try:
        x, y, estimator, p, seed = pickle.loads(sent)
    except Exception as error:  # its module may not be importable here
        return f"it is unknown to another process ({error})"
    answer, seconds, refusal = answered(x, y, estimator, p, seed)
    if refusal is not None:  # its own class may not travel
        refusal = (TypeError if isinstance(refusal, TypeError) else ValueError)(str(refusal))
    return answer.numbers(), seconds, refusal


def _reply(replies: BinaryIO, what: Any) -> None:
    replies.write(pickle.dumps(what))
    replies.flush()


def _failed(status: str, message: str) -> Estimate:
    return Estimate.failed(status, message, target="batch", bound="none")
