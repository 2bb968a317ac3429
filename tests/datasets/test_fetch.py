"""Downloads from a server on this machine: verified, resumed, or refused with nothing left."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wdist_bench import datasets
from wdist_bench.datasets.downloads import Download, DownloadError, fetch_file
from wdist_bench.datasets.image_set import silent
from wdist_bench.datasets.mnist import MNIST

CONTENT = bytes(range(250)) * 1200  # 300,000 bytes


def download(*servers, content=CONTENT):
    urls = tuple(f"http://127.0.0.1:{server.server_port}/set.gz" for server in servers)
    return Download("set.gz", urls, hashlib.sha256(content).hexdigest(), len(content))


def left(folder):
    return sorted(path.name for path in folder.rglob("*"))


@pytest.fixture(autouse=True)
def _content(server):
    server.content = CONTENT


def test_a_file_is_fetched_once_with_progress(server, tmp_path):
    seen = []
    for _ in range(2):
        path = fetch_file(download(server), tmp_path, lambda *report: seen.append(report))
        assert path.read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert seen[-1] == (300_000, 300_000)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert left(tmp_path) == ["set.gz"]


def test_another_checksum_is_refused_and_nothing_is_left(server, tmp_path):
    wanted = download(server, content=CONTENT[::-1])
    with pytest.raises(DownloadError, match=f"SHA-256 is not {wanted.sha256}") as caught:
        fetch_file(wanted, tmp_path, silent)
    assert "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_another_size_is_refused_before_it_is_received(server, tmp_path):
    with pytest.raises(DownloadError, match="offers 300,000 bytes"):
        fetch_file(download(server, content=CONTENT[:-1]), tmp_path, silent)
    assert left(tmp_path) == []


def test_more_bytes_than_announced_nowhere_are_refused(server, tmp_path):
    server.announces_length = False
    with pytest.raises(DownloadError, match="SHA-256 is not"):
        fetch_file(download(server, content=CONTENT[:1000]), tmp_path, silent)
    assert left(tmp_path) == []


@pytest.mark.parametrize("announces_length", [True, False])
def test_an_interrupted_download_goes_on_where_it_stopped(server, tmp_path, announces_length):
    server.announces_length, server.stops_after = announces_length, 100_000
    with pytest.raises(DownloadError, match=r"interrupted after [\d,]+ bytes, which are kept"):
        fetch_file(download(server), tmp_path, silent)
    assert left(tmp_path) == ["set.gz.part"]
    kept = (tmp_path / "set.gz.part").stat().st_size
    assert 100_000 - 2**16 < kept <= 100_000  # all but the block under way
    server.stops_after = None
    seen = []
    fetch_file(download(server), tmp_path, lambda done, _: seen.append(done))
    assert server.asked == [None, f"bytes={kept}-"]
    assert min(seen) > kept
    assert (tmp_path / "set.gz").read_bytes() == CONTENT
    assert left(tmp_path) == ["set.gz"]


def test_a_server_that_cannot_resume_sends_it_all_again(server, tmp_path):
    (tmp_path / "set.gz.part").write_bytes(CONTENT[:5000])
    server.ranges = False
    fetch_file(download(server), tmp_path, silent)
    assert (tmp_path / "set.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("rest", [b"x" * 5000, b"x" * 300_001], ids=["wrong", "too long"])
def test_a_spoilt_rest_is_dropped(server, tmp_path, rest):
    (tmp_path / "set.gz.part").write_bytes(rest)
    path = fetch_file(download(server, server), tmp_path, silent)  # the second try starts afresh
    assert path.read_bytes() == CONTENT
    assert left(tmp_path) == ["set.gz"]


def test_a_rest_beyond_the_servers_file_is_dropped(server, tmp_path):
    (tmp_path / "set.gz.part").write_bytes(CONTENT[:5000])
    server.content = CONTENT[:4000]
    with pytest.raises(DownloadError, match="HTTP 416"):
        fetch_file(download(server), tmp_path, silent)
    assert left(tmp_path) == []


def test_a_spoilt_file_of_that_name_is_replaced(server, tmp_path):
    (tmp_path / "set.gz").write_bytes(b"half")
    assert fetch_file(download(server), tmp_path, silent).read_bytes() == CONTENT


def test_the_next_mirror_helps(server, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        pass
    assert fetch_file(download(closed, server), tmp_path, silent).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 503])
def test_a_refusing_server_is_named_with_its_answer(server, tmp_path, status):
    server.status = status
    with pytest.raises(DownloadError, match=rf"127\.0\.0\.1.*: HTTP {status}"):
        fetch_file(download(server), tmp_path, silent)
    assert left(tmp_path) == []


def test_without_a_network_the_error_says_which_file_to_put_where(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        pass
    with pytest.raises(DownloadError) as caught:
        fetch_file(download(closed), tmp_path, silent)
    said = str(caught.value)
    assert said.startswith("set.gz: expected 300,000 bytes from a mirror")
    assert "no connection" in said
    assert f"put the file in {tmp_path}" in said
    assert "\n" not in said
    assert left(tmp_path) == []


def test_loading_never_asks_a_server(server, data, cache, monkeypatch):
    monkeypatch.setitem(MNIST.downloads, "test", (download(server),))
    with pytest.raises(datasets.DatasetNotFoundError):
        datasets.load("mnist", "test")
    assert server.asked == []
    assert datasets.fetch("mnist", "test") == [cache / "mnist" / "set.gz"]
    assert len(server.asked) == 1
