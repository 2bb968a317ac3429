"""Measurements in fresh processes: what a first call costs, and how much memory it takes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MIB = 2**20


def in_fresh_process(
    module: str, function: str, *arguments: Any, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """What `function(*arguments)` of a script beside this one returns, run in a new process.

    It must take and return plain data. `peak_mib` is added: the most memory that was resident
    during the call, less what was before it, in MiB. Imports of the script, of POT and of scipy's
    parts come before it.
    """
    command = [sys.executable, __file__, module, function, json.dumps(arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | (environment or {})
    )
    if done.returncode:
        raise RuntimeError(f"{module}.{function}{arguments} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _main() -> None:
    """The new process. Peaks are those of the kernel; getrusage would inherit the parent's."""
    module, function, arguments = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    sys.path.insert(0, str(Path(__file__).parent))
    call = getattr(importlib.import_module(module), function)

    import jax
    import ot  # noqa: F401  (loads scipy.optimize, scipy.spatial)

    from wdist_bench.runs.memory import peak, reset_peak

    jax.devices()
    reset_peak()
    before = peak()["peak_memory"]
    found = call(*arguments)
    found["peak_mib"] = (peak()["peak_memory"] - before) / MIB
    print(json.dumps(found))


if __name__ == "__main__":
    _main()
