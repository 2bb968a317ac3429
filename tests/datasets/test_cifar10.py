"""The binary batches of CIFAR-10, in a folder and in the publisher's archive."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from wdist_bench import datasets
from wdist_bench.datasets import cifar10
from wdist_bench.datasets.cifar10 import CIFAR10, read_batch

FOLDER = "cifar-10-batches-bin"
SIZE = 10_000 * 3073


def batch(seed, records=10_000):
    """A few random records, then one of them again and again: quick to pack."""
    few = np.random.default_rng(seed).integers(0, 256, (10, 3073), np.uint8)
    few[:, 0] %= 10
    return few.tobytes() + few[-1].tobytes() * (records - 10)


def archive(path, members):
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def folder(data, cache):
    (data / "cifar10").mkdir()
    return data / "cifar10"


def test_channels_come_last_and_labels_apart():
    pixels = np.zeros((10_000, 3, 32, 32), np.uint8)
    pixels[7, 2, 5, 9] = 200  # blue, row 5, column 9
    records = np.concatenate([np.full((10_000, 1), 4, np.uint8), pixels.reshape(10_000, -1)], 1)
    images, labels = read_batch(records.tobytes(), "batch")
    assert images.reshape(-1, 32, 32, 3)[7, 5, 9].tolist() == [0, 0, 200]
    assert images.sum() == 200
    assert set(labels.tolist()) == {4}


def test_the_archive_and_the_unpacked_folder_give_the_same(folder, monkeypatch, publish):
    monkeypatch.setattr(cifar10, "_RECORDS", 100)
    contents = {f"{FOLDER}/data_batch_{i}.bin": batch(i, 100) for i in (5, 1, 2, 3, 4)}
    for name, content in contents.items():
        publish(name.removeprefix(f"{FOLDER}/"), content)
    path = archive(folder / "cifar-10-binary.tar.gz", contents)
    packed = datasets.decode("cifar10", "train")
    path.unlink()
    (folder / FOLDER).mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    unpacked = datasets.decode("cifar10", "train")
    assert datasets.find("cifar10", "train").count == len(unpacked.pixels) == 500
    np.testing.assert_array_equal(packed.pixels, unpacked.pixels)
    np.testing.assert_array_equal(packed.labels, unpacked.labels)
    assert packed.digest == unpacked.digest
    firsts = [contents[f"{FOLDER}/data_batch_{i}.bin"][0] for i in range(1, 6)]
    assert unpacked.labels[::100].tolist() == firsts


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (bytes(SIZE - 1), f"expected {SIZE} bytes .* got {SIZE - 1}"),
        (bytes(SIZE + 1), f"expected {SIZE} bytes .* got {SIZE + 1}"),
        (b"\x0a" + bytes(SIZE - 1), "expected labels 0 to 9, got 10"),
    ],
    ids=["truncated", "padded", "labels"],
)
def test_a_broken_batch_is_one_clear_error(folder, content, expected):
    (folder / FOLDER).mkdir()
    (folder / FOLDER / "test_batch.bin").write_bytes(content)
    with pytest.raises(ValueError, match=expected):
        datasets.load("cifar10", "test")


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_other_images_under_the_name_are_no_cifar(folder, packed):
    if packed:
        archive(folder / "cifar-10-binary.tar.gz", {f"{FOLDER}/test_batch.bin": batch(0)})
    else:
        (folder / FOLDER).mkdir()
        (folder / FOLDER / "test_batch.bin").write_bytes(batch(0))
    with pytest.raises(ValueError, match=r"test_batch\.bin|tar\.gz") as caught:
        datasets.load("cifar10", "test")
    said = str(caught.value)
    assert "expected the published content" in said
    assert "wdist-bench data fetch cifar10 --split test" in said
    assert "own_data" in said
    assert "\n" not in said


def test_the_publishers_images_have_another_key_than_the_copy_behind_our_results(
    folder, monkeypatch
):
    from wdist_bench.runs.cell import Cell

    cell = Cell("image_batches", {"dataset": "cifar10"}, "exact", {})
    (folder / FOLDER).mkdir()
    identities = []
    for seed, published in ((0, "measured"), (1, "publisher's")):
        content = batch(seed)
        (folder / FOLDER / "test_batch.bin").write_bytes(content)
        digest = hashlib.md5(content).hexdigest()
        monkeypatch.setitem(cifar10._KNOWN, "test_batch.bin", (digest,))
        if published == "measured":
            monkeypatch.setitem(
                datasets._SETS, "cifar10", replace(CIFAR10, measured=frozenset({digest}))
            )
        for remembered in (datasets.load, datasets.content):
            remembered.cache_clear()
        identities.append(cell.identity("cpu"))
    assert "data" not in identities[0]
    assert identities[1].pop("data") == digest[:16]
    assert identities[0] == identities[1]


def test_a_truncated_archive_is_one_clear_error(folder):
    path = archive(folder / "cifar-10-binary.tar.gz", {f"{FOLDER}/test_batch.bin": batch(0)})
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="whole gzipped tar archive, got a broken one") as caught:
        datasets.load("cifar10", "test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../test_batch.bin", "/etc/passwd", f"{FOLDER}/../../x", "C:\\x"])
def test_an_archive_that_points_out_of_itself_is_refused(folder, name):
    members = {name: b"x", f"{FOLDER}/test_batch.bin": batch(0)}
    archive(folder / "cifar-10-binary.tar.gz", members)
    before = sorted(folder.parent.parent.rglob("*"))
    with pytest.raises(ValueError, match="below the archive's own root, got"):
        datasets.load("cifar10", "test")
    assert sorted(folder.parent.parent.rglob("*")) == before


def test_a_link_in_place_of_a_batch_is_no_batch(folder):
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo(f"{FOLDER}/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(ValueError, match="got an archive without it"):
        datasets.load("cifar10", "test")


def test_the_pickled_version_is_not_read(folder):
    (folder / "cifar-10-batches-py").mkdir()
    (folder / "cifar-10-batches-py" / "test_batch").write_bytes(b"\x80\x04.")
    with pytest.raises(datasets.DatasetNotFoundError, match="pickles are not read"):
        datasets.load("cifar10", "test")
