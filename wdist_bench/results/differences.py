"""What `describe_environment` says, in words, and in what several of them differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_REVISION = 8  # digits of a git revision


def facts(description: dict[str, Any]) -> dict[str, str]:
    """Name -> words, what matters to numbers and seconds first; nothing for no description."""
    if not description:
        return {}
    packages = description.get("packages")
    versions = packages if isinstance(packages, dict) else {}
    revision = str(description.get("git") or "not known")[:_REVISION]
    dirty = " with changes" if description.get("git_dirty") else ""
    return {
        "backend": f"backend {description.get('backend')}",
        "devices": f"devices {listed(description.get('devices'))}",
        "cpu": str(description.get("cpu")),
        "cores": f"{description.get('cores')} cores",
        **{f"package {name}": f"{name} {version}" for name, version in versions.items()},
        "python": f"Python {description.get('python')}",
        "flags": f"flags {description.get('flags')}",
        "git": f"revision {revision}{dirty}",
        "platform": str(description.get("platform")),
    }


def differing(described: Iterable[dict[str, str]]) -> list[str]:
    """Names of facts that several give, and not the same one."""
    values: dict[str, set[str]] = {}
    for given in described:
        for name, words in given.items():
            values.setdefault(name, set()).add(words)
    return [name for name, words in values.items() if len(words) > 1]


def listed(values: Any) -> str:
    """A list as words; empty for what is none."""
    return ", ".join(map(str, values)) if isinstance(values, list) else ""
