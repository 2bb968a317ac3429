"""The command line, `wdist-bench`: one file a command."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

try:
    import typer
    from wdist_bench.cli import catalogue, check, data, estimate, run
except ImportError:  # the library works without the extras of its command line
    sys.exit("wdist-bench needs its extras; install them with: pip install 'wdist-bench[bench]'")

app = typer.Typer(
    help="Benchmark Wasserstein-distance estimators against known truth.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("list")(catalogue.list_names)
app.command()(run.run)
app.command()(run.report)
app.command()(estimate.estimate)
app.command()(check.check)
app.add_typer(data.app, name="data")


@app.callback()
def load_plugins(
    plugin: Annotated[
        list[Path] | None,
        typer.Option(help="Python file that registers estimators or tasks; may be repeated."),
    ] = None,
) -> None:
    """Benchmark Wasserstein-distance estimators against known truth."""
    for path in plugin or []:
        _import_file(path)


def _import_file(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise FileNotFoundError(f"--plugin: expected a Python file, got {str(path)!r}; check it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what it defines can be pickled
    spec.loader.exec_module(module)


def main() -> None:
    """Entry point: errors that a user can fix are one line, without a traceback."""
    try:
        app()
    except (ValueError, TypeError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
