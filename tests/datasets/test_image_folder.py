"""Folders of images keep their range, or are refused."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

import wdist_bench as wb
from wdist_bench.datasets.tables import load_rows

pillow = pytest.importorskip("PIL.Image")
GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
RGB = np.stack([GREY, GREY[::-1], GREY.T], axis=-1)


@pytest.fixture
def put(tmp_path):
    def put(*images, suffix="png", **options):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for k, image in enumerate(images):
            image = pillow.fromarray(image) if isinstance(image, np.ndarray) else image
            image.save(folder / f"{k}.{suffix}", **options)
        return folder

    return put


def pixels(folder):
    return load_rows(folder, "x").to_numpy()


def deep_png(values):
    """A PNG of 16 bits in each of three channels, which Pillow cannot write."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    height, width = values.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def test_eight_bits_are_scaled_to_the_bit_as_before(put):
    for image in (GREY, RGB):
        expected = image.reshape(1, -1) * (2 / 255) - 1
        np.testing.assert_array_equal(pixels(put(image)), expected)
    folder = put(RGB, RGB)
    assert load_rows(folder, "x").columns[:4].tolist() == [
        "red[0,0]", "green[0,0]", "blue[0,0]", "red[0,1]",
    ]  # fmt: skip


def test_sixteen_bits_and_floats_keep_their_range(put):
    dark, bright = (GREY.astype(np.uint16) * 16 + low for low in (300, 50_000))
    for suffix in ("png", "tif"):
        x, y = (load_rows(put(image, suffix=suffix), "x") for image in (dark, bright))
        assert wb.estimate(x, y).value == pytest.approx(16 * 49_700 * 2 / 65_535)
    big_endian = put(dark.astype(">u2"), suffix="tif")
    np.testing.assert_array_equal(pixels(big_endian), pixels(put(dark)))
    floats = (GREY / 255).astype(np.float32)
    np.testing.assert_array_equal(pixels(put(floats, suffix="tif")), floats.reshape(1, -1))
    with pytest.raises(ValueError, match="finite numbers, got NaN or inf in 1 of 1"):
        pixels(put(np.where(GREY > 9, np.nan, floats), suffix="tif"))


def test_opaque_alpha_palettes_and_one_bit_are_read(put):
    opaque = np.dstack([RGB, np.full_like(GREY, 255)])
    np.testing.assert_array_equal(pixels(put(opaque)), pixels(put(RGB)))
    palette = pillow.fromarray(RGB).quantize(256)
    expected = np.asarray(palette.convert("RGB")).reshape(1, -1) * (2 / 255) - 1
    np.testing.assert_array_equal(pixels(put(palette)), expected)
    black_and_white = pixels(put(pillow.fromarray(GREY > 100)))
    np.testing.assert_array_equal(black_and_white, np.where(GREY > 100, 1.0, -1.0).reshape(1, -1))
    still = pixels(put(GREY, suffix="gif"))
    np.testing.assert_array_equal(still, pixels(put(GREY)))


def test_pictures_stand_upright_as_exif_says(put):
    exif = pillow.Exif()
    exif[274] = 6  # to be turned clockwise
    turned = put(RGB[:8], exif=exif)
    np.testing.assert_array_equal(pixels(turned), pixels(put(np.rot90(RGB[:8], -1))))


@pytest.mark.parametrize(
    ("image", "suffix", "options", "expected"),
    [
        (np.dstack([RGB, GREY]), "png", {}, "opaque images, got transparent pixels in .*0.png"),
        (pillow.fromarray(GREY).convert("LA"), "png", {}, None),
        (pillow.fromarray(GREY), "png", {"transparency": 3}, "opaque images, got transparent"),
        (pillow.fromarray(RGB).quantize(9), "png", {"transparency": 0}, "got transparent pixels"),
        (pillow.fromarray(RGB).convert("CMYK"), "jpg", {}, "got the mode CMYK .*profile"),
        (GREY.astype(np.int32), "tif", {}, "got the mode I in"),
    ],
)
def test_what_would_change_on_the_way_is_refused(put, image, suffix, options, expected):
    folder = put(image, suffix=suffix, **options)
    if expected is None:
        np.testing.assert_array_equal(pixels(folder), pixels(put(GREY)))
        return
    with pytest.raises(ValueError, match=expected) as caught:
        pixels(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_several_frames_are_refused(put, suffix):
    more = [pillow.fromarray(255 - RGB)]
    folder = put(RGB, suffix=suffix, save_all=True, append_images=more)
    with pytest.raises(ValueError, match=r"one frame, got 2 in .*0\.\w+; save each frame"):
        pixels(folder)


def test_sixteen_bits_of_colour_are_refused_rather_than_halved(tmp_path):
    (tmp_path / "0.png").write_bytes(deep_png(np.full((4, 4, 3), 300)))
    with pytest.raises(ValueError, match=r"got 16 bits in .*0\.png; convert it"):
        pixels(tmp_path)


def test_images_of_several_scales_or_shapes_are_refused(put):
    deep = GREY.astype(np.uint16) * 257
    with pytest.raises(ValueError, match=r"one scale, got mode L in 0\.png and I;16 in 1\.png"):
        pixels(put(GREY, deep))
    with pytest.raises(ValueError, match=r"one shape, got \(16, 16\) in 0.png and \(16, 16, 3\)"):
        pixels(put(GREY, RGB))
    floats = put(GREY.astype(np.float32), suffix="tif")
    flat, square = put(GREY[:2, :8].copy()), put(GREY[:4, :4].copy())
    grey_48, colour_48 = put(GREY[:3].copy()), put(RGB[:4, :4].copy())
    for one, other in (
        (put(GREY), put(deep)),
        (put(GREY), floats),
        (flat, square),
        (grey_48, colour_48),
    ):
        with pytest.raises(ValueError, match=r"x and y: expected the same columns, got '\w+\["):
            wb.estimate(load_rows(one, "x"), load_rows(other, "y"))
