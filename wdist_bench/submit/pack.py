"""A checked results folder as one file: journal, environment, code of plug-ins, who and what."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wdist_bench.conformance.findings import Finding
from wdist_bench.folders import read_plain, write
from wdist_bench.results.journal_files import COMPACT
from wdist_bench.results.journal_writing import compacted
from wdist_bench.runs.source import code_behind, place
from wdist_bench.submit.checks import Submission

MANIFEST = "submission.json"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
_MOST = 2**22  # bytes of a file of a plug-in
_NAMES = ("task", "estimator", "norm", "task_parameters", "estimator_parameters")


@dataclass(frozen=True)
class Packed:
    """What a submission was packed into.

    Attributes:
        path: of the file.
        digests: SHA-256 of each file inside.
    """

    path: Path
    digests: dict[str, str]


def check_name(name: str) -> str:
    """A name that can be that of a folder and of a page.

    Raises:
        ValueError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"name: expected a small letter, then up to 39 of a-z, 0-9 and _, got {name!r}; "
            "choose another"
        )
    return name


def pack(
    submission: Submission, name: str, plugins: tuple[str, ...], findings: list[Finding], out: Path
) -> Packed:
    """Write `NAME.tar.gz`, the same bytes for the same content.

    Inside is one folder NAME: the compact journal, `environment.json`, the plug-in files with all
    code that the keys rest on, as it is imported from that folder, and `submission.json` with the
    name, the new estimators, the digest of each file and what was checked.

    Raises:
        ValueError: a rule is broken, the name is none, two files of code have one, or one of them
            cannot be read or is too large.
    """
    check_name(name)
    files = [place(Path(plugin).resolve()) for plugin in plugins]
    if len(set(files)) < len(files):
        raise ValueError(
            f"submit: expected plug-in files of different names, got {', '.join(files)}; rename one"
        )
    if broken := [finding for finding in findings if not finding.passed]:
        raise ValueError(f"submit: expected every rule to hold, got {broken[0].rule} broken")
    out.mkdir(parents=True, exist_ok=True)
    content = {COMPACT: compacted(submission.results.journal)}
    content["environment.json"] = read_plain(submission.folder / "environment.json", _MOST) or b"{}"
    content |= _code(submission, plugins)
    digests = {file: hashlib.sha256(data).hexdigest() for file, data in content.items()}
    manifest = {
        "name": name, "estimators": submission.new, "plugins": files,
        "sha256": digests, "checked": {f.rule: f.note for f in findings},
    }  # fmt: skip
    content[MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
    return Packed(write(out / f"{name}.tar.gz", _archive(name, content)), digests)


def _code(submission: Submission, plugins: tuple[str, ...]) -> dict[str, bytes]:
    """The plug-in files and whatever else keys rest on, by their place in the folder."""
    named = [record[name] for record in submission.records for name in _NAMES]
    files = code_behind(named) | {Path(p).resolve(): place(Path(p).resolve()) for p in plugins}
    content: dict[str, bytes] = {}
    for inside, file in sorted((inside, file) for file, inside in files.items()):
        data = read_plain(file, _MOST)
        if data is None:
            raise ValueError(
                f"submit: expected files of code that can be read, of {_MOST // 2**20} MiB at "
                f"most, got {file}; keep data out of them"
            )
        if content.setdefault(inside, data) != data:
            raise ValueError(
                f"submit: expected files of code of different names, got two {inside}; rename one"
            )
    return content


def _archive(name: str, content: dict[str, bytes]) -> bytes:
    plain, packed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for file, data in content.items():
            entry = tarfile.TarInfo(f"{name}/{file}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as archive_file:
        archive_file.write(plain.getvalue())
    return packed.getvalue()


def changed_since_packed(folder: Path) -> list[str]:
    """Files of an unpacked submission that are not those that were packed."""
    found: Any = json.loads(read_plain(folder / MANIFEST, _MOST) or b"{}")
    digests = found.get("sha256", {}) if isinstance(found, dict) else {}
    return [
        file
        for file, digest in digests.items()
        if hashlib.sha256(read_plain(folder / file, 2**28) or b"").hexdigest() != digest
    ]
