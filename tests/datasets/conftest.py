"""Every test here looks for data in its own empty folders, unless it asks for the real ones."""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wdist_bench import datasets
from wdist_bench.datasets import cifar10, mnist, places


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The folder that WDIST_BENCH_DATA names."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("WDIST_BENCH_DATA", str(folder))
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder that WDIST_BENCH_CACHE names, not made yet."""
    monkeypatch.setenv("WDIST_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def _warn_again():
    places._said.clear()


@pytest.fixture(autouse=True)
def _forget_what_was_loaded():
    for remembered in (datasets.load, datasets.content):
        remembered.cache_clear()
    yield
    for remembered in (datasets.load, datasets.content):
        remembered.cache_clear()


@pytest.fixture
def publish(monkeypatch):
    """Declares the content of a file of MNIST or CIFAR-10 to be the published one."""

    def declare(name, content):
        if name in mnist._CONTENTS:
            monkeypatch.setitem(mnist._CONTENTS, name, hashlib.sha256(content).hexdigest())
        else:
            monkeypatch.setitem(cifar10._KNOWN, name, (hashlib.md5(content).hexdigest(),))

    return declare


@pytest.fixture
def real(cache):
    """Loads real images, or skips; what it decodes goes to a folder of the test."""

    def load(name, split):
        try:
            return datasets.load(name, split)
        except datasets.DatasetNotFoundError as error:
            pytest.skip(f"no {name} here: {error}")

    return load


class Handler(BaseHTTPRequestHandler):
    """One file under every path; the server says how it misbehaves."""

    def do_GET(self):
        server = self.server
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        server.asked.append(self.headers.get("Range"))
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(asked[1]) if asked and server.ranges else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            span = f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            self.send_header("Content-Range", span)
        if server.announces_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.stops_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that counts what it is asked."""
    monkeypatch.setenv("NO_PROXY", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.content, running.status, running.ranges = b"", 200, True
        running.announces_length, running.stops_after, running.asked = True, None, []
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()
