"""Options of the commands that read two samples, and what they say of what was read."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wdist_bench.cli.output import echo

if TYPE_CHECKING:
    from wdist_bench.datasets.two_samples import TwoSamples

_NAMES = 6  # shown, of one file
_NORMS = ("l2", "l1", "linf")  # whose distances are made of columns, so that units matter

X = Annotated[
    Path,
    typer.Argument(
        help="Rows: .csv, .tsv (commas, tabs or semicolons), .parquet, .npy, .npz (FILE.npz:KEY), "
        "or a folder of images."
    ),
]
Y = Annotated[Path | None, typer.Argument(help="Rows of the other sample; left out with --by.")]
Columns = Annotated[
    str | None,
    typer.Option(help="Columns to use, as a,b,c; default all but those of --by and --weights."),
]
By = Annotated[str | None, typer.Option(help="Column of X whose two values are the two samples.")]
Groups = Annotated[
    str | None, typer.Option(help="Two values of the column of --by, as a,b, where it has more.")
]
Weights = Annotated[
    str | None, typer.Option(help="Column of weights >= 0, scaled to sum to one in each sample.")
]
Standardize = Annotated[
    bool,
    typer.Option(
        "--standardize",
        help="Divide each column by its standard deviation in all rows: for columns in different "
        "units.",
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of .csv and .tsv files holds names; default: decide.",
    ),
]


def read(
    x: Path,
    y: Path | None,
    columns: str | None,
    by: str | None,
    groups: str | None,
    weights: str | None,
    standardize: bool,
    header: bool | None,
) -> TwoSamples:
    """The two samples that a command's options name."""
    import wdist_bench as wb

    return wb.read_samples(
        x, y, columns=_listed(columns), by=by, groups=_listed(groups), weights=weights,
        standardize=standardize, header=header,
    )  # fmt: skip


def refuse(subject: str, given: dict[str, bool]) -> None:
    """Raise ValueError where an option is given that the subject does not look at."""
    for option, present in given.items():
        if present:
            raise ValueError(f"{option}: expected none with {subject}, got it; leave it out")


def _listed(text: str | None) -> list[str] | None:
    """Names separated by commas; one that holds a comma stands in quotes."""
    if text is None:
        return None
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def said(samples: TwoSamples, weights: str | None) -> dict[str, Any]:
    """How the samples were read, a line each."""
    groups = samples.groups if samples.by else ("", "")
    lines = {
        name: described(rows) + (f", {samples.by} = {group}" if samples.by else "")
        for name, rows, group in zip("xy", (samples.x, samples.y), groups, strict=True)
    }
    own = [key for key in "ab" if getattr(samples, key) is not None]
    return lines | {"scaling": samples.scaling, "weights": weights or ", ".join(own) or None}


def facts(samples: TwoSamples) -> dict[str, Any]:
    """The same for programs."""
    shape = {"n": len(samples.x), "m": len(samples.y), "d": samples.x.shape[1]}
    scales = None if samples.scales is None else [float(scale) for scale in samples.scales]
    columns = samples.columns or None
    return shape | {"columns": columns, "groups": list(samples.groups), "scales": scales}


def warn(samples: TwoSamples, norm: str) -> str:
    """Print and return the warning where one column makes the distance, if the cost has units."""
    warning = samples.remark if norm in _NORMS else ""
    if warning:
        echo(f"warning: {warning}", err=True)
    return warning


def described(rows: Any) -> str:
    """Size and names of what was read, names shortened."""
    text = "{} x {}".format(*rows.shape)
    names = [str(name) for name in getattr(rows, "columns", ())]
    if not names:
        return f"{text}, columns without names"
    shown = names if len(names) <= _NAMES else [*names[: _NAMES - 1], "...", names[-1]]
    return f"{text}: {', '.join(f'{name:.20}' for name in shown)}"


def sides(samples: TwoSamples) -> str:
    """The two samples, in a sentence."""
    if not samples.by:
        return f"the {len(samples.x)} rows of x and the {len(samples.y)} of y"
    first, second = samples.groups
    one, other = len(samples.x), len(samples.y)
    return f"the {one} rows with {samples.by} {first} and the {other} with {second}"


def measured_in(samples: TwoSamples) -> str:
    """The unit of the distance, where it is no longer that of the columns."""
    return "" if samples.scales is None else " standard deviations"
