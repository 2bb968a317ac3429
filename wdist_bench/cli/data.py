"""`wdist-bench data`: which image sets are here, and how the others come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from wdist_bench import datasets
from wdist_bench.cli.output import console, echo, text
from wdist_bench.datasets.places import cache_folder

app = typer.Typer(help="Find, fetch and decode the image sets.", no_args_is_help=True)


@app.command()
def status(
    decode: Annotated[
        bool, typer.Option("--decode", help="Write the decoded files that are still to come.")
    ] = False,
) -> None:
    """Show every image set: where it is, what it holds, or how to get it, and verify it.

    Looks in WDIST_BENCH_DATA, then in the cache (WDIST_BENCH_CACHE, else the user's).
    """
    shown = console()
    table = Table(box=None, pad_edge=False)
    for column in ("name", "split", "where", "images", "shape", "on disk", "decoded", "content"):
        table.add_column(column, overflow="fold")
    absent = []
    for name in datasets.names():
        for split in datasets.splits(name):
            try:
                found = datasets.find(name, split)
                if decode and found.decoded is not None:
                    _decode(name, split, shown)
                content = _content(name, split, found)
            except (OSError, ValueError) as error:
                lacking = isinstance(error, datasets.DatasetNotFoundError)
                table.add_row(name, split, f"{'not here' if lacking else 'broken'}, see below")
                absent.append(str(error))
                continue
            shape = " x ".join(map(str, found.shape))
            size = decimal(found.size) if found.files else "shipped"
            table.add_row(
                name,
                split,
                text(found.place),
                f"{found.count:,}",
                shape,
                size,
                _decoded(found),
                content,
            )
    shown.print(table)
    for message in [f"cache: {cache_folder() or 'none without pooch'}", *dict.fromkeys(absent)]:
        echo(message)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Image set; see `wdist-bench data status`.")],
    split: Annotated[str, typer.Option(help="Part of the set; its first by default.")] = "",
) -> None:
    """Download an image set into the cache and verify it; an interrupted download is resumed."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    part = split or datasets.splits(name)[0]
    with _bar(f"{name} {part}", DownloadColumn(), console()) as progress:
        paths = datasets.fetch(name, part, progress)
    for path in paths:
        echo(f"{path} ({decimal(path.stat().st_size)}, SHA-256 as published)")
    if not paths:
        echo(f"nothing to fetch: {name} {part} is here ({datasets.find(name, part).place})")


def _decode(name: str, split: str, shown: Console) -> None:
    with _bar(f"decoding {name} {split}", MofNCompleteColumn(), shown) as progress:
        datasets.decode(name, split, progress)


def _decoded(found: datasets.Found) -> str:
    if found.decoded is None:
        return "not needed"
    if not found.decoded.is_file():
        return "on first use"
    return decimal(found.decoded.stat().st_size)


def _content(name: str, split: str, found: datasets.Found) -> str:
    """Whether the images are those of the committed results; looks at what is quick to read."""
    if found.decoded is not None and not found.decoded.is_file():
        return ""
    other = datasets.content(name, split)
    return f"not as in our results ({other})" if other else "as in our results"


@contextmanager
def _bar(title: str, column: DownloadColumn | MofNCompleteColumn, shown: Console) -> Iterator:
    """A progress report that draws a bar, on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), column)
    with Progress(*columns, console=shown, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task(title)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
