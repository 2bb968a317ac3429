"""The image sets that a package ships."""

from __future__ import annotations

import sys

import jax
import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench import datasets


def test_digits_are_the_1797_real_scans():
    images = datasets.load("digits", "all")
    assert images.pixels.shape == (1797, 64)
    assert images.pixels.max() == images.maximum == 16
    assert images.pixels.sum() == 561718  # the sum of scikit-learn's copy, checked by hand
    # The class frequencies that the set's own description gives.
    assert np.bincount(images.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_patches_are_cut_from_the_photographs():
    from sklearn.datasets import load_sample_image

    images = datasets.load("patches", "all")
    assert images.pixels.shape == (2214, 3072)
    assert images.shape == (32, 32, 3)
    per_row, per_photograph = 41, 27 * 41
    for photograph, row, column in [("china.jpg", 0, 0), ("flower.jpg", 26, 40)]:
        number = (photograph == "flower.jpg") * per_photograph + row * per_row + column
        cut = load_sample_image(photograph)[
            15 * row : 15 * row + 32, 15 * column : 15 * column + 32
        ]
        np.testing.assert_array_equal(images.pixels[number].reshape(images.shape), cut)
    assert np.bincount(images.labels).tolist() == [1107, 1107]


def test_all_patches_differ():
    pixels = datasets.load("patches", "all").pixels
    assert len(np.unique(pixels, axis=0)) == len(pixels)


@pytest.mark.parametrize("name", ["digits", "patches"])
def test_what_find_says_is_what_load_gives(name):
    found, images = datasets.find(name, "all"), datasets.load(name, "all")
    assert (found.count, found.shape) == (len(images.pixels), images.shape)
    assert datasets.fetch(name, "all") == []


def test_loaded_images_cannot_be_changed():
    images = datasets.load("digits", "all")
    with pytest.raises(ValueError, match="read-only"):
        images.pixels[0, 0] = 1


def test_the_device_array_stays_uint8_and_scales_to_one():
    task = wb.tasks.get("image_batches", dataset="patches")
    assert task.sampler().images.dtype == np.uint8
    x, y = task.sample(jax.random.key(0), 64)
    assert x.dtype == np.float32
    assert x.shape == y.shape == (64, 3072)
    assert float(x.min()) == pytest.approx(-1, abs=0.05)
    assert float(x.max()) == pytest.approx(1, abs=1e-6)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for name in ("digits", "patches"):
        with pytest.raises(datasets.DatasetNotFoundError, match=r"pip install 'wdist-bench\[bench"):
            datasets.load(name, "all")


def test_without_pooch_files_are_still_found_but_not_fetched(data, monkeypatch):
    monkeypatch.delenv("WDIST_BENCH_CACHE", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(datasets.DatasetNotFoundError, match=f"in {data / 'mnist'}, got"):
        datasets.load("mnist", "test")
    with pytest.raises(datasets.DownloadError, match=r"pip install 'wdist-bench\[bench"):
        datasets.fetch("mnist", "test")
