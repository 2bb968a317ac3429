"""Fetching a file: from the first mirror that answers, resumed, verified, or not kept at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

_TIMEOUT = 30  # seconds without a byte
_BLOCK = 2**16


class DownloadError(OSError):
    """A file could not be fetched; the message says which to put where."""


@dataclass(frozen=True)
class Download:
    """A file to fetch.

    Attributes:
        file: its name.
        mirrors: addresses of identical copies, tried in order.
        sha256: digest of the file.
        size: bytes.
    """

    file: str
    mirrors: tuple[str, ...]
    sha256: str
    size: int


def fetch_file(download: Download, folder: Path, progress: Callable[[int, int], None]) -> Path:
    """The verified file in `folder`; nothing is fetched where it is there already.

    An interrupted download leaves FILE.part, and the next call goes on from there. A file with
    another digest than the published one is not kept.

    Args:
        download: what to fetch.
        folder: where to put it.
        progress: called with the bytes here and the bytes in all.

    Raises:
        DownloadError: no mirror gave the file.
    """
    require_pooch(download.file)
    import pooch
    import requests

    resume = _Resume(download, folder / f"{download.file}.part", progress)
    reasons = []
    for url in download.mirrors:
        try:
            path = pooch.retrieve(
                url, f"sha256:{download.sha256}", download.file, folder, downloader=resume
            )
            return Path(path)
        except requests.RequestException as error:
            reasons.append(f"{url}: {_reason(error)}")
        except _NotWholeError as error:
            reasons.append(f"{url}: {error}")
        except ValueError:  # pooch has deleted what it refused
            reasons.append(f"{url}: the SHA-256 is not {download.sha256}, nothing was kept")
    raise DownloadError(
        f"{download.file}: expected {download.size:,} bytes from a mirror, got none that is right "
        f"({'; '.join(reasons)}); run the command again where there is a network, or put the file "
        f"in {folder}"
    )


def require_pooch(wanted: str) -> None:
    """Raises DownloadError where the package that fetches is not installed."""
    if find_spec("pooch") is None:
        raise DownloadError(
            f"{wanted}: expected pooch to fetch it, got no such package; install it with: "
            "pip install 'wdist-bench[bench]'"
        )


class _NotWholeError(Exception):
    """The connection ended early, or the mirror has a file of another size."""


@dataclass(frozen=True)
class _Resume:
    """A downloader for pooch that goes on where the last one stopped."""

    download: Download
    part: Path
    progress: Callable[[int, int], None]

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        size = self.download.size
        if self._have() > size:
            self.part.unlink()
        if self._have() < size:
            self._receive(url)
        if self._have() < size:
            raise _NotWholeError(f"interrupted after {self._have():,} bytes, which are kept")
        self.part.replace(output_file)

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _receive(self, url: str) -> None:
        import requests

        have = self._have()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink()  # the mirror's file is shorter than what is here
            answer.raise_for_status()
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            start = have if have and goes_on else 0
            offered = start + int(answer.headers.get("Content-Length", self.download.size - start))
            if offered != self.download.size:
                raise _NotWholeError(f"offers {offered:,} bytes")
            with self.part.open("ab" if start else "wb") as stream:
                self._write(answer, stream)

    def _write(self, answer: Any, stream: BinaryIO) -> None:
        """What comes before the connection ends; the length tells whether it was all."""
        import requests

        try:
            for block in answer.iter_content(_BLOCK):
                stream.write(block)
                self.progress(stream.tell(), self.download.size)
                if stream.tell() > self.download.size:
                    return
        except requests.RequestException:
            return


def _reason(error: Exception) -> str:
    """One line of an error of requests, which can be long and nested."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    words = {"ConnectionError": "no connection", "ConnectTimeout": "no connection"}
    return words.get(type(error).__name__, type(error).__name__)
