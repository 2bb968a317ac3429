"""Where numbers came from: versions, hardware, revision."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

_PACKAGES = (
    "wdist-bench", "jax", "jaxlib", "flax", "optax", "POT", "ott-jax", "numpy", "scipy", "pandas",
    "scikit-learn", "pillow", "distributed",
)  # fmt: skip


_CODE = (":/", ":(top,exclude)results")  # what is committed beside them makes no number


def describe_environment() -> dict[str, Any]:
    """Package versions, jax backend and devices, processor, git revision, flags."""
    here = bool(_git("ls-files", Path(__file__).name))  # else the repository is another project's
    changes = here and _git("status", "--porcelain", "--untracked-files=no", "--", *_CODE)
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "backend": jax.default_backend(),
        "devices": [str(device.device_kind) for device in jax.devices()],
        "cpu": processor(),
        "cores": os.cpu_count(),
        "git": _git("rev-parse", "HEAD") if here else "",
        "git_dirty": bool(changes),
        "flags": {k: v for k, v in os.environ.items() if k.startswith(("XLA_", "JAX_"))},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _git(*arguments: str) -> str:
    """Output of git in the package's folder; empty where there is no git or no checkout."""
    try:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
