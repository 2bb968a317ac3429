"""The decoded file: whole or not there, and never needed."""

from __future__ import annotations

import errno
import hashlib
import logging
import os

import numpy as np
import pytest

from wdist_bench.datasets.decoded import decode_once, decoded_path, open_decoded

ROWS = np.arange(60, dtype=np.uint8).reshape(10, 6)
DIGEST = hashlib.sha256(bytes([0, 4, 8])).hexdigest()  # of what the decoder says of its files
INPUTS = [("a.jpg", 10, 1), ("b.jpg", 20, 2)]


class Decoder:
    """Counts how often it decodes."""

    def __init__(self, fail_after=None):
        self.calls = 0
        self.fail_after = fail_after

    def __call__(self):
        self.calls += 1
        for start in range(0, 10, 4):
            if self.fail_after is not None and start >= self.fail_after:
                raise ValueError("b.jpg: broken")
            yield ROWS[start : start + 4], bytes([start])


@pytest.fixture
def path(cache):
    return decoded_path("celeba-crop108", INPUTS, "108")


def test_images_are_decoded_once_and_then_mapped_read_only(path, cache):
    assert path.parent == cache / "decoded"
    decoder = Decoder()
    for _ in range(3):
        pixels, digest = decode_once(path, ROWS.shape, decoder)
        assert isinstance(pixels, np.memmap)
        np.testing.assert_array_equal(pixels, ROWS)
        assert digest == DIGEST
    assert decoder.calls == 1
    assert not pixels.flags.writeable


@pytest.mark.parametrize(
    ("inputs", "parameters"),
    [
        ([("a.jpg", 10, 1), ("c.jpg", 20, 2)], "108"),
        ([("a.jpg", 10, 1), ("b.jpg", 21, 2)], "108"),
        ([("a.jpg", 10, 1), ("b.jpg", 20, 3)], "108"),
        ([("a.jpg", 10, 1)], "108"),
        (INPUTS, "140"),
    ],
    ids=["name", "size", "time", "fewer", "parameters"],
)
def test_changed_inputs_are_another_file(path, inputs, parameters):
    assert decoded_path("celeba-crop108", inputs, parameters) != path
    assert decoded_path("celeba-crop108", list(INPUTS), "108") == path


def test_an_error_while_decoding_leaves_nothing(path):
    with pytest.raises(ValueError, match=r"b\.jpg: broken"):
        decode_once(path, ROWS.shape, Decoder(fail_after=8))
    assert list(path.parent.iterdir()) == []


def test_the_file_has_no_name_before_it_is_whole(path):
    def watching():
        for block in Decoder()():
            assert not path.exists()
            yield block

    decode_once(path, ROWS.shape, watching)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "damage", ["truncated", "padded", "no digest", "empty", "other shape", "other type"]
)
def test_a_damaged_file_is_decoded_again(path, damage):
    decode_once(path, ROWS.shape, Decoder())
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "padded":
        path.write_bytes(path.read_bytes() + b"0")
    elif damage == "no digest":
        np.save(path, ROWS)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        np.save(path, ROWS[:9] if damage == "other shape" else ROWS.astype(np.float32))
    assert open_decoded(path, ROWS.shape) is None
    np.testing.assert_array_equal(decode_once(path, ROWS.shape, Decoder()).pixels, ROWS)
    np.testing.assert_array_equal(open_decoded(path, ROWS.shape).pixels, ROWS)


def test_a_full_disk_costs_the_file_and_not_the_images(path, monkeypatch, caplog):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with caplog.at_level(logging.WARNING):
        pixels, digest = decode_once(path, ROWS.shape, Decoder())
    assert digest == DIGEST
    np.testing.assert_array_equal(pixels, ROWS)
    assert list(path.parent.iterdir()) == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left on device; decoding in memory" in caplog.text
    assert "60 bytes free" in caplog.text


def test_a_folder_that_cannot_be_made_costs_the_file_and_not_the_images(
    tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "file"))
    path = decoded_path("celeba-crop108", INPUTS, "108")
    np.testing.assert_array_equal(decode_once(path, ROWS.shape, Decoder()).pixels, ROWS)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"expected a folder that can be written, got {tmp_path / 'file'}" in caplog.text
    assert "WDIST_BENCH_CACHE" in caplog.text


def test_without_a_cache_folder_images_are_decoded_in_memory():
    np.testing.assert_array_equal(decode_once(None, ROWS.shape, Decoder()).pixels, ROWS)
