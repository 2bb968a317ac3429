"""Packages of the extra `bench`, which the library does without; who needs one is told how."""

from __future__ import annotations

from importlib.util import find_spec

_BENCH = frozenset(
    ("jinja2", "markdown_it", "matplotlib", "PIL", "plotly", "pooch", "pyarrow", "pydantic", "rich",
     "sklearn", "tabulate", "threadpoolctl", "typer")
)  # fmt: skip
_INSTALL = "install it with: pip install 'wdist-bench[bench]'"
REPORTS = ("jinja2", "markdown_it", "matplotlib", "PIL", "plotly", "tabulate")
"""What tables, figures and pages are made with."""


def require(what: str, *packages: str) -> None:
    """Raise ModuleNotFoundError, with the way out, where one of the packages is not installed."""
    if missing := [name for name in packages if find_spec(name) is None]:
        raise ModuleNotFoundError(
            f"{what}: expected the extra `bench`, got none of its {', '.join(missing)}; {_INSTALL}"
        )


def way_out(error: BaseException) -> str:
    """What to add to the error of an import: how to get what it lacks, "" where that is not ours to
    say.
    """
    name = (getattr(error, "name", None) or "") if isinstance(error, ImportError) else ""
    return f"; it is of the extra `bench`: {_INSTALL}" if name.partition(".")[0] in _BENCH else ""
