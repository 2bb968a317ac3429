"""IDX files, whole and broken, and where they are looked for."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest

from wdist_bench import datasets
from wdist_bench.datasets import mnist
from wdist_bench.datasets.mnist import _parsed, _unpacked

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = struct.pack(">4i", 2051, 2, 3, 4) + PIXELS.tobytes()
IMAGES = gzip.compress(struct.pack(">4i", 2051, 10_000, 28, 28) + bytes(10_000 * 784))
STEM = "t10k-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


def read_idx(path, content):
    return _parsed(_unpacked(path, content), path, content)


def labels(values):
    return struct.pack(">2i", 2049, len(values)) + bytes(values)


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_whole_file_is_read(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(WHOLE) if name.endswith("gz") else WHOLE)
    np.testing.assert_array_equal(read_idx(path, "images"), PIXELS)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("images", struct.pack(">4i", 2049, 2, 3, 4), "magic number 2051 of images, got 2049"),
        ("images", WHOLE[:-1], r"expected 24 bytes for shape \(2, 3, 4\), got 23"),
        ("images", struct.pack(">4i", 2051, -2, -3, 4) + bytes(24), "truncated or padded"),
        ("images", WHOLE[:7], "header of 16 bytes, got 7"),
        ("images.gz", gzip.compress(WHOLE)[:-9], "whole gzip file"),
        ("images.gz", WHOLE, "whole gzip file"),
    ],
    ids=["labels", "truncated", "negative", "no header", "truncated gzip", "not gzip"],
)
def test_a_broken_file_is_one_clear_error(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=expected) as caught:
        read_idx(path, "images")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_file_is_no_label_file(tmp_path):
    (tmp_path / "labels").write_bytes(WHOLE)
    with pytest.raises(ValueError, match="magic number 2049 of labels, got 2051"):
        read_idx(tmp_path / "labels", "labels")


def test_a_missing_set_says_which_file_to_put_where_and_what_to_run(data, cache):
    with pytest.raises(datasets.DatasetNotFoundError) as caught:
        datasets.load("mnist", "test")
    said = str(caught.value)
    assert f"{STEM}.gz in {data / 'mnist'} or {cache / 'mnist'}" in said
    assert "wdist-bench data fetch mnist --split test" in said
    assert "\n" not in said


def test_the_users_folder_comes_before_the_cache(data, cache):
    (cache / "mnist").mkdir(parents=True)
    (cache / "mnist" / f"{STEM}.gz").write_bytes(IMAGES)
    assert datasets.find("mnist", "test").files == (cache / "mnist" / f"{STEM}.gz",)
    (data / "mnist").mkdir()
    (data / "mnist" / f"{STEM}.gz").write_bytes(IMAGES)
    assert datasets.find("mnist", "test").files == (data / "mnist" / f"{STEM}.gz",)


def test_a_set_of_the_wrong_size_is_refused(data, cache):
    (data / "mnist").mkdir()
    (data / "mnist" / STEM).write_bytes(WHOLE)
    with pytest.raises(ValueError, match="expected 10000 images of 28 x 28"):
        datasets.load("mnist", "test")


def test_labels_come_with_the_images_where_they_lie_beside_them(data, cache, publish):
    folder = data / "mnist"
    publish(STEM, gzip.decompress(IMAGES))
    folder.mkdir()
    (folder / f"{STEM}.gz").write_bytes(IMAGES)
    assert datasets.decode("mnist", "test").labels is None
    classes = [i % 10 for i in range(10_000)]
    (folder / LABELS).write_bytes(labels(classes))
    publish(LABELS, labels(classes))
    assert datasets.decode("mnist", "test").labels.tolist() == classes
    for wrong in (classes[:-1], [10] * 10_000, []):
        (folder / LABELS).write_bytes(labels(wrong))
        with pytest.raises(ValueError, match="expected 10000 labels 0 to 9, got"):
            datasets.decode("mnist", "test")


@pytest.mark.parametrize("place", ["data", "cache"])
@pytest.mark.parametrize("packed", [False, True])
def test_other_images_under_the_name_are_no_mnist(data, cache, place, packed):
    """They would be measured under the key of MNIST's."""
    folder = (data if place == "data" else cache) / "mnist"
    folder.mkdir(parents=True)
    path = folder / (f"{STEM}.gz" if packed else STEM)
    path.write_bytes(IMAGES if packed else gzip.decompress(IMAGES))
    with pytest.raises(ValueError, match="expected the published content") as caught:
        datasets.load("mnist", "test")
    said = str(caught.value)
    assert said.startswith(str(path))
    assert "wdist-bench data fetch mnist --split test" in said
    assert "own_data" in said
    assert "\n" not in said


def test_the_published_images_are_accepted_however_they_are_packed(data, cache, publish):
    content = gzip.decompress(IMAGES)
    publish(STEM, content)
    (data / "mnist").mkdir()
    for name, packed in (
        (STEM, content), (f"{STEM}.gz", gzip.compress(content, 1)),
        (f"{STEM}.gz", gzip.compress(content[:9]) + gzip.compress(content[9:])),
    ):  # fmt: skip
        (data / "mnist" / name).write_bytes(packed)
        assert datasets.decode("mnist", "test").digest == hashlib.sha256(content).hexdigest()
        (data / "mnist" / name).unlink()


def test_other_labels_beside_the_published_images_are_refused(data, cache, publish):
    publish(STEM, gzip.decompress(IMAGES))
    (data / "mnist").mkdir()
    (data / "mnist" / f"{STEM}.gz").write_bytes(IMAGES)
    (data / "mnist" / LABELS).write_bytes(labels([0] * 10_000))
    with pytest.raises(ValueError, match=f"{LABELS}: expected the published content"):
        datasets.load("mnist", "test")


def test_a_file_that_unpacks_without_end_is_refused_early(data, cache, monkeypatch):
    monkeypatch.setitem(mnist._MOST, "images", 10_000)
    (data / "mnist").mkdir()
    (data / "mnist" / f"{STEM}.gz").write_bytes(IMAGES)
    with pytest.raises(ValueError, match="expected at most 10,000 bytes of images, got more"):
        datasets.load("mnist", "test")


def test_the_real_sets_are_those_of_our_results(real):
    for name, split in (("mnist", "test"), ("cifar10", "test"), ("celeba", "crop108")):
        real(name, split)
        assert datasets.content(name, split) == ""


def test_the_published_test_images_are_decoded_byte_for_byte(real):
    images = real("mnist", "test")
    content = struct.pack(">4i", 2051, 10_000, 28, 28) + images.pixels.tobytes()
    assert hashlib.md5(content).hexdigest() == "2646ac647ad5339dbf082846283269ea"


def test_the_published_test_labels_are_counted(real):
    counts = np.bincount(real("mnist", "test").labels).tolist()
    # LeCun et al.: the class frequencies of the 10,000 test digits.
    assert counts == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
