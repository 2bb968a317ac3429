"""Files that users name: found, and read without executing anything."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from wdist_bench.datasets.places import data_folder


def find_file(name: str, parameter: str) -> Path:
    """The path itself, or the same below the folder that WDIST_BENCH_DATA names."""
    path = Path(name).expanduser()
    folder = data_folder()
    places = [path] if folder is None or path.is_absolute() else [path, folder / path]
    for place in places:
        if place.is_file():
            return place
    looked = " or ".join(str(place) for place in places)
    raise FileNotFoundError(
        f"{parameter}: expected a file, got {name!r}, which is not there ({looked}); "
        "check the path, or set WDIST_BENCH_DATA to the folder that it starts from"
    )


def read_arrays(path: Path, parameter: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by key; of an .npy file under the key ""."""
    try:
        with path.open("rb") as stream:
            content = np.load(stream, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"": content}
            return {key: content[key] for key in content.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{parameter}: expected a readable NumPy file, got {path} ({reason}); "
            "write it again with numpy.save or numpy.savez, without Python objects"
        ) from None
