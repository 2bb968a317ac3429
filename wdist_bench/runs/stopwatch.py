"""Seconds of a deadline: those in which the machine, the driver and the worker were awake.

The wall clock may be set, and a machine may sleep, so neither decides. The monotonic clock stands
still while Linux and macOS sleep; it goes on where a process is stopped, or a whole virtual machine
is held. Whoever looks often sees that: far more has passed between two looks than should have.
"""

from __future__ import annotations

import time

_GAP = 2.0  # seconds between two looks that a busy machine may cause; ten times what is asked for
_DOUBT = 0.5  # seconds asleep that make a timeout doubtful


class Stopwatch:
    """Counts from its creation, as far as `look` is called.

    Attributes:
        awake: seconds that count.
        held: seconds that do not, since the worker was stopped (SIGSTOP) while we were not.
    """

    def __init__(self) -> None:
        self.awake = self.held = 0.0
        self._missed = 0.0
        self._last = time.monotonic()
        self._slept = _slept()

    def look(self, stopped: bool = False) -> None:
        """Count the time since the last look; `stopped` is whether the worker is."""
        now = time.monotonic()
        step, self._last = now - self._last, now
        seen = min(step, _GAP)
        self._missed += step - seen
        if stopped:
            self.held += seen
        else:
            self.awake += seen

    @property
    def asleep(self) -> float:
        """Seconds in which machine, driver or worker slept."""
        return self.held + self._missed + _slept() - self._slept

    @property
    def doubtful(self) -> bool:
        """Whether a deadline that has passed says little of the cell."""
        return self.asleep > _DOUBT

    def over(self, seconds: float) -> bool:
        """Whether a deadline has passed; a worker that stays stopped has as long again."""
        return self.awake > seconds or self.held > seconds


def _slept() -> float:
    """Seconds that this machine was suspended since it booted; 0 where it does not say (Linux)."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
