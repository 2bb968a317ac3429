"""A results folder, samples and suites as an adversary would make them. No test itself.

Everything is small on the disk. `OUTSIDE` lies beside the folder, and nothing in it may change or
be shown.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

SECRET = "SECRET-7f3a9c"
ESCAPE = "\x1b[31m\x1b]0;owned\x07\x9b2J"
BIDI = "\u202eevil\u2066"
TEXTS = (
    f"{ESCAPE} {BIDI} \r\b",
    "[bold red]markup[/bold red] [/nothing]",
    "# heading\n## another\n\n- list [link](javascript:alert(1)) ![](pic.png)",
    "<script>alert(1)</script> <img src=x onerror=alert(1)> `code` **bold** | cell |",
    "=HYPERLINK(\"http://evil\",\"click\")",
    "$\\frac{$ $\\undefined$ $",
    "lone \ud800 surrogate \udfff",
    "%{x} <a href=\"javascript:alert(1)\">link</a> </script> \u2028 &#x202e;",
    "_hidden_ \\write18{ls} [x] *y*",
    "x" * 5000,
)  # fmt: skip
MIB = 2**20


def sparse(path: Path, size: int, head: bytes = b"") -> Path:
    """A file of `size` bytes that takes no more room than its head."""
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """A grey PNG; without pixels one that ends before its first."""
    lines = b"".join(
        b"\0" + pixels[i : i + width] for i in range(0, len(pixels), width)
    )  # fmt: skip
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9))
        + chunk(b"IEND", b"")
    )  # fmt: skip


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n"


def npy_header(shape: tuple[int, ...]) -> bytes:
    from io import BytesIO

    stream = BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(stream, header)
    return stream.getvalue()


def zeros_zip(path: Path, name: str, size: int, head: bytes = b"") -> Path:
    """A zip archive whose one member is `size` zeros."""
    archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open(name, "w", force_zip64=True) as member:
        member.write(head)
        for _ in range(size // MIB):
            member.write(bytes(MIB))
    return path


# Samples


def hostile_samples(folder: Path) -> dict[str, Path]:
    """Files and folders for `estimate`, none of which holds samples."""
    folder.mkdir()
    found = {}

    def file(name: str, content: bytes) -> None:
        found[name] = folder / name
        found[name].write_bytes(content)

    os.mkfifo(folder / "pipe.npy")
    os.mkfifo(folder / "pipe.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    found |= {name: folder / name for name in ("pipe.npy", "pipe.csv", "device.csv")}
    file("header.npy", npy_header((2**41, 1)))
    file("deep.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 8999 + b"\n")
    pickled = b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"
    file("object.npy", pickled.ljust(127) + b"\ncos\nsystem\n(S'touch owned'\ntR.")
    found["holes.npy"] = sparse(folder / "holes.npy", 2**41 + 4096, npy_header((2**38, 1)))
    member = npy_header((2**41, 1))
    with zipfile.ZipFile(folder / "header.npz", "w") as archive:
        archive.writestr("samples.npy", member)
    found["header.npz"] = folder / "header.npz"
    rows = 2**30 // 8
    found["bomb.npz"] = zeros_zip(folder / "bomb.npz", "samples.npy", 2**30,
                                  npy_header((rows, 1)))  # fmt: skip
    file("wide.csv", b"1," * 2_000_000)
    file("cell.csv", b"1" * (8 * MIB))
    file("digits.csv", b"9" * 5000 + b",2\n1,2\n")
    file("nul.csv", b"1,2\n3,\0\n")
    found["holes.csv"] = sparse(folder / "holes.csv", 2**41, b"1,2\n")
    file("binary.csv", bytes(range(1, 256)) * 10)
    file(f"{ESCAPE}.csv", b"a,b\n1,x\n")
    file(os.fsdecode(b"\xff.csv"), b"a,b\n1,x\n")
    file("garbage.parquet", b"PAR1" + os.urandom(500) + b"PAR1")
    found |= _parquets(folder)
    images = {
        "eps": {"a.png": EPS}, "pixels": {"a.png": png(60_000, 60_000)},
        "many pixels": {"a.png": png(10_000, 10_000)}, "cut": {"a.png": png(8, 8)},
        "gif": {"a.gif": b"GIF89a" + b"\xff" * 50}, "text": {"a.jpg": b"no image"},
    }  # fmt: skip
    for name, content in images.items():
        found[name] = folder / name
        found[name].mkdir()
        for inner, data in content.items():
            (found[name] / inner).write_bytes(data)
    for name in ("images with a pipe", "images with a link", "images with a device"):
        found[name] = folder / name
        found[name].mkdir()
        (found[name] / "a.png").write_bytes(png(2, 2, bytes(4)))
    os.mkfifo(found["images with a pipe"] / "b.png")
    (folder / "elsewhere.png").write_bytes(png(2, 2, bytes(4)))
    (found["images with a link"] / "b.png").symlink_to("../elsewhere.png")
    (found["images with a device"] / "b.png").symlink_to("/dev/zero")
    return found


def _parquets(folder: Path) -> dict[str, Path]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = {}
    repeated = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(200_000, np.int32)), ["y" * 100_000]
    )
    for name, column in (
        ("nested", pa.array([[1, 2], [3]])),
        ("struct", pa.array([{"a": 1}, {"a": None}])),
        ("bytes", pa.array([b"\x80", b"\x1b[2J"])),
        ("repeated", repeated),
        ("rows", pa.array(np.zeros(60_000_000, np.int8))),
    ):
        path = folder / f"{name}.parquet"
        pq.write_table(pa.table({"z": column}), path, compression="gzip")
        found[path.name] = path
    return found


# Suites

SUITE = """
title = "small"
runs = 2
eval_batches = 2
n = [4]
[[tasks]]
name = "point_mass"
[[estimators]]
name = "exact"
"""


def hostile_suites(folder: Path) -> dict[str, Path]:
    """Suites of which none can run."""
    folder.mkdir()
    texts = {
        "deep": "title = 'x'\na = " + "[" * 5000 + "]" * 5000,
        "digits": f"title = 'x'\nseed = {'9' * 5000}",
        "hexadecimal": f"{SUITE}steps = 0x{'f' * 5000}",
        "escapes": f"title = '{ESCAPE}'".encode("unicode_escape").decode(),
        "sweep": "title = 'x'\n[[experiments]]\nname = 'kappa'\n[experiments.sweep]\n"
        + "".join(f"a{k} = {list(range(10))}\n" for k in range(12)),
    }
    found = {}
    for name, text in texts.items():
        found[name] = folder / f"{name}.toml"
        found[name].write_text(text, encoding="utf-8")
    os.mkfifo(folder / "pipe.toml")
    found["pipe"] = folder / "pipe.toml"
    found["holes"] = sparse(folder / "holes.toml", 2**41)
    return found


# The results folder


def hostile_folder(root: Path) -> Path:
    """`root/results`, and `root/outside`, to which its links lead."""
    outside, folder = root / "outside", root / "results"
    outside.mkdir(parents=True)
    folder.mkdir()
    for name in ("errors.csv", "report.html", "notes.md", "secret.txt"):
        (outside / name).write_text(f"{SECRET}\n", encoding="utf-8")
    (outside / "secret.json").write_text(json.dumps({"python": SECRET, "cpu": SECRET}))
    (outside / "secret.png").write_bytes(png(4, 4, bytes(16)) + SECRET.encode())
    _journal(folder)
    links = {
        "errors.csv": "errors.csv", "errors.md": "notes.md", "report.html": "report.html",
        "comparisons.csv": "not there.csv", "estimates.png": "secret.png",
        "figure2.png": "not there.png", "environment.json": "secret.json", "notes.md": "notes.md",
        "pic.png": "secret.png", "errors.parquet": "secret.txt", "errors.tex": "secret.txt",
    }  # fmt: skip
    for name, target in links.items():
        (folder / name).symlink_to(f"../outside/{target}")
    (folder / "everything.md").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.md")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.md").mkdir()
    sparse(folder / "huge.md", 2**40)
    sparse(folder / "huge.png", 2**40)
    (folder / "bytes.md").write_bytes(b"# \xff\xfe " + "".join(TEXTS).encode("utf-8", "replace"))
    (folder / os.fsdecode(b"\xff\x1b[2J.png")).write_bytes(png(2, 2, bytes(4)))
    (folder / os.fsdecode(b"<img src=x>\xfe.md")).write_text("![a](\xff.png) ![b](../outside/x)")
    return folder


def _journal(folder: Path) -> None:
    truths = np.linspace(1, 2, 12).reshape(4, 3)
    cells = []
    for k, text in enumerate(TEXTS):
        for estimator in (f"{text}", "exact"):
            cells.append(_cell(len(cells), estimator, text, truths + 0.1 * (k + 1)))
    refused = _cell(len(cells), "exact", TEXTS[2], truths)
    for name in ("costs", "truth_key", "history", "history_steps", "dim"):
        del refused[name]
    cells += [refused | {"status": "error"}, refused | {"key": "r", "status": "refused"}]
    cells += [refused | {"key": "s", "status": "skipped", "dataset": ""}]
    cells += [_experiment(TEXTS[k], f"e{k}", name) for k, name in enumerate(
        ("gan", "example1_noise", "\x1b[2J"))]  # fmt: skip
    plan = {
        "type": "plan", "suite": "s", "title": " ".join(TEXTS[:8]), "description": TEXTS[2],
        "keys": [cell["key"] for cell in cells] + ["unrun"],
        "labels": [TEXTS[k % len(TEXTS)] for k in range(len(cells) + 1)],
    }  # fmt: skip
    truth = {"type": "truth", "key": "t", "costs": truths.tolist()}
    started = {"type": "started", "key": "unrun", "host": ESCAPE, "pid": 1, "written": 9e9}
    records = [plan, truth, started, *cells]
    with (folder / "journal-a.jsonl").open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps({"schema": 1} | record) + "\n")


def hostile_journals(folder: Path) -> None:
    """Beside the journal of a hostile folder: what has the name of one, and is none."""
    outside = folder.parent / "outside"
    plan = {"schema": 1, "type": "plan", "title": SECRET, "description": SECRET, "keys": ["k"],
            "written": 9e9}  # fmt: skip
    (outside / "journal.jsonl").write_text(json.dumps(plan) + "\n")
    (folder / "journal-b.jsonl").symlink_to("../outside/journal.jsonl")
    (folder / "journal-c.jsonl").symlink_to("/dev/zero")
    (folder / "journal-d.jsonl").mkdir()
    os.mkfifo(folder / "journal-e.jsonl")
    deep, digits = "[" * 100_000, "9" * 100_000
    lines = (deep, digits, f'{{"schema": {digits}}}', "{", "\x1b[2J", "null", '{"schema": 1}')
    (folder / "journal-g.jsonl").write_text("\n".join(lines) + "\n")


def compact_bomb(folder: Path, mebibytes: int) -> Path:
    """A folder of nothing but a compact journal, whose one line does not end."""
    folder.mkdir()
    with gzip.open(folder / "journal.jsonl.gz", "wb", compresslevel=1) as file:
        for _ in range(mebibytes):
            file.write(b"x" * MIB)
    return folder


def _cell(number: int, estimator: str, text: str, costs: np.ndarray) -> dict:
    truth = {"value": 1.0, "stderr": 0.0, "kind": text, "reference": text}
    return {
        "type": "cell", "key": f"cell{number}", "task": text, "task_parameters": {text: text},
        "task_options": {text: text, "file": f"../{text}.npz"}, "estimator": estimator,
        "estimator_parameters": {text: text}, "estimator_options": {text: number},
        "estimator_version": 1, "p": 1, "norm": text[:40], "n": 64, "runs": 4, "eval_batches": 3,
        "seed": 0, "protocol": text, "dtype": text, "backend": text, "family": text,
        "dataset": text if number % 2 else "", "suite": text, "environment": text, "started": text,
        "dim": 2, "target": "batch", "bound": "none", "steps": 100, "critic": text, "status": "ok",
        "message": text, "failed": 0, "costs": costs.tolist(), "truth_key": "t",
        "compile_seconds": 1.0, "run_seconds": 2.0, "history_steps": [1, 2],
        "history": [[1.0, 2.0]] * 4, "truth_population": truth,
    }  # fmt: skip


def _experiment(text: str, key: str, name: str) -> dict:
    parameters = {"group": text, "loss": f"../../../{text}", "classes": [text], "dataset": text,
                  text: text}  # fmt: skip
    return {"type": "cell", "key": key, "experiment": name, "parameters": parameters,
            "status": "error", "message": text}  # fmt: skip


# What happened


class Ended(NamedTuple):
    """How a command ended: exit status (-9 where it was stopped), output, MiB at its peak."""

    code: int
    out: bytes
    err: bytes
    peak: int


def run(arguments: list[str], **environment: str) -> Ended:
    """`wdist-bench` in a process of its own, stopped where it hangs."""
    return python("-m", "wdist_bench.cli", *arguments, **environment)


def python(*arguments: str, **environment: str) -> Ended:
    """Python in a process of its own, stopped after ten minutes."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ | environment, start_new_session=True,
    )  # fmt: skip
    alarm = threading.Timer(600, lambda: os.killpg(process.pid, signal.SIGKILL))
    alarm.start()
    said: list[tuple[bytes, bytes]] = []
    reader = threading.Thread(target=lambda: said.append(process.communicate()))
    reader.start()
    peak = 0
    while reader.is_alive():
        peak = max(peak, _peak(process.pid))
        reader.join(0.02)
    alarm.cancel()
    return Ended(process.returncode, *said[0], peak)


def _peak(pid: int) -> int:
    """MiB at the peak of a program so far. That of `wait4` is at least that of who started it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return max(
        (int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), default=0
    )


def state(folder: Path) -> dict[str, str]:
    """What lies in a folder, by digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
