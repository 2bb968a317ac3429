"""The command line, `wdist-bench`: one file a command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

try:
    import typer
    from wdist_bench.cli import (
        catalogue,
        check,
        cite,
        compare,
        data,
        demo,
        estimate,
        export,
        merge,
        population,
        recommend,
        run,
        site,
        status,
        submit,
    )
    from wdist_bench.cli.output import echo, prepare_streams
except ImportError:  # the library works without the extras of its command line
    sys.exit("wdist-bench needs its extras; install them with: pip install 'wdist-bench[bench]'")

app = typer.Typer(
    help="Benchmark Wasserstein-distance estimators against known truth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command("list")(catalogue.list_names)
app.command()(run.run)
app.command()(run.report)
app.command()(status.status)
app.command()(merge.merge)
app.command()(estimate.estimate)
app.command()(population.population)
app.command()(check.check)
app.command()(compare.compare)
app.command()(recommend.recommend)
app.command()(cite.cite)
app.command()(site.site)
app.command()(submit.submit)
app.command()(export.export)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from wdist_bench import __version__

        echo(f"wdist-bench {__version__}")
        raise typer.Exit


@app.callback()
def load_plugins(
    plugin: Annotated[
        list[Path] | None,
        typer.Option(help="Python file that registers estimators or tasks; may be repeated."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Benchmark Wasserstein-distance estimators against known truth."""
    from wdist_bench.runs.plugins import load_plugin

    for path in plugin or []:
        load_plugin(path)


def main() -> None:
    """Entry point: errors that a user can fix are one line, without a traceback."""
    prepare_streams()
    try:
        app()
    except (ValueError, TypeError, OSError, ImportError, MemoryError) as error:
        from wdist_bench.extras import way_out

        echo(f"error: {str(error) or 'memory ran out'}{way_out(error)}", err=True)
        sys.exit(2)
