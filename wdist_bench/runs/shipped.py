"""The suites that come with the package, by name.

In a clone they are the files of `benchmarks/`, in an installed package copies of these.
"""

from __future__ import annotations

from pathlib import Path

from wdist_bench.validation import check_name

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "suites", _PACKAGE.parent / "benchmarks")


def shipped() -> dict[str, Path]:
    """Their files by name, in alphabetical order."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_suite(given: Path) -> Path:
    """The file that is meant by a path, or by the name of a suite of ours.

    Raises:
        FileNotFoundError: no such file, and no such suite.
    """
    if given.is_file() or len(given.parts) != 1 or given.suffix:
        return given  # what reads it says whether it is there
    suites = shipped()
    try:
        return suites[check_name(str(given), suites, "suite")]
    except ValueError as error:
        said = str(error).removesuffix("?")
        raise FileNotFoundError(f"{said}, or give a suite file (.toml)") from None
