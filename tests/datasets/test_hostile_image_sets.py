"""Image files made to run other programs, to fill the memory, or never to end."""

from __future__ import annotations

import gzip
import io
import os
import struct
import sys
import tarfile
import tracemalloc

import hostile_files as hostile
import pytest

from wdist_bench import datasets
from wdist_bench.datasets.tables import load_rows

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="pipes, and programs in PATH"),
    pytest.mark.usefixtures("cache"),
]
MIB = 2**20


@pytest.fixture
def peak():
    """Bytes allocated at most, so far."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def zeros(head=b"", mebibytes=256):
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(mebibytes):
            file.write(bytes(MIB))
    return stream.getvalue()


def test_a_postscript_program_is_no_image_whatever_its_name(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(hostile.EPS)
    with pytest.raises(ValueError, match=r"expected an image, got .*a\.png .*cannot identify"):
        load_rows(folder, "x")
    assert not (tmp_path / "ran").exists()


def test_mnist_that_unpacks_to_more_than_mnist_is_refused_before_it_does(data, peak):
    (data / "mnist").mkdir()
    bomb = zeros(struct.pack(">4i", 2051, 2**20, 28, 28))
    (data / "mnist" / "t10k-images-idx3-ubyte.gz").write_bytes(bomb)
    before = peak()
    with pytest.raises(ValueError, match="expected"):
        datasets.load("mnist", "test")
    assert peak() - before < 200 * MIB


def test_a_batch_of_cifar_that_goes_on_is_refused_before_it_ends(data, peak):
    (data / "cifar10").mkdir()
    with tarfile.open(data / "cifar10" / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        member.size = 256 * MIB
        tar.addfile(member, io.BytesIO(bytes(member.size)))
    tracemalloc.reset_peak()
    with pytest.raises(ValueError, match="expected"):
        datasets.load("cifar10", "test")
    assert peak() < 200 * MIB


def test_a_huge_member_of_the_faces_is_refused_by_the_size_that_it_declares(data, peak):
    (data / "celeba").mkdir()
    hostile.zeros_zip(data / "celeba" / "img_align_celeba.zip", "000001.jpg", 64 * MIB)
    with pytest.raises(ValueError, match="at most 1,048,576 bytes, got 67,108,864"):
        datasets.load("celeba", "crop108")
    assert peak() < 32 * MIB


def test_a_pipe_is_no_archive(data):
    (data / "celeba").mkdir()
    os.mkfifo(data / "celeba" / "img_align_celeba.zip")
    with pytest.raises(datasets.DatasetNotFoundError, match="expected img_align_celeba"):
        datasets.find("celeba", "crop108")


def test_simple_drawings_are_no_bombs(tmp_path):
    side = 256
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(hostile.png(side, side, bytes(side * side)))
    assert load_rows(tmp_path, "x").shape == (3, side * side)


def test_many_flat_images_are_refused_before_they_are_decoded(tmp_path):
    flat = hostile.png(2000, 2000, bytes(4_000_000))
    for k in range(20):
        (tmp_path / f"{k}.png").write_bytes(flat)
    with pytest.raises(ValueError, match=r"^20 images as .*0\.png: expected content that takes"):
        load_rows(tmp_path, "x")
