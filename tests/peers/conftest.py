"""The fixture of peers."""

from conftest_peers import peer  # noqa: F401
