"""IDX files, whole and broken."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest

from wdist_bench import datasets
from wdist_bench.datasets.mnist import read_idx_images

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = struct.pack(">4i", 2051, 2, 3, 4) + PIXELS.tobytes()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_whole_file_is_read(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(WHOLE) if name.endswith("gz") else WHOLE)
    np.testing.assert_array_equal(read_idx_images(path), PIXELS)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("images", struct.pack(">4i", 2049, 2, 3, 4), "magic number 2051 of images, got 2049"),
        ("images", WHOLE[:-1], r"expected 24 bytes for shape \(2, 3, 4\), got 23"),
        ("images", WHOLE[:7], "header of 16 bytes, got 7"),
        ("images.gz", gzip.compress(WHOLE)[:-9], "whole gzip file"),
        ("images.gz", WHOLE, "whole gzip file"),
    ],
    ids=["labels", "truncated", "no header", "truncated gzip", "not gzip"],
)
def test_a_broken_file_is_one_clear_error(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=expected) as caught:
        read_idx_images(path)
    assert str(path) in str(caught.value)


def test_a_missing_set_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("WDIST_BENCH_DATA", str(tmp_path))
    datasets.load.cache_clear()
    with pytest.raises(datasets.DatasetNotFoundError, match=r"t10k-images-idx3-ubyte.gz in "):
        datasets.load("mnist", "test")


def test_a_set_of_the_wrong_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WDIST_BENCH_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "t10k-images-idx3-ubyte").write_bytes(WHOLE)
    datasets.load.cache_clear()
    with pytest.raises(ValueError, match="expected 10000 images of 28 x 28"):
        datasets.load("mnist", "test")


def test_the_published_test_images_are_decoded_byte_for_byte():
    datasets.load.cache_clear()
    try:
        images = datasets.load("mnist", "test")
    except datasets.DatasetNotFoundError as error:
        pytest.skip(f"no MNIST here: {error}")
    content = struct.pack(">4i", 2051, 10_000, 28, 28) + images.pixels.tobytes()
    assert hashlib.md5(content).hexdigest() == "2646ac647ad5339dbf082846283269ea"


def test_digits_are_the_1797_real_scans():
    images = datasets.load("digits", "all")
    assert images.pixels.shape == (1797, 64)
    assert images.pixels.max() == images.maximum == 16
    assert images.pixels.sum() == 561718  # the sum of scikit-learn's copy, checked by hand
