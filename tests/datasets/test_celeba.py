"""CelebA: cropped and resized as it says, from a folder or a zip; broken files are named."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from wdist_bench import datasets
from wdist_bench.datasets import celeba

PLACE = "img_align_celeba"


def jpeg(seed=0, size=(178, 218)):
    """A smooth random colour picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 10, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def zipped(folder, images):
    """The publisher's archive of images by name, in the place of the empty folder."""
    folder.rmdir()
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in images.items():
            archive.writestr(f"{PLACE}/{name}", content)
    return path


@pytest.fixture
def folder(data, cache):
    (data / "celeba" / PLACE).mkdir(parents=True)
    return data / "celeba" / PLACE


def bilinear(source, target, support):
    """(target, source) weights of a triangle of half-width `support` about the pixel centres."""
    centres = (np.arange(target) + 0.5) * source / target
    distance = np.abs(np.arange(source) + 0.5 - centres[:, None]) / support
    weights = np.maximum(0, 1 - distance)
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize(("split", "support"), [("crop108", 108 / 64), ("crop108_plain", 1.0)])
def test_the_centre_108_is_resized_bilinearly(folder, split, support):
    (folder / "000001.jpg").write_bytes(jpeg())
    got = datasets.load("celeba", split).pixels.reshape(64, 64, 3).astype(float)
    whole = np.asarray(Image.open(folder / "000001.jpg"), float)
    weights = bilinear(108, 64, support)
    centre = whole[55:163, 35:143]
    expected = np.einsum("ih,jw,hwc->ijc", weights, weights, centre)
    assert np.abs(got - expected).max() < 1.5  # levels of 255: Pillow rounds twice
    shifted = np.einsum("ih,jw,hwc->ijc", weights, weights, whole[56:164, 35:143])
    assert np.abs(got - shifted).max() > 5


def test_images_come_in_the_order_of_their_names_across_threads_and_blocks(folder, monkeypatch):
    monkeypatch.setattr(celeba, "_BLOCK", 4)
    for number in reversed(range(10)):
        flat = Image.new("RGB", (178, 218), (20 * number,) * 3)
        flat.save(folder / f"{number:06}.jpg")
    (folder / "list.txt").write_text("no image")
    (folder / "._000001.jpg").write_bytes(b"left by macOS")
    assert datasets.find("celeba", "crop108").count == 10
    pixels = datasets.load("celeba", "crop108").pixels
    np.testing.assert_allclose(pixels.mean(1), 20 * np.arange(10), atol=1)


def test_a_zip_is_read_in_place_with_the_same_result(folder):
    images = {f"{i:06}.jpg": jpeg(i) for i in range(5)}
    for name, content in images.items():
        (folder / name).write_bytes(content)
    unpacked = np.array(datasets.decode("celeba", "crop108").pixels)
    for path in folder.iterdir():
        path.unlink()
    zipped(folder, images)
    before = sorted(folder.parent.rglob("*"))
    np.testing.assert_array_equal(datasets.decode("celeba", "crop108").pixels, unpacked)
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (jpeg()[:2000], "expected a whole JPEG, got a broken one"),
        (b"", "expected a whole JPEG, got a broken one"),
        (b"<html>not found</html>", "expected a whole JPEG, got a broken one"),
        (jpeg(size=(178, 178)), "expected 178 x 218 pixels, got 178 x 178"),
    ],
    ids=["truncated", "empty", "not a JPEG", "other size"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_one_broken_image_among_a_thousand_is_named_and_nothing_is_left(
    folder, cache, content, expected, packed
):
    good = jpeg()
    images = {f"{i:06}.jpg": content if i == 777 else good for i in range(1000)}
    if packed:
        zipped(folder, images)
    else:
        for name, image in images.items():
            (folder / name).write_bytes(image)
    with pytest.raises(ValueError, match=rf"000777.jpg: {expected}") as caught:
        datasets.load("celeba", "crop108")
    assert "\n" not in str(caught.value)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_a_damaged_member_of_a_zip_is_named(folder):
    path = zipped(folder, {"000001.jpg": jpeg()})
    content = bytearray(path.read_bytes())
    content[3000] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"000001\.jpg: expected a readable image, got BadZipFile"):
        datasets.load("celeba", "crop108")


def test_a_truncated_zip_is_one_clear_error(folder):
    path = zipped(folder, {"000001.jpg": jpeg()})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="expected a whole zip archive, got a broken one"):
        datasets.load("celeba", "crop108")


@pytest.mark.parametrize("name", ["../../x.jpg", "/x.jpg", "..\\x.jpg", "C:\\x.jpg"])
def test_a_zip_that_points_out_of_itself_is_refused(folder, tmp_path, name):
    with zipfile.ZipFile(zipped(folder, {"000001.jpg": jpeg()}), "a") as archive:
        archive.writestr(name, jpeg())
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="below the archive's own root, got"):
        datasets.load("celeba", "crop108")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_one_clear_error(folder):
    with pytest.raises(ValueError, match=r"expected \.jpg files, got none"):
        datasets.load("celeba", "crop108")


def test_celeba_says_how_to_get_it_and_is_never_fetched(data, cache):
    for call in (datasets.load, datasets.fetch):
        with pytest.raises(datasets.DatasetNotFoundError, match=r"non-commercial .* never fetched"):
            call("celeba", "crop108")
    assert not cache.exists()


def test_other_faces_have_another_digest_wherever_they_lie(folder):
    """Keys of cells say which images they are of; times, folders and archives are no part of it."""

    def digest(contents, packed=False):
        for path in folder.iterdir():
            path.unlink()
        images = {f"{number:06}.jpg": data for number, data in enumerate(contents)}
        if packed:
            zipped(folder, images)
        else:
            for name, data in images.items():
                (folder / name).write_bytes(data)
        return [datasets.decode("celeba", "crop108").digest for _ in range(2)]  # decoded, mapped

    first = digest([jpeg(0), jpeg(1)])
    assert first[0] == first[1]
    assert digest([jpeg(1), jpeg(0)])[0] != first[0]
    assert digest([jpeg(0), jpeg(2)])[0] != first[0]
    assert digest([jpeg(0)])[0] != first[0]
    assert digest([jpeg(0), jpeg(1)], packed=True) == first
    datasets.content.cache_clear()
    datasets.load.cache_clear()
    assert datasets.content("celeba", "crop108") == first[0][:16]
