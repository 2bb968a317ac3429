"""`wdist-bench data`."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
from dataclasses import replace

import pytest
from PIL import Image

from wdist_bench import datasets
from wdist_bench.datasets.downloads import Download
from wdist_bench.datasets.mnist import MNIST

NAME = "t10k-images-idx3-ubyte.gz"
IMAGES = gzip.compress(struct.pack(">4i", 2051, 10_000, 28, 28) + bytes(10_000 * 784))


@pytest.fixture
def call(command, data, cache):
    return lambda *words: command("data", *words)


def faces(folder, count):
    (folder / "img_align_celeba").mkdir(parents=True)
    stream = io.BytesIO()
    Image.new("RGB", (178, 218)).save(stream, "JPEG")
    for number in range(count):
        (folder / "img_align_celeba" / f"{number:06}.jpg").write_bytes(stream.getvalue())


def row(said, *start):
    return next(line for line in said.splitlines() if line.split()[: len(start)] == list(start))


def test_status_shows_what_is_here_and_how_to_get_the_rest(call, data):
    faces(data / "celeba", 3)
    code, said, _ = call("status")
    assert code == 0
    assert "1,797" in row(said, "digits", "all")
    assert "not here" in row(said, "mnist", "train")
    assert "wdist-bench data fetch mnist --split train" in said
    assert "wdist-bench data fetch cifar10 --split test" in said
    assert "on first use" in row(said, "celeba", "crop108")


def test_status_decodes_nothing_unless_asked(call, data, cache):
    faces(data / "celeba", 3)
    call("status")
    assert not (cache / "decoded").exists()
    _, said, _ = call("status", "--decode")
    assert len(list((cache / "decoded").iterdir())) == 2
    assert "37.1 kB" in row(said, "celeba", "crop108")  # 3 x 12,288 bytes, header 128, digest 64
    assert "not as in our results" in row(said, "celeba", "crop108")
    assert f"cache: {cache}\n" in said


def test_status_goes_on_past_a_broken_set(call, data):
    (data / "celeba" / "img_align_celeba").mkdir(parents=True)
    code, said, _ = call("status")
    assert code == 0
    assert "broken" in row(said, "celeba", "crop108")
    assert "expected .jpg files, got none" in said
    assert "1,797" in row(said, "digits", "all")


def test_status_goes_on_past_a_file_that_may_not_be_read(call, monkeypatch):
    def refuse(split):
        raise PermissionError(13, "Permission denied", "t10k")

    monkeypatch.setitem(datasets._SETS, "mnist", replace(MNIST, find=refuse))
    code, said, _ = call("status")
    assert code == 0
    assert "broken" in row(said, "mnist", "test")
    assert "Permission denied: 't10k'" in said
    assert "1,797" in row(said, "digits", "all")


def test_status_verifies_what_is_quick_to_read(call, data):
    (data / "mnist").mkdir()
    (data / "mnist" / NAME).write_bytes(IMAGES)
    code, said, _ = call("status")
    assert code == 0
    assert "broken" in row(said, "mnist", "test")
    assert "expected the published content" in said
    assert "as in our results" in row(said, "digits", "all")


def test_what_is_fetched_is_found_and_read(call, cache, server, monkeypatch, publish):
    server.content = IMAGES
    publish(NAME.removesuffix(".gz"), gzip.decompress(IMAGES))
    url = f"http://127.0.0.1:{server.server_port}/{NAME}"
    file = Download(NAME, (url,), hashlib.sha256(IMAGES).hexdigest(), len(IMAGES))
    monkeypatch.setitem(MNIST.downloads, "test", (file,))
    code, said, _ = call("fetch", "mnist")
    assert code == 0
    assert str(cache / "mnist" / NAME) in said
    assert datasets.load("mnist", "test").pixels.shape == (10_000, 784)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("celeba",), "never fetched"),
        (("minst",), "did you mean 'mnist'"),
        (("mnist", "--split", "validation"), "split of mnist: expected one of test, train"),
    ],
)
def test_what_cannot_be_fetched_is_one_line_on_stderr(call, arguments, expected):
    code, _, said = call("fetch", *arguments)
    assert code == 2
    assert said.startswith("error: ")
    assert expected in said
    assert said.count("\n") == 1


def test_there_is_nothing_to_fetch_of_what_a_package_ships(call):
    code, said, _ = call("fetch", "patches")
    assert code == 0
    assert "nothing to fetch" in said


def test_a_cache_that_cannot_be_made_is_named_where_something_is_to_be_fetched(
    call, cache, tmp_path, monkeypatch
):
    cache.write_text("no folder")
    code, _, said = call("fetch", "mnist")
    assert code == 2
    assert said.count("\n") == 1
    assert f"expected a folder that can be written, got {cache}" in said
    assert "WDIST_BENCH_CACHE" in said


@pytest.mark.parametrize("place", ["~nobody-of-that-name/x", "x" * 5000, "file"])
def test_status_goes_on_without_a_cache_that_can_be_read(call, tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("WDIST_BENCH_CACHE", place if place != "file" else str(tmp_path / "file"))
    code, said, _ = call("status")
    assert code == 0
    assert "not here" in row(said, "mnist", "test")
